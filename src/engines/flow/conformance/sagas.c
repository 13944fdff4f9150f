/* sagas: forwards, backwards, held for a person; and each step acts once. */
#include "sagas.h"
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* --- Kinds ---------------------------------------------------------------------------------- */

/* What a step did, or undid, is a row: saga, position, and 1 for undone. */
static int64_t saga_effect(int64_t saga, int position, bool undone)
{
    return saga * 100 + (int64_t)position * 2 + undone;
}

struct acting {
    struct saga_run *run;
    int position;
    bool undone;
    str result;
};

static enum err effect_tx(struct db_tx *tx, void *arg)
{
    const struct acting *acting = arg;
    int64_t effect = saga_effect(saga_id(acting->run), acting->position, acting->undone);
    TRY(db_exec(tx, &SQL_EFFECT_ADD, DB_ARGS(DB_I64(effect)), NULL));
    return saga_step_finish(tx, acting->run, acting->result);
}

static enum err leave_effect(struct saga_run *run, int position, bool undone, str result)
{
    struct acting acting = { run, position, undone, result };
    stage_tell();
    TRY(await_turn());
    TRY(db_tx(stage.db, effect_tx, &acting));
    stage_tell();
    return OK;
}

static enum err reserve(struct saga_run *run, void *arg)
{
    (void)arg;
    return leave_effect(run, 0, false, STR("{\"seat\":7}"));
}

static enum err unreserve(struct saga_run *run, void *arg)
{
    (void)arg;
    return leave_effect(run, 0, true, STR_NONE);
}

/* It has nothing to undo, and leaves its end to the runner. */
static enum err look(struct saga_run *run, void *arg)
{
    str result;
    (void)arg;
    stage.calls++;
    TRY(saga_result(run, "reserve", &result));
    snprintf(stage.checkpoint, sizeof(stage.checkpoint), "%.*s", STR_ARG(result));
    stage_tell();
    return OK;
}

static enum err pay(struct saga_run *run, void *arg)
{
    (void)arg;
    return leave_effect(run, 2, false, STR_NONE);
}

static enum err refund(struct saga_run *run, void *arg)
{
    (void)arg;
    return leave_effect(run, 2, true, STR_NONE);
}

/* "fail", "never" (in time), "stuck" (fails once more for every retry by hand), or goes well. */
static enum err deliver(struct saga_run *run, void *arg)
{
    (void)arg;
    if (str_eq(saga_input(run), STR("fail"))) {
        stage_tell();
        return err_set(ERR_INVALID, "no-such-house", "nobody lives there");
    }
    if (str_eq(saga_input(run), STR("never")))
        return err_set(ERR_UNAVAILABLE, "no-van", "there is no van");
    if (str_eq(saga_input(run), STR("slow")))
        return await_sleep(HOURS(1));
    if (str_eq(saga_input(run), STR("hold")) && stage.failures > 0) {
        stage.failures--;
        return err_set(ERR_INVALID, "door-shut", "nobody opens");
    }
    return leave_effect(run, 3, false, STR_NONE);
}

/* The step that failed is undone as well; of this one nothing was done. */
static enum err take_back(struct saga_run *run, void *arg)
{
    (void)arg;
    if (stage.undo_failures > 0) {
        stage.undo_failures--;
        return err_set(ERR_INVALID, "lost", "it is not to be found");
    }
    return leave_effect(run, 3, true, STR_NONE);
}

static const struct saga_step steps[] = {
    { .name = "reserve", .act = reserve, .undo = unreserve },
    { .name = "look", .act = look },
    { .name = "pay", .act = pay, .undo = refund },
    { .name = "deliver", .act = deliver, .undo = take_back, .deadline = HOURS(1) },
};
const struct saga_kind order_saga = { .name = "order",
                                      .steps = steps,
                                      .steps_count = ARRAY_LEN(steps) };
const struct saga_kind held_saga = {
    .name = "held", .steps = steps, .steps_count = ARRAY_LEN(steps), .holds = true
};

/* --- Steps ---------------------------------------------------------------------------------- */

enum err saga_start_tx(struct db_tx *tx, void *arg)
{
    struct starting *starting = arg;
    struct saga_new saga = { .kind = starting->kind,
                             .subject = STR("an order"),
                             .input = str_of(starting->input),
                             .idempotency_key = str_of(starting->key) };
    return saga_start(tx, &saga, &starting->id);
}

