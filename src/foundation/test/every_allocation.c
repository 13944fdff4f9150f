/* every_allocation: see its header. */
#include "every_allocation.h"

#include "foundation/mem/arena_faults.h"

#include "test.h"

enum { ARENA_BYTES = 256 << 20, RUNS_MAX = 100000 };

void allocation_refuse(unsigned nth)
{
    arena_refuse(nth);
}

bool allocation_was_refused(void)
{
    return arena_has_refused();
}

/* Apart, so that no local of the caller crosses setjmp. */
static enum err run(struct arena *arena, allocating_fn fn, void *arg)
{
    jmp_buf way_out;
    arena->exhausted = &way_out;
    /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): nobody allocates after this */
    return setjmp(way_out) == 0 ? fn(arena, arg) : ERR_EXHAUSTED;
}

static enum err run_refusing(unsigned nth, allocating_fn fn, void *arg)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    arena_refuse(nth);
    enum err result = run(&arena, fn, arg);
    bool refused = arena_has_refused();
    arena_refuse(0);
    arena_deinit(&arena);
    if (!refused) {
        CHECK_OK(result);
        return OK;
    }
    if (result == OK)
        test_fail("allocation %u was refused, and nobody minded", nth);
    return result;
}

unsigned test_every_allocation_or(allocating_fn fn, void *arg, enum err other)
{
    for (unsigned nth = 1; nth < RUNS_MAX; nth++) {
        enum err result = run_refusing(nth, fn, arg);
        if (result == OK)
            return nth - 1;
        if (result != other)
            CHECK_ERR(result, ERR_EXHAUSTED);
    }
    test_fail("more than %d allocations", RUNS_MAX);
    return RUNS_MAX;
}

unsigned test_every_allocation(allocating_fn fn, void *arg)
{
    return test_every_allocation_or(fn, arg, ERR_EXHAUSTED);
}
