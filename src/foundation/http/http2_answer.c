/*
 * http2_answer: from a response to frames. nghttp2 is given no fields: it makes an empty HEADERS
 * frame when its turn has come, and ours are written behind its head. Bytes of a body are written
 * once, too, behind room for their frame's head, right into the loop's send buffer, whenever
 * nghttp2 finds that the windows let them go.
 */
#include "http2.h"

#include <stdio.h>
#include <string.h>

enum { TURN_BYTES = 1 << 20 };

static void put_some(struct http2_block *block, str name, str value)
{
    if (value.len)
        http2_block_add(block, name, value);
}

static str digits(char room[20], uint64_t value)
{
    size_t first = 20;
    do {
        room[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return (str){ room + first, 20 - first };
}

/* RFC 9113 section 8.2.2: what belongs to a connection of HTTP/1 has no place in a stream. */
static bool is_of_connection(str name)
{
    static const str names[] = { STR_INIT("connection"), STR_INIT("keep-alive"),
                                 STR_INIT("transfer-encoding"), STR_INIT("upgrade"),
                                 STR_INIT("proxy-connection") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, names[i]))
            return true;
    return false;
}

/* One look at the clock a turn. */
static str date_of(struct http2 *http2)
{
    struct http_server *server = http2->conn->server;
    if (!http2->date_known)
        server_date(server);
    http2->date_known = true;
    return (str){ server->date, INSTANT_HTTP_MAX - 1 };
}

static void answer_put(struct http2_block *block, struct http_exchange *exchange)
{
    struct http_server *server = exchange->conn->server;
    const struct http_response *response = &exchange->response;
    const struct http_body *body = &response->body;
    bool sized = response->status != 204 && response->status != 304;
    char room[INSTANT_HTTP_MAX];
    http2_block_status(block, response->status);
    http2_block_add(block, STR("date"), date_of(exchange->stream->http2));
    if (body->kind != HTTP_BODY_NONE)
        put_some(block, STR("content-type"), response->content_type);
    if (sized && (body->kind == HTTP_BODY_NONE || body->size_bytes != HTTP_SIZE_UNKNOWN))
        http2_block_once(block, HTTP2_NAME_CONTENT_LENGTH,
                         digits(room, body->kind == HTTP_BODY_NONE ? 0 : body->size_bytes));
    if (response->etag.len)
        http2_block_once(block, HTTP2_NAME_ETAG, response->etag);
    if (response->modified != INSTANT_NEVER)
        http2_block_once(block, HTTP2_NAME_LAST_MODIFIED,
                         instant_format_http(response->modified, room));
    put_some(block, STR("cache-control"), response->cache_control);
    if (response->ranges && response->status < 300)
        http2_block_add(block, STR("accept-ranges"), STR("bytes"));
    put_some(block, STR("x-content-type-options"), server->settings.nosniff);
    if (exchange->request.secure)
        put_some(block, STR("strict-transport-security"), server->settings.hsts);
    for (unsigned i = 0; i < response->fields_count; i++)
        if (!is_of_connection(response->fields[i].name))
            http2_block_add(block, response->fields[i].name, response->fields[i].value);
}

static void trailers_put(struct http2_block *block, const struct http_response *response)
{
    size_t bytes = 0;
    ASSERT(response->trailers_count <= HTTP_TRAILERS_MAX);
    for (unsigned i = 0; i < response->trailers_count; i++) {
        const struct http_field *field = &response->trailers[i];
        bytes += field->name.len + field->value.len + HTTP2_FIELD_COST_MAX;
        ASSERT(bytes <= HTTP2_FRAME_BYTES);
        http2_block_add(block, field->name, field->value);
    }
}

/*
 * The frame is made in the loop's send buffer, which has room for a whole one: its fields now, its
 * head when nghttp2 gives it. What is answered ends before that.
 */
bool http2_block_write(struct http2 *http2, const nghttp2_frame *frame)
{
    struct http_server *server = http2->conn->server;
    struct http2_stream *stream =
        nghttp2_session_get_stream_user_data(http2->session, frame->hd.stream_id);
    ASSERT(server->out_owner == http2->conn && OUT_BYTES - server->out_len >= HTTP2_ROOM_BYTES);
    unsigned char *first = (unsigned char *)server->out + server->out_len + HTTP2_FRAME_HEAD_BYTES;
    struct http2_block block = { server->http2_words, &http2->table, first, 0 };
    if (!stream)
        return false;
    if (stream->continue_due) {
        http2_block_status(&block, 100);
        stream->continue_due = false;
    } else if (stream->headed) {
        trailers_put(&block, &stream->exchange->response);
    } else {
        answer_put(&block, stream->exchange);
        stream->headed = true;
    }
    http2->block_len = (size_t)(block.at - first);
    ASSERT(http2->block_len <= HTTP2_FRAME_BYTES);
    return true;
}

void http2_frame_put(struct http2 *http2, const uint8_t *bytes, size_t len)
{
    struct http_server *server = http2->conn->server;
    size_t block_len = http2->block_len, payload_len = len - HTTP2_FRAME_HEAD_BYTES + block_len;
    unsigned char *frame = (unsigned char *)server->out + server->out_len;
    http2->block_len = 0;
    ASSERT(len + block_len <= HTTP2_ROOM_BYTES);
    if (block_len && len > HTTP2_FRAME_HEAD_BYTES)
        memmove(frame + len, frame + HTTP2_FRAME_HEAD_BYTES, block_len);
    memcpy(frame, bytes, len);
    if (block_len) {
        frame[0] = (unsigned char)(payload_len >> 16);
        frame[1] = (unsigned char)(payload_len >> 8);
        frame[2] = (unsigned char)payload_len;
    }
    server->out_len += len + block_len;
}

/* --- The body ------------------------------------------------------------------------------- */

static bool is_all_sent(const struct http_exchange *exchange)
{
    const struct http_body *body = &exchange->response.body;
    return exchange->sent_at == body->size_bytes &&
           (!body->piece_at || body->pieces_at == body->pieces_end);
}

static ptrdiff_t generated_pull(struct http_exchange *exchange, char *room, size_t len,
                                bool *out_over)
{
    struct http_body *body = &exchange->response.body;
    uint64_t left = body->size_bytes - exchange->sent_at; /* of unknown: more than enough */
    ptrdiff_t count = body->generate(body->generate_state, room, (size_t)MIN_OF(left, len));
    *out_over = count == 0;
    if (count == 0 && body->size_bytes != HTTP_SIZE_UNKNOWN)
        return -1; /* it promised more */
    exchange->sent_at += count > 0 ? (uint64_t)count : 0;
    return count;
}

static ptrdiff_t streamed_pull(struct http_exchange *exchange, char *room, size_t len,
                               bool *out_over)
{
    struct http_stream *stream = exchange->response.body.stream;
    size_t count = stream_pull(stream, room, len, out_over);
    *out_over = *out_over && count == 0;
    exchange->sent_at += count;
    return *out_over && !stream_is_complete(stream) ? -1 : (ptrdiff_t)count;
}

/* Bytes written; 0 and not *out_over: not now; less than 0: the body cannot be completed. */
static ptrdiff_t pull(struct http_exchange *exchange, char *room, size_t len, bool *out_over)
{
    struct http_body *body = &exchange->response.body;
    ptrdiff_t count = 0;
    *out_over = false;
    if (body->kind == HTTP_BODY_STREAM)
        return streamed_pull(exchange, room, len, out_over);
    if (body->kind == HTTP_BODY_GENERATOR && !is_all_sent(exchange)) {
        count = generated_pull(exchange, room, len, out_over);
    } else if (body->kind == HTTP_BODY_FILE) {
        count = file_pull(exchange, room, len);
    } else if (body->kind == HTTP_BODY_MEMORY) {
        str left = str_sub(body->memory, (size_t)exchange->sent_at, len);
        memcpy(room, left.ptr, left.len);
        exchange->sent_at += left.len;
        count = (ptrdiff_t)left.len;
    }
    *out_over |= is_all_sent(exchange);
    return count;
}

/* They end the stream in the place of the last DATA frame (RFC 9113 section 8.1). */
static uint32_t trailers_submit(struct http2_stream *stream)
{
    int result = nghttp2_submit_trailer(stream->http2->session, stream->id, NULL, 0);
    return result == 0 ? NGHTTP2_DATA_FLAG_NO_END_STREAM : 0;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t len,
                       uint32_t *flags, nghttp2_data_source *source, void *owner)
{
    struct http2 *http2 = owner;
    struct http2_stream *stream = source->ptr;
    struct conn *conn = http2->conn;
    bool over;
    (void)session, (void)id, (void)buffer;
    if (conn->dead || conn->blocked || conn->pending_len)
        return NGHTTP2_ERR_PAUSE;
    char *room = out_room(conn, HTTP2_ROOM_BYTES);
    if (!room || conn->blocked)
        return NGHTTP2_ERR_PAUSE;
    ptrdiff_t count = pull(stream->exchange, room + HTTP2_FRAME_HEAD_BYTES, len, &over);
    if (count < 0) {
        stream->exchange->aborted = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (count == 0 && !over)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY | (over ? NGHTTP2_DATA_FLAG_EOF : 0);
    if (over && stream->exchange->response.trailers_count)
        *flags |= trailers_submit(stream);
    return count;
}

void http2_answer_end(struct http2_stream *stream)
{
    if (!stream)
        return;
    http2_budget_earn_answer(stream->http2);
    exchange_end(stream->exchange);
}

int http2_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                       size_t len, nghttp2_data_source *source, void *owner)
{
    struct http2 *http2 = owner;
    struct http2_stream *stream = source->ptr;
    struct conn *conn = http2->conn;
    struct http_server *server = conn->server;
    (void)session;
    ASSERT(server->out_owner == conn);
    memcpy(server->out + server->out_len, head, HTTP2_FRAME_HEAD_BYTES);
    server->out_len += HTTP2_FRAME_HEAD_BYTES + len;
    stream->moved_ms = uv_now(server->uv);
    http2->turn_bytes += len;
    http2_budget_earn_data(http2);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        http2_answer_end(stream);
    if (http2->turn_bytes >= TURN_BYTES) { /* others have their turn */
        http2->turn_bytes = 0;
        out_flush(conn);
        conn->blocked = true;
    }
    http2->data_sent = true;
    return NGHTTP2_ERR_PAUSE; /* there may be no room for the next frame */
}

void http2_answer(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    const struct http_body *body = &exchange->response.body;
    nghttp2_session *session = stream->http2->session;
    nghttp2_data_provider provider = { .source = { .ptr = stream }, .read_callback = on_read };
    answer_prepare(exchange);
    bool bodyless = exchange->head_only || body->kind == HTTP_BODY_NONE || body->size_bytes == 0;
    if (nghttp2_submit_response(session, stream->id, NULL, 0, bodyless ? NULL : &provider) != 0) {
        http2_stream_abort(stream);
        return;
    }
    exchange->phase = PHASE_SEND;
    if (bodyless)
        return; /* http2_answer_end() follows */
    stream->moved_ms = uv_now(exchange->conn->server->uv);
    send_piece_next(exchange);
}
