/*
 * gateway: the hooks around every request and the answers of the program itself. A request costs it
 * one look at its headers (who is it?), one counter, one observation and, where asked for, one log
 * line.
 */
#include "gateway.h"

#include "access.h"
#include "asyncapi.h"
#include "meters.h"
#include "openapi.h"
#include "site.h"

#include "domains/module/answers.h"
#include "foundation/compress/compress.h"
#include "foundation/http/http_coding.h"
#include "foundation/json/json.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/metric/metric.h"
#include "foundation/shape/shape.h"
#include "foundation/trace/trace.h"

#include <stdatomic.h>
#include <stdio.h>

enum { METRICS_BYTES_MAX = 2 << 20 };

/* Written once, and compressed once. */
struct document {
    struct bytes *text[HTTP_CODING_COUNT];
    char etag[24];
};

struct gateway {
    struct gateway_settings settings;
    struct access *access;
    struct http_router *router;
    struct http_route *elsewhere; /* routes other processes serve */
    struct document openapi, asyncapi;
    _Atomic bool started, draining;
    _Atomic int64_t exhausted_said_s; /* when the log heard of something full */
};

/* One program has one gateway; handlers reach it here. */
static struct gateway *the_gateway;

/*
 * An answer its row says nothing of is a bug. Looked for in builds with sanitizers, which the
 * scenarios run against; elsewhere it would cost every request some nanoseconds and help nobody.
 */
static void check_declared(const struct http_request *request, unsigned status)
{
#ifdef KB_SANITIZED
    const struct http_route *route = request->route;
    if (route && !(route->flags & ROUTE_HIDDEN) && !answers_allow(route, status))
        PANIC("%s %s answered %u, which its row does not name", http_method_name(route->method).ptr,
              route->pattern, status);
#else
    (void)request, (void)status;
#endif
}

static void log_request(const struct http_request *request, const struct http_outcome *outcome)
{
    log_info("http", "request", LOG_STR("method", http_method_name(request->method)),
             LOG_STR("path", request->path), LOG_INT("status", outcome->status),
             LOG_INT("bytes", outcome->sent_bytes), LOG_SPAN("took_s", outcome->took),
             LOG_BOOL("aborted", outcome->aborted));
}

static void after(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    struct gateway *gateway = owner;
    (void)response;
    meters_count(request, outcome);
    check_declared(request, outcome->status);
    struct trace_span *outer = request->trace ? trace_use(request->trace) : NULL;
    if (gateway->settings.log_requests)
        log_request(request, outcome);
    if (request->trace) {
        meters_trace_end(request, outcome);
        trace_use(outer);
    }
}

/* One line a second: under load, thousands of requests fail alike. */
static bool is_news(struct gateway *gateway)
{
    int64_t now_s = clock_mono() / SECONDS(1);
    return atomic_exchange(&gateway->exhausted_said_s, now_s) != now_s;
}

/* What a client did wrong is told to the client; what went wrong here is for the log. */
static void failed(void *owner, const struct http_request *request, enum err err)
{
    if (err_info(err)->http_status < 500 || (err == ERR_EXHAUSTED && !is_news(owner)))
        return;
    struct trace_span *outer = request->trace ? trace_use(request->trace) : NULL;
    log_failure("http", "a request failed", err,
                LOG_STR("method", http_method_name(request->method)),
                LOG_STR("path", request->path));
    if (request->trace)
        trace_use(outer);
}

/* --- Who may -------------------------------------------------------------------------------- */

static bool changes(enum http_method method)
{
    return method != METHOD_GET && method != METHOD_HEAD && method != METHOD_OPTIONS;
}

static enum err slow_down(struct http_request *request, struct http_response *response,
                          int64_t retry_s)
{
    http_reply_problem(request, response, 429, "too-many-keys",
                       "too many wrong keys came from this address; wait before the next");
    return http_header_add(response, STR("Retry-After"),
                           arena_printf(request->arena, "%lld", (long long)retry_s));
}

static enum err before(void *owner, struct http_request *request, struct http_response *response)
{
    static struct caller anyone = { ROLE_ANYONE }, admin = { ROLE_ADMIN };
    struct gateway *gateway = owner;
    if (trace_on())
        meters_trace_begin(request);
    if (gateway->settings.trust.count)
        http_forwarded_apply(&gateway->settings.trust, request);
    unsigned needed = request->route ? request->route->role : ROLE_ANYONE;
    request->context = &anyone;
    if (access_is_admin(gateway->access, request))
        request->context = &admin;
    if (changes(request->method) && !access_origin_ok(request, &gateway->settings.cors))
        return err_set(ERR_FORBIDDEN, "wrong-origin",
                       "a change must come from this site's own pages");
    if (needed == ROLE_ANYONE || caller_has(request, (enum role)needed))
        return OK;
    int64_t retry_s = access_wait_s(gateway->access, request);
    return retry_s > 0 ? slow_down(request, response, retry_s)
                       : require_role(request, (enum role)needed);
}

