/*
 * Tests of the queue, on whatever driver the fixture names. A scenario is a task beside the runner;
 * the clock is set where time matters.
 */
#include "jobs.h"

#include "engines/db/conformance/conformance.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/task/loop.h"
#include "foundation/test/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOTH(text)                                                                                 \
    {                                                                                              \
        text, text                                                                                 \
    }

static const struct db_query effect_add = { "effect_add", BOTH("INSERT INTO effects VALUES (?1)"),
                                            DB_WRITE, 1 };
static const struct db_query effects_of = { "effects_of",
                                            BOTH("SELECT count(*) FROM effects WHERE job_id = ?1"),
                                            DB_POINT, 1 };
/* As if another process had claimed it. */
static const struct db_query job_seize = {
    "job_seize",
    BOTH("UPDATE jobs SET state = 'running', owner = 'another', lease_until = ?2, attempts = ?3 "
         "WHERE id = ?1"),
    DB_WRITE, 3
};
static const struct db_query *const queries[] = { &effect_add, &effects_of, &job_seize };
static const struct db_migration migrations[] = {
    { 1, "0001_effects",
      BOTH("CREATE TABLE effects (job_id INTEGER NOT NULL) STRICT;"
           "CREATE INDEX effects_job ON effects (job_id);") }
};
static const struct db_module effects_module = { "effects", migrations, 1, queries,
                                                 ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &FLOW_SQL, &effects_module };

static struct db *db;
static struct loop *loop;
static struct jobs *jobs;
static unsigned running, running_peak, calls;
static int64_t order[64];
static str seen_checkpoint;

/* --- Handlers ------------------------------------------------------------------------------- */

static enum err effect_and_finish(struct db_tx *tx, void *arg)
{
    struct job_run *run = arg;
    TRY(db_exec(tx, &effect_add, DB_ARGS(DB_I64(job_id(run))), NULL));
    return job_finish(tx, run);
}

static enum err handle_effect(struct job_run *run, void *arg)
{
    (void)arg;
    running++;
    running_peak = MAX_OF(running_peak, running);
    order[calls++ % 64] = job_id(run);
    enum err err = await_turn();
    if (err == OK)
        err = db_tx(db, effect_and_finish, run);
    running--;
    return err;
}

static enum err handle_failure(struct job_run *run, void *arg)
{
    calls++;
    return err_set(*(enum err *)arg, "no-luck", "attempt %u had no luck", job_attempt(run));
}

static enum err handle_for_ever(struct job_run *run, void *arg)
{
    (void)arg;
    calls++;
    job_progress(run, 0.25, "a quarter of %s", "it");
    return await_sleep(HOURS(1));
}

static enum err handle_in_two_steps(struct job_run *run, void *arg)
{
    static char text[64];
    (void)arg;
    calls++;
    str checkpoint = job_checkpoint(run);
    if (checkpoint.ptr) {
        memcpy(text, checkpoint.ptr, MIN_OF(checkpoint.len, sizeof(text)));
        seen_checkpoint = (str){ text, checkpoint.len };
        return OK;
    }
    TRY(job_checkpoint_save(run, STR("half way")));
    return err_set(ERR_UNAVAILABLE, "broke-off", "broke off after the first half");
}

static enum err failure = ERR_UNAVAILABLE;
static const struct job_kind kinds[] = {
    { .name = "effect", .fn = handle_effect, .concurrency_max = 4 },
    { .name = "single", .fn = handle_effect },
    { .name = "failing",
      .fn = handle_failure,
      .arg = &failure,
      .attempts_max = 3,
      .backoff = SECONDS(10) },
    { .name = "endless", .fn = handle_for_ever, .concurrency_max = 8 },
    { .name = "hasty", .fn = handle_for_ever, .timeout = MILLISECONDS(5), .attempts_max = 2 },
    { .name = "steps", .fn = handle_in_two_steps, .backoff = 2 },
};

/* --- Fixture -------------------------------------------------------------------------------- */

static void start_runner(bool sole_owner)
{
    struct jobs_spec spec = { .db = db,
                              .kinds = kinds,
                              .kinds_count = ARRAY_LEN(kinds),
                              .sole_owner = sole_owner,
                              .seed = 7 };
    CHECK_OK(jobs_start(loop, &spec, &jobs));
}

