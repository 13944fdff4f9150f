/*
 * http2_stream: streams and their exchanges. Either may end first: a client resets a stream whose
 * handler runs, an answer is out before the request's body is in. What is left of the other side is
 * then told to end, and nothing points to what has gone.
 */
#include "http2.h"

#include "foundation/mem/heap.h"

#include <string.h>

struct http2_stream *http2_stream_begin(struct http2 *http2, int32_t id)
{
    struct conn *conn = http2->conn;
    if (http2->live >= HTTP2_STREAMS_MAX || conn->holds >= HTTP2_HOLDS_MAX)
        return NULL;
    struct http_exchange *exchange = exchange_take(conn);
    struct http2_stream *stream = arena_alloc(&exchange->arena, sizeof(*stream));
    *stream = (struct http2_stream){
        .http2 = http2,
        .exchange = exchange,
        .next = http2->first,
        .id = id,
        .heading = true,
        .moved_ms = uv_now(conn->server->uv),
    };
    memset(&exchange->head, 0, sizeof(exchange->head));
    exchange->head.keep_alive = true;
    exchange->stream = stream;
    if (http2->first)
        http2->first->previous = stream;
    http2->first = stream;
    http2->live++;
    nghttp2_session_set_stream_user_data(http2->session, id, stream);
    return stream;
}

static void detach(struct http2_stream *stream)
{
    struct http2 *http2 = stream->http2;
    if (!http2)
        return;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        http2->first = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    http2->live--;
    if (http2->heading == stream)
        http2->heading = NULL;
    http2->bodies_bytes -= stream->collected_bytes;
    nghttp2_session_set_stream_user_data(http2->session, stream->id, NULL);
    /* Bytes nobody will read must not keep the window of the others shut. */
    if (stream->in_len > stream->in_at)
        nghttp2_session_consume_connection(http2->session, stream->in_len - stream->in_at);
    heap_free(stream->in);
    stream->in = NULL;
    stream->in_at = stream->in_len = 0;
    stream->http2 = NULL;
}

void http2_stream_end(struct http_exchange *exchange)
{
    detach(exchange->stream);
}

void http2_stream_abort(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    exchange->aborted = true;
    detach(stream);
    if (exchange->phase == PHASE_RUN || exchange->phase == PHASE_WARM) {
        exchange->orphan = true; /* its task or thread ends it */
        if (exchange->task)
            task_cancel(exchange->task);
    } else {
        exchange_end(exchange);
    }
}

void http2_stream_step(struct http2_stream *stream)
{
    if (stream->exchange->phase == PHASE_ANSWER)
        http2_answer(stream);
}

void http2_wake(struct http_exchange *exchange)
{
    struct http2_stream *stream = exchange->stream;
    struct http2 *http2 = stream->http2;
    if (exchange->phase == PHASE_SEND)
        nghttp2_session_resume_data(http2->session, stream->id);
    else
        http2_stream_step(stream);
    http2_flush_soon(http2);
}
