/* shape_query: the parameters of a URL or a form into a struct, by the same table as JSON. */
#include "shape_impl.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err bad_query(const char *what)
{
    return err_set(ERR_INVALID, "bad-query", "the query string has %s", what);
}

/* Percent-decoding of application/x-www-form-urlencoded (WHATWG URL, section 5.1), strictly. */
static enum err decode(struct arena *arena, str text, str *out)
{
    char *decoded = arena_try(arena, text.len + 1);
    size_t len = 0;
    if (!decoded)
        return err_set(ERR_TOO_LARGE, "query-too-large", "no memory left for the query string");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '+')
            c = ' ';
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return bad_query("a broken percent escape");
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == 0)
            return bad_query("a zero byte");
        decoded[len++] = c;
    }
    decoded[len] = 0;
    *out = (str){ decoded, len };
    return str_is_utf8(*out) ? OK : bad_query("bytes that are not UTF-8");
}

enum err shape_split_query(struct arena *arena, str query, struct shape_pair **out_pairs,
                           size_t *out_count)
{
    size_t count = 0, parts = 1;
    str part, rest = query;
    for (size_t i = 0; i < query.len; i++)
        parts += query.ptr[i] == '&';
    if (parts > SHAPE_PAIRS_MAX)
        return bad_query("too many parameters");
    struct shape_pair *pairs = arena_try(arena, parts * sizeof(*pairs));
    if (!pairs)
        return err_set(ERR_TOO_LARGE, "query-too-large", "no memory left for the query string");
    while (str_cut(&rest, '&', &part)) {
        if (part.len == 0)
            continue;
        ptrdiff_t equals = str_find_char(part, '=');
        str name = equals < 0 ? part : str_sub(part, 0, (size_t)equals);
        str value = equals < 0 ? STR("") : str_skip(part, (size_t)equals + 1);
        TRY(decode(arena, name, &pairs[count].name));
        TRY(decode(arena, value, &pairs[count].value));
        count++;
    }
    *out_pairs = pairs;
    *out_count = count;
    return OK;
}

/* --- Values from text ----------------------------------------------------------------------- */

static void store_bool(struct shape_reader *reader, const struct shape_path *path, str text,
                       void *at)
{
    bool value = str_eq(text, STR("true"));
    if (!value && !str_eq(text, STR("false")))
        shape_reject(reader, path, "must be true or false");
    else
        memcpy(at, &value, sizeof(value));
}

static void store_whole(struct shape_reader *reader, const struct shape_field *field,
                        const struct shape_path *path, str text, void *at)
{
    int64_t value;
    if (!str_parse_i64(text, &value))
        shape_reject(reader, path, "must be a whole number");
    else
        shape_store_int(reader, field, path, value, at);
}

static void store_double(struct shape_reader *reader, const struct shape_field *field,
                         const struct shape_path *path, str text, void *at)
{
    struct json json; /* the grammar of numbers is JSON's */
    double value;
    str number;
    struct err_slot aside, *before = err_slot_use(&aside);
    bool valid = json_init(&json, reader->arena, text, NULL) == OK && json.end > json.at &&
                 *json.at != ' ' && json_read_number(&json, &number) == OK && json.at == json.end &&
                 json_number_double(number, &value);
    err_slot_use(before);
    if (!valid)
        shape_reject(reader, path, "must be a number");
    else
        shape_store_double(reader, field, path, value, at);
}

static void store(struct shape_reader *reader, const struct shape_field *field,
                  const struct shape_path *path, str text, void *at)
{
    switch (field->kind) {
    case SHAPE_BOOL:
        store_bool(reader, path, text, at);
        return;
    case SHAPE_I32:
    case SHAPE_U32:
    case SHAPE_I64:
    case SHAPE_U64:
        store_whole(reader, field, path, text, at);
        return;
    case SHAPE_DOUBLE:
        store_double(reader, field, path, text, at);
        return;
    case SHAPE_RAW:
    case SHAPE_OBJECT:
        shape_reject(reader, path, "cannot be given here");
        return;
    default:
        shape_store_text(reader, field, path, text, at);
    }
}

