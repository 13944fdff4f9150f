/* http_coding_test: what Accept-Encoding asks for, and what is answered. */
#include "http_coding.h"

#include "http_fixture.h"

#include <stdio.h>
#include <unistd.h>

static enum http_coding chosen(const char *list, unsigned available)
{
    struct http_field field = { STR("accept-encoding"), str_of(list) };
    struct http_request request = { .fields = &field, .fields_count = 1 };
    struct http_accepts accepts;
    http_accepts_read(&request, &accepts);
    return http_coding_choose(&accepts, available);
}

enum { ALL = 1 << HTTP_IDENTITY | 1 << HTTP_GZIP | 1 << HTTP_BROTLI, CODED = ALL & ~1 };

TEST(the_heaviest_coding_is_chosen_and_of_equals_the_smallest)
{
    CHECK_INT(chosen("gzip, deflate, br", ALL), HTTP_BROTLI);
    CHECK_INT(chosen("gzip, deflate", ALL), HTTP_GZIP);
    CHECK_INT(chosen("br;q=0.5, gzip;q=0.8", ALL), HTTP_GZIP);
    CHECK_INT(chosen("BR ; Q=0.001", ALL), HTTP_BROTLI);
    CHECK_INT(chosen("br;q=1.000,gzip;q=0.999", ALL), HTTP_BROTLI);
    CHECK_INT(chosen("x-gzip", ALL), HTTP_GZIP);
    CHECK_INT(chosen("*", ALL), HTTP_BROTLI);
    CHECK_INT(chosen("br;q=0, *", ALL), HTTP_GZIP);
    CHECK_INT(chosen("identity, gzip;q=0.5", ALL), HTTP_IDENTITY);
    CHECK_INT(chosen("gzip", 1 << HTTP_IDENTITY), HTTP_IDENTITY);
    CHECK_INT(chosen("", ALL), HTTP_IDENTITY);
    CHECK_INT(chosen("deflate, zstd", ALL), HTTP_IDENTITY);
}

TEST(a_coding_may_be_refused)
{
    CHECK_INT(chosen("gzip;q=0", ALL), HTTP_IDENTITY);
    CHECK_INT(chosen("identity;q=0", ALL), HTTP_CODING_COUNT);
    CHECK_INT(chosen("*;q=0", ALL), HTTP_CODING_COUNT);
    CHECK_INT(chosen("identity;q=0, gzip", ALL), HTTP_GZIP);
    CHECK_INT(chosen("identity;q=0, gzip", 1 << HTTP_IDENTITY), HTTP_CODING_COUNT);
    CHECK_INT(chosen("*;q=0, identity", ALL), HTTP_IDENTITY);
    CHECK_INT(chosen("br;q=0.000, gzip;q=0.0", CODED), HTTP_CODING_COUNT);
}

TEST(what_is_malformed_asks_for_nothing)
{
    static const char *const lists[] = { "br;q=1.001", "br;q=2",   "br;q=-1",      "br;q=0.1234",
                                         "br;q=",      "br;q=.5",  "br;quality=1", "br;q=1,0",
                                         ";q=1",       "br;q=0.a", "br q=1",       "br;q=1;x=2" };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        enum http_coding coding = chosen(lists[i], ALL);
        CHECK(coding == HTTP_IDENTITY || i == 7); /* "br;q=1" and an item "0" */
    }
    CHECK_INT(chosen(",, ,gzip,,", ALL), HTTP_GZIP);
}

TEST(several_fields_are_one_list)
{
    struct http_field fields[] = { { STR("Accept-Encoding"), STR("br;q=0.5") },
                                   { STR("Accept"), STR("gzip;q=0") },
                                   { STR("ACCEPT-ENCODING"), STR("gzip") } };
    struct http_request request = { .fields = fields, .fields_count = ARRAY_LEN(fields) };
    struct http_accepts accepts;
    http_accepts_read(&request, &accepts);
    CHECK_INT(http_coding_choose(&accepts, ALL), HTTP_GZIP);
}

/* --- Over the wire -------------------------------------------------------------------------- */

static enum err on_text(struct http_request *request, struct http_response *response)
{
    struct http_coded coded = { .type = STR("text/plain"),
                                .etag = STR("\"v1\""),
                                .vary = STR("Accept-Encoding"),
                                .text = { STR("identity bytes"), STR("gzip bytes"), STR("br!") } };
    return http_reply_coded(request, response, &coded);
}

static const struct http_route routes[] = {
    { METHOD_GET, "/text", on_text, .flags = ROUTE_INLINE },
};

static str ask(struct fixture *fixture, const char *method, const char *fields)
{
    char request[400];
    int len =
        snprintf(request, sizeof(request),
                 "%s /text HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n", method, fields);
    return client_ask(fixture, (str){ request, (size_t)len });
}

TEST(each_coding_has_its_own_etag_and_length)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "GET", "");
    CHECK_STR(answer_body(answer), STR("identity bytes"));
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"v1\""));
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Accept-Encoding"));
    CHECK(!answer_field(answer, STR("Content-Encoding")).ptr);
    answer = ask(fixture, "GET", "Accept-Encoding: gzip\r\n");
    CHECK_STR(answer_body(answer), STR("gzip bytes"));
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"v1-gz\""));
    CHECK_STR(answer_field(answer, STR("Content-Encoding")), STR("gzip"));
    answer = ask(fixture, "HEAD", "Accept-Encoding: br\r\n");
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"v1-br\""));
    CHECK_STR(answer_field(answer, STR("Content-Length")), STR("3"));
    CHECK_STR(answer_field(answer, STR("Content-Encoding")), STR("br"));
    CHECK_INT(answer_body(answer).len, 0);
    fixture_close(fixture);
}

TEST(conditions_are_about_the_coding_that_would_be_sent)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "GET", "Accept-Encoding: gzip\r\nIf-None-Match: \"v1-gz\"\r\n");
    CHECK_INT(answer_status(answer), 304);
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Accept-Encoding"));
    CHECK_STR(answer_field(answer, STR("ETag")), STR("\"v1-gz\""));
    CHECK(!answer_field(answer, STR("Content-Encoding")).ptr);
    answer = ask(fixture, "GET", "Accept-Encoding: gzip\r\nIf-None-Match: \"v1\"\r\n");
    CHECK_INT(answer_status(answer), 200);
    fixture_close(fixture);
}

TEST(a_client_that_takes_nothing_is_told)
{
    struct fixture *fixture = fixture_open(routes, ARRAY_LEN(routes), NULL);
    str answer = ask(fixture, "GET", "Accept-Encoding: *;q=0\r\n");
    CHECK_INT(answer_status(answer), 406);
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Accept-Encoding"));
    CHECK(!answer_field(answer, STR("ETag")).ptr);
    fixture_close(fixture);
}

TEST(text_is_told_by_its_type)
{
    CHECK(http_type_is_text(STR("text/html; charset=utf-8")));
    CHECK(http_type_is_text(STR("application/json")));
    CHECK(http_type_is_text(STR("image/svg+xml")));
    CHECK(!http_type_is_text(STR("image/png")));
    CHECK(!http_type_is_text(STR("font/woff2")));
    CHECK(!http_type_is_text(STR("video/mp4")));
}
