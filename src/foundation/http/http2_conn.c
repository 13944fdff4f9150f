/*
 * http2_conn: a connection's session: its beginning, nghttp2's callbacks, what goes in and out in a
 * turn, time-outs, drain and end.
 */
#include "http2.h"

#include "foundation/mem/heap.h"

#include <string.h>

static const char preface[] = NGHTTP2_CLIENT_MAGIC;
enum { PREFACE_BYTES = NGHTTP2_CLIENT_MAGIC_LEN, FAREWELL_MS = 200 };

/* --- nghttp2's callbacks -------------------------------------------------------------------- */

static int gave_up(struct http2 *http2, uint32_t error)
{
    http2->error = error;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *owner)
{
    struct http2 *http2 = owner;
    (void)session;
    return http2_budget_spend(http2, frame) ? 0 : gave_up(http2, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    struct http2 *http2 = owner;
    http2->block_bytes = 0;
    http2->heading = NULL;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    http2->heading = http2_stream_begin(http2, frame->hd.stream_id);
    if (!http2->heading)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_REFUSED_STREAM);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *owner)
{
    struct http2 *http2 = owner;
    struct http_field field = { { (const char *)name, name_len },
                                { (const char *)value, value_len } };
    (void)session, (void)frame, (void)flags;
    http2->block_bytes += name_len + value_len;
    if (http2->block_bytes > HTTP2_BLOCK_BYTES_MAX)
        return gave_up(http2, NGHTTP2_ENHANCE_YOUR_CALM);
    /* Trailers are taken and forgotten: nothing may depend on them (RFC 9110 section 6.5.1). */
    if (http2->heading)
        http2_field_add(http2->heading, &field);
    return 0;
}

/* nghttp2 would leave the field out; what HTTP/1 refuses is refused. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *owner)
{
    struct http2 *http2 = owner;
    (void)session, (void)frame, (void)name, (void)name_len, (void)value, (void)value_len;
    (void)flags;
    if (http2->heading)
        http2_field_refuse(http2->heading);
    return 0;
}

/* RFC 7541 section 4.2: nghttp2 says that we know, we stop to use what is forgotten. */
static void settings_take(struct http2 *http2, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++)
        if (settings->iv[i].settings_id == NGHTTP2_SETTINGS_HEADER_TABLE_SIZE)
            http2_table_limit(&http2->table, settings->iv[i].value);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    bool headers = frame->hd.type == NGHTTP2_HEADERS;
    if (frame->hd.type == NGHTTP2_SETTINGS)
        settings_take(owner, &frame->settings);
    if (!headers && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct http2_stream *stream =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!stream)
        return 0;
    if (headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        stream->ended = ended;
        http2_request_begin(stream);
    } else if (ended) {
        http2_body_end(stream);
    }
    /* The handler may have ended it all by now. */
    stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (stream)
        http2_stream_step(stream);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *owner)
{
    struct http2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    (void)flags, (void)owner;
    if (!stream) {
        nghttp2_session_consume(session, id, len);
        return 0;
    }
    http2_body_add(stream, (str){ (const char *)data, len });
    http2_stream_step(stream);
    return 0;
}

static int on_send(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS || http2_block_write(owner, frame))
        return 0;
    return NGHTTP2_ERR_CANCEL;
}

/* The end of an answer. If the request's body is not in yet, the client need not go on with it. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
    bool headers = frame->hd.type == NGHTTP2_HEADERS;
    (void)owner;
    if ((!headers && frame->hd.type != NGHTTP2_DATA) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    if (headers)
        http2_answer_end(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
    if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_NO_ERROR);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *owner)
{
    struct http2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    (void)error, (void)owner;
    if (stream)
        http2_stream_abort(stream);
    return 0;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct http_server *server = CONTAINER_OF(prepare, struct http_server, flush);
    while (server->flush_first) {
        struct http2 *http2 = server->flush_first;
        server->flush_first = http2->flush_next;
        http2->flush_wanted = false;
        conn_pump(http2->conn);
    }
    uv_prepare_stop(prepare);
}

void http2_server_init(struct http_server *server)
{
    nghttp2_session_callbacks *callbacks;
    ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, http2_on_send_data);
    ASSERT(nghttp2_option_new(&server->http2_option) == 0);
    nghttp2_option_set_no_auto_window_update(server->http2_option, 1);
    nghttp2_option_set_no_closed_streams(server->http2_option, 1);
    nghttp2_option_set_max_outbound_ack(server->http2_option, 100);
    server->http2_callbacks = callbacks;
    server->http2_blocks = http2_memory_open();
    server->http2_words = http2_words_open();
    uv_prepare_init(server->uv, &server->flush);
}

void http2_server_deinit(struct http_server *server)
{
    nghttp2_session_callbacks_del(server->http2_callbacks);
    nghttp2_option_del(server->http2_option);
    http2_memory_close(server->http2_blocks);
    http2_words_close(server->http2_words);
}

/* --- Beginning ------------------------------------------------------------------------------ */

