/*
 * module: what a service of the architecture declares: its routes, what it keeps in its context's
 * database, the kinds of jobs it runs, the events it publishes and consumes. src/app/modules.c is
 * the one list of them; the application opens them in that order and closes them in reverse.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/http/http.h"

struct blob_store;
struct bus_group;
struct bus_types;
struct db;
struct db_module;
struct http_route_table;
struct job_kind;
struct rpc_service;
struct pool;

/* Who may use a route: the numbering of http_route.role. */
enum role {
    ROLE_ANYONE,
    ROLE_ADMIN,
};

/* Who is asking: what the gateway leaves in http_request.context. */
struct caller {
    enum role role;
};
static inline bool caller_has(const struct http_request *request, enum role role)
{
    const struct caller *caller = request->context;
    return caller && caller->role >= role;
}
/* For a handler whose answer depends on it; routes that are closed altogether say so in their
 * table. */
static inline enum err require_role(const struct http_request *request, enum role role)
{
    if (caller_has(request, role))
        return OK;
    return err_set(ERR_UNAUTHENTICATED, "admin-key-required", "this needs the administrator's key");
}

/* What the application gives a module. All of it outlives the module. */
struct module_env {
    struct db *db; /* of the module's context */
    struct blob_store *blobs;
    struct jobs *jobs;       /* the context's queue; NULL where none runs */
    struct pool *files;      /* for blocking work on files that a request waits for */
    struct pool *background; /* for the same that none waits for; gives way to it */
    struct pool *children;   /* for await_child() */
    const char *data_folder;
    uint64_t disk_reserve_bytes; /* nothing large is written once less is free */
};

struct module {
    const char *name;
    const char *context;                   /* "content", "people", "commerce", "outreach" */
    const struct db_module *sql;           /* NULL: keeps nothing */
    const struct http_route_table *routes; /* NULL: none */
    const struct rpc_service *calls;       /* what other contexts may ask it; NULL: nothing */
    const struct job_kind *job_kinds;      /* what it runs from the context's queue */
    unsigned job_kinds_count;
    const struct bus_types *events;        /* what it publishes; NULL: nothing */
    const struct bus_group *const *groups; /* what it consumes, into its context's database */
    unsigned groups_count;
    bool named_only; /* served only where it is named, and else not there at all */
    enum err (*open)(const struct module_env *env);
    void (*close)(void);
};