static enum err database_open(const char *folder)
{
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = folder,
                            .context = "flow",
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules) };
    return db_open(&spec, &db);
}

static void on_scenario_end(void *arg, enum err result)
{
    (void)arg;
    CHECK_OK(result);
    loop_stop(loop);
}

static void on_start(void *arg)
{
    struct task_spec spec = { .name = "scenario",
                              .fn = *(task_fn *)arg,
                              .on_end = on_scenario_end,
                              .arena_bytes_max = MIB(64) };
    CHECK_OK(task_start(loop, &spec, NULL));
}

static void scenario(task_fn fn)
{
    calls = running = running_peak = 0;
    jobs = NULL;
    CHECK_OK(database_open(test_folder()));
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &loop));
    loop_post(loop, on_start, &fn);
    loop_run(loop);
    loop_close(loop);
    if (jobs)
        jobs_close(jobs);
    db_close(db);
    clock_set(INSTANT_NEVER);
}

struct add {
    struct job_new job;
    int64_t id;
    enum err then; /* the transaction's own result */
};

static enum err add_tx(struct db_tx *tx, void *arg)
{
    struct add *add = arg;
    TRY(jobs_add(tx, &add->job, &add->id));
    return add->then == OK ? OK : err_set(add->then, NULL, "undone");
}

static int64_t add(const char *kind)
{
    struct add added = {
        .job = { .kind = str_of(kind), .subject = STR("a film"), .payload = STR("{\"x\":1}") }
    };
    CHECK_OK(db_tx(db, add_tx, &added));
    return added.id;
}

static struct job get(int64_t id)
{
    struct job job = { 0 };
    CHECK_OK(jobs_get(db_now(db), id, &job));
    return job;
}

/* Waits until the job is in the state; the test's deadline is generous. */
static struct job await_state(int64_t id, enum job_state state)
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

static void await_calls(unsigned count)
{
    instant give_up = clock_mono() + SECONDS(60);
    while (calls < count && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    CHECK_INT(calls, count);
}

static int64_t effects(int64_t id)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(db), &effects_of, DB_ARGS(DB_I64(id)), &row));
    return row.values ? db_i64(&row, 0) : -1;
}

static enum err cancel_tx(struct db_tx *tx, void *arg)
{
    return jobs_cancel(tx, *(int64_t *)arg);
}

static enum err retry_tx(struct db_tx *tx, void *arg)
{
    return jobs_retry(tx, *(int64_t *)arg);
}

struct seize {
    int64_t id, attempts;
    instant lease_until;
};

static enum err seize_tx(struct db_tx *tx, void *arg)
{
    const struct seize *s = arg;
    return db_exec(tx, &job_seize,
                   DB_ARGS(DB_I64(s->id), DB_TIME(s->lease_until), DB_I64(s->attempts)), NULL);
}

/* --- Running -------------------------------------------------------------------------------- */

static enum err many_jobs(void *arg)
{
    int64_t ids[40];
    (void)arg;
    start_runner(true);
    for (int i = 0; i < 40; i++)
        ids[i] = add("effect");
    for (int i = 0; i < 40; i++) {
        struct job job = await_state(ids[i], JOB_DONE);
        CHECK_INT(effects(ids[i]), 1);
        CHECK(job.progress == 1.0);
        CHECK_INT(job.attempts, 1);
        CHECK(job.finished_at != INSTANT_NEVER);
        CHECK_STR(job.payload, STR("{\"x\":1}"));
    }
    CHECK(running_peak >= 1 && running_peak <= 4);
    jobs_stop(jobs);
    CHECK_INT(jobs_stats(jobs).done, 40);
    return OK;
}

TEST(jobs_run_within_their_concurrency)
{
    scenario(many_jobs);
}

static enum err by_priority(void *arg)
{
    int64_t ids[3];
    (void)arg;
    for (int i = 0; i < 3; i++) {
        struct add added = { .job = { .kind = STR("single"), .priority = i } };
        CHECK_OK(db_tx(db, add_tx, &added));
        ids[i] = added.id;
    }
    start_runner(true);
    for (int i = 0; i < 3; i++)
        (void)await_state(ids[i], JOB_DONE);
    for (int i = 0; i < 3; i++)
        CHECK_INT(order[i], ids[2 - i]);
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_of_higher_priority_come_first)
{
    scenario(by_priority);
}

