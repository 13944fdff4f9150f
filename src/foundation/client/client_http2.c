/*
 * client_http2: calls on a connection of HTTP/2 (RFC 9113), by nghttp2, which keeps streams,
 * windows and header compression. A peer that talks without answering anything is cut off.
 */
#include "client_impl.h"

#include <string.h>

enum {
    FRAME_BYTES = 16 << 10,
    STREAMS_MAX = 100,
    IDLE_FRAMES_MAX = 2000 /* SETTINGS, PING, empty DATA and the like, in a row */
};

/* --- nghttp2's callbacks -------------------------------------------------------------------- */

static struct client_call *call_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *owner)
{
    struct client_conn *conn = owner;
    (void)session, (void)frame;
    return ++conn->idle_frames > IDLE_FRAMES_MAX ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct client_conn *conn = owner;
    (void)session, (void)frame;
    conn->block_bytes = 0;
    return 0;
}

static str str_of_rcbuf(nghttp2_rcbuf *buffer)
{
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);
    return (str){ (const char *)vec.base, vec.len };
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *owner)
{
    struct client_conn *conn = owner;
    struct client_call *call = call_of(session, frame->hd.stream_id);
    str key = str_of_rcbuf(name), text = str_of_rcbuf(value);
    (void)flags;
    conn->block_bytes += key.len + text.len;
    if (conn->block_bytes > conn->client->settings.head_bytes_max * 2)
        return NGHTTP2_ERR_CALLBACK_FAILURE; /* unfolds to more than any call would take */
    if (!call)
        return 0;
    uint64_t number;
    if (str_eq(key, STR(":status")) && str_parse_u64(text, &number)) {
        call->status = (unsigned)number;
        return 0;
    }
    if (str_eq(key, STR("content-length")) && str_parse_u64(text, &number) && !call->head_there)
        call->length = number;
    if (call_field(call, key, text, call->head_there))
        return 0;
    struct client_failure failure;
    client_failure_set(&failure, ERR_TOO_LARGE, "answer-head-too-large",
                       "the head of the answer of %s is too large", conn->origin->host);
    call_fail(call, &failure);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct client_conn *conn = owner;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        conn->going = true;
        return 0;
    }
    struct client_call *call = call_of(session, frame->hd.stream_id);
    bool data = frame->hd.type == NGHTTP2_DATA;
    if (!call || (!data && frame->hd.type != NGHTTP2_HEADERS))
        return 0;
    call->begun = true;
    if (!data || frame->hd.length)
        conn->idle_frames = 0;
    if (!data && !call->head_there)
        call_head(call, call->status);
    if (call->interim > CLIENT_INTERIM_MAX)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        call_complete(call);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *owner)
{
    struct client_call *call = call_of(session, id);
    (void)flags, (void)owner;
    if (call)
        call_body(call, (str){ (const char *)bytes, len });
    else
        nghttp2_session_consume(session, id, len);
    return 0;
}

/* What no task will read through the stream any more makes room for the others. */
static void unread_consume(struct client_conn *conn, const struct client_call *call)
{
    size_t unread = call->in_len - call->in_at;
    if (unread)
        nghttp2_session_consume_connection(conn->session, unread);
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *owner)
{
    struct client_conn *conn = owner;
    struct client_call *call = call_of(session, id);
    struct client_failure failure;
    if (!call)
        return 0;
    nghttp2_session_set_stream_user_data(session, id, NULL);
    unread_consume(conn, call);
    client_conn_detach(call);
    if (call->complete)
        return 0;
    call->retry = error == NGHTTP2_REFUSED_STREAM; /* RFC 9113 section 8.7: not processed */
    bool bad = error == NGHTTP2_PROTOCOL_ERROR;
    client_failure_set(&failure, bad ? ERR_CORRUPT : ERR_UNAVAILABLE,
                       bad ? "bad-answer" : "stream-reset", "%s: the call was reset (%s)",
                       conn->origin->host, nghttp2_http2_strerror(error));
    call_fail(call, &failure);
    return 0;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *room, size_t room_bytes,
                       uint32_t *flags, nghttp2_data_source *source, void *owner)
{
    struct client_call *call = call_of(session, id);
    bool last;
    (void)source, (void)owner;
    if (!call)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t len = call_pull(call, (char *)room, room_bytes, &last);
    if (last) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        call->all_sent = true;
    } else if (len == 0) {
        call->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)len;
}

void http2_callbacks_make(struct client *client)
{
    nghttp2_session_callbacks *callbacks;
    ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    ASSERT(nghttp2_option_new(&client->http2_option) == 0);
    nghttp2_option_set_no_auto_window_update(client->http2_option, 1);
    nghttp2_option_set_no_closed_streams(client->http2_option, 1);
    nghttp2_option_set_max_outbound_ack(client->http2_option, 100);
    client->http2_callbacks = callbacks;
}

/* --- The session ---------------------------------------------------------------------------- */

