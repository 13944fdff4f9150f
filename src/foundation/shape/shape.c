/*
 * shape: the table itself: looking fields up, enum texts, formats, and scalars as database
 * values.
 */
#include "shape.h"

#include "shape_impl.h"

size_t shape_field_index(const struct shape *shape, str name, size_t hint)
{
    size_t count = shape->fields_count;
    for (size_t i = 0, at = hint < count ? hint : 0; i < count; i++) {
        if (str_eq(shape->fields[at].name, name))
            return at;
        at = at + 1 < count ? at + 1 : 0;
    }
    return count;
}

const struct shape_field *shape_field_find(const struct shape *shape, str name)
{
    size_t index = shape_field_index(shape, name, 0);
    return index < shape->fields_count ? &shape->fields[index] : NULL;
}

const struct shape_field *shape_field_at(const struct shape *shape, size_t index)
{
    ASSERT(index < shape->fields_count);
    return &shape->fields[index];
}

bool shape_field_is_scalar(const struct shape_field *field)
{
    return field->kind != SHAPE_OBJECT && (field->form == FORM_ONE || field->form == FORM_OPTIONAL);
}

/* --- Enums and formats ---------------------------------------------------------------------- */

str shape_enum_text(const struct shape_enum *table, unsigned value)
{
    return value < table->count ? table->texts[value] : STR_NONE;
}

bool shape_enum_find(const struct shape_enum *table, str text, unsigned *out_value)
{
    for (unsigned i = 0; i < table->count; i++) {
        if (table->texts[i].ptr && str_eq(table->texts[i], text)) {
            *out_value = i;
            return true;
        }
    }
    return false;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_slug(str text)
{
    char before = '-';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '-' ? before == '-' : !is_lower(c) && !is_digit(c))
            return false;
        before = c;
    }
    return before != '-';
}

/* A language of 2 or 3 letters, then script, region and variants as RFC 5646 shapes them. */
static bool is_language(str text)
{
    str part;
    if (text.len > 35 || !str_cut(&text, '-', &part) || part.len < 2 || part.len > 3)
        return false;
    for (size_t i = 0; i < part.len; i++)
        if (!is_lower(part.ptr[i]))
            return false;
    while (str_cut(&text, '-', &part)) {
        if (part.len < 2 || part.len > 8)
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (!is_lower(part.ptr[i]) && !is_upper(part.ptr[i]) && !is_digit(part.ptr[i]))
                return false;
    }
    return true;
}

bool shape_format_matches(enum shape_format format, str text)
{
    switch (format) {
    case FORMAT_SLUG:
        return is_slug(text);
    case FORMAT_LANGUAGE:
        return is_language(text);
    case FORMAT_COUNTRY:
        return text.len == 2 && is_upper(text.ptr[0]) && is_upper(text.ptr[1]);
    case FORMAT_ANY:
        break;
    }
    return true;
}

/* --- Scalars in memory ---------------------------------------------------------------------- */

int64_t shape_load_int(enum shape_kind kind, const void *at)
{
    bool truth;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    switch (kind) {
    case SHAPE_BOOL:
        memcpy(&truth, at, sizeof(truth));
        return truth;
    case SHAPE_I32:
        memcpy(&i32, at, sizeof(i32));
        return i32;
    case SHAPE_U32:
    case SHAPE_CHOICE:
        memcpy(&u32, at, sizeof(u32));
        return u32;
    default:
        memcpy(&i64, at, sizeof(i64));
        return i64;
    }
}

bool shape_put_int(enum shape_kind kind, void *at, int64_t value)
{
    bool truth = value != 0;
    int32_t i32 = (int32_t)value;
    uint32_t u32 = (uint32_t)value;
    switch (kind) {
    case SHAPE_BOOL:
        memcpy(at, &truth, sizeof(truth));
        return true;
    case SHAPE_I32:
        memcpy(at, &i32, sizeof(i32));
        return i32 == value;
    case SHAPE_U32:
    case SHAPE_CHOICE:
        memcpy(at, &u32, sizeof(u32));
        return u32 == value;
    default:
        memcpy(at, &value, sizeof(value));
        return value >= 0 || kind != SHAPE_U64;
    }
}