static int64_t start_of(const struct saga_kind *kind, const char *input)
{
    struct starting starting = { .kind = kind, .input = input };
    CHECK_OK(db_tx(stage.db, saga_start_tx, &starting));
    return starting.id;
}

static enum err retry_saga_tx(struct db_tx *tx, void *id)
{
    return saga_retry(tx, *(int64_t *)id);
}

static enum err compensate_tx(struct db_tx *tx, void *id)
{
    return saga_compensate(tx, *(int64_t *)id, STR("changed their mind"));
}

struct saga saga_await(int64_t id, enum saga_state state)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct arena_mark mark = arena_mark(task_arena());
    struct saga saga = { 0 };
    CHECK_OK(saga_get(db_now(stage.db), id, &saga));
    while (saga.state != state && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(1)));
        arena_rewind(task_arena(), mark);
        CHECK_OK(saga_get(db_now(stage.db), id, &saga));
    }
    CHECK_STR(saga_state_text(saga.state), saga_state_text(state));
    return saga;
}

void saga_check_effects(int64_t id, unsigned done, unsigned undone)
{
    for (int position = 0; position < 4; position++) {
        CHECK_INT(effects(saga_effect(id, position, false)), done >> position & 1);
        CHECK_INT(effects(saga_effect(id, position, true)), undone >> position & 1);
    }
}

/* "started begun:reserve done:reserve …" */
static void check_timeline(int64_t id, const char *expected)
{
    struct saga_event *events;
    unsigned count;
    char text[1000];
    size_t len = 0;
    CHECK_OK(saga_timeline(db_now(stage.db), id, &events, &count));
    for (unsigned i = 0; i < count && len < sizeof(text); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s%s%.*s", i ? " " : "",
                                STR_ARG(events[i].what), events[i].step.len ? ":" : "",
                                STR_ARG(events[i].step));
    CHECK_STR(str_of(text), str_of(expected));
}

enum { RESERVE = 1, PAY = 4, DELIVER = 8 };
#define FORWARD                                                                                    \
    "started begun:reserve done:reserve begun:look done:look begun:pay done:pay begun:deliver "

/* --- Tests ---------------------------------------------------------------------------------- */

static enum err goes_well(void *arg)
{
    (void)arg;
    runner_start(true);
    int64_t id = start_of(&order_saga, "well");
    struct saga saga = saga_await(id, SAGA_DONE);
    CHECK(saga.finished_at != INSTANT_NEVER);
    CHECK_INT(saga.job_id, 0);
    CHECK(!saga.error_slug.ptr);
    saga_check_effects(id, RESERVE | PAY | DELIVER, 0);
    CHECK_STR(str_of(stage.checkpoint), STR("{\"seat\":7}"));
    check_timeline(id, FORWARD "done:deliver completed");
    struct saga_step_view *views;
    unsigned count;
    CHECK_OK(saga_steps_list(db_now(stage.db), id, &views, &count));
    CHECK_INT(count, 4);
    CHECK_STR(views[0].result, STR("{\"seat\":7}"));
    for (unsigned i = 0; i < count; i++)
        CHECK_STR(views[i].state, STR("done"));
    CHECK_ERR(db_tx(stage.db, compensate_tx, &id), ERR_CONFLICT);
    CHECK_ERR(db_tx(stage.db, retry_saga_tx, &id), ERR_CONFLICT);
    jobs_stop(stage.jobs);
    return OK;
}

static void go_step_by_step(void)
{
    scenario(goes_well);
}

static enum err goes_back(void *arg)
{
    (void)arg;
    runner_start(true);
    int64_t id = start_of(&order_saga, "fail");
    struct saga saga = saga_await(id, SAGA_UNDONE);
    CHECK_STR(saga.error_slug, STR("no-such-house"));
    CHECK_STR(saga.error_text, STR("nobody lives there"));
    saga_check_effects(id, RESERVE | PAY, RESERVE | PAY | DELIVER);
    check_timeline(id, FORWARD "failed:deliver compensating undoing:deliver undone:deliver "
                               "undoing:pay undone:pay undoing:reserve undone:reserve compensated");
    jobs_stop(stage.jobs);
    return OK;
}

static void that_fail_are_undone_in_reverse(void)
{
    scenario(goes_back);
}

static struct saga await_step(int64_t id, const char *step)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct saga saga = saga_await(id, SAGA_RUNNING);
    while (!str_eq(saga.step, str_of(step)) && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(1)));
        CHECK_OK(saga_get(db_now(stage.db), id, &saga));
    }
    CHECK_STR(saga.step, str_of(step));
    return saga;
}

