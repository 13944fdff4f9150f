/*
 * http_body: bodies of requests. Collected ones grow in the arena up to the route's limit before
 * the handler starts; streamed ones are decoded when the handler asks, so a handler that does not
 * read stops the client by TCP's own window.
 */
#include "http2.h"
#include "http_conn.h"

#include <string.h>

/* Chunk sizes and extensions may cost this much, and this many times the body, before it is abuse.
 */
enum { FRAMING_BYTES_MAX = 64 << 10, FRAMING_FACTOR_MAX = 8 };

static const struct http_refusal too_large = { 413, "body-too-large",
                                               "The body is larger than this path takes." };
static const struct http_refusal bad_chunks = { 400, "bad-chunks",
                                                "The chunks of the body are malformed." };
static const struct http_refusal too_slow = { 408, "request-timeout", "The body came too slowly." };
static const struct http_refusal no_memory = { 503, "exhausted",
                                               "The body needs more memory than is left." };

struct sink {
    struct http_exchange *exchange;
    char *room; /* NULL: collected */
    size_t len;
    const struct http_refusal *refusal;
};

static bool on_body(void *arg, const char *bytes, size_t len)
{
    struct sink *sink = arg;
    struct http_exchange *exchange = sink->exchange;
    exchange->body_received_bytes += len;
    if (exchange->body_received_bytes > exchange->body_bytes_max) {
        sink->refusal = &too_large;
        return false;
    }
    if (sink->room) {
        memcpy(sink->room + sink->len, bytes, len); /* fits: decoding never makes more of it */
        sink->len += len;
        return true;
    }
    buf_put(&exchange->body, (str){ bytes, len });
    if (exchange->body.overflowed)
        sink->refusal = &no_memory;
    return !exchange->body.overflowed;
}

const struct http_refusal *body_collect(struct http_exchange *exchange, str bytes)
{
    struct sink sink = { .exchange = exchange };
    return on_body(&sink, bytes.ptr, bytes.len) ? NULL : sink.refusal;
}

static bool framing_is_abuse(const struct http_exchange *exchange)
{
    return exchange->body_wire_bytes >
           FRAMING_BYTES_MAX + (FRAMING_FACTOR_MAX + 1) * exchange->body_received_bytes;
}

/* Decodes at most `len` of the input. NULL, or why the body is refused. */
static const struct http_refusal *decode(struct sink *sink, size_t len)
{
    struct http_exchange *exchange = sink->exchange;
    struct conn *conn = exchange->conn;
    struct http_body_sink to = { on_body, sink };
    ptrdiff_t used = http_body_parse(&exchange->parser, conn->in + conn->in_at, len, &to,
                                     &exchange->body_complete);
    if (used < 0)
        return sink->refusal ? sink->refusal : &bad_chunks;
    conn->in_at += (uint32_t)used;
    exchange->body_wire_bytes += (uint64_t)used;
    if (!exchange->body_complete && overload_body_is_slow(exchange)) {
        refused_count(HTTP_REFUSED_SLOW);
        return &too_slow;
    }
    return framing_is_abuse(exchange) ? &bad_chunks : NULL;
}

static void continue_send(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    if (!exchange->head.expect_continue || exchange->continue_sent || exchange->head.minor_0)
        return;
    exchange->continue_sent = true;
    if (conn->pending_len)
        return; /* the client will hear of it by its answer: it may send without waiting */
    out_put(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    if (!conn->pumping)
        out_flush(conn);
}

bool body_step(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    struct sink sink = { .exchange = exchange };
    if (!conn_in_bytes(conn)) {
        if (conn->eof)
            conn_kill(conn); /* half a request: nobody waits for an answer */
        else
            continue_send(exchange);
        return false;
    }
    exchange->body_waited_ms = (uint64_t)(clock_mono() - exchange->request.received_at) / 1000;
    const struct http_refusal *refusal = decode(&sink, conn_in_bytes(conn));
    if (refusal) {
        conn->in_at = conn->in_len;
        exchange_fail(exchange, refusal);
    } else if (exchange->body_complete) {
        exchange->request.body = buf_str(&exchange->body);
        exchange_run(exchange);
    }
    return true;
}

/* --- Streamed ------------------------------------------------------------------------------- */

static enum err refused(struct http_exchange *exchange, const struct http_refusal *refusal)
{
    exchange->body_failed = true;
    exchange->response.close = true;
    return err_set(refusal == &too_large  ? ERR_TOO_LARGE
                   : refusal == &too_slow ? ERR_TIMEOUT
                                          : ERR_INVALID,
                   refusal->slug, "%s", refusal->text);
}

static enum err await_input(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    instant began = clock_mono();
    exchange->body_waiter = task_current();
    continue_send(exchange);
    conn_settle(conn);
    enum err err = task_suspend();
    exchange->body_waiter = NULL;
    exchange->body_waited_ms += (uint64_t)(clock_mono() - began) / 1000;
    return err;
}

TASK_FN enum err http_body_read(struct http_request *request, char *room, size_t room_bytes,
                                size_t *out_len)
{
    struct http_exchange *exchange = CONTAINER_OF(request, struct http_exchange, request);
    struct conn *conn = exchange->conn;
    struct sink sink = { .exchange = exchange, .room = room };
    ASSERT(room_bytes > 0);
    if (exchange->stream)
        return http2_body_read(exchange, room, room_bytes, out_len);
    while (sink.len == 0 && !exchange->body_complete) {
        if (conn->dead || (conn->eof && !conn_in_bytes(conn)))
            return err_set(ERR_CANCELLED, "client-gone", "the client has gone");
        if (exchange->body_failed)
            return err_set(ERR_TIMEOUT, "body-timeout", "the body did not arrive in time");
        if (!conn_in_bytes(conn)) {
            TRY(await_input(exchange));
            continue;
        }
        const struct http_refusal *refusal = decode(&sink, MIN_OF(conn_in_bytes(conn), room_bytes));
        if (refusal)
            return refused(exchange, refusal);
    }
    conn_settle(conn); /* there may be room to receive into again */
    *out_len = sink.len;
    return OK;
}
