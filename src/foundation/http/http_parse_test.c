/* http_parse_test: what the parser takes, and the list of what it refuses with the status it owes.
 */
#include "http_parse.h"

#include "foundation/mem/heap.h"
#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

/* Scans and parses one head; returns 0 or the refusal's status. A head that never ends is 0 and
 * empty. */
static unsigned parse(str text, struct arena *arena, struct http_head *out)
{
    struct http_scan scan = { 0 };
    const struct http_refusal *refusal = NULL;
    llhttp_t parser;
    memset(out, 0, sizeof(*out));
    ptrdiff_t len = http_head_scan(&scan, text.ptr, text.len, &refusal);
    if (len > 0)
        refusal = http_head_parse(&parser, str_sub(text, scan.start, (size_t)len - scan.start),
                                  scan.lines, arena, out);
    return refusal ? refusal->status : 0;
}

static unsigned status_of(str text)
{
    struct arena arena;
    struct http_head head;
    arena_init(&arena, MIB(1));
    unsigned status = parse(text, &arena, &head);
    CHECK(status || head.target.len); /* accepted means complete */
    arena_deinit(&arena);
    return status;
}

TEST(a_browser_request_is_taken_apart)
{
    struct arena arena;
    struct http_head head;
    arena_init(&arena, MIB(1));
    CHECK_INT(parse(STR("\r\nPOST /v1/a%20b?x=%31&y HTTP/1.1\r\nhOsT: kino.example:8000\r\n"
                        "Content-Length: 12\r\nX-Empty:\r\nX-Space: \t a b \t\r\n\r\n"),
                    &arena, &head),
              0);
    CHECK_INT(head.method, METHOD_POST);
    CHECK_STR(head.parts.path, STR("/v1/a b"));
    CHECK_STR(head.parts.query, STR("x=%31&y"));
    CHECK_STR(head.host, STR("kino.example:8000"));
    CHECK_INT(head.content_length, 12);
    CHECK_INT(head.fields_count, 4);
    ASSERT(head.fields);
    CHECK_STR(head.fields[2].name, STR("X-Empty"));
    CHECK_STR(head.fields[2].value, STR(""));
    CHECK_STR(head.fields[3].value, STR("a b"));
    CHECK(head.keep_alive && !head.complete && !head.chunked);
    arena_deinit(&arena);
}

TEST(absolute_targets_replace_the_host)
{
    struct arena arena;
    struct http_head head;
    arena_init(&arena, MIB(1));
    CHECK_INT(parse(STR("GET http://other.example?q HTTP/1.1\r\nHost: a\r\n\r\n"), &arena, &head),
              0);
    CHECK_STR(head.host, STR("other.example"));
    CHECK_STR(head.parts.path, STR("/"));
    CHECK_STR(head.parts.query, STR("q"));
    arena_deinit(&arena);
}

