/*
 * claim: what the runner writes: leases, progress (and outcomes, in outcomes.c). Transactions run
 * on another thread while handlers go on, so each gets copies of what may change, and its answers
 * are applied after the commit.
 */
#include "internal.h"

#include "flow_sql.h"

#include <string.h>

enum { STRAYS_A_ROUND = 100 };

str owner_text(const struct jobs *jobs)
{
    return str_of(jobs->owner);
}

static struct db_value kind_value(const struct job_kind *kind)
{
    return DB_TEXT(str_of(kind->name));
}

/* --- Jobs of dead owners -------------------------------------------------------------------- */

struct take_back {
    struct jobs *jobs;
    instant leases_until;
    uint64_t count; /* out */
};

static enum err stray_put(struct db_tx *tx, const struct job_kind *kind, const struct db_row *row)
{
    int64_t id = db_i64(row, 0), attempts = db_i64(row, 1);
    struct db_value owner = DB_TEXT(db_text(row, 4)), now = DB_TIME(clock_now());
    struct db_value at_once = DB_TIME(0);
    struct db_value slug = DB_TEXT(STR("job-abandoned"));
    struct db_value text = DB_TEXT(STR("the process that ran it has ended"));
    bool cancelled = db_bool(row, 3), saga = saga_is_job(str_of(kind->name));
    if (!cancelled && attempts < attempts_limit(kind, db_i64(row, 2))) {
        if (saga)
            TRY(saga_job_again(tx, id, (unsigned)attempts, slug.bytes, text.bytes));
        return db_exec(tx, &SQL_JOB_AGAIN,
                       DB_ARGS(DB_I64(id), owner, DB_I64(attempts), at_once, DB_I64(attempts), slug,
                               text, now),
                       NULL);
    }
    if (saga)
        TRY(saga_job_over(tx, id, (unsigned)attempts, slug.bytes, text.bytes));
    str state = job_state_text(cancelled ? JOB_CANCELLED : JOB_FAILED);
    return db_exec(tx, &SQL_JOB_ENDED,
                   DB_ARGS(DB_I64(id), owner, DB_I64(attempts), DB_TEXT(state), slug, text, now),
                   NULL);
}

static enum err strays_take(struct db_tx *tx, void *arg)
{
    struct take_back *take = arg;
    const struct jobs *jobs = take->jobs;
    take->count = 0;
    for (unsigned i = 0; i < take->jobs->kinds_count; i++) {
        const struct job_kind *kind = &take->jobs->kinds[i];
        struct db_rows rows;
        struct db_args args = DB_ARGS(kind_value(kind), DB_TEXT(owner_text(take->jobs)),
                                      DB_I64(take->leases_until), DB_I64(STRAYS_A_ROUND),
                                      DB_TEXT(str_of(jobs->seat)), DB_TEXT(str_of(jobs->seat_end)));
        TRY(db_all(tx, &SQL_JOBS_STRAY, args, STRAYS_A_ROUND, &rows));
        for (unsigned k = 0; k < rows.count; k++)
            TRY(stray_put(tx, kind, &rows.items[k]));
        take->count += rows.count;
    }
    return OK;
}

enum err runner_take_back(struct jobs *jobs, bool all)
{
    struct take_back take = { .jobs = jobs, .leases_until = all ? INT64_MAX : clock_now() };
    do {
        TRY(db_tx(jobs->db, strays_take, &take));
        jobs->stats.taken_back += take.count;
    } while (take.count >= STRAYS_A_ROUND);
    return OK;
}

/* --- Taking jobs ---------------------------------------------------------------------------- */

struct claim {
    struct jobs *jobs;
    unsigned local_free[KINDS_MAX];
    struct db_row rows[RUNS_MAX]; /* out, of job_claim */
    unsigned char kinds[RUNS_MAX];
    unsigned count;
};

static enum err claim_one(struct db_tx *tx, struct claim *claim, unsigned at, int64_t id)
{
    instant now = clock_now();
    const struct job_kind *kind = &claim->jobs->kinds[at];
    struct db_args args =
        DB_ARGS(DB_I64(id), DB_TEXT(owner_text(claim->jobs)), DB_TIME(now + claim->jobs->lease),
                DB_TIME(now), DB_I64(attempts_limit(kind, 0)), DB_I64(kind_key_concurrency(kind)));
    struct db_row row;
    TRY(db_find(tx, &SQL_JOB_CLAIM, args, &row));
    if (row.values) { /* else one before it in this list has taken its key's last place */
        claim->rows[claim->count] = row;
        claim->kinds[claim->count++] = (unsigned char)at;
    }
    return OK;
}

