/* http_cors_test: which origins may, and what their browsers are told. */
#include "http_cors.h"

#include "http_fixture.h"

#include <stdio.h>

static enum err on_get(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("application/json"), STR("{}"));
    response->etag = STR("\"1\"");
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/v1/titles", on_get, .flags = ROUTE_INLINE },
    { METHOD_POST, "/v1/titles", on_get, .summary = NULL },
};

static str ask(struct fixture *fixture, const char *line, const char *fields)
{
    char request[600];
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n",
             line, fields);
    return client_ask(fixture, str_of(request));
}

static struct fixture *open_with(struct http_cors *cors, const char *list)
{
    struct http_server_settings settings = { .cors = cors };
    CHECK_OK(http_cors_parse(str_of(list), cors));
    return fixture_open(routes, ARRAY_LEN(routes), &settings);
}

TEST(origins_are_written_as_browsers_write_them)
{
    static const char *const wrong[] = { "example.com",
                                         "https://a.example/",
                                         "https://a.example/x",
                                         "ftp://a.example",
                                         "https://A.example",
                                         "https://",
                                         "null",
                                         "https://*.example" };
    struct http_cors cors;
    CHECK_OK(
        http_cors_parse(STR("https://a.example, http://localhost:5173 ,,http://[::1]:80"), &cors));
    CHECK_INT(cors.count, 3);
    CHECK(http_cors_allows(&cors, STR("http://localhost:5173")));
    CHECK(!http_cors_allows(&cors, STR("http://localhost")));
    CHECK(!http_cors_allows(&cors, STR("https://a.example.evil")));
    CHECK(!http_cors_allows(&cors, STR("")));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK_ERR(http_cors_parse(str_of(wrong[i]), &cors), ERR_INVALID);
    CHECK_OK(http_cors_parse(STR("*"), &cors));
    CHECK(cors.any && http_cors_allows(&cors, STR("https://any.example")));
    CHECK(!http_cors_allows(&cors, STR("null")));
}

TEST(nothing_is_said_unless_it_is_set)
{
    struct http_cors cors;
    struct fixture *fixture = open_with(&cors, "");
    str answer = ask(fixture, "GET /v1/titles", "Origin: https://a.example\r\n");
    CHECK(!answer_field(answer, STR("Access-Control-Allow-Origin")).ptr);
    CHECK(!answer_field(answer, STR("Vary")).ptr);
    fixture_close(fixture);
}

TEST(a_listed_origin_may_read)
{
    struct http_cors cors;
    struct fixture *fixture = open_with(&cors, "https://a.example");
    str answer = ask(fixture, "GET /v1/titles", "Origin: https://a.example\r\n");
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Origin")), STR("https://a.example"));
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Origin"));
    CHECK(!answer_field(answer, STR("Access-Control-Allow-Credentials")).ptr);
    CHECK(str_find(answer_field(answer, STR("Access-Control-Expose-Headers")), STR("ETag")) >= 0);
    /* errors and 304, too, or the page could not tell them from a broken line */
    answer = ask(fixture, "GET /v1/none", "Origin: https://a.example\r\n");
    CHECK_INT(answer_status(answer), 404);
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Origin")), STR("https://a.example"));
    answer =
        ask(fixture, "GET /v1/titles", "Origin: https://a.example\r\nIf-None-Match: \"1\"\r\n");
    CHECK_INT(answer_status(answer), 304);
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Origin")), STR("https://a.example"));
    answer = ask(fixture, "GET /v1/titles", "Origin: https://b.example\r\n");
    CHECK_INT(answer_status(answer), 200);
    CHECK(!answer_field(answer, STR("Access-Control-Allow-Origin")).ptr);
    CHECK_STR(answer_field(answer, STR("Vary")), STR("Origin"));
    CHECK_STR(answer_field(ask(fixture, "GET /v1/titles", ""), STR("Vary")), STR("Origin"));
    fixture_close(fixture);
}

TEST(a_preflight_is_answered)
{
    struct http_cors cors;
    struct fixture *fixture = open_with(&cors, "https://a.example");
    static const char fields[] = "Origin: https://a.example\r\n"
                                 "Access-Control-Request-Method: POST\r\n";
    str answer = ask(fixture, "OPTIONS /v1/titles", fields);
    CHECK_INT(answer_status(answer), 204);
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Methods")),
              answer_field(answer, STR("Allow")));
    CHECK(str_find(answer_field(answer, STR("Access-Control-Allow-Methods")), STR("POST")) >= 0);
    CHECK(str_find(answer_field(answer, STR("Access-Control-Allow-Headers")),
                   STR("Authorization")) >= 0);
    CHECK_STR(answer_field(answer, STR("Access-Control-Max-Age")), STR("600"));
    answer = ask(fixture, "OPTIONS /v1/titles",
                 "Origin: https://b.example\r\nAccess-Control-Request-Method: POST\r\n");
    CHECK(!answer_field(answer, STR("Access-Control-Allow-Methods")).ptr);
    answer = ask(fixture, "OPTIONS /v1/titles", "Origin: https://a.example\r\n"); /* no preflight */
    CHECK(!answer_field(answer, STR("Access-Control-Allow-Methods")).ptr);
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Origin")), STR("https://a.example"));
    fixture_close(fixture);
}

TEST(every_origin_is_one_answer_for_all)
{
    struct http_cors cors;
    struct fixture *fixture = open_with(&cors, "*");
    str answer = ask(fixture, "GET /v1/titles", "Origin: https://b.example\r\n");
    CHECK_STR(answer_field(answer, STR("Access-Control-Allow-Origin")), STR("*"));
    CHECK(!answer_field(answer, STR("Vary")).ptr);
    CHECK(!answer_field(answer, STR("Access-Control-Allow-Credentials")).ptr);
    fixture_close(fixture);
}
