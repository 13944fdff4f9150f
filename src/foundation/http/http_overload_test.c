/* http_overload_test: what is full says so at once, what watches over us is answered, and service
 * is back with the first thing that becomes free. */
#include "http_fixture.h"

#include "foundation/net/crowd.h"
#include "foundation/task/task.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY_BYTES = 1 << 20, TRIES = 2000 };

static _Atomic bool gate_open;
static _Atomic unsigned at_gate;

static enum err on_hello(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("text/plain"), STR("hello"));
    return OK;
}

static enum err wait_at_gate(void)
{
    enum err err = OK;
    atomic_fetch_add(&at_gate, 1);
    while (err == OK && !atomic_load(&gate_open))
        err = await_sleep(MILLISECONDS(5));
    atomic_fetch_sub(&at_gate, 1);
    return err;
}

static enum err on_wait(struct http_request *request, struct http_response *response)
{
    TRY(wait_at_gate());
    return on_hello(request, response);
}

static enum err on_greedy(struct http_request *request, struct http_response *response)
{
    memset(arena_alloc(request->arena, MEMORY_BYTES - (64 << 10)), 1, 1000);
    return on_wait(request, response);
}

static ptrdiff_t endless(void *state, char *room, size_t room_bytes)
{
    (void)state;
    memset(room, 'x', room_bytes);
    return (ptrdiff_t)room_bytes;
}

static enum err on_endless(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_generator(response, STR("text/plain"), HTTP_SIZE_UNKNOWN, endless, NULL);
    return OK;
}

static enum err on_work(struct http_request *request, struct http_response *response)
{
    for (instant until = clock_mono() + MILLISECONDS(1); clock_mono() < until;)
        ;
    return on_hello(request, response);
}

static const struct http_route routes[] = {
    { METHOD_GET, "/work", on_work, .summary = NULL },
    { METHOD_GET, "/", on_hello, .flags = ROUTE_INLINE },
    { METHOD_GET, "/task", on_hello, .summary = NULL },
    { METHOD_GET, "/livez", on_hello, .flags = ROUTE_INLINE | ROUTE_VITAL },
    { METHOD_GET, "/wait", on_wait, .summary = NULL },
    { METHOD_GET, "/greedy", on_greedy, .arena_bytes_max = (size_t)2 * MEMORY_BYTES },
    { METHOD_GET, "/endless", on_endless, .flags = ROUTE_INLINE },
    { METHOD_POST, "/echo", fixture_echo, .summary = NULL },
    { METHOD_POST, "/upload", fixture_upload, .body_bytes_max = 4 << 20,
      .flags = ROUTE_BODY_STREAM },
};

static struct fixture *open_with(const struct http_server_settings *settings)
{
    atomic_store(&gate_open, false);
    return fixture_open(routes, ARRAY_LEN(routes), settings);
}

static void pause_ms(int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
    nanosleep(&time, NULL);
}

static str get(struct fixture *fixture, const char *path)
{
    char request[200];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
             path);
    return client_ask(fixture, str_of(request));
}

static void await_at_gate(unsigned count)
{
    for (int i = 0; i < TRIES && atomic_load(&at_gate) != count; i++)
        pause_ms(10);
    CHECK_INT(atomic_load(&at_gate), count);
}

/* Asks until it is served: what was full becomes free when the server hears of it. */
static void await_served(struct fixture *fixture, const char *path)
{
    unsigned status = 0;
    for (int i = 0; i < TRIES && status != 200; i++) {
        status = answer_status(get(fixture, path));
        if (status != 200)
            pause_ms(10);
    }
    CHECK_INT(status, 200);
}

static int waiting_client(struct fixture *fixture, str request)
{
    int fd = client_open(fixture);
    client_send(fd, request);
    return fd;
}

static void check_busy(str answer)
{
    CHECK_INT(answer_status(answer), 503);
    CHECK(answer_field(answer, STR("Retry-After")).len > 0);
}

TEST(a_full_loop_closes_what_idles_longest)
{
    struct http_server_settings settings = { .connections_max = 2 };
    struct fixture *fixture = open_with(&settings);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = waiting_client(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        CHECK_INT(answer_status(client_read_answer(fds[i], false)), 200);
    }
    CHECK_INT(answer_status(get(fixture, "/task")), 200);
    CHECK_INT(client_read_all(fds[0]).len, 0); /* it was the first to idle */
    client_send(fds[1], STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(fds[1], false)), 200);
    close(fds[0]);
    close(fds[1]);
    fixture_close(fixture);
}

