/*
 * http2_answer: from a response to frames. The fields are handed to nghttp2, which compresses them;
 * bytes of a body are written once, behind room for their frame's head, right into the loop's send
 * buffer, whenever nghttp2 finds that the windows let them go.
 */
#include "http2.h"

#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = HTTP_RESPONSE_FIELDS_MAX + 11, TURN_BYTES = 1 << 20 };

struct fields {
    nghttp2_nv list[FIELDS_MAX];
    unsigned count;
};

static void put_as(struct fields *fields, str name, str value, uint8_t flags)
{
    ASSERT(fields->count < FIELDS_MAX);
    fields->list[fields->count++] =
        (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len,
                      value.len, flags };
}

/* A name of ours, in lower case, and a value that lives until the frame is made. */
static void put(struct fields *fields, str name, str value)
{
    put_as(fields, name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

static void put_some(struct fields *fields, str name, str value)
{
    if (value.len)
        put(fields, name, value);
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

static void fields_put(struct fields *fields, struct http_exchange *exchange,
                       struct http2_scratch *scratch)
{
    struct http_server *server = exchange->conn->server;
    const struct http_response *response = &exchange->response;
    const struct http_body *body = &response->body;
    bool sized = response->status != 204 && response->status != 304;
    put(fields, STR(":status"), digits(scratch->status, response->status));
    put(fields, STR("date"), date_of(exchange->stream->http2));
    if (body->kind != HTTP_BODY_NONE)
        put_some(fields, STR("content-type"), response->content_type);
    if (sized && (body->kind == HTTP_BODY_NONE || body->size_bytes != HTTP_SIZE_UNKNOWN))
        put(fields, STR("content-length"),
            digits(scratch->length, body->kind == HTTP_BODY_NONE ? 0 : body->size_bytes));
    put_some(fields, STR("etag"), response->etag);
    if (response->modified != INSTANT_NEVER)
        put(fields, STR("last-modified"),
            instant_format_http(response->modified, scratch->modified));
    put_some(fields, STR("cache-control"), response->cache_control);
    if (response->ranges && response->status < 300)
        put(fields, STR("accept-ranges"), STR("bytes"));
    put_some(fields, STR("x-content-type-options"), server->settings.nosniff);
    if (exchange->request.secure)
        put_some(fields, STR("strict-transport-security"), server->settings.hsts);
    for (unsigned i = 0; i < response->fields_count; i++)
        if (!is_of_connection(response->fields[i].name))
            put_as(fields, response->fields[i].name, response->fields[i].value,
                   NGHTTP2_NV_FLAG_NO_COPY_VALUE); /* a copied name is made lower case */
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
    const struct http_response *response = &stream->exchange->response;
    nghttp2_nv list[HTTP_TRAILERS_MAX];
    ASSERT(response->trailers_count <= HTTP_TRAILERS_MAX);
    for (unsigned i = 0; i < response->trailers_count; i++) {
        str name = response->trailers[i].name, value = response->trailers[i].value;
        list[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr,
                                name.len, value.len, NGHTTP2_NV_FLAG_NONE };
    }
    int result =
        nghttp2_submit_trailer(stream->http2->session, stream->id, list, response->trailers_count);
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
    char *room = out_room(conn, HTTP2_FRAME_HEAD_BYTES + len);
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
    struct fields fields;
    fields.count = 0;
    answer_prepare(exchange);
    fields_put(&fields, exchange, &stream->scratch);
    bool bodyless = exchange->head_only || body->kind == HTTP_BODY_NONE || body->size_bytes == 0;
    if (nghttp2_submit_response(session, stream->id, fields.list, fields.count,
                                bodyless ? NULL : &provider) != 0) {
        http2_stream_abort(stream);
        return;
    }
    exchange->phase = PHASE_SEND;
    if (bodyless)
        return; /* http2_answer_end() follows */
    stream->moved_ms = uv_now(exchange->conn->server->uv);
    send_piece_next(exchange);
}
