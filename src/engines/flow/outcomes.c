/*
 * outcomes: how attempts ended, written in one transaction a round: done, failed, put back, tried
 * again after a back-off. What a saga makes of it is part of it.
 */
#include "internal.h"

#include "flow_sql.h"

static uint64_t random_next(struct jobs *jobs)
{
    uint64_t z = (jobs->random += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Doubled with each attempt up to the maximum; half of it random, so that a crowd does not return.
 */
static span backoff(struct jobs *jobs, const struct job_run *run)
{
    span wait = kind_backoff(run->kind);
    span max = run->kind->backoff_max ? run->kind->backoff_max : HOURS(1);
    for (unsigned i = 1; i < run->attempt && wait < max; i++)
        wait *= 2;
    wait = MIN_OF(wait, max);
    return wait / 2 + (span)(random_next(jobs) % (uint64_t)(wait / 2 + 1));
}

enum outcome { DONE, CANCELLED, FAILED, AGAIN, WAITS, PUT_BACK, NOTHING };

static enum outcome outcome_of(const struct jobs *jobs, const struct job_run *run)
{
    if (run->result == OK)
        return DONE;
    if (run->lease_lost)
        return NOTHING;
    if (run->cancel_seen)
        return CANCELLED;
    if (run->result == ERR_CANCELLED && jobs->stopping)
        return PUT_BACK;
    if (run->again_at && !run->last)
        return WAITS;
    bool may_pass = err_info(run->result)->retryable || run->result == ERR_INTERNAL ||
                    run->result == ERR_CANCELLED;
    return may_pass && !run->last && run->attempt < run->attempts_max ? AGAIN : FAILED;
}

/* Back into the queue; `attempts` so far. */
static enum err again_put(struct db_tx *tx, const struct job_run *run, instant at,
                          unsigned attempts, int64_t *out_changed)
{
    bool failed = run->attempt == attempts || run->again_at;
    struct db_value slug = failed ? DB_TEXT(str_of(run->error_slug)) : DB_NULL;
    struct db_value text = failed ? DB_TEXT(str_of(run->error_text)) : DB_NULL;
    if (run->again_before)
        at = MIN_OF(at, run->again_before);
    return db_exec(tx, &SQL_JOB_AGAIN,
                   DB_ARGS(DB_I64(run->id), DB_TEXT(owner_text(run->jobs)), DB_I64(run->attempt),
                           DB_TIME(at), DB_I64(attempts), slug, text, DB_TIME(clock_now())),
                   out_changed);
}

/* What a saga makes of it is part of it; a lease that was lost makes nothing. */
static enum err ended_put(struct db_tx *tx, const struct job_run *run, enum job_state state)
{
    int64_t changed;
    str slug = str_of(run->error_slug), text = str_of(run->error_text);
    TRY(db_exec(tx, &SQL_JOB_ENDED,
                DB_ARGS(DB_I64(run->id), DB_TEXT(owner_text(run->jobs)), DB_I64(run->attempt),
                        DB_TEXT(job_state_text(state)), DB_TEXT(slug), DB_TEXT(text),
                        DB_TIME(clock_now())),
                &changed));
    if (!changed || !saga_is_job(str_of(run->kind->name)))
        return OK;
    return saga_job_over(tx, run->id, run->attempt, slug, text);
}

static enum err failed_put(struct db_tx *tx, struct jobs *jobs, const struct job_run *run)
{
    int64_t changed;
    TRY(again_put(tx, run, clock_now() + backoff(jobs, run), run->attempt, &changed));
    if (!changed || !saga_is_job(str_of(run->kind->name)))
        return OK;
    return saga_job_again(tx, run->id, run->attempt, str_of(run->error_slug),
                          str_of(run->error_text));
}

static enum err outcome_put(struct db_tx *tx, struct jobs *jobs, struct job_run *run)
{
    struct db_args done = DB_ARGS(DB_I64(run->id), DB_TEXT(owner_text(jobs)), DB_I64(run->attempt),
                                  DB_TIME(clock_now()));
    switch (outcome_of(jobs, run)) {
    case DONE:
        return db_exec(tx, &SQL_JOB_DONE, done, NULL);
    case CANCELLED:
        return ended_put(tx, run, JOB_CANCELLED);
    case FAILED:
        return ended_put(tx, run, JOB_FAILED);
    case AGAIN:
        return failed_put(tx, jobs, run);
    case WAITS:
        return again_put(tx, run, run->again_at, run->attempt - 1, NULL);
    case PUT_BACK:
        return again_put(tx, run, 0, run->attempt - 1, NULL);
    default:
        return OK;
    }
}

static enum err outcomes_put(struct db_tx *tx, void *arg)
{
    struct jobs *jobs = arg;
    for (struct job_run *run = jobs->runs; run; run = run->next) {
        if (run->outcome_due)
            TRY(outcome_put(tx, jobs, run));
    }
    return OK;
}

static void outcome_count(struct jobs *jobs, const struct job_run *run)
{
    enum outcome outcome = outcome_of(jobs, run);
    jobs->stats.done += outcome == DONE;
    jobs->stats.cancelled += outcome == CANCELLED;
    jobs->stats.failed += outcome == FAILED;
    jobs->stats.retried += outcome == AGAIN;
}

enum err runner_write_outcomes(struct jobs *jobs)
{
    bool any = false;
    for (struct job_run *run = jobs->runs; run; run = run->next)
        any |= run->outcome_due = run->ended;
    if (!any)
        return OK;
    TRY(db_tx(jobs->db, outcomes_put, jobs));
    struct job_run **link = &jobs->runs;
    while (*link) {
        struct job_run *run = *link;
        if (run->outcome_due) {
            outcome_count(jobs, run);
            *link = run->next;
            run_free(run);
        } else {
            link = &run->next;
        }
    }
    return OK;
}
