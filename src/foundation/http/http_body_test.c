/* http_body_test: bodies both ways over real sockets: collected, streamed, limited, generated, fed.
 */
#include "foundation/task/loop.h"
#include "http_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static _Atomic unsigned gone_count;

struct counting {
    unsigned at, until;
};

static ptrdiff_t count_up(void *state, char *room, size_t room_bytes)
{
    struct counting *counting = state;
    if (counting->at == counting->until)
        return 0;
    size_t len = MIN_OF(room_bytes, (size_t)(counting->until - counting->at));
    memset(room, 'x', len);
    counting->at += (unsigned)len;
    return (ptrdiff_t)len;
}

static enum err generated(struct http_request *request, struct http_response *response)
{
    struct counting *counting = ARENA_NEW(request->arena, struct counting);
    uint64_t until = 0;
    CHECK(str_parse_u64(http_param(request, "count"), &until));
    counting->until = (unsigned)until;
    http_reply_generator(response, STR("text/plain"),
                         request->query.len ? until : HTTP_SIZE_UNKNOWN, count_up, counting);
    return OK;
}

struct feeding {
    struct http_stream *stream;
    unsigned parts;
};

/* Runs on after the handler, in an arena of its own. */
static enum err feed(void *arg)
{
    struct feeding *feeding = arg;
    static char part[10000];
    enum err err = OK;
    memset(part, 'y', sizeof(part));
    for (unsigned i = 0; i < feeding->parts && err == OK; i++)
        err = http_stream_write(feeding->stream, (str){ part, sizeof(part) });
    if (err == ERR_GONE)
        atomic_fetch_add(&gone_count, 1);
    http_stream_close(feeding->stream, err == OK);
    return OK;
}

static enum err streamed(struct http_request *request, struct http_response *response)
{
    static struct feeding feeding; /* one at a time */
    uint64_t parts = 0;
    CHECK(str_parse_u64(http_param(request, "parts"), &parts));
    feeding.parts = (unsigned)parts;
    feeding.stream = http_reply_stream(request, response, STR("text/plain"));
    struct task_spec spec = { .name = "feed", .fn = feed, .arg = &feeding };
    return task_start(loop_current(), &spec, NULL);
}

static const struct http_route routes[] = {
    { METHOD_GET, "/", fixture_echo, .flags = ROUTE_INLINE },
    { METHOD_POST, "/echo", fixture_echo, .summary = NULL },
    { METHOD_PUT, "/small", fixture_echo, .body_bytes_max = 10, .flags = ROUTE_INLINE },
    { METHOD_POST, "/upload", fixture_upload, .body_bytes_max = 4 << 20,
      .flags = ROUTE_BODY_STREAM },
    { METHOD_GET, "/generated/{count}", generated, .summary = NULL },
    { METHOD_GET, "/streamed/{parts}", streamed, .summary = NULL },
};

static struct fixture *open_usual(void)
{
    return fixture_open(routes, ARRAY_LEN(routes), NULL);
}