TEST(smuggling_and_malformed_heads_are_refused)
{
    static const struct {
        unsigned status;
        str text;
    } list[] = {
        { 400, STR_INIT("GET / HTTP/1.1\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\nHost: a\n\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost : a\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n") },
        { 400, STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                        "Content-Length: 3\r\n\r\n") },
        { 400,
          STR_INIT(
              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n") },
        { 400,
          STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n") },
        { 501, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n") },
        { 400, STR_INIT("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") },
        { 505, STR_INIT("GET /\r\n\r\n") },
        { 505, STR_INIT("GET / HTTP/2.0\r\nHost: a\r\n\r\n") },
        { 505, STR_INIT("GET / HTTP/1.2\r\nHost: a\r\n\r\n") },
        { 505, STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
        { 501, STR_INIT("BREW / HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 501, STR_INIT("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 501, STR_INIT("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET * HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET /a\x80 HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n") },
        { 400, STR_INIT("\r\n\r\n\r\n") },
        { 417, STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n") },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        unsigned status = status_of(list[i].text);
        if (status != list[i].status)
            printf("  %.*s: %u\n", STR_ARG(list[i].text), status);
        CHECK_INT(status, list[i].status);
    }
}

TEST(heads_have_limits)
{
    enum { ROOM = 64 << 10 };
    char *text = heap_alloc(ROOM);
    int len = snprintf(text, ROOM, "GET /%08190d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    CHECK_INT(status_of((str){ text, (size_t)len }), 414);
    len = snprintf(text, ROOM, "GET /%08170d HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    CHECK_INT(status_of((str){ text, (size_t)len }), 0);
    memset(text, 'a', 9000); /* no end of line in sight */
    CHECK_INT(status_of((str){ text, 9000 }), 414);

    len = snprintf(text, ROOM, "GET / HTTP/1.1\r\nHost: a\r\nX: %032700d\r\n\r\n", 0);
    CHECK_INT(status_of((str){ text, (size_t)len }), 0);
    len = snprintf(text, ROOM, "GET / HTTP/1.1\r\nHost: a\r\nX: %033000d\r\n\r\n", 0);
    CHECK_INT(status_of((str){ text, (size_t)len }), 431);

    for (int fields = 99; fields <= 100; fields++) {
        len = snprintf(text, ROOM, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 0; i < fields; i++)
            len += snprintf(text + len, ROOM - (size_t)len, "X%d: y\r\n", i);
        len += snprintf(text + len, ROOM - (size_t)len, "\r\n");
        CHECK_INT(status_of((str){ text, (size_t)len }), fields == 99 ? 0 : 431);
    }
    heap_free(text);
}

static bool collect(void *arg, const char *bytes, size_t len)
{
    char *text = arg;
    strncat(text, bytes, len);
    return true;
}

TEST(chunks_are_decoded_and_bad_ones_refused)
{
    static const struct {
        const char *chunks, *body; /* NULL: refused */
    } list[] = {
        { "3\r\nabc\r\n0\r\n\r\n", "abc" },
        { "3;x=\"y\"\r\nabc\r\n0\r\nT: x\r\n\r\n", "abc" },
        { "0x3\r\nabc\r\n0\r\n\r\n", NULL },
        { "3\nabc\n0\n\n", NULL },
        { "3\r\nabcd\r\n0\r\n\r\n", NULL },
        { "3 \r\nabc\r\n0\r\n\r\n", NULL },
        { "3;a\nb\r\nabc\r\n0\r\n\r\n", NULL },
        { "-3\r\nabc\r\n0\r\n\r\n", NULL },
        { "fffffffffffffffff\r\nabc\r\n0\r\n\r\n", NULL },
        { "\r\n", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct arena arena;
        struct http_head head;
        llhttp_t parser;
        char body[64] = "";
        bool complete = false;
        str text = STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        struct http_body_sink sink = { collect, body };
        arena_init(&arena, MIB(1));
        CHECK(!http_head_parse(&parser, text, 3, &arena, &head));
        ptrdiff_t used =
            http_body_parse(&parser, list[i].chunks, strlen(list[i].chunks), &sink, &complete);
        if (list[i].body) {
            CHECK_INT(used, strlen(list[i].chunks));
            CHECK_STR(str_of(body), str_of(list[i].body));
        }
        CHECK_INT(complete, list[i].body != NULL);
        CHECK_INT(used < 0, list[i].body == NULL);
        arena_deinit(&arena);
    }
}

TEST(paths_are_decoded_once_and_refused_when_doubtful)
{
    static const struct {
        str raw, decoded; /* empty: refused */
    } list[] = {
        { STR_INIT("/"), STR_INIT("/") },
        { STR_INIT("/a/b.c/..d/.e/f."), STR_INIT("/a/b.c/..d/.e/f.") },
        { STR_INIT("/%D0%9A%d0%b8no"), STR_INIT("/Киno") },
        { STR_INIT("/a%3Fb%23%25"), STR_INIT("/a?b#%") },
        { STR_INIT("/%2525"), STR_INIT("/%25") },
        { STR_INIT("/a//b/"), STR_INIT("/a//b/") },
        { STR_INIT("/.."), STR_INIT("") },
        { STR_INIT("/."), STR_INIT("") },
        { STR_INIT("/a/../b"), STR_INIT("") },
        { STR_INIT("/a/./b"), STR_INIT("") },
        { STR_INIT("/a/.%2e/b"), STR_INIT("") },
        { STR_INIT("/%2e%2E"), STR_INIT("") },
        { STR_INIT("/a%2fb"), STR_INIT("") },
        { STR_INIT("/a%2Fb"), STR_INIT("") },
        { STR_INIT("/a%5cb"), STR_INIT("") },
        { STR_INIT("/a\\b"), STR_INIT("") },
        { STR_INIT("/a%00"), STR_INIT("") },
        { STR_INIT("/a%0a"), STR_INIT("") },
        { STR_INIT("/a%7f"), STR_INIT("") },
        { STR_INIT("/a%"), STR_INIT("") },
        { STR_INIT("/a%4"), STR_INIT("") },
        { STR_INIT("/a%4g"), STR_INIT("") },
        { STR_INIT("/%c0%af"), STR_INIT("") },
        { STR_INIT("/%c0%ae%c0%ae/"), STR_INIT("") },
        { STR_INIT("/%ff"), STR_INIT("") },
        { STR_INIT("/%ed%a0%80"), STR_INIT("") },
        { STR_INIT("a"), STR_INIT("") },
        { STR_INIT(""), STR_INIT("") },
    };
    struct arena arena;
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        str decoded = STR("");
        const struct http_refusal *refusal = http_path_decode(list[i].raw, &arena, &decoded);
        CHECK_INT(refusal != NULL, list[i].decoded.len == 0);
        CHECK_STR(decoded, list[i].decoded);
    }
    arena_deinit(&arena);
}

TEST(queries_are_read_pair_by_pair)
{
    struct arena arena;
    str value, name, rest = STR("a=1&&b=x+%D1%8F%2&c");
    arena_init(&arena, MIB(1));
    CHECK(http_query_find(rest, &arena, STR("b"), &value));
    CHECK_STR(value, STR("x я%2"));
    CHECK(!http_query_find(rest, &arena, STR("d"), &value));
    CHECK(http_query_next(&rest, &arena, &name, &value));
    CHECK_STR(name, STR("a"));
    CHECK(http_query_next(&rest, &arena, &name, &value));
    CHECK(http_query_next(&rest, &arena, &name, &value));
    CHECK_STR(name, STR("c"));
    CHECK_STR(value, STR(""));
    CHECK(!http_query_next(&rest, &arena, &name, &value));
    arena_deinit(&arena);
}

static enum err parse_in(struct arena *arena, void *arg)
{
    struct http_head head;
    (void)arg;
    unsigned status =
        parse(STR("GET /a%20b/%D0%B0?x=%31 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"), arena, &head);
    CHECK(status == 0 || status == 503);
    return status ? err_set(ERR_EXHAUSTED, NULL, "refused") : OK;
}

TEST(a_head_minds_every_refused_allocation)
{
    CHECK(test_every_allocation(parse_in, NULL) >= 2);
}
