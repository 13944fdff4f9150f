/* crash: kill -9 at moments nobody chose; every job has acted once when all is done. */
#include "internal.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS = 240, KILLS = 12, POINTS_MAX = 90 };

static int64_t ids[JOBS];

static enum err add_many(struct db_tx *tx, void *arg)
{
    (void)arg;
    for (int i = 0; i < JOBS; i++) {
        struct job_new job = { .kind = i % 8 ? STR("effect") : STR("steps"), .attempts_max = 1000 };
        TRY(jobs_add(tx, &job, &ids[i]));
    }
    return OK;
}

static enum err prepare(void *arg)
{
    (void)arg;
    return db_tx(stage.db, add_many, NULL);
}

static enum err run_for_ever(void *arg)
{
    (void)arg;
    runner_start(true);
    return await_sleep(HOURS(1));
}

static void child_main(int told)
{
    stage.told = told;
    if (stage_database_open() != OK)
        _exit(3);
    stage_run(run_for_ever);
    _exit(4);
}

/* Kills a runner when its handlers have passed so many points, or have nothing left to do. */
static void run_and_kill(unsigned points)
{
    int ends[2], status = 0;
    char point;
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        child_main(ends[1]);
    }
    close(ends[1]);
    for (unsigned passed = 0; passed < points && read(ends[0], &point, 1) == 1;)
        passed++;
    kill(child, SIGKILL);
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static enum err run_to_the_end(void *arg)
{
    (void)arg;
    runner_start(true);
    for (int i = 0; i < JOBS; i++) {
        (void)await_state(ids[i], JOB_DONE);
        CHECK_INT(effects(ids[i]), i % 8 ? 1 : 0);
    }
    jobs_stop(stage.jobs);
    return OK;
}

static void act_once_whatever_is_killed(void)
{
    scenario(prepare);
    for (int i = 0; i < KILLS; i++)
        run_and_kill((unsigned)(test_random() % POINTS_MAX));
    scenario_again(run_to_the_end);
}

void register_crash(void)
{
    test_register("jobs_act_once_whatever_is_killed", __FILE__, act_once_whatever_is_killed);
}
