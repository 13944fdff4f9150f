/*
 * runner: one task that looks for due jobs, starts a task for each, keeps their leases and writes
 * how they ended. It sleeps until a commit added or cancelled something, a handler ended, or the
 * next job, beat or progress is due.
 */
#include "internal.h"

#include "flow_sql.h"

#include "foundation/mem/heap.h"
#include "foundation/metric/metric.h"
#include "foundation/trace/trace.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const span progress_every = SECONDS(1), after_failure = SECONDS(1), beat_max = SECONDS(20);

/* --- Counting: a series a kind, of the kinds the first runner of the process had ------------- */

enum { JOB_ENDED_WELL, JOB_ENDED_FAILED };

static const int64_t duration_bounds[] = { 10000,     100000,    1000000,    10000000,   60000000,
                                           300000000, 900000000, 3600000000, 14400000000 };
static const struct metric_buckets duration_buckets = { duration_bounds, ARRAY_LEN(duration_bounds),
                                                        1000000 };
static const char *kind_names[KINDS_MAX + 1];
static struct metric_label kind_label = { "kind", kind_names, 0 };
METRIC_LABEL(result_label, "result", "done", "failed");
METRIC_HISTOGRAM(job_duration_seconds, "One attempt of a job.", &duration_buckets, &kind_label);
METRIC_COUNTER(jobs_ended_total, "Attempts ended.", &kind_label, &result_label);
METRIC_GAUGE(jobs_running, "Jobs running.", &kind_label);
METRIC_COUNTER(schedules_fired_total, "Jobs that this process's schedules have added.");
METRIC_COUNTER(schedules_passed_over_total,
               "Due instants noticed too late, or while the last job had not ended.");
METRIC_GAUGE(sagas_held, "Sagas that wait for a person.");
METRICS(jobs_metrics, &job_duration_seconds, &jobs_ended_total, &jobs_running,
        &schedules_fired_total, &schedules_passed_over_total, &sagas_held);

void meter_schedule(bool fired, bool passed_over)
{
    if (fired)
        metric_inc(&schedules_fired_total);
    if (passed_over)
        metric_inc(&schedules_passed_over_total);
}

static enum err meter_sagas(struct jobs *jobs)
{
    struct db_row row;
    TRY(db_one(db_now(jobs->db), &SQL_SAGAS_HELD_COUNT, DB_NO_ARGS, &row));
    metric_set(&sagas_held, db_i64(&row, 0));
    return OK;
}

static void meters_open(const struct job_kind *kinds, unsigned count)
{
    if (kind_label.count)
        return;
    for (unsigned i = 0; i < count; i++)
        kind_names[i] = kinds[i].name;
    kind_names[count] = "other";
    kind_label.count = count + 1;
    metric_register(&jobs_metrics);
}

static unsigned meter_of(const struct job_kind *kind)
{
    unsigned i = 0;
    while (i + 1 < kind_label.count && strcmp(kind_names[i], kind->name) != 0)
        i++;
    return i;
}

/* --- Kinds and runs ------------------------------------------------------------------------- */

unsigned kind_concurrency(const struct job_kind *kind)
{
    return kind->concurrency_max ? kind->concurrency_max : 1;
}

unsigned kind_key_concurrency(const struct job_kind *kind)
{
    return kind->key_concurrency_max ? kind->key_concurrency_max : 1;
}

span kind_backoff(const struct job_kind *kind)
{
    return kind->backoff ? kind->backoff : SECONDS(5);
}

unsigned attempts_limit(const struct job_kind *kind, int64_t of_job)
{
    if (of_job > 0)
        return (unsigned)of_job;
    return kind->attempts_max ? kind->attempts_max : 5;
}

unsigned kind_running(const struct jobs *jobs, const struct job_kind *kind)
{
    unsigned count = 0;
    for (const struct job_run *run = jobs->runs; run; run = run->next)
        count += run->kind == kind;
    return count;
}

void run_free(struct job_run *run)
{
    arena_deinit(&run->texts);
    heap_free(run);
}

static void poke(struct jobs *jobs)
{
    jobs->poked = true;
    if (jobs->runner)
        task_wake(jobs->runner);
}

/* A job is a trace of its own: what asked for it has long been answered. */
static __attribute__((noinline)) enum err run_traced(struct job_run *run)
{
    struct trace_span record;
    trace_root(&record, run->kind->name, TRACE_CONSUMER, STR_NONE);
    record.prefix = "job";
    trace_put_int(&record, "kinobezdna.job.id", run->id);
    trace_put_int(&record, "kinobezdna.job.attempt", run->attempt);
    enum err err = run->kind->fn(run, run->kind->arg);
    if (err != OK)
        trace_put_text(&record, "error.type", str_of(err_info(err)->slug));
    trace_end(&record, err != OK);
    return err;
}

