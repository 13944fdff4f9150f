/*
 * shape_write: a struct as JSON, by a straight walk over the table. Keys are ready bytes (,"name":)
 * made by the compiler; nothing is allocated. The calls nest as the tables do.
 */
/* NOLINTBEGIN(misc-no-recursion): the calls nest as our tables do */
#include "shape_impl.h"

static void write_object(struct buf *buf, const struct shape *shape, const char *record);

static str load_str(const char *at)
{
    str text;
    memcpy(&text, at, sizeof(text));
    return text;
}

static struct shape_many load_many(const char *at)
{
    struct shape_many many;
    memcpy(&many, at, sizeof(many));
    return many;
}

static const char *load_pointer(const char *at)
{
    const char *pointer;
    memcpy(&pointer, at, sizeof(pointer));
    return pointer;
}

static enum opt load_state(const char *at)
{
    enum opt state;
    memcpy(&state, at, sizeof(state));
    return state;
}

static str load_enum(const struct shape_field *field, const char *at)
{
    return shape_enum_text(field->texts, (unsigned)shape_load_int(SHAPE_CHOICE, at));
}

/* Texts that contain nothing to escape, in quotes. */
static void write_quoted(struct buf *buf, str text)
{
    buf_put_char(buf, '"');
    buf_put(buf, text);
    buf_put_char(buf, '"');
}

static void write_time(struct buf *buf, instant at)
{
    char text[INSTANT_TEXT_MAX];
    if (at == INSTANT_NEVER)
        buf_put(buf, STR("null"));
    else
        write_quoted(buf, instant_format(at, text));
}

static void write_value(struct buf *buf, const struct shape_field *field, const char *at)
{
    char id[ID_TEXT_MAX];
    double number;
    str text;
    switch (field->kind) {
    case SHAPE_BOOL:
        buf_put(buf, shape_load_int(SHAPE_BOOL, at) ? STR("true") : STR("false"));
        return;
    case SHAPE_ID:
        write_quoted(buf, id_format(ID(shape_load_int(SHAPE_ID, at)), id));
        return;
    case SHAPE_U64:
        buf_put_u64(buf, (uint64_t)shape_load_int(SHAPE_U64, at));
        return;
    case SHAPE_DOUBLE:
        memcpy(&number, at, sizeof(number));
        json_write_double(buf, number);
        return;
    case SHAPE_STR:
        json_write_string(buf, load_str(at));
        return;
    case SHAPE_TIME:
        write_time(buf, shape_load_int(SHAPE_TIME, at));
        return;
    case SHAPE_CHOICE:
        text = load_enum(field, at);
        if (text.ptr)
            json_write_string(buf, text);
        else
            buf_put(buf, STR("null"));
        return;
    case SHAPE_RAW:
        text = load_str(at);
        buf_put(buf, text.len ? text : STR("null"));
        return;
    case SHAPE_OBJECT:
        write_object(buf, field->shape, at);
        return;
    default:
        buf_put_i64(buf, shape_load_int(field->kind, at));
    }
}

static void write_list(struct buf *buf, const struct shape_field *field, struct shape_many list)
{
    const char *item = list.items;
    buf_put_char(buf, '[');
    for (size_t i = 0; i < list.count && !buf->overflowed; i++, item += field->stride) {
        if (i)
            buf_put_char(buf, ',');
        write_value(buf, field, item);
    }
    buf_put_char(buf, ']');
}

static void write_map(struct buf *buf, const struct shape_field *field, struct shape_many map)
{
    const char *entry = map.items;
    buf_put_char(buf, '{');
    for (size_t i = 0; i < map.count && !buf->overflowed; i++, entry += field->stride) {
        if (i)
            buf_put_char(buf, ',');
        json_write_string(buf, load_str(entry));
        buf_put_char(buf, ':');
        write_value(buf, field, entry + field->value_offset);
    }
    buf_put_char(buf, '}');
}

static bool is_set(const struct shape_field *field, const char *at)
{
    switch (field->form) {
    case FORM_OPTIONAL:
        return load_state(at) != OPT_ABSENT;
    case FORM_POINTER:
        return load_pointer(at) != NULL;
    case FORM_LIST:
    case FORM_MAP:
        return load_many(at).items != NULL;
    case FORM_ONE:
        break;
    }
    switch (field->kind) {
    case SHAPE_STR:
    case SHAPE_RAW:
        return load_str(at).ptr != NULL;
    case SHAPE_ID:
        return shape_load_int(SHAPE_ID, at) != 0;
    case SHAPE_CHOICE:
        return load_enum(field, at).ptr != NULL;
    case SHAPE_TIME:
        return shape_load_int(SHAPE_TIME, at) != INSTANT_NEVER;
    default:
        return true;
    }
}

static void write_member(struct buf *buf, const struct shape_field *field, const char *at)
{
    bool null = field->nullable && !is_set(field, at);
    if (field->form == FORM_OPTIONAL) {
        null = load_state(at) != OPT_SET;
        at += field->value_offset;
    } else if (field->form == FORM_POINTER) {
        at = load_pointer(at);
        null = !at;
    }
    if (null)
        buf_put(buf, STR("null"));
    else if (field->form == FORM_LIST)
        write_list(buf, field, load_many(at));
    else if (field->form == FORM_MAP)
        write_map(buf, field, load_many(at));
    else
        write_value(buf, field, at);
}

static void write_object(struct buf *buf, const struct shape *shape, const char *record)
{
    size_t comma = 1; /* the first key goes without */
    buf_put_char(buf, '{');
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = &shape->fields[i];
        const char *at = record + field->offset;
        if (field->omit && !is_set(field, at))
            continue;
        buf_put(buf, (str){ field->key.ptr + comma, field->key.len - comma });
        comma = 0;
        write_member(buf, field, at);
    }
    buf_put_char(buf, '}');
}

void shape_write_json(struct buf *buf, const struct shape *shape, const void *record)
{
    write_object(buf, shape, record);
}
/* NOLINTEND(misc-no-recursion) */