/* --- Scalars as database values ------------------------------------------------------------- */

static struct shape_value value_of_text(str text)
{
    struct shape_value value = { .kind = text.ptr ? VALUE_TEXT : VALUE_NULL, .text = text };
    return value;
}

static struct shape_value value_of_int(int64_t number, bool set)
{
    struct shape_value value = { .kind = set ? VALUE_I64 : VALUE_NULL, .i64 = number };
    return value;
}

struct shape_value shape_value_get(const struct shape_field *field, const void *record)
{
    const char *at = (const char *)record + field->offset;
    struct shape_value value = { .kind = VALUE_NULL };
    ASSERT(shape_field_is_scalar(field));
    if (field->form == FORM_OPTIONAL) {
        enum opt state;
        memcpy(&state, at, sizeof(state));
        if (state != OPT_SET)
            return value;
        at += field->value_offset;
    }
    switch (field->kind) {
    case SHAPE_DOUBLE:
        value.kind = VALUE_DOUBLE;
        memcpy(&value.number, at, sizeof(value.number));
        return value;
    case SHAPE_STR:
    case SHAPE_RAW:
        memcpy(&value.text, at, sizeof(value.text));
        return value_of_text(value.text);
    case SHAPE_CHOICE:
        return value_of_text(
            shape_enum_text(field->texts, (unsigned)shape_load_int(SHAPE_CHOICE, at)));
    case SHAPE_ID:
        value.i64 = shape_load_int(SHAPE_ID, at);
        return value_of_int(value.i64, value.i64 != 0);
    default:
        return value_of_int(shape_load_int(field->kind, at), true);
    }
}

static bool set_null(const struct shape_field *field, char *at)
{
    enum opt state = OPT_NULL;
    if (field->form == FORM_OPTIONAL) {
        memset(at, 0, field->stride);
        memcpy(at, &state, sizeof(state));
        return true;
    }
    bool has_none = field->kind == SHAPE_STR || field->kind == SHAPE_RAW ||
                    field->kind == SHAPE_ID ||
                    (field->kind == SHAPE_CHOICE && !shape_enum_text(field->texts, 0).ptr);
    if (has_none || field->nullable)
        memset(at, 0, field->stride);
    return has_none || field->nullable;
}

static bool set_value(const struct shape_field *field, void *at, struct shape_value value)
{
    unsigned number;
    switch (field->kind) {
    case SHAPE_STR:
    case SHAPE_RAW:
        if (value.kind != VALUE_TEXT)
            return false;
        memcpy(at, &value.text, sizeof(value.text));
        return true;
    case SHAPE_DOUBLE:
        if (value.kind == VALUE_TEXT)
            return false;
        if (value.kind == VALUE_I64)
            value.number = (double)value.i64;
        memcpy(at, &value.number, sizeof(value.number));
        return true;
    case SHAPE_CHOICE:
        if (value.kind == VALUE_TEXT) {
            if (!shape_enum_find(field->texts, value.text, &number))
                return false;
            return shape_put_int(SHAPE_CHOICE, at, number);
        }
        return value.kind == VALUE_I64 && value.i64 >= 0 && value.i64 < field->texts->count &&
               shape_put_int(SHAPE_CHOICE, at, value.i64);
    default:
        return value.kind == VALUE_I64 && shape_put_int(field->kind, at, value.i64);
    }
}

enum err shape_value_set(const struct shape_field *field, void *record, struct shape_value value)
{
    enum opt state = OPT_SET;
    char *at = (char *)record + field->offset;
    ASSERT(shape_field_is_scalar(field));
    bool fits = value.kind == VALUE_NULL ? set_null(field, at)
                                         : set_value(field, at + field->value_offset, value);
    if (!fits)
        return err_set(ERR_CORRUPT, "bad-column", "the column %s holds a value of the wrong type",
                       field->name.ptr);
    if (field->form == FORM_OPTIONAL && value.kind != VALUE_NULL)
        memcpy(at, &state, sizeof(state));
    return OK;
}
