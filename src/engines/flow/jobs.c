/* jobs: the queue as its users see it, and what a handler may say. The runner is in runner.c. */
#include "internal.h"

#include "flow_sql.h"
#include "foundation/shape/shape.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

SHAPE_ENUM(job_states, [JOB_QUEUED] = STR_INIT("queued"), [JOB_RUNNING] = STR_INIT("running"),
           [JOB_DONE] = STR_INIT("done"), [JOB_FAILED] = STR_INIT("failed"),
           [JOB_CANCELLED] = STR_INIT("cancelled"));

str job_state_text(enum job_state state)
{
    ASSERT(state < JOB_STATES);
    return shape_enum_text(&job_states, state);
}

bool job_state_parse(str text, enum job_state *out_state)
{
    unsigned state;
    if (!shape_enum_find(&job_states, text, &state))
        return false;
    *out_state = (enum job_state)state;
    return true;
}

/* --- Adding --------------------------------------------------------------------------------- */

enum err job_new_check(const struct job_new *job)
{
    if (job->kind.len == 0 || job->kind.len > JOB_KIND_MAX)
        return err_set(ERR_INVALID, "job-kind", "a job's kind has 1 to %d bytes", JOB_KIND_MAX);
    if (job->subject.len > JOB_SUBJECT_MAX)
        return err_set(ERR_TOO_LARGE, "job-subject", "a job's subject has %zu bytes, more than %d",
                       job->subject.len, JOB_SUBJECT_MAX);
    if (job->payload.len > JOB_PAYLOAD_MAX)
        return err_set(ERR_TOO_LARGE, "job-payload", "a job's payload has %zu bytes, more than %d",
                       job->payload.len, JOB_PAYLOAD_MAX);
    if (job->limit_key.len > JOB_LIMIT_KEY_MAX)
        return err_set(ERR_TOO_LARGE, "job-limit-key",
                       "a job's limit key has %zu bytes, more than %d", job->limit_key.len,
                       JOB_LIMIT_KEY_MAX);
    return OK;
}

static enum err job_insert(struct db_tx *tx, const struct job_new *job, struct db_row *out_row)
{
    instant now = clock_now();
    struct db_args args = DB_ARGS(DB_TEXT(job->kind), DB_TEXT(job->subject), DB_TEXT(job->payload),
                                  DB_I64(job->priority), DB_TEXT_OR_NULL(job->idempotency_key),
                                  DB_I64(job->attempts_max), DB_TIME(job->run_at), DB_TIME(now),
                                  DB_TEXT_OR_NULL(job->limit_key));
    return db_find(tx, &SQL_JOB_ADD, args, out_row);
}

enum err job_add(struct db_tx *tx, const struct job_new *job, int64_t *out_id, bool *out_added)
{
    struct db_row row;
    TRY(job_new_check(job));
    TRY(job_insert(tx, job, &row));
    bool added = row.values != NULL;
    if (!added) {
        struct db_args key = DB_ARGS(DB_TEXT(job->kind), DB_TEXT(job->idempotency_key));
        TRY(db_one(tx, &SQL_JOB_BY_KEY, key, &row));
    }
    db_notify(tx, DB_TOPIC_JOBS);
    *out_id = db_i64(&row, 0);
    *out_added = added;
    return OK;
}

enum err jobs_add(struct db_tx *tx, const struct job_new *job, int64_t *out_id)
{
    bool added;
    return job_add(tx, job, out_id, &added);
}

/* --- Looking -------------------------------------------------------------------------------- */

static enum err job_of_row(const struct db_row *row, struct job *out_job)
{
    struct job job = {
        .id = db_i64(row, 0),
        .kind = db_text(row, 1),
        .subject = db_text(row, 2),
        .payload = db_text(row, 3),
        .priority = db_i64(row, 5),
        .attempts = (unsigned)db_i64(row, 6),
        .attempts_max = (unsigned)db_i64(row, 7),
        .run_at = db_at(row, 8),
        .progress = db_f64(row, 9),
        .message = db_text(row, 10),
        .checkpoint = db_text(row, 11),
        .error_slug = db_text(row, 12),
        .error_text = db_text(row, 13),
        .created_at = db_at(row, 14),
        .updated_at = db_at(row, 15),
        .finished_at = db_at(row, 16),
        .cancel_requested = db_bool(row, 17),
        .limit_key = db_text(row, 18),
    };
    if (!job_state_parse(db_text(row, 4), &job.state))
        return err_set(ERR_CORRUPT, "job-state", "job %lld has the unknown state %.*s",
                       (long long)job.id, STR_ARG(db_text(row, 4)));
    *out_job = job;
    return OK;
}