/* --- Pairs ---------------------------------------------------------------------------------- */

struct pairs {
    const struct shape_pair *items;
    size_t count;
};

/* Every pair with the name of pairs->items[first], as one list. */
static enum err store_list(struct shape_reader *reader, const struct shape_field *field,
                           struct pairs pairs, size_t first, void *at)
{
    str name = pairs.items[first].name;
    struct shape_path path = { NULL, name, 0 };
    struct shape_many many = { NULL, 0 };
    for (size_t i = first; i < pairs.count; i++)
        many.count += str_eq(pairs.items[i].name, name);
    shape_check_count(reader, field, &path, many.count);
    many.items = arena_try(reader->arena, many.count * field->stride);
    if (!many.items)
        return err_set(ERR_TOO_LARGE, "query-too-large", "no memory left for the query string");
    memset(many.items, 0, many.count * field->stride);
    char *item = many.items;
    struct shape_path step = { &path, STR_NONE, 0 };
    for (size_t i = first; i < pairs.count; i++) {
        if (!str_eq(pairs.items[i].name, name))
            continue;
        store(reader, field, &step, pairs.items[i].value, item);
        item += field->stride;
        step.index++;
    }
    memcpy(at, &many, sizeof(many));
    return OK;
}

static enum err store_pair(struct shape_reader *reader, const struct shape_field *field,
                           struct pairs pairs, size_t index, char *at)
{
    enum opt state = OPT_SET;
    struct shape_path path = { NULL, field->name, 0 };
    switch (field->form) {
    case FORM_LIST:
        return store_list(reader, field, pairs, index, at);
    case FORM_MAP:
    case FORM_POINTER:
        shape_reject(reader, &path, "cannot be given here");
        return OK;
    case FORM_OPTIONAL:
        memcpy(at, &state, sizeof(state));
        store(reader, field, &path, pairs.items[index].value, at + field->value_offset);
        return OK;
    case FORM_ONE:
        break;
    }
    store(reader, field, &path, pairs.items[index].value, at);
    return OK;
}

static enum err read_pairs(struct shape_reader *reader, const struct shape *shape,
                           struct pairs pairs, char *record)
{
    uint64_t seen = 0;
    shape_set_initial(shape, record);
    for (size_t i = 0; i < pairs.count; i++) {
        struct shape_path path = { NULL, pairs.items[i].name, 0 };
        size_t index = shape_field_index(shape, path.name, 0);
        if (index == shape->fields_count) {
            if (!shape->forgiving)
                shape_reject(reader, &path, "unknown parameter");
            continue;
        }
        const struct shape_field *field = &shape->fields[index];
        if (!(seen >> index & 1))
            TRY(store_pair(reader, field, pairs, i, record + field->offset));
        else if (field->form != FORM_LIST)
            shape_reject(reader, &path, "is given twice");
        seen |= (uint64_t)1 << index;
    }
    shape_check_required(reader, shape, NULL, seen);
    return OK;
}

enum err shape_parse_pairs(struct arena *arena, const struct shape *shape,
                           const struct shape_pair *pairs, size_t count, void *out)
{
    struct shape_reader reader = { .arena = arena };
    char *record = arena_try(arena, shape->size_bytes);
    if (!record)
        return err_set(ERR_TOO_LARGE, "query-too-large", "no memory left for the query string");
    memset(record, 0, shape->size_bytes);
    TRY(read_pairs(&reader, shape, (struct pairs){ pairs, count }, record));
    if (reader.failed)
        return err_slot()->code;
    memcpy(out, record, shape->size_bytes);
    return OK;
}

enum err shape_parse_query(struct arena *arena, const struct shape *shape, str query, void *out)
{
    struct shape_pair *pairs;
    size_t count;
    TRY(shape_split_query(arena, query, &pairs, &count));
    return shape_parse_pairs(arena, shape, pairs, count, out);
}