/* --- The session ---------------------------------------------------------------------------- */

struct session_body {
    str key;
};
SHAPE(session_post_shape, struct session_body,
      FIELD(struct session_body, key, .required = true, .min = 1, .max = 100));
struct session {
    bool admin;
};
SHAPE(session_shape, struct session, FIELD(struct session, admin));

static enum err on_session_post(struct http_request *request, struct http_response *response)
{
    struct session_body body;
    str value;
    int64_t retry_s = 0;
    TRY(shape_parse_json(request->arena, &session_post_shape, request->body, &body));
    enum err result = access_session_make(the_gateway->access, request, body.key, &value, &retry_s);
    if (result == ERR_RATE_LIMITED)
        return slow_down(request, response, retry_s);
    TRY(result);
    http_reply_status(response, 204);
    response->cache_control = STR("no-store");
    return http_header_add(response, STR("Set-Cookie"),
                           arena_printf(request->arena,
                                        "kb_session=%.*s; Path=/; HttpOnly; SameSite=Strict; "
                                        "Max-Age=604800%s",
                                        STR_ARG(value), request->secure ? "; Secure" : ""));
}

static enum err on_session_get(struct http_request *request, struct http_response *response)
{
    http_reply_memory(response, STR("application/json"),
                      caller_has(request, ROLE_ADMIN) ? STR("{\"admin\":true}")
                                                      : STR("{\"admin\":false}"));
    response->cache_control = STR("no-store");
    return OK;
}

