/*
 * schedules_run: what the runner does about schedules: adds the jobs of those that are due, and
 * after a start or a step back of the clock looks whether what is to come is nearer than it was
 * thought.
 */
#include "schedules_impl.h"

#include "flow_sql.h"

enum { DUE_A_ROUND = 32, SETTLE_A_PAGE = 200 };

/* --- Firing --------------------------------------------------------------------------------- */

struct firing {
    const struct schedule_row *row;
    instant next;
    bool passed_over;
    bool fired, held; /* out */
};

static enum err is_held(struct db_tx *tx, const struct schedule_row *row, bool *out_held)
{
    struct db_row active = { NULL, 0 };
    if (row->said.alone && row->last_job)
        TRY(db_find(tx, &SQL_JOB_IS_ACTIVE, DB_ARGS(DB_I64(row->last_job)), &active));
    *out_held = active.values != NULL;
    return OK;
}

/*
 * Who comes second finds next_at moved on. An instant that was run before the clock was set back
 * has its job already: it moves on, and that is all.
 */
static enum err fire_tx(struct db_tx *tx, void *arg)
{
    struct firing *firing = arg;
    const struct schedule_row *row = firing->row;
    char due[INSTANT_TEXT_MAX];
    int64_t changed, job_id;
    firing->fired = firing->held = false;
    TRY(db_exec(tx, &SQL_SCHEDULE_PASSED,
                DB_ARGS(DB_I64(row->id), DB_TIME(row->next_at), DB_TIME(firing->next),
                        DB_TIME(clock_now())),
                &changed));
    if (!changed)
        return OK;
    TRY(is_held(tx, row, &firing->held));
    if (firing->held)
        return db_exec(tx, &SQL_SCHEDULE_HELD, DB_ARGS(DB_I64(row->id)), NULL);
    struct job_new job = row->said.job;
    job.idempotency_key = arena_printf(db_arena(tx), "%.*s@%s", STR_ARG(row->said.name),
                                       instant_format(row->next_at, due).ptr);
    TRY(job_add(tx, &job, &job_id, &firing->fired));
    if (!firing->fired)
        return OK;
    return db_exec(tx, &SQL_SCHEDULE_FIRED,
                   DB_ARGS(DB_I64(row->id), DB_TIME(row->next_at), DB_I64(job_id),
                           DB_BOOL(firing->passed_over)),
                   NULL);
}

struct moving {
    const struct schedule_row *row;
    instant next;
    bool passed_over;
    str problem;
};

static enum err move_tx(struct db_tx *tx, void *arg)
{
    const struct moving *moving = arg;
    const struct schedule_row *row = moving->row;
    struct db_value from = row->next_at == INSTANT_NEVER ? DB_I64(-1) : DB_TIME(row->next_at);
    return db_exec(tx, &SQL_SCHEDULE_MOVED,
                   DB_ARGS(DB_I64(row->id), from, DB_TIME(moving->next),
                           DB_BOOL(moving->passed_over), DB_TEXT_OR_NULL(moving->problem),
                           DB_TIME(clock_now())),
                   NULL);
}

/* What cannot be read (tzdata has gone) is set aside with its reason, and tried at the next start.
 */
static enum err set_aside(struct jobs *jobs, const struct schedule_row *row)
{
    struct moving moving = { .row = row, .next = INSTANT_NEVER };
    moving.problem = arena_str(task_arena(), str_of(err_slot()->text));
    return db_tx(jobs->db, move_tx, &moving);
}

static enum err one_due(struct jobs *jobs, const struct schedule_row *row)
{
    struct schedule_when when;
    instant now = clock_now();
    if (schedule_when_read(task_arena(), &row->said, &when) != OK)
        return set_aside(jobs, row);
    bool late = now - row->next_at > SCHEDULE_LATE_MAX;
    if (late && row->said.missed == SCHEDULE_SKIP) {
        /* On to what is not late: it may be due now. */
        struct moving moving = { .row = row, .passed_over = true };
        moving.next = schedule_when_next(&when, now - SCHEDULE_LATE_MAX - 1);
        TRY(db_tx(jobs->db, move_tx, &moving));
        meter_schedule(false, true);
        return OK;
    }
    struct firing firing = { .row = row, .next = schedule_when_next(&when, now) };
    firing.passed_over = late;
    TRY(db_tx(jobs->db, fire_tx, &firing));
    jobs->stats.scheduled += firing.fired;
    meter_schedule(firing.fired, firing.held || (firing.fired && late));
    return OK;
}

enum err runner_fire(struct jobs *jobs)
{
    struct db_rows rows;
    struct db_args args = DB_ARGS(DB_TIME(clock_now()), DB_I64(DUE_A_ROUND));
    TRY(db_all(db_now(jobs->db), &SQL_SCHEDULES_DUE, args, DUE_A_ROUND, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        struct schedule_row row;
        schedule_of_row(&rows.items[i], &row);
        TRY(one_due(jobs, &row));
    }
    return OK;
}

enum err runner_fire_next(struct jobs *jobs, span *io_wait)
{
    struct db_row row;
    TRY(db_one(db_now(jobs->db), &SQL_SCHEDULES_DUE_NEXT, DB_NO_ARGS, &row));
    if (!db_null(&row, 0))
        *io_wait = MIN_OF(*io_wait, MAX_OF(db_i64(&row, 0) - clock_now(), (span)0));
    return OK;
}

/* --- Settling ------------------------------------------------------------------------------- */

/*
 * What is to come was said by a clock that may have been ahead. Nearer is right then: after what
 * was run last, and after now. What is past and waits to be run stays.
 */
static enum err one_settle(struct jobs *jobs, const struct schedule_row *row)
{
    struct schedule_when when;
    if (row->paused)
        return OK;
    if (schedule_when_read(task_arena(), &row->said, &when) != OK)
        return row->problem.ptr ? OK : set_aside(jobs, row);
    instant next = schedule_when_next(&when, clock_now());
    if (next >= row->next_at)
        return OK;
    struct moving moving = { .row = row, .next = next };
    return db_tx(jobs->db, move_tx, &moving);
}

enum err runner_settle(struct jobs *jobs)
{
    struct db_rows rows;
    struct schedule_row row = { .id = 0 };
    do {
        struct db_args args = DB_ARGS(DB_I64(row.id), DB_I64(SETTLE_A_PAGE));
        TRY(db_all(db_now(jobs->db), &SQL_SCHEDULES_LIST, args, SETTLE_A_PAGE, &rows));
        for (unsigned i = 0; i < rows.count; i++) {
            schedule_of_row(&rows.items[i], &row);
            TRY(one_settle(jobs, &row));
        }
    } while (rows.count == SETTLE_A_PAGE);
    return OK;
}
