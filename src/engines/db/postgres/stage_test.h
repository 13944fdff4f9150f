/* stage: a database with sixteen rows, tasks to use it, and others who use it too. For tests. */
#pragma once

#include "postgres.h"

#include "engines/db/postgres/fixture/fixture.h"
#include "foundation/test/test.h"

#include <libpq-fe.h>

enum { STAGE_ROWS = 16 };

/* add(id, n) · change(id, by) · put(id, n) · get(id) · share(id): 100 / n · doze(seconds) */
extern const struct db_query stage_add, stage_change, stage_put, stage_get, stage_share, stage_doze;
extern const struct db_query stage_backend, stage_total;

/* One. */
extern const struct db_module *const stage_modules[];

struct stage {
    struct db *db;
    struct loop *loop;
    const char *place;
    char database[64]; /* its name on the server */
    struct arena arena;
    unsigned left;
};
extern struct stage stage;

/* Rows 1 … 16 hold 1, 2, 3, 0, 1 …; `parameters` are added to the URL. */
void stage_open(const char *parameters);
void stage_close(void);
int64_t stage_value(int64_t id);

struct stage_run {
    task_fn fn;
    void *args;
    size_t arg_bytes;
    unsigned count;
    span timeout;
};
/* Runs the tasks on a loop until all have ended. */
void stage_run(const struct stage_run *run);
void stage_run_one(task_fn fn, void *arg);

void stage_check_slug(const char *slug);
/* A session of somebody else's, who has run the SQL. The caller finishes it. */
PGconn *stage_stranger(const char *sql);
/* The number an SQL statement answers on a session of its own. */
int64_t stage_server_number(const char *sql);