static struct db_args next_args(const struct job_kind *kind, int64_t limit, struct db_value *out)
{
    out[0] = kind_value(kind);
    out[1] = DB_TIME(clock_now());
    out[2] = DB_I64(limit);
    out[3] = DB_I64(kind_key_concurrency(kind));
    return (struct db_args){ out, 4 };
}

/* Up to `free` of a kind. Asked again when keys were in the way: others may have room. */
static enum err claim_some(struct db_tx *tx, struct claim *claim, unsigned at, unsigned free)
{
    unsigned before;
    struct db_rows due;
    struct db_value values[4];
    do {
        before = claim->count;
        TRY(db_all(tx, &SQL_JOBS_NEXT, next_args(&claim->jobs->kinds[at], free, values), free,
                   &due));
        for (unsigned i = 0; i < due.count; i++)
            TRY(claim_one(tx, claim, at, db_i64(&due.items[i], 0)));
        free -= claim->count - before;
    } while (free && claim->count > before && claim->count - before < due.count);
    return OK;
}

static enum err claim_kind(struct db_tx *tx, struct claim *claim, unsigned at)
{
    const struct job_kind *kind = &claim->jobs->kinds[at];
    struct db_row running;
    TRY(db_one(tx, &SQL_JOBS_RUNNING_COUNT, DB_ARGS(kind_value(kind)), &running));
    int64_t free = (int64_t)kind_concurrency(kind) - db_i64(&running, 0);
    free = MIN_OF(free, (int64_t)MIN_OF(claim->local_free[at], RUNS_MAX - claim->count));
    return free > 0 ? claim_some(tx, claim, at, (unsigned)free) : OK;
}

static enum err claim_all(struct db_tx *tx, void *arg)
{
    struct claim *claim = arg;
    claim->count = 0;
    for (unsigned i = 0; i < claim->jobs->kinds_count; i++) {
        if (claim->local_free[i])
            TRY(claim_kind(tx, claim, i));
    }
    return OK;
}

/* Which kinds have something due and room for it; read first, so that idling writes nothing. */
static enum err claim_prepare(struct claim *claim, bool *out_any)
{
    struct jobs *jobs = claim->jobs;
    *out_any = false;
    for (unsigned i = 0; i < jobs->kinds_count; i++) {
        const struct job_kind *kind = &jobs->kinds[i];
        struct db_row row;
        struct db_value values[4];
        unsigned running = kind_running(jobs, kind), max = kind_concurrency(kind);
        if (running >= max)
            continue;
        TRY(db_find(db_now(jobs->db), &SQL_JOBS_NEXT, next_args(kind, 1, values), &row));
        if (!row.values)
            continue;
        claim->local_free[i] = max - running;
        *out_any = true;
    }
    return OK;
}

enum err runner_claim(struct jobs *jobs, unsigned *out_claimed)
{
    struct claim *claim = ARENA_NEW(task_arena(), struct claim);
    bool any;
    claim->jobs = jobs;
    *out_claimed = 0;
    TRY(claim_prepare(claim, &any));
    if (!any)
        return OK;
    TRY(db_tx(jobs->db, claim_all, claim));
    for (unsigned i = 0; i < claim->count; i++)
        run_start(jobs, &jobs->kinds[claim->kinds[i]], &claim->rows[i]);
    *out_claimed = claim->count;
    return OK;
}

/* --- The clock went back -------------------------------------------------------------------- */

static enum err waits_shorten(struct db_tx *tx, void *arg)
{
    const struct jobs *jobs = arg;
    for (unsigned i = 0; i < jobs->kinds_count; i++) {
        instant latest = clock_now() + kind_backoff(&jobs->kinds[i]);
        TRY(db_exec(tx, &SQL_JOBS_WAIT_SHORTEN,
                    DB_ARGS(kind_value(&jobs->kinds[i]), DB_TIME(latest)), NULL));
    }
    return OK;
}

enum err runner_see_clock(struct jobs *jobs)
{
    instant now = clock_now();
    if (now < jobs->clock_seen) {
        TRY(db_tx(jobs->db, waits_shorten, jobs));
        jobs->unsettled = true;
    }
    jobs->clock_seen = now;
    return OK;
}

