/*
 * sagas: how a saga moves. Every move is part of the transaction that brought it about: of the
 * step's effect, of the job's end, of a person's wish.
 */
#include "sagas_impl.h"

#include "flow_sql.h"

#include <stdio.h>
#include <string.h>

enum { KIND_BYTES = JOB_KIND_MAX + 1 };

/* --- Lines of the timeline ------------------------------------------------------------------ */

struct happening {
    const char *what;
    str step, slug, text;
    unsigned attempt;
};

static enum err note(struct db_tx *tx, int64_t saga, const struct happening *h)
{
    str none = STR("");
    return db_exec(tx, &SQL_SAGA_EVENT_ADD,
                   DB_ARGS(DB_I64(saga), DB_TIME(clock_now()), DB_TEXT(str_of(h->what)),
                           DB_TEXT(h->step.ptr ? h->step : none), DB_I64(h->attempt),
                           DB_TEXT(h->slug.ptr ? h->slug : none),
                           DB_TEXT(h->text.ptr ? h->text : none)),
                   NULL);
}

static enum err note_step(struct db_tx *tx, const struct saga_row *saga, const char *what)
{
    return note(tx, saga->shown.id, &(struct happening){ .what = what, .step = saga->shown.step });
}

/* --- Moves ---------------------------------------------------------------------------------- */

static enum err move(struct db_tx *tx, const struct saga_row *saga)
{
    const struct saga *s = &saga->shown;
    bool ended = s->state == SAGA_DONE || s->state == SAGA_UNDONE;
    struct db_value job = s->job_id ? DB_I64(s->job_id) : DB_NULL;
    return db_exec(tx, &SQL_SAGA_MOVE,
                   DB_ARGS(DB_I64(s->id), DB_TEXT(saga_state_text(s->state)), DB_BOOL(s->undoing),
                           DB_I64(saga->position), DB_I64(saga->round), job,
                           DB_TEXT_OR_NULL(s->error_slug), DB_TEXT_OR_NULL(s->error_text),
                           DB_TIME(clock_now()), DB_TIME(ended ? clock_now() : INSTANT_NEVER)),
                   NULL);
}

static enum err step_state_put(struct db_tx *tx, const struct saga_row *saga, const char *state,
                               instant deadline_at)
{
    return db_exec(tx, &SQL_SAGA_STEP_PUT,
                   DB_ARGS(DB_I64(saga->shown.id), DB_I64(saga->position), DB_TEXT(str_of(state)),
                           DB_TIME(deadline_at)),
                   NULL);
}

static enum err steps_load(struct db_tx *tx, int64_t id, struct db_rows *out)
{
    struct db_args args = DB_ARGS(DB_I64(id), DB_I64(SAGA_STEPS_MAX));
    return db_all(tx, &SQL_SAGA_STEPS_LIST, args, SAGA_STEPS_MAX, out);
}

/*
 * The job of the step it is at. One job of a saga runs at a time, by its limit key: an undoing does
 * not begin while the handler it overtook is still ending.
 */
static enum err step_job_add(struct db_tx *tx, struct saga_row *saga, unsigned attempts_max)
{
    char kind[KIND_BYTES], key[32];
    struct arena *arena = db_arena(tx);
    const struct saga *s = &saga->shown;
    const char *way = s->undoing ? "undo" : "do";
    snprintf(kind, sizeof(kind), SAGA_JOB_PREFIX "%.*s", STR_ARG(s->kind));
    snprintf(key, sizeof(key), "saga %lld", (long long)s->id);
    struct job_new job = {
        .kind = str_of(kind),
        .subject = s->subject,
        .payload = arena_printf(arena, "{\"saga\":\"%lld\",\"position\":%lld,\"way\":\"%s\"}",
                                (long long)s->id, (long long)saga->position, way),
        .idempotency_key = arena_printf(arena, "%lld/%lld/%s/%lld", (long long)s->id,
                                        (long long)saga->position, way, (long long)saga->round),
        .limit_key = str_of(key),
        .attempts_max = attempts_max,
    };
    return jobs_add(tx, &job, &saga->shown.job_id);
}

/* Begins with the step at saga->position, the way it goes. */
static enum err step_begin(struct db_tx *tx, struct saga_row *saga, const struct db_row *step)
{
    struct saga *s = &saga->shown;
    span deadline = db_i64(step, 6);
    instant until = deadline && !s->undoing ? clock_now() + deadline : INSTANT_NEVER;
    s->step = db_text(step, 0);
    s->state = s->undoing ? SAGA_COMPENSATING : SAGA_RUNNING;
    TRY(step_job_add(tx, saga, (unsigned)db_i64(step, 5)));
    TRY(step_state_put(tx, saga, s->undoing ? "undoing" : "active", until));
    TRY(note_step(tx, saga, s->undoing ? "undoing" : "begun"));
    return move(tx, saga);
}

