/*
 * db: the database of a context. All SQL is in named queries, generated from the sql/ folder of a
 * module (cmake/sql.cmake): no statement is assembled from strings. Writing happens in
 * transactions, and a transaction is a function: it has no effect outside its database, awaits
 * nothing but db_*, and may be run again. Rows and their texts live in the caller's arena.
 *
 * The dialect of queries and migrations, and how each driver takes it, is written in
 * docs/internals/db.md.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/task/pool.h"

struct db;
struct db_driver;

/* --- What sqlgen writes --------------------------------------------------------------------- */

enum db_dialect { DB_SQLITE, DB_POSTGRES, DB_DIALECTS };

enum db_kind {
    DB_POINT, /* few rows by an index; runs where it is called */
    DB_PAGE,  /* a bounded page by an index; the same with a larger budget */
    DB_SCAN,  /* may look at everything; runs on the blocking pool */
    DB_WRITE  /* changes rows (may return some); only in db_tx() */
};

struct db_query {
    const char *name;             /* "title_get" */
    const char *sql[DB_DIALECTS]; /* NULL: not written for that dialect yet */
    enum db_kind kind;
    unsigned params_count; /* ?1 … ?n */
};

struct db_migration {
    unsigned number;
    const char *name; /* "0001_titles" */
    const char *sql[DB_DIALECTS];
    const char *down[DB_DIALECTS]; /* how it is undone; NULL: it is not */
};

/* What one module keeps in its context's database: <MODULE>_SQL of the generated header. */
struct db_module {
    const char *name;
    const struct db_migration *migrations; /* by number, ascending */
    unsigned migrations_count;
    const struct db_query *const *queries;
    unsigned queries_count;
};

/* --- Open ----------------------------------------------------------------------------------- */

struct db_settings {
    unsigned queue_max;       /* transactions waiting for the writer; 0: 1024 */
    unsigned group_max;       /* transactions a commit; 0: 64, 1: no grouping */
    unsigned point_steps_max; /* budget of a point query in driver steps; 0: 200,000 (about 2 ms) */
    unsigned page_steps_max;  /* of a page query; 0: 2,000,000 (about 20 ms) */
    uint64_t mmap_bytes;      /* how much of the file readers map; 0: none */
    bool run_twice; /* tests: every transaction function is run, rolled back and run again */
    unsigned snapshots_kept; /* before migrations change a database it is copied, and so many
                                copies stay; 0: it is not */
    const char *snapshots;   /* the folder for them; NULL: snapshots/ beside the embedded file, and
                                none of a server's */
};

struct db_spec {
    const struct db_driver *driver;
    const char *place;                      /* embedded: an existing folder; else a URL */
    const char *context;                    /* "content": the file or schema; [a-z_]{1,32} */
    const struct db_module *const *modules; /* all of the context */
    unsigned modules_count;
    struct pool *pool; /* where scans run; NULL: where they are called */
    struct db_settings settings;
};

/*
 * Opens or creates the database and applies the migrations that are missing, each in a transaction
 * of its own. Blocks; called at start-up. The spec's modules stay in use, the rest is copied.
 * Errors: ERR_CORRUPT (not a database, damaged: the file is named) · ERR_PRECONDITION
 * "database-newer" (both versions are named, nothing was changed), "migration-changed",
 * "migration-missing", "database-foreign" · ERR_UNAVAILABLE "database-unwritable" · ERR_EXHAUSTED
 * "disk-full" · ERR_INTERNAL "migration-failed".
 */
enum err db_open(const struct db_spec *spec, struct db **out_db);
/* Waits for the transactions queued. No other call may be under way. */
void db_close(struct db *db);
const char *db_context(const struct db *db);

/* --- Copies --------------------------------------------------------------------------------- */

