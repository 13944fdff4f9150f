/*
 * schedules: durable timers. A schedule is a row of the context's database that says when a job is
 * to be added: at an instant, every so often, or by a cron expression in a time zone. Each due
 * instant adds its job exactly once, whatever the number of processes, whoever is killed and
 * however clocks are set: the job's idempotency key is the schedule's name and the instant.
 *
 * What was missed (no process ran, or the clock was set forward) is run once or not at all, as the
 * schedule says. What was run is not run again when the clock is set back (its job is known by the
 * key, as long as jobs_prune() leaves it), and what a clock that was ahead has passed over comes
 * when its time is there. The runner of jobs.h fires them.
 */
#pragma once

#include "engines/flow/jobs.h"

enum schedule_kind { SCHEDULE_AT, SCHEDULE_EVERY, SCHEDULE_CRON, SCHEDULE_KINDS };
/* "at", "every", "cron". */
str schedule_kind_text(enum schedule_kind kind);

/* Of due instants that are noticed more than SCHEDULE_LATE_MAX late: */
enum schedule_missed {
    SCHEDULE_RUN_ONCE, /* the first of them is run now, the others never */
    SCHEDULE_SKIP      /* none of them is */
};
#define SCHEDULE_LATE_MAX  MINUTES(1)
#define SCHEDULE_EVERY_MIN SECONDS(1)
#define SCHEDULE_EVERY_MAX DAYS(3660)

enum { SCHEDULE_NAME_MAX = 100, SCHEDULES_PAGE_MAX = 200 };

struct schedule_new {
    str name; /* unique in the database: "backup" */
    enum schedule_kind kind;
    instant begins_at; /* AT: when. EVERY: the first time; 0: a span from now */
    span every;
    str cron, zone; /* as cron.h and zone.h have them; zone empty: UTC */
    enum schedule_missed missed;
    bool declared;      /* by the program, which says it again at every start */
    bool alone;         /* while the job it added last has not ended it adds none */
    struct job_new job; /* without idempotency_key and run_at */
};

/*
 * Adds the schedule, or changes the one of that name. Said again as it is nothing changes, so that
 * a start moves nothing: an `every` keeps its beat whatever begins_at says. A small file is read
 * for the zone. ERR_INVALID "schedule", "cron-syntax", "cron-never", "zone-unknown"; what
 * jobs_add() says of the job.
 */
enum err schedule_put(struct db_tx *tx, const struct schedule_new *schedule, int64_t *out_id);
/* OK when there is none. Jobs it has added stay. */
enum err schedule_remove(struct db_tx *tx, str name);
/* While paused it adds nothing; what falls into that time is not made up for. ERR_NOT_FOUND. */
enum err schedule_pause(struct db_tx *tx, str name, bool paused);

struct schedule {
    int64_t id;
    str name;
    enum schedule_kind kind;
    instant begins_at;
    span every;
    str cron, zone;
    enum schedule_missed missed;
    bool declared, alone, paused;
    str job_kind, subject;
    instant next_at;            /* INSTANT_NEVER: no more, or paused, or see problem */
    instant last_at;            /* the due instant of the job added last; INSTANT_NEVER: none yet */
    int64_t last_job;           /* 0: none */
    int64_t fired, passed_over; /* jobs added; how often one was missed, or in the way */
    str problem;                /* why it cannot be run; ptr NULL: it can */
};
/* ERR_NOT_FOUND "schedule-not-found". */
enum err schedule_get(struct db_tx *tx, str name, struct schedule *out_schedule);
/* By id, those after `after`, at most SCHEDULES_PAGE_MAX. */
enum err schedules_list(struct db_tx *tx, int64_t after, unsigned limit,
                        struct schedule **out_items, unsigned *out_count);
