/* Bodies made of pieces: memory and ranges of two files in turns, whole and in parts. */
#include "http_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 600000, PIECES = 5 };

static struct http_file *files[2];
static struct http_piece pieces[PIECES];
static char expected[2 * FILE_BYTES + 100000];
static size_t expected_len;
static char text[40000];

static void piece_at(const void *state, uint64_t at, struct http_piece *out)
{
    const struct http_piece *list = state;
    unsigned i = 0;
    while (at >= list[i].memory.len + list[i].size_bytes) {
        at -= list[i].memory.len + list[i].size_bytes;
        i++;
    }
    uint64_t skipped = MIN_OF(at, (uint64_t)list[i].memory.len);
    *out = list[i];
    out->memory = str_skip(out->memory, skipped);
    out->offset += at - skipped;
    out->size_bytes -= at - skipped;
}

static enum err whole(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_pieces(response, STR("video/mp4"), expected_len, piece_at, pieces);
    response->etag = STR("\"film\"");
    return OK;
}

static enum err from_memory(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("text/plain"), (str){ expected, 40000 + 300000 });
    response->ranges = true;
    return OK;
}

static enum err from_file(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = {
        .file = files[0], .offset = 7, .size_bytes = 300000, .before = { text, sizeof(text) }
    };
    http_reply_file(request, response, STR("video/mp4"), &part);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/film", whole, .flags = ROUTE_INLINE },
    { METHOD_GET, "/memory", from_memory, .flags = ROUTE_INLINE },
    { METHOD_GET, "/file", from_file, .flags = ROUTE_INLINE },
};

static void append(const char *bytes, size_t len)
{
    memcpy(expected + expected_len, bytes, len);
    expected_len += len;
}

static void file_make(unsigned which)
{
    static char bytes[FILE_BYTES];
    char path[300];
    snprintf(path, sizeof(path), "%s/%u", test_folder(), which);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)test_random();
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(bytes, 1, sizeof(bytes), file) == sizeof(bytes) && fclose(file) == 0);
    CHECK_OK(http_file_open(path, &files[which]));
}

static void film_make(void)
{
    memset(text, 't', sizeof(text));
    file_make(0);
    file_make(1);
    pieces[0] = (struct http_piece){ .memory = { text, sizeof(text) } };
    pieces[1] = (struct http_piece){ .file = files[0], .offset = 7, .size_bytes = 300000 };
    pieces[2] = (struct http_piece){ .file = files[1], .offset = 1000, .size_bytes = 900 };
    pieces[3] = (struct http_piece){
        .memory = { text, 10 }, .file = files[0], .offset = 300007, .size_bytes = 250000
    };
    pieces[4] = (struct http_piece){ .file = files[1], .offset = 1900, .size_bytes = 598100 };
    expected_len = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        static char part[FILE_BYTES];
        append(pieces[i].memory.ptr ? pieces[i].memory.ptr : "", pieces[i].memory.len);
        if (!pieces[i].file)
            continue;
        CHECK_INT(pread(pieces[i].file->fd, part, pieces[i].size_bytes, (off_t)pieces[i].offset),
                  pieces[i].size_bytes);
        append(part, pieces[i].size_bytes);
    }
}

static void film_forget(void)
{
    http_file_release(files[0]);
    http_file_release(files[1]);
}

static str ask(struct fixture *fixture, const char *method, const char *range)
{
    char request[300];
    snprintf(request, sizeof(request),
             "%s /film HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", method, range);
    return client_ask(fixture, str_of(request));
}

TEST(pieces_make_one_body)
{
    film_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "GET", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK(str_eq(answer_body(answer), (str){ expected, expected_len }));
    answer = ask(fixture, "HEAD", "");
    CHECK_INT(answer_body(answer).len, 0);
    char length[30];
    snprintf(length, sizeof(length), "%zu", expected_len);
    CHECK_STR(answer_field(answer, STR("Content-Length")), str_of(length));
    CHECK_INT(answer_status(ask(fixture, "GET", "If-None-Match: \"film\"\r\n")), 304);
    fixture_close(fixture);
    film_forget();
}

