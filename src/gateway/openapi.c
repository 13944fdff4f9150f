/* openapi: routes grouped by path, parameters from patterns and query shapes, bodies as references.
 */
#include "openapi.h"

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
            shape_registry_add(&listing->registry, route->out);
    }
}

static void put_text(struct buf *out, const char *key, str text)
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
        buf_printf(out,
                   "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,"
                   "\"schema\":{\"type\":\"string\"}}",
                   *io_first ? "" : ",", STR_ARG(name));
        *io_first = false;
    }
}

static void put_query_parameters(struct buf *out, const struct shape *query, bool *io_first)
{
    for (size_t i = 0; query && i < query->fields_count; i++) {
        const struct shape_field *field = shape_field_at(query, i);
        buf_printf(out, "%s{\"in\":\"query\",", *io_first ? "" : ",");
        put_text(out, "name", field->name);
        buf_printf(out, ",\"required\":%s,", field->required ? "true" : "false");
        if (field->doc) {
            put_text(out, "description", str_of(field->doc));
            buf_put_char(out, ',');
        }
        buf_put(out, STR("\"schema\":"));
        shape_write_field_schema(out, field);
        buf_put_char(out, '}');
        *io_first = false;
    }
}

static void put_answers(struct buf *out, const struct http_route *route)
{
    buf_put(out, STR("\"responses\":{"));
    if (route->out) {
        buf_put(out, STR("\"200\":{\"description\":\"OK\",\"content\":{\"application/json\":"
                         "{\"schema\":"));
        shape_write_schema_ref(out, route->out);
        buf_put(out, STR("}}},"));
    } else {
        buf_put(out, STR("\"204\":{\"description\":\"done\"},"));
    }
    buf_put(out, STR("\"default\":{\"description\":\"a problem (RFC 9457)\",\"content\":"
                     "{\"application/problem+json\":{\"schema\":"
                     "{\"$ref\":\"#/components/schemas/Problem\"}}}}}"));
}

static void put_operation(struct buf *out, const struct http_route *route, const char *tag)
{
    static const char *const methods[METHOD_COUNT] = { "get",   "head",   "post",   "put",
                                                       "patch", "delete", "options" };
    bool first = true;
    buf_printf(out, "\"%s\":{\"tags\":[\"%s\"],", methods[route->method], tag);
    if (route->summary) {
        put_text(out, "summary", str_of(route->summary));
        buf_put_char(out, ',');
    }
    buf_put(out, STR("\"parameters\":["));
    put_path_parameters(out, str_of(route->pattern), &first);
    put_query_parameters(out, route->query, &first);
    buf_put(out, STR("],"));
    if (route->in) {
        buf_put(out, STR("\"requestBody\":{\"required\":true,\"content\":{\"application/json\":"
                         "{\"schema\":"));
        shape_write_schema_ref(out, route->in);
        buf_put(out, STR("}}},"));
    }
    if (route->role != ROLE_ANYONE)
        buf_put(out, STR("\"security\":[{\"adminKey\":[]},{\"session\":[]}],"));
    put_answers(out, route);
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

static const char problem_schema[] =
    "\"Problem\":{\"type\":\"object\",\"required\":[\"status\",\"slug\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\"},\"slug\":{\"type\":\"string\"},"
    "\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":{"
    "\"type\":\"object\",\"properties\":{\"field\":{\"type\":\"string\"},"
    "\"message\":{\"type\":\"string\"}}}}}}";

void openapi_write(const struct gateway_settings *settings, const struct http_route_table *own,
                   struct buf *out)
{
    struct listing *listing = HEAP_NEW(struct listing);
    listing_add(listing, own, "gateway");
    for (unsigned i = 0; i < settings->modules_count; i++)
        listing_add(listing, settings->modules[i]->routes, settings->modules[i]->name);
    buf_printf(out,
               "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Kinobezdna\",\"version\":\"%s\"},"
               "\"paths\":{",
               settings->version);
    put_paths(out, listing);
    buf_put(out, STR("\n},\"components\":{\"securitySchemes\":{"
                     "\"adminKey\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                     "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"kb_session\"}},"
                     "\"schemas\":{\n"));
    buf_put(out, str_of(problem_schema));
    if (listing->registry.count) {
        buf_put(out, STR(",\n"));
        shape_write_schemas(out, &listing->registry);
    }
    buf_put(out, STR("}}}\n"));
    heap_free(listing);
}
