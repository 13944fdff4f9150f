/* internal: what the files of the PostgreSQL driver share. */
#pragma once

#include "postgres.h"

#include "foundation/mem/buf.h"
#include "foundation/task/loop.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

enum {
    PLACE_TEXT = 160, /* how messages name the database */
    HOST_TEXT = 256,
    SESSION_TEXT = 1024,
    BATCH_MAX = 128, /* reads a synchronisation */
    ITEMS_MAX = 512,
    POOL_MAX = 64,
    READERS_MAX = 8,
    THREAD_CONNS_MAX = 16, /* of all threads without a task */
    CURSOR_ROWS = 256
};

/* How long the server may take to answer a commit, and what ends an interrupted statement. */
#define COMMIT_WAIT   SECONDS(20)
#define ROLLBACK_WAIT SECONDS(5)

/* What a connection is for: its session's settings differ. */
enum use { USE_READS, USE_OWN, USE_PLAIN, USES };

/* --- A statement on its way ---------------------------------------------------------------------
 */

/* One statement asked; it lies on the stack of who asked. */
struct ask {
    struct db_call *call;          /* NULL: a control (BEGIN …) */
    PGresult *result;              /* rows, or the first error */
    bool done, lost;               /* lost: the connection went, the statement may not have run */
    bool aborted;                  /* not run, because one before it in the pipeline failed */
    bool learn;                    /* only its parameters' types were asked for: ask again */
    bool misfit;                   /* the arguments do not fit: nothing was sent */
    const struct db_query *failed; /* whose error the result is */
    struct task *task;             /* of a shared read: woken when done */
    struct ask *next, *previous;
    struct ask_list *list; /* waiting in it, or NULL */
    unsigned together;     /* of the first of several that go out in one batch: how many */
};

struct ask_list {
    struct ask *first, *last;
};

/* What the server owes us on a connection, in order. */
enum item_kind { ITEM_CONTROL, ITEM_PREPARE, ITEM_DESCRIBE, ITEM_CALL, ITEM_SYNC };
struct item {
    struct ask *ask; /* NULL: nobody wants the answer any more */
    const struct db_query *query;
    enum item_kind kind;
    bool answered;
};

/* --- Connections --------------------------------------------------------------------------------
 */

struct job;
struct home;

/* A connection in pipeline mode, used by one loop, or by one thread at a time. */
struct conn {
    PGconn *handle;
    struct pg_db *db;
    struct home *home; /* NULL: of plain threads */
    enum use use;
    uv_poll_t *poll;
    int poll_events;
    uint8_t *prepared; /* by ordinal */
    struct item items[ITEMS_MAX];
    unsigned items_first, items_count;
    struct task *waiter; /* drains it */
    struct task *owner;  /* holds it */
    enum db_mode mode;   /* of who holds it */
    bool lost, interrupted;
    bool given; /* back, but for the answers still to come */
    struct job *cancelling;
    instant give_up_at; /* the answer must be there; INSTANT_NEVER */
    unsigned cursors;
    struct conn *next; /* all of the home (or of the threads) */
    struct conn *idle_next;
};

/* A transaction or snapshot: a connection from its first statement to its end. */
struct pg_tx {
    struct db_tx base;
    struct conn *conn;
    bool begun;       /* BEGIN was sent */
    bool alone;       /* no other transaction runs beside it */
    bool sequences;   /* it gives events their positions */
    bool again;       /* lost to a concurrent transaction, or with the connection: may be re-run */
    unsigned answers; /* statements answered */
    /* Writes sent, or to be sent, whose answers nobody has waited for yet. */
    struct ask deferred;
    struct db_call deferred_call;
    size_t deferred_bytes;
    bool deferring;
    struct ahead *ahead; /* what db_read_ahead() has asked; there is no connection then */
    struct fetched {     /* what db_fetch() has asked, in the arena */
        struct ask *asks;
        unsigned count, next; /* where the next answer is likely to be */
    } fetched;
};

/* --- What a loop has ----------------------------------------------------------------------------
 */

/* A task that waits for a connection of its own. */
struct waiting {
    struct task *task;
    struct conn *conn;
    bool refused;
    struct waiting *next, *previous;
};

struct detail {
    enum err code;
    char slug[ERR_FIELD_MAX], text[ERR_TEXT_MAX];
};