static enum err later(void *arg)
{
    instant now = 1795255200000000;
    (void)arg;
    clock_set(now);
    start_runner(true);
    struct add added = { .job = { .kind = STR("single"), .run_at = now + HOURS(1) } };
    CHECK_OK(db_tx(db, add_tx, &added));
    int64_t other = add("single");
    (void)await_state(other, JOB_DONE);
    CHECK_STR(job_state_text(get(added.id).state), STR("queued"));
    clock_set(now + HOURS(1));
    jobs_wake(jobs);
    (void)await_state(added.id, JOB_DONE);
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_wait_for_their_time)
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
    CHECK_OK(db_tx(db, add_tx, &one));
    CHECK_OK(db_tx(db, add_tx, &same));
    CHECK_OK(db_tx(db, add_tx, &other));
    CHECK_INT(same.id, one.id);
    CHECK(other.id != one.id);
    CHECK_ERR(db_tx(db, add_tx, &undone), ERR_PRECONDITION);
    struct job job;
    CHECK_ERR(jobs_get(db_now(db), undone.id, &job), ERR_NOT_FOUND);
    return OK;
}

TEST(jobs_with_a_key_are_added_once)
{
    scenario(keyed);
}

/* --- Failing -------------------------------------------------------------------------------- */

static enum err retries(void *arg)
{
    instant now = 1795255200000000;
    (void)arg;
    clock_set(now);
    failure = ERR_UNAVAILABLE;
    start_runner(true);
    int64_t id = add("failing");
    for (unsigned attempt = 1; attempt < 3; attempt++) {
        await_calls(attempt);
        struct job job = await_state(id, JOB_QUEUED);
        span wait = job.run_at - now, full = SECONDS(10) << (attempt - 1);
        CHECK(wait >= full / 2 && wait <= full);
        CHECK_STR(job.error_slug, STR("no-luck"));
        now = job.run_at;
        clock_set(now);
        jobs_wake(jobs);
    }
    struct job job = await_state(id, JOB_FAILED);
    CHECK_INT(job.attempts, 3);
    CHECK_STR(job.error_text, STR("attempt 3 had no luck"));
    CHECK_ERR(db_tx(db, cancel_tx, &id), ERR_CONFLICT);
    CHECK_OK(db_tx(db, retry_tx, &id));
    await_calls(4);
    CHECK_INT(await_state(id, JOB_QUEUED).attempts, 1);
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_that_fail_are_tried_again_with_back_off)
{
    scenario(retries);
}

static enum err fails_at_once(void *arg)
{
    (void)arg;
    failure = ERR_INVALID;
    start_runner(true);
    int64_t id = add("failing");
    CHECK_INT(await_state(id, JOB_FAILED).attempts, 1);
    CHECK_INT(calls, 1);
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_that_cannot_succeed_fail_at_once)
{
    scenario(fails_at_once);
}

static enum err too_slow(void *arg)
{
    (void)arg;
    start_runner(true);
    struct add added = { .job = { .kind = STR("hasty"), .attempts_max = 1 } };
    CHECK_OK(db_tx(db, add_tx, &added));
    CHECK_STR(await_state(added.id, JOB_FAILED).error_slug, STR("deadline"));
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_over_their_time_fail)
{
    scenario(too_slow);
}

static enum err resumes(void *arg)
{
    (void)arg;
    start_runner(true);
    int64_t id = add("steps");
    CHECK_INT(await_state(id, JOB_DONE).attempts, 2);
    CHECK_STR(seen_checkpoint, STR("half way"));
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_go_on_from_their_checkpoint)
{
    scenario(resumes);
}

/* --- Cancelling and stopping ---------------------------------------------------------------- */

static enum err cancels(void *arg)
{
    (void)arg;
    int64_t queued = add("endless");
    CHECK_OK(db_tx(db, cancel_tx, &queued));
    CHECK_STR(job_state_text(get(queued).state), STR("cancelled"));
    start_runner(true);
    int64_t id = add("endless"), other = add("endless"), missing = 999;
    await_calls(2);
    CHECK_ERR(db_tx(db, retry_tx, &id), ERR_CONFLICT);
    CHECK_OK(db_tx(db, cancel_tx, &id));
    (void)await_state(id, JOB_CANCELLED);
    CHECK_STR(job_state_text(get(other).state), STR("running"));
    CHECK_ERR(db_tx(db, cancel_tx, &missing), ERR_NOT_FOUND);
    jobs_stop(jobs);
    struct job job = get(other); /* put back, its attempt not counted */
    CHECK_STR(job_state_text(job.state), STR("queued"));
    CHECK_INT(job.attempts, 0);
    CHECK(job.error_slug.ptr == NULL);
    return OK;
}

