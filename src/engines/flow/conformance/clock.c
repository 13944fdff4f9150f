/* clock: the wall clock jumps, and the queue goes on. */
#include "internal.h"

static enum err back(void *arg)
{
    (void)arg;
    clock_set(SOME_DAY);
    int64_t before = add("single");
    clock_set(SOME_DAY - DAYS(1));
    runner_start(true);
    int64_t after = add("single");
    (void)await_state(before, JOB_DONE); /* what was to run at once still does */
    (void)await_state(after, JOB_DONE);
    jobs_stop(stage.jobs);
    return OK;
}

static void added_before_the_clock_went_back_run(void)
{
    scenario(back);
}

/* A lease ends early or late, the job acts once all the same. */
static enum err runs_through_jumps(void *arg)
{
    static const span jumps[] = { DAYS(400), -DAYS(800), HOURS(1), -HOURS(1), SECONDS(90), 0 };
    int64_t ids[40];
    (void)arg;
    clock_set(SOME_DAY);
    stage.jobs = runner_open(false, SECONDS(3));
    struct jobs *other = runner_open(false, SECONDS(3));
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = add("effect");
        clock_set(SOME_DAY + jumps[i % ARRAY_LEN(jumps)]);
        CHECK_OK(await_turn());
    }
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        (void)await_state(ids[i], JOB_DONE);
        CHECK_INT(effects(ids[i]), 1);
    }
    jobs_stop(other);
    jobs_stop(stage.jobs);
    jobs_close(other);
    return OK;
}

static void act_once_through_jumps_of_the_clock(void)
{
    scenario(runs_through_jumps);
}

/* A jump beyond the lease does not cost a living runner its job for ever. */
static enum err leap(void *arg)
{
    (void)arg;
    clock_set(SOME_DAY);
    stage.jobs = runner_open(true, SECONDS(3));
    int64_t id = add("endless");
    await_calls(1);
    clock_set(SOME_DAY + DAYS(30));
    await_lease(id, SOME_DAY + DAYS(30) + SECONDS(3));
    CHECK_INT(stage.calls, 1); /* its own runner alone: it goes on */
    clock_set(SOME_DAY - DAYS(30));
    CHECK_OK(db_tx(stage.db, cancel_tx, &id));
    (void)await_state(id, JOB_CANCELLED);
    jobs_stop(stage.jobs);
    CHECK_INT(jobs_stats(stage.jobs).leases_lost, 0);
    return OK;
}

static void go_on_when_the_clock_leaps(void)
{
    scenario(leap);
}

/* A back-off is a wait, not a date: a clock set back does not make it longer. */
static enum err back_off(void *arg)
{
    (void)arg;
    clock_set(SOME_DAY);
    runner_start(true);
    int64_t id = add("failing");
    await_calls(1);
    (void)await_state(id, JOB_QUEUED);
    clock_set(SOME_DAY - DAYS(1));
    jobs_wake(stage.jobs);
    instant give_up = clock_mono() + SECONDS(60);
    while (get(id).run_at > SOME_DAY - DAYS(1) + SECONDS(10) && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(5)));
    CHECK(get(id).run_at <= SOME_DAY - DAYS(1) + SECONDS(10));
    struct add planned = { .job = { .kind = STR("single"), .run_at = SOME_DAY } };
    CHECK_OK(db_tx(stage.db, add_tx, &planned));
    clock_set(SOME_DAY - DAYS(2));
    jobs_wake(stage.jobs);
    (void)await_state(add("single"), JOB_DONE);
    CHECK(get(planned.id).run_at == SOME_DAY); /* a date stays one */
    jobs_stop(stage.jobs);
    return OK;
}

static void back_off_no_longer_when_the_clock_goes_back(void)
{
    scenario(back_off);
}

void register_clock(void)
{
    test_register("jobs_added_before_the_clock_went_back_run", __FILE__,
                  added_before_the_clock_went_back_run);
    test_register("jobs_act_once_through_jumps_of_the_clock", __FILE__,
                  act_once_through_jumps_of_the_clock);
    test_register("jobs_go_on_when_the_clock_leaps", __FILE__, go_on_when_the_clock_leaps);
    test_register("jobs_back_off_no_longer_when_the_clock_goes_back", __FILE__,
                  back_off_no_longer_when_the_clock_goes_back);
}
