/*
 * openapi: routes grouped by path, parameters from patterns and query shapes, bodies as references.
 * What a route answers is openapi_answers.c.
 */
#include "openapi_internal.h"

#include "domains/module/answers.h"
#include "foundation/json/json.h"
#include "foundation/mem/heap.h"
#include "foundation/shape/shape.h"

#include <string.h>

enum { ROUTES_MAX = 1024 };

struct listing {
    const struct http_route *routes[ROUTES_MAX];
    const char *tags[ROUTES_MAX];
    unsigned count;
    struct shape_registry registry;
};

static void listing_add(struct listing *listing, const struct http_route_table *table,
                        const char *tag)
{
    for (size_t i = 0; table && i < table->count; i++) {
        const struct http_route *route = &table->routes[i];
        if (route->flags & ROUTE_HIDDEN)
            continue;
        ASSERT(listing->count < ROUTES_MAX);
        listing->routes[listing->count] = route;
        listing->tags[listing->count++] = tag;
        if (route->in)
            shape_registry_add(&listing->registry, route->in);
        if (route->out)
            shape_registry_add_answer(&listing->registry, route->out);
    }
}

void openapi_put_text(struct buf *out, const char *key, str text)
{
    buf_printf(out, "\"%s\":", key);
    json_write_string(out, text);
}

static void put_path_parameters(struct buf *out, str pattern, bool *io_first)
{
    str rest = pattern, part;
    while (str_cut(&rest, '{', &part) && rest.ptr) {
        str name = str_sub(rest, 0, (size_t)str_find_char(rest, '}'));
        if (str_ends(name, STR("*")))
            name.len--;
        const char *pattern_of =
            str_eq(name, STR("id")) ? ",\"pattern\":\"^[1-9][0-9]{0,18}$\"" : "";
        buf_printf(out,
                   "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,"
                   "\"schema\":{\"type\":\"string\"%s}}",
                   *io_first ? "" : ",", STR_ARG(name), pattern_of);
        *io_first = false;
    }
}

static void put_query_parameters(struct buf *out, const struct shape *query, bool *io_first)
{
    for (size_t i = 0; query && i < query->fields_count; i++) {
        const struct shape_field *field = shape_field_at(query, i);
        buf_printf(out, "%s{\"in\":\"query\",", *io_first ? "" : ",");
        openapi_put_text(out, "name", field->name);
        buf_printf(out, ",\"required\":%s,", field->required ? "true" : "false");
        if (field->doc) {
            openapi_put_text(out, "description", str_of(field->doc));
            buf_put_char(out, ',');
        }
        buf_put(out, STR("\"schema\":"));
        shape_write_field_schema(out, field);
        buf_put_char(out, '}');
        *io_first = false;
    }
}

static void put_header_parameters(struct buf *out, const struct http_route *route, bool *io_first)
{
    const struct {
        const char *name;
        bool asked;
    } rows[] = {
        { "AcceptLanguage", route->query && shape_field_find(route->query, STR("lang")) },
        { "IfNoneMatch", route->answers & ANSWERS_304 },
        { "Range", route->answers & ANSWERS_206 },
        { "IfMatch", route->answers & ANSWERS_428 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].asked)
            continue;
        buf_printf(out, "%s{\"$ref\":\"#/components/parameters/%s\"}", *io_first ? "" : ",",
                   rows[i].name);
        *io_first = false;
    }
}

/* "GET", "/v1/titles/{id}" is getV1TitlesId. */
static void put_operation_id(struct buf *out, const char *method, const char *pattern)
{
    bool upper = false;
    buf_printf(out, "\"operationId\":\"%s", method);
    for (const char *at = pattern; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        if (letter)
            buf_put_char(out, upper && *at >= 'a' ? (char)(*at - 32) : *at);
        upper = !letter;
    }
    buf_put(out, STR("\","));
}

/* Open to anyone; open, with more for the administrator; the administrator's. */
static void put_security(struct buf *out, const struct http_route *route)
{
    if (route->role != ROLE_ANYONE)
        buf_put(out, STR("\"security\":[{\"adminKey\":[]},{\"session\":[]}],"));
    else if (route->answers & ANSWERS_401)
        buf_put(out, STR("\"security\":[{},{\"adminKey\":[]},{\"session\":[]}],"));
    else
        buf_put(out, STR("\"security\":[],"));
}

static void put_operation(struct buf *out, const struct http_route *route, const char *tag)
{
    static const char *const methods[METHOD_COUNT] = { "get",   "head",   "post",   "put",
                                                       "patch", "delete", "options" };
    bool first = true;
    bool optional = route->flags & ROUTE_BODY_OPTIONAL;
    buf_printf(out, "\"%s\":{\"tags\":[\"%s\"],", methods[route->method], tag);
    put_operation_id(out, methods[route->method], route->pattern);
    if (route->summary) {
        openapi_put_text(out, "summary", str_of(route->summary));
        buf_put_char(out, ',');
    }
    buf_put(out, STR("\"parameters\":["));
    put_path_parameters(out, str_of(route->pattern), &first);
    put_query_parameters(out, route->query, &first);
    put_header_parameters(out, route, &first);
    buf_put(out, STR("],"));
    if (route->in) {
        buf_printf(out,
                   "\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":"
                   "{\"schema\":",
                   optional ? "false" : "true");
        shape_write_schema_ref(out, route->in);
        buf_put(out, STR("}}},"));
    }
    put_security(out, route);
    openapi_put_answers(out, route);
    buf_put_char(out, '}');
}

static bool written_before(const struct listing *listing, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (strcmp(listing->routes[i]->pattern, listing->routes[index]->pattern) == 0)
            return true;
    return false;
}

static void put_paths(struct buf *out, const struct listing *listing)
{
    bool first_path = true;
    for (unsigned i = 0; i < listing->count; i++) {
        if (written_before(listing, i))
            continue;
        buf_printf(out, "%s\n\"%s\":{", first_path ? "" : ",", listing->routes[i]->pattern);
        first_path = false;
        bool first = true;
        for (unsigned j = i; j < listing->count; j++) {
            if (strcmp(listing->routes[j]->pattern, listing->routes[i]->pattern) != 0)
                continue;
            if (!first)
                buf_put_char(out, ',');
            first = false;
            put_operation(out, listing->routes[j], listing->tags[j]);
        }
        buf_put_char(out, '}');
    }
}

void openapi_write(const struct gateway_settings *settings, const struct http_route_table *own,
                   struct buf *out)
{
    struct listing *listing = HEAP_NEW(struct listing);
    listing_add(listing, own, "gateway");
    for (unsigned i = 0; i < settings->modules_count; i++)
        listing_add(listing, settings->modules[i]->routes, settings->modules[i]->name);
    buf_printf(out,
               "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Kinobezdna\",\"version\":\"%s\","
               "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},"
               "\"servers\":[{\"url\":\"/\"}],\"paths\":{",
               settings->version);
    put_paths(out, listing);
    buf_put(out, STR("\n},\"components\":{"));
    openapi_put_components(out);
    buf_put(out, STR(",\n\"schemas\":{\n"));
    openapi_put_problem_schema(out);
    if (listing->registry.count) {
        buf_put(out, STR(",\n"));
        shape_write_schemas(out, &listing->registry);
    }
    buf_put(out, STR("}}}\n"));
    heap_free(listing);
}
