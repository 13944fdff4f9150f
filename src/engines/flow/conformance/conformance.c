/* conformance: registration, the handlers, the fixture. */
#include "internal.h"
#include "sagas.h"

#include <string.h>
#include <unistd.h>

static const struct db_conformance_target *conformance_target;

void flow_conformance_register(const struct db_conformance_target *target)
{
    conformance_target = target;
    register_running();
    register_failing();
    register_leases();
    register_clock();
    register_lists();
    register_crash();
    register_limits();
    register_schedules();
    register_sagas();
    register_sagas_crash();
}

void flow_conformance_register_several(void)
{
    register_processes();
}

struct stage stage;

/* --- Handlers ------------------------------------------------------------------------------- */

void stage_tell(void)
{
    static unsigned told;
    if (stage.told && write(stage.told, "", 1) != 1)
        _exit(6);
    while (stage.told_max && ++told >= stage.told_max)
        pause();
}

enum err effect_and_finish(struct db_tx *tx, void *arg)
{
    struct job_run *run = arg;
    TRY(db_exec(tx, &SQL_EFFECT_ADD, DB_ARGS(DB_I64(job_id(run))), NULL));
    return job_finish(tx, run);
}

/* By the database: a job that is done there may have a handler that has not heard of it yet. */
static enum err count_running(const struct job_run *run)
{
    struct db_row row;
    TRY(db_one(db_now(stage.db), &SQL_EFFECTS_RUNNING, DB_ARGS(DB_I64(job_id(run))), &row));
    stage.running_peak = MAX_OF(stage.running_peak, (unsigned)db_i64(&row, 0));
    stage.key_peak = MAX_OF(stage.key_peak, (unsigned)db_i64(&row, 1));
    return OK;
}

static enum err note_excess(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &SQL_EFFECT_ADD, DB_ARGS(DB_I64(-1)), NULL);
}

static enum err handle_effect(struct job_run *run, void *arg)
{
    (void)arg;
    stage.order[stage.calls++ % ARRAY_LEN(stage.order)] = job_id(run);
    stage_tell();
    job_progress(run, 0.5, "acting");
    TRY(count_running(run));
    enum err err = await_turn();
    stage_tell();
    if (err == OK)
        err = db_tx(stage.db, effect_and_finish, run);
    stage_tell();
    return err;
}

static enum err handle_keyed(struct job_run *run, void *arg)
{
    unsigned *max = arg;
    TRY(handle_effect(run, NULL));
    return stage.key_peak > *max ? db_tx(stage.db, note_excess, NULL) : OK;
}

static enum err handle_failure(struct job_run *run, void *arg)
{
    (void)arg;
    stage.calls++;
    return err_set(stage.failure, "no-luck", "attempt %u had no luck", job_attempt(run));
}

static enum err handle_for_ever(struct job_run *run, void *arg)
{
    (void)arg;
    stage.calls++;
    job_progress(run, 0.25, "a quarter of %s", "it");
    return await_sleep(HOURS(1));
}

static enum err handle_in_two_steps(struct job_run *run, void *arg)
{
    (void)arg;
    stage.calls++;
    str checkpoint = job_checkpoint(run);
    if (checkpoint.ptr) {
        memcpy(stage.checkpoint, checkpoint.ptr,
               MIN_OF(checkpoint.len, sizeof(stage.checkpoint) - 1));
        return OK;
    }
    stage_tell();
    TRY(job_checkpoint_save(run, STR("half way")));
    stage_tell();
    return err_set(ERR_UNAVAILABLE, "broke-off", "broke off after the first half");
}

static unsigned one = 1, two = 2;
static const struct job_kind kinds[] = {
    { .name = "effect", .fn = handle_effect, .concurrency_max = 4 },
    { .name = "single", .fn = handle_effect },
    { .name = "keyed", .fn = handle_keyed, .arg = &one, .concurrency_max = 4 },
    { .name = "twice",
      .fn = handle_keyed,
      .arg = &two,
      .concurrency_max = 4,
      .key_concurrency_max = 2 },
    { .name = "failing", .fn = handle_failure, .attempts_max = 3, .backoff = SECONDS(10) },
    { .name = "endless", .fn = handle_for_ever, .concurrency_max = 8 },
    { .name = "hasty", .fn = handle_for_ever, .timeout = MILLISECONDS(5), .attempts_max = 2 },
    { .name = "steps", .fn = handle_in_two_steps, .backoff = 2 },
    SAGA_JOB("order", order_saga, .concurrency_max = 4),
    SAGA_JOB("held", held_saga, .concurrency_max = 4),
};

/* --- Fixture -------------------------------------------------------------------------------- */

