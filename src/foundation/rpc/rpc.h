/*
 * rpc: typed calls between contexts. A context declares its calls in a table: name, field tables of
 * question and answer, function. Where the context runs in this process a call is a call of that
 * function on the caller's structs, in the caller's task; where it does not, it is gRPC over HTTP/2
 * (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md) with protobuf from the same tables. Results, errors
 * and the deadline are the same either way.
 */
#pragma once

#include "foundation/http/http_route.h"
#include "foundation/shape/shape.h"
#include "foundation/task/task.h"

struct client;
struct buf;

enum { RPC_MESSAGE_BYTES_MAX = 4 << 20 };

struct rpc_method {
    const char *name; /* "TitleGet" */
    const struct shape *in, *out;
    /*
     * *out is zeroed; what it points to is in task_arena() or in `in`. Both structs are the
     * caller's where the context runs here, so they are not kept.
     */
    TASK_FN enum err (*fn)(const void *in, void *out);
    const char *summary; /* one sentence, for the .proto file */
    span timeout;        /* at most; 0: the caller's deadline alone */
    bool repeatable;     /* may be sent again when it is not known whether it was done */
    bool open;           /* no service key is asked for */
};

struct rpc_service {
    const char *package; /* "kinobezdna.content.v1": the version is for what cannot be compatible */
    const char *name;    /* "Catalog" */
    const struct rpc_method *methods;
    unsigned methods_count;
};

/* Stops the process when the table or one of its shapes is malformed (proto_check). At the start.
 */
void rpc_service_check(const struct rpc_service *service);

/* --- Calling --------------------------------------------------------------------------------- */

struct rpc_remote;

/* Where a service is: in this process, or at a remote's. */
struct rpc_target {
    const struct rpc_service *service;
    struct rpc_remote *remote; /* NULL: here */
};

/*
 * Calls a method of the target's service. *out is zeroed first, and filled on success; what it
 * points to is in task_arena(). Whatever fn returns is returned, with its slug and sentence.
 *
 * Of a remote also: ERR_UNAVAILABLE "breaker-open" (it has failed again and again; asked again
 * later), or what client.h says when it cannot be reached; ERR_CORRUPT "bad-answer".
 */
TASK_FN enum err rpc_call(const struct rpc_target *target, const struct rpc_method *method,
                          const void *in, void *out);

/*
 * A typed function for a method: RPC_CALL(catalog_title_get, catalog_service, 0, struct title_ask,
 * struct title) makes
 *     enum err catalog_title_get(const struct rpc_target *, const struct title_ask *, struct title
 * *).
 */
/* NOLINTBEGIN(bugprone-macro-parentheses): types cannot have them */
#define RPC_CALL(name, service_table, index, in_type, out_type)                                    \
    TASK_FN static inline enum err name(const struct rpc_target *target, const in_type *in,        \
                                        out_type *out)                                             \
    {                                                                                              \
        return rpc_call(target, &(service_table).methods[index], in, out);                         \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

/* A zero takes the default. */
struct rpc_remote_settings {
    struct client *client;     /* of the loop; outlives the remote */
    str url;                   /* "http://127.0.0.1:9000", "https://content.internal" */
    str key;                   /* the service key; empty: none */
    unsigned breaker_failures; /* in a row, until calls are refused without being tried; 5 */
    span breaker_pause;        /* until one is tried again; 1 s */
    unsigned attempts_max;     /* of one call; 3 */
};

/* On the loop of the client, which is where it is used. Texts are copied. */
void rpc_remote_open(const struct rpc_remote_settings *settings, struct rpc_remote **out_remote);
/* No call may be in progress. */
void rpc_remote_close(struct rpc_remote *remote);

struct rpc_remote_stats {
    uint64_t calls, failed, retried, refused; /* refused: by the open breaker */
    bool breaker_open;
};
struct rpc_remote_stats rpc_remote_stats(const struct rpc_remote *remote);

/* Asks its health service (grpc.health.v1) about a service; "" stands for the whole process. */
TASK_FN enum err rpc_remote_is_serving(struct rpc_remote *remote, str service, bool *out_serving);

/* --- Answering ------------------------------------------------------------------------------- */

struct rpc_server;

/*
 * Routes for the services and for grpc.health.v1.Health, to be served by an http_server of its own
 * router. `key` (copied): what callers must show; empty: nothing. The services outlive the server.
 */
void rpc_server_open(const struct rpc_service *const *services, unsigned count, str key,
                     struct rpc_server **out_server);
/* After the http_server. */
void rpc_server_close(struct rpc_server *server);
/* For http_router_open(). */
struct http_route_table rpc_server_routes(const struct rpc_server *server);
/* What the health service says from now on; it begins with true. Any thread. */
void rpc_server_serving(struct rpc_server *server, bool serving);

/* --- Traces ---------------------------------------------------------------------------------- */

/* W3C Trace Context: "00-<32 hex digits>-<16>-<2>". */
enum { RPC_TRACE_BYTES = 55 };
/*
 * The traceparent the running task works under: what came with the call it answers, or what
 * rpc_trace_set() says; empty: none, and its calls begin a trace of their own.
 */
str rpc_trace(void);
/*
 * Until the running task ends. Malformed text is ignored, as the standard wants. The text is copied
 * to its arena.
 */
void rpc_trace_set(str traceparent);

/* --- Documents ------------------------------------------------------------------------------- */

/* The .proto file (proto3) of one package: all given services must be of it. */
void rpc_write_proto(struct buf *out, const struct rpc_service *const *services, unsigned count);

/* grpc.health.v1.Health, as every server answers it. */
extern const struct rpc_service rpc_health_service;
