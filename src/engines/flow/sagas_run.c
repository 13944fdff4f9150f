/* sagas_run: an attempt at a step, as the job that it is. */
#include "sagas_impl.h"

#include "flow_sql.h"

#include <string.h>

struct saga_run {
    struct job_run *job;
    struct saga_row saga;
    const struct saga_kind *kind;
};

int64_t saga_id(const struct saga_run *run)
{
    return run->saga.shown.id;
}

str saga_input(const struct saga_run *run)
{
    return run->saga.shown.input;
}

struct job_run *saga_run_job(struct saga_run *run)
{
    return run->job;
}

str saga_key(const struct saga_run *run)
{
    const struct saga *s = &run->saga.shown;
    return arena_printf(task_arena(), "%.*s-%lld-%.*s-%s-%lld", STR_ARG(s->kind), (long long)s->id,
                        STR_ARG(s->step), s->undoing ? "undo" : "do", (long long)run->saga.round);
}

enum err saga_result(struct saga_run *run, const char *step, str *out_result)
{
    struct saga_step_view *steps;
    unsigned count;
    TRY(saga_steps_list(db_now(run->job->jobs->db), saga_id(run), &steps, &count));
    *out_result = STR_NONE;
    for (unsigned i = 0; i < count; i++)
        if (str_eq(steps[i].name, str_of(step)))
            *out_result = steps[i].result;
    return OK;
}

enum err saga_step_finish(struct db_tx *tx, struct saga_run *run, str result)
{
    struct saga_row now;
    if (result.len > SAGA_RESULT_MAX)
        return err_set(ERR_TOO_LARGE, "saga-result", "a step's result has %zu bytes, more than %d",
                       result.len, SAGA_RESULT_MAX);
    TRY(saga_of_job(tx, job_id(run->job), &now));
    if (!now.shown.id)
        return err_set(ERR_CONFLICT, "saga-moved", "saga %lld is not at this step any more",
                       (long long)saga_id(run));
    TRY(job_finish(tx, run->job));
    return saga_advance(tx, &now, result);
}

static enum err finish_tx(struct db_tx *tx, void *arg)
{
    return saga_step_finish(tx, arg, STR_NONE);
}

static const struct saga_step *step_find(const struct saga_kind *kind, str name)
{
    for (unsigned i = 0; i < kind->steps_count; i++)
        if (str_eq(str_of(kind->steps[i].name), name))
            return &kind->steps[i];
    return NULL;
}

static enum err over_time(struct saga_run *run)
{
    job_give_up(run->job);
    return err_set(ERR_TIMEOUT, "saga-deadline", "the step %.*s was not done by its deadline",
                   STR_ARG(run->saga.shown.step));
}

static enum err act(struct saga_run *run, saga_fn fn)
{
    instant deadline_at = run->saga.deadline_at, now = clock_now();
    if (run->saga.shown.undoing || deadline_at == INSTANT_NEVER)
        return fn(run, run->kind->arg);
    if (now >= deadline_at)
        return over_time(run);
    job_again_before(run->job, deadline_at);
    instant before = task_deadline_narrow(deadline_at - now);
    enum err result = fn(run, run->kind->arg);
    task_deadline_restore(before);
    return result == ERR_TIMEOUT && clock_now() >= deadline_at ? over_time(run) : result;
}

enum err saga_job(struct job_run *job, void *arg)
{
    struct saga_run run = { .job = job, .kind = arg };
    TRY(saga_of_job(db_now(job->jobs->db), job_id(job), &run.saga));
    if (!run.saga.shown.id)
        return OK; /* it has gone on without this job */
    const struct saga_step *step = step_find(run.kind, run.saga.shown.step);
    saga_fn fn = !step ? NULL : run.saga.shown.undoing ? step->undo : step->act;
    if (!fn)
        return err_set(ERR_NOT_FOUND, "saga-step", "this program has no step %.*s of %s",
                       STR_ARG(run.saga.shown.step), run.kind->name);
    TRY(act(&run, fn));
    /* Unless saga_step_finish() was called, and its transaction stands. */
    struct saga_row now;
    TRY(saga_of_job(db_now(job->jobs->db), job_id(job), &now));
    return now.shown.id ? db_tx(job->jobs->db, finish_tx, &run) : OK;
}
