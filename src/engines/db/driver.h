/*
 * driver: what stands behind the port. The port (queries.c) checks arguments and copies rows; a
 * driver runs statements, transactions and migrations. Only drivers and the port include this.
 */
#pragma once

#include "db.h"

#include <pthread.h>
#include <stdatomic.h>

struct buf;

/* One query on its way: rows go to `row` while they are valid. */
struct db_call {
    const struct db_query *query;
    struct db_args args;
    db_row_fn row; /* NULL: rows are not wanted */
    void *row_arg;
    struct arena *arena; /* lent to the thread that runs the call */
    bool counted;        /* the number of changed rows is wanted */
    int64_t changed;     /* out, of writes */
    bool failed;         /* out: the statement failed, not its row function */
};

struct db_listeners {
    pthread_mutex_t lock;
    struct db_listener *first;
    _Atomic bool paused; /* db_writes_pause() */
    _Atomic unsigned writing;
};

enum db_mode {
    DB_MODE_NOW,      /* a statement at a time */
    DB_MODE_SNAPSHOT, /* db_read() */
    DB_MODE_SCAN,     /* db_read_scan() */
    DB_MODE_WRITE     /* db_tx() */
};

/* A driver embeds these two as the first member of its own. */
struct db_tx {
    struct db *db;
    enum db_mode mode;
    struct arena *arena; /* of the task that asked; NULL in DB_MODE_NOW: the running task's */
    enum err failed;     /* of the first statement that failed */
    unsigned topics;     /* to tell after the commit */
};

/* What db_stats() tells; drivers count. */
struct db_counters {
    _Atomic uint64_t queue_length, queue_length_peak, transactions, failed, refused, abandoned;
    _Atomic uint64_t reruns, commits, commits_failed, group_peak, commit_us_total, commit_us_peak;
    _Atomic uint64_t reads_inline, reads_pool, reads_over_budget;
    _Atomic uint64_t connections_open, connections_busy, waits, wait_us_total;
    _Atomic int64_t replication_lag_us; /* -1 until a driver knows better */
};

/* `db` is a driver's struct, whose `base` is a struct db. */
#define STAT_ADD(db, name, n)                                                                      \
    atomic_fetch_add_explicit(&(db)->base.stats.name, (n), memory_order_relaxed)

static inline void stat_peak(_Atomic uint64_t *peak, uint64_t value)
{
    if (value > atomic_load_explicit(peak, memory_order_relaxed))
        atomic_store_explicit(peak, value, memory_order_relaxed);
}

struct db {
    const struct db_driver *driver;
    struct db_tx now;
    char context[33];
    const struct db_module *const *modules; /* the port's own first */
    unsigned modules_count;
    struct pool *pool;
    struct db_settings settings; /* defaults filled in */
    struct db_listeners *listeners;
    struct db_counters stats;
};

/* --- Carrying a database over (carry.c) --------------------------------------------------------
 */

enum { CARRY_TABLES_MAX = 128, CARRY_NAME = 64 };
struct db_carry_table {
    char name[CARRY_NAME];
    char columns[DB_COLUMNS_MAX][CARRY_NAME];
    unsigned columns_count;
    int64_t last_id; /* given to a row, which may be gone again; 0: none, or the table gives none */
};
/* "a", "b": the columns' names, as SQL has them. */
void db_carry_columns_put(struct buf *sql, const struct db_carry_table *table);
/* One side, on a connection and in a transaction of its own. Blocking. */
struct db_carry {
    struct db *db;
    bool writes;
};
struct db_carrier {
    /* A snapshot nobody writes past, or with `writes` a transaction without foreign keys. */
    enum err (*open)(struct db *db, bool writes, struct db_carry **out_carry);
    /* All tables, by name. */
    enum err (*tables)(struct db_carry *carry, struct db_carry_table *out_tables,
                       unsigned *out_count);
    /* All rows, in any order. Texts are valid during the call. */
    enum err (*read)(struct db_carry *carry, const struct db_carry_table *table, db_row_fn fn,
                     void *arg);
    enum err (*write_begin)(struct db_carry *carry, const struct db_carry_table *table);
    enum err (*write_row)(struct db_carry *carry, const struct db_row *row);
    /* Also makes that ids after last_id are given. */
    enum err (*write_end)(struct db_carry *carry, const struct db_carry_table *table);
    /* Checks the foreign keys, and makes it durable. */
    enum err (*commit)(struct db_carry *carry);
    void (*close)(struct db_carry *carry); /* what was not committed is gone */
};

