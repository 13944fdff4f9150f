/* client: against our own server: both protocols, TLS, pools, streaming, deadlines. */
#include "client_fixture.h"

#include "foundation/net/tls_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { BIG_BYTES = 5 << 20, FETCH_MAX = 16 << 20 };

/* --- The server ----------------------------------------------------------------------------- */

static _Atomic int gone, hanging;

static ptrdiff_t big_generate(void *state, char *room, size_t room_bytes)
{
    size_t *at = state;
    size_t len = MIN_OF(room_bytes, (size_t)BIG_BYTES - *at);
    for (size_t i = 0; i < len; i++)
        room[i] = (char)((*at + i) % 251);
    *at += len;
    return (ptrdiff_t)len;
}

static enum err big(struct http_request *request, struct http_response *response)
{
    bool sized = request->path.ptr[request->path.len - 1] == 's';
    http_reply_generator(response, STR("x/y"), sized ? BIG_BYTES : HTTP_SIZE_UNKNOWN, big_generate,
                         ARENA_NEW(request->arena, size_t));
    return OK;
}

static enum err hang(struct http_request *request, struct http_response *response)
{
    (void)request, (void)response;
    atomic_fetch_add(&hanging, 1);
    enum err err = await_sleep(SECONDS(600));
    atomic_fetch_add(&gone, err == ERR_CANCELLED);
    return err;
}

/* A body without end, until the client goes. */
static enum err endless_run(void *arg)
{
    static const char zeros[1000];
    struct http_stream *stream = arg;
    while (http_stream_write(stream, (str){ zeros, sizeof(zeros) }) == OK)
        ;
    http_stream_close(stream, false);
    atomic_fetch_add(&gone, 1);
    return OK;
}

static enum err endless(struct http_request *request, struct http_response *response)
{
    struct http_stream *stream = http_reply_stream(request, response, STR("x/y"));
    struct task_spec spec = { .name = "endless", .fn = endless_run, .arg = stream };
    return task_start(loop_current(), &spec, NULL);
}

static enum err fields(struct http_request *request, struct http_response *response)
{
    str seen = http_header_find(request, STR("X-Ask"));
    TRY(http_header_add(response, STR("X-Answer"), seen.ptr ? seen : STR("none")));
    http_reply_memory(response, STR("text/plain"), request->host);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_POST, "/echo", fixture_echo, .body_bytes_max = MIB(8), .arena_bytes_max = MIB(32) },
    { METHOD_POST, "/upload", fixture_upload, .body_bytes_max = MIB(64),
      .flags = ROUTE_BODY_STREAM },
    { METHOD_GET, "/big", big },
    { METHOD_GET, "/bigs", big },
    { METHOD_GET, "/hang", hang, .timeout = SECONDS(600) },
    { METHOD_GET, "/endless", endless, .timeout = SECONDS(600) },
    { METHOD_GET, "/fields", fields, .flags = ROUTE_INLINE },
};

struct scene {
    const char *scheme, *host;
    unsigned port;
    enum client_protocol protocol;
    bool http2; /* expected */
};

static struct client_request ask(const struct scene *scene, enum http_method method,
                                 const char *path)
{
    return (struct client_request){ .method = method,
                                    .url = url_at(scene->scheme, scene->host, scene->port, path),
                                    .protocol = scene->protocol };
}

