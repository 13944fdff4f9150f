/* http2_test: what HTTP/1 answers, answered by streams: every source, conditions, broken bodies. */
#include "http2_stage.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>

static struct answer2 answer;

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
    struct fixture *fixture = stage2_open();
    struct client2 client;
    client2_open(&client, fixture);
    for (uint32_t i = 0; i < 50; i++) {
        client2_get(&client, 2 * i + 1, "/");
        client2_answer(&client, 2 * i + 1, &answer);
        CHECK_INT(answer.status, 200);
        CHECK(answer.ended);
        CHECK_STR(stage2_body(&answer), STR("{\"hello\":\"world\"}"));
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
    CHECK_STR(stage2_body(&answer), STR("rested"));
    CHECK_INT(atomic_load(&stage2_counts.after), 52);
    CHECK_INT(atomic_load(&stage2_counts.aborted), 0);
    client2_close(&client);
    fixture_close(fixture);
}

/* RFC 7541 section 4.2: the client reads on, whatever it says it remembers. */
TEST(h2_answers_are_read_by_clients_that_remember_more_or_less)
{
    static const uint32_t sizes[] = { 65536, 4096, 200, 0, 4096 };
    struct fixture *fixture = stage2_open();
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
            CHECK_STR(stage2_body(&answer), STR("{\"hello\":\"world\"}"));
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
    struct fixture *fixture = stage2_open();
    struct client2 client;
    client2_open(&client, fixture);
    ask(&client, 1, "GET", "/told/a%20b?q=1", "cookie: a=1\nx-y: z\ncookie: b=2\ncookie: c=3\n");
    CHECK_STR(stage2_body(&answer), STR("a|/told/a b|q=1|a=1; b=2; c=3"));
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
    CHECK_INT(atomic_load(&stage2_counts.after), 12);
    client2_close(&client);
    fixture_close(fixture);
}

TEST(h2_sends_every_kind_of_body)
{
    struct fixture *fixture = stage2_open();
    struct client2 client;
    stage2_file_prepare();
    client2_open(&client, fixture);
    answer.expected = stage2_file_text;
    ask(&client, 1, "GET", "/file", "");
    CHECK_INT(answer.body_bytes, STAGE2_FILE_BYTES);
    CHECK(answer.ended && !answer.differs);
    answer.expected = stage2_file_text + 5;
    ask(&client, 3, "GET", "/file", "range: bytes=5-100004\n");
    CHECK_INT(answer.status, 206);
    CHECK_INT(answer.body_bytes, 100000);
    CHECK(answer.ended && !answer.differs);
    CHECK_STR(answer2_field(&answer, "content-range"), STR("bytes 5-100004/300000"));
    answer.expected = NULL;
    ask(&client, 5, "GET", "/generated", "");
    CHECK_INT(answer.body_bytes, STAGE2_GENERATED_BYTES);
    CHECK(answer.ended);
    ask(&client, 7, "GET", "/generated?sized", "");
    CHECK_INT(answer.body_bytes, STAGE2_GENERATED_BYTES);
    CHECK_STR(answer2_field(&answer, "content-length"), STR("200000"));
    ask(&client, 9, "GET", "/streamed", "");
    CHECK_INT(answer.body_bytes, 3500);
    CHECK(answer.ended);
    client2_close(&client);
    http_file_release(stage2_file);
    fixture_close(fixture);
}

/* Sessions of a loop make their frames in one buffer. */
TEST(h2_answers_of_two_connections_do_not_mix)
{
    struct fixture *fixture = stage2_open();
    struct client2 clients[2];
    stage2_file_prepare();
    for (int i = 0; i < 2; i++) {
        client2_open(&clients[i], fixture);
        client2_get(&clients[i], 1, "/file"); /* more than the window takes */
        client2_get(&clients[i], 3, i ? "/" : "/sleep");
        client2_flush(&clients[i]);
    }
    for (int i = 0; i < 2; i++) {
        answer.expected = stage2_file_text;
        client2_answer(&clients[i], 1, &answer);
        CHECK_INT(answer.status, 200);
        CHECK_INT(answer.body_bytes, STAGE2_FILE_BYTES);
        CHECK(!answer.differs);
        answer.expected = NULL;
        client2_get(&clients[!i], 5, "/");
        client2_flush(&clients[!i]);
    }
    for (int i = 0; i < 2; i++)
        client2_close(&clients[i]);
    http_file_release(stage2_file);
    fixture_close(fixture);
}

TEST(h2_says_that_a_body_was_broken_off)
{
    struct fixture *fixture = stage2_open();
    struct client2 client;
    stage2_file_prepare();
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
    CHECK_INT(atomic_load(&stage2_counts.aborted), 3);
    client2_close(&client);
    http_file_release(stage2_file);
    fixture_close(fixture);
}
