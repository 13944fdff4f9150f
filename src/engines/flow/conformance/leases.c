/* leases: what is taken from the dead, kept by the living, and lost for good. */
#include "internal.h"

static enum err leases(void *arg)
{
    instant now = SOME_DAY;
    (void)arg;
    clock_set(now);
    struct seize seize = { .id = add("single"), .attempts = 1, .lease_until = now + SECONDS(30) };
    CHECK_OK(db_tx(stage.db, seize_tx, &seize));
    struct seize worn = { .id = add("effect"), .attempts = 5, .lease_until = now + SECONDS(30) };
    CHECK_OK(db_tx(stage.db, seize_tx, &worn));
    runner_start(false);
    int64_t other = add("effect");
    (void)await_state(other, JOB_DONE);
    CHECK_STR(job_state_text(get(seize.id).state), STR("running")); /* its owner may be alive */
    jobs_stop(stage.jobs);
    jobs_close(stage.jobs);
    clock_set(now + SECONDS(31));
    runner_start(false);
    CHECK_INT(await_state(seize.id, JOB_DONE).attempts, 2);
    CHECK_STR(await_state(worn.id, JOB_FAILED).error_slug, STR("job-abandoned"));
    jobs_stop(stage.jobs);
    CHECK_INT(jobs_stats(stage.jobs).taken_back, 2);
    return OK;
}

static void are_taken_back_when_their_lease_ends(void)
{
    scenario(leases);
}

static enum err dead_owner(void *arg)
{
    (void)arg;
    struct seize seize = { .id = add("single"),
                           .attempts = 1,
                           .lease_until = clock_now() + HOURS(9) };
    CHECK_OK(db_tx(stage.db, seize_tx, &seize));
    runner_start(true);
    CHECK_INT(await_state(seize.id, JOB_DONE).attempts, 2);
    jobs_stop(stage.jobs);
    return OK;
}

static void of_a_dead_process_are_taken_back_at_once(void)
{
    scenario(dead_owner);
}

/* Two that have a seat whose name begins like ours, and one that had ours. */
static enum err dead_of_the_seat(void *arg)
{
    (void)arg;
    instant later = clock_now() + HOURS(9);
    struct seize ours = { add("effect"), 1, later, "chair.dead" };
    struct seize others[] = { { add("effect"), 1, later, "chairs.alive" },
                              { add("effect"), 1, later, "chair" } };
    CHECK_OK(db_tx(stage.db, seize_tx, &ours));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK_OK(db_tx(stage.db, seize_tx, &others[i]));
    runner_start_seated("chair");
    CHECK_INT(await_state(ours.id, JOB_DONE).attempts, 2);
    int64_t last = add("effect");
    (void)await_state(last, JOB_DONE);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK_STR(job_state_text(get(others[i].id).state), STR("running"));
    jobs_stop(stage.jobs);
    return OK;
}

static void of_the_dead_of_a_seat_are_taken_back_at_once(void)
{
    scenario(dead_of_the_seat);
}

static enum err finish_late(struct job_run *run, void *arg)
{
    (void)arg;
    struct seize seize = { .id = job_id(run), .attempts = 2, .lease_until = INT64_MAX };
    CHECK_OK(db_tx(stage.db, seize_tx, &seize));
    CHECK_ERR(db_tx(stage.db, effect_and_finish, run), ERR_CONFLICT);
    CHECK_ERR(job_checkpoint_save(run, STR("x")), ERR_CONFLICT);
    stage.calls++;
    return OK;
}

static enum err late(void *arg)
{
    static const struct job_kind late_kind = { .name = "late", .fn = finish_late };
    (void)arg;
    struct jobs_spec spec = { .db = stage.db, .kinds = &late_kind, .kinds_count = 1 };
    CHECK_OK(jobs_start(stage.loop, &spec, &stage.jobs));
    int64_t id = add("late");
    await_calls(1);
    jobs_stop(stage.jobs);
    CHECK_INT(effects(id), 0); /* the new owner's to make */
    CHECK_STR(job_state_text(get(id).state), STR("running"));
    return OK;
}

static void whose_lease_was_lost_have_no_effect(void)
{
    scenario(late);
}

/* A running job outlives its lease many times over while its runner lives. */
static enum err beats(void *arg)
{
    span lease = SECONDS(3);
    instant now = SOME_DAY;
    (void)arg;
    clock_set(now);
    stage.jobs = runner_open(false, lease);
    struct jobs *other = runner_open(false, lease);
    int64_t id = add("endless");
    await_calls(1);
    for (int i = 0; i < 3; i++) {
        now += SECONDS(2); /* less than a lease, and thrice it is more */
        clock_set(now);
        await_lease(id, now + lease);
    }
    CHECK_STR(job_state_text(get(id).state), STR("running"));
    CHECK_INT(stage.calls, 1);
    jobs_stop(other);
    CHECK_INT(jobs_stats(other).taken_back + jobs_stats(other).leases_lost, 0);
    jobs_close(other);
    jobs_stop(stage.jobs);
    return OK;
}

static void keep_their_lease_while_their_runner_lives(void)
{
    scenario(beats);
}

/* As two processes on one database: each job acts once, and no kind exceeds its concurrency. */
static enum err two_runners(void *arg)
{
    int64_t many[60];
    (void)arg;
    stage.jobs = runner_open(false, 0);
    struct jobs *other = runner_open(false, 0);
    for (unsigned i = 0; i < ARRAY_LEN(many); i++)
        many[i] = add("effect");
    for (unsigned i = 0; i < ARRAY_LEN(many); i++) {
        CHECK_INT(await_state(many[i], JOB_DONE).attempts, 1);
        CHECK_INT(effects(many[i]), 1);
    }
    CHECK(stage.running_peak <= 4);
    jobs_stop(other);
    jobs_stop(stage.jobs);
    CHECK_INT(jobs_stats(other).done + jobs_stats(stage.jobs).done, ARRAY_LEN(many));
    jobs_close(other);
    return OK;
}

static void of_two_runners_act_once(void)
{
    scenario(two_runners);
}

void register_leases(void)
{
    test_register("jobs_are_taken_back_when_their_lease_ends", __FILE__,
                  are_taken_back_when_their_lease_ends);
    test_register("jobs_of_a_dead_process_are_taken_back_at_once", __FILE__,
                  of_a_dead_process_are_taken_back_at_once);
    test_register("jobs_of_the_dead_of_a_seat_are_taken_back_at_once", __FILE__,
                  of_the_dead_of_a_seat_are_taken_back_at_once);
    test_register("jobs_whose_lease_was_lost_have_no_effect", __FILE__,
                  whose_lease_was_lost_have_no_effect);
    test_register("jobs_keep_their_lease_while_their_runner_lives", __FILE__,
                  keep_their_lease_while_their_runner_lives);
    test_register("jobs_of_two_runners_act_once", __FILE__, of_two_runners_act_once);
}