/* Runs fn in clear over both protocols, and over TLS by both. */
static void everywhere(void (*fn)(struct client *client, void *arg))
{
    struct tls_files files = tls_files_make("client", "localhost", 7);
    struct net_tls_pair pair = { str_of(files.cert), str_of(files.key) };
    struct net_tls_settings tls_settings = { .pairs = &pair, .pairs_count = 1 };
    struct net_tls *tls;
    CHECK_OK(net_tls_open(&tls_settings, &tls));
    struct http_server_settings settings = { .tls = tls };
    struct client_settings trust = { .ca_path = str_of(files.cert) };
    struct fixture *clear = fixture_open(routes, ARRAY_LEN(routes), NULL);
    struct fixture *secure = fixture_open_as(routes, ARRAY_LEN(routes), &settings, HTTP_ENTRY_TLS);
    const struct scene scenes[] = {
        { "http", "127.0.0.1", fixture_port(clear), CLIENT_AUTO, false },
        { "http", "127.0.0.1", fixture_port(clear), CLIENT_HTTP2, true },
        { "https", "localhost", fixture_port(secure), CLIENT_AUTO, true },
        { "https", "localhost", fixture_port(secure), CLIENT_HTTP1, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
        with_client(&trust, fn, (void *)(uintptr_t)&scenes[i]);
    fixture_close(clear);
    fixture_close(secure);
    net_tls_close(tls);
}

/* --- Tests ---------------------------------------------------------------------------------- */

static void check_exchange(struct client *client, void *arg)
{
    const struct scene *scene = arg;
    struct client_response response;
    const struct http_field field = { STR_INIT("X-Ask"), STR_INIT("what is it") };
    str body;
    for (int i = 0; i < 3; i++) {
        struct client_request request = ask(scene, METHOD_GET, "/fields");
        struct client_call *call;
        char room[100];
        size_t len;
        request.fields = &field;
        request.fields_count = 1;
        CHECK_OK(client_begin(client, &request, &call));
        CHECK_OK(client_answer(call, &response));
        CHECK_INT(response.status, 200);
        CHECK_INT(response.http2, scene->http2);
        CHECK_STR(client_field_find(call, STR("x-answer")), STR("what is it"));
        CHECK_OK(client_read(call, room, sizeof(room), &len));
        CHECK_INT(response.body_bytes, len);
        CHECK_STR(((str){ room, len }),
                  arena_printf(task_arena(), "%s:%u", scene->host, scene->port));
        CHECK_OK(client_read(call, room, sizeof(room), &len));
        CHECK_INT(len, 0);
        client_end(call);
    }
    struct client_request post = ask(scene, METHOD_POST, "/echo");
    post.body = (str){ arena_zalloc(task_arena(), 3000000, 1), 3000000 };
    memset((char *)(uintptr_t)post.body.ptr, 'x', 1500000);
    CHECK_OK(client_fetch(client, &post, FETCH_MAX, &response, &body));
    CHECK_STR(body, post.body);
    struct client_request missing = ask(scene, METHOD_GET, "/no/such");
    CHECK_OK(client_fetch(client, &missing, FETCH_MAX, &response, &body));
    CHECK_INT(response.status, 404);
    struct client_request head = ask(scene, METHOD_HEAD, "/fields");
    CHECK_OK(client_fetch(client, &head, FETCH_MAX, &response, &body));
    CHECK_INT(body.len, 0);
    CHECK_INT(client_stats(client).connected, 1); /* one after the other, one is enough */
}

TEST(client_exchange)
{
    everywhere(check_exchange);
}

static void check_streams(struct client *client, void *arg)
{
    const struct scene *scene = arg;
    struct client_response response;
    struct client_call *call;
    char room[5000];
    size_t len, total = 0;
    bool same = true;
    for (unsigned which = 0; which < 2; which++) {
        struct client_request up = ask(scene, METHOD_POST, "/upload");
        up.streamed = true;
        up.body_bytes = which ? HTTP_SIZE_UNKNOWN : 700000;
        CHECK_OK(client_begin(client, &up, &call));
        memset(room, 'u', 1000);
        for (int i = 0; i < 700; i++)
            CHECK_OK(client_write(call, (str){ room, 1000 }));
        client_write_end(call);
        CHECK_OK(client_answer(call, &response));
        CHECK_OK(client_read(call, room, sizeof(room), &len));
        CHECK_STR(((str){ room, len }), STR("700000"));
        client_end(call);

        struct client_request down = ask(scene, METHOD_GET, which ? "/big" : "/bigs");
        CHECK_OK(client_begin(client, &down, &call));
        CHECK_OK(client_answer(call, &response));
        for (total = 0;; total += len) {
            CHECK_OK(client_read(call, room, sizeof(room), &len));
            for (size_t i = 0; i < len; i++)
                same &= room[i] == (char)((total + i) % 251);
            if (len == 0)
                break;
            CHECK(call->in_bytes <= MIB(1)); /* what is not read yet waits at the server */
            if (total % 100000 == 0)
                CHECK_OK(await_turn());
        }
        CHECK(same);
        CHECK_INT(total, BIG_BYTES);
        client_end(call);
    }
}

TEST(client_streams_both_ways)
{
    everywhere(check_streams);
}

static enum err fetch_many(void *arg)
{
    void **args = arg;
    struct client *client = args[0];
    const struct scene *scene = args[1];
    struct client_response response;
    str body;
    for (int i = 0; i < 5; i++) {
        struct client_request post = ask(scene, METHOD_POST, "/echo");
        post.body = arena_printf(task_arena(), "%d of %p", i, (void *)task_current());
        TRY(client_fetch(client, &post, FETCH_MAX, &response, &body));
        CHECK_STR(body, post.body);
    }
    return OK;
}

static void check_many(struct client *client, void *arg)
{
    const struct scene *scene = arg;
    struct task_group group;
    void *args[] = { client, arg };
    task_group_init(&group, 60);
    for (int i = 0; i < 60; i++)
        CHECK_OK(task_group_start(&group, "fetch", fetch_many, args));
    CHECK_OK(task_group_wait(&group));
    struct client_stats stats = client_stats(client);
    CHECK(stats.connections <= 8);
    CHECK_INT(stats.calls, 0);
    if (scene->protocol == CLIENT_HTTP2)
        CHECK_INT(stats.connected, 1);
}

TEST(client_shares_connections)
{
    everywhere(check_many);
}

static void await_more(_Atomic int *count, int before)
{
    for (int i = 0; i < 3000 && atomic_load(count) == before; i++)
        CHECK_OK(await_sleep(MILLISECONDS(10)));
    CHECK(atomic_load(count) > before);
}

static void check_cancel(struct client *client, void *arg)
{
    const struct scene *scene = arg;
    struct client_response response;
    struct client_call *call;
    char room[1000];
    size_t len;
    int before = atomic_load(&gone);
    struct client_request request = ask(scene, METHOD_GET, "/endless");
    CHECK_OK(client_begin(client, &request, &call));
    CHECK_OK(client_answer(call, &response));
    CHECK_OK(client_read(call, room, sizeof(room), &len));
    CHECK(len > 0);
    client_end(call);
    await_more(&gone, before);

    before = atomic_load(&gone);
    struct client_request slow = ask(scene, METHOD_GET, "/hang");
    int hung = atomic_load(&hanging);
    str body;
    CHECK_OK(client_begin(client, &slow, &call));
    await_more(&hanging, hung);
    instant deadline = task_deadline_narrow(MILLISECONDS(20));
    CHECK_ERR(client_answer(call, &response), ERR_TIMEOUT);
    client_end(call);
    task_deadline_restore(deadline);
    await_more(&gone, before);
    /* The client is as good as before. */
    struct client_request again = ask(scene, METHOD_GET, "/fields");
    CHECK_OK(client_fetch(client, &again, FETCH_MAX, &response, &body));
    CHECK_INT(response.status, 200);
}

TEST(client_deadline_and_end_stop_the_peer)
{
    everywhere(check_cancel);
}

static void check_limits(struct client *client, void *arg)
{
    struct client_response response;
    str body;
    struct client_request request = ask(arg, METHOD_GET, "/bigs");
    CHECK_ERR(client_fetch(client, &request, 100000, &response, &body), ERR_TOO_LARGE);
    CHECK_STR(str_of(err_slot()->slug), STR("answer-too-large"));
}

TEST(client_body_limit)
{
    everywhere(check_limits);
}

/* --- TLS: who is believed ------------------------------------------------------------------- */

struct trust {
    unsigned port;
    const char *host;
    enum err expected;
    const char *text;
};

static void check_trust(struct client *client, void *arg)
{
    const struct trust *trust = arg;
    struct client_response response;
    str body;
    struct client_request request = { .method = METHOD_GET,
                                      .url = url_at("https", trust->host, trust->port, "/fields") };
    CHECK_ERR(client_fetch(client, &request, FETCH_MAX, &response, &body), trust->expected);
    if (trust->expected != OK) {
        CHECK_STR(str_of(err_slot()->slug), STR("tls-failed"));
        CHECK(str_find(str_of(err_slot()->text), str_of(trust->text)) >= 0);
    }
}

TEST(client_tls_verifies)
{
    struct tls_files good = tls_files_make("good", "localhost", 1);
    struct tls_files other = tls_files_make("other", "other.example", 2);
    struct net_tls_pair pair = { str_of(good.cert), str_of(good.key) };
    struct net_tls_settings tls_settings = { .pairs = &pair, .pairs_count = 1 };
    struct net_tls *tls;
    CHECK_OK(net_tls_open(&tls_settings, &tls));
    struct http_server_settings settings = { .tls = tls };
    struct fixture *fixture = fixture_open_as(routes, ARRAY_LEN(routes), &settings, HTTP_ENTRY_TLS);
    unsigned port = fixture_port(fixture);
    struct trust right = { port, "localhost", OK, "" };
    struct trust unknown = { port, "localhost", ERR_UNAVAILABLE, "self" };
    struct trust wrong_name = { port, "127.0.0.1", ERR_UNAVAILABLE, "mismatch" };
    struct client_settings trusts_it = { .ca_path = str_of(good.cert) };
    struct client_settings trusts_other = { .ca_path = str_of(other.cert) };
    with_client(&trusts_it, check_trust, &right);
    with_client(&trusts_other, check_trust, &unknown);
    with_client(NULL, check_trust, &unknown);
    with_client(&trusts_it, check_trust, &wrong_name);
    fixture_close(fixture);
    net_tls_close(tls);
}
