/*
 * db: the port's own deeds: a database is opened and closed, transactions and snapshots are begun,
 * and what they need is lent to them. Queries are in queries.c; what happens to a database that is
 * not open, in closed.c.
 */
#include "port.h"

#include "db_sql.h"
#include "meters.h"

#include "foundation/mem/heap.h"
#include "foundation/trace/trace.h"

#include <setjmp.h>
#include <string.h>
#include <unistd.h>

static _Thread_local struct arena *thread_arena;

/* --- Open ----------------------------------------------------------------------------------- */

static struct db_settings with_defaults(struct db_settings settings)
{
    settings.queue_max = settings.queue_max ? settings.queue_max : 1024;
    settings.group_max = settings.group_max ? settings.group_max : 64;
    settings.point_steps_max = settings.point_steps_max ? settings.point_steps_max : 200000;
    settings.page_steps_max = settings.page_steps_max ? settings.page_steps_max : 2000000;
    return settings;
}

static bool context_is_valid(const char *context)
{
    size_t len = strlen(context);
    return len >= 1 && len <= 32 && strspn(context, "abcdefghijklmnopqrstuvwxyz_") == len;
}

static void base_free(const struct db_module *const *modules, struct db_listeners *listeners)
{
    pthread_mutex_destroy(&listeners->lock);
    heap_free(listeners);
    heap_free((void *)modules);
}

enum err db_base_init(const struct db_spec *spec, struct db *out_base)
{
    *out_base = (struct db){ .driver = spec->driver,
                             .pool = spec->pool,
                             .stats = { .replication_lag_us = -1 } };
    if (!context_is_valid(spec->context))
        return err_set(ERR_INVALID, "database-context", "\"%s\" is no name of a context",
                       spec->context);
    memcpy(out_base->context, spec->context, strlen(spec->context) + 1);
    out_base->settings = with_defaults(spec->settings);
    const struct db_module **modules =
        HEAP_ARRAY(spec->modules_count + 1, const struct db_module *);
    modules[0] = &DB_SQL;
    for (unsigned i = 0; i < spec->modules_count; i++)
        modules[i + 1] = spec->modules[i];
    out_base->modules = modules;
    out_base->modules_count = spec->modules_count + 1;
    return OK;
}

enum err db_open(const struct db_spec *spec, struct db **out_db)
{
    struct db base, *db;
    TRY(db_base_init(spec, &base));
    base.listeners = HEAP_NEW(struct db_listeners);
    pthread_mutex_init(&base.listeners->lock, NULL);
    enum err err = spec->driver->open(&base, spec->place, &db);
    if (err != OK) {
        base_free(base.modules, base.listeners);
        return err;
    }
    db->now = (struct db_tx){ .db = db, .mode = DB_MODE_NOW };
    *out_db = db;
    return OK;
}

void db_close(struct db *db)
{
    const struct db_module *const *modules = db->modules;
    struct db_listeners *listeners = db->listeners;
    db_meters_close(db);
    db->driver->close(db);
    base_free(modules, listeners);
}

enum err db_copy(struct db *db, const char *path, const struct db_copy_watch *watch)
{
    return db->driver->copy(db, path, watch);
}

const char *db_copy_suffix(const struct db *db)
{
    return db->driver->copy_suffix;
}

const struct db_module *const *db_modules(const struct db *db, unsigned *out_count)
{
    *out_count = db->modules_count;
    return db->modules;
}

const struct db_module *db_port_module(void)
{
    return &DB_SQL;
}

const char *db_context(const struct db *db)
{
    return db->context;
}

/* --- Transactions --------------------------------------------------------------------------- */

struct arena *db_thread_arena(void)
{
    return thread_arena;
}

struct arena *db_arena_use(struct arena *arena)
{
    struct arena *before = thread_arena;
    thread_arena = arena;
    return before;
}

static struct arena *running_arena(void)
{
    struct arena *arena = task_current() ? task_arena() : thread_arena;
    if (!arena)
        PANIC("no task is running and db_arena_use() was not called");
    return arena;
}

/* Apart, so that no local of the caller crosses setjmp. */
static __attribute__((noinline)) enum err guarded(struct arena *arena, db_tx_fn fn,
                                                  struct db_tx *tx, void *arg)
{
    jmp_buf way_out;
    arena->exhausted = &way_out;
    if (setjmp(way_out) == 0)
        return fn(tx, arg);
    return err_set(ERR_EXHAUSTED, "request-memory", "more than its %zu bytes of memory were needed",
                   arena->size_bytes_max);
}

