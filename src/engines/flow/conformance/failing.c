/* failing: back-off, attempts, what cannot succeed, checkpoints. */
#include "internal.h"

static enum err retries(void *arg)
{
    instant now = SOME_DAY;
    (void)arg;
    clock_set(now);
    stage.failure = ERR_UNAVAILABLE;
    runner_start(true);
    int64_t id = add("failing");
    for (unsigned attempt = 1; attempt < 3; attempt++) {
        await_calls(attempt);
        struct job job = await_state(id, JOB_QUEUED);
        span wait = job.run_at - now, full = SECONDS(10) << (attempt - 1);
        CHECK(wait >= full / 2 && wait <= full);
        CHECK_STR(job.error_slug, STR("no-luck"));
        now = job.run_at;
        clock_set(now);
        jobs_wake(stage.jobs);
    }
    struct job job = await_state(id, JOB_FAILED);
    CHECK_INT(job.attempts, 3);
    CHECK_INT(job.attempts_max, 3);
    CHECK_STR(job.error_text, STR("attempt 3 had no luck"));
    CHECK_ERR(db_tx(stage.db, cancel_tx, &id), ERR_CONFLICT);
    CHECK_OK(db_tx(stage.db, retry_tx, &id));
    await_calls(4);
    CHECK_INT(await_state(id, JOB_QUEUED).attempts, 1);
    jobs_stop(stage.jobs);
    return OK;
}

static void that_fail_are_tried_again_with_back_off(void)
{
    scenario(retries);
}

static enum err fails_at_once(void *arg)
{
    (void)arg;
    stage.failure = ERR_INVALID;
    runner_start(true);
    int64_t id = add("failing");
    CHECK_INT(await_state(id, JOB_FAILED).attempts, 1);
    CHECK_INT(stage.calls, 1);
    jobs_stop(stage.jobs);
    return OK;
}

static void that_cannot_succeed_fail_at_once(void)
{
    scenario(fails_at_once);
}

static enum err too_slow(void *arg)
{
    (void)arg;
    runner_start(true);
    struct add added = { .job = { .kind = STR("hasty"), .attempts_max = 1 } };
    CHECK_OK(db_tx(stage.db, add_tx, &added));
    CHECK_STR(await_state(added.id, JOB_FAILED).error_slug, STR("deadline"));
    jobs_stop(stage.jobs);
    return OK;
}

static void over_their_time_fail(void)
{
    scenario(too_slow);
}

static enum err resumes(void *arg)
{
    (void)arg;
    runner_start(true);
    int64_t id = add("steps");
    CHECK_INT(await_state(id, JOB_DONE).attempts, 2);
    CHECK_STR(str_of(stage.checkpoint), STR("half way"));
    jobs_stop(stage.jobs);
    return OK;
}

static void go_on_from_their_checkpoint(void)
{
    scenario(resumes);
}

void register_failing(void)
{
    test_register("jobs_that_fail_are_tried_again_with_back_off", __FILE__,
                  that_fail_are_tried_again_with_back_off);
    test_register("jobs_that_cannot_succeed_fail_at_once", __FILE__,
                  that_cannot_succeed_fail_at_once);
    test_register("jobs_over_their_time_fail", __FILE__, over_their_time_fail);
    test_register("jobs_go_on_from_their_checkpoint", __FILE__, go_on_from_their_checkpoint);
}
