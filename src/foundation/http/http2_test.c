/* http2_test: what HTTP/1 does, done by streams: every source, bodies, conditions, drain. */
#include "http2_fixture.h"

#include "foundation/mem/heap.h"
#include "foundation/task/loop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_BYTES = 300000, GENERATED_BYTES = 200000 };

static _Atomic unsigned cancelled_count, running_count, after_count, aborted_count;
static struct http_file *file;
static char file_text[FILE_BYTES];

static enum err hello(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("application/json"), STR("{\"hello\":\"world\"}"));
    response->etag = STR("\"e\"");
    return http_header_add(response, STR("X-Mixed-Case"), STR("yes"));
}

static enum err told(struct http_request *request, struct http_response *response)
{
    str cookie = http_header_find(request, STR("Cookie"));
    http_reply_memory(response, STR("text/plain"),
                      arena_printf(request->arena, "%.*s|%.*s|%.*s|%.*s", STR_ARG(request->host),
                                   STR_ARG(request->path), STR_ARG(request->query),
                                   STR_ARG(cookie)));
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

static enum err whole_file(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { file, 0, FILE_BYTES, STR("") };
    http_reply_file(request, response, STR("video/mp4"), &part);
    return OK;
}

static enum err cut_file(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { file, 0, FILE_BYTES + 10, STR("before") };
    http_reply_file(request, response, STR("video/mp4"), &part);
    return OK;
}

static ptrdiff_t count_down(void *state, char *room, size_t room_bytes)
{
    unsigned *left = state;
    size_t len = MIN_OF((size_t)*left, room_bytes);
    memset(room, 'g', len);
    *left -= (unsigned)len;
    return (ptrdiff_t)len;
}

static ptrdiff_t broken(void *state, char *room, size_t room_bytes)
{
    ptrdiff_t len = count_down(state, room, MIN_OF(room_bytes, (size_t)1000));
    return len ? len : -1;
}

static enum err generated(struct http_request *request, struct http_response *response)
{
    unsigned *left = arena_alloc(request->arena, sizeof(*left));
    *left = GENERATED_BYTES;
    bool breaks = str_eq(request->query, STR("broken"));
    uint64_t size = str_eq(request->query, STR("sized")) ? GENERATED_BYTES : HTTP_SIZE_UNKNOWN;
    if (breaks)
        *left = 3000;
    http_reply_generator(response, STR("text/plain"), size, breaks ? broken : count_down, left);
    return OK;
}

static enum err streamed(struct http_request *request, struct http_response *response)
{
    struct http_stream *stream = http_reply_stream(request, response, STR("text/event-stream"));
    enum err err = OK;
    for (int i = 0; i < 100 && err == OK; i++)
        err = http_stream_write(stream, STR("data: something happened just now\n\n"));
    http_stream_close(stream, !str_eq(request->query, STR("broken")));
    return err;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/", hello, .flags = ROUTE_INLINE },
    { METHOD_GET, "/told/{rest*}", told, .flags = ROUTE_INLINE },
    { METHOD_GET, "/sleep", sleeper, .summary = NULL },
    { METHOD_GET, "/wait", waiter, .summary = NULL },
    { METHOD_GET, "/file", whole_file, .flags = ROUTE_INLINE },
    { METHOD_GET, "/cut", cut_file, .flags = ROUTE_INLINE },
    { METHOD_GET, "/generated", generated, .summary = NULL },
    { METHOD_GET, "/streamed", streamed, .summary = NULL },
    { METHOD_POST, "/echo", fixture_echo, .body_bytes_max = 1000 },
    { METHOD_POST, "/upload", fixture_upload, .body_bytes_max = 1 << 20,
      .flags = ROUTE_BODY_STREAM },
};

static void after(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    (void)owner, (void)request, (void)response;
    atomic_fetch_add(&after_count, 1);
    if (outcome->aborted)
        atomic_fetch_add(&aborted_count, 1);
}

static struct fixture *open_usual(void)
{
    struct http_server_settings settings = { .after = after };
    atomic_store(&after_count, 0);
    atomic_store(&aborted_count, 0);
    return fixture_open(routes, ARRAY_LEN(routes), &settings);
}

static void wait_for(_Atomic unsigned *counter, unsigned wanted)
{
    for (int i = 0; i < 20000 && atomic_load(counter) < wanted; i++)
        usleep(1000);
    CHECK_INT(atomic_load(counter), wanted);
}

static void file_prepare(void)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/film", test_folder());
    for (size_t i = 0; i < FILE_BYTES; i++)
        file_text[i] = (char)test_random();
    FILE *out = fopen(path, "w");
    CHECK(out && fwrite(file_text, 1, FILE_BYTES, out) == FILE_BYTES && fclose(out) == 0);
    CHECK_OK(http_file_open(path, &file));
}

