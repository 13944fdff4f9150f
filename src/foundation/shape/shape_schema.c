/* shape_schema: the tables as JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
#include "shape_impl.h"

#include <stdio.h>

static void add_one(struct shape_registry *registry, const struct shape *shape, bool requested)
{
    char name[64], other[64];
    unsigned at = 0;
    for (; at < registry->count && registry->shapes[at] != shape; at++)
        ASSERT(!str_eq(shape_schema_name(registry->shapes[at], other),
                       shape_schema_name(shape, name)));
    ASSERT(at < SHAPE_REGISTRY_MAX);
    registry->shapes[at] = shape;
    registry->requested[at] |= requested;
    registry->count = MAX_OF(registry->count, at + 1);
}

static bool refers_to(const struct shape *shape, const struct shape *other)
{
    for (size_t i = 0; i < shape->fields_count; i++)
        if (shape->fields[i].shape == other)
            return true;
    return false;
}

/* What a request's shape refers to is requested too, though it was added by an answer before. */
static void spread_requested(struct shape_registry *registry)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (unsigned from = 0; from < registry->count; from++)
            for (unsigned to = 0; registry->requested[from] && to < registry->count; to++)
                if (!registry->requested[to] &&
                    refers_to(registry->shapes[from], registry->shapes[to]))
                    changed = registry->requested[to] = true;
    }
}

static void add_all(struct shape_registry *registry, const struct shape *shape, bool requested)
{
    unsigned done = registry->count;
    add_one(registry, shape, requested);
    for (; done < registry->count; done++) {
        const struct shape *one = registry->shapes[done];
        for (size_t i = 0; i < one->fields_count; i++)
            if (one->fields[i].shape)
                add_one(registry, one->fields[i].shape, false);
    }
    spread_requested(registry);
}

void shape_registry_add(struct shape_registry *registry, const struct shape *shape)
{
    add_all(registry, shape, true);
}

void shape_registry_add_answer(struct shape_registry *registry, const struct shape *shape)
{
    add_all(registry, shape, false);
}

str shape_schema_name(const struct shape *shape, char out[64])
{
    str name = str_of(shape->name);
    size_t len = 0;
    bool upper = true;
    if (str_ends(name, STR("_shape")))
        name.len -= sizeof("_shape") - 1;
    for (size_t i = 0; i < name.len && len < 63; i++) {
        char c = name.ptr[i];
        if (c != '_')
            out[len++] = upper && c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        upper = c == '_';
    }
    out[len] = 0;
    return (str){ out, len };
}

void shape_write_schema_ref(struct buf *buf, const struct shape *shape)
{
    char name[64];
    json_object_begin(buf);
    json_put_key(buf, STR("$ref"));
    buf_printf(buf, "\"#/components/schemas/%s\"", shape_schema_name(shape, name).ptr);
    json_object_end(buf);
}

static void put_text(struct buf *buf, const char *key, const char *text)
{
    json_put_key(buf, str_of(key));
    json_put_string(buf, str_of(text));
}

static void put_number(struct buf *buf, const char *key, int64_t number)
{
    json_put_key(buf, str_of(key));
    json_put_i64(buf, number);
}

static void put_type(struct buf *buf, const char *type, bool nullable)
{
    json_put_key(buf, STR("type"));
    if (!nullable) {
        json_put_string(buf, str_of(type));
        return;
    }
    json_array_begin(buf);
    json_put_string(buf, str_of(type));
    json_put_string(buf, STR("null"));
    json_array_end(buf);
}

static void put_enum(struct buf *buf, const struct shape_enum *table, bool nullable)
{
    json_put_key(buf, STR("enum"));
    json_array_begin(buf);
    for (unsigned i = 0; i < table->count; i++)
        if (table->texts[i].ptr)
            json_put_string(buf, table->texts[i]);
    if (nullable)
        json_put_null(buf);
    json_array_end(buf);
}

static void put_format(struct buf *buf, enum shape_format format)
{
    static const char *const patterns[] = { [FORMAT_SLUG] = "^[a-z0-9]+(-[a-z0-9]+)*$",
                                            [FORMAT_LANGUAGE] = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
                                            [FORMAT_COUNTRY] = "^[A-Z]{2}$" };
    if (format != FORMAT_ANY)
        put_text(buf, "pattern", patterns[format]);
}

static void put_range(struct buf *buf, const struct shape_field *field)
{
    bool is_unsigned = field->kind == SHAPE_U32 || field->kind == SHAPE_U64;
    if (field->min || field->max || is_unsigned)
        put_number(buf, "minimum", field->min);
    if (field->max)
        put_number(buf, "maximum", field->max);
}

static void put_integer(struct buf *buf, const struct shape_field *field, bool single,
                        bool nullable)
{
    bool narrow = field->kind == SHAPE_I32;
    put_type(buf, "integer", nullable);
    put_text(buf, "format", narrow ? "int32" : "int64");
    if (single)
        put_range(buf, field);
}

static void put_string(struct buf *buf, const struct shape_field *field, bool single, bool nullable)
{
    int64_t max = single ? field->max : field->item_max;
    put_type(buf, "string", nullable);
    if (single && field->min)
        put_number(buf, "minLength", field->min);
    if (max)
        put_number(buf, "maxLength", max);
    put_format(buf, field->format);
}

