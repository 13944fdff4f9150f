/* internal: what the files of the SQLite driver share. */
#pragma once

#include "sqlite.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>

enum { PATH_BYTES = 4096, IDLE_CONNS_MAX = 4 };

#define STEPS_UNLIMITED UINT64_MAX

/* A prepared query. A query asked again from within its own rows needs a second copy. */
struct stmt {
    sqlite3_stmt *handle;
    struct stmt *next;
};

enum control { BEGIN_WRITE, BEGIN_READ, COMMIT, ROLLBACK, SAVE, RELEASE, ROLLBACK_TO, CONTROLS };

/* A connection, used by one thread at a time. */
struct conn {
    sqlite3 *handle;
    struct sqlite_db *db;
    struct stmt *stmts; /* by the ordinal of the query */
    sqlite3_stmt *controls[CONTROLS];
    uint64_t steps_left;
    bool over_budget, work_cancelled;
    struct conn *next; /* all readers of the database */
    struct conn *idle_next;
};

struct sqlite_tx {
    struct db_tx base;
    struct conn *conn;
};

enum job_state { JOB_QUEUED, JOB_RUNNING };

/* A transaction on its way through the writer; it lies on the stack of who asked. */
struct job {
    struct job *previous, *next;
    struct sqlite_db *db;
    db_tx_fn fn;
    void *arg;
    struct arena *arena;
    struct task *task; /* NULL: a plain thread waits on `answered_there` */
    struct loop *loop;
    enum job_state state; /* under the lock */
    bool answered;        /* loop thread, or under the lock */
    enum err result;
    unsigned topics;
    struct err_slot *slot; /* lent with the arena: the detail of a failure */
    struct job *answer_next;
};

struct sqlite_db {
    struct db base;
    uint64_t id; /* unlike that of any other database this process has opened */
    char path[PATH_BYTES];
    struct db_ordinals queries;
    sqlite3 *prepared; /* while opening */

    pthread_mutex_t readers_lock;
    struct conn *readers, *idle;
    unsigned idle_count;

    struct conn *writer;
    pthread_t writer_thread;
    pthread_mutex_t lock;
    pthread_cond_t job_there, answered_there;
    struct job *first, *last;
    unsigned queued;
    bool closing;
};

static inline struct sqlite_db *sqlite_of(struct db *db)
{
    return (struct sqlite_db *)db;
}

/* conn.c */
enum err conn_open(struct sqlite_db *db, bool writes, struct conn **out_conn);
void conn_close(struct conn *conn);
/* Runs one query, with a budget, guarding the call's arena. */
enum err conn_call(struct conn *conn, struct db_call *call, uint64_t steps_max);
/* BEGIN, COMMIT …; the SQLite result code. */
int conn_control(struct conn *conn, enum control control);
uint64_t steps_of(const struct sqlite_db *db, enum db_kind kind);

/* error.c */
/* Records what SQLite reports on the connection; `what` is the query or the deed. */
enum err sqlite_fail(const struct sqlite_db *db, sqlite3 *handle, int code, const char *what);

/* migrate.c */
/* Refuses what is not ours, newer or changed, before any change. */
enum err migrate_check(struct sqlite_db *db, sqlite3 *handle);
enum err migrate_apply(struct sqlite_db *db, sqlite3 *handle);
/* Where the modules stand, by their names; none in a database without a history. */
enum err migrate_versions(struct sqlite_db *db, sqlite3 *handle, struct db_versions *out_versions);

/* read.c */
enum err sqlite_read(struct db *db, bool scans, db_tx_fn fn, void *arg);
enum err sqlite_call(struct db_tx *tx, struct db_call *call);
void readers_close(struct sqlite_db *db);

/* writer.c */
enum err writer_start(struct sqlite_db *db);
void writer_stop(struct sqlite_db *db);
enum err sqlite_write(struct db *db, struct arena *arena, db_tx_fn fn, void *arg);

/* plan.c */
enum err sqlite_explain(struct db *db, const struct db_query *query, bool *out_scans,
                        bool *out_writes);

/* carry.c */
extern const struct db_carrier sqlite_carrier;

/* copy.c */
/* As db_copy(), through a handle in no transaction. */
enum err copy_database(struct sqlite_db *db, sqlite3 *from, const char *path,
                       const struct db_copy_watch *watch);
enum err sqlite_copy(struct db *db, const char *path, const struct db_copy_watch *watch);

/* snapshot.c */
/* A copy beside the database, before migrations change it; keeps the newest few. */
enum err snapshot_make(struct sqlite_db *db, sqlite3 *handle);
enum err sqlite_snapshot_newest(const struct db *base, const char *place,
                                struct db_snapshot *out_snapshot);
enum err sqlite_snapshot_restore(const struct db *base, const char *place,
                                 const struct db_snapshot *snapshot);

/* rollback.c */
enum err sqlite_rollback(const struct db *base, const char *place, const struct db_versions *to);

/* check.c */
enum err check_pages(struct sqlite_db *db, sqlite3 *handle, bool full,
                     const struct db_check *check);
enum err sqlite_check(const struct db *base, const char *place, const struct db_check *check);
enum err sqlite_newest(const struct db *base, const char *place, instant *out_at);