static struct answer2 answer;

static str body_of(const struct answer2 *of)
{
    return (str){ of->body, (size_t)MIN_OF(of->body_bytes, (uint64_t)sizeof(of->body)) };
}

/* One request with the fields of "name: value\n..." besides the usual. */
static void ask(struct client2 *client, uint32_t stream, const char *method, const char *path,
                const char *fields)
{
    struct buf block;
    str rest = str_of(fields), line;
    char name[64], value[512];
    buf_init(&block, NULL, 16 << 10);
    block_request(&block, method, path);
    while (str_cut(&rest, '\n', &line)) {
        ptrdiff_t colon = str_find_char(line, ':');
        if (colon < 0)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)colon, line.ptr);
        snprintf(value, sizeof(value), "%.*s", STR_ARG(str_skip(line, (size_t)colon + 2)));
        block_field(&block, name, value);
    }
    client2_frame(client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                  stream, buf_str(&block));
    buf_deinit(&block);
    client2_answer(client, stream, &answer);
}

TEST(h2_answers_many_streams_on_one_connection)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    client2_open(&client, fixture);
    for (uint32_t i = 0; i < 50; i++) {
        client2_get(&client, 2 * i + 1, "/");
        client2_answer(&client, 2 * i + 1, &answer);
        CHECK_INT(answer.status, 200);
        CHECK(answer.ended);
        CHECK_STR(body_of(&answer), STR("{\"hello\":\"world\"}"));
        CHECK_STR(answer2_field(&answer, "content-length"), STR("17"));
        CHECK_STR(answer2_field(&answer, "content-type"), STR("application/json"));
        CHECK_STR(answer2_field(&answer, "x-mixed-case"), STR("yes"));
        CHECK_INT(answer2_field(&answer, "date").len, 29);
        CHECK(!answer2_field(&answer, "connection").ptr);
    }
    client2_get(&client, 201, "/sleep"); /* the quick one overtakes */
    client2_get(&client, 203, "/");
    client2_answer(&client, 203, &answer);
    CHECK_INT(answer.status, 200);
    client2_answer(&client, 201, &answer);
    CHECK_STR(body_of(&answer), STR("rested"));
    CHECK_INT(atomic_load(&after_count), 52);
    CHECK_INT(atomic_load(&aborted_count), 0);
    client2_close(&client);
    fixture_close(fixture);
}

/* RFC 7541 section 4.2: the client reads on, whatever it says it remembers. */
TEST(h2_answers_are_read_by_clients_that_remember_more_or_less)
{
    static const uint32_t sizes[] = { 65536, 4096, 200, 0, 4096 };
    struct fixture *fixture = open_usual();
    struct client2 client;
    uint32_t stream = 1;
    client2_open(&client, fixture);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const char setting[6] = { 0,
                                  NGHTTP2_SETTINGS_HEADER_TABLE_SIZE,
                                  (char)(sizes[i] >> 24),
                                  (char)(sizes[i] >> 16),
                                  (char)(sizes[i] >> 8),
                                  (char)sizes[i] };
        for (int again = 0; again < 3; again++, stream += 2) {
            client2_get(&client, stream, "/");
            client2_answer(&client, stream, &answer);
            CHECK_STR(body_of(&answer), STR("{\"hello\":\"world\"}"));
            CHECK_STR(answer2_field(&answer, "content-type"), STR("application/json"));
            CHECK_STR(answer2_field(&answer, "x-mixed-case"), STR("yes"));
            CHECK_INT(answer2_field(&answer, "date").len, 29);
        }
        client2_frame(&client, NGHTTP2_SETTINGS, 0, 0, (str){ setting, sizeof(setting) });
        CHECK_INT(nghttp2_hd_inflate_change_table_size(client.inflater, sizes[i]), 0);
    }
    client2_close(&client);
    fixture_close(fixture);
}