/* The members of one value's schema; `single`: the field's limits are the value's own. */
static void put_value(struct buf *buf, const struct shape_field *field, bool single, bool nullable)
{
    switch (field->kind) {
    case SHAPE_BOOL:
        put_type(buf, "boolean", nullable);
        return;
    case SHAPE_DOUBLE:
        put_type(buf, "number", nullable);
        if (single)
            put_range(buf, field);
        return;
    case SHAPE_ID:
        put_type(buf, "string", nullable);
        put_text(buf, "pattern", "^[1-9][0-9]{0,18}$");
        return;
    case SHAPE_STR:
        put_string(buf, field, single, nullable);
        return;
    case SHAPE_TIME:
        put_type(buf, "string", nullable);
        put_text(buf, "format", "date-time");
        return;
    case SHAPE_CHOICE:
        put_type(buf, "string", nullable);
        put_enum(buf, field->texts, nullable);
        return;
    case SHAPE_RAW:
        return;
    case SHAPE_OBJECT:
        json_put_key(buf, STR("anyOf"));
        json_array_begin(buf);
        shape_write_schema_ref(buf, field->shape);
        json_put_raw(buf, STR("{\"type\":\"null\"}"));
        json_array_end(buf);
        return;
    default:
        put_integer(buf, field, single, nullable);
    }
}

static void put_item(struct buf *buf, const struct shape_field *field)
{
    if (field->kind == SHAPE_OBJECT) {
        shape_write_schema_ref(buf, field->shape);
        return;
    }
    json_object_begin(buf);
    put_value(buf, field, false, false);
    json_object_end(buf);
}

static void put_list(struct buf *buf, const struct shape_field *field)
{
    put_type(buf, "array", field->nullable);
    json_put_key(buf, STR("items"));
    put_item(buf, field);
    if (field->min)
        put_number(buf, "minItems", field->min);
    if (field->max)
        put_number(buf, "maxItems", field->max);
}

static void put_map(struct buf *buf, const struct shape_field *field)
{
    put_type(buf, "object", field->nullable);
    json_put_key(buf, STR("additionalProperties"));
    put_item(buf, field);
    if (field->keys != FORMAT_ANY) {
        json_put_key(buf, STR("propertyNames"));
        json_object_begin(buf);
        put_format(buf, field->keys);
        json_object_end(buf);
    }
    if (field->min)
        put_number(buf, "minProperties", field->min);
    if (field->max)
        put_number(buf, "maxProperties", field->max);
}

static void put_initial(struct buf *buf, const struct shape_field *field)
{
    str choice = field->kind == SHAPE_CHOICE
                     ? shape_enum_text(field->texts, (unsigned)field->initial)
                     : STR_NONE;
    if (!field->initial || (field->kind == SHAPE_CHOICE && !choice.ptr))
        return; /* no default, or one that has no text: "as the server likes" */
    json_put_key(buf, STR("default"));
    if (choice.ptr)
        json_put_string(buf, choice);
    else if (field->kind == SHAPE_BOOL)
        json_put_bool(buf, true);
    else
        json_put_i64(buf, field->initial);
}

void shape_write_field_schema(struct buf *buf, const struct shape_field *field)
{
    bool nullable = field->nullable || field->form == FORM_OPTIONAL || field->form == FORM_POINTER;
    if (field->kind == SHAPE_OBJECT && field->form == FORM_ONE && !nullable && !field->doc) {
        shape_write_schema_ref(buf, field->shape);
        return;
    }
    json_object_begin(buf);
    if (field->form == FORM_LIST)
        put_list(buf, field);
    else if (field->form == FORM_MAP)
        put_map(buf, field);
    else if (field->kind == SHAPE_OBJECT && !nullable) /* 2020-12 allows members beside $ref */
        buf_printf(buf, "\"$ref\":\"#/components/schemas/%s\"",
                   shape_schema_name(field->shape, (char[64]){ 0 }).ptr);
    else
        put_value(buf, field, true, nullable);
    put_initial(buf, field);
    if (field->doc)
        put_text(buf, "description", field->doc);
    json_object_end(buf);
}

static void put_required(struct buf *buf, const struct shape *shape, bool answer)
{
    bool any = false;
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = &shape->fields[i];
        if (answer ? field->omit : !field->required)
            continue;
        if (!any) {
            json_put_key(buf, STR("required"));
            json_array_begin(buf);
        }
        any = true;
        json_put_string(buf, field->name);
    }
    if (any)
        json_array_end(buf);
}

static void put_schema(struct buf *buf, const struct shape *shape, bool answer)
{
    json_object_begin(buf);
    put_text(buf, "type", "object");
    if (shape->doc)
        put_text(buf, "description", shape->doc);
    put_required(buf, shape, answer);
    json_put_key(buf, STR("properties"));
    json_object_begin(buf);
    for (size_t i = 0; i < shape->fields_count; i++) {
        json_put_key(buf, shape->fields[i].name);
        shape_write_field_schema(buf, &shape->fields[i]);
    }
    json_object_end(buf);
    json_put_key(buf, STR("additionalProperties"));
    json_put_bool(buf, answer || shape->forgiving);
    json_object_end(buf);
}

void shape_write_schema(struct buf *buf, const struct shape *shape)
{
    put_schema(buf, shape, false);
}

void shape_write_answer_schema(struct buf *buf, const struct shape *shape)
{
    put_schema(buf, shape, true);
}

void shape_write_schemas(struct buf *buf, const struct shape_registry *registry)
{
    char name[64];
    for (unsigned i = 0; i < registry->count; i++) {
        json_put_key(buf, shape_schema_name(registry->shapes[i], name));
        put_schema(buf, registry->shapes[i], !registry->requested[i]);
    }
}
