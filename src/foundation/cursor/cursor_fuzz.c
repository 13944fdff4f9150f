/* Whatever parses must be exactly what cursor_format() writes. */
#include "cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    str key, text = { (const char *)data, size_bytes };
    struct id id;
    arena_init(&arena, MIB(1));
    if (cursor_parse(&arena, text, STR("l"), &key, &id) == OK)
        ASSERT(str_eq(cursor_format(&arena, STR("l"), key, id), text));
    arena_deinit(&arena);
    return 0;
}