static enum err run_main(void *arg)
{
    struct job_run *run = arg;
    instant begun = clock_mono();
    metric_add(&jobs_running, 1, run->meter);
    enum err err = trace_on() ? run_traced(run) : run->kind->fn(run, run->kind->arg);
    metric_add(&jobs_running, -1, run->meter);
    metric_observe(&job_duration_seconds, clock_mono() - begun, run->meter);
    metric_inc(&jobs_ended_total, run->meter, err == OK ? JOB_ENDED_WELL : JOB_ENDED_FAILED);
    return err;
}

static void run_ended(struct job_run *run, enum err result)
{
    const struct err_slot *slot = err_slot();
    bool detailed = slot->code == result;
    run->task = NULL;
    run->ended = true;
    run->result = result;
    snprintf(run->error_slug, sizeof(run->error_slug), "%s",
             detailed && slot->slug[0] ? slot->slug : err_info(result)->slug);
    snprintf(run->error_text, sizeof(run->error_text), "%s", detailed ? slot->text : "");
    run->jobs->stats.running--;
    poke(run->jobs);
}

static void on_run_end(void *arg, enum err result)
{
    run_ended(arg, result);
}

void run_start(struct jobs *jobs, const struct job_kind *kind, const struct db_row *claimed)
{
    struct job_run *run = HEAP_NEW(struct job_run);
    arena_init(&run->texts, MIB(8));
    run->jobs = jobs;
    run->kind = kind;
    run->meter = meter_of(kind);
    run->id = db_i64(claimed, 0);
    run->subject = arena_str(&run->texts, db_text(claimed, 2));
    run->payload = arena_str(&run->texts, db_text(claimed, 3));
    run->attempt = (unsigned)db_i64(claimed, 4);
    run->attempts_max = attempts_limit(kind, db_i64(claimed, 5));
    run->checkpoint = db_null(claimed, 6) ? STR_NONE : arena_str(&run->texts, db_text(claimed, 6));
    run->next = jobs->runs;
    jobs->runs = run;
    jobs->stats.started++;
    jobs->stats.running++;
    struct task_spec spec = {
        .name = kind->name,
        .fn = run_main,
        .arg = run,
        .timeout = kind->timeout,
        .arena_bytes_max = kind->arena_bytes_max ? kind->arena_bytes_max : MIB(4),
        .on_end = on_run_end,
    };
    struct task *task;
    enum err err = task_start(jobs->loop, &spec, &task);
    if (err != OK)
        run_ended(run, err);
    else if (!run->ended)
        run->task = task;
}

/* --- Rounds --------------------------------------------------------------------------------- */

static bool due(instant *at, span every)
{
    instant now = clock_mono();
    if (now < *at)
        return false;
    *at = now + every;
    return true;
}

static span beat_every(const struct jobs *jobs)
{
    return MIN_OF(jobs->lease / 3, beat_max);
}

static enum err round_write(struct jobs *jobs, unsigned *out_claimed)
{
    TRY(runner_write_outcomes(jobs));
    TRY(runner_see_cancels(jobs));
    TRY(runner_see_clock(jobs));
    if (due(&jobs->beat_at, beat_every(jobs))) {
        TRY(runner_beat(jobs));
        TRY(runner_take_back(jobs, false));
        TRY(meter_sagas(jobs));
    }
    if (due(&jobs->progress_at, progress_every))
        TRY(runner_save_progress(jobs));
    if (jobs->unsettled)
        TRY(runner_settle(jobs));
    jobs->unsettled = false;
    TRY(runner_fire(jobs));
    return runner_claim(jobs, out_claimed);
}

/* How long nothing is due of the kinds that have room. */
static enum err next_due(struct jobs *jobs, span *out_wait)
{
    for (unsigned i = 0; i < jobs->kinds_count; i++) {
        const struct job_kind *kind = &jobs->kinds[i];
        struct db_row row;
        if (kind_running(jobs, kind) >= kind_concurrency(kind))
            continue;
        struct db_args args = DB_ARGS(DB_TEXT(str_of(kind->name)));
        TRY(db_one(db_now(jobs->db), &SQL_JOBS_DUE_NEXT, args, &row));
        if (db_null(&row, 0))
            continue;
        /* Due, yet not claimed: other processes have taken the kind's places. */
        span wait = MAX_OF(db_i64(&row, 0) - clock_now(), after_failure);
        if (db_i64(&row, 0) > clock_now())
            wait = db_i64(&row, 0) - clock_now();
        *out_wait = MIN_OF(*out_wait, wait);
    }
    return OK;
}

static span round_run(struct jobs *jobs)
{
    unsigned claimed = 0;
    span wait = MAX_OF(jobs->beat_at - clock_mono(), (span)0);
    enum err err = round_write(jobs, &claimed);
    if (err == OK)
        err = next_due(jobs, &wait);
    if (err == OK)
        err = runner_fire_next(jobs, &wait);
    if (err != OK) {
        jobs->stats.rounds_failed++;
        return after_failure;
    }
    if (jobs->runs)
        wait = MIN_OF(wait, progress_every);
    return claimed == RUNS_MAX ? 0 : wait;
}

