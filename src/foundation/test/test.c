/*
 * test: registration, running, checks. A failing check leaves the test by longjmp, or, where it
 * fails on another stack (a task), marks the test and lets it run on: leaving a foreign stack is
 * not possible.
 */
#include "test.h"

#include "foundation/err/err.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TESTS_MAX = 2000 };

static struct {
    const char *name;
    const char *file;
    test_fn fn;
} tests[TESTS_MAX];
static int tests_count;

enum outcome { PASSED, FAILED, SKIPPED };

static struct {
    jmp_buf way_out;
    char *stack; /* an address of the stack the test began on */
    _Atomic int outcome;
    char folder[64];
    uint64_t seed, random_state;
} running;

void test_register(const char *name, const char *file, test_fn fn)
{
    ASSERT(tests_count < TESTS_MAX);
    tests[tests_count].name = name;
    tests[tests_count].file = file;
    tests[tests_count++].fn = fn;
}

static void leave(enum outcome outcome)
{
    char here;
    ptrdiff_t distance = running.stack - &here;
    running.outcome = outcome;
    if (distance > -(ptrdiff_t)MIB(1) && distance < (ptrdiff_t)MIB(1))
        longjmp(running.way_out, 1);
    if (outcome == SKIPPED)
        PANIC("a test can only skip itself from its own stack");
}

void test_check(bool condition, const char *file, int line, const char *text)
{
    if (condition)
        return;
    printf("  %s:%d: not true: %s\n", file, line, text);
    leave(FAILED);
}

void test_check_err(int actual, int expected, const char *file, int line, const char *text)
{
    if (actual == expected)
        return;
    printf("  %s:%d: %s is %s, not %s (%s)\n", file, line, text, err_info((enum err)actual)->slug,
           err_info((enum err)expected)->slug, err_slot()->text);
    leave(FAILED);
}

void test_check_int(int64_t actual, int64_t expected, const char *file, int line, const char *text)
{
    if (actual == expected)
        return;
    printf("  %s:%d: %s is %lld, not %lld\n", file, line, text, (long long)actual,
           (long long)expected);
    leave(FAILED);
}

void test_check_str(str actual, str expected, const char *file, int line, const char *text)
{
    if (str_eq(actual, expected))
        return;
    printf("  %s:%d: %s is\n    \"%.*s\", not\n    \"%.*s\"\n", file, line, text, STR_ARG(actual),
           STR_ARG(expected));
    leave(FAILED);
}

void test_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  skipped: ");
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    leave(SKIPPED);
    abort();
}

uint64_t test_random(void)
{
    uint64_t z = (running.random_state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

const char *test_folder(void)
{
    const char *parent = getenv("TMPDIR");
    if (!running.folder[0]) {
        snprintf(running.folder, sizeof(running.folder), "%s/kb-test-XXXXXX",
                 parent && strlen(parent) < 40 ? parent : "/tmp");
        if (!mkdtemp(running.folder))
            PANIC("no temporary folder: %s", running.folder);
    }
    return running.folder;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static enum outcome run(int index)
{
    char here;
    running.stack = &here;
    running.outcome = PASSED;
    const char *seed = getenv("TEST_SEED");
    running.seed = running.random_state = seed ? strtoull(seed, NULL, 10) : 20261121;
    err_clear();
    if (setjmp(running.way_out) == 0)
        tests[index].fn();
    if (running.folder[0])
        nftw(running.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    running.folder[0] = 0;
    return (enum outcome)running.outcome;
}

int main(int argc, char **argv)
{
    static const char *const words[] = { "ok", "FAILED", "skipped" };
    int counts[3] = { 0 };
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < tests_count; i++) {
        if (argc > 1 && !strstr(tests[i].name, argv[1]))
            continue;
        enum outcome outcome = run(i);
        counts[outcome]++;
        if (outcome == FAILED)
            printf("  seed %llu\n", (unsigned long long)running.seed);
        printf("%s %s\n", words[outcome], tests[i].name);
    }
    printf("%d passed, %d failed, %d skipped\n", counts[PASSED], counts[FAILED], counts[SKIPPED]);
    return counts[FAILED] != 0;
}
