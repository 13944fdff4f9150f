/*
 * Fuzz: bodies of the old contract. The first byte says which; what is taken makes an event that is
 * JSON, reads back as one, and whose payload makes the same event again.
 */
#include "events_v1_shapes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void try_kind(struct arena *arena, enum v1_kind kind, str body)
{
    struct v1_event event, again, read;
    struct buf text;
    str aggregate;
    if (v1_event_make(arena, kind, body, &event, &aggregate) != OK)
        return;
    buf_init(&text, arena, MIB(1));
    shape_write_json(&text, &v1_event_shape, &event);
    ASSERT(!text.overflowed);
    ASSERT(shape_parse_json(arena, &v1_event_shape, buf_str(&text), &read) == OK);
    ASSERT(str_eq(read.id, event.id) && str_eq(read.payload.text, event.payload.text));
    ASSERT(v1_event_make(arena, kind, event.payload.text, &again, &aggregate) == OK);
    ASSERT(str_eq(again.id, event.id) && str_eq(again.payload.text, event.payload.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    if (size_bytes == 0 || size_bytes > KIB(64))
        return 0;
    arena_init(&arena, MIB(32));
    try_kind(&arena, data[0] % V1_KINDS, (str){ (const char *)data + 1, size_bytes - 1 });
    arena_deinit(&arena);
    return 0;
}
