/*
 * client: the loop. A connection keeps the bytes of heads only; what is left of a body is counted
 * down while the kernel discards it.
 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_BYTES = 4096, OUT_BYTES = 16 << 10, EVENTS = 256, DISCARD_BYTES = 1 << 20 };

struct connection {
    int fd;
    int waiting;     /* requests without a whole answer */
    unsigned oldest; /* index into begun of the oldest */
    instant begun[DEPTH_MAX];
    uint64_t body_left; /* of the answer being read */
    size_t in_len;
    char in[IN_BYTES];
    size_t out_at, out_len;
    char out[OUT_BYTES];
};

static struct {
    const struct client_plan *plan;
    struct client_result *result;
    int epoll;
    struct connection *connections;
    uint64_t number;   /* of the next request */
    uint64_t answered; /* since the start, warm-up included */
    bool measuring, over;
    instant began;
} run;

int client_connect(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        load_fail("127.0.0.1:%u: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void connection_open(struct connection *connection)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    memset(connection, 0, offsetof(struct connection, in));
    connection->out_at = connection->out_len = 0;
    connection->fd = client_connect(run.plan->port);
    if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        load_fail("epoll_ctl: %s", strerror(errno));
}

static void error_note(const char *what, long long detail)
{
    if (run.result->errors++ == 0)
        snprintf(run.result->problem, sizeof(run.result->problem), "%s (%lld)", what, detail);
}

/* --- sending -------------------------------------------------------------------------------- */

static void request_put(struct connection *connection)
{
    static const char mark[] = "########";
    const struct client_plan *plan = run.plan;
    str request = plan->requests[run.number % (uint64_t)plan->requests_count];
    char *at = connection->out + connection->out_len;
    if (request.len > sizeof(connection->out) - connection->out_len)
        load_fail("a request is longer than %d bytes", OUT_BYTES / DEPTH_MAX);
    memcpy(at, request.ptr, request.len);
    char *end = at + request.len;
    char *place = plan->numbered ? memmem(at, request.len, mark, sizeof(mark) - 1) : NULL;
    while (place) {
        char digits[16];
        snprintf(digits, sizeof(digits), "%08u",
                 (unsigned)((plan->number_first + run.number) % 100000000));
        memcpy(place, digits, sizeof(mark) - 1);
        place = memmem(place, (size_t)(end - place), mark, sizeof(mark) - 1);
    }
    connection->out_len += request.len;
    connection->begun[(connection->oldest + (unsigned)connection->waiting) % DEPTH_MAX] =
        clock_mono();
    connection->waiting++;
    run.number++;
}

static void want_writable(struct connection *connection, bool wanted)
{
    struct epoll_event event = { .events = EPOLLIN | (wanted ? EPOLLOUT : 0u),
                                 .data.ptr = connection };
    epoll_ctl(run.epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void flush(struct connection *connection)
{
    size_t left = connection->out_len - connection->out_at;
    ssize_t sent = send(connection->fd, connection->out + connection->out_at, left,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        connection->out_at += (size_t)sent;
    if (connection->out_at < connection->out_len) {
        want_writable(connection, true);
        return;
    }
    connection->out_at = connection->out_len = 0;
}

static void keep_busy(struct connection *connection)
{
    if (connection->out_len) /* the last ones are still being sent */
        return;
    while (connection->waiting < run.plan->depth && !run.over)
        request_put(connection);
    if (connection->out_len)
        flush(connection);
}

/* --- the window ----------------------------------------------------------------------------- */

static void window_open(instant now)
{
    run.measuring = true;
    run.result->requests = run.result->bytes = 0;
    memset(&run.result->latency, 0, sizeof(run.result->latency));
    run.began = now;
    run.result->begin = probe_read(&run.plan->probe);
}

static void window_close(void)
{
    run.result->end = probe_read(&run.plan->probe);
    run.result->elapsed = run.result->end.at - run.result->begin.at;
    run.over = true;
}

static void window_check(instant now)
{
    const struct client_plan *plan = run.plan;
    bool counted_out = plan->window_requests && run.result->requests >= plan->window_requests;
    if (!run.measuring) {
        if (now - run.began >= plan->warm && run.answered >= plan->warm_requests)
            window_open(now);
    } else if (!run.over && (now - run.began >= plan->window || counted_out)) {
        window_close();
    }
}

/* --- receiving ------------------------------------------------------------------------------ */

static void answer_done(struct connection *connection)
{
    instant now = clock_mono();
    latency_add(&run.result->latency, (uint64_t)(now - connection->begun[connection->oldest]));
    connection->oldest = (connection->oldest + 1) % DEPTH_MAX;
    connection->waiting--;
    run.answered++;
    if (!run.over)
        run.result->requests++;
    if (run.plan->window_requests || run.plan->warm_requests)
        window_check(now);
}

static int64_t content_length(const char *head, const char *end)
{
    static const char name[] = "\ncontent-length:";
    for (const char *at = head; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        if ((size_t)(end - at) > sizeof(name) && strncasecmp(at, name, sizeof(name) - 1) == 0)
            return strtoll(at + sizeof(name) - 1, NULL, 10);
    return -1;
}

static void head_check(const char *head, int64_t length)
{
    int status = atoi(head + 9);
    int wanted = run.plan->status_wanted;
    if (wanted ? status != wanted : status / 100 != 2)
        error_note("status", status);
    else if (run.plan->length_wanted >= 0 && length != run.plan->length_wanted)
        error_note("Content-Length", length);
}

/* Takes heads, and the body bytes that came with them, out of the buffer. */
static void heads_take(struct connection *connection)
{
    size_t at = 0;
    while (at < connection->in_len) {
        const char *head = connection->in + at;
        const char *end = memmem(head, connection->in_len - at, "\r\n\r\n", 4);
        if (!end)
            break;
        int64_t length = content_length(head, end + 2);
        if (memcmp(head, "HTTP/1.1 ", 9) != 0 || length < 0)
            load_fail("not an answer with a Content-Length: %.*s", 200, head);
        head_check(head, length);
        at = (size_t)(end + 4 - connection->in);
        uint64_t here = MIN_OF((uint64_t)length, connection->in_len - at);
        at += here;
        connection->body_left = (uint64_t)length - here;
        run.result->bytes += here;
        if (connection->body_left == 0)
            answer_done(connection);
    }
    memmove(connection->in, connection->in + at, connection->in_len - at);
    connection->in_len -= at;
    if (connection->in_len == sizeof(connection->in))
        load_fail("a head is longer than %d bytes", IN_BYTES);
}

/* One recv(); false when the socket has nothing more. */
static bool receive(struct connection *connection)
{
    bool body = connection->body_left > 0;
    size_t room = body ? MIN_OF(connection->body_left, (uint64_t)DISCARD_BYTES)
                       : sizeof(connection->in) - connection->in_len;
    ssize_t got =
        body ? recv(connection->fd, NULL, room, MSG_TRUNC | MSG_DONTWAIT)
             : recv(connection->fd, connection->in + connection->in_len, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        if (connection->waiting)
            error_note("the server ended a connection with requests on it", connection->waiting);
        close(connection->fd);
        connection_open(connection);
        return false;
    }
    if (!body) {
        connection->in_len += (size_t)got;
        heads_take(connection);
        return (size_t)got == room || connection->body_left > 0;
    }
    connection->body_left -= (uint64_t)got;
    run.result->bytes += (uint64_t)got;
    if (connection->body_left == 0)
        answer_done(connection);
    return (size_t)got == room && connection->body_left > 0;
}

void client_run(const struct client_plan *plan, struct client_result *out_result)
{
    static struct epoll_event events[EVENTS];
    memset(out_result, 0, sizeof(*out_result));
    memset(&run, 0, sizeof(run));
    run.plan = plan;
    run.result = out_result;
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.connections = calloc((size_t)plan->connections, sizeof(struct connection));
    if (run.epoll < 0 || !run.connections)
        load_fail("no memory for %d connections", plan->connections);
    run.began = clock_mono();
    for (int i = 0; i < plan->connections; i++) {
        connection_open(&run.connections[i]);
        keep_busy(&run.connections[i]);
    }
    instant heard = clock_mono();
    while (!run.over) {
        int count = epoll_wait(run.epoll, events, EVENTS, plan->spin ? 0 : 50);
        instant now = clock_mono();
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                want_writable(connection, false);
                flush(connection);
            }
            while (receive(connection))
                ;
            keep_busy(connection);
        }
        heard = count > 0 ? now : heard;
        if (now - heard > SECONDS(20) || out_result->errors > 1000)
            load_fail("gave up: %s",
                      out_result->errors ? out_result->problem : "no answer for 20 s");
        window_check(now);
    }
    for (int i = 0; i < plan->connections; i++)
        close(run.connections[i].fd);
    close(run.epoll);
    free(run.connections);
}
