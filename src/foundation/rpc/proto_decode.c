/*
 * proto_decode: from bytes to records. Nested messages are a stack of levels, not a recursion; the
 * limits of the shapes hold as they do for JSON.
 */
#include "proto.h"

#include "foundation/base/base.h"
#include "foundation/shape/shape_impl.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_32 = 5 };

/* A message that is being read. Of a map's entry `shape` is NULL and `field` the map's. */
struct level {
    const struct shape *shape;
    const struct shape_field *field;
    char *record;
    const char *end;
    struct shape_path path;
};

struct decoder {
    struct shape_reader reader;
    const char *at;
    const char *problem; /* why it is no protobuf */
    bool exhausted;
    unsigned depth;
    struct level levels[PROTO_DEPTH_MAX];
};

static struct level *top(struct decoder *decoder)
{
    return &decoder->levels[decoder->depth - 1];
}

static bool bad(struct decoder *decoder, const char *problem)
{
    decoder->problem = problem;
    return false;
}

static bool take_varint(struct decoder *decoder, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && decoder->at < end; shift += 7) {
        unsigned char byte = (unsigned char)*decoder->at++;
        if (shift == 63 && byte > 1)
            return bad(decoder, "a number has more than 64 bits");
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return bad(decoder, "a number is cut short");
}

static bool take_bytes(struct decoder *decoder, const char *end, str *out)
{
    uint64_t len;
    if (!take_varint(decoder, end, &len))
        return false;
    if (len > (uint64_t)(end - decoder->at))
        return bad(decoder, "a length reaches beyond its message");
    *out = (str){ decoder->at, (size_t)len };
    decoder->at += len;
    return true;
}

static bool skip(struct decoder *decoder, const char *end, unsigned wire)
{
    uint64_t number;
    str bytes;
    size_t fixed = wire == WIRE_64 ? 8 : 4;
    if (wire == WIRE_VARINT)
        return take_varint(decoder, end, &number);
    if (wire == WIRE_LEN)
        return take_bytes(decoder, end, &bytes);
    if ((wire != WIRE_64 && wire != WIRE_32) || (size_t)(end - decoder->at) < fixed)
        return bad(decoder, "a field has an unknown wire type, or is cut short");
    decoder->at += fixed;
    return true;
}

/* --- Scalars -------------------------------------------------------------------------------- */

static bool store_text(struct decoder *decoder, const struct shape_field *field,
                       const struct shape_path *path, str text, void *at)
{
    struct shape_field as_text = *field;
    as_text.kind = SHAPE_STR;
    if (!str_is_utf8(text))
        shape_reject(&decoder->reader, path, "must be UTF-8");
    else if (field->kind == SHAPE_RAW)
        memcpy(at, &text, sizeof(text)); /* our own writer's JSON; read by who needs it */
    else
        shape_store_text(&decoder->reader, &as_text, path, text, at);
    return true;
}

static bool take_double(struct decoder *decoder, const struct shape_field *field,
                        const struct shape_path *path, const char *end, void *at)
{
    uint64_t bits = 0;
    double number;
    if (end - decoder->at < 8)
        return bad(decoder, "a number is cut short");
    for (int i = 0; i < 8; i++)
        bits |= (uint64_t)(unsigned char)decoder->at[i] << (8 * i);
    decoder->at += 8;
    memcpy(&number, &bits, sizeof(number));
    if (number - number != 0)
        shape_reject(&decoder->reader, path, "must be a finite number");
    else
        shape_store_double(&decoder->reader, field, path, number, at);
    return true;
}

static void store_int(struct decoder *decoder, const struct shape_field *field,
                      const struct shape_path *path, uint64_t bits, void *at)
{
    int64_t value = (int64_t)bits;
    bool known = field->kind != SHAPE_CHOICE || (value >= 0 && value < field->texts->count);
    if (field->kind == SHAPE_BOOL)
        value = value != 0;
    if (!known || (field->kind == SHAPE_ID && value < 0))
        shape_reject(&decoder->reader, path, "has a value that is not known");
    else
        shape_store_int(&decoder->reader, field, path, value, at);
}