static enum err job_row(struct db_tx *tx, int64_t id, struct db_row *out_row)
{
    TRY(db_find(tx, &SQL_JOB_GET, DB_ARGS(DB_I64(id)), out_row));
    if (!out_row->values)
        return err_set(ERR_NOT_FOUND, "job-not-found", "there is no job %lld", (long long)id);
    return OK;
}

enum err jobs_get(struct db_tx *tx, int64_t id, struct job *out_job)
{
    struct db_row row;
    TRY(job_row(tx, id, &row));
    return job_of_row(&row, out_job);
}

static enum err list_rows(struct db_tx *tx, const struct jobs_filter *filter, struct db_rows *out)
{
    struct db_value before = DB_I64(filter->before ? filter->before : INT64_MAX);
    struct db_value limit = DB_I64(filter->limit + 1), kind = DB_TEXT(filter->kind);
    if (filter->state < 0 && filter->kind.len == 0)
        return db_all(tx, &SQL_JOBS_LIST, DB_ARGS(before, limit), filter->limit, out);
    if (filter->state < 0)
        return db_all(tx, &SQL_JOBS_LIST_KIND, DB_ARGS(before, limit, kind), filter->limit, out);
    struct db_value state = DB_TEXT(job_state_text((enum job_state)filter->state));
    if (filter->kind.len == 0)
        return db_all(tx, &SQL_JOBS_LIST_STATE, DB_ARGS(before, limit, state), filter->limit, out);
    return db_all(tx, &SQL_JOBS_LIST_KIND_STATE, DB_ARGS(before, limit, kind, state), filter->limit,
                  out);
}

enum err jobs_list(struct db_tx *tx, const struct jobs_filter *filter, struct jobs_page *out_page)
{
    struct db_rows rows;
    if (filter->limit < 1 || filter->limit > JOB_LIST_MAX)
        return err_set(ERR_INVALID, "limit", "a page of jobs has 1 to %d", JOB_LIST_MAX);
    TRY(list_rows(tx, filter, &rows));
    struct job *items = ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct job);
    for (unsigned i = 0; i < rows.count; i++)
        TRY(job_of_row(&rows.items[i], &items[i]));
    int64_t next = rows.more ? items[rows.count - 1].id : 0;
    *out_page = (struct jobs_page){ items, rows.count, next };
    return OK;
}

TASK_FN enum err jobs_count(struct db_tx *tx, enum job_state state, int64_t *out_count)
{
    struct db_row row;
    TRY(db_one(tx, &SQL_JOBS_COUNT_STATE, DB_ARGS(DB_TEXT(job_state_text(state))), &row));
    *out_count = db_i64(&row, 0);
    return OK;
}

/* --- Changing ------------------------------------------------------------------------------- */

enum err jobs_cancel(struct db_tx *tx, int64_t id)
{
    int64_t changed = 0;
    struct db_row row;
    struct db_args args = DB_ARGS(DB_I64(id), DB_TIME(clock_now()));
    TRY(job_row(tx, id, &row));
    TRY(db_exec(tx, &SQL_JOB_CANCEL_QUEUED, args, &changed));
    if (changed && saga_is_job(db_text(&row, 1)))
        TRY(saga_job_over(tx, id, (unsigned)db_i64(&row, 6), STR("job-cancelled"),
                          STR("the job of this step was cancelled")));
    if (!changed)
        TRY(db_exec(tx, &SQL_JOB_CANCEL_RUNNING, args, &changed));
    if (!changed)
        return err_set(ERR_CONFLICT, "job-ended", "job %lld has ended", (long long)id);
    db_notify(tx, DB_TOPIC_JOBS);
    return OK;
}

enum err jobs_retry(struct db_tx *tx, int64_t id)
{
    int64_t changed;
    struct db_row row;
    TRY(job_row(tx, id, &row));
    if (saga_is_job(db_text(&row, 1)))
        return err_set(ERR_CONFLICT, "job-of-a-saga",
                       "job %lld is a step of a saga: the saga is retried, not the job",
                       (long long)id);
    TRY(db_exec(tx, &SQL_JOB_RETRY, DB_ARGS(DB_I64(id), DB_TIME(clock_now())), &changed));
    if (!changed)
        return err_set(ERR_CONFLICT, "job-active", "job %lld has neither failed nor been cancelled",
                       (long long)id);
    db_notify(tx, DB_TOPIC_JOBS);
    return OK;
}

