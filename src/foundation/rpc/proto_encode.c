/* proto_encode: from records to bytes; nested lengths are put in once they are known. */
#include "proto.h"

#include "foundation/base/base.h"
#include "foundation/shape/shape_impl.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2 };

static size_t varint_put(char out[10], uint64_t value)
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (char)(value | 0x80);
    out[len++] = (char)value;
    return len;
}

static void put_varint(struct buf *buf, uint64_t value)
{
    char bytes[10];
    buf_put(buf, (str){ bytes, varint_put(bytes, value) });
}

static void put_tag(struct buf *buf, unsigned number, enum wire wire)
{
    put_varint(buf, (uint64_t)number << 3 | wire);
}

/* A length is one byte more often than not: that much is left free, and more is made if need be. */
static size_t len_begin(struct buf *buf, unsigned number)
{
    put_tag(buf, number, WIRE_LEN);
    buf_put_char(buf, 0);
    return buf->len;
}

static void len_end(struct buf *buf, size_t begin)
{
    char bytes[10];
    if (buf->overflowed)
        return;
    size_t len = buf->len - begin, width = varint_put(bytes, len);
    if (width > 1) {
        if (!buf_reserve(buf, width - 1))
            return;
        buf_advance(buf, width - 1);
        memmove(buf->ptr + begin + width - 1, buf->ptr + begin, len);
    }
    memcpy(buf->ptr + begin - 1, bytes, width);
}

static bool is_text(enum shape_kind kind)
{
    return kind == SHAPE_STR || kind == SHAPE_RAW;
}

/* The value alone, without a tag; texts with their length. */
static void put_scalar(struct buf *buf, enum shape_kind kind, const void *at)
{
    str text;
    uint64_t bits;
    char little[8];
    if (is_text(kind)) {
        memcpy(&text, at, sizeof(text));
        put_varint(buf, text.len);
        buf_put(buf, text);
    } else if (kind == SHAPE_DOUBLE) {
        memcpy(&bits, at, sizeof(bits));
        for (int i = 0; i < 8; i++)
            little[i] = (char)(bits >> (8 * i));
        buf_put(buf, (str){ little, 8 });
    } else {
        put_varint(buf, (uint64_t)shape_load_int(kind, at));
    }
}

static enum wire wire_of(enum shape_kind kind)
{
    return is_text(kind) ? WIRE_LEN : kind == SHAPE_DOUBLE ? WIRE_64 : WIRE_VARINT;
}

static bool is_zero(enum shape_kind kind, const void *at)
{
    str text;
    uint64_t bits;
    if (is_text(kind)) {
        memcpy(&text, at, sizeof(text));
        return text.len == 0;
    }
    if (kind == SHAPE_DOUBLE) { /* -0.0 is something else than 0 */
        memcpy(&bits, at, sizeof(bits));
        return bits == 0;
    }
    return shape_load_int(kind, at) == 0;
}

/* NOLINTBEGIN(misc-no-recursion): over our own records, PROTO_DEPTH_MAX deep at most */
static void encode(struct buf *buf, const struct shape *shape, const void *record, unsigned depth);

static void put_value(struct buf *buf, const struct shape_field *field, unsigned number,
                      const void *at, unsigned depth)
{
    if (field->kind == SHAPE_OBJECT) {
        size_t begin = len_begin(buf, number);
        encode(buf, field->shape, at, depth + 1);
        len_end(buf, begin);
    } else {
        put_tag(buf, number, wire_of(field->kind));
        put_scalar(buf, field->kind, at);
    }
}

static void put_list(struct buf *buf, const struct shape_field *field, struct shape_many many,
                     unsigned depth)
{
    const char *item = many.items;
    bool packed = field->kind != SHAPE_OBJECT && !is_text(field->kind);
    size_t begin = packed ? len_begin(buf, field->proto) : 0;
    for (size_t i = 0; i < many.count; i++, item += field->stride) {
        if (packed)
            put_scalar(buf, field->kind, item);
        else
            put_value(buf, field, field->proto, item, depth);
    }
    if (packed)
        len_end(buf, begin);
}

static void put_map(struct buf *buf, const struct shape_field *field, struct shape_many many,
                    unsigned depth)
{
    const char *entry = many.items;
    for (size_t i = 0; i < many.count; i++, entry += field->stride) {
        size_t begin = len_begin(buf, field->proto);
        put_tag(buf, 1, WIRE_LEN);
        put_scalar(buf, SHAPE_STR, entry);
        put_value(buf, field, 2, entry + field->value_offset, depth);
        len_end(buf, begin);
    }
}

static void put_field(struct buf *buf, const struct shape_field *field, const char *at,
                      unsigned depth)
{
    struct shape_many many;
    enum opt state;
    const void *pointer;
    switch (field->form) {
    case FORM_ONE:
        if (field->kind == SHAPE_OBJECT || !is_zero(field->kind, at))
            put_value(buf, field, field->proto, at, depth);
        return;
    case FORM_OPTIONAL:
        memcpy(&state, at, sizeof(state));
        if (state == OPT_SET)
            put_value(buf, field, field->proto, at + field->value_offset, depth);
        return;
    case FORM_POINTER:
        memcpy(&pointer, at, sizeof(pointer));
        if (pointer)
            put_value(buf, field, field->proto, pointer, depth);
        return;
    case FORM_LIST:
    case FORM_MAP:
        memcpy(&many, at, sizeof(many));
        if (many.count && field->form == FORM_LIST)
            put_list(buf, field, many, depth);
        else if (many.count)
            put_map(buf, field, many, depth);
        return;
    }
}

/* As deep as our own records are, which a reader of the other side would refuse beyond that. */
static void encode(struct buf *buf, const struct shape *shape, const void *record, unsigned depth)
{
    ASSERT(depth < PROTO_DEPTH_MAX);
    for (size_t i = 0; i < shape->fields_count; i++) {
        const struct shape_field *field = &shape->fields[i];
        put_field(buf, field, (const char *)record + field->offset, depth);
    }
}

/* NOLINTEND(misc-no-recursion) */

void proto_encode(struct buf *buf, const struct shape *shape, const void *record)
{
    encode(buf, shape, record, 0);
}

/* --- Tables --------------------------------------------------------------------------------- */

static void check_field(const struct shape *shape, size_t index)
{
    const struct shape_field *field = &shape->fields[index];
    bool reserved = field->proto >= 19000 && field->proto <= 19999;
    if (field->proto < 1 || field->proto > 536870911 || reserved)
        PANIC("%s.%s has no protobuf number, or one that is not allowed", shape->name,
              field->name.ptr);
    for (size_t other = 0; other < index; other++)
        if (shape->fields[other].proto == field->proto)
            PANIC("%s.%s has the protobuf number of another field", shape->name, field->name.ptr);
    for (unsigned i = 1; field->kind == SHAPE_CHOICE && i < field->texts->count; i++)
        if (!field->texts->texts[i].len)
            PANIC("the value %u of %s has no text", i, field->texts->name);
}

void proto_check(const struct shape *shape)
{
    static struct shape_registry registry; /* once a process, at its start; too large for a stack */
    registry.count = 0;
    shape_registry_add(&registry, shape);
    for (unsigned i = 0; i < registry.count; i++)
        for (size_t field = 0; field < registry.shapes[i]->fields_count; field++)
            check_field(registry.shapes[i], field);
}
