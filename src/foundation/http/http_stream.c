/*
 * http_stream: a ring of bytes between a task that writes and the connection that sends. Counted by
 * references, because either may end first.
 */
#include "http_conn.h"

#include "foundation/mem/heap.h"

#include <string.h>

/* The ring begins small: a viewer of events has a few hundred bytes on the way, and there are many.
 */
enum { RING_BYTES_MIN = 2 << 10, RING_BYTES_MAX = 64 << 10, PART_BYTES = 16 << 10 };

struct http_stream {
    unsigned references;
    struct http_exchange *exchange; /* NULL: the client has gone */
    struct wait_list writers;
    bool ended, complete;
    size_t at, len, ring_bytes;
    char *ring;
};

static void stream_release(struct http_stream *stream)
{
    if (--stream->references)
        return;
    heap_free(stream->ring);
    heap_free(stream);
}

struct http_stream *http_reply_stream(struct http_request *request, struct http_response *response,
                                      str content_type)
{
    struct http_stream *stream = HEAP_NEW(struct http_stream);
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
        exchange_wake(exchange);
}

/* Copies up to `room_bytes` out of the ring without taking them. */
static size_t ring_copy(const struct http_stream *stream, char *room, size_t room_bytes)
{
    size_t count = MIN_OF(stream->len, room_bytes);
    size_t first = MIN_OF(count, stream->ring_bytes - stream->at);
    if (count) {
        memcpy(room, stream->ring + stream->at, first);
        memcpy(room + first, stream->ring, count - first);
    }
    return count;
}

static void ring_grow(struct http_stream *stream, size_t wanted_bytes)
{
    size_t bytes = MAX_OF(stream->ring_bytes, (size_t)RING_BYTES_MIN);
    while (bytes < wanted_bytes && bytes < RING_BYTES_MAX)
        bytes *= 2;
    if (bytes == stream->ring_bytes)
        return;
    char *ring = heap_alloc(bytes);
    ring_copy(stream, ring, stream->len);
    heap_free(stream->ring);
    stream->ring = ring;
    stream->ring_bytes = bytes;
    stream->at = 0;
}

static size_t ring_put(struct http_stream *stream, str bytes)
{
    ring_grow(stream, stream->len + bytes.len);
    size_t count = MIN_OF(bytes.len, stream->ring_bytes - stream->len);
    size_t end = (stream->at + stream->len) % stream->ring_bytes;
    size_t first = MIN_OF(count, stream->ring_bytes - end);
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
        if (bytes.len && stream->exchange && stream->len == RING_BYTES_MAX)
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

/* --- Sending -------------------------------------------------------------------------------- */

static size_t ring_take(struct http_stream *stream, char *room, size_t room_bytes)
{
    size_t count = ring_copy(stream, room, room_bytes);
    stream->at = (stream->at + count) % stream->ring_bytes;
    stream->len -= count;
    wait_list_wake(&stream->writers, UINT32_MAX);
    return count;
}

size_t stream_pull(struct http_stream *stream, char *room, size_t room_bytes, bool *out_ended)
{
    *out_ended = stream->ended;
    return stream->len ? ring_take(stream, room, room_bytes) : 0;
}

bool stream_is_complete(const struct http_stream *stream)
{
    return stream->complete;
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