TEST(h2_requests_are_read_as_http1_reads_them)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    client2_open(&client, fixture);
    ask(&client, 1, "GET", "/told/a%20b?q=1", "cookie: a=1\nx-y: z\ncookie: b=2\ncookie: c=3\n");
    CHECK_STR(body_of(&answer), STR("a|/told/a b|q=1|a=1; b=2; c=3"));
    ask(&client, 3, "HEAD", "/", "");
    CHECK_INT(answer.status, 200);
    CHECK_STR(answer2_field(&answer, "content-length"), STR("17"));
    CHECK_INT(answer.body_bytes, 0);
    ask(&client, 5, "GET", "/", "if-none-match: \"e\"\n");
    CHECK_INT(answer.status, 304);
    ask(&client, 7, "GET", "/nothing", "");
    CHECK_INT(answer.status, 404);
    CHECK_STR(answer2_field(&answer, "content-type"), STR("application/problem+json"));
    ask(&client, 9, "OPTIONS", "/echo", "");
    CHECK_INT(answer.status, 204);
    CHECK_STR(answer2_field(&answer, "allow"), STR("POST, OPTIONS"));
    ask(&client, 11, "OPTIONS", "*", "");
    CHECK_INT(answer.status, 204);
    ask(&client, 13, "GET", "/told/../x", "");
    CHECK_INT(answer.status, 400);
    ask(&client, 15, "BREW", "/", "");
    CHECK_INT(answer.status, 501);
    ask(&client, 17, "GET", "/", "expect: tea\n");
    CHECK_INT(answer.status, 417);
    ask(&client, 19, "GET", "/", "host: b\n");
    CHECK_INT(answer.status, 400);
    ask(&client, 21, "GET", "/", "host: A\n");
    CHECK_INT(answer.status, 200);
    ask(&client, 23, "GET", "/", "x-bell: a\001b\n");
    CHECK_INT(answer.status, 400);
    CHECK_INT(atomic_load(&after_count), 12);
    client2_close(&client);
    fixture_close(fixture);
}

TEST(h2_sends_every_kind_of_body)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    file_prepare();
    client2_open(&client, fixture);
    answer.expected = file_text;
    ask(&client, 1, "GET", "/file", "");
    CHECK_INT(answer.body_bytes, FILE_BYTES);
    CHECK(answer.ended && !answer.differs);
    answer.expected = file_text + 5;
    ask(&client, 3, "GET", "/file", "range: bytes=5-100004\n");
    CHECK_INT(answer.status, 206);
    CHECK_INT(answer.body_bytes, 100000);
    CHECK(answer.ended && !answer.differs);
    CHECK_STR(answer2_field(&answer, "content-range"), STR("bytes 5-100004/300000"));
    answer.expected = NULL;
    ask(&client, 5, "GET", "/generated", "");
    CHECK_INT(answer.body_bytes, GENERATED_BYTES);
    CHECK(answer.ended);
    ask(&client, 7, "GET", "/generated?sized", "");
    CHECK_INT(answer.body_bytes, GENERATED_BYTES);
    CHECK_STR(answer2_field(&answer, "content-length"), STR("200000"));
    ask(&client, 9, "GET", "/streamed", "");
    CHECK_INT(answer.body_bytes, 3500);
    CHECK(answer.ended);
    client2_close(&client);
    http_file_release(file);
    fixture_close(fixture);
}