TEST(jobs_can_be_cancelled_and_the_runner_stopped)
{
    scenario(cancels);
}

static enum err shows_progress(void *arg)
{
    (void)arg;
    start_runner(true);
    int64_t id = add("endless");
    instant give_up = clock_mono() + SECONDS(60);
    while (get(id).progress < 0.2 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(20)));
    CHECK_STR(get(id).message, STR("a quarter of it"));
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_show_their_progress)
{
    scenario(shows_progress);
}

/* --- Leases --------------------------------------------------------------------------------- */

static enum err leases(void *arg)
{
    instant now = 1795255200000000;
    (void)arg;
    clock_set(now);
    struct seize seize = { .id = add("single"), .attempts = 1, .lease_until = now + SECONDS(30) };
    CHECK_OK(db_tx(db, seize_tx, &seize));
    struct seize worn = { .id = add("effect"), .attempts = 5, .lease_until = now + SECONDS(30) };
    CHECK_OK(db_tx(db, seize_tx, &worn));
    start_runner(false);
    int64_t other = add("effect");
    (void)await_state(other, JOB_DONE);
    CHECK_STR(job_state_text(get(seize.id).state), STR("running")); /* its owner may be alive */
    jobs_stop(jobs);
    jobs_close(jobs);
    clock_set(now + SECONDS(31));
    start_runner(false);
    CHECK_INT(await_state(seize.id, JOB_DONE).attempts, 2);
    CHECK_STR(await_state(worn.id, JOB_FAILED).error_slug, STR("job-abandoned"));
    jobs_stop(jobs);
    CHECK_INT(jobs_stats(jobs).taken_back, 2);
    return OK;
}

TEST(jobs_are_taken_back_when_their_lease_ends)
{
    scenario(leases);
}

static enum err dead_owner(void *arg)
{
    (void)arg;
    struct seize seize = { .id = add("single"),
                           .attempts = 1,
                           .lease_until = clock_now() + HOURS(9) };
    CHECK_OK(db_tx(db, seize_tx, &seize));
    start_runner(true);
    CHECK_INT(await_state(seize.id, JOB_DONE).attempts, 2);
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_of_a_dead_process_are_taken_back_at_once)
{
    scenario(dead_owner);
}

static enum err finish_late(struct job_run *run, void *arg)
{
    (void)arg;
    struct seize seize = { .id = job_id(run), .attempts = 2, .lease_until = INT64_MAX };
    CHECK_OK(db_tx(db, seize_tx, &seize));
    CHECK_ERR(db_tx(db, effect_and_finish, run), ERR_CONFLICT);
    CHECK_ERR(job_checkpoint_save(run, STR("x")), ERR_CONFLICT);
    calls++;
    return OK;
}

static enum err late(void *arg)
{
    static const struct job_kind late_kind = { .name = "late", .fn = finish_late };
    (void)arg;
    struct jobs_spec spec = { .db = db, .kinds = &late_kind, .kinds_count = 1 };
    CHECK_OK(jobs_start(loop, &spec, &jobs));
    int64_t id = add("late");
    await_calls(1);
    jobs_stop(jobs);
    CHECK_INT(effects(id), 0); /* the new owner's to make */
    CHECK_STR(job_state_text(get(id).state), STR("running"));
    return OK;
}

TEST(jobs_whose_lease_was_lost_have_no_effect)
{
    scenario(late);
}

/* --- Listing -------------------------------------------------------------------------------- */

static enum err prune_tx(struct db_tx *tx, void *arg)
{
    return jobs_prune(tx, clock_now() + 1, 3, arg);
}

