/*
 * http_stream: a ring of bytes between a task that writes and the connection that sends. Counted by
 * references, because either may end first.
 */
#include "http_conn.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { RING_BYTES = 64 << 10, PART_BYTES = 16 << 10 };

struct http_stream {
    unsigned references;
    struct http_exchange *exchange; /* NULL: the client has gone */
    struct wait_list writers;
    bool ended, complete;
    size_t at, len;
    char ring[RING_BYTES];
};

static void stream_release(struct http_stream *stream)
{
    if (--stream->references == 0)
        heap_free(stream);
}

struct http_stream *http_reply_stream(struct http_request *request, struct http_response *response,
                                      str content_type)
{
    struct http_stream *stream = heap_alloc(sizeof(*stream));
    memset(stream, 0, offsetof(struct http_stream, ring));
    stream->references = 2;
    stream->exchange = CONTAINER_OF(request, struct http_exchange, request);
    if (!response->status)
        response->status = 200;
    response->content_type = content_type;
    response->body = (struct http_body){ .kind = HTTP_BODY_STREAM,
                                         .size_bytes = HTTP_SIZE_UNKNOWN,
                                         .stream = stream };
    return stream;
}

/* The connection may be waiting for bytes; before the answer has begun it is not. */
static void nudge(struct http_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    if (exchange && exchange->phase == PHASE_SEND)
        conn_pump(exchange->conn);
}

static size_t ring_put(struct http_stream *stream, str bytes)
{
    size_t count = MIN_OF(bytes.len, RING_BYTES - stream->len);
    size_t end = (stream->at + stream->len) % RING_BYTES;
    size_t first = MIN_OF(count, RING_BYTES - end);
    memcpy(stream->ring + end, bytes.ptr, first);
    memcpy(stream->ring, bytes.ptr + first, count - first);
    stream->len += count;
    return count;
}

TASK_FN enum err http_stream_write(struct http_stream *stream, str bytes)
{
    while (bytes.len) {
        if (!stream->exchange)
            return err_set(ERR_GONE, "client-gone", "the client has gone");
        size_t count = ring_put(stream, bytes);
        bytes = str_skip(bytes, count);
        nudge(stream);
        if (bytes.len && stream->exchange && stream->len == RING_BYTES)
            TRY(wait_list_await(&stream->writers));
    }
    return OK;
}

void http_stream_close(struct http_stream *stream, bool complete)
{
    stream->ended = true;
    stream->complete = complete;
    nudge(stream);
    stream_release(stream);
}

void stream_abandon(struct http_stream *stream)
{
    stream->exchange = NULL;
    wait_list_wake(&stream->writers, UINT32_MAX);
    stream_release(stream);
}

/* --- Sending
 * --------------------------------------------------------------------------------------- */

static size_t ring_take(struct http_stream *stream, char *room, size_t room_bytes)
{
    size_t count = MIN_OF(stream->len, room_bytes);
    size_t first = MIN_OF(count, RING_BYTES - stream->at);
    memcpy(room, stream->ring + stream->at, first);
    memcpy(room + first, stream->ring, count - first);
    stream->at = (stream->at + count) % RING_BYTES;
    stream->len -= count;
    wait_list_wake(&stream->writers, UINT32_MAX);
    return count;
}

static bool stream_end(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    if (!exchange->response.body.stream->complete) {
        exchange->aborted = true;
        out_flush(conn);
        conn_kill(conn);
        return false;
    }
    if (exchange->chunked)
        out_put(conn, STR("0\r\n\r\n"));
    exchange_end(exchange);
    return true;
}

bool send_stream_step(struct http_exchange *exchange)
{
    struct conn *conn = exchange->conn;
    struct http_stream *stream = exchange->response.body.stream;
    if (stream->len == 0)
        return stream->ended && stream_end(exchange);
    size_t framing = exchange->chunked ? CHUNK_HEAD_BYTES : 0;
    char *room = out_room(conn, PART_BYTES + CHUNK_HEAD_BYTES + CHUNK_TAIL_BYTES);
    if (!room)
        return false;
    size_t len = ring_take(stream, room + framing, PART_BYTES);
    conn->server->out_len += exchange->chunked ? chunk_frame(room, len) : len;
    exchange->sent_at += len;
    return true;
}