bool http2_is_asked_for(const struct conn *conn)
{
    size_t len = MIN_OF(conn_in_bytes(conn), (size_t)PREFACE_BYTES);
    if (conn->entry == HTTP_ENTRY_REDIRECT)
        return false;
    if (conn->entry == HTTP_ENTRY_TLS)
        return net_tls_is_http2(&conn->socket);
    return memcmp(conn->in + conn->in_at, preface, len) == 0;
}

bool http2_greet(struct conn *conn)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    struct http_server *server = conn->server;
    if (conn->entry == HTTP_ENTRY_CLEAR && conn_in_bytes(conn) < PREFACE_BYTES) {
        if (conn->eof)
            conn_kill(conn);
        return false;
    }
    struct http2 *http2 = HEAP_NEW(struct http2);
    http2->conn = conn;
    if (!http2_session_new(http2)) {
        heap_free(http2);
        conn_kill(conn);
        return false;
    }
    http2_budget_init(http2);
    nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW);
    conn->http2 = http2;
    if (server->draining)
        http2_drain(conn);
    return true;
}

/* --- In and out ----------------------------------------------------------------------------- */

static uint32_t error_of(const struct http2 *http2, ssize_t result)
{
    if (http2->error)
        return http2->error;
    switch (result) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
        return NGHTTP2_ENHANCE_YOUR_CALM;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return NGHTTP2_PROTOCOL_ERROR;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}

static void feed(struct http2 *http2)
{
    struct conn *conn = http2->conn;
    size_t len = conn_in_bytes(conn);
    const char *bytes = len ? conn->in + conn->in_at : NULL;
    conn->in_at = conn->in_len;
    if (!bytes || http2->finished)
        return;
    http2->feeding = true;
    ssize_t result = nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes, len);
    http2->feeding = false;
    if (result < 0)
        http2_fail(http2, error_of(http2, result));
}

static bool may_write(const struct http2 *http2)
{
    const struct conn *conn = http2->conn;
    return !conn->dead && !conn->blocked && !conn->pending_len && !http2->finished;
}

static void drain_out(struct http2 *http2)
{
    struct conn *conn = http2->conn;
    struct http_server *server = conn->server;
    const uint8_t *bytes;
    while (may_write(http2)) {
        if (!out_room(conn, HTTP2_ROOM_BYTES))
            return;
        ASSERT(!server->http2_sending); /* sessions share the buffer of their frames */
        server->http2_sending = true;
        ssize_t len = nghttp2_session_mem_send(http2->session, &bytes);
        server->http2_sending = false;
        if (len < 0)
            http2_fail(http2, NGHTTP2_INTERNAL_ERROR);
        if (len < 0 || (len == 0 && !http2->data_sent))
            return;
        http2->data_sent = false;
        if (len)
            http2_frame_put(http2, bytes, (size_t)len);
    }
}

bool http2_step(struct conn *conn)
{
    struct http2 *http2 = conn->http2;
    http2->turn_bytes = 0;
    http2->date_known = false;
    http2->turn_at = clock_mono();
    feed(http2);
    drain_out(http2);
    if (!http2->finished && !nghttp2_session_want_read(http2->session) &&
        !nghttp2_session_want_write(http2->session)) {
        http2->finished = true; /* it has said why */
        conn->closing = true;
        while (http2->first)
            http2_stream_abort(http2->first);
    }
    return false;
}

/* Written by hand, because nghttp2 says nothing more after a failed callback. */
void http2_fail(struct http2 *http2, uint32_t error)
{
    struct conn *conn = http2->conn;
    uint32_t last = (uint32_t)nghttp2_session_get_last_proc_stream_id(http2->session);
    const unsigned char frame[] = { 0,
                                    0,
                                    8,
                                    NGHTTP2_GOAWAY,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    (unsigned char)(last >> 24),
                                    (unsigned char)(last >> 16),
                                    (unsigned char)(last >> 8),
                                    (unsigned char)last,
                                    0,
                                    0,
                                    0,
                                    (unsigned char)error };
    http2->finished = true;
    conn->closing = true;
    while (http2->first)
        http2_stream_abort(http2->first);
    if (!conn->dead && !conn->pending_len)
        out_put(conn, (str){ (const char *)frame, sizeof(frame) });
}