TEST(a_busy_loop_answers_only_what_is_vital)
{
    struct http_server_settings settings = { .connections_max = 2, .gone_grace = MILLISECONDS(20) };
    struct fixture *fixture = open_with(&settings);
    uint64_t before = http_refused_total(HTTP_REFUSED_CONNECTIONS);
    int one = waiting_client(fixture, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    int two = waiting_client(fixture, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    await_at_gate(2);
    check_busy(get(fixture, "/"));
    check_busy(get(fixture, "/nothing"));
    CHECK_STR(answer_field(get(fixture, "/"), STR("Connection")), STR("close"));
    CHECK_INT(answer_status(get(fixture, "/livez")), 200);
    CHECK_INT(http_refused_total(HTTP_REFUSED_CONNECTIONS), before + 3);
    close(two);
    await_served(fixture, "/");
    atomic_store(&gate_open, true);
    CHECK_INT(answer_status(client_read_answer(one, false)), 200);
    close(one);
    fixture_close(fixture);
}

TEST(silent_clients_hold_no_place_in_the_reserve)
{
    enum { SILENT = 80 };
    struct http_server_settings settings = { .connections_max = 1,
                                             .linger_timeout = MILLISECONDS(200) };
    struct fixture *fixture = open_with(&settings);
    int fds[SILENT];
    for (int i = 0; i < SILENT; i++)
        fds[i] = client_open(fixture); /* more than the reserve has: the last are sent away */
    await_served(fixture, "/livez");
    for (int i = 0; i < SILENT; i++)
        close(fds[i]);
    await_served(fixture, "/");
    fixture_close(fixture);
}

TEST(an_address_has_so_many_connections)
{
    struct http_server_settings settings = { .crowd = net_crowd_open(2, true) };
    struct fixture *fixture = open_with(&settings);
    int one = waiting_client(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    int two = waiting_client(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(one, false)), 200);
    CHECK_INT(answer_status(client_read_answer(two, false)), 200);
    check_busy(get(fixture, "/"));
    close(one);
    await_served(fixture, "/");
    close(two);
    fixture_close(fixture);
    net_crowd_close(settings.crowd); /* asserts that every seat was given back */
}

TEST(memory_of_requests_has_a_limit)
{
    struct http_server_settings settings = { .memory_bytes_max = MEMORY_BYTES };
    struct fixture *fixture = open_with(&settings);
    int one = waiting_client(fixture, STR("GET /greedy HTTP/1.1\r\nHost: a\r\n\r\n"));
    await_at_gate(1);
    check_busy(get(fixture, "/"));
    check_busy(get(fixture, "/greedy"));
    CHECK_INT(answer_status(get(fixture, "/livez")), 200);
    /* The connection stays: only the request is refused. */
    int two = waiting_client(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    check_busy(client_read_answer(two, false));
    atomic_store(&gate_open, true);
    CHECK_INT(answer_status(client_read_answer(one, false)), 200);
    client_send(two, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(two, false)), 200);
    close(one);
    close(two);
    fixture_close(fixture);
}

TEST(tasks_have_a_limit)
{
    enum { TASKS = 3 };
    fixture_tasks_max(TASKS);
    struct fixture *fixture = open_with(NULL);
    int fds[TASKS];
    for (int i = 0; i < TASKS; i++)
        fds[i] = waiting_client(fixture, STR("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    await_at_gate(TASKS);
    int one = waiting_client(fixture, STR("GET /task HTTP/1.1\r\nHost: a\r\n\r\n"));
    check_busy(client_read_answer(one, false));
    CHECK_INT(answer_status(get(fixture, "/livez")), 200);
    atomic_store(&gate_open, true);
    for (int i = 0; i < TASKS; i++)
        CHECK_INT(answer_status(client_read_answer(fds[i], false)), 200);
    client_send(one, STR("GET /task HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_status(client_read_answer(one, false)), 200);
    for (int i = 0; i < TASKS; i++)
        close(fds[i]);
    close(one);
    fixture_close(fixture);
    fixture_tasks_max(0);
}

TEST(a_loop_that_cannot_keep_up_says_so)
{
    enum { CLIENTS = 200 };
    unsigned good = 0, busy = 0;
    struct http_server_settings settings = { .turn = MILLISECONDS(1) };
    struct fixture *fixture = open_with(&settings);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = waiting_client(fixture, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        CHECK_INT(answer_status(client_read_answer(fds[i], false)), 200);
    }
    /* All at once, until the loop finds many in one turn. */
    for (int round = 0; round < TRIES && !(busy && good); round++) {
        for (int i = 0; i < CLIENTS; i++)
            client_send(fds[i], STR("GET /work HTTP/1.1\r\nHost: a\r\n\r\n"));
        for (int i = 0; i < CLIENTS; i++) {
            unsigned status = answer_status(client_read_answer(fds[i], false));
            CHECK(status == 200 || status == 503);
            good += status == 200;
            busy += status == 503;
        }
    }
    CHECK(busy > 0 && good > 0);
    CHECK_INT(answer_status(get(fixture, "/work")), 200); /* back at once */
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    fixture_close(fixture);
}

/* --- Rates ---------------------------------------------------------------------------------- */

static void check_slow_body(const char *head)
{
    struct http_server_settings settings = { .body_timeout = SECONDS(1), .rate_min = 1000000 };
    struct fixture *fixture = open_with(&settings);
    int fd = waiting_client(fixture, str_of(head));
    struct pollfd answered = { .fd = fd, .events = POLLIN };
    for (int i = 0; i < TRIES && poll(&answered, 1, 10) == 0; i++)
        client_send(fd, STR("x")); /* always one more: none of the time-outs for silence */
    CHECK_INT(answer_status(client_read_all(fd)), 408);
    close(fd);
    fixture_close(fixture);
}

TEST(a_body_that_trickles_is_refused)
{
    check_slow_body("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
}

TEST(a_streamed_body_that_trickles_is_refused)
{
    check_slow_body("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n"
                    "Connection: close\r\n\r\n");
}

struct counted {
    struct fixture *fixture;
    unsigned connections;
};

static void connections_count(void *arg)
{
    struct counted *counted = arg;
    counted->connections = http_server_stats(fixture_server(counted->fixture)).connections;
}

static unsigned connections_of(struct fixture *fixture)
{
    struct counted counted = { .fixture = fixture };
    fixture_run(fixture, connections_count, &counted);
    return counted.connections;
}

static int small_client(struct fixture *fixture)
{
    int small = 4096, fd = client_open(fixture);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    client_send(fd, STR("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"));
    return fd;
}

TEST(a_client_that_takes_too_little_is_cut_off)
{
    char room[1000];
    struct http_server_settings settings = { .write_timeout = MILLISECONDS(500),
                                             .rate_min = 100000000 };
    struct fixture *fixture = open_with(&settings);
    int fd = small_client(fixture);
    bool cut = false;
    for (int i = 0; i < TRIES && !cut; i++) {
        (void)!recv(fd, room, sizeof(room), 0);
        cut = connections_of(fixture) == 0;
        pause_ms(10);
    }
    CHECK(cut);
    close(fd);
    fixture_close(fixture);
}

/* Reads a little every 10 ms, and says the longest time it took nothing in. */
static span take_for(int fd, span time)
{
    char room[4096];
    instant begin = clock_mono(), last = begin;
    span longest = 0;
    while (clock_mono() - begin < time && recv(fd, room, sizeof(room), 0) > 0) {
        instant now = clock_mono();
        longest = MAX_OF(longest, now - last);
        last = now;
        pause_ms(10);
    }
    return longest;
}

/* For longer than two time-outs. A client that this machine kept from reading proves nothing. */
TEST(a_client_that_takes_little_by_little_is_kept)
{
    enum { ATTEMPTS = 20 };
    struct http_server_settings settings = { .write_timeout = SECONDS(1), .rate_min = 1 };
    struct fixture *fixture = open_with(&settings);
    bool kept = false, late = true;
    for (int i = 0; i < ATTEMPTS && late && !kept; i++) {
        int fd = small_client(fixture);
        late = take_for(fd, MILLISECONDS(2300)) > MILLISECONDS(600);
        kept = connections_of(fixture) == 1;
        close(fd);
        for (int k = 0; k < TRIES && connections_of(fixture); k++)
            pause_ms(10);
    }
    CHECK(kept);
    fixture_close(fixture);
}