TEST(bodies_have_limits)
{
    struct fixture *fixture = open_usual();
    str answer = client_ask(fixture, STR("PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
                                         "Connection: close\r\n\r\n0123456789"));
    CHECK_STR(answer_body(answer), STR("0123456789"));
    answer = client_ask(fixture, STR("PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"
                                     "0123456789a"));
    CHECK_INT(answer_status(answer), 413);
    CHECK_STR(answer_field(answer, STR("Connection")), STR("close"));
    answer =
        client_ask(fixture, STR("PUT /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                "\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n"));
    CHECK_INT(answer_status(answer), 413);
    answer = client_ask(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
    CHECK_INT(answer_status(answer), 413);
    fixture_close(fixture);
}

static void send_chunked(int fd, size_t total)
{
    static char chunk[40000 + 16];
    client_send(fd, STR("POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                        "Connection: close\r\n\r\n"));
    int head = snprintf(chunk, sizeof(chunk), "9c40\r\n");
    memset(chunk + head, 'u', 40000);
    memcpy(chunk + head + 40000, "\r\n", 2);
    for (size_t sent = 0; sent < total; sent += 40000)
        client_send(fd, (str){ chunk, (size_t)head + 40002 });
    client_send(fd, STR("0\r\n\r\n"));
}

TEST(big_chunked_upload_is_streamed_and_limited)
{
    struct fixture *fixture = open_usual();
    int fd = client_open(fixture);
    send_chunked(fd, 4000000);
    CHECK_STR(answer_body(client_read_all(fd)), STR("4000000"));
    close(fd);
    fd = client_open(fixture);
    send_chunked(fd, 4400000);
    CHECK_INT(answer_status(client_read_all(fd)), 413);
    close(fd);
    fixture_close(fixture);
}

TEST(expectations_are_answered)
{
    struct fixture *fixture = open_usual();
    int fd = client_open(fixture);
    client_send(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                        "Expect: 100-continue\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(fd, true)), 100);
    client_send(fd, STR("abc"));
    CHECK_STR(answer_body(client_read_answer(fd, false)), STR("abc"));
    client_send(fd, STR("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                        "Expect: 100-continue\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(fd, true)), 100);
    client_send(fd, STR("abc"));
    CHECK_STR(answer_body(client_read_answer(fd, false)), STR("3"));
    close(fd);
    str answer = client_ask(fixture, STR("PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n"
                                         "Expect: 100-continue\r\n\r\n"));
    CHECK_INT(answer_status(answer), 413);
    answer = client_ask(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"));
    CHECK_INT(answer_status(answer), 417);
    fixture_close(fixture);
}

static size_t dechunked_len(str body)
{
    size_t total = 0;
    for (;;) {
        char *end;
        unsigned long len = strtoul(body.ptr, &end, 16);
        if (len == 0)
            return total;
        total += len;
        body = str_skip(body, (size_t)(end - body.ptr) + 2 + len + 2);
    }
}

TEST(generated_bodies_are_framed)
{
    struct fixture *fixture = open_usual();
    str answer = client_ask(
        fixture, STR("GET /generated/100000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_STR(answer_field(answer, STR("Transfer-Encoding")), STR("chunked"));
    CHECK(str_ends(answer, STR("\r\n0\r\n\r\n")));
    CHECK_INT(dechunked_len(answer_body(answer)), 100000);
    answer = client_ask(
        fixture,
        STR("GET /generated/100000?sized HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_STR(answer_field(answer, STR("Content-Length")), STR("100000"));
    CHECK_INT(answer_body(answer).len, 100000);
    answer = client_ask(fixture, STR("GET /generated/100000 HTTP/1.0\r\n\r\n"));
    CHECK(!answer_field(answer, STR("Transfer-Encoding")).ptr);
    CHECK_INT(answer_body(answer).len, 100000);
    fixture_close(fixture);
}

TEST(streams_are_framed_and_complete)
{
    struct fixture *fixture = open_usual();
    int fd = client_open(fixture);
    client_send(fd, STR("GET /streamed/100 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    usleep(50000); /* the writer fills the ring and waits */
    str answer = client_read_all(fd);
    CHECK_INT(dechunked_len(answer_body(answer)), 1000000);
    close(fd);
    fixture_close(fixture);
}

TEST(a_writer_hears_that_the_client_has_gone)
{
    struct fixture *fixture = open_usual();
    atomic_store(&gone_count, 0);
    int fd = client_open(fixture);
    client_send(fd, STR("GET /streamed/4000000000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(fd, true)), 200);
    close(fd); /* with bytes unread: a reset */
    for (int i = 0; i < 4000 && atomic_load(&gone_count) == 0; i++)
        usleep(5000);
    CHECK_INT(gone_count, 1);
    fixture_close(fixture);
}