/* Sessions of a loop make their frames in one buffer. */
TEST(h2_answers_of_two_connections_do_not_mix)
{
    struct fixture *fixture = open_usual();
    struct client2 clients[2];
    file_prepare();
    for (int i = 0; i < 2; i++) {
        client2_open(&clients[i], fixture);
        client2_get(&clients[i], 1, "/file"); /* more than the window takes */
        client2_get(&clients[i], 3, i ? "/" : "/sleep");
        client2_flush(&clients[i]);
    }
    for (int i = 0; i < 2; i++) {
        answer.expected = file_text;
        client2_answer(&clients[i], 1, &answer);
        CHECK_INT(answer.status, 200);
        CHECK_INT(answer.body_bytes, FILE_BYTES);
        CHECK(!answer.differs);
        answer.expected = NULL;
        client2_get(&clients[!i], 5, "/");
        client2_flush(&clients[!i]);
    }
    for (int i = 0; i < 2; i++)
        client2_close(&clients[i]);
    http_file_release(file);
    fixture_close(fixture);
}

TEST(h2_says_that_a_body_was_broken_off)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    file_prepare();
    client2_open(&client, fixture);
    static const char *const paths[] = { "/cut", "/generated?broken", "/streamed?broken" };
    for (uint32_t i = 0; i < ARRAY_LEN(paths); i++) {
        ask(&client, 2 * i + 1, "GET", paths[i], "");
        CHECK_INT(answer.status, 200);
        CHECK(!answer.ended);
        CHECK_INT(answer.reset, NGHTTP2_INTERNAL_ERROR + 1);
    }
    ask(&client, 101, "GET", "/", ""); /* the connection lives on */
    CHECK_INT(answer.status, 200);
    CHECK_INT(atomic_load(&aborted_count), 3);
    client2_close(&client);
    http_file_release(file);
    fixture_close(fixture);
}

/* --- Bodies of requests --------------------------------------------------------------------- */

static void post_head(struct client2 *client, uint32_t stream, const char *path, const char *length,
                      const char *expect)
{
    struct buf block;
    buf_init(&block, NULL, 4 << 10);
    block_request(&block, "POST", path);
    if (length)
        block_field(&block, "content-length", length);
    if (expect)
        block_field(&block, "expect", expect);
    client2_frame(client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream, buf_str(&block));
    buf_deinit(&block);
}

TEST(h2_takes_bodies)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    struct buf block;
    client2_open(&client, fixture);
    post_head(&client, 1, "/echo", NULL, NULL);
    client2_frame(&client, NGHTTP2_DATA, 0, 1, STR("one "));
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, STR("two"));
    client2_answer(&client, 1, &answer);
    CHECK_STR(body_of(&answer), STR("one two"));
    post_head(&client, 3, "/echo", "3", NULL); /* trailers end it, and are forgotten */
    client2_frame(&client, NGHTTP2_DATA, 0, 3, STR("abc"));
    buf_init(&block, NULL, 1000);
    block_field(&block, "x-checksum", "1");
    client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3,
                  buf_str(&block));
    buf_deinit(&block);
    client2_answer(&client, 3, &answer);
    CHECK_STR(body_of(&answer), STR("abc"));
    post_head(&client, 5, "/echo", "4", "100-continue");
    client2_interim(&client, 5, &answer);
    CHECK_INT(answer.interim, 100);
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, STR("good"));
    client2_answer(&client, 5, &answer);
    CHECK_STR(body_of(&answer), STR("good"));
    client2_close(&client);
    fixture_close(fixture);
}

TEST(h2_refuses_bodies_too_large)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    char bytes[1001] = { 0 };
    client2_open(&client, fixture);
    post_head(&client, 1, "/echo", "1001", NULL);
    client2_answer(&client, 1, &answer);
    CHECK_INT(answer.status, 413);
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, (str){ bytes, 1001 });
    post_head(&client, 3, "/echo", NULL, NULL);
    client2_frame(&client, NGHTTP2_DATA, 0, 3, (str){ bytes, 1001 });
    client2_answer(&client, 3, &answer);
    CHECK_INT(answer.status, 413);
    CHECK(client2_read(&client)); /* no need to go on (RFC 9113 section 8.1) */
    CHECK_INT(client.frame.type, NGHTTP2_RST_STREAM);
    CHECK_INT(client.frame.payload.ptr[3], NGHTTP2_NO_ERROR);
    post_head(&client, 5, "/echo", "3", NULL);
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, STR("toolong"));
    client2_answer(&client, 5, &answer);
    CHECK_INT(answer.reset, NGHTTP2_PROTOCOL_ERROR + 1);
    client2_get(&client, 7, "/");
    client2_answer(&client, 7, &answer);
    CHECK_INT(answer.status, 200);
    client2_close(&client);
    fixture_close(fixture);
}

