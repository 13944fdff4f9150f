/*
 * openapi_answers: the answers of a route, with their headers and bodies. Refusals are problem
 * documents and the same everywhere, so operations refer to them.
 */
#include "openapi_internal.h"

#include "domains/module/answers.h"
#include "foundation/shape/shape.h"

/* One status of refusal: its name among the components and its sentence. */
struct refusal {
    unsigned status;
    const char *name, *text;
    bool wait; /* Retry-After */
};
static const struct refusal refusals[] = {
    { 400, "Invalid", "The request is wrong; errors names the fields." },
    { 401, "KeyRequired", "This needs the administrator's key, or the key is wrong." },
    { 403, "WrongOrigin", "A change by a browser must come from the cinema's own origin." },
    { 404, "NotFound", "There is no such thing, or it is not shown." },
    { 409, "Conflict", "It is in a state in which this cannot be; slug says which." },
    { 412, "PreconditionFailed", "It is not the version that the request names." },
    { 413, "TooLarge", "The body is larger than this path takes." },
    { 416, "RangeNotSatisfiable", "The range lies outside of what there is." },
    { 428, "EtagRequired", "A change names the version it was made from in If-Match." },
    { 429, "TooManyKeys", "Too many wrong keys came from this address.", true },
    { 503, "Unavailable", "The server has too much to do, or something it needs is missing.",
      true },
};

static const struct refusal *refusal_find(unsigned status)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        if (refusals[i].status == status)
            return &refusals[i];
    return NULL;
}

/* --- Success -------------------------------------------------------------------------------- */

static const char *success_text(unsigned status)
{
    switch (status) {
    case 201:
        return "Made";
    case 202:
        return "Taken on; the work goes on";
    case 204:
        return "Done";
    case 206:
        return "The part that was asked for";
    case 304:
        return "Unchanged since the ETag in If-None-Match";
    default:
        return "OK";
    }
}

static void put_headers(struct buf *out, const struct http_route *route, unsigned status)
{
    bool changed = route->out && (route->answers & ANSWERS_428);
    const struct {
        const char *name, *component;
        bool sent;
    } rows[] = {
        { "ETag", "ETag", (route->answers & ANSWERS_304) || changed },
        { "Location", "Location",
          (route->answers & ANSWERS_LOCATION) && status == answers_success(route) },
        { "Accept-Ranges", "AcceptRanges", (route->answers & ANSWERS_206) && status == 200 },
        { "Content-Range", "ContentRange", status == 206 },
    };
    bool first = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].sent)
            continue;
        buf_printf(out, "%s\"%s\":{\"$ref\":\"#/components/headers/%s\"}",
                   first ? ",\"headers\":{" : ",", rows[i].name, rows[i].component);
        first = false;
    }
    if (!first)
        buf_put_char(out, '}');
}

static void put_content(struct buf *out, const struct http_route *route)
{
    str types = str_of(route->media_types ? route->media_types : ""), type;
    bool first = true;
    buf_put(out, STR(",\"content\":{"));
    if (route->out) {
        buf_put(out, STR("\"application/json\":{\"schema\":"));
        shape_write_schema_ref(out, route->out);
        buf_put_char(out, '}');
        first = false;
    }
    while (str_cut(&types, ' ', &type)) {
        buf_printf(out, "%s\"%.*s\":{}", first ? "" : ",", STR_ARG(type));
        first = false;
    }
    buf_put_char(out, '}');
}

static void put_success(struct buf *out, const struct http_route *route, unsigned status)
{
    bool bodyless = status == 204 || status == 304 || (!route->out && !route->media_types);
    buf_printf(out, "\"%u\":{\"description\":\"%s\"", status, success_text(status));
    put_headers(out, route, status);
    if (!bodyless)
        put_content(out, route);
    buf_put(out, STR("},"));
}