struct home {
    struct pg_db *db;
    struct loop *loop;
    struct loop_guest guest;
    struct home_handles *handles; /* outlive the home until libuv has closed them */
    struct conn *conns;           /* all */
    struct conn *idle;            /* of USE_OWN */
    unsigned count[USES];         /* open or being opened */
    struct waiting *first, *last;
    unsigned waiting;
    struct ask_list pending, again; /* shared reads */
    instant retry_at;               /* connecting failed: not before */
    span back_off;
    struct detail down; /* why */
    struct job *done;   /* under the database's lock: what the helper has finished */
    struct home *next;
};

/* --- The database -------------------------------------------------------------------------------
 */

/* Types of a query's parameters, learned from the server once a process. */
struct types {
    unsigned count;
    Oid oids[DB_ARGS_MAX];
};

struct pg_db {
    struct db base;
    uint64_t id; /* unlike that of any other database this process has opened */
    char shown[PLACE_TEXT];
    PQconninfoOption *options;
    unsigned pool_max, readers_max;
    bool bouncer;
    char direct_host[HOST_TEXT], direct_port[8]; /* past it, for copies; empty: where it is */
    char session[USES][SESSION_TEXT]; /* as libpq's options, or for PgBouncer as a SELECT */
    struct db_ordinals queries;
    char (*names)[8]; /* of prepared queries, by ordinal */
    char **texts;     /* of queries, by ordinal, in PostgreSQL's dialect */
    _Atomic(struct types *) *types;

    pthread_mutex_t lock;
    struct home *homes;
    struct conn *thread_idle;
    unsigned thread_count;
    pthread_cond_t thread_conn_free;

    pthread_t helper;
    pthread_cond_t job_there, job_done;
    struct job *jobs, *running;
    bool helper_started, closing;

    _Atomic unsigned contended; /* so many transactions more run alone */
    struct teller *teller;
    _Atomic instant told_until; /* clock_mono() */
};

static inline struct pg_db *pg_of(struct db *db)
{
    return (struct pg_db *)db;
}

/* place.c */
/* Takes the URL apart, and its session settings. ERR_INVALID "database-url". */
enum err pg_place_parse(struct pg_db *db, const char *url);
/* Opens a connection, blocking; pipeline mode and non-blocking but for USE_PLAIN. */
enum err pg_place_connect(const struct pg_db *db, enum use use, PGconn **out_handle);

/* A database that is not opened, for commands that look at it. NULL: the error slot says why. */
struct pg_db *pg_place_closed(const struct db *base, const char *place);
void pg_place_closed_free(struct pg_db *db);

/* tools.c: PostgreSQL's own programs */
struct pg_tools;
struct pg_tools *pg_tools_open(const struct pg_db *db, const struct db_copy_watch *watch);
void pg_tools_close(struct pg_tools *tools);
/*
 * Looks it up and asks its version. ERR_UNAVAILABLE "tool-missing", ERR_PRECONDITION
 * "tool-version". The path is the tools'.
 */
enum err pg_tools_find(struct pg_tools *tools, const char *name, unsigned version_min,
                       const char **out_path);
/* From now on this file's growth is the progress; one that does not grow ends the run. */
void pg_tools_watch_file(struct pg_tools *tools, const char *path);
/* What it says it failed of is the error. */
enum err pg_tools_run(struct pg_tools *tools, const char *const *argv);

/* copy.c */
enum err pg_copy(struct db *db, const char *path, const struct db_copy_watch *watch);
/* The same of a server of that major version. */
enum err pg_copy_dump(const struct pg_db *db, unsigned server_version, const char *path,
                      const struct db_copy_watch *watch);
enum err pg_copy_direct(const struct pg_db *db);
enum err pg_restore_check(const struct db *base, const char *place);
enum err pg_restore(const struct db *base, const char *place, const char *path,
                    const struct db_copy_watch *watch);

/* dialect.c */
/* The portable text in PostgreSQL's words, with a zero, on the heap: docs/internals/db.md. */
char *pg_dialect_translate(const char *sql);

/* error.c */
bool pg_error_is(const PGresult *result, const char *sqlstate);
/* The server ends the connection with it. */
bool pg_error_is_fatal(const PGresult *result);
/* A serialisation failure or a deadlock: the function is to be run again. */
bool pg_error_is_contention(const PGresult *result);
enum err pg_error_set(const struct pg_db *db, const PGresult *result, const char *what);
enum err pg_error_lost(const struct pg_db *db, const char *what);
/* A connection that could not be made. */
enum err pg_error_connect(const struct pg_db *db, PGconn *handle);

