/*
 * json_skip: passes over a value of any kind, checking all of it. Keys of the open objects are kept
 * on one stack; when an object closes, its keys are sorted and neighbours compared, which finds
 * repeated keys in O(n log n) whatever the keys are (no hash to attack, no recursion).
 */
#include "json.h"

#include <string.h>

struct keys {
    str *items;
    size_t count, capacity;
    size_t frames[JSON_DEPTH_MAX + 1]; /* where the keys of the object at a depth begin */
    uint64_t objects;                  /* bit d: what is open at depth d is an object */
};

static enum err keys_push(struct json *json, struct keys *keys, str key)
{
    if (keys->count == json->limits.keys_max)
        return json_fail(json, ERR_TOO_LARGE, "json-too-large", "too many keys");
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity ? keys->capacity * 2 : 16;
        str *grown = arena_try(json->arena, capacity * sizeof(str));
        if (!grown)
            return json_fail(json, ERR_TOO_LARGE, "json-too-large", "no memory left for keys");
        if (keys->count)
            memcpy(grown, keys->items, keys->count * sizeof(str));
        keys->items = grown;
        keys->capacity = capacity;
    }
    ASSERT(keys->items);
    keys->items[keys->count++] = key;
    return OK;
}

static void swap(str *a, str *b)
{
    str held = *a;
    *a = *b;
    *b = held;
}

static void sift_down(str *items, size_t root, size_t count)
{
    for (size_t child; (child = root * 2 + 1) < count; root = child) {
        if (child + 1 < count && str_cmp(items[child], items[child + 1]) < 0)
            child++;
        if (str_cmp(items[root], items[child]) >= 0)
            return;
        swap(&items[root], &items[child]);
    }
}

/* Heapsort: in place and O(n log n) for every input; libc's qsort may allocate. */
static void sort(str *items, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(items, i, count);
    for (size_t i = count; i-- > 1;) {
        swap(&items[0], &items[i]);
        sift_down(items, 0, i);
    }
}

/* The object at `depth` has closed: its keys must differ. */
static enum err keys_pop(struct json *json, struct keys *keys, unsigned depth)
{
    size_t from = keys->frames[depth], count = keys->count - from;
    if (count > 1) {
        ASSERT(keys->items);
        str *items = keys->items + from;
        sort(items, count);
        for (size_t i = 1; i < count; i++)
            if (str_eq(items[i - 1], items[i]))
                return err_set(ERR_INVALID, "json-syntax",
                               "byte %zu: the key \"%.*s\" is given twice in this object",
                               (size_t)(json->at - json->start), STR_ARG(str_sub(items[i], 0, 64)));
    }
    keys->count = from;
    return OK;
}

static enum err begin_value(struct json *json, struct keys *keys)
{
    str text;
    bool truth;
    uint64_t bit;
    switch (json_peek(json)) {
    case JSON_OBJECT:
        TRY(json_object_enter(json));
        keys->objects |= (uint64_t)1 << json->depth;
        keys->frames[json->depth] = keys->count;
        return OK;
    case JSON_ARRAY:
        TRY(json_array_enter(json));
        bit = (uint64_t)1 << json->depth;
        keys->objects &= ~bit;
        return OK;
    case JSON_STRING:
        return json_read_string(json, &text);
    case JSON_BOOL:
        return json_read_bool(json, &truth);
    case JSON_NULL:
        return json_read_null(json);
    default:
        return json_read_number(json, &text); /* says so when it is no value at all */
    }
}

/*
 * Closes what ends here; *out_more when another value follows inside what was entered since
 * `base`.
 */
static enum err to_next_value(struct json *json, struct keys *keys, unsigned base, bool *out_more)
{
    *out_more = false;
    while (json->depth > base && !*out_more) {
        unsigned depth = json->depth;
        if (keys->objects >> depth & 1) {
            str key;
            TRY(json_object_next(json, &key, out_more));
            TRY(*out_more ? keys_push(json, keys, key) : keys_pop(json, keys, depth));
        } else {
            TRY(json_array_next(json, out_more));
        }
    }
    return OK;
}

static enum err skip_value(struct json *json)
{
    struct keys keys = { 0 };
    unsigned base = json->depth;
    bool more;
    do {
        TRY(begin_value(json, &keys));
        TRY(to_next_value(json, &keys, base, &more));
    } while (more);
    return OK;
}

enum err json_skip(struct json *json, str *out_raw)
{
    json_peek(json);
    const char *start = json->at;
    struct arena_mark mark = arena_mark(json->arena);
    enum err result = skip_value(json);
    arena_rewind(json->arena, mark);
    TRY(result);
    if (out_raw)
        *out_raw = (str){ start, (size_t)(json->at - start) };
    return OK;
}