bool http2_begin(struct client_conn *conn)
{
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, CLIENT_STREAM_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)conn->client->settings.head_bytes_max },
    };
    if (nghttp2_session_client_new2(&conn->session, conn->client->http2_callbacks, conn,
                                    conn->client->http2_option) != 0)
        return false;
    nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0, CLIENT_WINDOW);
    return true;
}

unsigned http2_calls_max(const struct client_conn *conn)
{
    uint32_t theirs =
        nghttp2_session_get_remote_settings(conn->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    bool allowed = nghttp2_session_check_request_allowed(conn->session);
    return allowed ? (unsigned)MIN_OF(theirs, (uint32_t)STREAMS_MAX) : 0;
}

/* All is said: the peer said goodbye, or nghttp2 did because of what it got. */
static void session_check(struct client_conn *conn)
{
    if (nghttp2_session_want_read(conn->session) || nghttp2_session_want_write(conn->session))
        return;
    if (conn->going)
        client_conn_fail(conn, ERR_UNAVAILABLE, "connection-lost", "%s ended the connection",
                         conn->origin->host);
    else
        client_conn_fail(conn, ERR_CORRUPT, "bad-answer", "%s does not keep to HTTP/2",
                         conn->origin->host);
}

bool http2_pull(struct client_conn *conn)
{
    const uint8_t *bytes;
    while (conn->session) {
        char *room = client_conn_room(conn, FRAME_BYTES + 256);
        if (!room)
            return true; /* send first */
        ssize_t len = nghttp2_session_mem_send(conn->session, &bytes);
        if (len < 0) {
            client_conn_fail(conn, ERR_INTERNAL, "http2-failed", "HTTP/2: %s",
                             nghttp2_strerror((int)len));
            return false;
        }
        if (len == 0) {
            session_check(conn);
            return false;
        }
        room = client_conn_room(conn, (size_t)len);
        ASSERT(room);
        memcpy(room, bytes, (size_t)len);
        conn->out_len += (size_t)len;
    }
    return false;
}

static void session_end(struct client_conn *conn)
{
    nghttp2_session_del(conn->session);
    conn->session = NULL;
}

void http2_feed(struct client_conn *conn, const char *bytes, size_t len)
{
    conn->feeding = true;
    ssize_t result = nghttp2_session_mem_recv(conn->session, (const uint8_t *)bytes, len);
    conn->feeding = false;
    if (conn->dead) { /* by a callback */
        session_end(conn);
        return;
    }
    if (result < 0) {
        client_conn_fail(conn, ERR_CORRUPT, "bad-answer", "%s does not keep to HTTP/2: %s",
                         conn->origin->host, nghttp2_strerror((int)result));
        return;
    }
    if (conn->going && conn->calls_count == 0) {
        client_conn_close(conn);
        return;
    }
}

/* --- Calls ---------------------------------------------------------------------------------- */

enum { FIELDS_MAX = 64 };

static nghttp2_nv pair(str name, str value)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len,
                         value.len, NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}

void http2_submit(struct client_conn *conn, struct client_call *call)
{
    nghttp2_nv fields[FIELDS_MAX];
    nghttp2_data_provider provider = { .read_callback = on_read };
    bool has_body = call->streamed || call->body_bytes;
    unsigned count = 0;
    fields[count++] = pair(STR(":method"), http_method_name(call->method));
    fields[count++] = pair(STR(":scheme"), call->secure ? STR("https") : STR("http"));
    fields[count++] = pair(STR(":authority"), call->authority);
    fields[count++] = pair(STR(":path"), call->target);
    for (unsigned i = 0; i < call->fields_count && count < FIELDS_MAX - 1; i++)
        fields[count++] = pair(call->fields[i].name, call->fields[i].value);
    char digits[24];
    struct buf text;
    buf_init_fixed(&text, digits, sizeof(digits));
    if (has_body && call->body_bytes != HTTP_SIZE_UNKNOWN) {
        buf_put_u64(&text, call->body_bytes);
        fields[count] = pair(STR("content-length"), buf_str(&text));
        fields[count++].flags = NGHTTP2_NV_FLAG_NONE;
    }
    call->all_sent = !has_body;
    call->head_sent = true;
    call->stream = nghttp2_submit_request(conn->session, NULL, fields, count,
                                          has_body ? &provider : NULL, call);
    if (call->stream < 0) {
        struct client_failure failure;
        client_failure_set(&failure, ERR_UNAVAILABLE, "stream-reset", "no stream is left: %s",
                           nghttp2_strerror(call->stream));
        conn->going = true;
        call->retry = true;
        client_conn_detach(call);
        call_fail(call, &failure);
    }
}

void http2_resume(struct client_conn *conn, struct client_call *call)
{
    if (!call->deferred)
        return;
    call->deferred = false;
    nghttp2_session_resume_data(conn->session, call->stream);
}

void http2_consume(struct client_conn *conn, struct client_call *call, size_t len)
{
    if (conn->session && len)
        nghttp2_session_consume(conn->session, call->stream, len);
}

void http2_reset(struct client_conn *conn, struct client_call *call)
{
    unread_consume(conn, call);
    nghttp2_session_set_stream_user_data(conn->session, call->stream, NULL);
    nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
}
