/* http_server_test: the server over real sockets: connections, pipelining, bodies, time-outs,
 * drain. */
#include "http_fixture.h"

#include "foundation/mem/buf.h"
#include "foundation/task/loop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static _Atomic unsigned cancelled_count, running_count;

static enum err hello(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("application/json"), STR("{\"hello\":\"world\"}"));
    return OK;
}

static enum err echo_param(struct http_request *request, struct http_response *response)
{
    http_reply_memory(response, STR("text/plain"), http_param(request, "id"));
    return OK;
}

static enum err sleeper(struct http_request *request, struct http_response *response)
{
    (void)request;
    TRY(await_sleep(MILLISECONDS(20)));
    http_reply_memory(response, STR("text/plain"), STR("rested"));
    return OK;
}

static enum err waiter(struct http_request *request, struct http_response *response)
{
    (void)request;
    atomic_fetch_add(&running_count, 1);
    enum err err = await_sleep(SECONDS(25));
    if (err == ERR_CANCELLED)
        atomic_fetch_add(&cancelled_count, 1);
    TRY(err);
    http_reply_status(response, 204);
    return OK;
}

static enum err failing(struct http_request *request, struct http_response *response)
{
    (void)request;
    (void)response;
    err_set(ERR_INVALID, "bad-year", "the year \"%s\" is no year", "19\x01\xff\"66");
    err_field_add(STR("titles[2].year"), "must be a number");
    return ERR_INVALID;
}

static enum err greedy(struct http_request *request, struct http_response *response)
{
    for (int i = 0; i < 1000000; i++)
        http_reply_memory(response, STR("text/plain"),
                          (str){ arena_alloc(request->arena, 1000), 1000 });
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/", hello, .flags = ROUTE_INLINE },
    { METHOD_GET, "/task", hello, .summary = NULL },
    { METHOD_GET, "/titles/{id}", echo_param, .summary = NULL },
    { METHOD_POST, "/echo", fixture_echo, .summary = NULL },
    { METHOD_GET, "/sleep", sleeper, .summary = NULL },
    { METHOD_GET, "/wait", waiter, .summary = NULL },
    { METHOD_GET, "/fail", failing, .summary = NULL },
    { METHOD_GET, "/greedy", greedy, .summary = NULL },
    { METHOD_GET, "/greedy-inline", greedy, .flags = ROUTE_INLINE },
    { METHOD_POST, "/upload", fixture_upload, .body_bytes_max = 4 << 20,
      .flags = ROUTE_BODY_STREAM },
};

static struct fixture *open_usual(void)
{
    return fixture_open(routes, ARRAY_LEN(routes), NULL);
}