/* Told of every step of a copy; false ends it with ERR_CANCELLED. */
struct db_copy_watch {
    bool (*on_step)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
    void *arg;
};
/*
 * Writes a copy of the database to `path`, which must not be there: the state committed when the
 * copy began, whole, checked and synced, while readers and writers go on. On the embedded database
 * a few pages at a time; what is written meanwhile stays in the write-ahead log until the copy
 * ends. On PostgreSQL by pg_dump, in its custom format. Blocks; on a thread that may. On a failure
 * nothing is left at `path`. ERR_CORRUPT, ERR_EXHAUSTED "disk-full", ERR_CANCELLED; of a server
 * also ERR_UNAVAILABLE "tool-missing" (pg_dump), "database-bouncer", ERR_PRECONDITION
 * "tool-version".
 */
enum err db_copy(struct db *db, const char *path, const struct db_copy_watch *watch);
/* What the files of copies end with, dot included: which kind of database can take them. */
const char *db_copy_suffix(const struct db *db);

struct db_spec;
/* Whether copies have to be given to a server; else a copy is the database's file. */
bool db_restores(const struct db_spec *spec);
const char *db_spec_suffix(const struct db_spec *spec);
/*
 * Whether db_restore() could begin: ERR_CONFLICT "database-not-empty", ERR_FORBIDDEN
 * "database-rights", ERR_UNAVAILABLE "tool-missing" (pg_restore) and those of connecting.
 */
enum err db_restore_check(const struct db_spec *spec);
/* Fills the empty database from a copy, all of it or nothing. Blocks. */
enum err db_restore(const struct db_spec *spec, const char *path,
                    const struct db_copy_watch *watch);

/* The modules of the database, the port's own first. Valid as long as it. */
const struct db_module *const *db_modules(const struct db *db, unsigned *out_count);
/* What the port itself keeps in every database. */
const struct db_module *db_port_module(void);
/* The number of its last migration; 0: none. */
unsigned db_module_version(const struct db_module *module);

/* --- Checks ----------------------------------------------------------------------------------- */

struct db_check {
    bool full;    /* indexes against tables, too: minutes a gigabyte */
    bool reindex; /* makes the indexes anew first; nobody else has it open */
    void (*on_damage)(void *arg, const char *what);
    void (*on_note)(void *arg, const char *what); /* what could not be looked at, and why; NULL */
    void *arg;
};
/*
 * Looks at the database of a spec, which may be open elsewhere; not a server's in full. OK also
 * when damage was told. Errors as db_open()'s; ERR_NOT_FOUND "no-database"; ERR_CONFLICT
 * "database-in-use".
 */
enum err db_check(const struct db_spec *spec, const struct db_check *check);

/*
 * When something was last written, as the rows themselves tell: a clock that is behind it was set
 * back. INSTANT_NEVER: there is nothing. For an operator's command: it blocks, and may read whole
 * tables. Errors as db_check()'s.
 */
enum err db_newest(const struct db_spec *spec, instant *out_at);

/* What is well and what is wrong with the server of a database, and what to do. */
enum db_level { DB_WELL, DB_HINT, DB_WRONG };
struct db_finding {
    enum db_level level;
    const char *name, *what, *advice; /* advice may be empty */
};
typedef void (*db_finding_fn)(void *arg, const struct db_finding *finding);
/*
 * Looks at it without changing or disturbing anything; nothing where there is no server. Not being
 * able to reach it is a finding. Blocks.
 */
enum err db_diagnose(const struct db_spec *spec, db_finding_fn fn, void *arg);

/* --- Upgrades undone -------------------------------------------------------------------------- */

enum { DB_VERSIONS_MAX = 64, DB_PLACE_MAX = 512 };

/* Where the modules of a database stand. */
struct db_version {
    char module[33];
    unsigned number;
};
struct db_versions {
    struct db_version items[DB_VERSIONS_MAX];
    unsigned count;
};

