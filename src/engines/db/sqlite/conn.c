/*
 * conn: a connection and the queries prepared on it. A query runs under a budget of virtual-machine
 * steps, the same number for the same data, so it does not depend on how busy the machine is.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

enum { STEPS_A_CHECK = 1000, WRITER_CACHE_KIB = 1024, READER_CACHE_KIB = 512, BUSY_MS = 5000 };

uint64_t steps_of(const struct sqlite_db *db, enum db_kind kind)
{
    switch (kind) {
    case DB_POINT:
        return db->base.settings.point_steps_max;
    case DB_PAGE:
        return db->base.settings.page_steps_max;
    default:
        return STEPS_UNLIMITED;
    }
}

static int on_progress(void *arg)
{
    struct conn *conn = arg;
    conn->work_cancelled = pool_work_cancelled();
    conn->over_budget = conn->steps_left < STEPS_A_CHECK;
    if (conn->steps_left != STEPS_UNLIMITED && !conn->over_budget)
        conn->steps_left -= STEPS_A_CHECK;
    return conn->over_budget || conn->work_cancelled;
}

static enum err configure(struct conn *conn, bool writes)
{
    sqlite3 *handle = conn->handle;
    uint64_t mmap_bytes = writes ? 0 : conn->db->base.settings.mmap_bytes;
    char pragmas[512];
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, BUSY_MS);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA synchronous=FULL; PRAGMA cache_size=-%d; PRAGMA mmap_size=%llu;"
             "PRAGMA journal_size_limit=16777216; PRAGMA cell_size_check=ON; PRAGMA query_only=%d;",
             writes ? WRITER_CACHE_KIB : READER_CACHE_KIB, (unsigned long long)mmap_bytes, !writes);
    int code = sqlite3_exec(handle, pragmas, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return sqlite_fail(conn->db, handle, code, "open");
    sqlite3_progress_handler(handle, STEPS_A_CHECK, on_progress, conn);
    return OK;
}

static enum err controls_prepare(struct conn *conn)
{
    static const char *const texts[CONTROLS] = {
        [BEGIN_WRITE] = "BEGIN IMMEDIATE", [BEGIN_READ] = "BEGIN", [COMMIT] = "COMMIT",
        [ROLLBACK] = "ROLLBACK",           [SAVE] = "SAVEPOINT s", [RELEASE] = "RELEASE s",
        [ROLLBACK_TO] = "ROLLBACK TO s",
    };
    for (int i = 0; i < CONTROLS; i++) {
        int code = sqlite3_prepare_v3(conn->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &conn->controls[i], NULL);
        if (code != SQLITE_OK)
            return sqlite_fail(conn->db, conn->handle, code, texts[i]);
    }
    return OK;
}

/*
 * A database or a log that it cannot open for writing, be it for want of a descriptor at that
 * moment, SQLite opens for reading and says nothing until something is written: no write would
 * succeed as long as the program runs.
 */
static enum err writable(struct conn *conn)
{
    if (sqlite3_db_readonly(conn->handle, "main"))
        return err_set(ERR_UNAVAILABLE, "database-unwritable", "%s cannot be opened for writing",
                       conn->db->path);
    int code = conn_control(conn, BEGIN_WRITE);
    if (code == SQLITE_OK)
        code = conn_control(conn, ROLLBACK);
    return code == SQLITE_OK ? OK : sqlite_fail(conn->db, conn->handle, code, "open");
}

enum err conn_open(struct sqlite_db *db, bool writes, struct conn **out_conn)
{
    struct conn *conn = HEAP_NEW(struct conn);
    conn->db = db;
    conn->steps_left = STEPS_UNLIMITED;
    conn->stmts = HEAP_ARRAY(db->queries.count + 1, struct stmt);
    int code =
        sqlite3_open_v2(db->path, &conn->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum err err =
        code == SQLITE_OK ? configure(conn, writes) : sqlite_fail(db, conn->handle, code, "open");
    if (err == OK)
        err = controls_prepare(conn);
    if (err == OK && writes)
        err = writable(conn);
    if (err != OK) {
        conn_close(conn);
        return err;
    }
    *out_conn = conn;
    return OK;
}

void conn_close(struct conn *conn)
{
    for (unsigned i = 0; i < conn->db->queries.count; i++) {
        struct stmt *more = conn->stmts[i].next;
        sqlite3_finalize(conn->stmts[i].handle);
        while (more) {
            struct stmt *next = more->next;
            sqlite3_finalize(more->handle);
            heap_free(more);
            more = next;
        }
    }
    for (int i = 0; i < CONTROLS; i++)
        sqlite3_finalize(conn->controls[i]);
    int code = sqlite3_close(conn->handle);
    ASSERT(code == SQLITE_OK);
    heap_free(conn->stmts);
    heap_free(conn);
}

int conn_control(struct conn *conn, enum control control)
{
    conn->steps_left = STEPS_UNLIMITED;
    sqlite3_step(conn->controls[control]);
    return sqlite3_reset(conn->controls[control]);
}

/* --- Prepared queries ----------------------------------------------------------------------- */

static enum err query_prepare(struct conn *conn, const struct db_query *query,
                              sqlite3_stmt **out_handle)
{
    const char *sql = query->sql[DB_SQLITE];
    if (!sql)
        PANIC("query %s has no text for SQLite", query->name);
    int code =
        sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out_handle, NULL);
    if (code != SQLITE_OK)
        return sqlite_fail(conn->db, conn->handle, code, query->name);
    return OK;
}

