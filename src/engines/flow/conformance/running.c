/* running: order, concurrency, keys, cancelling, stopping, progress. */
#include "internal.h"

static enum err many_jobs(void *arg)
{
    int64_t ids[40];
    (void)arg;
    runner_start(true);
    for (int i = 0; i < 40; i++)
        ids[i] = add("effect");
    for (int i = 0; i < 40; i++) {
        struct job job = await_state(ids[i], JOB_DONE);
        CHECK_INT(effects(ids[i]), 1);
        CHECK(job.progress == 1.0);
        CHECK_INT(job.attempts, 1);
        CHECK_INT(job.attempts_max, 5);  /* what its kind says */
        CHECK_STR(job.message, STR("")); /* "acting" is over */
        CHECK(job.finished_at != INSTANT_NEVER);
        CHECK_STR(job.payload, STR("{\"x\":1}"));
    }
    CHECK(stage.running_peak >= 1 && stage.running_peak <= 4);
    jobs_stop(stage.jobs);
    CHECK_INT(jobs_stats(stage.jobs).done, 40);
    return OK;
}

static void run_within_their_concurrency(void)
{
    scenario(many_jobs);
}

static enum err by_priority(void *arg)
{
    int64_t ids[3];
    (void)arg;
    for (int i = 0; i < 3; i++) {
        struct add added = { .job = { .kind = STR("single"), .priority = i } };
        CHECK_OK(db_tx(stage.db, add_tx, &added));
        ids[i] = added.id;
    }
    runner_start(true);
    for (int i = 0; i < 3; i++)
        (void)await_state(ids[i], JOB_DONE);
    for (int i = 0; i < 3; i++)
        CHECK_INT(stage.order[i], ids[2 - i]);
    jobs_stop(stage.jobs);
    return OK;
}

static void of_higher_priority_come_first(void)
{
    scenario(by_priority);
}

static enum err later(void *arg)
{
    instant now = SOME_DAY;
    (void)arg;
    clock_set(now);
    runner_start(true);
    struct add added = { .job = { .kind = STR("single"), .run_at = now + HOURS(1) } };
    CHECK_OK(db_tx(stage.db, add_tx, &added));
    int64_t other = add("single");
    (void)await_state(other, JOB_DONE);
    CHECK_STR(job_state_text(get(added.id).state), STR("queued"));
    clock_set(now + HOURS(1));
    jobs_wake(stage.jobs);
    (void)await_state(added.id, JOB_DONE);
    jobs_stop(stage.jobs);
    return OK;
}

static void wait_for_their_time(void)
{
    scenario(later);
}

static enum err keyed(void *arg)
{
    struct add one = { .job = { .kind = STR("single"), .idempotency_key = STR("k") } };
    struct add same = one, other = one, undone = one;
    (void)arg;
    other.job.kind = STR("effect");
    undone.job.idempotency_key = STR("u");
    undone.then = ERR_PRECONDITION;
    CHECK_OK(db_tx(stage.db, add_tx, &one));
    CHECK_OK(db_tx(stage.db, add_tx, &same));
    CHECK_OK(db_tx(stage.db, add_tx, &other));
    CHECK_INT(same.id, one.id);
    CHECK(other.id != one.id);
    CHECK_ERR(db_tx(stage.db, add_tx, &undone), ERR_PRECONDITION);
    struct job job;
    CHECK_ERR(jobs_get(db_now(stage.db), undone.id, &job), ERR_NOT_FOUND);
    return OK;
}

static void with_a_key_are_added_once(void)
{
    scenario(keyed);
}

static enum err cancels(void *arg)
{
    (void)arg;
    int64_t queued = add("endless");
    CHECK_OK(db_tx(stage.db, cancel_tx, &queued));
    CHECK_STR(job_state_text(get(queued).state), STR("cancelled"));
    runner_start(true);
    int64_t id = add("endless"), other = add("endless"), missing = 999;
    await_calls(2);
    CHECK_ERR(db_tx(stage.db, retry_tx, &id), ERR_CONFLICT);
    CHECK_OK(db_tx(stage.db, cancel_tx, &id));
    (void)await_state(id, JOB_CANCELLED);
    CHECK_STR(job_state_text(get(other).state), STR("running"));
    CHECK_ERR(db_tx(stage.db, cancel_tx, &missing), ERR_NOT_FOUND);
    jobs_stop(stage.jobs);
    struct job job = get(other); /* put back, its attempt not counted */
    CHECK_STR(job_state_text(job.state), STR("queued"));
    CHECK_INT(job.attempts, 0);
    CHECK(job.error_slug.ptr == NULL);
    return OK;
}

static void can_be_cancelled_and_the_runner_stopped(void)
{
    scenario(cancels);
}

static enum err shows_progress(void *arg)
{
    (void)arg;
    runner_start(true);
    int64_t id = add("endless");
    instant give_up = clock_mono() + SECONDS(60);
    while (get(id).progress < 0.2 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(20)));
    CHECK_STR(get(id).message, STR("a quarter of it"));
    jobs_stop(stage.jobs);
    return OK;
}

static void show_their_progress(void)
{
    scenario(shows_progress);
}

void register_running(void)
{
    test_register("jobs_run_within_their_concurrency", __FILE__, run_within_their_concurrency);
    test_register("jobs_of_higher_priority_come_first", __FILE__, of_higher_priority_come_first);
    test_register("jobs_wait_for_their_time", __FILE__, wait_for_their_time);
    test_register("jobs_with_a_key_are_added_once", __FILE__, with_a_key_are_added_once);
    test_register("jobs_can_be_cancelled_and_the_runner_stopped", __FILE__,
                  can_be_cancelled_and_the_runner_stopped);
    test_register("jobs_show_their_progress", __FILE__, show_their_progress);
}