/* The copy that was made before migrations changed a database. */
struct db_snapshot {
    char path[DB_PLACE_MAX];
    instant taken_at;
    struct db_versions versions;
};
/* The newest of the context. ERR_NOT_FOUND "no-snapshot". */
enum err db_snapshot_newest(const struct db_spec *spec, struct db_snapshot *out_snapshot);
/*
 * Takes the database back to `to` by the down migrations, in one transaction: what has been written
 * since stays. Nobody has it open. ERR_PRECONDITION "rollback-refused": a migration has no way
 * back, or there is data the older schema cannot hold; it is named, and nothing was changed.
 */
enum err db_rollback(const struct db_spec *spec, const struct db_versions *to);
/*
 * Puts the copy in the database's place: what has been written since it was taken is gone from
 * there, and lies in <context>.db.before-rollback. Nobody has it open.
 */
enum err db_snapshot_restore(const struct db_spec *spec, const struct db_snapshot *snapshot);

/* --- Values --------------------------------------------------------------------------------- */

enum db_value_kind { DB_KIND_NULL, DB_KIND_I64, DB_KIND_F64, DB_KIND_TEXT, DB_KIND_BLOB };

struct db_value {
    enum db_value_kind kind;
    union {
        int64_t i64;
        double f64;
        str bytes;
    };
};

#define DB_NULL       ((struct db_value){ .kind = DB_KIND_NULL })
#define DB_I64(value) ((struct db_value){ .kind = DB_KIND_I64, .i64 = (value) })
#define DB_F64(value) ((struct db_value){ .kind = DB_KIND_F64, .f64 = (value) })
#define DB_TEXT(text) ((struct db_value){ .kind = DB_KIND_TEXT, .bytes = (text) })
#define DB_BLOB(data) ((struct db_value){ .kind = DB_KIND_BLOB, .bytes = (data) })
/* Booleans are integers 0 and 1; times are microseconds since the epoch, INSTANT_NEVER is NULL. */
#define DB_BOOL(value) DB_I64((value) ? 1 : 0)
#define DB_TIME(at)    db_time(at)
/* NULL when absent. */
#define DB_TEXT_OR_NULL(text) db_text_or_null(text)

static inline struct db_value db_time(instant at)
{
    return at == INSTANT_NEVER ? DB_NULL : DB_I64(at);
}

static inline struct db_value db_text_or_null(str text)
{
    return text.ptr ? DB_TEXT(text) : DB_NULL;
}

/* The arguments of a query in the order of its numbers: DB_ARGS(DB_I64(id), DB_TEXT(name)). */
struct db_args {
    const struct db_value *values;
    unsigned count;
};
#define DB_ARGS(...)                                                                               \
    ((struct db_args){ (const struct db_value[]){ __VA_ARGS__ },                                   \
                       (unsigned)ARRAY_LEN(((const struct db_value[]){ __VA_ARGS__ })) })
#define DB_NO_ARGS ((struct db_args){ NULL, 0 })

enum { DB_COLUMNS_MAX = 64, DB_ARGS_MAX = 64 };

struct db_row {
    const struct db_value *values; /* NULL: there is no row (db_find) */
    unsigned columns_count;
};

struct db_rows {
    const struct db_row *items;
    unsigned count;
    bool more; /* there were more than the limit */
};

/*
 * The value of a column. NULL and a value of another kind give 0, the empty str (ptr NULL) and
 * INSTANT_NEVER. A column the query has not is a bug.
 */
bool db_null(const struct db_row *row, unsigned column);
int64_t db_i64(const struct db_row *row, unsigned column);
double db_f64(const struct db_row *row, unsigned column);
bool db_bool(const struct db_row *row, unsigned column);
str db_text(const struct db_row *row, unsigned column); /* a zero byte follows it */
str db_blob(const struct db_row *row, unsigned column);
instant db_at(const struct db_row *row, unsigned column);

/* --- Transactions --------------------------------------------------------------------------- */

/* What queries are asked through: a transaction, a snapshot, or db_now(). */
struct db_tx;
typedef enum err (*db_tx_fn)(struct db_tx *tx, void *arg);

