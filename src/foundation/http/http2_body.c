/*
 * http2_body: bodies of requests. Collected ones go on growing in the arena, up to the route's
 * limit; of streamed ones at most a window is kept, which is opened again as the handler reads.
 */
#include "http2.h"

#include "foundation/mem/heap.h"

#include <string.h>

static const struct http_refusal too_much = {
    503, "exhausted", "Too much is being sent on this connection at the same time."
};
static const struct http_refusal too_large = { 413, "body-too-large",
                                               "The body is larger than this path takes." };

static bool is_streamed(const struct http_exchange *exchange)
{
    const struct http_route *route = exchange->request.route;
    return route && (route->flags & ROUTE_BODY_STREAM);
}

/* The client may send as much again. */
static void credit(struct http2_stream *stream, size_t len)
{
    if (len)
        nghttp2_session_consume(stream->http2->session, stream->id, len);
}

void http2_continue_send(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    if (!exchange->head.expect_continue || exchange->continue_sent || stream->ended)
        return;
    exchange->continue_sent = stream->continue_due = true;
    nghttp2_submit_headers(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, NULL, NULL, 0,
                           NULL);
    http2_flush_soon(stream->http2);
}

static void waiter_wake(struct http_exchange *exchange)
{
    if (exchange->body_waiter)
        task_wake(exchange->body_waiter);
}

/* --- Arriving ------------------------------------------------------------------------------- */

static void collect(struct http2_stream *stream, str bytes)
{
    struct http2 *http2 = stream->http2;
    struct http_exchange *exchange = stream->exchange;
    credit(stream, bytes.len);
    http2->bodies_bytes += bytes.len;
    stream->collected_bytes += bytes.len;
    const struct http_refusal *refusal =
        http2->bodies_bytes > HTTP2_BODIES_BYTES_MAX ? &too_much : body_collect(exchange, bytes);
    if (refusal)
        exchange_fail(exchange, refusal);
}

/* Windows bound what lies here: nothing more comes until the handler has read. */
static void keep(struct http2_stream *stream, str bytes)
{
    if (stream->in_at == stream->in_len)
        stream->in_at = stream->in_len = 0;
    if (stream->in_len + bytes.len > stream->in_bytes) {
        size_t kept = stream->in_len - stream->in_at;
        if (kept)
            memmove(stream->in, stream->in + stream->in_at, kept);
        stream->in_at = 0;
        stream->in_len = kept;
        stream->in_bytes = MAX_OF(stream->in_bytes, kept + bytes.len);
        stream->in = heap_resize(stream->in, stream->in_bytes);
    }
    memcpy(stream->in + stream->in_len, bytes.ptr, bytes.len);
    stream->in_len += bytes.len;
}

void http2_body_add(struct http2_stream *stream, str bytes)
{
    struct http_exchange *exchange = stream->exchange;
    stream->moved_ms = uv_now(exchange->conn->server->uv);
    if (exchange->phase == PHASE_BODY) {
        collect(stream, bytes);
    } else if (exchange->phase == PHASE_RUN && is_streamed(exchange)) {
        keep(stream, bytes);
        waiter_wake(exchange);
    } else {
        credit(stream, bytes.len); /* answered without it */
    }
}

void http2_body_end(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    stream->ended = true;
    if (exchange->phase == PHASE_BODY) {
        exchange->body_complete = true;
        exchange->request.body = buf_str(&exchange->body);
        exchange_run(exchange);
    } else {
        waiter_wake(exchange);
    }
}

/* --- Read by a handler ---------------------------------------------------------------------- */

static enum err await_input(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    exchange->body_waiter = task_current();
    stream->moved_ms = uv_now(exchange->conn->server->uv);
    http2_continue_send(stream);
    conn_settle(exchange->conn);
    enum err err = task_suspend();
    exchange->body_waiter = NULL;
    return err;
}

static size_t take(struct http2_stream *stream, char *room, size_t room_bytes)
{
    size_t len = MIN_OF(stream->in_len - stream->in_at, room_bytes);
    memcpy(room, stream->in + stream->in_at, len);
    stream->in_at += len;
    credit(stream, len);
    http2_flush_soon(stream->http2);
    return len;
}

TASK_FN enum err http2_body_read(struct http_exchange *exchange, char *room, size_t room_bytes,
                                 size_t *out_len)
{
    struct http2_stream *stream = exchange->stream;
    size_t len = 0;
    while (len == 0) {
        if (exchange->conn->destroyed || exchange->orphan)
            return err_set(ERR_CANCELLED, "client-gone", "the client has gone");
        if (exchange->body_failed)
            return err_set(ERR_TIMEOUT, "body-timeout", "the body did not arrive in time");
        if (stream->in_at < stream->in_len)
            len = take(stream, room, room_bytes);
        else if (stream->ended)
            break;
        else
            TRY(await_input(stream));
    }
    exchange->body_complete = len == 0;
    exchange->body_received_bytes += len;
    if (exchange->body_received_bytes > exchange->body_bytes_max) {
        exchange->body_failed = true;
        return err_set(ERR_TOO_LARGE, too_large.slug, "%s", too_large.text);
    }
    *out_len = len;
    return OK;
}
