/* request: requests with headers and body, and the raw connection for what no client would send. */
#include "world.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

enum { REQUEST_BYTES_MAX = 128 << 20, UPLOAD_BYTES_MAX = 64 << 20 };

struct request {
    struct buf head; /* request line and headers so far */
    str body;
    bool has_body, has_host, chunked;
};

static bool is_header(str text)
{
    ptrdiff_t colon = str_find_char(text, ':');
    for (ptrdiff_t i = 0; i < colon; i++)
        if (!isalnum((unsigned char)text.ptr[i]) && text.ptr[i] != '-')
            return false;
    return colon > 0 && ((size_t)colon + 1 == text.len || text.ptr[colon + 1] == ' ');
}

static void add_header(struct request *request, str line)
{
    request->has_host = request->has_host || str_starts(line, STR("Host:"));
    buf_put(&request->head, line);
    buf_put(&request->head, STR("\r\n"));
}

/* One line below the request line; *out_part is false when the request ended before it. */
static enum err add_part(struct world *world, const struct line *line, struct request *request,
                         bool *out_part)
{
    str rest = line->text, filled;
    *out_part = true;
    if (is_header(line->text)) {
        TRY(world_fill(world, line->text, &filled));
        add_header(request, filled);
        return OK;
    }
    str word = script_word(&rest);
    if (str_eq(word, STR("json")) || str_eq(word, STR("text"))) {
        if (str_eq(word, STR("json")))
            add_header(request, STR("Content-Type: application/json"));
        request->has_body = true;
        return world_fill(world, line->attached.ptr ? line->attached : rest, &request->body);
    }
    if (str_eq(word, STR("upload"))) {
        str name;
        TRY(world_name(world, &rest, &name));
        request->has_body = true;
        if (script_slurp(&world->lasting, world_path(world, name), UPLOAD_BYTES_MAX,
                         &request->body) != OK)
            return world_fail_with(world, "upload");
        return OK;
    }
    request->chunked = request->chunked || str_eq(line->text, STR("chunked"));
    *out_part = str_eq(line->text, STR("chunked"));
    return OK;
}

static str finish(struct world *world, struct request *request)
{
    struct buf *out = &request->head;
    if (!request->has_host)
        buf_printf(out, "Host: 127.0.0.1:%u\r\n", world->port);
    if (request->chunked) {
        buf_printf(out, "Transfer-Encoding: chunked\r\n\r\n");
        if (request->body.len)
            buf_printf(out, "%zx\r\n", request->body.len);
        buf_put(out, request->body);
        buf_put(out, request->body.len ? STR("\r\n0\r\n\r\n") : STR("0\r\n\r\n"));
    } else if (request->has_body) {
        buf_printf(out, "Content-Length: %zu\r\n\r\n", request->body.len);
        buf_put(out, request->body);
    } else {
        buf_put(out, STR("\r\n"));
    }
    return buf_str(out);
}

static void forget_answer(struct world *world)
{
    cJSON_Delete(world->json);
    world->json = NULL;
    world->has_answer = false;
    arena_reset(&world->answer_memory);
}

static enum err receive(struct world *world, bool bodiless)
{
    forget_answer(world);
    if (http_receive(&world->conn, &world->answer_memory, bodiless, &world->answer) != OK) {
        http_close(&world->conn);
        return world_fail_with(world, "the answer");
    }
    world->has_answer = true;
    world->shared->answers[world->answer.status]++;
    three_note(world, false);
    return OK;
}

/* A kept connection the server has closed meanwhile shows as readable. */
static bool is_stale(const struct http_conn *conn)
{
    struct pollfd poll_fd = { .fd = conn->fd, .events = POLLIN };
    return conn->fd < 0 || poll(&poll_fd, 1, 0) != 0;
}

static enum err connected(struct world *world)
{
    if (world->port == 0)
        return world_fail(world, "no server was started");
    uint16_t port = world->three ? world->ports[world->place] : world->port;
    bool ended = world->has_answer && world->answer.closes; /* by what `receive` read */
    if ((ended || is_stale(&world->conn)) && http_connect(&world->conn, port) != OK)
        return world_fail_with(world, "the server does not accept");
    return OK;
}

