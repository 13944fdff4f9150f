/* rpc_server: the routes of services, and what becomes of a request to one. */
#include "rpc_impl.h"

#include "foundation/mem/heap.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 16 << 20 };

/* What a route's handler finds behind it. */
struct entry {
    const struct rpc_server *server;
    const struct rpc_service *service;
    const struct rpc_method *method;
};

struct rpc_server {
    struct arena arena;
    char *key;
    size_t key_len;
    _Atomic bool serving;
    const struct rpc_service *const *services;
    unsigned services_count;
    struct http_route *routes;
    unsigned routes_count;
};

/* --- Answers -------------------------------------------------------------------------------- */

/* gRPC's failures are "trailers-only": a head that is all there is, with status 200. */
static enum err reply_failure(struct http_request *request, struct http_response *response,
                              enum err code)
{
    const struct err_slot *slot = err_slot();
    const struct err_info *info = err_info(code);
    char number[8];
    int len = snprintf(number, sizeof(number), "%u", info->grpc_status);
    struct arena *arena = request->arena;
    http_reply_memory(response, rpc_content_type, STR(""));
    TRY(http_header_add(response, rpc_status_field,
                        arena_str(arena, (str){ number, (size_t)len })));
    TRY(http_header_add(response, rpc_message_field,
                        rpc_message_encode(arena, str_of(slot->text))));
    TRY(http_header_add(response, rpc_code_field, str_of(info->slug)));
    return http_header_add(response, rpc_slug_field, arena_str(arena, str_of(slot->slug)));
}

static enum err reply(struct http_request *request, struct http_response *response,
                      const struct rpc_method *method, const void *out)
{
    static const struct http_field done[] = { { STR_INIT("grpc-status"), STR_INIT("0") } };
    str frame;
    TRY(rpc_frame_encode(request->arena, method->out, out, &frame));
    http_reply_memory(response, rpc_content_type, frame);
    response->trailers = done;
    response->trailers_count = ARRAY_LEN(done);
    return OK;
}

/* --- Requests ------------------------------------------------------------------------------- */

static enum err admit(const struct http_request *request, const struct entry *entry)
{
    const struct rpc_server *server = entry->server;
    str key = http_header_find(request, rpc_key_field);
    bool known = str_eq_secret(key, (str){ server->key, server->key_len });
    if (server->key_len && !entry->method->open && !known)
        return err_set(ERR_UNAUTHENTICATED, "service-key-required",
                       "this call needs the service key");
    return OK;
}

static void deadline_take(const struct http_request *request, const struct rpc_method *method)
{
    span timeout;
    if (rpc_timeout_parse(http_header_find(request, STR("grpc-timeout")), &timeout))
        task_deadline_narrow(timeout);
    if (method->timeout)
        task_deadline_narrow(method->timeout);
}

static TASK_FN enum err answer(struct http_request *request, struct http_response *response,
                               const struct entry *entry)
{
    const struct rpc_method *method = entry->method;
    void *in = arena_zalloc(request->arena, 1, method->in->size_bytes);
    void *out = arena_zalloc(request->arena, 1, method->out->size_bytes);
    TRY(admit(request, entry));
    if (!str_starts(http_header_find(request, STR("content-type")), rpc_content_type))
        return err_set(ERR_INVALID, "bad-content-type", "a call of gRPC is application/grpc");
    TRY(rpc_frame_decode(request->arena, method->in, request->body, in));
    deadline_take(request, method);
    rpc_trace_set(http_header_find(request, STR("traceparent")));
    TRY(method->fn(in, out));
    return reply(request, response, method, out);
}

static enum err on_call(struct http_request *request, struct http_response *response)
{
    enum err err = answer(request, response, request->route->owner);
    return err == OK ? OK : reply_failure(request, response, err);
}

/* --- Health (github.com/grpc/grpc, doc/health-checking.md) ------------------------------------ */

enum serving { SERVING_UNKNOWN, SERVING_YES, SERVING_NO };
SHAPE_ENUM(serving_status, [SERVING_UNKNOWN] = STR_INIT("UNKNOWN"),
           [SERVING_YES] = STR_INIT("SERVING"), [SERVING_NO] = STR_INIT("NOT_SERVING"));

struct health_check_request {
    str service;
};
struct health_check_response {
    enum serving status;
};
SHAPE(health_check_request, struct health_check_request,
      FIELD(struct health_check_request, service, .proto = 1));