enum err db_guarded(struct arena *arena, db_tx_fn fn, struct db_tx *tx, void *arg)
{
    jmp_buf *before = arena->exhausted;
    bool lent = !task_current(); /* to this thread: queries within fn use it too */
    struct arena *own = lent ? db_arena_use(arena) : NULL;
    enum err err = guarded(arena, fn, tx, arg);
    if (lent)
        db_arena_use(own);
    arena->exhausted = before;
    return err;
}

enum err db_tx(struct db *db, db_tx_fn fn, void *arg)
{
    struct arena *arena = running_arena();
    struct db_listeners *shared = db->listeners;
    atomic_fetch_add(&shared->writing,
                     1); /* before the look: who pauses waits for us, or we see it */
    enum err err = atomic_load(&shared->paused)
                       ? err_set(ERR_UNAVAILABLE, "writes-paused",
                                 "the cinema only reads for now: its database is being moved")
                   : trace_on() ? db_write_traced(db, arena, fn, arg)
                                : db->driver->write(db, arena, fn, arg);
    atomic_fetch_sub(&shared->writing, 1);
    return err;
}

void db_writes_pause(struct db *db, bool paused)
{
    atomic_store(&db->listeners->paused, paused);
    while (paused && atomic_load(&db->listeners->writing))
        usleep(1000);
}

enum err db_read(struct db *db, db_tx_fn fn, void *arg)
{
    return trace_on() ? db_read_traced(db, false, fn, arg) : db->driver->read(db, false, fn, arg);
}

enum err db_read_ahead(struct db *db, const struct db_ahead *ahead, unsigned count, db_tx_fn fn,
                       void *arg)
{
    ASSERT(count <= DB_AHEAD_MAX);
    for (unsigned i = 0; i < count; i++)
        ASSERT(ahead[i].query->kind == DB_POINT || ahead[i].query->kind == DB_PAGE);
    if (!db->driver->read_ahead || !task_current() || trace_on())
        return db_read(db, fn, arg); /* a trace shows each statement in its place */
    return db->driver->read_ahead(db, ahead, count, (struct db_reader){ fn, arg });
}

bool db_fetches(const struct db_tx *tx)
{
    bool snapshot = tx->mode == DB_MODE_SNAPSHOT || tx->mode == DB_MODE_SCAN;
    return snapshot && tx->db->driver->fetch && !trace_on(); /* each statement in its place */
}

enum err db_fetch(struct db_tx *tx, const struct db_ahead *ahead, unsigned count)
{
    ASSERT(count <= DB_FETCH_MAX);
    for (unsigned i = 0; i < count; i++)
        ASSERT(ahead[i].query->kind == DB_POINT || ahead[i].query->kind == DB_PAGE);
    return db_fetches(tx) && count ? tx->db->driver->fetch(tx, ahead, count) : OK;
}

enum err db_read_scan(struct db *db, db_tx_fn fn, void *arg)
{
    return trace_on() ? db_read_traced(db, true, fn, arg) : db->driver->read(db, true, fn, arg);
}

struct db_tx *db_now(struct db *db)
{
    return &db->now;
}

struct db *db_of(struct db_tx *tx)
{
    return tx->db;
}

struct arena *db_arena(struct db_tx *tx)
{
    return tx->arena ? tx->arena : running_arena();
}

enum err db_ping(struct db *db)
{
    struct db_row row;
    return db_one(db_now(db), &SQL_DB_PING, DB_NO_ARGS, &row);
}

/* --- Numbers -------------------------------------------------------------------------------- */

struct db_stats db_stats(const struct db *db)
{
#define GET(name) .name = atomic_load_explicit(&db->stats.name, memory_order_relaxed)
    return (struct db_stats){
        GET(queue_length),
        GET(queue_length_peak),
        GET(transactions),
        GET(failed),
        GET(refused),
        GET(abandoned),
        GET(reruns),
        GET(commits),
        GET(commits_failed),
        GET(group_peak),
        GET(commit_us_total),
        GET(commit_us_peak),
        GET(reads_inline),
        GET(reads_pool),
        GET(reads_over_budget),
        GET(connections_open),
        GET(connections_busy),
        GET(waits),
        GET(wait_us_total),
        GET(replication_lag_us),
    };
#undef GET
}
