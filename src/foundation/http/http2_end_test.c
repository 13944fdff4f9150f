/* http2_end_test: the client's window, and how streams and connections end: resets, drain,
 * trailers, time-outs. */
#include "http2_stage.h"

#include <string.h>

static struct answer2 answer;

TEST(h2_keeps_to_the_clients_window)
{
    struct fixture *fixture = stage2_open();
    struct client2 client;
    stage2_file_prepare();
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
    http_file_release(stage2_file);
    fixture_close(fixture);
}

TEST(h2_cancels_what_is_reset)
{
    struct fixture *fixture = stage2_open();
    struct client2 client;
    atomic_store(&stage2_counts.cancelled, 0);
    atomic_store(&stage2_counts.running, 0);
    client2_open(&client, fixture);
    client2_get(&client, 1, "/wait");
    client2_get(&client, 3, "/wait");
    client2_flush(&client);
    stage2_await(&stage2_counts.running, 2);
    client2_u32(&client, NGHTTP2_RST_STREAM, 1, NGHTTP2_CANCEL);
    client2_flush(&client);
    stage2_await(&stage2_counts.cancelled, 1);
    stage2_await(&stage2_counts.aborted, 1);
    client2_get(&client, 5, "/");
    client2_answer(&client, 5, &answer);
    CHECK_INT(answer.status, 200);
    client2_close(&client); /* the connection goes, and with it the other */
    stage2_await(&stage2_counts.cancelled, 2);
    stage2_await(&stage2_counts.aborted, 2);
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
    struct fixture *fixture = stage2_open();
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
    CHECK_STR(stage2_body(&answer), STR("rested"));
    CHECK_INT(client2_goaway(&busy), NGHTTP2_NO_ERROR + 1);
    CHECK_INT(client2_goaway(&idle), NGHTTP2_NO_ERROR + 1);
    client2_close(&idle);
    client2_close(&busy);
    stage2_await(&drained, 1);
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
    struct fixture *fixture = fixture_open(stage2_routes, stage2_routes_count, &impatient);
    struct client2 client;
    client2_open(&client, fixture);
    CHECK_INT(client2_goaway(&client), NGHTTP2_NO_ERROR + 1);
    client2_close(&client);
    fixture_close(fixture);
    fixture = fixture_open(stage2_routes, stage2_routes_count, &settings);
    stage2_file_prepare();
    client2_open(&client, fixture);
    stage2_post_head(&client, 1, "/echo", "10", NULL); /* and no body */
    client2_answer(&client, 1, &answer);
    CHECK_INT(answer.reset, NGHTTP2_CANCEL + 1);
    stage2_post_head(&client, 3, "/upload", NULL, NULL);
    client2_answer(&client, 3, &answer);
    CHECK_INT(answer.status, 408);
    client2_close(&client);
    client2_open(&client, fixture);
    client2_get(&client, 1, "/file"); /* and no window */
    while (client2_read(&client) && client.frame.type != NGHTTP2_RST_STREAM)
        ;
    CHECK_INT(client.frame.type, NGHTTP2_RST_STREAM);
    client2_close(&client);
    http_file_release(stage2_file);
    fixture_close(fixture);
}
