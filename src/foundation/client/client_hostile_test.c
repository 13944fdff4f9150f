/* client: peers that break the rules, die, or take their time; pools, retries and look-ups. */
#include "client_fixture.h"

#include <semaphore.h>
#include <string.h>
#include <unistd.h>

enum { FETCH_MAX = 4 << 20 };

struct expectation {
    const struct peer_step *steps;
    enum client_protocol protocol;
    enum err code;
    const char *slug, *body;
};

struct scene {
    const struct expectation *expected;
    unsigned port;
};

static void check_one(struct client *client, void *arg)
{
    const struct scene *scene = arg;
    const struct expectation *expected = scene->expected;
    struct client_response response;
    str body;
    struct client_request request = { .method = METHOD_GET,
                                      .url = url_at("http", "127.0.0.1", scene->port, "/x"),
                                      .protocol = expected->protocol };
    err_clear();
    enum err err = client_fetch(client, &request, FETCH_MAX, &response, &body);
    if (err != expected->code || (err != OK && strcmp(err_slot()->slug, expected->slug) != 0))
        test_fail("%s: %d %s: %s", expected->steps[2].text ? expected->steps[2].text : "?", err,
                  err_slot()->slug, err_slot()->text);
    if (err == OK)
        CHECK_STR(body, str_of(expected->body));
    CHECK_INT(client_stats(client).calls, 0);
}

static void meet(const struct expectation *expected, const struct client_settings *settings)
{
    struct peer *peer = peer_open(expected->steps);
    struct scene scene = { expected, peer_port(peer) };
    with_client(settings, check_one, &scene);
    peer_close(peer);
}

#define ANSWERS(...)                                                                               \
    (const struct peer_step[])                                                                     \
    {                                                                                              \
        { PEER_ACCEPT }, { PEER_READ }, __VA_ARGS__, { PEER_CLOSE },                               \
        {                                                                                          \
            PEER_END                                                                               \
        }                                                                                          \
    }
#define ANSWER(text) ANSWERS({ PEER_SEND, text })

TEST(client_takes_what_is_allowed)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\n";
    const struct expectation cases[] = {
        { ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), 0, OK, NULL, "ab" },
        { ANSWER("HTTP/1.1 200 OK\r\n\r\nto the end"), 0, OK, NULL, "to the end" },
        { ANSWER("HTTP/1.0 200 OK\r\n\r\nold"), 0, OK, NULL, "old" },
        { ANSWER("HTTP/1.1 204 No Content\r\n\r\n"), 0, OK, NULL, "" },
        { ANSWER("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz"),
          0, OK, NULL, "z" },
        { ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n2;name=value\r\nde\r\n0\r\nTrailer: x\r\n\r\n"),
          0, OK, NULL, "abcde" },
        { ANSWERS({ PEER_SEND, "HTTP" }, { PEER_SEND, "/1.1 200 OK\r" }, { PEER_SEND, "\nConte" },
                  { PEER_SEND, "nt-Length: 3\r\n\r" }, { PEER_SEND, "\na" }, { PEER_SEND, "bc" }),
          0, OK, NULL, "abc" },
        /* More than what was asked for belongs to nobody. */
        { ANSWERS({ PEER_SEND, ok }, { PEER_SEND, "Content-Length: 1\r\n\r\na" }, { PEER_SEND, ok },
                  { PEER_SEND, "Content-Length: 4\r\n\r\nevil" }),
          0, OK, NULL, "a" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        meet(&cases[i], NULL);
}

