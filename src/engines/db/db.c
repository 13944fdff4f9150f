/*
 * db: the port. It checks what callers hand over, copies rows into their arena and leaves the rest
 * to the driver, so that every driver gives the same answers to the same mistakes.
 */
#include "driver.h"

#include "db_sql.h"
#include "meters.h"

#include "foundation/mem/heap.h"
#include "foundation/trace/trace.h"

#include <math.h>
#include <openssl/sha.h>
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

/* What a spec says, before a driver has opened anything. The modules are on the heap. */
static enum err base_init(const struct db_spec *spec, struct db *out_base)
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
    TRY(base_init(spec, &base));
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

enum err db_snapshot_newest(const struct db_spec *spec, struct db_snapshot *out_snapshot)
{
    struct db base;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->snapshot_newest(&base, spec->place, out_snapshot);
    heap_free((void *)base.modules);
    return err;
}

enum err db_check(const struct db_spec *spec, const struct db_check *check)
{
    struct db base;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->check(&base, spec->place, check);
    heap_free((void *)base.modules);
    return err;
}

enum err db_diagnose(const struct db_spec *spec, db_finding_fn fn, void *arg)
{
    struct db base;
    if (!spec->driver->diagnose)
        return OK;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->diagnose(&base, spec->place, fn, arg);
    heap_free((void *)base.modules);
    return err;
}

enum err db_rollback(const struct db_spec *spec, const struct db_versions *to)
{
    struct db base;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->rollback(&base, spec->place, to);
    heap_free((void *)base.modules);
    return err;
}

