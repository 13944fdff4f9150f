/* client_http1: a call on a connection of HTTP/1.1 (RFC 9112): its head and body, its answer. */
#include "client_impl.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK_HEAD_BYTES = 8, CHUNK_TAIL_BYTES = 2, PART_BYTES = 16 << 10 };

/* --- Out ------------------------------------------------------------------------------------ */

static bool is_chunked(const struct client_call *call)
{
    return call->streamed && call->body_bytes == HTTP_SIZE_UNKNOWN;
}

static void head_put(struct buf *out, const struct client_call *call)
{
    bool has_body = call->streamed || call->body_bytes ||
                    (call->method != METHOD_GET && call->method != METHOD_HEAD &&
                     call->method != METHOD_OPTIONS);
    buf_put(out, http_method_name(call->method));
    buf_put_char(out, ' ');
    buf_put(out, call->target);
    buf_put(out, STR(" HTTP/1.1\r\nHost: "));
    buf_put(out, call->authority);
    buf_put(out, STR("\r\n"));
    for (unsigned i = 0; i < call->fields_count; i++) {
        buf_put(out, call->fields[i].name);
        buf_put(out, STR(": "));
        buf_put(out, call->fields[i].value);
        buf_put(out, STR("\r\n"));
    }
    if (is_chunked(call))
        buf_put(out, STR("Transfer-Encoding: chunked\r\n"));
    else if (has_body)
        buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)call->body_bytes);
    buf_put(out, STR("\r\n"));
}

static size_t head_bytes_max(const struct client_call *call)
{
    size_t len = 256 + call->target.len + call->authority.len;
    for (unsigned i = 0; i < call->fields_count; i++)
        len += call->fields[i].name.len + call->fields[i].value.len + 4;
    return len;
}

static bool head_pull(struct client_conn *conn, struct client_call *call)
{
    size_t bytes = head_bytes_max(call);
    char *room = client_conn_room(conn, bytes);
    struct buf out;
    if (!room)
        return false;
    buf_init_fixed(&out, room, bytes);
    head_put(&out, call);
    ASSERT(!out.overflowed);
    conn->out_len += out.len;
    call->head_sent = true;
    return true;
}

bool http1_pull(struct client_conn *conn)
{
    struct client_call *call = conn->calls;
    if (!call || call->all_sent)
        return false;
    if (!call->head_sent && !head_pull(conn, call))
        return false;
    char *room = client_conn_room(conn, PART_BYTES + 32);
    if (!room)
        return true; /* send first */
    bool last, chunked = is_chunked(call);
    size_t framing = chunked ? CHUNK_HEAD_BYTES : 0;
    size_t len = call_pull(call, room + framing, PART_BYTES, &last);
    if (chunked && len) {
        char head[24];
        snprintf(head, sizeof(head), "%06zx\r\n", len);
        memcpy(room, head, CHUNK_HEAD_BYTES);
        memcpy(room + framing + len, "\r\n", CHUNK_TAIL_BYTES);
        conn->out_len += framing + CHUNK_TAIL_BYTES;
    }
    conn->out_len += len;
    if (last && chunked) {
        memcpy(conn->out + conn->out_len, "0\r\n\r\n", 5);
        conn->out_len += 5;
    }
    call->all_sent = last;
    return len > 0;
}

/* --- In ------------------------------------------------------------------------------------- */

static bool on_field(void *arg, str name, str value, bool trailer)
{
    struct client_conn *conn = arg;
    return conn->calls && call_field(conn->calls, name, value, trailer);
}

static bool on_head(void *arg, unsigned status)
{
    struct client_conn *conn = arg;
    struct client_call *call = conn->calls;
    if (!call)
        return false;
    call_head(call, status);
    const llhttp_t *llhttp = &conn->parser.llhttp;
    if (status >= 200 && (llhttp->flags & F_CONTENT_LENGTH))
        call->length = llhttp->content_length;
    return true;
}

static bool on_body(void *arg, str bytes)
{
    struct client_conn *conn = arg;
    if (!conn->calls)
        return false;
    call_body(conn->calls, bytes);
    return true;
}

void http1_begin(struct client_conn *conn)
{
    conn->sink = (struct client_sink){ conn, on_field, on_head, on_body };
    client_parser_init(&conn->parser, &conn->sink, conn->client->settings.head_bytes_max);
}

static void answer_end(struct client_conn *conn, bool reusable)
{
    struct client_call *call = conn->calls;
    reusable = reusable && call->all_sent && conn->parser.keep_alive;
    conn->going = !reusable;
    client_conn_detach(call);
    call_complete(call);
    if (!reusable)
        client_conn_close(conn);
}

void http1_feed(struct client_conn *conn, const char *bytes, size_t len)
{
    size_t used;
    struct client_call *call = conn->calls;
    if (!call) { /* nobody asked: whatever it is, it must not answer the next call */
        client_conn_close(conn);
        return;
    }
    call->begun = true;
    switch (client_parse(&conn->parser, bytes, len, &used)) {
    case PARSE_OK:
        if (conn->parser.complete)
            answer_end(conn, used == len);
        else
            call_wake(call);
        return;
    case PARSE_TOO_LARGE:
        client_conn_fail(conn, ERR_TOO_LARGE, "answer-head-too-large",
                         "the head of the answer of %s is too large", conn->origin->host);
        return;
    case PARSE_REFUSED:
    case PARSE_BAD:
        client_conn_fail(conn, ERR_CORRUPT, "bad-answer",
                         "%s answered something that is not well-formed HTTP/1.1",
                         conn->origin->host);
        return;
    }
}

void http1_eof(struct client_conn *conn)
{
    if (conn->calls && client_parse_end(&conn->parser))
        answer_end(conn, false);
}
