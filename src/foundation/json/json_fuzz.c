/*
 * Fuzz: what json_skip() accepts, a reader that takes everything apart and writes it again must
 * accept too; the result is valid JSON and, written once more, the same bytes.
 */
#include "json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* NOLINTBEGIN(misc-no-recursion): the reader's limit of depth is what is tried here */
static enum err rewrite(struct json *json, struct buf *buf);

static enum err rewrite_object(struct json *json, struct buf *buf)
{
    str key;
    bool more;
    TRY(json_object_enter(json));
    json_object_begin(buf);
    for (;;) {
        TRY(json_object_next(json, &key, &more));
        if (!more)
            break;
        json_put_key(buf, key);
        TRY(rewrite(json, buf));
    }
    json_object_end(buf);
    return OK;
}

static enum err rewrite_array(struct json *json, struct buf *buf)
{
    bool more;
    TRY(json_array_enter(json));
    json_array_begin(buf);
    for (;;) {
        TRY(json_array_next(json, &more));
        if (!more)
            break;
        TRY(rewrite(json, buf));
    }
    json_array_end(buf);
    return OK;
}

static enum err rewrite(struct json *json, struct buf *buf)
{
    str text;
    bool truth;
    switch (json_peek(json)) {
    case JSON_OBJECT:
        return rewrite_object(json, buf);
    case JSON_ARRAY:
        return rewrite_array(json, buf);
    case JSON_STRING:
        TRY(json_read_string(json, &text));
        ASSERT(str_is_utf8(text));
        json_put_string(buf, text);
        return OK;
    case JSON_BOOL:
        TRY(json_read_bool(json, &truth));
        json_put_bool(buf, truth);
        return OK;
    case JSON_NULL:
        TRY(json_read_null(json));
        json_put_null(buf);
        return OK;
    default:
        TRY(json_read_number(json, &text));
        json_put_raw(buf, text);
        return OK;
    }
}

static enum err rewrite_all(struct arena *arena, str text, struct buf *buf)
{
    struct json json;
    TRY(json_init(&json, arena, text, NULL));
    TRY(rewrite(&json, buf));
    return json_finish(&json);
}

/* NOLINTEND(misc-no-recursion) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct json json;
    struct buf once, twice;
    str text = { (const char *)data, size_bytes };
    arena_init(&arena, MIB(4));
    buf_init(&once, NULL, MIB(16));
    buf_init(&twice, NULL, MIB(16));
    bool accepted = json_init(&json, &arena, text, NULL) == OK && json_skip(&json, NULL) == OK &&
                    json_finish(&json) == OK;
    enum err rewritten = rewrite_all(&arena, text, &once);
    if (accepted) {
        ASSERT(rewritten == OK && !once.overflowed);
        ASSERT(rewrite_all(&arena, buf_str(&once), &twice) == OK);
        ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_deinit(&once);
    buf_deinit(&twice);
    arena_deinit(&arena);
    return 0;
}