static struct jobs *runner_open_as(bool sole_owner, const char *seat, span lease)
{
    struct jobs_spec spec = { .db = stage.db,
                              .seat = seat,
                              .kinds = kinds,
                              .kinds_count = ARRAY_LEN(kinds),
                              .sole_owner = sole_owner,
                              .lease = lease,
                              .seed = 7 };
    struct jobs *jobs = NULL;
    CHECK_OK(jobs_start(stage.loop, &spec, &jobs));
    return jobs;
}

struct jobs *runner_open(bool sole_owner, span lease)
{
    return runner_open_as(sole_owner, NULL, lease);
}

void runner_start_seated(const char *seat)
{
    stage.jobs = runner_open_as(false, seat, 0);
}

void runner_start(bool sole_owner)
{
    stage.jobs = runner_open(sole_owner, 0);
}

enum err stage_database_open(void)
{
    static const struct db_module *const modules[] = { &FLOW_SQL, &FLOW_CONFORMANCE_SQL };
    struct db_spec spec = { .driver = conformance_target->driver,
                            .place = stage.place,
                            .context = "flow",
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules) };
    return db_open(&spec, &stage.db);
}

static void on_scenario_end(void *arg, enum err result)
{
    (void)arg;
    CHECK_OK(result);
    loop_stop(stage.loop);
}

static void on_start(void *arg)
{
    struct task_spec spec = { .name = "scenario",
                              .fn = *(task_fn *)arg,
                              .on_end = on_scenario_end,
                              .arena_bytes_max = MIB(64) };
    CHECK_OK(task_start(stage.loop, &spec, NULL));
}

void stage_run(task_fn fn)
{
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &stage.loop));
    loop_post(stage.loop, on_start, &fn);
    loop_run(stage.loop);
    loop_close(stage.loop);
}

void scenario_again(task_fn fn)
{
    CHECK_OK(stage_database_open());
    stage_run(fn);
    if (stage.jobs)
        jobs_close(stage.jobs);
    stage.jobs = NULL;
    db_close(stage.db);
    clock_set(INSTANT_NEVER);
}

void scenario(task_fn fn)
{
    stage = (struct stage){ .place = conformance_target->place_new(), .failure = ERR_UNAVAILABLE };
    scenario_again(fn);
}

/* --- Steps ---------------------------------------------------------------------------------- */

enum err add_tx(struct db_tx *tx, void *arg)
{
    struct add *add = arg;
    TRY(jobs_add(tx, &add->job, &add->id));
    return add->then == OK ? OK : err_set(add->then, NULL, "undone");
}

int64_t add(const char *kind)
{
    struct add added = {
        .job = { .kind = str_of(kind), .subject = STR("a film"), .payload = STR("{\"x\":1}") }
    };
    CHECK_OK(db_tx(stage.db, add_tx, &added));
    return added.id;
}

struct job get(int64_t id)
{
    struct job job = { 0 };
    CHECK_OK(jobs_get(db_now(stage.db), id, &job));
    return job;
}

struct job await_state(int64_t id, enum job_state state)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct arena_mark mark = arena_mark(task_arena());
    struct job job = get(id);
    while (job.state != state && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(1)));
        arena_rewind(task_arena(), mark);
        job = get(id);
    }
    CHECK_STR(job_state_text(job.state), job_state_text(state));
    return job;
}

void await_calls(unsigned count)
{
    instant give_up = clock_mono() + SECONDS(60);
    while (stage.calls < count && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    CHECK_INT(stage.calls, count);
}

int64_t effects(int64_t id)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(stage.db), &SQL_EFFECTS_OF, DB_ARGS(DB_I64(id)), &row));
    return row.values ? db_i64(&row, 0) : -1;
}

enum err cancel_tx(struct db_tx *tx, void *arg)
{
    return jobs_cancel(tx, *(int64_t *)arg);
}

enum err retry_tx(struct db_tx *tx, void *arg)
{
    return jobs_retry(tx, *(int64_t *)arg);
}

enum err seize_tx(struct db_tx *tx, void *arg)
{
    const struct seize *s = arg;
    return db_exec(tx, &SQL_EFFECT_SEIZE,
                   DB_ARGS(DB_I64(s->id), DB_TIME(s->lease_until), DB_I64(s->attempts),
                           DB_TEXT(s->owner ? str_of(s->owner) : STR("another"))),
                   NULL);
}

instant lease_of(int64_t id)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(stage.db), &SQL_EFFECT_LEASE, DB_ARGS(DB_I64(id)), &row));
    return row.values ? db_i64(&row, 0) : 0;
}

void await_lease(int64_t id, instant at)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct arena_mark mark = arena_mark(task_arena());
    while (lease_of(id) < at && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(5)));
        arena_rewind(task_arena(), mark);
    }
    CHECK(lease_of(id) >= at);
}
