/* control: one request a connection, answers read to their end. */
#include "control.h"

#include "app.h"
#include "foundation/mem/buf.h"
#include "foundation/shape/shape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_BYTES_MAX = 8 << 20,
    TIMEOUT_S = 60,
    BUSY_S = 60, /* how long a busy server is asked again, */
    PAUSE_S = 5, /* and the longest pause meanwhile, whatever it says */
    HANDOVER_ROUNDS = 100,
    HANDOVER_PAUSE_MS = 100
};

static enum err connect_to(const char *folder, int *out_fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval timeout = { .tv_sec = TIMEOUT_S };
    TRY(data_control_path(folder, address.sun_path, sizeof(address.sun_path)));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        *out_fd = fd;
        return OK;
    }
    close(fd);
    return err_set(ERR_UNAVAILABLE, "no-server", "no process serves %s", folder);
}

static enum err send_all(int fd, str bytes)
{
    while (bytes.len) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EPIPE)
            return OK; /* gone, or refused already: what it answered tells */
        if (sent < 0)
            return err_errno("the server's control socket");
        bytes = str_skip(bytes, (size_t)sent);
    }
    return OK;
}

static enum err receive_all(int fd, struct buf *answer)
{
    for (;;) {
        char *room = buf_reserve(answer, KIB(16));
        if (!room)
            return err_set(ERR_TOO_LARGE, NULL, "the server's answer is too long");
        ssize_t got = recv(fd, room, KIB(16), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != ECONNRESET)
            return err_errno("the server's control socket");
        if (got <= 0)
            return OK;
        buf_advance(answer, (size_t)got);
    }
}

/* Of a head; in seconds, as our server says it (RFC 9110 section 10.2.3). */
static unsigned retry_after(str head)
{
    static const str name = STR_INIT("\r\nRetry-After: ");
    uint64_t seconds;
    ptrdiff_t at = str_find(head, name);
    if (at < 0)
        return 0;
    str value = str_skip(head, (size_t)at + name.len);
    ptrdiff_t end = str_find_char(value, '\r');
    if (end >= 0)
        value = str_sub(value, 0, (size_t)end);
    if (!str_parse_u64(value, &seconds) || seconds > PAUSE_S)
        return PAUSE_S;
    return seconds ? (unsigned)seconds : 1;
}

/* The server answers commands with a Content-Length and closes, as asked: the rest is the body. */
static enum err parse_answer(str text, struct control_answer *out_answer)
{
    ptrdiff_t end = str_find(text, STR("\r\n\r\n"));
    uint64_t status;
    if (end < 0 || !str_starts(text, STR("HTTP/1.1 ")) ||
        !str_parse_u64(str_sub(text, 9, 3), &status))
        return err_set(ERR_INTERNAL, NULL, "the server's answer is not HTTP");
    out_answer->status = (unsigned)status;
    out_answer->retry_after_s = retry_after(str_sub(text, 0, (size_t)end));
    out_answer->body = str_skip(text, (size_t)end + 4);
    return OK;
}

enum err control_ask(struct arena *arena, const char *folder, const char *method, const char *path,
                     str body, struct control_answer *out_answer)
{
    struct buf answer;
    int fd;
    TRY(connect_to(folder, &fd));
    str head = arena_printf(arena,
                            "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            method, path, body.len);
    buf_init(&answer, arena, ANSWER_BYTES_MAX);
    enum err result = send_all(fd, head);
    if (result == OK)
        result = send_all(fd, body);
    if (result == OK)
        result = receive_all(fd, &answer);
    close(fd);
    TRY(result);
    if (answer.len == 0)
        return err_set(ERR_UNAVAILABLE, "no-server", "the process that served %s has gone", folder);
    return parse_answer(buf_str(&answer), out_answer);
}

struct problem {
    str detail;
};
SHAPE_FORGIVING(problem_shape, struct problem, FIELD(struct problem, detail));

static enum err refused(struct arena *arena, const struct control_answer *answer)
{
    struct problem problem = { STR_NONE };
    enum err code = answer->retry_after_s   ? ERR_TIMEOUT
                    : answer->status == 503 ? ERR_UNAVAILABLE
                                            : ERR_INVALID;
    if (shape_parse_json(arena, &problem_shape, answer->body, &problem) != OK ||
        !problem.detail.len)
        problem.detail = STR("the server refused");
    return err_set(code, "refused", "%.*s", STR_ARG(problem.detail));
}

enum err control_call(struct arena *arena, const char *folder, const char *method, const char *path,
                      str body, str *out_body)
{
    struct control_answer answer;
    instant until = clock_mono() + SECONDS(BUSY_S);
    for (;;) {
        struct arena_mark mark = arena_mark(arena);
        TRY(control_ask(arena, folder, method, path, body, &answer));
        if (answer.status != 503 || answer.retry_after_s == 0 || clock_mono() >= until)
            break;
        arena_rewind(arena, mark);
        nanosleep(&(struct timespec){ .tv_sec = answer.retry_after_s }, NULL);
    }
    if (answer.status >= 400)
        return refused(arena, &answer);
    *out_body = answer.body;
    return OK;
}

/*
 * Nobody serves the folder: for the time of the command this process does, for itself alone, so
 * that the work is done in one way.
 */
static enum err serve_alone(struct arena *arena, control_fn fn)
{
    struct data *data;
    struct server *server;
    struct server_spec spec = { .cores = 1 };
    struct server_bound none = { 0 };
    TRY(data_open(app_data_folder(), &data));
    enum err result = server_start(data, &spec, &server, &none);
    if (result == OK) {
        result = fn(arena, app_data_folder());
        server_stop(server, app_settings.drain_timeout);
    }
    data_close(data);
    return result;
}

static bool failed_by(const char *slug)
{
    return str_eq(str_of(err_slot()->slug), str_of(slug));
}

/*
 * Another command may have the folder for a moment before it answers, or have gone just now: then
 * it is asked again, until somebody serves or the folder is ours.
 */
enum err app_with_server(struct arena *arena, control_fn fn)
{
    for (unsigned round = 0;; round++) {
        enum err result = fn(arena, app_data_folder());
        if (result != ERR_UNAVAILABLE || !failed_by("no-server"))
            return result;
        result = serve_alone(arena, fn);
        bool taken = result == ERR_CONFLICT && failed_by("data-in-use");
        bool left = result == ERR_UNAVAILABLE && failed_by("no-server");
        if ((!taken && !left) || round >= HANDOVER_ROUNDS)
            return result;
        nanosleep(&(struct timespec){ 0, HANDOVER_PAUSE_MS * 1000000L }, NULL);
    }
}
