/*
 * test: registration, running, checks. A failing check leaves the test by longjmp, or, where it
 * fails on another stack (a task), marks the test and lets it run on: leaving a foreign stack is
 * not possible. What a failed test has left behind (threads, a loop, its clock) must not meet the
 * next: tests run in a child process, which ends after a failure; the rest go on in a new one.
 */
#include "test.h"

#include "foundation/err/err.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TESTS_MAX = 2000, CHILD_FAILED = 99 };

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
    pid_t process;
    uint64_t seed, random_state;
} running;

/* What the children tell the parent, in memory they share. */
static struct board {
    int next;   /* the first test that has not begun */
    bool begun; /* the one before it has not ended */
    int counts[3];
    char folder[64]; /* of the running test */
} * board;

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
    if (getpid() != running.process) { /* a test's own child: it must not go on as a second us */
        fflush(stdout);
        _exit(CHILD_FAILED);
    }
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

void test_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    putchar('\n');
    va_end(args);
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
    if (!board->folder[0]) {
        snprintf(board->folder, sizeof(board->folder), "%s/kb-test-XXXXXX",
                 parent && strlen(parent) < 40 ? parent : "/tmp");
        if (!mkdtemp(board->folder))
            PANIC("no temporary folder: %s", board->folder);
    }
    return board->folder;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void folder_remove(void)
{
    if (board->folder[0])
        nftw(board->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    board->folder[0] = 0;
}

static enum outcome run(int index)
{
    char here;
    running.stack = &here;
    running.outcome = PASSED;
    running.process = getpid();
    running.random_state = running.seed;
    err_clear();
    if (setjmp(running.way_out) == 0)
        tests[index].fn();
    folder_remove();
    return (enum outcome)running.outcome;
}

static void tell(int index, enum outcome outcome)
{
    static const char *const words[] = { "ok", "FAILED", "skipped" };
    board->counts[outcome]++;
    if (outcome == FAILED)
        printf("  seed %llu\n", (unsigned long long)running.seed);
    printf("%s %s\n", words[outcome], tests[index].name);
    fflush(stdout);
}

/* Runs the tests from board->next on; false after a failure. */
static bool run_some(const char *name_part)
{
    while (board->next < tests_count) {
        int index = board->next++;
        if (name_part && !strstr(tests[index].name, name_part))
            continue;
        board->begun = true;
        enum outcome outcome = run(index);
        board->begun = false;
        tell(index, outcome);
        if (outcome == FAILED)
            return false;
    }
    return true;
}

/* The child of some tests has ended; if in the middle of one, that one has failed. */
static void judge(int status)
{
    if (!board->begun)
        return;
    board->begun = false;
    if (WIFSIGNALED(status))
        printf("  ended by signal %d (%s)\n", WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
    else
        printf("  ended the process with exit code %d\n", WEXITSTATUS(status));
    folder_remove();
    tell(board->next - 1, FAILED);
}

/* Returns the exit code of the child that ran the last tests: leaks are found at its end. */
static int run_in_children(const char *name_part)
{
    int status = 0;
    while (board->next < tests_count) {
        fflush(NULL);
        pid_t child = fork();
        if (child < 0)
            PANIC("no process for the tests");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (!run_some(name_part))
                _exit(0);
            exit(0); /* NOLINT(concurrency-mt-unsafe): LeakSanitizer looks now */
        }
        while (waitpid(child, &status, 0) != child)
            continue;
        judge(status);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_here(const char *name_part)
{
    while (!run_some(name_part))
        continue;
    return 0;
}

int main(int argc, char **argv)
{
    const char *name_part = argc > 1 ? argv[1] : NULL, *seed = getenv("TEST_SEED");
    running.seed = seed ? strtoull(seed, NULL, 10) : 20261121;
    setvbuf(stdout, NULL, _IOLBF, 0);
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        PANIC("no memory to share with the tests");
    int code = getenv("TEST_NO_FORK") ? run_here(name_part) : run_in_children(name_part);
    printf("%d passed, %d failed, %d skipped\n", board->counts[PASSED], board->counts[FAILED],
           board->counts[SKIPPED]);
    return board->counts[FAILED] ? 1 : code;
}