SHAPE(health_check_response, struct health_check_response,
      FIELD_ENUM(struct health_check_response, status, serving_status, .proto = 1));

static bool health_knows(const struct rpc_server *server, str name)
{
    char full[256];
    for (unsigned i = 0; i < server->services_count; i++) {
        snprintf(full, sizeof(full), "%s.%s", server->services[i]->package,
                 server->services[i]->name);
        if (str_eq(name, str_of(full)))
            return true;
    }
    return name.len == 0;
}

static enum err health_answer(const struct rpc_server *server,
                              const struct health_check_request *in,
                              struct health_check_response *out)
{
    if (!health_knows(server, in->service))
        return err_set(ERR_NOT_FOUND, "unknown-service", "there is no service \"%.*s\" here",
                       STR_ARG(str_head_utf8(in->service, 100)));
    out->status = atomic_load(&server->serving) ? SERVING_YES : SERVING_NO;
    return OK;
}

/* Which server is asked is known by the route, not by the call: see on_health(). */
static enum err health_nowhere(const void *in, void *out)
{
    (void)in, (void)out;
    return err_set(ERR_METHOD, "no-server", "health is asked of a server");
}

static const struct rpc_method health_methods[] = {
    { "Check", &health_check_request, &health_check_response, health_nowhere,
      "Whether a service, or the whole process (an empty name), takes calls.", .repeatable = true,
      .open = true },
};
const struct rpc_service rpc_health_service = { "grpc.health.v1", "Health", health_methods,
                                                ARRAY_LEN(health_methods) };

static enum err on_health(struct http_request *request, struct http_response *response)
{
    const struct entry *entry = request->route->owner;
    struct health_check_request in;
    struct health_check_response out = { 0 };
    enum err err = rpc_frame_decode(request->arena, &health_check_request, request->body, &in);
    if (err == OK)
        err = health_answer(entry->server, &in, &out);
    if (err == OK)
        err = reply(request, response, entry->method, &out);
    return err == OK ? OK : reply_failure(request, response, err);
}

enum err rpc_remote_is_serving(struct rpc_remote *remote, str service, bool *out_serving)
{
    const struct rpc_target target = { &rpc_health_service, remote };
    struct health_check_request in = { service };
    struct health_check_response out;
    TRY(rpc_call(&target, &health_methods[0], &in, &out));
    *out_serving = out.status == SERVING_YES;
    return OK;
}

/* --- The table ------------------------------------------------------------------------------ */

static void route_add(struct rpc_server *server, const struct rpc_service *service,
                      const struct rpc_method *method, http_handler handler)
{
    struct entry *entry = ARENA_NEW(&server->arena, struct entry);
    *entry = (struct entry){ server, service, method };
    server->routes[server->routes_count++] = (struct http_route){
        .method = METHOD_POST,
        .pattern = rpc_path(&server->arena, service, method).ptr,
        .handler = handler,
        .summary = method->summary,
        .body_bytes_max = RPC_MESSAGE_BYTES_MAX + RPC_PREFIX_BYTES,
        .arena_bytes_max = ARENA_BYTES_MAX,
        .flags = ROUTE_HIDDEN,
        .owner = entry,
    };
}

void rpc_server_open(const struct rpc_service *const *services, unsigned count, str key,
                     struct rpc_server **out_server)
{
    struct rpc_server *server = HEAP_NEW(struct rpc_server);
    unsigned methods = rpc_health_service.methods_count;
    arena_init(&server->arena, MIB(4));
    for (unsigned i = 0; i < count; i++)
        methods += services[i]->methods_count;
    server->services = services;
    server->services_count = count;
    server->key = arena_cstr(&server->arena, key);
    server->key_len = key.len;
    server->routes = ARENA_ARRAY(&server->arena, methods, struct http_route);
    atomic_store(&server->serving, true);
    for (unsigned i = 0; i < count; i++) {
        rpc_service_check(services[i]);
        for (unsigned m = 0; m < services[i]->methods_count; m++)
            route_add(server, services[i], &services[i]->methods[m], on_call);
    }
    route_add(server, &rpc_health_service, &health_methods[0], on_health);
    *out_server = server;
}

void rpc_server_close(struct rpc_server *server)
{
    arena_deinit(&server->arena);
    heap_free(server);
}

struct http_route_table rpc_server_routes(const struct rpc_server *server)
{
    return (struct http_route_table){ server->routes, server->routes_count };
}

void rpc_server_serving(struct rpc_server *server, bool serving)
{
    atomic_store(&server->serving, serving);
}
