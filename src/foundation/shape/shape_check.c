/* shape_check: validation and refusal. Every refused value is one entry in the error slot. */
#include "shape_impl.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_MAX = 128, STEPS_MAX = 2 * JSON_DEPTH_MAX + 2 };

/* "people[2].name": cut at the end when it does not fit. */
static str path_text(const struct shape_path *path, char out[ERR_FIELD_MAX])
{
    const struct shape_path *steps[STEPS_MAX];
    size_t count = 0, len = 0;
    for (; path && count < STEPS_MAX; path = path->up)
        steps[count++] = path;
    out[0] = 0;
    while (count-- > 0 && len < ERR_FIELD_MAX) {
        const struct shape_path *step = steps[count];
        size_t room = ERR_FIELD_MAX - len;
        int put = step->name.ptr
                      ? snprintf(out + len, room, "%s%.*s", len ? "." : "", STR_ARG(step->name))
                      : snprintf(out + len, room, "[%zu]", step->index);
        len += (size_t)put;
    }
    return str_of(out);
}

void shape_reject(struct shape_reader *reader, const struct shape_path *path, const char *format,
                  ...)
{
    char where[ERR_FIELD_MAX], message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    str text = path_text(path, where);
    if (!reader->failed)
        err_set(ERR_INVALID, "invalid-fields", "%.*s %s", STR_ARG(text), message);
    reader->failed = true;
    err_field_add(text, "%s", message);
}

static bool is_single(const struct shape_field *field)
{
    return field->form == FORM_ONE || field->form == FORM_OPTIONAL;
}

/* The range of numbers; whether there is one. */
static bool range_of(const struct shape_field *field, int64_t *out_min, int64_t *out_max)
{
    if (!is_single(field) || (field->min == 0 && field->max == 0))
        return false;
    *out_min = field->min;
    *out_max = field->max ? field->max : INT64_MAX;
    return true;
}

void shape_store_int(struct shape_reader *reader, const struct shape_field *field,
                     const struct shape_path *path, int64_t value, void *at)
{
    int64_t min, max;
    bool ranged = range_of(field, &min, &max);
    if (ranged && value < min)
        shape_reject(reader, path, "must be at least %lld", (long long)min);
    else if (ranged && value > max)
        shape_reject(reader, path, "must be at most %lld", (long long)max);
    else if (!shape_put_int(field->kind, at, value))
        shape_reject(reader, path, "is out of range");
}

void shape_store_double(struct shape_reader *reader, const struct shape_field *field,
                        const struct shape_path *path, double value, void *at)
{
    int64_t min, max;
    bool ranged = range_of(field, &min, &max);
    if (ranged && value < (double)min)
        shape_reject(reader, path, "must be at least %lld", (long long)min);
    else if (ranged && value > (double)max)
        shape_reject(reader, path, "must be at most %lld", (long long)max);
    else
        memcpy(at, &value, sizeof(value));
}

static size_t code_points(str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static const char *format_name(enum shape_format format)
{
    switch (format) {
    case FORMAT_SLUG:
        return "a slug: lower-case letters, digits and single dashes";
    case FORMAT_LANGUAGE:
        return "a language tag like ru or pt-BR";
    case FORMAT_COUNTRY:
        return "a country code of two capital letters";
    case FORMAT_ANY:
        break;
    }
    return "text";
}

static void store_str(struct shape_reader *reader, const struct shape_field *field,
                      const struct shape_path *path, str text, void *at)
{
    size_t min = is_single(field) ? (size_t)field->min : 0;
    size_t max = (size_t)(is_single(field) ? field->max : field->item_max);
    size_t count = code_points(text);
    max = max ? max : SHAPE_TEXT_MAX;
    if (count < min && count == 0)
        shape_reject(reader, path, "must not be empty");
    else if (count < min)
        shape_reject(reader, path, "must have at least %zu characters", min);
    else if (count > max)
        shape_reject(reader, path, "must have at most %zu characters", max);
    else if (memchr(text.ptr ? text.ptr : "", 0, text.len))
        shape_reject(reader, path, "must not contain a zero character");
    else if (!shape_format_matches(field->format, text))
        shape_reject(reader, path, "must be %s", format_name(field->format));
    else
        memcpy(at, &text, sizeof(text));
}

static void reject_enum(struct shape_reader *reader, const struct shape_field *field,
                        const struct shape_path *path)
{
    char list[MESSAGE_MAX] = "";
    size_t len = 0;
    for (unsigned i = 0; i < field->texts->count && len < sizeof(list); i++) {
        str text = field->texts->texts[i];
        if (text.ptr)
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%.*s", len ? ", " : "",
                                    STR_ARG(text));
    }
    shape_reject(reader, path, "must be one of %s", list);
}

void shape_store_text(struct shape_reader *reader, const struct shape_field *field,
                      const struct shape_path *path, str text, void *at)
{
    struct id id;
    instant time;
    unsigned value;
    switch (field->kind) {
    case SHAPE_ID:
        if (!id_parse(text, &id))
            shape_reject(reader, path, "must be an id, a decimal number as text");
        else
            memcpy(at, &id, sizeof(id));
        return;
    case SHAPE_TIME:
        if (!instant_parse(text, &time))
            shape_reject(reader, path, "must be a time like 2026-11-21T10:00:00Z");
        else
            memcpy(at, &time, sizeof(time));
        return;
    case SHAPE_CHOICE:
        if (!shape_enum_find(field->texts, text, &value))
            reject_enum(reader, field, path);
        else
            shape_put_int(SHAPE_CHOICE, at, value);
        return;
    default:
        store_str(reader, field, path, text, at);
    }
}

size_t shape_count_max(const struct shape_field *field)
{
    if (field->max)
        return (size_t)field->max;
    return field->form == FORM_MAP ? SHAPE_MAP_MAX : SHAPE_LIST_MAX;
}

void shape_check_count(struct shape_reader *reader, const struct shape_field *field,
                       const struct shape_path *path, size_t count)
{
    if (count > shape_count_max(field))
        shape_reject(reader, path, "must have at most %zu items", shape_count_max(field));
    else if (count < (size_t)field->min)
        shape_reject(reader, path, "must have at least %lld item%s", (long long)field->min,
                     field->min == 1 ? "" : "s");
}

void shape_set_initial(const struct shape *shape, void *record)
{
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = &shape->fields[i];
        double number = (double)field->initial;
        if (field->initial == 0)
            continue;
        ASSERT(field->form == FORM_ONE);
        if (field->kind == SHAPE_DOUBLE)
            memcpy((char *)record + field->offset, &number, sizeof(number));
        else
            ASSERT(shape_put_int(field->kind, (char *)record + field->offset, field->initial));
    }
}

void shape_check_required(struct shape_reader *reader, const struct shape *shape,
                          const struct shape_path *up, uint64_t seen)
{
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = &shape->fields[i];
        struct shape_path path = { up, field->name, 0 };
        if (field->required && !(seen >> i & 1))
            shape_reject(reader, &path, "is required");
    }
}