void openapi_put_answers(struct buf *out, const struct http_route *route)
{
    struct answers answers;
    answers_of(route, &answers);
    buf_put(out, STR("\"responses\":{"));
    for (unsigned i = 0; i < answers.count; i++) {
        const struct refusal *refusal = refusal_find(answers.statuses[i]);
        if (refusal)
            buf_printf(out, "\"%u\":{\"$ref\":\"#/components/responses/%s\"},", refusal->status,
                       refusal->name);
        else
            put_success(out, route, answers.statuses[i]);
    }
    buf_put(out, STR("\"default\":{\"$ref\":\"#/components/responses/Failed\"}}"));
}

/* --- Components ----------------------------------------------------------------------------- */

static const char fixed_components[] =
    "\"securitySchemes\":{"
    "\"adminKey\":{\"type\":\"http\",\"scheme\":\"bearer\","
    "\"description\":\"The administrator's key.\"},"
    "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"kb_session\","
    "\"description\":\"Got for the key by POST /v1/session; a change must come from this origin.\"}"
    "},\n\"parameters\":{"
    "\"AcceptLanguage\":{\"name\":\"Accept-Language\",\"in\":\"header\",\"schema\":"
    "{\"type\":\"string\"},\"description\":\"Language of the answer where lang says none.\"},"
    "\"IfNoneMatch\":{\"name\":\"If-None-Match\",\"in\":\"header\",\"schema\":"
    "{\"type\":\"string\"},\"description\":\"An ETag: 304 when it is still the current one.\"},"
    "\"Range\":{\"name\":\"Range\",\"in\":\"header\",\"schema\":{\"type\":\"string\"},"
    "\"description\":\"bytes=FROM-TO, one range.\"},"
    "\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"required\":true,\"schema\":"
    "{\"type\":\"string\"},\"description\":\"The ETag of the GET that the change came from, or "
    "*.\"}"
    "},\n\"headers\":{"
    "\"ETag\":{\"description\":\"Version and hash of what is answered.\",\"schema\":"
    "{\"type\":\"string\"}},"
    "\"Location\":{\"description\":\"The path of what was made.\",\"schema\":"
    "{\"type\":\"string\",\"format\":\"uri-reference\"}},"
    "\"AcceptRanges\":{\"description\":\"bytes\",\"schema\":{\"type\":\"string\"}},"
    "\"ContentRange\":{\"description\":\"bytes FROM-TO/SIZE\",\"schema\":{\"type\":\"string\"}},"
    "\"RetryAfter\":{\"description\":\"Seconds to wait.\",\"schema\":{\"type\":\"integer\","
    "\"minimum\":1}}},\n\"responses\":{";

static const char problem_content[] = "\"content\":{\"application/problem+json\":{\"schema\":"
                                      "{\"$ref\":\"#/components/schemas/Problem\"}}}}";

void openapi_put_components(struct buf *out)
{
    buf_put(out, str_of(fixed_components));
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        buf_printf(out, "\"%s\":{\"description\":\"%s\",", refusals[i].name, refusals[i].text);
        if (refusals[i].wait)
            buf_put(out, STR("\"headers\":{\"Retry-After\":"
                             "{\"$ref\":\"#/components/headers/RetryAfter\"}},"));
        buf_put(out, str_of(problem_content));
        buf_put(out, STR(",\n"));
    }
    buf_put(out, STR("\"Failed\":{\"description\":\"Anything else that went wrong.\","));
    buf_put(out, str_of(problem_content));
    buf_put_char(out, '}');
}

void openapi_put_problem_schema(struct buf *out)
{
    buf_put(out,
            STR("\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457\",\"required\":["
                "\"type\",\"title\",\"status\",\"slug\",\"detail\"],\"properties\":{"
                "\"type\":{\"type\":\"string\",\"format\":\"uri\"},"
                "\"title\":{\"type\":\"string\"},"
                "\"status\":{\"type\":\"integer\",\"minimum\":400,\"maximum\":599},"
                "\"slug\":{\"type\":\"string\",\"description\":\"stable, for programs\"},"
                "\"detail\":{\"type\":\"string\",\"description\":\"one sentence, for people\"},"
                "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
                "\"field\",\"message\"],\"properties\":{\"field\":{\"type\":\"string\"},"
                "\"message\":{\"type\":\"string\"}}}}}}"));
}
