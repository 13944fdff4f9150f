/*
 * http2_hostile_test: clients that break the rules or wear the server out. Each must end with its
 * own connection and nobody else's; what is bounded by the budget (http2_limits.c) is told
 * ENHANCE_YOUR_CALM.
 */
#include "http2_fixture.h"

#include "foundation/mem/heap.h"
#include "foundation/task/loop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLOOD = 5000 };

static _Atomic unsigned running_count, running_peak;

static enum err hello(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("text/plain"), STR("hello"));
    return OK;
}

/* A handler that cannot be cancelled at once, as one that waits for a thread. */
static enum err stubborn(struct http_request *request, struct http_response *response)
{
    unsigned now = atomic_fetch_add(&running_count, 1) + 1;
    if (now > atomic_load(&running_peak))
        atomic_store(&running_peak, now);
    (void)request;
    (void)await_sleep(MILLISECONDS(20));
    atomic_fetch_sub(&running_count, 1);
    http_reply_status(response, 204);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/", hello, .flags = ROUTE_INLINE },
    { METHOD_GET, "/stubborn", stubborn, .summary = NULL },
    { METHOD_POST, "/echo", fixture_echo, .body_bytes_max = 100000 },
};

static struct client2 client;
static struct answer2 answer;

/* What a client did must harm nobody: another one is served. */
static void check_served(struct fixture *fixture)
{
    struct client2 other;
    client2_open(&other, fixture);
    client2_get(&other, 1, "/");
    client2_answer(&other, 1, &answer);
    CHECK_INT(answer.status, 200);
    client2_close(&other);
}

/* "what: 12", so that a failure names its case. */
static str said(const char *what, unsigned number)
{
    static char texts[2][100];
    static unsigned turn;
    char *text = texts[turn++ % 2];
    return (str){ text, (size_t)snprintf(text, sizeof(texts[0]), "%s: %u", what, number) };
}

static void flood_frame(unsigned i)
{
    (void)i;
    client2_frame(&client, NGHTTP2_PING, 0, 0, STR("12345678"));
}

static void flood_settings(unsigned i)
{
    (void)i;
    client2_frame(&client, NGHTTP2_SETTINGS, 0, 0, STR(""));
}

static void flood_window_update(unsigned i)
{
    (void)i;
    client2_u32(&client, NGHTTP2_WINDOW_UPDATE, 0, 1);
}

static void flood_priority(unsigned i)
{
    client2_frame(&client, NGHTTP2_PRIORITY, 0, 2 * i + 1, STR("\0\0\0\0\7"));
}

static void flood_reset(unsigned i)
{
    client2_get(&client, 2 * i + 1, "/stubborn");
    client2_u32(&client, NGHTTP2_RST_STREAM, 2 * i + 1, NGHTTP2_CANCEL);
}

/* Requests that are reset by us, because they are wrong ("MadeYouReset", CVE-2025-8671). */
static void flood_made_reset(unsigned i)
{
    client2_get(&client, 2 * i + 1, "/stubborn");
    client2_u32(&client, NGHTTP2_WINDOW_UPDATE, 2 * i + 1, 0x7fffffff);
}

static void flood_empty_data(unsigned i)
{
    struct buf block;
    if (i == 0) {
        buf_init(&block, NULL, 1000);
        block_request(&block, "POST", "/echo");
        client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, buf_str(&block));
        buf_deinit(&block);
    }
    client2_frame(&client, NGHTTP2_DATA, 0, 1, STR(""));
}

static void flood_continuation(unsigned i)
{
    struct buf block;
    if (i == 0) {
        buf_init(&block, NULL, 1000);
        block_request(&block, "GET", "/");
        client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, buf_str(&block));
        buf_deinit(&block);
    }
    client2_frame(&client, NGHTTP2_CONTINUATION, 0, 1, STR(""));
}

TEST(h2_floods_are_told_to_calm_down)
{
    static const struct {
        const char *name;
        void (*add)(unsigned i);
    } floods[] = {
        { "ping", flood_frame },
        { "settings", flood_settings },
        { "window update", flood_window_update },
        { "priority", flood_priority },
        { "rapid reset", flood_reset },
        { "made to reset", flood_made_reset },
        { "empty data", flood_empty_data },
        { "continuation", flood_continuation },
    };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    for (size_t f = 0; f < ARRAY_LEN(floods); f++) {
        atomic_store(&running_peak, 0);
        client2_open(&client, fixture);
        for (unsigned i = 0; i < FLOOD; i++)
            floods[f].add(i);
        uint32_t code = client2_goaway(&client);
        CHECK_STR(said(floods[f].name, code), said(floods[f].name, NGHTTP2_ENHANCE_YOUR_CALM + 1));
        CHECK(atomic_load(&running_peak) <= 260); /* and tasks were bounded all the while */
        client2_close(&client);
        check_served(fixture);
    }
    fixture_close(fixture);
}

/* RFC 9113 section 5.5: they cost us less than they cost to send, and change nothing. */
TEST(h2_unknown_frames_are_ignored)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    client2_open(&client, fixture);
    for (unsigned i = 0; i < FLOOD; i++)
        client2_frame(&client, 0xbe, 0xff, i, STR("?"));
    client2_get(&client, 1, "/");
    client2_answer(&client, 1, &answer);
    CHECK_INT(answer.status, 200);
    client2_close(&client);
    fixture_close(fixture);
}

