/*
 * http_exchange: one request and its answer. Exchanges are recycled with their arenas, so that a
 * request whose handler does not suspend costs no heap call once the loop is warm.
 */
#include "http2.h"
#include "http_conn.h"

#include "foundation/mem/heap.h"
#include "foundation/trace/trace.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

enum { EXCHANGES_FREE_MAX = 256, ARENA_BYTES = 1 << 20, BODY_BYTES = 1 << 20 };
/* What logs call a request whose client went before there was an answer (nginx's number). */
enum { STATUS_UNANSWERED = 499 };
/* Added to an arena's limit for the answer that says it was reached. */
enum { ARENA_RESERVE_BYTES = 8 << 10 };

struct http_exchange *exchange_take(struct conn *conn)
{
    struct http_server *server = conn->server;
    struct http_exchange *exchange = server->exchanges_free;
    if (exchange) {
        server->exchanges_free = exchange->next_free;
        server->exchanges_free_count--;
    } else {
        exchange = HEAP_NEW(struct http_exchange);
        arena_init(&exchange->arena, ARENA_BYTES);
        exchange->arena.budget = &server->budget;
    }
    /* The arrays at the ends of request and response are written before they are read. */
    memset(&exchange->request, 0, offsetof(struct http_request, params));
    memset(&exchange->response, 0, offsetof(struct http_response, fields));
    memset(&exchange->phase, 0,
           offsetof(struct http_exchange, warm) - offsetof(struct http_exchange, phase));
    exchange->arena.size_bytes_max = ARENA_BYTES;
    exchange->response.modified = INSTANT_NEVER;
    exchange->request.arena = &exchange->arena;
    exchange->request.peer = conn->peer;
    exchange->request.secure = conn->entry == HTTP_ENTRY_TLS;
    exchange->request.received_at = conn->http2 ? conn->http2->turn_at : clock_mono();
    exchange->conn = conn;
    conn->server->stats.requests++;
    return exchange;
}

void exchange_end(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    struct http_server *server = conn->server;
    if (exchange->response.body.stream)
        stream_abandon(exchange->response.body.stream);
    if (server->settings.after) {
        unsigned status = exchange->response.status;
        struct http_outcome outcome = { .status = status ? status : STATUS_UNANSWERED,
                                        .sent_bytes = exchange->sent_bytes + exchange->sent_at,
                                        .took = clock_mono() - exchange->request.received_at,
                                        .aborted = exchange->aborted };
        server->settings.after(server->settings.owner, &exchange->request, &exchange->response,
                               &outcome);
    }
    conn->requests++;
    if (exchange->stream) {
        http2_stream_end(exchange);
    } else {
        conn->exchange = NULL;
        conn->scan = (struct http_scan){ 0 };
        conn->closing |= exchange->response.close;
    }
    arena_reset(&exchange->arena);
    if (server->exchanges_free_count == EXCHANGES_FREE_MAX) {
        arena_deinit(&exchange->arena);
        heap_free(exchange);
        return;
    }
    exchange->next_free = server->exchanges_free;
    server->exchanges_free = exchange;
    server->exchanges_free_count++;
}

void exchange_fail(struct http_exchange *exchange, const struct http_refusal *refusal)
{
    exchange->arena.size_bytes_max += ARENA_RESERVE_BYTES;
    http_reply_problem(&exchange->request, &exchange->response, refusal->status, refusal->slug,
                       refusal->text);
    exchange->response.close = true;
    exchange->phase = PHASE_ANSWER;
}

void exchange_refuse(struct conn *conn, const struct http_refusal *refusal)
{
    struct http_exchange *exchange = exchange_take(conn);
    conn->exchange = exchange;
    conn->in_at = conn->in_len; /* what follows cannot be told apart from this */
    memset(&exchange->head, 0, sizeof(exchange->head));
    exchange->request.target = exchange->request.path = STR("");
    exchange_fail(exchange, refusal);
}

/* --- Running the handler -------------------------------------------------------------------- */

/* A loop's callbacks are not the request's: its span is current for the call only. */
static enum err handler_call_traced(struct http_exchange *exchange)
{
    struct trace_span *outer = trace_use(exchange->request.trace);
    enum err err = exchange->request.route->handler(&exchange->request, &exchange->response);
    trace_use(outer);
    return err;
}

static enum err handler_call(void *arg)
{
    struct http_exchange *exchange = arg;
    const struct http_server_settings *settings = &exchange->conn->server->settings;
    if (settings->before && !exchange->admitted) {
        TRY(settings->before(settings->owner, &exchange->request, &exchange->response));
        if (exchange->response.status)
            return OK;
    }
    exchange->admitted = true;
    if (__builtin_expect(exchange->request.trace != NULL, 0))
        return handler_call_traced(exchange);
    return exchange->request.route->handler(&exchange->request, &exchange->response);
}