/* Ten times the window: it opens as the handler reads. */
TEST(h2_streams_uploads_through_a_window)
{
    enum { UPLOAD_BYTES = 1000000, PART = 10000 };
    struct fixture *fixture = open_usual();
    struct client2 client;
    char *part = heap_alloc(PART);
    int64_t window = 65535, stream_window = 256 << 10;
    memset(part, 'u', PART);
    client2_open(&client, fixture);
    post_head(&client, 1, "/upload", NULL, NULL);
    for (int sent = 0; sent < UPLOAD_BYTES;) {
        if (window < PART || stream_window < PART) {
            CHECK(client2_read(&client));
            const unsigned char *p = (const unsigned char *)client.frame.payload.ptr;
            if (client.frame.type != NGHTTP2_WINDOW_UPDATE)
                continue;
            int64_t more = (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
            *(client.frame.stream ? &stream_window : &window) += more;
            continue;
        }
        sent += PART;
        window -= PART;
        stream_window -= PART;
        client2_frame(&client, NGHTTP2_DATA, sent == UPLOAD_BYTES ? NGHTTP2_FLAG_END_STREAM : 0, 1,
                      (str){ part, PART });
        client2_flush(&client);
    }
    client2_answer(&client, 1, &answer);
    CHECK_STR(body_of(&answer), STR("1000000"));
    client2_close(&client);
    heap_free(part);
    fixture_close(fixture);
}

/* --- Windows, ends -------------------------------------------------------------------------- */

TEST(h2_keeps_to_the_clients_window)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    file_prepare();
    client2_open(&client, fixture);
    client2_get(&client, 1, "/file");
    uint64_t got = 0;
    while (got < 65535 && client2_read(&client))
        if (client.frame.type == NGHTTP2_DATA)
            got += client.frame.payload.len;
    CHECK_INT(got, 65535);
    client2_frame(&client, NGHTTP2_PING, 0, 0, STR("01234567"));
    CHECK(client2_read(&client));
    CHECK_INT(client.frame.type, NGHTTP2_PING); /* and not one byte of the file */
    client2_u32(&client, NGHTTP2_WINDOW_UPDATE, 0, 7);
    client2_u32(&client, NGHTTP2_WINDOW_UPDATE, 1, 70);
    CHECK(client2_read(&client));
    CHECK_INT(client.frame.type, NGHTTP2_DATA);
    CHECK_INT(client.frame.payload.len, 7);
    client2_close(&client);
    http_file_release(file);
    fixture_close(fixture);
}

