/* asyncapi: messages by topic, with the envelope around them, and their schemas once. */
#include "asyncapi.h"
#include "openapi_internal.h"

#include "engines/bus/bus.h"
#include "foundation/mem/heap.h"
#include "foundation/shape/shape.h"

#include <stdio.h>
#include <string.h>

enum { TYPES_MAX = 512, LEVELS_MAX = 64, PATH_BYTES = 256 };

struct listing {
    const struct bus_type *types[TYPES_MAX];
    const char *modules[TYPES_MAX];
    unsigned count;
    struct shape_registry registry;
};

static struct listing *listing_make(const struct gateway_settings *settings)
{
    struct listing *listing = HEAP_NEW(struct listing);
    for (unsigned i = 0; i < settings->modules_count; i++) {
        const struct bus_types *table = settings->modules[i]->events;
        for (unsigned k = 0; table && k < table->count; k++) {
            ASSERT(listing->count < TYPES_MAX);
            listing->types[listing->count] = table->items[k];
            listing->modules[listing->count++] = table->module;
            shape_registry_add_answer(&listing->registry, table->items[k]->shape);
        }
    }
    return listing;
}

/* Whether the type at `index` is the first of its topic, sent by its module if that is asked. */
static bool is_first(const struct listing *listing, unsigned index, bool of_module)
{
    for (unsigned i = 0; i < index; i++)
        if (strcmp(listing->types[i]->topic, listing->types[index]->topic) == 0 &&
            (!of_module || strcmp(listing->modules[i], listing->modules[index]) == 0))
            return false;
    return true;
}

static void put_channels(struct buf *out, const struct listing *listing)
{
    const char *comma = "";
    buf_put(out, STR("\"channels\":{"));
    for (unsigned i = 0; i < listing->count; i++) {
        const char *topic = listing->types[i]->topic, *inner = "";
        if (!is_first(listing, i, false))
            continue;
        buf_printf(out, "%s\n\"%s\":{\"address\":\"%s\",\"messages\":{", comma, topic, topic);
        for (unsigned k = i; k < listing->count; k++) {
            const char *name = listing->types[k]->name;
            if (strcmp(listing->types[k]->topic, topic) != 0)
                continue;
            buf_printf(out, "%s\"%s\":{\"$ref\":\"#/components/messages/%s\"}", inner, name, name);
            inner = ",";
        }
        buf_put(out, STR("}}"));
        comma = ",";
    }
    buf_put(out, STR("\n},"));
}

static void put_operations(struct buf *out, const struct listing *listing)
{
    const char *comma = "";
    buf_put(out, STR("\"operations\":{"));
    for (unsigned i = 0; i < listing->count; i++) {
        const char *topic = listing->types[i]->topic, *module = listing->modules[i], *inner = "";
        if (!is_first(listing, i, true))
            continue;
        buf_printf(out,
                   "%s\n\"%s.%s\":{\"action\":\"send\",\"channel\":{\"$ref\":\"#/channels/%s\"},"
                   "\"tags\":[{\"name\":\"%s\"}],\"messages\":[",
                   comma, module, topic, topic, module);
        for (unsigned k = i; k < listing->count; k++) {
            if (strcmp(listing->types[k]->topic, topic) != 0 ||
                strcmp(listing->modules[k], module) != 0)
                continue;
            buf_printf(out, "%s{\"$ref\":\"#/channels/%s/messages/%s\"}", inner, topic,
                       listing->types[k]->name);
            inner = ",";
        }
        buf_put(out, STR("]}"));
        comma = ",";
    }
    buf_put(out, STR("\n},"));
}

/* The envelope is CloudEvents' (engines/bus/cloudevent), in JSON. */
static void put_message(struct buf *out, const struct bus_type *type)
{
    buf_printf(out, "\"%s\":{\"name\":\"%s\",", type->name, type->name);
    if (type->doc) {
        openapi_put_text(out, "summary", str_of(type->doc));
        buf_put_char(out, ',');
    }
    if (type->deprecated)
        buf_put(out, STR("\"tags\":[{\"name\":\"deprecated\"}],"));
    buf_printf(out,
               "\"contentType\":\"application/cloudevents+json\",\"payload\":{\"type\":\"object\","
               "\"required\":[\"specversion\",\"id\",\"source\",\"type\",\"data\"],\"properties\":{"
               "\"specversion\":{\"const\":\"1.0\"},\"id\":{\"type\":\"string\"},"
               "\"source\":{\"type\":\"string\"},\"type\":{\"const\":\"%s\"},"
               "\"subject\":{\"type\":\"string\",\"description\":\"what it happened to; events of "
               "one keep their order\"},\"time\":{\"type\":\"string\",\"format\":\"date-time\"},"
               "\"typeversion\":{\"type\":\"integer\",\"const\":%u},\"data\":",
               type->name, type->version);
    shape_write_schema_ref(out, type->shape);
    buf_put(out, STR("}}}"));
}