static void answered(struct http_exchange *exchange, enum err err)
{
    const struct http_server_settings *settings = &exchange->conn->server->settings;
    exchange->arena.size_bytes_max += ARENA_RESERVE_BYTES;
    if (err != OK && settings->failed)
        settings->failed(settings->owner, &exchange->request, err);
    if (err == ERR_TIMEOUT && exchange->body_failed) /* not the handler's, the client's */
        http_reply_problem(&exchange->request, &exchange->response, 408, "request-timeout",
                           err_slot()->text);
    else if (err != OK)
        http_reply_error(&exchange->request, &exchange->response, err);
    exchange->phase = PHASE_ANSWER;
}

static void on_task_end(void *arg, enum err result)
{
    struct http_exchange *exchange = arg;
    struct conn *conn = exchange->conn;
    exchange->task = NULL;
    if (conn->destroyed || exchange->orphan) {
        exchange_end(exchange);
    } else {
        answered(exchange, result);
        if (!exchange->starting)
            exchange_wake(exchange);
    }
    conn_release(conn);
}

void exchange_wake(struct http_exchange *exchange)
{
    if (exchange->stream)
        http2_wake(exchange);
    else
        conn_pump(exchange->conn);
}

static void run_task(struct http_exchange *exchange)
{
    static const struct http_refusal no_task = { 503, "busy",
                                                 "The server has all the work it can take." };
    struct conn *conn = exchange->conn;
    const struct http_route *route = exchange->request.route;
    span timeout = route->timeout ? route->timeout : conn->server->settings.request_timeout;
    struct task_spec spec = { .name = route->pattern,
                              .fn = handler_call,
                              .arg = exchange,
                              .timeout = timeout,
                              .arena = &exchange->arena,
                              .on_end = on_task_end };
    bool vital = route->flags & ROUTE_VITAL;
    if (!vital && overload_turn_is_over(conn->server)) {
        refused_count(HTTP_REFUSED_TURN);
        overload_answer(exchange, &no_task);
        return;
    }
    exchange->phase = PHASE_RUN;
    exchange->starting = true;
    conn->holds++;
    enum err err = task_start(conn->server->loop, &spec, &exchange->task);
    exchange->starting = false;
    if (err != OK) {
        conn->holds--;
        exchange->task = NULL;
        refused_count(HTTP_REFUSED_TASKS);
        overload_answer(exchange, &no_task);
    }
}

/* In place, with a way out for an arena over its limit as a task has it. */
static __attribute__((noinline)) enum err run_inline(struct http_exchange *exchange)
{
    jmp_buf way_out;
    exchange->arena.exhausted = &way_out;
    if (_setjmp(way_out) == 0)
        return handler_call(exchange);
    return err_set(ERR_EXHAUSTED, "request-memory", "the request needed more than %zu bytes",
                   exchange->arena.size_bytes_max);
}

enum err http_continue_in_task(struct http_request *request)
{
    struct http_exchange *exchange = CONTAINER_OF(request, struct http_exchange, request);
    ASSERT(!exchange->task && !task_current());
    exchange->to_task = true;
    return OK;
}

void exchange_run(struct http_exchange *exchange)
{
    if (exchange->request.route->flags & ROUTE_INLINE) {
        enum err err = run_inline(exchange);
        exchange->arena.exhausted = NULL;
        if (err != OK || !exchange->to_task) {
            answered(exchange, err);
            return;
        }
    }
    run_task(exchange);
}

/* --- Routing -------------------------------------------------------------------------------- */

static void reply_unrouted(struct http_exchange *exchange, const struct http_match *match)
{
    struct http_request *request = &exchange->request;
    struct http_response *response = &exchange->response;
    unsigned methods = match->methods;
    if (str_eq(request->path, STR("*")))
        methods = (1u << METHOD_COUNT) - 1;
    exchange->phase = PHASE_ANSWER;
    if (methods == 0) {
        http_reply_problem(request, response, 404, "not-found", "There is nothing at this path.");
        return;
    }
    str allow = http_allow_format(methods, exchange->field_room);
    if (request->method == METHOD_OPTIONS)
        http_reply_status(response, 204);
    else
        http_reply_problem(request, response, 405, "method-not-allowed",
                           "This path has no such method.");
    http_header_add(response, STR("Allow"), allow);
}