static enum err end(struct db_tx *tx, struct saga_row *saga, enum saga_state state)
{
    saga->shown.state = state;
    saga->shown.job_id = 0;
    TRY(note(tx, saga->shown.id,
             &(struct happening){ .what = state == SAGA_DONE ? "completed" : "compensated" }));
    return move(tx, saga);
}

static bool needs_undoing(const struct db_row *step)
{
    str state = db_text(step, 1);
    return db_bool(step, 4) && (str_eq(state, STR("done")) || str_eq(state, STR("failed")));
}

/* From the position downwards, to the next step that has something to undo. */
static enum err undo_from(struct db_tx *tx, struct saga_row *saga, int64_t position)
{
    struct db_rows steps;
    TRY(steps_load(tx, saga->shown.id, &steps));
    saga->shown.undoing = true;
    while (position >= 0 && !needs_undoing(&steps.items[position]))
        position--;
    if (position < 0)
        return end(tx, saga, SAGA_UNDONE);
    saga->position = position;
    return step_begin(tx, saga, &steps.items[position]);
}

enum err saga_advance(struct db_tx *tx, const struct saga_row *from, str result)
{
    struct saga_row saga = *from;
    struct db_rows steps;
    bool undoing = saga.shown.undoing;
    if (!undoing && result.ptr)
        TRY(db_exec(tx, &SQL_SAGA_STEP_RESULT_PUT,
                    DB_ARGS(DB_I64(saga.shown.id), DB_I64(saga.position), DB_TEXT(result)), NULL));
    TRY(step_state_put(tx, &saga, undoing ? "undone" : "done", INSTANT_NEVER));
    TRY(note_step(tx, &saga, undoing ? "undone" : "done"));
    if (undoing)
        return undo_from(tx, &saga, saga.position - 1);
    TRY(steps_load(tx, saga.shown.id, &steps));
    if (saga.position + 1 == steps.count)
        return end(tx, &saga, SAGA_DONE);
    saga.position++;
    return step_begin(tx, &saga, &steps.items[saga.position]);
}

/* --- Of jobs -------------------------------------------------------------------------------- */

bool saga_is_job(str kind)
{
    return str_starts(kind, STR(SAGA_JOB_PREFIX));
}

enum err saga_of_job(struct db_tx *tx, int64_t job_id, struct saga_row *out)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_SAGA_BY_JOB, DB_ARGS(DB_I64(job_id)), &row));
    if (row.values)
        saga_of_row(&row, out);
    else
        *out = (struct saga_row){ .holds = false };
    return OK;
}

enum err saga_job_again(struct db_tx *tx, int64_t job_id, unsigned attempt, str slug, str text)
{
    struct saga_row saga;
    TRY(saga_of_job(tx, job_id, &saga));
    if (!saga.shown.id)
        return OK;
    return note(tx, saga.shown.id,
                &(struct happening){ "attempt-failed", saga.shown.step, slug, text, attempt });
}

enum err saga_job_over(struct db_tx *tx, int64_t job_id, unsigned attempt, str slug, str text)
{
    struct saga_row saga;
    TRY(saga_of_job(tx, job_id, &saga));
    struct saga *s = &saga.shown;
    if (!s->id)
        return OK;
    TRY(note(tx, s->id, &(struct happening){ "failed", s->step, slug, text, attempt }));
    s->job_id = 0;
    if (!s->undoing || !s->error_slug.ptr) { /* the first cause stays */
        s->error_slug = slug;
        s->error_text = text;
    }
    if (!s->undoing)
        TRY(step_state_put(tx, &saga, "failed", INSTANT_NEVER));
    if (!s->undoing && !saga.holds) {
        TRY(note(tx, s->id, &(struct happening){ .what = "compensating" }));
        return undo_from(tx, &saga, saga.position);
    }
    s->state = SAGA_HELD;
    TRY(note_step(tx, &saga, "held"));
    return move(tx, &saga);
}

/* --- Starting ------------------------------------------------------------------------------- */

static enum err start_check(const struct saga_new *saga)
{
    ASSERT(saga->kind->steps_count >= 1 && saga->kind->steps_count <= SAGA_STEPS_MAX);
    if (saga->input.len > SAGA_INPUT_MAX)
        return err_set(ERR_TOO_LARGE, "saga-input", "a saga's input has %zu bytes, more than %d",
                       saga->input.len, SAGA_INPUT_MAX);
    return OK;
}