/* What runs in a snapshot. */
struct db_reader {
    db_tx_fn fn;
    void *arg;
};

struct db_driver {
    const char *name;
    enum db_dialect dialect;
    /* Allocates its struct, copies *base into it, opens and migrates. */
    enum err (*open)(const struct db *base, const char *place, struct db **out_db);
    void (*close)(struct db *db);
    TASK_FN enum err (*write)(struct db *db, struct arena *arena, db_tx_fn fn, void *arg);
    TASK_FN enum err (*read)(struct db *db, bool scans, db_tx_fn fn, void *arg);
    /* As db_read_ahead(); in a task. NULL: a snapshot costs no round trips. */
    TASK_FN enum err (*read_ahead)(struct db *db, const struct db_ahead *ahead, unsigned count,
                                   struct db_reader reader);
    TASK_FN enum err (*call)(struct db_tx *tx, struct db_call *call);
    /*
     * Runs `query` (event_sequence, whose argument is the limit) as db_events_sequence() says, and
     * tells DB_TOPIC_LOG. NULL: events have a position when they are written.
     */
    TASK_FN enum err (*sequence)(struct db *db, const struct db_query *query, unsigned limit,
                                 unsigned *out_count);
    /* As db_fetch(); NULL: a query costs no round trip. */
    TASK_FN enum err (*fetch)(struct db_tx *tx, const struct db_ahead *ahead, unsigned count);
    /* Somebody wants to be told of commits, other processes' too. NULL: nothing to prepare. */
    void (*listen)(struct db *db);
    /* db_is_told(). NULL: always, no other process has the database. */
    bool (*told)(const struct db *db);
    /* As db_copy() and the calls behind it. */
    enum err (*copy)(struct db *db, const char *path, const struct db_copy_watch *watch);
    const char *copy_suffix; /* of the files it makes: ".db" */
    /* NULL together: the copy is the database. `base` is not open. */
    enum err (*restore_check)(const struct db *base, const char *place);
    enum err (*restore)(const struct db *base, const char *place, const char *path,
                        const struct db_copy_watch *watch);
    /* As the calls of db.h; `base` is not open. */
    enum err (*check)(const struct db *base, const char *place, const struct db_check *check);
    enum err (*newest)(const struct db *base, const char *place, instant *out_at);
    /* NULL: there is no server. */
    enum err (*diagnose)(const struct db *base, const char *place, db_finding_fn fn, void *arg);
    enum err (*snapshot_newest)(const struct db *base, const char *place,
                                struct db_snapshot *out_snapshot);
    enum err (*rollback)(const struct db *base, const char *place, const struct db_versions *to);
    enum err (*snapshot_restore)(const struct db *base, const char *place,
                                 const struct db_snapshot *snapshot);
    /*
     * Prepares the query on a connection of its own; *out_scans when its plan walks a whole table
     * (not an index range), *out_writes when it changes the database.
     */
    enum err (*explain)(struct db *db, const struct db_query *query, bool *out_scans,
                        bool *out_writes);
    const struct db_carrier *carrier;
};

/*
 * Writes down that the transaction is about topics of DB_TOPICS_KEPT, if it is. The last thing
 * before a commit, where other processes have the database too.
 */
TASK_FN enum err db_changes_keep(struct db_tx *tx);

/* Calls the listeners to any of the topics. Drivers call it after a commit, on any thread. */
void db_tell(struct db *db, unsigned topics);

/*
 * Calls fn with the arena's way out led here: ERR_EXHAUSTED "request-memory" when the arena is over
 * its limit, so that the driver can tidy up. Without a task the arena is the thread's meanwhile.
 */