static void sleep_for(struct jobs *jobs, span wait)
{
    if (!jobs->poked) {
        instant before = task_deadline_narrow(MAX_OF(wait, MILLISECONDS(1)));
        enum err err = task_suspend();
        task_deadline_restore(before);
        if (err == ERR_CANCELLED)
            jobs->stopping = true;
    }
    jobs->poked = false;
}

/* --- Life ----------------------------------------------------------------------------------- */

static void on_poke(void *arg)
{
    struct jobs *jobs = arg;
    atomic_store(&jobs->poke_posted, false);
    poke(jobs);
}

/* On the thread that committed. */
static void on_commit(void *arg)
{
    struct jobs *jobs = arg;
    if (!atomic_exchange(&jobs->poke_posted, true))
        loop_post(jobs->loop, on_poke, jobs);
}

/* Handlers are told to end; their memory is ours until they have. */
static void runs_end(struct jobs *jobs)
{
    for (struct job_run *run = jobs->runs; run; run = run->next) {
        if (run->task)
            task_cancel(run->task);
    }
    while (jobs->stats.running > 0)
        task_suspend_lent(NULL, NULL);
}

static enum err runner_main(void *arg)
{
    struct jobs *jobs = arg;
    bool taken_back = false;
    while (!jobs->stopping) {
        struct arena_mark mark = arena_mark(task_arena());
        span wait = after_failure;
        if (!taken_back)
            taken_back = runner_take_back(jobs, jobs->sole_owner) == OK;
        if (taken_back)
            wait = round_run(jobs);
        arena_rewind(task_arena(), mark);
        if (task_cancelled())
            jobs->stopping = true;
        else
            sleep_for(jobs, wait);
    }
    runs_end(jobs);
    db_unlisten(jobs->db, &jobs->listener);
    (void)runner_write_outcomes(jobs); /* else the next start finds them by their dead owner */
    while (atomic_load(&jobs->poke_posted) && await_turn() == OK)
        continue;
    return OK;
}

static void on_runner_end(void *arg, enum err result)
{
    struct jobs *jobs = arg;
    (void)result;
    jobs->runner = NULL;
    if (jobs->stopper)
        task_wake(jobs->stopper);
}

static void owner_make(struct jobs *jobs, const char *seat, uint64_t seed)
{
    uint64_t numbers[2] = { 0 };
    ssize_t got = getrandom(numbers, sizeof(numbers), 0);
    ASSERT(got == sizeof(numbers));
    if (seat) {
        ASSERT(strlen(seat) <= SEAT_TEXT - 2);
        snprintf(jobs->seat, sizeof(jobs->seat), "%s.", seat);
        snprintf(jobs->seat_end, sizeof(jobs->seat_end), "%s/", seat); /* '/' follows '.' */
    }
    snprintf(jobs->owner, sizeof(jobs->owner), "%s%016llx", jobs->seat,
             (unsigned long long)numbers[0]);
    jobs->random = seed ? seed : numbers[1];
}

enum err jobs_start(struct loop *loop, const struct jobs_spec *spec, struct jobs **out_jobs)
{
    ASSERT(spec->kinds_count <= KINDS_MAX);
    struct jobs *jobs = HEAP_NEW(struct jobs);
    jobs->loop = loop;
    jobs->db = spec->db;
    jobs->kinds = spec->kinds;
    jobs->kinds_count = spec->kinds_count;
    jobs->lease = spec->lease ? spec->lease : SECONDS(60);
    jobs->sole_owner = spec->sole_owner;
    jobs->unsettled = true;
    owner_make(jobs, spec->seat, spec->seed);
    jobs->listener = (struct db_listener){ .topics = DB_TOPIC_JOBS, .fn = on_commit, .arg = jobs };
    db_listen(jobs->db, &jobs->listener);
    struct task_spec task = {
        .name = "jobs",
        .fn = runner_main,
        .arg = jobs,
        .arena_bytes_max = MIB(64),
        .on_end = on_runner_end,
    };
    meters_open(spec->kinds, spec->kinds_count);
    *out_jobs = jobs; /* before the runner's first steps: handlers may ask for it */
    enum err err = task_start(loop, &task, &jobs->runner);
    if (err != OK) {
        db_unlisten(jobs->db, &jobs->listener);
        heap_free(jobs);
        *out_jobs = NULL;
    }
    return err;
}

void jobs_wake(struct jobs *jobs)
{
    poke(jobs);
}

void jobs_stop(struct jobs *jobs)
{
    jobs->stopping = true;
    jobs->stopper = task_current();
    poke(jobs);
    while (jobs->runner)
        task_suspend_lent(NULL, NULL);
    jobs->stopper = NULL;
}

void jobs_close(struct jobs *jobs)
{
    ASSERT(!jobs->runner && jobs->stats.running == 0);
    while (jobs->runs) {
        struct job_run *run = jobs->runs;
        jobs->runs = run->next;
        run_free(run);
    }
    heap_free(jobs);
}

struct jobs_stats jobs_stats(const struct jobs *jobs)
{
    return jobs->stats;
}