static enum err lists(void *arg)
{
    int64_t ids[10], removed = 0, count;
    struct jobs_page page;
    (void)arg;
    for (int i = 0; i < 10; i++)
        ids[i] = add(i % 2 ? "effect" : "single");
    for (int i = 0; i < 4; i++)
        CHECK_OK(db_tx(db, cancel_tx, &ids[i]));
    struct jobs_filter filter = { .state = -1, .limit = 4 };
    CHECK_OK(jobs_list(db_now(db), &filter, &page));
    CHECK_INT(page.count, 4);
    CHECK_INT(page.items[0].id, ids[9]);
    filter.before = page.next;
    CHECK_OK(jobs_list(db_now(db), &filter, &page));
    CHECK_INT(page.items[0].id, ids[5]);
    filter = (struct jobs_filter){ .state = JOB_CANCELLED, .kind = STR("effect"), .limit = 50 };
    CHECK_OK(jobs_list(db_now(db), &filter, &page));
    CHECK_INT(page.count, 2);
    CHECK_INT(page.next, 0);
    filter.kind = STR("");
    CHECK_OK(jobs_list(db_now(db), &filter, &page));
    CHECK_INT(page.count, 4);
    filter = (struct jobs_filter){ .state = -1, .kind = STR("single"), .limit = 50 };
    CHECK_OK(jobs_list(db_now(db), &filter, &page));
    CHECK_INT(page.count, 5);
    filter.limit = JOB_LIST_MAX + 1;
    CHECK_ERR(jobs_list(db_now(db), &filter, &page), ERR_INVALID);
    CHECK_OK(jobs_count(db_now(db), JOB_QUEUED, &count));
    CHECK_INT(count, 6);
    CHECK_OK(db_tx(db, prune_tx, &removed));
    CHECK_INT(removed, 3);
    CHECK_OK(db_conformance_queries(db));
    return OK;
}

TEST(jobs_are_listed_and_pruned)
{
    scenario(lists);
}

static enum err too_large(void *arg)
{
    struct add added = { .job = { .kind = STR("single") } };
    (void)arg;
    char *big = arena_zalloc(task_arena(), 1, JOB_PAYLOAD_MAX + 1);
    memset(big, 'x', JOB_PAYLOAD_MAX + 1);
    added.job.payload = (str){ big, JOB_PAYLOAD_MAX + 1 };
    CHECK_ERR(db_tx(db, add_tx, &added), ERR_TOO_LARGE);
    added.job = (struct job_new){ .subject = STR("no kind") };
    CHECK_ERR(db_tx(db, add_tx, &added), ERR_INVALID);
    return OK;
}

TEST(jobs_have_limits)
{
    scenario(too_large);
}

/* --- kill -9 -------------------------------------------------------------------------------- */

enum { CRASH_JOBS = 300, CRASH_ROUNDS = 10 };

static enum err add_many(struct db_tx *tx, void *arg)
{
    int64_t *ids = arg;
    for (int i = 0; i < CRASH_JOBS; i++) {
        struct job_new job = { .kind = STR("effect"), .attempts_max = 1000 };
        TRY(jobs_add(tx, &job, &ids[i]));
    }
    return OK;
}

static enum err run_for_ever(void *arg)
{
    (void)arg;
    start_runner(true);
    return await_sleep(HOURS(1));
}

static void child_main(const char *folder)
{
    task_fn fn = run_for_ever;
    if (database_open(folder) != OK || loop_open(NULL, &loop) != OK)
        _exit(3);
    loop_post(loop, on_start, &fn);
    loop_run(loop);
    _exit(4);
}

static void run_and_kill(const char *folder, useconds_t after_us)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        child_main(folder);
    usleep(after_us);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
}

static int64_t crash_ids[CRASH_JOBS];

static enum err run_to_the_end(void *arg)
{
    (void)arg;
    start_runner(true);
    for (int i = 0; i < CRASH_JOBS; i++) {
        (void)await_state(crash_ids[i], JOB_DONE);
        CHECK_INT(effects(crash_ids[i]), 1);
    }
    jobs_stop(jobs);
    return OK;
}

TEST(jobs_act_once_whatever_is_killed)
{
    struct arena arena;
    arena_init(&arena, MIB(4));
    db_arena_use(&arena);
    CHECK_OK(database_open(test_folder()));
    CHECK_OK(db_tx(db, add_many, crash_ids));
    db_close(db);
    db_arena_use(NULL);
    arena_deinit(&arena);
    for (int i = 0; i < CRASH_ROUNDS; i++)
        run_and_kill(test_folder(), (useconds_t)(test_random() % 60000));
    scenario(run_to_the_end);
}
