/*
 * crash_child WAY: crashes in the way named, for the test of the crash handler beside it: a task
 * that overflows its stack, a wild write on a pool's thread, in a task and on the main thread, a
 * broken assertion.
 */
#include "foundation/base/base.h"
#include "foundation/crash/crash.h"
#include "foundation/task/pool.h"
#include "foundation/task/run.h"

#include <stdio.h>
#include <string.h>

static char *volatile nowhere = (char *)16;
static volatile int depth_max = 1 << 30;

/* Each frame is smaller than a page, so that no guard page is stepped over. */
/* NOLINTNEXTLINE(misc-no-recursion): to overflow is what it is for */
static __attribute__((noinline)) int deeper_and_deeper(int depth)
{
    volatile char filler[512];
    filler[0] = (char)depth;
    if (depth == depth_max)
        return 0;
    return deeper_and_deeper(depth + 1) + filler[0];
}

static __attribute__((noinline)) void write_nowhere(void)
{
    *nowhere = 1;
}

static enum err overflow(void *arg)
{
    (void)arg;
    return deeper_and_deeper(0) ? OK : ERR_INTERNAL;
}

static enum err wild_write(void *arg)
{
    (void)arg;
    write_nowhere();
    return OK;
}

static enum err wild_write_in_pool(void *arg)
{
    return await_blocking(arg, wild_write, NULL);
}

static enum err broken_assertion(void *arg)
{
    ASSERT(arg != NULL);
    return OK;
}

int main(int argc, char **argv)
{
    struct pool *pool;
    const char *way = argc > 1 ? argv[1] : "";
    crash_install("1.2.3-test");
    if (pool_open("crashes", 1, 4, &pool) != OK)
        return 2;
    if (strcmp(way, "overflow") == 0)
        task_run("overflows", 0, overflow, NULL);
    else if (strcmp(way, "task") == 0)
        task_run("crashes", 0, wild_write, NULL);
    else if (strcmp(way, "pool") == 0)
        task_run("waits", 0, wild_write_in_pool, pool);
    else if (strcmp(way, "assertion") == 0)
        task_run("asserts", 0, broken_assertion, NULL);
    else if (strcmp(way, "main") == 0)
        write_nowhere();
    fprintf(stderr, "crash_child: no crash by way of \"%s\"\n", way);
    return 2;
}