/*
 * Runs fn as one transaction and returns when it is durable. fn may run on another thread, with
 * this task's arena and error slot; its failure rolls it back, alone, and is returned. Once a
 * statement has failed the transaction is lost: later statements and the commit return the same
 * error. The deadline and cancellation hold until fn starts, and where its statements wait for a
 * server until the commit is sent. ERR_INTERNAL "commit-unknown": the connection was lost over the
 * commit, it may have happened. ERR_EXHAUSTED "database-queue": too
 * many are waiting (503); "disk-full". Not from within a transaction: functions that join one take
 * a struct db_tx *.
 */
TASK_FN enum err db_tx(struct db *db, db_tx_fn fn, void *arg);

/*
 * Runs fn in one read-only snapshot. fn awaits nothing but db_*; its queries are point and page. On
 * the embedded database it does not suspend.
 */
TASK_FN enum err db_read(struct db *db, db_tx_fn fn, void *arg);
/* A point or page read that a function will ask for. */
struct db_ahead {
    const struct db_query *query;
    struct db_args args;
};
enum { DB_AHEAD_MAX = 16 };
/*
 * As db_read(), for a fn of which is known what it will ask: a server is asked all of it at once,
 * with other tasks' reads, and answers of one moment. When fn asks anything else it fails there and
 * is run again from its beginning in a snapshot, so it has no effect but on its own results, which
 * it sets anew. Of equal entries the first is taken.
 */
TASK_FN enum err db_read_ahead(struct db *db, const struct db_ahead *ahead, unsigned count,
                               db_tx_fn fn, void *arg);
/*
 * Within db_read() and db_read_scan(): a server is asked at once for what fn will ask next, and
 * answers from its snapshot; each answer is given when it is asked for, until the next call.
 * Nothing where a query costs no round trip. The entries' arguments stay as they are until fn ends.
 * At most DB_FETCH_MAX. Errors as those of the queries: one that fails has lost the snapshot.
 */
enum { DB_FETCH_MAX = 128 };
TASK_FN enum err db_fetch(struct db_tx *tx, const struct db_ahead *ahead, unsigned count);
/* Whether db_fetch() does anything: its entries need not be made otherwise. */
bool db_fetches(const struct db_tx *tx);
/* As db_read(), on the blocking pool, where scans are allowed. */
TASK_FN enum err db_read_scan(struct db *db, db_tx_fn fn, void *arg);

/* For single reads outside a transaction: each sees the newest committed state. Lives as long as
 * db. */
struct db_tx *db_now(struct db *db);

/* Whether the database answers: reads a row that is always there. The errors of reads. */
TASK_FN enum err db_ping(struct db *db);

/* The database of a handle, and the arena its rows go to. */
struct db *db_of(struct db_tx *tx);
struct arena *db_arena(struct db_tx *tx);
/*
 * The arena of rows on this thread where no task is running (start-up, tools, tests); returns the
 * one replaced.
 */
struct arena *db_arena_use(struct arena *arena);

/* --- Queries -------------------------------------------------------------------------------- */

/*
 * Reads may fail with ERR_EXHAUSTED "query-budget" (a point or page query looked at too much) and
 * ERR_EXHAUSTED (the arena). A write that violates a constraint: ERR_CONFLICT with the slug
 * "unique", "foreign-key", "check", "not-null" or "datatype". Text that is not UTF-8 or holds a
 * zero, and NaN: ERR_INVALID "value". Through db_now() a scan may suspend.
 */

/* The one row. ERR_NOT_FOUND "no-row"; a second row is ignored. */
TASK_FN enum err db_one(struct db_tx *tx, const struct db_query *query, struct db_args args,
                        struct db_row *out_row);
/* The row, or out_row->values NULL. */
TASK_FN enum err db_find(struct db_tx *tx, const struct db_query *query, struct db_args args,
                         struct db_row *out_row);
/* Up to `limit` rows in an array. */
TASK_FN enum err db_all(struct db_tx *tx, const struct db_query *query, struct db_args args,
                        unsigned limit, struct db_rows *out_rows);