TEST(h2_cancels_what_is_reset)
{
    struct fixture *fixture = open_usual();
    struct client2 client;
    atomic_store(&cancelled_count, 0);
    atomic_store(&running_count, 0);
    client2_open(&client, fixture);
    client2_get(&client, 1, "/wait");
    client2_get(&client, 3, "/wait");
    client2_flush(&client);
    wait_for(&running_count, 2);
    client2_u32(&client, NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
    client2_flush(&client);
    wait_for(&cancelled_count, 1);
    wait_for(&aborted_count, 1);
    client2_get(&client, 5, "/");
    client2_answer(&client, 5, &answer);
    CHECK_INT(answer.status, 200);
    client2_close(&client); /* the connection goes, and with it the other */
    wait_for(&cancelled_count, 2);
    wait_for(&aborted_count, 2);
    fixture_close(fixture);
}

static void on_drained(void *arg)
{
    atomic_store((_Atomic unsigned *)arg, 1);
}

static _Atomic unsigned drained;

static void drain(void *arg)
{
    http_server_drain(arg, SECONDS(20), on_drained, &drained);
}

TEST(h2_drains_by_goaway)
{
    struct fixture *fixture = open_usual();
    struct client2 idle, busy;
    atomic_store(&drained, 0);
    client2_open(&idle, fixture);
    client2_open(&busy, fixture);
    client2_get(&idle, 1, "/");
    client2_answer(&idle, 1, &answer);
    client2_get(&busy, 1, "/sleep");
    client2_flush(&busy);
    CHECK(client2_read(&busy)); /* its settings: it has been read from */
    fixture_run(fixture, drain, fixture_server(fixture));
    client2_answer(&busy, 1, &answer);
    CHECK_STR(body_of(&answer), STR("rested"));
    CHECK_INT(client2_goaway(&busy), NGHTTP2_NO_ERROR + 1);
    CHECK_INT(client2_goaway(&idle), NGHTTP2_NO_ERROR + 1);
    client2_close(&idle);
    client2_close(&busy);
    wait_for(&drained, 1);
    fixture_close(fixture);
}

/* --- Trailers ------------------------------------------------------------------------------- */

static enum err with_trailers(struct http_request *request, struct http_response *response)
{
    static const struct http_field fields[] = { { STR_INIT("x-status"), STR_INIT("0") },
                                                { STR_INIT("x-more"), STR_INIT("said last") } };
    str size = str_skip(request->path, 1);
    uint64_t bytes = 0;
    CHECK(str_parse_u64(size, &bytes));
    http_reply_memory(response, STR("x/y"),
                      (str){ arena_zalloc(request->arena, bytes, 1), (size_t)bytes });
    response->trailers = fields;
    response->trailers_count = ARRAY_LEN(fields);
    return OK;
}

TEST(h2_trailers_end_the_answer)
{
    static const struct http_route table[] = { { METHOD_GET, "/{size}", with_trailers,
                                                 .summary = NULL } };
    static const char *const paths[] = { "/1", "/60000", "/5" };
    static const unsigned sizes[] = { 1, 60000, 5 };
    struct fixture *fixture = fixture_open(table, 1, NULL);
    struct client2 client;
    client2_open(&client, fixture);
    for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
        memset(&answer, 0, sizeof(answer));
        client2_get(&client, i * 2 + 1, paths[i]);
        client2_answer(&client, i * 2 + 1, &answer);
        CHECK_INT(answer.status, 200);
        CHECK_INT(answer.body_bytes, sizes[i]);
        CHECK_INT(client.frame.type, NGHTTP2_HEADERS); /* the last frame */
        CHECK_STR(answer2_field(&answer, "x-status"), STR("0"));
        CHECK_STR(answer2_field(&answer, "x-more"), STR("said last"));
        CHECK_INT(answer.reset, 0);
    }
    client2_close(&client);
    fixture_close(fixture);
}

/* --- Time-outs ------------------------------------------------------------------------------ */

TEST(h2_ends_idle_connections_and_stalled_streams)
{
    struct http_server_settings impatient = { .idle_timeout = MILLISECONDS(60) };
    struct http_server_settings settings = { .body_timeout = MILLISECONDS(60),
                                             .write_timeout = MILLISECONDS(60) };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), &impatient);
    struct client2 client;
    client2_open(&client, fixture);
    CHECK_INT(client2_goaway(&client), NGHTTP2_NO_ERROR + 1);
    client2_close(&client);
    fixture_close(fixture);
    fixture = fixture_open(routes, ARRAY_LEN(routes), &settings);
    file_prepare();
    client2_open(&client, fixture);
    post_head(&client, 1, "/echo", "10", NULL); /* and no body */
    client2_answer(&client, 1, &answer);
    CHECK_INT(answer.reset, NGHTTP2_CANCEL + 1);
    post_head(&client, 3, "/upload", NULL, NULL);
    client2_answer(&client, 3, &answer);
    CHECK_INT(answer.status, 408);
    client2_close(&client);
    client2_open(&client, fixture);
    client2_get(&client, 1, "/file"); /* and no window */
    while (client2_read(&client) && client.frame.type != NGHTTP2_RST_STREAM)
        ;
    CHECK_INT(client.frame.type, NGHTTP2_RST_STREAM);
    client2_close(&client);
    http_file_release(file);
    fixture_close(fixture);
}
