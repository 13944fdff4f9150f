/*
 * http_refused_test: requests through the real server while the n-th allocation is refused, for
 * every n: each is answered, rightly or with 503, and the server goes on.
 */
#include "http_fixture.h"

#include "foundation/test/every_allocation.h"

static enum err document(struct http_request *request, struct http_response *response)
{
    str name = http_param(request, "name");
    str body = arena_printf(request->arena, "a document called %.*s", STR_ARG(name));
    http_reply_memory(response, STR("text/plain"), body);
    response->etag = STR("\"e\"");
    response->ranges = true;
    return OK;
}

static enum err failing(struct http_request *request, struct http_response *response)
{
    (void)request, (void)response;
    return err_set(ERR_CONFLICT, "taken", "the name is taken");
}

static const struct http_route routes[] = {
    { METHOD_GET, "/d/{name}", document },
    { METHOD_GET, "/inline/{name}", document, .flags = ROUTE_INLINE },
    { METHOD_GET, "/fail", failing },
    { METHOD_POST, "/echo", fixture_echo, .body_bytes_max = 1000 },
    { METHOD_PUT, "/upload", fixture_upload, .body_bytes_max = 1000, .flags = ROUTE_BODY_STREAM },
};

static const struct {
    const char *request;
    unsigned status;
} cases[] = {
    { "GET /d/%C3%A9t%C3%A9?q=%20 HTTP/1.1\r\nHost: a\r\n", 200 },
    { "GET /inline/x%20y HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n", 200 },
    { "HEAD /d/x HTTP/1.1\r\nHost: a\r\n", 200 },
    { "GET /d/x HTTP/1.1\r\nHost: a\r\nRange: bytes=2-9\r\n", 206 },
    { "GET /inline/x HTTP/1.1\r\nHost: a\r\nRange: bytes=2-9\r\n", 206 },
    { "GET /d/x HTTP/1.1\r\nHost: a\r\nRange: bytes=2000-\r\n", 416 },
    { "GET /d/x HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"e\"\r\n", 304 },
    { "GET /fail HTTP/1.1\r\nHost: a\r\n", 409 },
    { "GET /nothing HTTP/1.1\r\nHost: a\r\n", 404 },
    { "DELETE /d/x HTTP/1.1\r\nHost: a\r\n", 405 },
    { "OPTIONS /d/x HTTP/1.1\r\nHost: a\r\n", 204 },
};

/*
 * What every answer owes, whichever it is. Refused before its method was read, a HEAD is answered
 * like any other: the connection is closed behind it.
 */
static void check_answer(str answer, unsigned status, bool head_only)
{
    uint64_t length = 0;
    unsigned found = answer_status(answer);
    CHECK(found == status || found == 503);
    if (found != 304 && found != 204) {
        CHECK(str_parse_u64(answer_field(answer, STR("Content-Length")), &length));
        size_t body_len = answer_body(answer).len;
        CHECK(body_len == (head_only ? 0 : length) || (found == 503 && body_len == length));
    }
    if (found == 206)
        CHECK_STR(answer_field(answer, STR("Content-Range")), STR("bytes 2-9/19"));
    if (found == 416)
        CHECK_STR(answer_field(answer, STR("Content-Range")), STR("bytes */19"));
    if (found == 405)
        CHECK(answer_field(answer, STR("Allow")).len > 0);
}

static void ask_refusing_each(struct fixture *fixture, str request, unsigned status)
{
    unsigned nth = 0;
    bool refused;
    do {
        allocation_refuse(++nth);
        str answer = client_ask(fixture, request);
        refused = allocation_was_refused();
        allocation_refuse(0);
        check_answer(answer, status, str_starts(request, STR("HEAD")));
        if (!refused)
            CHECK_INT(answer_status(answer), status);
    } while (refused && nth < 1000);
    CHECK(nth > 1 && nth < 1000);
}

TEST(every_refused_allocation_is_answered)
{
    struct arena arena;
    arena_init(&arena, MIB(1));
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str request = arena_printf(&arena, "%sConnection: close\r\n\r\n", cases[i].request);
        ask_refusing_each(fixture, request, cases[i].status);
    }
    ask_refusing_each(fixture,
                      STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                          "Connection: close\r\n\r\nhello"),
                      200);
    ask_refusing_each(fixture,
                      STR("PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                          "Connection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
                      200);
    fixture_close(fixture);
    arena_deinit(&arena);
}