/*
 * Calls fn for each row; texts are valid during the call only. What fn returns but OK ends the walk
 * and is returned. fn runs where the query runs (a scan's: on the pool) and must not suspend.
 */
typedef enum err (*db_row_fn)(const struct db_row *row, void *arg);
TASK_FN enum err db_each(struct db_tx *tx, const struct db_query *query, struct db_args args,
                         db_row_fn fn, void *arg);

/*
 * Writes. out_changed (may be NULL): rows inserted, changed or removed, cascades not counted. When
 * nobody wants it a driver need not wait for the answer: a failure may then be that of a later
 * statement, or of the commit.
 */
enum err db_exec(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 int64_t *out_changed);
/* A write with RETURNING whose first column is an integer: the id. ERR_NOT_FOUND when no row came.
 */
enum err db_insert(struct db_tx *tx, const struct db_query *query, struct db_args args,
                   int64_t *out_id);

/* --- Rows and shapes ------------------------------------------------------------------------ */

struct shape;

/*
 * Fills a record from a row whose columns are the scalar fields of the shape, in its order; fields
 * of other kinds stay as they are. Texts stay where the row has them. ERR_CORRUPT "bad-column". A
 * row of another number of columns is a bug.
 */
enum err db_row_read(const struct db_row *row, const struct shape *shape, void *out_record);
/* The reverse: the scalar fields in order, as the arguments of a query. In the arena. */
struct db_args db_args_of(struct arena *arena, const struct shape *shape, const void *record);

/* --- Events --------------------------------------------------------------------------------- */

struct db_event {
    str type;              /* "title.published" */
    unsigned type_version; /* 0: 1 */
    str aggregate_id;      /* events of one aggregate keep their order: "title/42" */
    str payload;           /* JSON */
};
/*
 * Publishes an event with the transaction. Until the commit nobody else publishes one of the
 * aggregate: who wants to waits, or is run again. ERR_INVALID: an empty type or aggregate.
 */
enum err db_event_add(struct db_tx *tx, const struct db_event *event);

/* How many events the aggregate has had, with those of this transaction. */
TASK_FN enum err db_events_version(struct db_tx *tx, str aggregate_id, int64_t *out_version);

/*
 * Gives up to `limit` committed events their positions in the log; called again and again by
 * whoever reads the log, after DB_TOPIC_EVENTS and now and then without. Of any number of callers
 * in any processes one at a time does it. An event is in the log after all those that were there
 * when it was committed, and after the earlier ones of its aggregate; no transaction under way,
 * however old, holds up others. Where one transaction at a time writes there is nothing to do.
 */
TASK_FN enum err db_events_sequence(struct db *db, unsigned limit, unsigned *out_count);
/* Whether events wait for it. */
bool db_events_wait(const struct db *db);

/* One of the log. Positions grow, and may skip numbers. */
struct db_logged {
    int64_t position;
    str type;
    unsigned type_version;
    str aggregate_id;
    int64_t version; /* 1 for the first of the aggregate, then one more each */
    instant at;
    str payload;
};
struct db_log_part {
    int64_t after; /* a position; 0: from the beginning */
    unsigned limit;
};
/* As db_each(), in the order of positions. */
typedef enum err (*db_logged_fn)(const struct db_logged *event, void *arg);
TASK_FN enum err db_events_each(struct db_tx *tx, struct db_log_part part, db_logged_fn fn,
                                void *arg);
/* 0: there has never been one. */
TASK_FN enum err db_events_last(struct db_tx *tx, int64_t *out_position);
/* Position and time of the first after a position; 0 and INSTANT_NEVER: none. */
TASK_FN enum err db_events_first(struct db_tx *tx, int64_t after, int64_t *out_position,
                                 instant *out_at);
/* Removes up to `limit` of the oldest, not after `upto`, never the last. */
enum err db_events_prune(struct db_tx *tx, int64_t upto, unsigned limit, int64_t *out_removed);
/* A name this log alone has, made by the first who asks. In the arena. */
TASK_FN enum err db_events_log(struct db *db, str *out_name);

