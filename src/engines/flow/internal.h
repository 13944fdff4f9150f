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
    _Atomic bool poke_posted;
    instant beat_at, progress_at; /* on clock_mono(): when next */
    instant clock_seen;           /* clock_now() at the last round */
    struct jobs_stats stats;
};

/* jobs.c */
str owner_text(const struct jobs *jobs);

/* claim.c: what the runner writes. Each is a transaction of its own. */
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
enum err runner_write_outcomes(struct jobs *jobs);

/* runner.c */
/* Starts the handler of a claimed job. */
void run_start(struct jobs *jobs, const struct job_kind *kind, const struct db_row *claimed);
void run_free(struct job_run *run);
unsigned attempts_limit(const struct job_kind *kind, int64_t of_job);
unsigned kind_running(const struct jobs *jobs, const struct job_kind *kind);
unsigned kind_concurrency(const struct job_kind *kind);