static enum err on_session_delete(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_status(response, 204);
    return http_header_add(response, STR("Set-Cookie"),
                           STR("kb_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
}

/* --- Health and documents ------------------------------------------------------------------- */

static enum err on_livez(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("text/plain; charset=utf-8"), STR("ok\n"));
    response->cache_control = STR("no-store");
    return OK;
}

static enum err on_startupz(struct http_request *request, struct http_response *response)
{
    bool started = atomic_load(&the_gateway->started);
    (void)request;
    http_reply_memory(response, STR("text/plain; charset=utf-8"),
                      started ? STR("started\n") : STR("starting\n"));
    response->status = started ? 200 : 503;
    response->cache_control = STR("no-store");
    return OK;
}

static enum err on_readyz(struct http_request *request, struct http_response *response)
{
    const struct gateway_settings *settings = &the_gateway->settings;
    bool ready = !atomic_load(&the_gateway->draining);
    struct buf buf;
    buf_init(&buf, request->arena, KIB(16));
    if (!ready)
        buf_put(&buf, STR("draining\n"));
    for (unsigned i = 0; i < settings->checks_count; i++) {
        const struct gateway_check *check = &settings->checks[i];
        struct buf detail;
        buf_init(&detail, request->arena, KIB(1));
        bool well = check->look(check->arg, &detail);
        buf_printf(&buf, "%s %s%s%.*s\n", check->name,
                   well              ? "ok"
                   : check->required ? "failed"
                                     : "missing",
                   detail.len ? ": " : "", STR_ARG(buf_str(&detail)));
        ready = ready && (well || !check->required);
    }
    http_reply_memory(response, STR("text/plain; charset=utf-8"), buf_str(&buf));
    response->status = ready ? 200 : 503;
    response->cache_control = STR("no-store");
    return OK;
}

static enum err on_metrics(struct http_request *request, struct http_response *response)
{
    struct buf buf;
    buf_init(&buf, request->arena, METRICS_BYTES_MAX);
    metric_write(&buf);
    http_reply_memory(response, STR(METRIC_TYPE), buf_str(&buf));
    response->cache_control = STR("no-store");
    return buf.overflowed ? err_set(ERR_EXHAUSTED, NULL, "too many metrics") : OK;
}

static enum err document_answer(const struct document *document, struct http_request *request,
                                struct http_response *response)
{
    struct http_coded coded = { .type = STR("application/json"),
                                .etag = str_of(document->etag),
                                .vary = STR("Accept-Encoding") };
    for (int i = 0; i < HTTP_CODING_COUNT; i++)
        if (document->text[i])
            coded.text[i] = bytes_str(document->text[i]);
    response->cache_control = STR("no-cache");
    return http_reply_coded(request, response, &coded);
}

static enum err on_openapi(struct http_request *request, struct http_response *response)
{
    return document_answer(&the_gateway->openapi, request, response);
}

static enum err on_asyncapi(struct http_request *request, struct http_response *response)
{
    return document_answer(&the_gateway->asyncapi, request, response);
}

static enum err on_site(struct http_request *request, struct http_response *response)
{
    return site_answer(the_gateway->settings.site, request, response);
}

static const struct http_route own_routes[] = {
    { METHOD_POST, "/v1/session", on_session_post, "Exchange the administrator's key for a cookie",
      .in = &session_post_shape, .body_bytes_max = 1024, .answers = ANSWERS_401 | ANSWERS_429 },
    { METHOD_GET, "/v1/session", on_session_get, "Is this the administrator?",
      .out = &session_shape },
    { METHOD_DELETE, "/v1/session", on_session_delete, "Sign out" },
    { METHOD_GET, "/livez", on_livez, "Is the process alive?", .media_types = "text/plain",
      .flags = ROUTE_INLINE | ROUTE_VITAL },
    { METHOD_GET, "/startupz", on_startupz, "Has it started? 503: the data is being opened",
      .media_types = "text/plain", .flags = ROUTE_INLINE | ROUTE_VITAL },
    { METHOD_GET, "/readyz", on_readyz, "Can it serve? A line a dependency; 503: no",
      .media_types = "text/plain", .flags = ROUTE_VITAL },
    { METHOD_GET, "/metrics", on_metrics, "Metrics for Prometheus", .media_types = "text/plain",
      .arena_bytes_max = (size_t)3 * METRICS_BYTES_MAX, .flags = ROUTE_VITAL },
    { METHOD_GET, "/openapi.json", on_openapi, "This document", .media_types = "application/json",
      .answers = ANSWERS_304 },
    { METHOD_GET, "/asyncapi.json", on_asyncapi, "The AsyncAPI document of the events",
      .media_types = "application/json", .answers = ANSWERS_304 },
    { METHOD_GET, "/{path*}", on_site, .flags = ROUTE_HIDDEN | ROUTE_INLINE },
};
static const struct http_route_table own_table = { own_routes, ARRAY_LEN(own_routes) };

/* --- Life ----------------------------------------------------------------------------------- */

void gateway_write_openapi(const struct gateway_settings *settings, struct buf *out)
{
    openapi_write(settings, &own_table, out);
}

void gateway_write_asyncapi(const struct gateway_settings *settings, struct buf *out)
{
    asyncapi_write(settings, out);
}

void gateway_write_event_types(const struct gateway_settings *settings, struct buf *out)
{
    asyncapi_write_types(settings, out);
}

static void write_table(struct buf *out, const char *module, const struct http_route_table *table)
{
    for (size_t i = 0; table && i < table->count; i++) {
        const struct http_route *route = &table->routes[i];
        buf_printf(out, "%-7.*s %-36s %-10s %-7s %s\n", STR_ARG(http_method_name(route->method)),
                   route->pattern, module, route->role == ROLE_ADMIN ? "admin" : "anyone",
                   route->summary ? route->summary : "");
    }
}

void gateway_write_routes(const struct gateway_settings *settings, struct buf *out)
{
    write_table(out, "gateway", &own_table);
    for (unsigned i = 0; i < settings->modules_count; i++)
        write_table(out, settings->modules[i]->name, settings->modules[i]->routes);
}

static void table_json(struct buf *out, const char *module, const struct http_route_table *table)
{
    for (size_t i = 0; table && i < table->count; i++) {
        const struct http_route *route = &table->routes[i];
        json_object_begin(out);
        json_put_key(out, STR("method"));
        json_put_string(out, http_method_name(route->method));
        json_put_key(out, STR("path"));
        json_put_string(out, str_of(route->pattern));
        json_put_key(out, STR("module"));
        json_put_string(out, str_of(module));
        json_put_key(out, STR("role"));
        json_put_string(out, route->role == ROLE_ADMIN ? STR("admin") : STR("anyone"));
        json_put_key(out, STR("summary"));
        json_put_string(out, str_of(route->summary ? route->summary : ""));
        json_object_end(out);
    }
}

void gateway_write_routes_json(const struct gateway_settings *settings, struct buf *out)
{
    json_object_begin(out);
    json_put_key(out, STR("items"));
    json_array_begin(out);
    table_json(out, "gateway", &own_table);
    for (unsigned i = 0; i < settings->modules_count; i++)
        table_json(out, settings->modules[i]->name, settings->modules[i]->routes);
    json_array_end(out);
    json_object_end(out);
    buf_put_char(out, '\n');
}

/* RFC 9110, section 15.5.20. */
static enum err on_elsewhere(struct http_request *request, struct http_response *response)
{
    http_reply_problem(request, response, 421, "served-elsewhere",
                       "another process of this cinema serves this address");
    return OK;
}

/* The same addresses, answered by nobody's handler: no body is read, nobody is asked who they are.
 */
static struct http_route_table elsewhere_table(struct gateway *gateway)
{
    size_t count = 0, all = 0;
    const struct gateway_settings *settings = &gateway->settings;
    for (unsigned i = 0; i < settings->elsewhere_count; i++)
        all += settings->elsewhere[i]->routes ? settings->elsewhere[i]->routes->count : 0;
    gateway->elsewhere = HEAP_ARRAY(all + 1, struct http_route);
    for (unsigned i = 0; i < settings->elsewhere_count; i++) {
        const struct http_route_table *table = settings->elsewhere[i]->routes;
        for (size_t k = 0; table && k < table->count; k++)
            gateway->elsewhere[count++] =
                (struct http_route){ table->routes[k].method, table->routes[k].pattern,
                                     on_elsewhere, .flags = ROUTE_HIDDEN | ROUTE_INLINE };
    }
    return (struct http_route_table){ gateway->elsewhere, count };
}

static enum err compose(struct gateway *gateway)
{
    struct http_route_table tables[GATEWAY_MODULES_MAX + 2] = { own_table };
    size_t count = 1;
    ASSERT(gateway->settings.modules_count <= GATEWAY_MODULES_MAX);
    for (unsigned i = 0; i < gateway->settings.modules_count; i++)
        if (gateway->settings.modules[i]->routes)
            tables[count++] = *gateway->settings.modules[i]->routes;
    meters_open(tables, count); /* which keeps them; what is elsewhere goes with the gateway */
    tables[count++] = elsewhere_table(gateway);
    return http_router_open(tables, count, &gateway->router);
}

static void document_keep(struct document *document, const struct gateway_settings *settings,
                          void (*write)(const struct gateway_settings *, struct buf *))
{
    struct buf buf;
    buf_init(&buf, NULL, MIB(4));
    write(settings, &buf);
    str text = buf_str(&buf);
    document->text[HTTP_IDENTITY] = bytes_of(text);
    document->text[HTTP_GZIP] = compress_bytes(COMPRESS_GZIP, COMPRESS_QUICK, text);
    document->text[HTTP_BROTLI] = compress_bytes(COMPRESS_BROTLI, COMPRESS_QUICK, text);
    snprintf(document->etag, sizeof(document->etag), "\"%016llx\"",
             (unsigned long long)str_hash(text));
    buf_deinit(&buf);
}

static void document_drop(struct document *document)
{
    for (int i = 0; i < HTTP_CODING_COUNT; i++)
        bytes_release(document->text[i]);
}

enum err gateway_open(const struct gateway_settings *settings, struct gateway **out_gateway)
{
    struct gateway *gateway = HEAP_NEW(struct gateway);
    gateway->settings = *settings;
    enum err result = compose(gateway);
    if (result == OK)
        result = access_open(settings->key_folder, &gateway->access);
    if (result != OK) {
        if (gateway->router)
            http_router_close(gateway->router);
        heap_free(gateway->elsewhere);
        heap_free(gateway);
        return result;
    }
    document_keep(&gateway->openapi, settings, gateway_write_openapi);
    document_keep(&gateway->asyncapi, settings, gateway_write_asyncapi);
    metric_register(&metric_process);
    the_gateway = gateway;
    *out_gateway = gateway;
    return OK;
}

void gateway_close(struct gateway *gateway)
{
    the_gateway = NULL;
    http_router_close(gateway->router);
    access_close(gateway->access);
    document_drop(&gateway->openapi);
    document_drop(&gateway->asyncapi);
    heap_free(gateway->elsewhere);
    heap_free(gateway);
}

void gateway_started(struct gateway *gateway)
{
    atomic_store(&gateway->started, true);
}

void gateway_drain(struct gateway *gateway)
{
    atomic_store(&gateway->draining, true);
}

void gateway_server_settings(struct gateway *gateway, struct http_server_settings *out_settings)
{
    *out_settings = (struct http_server_settings){ .router = gateway->router,
                                                   .owner = gateway,
                                                   .cors = &gateway->settings.cors,
                                                   .trust = &gateway->settings.trust,
                                                   .nosniff = STR("nosniff"),
                                                   .before = before,
                                                   .after = after,
                                                   .failed = failed };
}
