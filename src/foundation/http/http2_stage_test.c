/* http2_stage: handlers, their file and what is counted of them. */
#include "http2_stage.h"

#include "foundation/task/loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct stage2_counts stage2_counts;
struct http_file *stage2_file;
char stage2_file_text[STAGE2_FILE_BYTES];

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
    atomic_fetch_add(&stage2_counts.running, 1);
    enum err err = await_sleep(SECONDS(25));
    if (err == ERR_CANCELLED)
        atomic_fetch_add(&stage2_counts.cancelled, 1);
    TRY(err);
    http_reply_status(response, 204);
    return OK;
}

static enum err whole_file(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { stage2_file, 0, STAGE2_FILE_BYTES, STR("") };
    http_reply_file(request, response, STR("video/mp4"), &part);
    return OK;
}

static enum err cut_file(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { stage2_file, 0, STAGE2_FILE_BYTES + 10, STR("before") };
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
    *left = STAGE2_GENERATED_BYTES;
    bool breaks = str_eq(request->query, STR("broken"));
    uint64_t size =
        str_eq(request->query, STR("sized")) ? STAGE2_GENERATED_BYTES : HTTP_SIZE_UNKNOWN;
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

const struct http_route stage2_routes[] = {
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

const size_t stage2_routes_count = ARRAY_LEN(stage2_routes);

static void after(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    (void)owner, (void)request, (void)response;
    atomic_fetch_add(&stage2_counts.after, 1);
    if (outcome->aborted)
        atomic_fetch_add(&stage2_counts.aborted, 1);
}

struct fixture *stage2_open(void)
{
    struct http_server_settings settings = { .after = after };
    atomic_store(&stage2_counts.after, 0);
    atomic_store(&stage2_counts.aborted, 0);
    return fixture_open(stage2_routes, stage2_routes_count, &settings);
}

void stage2_await(_Atomic unsigned *counter, unsigned wanted)
{
    for (int i = 0; i < 20000 && atomic_load(counter) < wanted; i++)
        usleep(1000);
    CHECK_INT(atomic_load(counter), wanted);
}

void stage2_file_prepare(void)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/film", test_folder());
    for (size_t i = 0; i < STAGE2_FILE_BYTES; i++)
        stage2_file_text[i] = (char)test_random();
    FILE *out = fopen(path, "w");
    CHECK(out && fwrite(stage2_file_text, 1, STAGE2_FILE_BYTES, out) == STAGE2_FILE_BYTES &&
          fclose(out) == 0);
    CHECK_OK(http_file_open(path, &stage2_file));
}

str stage2_body(const struct answer2 *of)
{
    return (str){ of->body, (size_t)MIN_OF(of->body_bytes, (uint64_t)sizeof(of->body)) };
}

void stage2_post_head(struct client2 *client, uint32_t stream, const char *path, const char *length,
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