TEST(client_refuses_what_is_not)
{
#define BAD(text)                                                                                  \
    {                                                                                              \
        ANSWER(text), 0, ERR_CORRUPT, "bad-answer", NULL                                           \
    }
#define CUT(text)                                                                                  \
    {                                                                                              \
        ANSWER(text), 0, ERR_UNAVAILABLE, "connection-lost", NULL                                  \
    }
#define HUGE_(...)                                                                                 \
    {                                                                                              \
        ANSWERS(__VA_ARGS__), 0, ERR_TOO_LARGE, "answer-head-too-large", NULL                      \
    }
    const struct expectation cases[] = {
        BAD("garbage\r\n\r\n"),
        BAD("HTTP/2.0 200 OK\r\n\r\n"),
        BAD("HTTP/1.1 99 Low\r\n\r\n"),
        BAD("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        BAD("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\n: b\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
        BAD("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n: nameless\r\n\r\n"),
        CUT(""),
        CUT("HTTP/1.1 200 OK\r\nContent-Le"),
        CUT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        CUT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        CUT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        HUGE_({ PEER_SEND, "HTTP/1.1 200 OK\r\n" }, { PEER_SEND, "A: b\r\n", 1000000 }),
        HUGE_({ PEER_SEND, "HTTP/1.1 200 OK\r\nA: " }, { PEER_SEND, "bbbbbbbbbb", 100000 }),
        HUGE_({ PEER_SEND, "HTTP/1.1 102 Wait\r\n\r\n", 100000 }),
        HUGE_({ PEER_SEND, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" },
              { PEER_SEND, "Trailer: again\r\n", 100000 }),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        meet(&cases[i], NULL);
}

TEST(client_nul_in_a_head)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n";
    const struct expectation bad = { ANSWERS({ PEER_SEND, text, 0, sizeof(text) - 1 }), 0,
                                     ERR_CORRUPT, "bad-answer", NULL };
    meet(&bad, NULL);
}

/* A frame: length, type, flags, stream. */
#define FRAME(len, type, flags, stream) "\0\0" len type flags "\0\0\0" stream
#define SETTINGS_FRAME                  FRAME("\0", "\4", "\0", "\0")
#define ANSWERS2(...)                                                                              \
    (const struct peer_step[])                                                                     \
    {                                                                                              \
        { PEER_ACCEPT }, { PEER_READ }, { PEER_READ }, { PEER_SEND, SETTINGS_FRAME, 0, 9 },        \
            __VA_ARGS__, { PEER_WAIT_END }, { PEER_CLOSE },                                        \
        {                                                                                          \
            PEER_END                                                                               \
        }                                                                                          \
    }
#define RAW(text)                                                                                  \
    {                                                                                              \
        PEER_SEND, text, 0, sizeof(text) - 1                                                       \
    }
#define RAW_MANY(text, n)                                                                          \
    {                                                                                              \
        PEER_SEND, text, n, sizeof(text) - 1                                                       \
    }

TEST(client_http2_hostile)
{
#define BAD2(...)                                                                                  \
    {                                                                                              \
        ANSWERS2(__VA_ARGS__), CLIENT_HTTP2, ERR_CORRUPT, "bad-answer", NULL                       \
    }
    const struct expectation cases[] = {
        BAD2(RAW("HTTP/1.1 400 Bad Request\r\n\r\n")),
        BAD2(RAW_MANY(FRAME("\0", "\4", "\0", "\0"), 100000)),             /* SETTINGS */
        BAD2(RAW_MANY(FRAME("\10", "\6", "\0", "\0") "12345678", 100000)), /* PING */
        BAD2(RAW_MANY(FRAME("\4", "\10", "\0", "\0") "\0\0\0\1", 100000)), /* WINDOW_UPDATE */
        BAD2(RAW(FRAME("\1", "\1", "\4", "\1") "\x88"),                    /* :status 200 */
             RAW_MANY(FRAME("\0", "\0", "\0", "\1"), 100000)),             /* empty DATA */
        BAD2(RAW(FRAME("\1", "\0", "\1", "\1") "x")),                      /* DATA first */
        BAD2(RAW(FRAME("\1", "\1", "\5", "\1") "\x82")),                   /* :method GET */
        BAD2(RAW(FRAME("\1", "\1", "\5", "\2") "\x88")),                   /* pushed */
        { ANSWERS2({ PEER_HEADERS }, RAW(FRAME("\4", "\3", "\0", "\1") "\0\0\0\2")), CLIENT_HTTP2,
          ERR_UNAVAILABLE, "stream-reset", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        meet(&cases[i], NULL);
}

TEST(client_http2_cut)
{
    static const struct peer_step steps[] = { { PEER_ACCEPT },
                                              { PEER_READ },
                                              { PEER_SEND, SETTINGS_FRAME, 0, 9 },
                                              { PEER_CLOSE },
                                              { PEER_END } };
    const struct expectation cut = { steps, CLIENT_HTTP2, ERR_UNAVAILABLE, "connection-lost",
                                     NULL };
    meet(&cut, NULL);
}

TEST(client_silence_ends)
{
    static const struct peer_step steps[] = { { PEER_ACCEPT },
                                              { PEER_READ },
                                              { PEER_SEND,
                                                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc" },
                                              { PEER_WAIT_END },
                                              { PEER_END } };
    const struct expectation slow = { steps, 0, ERR_TIMEOUT, "deadline", NULL };
    struct client_settings settings = { .progress_timeout = MILLISECONDS(100) };
    meet(&slow, &settings);
}

/* --- Retries -------------------------------------------------------------------------------- */

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void check_retry(struct client *client, void *arg)
{
    struct client_response response;
    str body;
    struct client_request request = { .method = METHOD_GET,
                                      .url = url_at("http", "127.0.0.1", *(unsigned *)arg, "/") };
    CHECK_OK(client_fetch(client, &request, FETCH_MAX, &response, &body));
    CHECK_OK(client_fetch(client, &request, FETCH_MAX, &response, &body)); /* dies; again */
    CHECK_STR(body, STR("ok"));
    CHECK_INT(client_stats(client).retried, 1);
    request.method = METHOD_POST; /* dies too, and may have done something */
    CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), ERR_UNAVAILABLE);
    CHECK_INT(client_stats(client).retried, 1);
    /* What dies with the answer begun, or on a new connection, is not asked again. */
    request.method = METHOD_GET;
    CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), ERR_UNAVAILABLE);
    CHECK_INT(client_stats(client).retried, 1);
}

TEST(client_retries_once_and_only_what_it_may)
{
    static const struct peer_step steps[] = {
        { PEER_ACCEPT }, { PEER_READ }, { PEER_SEND, OK_ANSWER }, { PEER_READ }, { PEER_CLOSE },
        { PEER_ACCEPT }, { PEER_READ }, { PEER_SEND, OK_ANSWER }, { PEER_READ }, { PEER_CLOSE },
        { PEER_ACCEPT }, { PEER_READ }, { PEER_CLOSE },           { PEER_END }
    };
    struct peer *peer = peer_open(steps);
    unsigned port = peer_port(peer);
    with_client(NULL, check_retry, &port);
    peer_close(peer);
}

static void check_refused(struct client *client, void *arg)
{
    struct client_response response;
    str body;
    struct client_request request = { .method = METHOD_POST,
                                      .url = url_at("http", "127.0.0.1", *(unsigned *)arg, "/"),
                                      .protocol = CLIENT_HTTP2,
                                      .body = STR("once") };
    CHECK_OK(client_fetch(client, &request, FETCH_MAX, &response, &body));
    CHECK_INT(response.status, 200);
    CHECK_INT(client_stats(client).retried, 1);
}

TEST(client_http2_refused_streams_are_sent_again)
{
    static const struct peer_step steps[] = { { PEER_ACCEPT },
                                              { PEER_READ },
                                              { PEER_READ }, /* the preface has two such ends */
                                              { PEER_SEND, SETTINGS_FRAME, 0, 9 },
                                              { PEER_HEADERS },
                                              RAW(FRAME("\4", "\3", "\0",
                                                        "\1") "\0\0\0\7"), /* REFUSED_STREAM */
                                              { PEER_HEADERS },
                                              RAW(FRAME("\1", "\1", "\5", "\3") "\x88"),
                                              { PEER_WAIT_END },
                                              { PEER_END } };
    struct peer *peer = peer_open(steps);
    unsigned port = peer_port(peer);
    with_client(NULL, check_refused, &port);
    peer_close(peer);
}

/* --- Bodies of requests --------------------------------------------------------------------- */

static void check_bodies(struct client *client, void *arg)
{
    static const char part[10000];
    struct client_response response;
    struct client_call *call;
    struct client_request request = { .method = METHOD_POST,
                                      .url = url_at("http", "127.0.0.1", *(unsigned *)arg, "/"),
                                      .streamed = true,
                                      .body_bytes = HTTP_SIZE_UNKNOWN };
    enum err err = OK;
    CHECK_OK(client_begin(client, &request, &call));
    for (int i = 0; i < 100000 && err == OK; i++)
        err = client_write(call, (str){ part, sizeof(part) });
    CHECK_ERR(err, ERR_GONE);
    CHECK_STR(str_of(err_slot()->slug), STR("answered"));
    CHECK_OK(client_answer(call, &response));
    CHECK_INT(response.status, 413);
    client_end(call);
    request.body_bytes = 3;
    CHECK_OK(client_begin(client, &request, &call));
    CHECK_ERR(client_write(call, STR("four")), ERR_INTERNAL);
    CHECK_OK(client_write(call, STR("2.")));
    client_write_end(call); /* one is missing */
    CHECK_ERR(client_answer(call, &response), ERR_INTERNAL);
    client_end(call);
}

TEST(client_bodies_of_requests)
{
    static const struct peer_step steps[] = {
        { PEER_ACCEPT },
        { PEER_READ },
        { PEER_SEND, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n" },
        { PEER_ACCEPT }, /* having read none of the body: who writes it has to wait */
        { PEER_WAIT_END },
        { PEER_END }
    };
    struct peer *peer = peer_open(steps);
    unsigned port = peer_port(peer);
    with_client(NULL, check_bodies, &port);
    peer_close(peer);
}

/* --- Pools and look-ups --------------------------------------------------------------------- */

static enum err fetch_one(void *arg)
{
    void **args = arg;
    struct client_response response;
    str body;
    struct client_request request = { .method = METHOD_GET,
                                      .url =
                                          url_at("http", "127.0.0.1", *(unsigned *)args[1], "/") };
    return client_fetch(args[0], &request, FETCH_MAX, &response, &body);
}

static void check_queue(struct client *client, void *arg)
{
    void *args[] = { client, arg };
    struct task_group group;
    task_group_init(&group, 3);
    for (int i = 0; i < 3; i++)
        CHECK_OK(task_group_start(&group, "fetch", fetch_one, args));
    CHECK_ERR(task_group_wait(&group), ERR_EXHAUSTED);
    CHECK_STR(str_of(group.detail.slug), STR("client-queue-full"));
}

TEST(client_queue_is_bounded)
{
    static const struct peer_step steps[] = { { PEER_ACCEPT }, { PEER_WAIT_END }, { PEER_END } };
    struct peer *peer = peer_open(steps);
    unsigned port = peer_port(peer);
    struct client_settings settings = { .connections_max = 1, .waiting_max = 2 };
    with_client(&settings, check_queue, &port);
    peer_close(peer);
}

static sem_t lookup_may_end;

static unsigned lookup(const char *host, unsigned port, struct net_address *out, unsigned max)
{
    CHECK(max >= 2);
    if (strcmp(host, "nowhere.test") == 0)
        return 0;
    if (strcmp(host, "slow.test") == 0)
        sem_wait(&lookup_may_end);
    /* The first address refuses: its port is no one's. */
    CHECK_OK(net_address_parse(STR("127.0.0.1:1"), &out[0]));
    CHECK_OK(net_address_parse(STR("127.0.0.1:0"), &out[1]));
    out[1].socket.v4.sin_port = htons((uint16_t)port);
    return 2;
}

static void check_lookup(struct client *client, void *arg)
{
    struct client_response response;
    str body;
    unsigned port = *(unsigned *)arg;
    struct client_request request = { .method = METHOD_GET,
                                      .url = url_at("http", "nowhere.test", port, "/") };
    CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), ERR_UNAVAILABLE);
    CHECK_STR(str_of(err_slot()->slug), STR("name-not-found"));
    request.url = url_at("http", "there.test", port, "/");
    CHECK_OK(client_fetch(client, &request, FETCH_MAX, &response, &body));
    CHECK_STR(body, STR("ok"));
    request.url = url_at("http", "slow.test", port, "/");
    instant before = task_deadline_narrow(MILLISECONDS(100));
    CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), ERR_TIMEOUT);
    task_deadline_restore(before);
    sem_post(&lookup_may_end); /* it had not ended, and nobody waited for it */
}