/* RFC 9110 section 15.4.9: the same request, body and all, at the same place behind TLS. */
static void reply_redirect(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    unsigned port = exchange->conn->server->settings.redirect_port;
    str host = request->host;
    ptrdiff_t colon = str_find_char(host, ':');
    if (str_starts(host, STR("["))) /* of an IPv6 address only the last colon is the port's */
        colon = str_find(host, STR("]:")) + 1;
    if (colon > 0)
        host = str_sub(host, 0, (size_t)colon);
    exchange->phase = PHASE_ANSWER;
    if (host.len == 0 || !str_starts(request->target, STR("/"))) {
        http_reply_problem(request, &exchange->response, 400, "use-https",
                           "This cinema is reached by https.");
        return;
    }
    char suffix[16] = "";
    if (port && port != 443)
        snprintf(suffix, sizeof(suffix), ":%u", port);
    http_reply_status(&exchange->response, 308);
    str location = arena_printf(request->arena, "https://%.*s%s%.*s", STR_ARG(host), suffix,
                                STR_ARG(request->target));
    if (http_header_add(&exchange->response, STR("Location"), location) != OK)
        http_reply_problem(request, &exchange->response, 414, "target-too-long",
                           "The address is too long to be redirected.");
}

static uint64_t body_limit(const struct http_exchange *exchange)
{
    const struct http_route *route = exchange->request.route;
    if (route->body_bytes_max)
        return route->body_bytes_max;
    bool usual = route->method == METHOD_POST || route->method == METHOD_PUT ||
                 route->method == METHOD_PATCH;
    return usual ? BODY_BYTES : 0;
}

static void begin_routed(struct http_exchange *exchange)
{
    static const struct http_refusal too_large = { 413, "body-too-large",
                                                   "The body is larger than this path takes." };
    const struct http_route *route = exchange->request.route;
    size_t arena_max = route->arena_bytes_max ? route->arena_bytes_max : ARENA_BYTES;
    exchange->body_bytes_max = body_limit(exchange);
    exchange->arena.size_bytes_max = arena_max;
    if (exchange->head.content_length > exchange->body_bytes_max) {
        exchange_fail(exchange, &too_large);
        return;
    }
    if (exchange->body_complete || (route->flags & ROUTE_BODY_STREAM)) {
        exchange_run(exchange);
        return;
    }
    /* A grown buffer leaves its smaller copies behind: together less than as much again. */
    exchange->arena.size_bytes_max += 2 * (size_t)exchange->body_bytes_max;
    buf_init(&exchange->body, &exchange->arena, (size_t)exchange->body_bytes_max);
    if (exchange->head.content_length)
        (void)buf_reserve(&exchange->body, (size_t)exchange->head.content_length);
    exchange->phase = PHASE_BODY;
}

static const struct http_refusal *head_take(struct http_exchange *exchange, size_t len)
{
    static const struct http_refusal no_memory = { 503, "exhausted", "No memory is left." };
    struct conn *conn = exchange->conn;
    struct http_request *request = &exchange->request;
    struct http_head *head = &exchange->head;
    size_t skip = conn->scan.start;
    char *text = arena_try(&exchange->arena, len - skip);
    memset(head, 0, sizeof(*head));
    if (!text)
        return &no_memory;
    memcpy(text, conn->in + conn->in_at + skip, len - skip);
    conn->in_at += (uint32_t)len;
    request->target = request->path = STR("");
    const struct http_refusal *refusal = http_head_parse(
        &exchange->parser, (str){ text, len - skip }, conn->scan.lines, &exchange->arena, head);
    if (refusal)
        return refusal;
    request->method = head->method;
    request->target = head->target;
    request->path = head->parts.path;
    request->query = head->parts.query;
    request->host = head->host;
    request->fields = head->fields;
    request->fields_count = head->fields_count;
    exchange->body_complete = head->complete;
    return NULL;
}

void exchange_begin(struct conn *conn, size_t len)
{
    struct http_exchange *exchange = exchange_take(conn);
    conn->exchange = exchange;
    const struct http_refusal *refusal = head_take(exchange, len);
    if (refusal) {
        conn->in_at = conn->in_len;
        exchange_fail(exchange, refusal);
        return;
    }
    unsigned requests_max = conn->server->settings.connection_requests_max;
    exchange->response.close = !exchange->head.keep_alive || conn->server->draining || conn->over ||
                               conn->requests + 1 >= requests_max;
    exchange_route(exchange);
}

void exchange_route(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    struct http_request *request = &exchange->request;
    if (conn->entry == HTTP_ENTRY_REDIRECT) {
        reply_redirect(exchange);
        return;
    }
    struct http_match match;
    http_router_match(conn->server->settings.router, request->method, request->path, &match);
    request->route = match.route;
    bool vital = match.route && (match.route->flags & ROUTE_VITAL);
    const struct http_refusal *full = vital ? NULL : overload_refusal(conn);
    if (full) {
        overload_answer(exchange, full);
        return;
    }
    if (!match.route) {
        reply_unrouted(exchange, &match);
        return;
    }
    memcpy(request->params, match.params, sizeof(match.params));
    begin_routed(exchange);
}
