/*
 * jobs: a durable queue of work in a context's database. A job is added in the transaction that
 * wants it, run by a handler under a lease, tried again after failures, and survives kill -9 at any
 * point: it is then run again, from its checkpoint. A handler whose effect is rows writes them in
 * the transaction of job_finish(), and they exist exactly once.
 *
 * The tables are those of FLOW_SQL; a context that has jobs lists it among its modules.
 */
#pragma once

#include "engines/db/db.h"
#include "foundation/task/task.h"

/* To be named in a context's db_spec. */
extern const struct db_module FLOW_SQL;

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_STATES };
/* "queued" … "cancelled". */
str job_state_text(enum job_state state);
bool job_state_parse(str text, enum job_state *out_state);

enum {
    JOB_KIND_MAX = 64, /* bytes */
    JOB_SUBJECT_MAX = 1024,
    JOB_PAYLOAD_MAX = 256 * 1024,
    JOB_CHECKPOINT_MAX = 256 * 1024,
    JOB_MESSAGE_MAX = 256,
    JOB_LIMIT_KEY_MAX = 128,
    JOB_LIST_MAX = 200
};

/* --- For everybody -------------------------------------------------------------------------- */

struct job_new {
    str kind;
    str subject;           /* what it is about, for people: a path */
    str payload;           /* JSON, the handler's own */
    str idempotency_key;   /* of the kind, for ever unique; ptr NULL: none */
    int64_t priority;      /* of the kind's due ones the highest is begun first, then the oldest */
    str limit_key;         /* what it is about, for the limit of the kind; ptr NULL: none */
    instant run_at;        /* not before; 0: at once, whatever becomes of the clock */
    unsigned attempts_max; /* 0: as the kind says */
};

/*
 * Adds a job in the caller's transaction; the runner learns of it by the commit. A key that is
 * there already gives that job's id, whatever its state. ERR_INVALID, ERR_TOO_LARGE.
 */
enum err jobs_add(struct db_tx *tx, const struct job_new *job, int64_t *out_id);

struct job {
    int64_t id;
    str kind, subject, payload;
    enum job_state state;
    int64_t priority;
    str limit_key;                   /* ptr NULL: none */
    unsigned attempts, attempts_max; /* attempts_max 0: as the kind will say, until it first runs */
    instant run_at;                  /* 0: at once */
    double progress;                 /* 0 to 1 */
    str message;                     /* what is being done; empty when it does not run */
    str checkpoint;                  /* ptr NULL: none */
    str error_slug, error_text;      /* of the last attempt that failed; ptr NULL: none */
    bool cancel_requested;
    instant created_at, updated_at, finished_at; /* finished_at: INSTANT_NEVER until it has ended */
};
/* ERR_NOT_FOUND "job-not-found". Progress may be a second old. */
enum err jobs_get(struct db_tx *tx, int64_t id, struct job *out_job);

struct jobs_filter {
    str kind;       /* empty: all */
    int state;      /* enum job_state, or -1: all */
    int64_t before; /* ids below this only (the cursor); 0: from the newest */
    unsigned limit; /* 1 … JOB_LIST_MAX */
};
struct jobs_page {
    const struct job *items;
    unsigned count;
    int64_t next; /* the `before` of the next page, or 0 */
};
/* Newest first. */
enum err jobs_list(struct db_tx *tx, const struct jobs_filter *filter, struct jobs_page *out_page);
/* How many are in a state. A scan. */
TASK_FN enum err jobs_count(struct db_tx *tx, enum job_state state, int64_t *out_count);

/*
 * Cancels: a queued one at once, a running one by cancelling its handler's task. ERR_CONFLICT
 * "job-ended" when it has ended, ERR_NOT_FOUND.
 */
enum err jobs_cancel(struct db_tx *tx, int64_t id);
/* Queues a failed or cancelled one again, its attempts counted from zero. ERR_CONFLICT
 * "job-active", "job-of-a-saga" (saga_retry() is for that). */
enum err jobs_retry(struct db_tx *tx, int64_t id);
/* Gives a queued one another priority. ERR_CONFLICT "job-begun" when it is not queued (any more).
 */
