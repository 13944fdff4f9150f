/* http: request bytes out, one answer in. Framing follows RFC 9112, section 6. */
#include "http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10, IN_BYTES_MAX = 256 << 20, HEAD_BYTES_MAX = 64 << 10 };

void http_init(struct http_conn *conn)
{
    *conn = (struct http_conn){ .fd = -1, .patience = SECONDS(30) };
    buf_init(&conn->in, NULL, IN_BYTES_MAX);
}

void http_close(struct http_conn *conn)
{
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    conn->used = false;
    conn->consumed = 0;
    buf_clear(&conn->in);
}

enum err http_connect(struct http_conn *conn, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    http_close(conn);
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return err_errno("socket");
    if (connect(conn->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        enum err err = err_errno("connect");
        http_close(conn);
        return err;
    }
    return OK;
}

static enum err await(struct http_conn *conn, short events, span limit)
{
    struct pollfd poll_fd = { .fd = conn->fd, .events = events };
    int ready = poll(&poll_fd, 1, (int)(limit / 1000));
    if (ready < 0)
        return err_errno("poll");
    if (ready == 0)
        return err_set(ERR_TIMEOUT, NULL, "no answer within %lld ms", (long long)(limit / 1000));
    return OK;
}

enum err http_send(struct http_conn *conn, str bytes)
{
    while (bytes.len) {
        TRY(await(conn, POLLOUT, conn->patience));
        ssize_t sent = send(conn->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            continue;
        if (sent < 0)
            return err_errno("send");
        bytes = str_skip(bytes, (size_t)sent);
    }
    return OK;
}

/* *out_ended tells an ended connection from new bytes. A reset counts as an end. */
static enum err receive_more(struct http_conn *conn, span limit, bool *out_ended)
{
    *out_ended = false;
    TRY(await(conn, POLLIN, limit));
    char *room = buf_reserve(&conn->in, READ_BYTES);
    if (!room)
        return err_set(ERR_TOO_LARGE, NULL, "the answer is larger than %d bytes", IN_BYTES_MAX);
    ssize_t got = recv(conn->fd, room, READ_BYTES, 0);
    if (got < 0 && errno != ECONNRESET)
        return err_errno("recv");
    if (got > 0)
        buf_advance(&conn->in, (size_t)got);
    *out_ended = got <= 0;
    return OK;
}

static str pending(const struct http_conn *conn)
{
    return str_skip(buf_str(&conn->in), conn->consumed);
}

static str take(struct http_conn *conn, struct arena *arena, size_t len)
{
    str taken = arena_str(arena, str_sub(pending(conn), 0, len));
    conn->consumed += len;
    return taken;
}

static enum err need(struct http_conn *conn, size_t len)
{
    while (pending(conn).len < len) {
        bool ended;
        TRY(receive_more(conn, conn->patience, &ended));
        if (ended)
            return err_set(ERR_CORRUPT, "http", "the connection ended %zu bytes too early",
                           len - pending(conn).len);
    }
    return OK;
}

/* Receives until `mark` is there; *out_len counts it in. */
static enum err need_mark(struct http_conn *conn, str mark, size_t *out_len)
{
    for (;;) {
        ptrdiff_t at = str_find(pending(conn), mark);
        if (at >= 0) {
            *out_len = (size_t)at + mark.len;
            return OK;
        }
        if (pending(conn).len > HEAD_BYTES_MAX)
            return err_set(ERR_CORRUPT, "http", "no end of the head within %d bytes",
                           HEAD_BYTES_MAX);
        bool ended;
        TRY(receive_more(conn, conn->patience, &ended));
        if (ended && pending(conn).len == 0)
            return err_set(ERR_UNAVAILABLE, "http", "the connection ended without an answer");
        if (ended)
            return err_set(ERR_CORRUPT, "http", "the connection ended within the head");
    }
}

static enum err check_head(const struct http_answer *answer)
{
    str rest = answer->head, line;
    str_cut(&rest, '\n', &line);
    while (str_cut(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        ptrdiff_t colon = str_find_char(line, ':');
        if (colon <= 0 || !str_ends(line, STR("\r")) || line.ptr[colon - 1] == ' ')
            return err_set(ERR_CORRUPT, "http", "not a header line: %.*s", STR_ARG(line));
    }
    return OK;
}

static enum err receive_head(struct http_conn *conn, struct arena *arena,
                             struct http_answer *out_answer)
{
    size_t len;
    int64_t status;
    TRY(need_mark(conn, STR("\r\n\r\n"), &len));
    str head = take(conn, arena, len);
    str code = str_sub(head, 9, 3);
    if (!str_starts(head, STR("HTTP/1.")) || head.ptr[8] != ' ' || !str_parse_i64(code, &status) ||
        status < 100 || status > 599)
        return err_set(ERR_CORRUPT, "http", "not a status line: %.*s",
                       STR_ARG(str_sub(head, 0, 40)));
    out_answer->status = (unsigned)status;
    out_answer->head = str_sub(head, 0, len - 2);
    return check_head(out_answer);
}

/* RFC 9112, section 7.1. */
static enum err receive_chunks(struct http_conn *conn, struct arena *arena, str *out_body)
{
    struct buf body;
    buf_init(&body, arena, IN_BYTES_MAX);
    for (;;) {
        size_t line_len, size_bytes = 0, digits = 0;
        TRY(need_mark(conn, STR("\r\n"), &line_len));
        str line = take(conn, arena, line_len);
        for (; digits < 8 && isxdigit((unsigned char)line.ptr[digits]); digits++) {
            char c = line.ptr[digits];
            size_bytes = size_bytes * 16 + (size_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        }
        if (digits == 0 || (line.ptr[digits] != '\r' && line.ptr[digits] != ';'))
            return err_set(ERR_CORRUPT, "http", "not a chunk size: %.*s", STR_ARG(str_trim(line)));
        if (size_bytes == 0)
            break;
        TRY(need(conn, size_bytes + 2));
        str chunk = take(conn, arena, size_bytes + 2);
        if (!str_ends(chunk, STR("\r\n")))
            return err_set(ERR_CORRUPT, "http", "a chunk is longer than its size");
        buf_put(&body, str_sub(chunk, 0, size_bytes));
    }
    size_t trailer_len = 0;
    while (trailer_len != 2) {
        TRY(need_mark(conn, STR("\r\n"), &trailer_len));
        conn->consumed += trailer_len;
    }
    if (body.overflowed)
        return err_set(ERR_TOO_LARGE, NULL, "the answer is larger than %d bytes", IN_BYTES_MAX);
    *out_body = buf_str(&body);
    return OK;
}

static enum err receive_rest(struct http_conn *conn, struct arena *arena, str *out_body)
{
    bool ended = false;
    while (!ended)
        TRY(receive_more(conn, conn->patience, &ended));
    *out_body = take(conn, arena, pending(conn).len);
    return OK;
}

static enum err receive_body(struct http_conn *conn, struct arena *arena,
                             struct http_answer *answer)
{
    str length, coding;
    uint64_t size_bytes;
    bool has_length = http_header(answer, arena, STR("Content-Length"), &length);
    bool has_coding = http_header(answer, arena, STR("Transfer-Encoding"), &coding);
    if (has_length && has_coding)
        return err_set(ERR_CORRUPT, "http", "both Content-Length and Transfer-Encoding");
    if (has_coding && !str_eq_nocase(coding, STR("chunked")))
        return err_set(ERR_CORRUPT, "http", "unknown Transfer-Encoding %.*s", STR_ARG(coding));
    if (has_coding)
        return receive_chunks(conn, arena, &answer->body);
    if (!has_length) {
        answer->closes = true;
        return receive_rest(conn, arena, &answer->body);
    }
    if (!str_parse_u64(length, &size_bytes) || size_bytes > IN_BYTES_MAX)
        return err_set(ERR_CORRUPT, "http", "Content-Length %.*s", STR_ARG(length));
    TRY(need(conn, size_bytes));
    answer->body = take(conn, arena, size_bytes);
    return OK;
}

enum err http_receive(struct http_conn *conn, struct arena *arena, bool bodiless,
                      struct http_answer *out_answer)
{
    struct http_answer answer = { 0 };
    str connection;
    do
        TRY(receive_head(conn, arena, &answer));
    while (answer.status < 200);
    answer.closes = http_header(&answer, arena, STR("Connection"), &connection) &&
                    str_eq_nocase(connection, STR("close"));
    if (!bodiless && answer.status != 204 && answer.status != 304)
        TRY(receive_body(conn, arena, &answer));
    conn->used = true;
    if (pending(conn).len == 0) {
        buf_clear(&conn->in);
        conn->consumed = 0;
    }
    *out_answer = answer;
    return OK;
}

enum err http_await_close(struct http_conn *conn, span limit)
{
    bool ended = false;
    if (pending(conn).len == 0) {
        enum err err = receive_more(conn, limit, &ended);
        if (err == ERR_TIMEOUT)
            return err_set(ERR_TIMEOUT, NULL, "the server keeps the connection open");
        TRY(err);
    }
    if (!ended)
        return err_set(ERR_CORRUPT, "http", "more bytes instead of an end: %.*s",
                       STR_ARG(str_sub(pending(conn), 0, 100)));
    return OK;
}

bool http_header(const struct http_answer *answer, struct arena *arena, str name, str *out_value)
{
    struct buf value;
    str rest = answer->head, line, field;
    bool found = false;
    buf_init(&value, arena, HEAD_BYTES_MAX);
    str_cut(&rest, '\n', &line);
    while (str_cut(&rest, '\n', &line)) {
        if (!str_cut(&line, ':', &field) || !str_eq_nocase(field, name))
            continue;
        if (found)
            buf_put(&value, STR(", "));
        buf_put(&value, str_trim(line));
        found = true;
    }
    if (found)
        *out_value = buf_str(&value);
    return found;
}