static enum err perform(struct world *world, struct request *request, bool bodiless)
{
    str bytes = finish(world, request);
    if (request->head.overflowed)
        return world_fail(world, "the request is longer than %d bytes", REQUEST_BYTES_MAX);
    TRY(connected(world));
    /* A server may answer and close before it has read everything: its answer is what counts. */
    enum err sent = http_send(&world->conn, bytes);
    if (sent == ERR_TIMEOUT)
        return world_fail_with(world, "sending the request");
    TRY(receive(world, bodiless));
    if (world->answer.closes)
        http_close(&world->conn);
    return OK;
}

bool request_run(struct world *world, const struct line *line, enum err *out_err)
{
    struct request request = { 0 };
    str rest = line->text, path, method = script_word(&rest);
    bool part = true;
    if (method.len < 3 || !str_starts(rest, STR("/")))
        return false;
    for (size_t i = 0; i < method.len; i++)
        if (!isupper((unsigned char)method.ptr[i]))
            return false;
    buf_init(&request.head, NULL, REQUEST_BYTES_MAX);
    *out_err = world_fill(world, rest, &path);
    if (*out_err == OK)
        buf_printf(&request.head, "%.*s %.*s HTTP/1.1\r\n", STR_ARG(method), STR_ARG(path));
    while (*out_err == OK && world->at < world->script->count) {
        *out_err = add_part(world, &world->script->lines[world->at], &request, &part);
        if (!part)
            break;
        world->at++;
    }
    if (*out_err == OK)
        three_route(world, path);
    if (*out_err == OK)
        *out_err = perform(world, &request, str_eq(method, STR("HEAD")));
    buf_deinit(&request.head);
    return true;
}

enum err raw_connect(struct world *world, const struct line *line, str rest)
{
    (void)line, (void)rest;
    http_close(&world->conn);
    three_route(world, STR("/"));
    return connected(world);
}

/* send "text" [times N], or send <<WORD with CR LF put at the end of each line. */
enum err raw_send(struct world *world, const struct line *line, str rest)
{
    uint64_t times = 1;
    str text;
    ptrdiff_t last_quote = str_find_last_char(rest, '"');
    str after = str_trim(str_skip(rest, (size_t)(last_quote + 1)));
    if (world->conn.fd < 0)
        return world_fail(world, "the connection is closed");
    if (line->attached.ptr) {
        struct buf lines;
        str left, one;
        TRY(world_fill(world, line->attached, &left));
        buf_init(&lines, &world->lasting, REQUEST_BYTES_MAX);
        while (str_cut(&left, '\n', &one))
            buf_printf(&lines, left.ptr ? "%.*s\r\n" : "%.*s", STR_ARG(one));
        text = buf_str(&lines);
    } else {
        if (last_quote >= 0)
            rest = str_sub(rest, 0, (size_t)last_quote + 1);
        TRY(expect_operand(world, rest, &text));
    }
    if (last_quote >= 0 && after.len &&
        (!str_eq(script_word(&after), STR("times")) || !str_parse_u64(after, &times)))
        return world_fail(world, "after the text only: times N");
    for (uint64_t i = 0; i < times; i++) {
        /* What the server refuses to read shows in its answer or in `closed`. */
        enum err sent = http_send(&world->conn, text);
        if (sent == ERR_TIMEOUT)
            return world_fail_with(world, "send");
        if (sent != OK)
            break;
    }
    return OK;
}

enum err raw_receive(struct world *world, const struct line *line, str rest)
{
    (void)line;
    if (world->conn.fd < 0)
        return world_fail(world, "the connection is closed");
    return receive(world, str_eq(rest, STR("head")));
}

enum err raw_closed(struct world *world, const struct line *line, str rest)
{
    (void)line;
    span limit = SECONDS(10);
    str word = script_word(&rest);
    if (word.len && (!str_eq(word, STR("within")) || !script_parse_span(rest, &limit)))
        return world_fail(world, "closed within 10s");
    if (world->conn.fd < 0)
        return world_fail(world, "the connection was closed by the scenario itself");
    if (http_await_close(&world->conn, limit) != OK)
        return world_fail_with(world, "closed");
    http_close(&world->conn);
    return OK;
}

enum err raw_hangup(struct world *world, const struct line *line, str rest)
{
    (void)line, (void)rest;
    http_close(&world->conn);
    return OK;
}
