/* http_file_test: files through the server: parts, conditions, ranges, truncation, the cache. */
#include "http_file.h"

#include "foundation/mem/heap.h"
#include "http_fixture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILE_BYTES = 3000000 };

static char content_at(size_t at)
{
    return (char)('a' + (at * 7 + at / 1000) % 26);
}

static struct http_file *the_file;
static char the_path[512];

static void file_make(void)
{
    char *bytes = heap_alloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = content_at(i);
    snprintf(the_path, sizeof(the_path), "%s/film", test_folder());
    FILE *file = fopen(the_path, "wb");
    CHECK(file && fwrite(bytes, 1, FILE_BYTES, file) == FILE_BYTES);
    fclose(file);
    heap_free(bytes);
    CHECK_OK(http_file_open(the_path, &the_file));
    CHECK_INT(the_file->size_bytes, FILE_BYTES);
}

static enum err whole(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { .file = the_file, .size_bytes = FILE_BYTES };
    http_reply_file(request, response, STR("video/mp4"), &part);
    response->etag = STR("\"f1\"");
    response->modified = SECONDS(784111777);
    return OK;
}

/* A header from memory and bytes 1000.. of the file, as many as the path says. */
static enum err segment(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { .file = the_file, .offset = 1000, .before = STR("HEADER") };
    TRY(str_parse_u64(http_param(request, "size"), &part.size_bytes) ? OK : ERR_INVALID);
    http_reply_file(request, response, STR("video/mp4"), &part);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/whole", whole, .flags = ROUTE_INLINE },
    { METHOD_GET, "/segment/{size}", segment, .flags = ROUTE_INLINE },
};

static bool content_is(str bytes, size_t offset)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] != content_at(offset + i))
            return false;
    return true;
}

static str ask(struct fixture *fixture, const char *path, const char *fields)
{
    char request[512];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n",
             path, fields);
    return client_ask(fixture, str_of(request));
}

TEST(whole_files_and_conditions)
{
    file_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "/whole", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK_INT(answer_body(answer).len, FILE_BYTES);
    CHECK(content_is(answer_body(answer), 0));
    CHECK_STR(answer_field(answer, STR("Accept-Ranges")), STR("bytes"));
    CHECK_STR(answer_field(answer, STR("Last-Modified")), STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    answer = ask(fixture, "/whole", "If-None-Match: \"f0\", W/\"f1\"\r\n");
    CHECK_INT(answer_status(answer), 304);
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"f1\""));
    CHECK_INT(answer_body(answer).len, 0);
    CHECK_INT(answer_status(ask(fixture, "/whole", "If-Match: \"f0\"\r\n")), 412);
    answer = ask(fixture, "/whole", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    CHECK_INT(answer_status(answer), 304);
    fixture_close(fixture);
    http_file_release(the_file);
}

TEST(ranges_of_files)
{
    file_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "/whole", "Range: bytes=1000000-1999999\r\n");
    CHECK_INT(answer_status(answer), 206);
    CHECK_STR(answer_field(answer, STR("Content-Range")), STR("bytes 1000000-1999999/3000000"));
    CHECK_INT(answer_body(answer).len, 1000000);
    CHECK(content_is(answer_body(answer), 1000000));
    answer = ask(fixture, "/whole", "Range: bytes=-7\r\nIf-Range: \"f1\"\r\n");
    CHECK_INT(answer_status(answer), 206);
    CHECK(content_is(answer_body(answer), FILE_BYTES - 7));
    answer = ask(fixture, "/whole", "Range: bytes=-7\r\nIf-Range: \"f0\"\r\n");
    CHECK_INT(answer_status(answer), 200);
    answer = ask(fixture, "/whole", "Range: bytes=3000000-\r\n");
    CHECK_INT(answer_status(answer), 416);
    CHECK_STR(answer_field(answer, STR("Content-Range")), STR("bytes */3000000"));
    CHECK_INT(answer_status(ask(fixture, "/whole", "Range: bytes=0-1,4-x\r\n")), 200);
    fixture_close(fixture);
    http_file_release(the_file);
}

TEST(a_header_from_memory_before_the_file)
{
    /* From byte 1000 there are 3096 to the next page; up to 16384 are copied. */
    static const unsigned sizes[] = { 0,     1,     5000,  16384,  16385,  19479,
                                      19480, 19481, 65536, 131072, 131073, 2500000 };
    file_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/segment/%u", sizes[i]);
        str answer = ask(fixture, path, "");
        CHECK_INT(answer_status(answer), 200);
        str body = answer_body(answer);
        CHECK_INT(body.len, sizes[i] + 6);
        CHECK(str_starts(body, STR("HEADER")));
        CHECK(content_is(str_skip(body, 6), 1000));
    }
    str answer = ask(fixture, "/segment/5000", "Range: bytes=4-10\r\n");
    CHECK_INT(answer_status(answer), 206);
    CHECK_STR(str_sub(answer_body(answer), 0, 2), STR("ER"));
    CHECK_INT(answer_body(answer).len, 7);
    CHECK(content_is(str_skip(answer_body(answer), 2), 1000));
    answer = ask(fixture, "/segment/5000", "Range: bytes=106-205\r\n");
    CHECK(content_is(answer_body(answer), 1100));
    CHECK_INT(answer_body(answer).len, 100);
    fixture_close(fixture);
    http_file_release(the_file);
}