/* A copy of the prepared query that is not in the middle of its rows. */
static enum err stmt_take(struct conn *conn, const struct db_query *query,
                          sqlite3_stmt **out_handle)
{
    struct stmt *stmt = &conn->stmts[db_ordinal_of(&conn->db->queries, query)];
    while (stmt->handle && sqlite3_stmt_busy(stmt->handle)) {
        if (!stmt->next)
            stmt->next = HEAP_NEW(struct stmt);
        stmt = stmt->next;
    }
    if (!stmt->handle)
        TRY(query_prepare(conn, query, &stmt->handle));
    *out_handle = stmt->handle;
    return OK;
}

/* --- Running -------------------------------------------------------------------------------- */

static int bind_value(sqlite3_stmt *handle, int at, const struct db_value *value)
{
    const char *bytes = value->bytes.ptr ? value->bytes.ptr : "";
    switch (value->kind) {
    case DB_KIND_I64:
        return sqlite3_bind_int64(handle, at, value->i64);
    case DB_KIND_F64:
        return sqlite3_bind_double(handle, at, value->f64);
    case DB_KIND_TEXT:
        return sqlite3_bind_text64(handle, at, bytes, value->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case DB_KIND_BLOB:
        return sqlite3_bind_blob64(handle, at, bytes, value->bytes.len, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(handle, at);
    }
}

static struct db_value column_value(sqlite3_stmt *handle, int at)
{
    const char *bytes;
    switch (sqlite3_column_type(handle, at)) {
    case SQLITE_INTEGER:
        return DB_I64(sqlite3_column_int64(handle, at));
    case SQLITE_FLOAT:
        return DB_F64(sqlite3_column_double(handle, at));
    case SQLITE_TEXT:
        bytes = (const char *)sqlite3_column_text(handle, at);
        return DB_TEXT(((str){ bytes ? bytes : "", (size_t)sqlite3_column_bytes(handle, at) }));
    case SQLITE_BLOB:
        bytes = sqlite3_column_blob(handle, at);
        return DB_BLOB(((str){ bytes ? bytes : "", (size_t)sqlite3_column_bytes(handle, at) }));
    default:
        return DB_NULL;
    }
}

static enum err row_hand_over(sqlite3_stmt *handle, const struct db_call *call)
{
    struct db_value values[DB_COLUMNS_MAX];
    int columns = sqlite3_column_count(handle);
    ASSERT(columns <= DB_COLUMNS_MAX);
    for (int i = 0; i < columns; i++)
        values[i] = column_value(handle, i);
    struct db_row row = { values, (unsigned)columns };
    return call->row(&row, call->row_arg);
}

struct running_call {
    struct conn *conn;
    struct db_call *call;
    sqlite3_stmt *handle;
    int code; /* SQLITE_ROW while rows come, then DONE or what failed */
};

/* Leaves by the arena's way out when a row function needs too much memory. */
static enum err rows_walk(struct db_tx *tx, void *arg)
{
    struct running_call *running = arg;
    (void)tx;
    while ((running->code = sqlite3_step(running->handle)) == SQLITE_ROW) {
        if (running->call->row)
            TRY(row_hand_over(running->handle, running->call));
    }
    return OK;
}

static enum err stopped(struct conn *conn, const struct db_query *query)
{
    if (conn->work_cancelled)
        return err_set(ERR_CANCELLED, NULL, "%s was cancelled", query->name);
    STAT_ADD(conn->db, reads_over_budget, 1);
    return err_set(ERR_EXHAUSTED, "query-budget", "%s looked at too many rows", query->name);
}

static enum err call_bind(struct conn *conn, const struct db_call *call, sqlite3_stmt *handle)
{
    for (unsigned i = 0; i < call->args.count; i++) {
        int code = bind_value(handle, (int)i + 1, &call->args.values[i]);
        if (code != SQLITE_OK)
            return sqlite_fail(conn->db, conn->handle, code, call->query->name);
    }
    return OK;
}

static enum err call_failed(struct conn *conn, struct db_call *call, int code)
{
    call->failed = true;
    if ((code & 0xff) == SQLITE_INTERRUPT)
        return stopped(conn, call->query);
    return sqlite_fail(conn->db, conn->handle, code, call->query->name);
}

enum err conn_call(struct conn *conn, struct db_call *call, uint64_t steps_max)
{
    struct running_call running = { .conn = conn, .call = call };
    call->failed = true;
    TRY(stmt_take(conn, call->query, &running.handle));
    TRY(call_bind(conn, call, running.handle));
    call->failed = false;
    uint64_t steps_before = conn->steps_left; /* of the query whose rows we may be in */
    conn->steps_left = steps_max;
    conn->over_budget = conn->work_cancelled = false;
    enum err err = db_guarded(call->arena, rows_walk, NULL, &running);
    if (running.code != SQLITE_DONE && running.code != SQLITE_ROW)
        err = call_failed(conn, call, running.code);
    if (call->query->kind == DB_WRITE)
        call->changed = sqlite3_changes64(conn->handle);
    sqlite3_reset(running.handle);
    conn->steps_left = steps_before;
    return err;
}
