/*
 * shape_parse: a JSON body into a struct. Two sorts of failure: text that is no JSON ends the
 * reading at once; a value its field refuses is noted, passed over, and reading goes on. The calls
 * nest as the tables do, and no deeper than JSON_DEPTH_MAX.
 */
/* NOLINTBEGIN(misc-no-recursion): the calls nest as our tables do */
#include "shape_impl.h"

static enum err read_object(struct shape_reader *reader, const struct shape *shape,
                            const struct shape_path *path, void *record);

static enum err no_memory(struct shape_reader *reader)
{
    return json_fail(&reader->json, ERR_TOO_LARGE, "json-too-large", "no memory left for the body");
}

static enum err refuse(struct shape_reader *reader, const struct shape_path *path,
                       const char *message)
{
    shape_reject(reader, path, "%s", message);
    return json_skip(&reader->json, NULL);
}

/* --- One value ------------------------------------------------------------------------------ */

static enum err read_bool(struct shape_reader *reader, void *at)
{
    bool value;
    TRY(json_read_bool(&reader->json, &value));
    memcpy(at, &value, sizeof(value));
    return OK;
}

static enum err read_number(struct shape_reader *reader, const struct shape_field *field,
                            const struct shape_path *path, void *at)
{
    str text;
    double number;
    int64_t whole;
    TRY(json_read_number(&reader->json, &text));
    if (field->kind == SHAPE_DOUBLE) {
        if (json_number_double(text, &number))
            shape_store_double(reader, field, path, number, at);
        else
            shape_reject(reader, path, "is out of range");
    } else if (str_parse_i64(text, &whole)) {
        shape_store_int(reader, field, path, whole, at);
    } else {
        bool fraction = str_find_char(text, '.') >= 0 || str_find_char(text, 'e') >= 0 ||
                        str_find_char(text, 'E') >= 0;
        shape_reject(reader, path, fraction ? "must be a whole number" : "is out of range");
    }
    return OK;
}

static enum err read_text(struct shape_reader *reader, const struct shape_field *field,
                          const struct shape_path *path, void *at)
{
    str text;
    TRY(json_read_string(&reader->json, &text));
    shape_store_text(reader, field, path, text, at);
    return OK;
}

static enum err read_raw(struct shape_reader *reader, void *at)
{
    struct json_raw raw;
    TRY(json_skip(&reader->json, &raw.text));
    memcpy(at, &raw, sizeof(raw));
    return OK;
}

/* What a value of the kind looks like, and how the message says so. */
static enum json_kind expected(enum shape_kind kind, const char **out_message)
{
    switch (kind) {
    case SHAPE_BOOL:
        *out_message = "must be true or false";
        return JSON_BOOL;
    case SHAPE_I32:
    case SHAPE_U32:
    case SHAPE_I64:
    case SHAPE_U64:
        *out_message = "must be a whole number";
        return JSON_NUMBER;
    case SHAPE_DOUBLE:
        *out_message = "must be a number";
        return JSON_NUMBER;
    case SHAPE_ID:
        *out_message = "must be an id, a decimal number as text";
        return JSON_STRING;
    case SHAPE_OBJECT:
        *out_message = "must be an object";
        return JSON_OBJECT;
    default:
        *out_message = "must be text";
        return JSON_STRING;
    }
}

static enum err read_value(struct shape_reader *reader, const struct shape_field *field,
                           const struct shape_path *path, void *at)
{
    const char *message;
    if (field->kind == SHAPE_RAW)
        return read_raw(reader, at);
    enum json_kind wanted = expected(field->kind, &message);
    enum json_kind found = json_peek(&reader->json);
    if (found == JSON_NULL)
        message = "must not be null";
    if (found != wanted)
        return refuse(reader, path, message);
    switch (found) {
    case JSON_BOOL:
        return read_bool(reader, at);
    case JSON_NUMBER:
        return read_number(reader, field, path, at);
    case JSON_OBJECT:
        return read_object(reader, field->shape, path, at);
    default:
        return read_text(reader, field, path, at);
    }
}

/* --- Many values ---------------------------------------------------------------------------- */

struct growing {
    char *items;
    size_t count, capacity, stride;
};

/* Room for one item more, zeroed; NULL when the arena is full. */
static void *grow(struct arena *arena, struct growing *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 4;
        char *grown = arena_try(arena, capacity * list->stride);
        if (!grown)
            return NULL;
        if (list->count)
            memcpy(grown, list->items, list->count * list->stride);
        list->items = grown;
        list->capacity = capacity;
    }
    return memset(list->items + list->count++ * list->stride, 0, list->stride);
}

static enum err finish_many(struct shape_reader *reader, struct growing *list, void *at)
{
    struct shape_many many = { list->items, list->count };
    if (!many.items) /* given as empty: not the same as absent */
        many.items = arena_try(reader->arena, 1);
    if (!many.items)
        return no_memory(reader);
    memcpy(at, &many, sizeof(many));
    return OK;
}

static enum err read_list(struct shape_reader *reader, const struct shape_field *field,
                          const struct shape_path *path, void *at)
{
    struct growing list = { .stride = field->stride };
    size_t given = 0, max = shape_count_max(field);
    bool more;
    if (json_peek(&reader->json) != JSON_ARRAY)
        return refuse(reader, path, "must be a list");
    TRY(json_array_enter(&reader->json));
    for (;; given++) {
        TRY(json_array_next(&reader->json, &more));
        if (!more)
            break;
        if (given >= max) {
            TRY(json_skip(&reader->json, NULL));
            continue;
        }
        void *item = grow(reader->arena, &list);
        if (!item)
            return no_memory(reader);
        struct shape_path step = { path, STR_NONE, given };
        TRY(read_value(reader, field, &step, item));
    }
    shape_check_count(reader, field, path, given);
    return finish_many(reader, &list, at);
}