/* An ordinary client that resets and updates as browsers do stays welcome. */
TEST(h2_browsers_are_not_taken_for_floods)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    client2_open(&client, fixture);
    for (uint32_t i = 0; i < 3000; i++) {
        client2_get(&client, 4 * i + 1, "/");
        client2_answer(&client, 4 * i + 1, &answer);
        CHECK_INT(answer.status, 200);
        client2_u32(&client, NGHTTP2_WINDOW_UPDATE, 0, 5);
        if (i % 20)
            continue;
        client2_get(&client, 4 * i + 3, "/stubborn");
        client2_u32(&client, NGHTTP2_RST_STREAM, 4 * i + 3, NGHTTP2_CANCEL);
    }
    client2_close(&client);
    fixture_close(fixture);
}

/* --- Headers -------------------------------------------------------------------------------- */

static void headers_send(uint32_t stream, const struct buf *block)
{
    client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                  stream, buf_str(block));
}

TEST(h2_heads_too_large_are_refused)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    struct buf block;
    static char value[4001];
    char name[16];
    memset(value, 'v', 4000);
    value[4000] = 0;
    client2_open(&client, fixture);
    buf_init(&block, NULL, 1 << 20);
    block_request(&block, "GET", "/");
    for (int i = 0; i < 101; i++) {
        snprintf(name, sizeof(name), "x-%d", i);
        block_field(&block, name, "v");
    }
    headers_send(1, &block);
    client2_answer(&client, 1, &answer);
    CHECK_INT(answer.status, 431);
    buf_clear(&block);
    block_request(&block, "GET", "/");
    for (int i = 0; i < 3; i++)
        block_field(&block, "x", value);
    client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 3, buf_str(&block));
    buf_clear(&block);
    for (int i = 0; i < 4; i++)
        block_field(&block, "x", value);
    client2_frame(&client, NGHTTP2_CONTINUATION, 0, 3, buf_str(&block));
    client2_frame(&client, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 3, buf_str(&block));
    client2_answer(&client, 3, &answer);
    CHECK_INT(answer.status, 431);
    buf_clear(&block);
    static char path[9000];
    memset(path, '/', sizeof(path) - 1);
    block_request(&block, "GET", path);
    headers_send(5, &block);
    client2_answer(&client, 5, &answer);
    CHECK_INT(answer.status, 414);
    buf_deinit(&block);
    client2_close(&client);
    check_served(fixture);
    fixture_close(fixture);
}

/* One entry of 4 kB in the table, named thousands of times by a byte each (RFC 7541). */
TEST(h2_compression_bombs_are_defused)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    struct buf block;
    static char value[4001];
    memset(value, 'v', 4000);
    value[4000] = 0;
    client2_open(&client, fixture);
    buf_init(&block, NULL, 1 << 20);
    block_request(&block, "GET", "/");
    size_t at = block.len;
    block_field(&block, "x", value);
    block.ptr[at] = 0x40; /* with indexing */
    for (int i = 0; i < 8000; i++)
        buf_put_u8(&block, 0x80 | 62); /* the newest entry of the table */
    headers_send(1, &block);
    CHECK_INT(client2_goaway(&client), NGHTTP2_ENHANCE_YOUR_CALM + 1);
    buf_deinit(&block);
    client2_close(&client);
    check_served(fixture);
    fixture_close(fixture);
}

struct bad_head {
    const char *what;
    const char *fields[10]; /* name, value, ... */
};

