#include "arena.h"
#include "buf.h"
#include "bytes.h"

#include "foundation/test/test.h"

#include <string.h>

static int released;

static void count_release(void *object)
{
    released += *(int *)object;
}

TEST(arena_aligns_and_grows)
{
    struct arena arena;
    arena_init(&arena, MIB(1));
    for (size_t size = 1; size < 9000; size += 97) {
        char *ptr = arena_alloc(&arena, size);
        CHECK_INT((uintptr_t)ptr % 16, 0);
        memset(ptr, 0xff, size);
    }
    arena_deinit(&arena);
}

TEST(arena_keeps_its_limit)
{
    struct arena arena;
    jmp_buf out;
    arena_init(&arena, 4096);
    CHECK(arena_try(&arena, 4000));
    CHECK(!arena_try(&arena, 4096));
    CHECK(!arena_try(&arena, SIZE_MAX));
    arena.exhausted = &out;
    volatile bool left = true;
    if (setjmp(out) == 0) {
        arena_alloc(&arena, 4096);
        left = false;
    }
    CHECK(left);
    arena_deinit(&arena);
}

TEST(arena_releases_holds_on_reset_and_rewind)
{
    struct arena arena;
    int one = 1, ten = 10;
    released = 0;
    arena_init(&arena, MIB(1));
    arena_hold(&arena, count_release, &one);
    struct arena_mark mark = arena_mark(&arena);
    arena_hold(&arena, count_release, &ten);
    arena_alloc(&arena, 100000);
    arena_rewind(&arena, mark);
    CHECK_INT(released, 10);
    arena_reset(&arena);
    CHECK_INT(released, 11);
    CHECK_INT(arena.used_bytes, 0);
    arena_deinit(&arena);
}

TEST(arena_prints)
{
    struct arena arena;
    arena_init(&arena, MIB(1));
    CHECK_STR(arena_printf(&arena, "%d-%s", 7, "x"), STR("7-x"));
    CHECK_STR(arena_str(&arena, STR("kino")), STR("kino"));
    arena_deinit(&arena);
}

TEST(buf_overflow_is_sticky)
{
    struct buf buf;
    buf_init(&buf, NULL, 8);
    buf_put(&buf, STR("12345678"));
    CHECK(!buf.overflowed);
    buf_put_char(&buf, '9');
    CHECK(buf.overflowed);
    buf_put(&buf, STR(""));
    CHECK_STR(buf_str(&buf), STR("12345678"));
    buf_clear(&buf);
    buf_put_i64(&buf, -42);
    CHECK_STR(buf_str(&buf), STR("-42"));
    buf_deinit(&buf);
}

TEST(buf_writes_big_endian)
{
    char memory[16];
    struct buf buf;
    buf_init_fixed(&buf, memory, sizeof(memory));
    buf_put_be32(&buf, 0x01020304);
    buf_put_be16(&buf, 0x0506);
    buf_put_be64(&buf, 1);
    CHECK_STR(buf_str(&buf), STR("\1\2\3\4\5\6\0\0\0\0\0\0\0\1"));
}

TEST(bytes_are_shared)
{
    struct bytes *bytes = bytes_of(STR("kino"));
    CHECK(bytes_share(bytes) == bytes);
    bytes_release(bytes);
    CHECK_STR(bytes_str(bytes), STR("kino"));
    bytes_release(bytes);
}

TEST(arenas_share_a_budget)
{
    struct arena_budget budget = { .size_bytes_max = 64 << 10 };
    struct arena one, two;
    arena_init(&one, 1 << 20);
    arena_init(&two, 1 << 20);
    one.budget = two.budget = &budget;
    CHECK(arena_try(&one, 40 << 10));
    CHECK(!arena_try(&two, 40 << 10));
    CHECK(arena_try(&two, 100)); /* the first chunk is always there */
    CHECK(budget.held_bytes >= 40 << 10 && budget.held_bytes <= 64 << 10);
    arena_reset(&one);
    CHECK(arena_try(&two, 40 << 10));
    CHECK(!arena_try(&one, 40 << 10));
    CHECK(arena_try(&one, 100));
    arena_deinit(&one);
    arena_deinit(&two);
    CHECK_INT(budget.held_bytes, 0);
}