/* --- Leases --------------------------------------------------------------------------------- */

struct beat {
    struct jobs *jobs;
    struct db_rows rows[KINDS_MAX]; /* out: id, cancel_requested */
};

static enum err leases_extend(struct db_tx *tx, void *arg)
{
    struct beat *beat = arg;
    for (unsigned i = 0; i < beat->jobs->kinds_count; i++) {
        struct db_args args =
            DB_ARGS(kind_value(&beat->jobs->kinds[i]), DB_TEXT(owner_text(beat->jobs)),
                    DB_TIME(clock_now() + beat->jobs->lease));
        TRY(db_all(tx, &SQL_JOBS_LEASE_EXTEND, args, RUNS_MAX, &beat->rows[i]));
    }
    return OK;
}

static void run_cancel(struct job_run *run, bool *reason)
{
    if (!run->task || *reason)
        return;
    *reason = true;
    task_cancel(run->task);
}

static const struct db_row *row_of(const struct db_rows *rows, int64_t id)
{
    for (unsigned i = 0; i < rows->count; i++) {
        if (db_i64(&rows->items[i], 0) == id)
            return &rows->items[i];
    }
    return NULL;
}

enum err runner_beat(struct jobs *jobs)
{
    struct beat *beat = ARENA_NEW(task_arena(), struct beat);
    struct job_run *before = jobs->runs;
    beat->jobs = jobs;
    if (!before)
        return OK;
    TRY(db_tx(jobs->db, leases_extend, beat));
    for (struct job_run *run = before; run; run = run->next) {
        const struct db_row *row = row_of(&beat->rows[run->kind - jobs->kinds], run->id);
        if (!row && !run->finish_called) {
            jobs->stats.leases_lost += !run->lease_lost && run->task;
            run_cancel(run, &run->lease_lost);
        } else if (row && db_bool(row, 1)) {
            run_cancel(run, &run->cancel_seen);
        }
    }
    return OK;
}

enum err runner_see_cancels(struct jobs *jobs)
{
    for (unsigned i = 0; i < jobs->kinds_count; i++) {
        struct db_rows rows;
        struct db_args args =
            DB_ARGS(kind_value(&jobs->kinds[i]), DB_TEXT(owner_text(jobs)), DB_I64(RUNS_MAX));
        if (kind_running(jobs, &jobs->kinds[i]) == 0)
            continue;
        TRY(db_all(db_now(jobs->db), &SQL_JOBS_CANCELLING, args, RUNS_MAX, &rows));
        for (struct job_run *run = jobs->runs; run; run = run->next) {
            if (run->kind == &jobs->kinds[i] && row_of(&rows, run->id))
                run_cancel(run, &run->cancel_seen);
        }
    }
    return OK;
}

/* --- Progress ------------------------------------------------------------------------------- */

struct progress {
    int64_t id;
    unsigned attempt;
    double progress;
    str message;
};

struct progress_save {
    struct jobs *jobs;
    struct progress *items;
    unsigned count;
};

static enum err progress_put(struct db_tx *tx, void *arg)
{
    const struct progress_save *save = arg;
    for (unsigned i = 0; i < save->count; i++) {
        const struct progress *item = &save->items[i];
        struct db_args args =
            DB_ARGS(DB_I64(item->id), DB_TEXT(owner_text(save->jobs)), DB_I64(item->attempt),
                    DB_F64(item->progress), DB_TEXT(item->message), DB_TIME(clock_now()));
        TRY(db_exec(tx, &SQL_JOB_PROGRESS_PUT, args, NULL));
    }
    return OK;
}

enum err runner_save_progress(struct jobs *jobs)
{
    struct progress_save save = { .jobs = jobs };
    unsigned unsaved = 0;
    for (struct job_run *run = jobs->runs; run; run = run->next)
        unsaved += run->progress_unsaved;
    if (!unsaved)
        return OK;
    save.items = ARENA_ARRAY(task_arena(), unsaved, struct progress);
    for (struct job_run *run = jobs->runs; run; run = run->next) {
        if (!run->progress_unsaved)
            continue;
        run->progress_unsaved = false;
        str message = arena_str(task_arena(), str_of(run->message));
        save.items[save.count++] =
            (struct progress){ run->id, run->attempt, run->progress, message };
    }
    return db_tx(jobs->db, progress_put, &save);
}
