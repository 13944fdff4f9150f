/* internal: the fixture of the suite's tests. */
#pragma once

#include "conformance.h"

#include "foundation/task/loop.h"
#include "foundation/test/test.h"

enum { TASKS_MAX = 64 };

extern const struct db_conformance_target *conformance_target;

/* A database with the suite's tables in a fresh place, and an arena for the test's own thread. */
struct fixture {
    struct db_spec spec;
    struct db *db;
    struct arena arena;
};
void database_open(struct fixture *fixture, struct db_settings settings);
void fixture_reopen(struct fixture *fixture);
void database_close(struct fixture *fixture);

/* Adds an item by a transaction of its own. */
struct item_new {
    const char *name;
    int64_t score;
    int64_t parent_id; /* 0: none */
    int64_t id;        /* out */
};
enum err item_add(struct db_tx *tx, void *item_new);
int64_t items_count(struct db *db);

/* Runs `count` tasks on a loop, each with its own argument, until all have ended. */
struct task_run {
    task_fn fn;
    void *args;
    size_t arg_bytes;
    unsigned count;
    span timeout;
    size_t arena_bytes_max;
};
void tasks_run(const struct task_run *run);

/* One list a file. */
void register_values(void);
void register_transactions(void);
void register_events(void);
void register_reads(void);
void register_migrations(void);
void register_crash(void);