TEST(a_part_may_begin_and_end_in_any_piece)
{
    film_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    size_t edges[] = { 0,      1,      39999,  40000,  40001,  100000, 339999,
                       340000, 340899, 340900, 340909, 340910, 590910, expected_len - 1 };
    for (size_t i = 0; i < ARRAY_LEN(edges); i++)
        for (size_t j = i; j < ARRAY_LEN(edges); j++) {
            char range[100];
            snprintf(range, sizeof(range), "Range: bytes=%zu-%zu\r\n", edges[i], edges[j]);
            str answer = ask(fixture, "GET", range);
            CHECK_INT(answer_status(answer), 206);
            CHECK(
                str_eq(answer_body(answer), (str){ expected + edges[i], edges[j] - edges[i] + 1 }));
        }
    CHECK_INT(answer_status(ask(fixture, "GET", "Range: bytes=99999999-\r\n")), 416);
    fixture_close(fixture);
    film_forget();
}

/* The body that the ranges make, with the boundary of the answer. */
static str multipart_of(str answer, const size_t ranges[][2], size_t count, size_t whole)
{
    static char body[2 * FILE_BYTES];
    str type = answer_field(answer, STR("Content-Type"));
    str prefix = STR("multipart/byteranges; boundary=");
    bool film = str_find(answer_body(answer), STR("video/mp4")) >= 0;
    size_t len = 0;
    CHECK(str_starts(type, prefix) && type.len == prefix.len + 30);
    str boundary = str_skip(type, prefix.len);
    for (size_t i = 0; i < count; i++) {
        size_t size = ranges[i][1] - ranges[i][0] + 1;
        len +=
            (size_t)snprintf(body + len, sizeof(body) - len,
                             "%s--%.*s\r\nContent-Type: %s\r\n"
                             "Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
                             i ? "\r\n" : "", STR_ARG(boundary), film ? "video/mp4" : "text/plain",
                             ranges[i][0], ranges[i][1], whole);
        memcpy(body + len, expected + ranges[i][0], size);
        len += size;
    }
    len += (size_t)snprintf(body + len, sizeof(body) - len, "\r\n--%.*s--\r\n", STR_ARG(boundary));
    return (str){ body, len };
}

TEST(several_parts_come_in_one_answer)
{
    static const size_t ranges[][2] = {
        { 0, 0 }, { 300, 500 }, { 39990, 200000 }, { 339990, 339999 }
    };
    static const char asked[] =
        "Range: bytes=300-500, 39990-100000, 339990-339999,0-0,99999-200000\r\n";
    static const struct {
        const char *path;
        size_t whole;
    } list[] = { { "/film", 0 }, { "/memory", 340000 }, { "/file", 340000 } };
    film_make();
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        char request[300], length[30];
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", list[i].path, asked);
        str answer = client_ask(fixture, str_of(request));
        CHECK_INT(answer_status(answer), 206);
        CHECK(!answer_field(answer, STR("Content-Range")).ptr);
        str body = multipart_of(answer, ranges, ARRAY_LEN(ranges),
                                list[i].whole ? list[i].whole : expected_len);
        snprintf(length, sizeof(length), "%zu", body.len);
        CHECK_STR(answer_field(answer, STR("Content-Length")), str_of(length));
        CHECK(str_eq(answer_body(answer), body));
    }
    str single = ask(fixture, "GET", "Range: bytes=0-5,3-9,99999999-\r\n");
    CHECK(str_starts(answer_field(single, STR("Content-Range")), STR("bytes 0-9/")));
    CHECK_INT(answer_status(ask(fixture, "GET", "Range: bytes=99999999-,88888888-\r\n")), 416);
    CHECK_INT(answer_status(ask(fixture, "HEAD", asked)), 200);
    fixture_close(fixture);
    film_forget();
}

TEST(a_piece_that_is_not_there_breaks_off)
{
    film_make();
    pieces[2].offset = FILE_BYTES - 100; /* 800 bytes short */
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "GET", "");
    CHECK_INT(answer_status(answer), 200);
    CHECK(answer_body(answer).len < expected_len);
    fixture_close(fixture);
    film_forget();
}