static bool map_has(const struct growing *map, str key)
{
    for (size_t i = 0; i < map->count; i++) {
        str other;
        memcpy(&other, map->items + i * map->stride, sizeof(other));
        if (str_eq(other, key))
            return true;
    }
    return false;
}

static enum err read_entry(struct shape_reader *reader, const struct shape_field *field,
                           const struct shape_path *step, struct growing *map)
{
    str key = step->name;
    if (!shape_format_matches(field->keys, key) || memchr(key.ptr, 0, key.len))
        return refuse(reader, step, "is not a valid key here");
    if (map_has(map, key))
        return refuse(reader, step, "is given twice");
    char *entry = grow(reader->arena, map);
    if (!entry)
        return no_memory(reader);
    memcpy(entry, &key, sizeof(key));
    return read_value(reader, field, step, entry + field->value_offset);
}

static enum err read_map(struct shape_reader *reader, const struct shape_field *field,
                         const struct shape_path *path, void *at)
{
    struct growing map = { .stride = field->stride };
    size_t given = 0, max = shape_count_max(field);
    bool more;
    if (json_peek(&reader->json) != JSON_OBJECT)
        return refuse(reader, path, "must be an object");
    TRY(json_object_enter(&reader->json));
    for (;; given++) {
        struct shape_path step = { path, STR_NONE, 0 };
        TRY(json_object_next(&reader->json, &step.name, &more));
        if (!more)
            break;
        TRY(given < max ? read_entry(reader, field, &step, &map) : json_skip(&reader->json, NULL));
    }
    shape_check_count(reader, field, path, given);
    return finish_many(reader, &map, at);
}

/* --- Members -------------------------------------------------------------------------------- */

static enum err read_optional(struct shape_reader *reader, const struct shape_field *field,
                              const struct shape_path *path, char *at)
{
    enum opt state = OPT_SET;
    if (json_peek(&reader->json) == JSON_NULL) {
        TRY(json_read_null(&reader->json));
        state = OPT_NULL;
    } else {
        TRY(read_value(reader, field, path, at + field->value_offset));
    }
    memcpy(at, &state, sizeof(state));
    return OK;
}

static enum err read_pointer(struct shape_reader *reader, const struct shape_field *field,
                             const struct shape_path *path, void *at)
{
    if (json_peek(&reader->json) == JSON_NULL)
        return json_read_null(&reader->json);
    void *record = arena_try(reader->arena, field->stride);
    if (!record)
        return no_memory(reader);
    memset(record, 0, field->stride);
    memcpy(at, &record, sizeof(record));
    return read_value(reader, field, path, record);
}

static enum err read_member(struct shape_reader *reader, const struct shape_field *field,
                            const struct shape_path *path, void *record)
{
    char *at = (char *)record + field->offset;
    bool takes_null = field->nullable && field->kind != SHAPE_TIME;
    switch (field->form) {
    case FORM_OPTIONAL:
        return read_optional(reader, field, path, at);
    case FORM_POINTER:
        return read_pointer(reader, field, path, at);
    default:
        if (takes_null && json_peek(&reader->json) == JSON_NULL)
            return json_read_null(&reader->json);
        break;
    }
    if (field->form == FORM_LIST)
        return read_list(reader, field, path, at);
    if (field->form == FORM_MAP)
        return read_map(reader, field, path, at);
    return read_value(reader, field, path, at);
}

static enum err read_named(struct shape_reader *reader, const struct shape *shape, size_t index,
                           const struct shape_path *path, void *record)
{
    if (index < shape->fields_count)
        return read_member(reader, &shape->fields[index], path, record);
    if (shape->forgiving)
        return json_skip(&reader->json, NULL);
    return refuse(reader, path, "unknown field");
}

static enum err read_object(struct shape_reader *reader, const struct shape *shape,
                            const struct shape_path *path, void *record)
{
    uint64_t seen = 0;
    size_t hint = 0;
    bool more;
    shape_set_initial(shape, record);
    TRY(json_object_enter(&reader->json));
    for (;;) {
        struct shape_path step = { path, STR_NONE, 0 };
        TRY(json_object_next(&reader->json, &step.name, &more));
        if (!more)
            break;
        size_t index = shape_field_index(shape, step.name, hint);
        uint64_t bit = index < shape->fields_count ? (uint64_t)1 << index : 0;
        TRY(seen & bit ? refuse(reader, &step, "is given twice")
                       : read_named(reader, shape, index, &step, record));
        seen |= bit;
        hint = index + 1;
    }
    shape_check_required(reader, shape, path, seen);
    return OK;
}

enum err shape_parse_json(struct arena *arena, const struct shape *shape, str body, void *out)
{
    struct shape_reader reader = { .arena = arena };
    TRY(json_init(&reader.json, arena, body, NULL));
    void *record = arena_try(arena, shape->size_bytes);
    if (!record)
        return no_memory(&reader);
    memset(record, 0, shape->size_bytes);
    TRY(read_object(&reader, shape, NULL, record));
    TRY(json_finish(&reader.json));
    if (reader.failed)
        return err_slot()->code;
    memcpy(out, record, shape->size_bytes);
    return OK;
}
/* NOLINTEND(misc-no-recursion) */
