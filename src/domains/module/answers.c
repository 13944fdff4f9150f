/* answers: from the columns of a row to its statuses. */
#include "answers.h"

#include "module.h"

/* A row that says nothing of a role is open to anyone. */
_Static_assert(ROLE_ANYONE == 0, "zero is anyone");

static bool changes(const struct http_route *route)
{
    return route->method != METHOD_GET && route->method != METHOD_HEAD;
}

static bool takes_body(const struct http_route *route)
{
    return changes(route) && route->method != METHOD_DELETE;
}

unsigned answers_success(const struct http_route *route)
{
    if (route->status)
        return route->status;
    return route->out || route->media_types ? 200 : 204;
}

void answers_of(const struct http_route *route, struct answers *out_answers)
{
    unsigned also = route->answers, success = answers_success(route);
    bool closed = route->role != ROLE_ANYONE;
    const struct {
        unsigned status;
        bool may;
    } rows[] = {
        { 200, success == 200 || (also & ANSWERS_200) },
        { 201, success == 201 },
        { 202, success == 202 },
        { 204, success == 204 },
        { 206, also & ANSWERS_206 },
        { 304, also & ANSWERS_304 },
        { 400, route->in || route->query || (also & ANSWERS_400) },
        { 401, closed || (also & ANSWERS_401) },
        { 403, changes(route) },
        { 404, str_find_char(str_of(route->pattern), '{') >= 0 || (also & ANSWERS_404) },
        { 409, also & ANSWERS_409 },
        { 412, also & (ANSWERS_304 | ANSWERS_428) },
        { 413, takes_body(route) },
        { 416, also & ANSWERS_206 },
        { 428, also & ANSWERS_428 },
        { 429, closed || (also & ANSWERS_429) },
        { 503, true },
    };
    _Static_assert(ARRAY_LEN(rows) <= ANSWERS_MAX, "a status has no place");
    out_answers->count = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].may)
            out_answers->statuses[out_answers->count++] = rows[i].status;
}

bool answers_allow(const struct http_route *route, unsigned status)
{
    static const unsigned anywhere[] = { 406, 408, 413, 499, 500, 504 };
    struct answers answers;
    for (size_t i = 0; i < ARRAY_LEN(anywhere); i++)
        if (anywhere[i] == status)
            return true;
    answers_of(route, &answers);
    for (unsigned i = 0; i < answers.count; i++)
        if (answers.statuses[i] == status)
            return true;
    return false;
}