enum err jobs_priority_put(struct db_tx *tx, int64_t id, int64_t priority)
{
    int64_t changed;
    struct db_row row;
    struct db_args args = DB_ARGS(DB_I64(id), DB_I64(priority), DB_TIME(clock_now()));
    TRY(job_row(tx, id, &row));
    TRY(db_exec(tx, &SQL_JOB_PRIORITY_PUT, args, &changed));
    return changed ? OK
                   : err_set(ERR_CONFLICT, "job-begun", "job %lld waits in the queue no more",
                             (long long)id);
}

enum err jobs_hasten(struct db_tx *tx, int64_t id)
{
    db_notify(tx, DB_TOPIC_JOBS);
    return db_exec(tx, &SQL_JOB_HASTEN, DB_ARGS(DB_I64(id), DB_TIME(clock_now())), NULL);
}

enum err jobs_prune(struct db_tx *tx, instant before, unsigned limit, int64_t *out_removed)
{
    return db_exec(tx, &SQL_JOBS_PRUNE, DB_ARGS(DB_TIME(before), DB_I64(limit)), out_removed);
}

/* --- For handlers --------------------------------------------------------------------------- */

int64_t job_id(const struct job_run *run)
{
    return run->id;
}

str job_subject(const struct job_run *run)
{
    return run->subject;
}

str job_payload(const struct job_run *run)
{
    return run->payload;
}

unsigned job_attempt(const struct job_run *run)
{
    return run->attempt;
}

str job_checkpoint(const struct job_run *run)
{
    return run->checkpoint;
}

void job_progress(struct job_run *run, double progress, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(run->message, sizeof(run->message), format, args);
    va_end(args);
    /* A cut may have left half a character. */
    size_t len = strlen(run->message);
    while (len && !str_is_utf8((str){ run->message, len }))
        run->message[--len] = 0;
    run->progress = progress >= 0 && progress <= 1 ? progress : progress > 1;
    run->progress_unsaved = true;
}

static enum err lease_lost(const struct job_run *run)
{
    return err_set(ERR_CONFLICT, "job-lease-lost", "job %lld belongs to another runner now",
                   (long long)run->id);
}

struct checkpoint_save {
    struct job_run *run;
    str checkpoint;
};

static enum err checkpoint_put(struct db_tx *tx, void *arg)
{
    const struct checkpoint_save *save = arg;
    const struct job_run *run = save->run;
    int64_t changed;
    struct db_args args =
        DB_ARGS(DB_I64(run->id), DB_TEXT(owner_text(run->jobs)), DB_I64(run->attempt),
                DB_TEXT(save->checkpoint), DB_TIME(clock_now()));
    TRY(db_exec(tx, &SQL_JOB_CHECKPOINT_PUT, args, &changed));
    return changed ? OK : lease_lost(run);
}

enum err job_checkpoint_save(struct job_run *run, str checkpoint)
{
    struct checkpoint_save save = { run, checkpoint };
    if (checkpoint.len > JOB_CHECKPOINT_MAX)
        return err_set(ERR_TOO_LARGE, "job-checkpoint", "a checkpoint has %zu bytes, more than %d",
                       checkpoint.len, JOB_CHECKPOINT_MAX);
    TRY(db_tx(run->jobs->db, checkpoint_put, &save));
    char *copy = arena_try(&run->texts, checkpoint.len + 1);
    run->checkpoint = STR_NONE; /* without room for a copy it is in the database all the same */
    if (copy) {
        memcpy(copy, checkpoint.ptr ? checkpoint.ptr : "", checkpoint.len);
        copy[checkpoint.len] = 0;
        run->checkpoint = (str){ copy, checkpoint.len };
    }
    return OK;
}

enum err job_finish(struct db_tx *tx, struct job_run *run)
{
    int64_t changed;
    struct db_args args = DB_ARGS(DB_I64(run->id), DB_TEXT(owner_text(run->jobs)),
                                  DB_I64(run->attempt), DB_TIME(clock_now()));
    TRY(db_exec(tx, &SQL_JOB_DONE, args, &changed));
    run->finish_called = true;
    return changed ? OK : lease_lost(run);
}

void job_wait_until(struct job_run *run, instant at)
{
    run->again_at = at;
}

void job_give_up(struct job_run *run)
{
    run->last = true;
}

void job_again_before(struct job_run *run, instant at)
{
    run->again_before = at;
}
