/*
 * sagas_crash: kill -9 before and after every step, forwards and backwards. Whatever was killed,
 * the saga ends as it would have, and each step has acted once.
 */
#include "internal.h"
#include "sagas.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct starting starting;

static enum err start(void *arg)
{
    (void)arg;
    return db_tx(stage.db, saga_start_tx, &starting);
}

static enum err run_for_ever(void *arg)
{
    (void)arg;
    runner_start(true);
    return await_sleep(HOURS(1));
}

/* A runner that dies when its steps have passed so many points. */
static void run_to_point(unsigned point)
{
    int ends[2], status = 0;
    unsigned passed = 0;
    char byte;
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        stage.told = ends[1];
        stage.told_max = point; /* beyond it the child holds still, to be killed just there */
        if (stage_database_open() != OK)
            _exit(3);
        stage_run(run_for_ever);
        _exit(4);
    }
    close(ends[1]);
    while (passed < point && read(ends[0], &byte, 1) == 1)
        passed++;
    kill(child, SIGKILL);
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK_INT(passed, point);
}

static enum saga_state expected;

static enum err run_to_the_end(void *arg)
{
    (void)arg;
    runner_start(true);
    (void)saga_await(starting.id, expected);
    if (expected == SAGA_DONE)
        saga_check_effects(starting.id, 1 | 4 | 8, 0);
    else
        saga_check_effects(starting.id, 1 | 4, 1 | 4 | 8);
    jobs_stop(stage.jobs);
    return OK;
}

static void kill_at_every_point(const char *input, enum saga_state state, unsigned points)
{
    expected = state;
    for (unsigned point = 1; point <= points; point++) {
        starting = (struct starting){ .kind = &order_saga, .input = input };
        scenario(start);
        run_to_point(point);
        scenario_again(run_to_the_end);
    }
}

/* Before and after reserve, pay and deliver, and in look: seven points. */
static void forwards(void)
{
    kill_at_every_point("well", SAGA_DONE, 7);
}

/* Reserve, look and pay have five, the failure one, three undoings two each. */
static void backwards(void)
{
    kill_at_every_point("fail", SAGA_UNDONE, 12);
}

void register_sagas_crash(void)
{
    test_register("sagas_killed_at_every_step_act_once", __FILE__, forwards);
    test_register("sagas_killed_at_every_undoing_act_once", __FILE__, backwards);
}