enum err db_snapshot_restore(const struct db_spec *spec, const struct db_snapshot *snapshot)
{
    struct db base;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->snapshot_restore(&base, spec->place, snapshot);
    heap_free((void *)base.modules);
    return err;
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

const char *db_spec_suffix(const struct db_spec *spec)
{
    return spec->driver->copy_suffix;
}

bool db_restores(const struct db_spec *spec)
{
    return spec->driver->restore != NULL;
}

enum err db_restore_check(const struct db_spec *spec)
{
    struct db base;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->restore_check(&base, spec->place);
    heap_free((void *)base.modules);
    return err;
}

enum err db_restore(const struct db_spec *spec, const char *path, const struct db_copy_watch *watch)
{
    struct db base;
    TRY(base_init(spec, &base));
    enum err err = spec->driver->restore(&base, spec->place, path, watch);
    heap_free((void *)base.modules);
    return err;
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

/* --- Values --------------------------------------------------------------------------------- */

static const struct db_value *value_at(const struct db_row *row, unsigned column)
{
    ASSERT(row->values && column < row->columns_count);
    return &row->values[column];
}

bool db_null(const struct db_row *row, unsigned column)
{
    return value_at(row, column)->kind == DB_KIND_NULL;
}

int64_t db_i64(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_I64 ? value->i64 : 0;
}

double db_f64(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_F64 ? value->f64 : (double)db_i64(row, column);
}

bool db_bool(const struct db_row *row, unsigned column)
{
    return db_i64(row, column) != 0;
}

str db_text(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_TEXT ? value->bytes : STR_NONE;
}

str db_blob(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_BLOB ? value->bytes : STR_NONE;
}

instant db_at(const struct db_row *row, unsigned column)
{
    const struct db_value *value = value_at(row, column);
    return value->kind == DB_KIND_I64 ? value->i64 : INSTANT_NEVER;
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

/* --- Queries -------------------------------------------------------------------------------- */

/* Copies a driver's row into the arena: one block of values, one a text. */
static void row_keep(struct arena *arena, const struct db_row *row, struct db_row *out_row)
{
    struct db_value *values = ARENA_ARRAY(arena, MAX_OF(row->columns_count, 1u), struct db_value);
    for (unsigned i = 0; i < row->columns_count; i++) {
        values[i] = row->values[i];
        if (values[i].kind == DB_KIND_TEXT || values[i].kind == DB_KIND_BLOB)
            values[i].bytes = arena_str(arena, values[i].bytes);
    }
    *out_row = (struct db_row){ values, row->columns_count };
}

/* ERR_CANCELLED from a row function of the port ends the walk: there is enough. */
struct first_row {
    struct arena *arena;
    struct db_row row;
    bool found;
};

static enum err first_row_take(const struct db_row *row, void *arg)
{
    struct first_row *first = arg;
    row_keep(first->arena, row, &first->row);
    first->found = true;
    return ERR_CANCELLED;
}

/* Refuses for every driver what one of them would. */
static enum err arguments_check(const struct db_query *query, struct db_args args)
{
    if (args.count != query->params_count)
        PANIC("query %s takes %u arguments, not %u", query->name, query->params_count, args.count);
    for (unsigned i = 0; i < args.count; i++) {
        const struct db_value *value = &args.values[i];
        if (value->kind == DB_KIND_F64 && isnan(value->f64))
            return err_set(ERR_INVALID, "value", "%s: ?%u is not a number", query->name, i + 1);
        if (value->kind == DB_KIND_TEXT &&
            (!str_is_utf8(value->bytes) || str_find_char(value->bytes, 0) >= 0))
            return err_set(ERR_INVALID, "value", "%s: ?%u is not UTF-8 text", query->name, i + 1);
    }
    return OK;
}

static enum err call(struct db_tx *tx, struct db_call *call)
{
    bool writes = call->query->kind == DB_WRITE;
    if (writes && tx->mode != DB_MODE_WRITE)
        PANIC("query %s writes outside a transaction", call->query->name);
    if (call->query->kind == DB_SCAN && tx->mode == DB_MODE_SNAPSHOT)
        PANIC("query %s is a scan: ask it in db_read_scan()", call->query->name);
    if (tx->failed != OK)
        return tx->failed;
    TRY(arguments_check(call->query, call->args));
    return db_call_metered(tx, call);
}

enum err db_find(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 struct db_row *out_row)
{
    struct first_row first = { .arena = db_arena(tx) };
    struct db_call find = {
        .query = query,
        .args = args,
        .row = first_row_take,
        .row_arg = &first,
        .arena = first.arena,
    };
    enum err err = call(tx, &find);
    if (err != OK && !(err == ERR_CANCELLED && first.found))
        return err;
    *out_row = first.row;
    return OK;
}

enum err db_one(struct db_tx *tx, const struct db_query *query, struct db_args args,
                struct db_row *out_row)
{
    struct db_row row;
    TRY(db_find(tx, query, args, &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "no-row", "%s found nothing", query->name);
    *out_row = row;
    return OK;
}

struct all_rows {
    struct arena *arena;
    struct db_row *items;
    unsigned count, capacity, limit;
    bool more;
};

static void all_rows_grow(struct all_rows *all)
{
    unsigned capacity = MIN_OF(MAX_OF(all->capacity * 2, 16u), all->limit);
    struct db_row *items = ARENA_ARRAY(all->arena, capacity, struct db_row);
    if (all->count)
        memcpy(items, all->items, all->count * sizeof(items[0]));
    all->items = items;
    all->capacity = capacity;
}

static enum err all_rows_take(const struct db_row *row, void *arg)
{
    struct all_rows *all = arg;
    if (all->count == all->limit) {
        all->more = true;
        return ERR_CANCELLED;
    }
    if (all->count == all->capacity)
        all_rows_grow(all);
    row_keep(all->arena, row, &all->items[all->count]);
    all->count++;
    return OK;
}

enum err db_all(struct db_tx *tx, const struct db_query *query, struct db_args args, unsigned limit,
                struct db_rows *out_rows)
{
    struct all_rows all = { .arena = db_arena(tx), .limit = limit };
    struct db_call list = {
        .query = query,
        .args = args,
        .row = all_rows_take,
        .row_arg = &all,
        .arena = all.arena,
    };
    enum err err = call(tx, &list);
    if (err != OK && !(err == ERR_CANCELLED && all.more))
        return err;
    *out_rows = (struct db_rows){ all.items, all.count, all.more };
    return OK;
}

enum err db_each(struct db_tx *tx, const struct db_query *query, struct db_args args, db_row_fn fn,
                 void *arg)
{
    struct db_call each = {
        .query = query,
        .args = args,
        .row = fn,
        .row_arg = arg,
        .arena = db_arena(tx),
    };
    return call(tx, &each);
}

enum err db_exec(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 int64_t *out_changed)
{
    ASSERT(query->kind == DB_WRITE);
    struct db_call exec = {
        .query = query, .args = args, .arena = db_arena(tx), .counted = out_changed != NULL
    };
    TRY(call(tx, &exec));
    if (out_changed)
        *out_changed = exec.changed;
    return OK;
}

static enum err id_take(const struct db_row *row, void *arg)
{
    struct db_value *id = arg;
    if (id->kind == DB_KIND_NULL)
        *id = *value_at(row, 0);
    return OK;
}

enum err db_insert(struct db_tx *tx, const struct db_query *query, struct db_args args,
                   int64_t *out_id)
{
    struct db_value id = DB_NULL;
    struct db_call insert = {
        .query = query,
        .args = args,
        .row = id_take,
        .row_arg = &id,
        .arena = db_arena(tx),
    };
    ASSERT(query->kind == DB_WRITE);
    TRY(call(tx, &insert));
    if (id.kind != DB_KIND_I64)
        return err_set(ERR_NOT_FOUND, "no-row", "%s returned no id", query->name);
    *out_id = id.i64;
    return OK;
}

enum err db_ping(struct db *db)
{
    struct db_row row;
    return db_one(db_now(db), &SQL_DB_PING, DB_NO_ARGS, &row);
}

/* --- Being told ----------------------------------------------------------------------------- */

void db_notify(struct db_tx *tx, enum db_topic topic)
{
    ASSERT(tx->mode == DB_MODE_WRITE);
    tx->topics |= topic;
}

void db_listen(struct db *db, struct db_listener *listener)
{
    pthread_mutex_lock(&db->listeners->lock);
    listener->next = db->listeners->first;
    db->listeners->first = listener;
    pthread_mutex_unlock(&db->listeners->lock);
    if (db->driver->listen)
        db->driver->listen(db);
}

void db_unlisten(struct db *db, struct db_listener *listener)
{
    pthread_mutex_lock(&db->listeners->lock);
    struct db_listener **link = &db->listeners->first;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    pthread_mutex_unlock(&db->listeners->lock);
}

/* A line of its own each time, so that no two transactions meet over it. */
enum err db_changes_keep(struct db_tx *tx)
{
    int64_t topics = tx->topics & DB_TOPICS_KEPT;
    return topics ? db_exec(tx, &SQL_CHANGE_ADD, DB_ARGS(DB_I64(topics)), NULL) : OK;
}

bool db_is_told(const struct db *db)
{
    return !db->driver->told || db->driver->told(db);
}

void db_tell(struct db *db, unsigned topics)
{
    if (!topics)
        return;
    pthread_mutex_lock(&db->listeners->lock);
    for (struct db_listener *listener = db->listeners->first; listener; listener = listener->next) {
        if (listener->topics & topics)
            listener->fn(listener->arg);
    }
    pthread_mutex_unlock(&db->listeners->lock);
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

void db_checksum(const char *text, char out[DB_CHECKSUM_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), hash);
    for (size_t i = 0; i < sizeof(hash); i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * sizeof(hash)] = 0;
}