/* Of all sockets of this process: client, server and fixture are in it. */
static unsigned corked_sockets(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int value = 0;
        socklen_t len = sizeof(value);
        if (getsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, &len) == 0 && value)
            count++;
    }
    return count;
}

TEST(no_connection_stays_corked_behind_a_long_answer)
{
    file_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    int fd = client_open(fixture);
    client_send(fd, STR("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_body(client_read_answer(fd, false)).len, FILE_BYTES);
    client_send(fd, STR("GET /segment/5000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(answer_body(client_read_answer(fd, false)).len, 5006);
    CHECK_INT(corked_sockets(), 0);
    close(fd);
    fixture_close(fixture);
    http_file_release(the_file);
}

TEST(a_slow_reader_gets_every_byte)
{
    file_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    static char bytes[FILE_BYTES + 4096];
    int window = 64 << 10, fd = client_open(fixture);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
    client_send(fd, STR("GET /segment/100000 HTTP/1.1\r\nHost: a\r\n\r\n"
                        "GET /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    usleep(50000); /* the server fills what the kernel takes, and waits */
    str answer = client_read_answer(fd, false);
    CHECK_INT(answer_body(answer).len, 100006);
    CHECK(content_is(str_skip(answer_body(answer), 6), 1000));
    size_t len = 0;
    for (ssize_t count; (count = recv(fd, bytes + len, MIN_OF(sizeof(bytes) - len, 9999u), 0)) > 0;)
        len += (size_t)count;
    CHECK_INT(answer_body((str){ bytes, len }).len, FILE_BYTES);
    CHECK(content_is(answer_body((str){ bytes, len }), 0));
    close(fd);
    fixture_close(fixture);
    http_file_release(the_file);
}

TEST(a_file_that_shrank_ends_the_connection_only)
{
    file_make();
    CHECK(truncate(the_path, 400000) == 0);
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "/whole", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK(answer_body(answer).len < FILE_BYTES);
    CHECK(truncate(the_path, 1500) == 0);
    answer = ask(fixture, "/segment/5000", "");
    CHECK(answer_body(answer).len < 5006);
    answer = ask(fixture, "/segment/50000", "");
    CHECK(answer_body(answer).len < 50006);
    answer = ask(fixture, "/segment/100", "");
    CHECK_INT(answer_body(answer).len, 106);
    fixture_close(fixture);
    http_file_release(the_file);
}

/* Drops the file's pages, and reads `len` bytes of it from `offset` back. */
static void pages_drop(off_t offset, size_t len)
{
    static char bytes[FILE_BYTES];
    struct iovec part = { &(char){ 0 }, 1 };
    CHECK(fsync(the_file->fd) == 0);
    CHECK(posix_fadvise(the_file->fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    bool cold = preadv2(the_file->fd, &part, 1, 1000, RWF_NOWAIT) < 0;
    printf("  the file's pages %s resident\n", cold ? "are not" : "stay");
    CHECK(posix_fadvise(the_file->fd, 0, 0, POSIX_FADV_RANDOM) == 0); /* no more than is asked */
    CHECK_INT(pread(the_file->fd, bytes, len, offset), len);
}

TEST(pages_on_the_disk_are_read_by_a_thread)
{
    static const struct {
        off_t offset;
        size_t len;
    } resident[] = { { 0, 0 },             /* none */
                     { 0, 4000 },          /* the page that holds the beginning */
                     { 0, 1200000 },       /* those before the middle */
                     { 1300000, 1202000 }, /* those behind it */
                     { 600000, 300000 } };
    static const unsigned sizes[] = { 5000, 70000, 2500000 };
    file_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(resident); i++) {
        unsigned size = sizes[i % ARRAY_LEN(sizes)];
        char path[64];
        snprintf(path, sizeof(path), "/segment/%u", size);
        pages_drop(resident[i / ARRAY_LEN(sizes)].offset, resident[i / ARRAY_LEN(sizes)].len);
        str body = answer_body(ask(fixture, path, ""));
        CHECK_INT(body.len, size + 6);
        CHECK(content_is(str_skip(body, 6), 1000));
    }
    fixture_close(fixture);
    http_file_release(the_file);
}

TEST(the_cache_opens_a_file_once)
{
    struct http_file *one, *two;
    struct http_file_cache *cache = http_file_cache_open(2);
    file_make();
    CHECK(!http_file_cache_find(cache, STR("k1")));
    CHECK_OK(http_file_cache_get(cache, STR("k1"), the_path, &one));
    CHECK_OK(http_file_cache_get(cache, STR("k1"), "/nowhere", &two));
    CHECK(one == two);
    CHECK_ERR(http_file_cache_get(cache, STR("k2"), "/nowhere", &two), ERR_NOT_FOUND);
    CHECK_ERR(http_file_cache_get(cache, STR("k2"), "/tmp", &two), ERR_INVALID);
    http_file_release(one);
    for (int i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof(key), "x%d", i);
        CHECK_OK(http_file_cache_get(cache, str_of(key), the_path, &two));
        http_file_release(two);
    }
    CHECK(!http_file_cache_find(cache, STR("k1"))); /* the least recently used has gone */
    CHECK(http_file_cache_find(cache, STR("x4")) == two);
    http_file_release(two);
    http_file_cache_drop(cache, STR("x4"));
    CHECK(!http_file_cache_find(cache, STR("x4")));
    http_file_cache_close(cache);
    http_file_release(one);
    http_file_release(the_file);
}
