/*
 * gateway: the edge. It puts the modules' routes together, decides who may use them, answers what
 * belongs to the program rather than to a domain (health, metrics, documents, the web interface),
 * and leaves a line and a count for every request. It knows modules by their descriptors only.
 */
#pragma once

#include "domains/module/module.h"
#include "foundation/base/embedded.h"
#include "foundation/http/http_cors.h"
#include "foundation/http/http_forwarded.h"
#include "foundation/http/http_route.h"
#include "foundation/http/http_server.h"
#include "foundation/mem/buf.h"

enum { GATEWAY_MODULES_MAX = 32, GATEWAY_CHECKS_MAX = 32 };

/* One dependency, for /readyz and the admin's health page. */
struct gateway_check {
    const char *name; /* "content.db" */
    /* Writes a word of detail (may be empty); false: not well. May suspend; quick. */
    bool (*look)(void *arg, struct buf *detail);
    void *arg;
    bool required; /* without it the program is not ready */
};

struct gateway_settings {
    const struct module *const *modules;
    unsigned modules_count;
    /* Modules whose routes are known but served by other processes: they answer 421. */
    const struct module *const *elsewhere;
    unsigned elsewhere_count;
    const struct embedded_set *site; /* the web interface; empty: built without it */
    const char *version;
    const char *key_folder; /* of the administrator's key */
    const struct gateway_check *checks;
    unsigned checks_count;
    bool log_requests;
    struct http_cors cors;   /* other origins whose pages may read answers */
    struct http_trust trust; /* proxies whose word is taken for who asks */
};

struct gateway;

/*
 * Composes the routes and reads the administrator's key (made on first use, see access.h). Errors
 * are those of http_router_open() and of reading the data folder.
 */
enum err gateway_open(const struct gateway_settings *settings, struct gateway **out_gateway);
void gateway_close(struct gateway *gateway);
/* From now on /startupz says 200: every loop serves. Any thread. */
void gateway_started(struct gateway *gateway);
/* From now on /readyz says 503: the program is about to stop. Any thread. */
void gateway_drain(struct gateway *gateway);

/* What every loop's server is opened with: router, hooks, owner. */
void gateway_server_settings(struct gateway *gateway, struct http_server_settings *out_settings);

/* The documents printed from the tables, for the command line too. */
void gateway_write_openapi(const struct gateway_settings *settings, struct buf *out);
void gateway_write_asyncapi(const struct gateway_settings *settings, struct buf *out);
void gateway_write_event_types(const struct gateway_settings *settings, struct buf *out);
void gateway_write_routes(const struct gateway_settings *settings, struct buf *out);
void gateway_write_routes_json(const struct gateway_settings *settings, struct buf *out);