static enum err steps_add(struct db_tx *tx, int64_t id, const struct saga_kind *kind)
{
    for (unsigned i = 0; i < kind->steps_count; i++) {
        const struct saga_step *step = &kind->steps[i];
        ASSERT(strlen(step->name) <= SAGA_STEP_NAME_MAX);
        TRY(db_exec(tx, &SQL_SAGA_STEP_ADD,
                    DB_ARGS(DB_I64(id), DB_I64(i), DB_TEXT(str_of(step->name)),
                            DB_BOOL(step->undo != NULL), DB_I64(step->attempts_max),
                            DB_I64(step->deadline)),
                    NULL));
    }
    return OK;
}

enum err saga_start(struct db_tx *tx, const struct saga_new *new, int64_t *out_id)
{
    struct db_row row;
    struct db_rows steps;
    str none = STR(""), kind = str_of(new->kind->name);
    TRY(start_check(new));
    TRY(db_find(tx, &SQL_SAGA_ADD,
                DB_ARGS(DB_TEXT(kind), DB_TEXT(new->subject.ptr ? new->subject : none),
                        DB_TEXT(new->input.ptr ? new->input : none),
                        DB_TEXT_OR_NULL(new->idempotency_key), DB_BOOL(new->kind->holds),
                        DB_TIME(clock_now())),
                &row));
    if (!row.values) {
        struct db_args key = DB_ARGS(DB_TEXT(kind), DB_TEXT(new->idempotency_key));
        TRY(db_one(tx, &SQL_SAGA_BY_KEY, key, &row));
        *out_id = db_i64(&row, 0);
        return OK;
    }
    int64_t id = db_i64(&row, 0);
    TRY(steps_add(tx, id, new->kind));
    TRY(note(tx, id, &(struct happening){ .what = "started" }));
    TRY(steps_load(tx, id, &steps));
    struct saga_row saga = { .shown = { .id = id, .kind = kind, .subject = new->subject } };
    *out_id = id;
    return step_begin(tx, &saga, &steps.items[0]);
}

/* --- By hand -------------------------------------------------------------------------------- */

static enum err saga_load(struct db_tx *tx, int64_t id, struct saga_row *out)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_SAGA_GET, DB_ARGS(DB_I64(id)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "saga-not-found", "there is no saga %lld", (long long)id);
    saga_of_row(&row, out);
    return OK;
}

enum err saga_retry(struct db_tx *tx, int64_t id)
{
    struct saga_row saga;
    struct db_rows steps;
    TRY(saga_load(tx, id, &saga));
    if (saga.shown.state != SAGA_HELD)
        return err_set(ERR_CONFLICT, "saga-not-held", "saga %lld waits for nobody", (long long)id);
    TRY(steps_load(tx, id, &steps));
    saga.round++;
    if (!saga.shown.undoing)
        saga.shown.error_slug = saga.shown.error_text = STR_NONE;
    TRY(note_step(tx, &saga, "retried"));
    return step_begin(tx, &saga, &steps.items[saga.position]);
}

/* Away from the saga first: its end is no failure of the step then. */
static enum err step_cancel(struct db_tx *tx, struct saga_row *saga)
{
    int64_t job_id = saga->shown.job_id;
    saga->shown.job_id = 0;
    TRY(move(tx, saga));
    enum err result = jobs_cancel(tx, job_id);
    return result == ERR_CONFLICT || result == ERR_NOT_FOUND ? OK : result;
}

enum err saga_compensate(struct db_tx *tx, int64_t id, str reason)
{
    struct saga_row saga;
    TRY(saga_load(tx, id, &saga));
    if (saga.shown.state == SAGA_DONE || saga.shown.state == SAGA_UNDONE)
        return err_set(ERR_CONFLICT, "saga-ended", "saga %lld has ended", (long long)id);
    if (saga.shown.undoing)
        return err_set(ERR_CONFLICT, "saga-compensating", "saga %lld is being undone already",
                       (long long)id);
    if (saga.shown.job_id) {
        TRY(step_cancel(tx, &saga));
        TRY(step_state_put(tx, &saga, "failed", INSTANT_NEVER)); /* how far it came is not known */
    }
    TRY(note(
        tx, id,
        &(struct happening){ .what = "compensating", .slug = STR("by-hand"), .text = reason }));
    saga.shown.error_slug = STR("by-hand");
    saga.shown.error_text = reason.ptr ? reason : STR("");
    return undo_from(tx, &saga, saga.position);
}

enum err sagas_prune(struct db_tx *tx, instant before, unsigned limit, int64_t *out_removed)
{
    return db_exec(tx, &SQL_SAGAS_PRUNE, DB_ARGS(DB_TIME(before), DB_I64(limit)), out_removed);
}
