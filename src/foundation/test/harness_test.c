/*
 * Tests of the harness. It runs itself once more with KB_HARNESS set, where the tests of the second
 * part take the place of these: tests that fail, crash and leave things behind.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[8192];

/* Runs this program with the tests of the second part; returns its exit code. */
static int harness_run(const char *name_part)
{
    char command[64];
    snprintf(command, sizeof(command), "KB_HARNESS=1 '/proc/%d/exe' %s 2>&1", getpid(), name_part);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the command is ours */
    CHECK(pipe != NULL);
    output[fread(output, 1, sizeof(output) - 1, pipe)] = 0;
    int status = pclose(pipe);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool said(const char *line)
{
    const char *found = strstr(output, line);
    return found && (found == output || found[-1] == '\n');
}

static void passes_when_all_pass(void)
{
    CHECK_INT(harness_run("case_fine"), 0);
    CHECK_STR(str_of(output), STR("ok case_fine\nok case_fine_too\n"
                                  "2 passed, 0 failed, 0 skipped\n"));
}

static void a_failed_test_leaves_nothing_to_the_next(void)
{
    CHECK_INT(harness_run("case_left"), 1);
    CHECK(said("FAILED case_left_by_a_check\n"));
    CHECK(said("ok case_left_nothing\n"));
    CHECK(said("FAILED case_left_by_a_crash\n"));
    CHECK(said("  ended by signal 6"));
    CHECK(said("FAILED case_left_by_an_exit\n"));
    CHECK(said("  ended the process with exit code 3\n"));
    CHECK(said("ok case_left_nothing_either\n"));
    CHECK(said("2 passed, 3 failed, 0 skipped\n"));
}

static void a_failed_test_in_the_middle_is_counted_once(void)
{
    CHECK_INT(harness_run("case_"), 1);
    CHECK(said("  skipped: no reason at all\nskipped case_skipped\n"));
    CHECK(said("5 passed, 4 failed, 1 skipped\n"));
    char *first = strstr(output, "ok case_fine\n");
    CHECK(first && !strstr(first + 1, "ok case_fine\n"));
}

static void a_check_that_fails_in_a_forked_process_ends_it(void)
{
    CHECK_INT(harness_run("case_forked"), 0);
    CHECK(said("1 passed, 0 failed, 0 skipped\n"));
}

static void folders_of_crashed_tests_are_removed(void)
{
    char path[64];
    CHECK_INT(harness_run("case_folder"), 1);
    CHECK(said("folder "));
    CHECK_INT(sscanf(strstr(output, "folder "), "folder %63s", path), 1);
    CHECK(access(path, F_OK) != 0);
}

/* --- What is run ---------------------------------------------------------------------------- */

static int left;

static void case_fine(void)
{
    CHECK(true);
}

static void case_left_by_a_check(void)
{
    left = 1;
    CHECK(false);
}

static void case_left_nothing(void)
{
    CHECK_INT(left, 0);
}

static void case_left_by_a_crash(void)
{
    left = 1;
    abort();
}

static void case_left_by_an_exit(void)
{
    left = 1;
    _exit(3);
}

static void case_skipped(void)
{
    SKIP("no reason at all");
}

static void case_forked(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        CHECK(false);
        _exit(0);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static void case_folder(void)
{
    printf("folder %s\n", test_folder());
    abort();
}

static const struct {
    const char *name;
    test_fn fn;
    bool inner;
} cases[] = {
    { "test_passes_when_all_pass", passes_when_all_pass, false },
    { "test_a_failed_test_leaves_nothing_to_the_next", a_failed_test_leaves_nothing_to_the_next,
      false },
    { "test_a_failed_test_in_the_middle_is_counted_once",
      a_failed_test_in_the_middle_is_counted_once, false },
    { "test_a_check_that_fails_in_a_forked_process_ends_it",
      a_check_that_fails_in_a_forked_process_ends_it, false },
    { "test_folders_of_crashed_tests_are_removed", folders_of_crashed_tests_are_removed, false },
    { "case_fine", case_fine, true },
    { "case_left_by_a_check", case_left_by_a_check, true },
    { "case_left_nothing", case_left_nothing, true },
    { "case_left_by_a_crash", case_left_by_a_crash, true },
    { "case_left_by_an_exit", case_left_by_an_exit, true },
    { "case_left_nothing_either", case_left_nothing, true },
    { "case_skipped", case_skipped, true },
    { "case_forked", case_forked, true },
    { "case_folder", case_folder, true },
    { "case_fine_too", case_fine, true },
};

__attribute__((constructor)) static void register_cases(void)
{
    bool inner = getenv("KB_HARNESS") != NULL;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].inner == inner)
            test_register(cases[i].name, __FILE__, cases[i].fn);
    }
}