/* Until so many have failed and the next waits. */
static struct job await_attempts(int64_t job_id, unsigned attempts)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct job job = get(job_id);
    while ((job.state != JOB_QUEUED || job.attempts != attempts) && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(1)));
        job = get(job_id);
    }
    CHECK_INT(job.attempts, attempts);
    return job;
}

static enum err runs_out(void *arg)
{
    (void)arg;
    clock_set(SOME_DAY);
    runner_start(true);
    int64_t id = start_of(&order_saga, "never");
    struct saga saga = await_step(id, "deliver");
    for (unsigned attempts = 1; attempts <= 2; attempts++) {
        struct job job = await_attempts(saga.job_id, attempts);
        clock_set(MAX_OF(job.run_at, clock_now()));
        jobs_wake(stage.jobs);
    }
    (void)await_attempts(saga.job_id, 3);
    clock_set(SOME_DAY + DAYS(1));
    jobs_wake(stage.jobs);
    saga = saga_await(id, SAGA_UNDONE);
    CHECK_STR(saga.error_slug, STR("saga-deadline"));
    saga_check_effects(id, RESERVE | PAY, RESERVE | PAY | DELIVER);
    struct saga_event *events;
    unsigned count, failed = 0;
    CHECK_OK(saga_timeline(db_now(stage.db), id, &events, &count));
    for (unsigned i = 0; i < count; i++)
        failed +=
            str_eq(events[i].what, STR("attempt-failed")) && str_eq(events[i].slug, STR("no-van"));
    CHECK(failed >= 2);
    jobs_stop(stage.jobs);
    return OK;
}

static void over_their_deadline_are_undone(void)
{
    scenario(runs_out);
}

static enum err waits_for_a_person(void *arg)
{
    (void)arg;
    runner_start(true);
    stage.failures = 2;
    int64_t id = start_of(&held_saga, "hold");
    struct saga saga = saga_await(id, SAGA_HELD);
    CHECK_STR(saga.error_slug, STR("door-shut"));
    CHECK_STR(saga.step, STR("deliver"));
    CHECK_OK(db_tx(stage.db, retry_saga_tx, &id));
    (void)saga_await(id, SAGA_HELD);
    CHECK_OK(db_tx(stage.db, retry_saga_tx, &id));
    saga = saga_await(id, SAGA_DONE);
    CHECK(!saga.error_slug.ptr);
    saga_check_effects(id, RESERVE | PAY | DELIVER, 0);
    check_timeline(id, FORWARD "failed:deliver held:deliver retried:deliver begun:deliver "
                               "failed:deliver held:deliver retried:deliver begun:deliver "
                               "done:deliver completed");
    stage.failures = 1;
    id = start_of(&held_saga, "hold");
    (void)saga_await(id, SAGA_HELD);
    CHECK_OK(db_tx(stage.db, compensate_tx, &id));
    saga = saga_await(id, SAGA_UNDONE);
    CHECK_STR(saga.error_text, STR("changed their mind"));
    saga_check_effects(id, RESERVE | PAY, RESERVE | PAY | DELIVER);
    jobs_stop(stage.jobs);
    return OK;
}

static void that_hold_are_retried_or_compensated_by_hand(void)
{
    scenario(waits_for_a_person);
}

static enum err undo_fails(void *arg)
{
    (void)arg;
    runner_start(true);
    stage.undo_failures = 1;
    int64_t id = start_of(&order_saga, "fail");
    struct saga saga = saga_await(id, SAGA_HELD);
    CHECK(saga.undoing);
    CHECK_STR(saga.error_slug, STR("no-such-house")); /* the first cause */
    CHECK_ERR(db_tx(stage.db, compensate_tx, &id), ERR_CONFLICT);
    CHECK_OK(db_tx(stage.db, retry_saga_tx, &id));
    (void)saga_await(id, SAGA_UNDONE);
    saga_check_effects(id, RESERVE | PAY, RESERVE | PAY | DELIVER);
    jobs_stop(stage.jobs);
    return OK;
}

static void whose_undoing_fails_wait_for_a_person(void)
{
    scenario(undo_fails);
}