enum err jobs_priority_put(struct db_tx *tx, int64_t id, int64_t priority);
/* Removes up to `limit` that ended before `before`; their keys are free again. */
enum err jobs_prune(struct db_tx *tx, instant before, unsigned limit, int64_t *out_removed);

/* --- For handlers --------------------------------------------------------------------------- */

struct job_run; /* one attempt */

int64_t job_id(const struct job_run *run);
str job_subject(const struct job_run *run);
str job_payload(const struct job_run *run);
/* 1 for the first. */
unsigned job_attempt(const struct job_run *run);
/* What an earlier attempt, or this one, has saved; ptr NULL: nothing. */
str job_checkpoint(const struct job_run *run);

/* Cheap; written to the database about once a second. On the handler's loop. */
void job_progress(struct job_run *run, double progress, const char *format, ...) PRINTF_LIKE(3, 4);
/* Durable when it returns. ERR_CONFLICT "job-lease-lost": another owner runs the job now, give up.
 */
TASK_FN enum err job_checkpoint_save(struct job_run *run, str checkpoint);
/*
 * Marks the job done in the transaction of its effect: both exist or neither. The last thing such a
 * transaction does. ERR_CONFLICT "job-lease-lost" rolls the effect back: somebody else has it.
 */
enum err job_finish(struct db_tx *tx, struct job_run *run);

/*
 * The failure that the handler returns next is none: it waits for something, and is run again at
 * `at`. No attempt is counted; slug and text of the failure say what is waited for.
 */
void job_wait_until(struct job_run *run, instant at);

/*
 * A handler. OK: the job is done (if job_finish() has not said so already). A failure that may pass
 * (err_info()->retryable, or ERR_INTERNAL) is tried again after a back-off until attempts_max; any
 * other ends the job as failed at once. Its task is cancelled when the job is, when the lease was
 * lost and when the runner stops; the last two do not count as an attempt.
 */
typedef enum err (*job_fn)(struct job_run *run, void *arg);

struct job_kind {
    const char *name;
    TASK_FN job_fn fn;
    void *arg;
    unsigned concurrency_max; /* over all processes; 0: 1 */
    /* Of these, how many may have the same limit_key; over all processes, exactly. 0: 1 */
    unsigned key_concurrency_max;
    unsigned attempts_max;  /* 0: 5 */
    span backoff;           /* before the second attempt, then doubled, half of it random; 0: 5 s */
    span backoff_max;       /* 0: 1 h */
    span timeout;           /* of an attempt; 0: none */
    size_t arena_bytes_max; /* of the handler's task; 0: 4 MiB */
};

/* --- The runner ----------------------------------------------------------------------------- */

struct jobs_spec {
    struct db *db;
    const struct job_kind *kinds; /* stay in use */
    unsigned kinds_count;
    span lease;      /* 0: 60 s; extended every third of it */
    bool sole_owner; /* no other process runs jobs of this database: what is running when we start
                        was a dead process's, and is taken back at once */
    uint64_t seed;   /* of the jitter; 0: random */
    /*
     * Of what only one process at a time can have, such as a data folder: at most 16 letters and
     * digits. Jobs that run at the start for an owner of the same seat were a dead process's, and
     * are taken back at once. NULL: none.
     */
    const char *seat;
};

struct jobs;
/* Starts the runner, a task of the loop. On the loop's thread. */
enum err jobs_start(struct loop *loop, const struct jobs_spec *spec, struct jobs **out_jobs);
/* Looks for work now: after the test's clock was moved. Loop thread. */
void jobs_wake(struct jobs *jobs);
/*
 * Cancels what runs, puts it back into the queue and waits until the runner has ended. To be called
 * before the loop is stopped; without it the next start finds the jobs by their dead owner.
 */
TASK_FN void jobs_stop(struct jobs *jobs);
/* Frees it. The runner has ended: jobs_stop() has returned, or the loop has. */
void jobs_close(struct jobs *jobs);

struct jobs_stats {
    uint64_t started, done, failed, retried, cancelled, taken_back, leases_lost;
    uint64_t rounds_failed; /* the database refused; the runner tries again every second */
    uint64_t scheduled;     /* jobs this runner's schedules have added */
    unsigned running;
};
/* Loop thread. */
struct jobs_stats jobs_stats(const struct jobs *jobs);
