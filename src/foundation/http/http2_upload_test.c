/* http2_upload_test: bodies of requests: taken, refused, and through a window. */
#include "http2_stage.h"

#include "foundation/mem/heap.h"

#include <string.h>

static struct answer2 answer;

TEST(h2_takes_bodies)
{
    struct fixture *fixture = stage2_open();
    struct client2 client;
    struct buf block;
    client2_open(&client, fixture);
    stage2_post_head(&client, 1, "/echo", NULL, NULL);
    client2_frame(&client, NGHTTP2_DATA, 0, 1, STR("one "));
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, STR("two"));
    client2_answer(&client, 1, &answer);
    CHECK_STR(stage2_body(&answer), STR("one two"));
    stage2_post_head(&client, 3, "/echo", "3", NULL); /* trailers end it, and are forgotten */
    client2_frame(&client, NGHTTP2_DATA, 0, 3, STR("abc"));
    buf_init(&block, NULL, 1000);
    block_field(&block, "x-checksum", "1");
    client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3,
                  buf_str(&block));
    buf_deinit(&block);
    client2_answer(&client, 3, &answer);
    CHECK_STR(stage2_body(&answer), STR("abc"));
    stage2_post_head(&client, 5, "/echo", "4", "100-continue");
    client2_interim(&client, 5, &answer);
    CHECK_INT(answer.interim, 100);
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, STR("good"));
    client2_answer(&client, 5, &answer);
    CHECK_STR(stage2_body(&answer), STR("good"));
    client2_close(&client);
    fixture_close(fixture);
}

TEST(h2_refuses_bodies_too_large)
{
    struct fixture *fixture = stage2_open();
    struct client2 client;
    char bytes[1001] = { 0 };
    client2_open(&client, fixture);
    stage2_post_head(&client, 1, "/echo", "1001", NULL);
    client2_answer(&client, 1, &answer);
    CHECK_INT(answer.status, 413);
    client2_frame(&client, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, (str){ bytes, 1001 });
    stage2_post_head(&client, 3, "/echo", NULL, NULL);
    client2_frame(&client, NGHTTP2_DATA, 0, 3, (str){ bytes, 1001 });
    client2_answer(&client, 3, &answer);
    CHECK_INT(answer.status, 413);
    CHECK(client2_read(&client)); /* no need to go on (RFC 9113 section 8.1) */
    CHECK_INT(client.frame.type, NGHTTP2_RST_STREAM);
    CHECK_INT(client.frame.payload.ptr[3], NGHTTP2_NO_ERROR);
    stage2_post_head(&client, 5, "/echo", "3", NULL);
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
    struct fixture *fixture = stage2_open();
    struct client2 client;
    char *part = heap_alloc(PART);
    int64_t window = 65535, stream_window = 256 << 10;
    memset(part, 'u', PART);
    client2_open(&client, fixture);
    stage2_post_head(&client, 1, "/upload", NULL, NULL);
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
    CHECK_STR(stage2_body(&answer), STR("1000000"));
    client2_close(&client);
    heap_free(part);
    fixture_close(fixture);
}