void asyncapi_write(const struct gateway_settings *settings, struct buf *out)
{
    struct listing *listing = listing_make(settings);
    buf_printf(out,
               "{\"asyncapi\":\"3.0.0\",\"info\":{\"title\":\"Kinobezdna\",\"version\":\"%s\","
               "\"license\":{\"name\":\"Apache-2.0\"}},"
               "\"defaultContentType\":\"application/cloudevents+json\",",
               settings->version);
    put_channels(out, listing);
    put_operations(out, listing);
    buf_put(out, STR("\"components\":{\"messages\":{"));
    for (unsigned i = 0; i < listing->count; i++) {
        buf_put(out, i ? STR(",\n") : STR("\n"));
        put_message(out, listing->types[i]);
    }
    buf_put(out, STR("\n},\"schemas\":{\n"));
    shape_write_schemas(out, &listing->registry);
    buf_put(out, STR("}}}\n"));
    heap_free(listing);
}

/* --- As a list ------------------------------------------------------------------------------ */

static const char *kind_name(const struct shape_field *field)
{
    static const char *const names[] = {
        [SHAPE_BOOL] = "bool",     [SHAPE_I32] = "i32",  [SHAPE_U32] = "u32",
        [SHAPE_I64] = "i64",       [SHAPE_U64] = "u64",  [SHAPE_ID] = "id",
        [SHAPE_DOUBLE] = "double", [SHAPE_STR] = "text", [SHAPE_TIME] = "time",
        [SHAPE_CHOICE] = "choice", [SHAPE_RAW] = "json", [SHAPE_OBJECT] = "object",
    };
    return names[field->kind];
}

/* One of the type's shapes, and what stands before its fields' names. */
struct level {
    const struct shape *shape;
    char prefix[PATH_BYTES];
};

static void put_level(struct buf *out, const struct bus_type *type, const struct level *level)
{
    static const char *const forms[] = { [FORM_ONE] = "",
                                         [FORM_OPTIONAL] = "?",
                                         [FORM_POINTER] = "?",
                                         [FORM_LIST] = "[]",
                                         [FORM_MAP] = "{}" };
    for (size_t i = 0; i < level->shape->fields_count; i++) {
        const struct shape_field *field = shape_field_at(level->shape, i);
        buf_printf(out, "%s/%u %s%.*s %s%s\n", type->name, type->version, level->prefix,
                   STR_ARG(field->name), kind_name(field), forms[field->form]);
        for (unsigned k = 0; field->texts && k < field->texts->count; k++)
            if (field->texts->texts[k].len)
                buf_printf(out, "%s/%u %s%.*s=%.*s value\n", type->name, type->version,
                           level->prefix, STR_ARG(field->name), STR_ARG(field->texts->texts[k]));
    }
}

/* Level by level; a shape that refers to itself, or to very many, is a bug. */
static void put_fields(struct buf *out, const struct bus_type *type)
{
    struct level *levels = heap_alloc(LEVELS_MAX * sizeof(*levels));
    unsigned count = 1;
    levels[0] = (struct level){ .shape = type->shape };
    for (unsigned at = 0; at < count; at++) {
        const struct level *level = &levels[at];
        put_level(out, type, level);
        for (size_t i = 0; i < level->shape->fields_count; i++) {
            const struct shape_field *field = shape_field_at(level->shape, i);
            if (field->kind != SHAPE_OBJECT)
                continue;
            ASSERT(count < LEVELS_MAX);
            levels[count].shape = field->shape;
            snprintf(levels[count++].prefix, PATH_BYTES, "%s%.*s.", level->prefix,
                     STR_ARG(field->name));
        }
    }
    heap_free(levels);
}

void asyncapi_write_types(const struct gateway_settings *settings, struct buf *out)
{
    struct listing *listing = listing_make(settings);
    for (unsigned i = 0; i < listing->count; i++) {
        const struct bus_type *type = listing->types[i];
        buf_printf(out, "%s type %s\n", type->name, type->topic);
        put_fields(out, type);
    }
    heap_free(listing);
}