void http2_flush_soon(struct http2 *http2)
{
    struct http_server *server = http2->conn->server;
    if (http2->flush_wanted || http2->feeding || server->closing)
        return;
    if (!server->flush_first)
        uv_prepare_start(&server->flush, on_prepare);
    http2->flush_wanted = true;
    http2->flush_next = server->flush_first;
    server->flush_first = http2;
}

/* --- Waiting -------------------------------------------------------------------------------- */

/* Who can send no frame any more can open no window either: what is sent by now is all. */
bool http2_is_idle(const struct conn *conn)
{
    return conn->http2->live == 0 || conn->eof;
}

static bool waits_for_body(const struct http_exchange *exchange)
{
    return exchange->stream->heading || exchange->phase == PHASE_BODY || exchange->body_waiter;
}

enum timer_kind http2_timer_wanted(const struct conn *conn)
{
    const struct http2 *http2 = conn->http2;
    enum timer_kind kind = http2->live ? TIMER_NONE : TIMER_IDLE;
    if (http2->live && (conn->eof || conn->hangup))
        return TIMER_GONE;
    for (const struct http2_stream *stream = http2->first; stream; stream = stream->next) {
        if (waits_for_body(stream->exchange))
            return TIMER_BODY;
        if (stream->exchange->phase == PHASE_SEND)
            kind = TIMER_WRITE;
    }
    return kind;
}

/* A stream whose client neither sends nor takes anything: it alone ends, if the rest moves. */
static void stall_end(struct http2_stream *stream, uint64_t now_ms)
{
    struct http_exchange *exchange = stream->exchange;
    const struct timer_list *timers = exchange->conn->server->timers;
    bool body = waits_for_body(exchange);
    uint64_t age_ms = now_ms - stream->moved_ms;
    if (!body && exchange->phase != PHASE_SEND)
        return;
    if (age_ms < timers[body ? TIMER_BODY : TIMER_WRITE].after_ms)
        return;
    if (exchange->body_waiter) {
        exchange->body_failed = true; /* the handler is told, and answers */
        task_wake(exchange->body_waiter);
        return;
    }
    nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id,
                              NGHTTP2_CANCEL);
    http2_stream_abort(stream);
}

void http2_timed_out(struct conn *conn)
{
    struct http2 *http2 = conn->http2;
    uint64_t now_ms = uv_now(conn->server->uv);
    struct http2_stream *next;
    if (conn->blocked || conn->eof || conn->hangup || conn->lingering) {
        conn_kill(conn);
        return;
    }
    if (http2->live == 0)
        nghttp2_session_terminate_session(http2->session, NGHTTP2_NO_ERROR);
    for (struct http2_stream *stream = http2->first; stream; stream = next) {
        next = stream->next;
        if (stream->heading)
            conn_kill(conn); /* nothing else can be read before its end */
        else
            stall_end(stream, now_ms);
    }
}

void http2_drain(struct conn *conn)
{
    struct http2 *http2 = conn->http2;
    uint64_t now_ms = uv_now(conn->server->uv);
    if (http2->farewell == FAREWELL_NONE) {
        nghttp2_submit_shutdown_notice(http2->session);
        http2->farewell = FAREWELL_NOTICE;
        http2->farewell_at_ms = now_ms + FAREWELL_MS;
    } else if (http2->farewell == FAREWELL_NOTICE && now_ms >= http2->farewell_at_ms) {
        int32_t last = nghttp2_session_get_last_proc_stream_id(http2->session);
        nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
        http2->farewell = FAREWELL_LAST;
    } else {
        return;
    }
    conn_pump(conn);
}

static void flush_forget(struct http2 *http2)
{
    struct http2 **link = &http2->conn->server->flush_first;
    while (*link && *link != http2)
        link = &(*link)->flush_next;
    if (*link)
        *link = http2->flush_next;
}

void http2_end(struct conn *conn)
{
    struct http2 *http2 = conn->http2;
    while (http2->first)
        http2_stream_abort(http2->first);
    if (http2->flush_wanted)
        flush_forget(http2);
    nghttp2_session_del(http2->session);
    heap_free(http2);
    conn->http2 = NULL;
}
