#include "child.h"

#include "foundation/task/pool.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct run {
    struct child_spec spec;
    struct child_result result;
    struct pool *pool;
    struct arena kept;
    span task_timeout;
};

static enum err run_task(void *arg)
{
    struct run *run = arg;
    if (run->task_timeout)
        task_deadline_narrow(run->task_timeout);
    enum err result = await_child(run->pool, &run->spec, &run->result);
    run->result.output = arena_str(&run->kept, run->result.output);
    run->result.error_tail = arena_str(&run->kept, run->result.error_tail);
    return result;
}

static enum err run_shell(struct run *run, const char *script)
{
    const char *const argv[] = { "/bin/sh", "-c", script, NULL };
    run->spec.argv = argv;
    if (!run->spec.timeout)
        run->spec.timeout = SECONDS(60);
    arena_init(&run->kept, MIB(1));
    CHECK_OK(pool_open("children", 1, 4, &run->pool));
    enum err result = task_run("child", 0, run_task, run);
    pool_close(run->pool);
    return result;
}

TEST(child_returns_output_errors_and_exit_code)
{
    struct run run = { .spec = { .output_bytes_max = 1000 } };
    CHECK_OK(run_shell(&run, "echo out; echo err >&2; exit 3"));
    CHECK_STR(run.result.output, STR("out\n"));
    CHECK_STR(run.result.error_tail, STR("err"));
    CHECK_INT(run.result.exit_code, 3);
    arena_deinit(&run.kept);
}

static void count_line(void *arg, str line)
{
    if (str_starts(line, STR("progress=")))
        atomic_fetch_add((_Atomic int *)arg, 1);
}

TEST(child_lines_are_reported)
{
    _Atomic int lines = 0;
    struct run run = { .spec = { .on_line = count_line, .arg = &lines } };
    CHECK_OK(run_shell(&run, "for i in 1 2 3; do echo progress=$i; done"));
    CHECK_INT(atomic_load(&lines), 3);
    CHECK_INT(run.result.output.len, 0);
    arena_deinit(&run.kept);
}

TEST(child_that_hangs_is_killed_with_what_it_started)
{
    struct run run = { .spec = { .timeout = MILLISECONDS(300) } };
    CHECK_ERR(run_shell(&run, "sleep 1000 & sleep 1000"), ERR_TIMEOUT);
    arena_deinit(&run.kept);
}

TEST(child_that_says_nothing_is_killed)
{
    struct run run = { .spec = { .silence_max = MILLISECONDS(300) } };
    CHECK_ERR(run_shell(&run, "sleep 1000"), ERR_TIMEOUT);
    CHECK_STR(str_of(err_slot()->slug), STR("child-silent"));
    arena_deinit(&run.kept);
}

TEST(child_ends_at_the_deadline_of_its_task)
{
    struct run run = { .task_timeout = MILLISECONDS(300) };
    CHECK_ERR(run_shell(&run, "sleep 1000"), ERR_CANCELLED);
    arena_deinit(&run.kept);
}

TEST(child_crash_is_told)
{
    struct run run = { 0 };
    CHECK_OK(run_shell(&run, "kill -SEGV $$"));
    CHECK_INT(run.result.signal, SIGSEGV);
    CHECK_INT(run.result.exit_code, -1);
    arena_deinit(&run.kept);
}

TEST(child_output_is_bounded)
{
    struct run run = { .spec = { .output_bytes_max = 10000 } };
    CHECK_ERR(run_shell(&run, "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxx; done"), ERR_TOO_LARGE);
    arena_deinit(&run.kept);
}

TEST(child_memory_is_bounded)
{
    struct run run = { .spec = { .memory_bytes_max = MIB(64), .output_bytes_max = 100 } };
    CHECK_OK(run_shell(&run, "x=0123456789abcdef; while :; do x=$x$x; done; echo alive"));
    CHECK(run.result.exit_code != 0);
    arena_deinit(&run.kept);
}

TEST(child_has_no_network)
{
    struct run run = { .spec = { .output_bytes_max = 1000 } };
    CHECK_OK(run_shell(&run,
                       "exec 2>/dev/null; if command -v perl >/dev/null; then perl -MSocket -e "
                       "'socket(S, PF_INET, SOCK_STREAM, 0) ? print \"open\" : print \"no\"'; "
                       "else echo no; fi"));
    CHECK(str_starts(run.result.output, STR("no")));
    arena_deinit(&run.kept);
}

TEST(child_missing_program_is_named)
{
    struct run run = { .spec = { .timeout = SECONDS(1) } };
    const char *const argv[] = { "/nonexistent/ffmpeg", NULL };
    run.spec.argv = argv;
    arena_init(&run.kept, MIB(1));
    CHECK_OK(pool_open("children", 1, 4, &run.pool));
    CHECK_ERR(task_run("child", 0, run_task, &run), ERR_NOT_FOUND);
    CHECK(str_find(str_of(err_slot()->text), STR("/nonexistent/ffmpeg")) >= 0);
    pool_close(run.pool);
    arena_deinit(&run.kept);
}

struct wanting {
    int asked;
};

static bool wanted_twice(void *arg)
{
    return ((struct wanting *)arg)->asked++ < 2;
}

TEST(child_runs_where_it_is_called_with_its_own_environment)
{
    const char *const argv[] = { "/bin/sh", "-c", "echo $SECRET; env | grep -c ^HOME", NULL };
    const char *const environment[] = { "PATH=/usr/bin:/bin", "SECRET=geheim", NULL };
    struct child_spec spec = {
        .argv = argv, .environment = environment, .timeout = SECONDS(60), .output_bytes_max = 1000
    };
    struct child_result result;
    struct arena arena;
    arena_init(&arena, MIB(1));
    CHECK_OK(child_run(&arena, &spec, &result));
    CHECK_STR(result.output, STR("geheim\n0\n"));
    arena_deinit(&arena);
}

TEST(child_nobody_wants_any_more_is_killed)
{
    const char *const argv[] = { "/bin/sleep", "600", NULL };
    struct wanting wanting = { 0 };
    struct child_spec spec = {
        .argv = argv, .timeout = SECONDS(600), .wanted = wanted_twice, .arg = &wanting
    };
    struct child_result result;
    struct arena arena;
    arena_init(&arena, MIB(1));
    CHECK_ERR(child_run(&arena, &spec, &result), ERR_CANCELLED);
    CHECK_INT(wanting.asked, 3);
    arena_deinit(&arena);
}
