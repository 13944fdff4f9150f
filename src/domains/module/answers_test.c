/* Which statuses a row of a table accounts for. */
#include "answers.h"

#include "foundation/shape/shape.h"
#include "foundation/test/test.h"
#include "module.h"

static const struct shape some_shape = { .name = "some_shape" };

static bool is(const struct http_route *route, size_t count, const unsigned *statuses)
{
    struct answers answers;
    answers_of(route, &answers);
    if (answers.count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (answers.statuses[i] != statuses[i])
            return false;
    return true;
}
#define CHECK_ANSWERS(route, ...)                                                                  \
    do {                                                                                           \
        const unsigned expected_[] = { __VA_ARGS__ };                                              \
        CHECK(is(route, ARRAY_LEN(expected_), expected_));                                         \
    } while (0)

TEST(a_read_answers_what_its_row_says)
{
    struct http_route route = { METHOD_GET, "/v1/things", NULL, .out = &some_shape };
    CHECK_ANSWERS(&route, 200, 503);
    route.query = &some_shape;
    route.answers = ANSWERS_304;
    CHECK_ANSWERS(&route, 200, 304, 400, 412, 503);
    route.pattern = "/v1/things/{id}";
    route.role = ROLE_ADMIN;
    CHECK_ANSWERS(&route, 200, 304, 400, 401, 404, 412, 429, 503);
    CHECK_INT(answers_success(&route), 200);
}

TEST(a_change_answers_what_its_row_says)
{
    struct http_route route = { METHOD_POST,
                                "/v1/things",
                                NULL,
                                .in = &some_shape,
                                .out = &some_shape,
                                .role = ROLE_ADMIN,
                                .status = 201,
                                .answers = ANSWERS_409 | ANSWERS_LOCATION };
    CHECK_ANSWERS(&route, 201, 400, 401, 403, 409, 413, 429, 503);
    CHECK_INT(answers_success(&route), 201);
    route.answers |= ANSWERS_200 | ANSWERS_428;
    CHECK_ANSWERS(&route, 200, 201, 400, 401, 403, 409, 412, 413, 428, 429, 503);
    route = (struct http_route){ METHOD_DELETE, "/v1/things/{id}", NULL };
    CHECK_ANSWERS(&route, 204, 403, 404, 503);
}

TEST(only_what_a_row_says_is_allowed)
{
    struct http_route route = { METHOD_GET, "/media/{file}", NULL, .media_types = "video/mp4",
                                .answers = ANSWERS_206 };
    CHECK(answers_allow(&route, 200) && answers_allow(&route, 206) && answers_allow(&route, 416));
    CHECK(!answers_allow(&route, 204) && !answers_allow(&route, 304) &&
          !answers_allow(&route, 409));
    CHECK(answers_allow(&route, 500) && answers_allow(&route, 499)); /* may happen to any */
    CHECK(!answers_allow(&route, 0) && !answers_allow(&route, 302));
}