/* values.c */
struct encoded {
    const char *values[DB_ARGS_MAX];
    int lengths[DB_ARGS_MAX], formats[DB_ARGS_MAX];
    char numbers[DB_ARGS_MAX][24];
};
/* ERR_CONFLICT "datatype" when a value is of another kind than its parameter. */
enum err pg_values_encode(const struct db_query *query, struct db_args args,
                          const struct types *types, struct encoded *out);
/* Hands the rows to the call's function. */
enum err pg_values_walk(const PGresult *result, struct db_call *call);

/* conn.c */
enum err pg_conn_open(struct pg_db *db, enum use use, struct conn **out_conn);
struct conn *pg_conn_adopt(struct pg_db *db, struct home *home, enum use use, PGconn *handle);
/* The items left are answered as lost. */
void pg_conn_close(struct conn *conn);
void pg_conn_lose(struct conn *conn);
/* Each adds to the pipeline; nothing is sent before pg_conn_sync(). */
void pg_conn_put_control(struct conn *conn, struct ask *ask, const char *sql);
void pg_conn_put_learn(struct conn *conn, struct ask *ask);
void pg_conn_put_call(struct conn *conn, struct ask *ask, const struct encoded *encoded);
void pg_conn_put_cursor(struct conn *conn, struct ask *ask, const char *name,
                        const struct encoded *encoded);
void pg_conn_put_fetch(struct conn *conn, struct ask *ask, const char *sql);
void pg_conn_sync(struct conn *conn);
/* Sends and takes in what is possible without waiting. */
void pg_conn_pump(struct conn *conn);
/* Waits until all is answered, or lost; the deadline and cancellation cancel it if `may_end`. */
TASK_FN void pg_conn_drain(struct conn *conn, bool may_end, span wait_max);
/* Forgets who asked: the answers are dropped. */
void pg_conn_disown(struct conn *conn, const struct ask *ask);
/* Waits for nothing, sets conn->lost when the server has gone. */
void pg_conn_look(struct conn *conn);
const struct types *pg_conn_types(const struct conn *conn, const struct db_query *query);
void pg_ask_end(struct ask *ask);

/* call.c */
/* Runs one statement; in a transaction its BEGIN goes with the first. */
TASK_FN enum err pg_conn_call(struct pg_tx *tx, struct db_call *call);
/*
 * Several at once, in a snapshot: the first error, in their order. The caller clears their results.
 */
TASK_FN enum err pg_conn_calls(struct pg_tx *tx, struct ask *asks, unsigned count);
/* Waits for the writes that were deferred. */
TASK_FN enum err pg_deferred_finish(struct pg_tx *tx);
/* Hands the rows of an answer over, guarding the call's arena. */
enum err pg_call_answer(const PGresult *result, struct db_call *call);
/* COMMIT, ROLLBACK: waits for the answer whatever the deadline, up to wait_max. The caller clears
 * out_ask->result. */
TASK_FN void pg_conn_control(struct conn *conn, const char *sql, span wait_max,
                             struct ask *out_ask);

/* home.c */
struct home *pg_home_of(struct pg_db *db);
/* A connection to oneself: of the loop in a task, else of the threads. */
TASK_FN enum err pg_conn_take(struct pg_db *db, enum db_mode mode, struct conn **out_conn);
void pg_conn_give(struct conn *conn);
/* Called when a loop's connection has answered all: it may have been given back, or be lost. */
void pg_conn_idles(struct conn *conn);
/* ERR_UNAVAILABLE while the database is known to be out of reach. */
enum err pg_home_check(struct home *home, enum use use);
/* Asks for one more connection, unless there are enough. */
void pg_home_grow(struct home *home, enum use use);
void pg_home_watch(struct home *home);
void pg_homes_close(struct pg_db *db);
/* Passes a finished job to the home's loop. Any thread, under the database's lock. */
void pg_home_done(struct home *home, struct job *job);

/* reads.c */
TASK_FN enum err pg_shared_call(struct pg_db *db, struct db_call *call);
/* Asks several at once, as of one moment; *out_clean: each was answered. The caller clears results.
 */