/* A step under way is cancelled; what it does after that does not count. */
static enum err overtaken(void *arg)
{
    (void)arg;
    runner_start(true);
    int64_t id = start_of(&order_saga, "slow");
    struct saga saga = await_step(id, "deliver");
    int64_t job = saga.job_id;
    (void)await_state(job, JOB_RUNNING);
    CHECK_ERR(db_tx(stage.db, retry_tx, &job), ERR_CONFLICT);
    CHECK_OK(db_tx(stage.db, compensate_tx, &id));
    (void)saga_await(id, SAGA_UNDONE);
    (void)await_state(job, JOB_CANCELLED);
    saga_check_effects(id, RESERVE | PAY, RESERVE | PAY | DELIVER);
    jobs_stop(stage.jobs);
    return OK;
}

static void under_way_can_be_compensated_by_hand(void)
{
    scenario(overtaken);
}

/* Its job cancelled in the queue; its job's process dead once too often. */
static enum err lost_jobs(void *arg)
{
    (void)arg;
    int64_t cancelled = start_of(&order_saga, "well"), worn = start_of(&order_saga, "well");
    struct saga saga;
    CHECK_OK(saga_get(db_now(stage.db), cancelled, &saga));
    CHECK_OK(db_tx(stage.db, cancel_tx, &saga.job_id));
    CHECK_OK(saga_get(db_now(stage.db), worn, &saga));
    struct seize seize = { .id = saga.job_id, .attempts = 5, .lease_until = 1 };
    CHECK_OK(db_tx(stage.db, seize_tx, &seize));
    runner_start(true);
    CHECK_STR(saga_await(cancelled, SAGA_UNDONE).error_slug, STR("job-cancelled"));
    CHECK_STR(saga_await(worn, SAGA_UNDONE).error_slug, STR("job-abandoned"));
    saga_check_effects(cancelled, 0, RESERVE);
    saga_check_effects(worn, 0, RESERVE);
    jobs_stop(stage.jobs);
    return OK;
}

static void whose_jobs_are_lost_are_undone(void)
{
    scenario(lost_jobs);
}

static enum err prune_sagas_tx(struct db_tx *tx, void *arg)
{
    return sagas_prune(tx, clock_now() + 1, 100, arg);
}

static enum err lists(void *arg)
{
    struct starting one = { .kind = &order_saga, .input = "well", .key = "k" }, same = one;
    struct sagas_page page;
    struct saga gone;
    int64_t removed;
    (void)arg;
    CHECK_OK(db_tx(stage.db, saga_start_tx, &one));
    CHECK_OK(db_tx(stage.db, saga_start_tx, &same));
    CHECK_INT(same.id, one.id);
    int64_t other = start_of(&order_saga, "fail");
    struct sagas_filter filter = { .state = -1, .limit = 1 };
    CHECK_OK(sagas_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.items[0].id, other);
    filter.before = page.next;
    CHECK_OK(sagas_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.items[0].id, one.id);
    CHECK_INT(page.next, 0);
    runner_start(true);
    (void)saga_await(one.id, SAGA_DONE);
    (void)saga_await(other, SAGA_UNDONE);
    filter = (struct sagas_filter){ .state = SAGA_UNDONE, .limit = 10 };
    CHECK_OK(sagas_list(db_now(stage.db), &filter, &page));
    CHECK_INT(page.count, 1);
    CHECK_OK(db_tx(stage.db, prune_sagas_tx, &removed));
    CHECK_INT(removed, 2);
    CHECK_ERR(saga_get(db_now(stage.db), one.id, &gone), ERR_NOT_FOUND);
    CHECK_ERR(db_tx(stage.db, retry_saga_tx, &one.id), ERR_NOT_FOUND);
    jobs_stop(stage.jobs);
    return OK;
}

static void have_keys_and_lists(void)
{
    scenario(lists);
}

void register_sagas(void)
{
    test_register("sagas_go_step_by_step", __FILE__, go_step_by_step);
    test_register("sagas_that_fail_are_undone_in_reverse", __FILE__,
                  that_fail_are_undone_in_reverse);
    test_register("sagas_over_their_deadline_are_undone", __FILE__, over_their_deadline_are_undone);
    test_register("sagas_that_hold_are_retried_or_compensated_by_hand", __FILE__,
                  that_hold_are_retried_or_compensated_by_hand);
    test_register("sagas_whose_undoing_fails_wait_for_a_person", __FILE__,
                  whose_undoing_fails_wait_for_a_person);
    test_register("sagas_under_way_can_be_compensated_by_hand", __FILE__,
                  under_way_can_be_compensated_by_hand);
    test_register("sagas_whose_jobs_are_lost_are_undone", __FILE__, whose_jobs_are_lost_are_undone);
    test_register("sagas_have_keys_and_lists", __FILE__, have_keys_and_lists);
}
