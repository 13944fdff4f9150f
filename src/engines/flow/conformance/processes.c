/*
 * processes: several on one database, where the driver allows it. Limits hold over all of them, and
 * every job acts once, also those of a process that is killed in the middle.
 */
#include "internal.h"

#include "engines/flow/schedules.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS = 150, KEYS = 5, CHILDREN = 2 };

static int64_t ids[JOBS];

static enum err add_many(struct db_tx *tx, void *arg)
{
    char key[8];
    (void)arg;
    for (int i = 0; i < JOBS; i++) {
        snprintf(key, sizeof(key), "key%d", i % KEYS);
        struct job_new job = { .kind = STR("keyed"),
                               .subject = str_of(key),
                               .limit_key = str_of(key),
                               .attempts_max = 1000 };
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
    stage.jobs = runner_open(false, SECONDS(3));
    return await_sleep(HOURS(1));
}

static pid_t children[CHILDREN];

static pid_t child_start(void)
{
    pid_t child = fork();
    if (child == 0) {
        if (stage_database_open() != OK)
            _exit(3);
        stage_run(run_for_ever);
        _exit(4);
    }
    return child;
}

static void children_start(void)
{
    for (int i = 0; i < CHILDREN; i++)
        children[i] = child_start();
}

static void children_end(void)
{
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        kill(children[i], SIGKILL);
        CHECK_INT(waitpid(children[i], &status, 0), children[i]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

/* The first child dies when a third of the work is done. */
static enum err work_along(void *arg)
{
    (void)arg;
    stage.jobs = runner_open(false, SECONDS(3));
    for (int i = 0; i < JOBS; i++) {
        (void)await_state(ids[i], JOB_DONE);
        CHECK_INT(effects(ids[i]), 1);
        if (i == JOBS / 3)
            kill(children[0], SIGKILL);
    }
    CHECK_INT(effects(-1), 0); /* where handlers put what they saw beyond a limit */
    jobs_stop(stage.jobs);
    CHECK(jobs_stats(stage.jobs).done <= JOBS);
    return OK;
}

static void of_several_processes_keep_their_limits(void)
{
    scenario(prepare);
    children_start();
    scenario_again(work_along);
    children_end();
}

/* --- Schedules ------------------------------------------------------------------------------ */

static enum err put_tx(struct db_tx *tx, void *arg)
{
    int64_t id;
    struct schedule_new said = { .name = STR("beat"),
                                 .kind = SCHEDULE_EVERY,
                                 .every = SECONDS(1),
                                 .job = { .kind = STR("effect"), .attempts_max = 1000 } };
    (void)arg;
    return schedule_put(tx, &said, &id);
}

static enum err prepare_beat(void *arg)
{
    (void)arg;
    return db_tx(stage.db, put_tx, NULL);
}

static struct schedule beat(void)
{
    struct schedule found = { 0 };
    CHECK_OK(schedule_get(db_now(stage.db), STR("beat"), &found));
    return found;
}

static enum err pause_beat(struct db_tx *tx, void *arg)
{
    (void)arg;
    return schedule_pause(tx, STR("beat"), true);
}

/* Every job it says it has added is there, of an instant of its own, and acted once. */
static enum err beat_along(void *arg)
{
    struct jobs_page page;
    instant give_up = clock_mono() + SECONDS(60);
    (void)arg;
    stage.jobs = runner_open(false, SECONDS(3));
    while (beat().fired < 3 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(50)));
    kill(children[0], SIGKILL);
    while (beat().fired < 6 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(50)));
    CHECK_OK(db_tx(stage.db, pause_beat, NULL));
    struct jobs_filter filter = { .state = -1, .limit = JOB_LIST_MAX };
    CHECK_OK(jobs_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.count, beat().fired);
    CHECK((beat().last_at - beat().begins_at) % SECONDS(1) == 0);
    for (unsigned i = 0; i < page.count; i++) {
        (void)await_state(page.items[i].id, JOB_DONE);
        CHECK_INT(effects(page.items[i].id), 1);
    }
    jobs_stop(stage.jobs);
    return OK;
}

static void of_several_processes_fire_once(void)
{
    scenario(prepare_beat);
    children_start();
    scenario_again(beat_along);
    children_end();
}

void register_processes(void)
{
    test_register("schedules_of_several_processes_fire_once", __FILE__,
                  of_several_processes_fire_once);
    test_register("jobs_of_several_processes_keep_their_limits", __FILE__,
                  of_several_processes_keep_their_limits);
}
