/*
 * sagas: work in several steps, each a transaction of its own, that is done as a whole or undone. A
 * kind declares its steps in a table; a saga of it is a row, started in the transaction that wants
 * it. Each step is a job: it survives kill -9, is tried again, has a deadline. A step's effect, its
 * result and the saga's move to the next step commit together, so each step acts once. When a step
 * fails for good, what was done is undone in reverse; when that fails, the saga waits for a person,
 * who retries it. Everything that happens is a line of its timeline.
 *
 * The tables are those of FLOW_SQL; who runs the jobs of SAGA_JOB() runs the sagas.
 */
#pragma once

#include "engines/flow/jobs.h"

enum {
    SAGA_STEPS_MAX = 32,
    SAGA_STEP_NAME_MAX = 64, /* bytes */
    SAGA_INPUT_MAX = 64 * 1024,
    SAGA_RESULT_MAX = 64 * 1024,
    SAGAS_PAGE_MAX = 200,
    SAGA_TIMELINE_MAX = 1000
};

/* --- Declaring ------------------------------------------------------------------------------ */

struct saga_run; /* one attempt at a step, or at undoing it */
/*
 * OK: done (if saga_step_finish() has not said so already). A failure that may pass is tried again,
 * as of jobs (jobs.h: job_fn); any other, or the last attempt's, ends the step as failed.
 */
typedef enum err (*saga_fn)(struct saga_run *run, void *arg);

struct saga_step {
    const char *name;
    TASK_FN saga_fn act;
    /*
     * NULL: there is nothing to undo. Called for a step that was done, and for the one that failed,
     * of which nobody knows how far it came: it bears that nothing was done.
     */
    TASK_FN saga_fn undo;
    span deadline;         /* for all attempts, from when the step before was done; 0: none */
    unsigned attempts_max; /* 0: as the job's kind says */
};
struct saga_kind {
    const char *name; /* at most JOB_KIND_MAX - 5 bytes */
    const struct saga_step *steps;
    unsigned steps_count;
    bool holds; /* a step that failed waits for a person, who retries or compensates */
    void *arg;
};

/* The kind of job that runs sagas of a kind: SAGA_JOB("publish", publish_saga, .backoff = …). */
#define SAGA_JOB(name_literal, saga, ...)                                                          \
    {                                                                                              \
        .name = "saga." name_literal, .fn = saga_job, .arg = (void *)&(saga), __VA_ARGS__          \
    }
TASK_FN enum err saga_job(struct job_run *job, void *kind);

/* --- Starting, and by hand ------------------------------------------------------------------ */

struct saga_new {
    const struct saga_kind *kind;
    str subject;         /* what it is about, for people */
    str input;           /* JSON, the steps' own */
    str idempotency_key; /* of the kind, for ever unique; ptr NULL: none */
};
/* Starts one in the caller's transaction. A key that is there already gives that saga's id. The
 * errors of jobs_add(). */
enum err saga_start(struct db_tx *tx, const struct saga_new *saga, int64_t *out_id);
/*
 * Of a saga that waits for a person: tries the step (or the undoing of it) again, its deadline
 * anew. ERR_CONFLICT "saga-not-held", ERR_NOT_FOUND "saga-not-found".
 */
enum err saga_retry(struct db_tx *tx, int64_t id);
/*
 * Undoes what was done: of one that runs, whose step is cancelled first, or waits. `reason` is for
 * the timeline. ERR_CONFLICT "saga-ended", "saga-compensating"; ERR_NOT_FOUND.
 */
enum err saga_compensate(struct db_tx *tx, int64_t id, str reason);
/* Removes up to `limit` that ended before `before`, with their timelines; their keys are free. */
enum err sagas_prune(struct db_tx *tx, instant before, unsigned limit, int64_t *out_removed);

/* --- For steps ------------------------------------------------------------------------------ */

int64_t saga_id(const struct saga_run *run);
str saga_input(const struct saga_run *run);
/*
 * For who is called outside the database: the same for every attempt at this step, another for its
 * undoing and after a person's retry.
 */
str saga_key(const struct saga_run *run);
/* What the step of that name has left, in the task's arena; ptr NULL: it was not done. */
TASK_FN enum err saga_result(struct saga_run *run, const char *step, str *out_result);
/* The job under the attempt: for job_progress() and job_wait_until(). */
struct job_run *saga_run_job(struct saga_run *run);
/*
 * In the transaction of the step's effect, as its last act: the step is done (or undone), `result`
 * (JSON, or STR_NONE) is kept, the next begins. ERR_CONFLICT "job-lease-lost" or "saga-moved": it
 * is not this attempt's any more, and the effect is rolled back.
 */
enum err saga_step_finish(struct db_tx *tx, struct saga_run *run, str result);

/* --- Looking -------------------------------------------------------------------------------- */

enum saga_state {
    SAGA_RUNNING,
    SAGA_COMPENSATING,
    SAGA_HELD, /* waits for a person */
    SAGA_DONE,
    SAGA_UNDONE,
    SAGA_STATES
};
/* "running" … "undone". */
str saga_state_text(enum saga_state state);
bool saga_state_parse(str text, enum saga_state *out_state);

struct saga_step_view {
    str name, state;     /* waiting, active, done, failed, undoing, undone */
    str result;          /* ptr NULL: none */
    instant deadline_at; /* INSTANT_NEVER: none */
};
struct saga {
    int64_t id;
    str kind, subject, input;
    enum saga_state state;
    bool undoing;               /* which way it goes, or would go on */
    int64_t job_id;             /* of the step under way; 0: none */
    str step;                   /* the one it is at */
    str error_slug, error_text; /* why it is not done; ptr NULL: nothing is wrong */
    instant created_at, updated_at, finished_at;
};
/* ERR_NOT_FOUND "saga-not-found". */
enum err saga_get(struct db_tx *tx, int64_t id, struct saga *out_saga);
enum err saga_steps_list(struct db_tx *tx, int64_t id, struct saga_step_view **out_items,
                         unsigned *out_count);

struct saga_event {
    instant at;
    str what; /* started, begun, done, attempt-failed, failed, held, compensating, undoing, undone,
                 retried, completed, compensated */
    str step; /* empty: of the saga */
    int64_t attempt;
    str slug, text; /* why; empty: nothing to say */
};
/* The newest SAGA_TIMELINE_MAX, oldest first. */
enum err saga_timeline(struct db_tx *tx, int64_t id, struct saga_event **out_items,
                       unsigned *out_count);

struct sagas_filter {
    int state;      /* enum saga_state, or -1: all */
    int64_t before; /* ids below this only; 0: from the newest */
    unsigned limit; /* 1 … SAGAS_PAGE_MAX */
};
struct sagas_page {
    const struct saga *items;
    unsigned count;
    int64_t next; /* the `before` of the next page, or 0 */
};
/* Newest first. */
enum err sagas_list(struct db_tx *tx, const struct sagas_filter *filter,
                    struct sagas_page *out_page);
