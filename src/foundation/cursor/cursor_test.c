#include "cursor.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <string.h>

static struct arena arena;

TEST(cursor_comes_back_as_it_was)
{
    static const str keys[] = { STR_INIT(""), STR_INIT("a"), STR_INIT("ab"), STR_INIT("абв"),
                                STR_INIT("00001927") };
    arena_init(&arena, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        str key = STR_NONE;
        struct id id = ID_NONE;
        str text = cursor_format(&arena, STR("titles.year"), keys[i], ID(42));
        CHECK_OK(cursor_parse(&arena, text, STR("titles.year"), &key, &id));
        CHECK_STR(key, keys[i]);
        CHECK_INT(id.value, 42);
        CHECK_ERR(cursor_parse(&arena, text, STR("titles.added"), &key, &id), ERR_INVALID);
    }
    arena_deinit(&arena);
}

TEST(cursor_refuses_every_damaged_byte)
{
    arena_init(&arena, MIB(1));
    str text = cursor_format(&arena, STR("titles"), STR("key"), ID(7));
    for (size_t i = 0; i < text.len; i++) {
        str key;
        struct id id;
        str damaged = arena_str(&arena, text);
        char *byte = (char *)damaged.ptr + i;
        *byte = *byte == 'A' ? 'B' : 'A';
        CHECK_ERR(cursor_parse(&arena, damaged, STR("titles"), &key, &id), ERR_INVALID);
        CHECK_ERR(cursor_parse(&arena, str_sub(text, 0, i), STR("titles"), &key, &id), ERR_INVALID);
    }
    arena_deinit(&arena);
}

static enum err format_and_parse(struct arena *some_arena, void *arg)
{
    str key;
    struct id id;
    (void)arg;
    str text = cursor_format(some_arena, STR("titles"), STR("a key of some length"), ID(7));
    TRY(cursor_parse(some_arena, text, STR("titles"), &key, &id));
    CHECK_STR(key, STR("a key of some length"));
    return OK;
}

TEST(cursor_minds_every_refused_allocation)
{
    CHECK(test_every_allocation(format_and_parse, NULL) >= 2);
}