TEST(client_looks_names_up)
{
    static const struct peer_step steps[] = {
        { PEER_ACCEPT }, { PEER_READ }, { PEER_SEND, OK_ANSWER }, { PEER_WAIT_END }, { PEER_END }
    };
    struct peer *peer = peer_open(steps);
    unsigned port = peer_port(peer);
    struct client_settings settings = { .lookup = lookup };
    sem_init(&lookup_may_end, 0, 0);
    CHECK_OK(pool_open("lookup", 2, 16, &settings.pool));
    with_client(&settings, check_lookup, &port);
    pool_close(settings.pool);
    peer_close(peer);
}

/* --- What is asked -------------------------------------------------------------------------- */

static void check_requests(struct client *client, void *arg)
{
    static const char *const urls[] = { "",
                                        "ftp://a/",
                                        "http://",
                                        "http:///x",
                                        "http://a:0/",
                                        "http://a:65536/",
                                        "http://a:b/",
                                        "http://user@a/",
                                        "http://a/ b",
                                        "http://a/\r\nX: y",
                                        "http://a/#b",
                                        "http://[::1/",
                                        "http://a?b",
                                        "http://a/\xc3\xa9" };
    static const struct http_field fields[] = {
        { STR_INIT("X"), STR_INIT("a\r\nEvil: b") },
        { STR_INIT("X\n"), STR_INIT("a") },
        { STR_INIT("Content-Length"), STR_INIT("1") },
        { STR_INIT("host"), STR_INIT("x") },
        { STR_INIT(""), STR_INIT("a") },
    };
    struct client_response response;
    str body;
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct client_request request = { .method = METHOD_GET, .url = str_of(urls[i]) };
        CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), ERR_INVALID);
        CHECK_STR(str_of(err_slot()->slug), STR("bad-url"));
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct client_request request = { .method = METHOD_GET, .url = STR("http://127.0.0.1:1/") };
        request.fields = &fields[i];
        request.fields_count = 1;
        CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), ERR_INVALID);
        CHECK_STR(str_of(err_slot()->slug), STR("bad-field"));
    }
    struct client_request nobody = { .method = METHOD_GET, .url = STR("http://127.0.0.1:1/") };
    CHECK_ERR(client_fetch(client, &nobody, FETCH_MAX, &response, &body), ERR_UNAVAILABLE);
    CHECK_STR(str_of(err_slot()->slug), STR("connect-failed"));
    nobody.url = STR("http://no.pool.test/");
    CHECK_ERR(client_fetch(client, &nobody, FETCH_MAX, &response, &body), ERR_UNAVAILABLE);
    CHECK_STR(str_of(err_slot()->slug), STR("name-not-found"));
}

TEST(client_refuses_bad_requests)
{
    with_client(NULL, check_requests, NULL);
}
