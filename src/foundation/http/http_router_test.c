/* http_router_test: which route a path finds, what it refuses to be built from. */
#include "http_route.h"

#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

static enum err nothing(struct http_request *request, struct http_response *response)
{
    (void)request;
    (void)response;
    return OK;
}

#define ROUTE(method, pattern)                                                                     \
    {                                                                                              \
        method, pattern, nothing, .flags = 0                                                       \
    }

static const struct http_route catalogue[] = {
    ROUTE(METHOD_GET, "/"),
    ROUTE(METHOD_GET, "/v1/titles"),
    ROUTE(METHOD_POST, "/v1/titles"),
    ROUTE(METHOD_GET, "/v1/titles/{id}"),
    ROUTE(METHOD_GET, "/v1/titles/new"),
    ROUTE(METHOD_GET, "/v1/titles/{id}/play"),
    ROUTE(METHOD_POST, "/v1/titles/new/draft"),
};
static const struct http_route rest[] = {
    ROUTE(METHOD_GET, "/assets/{path*}"),
    ROUTE(METHOD_GET, "/{kind}/{path*}"),
    ROUTE(METHOD_HEAD, "/assets/logo.svg"),
    ROUTE(METHOD_GET, "/{page}"),
};

static void check_match(enum http_method method, const char *path, const char *pattern)
{
    struct http_route_table tables[] = { { catalogue, ARRAY_LEN(catalogue) },
                                         { rest, ARRAY_LEN(rest) } };
    struct http_router *router;
    struct http_match match;
    CHECK_OK(http_router_open(tables, 2, &router));
    http_router_match(router, method, str_of(path), &match);
    http_router_close(router);
    CHECK_STR(match.route ? str_of(match.route->pattern) : STR("none"), str_of(pattern));
}

TEST(text_wins_over_names_segment_by_segment)
{
    check_match(METHOD_GET, "/", "/");
    check_match(METHOD_GET, "/v1/titles", "/v1/titles");
    check_match(METHOD_GET, "/v1/titles/42", "/v1/titles/{id}");
    check_match(METHOD_GET, "/v1/titles/new", "/v1/titles/new");
    check_match(METHOD_GET, "/v1/titles/42/play", "/v1/titles/{id}/play");
    check_match(METHOD_GET, "/v1/titles/new/play", "/v1/titles/{id}/play"); /* goes back */
    check_match(METHOD_GET, "/v1/titles/", "/{kind}/{path*}");
    check_match(METHOD_GET, "/assets/", "/assets/{path*}");
    check_match(METHOD_GET, "/assets/js/a.js", "/assets/{path*}");
    check_match(METHOD_GET, "/about", "/{page}");
    check_match(METHOD_GET, "/v1/x/y/z", "/{kind}/{path*}");
    check_match(METHOD_GET, "//", "none");
    check_match(METHOD_GET, "", "none");
    check_match(METHOD_GET, "*", "none");
}

TEST(methods_are_told_apart)
{
    check_match(METHOD_HEAD, "/v1/titles", "/v1/titles");
    check_match(METHOD_HEAD, "/assets/logo.svg", "/assets/logo.svg");
    check_match(METHOD_GET, "/assets/logo.svg", "/assets/{path*}");
    check_match(METHOD_POST, "/v1/titles/new/draft", "/v1/titles/new/draft");
    check_match(METHOD_DELETE, "/v1/titles", "none");
}

TEST(parameters_and_allowed_methods)
{
    struct http_route_table tables[] = { { catalogue, ARRAY_LEN(catalogue) },
                                         { rest, ARRAY_LEN(rest) } };
    struct http_router *router;
    struct http_match match;
    struct http_request request = { 0 };
    char allow[HTTP_ALLOW_MAX];
    CHECK_OK(http_router_open(tables, 2, &router));
    http_router_match(router, METHOD_GET, STR("/shelf/a/b/"), &match);
    request.route = match.route;
    memcpy(request.params, match.params, sizeof(match.params));
    CHECK_STR(http_param(&request, "kind"), STR("shelf"));
    CHECK_STR(http_param(&request, "path"), STR("a/b/"));
    http_router_match(router, METHOD_DELETE, STR("/v1/titles"), &match);
    CHECK(!match.route);
    CHECK_STR(http_allow_format(match.methods, allow), STR("GET, HEAD, POST, OPTIONS"));
    http_router_match(router, METHOD_GET, STR("/a/"), &match);
    CHECK_STR(match.params[1], STR(""));
    CHECK_STR(http_allow_format((1u << METHOD_COUNT) - 1, allow),
              STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    http_router_close(router);
}

static enum err open_pair(const char *first, const char *second)
{
    struct http_route pair[] = { ROUTE(METHOD_GET, first), ROUTE(METHOD_GET, second) };
    struct http_route_table table = { pair, 2 };
    struct http_router *router;
    enum err err = http_router_open(&table, 1, &router);
    if (err == OK)
        http_router_close(router);
    return err;
}

TEST(conflicts_and_malformed_patterns_stop_the_start)
{
    CHECK_ERR(open_pair("/a/{x}", "/a/{y}"), ERR_CONFLICT);
    CHECK_ERR(open_pair("/a", "/a"), ERR_CONFLICT);
    CHECK_ERR(open_pair("/a/{x*}", "/a/{y*}"), ERR_CONFLICT);
    CHECK_OK(open_pair("/a/{x*}", "/a/{y}"));
    CHECK_ERR(open_pair("/", "a"), ERR_INVALID);
    CHECK_ERR(open_pair("/", "/{x*}/b"), ERR_INVALID);
    CHECK_ERR(open_pair("/", "/x{y}"), ERR_INVALID);
    CHECK_ERR(open_pair("/", "/{}"), ERR_INVALID);
    CHECK_ERR(open_pair("/", "/{*}"), ERR_INVALID);
    CHECK_ERR(open_pair("/", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"), ERR_INVALID);
}
