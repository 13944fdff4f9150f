/* internal: the fixture of the suite's tests: a scenario is a task beside the runner. */
#pragma once

#include "conformance.h"

#include "engines/flow/jobs.h"
#include "foundation/task/loop.h"
#include "foundation/test/test.h"

#include "flow_conformance_sql.h"

/* 2026-11-21: a clock that is set begins here. */
#define SOME_DAY ((instant)1795255200000000)

/* What one test works with. The handlers count here what they did. */
struct stage {
    const char *place;
    struct db *db;
    struct loop *loop;
    struct jobs *jobs;
    unsigned running_peak, key_peak, calls;
    int64_t order[64];
    char checkpoint[64];         /* that the second attempt of "steps" found */
    enum err failure;            /* of "failing" */
    int failures, undo_failures; /* of the step "deliver", still to come */
    int told;                    /* a pipe that hears of every point a handler passes; 0: none */
    unsigned told_max;           /* at that point the process holds still; 0: at none */
};
extern struct stage stage;

/* A fresh place and database, the task, and all of it closed. The task stops what it started. */
void scenario(task_fn fn);
/* The same in the place of the test so far. */
void scenario_again(task_fn fn);
enum err stage_database_open(void);
/* Starts fn as a task of the stage's loop, which stops when it ends. */
void stage_run(task_fn fn);

/*
 * A runner of the suite's kinds: effect (4 at a time), single (1), keyed (4, one of a key), twice
 * (4, two of a key), failing (3 attempts, from 10 s), endless (8), hasty (over its time at once),
 * steps (saves a checkpoint and breaks off once).
 */
void runner_start(bool sole_owner);
struct jobs *runner_open(bool sole_owner, span lease);
/* One with a seat, in stage.jobs. */
void runner_start_seated(const char *seat);

/* A handler passes a point. */
void stage_tell(void);
/* The transaction of an effect: a row, and the job done. `arg`: the struct job_run. */
enum err effect_and_finish(struct db_tx *tx, void *arg);
/* How many effects the job has had. */
int64_t effects(int64_t id);

struct add {
    struct job_new job;
    int64_t id;    /* out */
    enum err then; /* the transaction's own result */
};
enum err add_tx(struct db_tx *tx, void *add);
int64_t add(const char *kind);
enum err cancel_tx(struct db_tx *tx, void *id);
enum err retry_tx(struct db_tx *tx, void *id);

/* As if another process had claimed the job. */
struct seize {
    int64_t id, attempts;
    instant lease_until;
    const char *owner; /* NULL: "another" */
};
enum err seize_tx(struct db_tx *tx, void *seize);
instant lease_of(int64_t id);

struct job get(int64_t id);
/* Waits until the job is in the state; the deadline is generous. */
struct job await_state(int64_t id, enum job_state state);
/* Waits until handlers were called so often. */
void await_calls(unsigned count);
/* Waits until the lease of a running job ends at `at` or later. */
void await_lease(int64_t id, instant at);

/* One list a file. */
void register_running(void);
void register_failing(void);
void register_leases(void);
void register_clock(void);
void register_lists(void);
void register_crash(void);
void register_limits(void);
void register_schedules(void);
void register_sagas(void);
void register_sagas_crash(void);
void register_processes(void);