/* RFC 9113 section 8: none of these reaches a handler. */
TEST(h2_malformed_requests_are_refused)
{
    static const struct bad_head heads[] = {
        { "upper case",
          { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "X-Y", "z" } },
        { "connection",
          { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "connection",
            "close" } },
        { "transfer-encoding",
          { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/",
            "transfer-encoding", "chunked" } },
        { "te",
          { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "te", "gzip" } },
        { "no path", { ":method", "GET", ":scheme", "http", ":authority", "a" } },
        { "empty path", { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "" } },
        { "no method", { ":scheme", "http", ":authority", "a", ":path", "/" } },
        { "no scheme", { ":method", "GET", ":authority", "a", ":path", "/" } },
        { "no host", { ":method", "GET", ":scheme", "http", ":path", "/" } },
        { "late",
          { ":method", "GET", ":scheme", "http", ":path", "/", "x", "y", ":authority", "a" } },
        { "double",
          { ":method", "GET", ":scheme", "http", ":path", "/", ":path", "/x", ":authority", "a" } },
        { "unknown",
          { ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", ":x", "y" } },
        { "status",
          { ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", ":status",
            "200" } },
        { "two hosts",
          { ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "host", "b" } },
        { "bad host", { ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u@a" } },
        { "absolute",
          { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "http://b/" } },
        { "line end",
          { ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "x",
            "a\r\nb: c" } },
        { "length",
          { ":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/echo",
            "content-length", "5" } },
        { "lengths",
          { ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "content-length",
            "-0" } },
        { "connect", { ":method", "CONNECT", ":authority", "a:1" } },
    };
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    struct buf block;
    client2_open(&client, fixture);
    buf_init(&block, NULL, 4096);
    for (uint32_t i = 0; i < ARRAY_LEN(heads); i++) {
        buf_clear(&block);
        for (int f = 0; f < 10 && heads[i].fields[f]; f += 2)
            block_field(&block, heads[i].fields[f], heads[i].fields[f + 1]);
        headers_send(2 * i + 1, &block);
        client2_answer(&client, 2 * i + 1, &answer);
        bool refused = answer.reset || answer.status == 400 || answer.status == 501;
        CHECK_STR(said(heads[i].what, refused), said(heads[i].what, 1));
    }
    buf_deinit(&block);
    client2_get(&client, 1001, "/");
    client2_answer(&client, 1001, &answer);
    CHECK_INT(answer.status, 200);
    client2_close(&client);
    fixture_close(fixture);
}

/* --- Frames --------------------------------------------------------------------------------- */

static uint32_t code_after(struct fixture *fixture, unsigned type, uint32_t stream, str payload)
{
    client2_open(&client, fixture);
    client2_frame(&client, type, 0, stream, payload);
    uint32_t code = client2_goaway(&client);
    client2_close(&client);
    return code;
}

TEST(h2_broken_frames_end_the_connection)
{
    static char large[16385];
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    CHECK_INT(code_after(fixture, NGHTTP2_PING, 0, STR("short")), NGHTTP2_FRAME_SIZE_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_PING, 1, STR("12345678")), NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_DATA, 0, STR("x")), NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_DATA, 1, STR("x")), NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_HEADERS, 2, STR("\x82")), NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_CONTINUATION, 1, STR("x")), NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_WINDOW_UPDATE, 0, STR("\0\0\0\0")),
              NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_WINDOW_UPDATE, 0, STR("\x7f\xff\xff\xff")),
              NGHTTP2_FLOW_CONTROL_ERROR + 1);
    CHECK_INT(code_after(fixture, NGHTTP2_SETTINGS, 0, STR("\0\2\0\0\0\2")),
              NGHTTP2_PROTOCOL_ERROR + 1);
    CHECK_INT(code_after(fixture, 0x99, 0, (str){ large, sizeof(large) }),
              NGHTTP2_FRAME_SIZE_ERROR + 1);
    client2_open(&client, fixture); /* a field that is in no table */
    client2_frame(&client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                  STR("\xff\xff\xff"));
    CHECK_INT(client2_goaway(&client), NGHTTP2_COMPRESSION_ERROR + 1);
    client2_close(&client);
    check_served(fixture);
    fixture_close(fixture);
}

TEST(h2_prefaces_are_taken_whole)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str preface = STR(NGHTTP2_CLIENT_MAGIC);
    for (size_t cut = 1; cut < preface.len; cut += 5) { /* and in two parts */
        int fd = client_open(fixture);
        client_send(fd, str_sub(preface, 0, cut));
        usleep(2000);
        client_send(fd, str_skip(preface, cut));
        client_send(fd, (str){ "\0\0\0\4\0\0\0\0\0", 9 });
        char head[9];
        CHECK_INT(recv(fd, head, 9, MSG_WAITALL), 9);
        CHECK_INT(head[3], NGHTTP2_SETTINGS);
        close(fd);
    }
    str answered = client_ask(fixture, STR("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"));
    CHECK_INT(answer_status(answered), 505);
    int fd = client_open(fixture); /* cut off: nothing is owed */
    client_send(fd, STR("PRI * HT"));
    shutdown(fd, SHUT_WR);
    CHECK_INT(client_read_all(fd).len, 0);
    close(fd);
    fixture_close(fixture);
}

/* More streams than we answer: refused in a way that lets the client ask again. */
TEST(h2_streams_beyond_the_limit_are_refused)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    unsigned refused = 0, answered = 0;
    client2_open(&client, fixture);
    for (uint32_t i = 0; i < 200; i++)
        client2_get(&client, 2 * i + 1, "/stubborn");
    while (refused + answered < 200 && client2_read(&client)) {
        const struct frame *frame = &client.frame;
        if (frame->type == NGHTTP2_RST_STREAM) {
            CHECK_INT(frame->payload.ptr[3], NGHTTP2_REFUSED_STREAM);
            refused++;
        }
        answered += frame->type == NGHTTP2_HEADERS;
    }
    CHECK_INT(answered, 128);
    CHECK_INT(refused, 72);
    client2_close(&client);
    fixture_close(fixture);
}

/* Whatever comes in after the preface, in whatever pieces: no crash, and an end. */
TEST(h2_noise_ends)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    for (int round = 0; round < 50; round++) {
        char noise[600];
        client2_open(&client, fixture);
        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (char)test_random();
        buf_put(&client.out, (str){ noise, sizeof(noise) });
        client2_flush(&client);
        shutdown(client.fd, SHUT_WR);
        client2_goaway(&client);
        client2_close(&client);
    }
    check_served(fixture);
    fixture_close(fixture);
}