static unsigned wire_of(const struct shape_field *field)
{
    switch (field->kind) {
    case SHAPE_STR:
    case SHAPE_RAW:
    case SHAPE_OBJECT:
        return WIRE_LEN;
    case SHAPE_DOUBLE:
        return WIRE_64;
    default:
        return WIRE_VARINT;
    }
}

static bool take_scalar(struct decoder *decoder, const struct shape_field *field,
                        const struct shape_path *path, const char *end, void *at)
{
    uint64_t bits;
    str text;
    if (field->kind == SHAPE_DOUBLE)
        return take_double(decoder, field, path, end, at);
    if (wire_of(field) == WIRE_LEN)
        return take_bytes(decoder, end, &text) && store_text(decoder, field, path, text, at);
    if (!take_varint(decoder, end, &bits))
        return false;
    store_int(decoder, field, path, bits, at);
    return true;
}

/* --- Lists, maps and messages --------------------------------------------------------------- */

static void *memory(struct decoder *decoder, size_t count, size_t size_bytes)
{
    void *room = arena_try(decoder->reader.arena, count * size_bytes);
    decoder->exhausted |= room == NULL;
    if (room)
        memset(room, 0, count * size_bytes);
    return room;
}

/* One more item, zeroed. Room doubles, so it is known from the count: 4, 8, 16, ... */
static char *item_add(struct decoder *decoder, const struct shape_field *field,
                      const struct shape_path *path, char *at)
{
    struct shape_many many;
    memcpy(&many, at, sizeof(many));
    if (many.count >= shape_count_max(field)) {
        if (!decoder->reader.failed)
            shape_reject(&decoder->reader, path, "must have at most %zu items",
                         shape_count_max(field));
        return NULL;
    }
    bool full = many.count == 0 || (many.count >= 4 && (many.count & (many.count - 1)) == 0);
    if (full) {
        char *items = memory(decoder, many.count ? many.count * 2 : 4, field->stride);
        if (!items)
            return NULL;
        if (many.count)
            memcpy(items, many.items, many.count * field->stride);
        many.items = items;
    }
    char *item = (char *)many.items + many.count++ * field->stride;
    memcpy(at, &many, sizeof(many));
    return item;
}

static bool push(struct decoder *decoder, const struct level *level, const char *begin)
{
    if (decoder->depth == PROTO_DEPTH_MAX)
        return bad(decoder, "messages are nested too deeply");
    decoder->levels[decoder->depth++] = *level;
    decoder->at = begin;
    return true;
}

static bool take_packed(struct decoder *decoder, const struct shape_field *field,
                        const struct shape_path *path, char *at)
{
    str bytes;
    if (!take_bytes(decoder, top(decoder)->end, &bytes))
        return false;
    const char *end = bytes.ptr + bytes.len;
    decoder->at = bytes.ptr;
    while (decoder->at < end) {
        char *item = item_add(decoder, field, path, at);
        if (!item || !take_scalar(decoder, field, path, end, item))
            return false;
    }
    return true;
}

/* A message's or map entry's bytes become the next level. */
static bool enter(struct decoder *decoder, const struct shape_field *field,
                  const struct shape_path *path, char *record, bool entry)
{
    str bytes;
    if (!take_bytes(decoder, top(decoder)->end, &bytes))
        return false;
    struct level level = { .shape = entry ? NULL : field->shape,
                           .field = field,
                           .record = record,
                           .end = bytes.ptr + bytes.len,
                           .path = *path };
    return push(decoder, &level, bytes.ptr);
}

static char *pointed(struct decoder *decoder, const struct shape_field *field, char *at)
{
    char *record;
    memcpy(&record, at, sizeof(record));
    if (!record)
        record = memory(decoder, 1, field->stride);
    memcpy(at, &record, sizeof(record));
    return record;
}