/* --- Being told ----------------------------------------------------------------------------- */

/*
 * What a committed transaction was about; db_event_add() is DB_TOPIC_EVENTS. Those of
 * DB_TOPICS_KEPT are what processes keep copies of: they are written down with the transaction, so
 * that none is lost.
 */
enum db_topic {
    DB_TOPIC_EVENTS = 1,
    DB_TOPIC_JOBS = 2,
    DB_TOPIC_CATALOG = 4,
    DB_TOPIC_ASSETS = 8,
    DB_TOPIC_LOG = 16, /* events have got their positions */
    DB_TOPICS_KEPT = DB_TOPIC_CATALOG | DB_TOPIC_ASSETS
};

/*
 * After the commit, listeners to the topic are called, in every process that has the database open
 * where the driver can; this process's before db_tx() returns. It is a hint to look, no message:
 * several may become one, one may come twice, and one that is not kept may be lost with the
 * connection. Rolled back, nobody is told.
 */
void db_notify(struct db_tx *tx, enum db_topic topic);

struct db_listener {
    unsigned topics; /* of enum db_topic, or-ed */
    /* On any thread, between two commits: it only posts to a loop or sets a flag. */
    void (*fn)(void *arg);
    void *arg;
    struct db_listener *next;
};
/* The listener stays the caller's and in place until db_unlisten(), which waits for a running call.
 */
void db_listen(struct db *db, struct db_listener *listener);
void db_unlisten(struct db *db, struct db_listener *listener);

/*
 * Whether this process has been told of every change of DB_TOPICS_KEPT committed, by whomever, more
 * than DB_TOLD_WITHIN ago. While it is false (the server is out of reach, or slow) copies must not
 * be used. Somebody must listen. Any thread; a look at a clock.
 */
#define DB_TOLD_WITHIN SECONDS(1)
bool db_is_told(const struct db *db);

/* --- Carrying over -------------------------------------------------------------------------- */

/*
 * From now on transactions of this process fail with ERR_UNAVAILABLE "writes-paused" (503); waits
 * for those under way. Blocks; not in a task.
 */
void db_writes_pause(struct db *db, bool paused);

struct db_carried {
    unsigned tables;
    uint64_t rows;
    bool was_there; /* the other had all of it already: an earlier attempt's */
};
/*
 * Copies all rows of a database into another of the same context and modules, in one transaction:
 * either all is there and was read back equal (number and checksum of the rows of each table), or
 * nothing. Nobody else may write into either meanwhile. Blocks. ERR_PRECONDITION "carry-not-empty":
 * the other holds other rows; "carry-schema": other tables. ERR_CORRUPT "carry-differs".
 */
enum err db_carry_over(struct db *from, struct db *to, struct db_carried *out_carried);

/* --- Numbers -------------------------------------------------------------------------------- */

struct db_stats {
    uint64_t queue_length, queue_length_peak;
    uint64_t transactions; /* committed */
    uint64_t failed;       /* rolled back because their function failed */
    uint64_t refused;      /* the queue was full */
    uint64_t abandoned;    /* deadline or cancellation while queued */
    uint64_t reruns;
    uint64_t commits; /* groups; transactions / commits is the mean group size */
    uint64_t commits_failed;
    uint64_t group_peak;
    uint64_t commit_us_total, commit_us_peak;
    uint64_t reads_inline, reads_pool, reads_over_budget;
    /* Of a server: connections now, those of them held by a transaction or snapshot, and how often
     * and for how long one was waited for. The embedded database has none. */
    uint64_t connections_open, connections_busy, waits, wait_us_total;
    int64_t replication_lag_us; /* -1: nobody follows, or the role may not see it */
};
/* Any thread; the numbers may be of different moments. */
struct db_stats db_stats(const struct db *db);
/*
 * From now on the metrics db_* are this database's, its queries by name; one a process. Opened
 * again, it must have the same modules.
 */
void db_meters_open(struct db *db);