enum err db_guarded(struct arena *arena, db_tx_fn fn, struct db_tx *tx, void *arg);

/* Rows' arena where no task runs: what db_arena_use() set, or NULL. */
struct arena *db_thread_arena(void);

/* The columns that say when something has happened; never when something will. For db_newest(). */
#define DB_PAST_COLUMNS "'added_at', 'applied_at', 'created_at', 'finished_at', 'updated_at'"

/* SHA-256 of a migration's text, in hexadecimal with a zero. */
enum { DB_CHECKSUM_TEXT = 65 };
void db_checksum(const char *text, char out[DB_CHECKSUM_TEXT]);

/* --- History ---------------------------------------------------------------------------------- */

/* A line of schema_migrations. */
struct db_applied {
    const char *module, *name, *checksum;
    unsigned number;
};
/*
 * ERR_PRECONDITION "database-newer" or "migration-changed" when the line is not what the program's
 * modules declare; `place` names the database.
 */
enum err db_history_check(const struct db *db, const char *place, const struct db_applied *applied);
/* ERR_PRECONDITION "migration-missing" unless all up to `version` are among the `count` applied. */
enum err db_history_whole(const struct db_module *module, const char *place, unsigned version,
                          unsigned count);

/* The number of a module; 0: it is not there. */
unsigned db_version_of(const struct db_versions *versions, const char *module);
/* Whether migrations would change what is there: a new database has nothing to keep. */
bool db_upgrades(const struct db *db, const struct db_versions *versions);

/* What going back asks of a driver, within its transaction. */
struct db_way_back {
    const struct db *db;
    const char *shown; /* the database, in messages */
    void *arg;
    enum err (*ask)(void *arg, str query, int64_t *out_number);
    /* The statements of a way back; they end with a zero. */
    enum err (*run)(void *arg, const struct db_migration *migration, const char *statements);
    enum err (*forget)(void *arg, const struct db_module *module, unsigned number);
};
/*
 * Takes the ways back from one state to an older one, newest first, modules opened later before
 * those that they may refer to. Before each its questions are asked: ERR_PRECONDITION
 * "rollback-refused" when the older schema cannot hold what is there. Whatever fails, the caller
 * rolls back all of it.
 */
enum err db_go_back(const struct db_way_back *way, const struct db_versions *from,
                    const struct db_versions *to);

/* --- Copies of before an upgrade (snapshots.c) ------------------------------------------------ */

enum { DB_SNAPSHOTS_LISTED = 200 };
/* What a copy cannot say of itself stands in a file beside it. */
#define DB_SNAPSHOT_ABOUT ".about"

/* When those of a context were taken, ascending. An absent folder has none. */
unsigned db_snapshots_list(const char *folder, const char *context, const char *suffix,
                           instant out_times[DB_SNAPSHOTS_LISTED]);
/* Of the one taken at `at`. */
void db_snapshot_path(const char *folder, const char *context, const char *suffix, instant at,
                      char out_path[DB_PLACE_MAX]);
/*
 * For one taken now; makes the folder. Nobody else makes one of the context: what is half made was
 * left by a process that was killed, and is removed.
 */
enum err db_snapshot_path_new(const char *folder, const char *context, const char *suffix,
                              char out_path[DB_PLACE_MAX]);
/* Removes all but the newest. */
void db_snapshots_prune(const char *folder, const char *context, const char *suffix, unsigned kept);
/* ERR_NOT_FOUND "no-snapshot". */
enum err db_snapshot_none(const char *database);
enum err db_folder_sync(const char *folder);

/* --- Queries by number ------------------------------------------------------------------------ */

struct db_ordinal {
    const struct db_query *query;
    unsigned ordinal;
};
/* An open hash table by address, never full. */
struct db_ordinals {
    struct db_ordinal *slots;
    unsigned mask, count;
};
void db_ordinals_init(struct db_ordinals *ordinals, const struct db *db);
void db_ordinals_deinit(struct db_ordinals *ordinals);
/* A query of none of the database's modules is a bug. */
unsigned db_ordinal_of(const struct db_ordinals *ordinals, const struct db_query *query);