static bool take_field(struct decoder *decoder, const struct shape_field *field, unsigned wire)
{
    struct level *level = top(decoder);
    struct shape_path path = { .up = level->path.name.ptr ? &level->path : NULL,
                               .name = field->name };
    char *at = level->record + field->offset;
    enum opt set = OPT_SET;
    bool many = field->form == FORM_LIST || field->form == FORM_MAP;
    unsigned expected = field->form == FORM_MAP ? WIRE_LEN : wire_of(field);
    if (field->form == FORM_LIST && expected != WIRE_LEN && wire == WIRE_LEN)
        return take_packed(decoder, field, &path, at);
    if (wire != expected)
        return bad(decoder, "a field has another wire type than its number says");
    char *record = many                          ? item_add(decoder, field, &path, at)
                   : field->form == FORM_POINTER ? pointed(decoder, field, at)
                                                 : at;
    if (!record)
        return false;
    if (field->form == FORM_MAP || field->kind == SHAPE_OBJECT)
        return enter(decoder, field, &path, record, field->form == FORM_MAP);
    if (field->form == FORM_OPTIONAL)
        memcpy(at, &set, sizeof(set));
    return take_scalar(decoder, field, &path, level->end,
                       field->form == FORM_OPTIONAL ? at + field->value_offset : record);
}

/* Field 1 is the key, 2 the value. */
static bool take_entry_field(struct decoder *decoder, unsigned number, unsigned wire)
{
    struct level *level = top(decoder);
    const struct shape_field *field = level->field;
    str key;
    if (number == 1 && wire == WIRE_LEN) {
        if (!take_bytes(decoder, level->end, &key))
            return false;
        if (!str_is_utf8(key) || key.len > SHAPE_TEXT_MAX ||
            !shape_format_matches(field->keys, key))
            shape_reject(&decoder->reader, &level->path, "has a key that is not allowed");
        memcpy(level->record, &key, sizeof(key));
        return true;
    }
    if (number != 2 || wire != wire_of(field))
        return skip(decoder, level->end, wire);
    char *value = level->record + field->value_offset;
    if (field->kind == SHAPE_OBJECT)
        return enter(decoder, field, &level->path, value, false);
    return take_scalar(decoder, field, &level->path, level->end, value);
}

static const struct shape_field *field_of(const struct shape *shape, uint64_t number)
{
    for (size_t i = 0; i < shape->fields_count; i++)
        if (shape->fields[i].proto == number)
            return &shape->fields[i];
    return NULL;
}

static bool step(struct decoder *decoder)
{
    struct level *level = top(decoder);
    uint64_t tag;
    if (decoder->at == level->end) {
        decoder->depth--;
        return true;
    }
    if (!take_varint(decoder, level->end, &tag))
        return false;
    if (tag >> 3 == 0 || tag >> 3 > 536870911)
        return bad(decoder, "a field has an impossible number");
    unsigned wire = tag & 7;
    if (!level->shape)
        return take_entry_field(decoder, (unsigned)(tag >> 3), wire);
    const struct shape_field *field = field_of(level->shape, tag >> 3);
    return field ? take_field(decoder, field, wire) : skip(decoder, level->end, wire);
}

enum err proto_decode(struct arena *arena, const struct shape *shape, str bytes, void *out)
{
    struct decoder decoder = { .reader.arena = arena, .at = bytes.ptr, .depth = 1 };
    char *record = memory(&decoder, 1, shape->size_bytes);
    if (bytes.len == 0)
        decoder.at = bytes.ptr = "";
    decoder.levels[0] =
        (struct level){ .shape = shape, .record = record, .end = bytes.ptr + bytes.len };
    while (record && decoder.depth && step(&decoder) && !decoder.reader.failed)
        ;
    if (decoder.exhausted)
        return err_set(ERR_EXHAUSTED, "request-memory",
                       "the message needs more memory than it may");
    if (decoder.problem)
        return err_set(ERR_INVALID, "bad-protobuf", "the message is no protobuf: %s",
                       decoder.problem);
    if (decoder.reader.failed)
        return ERR_INVALID;
    memcpy(out, record, shape->size_bytes);
    return OK;
}
