/* http_cors: the list of origins and the fields that follow from it. */
#include "http_cors.h"

static enum err refuse(str item)
{
    return err_set(ERR_INVALID, "cors-origins",
                   "\"%.*s\" is no origin: write https://HOST or https://HOST:PORT", STR_ARG(item));
}

/* RFC 6454 section 6.2: scheme, host, port, as browsers write them. */
static bool is_origin(str item)
{
    str host = STR_NONE;
    if (str_starts(item, STR("https://")))
        host = str_skip(item, 8);
    else if (str_starts(item, STR("http://")))
        host = str_skip(item, 7);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                    c == ':' || c == '[' || c == ']';
        if (!fits)
            return false;
    }
    return host.len > 0;
}

enum err http_cors_parse(str list, struct http_cors *out)
{
    struct http_cors cors = { 0 };
    str item;
    while (str_cut(&list, ',', &item)) {
        item = str_trim(item);
        if (item.len == 0)
            continue;
        if (str_eq(item, STR("*"))) {
            cors.any = true;
            continue;
        }
        if (!is_origin(item))
            return refuse(item);
        if (cors.count == HTTP_CORS_ORIGINS_MAX)
            return err_set(ERR_INVALID, "cors-origins", "more than %d origins",
                           HTTP_CORS_ORIGINS_MAX);
        cors.origins[cors.count++] = item;
    }
    *out = cors;
    return OK;
}

bool http_cors_allows(const struct http_cors *cors, str origin)
{
    if (cors->any && origin.len && !str_eq(origin, STR("null")))
        return true;
    for (unsigned i = 0; i < cors->count; i++)
        if (str_eq(cors->origins[i], origin))
            return true;
    return false;
}

static str allow_of(const struct http_response *response)
{
    for (unsigned i = 0; i < response->fields_count; i++)
        if (str_eq(response->fields[i].name, STR("Allow")))
            return response->fields[i].value;
    return STR_NONE;
}

/* Ten minutes: a list of origins that is changed is to count soon. */
static void preflight(struct http_response *response)
{
    str allow = allow_of(response);
    if (!allow.len)
        return;
    http_header_add(response, STR("Access-Control-Allow-Methods"), allow);
    http_header_add(response, STR("Access-Control-Allow-Headers"),
                    STR("Accept, Accept-Language, Authorization, Content-Type, If-Match, "
                        "If-None-Match, Range"));
    http_header_add(response, STR("Access-Control-Max-Age"), STR("600"));
}

void http_cors_apply(const struct http_cors *cors, struct http_request *request,
                     struct http_response *response)
{
    str origin = http_header_find(request, STR("Origin"));
    if (!cors->any && !cors->count)
        return;
    if (response->fields_count + 5 > HTTP_RESPONSE_FIELDS_MAX)
        return;     /* without them a browser keeps the answer to itself */
    if (!cors->any) /* a cache must not give one origin's answer to another */
        http_header_add(response, STR("Vary"), STR("Origin"));
    if (!http_cors_allows(cors, origin))
        return;
    http_header_add(response, STR("Access-Control-Allow-Origin"), cors->any ? STR("*") : origin);
    if (request->method == METHOD_OPTIONS &&
        http_header_find(request, STR("Access-Control-Request-Method")).ptr)
        preflight(response);
    else
        http_header_add(response, STR("Access-Control-Expose-Headers"),
                        STR("Allow, Content-Encoding, Content-Range, ETag, Location, Retry-After"));
}
