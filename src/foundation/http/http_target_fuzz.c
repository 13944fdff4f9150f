/* http_target_fuzz: request targets. What is let through holds nothing a second reader could
 * misread. */
#include "http_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_path(str path)
{
    str segment, rest = path;
    ASSERT(path.len && path.ptr[0] == '/' && str_is_utf8(path));
    for (size_t i = 0; i < path.len; i++)
        ASSERT((unsigned char)path.ptr[i] >= 0x20 && path.ptr[i] != '\\' && path.ptr[i] != 0x7f);
    while (str_cut(&rest, '/', &segment))
        ASSERT(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct http_target target;
    str name, value, raw = { (const char *)data, size_bytes };
    if (size_bytes > 8192)
        return 0;
    arena_init(&arena, KIB(64));
    if (!http_target_parse(raw, &arena, &target) && !str_eq(target.path, STR("*"))) {
        check_path(target.path);
        while (http_query_next(&target.query, &arena, &name, &value))
            ASSERT(name.len + value.len <= size_bytes);
    }
    arena_deinit(&arena);
    return 0;
}