TEST(answers_over_one_connection)
{
    struct fixture *fixture = open_usual();
    int fd = client_open(fixture);
    for (int i = 0; i < 3; i++) {
        client_send(fd, i == 1 ? STR("GET /task HTTP/1.1\r\nHost: a\r\n\r\n")
                               : STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        str answer = client_read_answer(fd, false);
        CHECK_INT(answer_status(answer), 200);
        CHECK_STR(answer_body(answer), STR("{\"hello\":\"world\"}"));
        CHECK_INT(answer_field(answer, STR("Date")).len, 29);
        CHECK(!answer_field(answer, STR("Connection")).ptr);
    }
    client_send(fd, STR("GET /titles/a%20b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    str answer = client_read_all(fd);
    CHECK_STR(answer_body(answer), STR("a b"));
    CHECK_STR(answer_field(answer, STR("Connection")), STR("close"));
    close(fd);
    fixture_close(fixture);
}

TEST(head_options_and_unknown_paths)
{
    struct fixture *fixture = open_usual();
    str answer =
        client_ask(fixture, STR("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 200);
    CHECK_STR(answer_field(answer, STR("Content-Length")), STR("17"));
    CHECK_INT(answer_body(answer).len, 0);
    answer =
        client_ask(fixture, STR("OPTIONS /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 204);
    CHECK_STR(answer_field(answer, STR("Allow")), STR("POST, OPTIONS"));
    CHECK(!answer_field(answer, STR("Content-Length")).ptr);
    answer = client_ask(fixture, STR("DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 405);
    CHECK_STR(answer_field(answer, STR("Allow")), STR("GET, HEAD, OPTIONS"));
    answer = client_ask(fixture, STR("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 404);
    CHECK_STR(answer_field(answer, STR("Content-Type")), STR("application/problem+json"));
    answer = client_ask(fixture, STR("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 204);
    fixture_close(fixture);
}

TEST(a_thousand_pipelined_requests_are_answered_in_order)
{
    /* A sleep ends the loop's turn, before it has begun more tasks than a long turn may. */
    enum { COUNT = 1000, EASY = 25 };
    struct fixture *fixture = open_usual();
    struct buf out;
    buf_init(&out, NULL, MIB(1));
    for (int i = 0; i < COUNT; i++)
        buf_printf(&out, "GET %s%d HTTP/1.1\r\nHost: a\r\n\r\n", i % EASY ? "/titles/" : "/sleep?",
                   i);
    int fd = client_open(fixture);
    client_send(fd, buf_str(&out));
    for (int i = 0; i < COUNT; i++) {
        char expected[16];
        int len = snprintf(expected, sizeof(expected), "%d", i);
        str answer = client_read_answer(fd, false);
        CHECK_INT(answer_status(answer), 200);
        str number = { expected, (size_t)len };
        CHECK_STR(answer_body(answer), i % EASY ? number : STR("rested"));
    }
    close(fd);
    buf_deinit(&out);
    fixture_close(fixture);
}

TEST(a_request_that_comes_byte_by_byte)
{
    struct fixture *fixture = open_usual();
    str request = STR("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n"
                      "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    int fd = client_open(fixture);
    for (size_t i = 0; i < request.len; i++)
        client_send(fd, str_sub(request, i, 1));
    CHECK_STR(answer_body(client_read_answer(fd, false)), STR("abcde"));
    CHECK_INT(answer_status(client_read_answer(fd, false)), 200);
    close(fd);
    fixture_close(fixture);
}

TEST(a_half_closed_client_gets_its_answer)
{
    struct fixture *fixture = open_usual();
    int fd = client_open(fixture);
    client_send(fd, STR("GET /sleep HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    CHECK_STR(answer_body(client_read_answer(fd, false)), STR("rested"));
    CHECK_INT(answer_status(client_read_answer(fd, false)), 200);
    CHECK_INT(client_read_all(fd).len, 0);
    close(fd);
    fixture_close(fixture);
}

static void wait_for(_Atomic unsigned *count, unsigned value)
{
    for (int i = 0; i < 4000 && atomic_load(count) < value; i++)
        usleep(5000);
    CHECK_INT(atomic_load(count), value);
}

TEST(a_client_that_has_gone_cancels_its_task)
{
    struct http_server_settings settings = { .gone_grace = MILLISECONDS(20) };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    struct linger reset = { .l_onoff = 1 };
    atomic_store(&cancelled_count, 0);
    atomic_store(&running_count, 0);
    for (unsigned i = 0; i < 2; i++) {
        int fd = client_open(fixture);
        client_send(fd, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
        wait_for(&running_count, i + 1);
        if (i)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        wait_for(&cancelled_count, i + 1);
    }
    fixture_close(fixture);
}

TEST(failures_become_problem_documents)
{
    struct fixture *fixture = open_usual();
    str answer =
        client_ask(fixture, STR("GET /fail HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 400);
    CHECK_STR(answer_body(answer),
              STR("{\"type\":\"urn:kinobezdna:problem:bad-year\",\"title\":\"Bad Request\","
                  "\"status\":400,\"slug\":\"bad-year\",\"detail\":\"the year "
                  "\\\"19\\u0001\xef\xbf\xbd\\\"66\\\" is no year\","
                  "\"errors\":[{\"field\":\"titles[2].year\",\"message\":\"must be a number\"}]}"));
    answer =
        client_ask(fixture, STR("GET /greedy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 503);
    CHECK_STR(answer_field(answer, STR("Retry-After")), STR("1"));
    answer = client_ask(fixture,
                        STR("GET /greedy-inline HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(answer), 503);
    fixture_close(fixture);
}

TEST(slow_clients_time_out)
{
    struct http_server_settings settings = { .header_timeout = MILLISECONDS(60),
                                             .body_timeout = MILLISECONDS(60),
                                             .idle_timeout = MILLISECONDS(60),
                                             .linger_timeout = MILLISECONDS(60),
                                             .request_timeout = SECONDS(600) };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    CHECK_INT(client_ask(fixture, STR("")).len, 0);
    CHECK_INT(answer_status(client_ask(fixture, STR("GET / HTTP/1.1\r\nHos"))), 408);
    CHECK_INT(answer_status(client_ask(fixture, STR("POST /echo HTTP/1.1\r\nHost: a\r\n"
                                                    "Content-Length: 3\r\n\r\nab"))),
              408);
    CHECK_INT(answer_status(client_ask(fixture, STR("POST /upload HTTP/1.1\r\nHost: a\r\n"
                                                    "Content-Length: 3\r\n\r\nab"))),
              408);
    str answer = client_ask(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(answer), 200); /* and then closed for idling */
    fixture_close(fixture);
}

TEST(slow_handlers_time_out)
{
    struct http_server_settings settings = { .request_timeout = MILLISECONDS(60) };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    CHECK_INT(answer_status(client_ask(fixture, STR("GET /wait HTTP/1.1\r\nHost: a\r\n"
                                                    "Connection: close\r\n\r\n"))),
              504);
    fixture_close(fixture);
}

/* Time-outs are on the monotonic clock: a wall clock that jumps cuts nobody off and lets nobody
 * stay.
 */
TEST(time_outs_do_not_see_the_wall_clock)
{
    struct http_server_settings settings = { .header_timeout = SECONDS(60),
                                             .body_timeout = SECONDS(60),
                                             .idle_timeout = SECONDS(60),
                                             .request_timeout = SECONDS(60) };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    instant now = clock_now();
    int fd = client_open(fixture);
    client_send(fd, STR("GET / HTTP/1.1\r\nHos"));
    clock_set(now + DAYS(1000));
    client_send(fd, STR("t: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(fd, false)), 200);
    clock_set(now - DAYS(1000));
    client_send(fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"));
    clock_set(now + DAYS(1000));
    client_send(fd, STR("cd"));
    CHECK_STR(answer_body(client_read_answer(fd, false)), STR("abcd"));
    close(fd);
    fixture_close(fixture);
    settings.header_timeout = MILLISECONDS(60);
    fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    clock_set(now - DAYS(1000)); /* and it stands still */
    CHECK_INT(answer_status(client_ask(fixture, STR("GET / HTTP/1.1\r\nHos"))), 408);
    fixture_close(fixture);
    clock_set(INSTANT_NEVER);
}

static void on_drained(void *arg)
{
    atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

static _Atomic unsigned drained_count;

static void drain(void *server)
{
    http_server_drain(server, SECONDS(10), on_drained, &drained_count);
}

static void drain_at_once(void *server)
{
    http_server_drain(server, MILLISECONDS(10), on_drained, &drained_count);
}

TEST(drain_finishes_what_is_in_flight)
{
    struct fixture *fixture = open_usual();
    atomic_store(&drained_count, 0);
    int idle = client_open(fixture), busy = client_open(fixture);
    client_send(idle, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(idle, false)), 200);
    client_send(busy, STR("GET /titles/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /sleep HTTP/1.1\r\n"));
    CHECK_INT(answer_status(client_read_answer(busy, false)), 200);
    fixture_run(fixture, drain, fixture_server(fixture));
    CHECK_INT(client_read_all(idle).len, 0);
    client_send(busy, STR("Host: a\r\n\r\n"));
    str answer = client_read_all(busy);
    CHECK_STR(answer_body(answer), STR("rested"));
    CHECK_STR(answer_field(answer, STR("Connection")), STR("close"));
    close(idle);
    close(busy);
    wait_for(&drained_count, 1);
    fixture_close(fixture);
}

TEST(drain_cuts_off_what_does_not_end)
{
    struct fixture *fixture = open_usual();
    atomic_store(&drained_count, 0);
    atomic_store(&running_count, 0);
    int fd = client_open(fixture);
    client_send(fd, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_for(&running_count, 1);
    fixture_run(fixture, drain_at_once, fixture_server(fixture));
    wait_for(&drained_count, 1);
    CHECK_INT(client_read_all(fd).len, 0);
    close(fd);
    fixture_close(fixture);
}

/* The gateway's part: refuses /fail by itself, answers /titles/stop in the handler's place. */
static enum err gate(void *owner, struct http_request *request, struct http_response *response)
{
    (void)owner;
    if (str_eq(request->path, STR("/fail")))
        return err_set(ERR_FORBIDDEN, "no-entry", "not with this role");
    if (str_eq(request->path, STR("/titles/stop")))
        http_reply_memory(response, STR("text/plain"), STR("stopped"));
    request->context = request;
    return OK;
}

struct ledger {
    _Atomic unsigned count, statuses, aborted;
    _Atomic uint64_t bytes;
};

static void enter(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    struct ledger *ledger = owner;
    (void)response;
    CHECK(request->context == NULL || request->context == request);
    atomic_fetch_add(&ledger->statuses, outcome->status);
    atomic_fetch_add(&ledger->bytes, outcome->sent_bytes);
    atomic_fetch_add(&ledger->aborted, outcome->aborted);
    atomic_fetch_add(&ledger->count, 1);
}

TEST(hooks_stand_before_and_after)
{
    struct ledger ledger = { 0 };
    struct http_server_settings settings = {
        .owner = &ledger, .before = gate, .after = enter, .gone_grace = MILLISECONDS(20)
    };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    str fail = STR("GET /fail HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    str stop = STR("GET /titles/stop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    str answer = client_ask(fixture, fail);
    size_t bytes = answer.len;
    CHECK_INT(answer_status(answer), 403);
    answer = client_ask(fixture, stop);
    bytes += answer.len;
    CHECK_STR(answer_body(answer), STR("stopped"));
    answer = client_ask(fixture, STR("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"));
    bytes += answer.len;
    wait_for(&ledger.count, 3);
    CHECK_INT(ledger.statuses, 403 + 200 + 501);
    CHECK_INT(ledger.bytes, bytes);
    CHECK_INT(ledger.aborted, 0);
    int fd = client_open(fixture);
    atomic_store(&running_count, 0);
    client_send(fd, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    wait_for(&running_count, 1);
    close(fd);
    wait_for(&ledger.count, 4);
    CHECK_INT(ledger.statuses, 403 + 200 + 501 + 499);
    CHECK_INT(ledger.aborted, 1);
    fixture_close(fixture);
}

static void stats_copy(void *arg)
{
    struct {
        struct fixture *fixture;
        struct http_server_stats stats;
    } *copy = arg;
    copy->stats = http_server_stats(fixture_server(copy->fixture));
}

TEST(idle_connections_are_small)
{
    enum { COUNT = 500 };
    struct fixture *fixture = open_usual();
    int fds[COUNT];
    struct {
        struct fixture *fixture;
        struct http_server_stats stats;
    } copy = { .fixture = fixture };
    for (int i = 0; i < COUNT; i++) {
        fds[i] = client_open(fixture);
        client_send(fds[i], STR("GET /task HTTP/1.1\r\nHost: a\r\n\r\n"));
        CHECK_INT(answer_status(client_read_answer(fds[i], false)), 200);
    }
    fixture_run(fixture, stats_copy, &copy);
    CHECK_INT(copy.stats.connections, COUNT);
    printf("  an idle connection takes %zu bytes\n", copy.stats.connection_bytes);
    CHECK(copy.stats.connection_bytes <= 1024);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    fixture_close(fixture);
}
