/* internal: a job's attempt and the runner, shared by the files of this folder. */
#pragma once

#include "jobs.h"

#include "foundation/task/loop.h"

enum { KINDS_MAX = 64, SEAT_TEXT = 18, OWNER_TEXT = SEAT_TEXT + 16, RUNS_MAX = 256 };

struct job_run {
    struct job_run *next;
    struct jobs *jobs;
    const struct job_kind *kind;
    struct task *task; /* NULL: ended */
    struct arena texts;
    int64_t id;
    str subject, payload, checkpoint;
    unsigned attempt, attempts_max;
    unsigned meter; /* the kind's number in metrics */
    double progress;
    char message[JOB_MESSAGE_MAX + 1];
    bool progress_unsaved, finish_called, cancel_seen, lease_lost;
    bool ended, outcome_due;
    bool last;            /* a failure of this attempt is not tried again */
    instant again_at;     /* it waits for something, uncounted; 0: it does not */
    instant again_before; /* back-off ends then at the latest; 0: no limit */
    enum err result;
    char error_slug[ERR_FIELD_MAX];
    char error_text[ERR_TEXT_MAX];
};

struct jobs {
    struct loop *loop;
    struct db *db;
    const struct job_kind *kinds;
    unsigned kinds_count;
    span lease;
    bool sole_owner;
    char owner[OWNER_TEXT];
    /* Owners of our seat are named from the first to before the second; both empty: no seat. */
    char seat[SEAT_TEXT], seat_end[SEAT_TEXT];
    uint64_t random;
    struct task *runner, *stopper;
    struct db_listener listener;
    struct job_run *runs;
    bool stopping, poked;
    bool unsettled; /* runner_settle() is due */
    _Atomic bool poke_posted;
    instant beat_at, progress_at; /* on clock_mono(): when next */
    instant clock_seen;           /* clock_now() at the last round */
    struct jobs_stats stats;
};

/* jobs.c */
enum err job_new_check(const struct job_new *job);
/* jobs_add(), and whether the job was not there before. */
enum err job_add(struct db_tx *tx, const struct job_new *job, int64_t *out_id, bool *out_added);

/* Whatever this attempt fails with, none follows. */
void job_give_up(struct job_run *run);
/* A back-off ends at `at` at the latest. */
void job_again_before(struct job_run *run, instant at);

/* sagas.c: what becomes of a saga when its job did not succeed, in the same transaction. OK when it
 * is no saga's. */
bool saga_is_job(str kind);
enum err saga_job_again(struct db_tx *tx, int64_t job_id, unsigned attempt, str slug, str text);
enum err saga_job_over(struct db_tx *tx, int64_t job_id, unsigned attempt, str slug, str text);

/* schedules_run.c. Adds the jobs of schedules that are due. */
enum err runner_fire(struct jobs *jobs);
/* Shortens the wait to the next that is. */
enum err runner_fire_next(struct jobs *jobs, span *io_wait);
/* Brings nearer what a wrong clock put too far away: at the start, and when the clock went back. */
enum err runner_settle(struct jobs *jobs);

/* claim.c: what the runner writes. Each is a transaction of its own. */
str owner_text(const struct jobs *jobs);
enum err runner_take_back(struct jobs *jobs, bool all);
enum err runner_claim(struct jobs *jobs, unsigned *out_claimed);
enum err runner_beat(struct jobs *jobs);
/*
 * A back-off is a wait, kept as a date. When the clock has gone back, nothing that failed waits
 * longer than its kind's first back-off.
 */
enum err runner_see_clock(struct jobs *jobs);
enum err runner_see_cancels(struct jobs *jobs);
enum err runner_save_progress(struct jobs *jobs);

/* outcomes.c */
enum err runner_write_outcomes(struct jobs *jobs);

/* runner.c */
/* What became of a due instant. */
void meter_schedule(bool fired, bool passed_over);
/* Starts the handler of a claimed job. */
void run_start(struct jobs *jobs, const struct job_kind *kind, const struct db_row *claimed);
void run_free(struct job_run *run);
unsigned attempts_limit(const struct job_kind *kind, int64_t of_job);
unsigned kind_running(const struct jobs *jobs, const struct job_kind *kind);
unsigned kind_concurrency(const struct job_kind *kind);
unsigned kind_key_concurrency(const struct job_kind *kind);
/* Before the second attempt. */
span kind_backoff(const struct job_kind *kind);