TASK_FN enum err pg_shared_calls(struct pg_db *db, struct ask *asks, unsigned count,
                                 bool *out_clean);
/* Reads wait: they are sent at the end of the loop's turn. */
void pg_reads_schedule(struct home *home);
void pg_reads_flush(struct home *home);
/* Nobody is left to ask. */
void pg_reads_fail(struct home *home);

/* helper.c: a thread for what libpq can only do blocking */
struct job {
    struct home *home;
    struct conn *conn; /* of a cancellation; NULL when it has gone */
    PGcancel *cancel;  /* NULL: connect */
    enum use use;
    PGconn *handle; /* out */
    struct detail failure;
    struct job *next;
};
void pg_helper_connect(struct home *home, enum use use);
void pg_helper_cancel(struct conn *conn);
void pg_job_free(struct job *job);
/* No job of the home is left when it returns. */
void pg_helper_forget(struct home *home);
void pg_helper_stop(struct pg_db *db);

/* tx.c */
TASK_FN enum err pg_write(struct db *db, struct arena *arena, db_tx_fn fn, void *arg);
TASK_FN enum err pg_sequence(struct db *db, const struct db_query *query, unsigned limit,
                             unsigned *out_count);
TASK_FN enum err pg_read(struct db *db, bool scans, db_tx_fn fn, void *arg);
TASK_FN enum err pg_call(struct db_tx *tx, struct db_call *call);

/* fetch.c */
TASK_FN enum err pg_fetch(struct db_tx *tx, const struct db_ahead *ahead, unsigned count);
/* The answer to a call, or NULL: it was not fetched. */
const PGresult *pg_fetched(struct pg_tx *tx, const struct db_call *call);
void pg_fetched_clear(struct pg_tx *tx);

/* ahead.c */
/* Whether two calls ask the same. */
bool pg_same_call(const struct db_call *a, const struct db_call *b);
TASK_FN enum err pg_read_ahead(struct db *db, const struct db_ahead *ahead, unsigned count,
                               struct db_reader reader);
/* The answer to what was asked ahead; otherwise the reader is to be run again. */
enum err pg_ahead_call(struct ahead *ahead, struct db_call *call);

/* tell.c */
void pg_listen(struct db *db);
bool pg_told(const struct db *db);
/* To other processes; this one's listeners have been told. */
void pg_tell_others(struct pg_db *db, unsigned topics);
void pg_tell_stop(struct pg_db *db);

/* migrate.c */
enum err pg_migrate(struct pg_db *db);
/* A look at the schema on a connection of its own. */
struct migration {
    struct pg_db *db;
    PGconn *handle;
};
/* Whether it is of this program, and not of a newer one; *out_history 0: there is none yet. */
enum err pg_migration_check(const struct migration *m, int64_t *out_history);
enum err pg_migration_versions(const struct migration *m, struct db_versions *out_versions);
/* A transaction in the schema under the lock of migrations. */
enum err pg_migration_begin(const struct migration *m);
void pg_migration_rollback(const struct migration *m);
enum err pg_migration_exec(const struct migration *m, const char *sql, const char *what);
enum err pg_migration_ask(const struct migration *m, const char *sql, const char *const *values,
                          int count, PGresult **out_result);
enum err pg_migration_number(const struct migration *m, const char *sql, const char *const *values,
                             int count, int64_t *out);

/* check.c */
enum err pg_check(const struct db *base, const char *place, const struct db_check *check);
enum err pg_newest(const struct db *base, const char *place, instant *out_at);

/* diagnose.c */
enum err pg_diagnose(const struct db *base, const char *place, db_finding_fn fn, void *arg);

/* rollback.c */
enum err pg_rollback(const struct db *base, const char *place, const struct db_versions *to);
/* ERR_CONFLICT "database-in-use" while processes of ours are connected. */
enum err pg_nobody_else(const struct migration *m);

/* snapshot.c */
enum err pg_snapshot_make(const struct migration *m, const struct db_versions *versions);
enum err pg_snapshot_newest(const struct db *base, const char *place,
                            struct db_snapshot *out_snapshot);
enum err pg_snapshot_restore(const struct db *base, const char *place,
                             const struct db_snapshot *snapshot);

/* plan.c */
enum err pg_explain(struct db *db, const struct db_query *query, bool *out_scans, bool *out_writes);

/* carry.c */
extern const struct db_carrier pg_carrier;
