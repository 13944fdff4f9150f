/*
 * read: where reads run. A loop's thread has a connection of its own and reads inline: handing a
 * point read to another thread costs three times the read. Everything else (scans on the pool,
 * plain threads) borrows one of a few idle connections.
 */
#include "internal.h"

#include "foundation/task/loop.h"

enum { OWN_READERS_MAX = 16 };

/* The connections of this thread; entries of closed databases are recognised by their id. */
static _Thread_local struct {
    uint64_t db_id;
    struct conn *conn;
} own_readers[OWN_READERS_MAX];
static _Thread_local unsigned own_readers_next;

static enum err reader_open(struct sqlite_db *db, struct conn **out_conn)
{
    struct conn *conn;
    TRY(conn_open(db, false, &conn));
    pthread_mutex_lock(&db->readers_lock);
    conn->next = db->readers;
    db->readers = conn;
    pthread_mutex_unlock(&db->readers_lock);
    *out_conn = conn;
    return OK;
}

static enum err own_reader(struct sqlite_db *db, struct conn **out_conn)
{
    for (unsigned i = 0; i < OWN_READERS_MAX; i++) {
        if (own_readers[i].db_id == db->id) {
            *out_conn = own_readers[i].conn;
            return OK;
        }
    }
    TRY(reader_open(db, out_conn));
    unsigned at = own_readers_next++ % OWN_READERS_MAX;
    own_readers[at].db_id = db->id;
    own_readers[at].conn = *out_conn;
    return OK;
}

static enum err reader_take(struct sqlite_db *db, struct conn **out_conn)
{
    if (loop_current())
        return own_reader(db, out_conn);
    pthread_mutex_lock(&db->readers_lock);
    struct conn *conn = db->idle;
    if (conn) {
        db->idle = conn->idle_next;
        db->idle_count--;
    }
    pthread_mutex_unlock(&db->readers_lock);
    if (!conn)
        return reader_open(db, out_conn);
    *out_conn = conn;
    return OK;
}

static void reader_forget(struct sqlite_db *db, struct conn *conn)
{
    struct conn **link = &db->readers;
    while (*link != conn)
        link = &(*link)->next;
    *link = conn->next;
}

/* A snapshot that would not end must not be anybody's: it is of a moment that has passed. */
static void reader_drop(struct sqlite_db *db, struct conn *conn)
{
    for (unsigned i = 0; i < OWN_READERS_MAX; i++)
        if (own_readers[i].db_id == db->id && own_readers[i].conn == conn)
            own_readers[i].db_id = 0;
    pthread_mutex_lock(&db->readers_lock);
    reader_forget(db, conn);
    pthread_mutex_unlock(&db->readers_lock);
    conn_close(conn);
}

static void reader_give(struct sqlite_db *db, struct conn *conn)
{
    if (loop_current())
        return;
    pthread_mutex_lock(&db->readers_lock);
    bool keep = db->idle_count < IDLE_CONNS_MAX;
    if (keep) {
        conn->idle_next = db->idle;
        db->idle = conn;
        db->idle_count++;
    } else {
        reader_forget(db, conn);
    }
    pthread_mutex_unlock(&db->readers_lock);
    if (!keep)
        conn_close(conn);
}

void readers_close(struct sqlite_db *db)
{
    while (db->readers) {
        struct conn *conn = db->readers;
        db->readers = conn->next;
        conn_close(conn);
    }
}

/* --- Snapshots ------------------------------------------------------------------------------ */

static enum err snapshot_run(struct sqlite_tx *tx, bool nested, db_tx_fn fn, void *arg)
{
    struct conn *conn = tx->conn;
    int code = nested ? SQLITE_OK : conn_control(conn, BEGIN_READ);
    if (code != SQLITE_OK)
        return sqlite_fail(conn->db, conn->handle, code, "BEGIN");
    enum err err = db_guarded(tx->base.arena, fn, &tx->base, arg);
    if (!nested)
        conn_control(conn, ROLLBACK);
    return err;
}

struct snapshot {
    struct sqlite_db *db;
    struct arena *arena;
    enum db_mode mode;
    db_tx_fn fn;
    void *arg;
};

static enum err snapshot_take(void *arg)
{
    const struct snapshot *snapshot = arg;
    struct sqlite_tx tx = {
        .base = { .db = &snapshot->db->base, .mode = snapshot->mode, .arena = snapshot->arena }
    };
    TRY(reader_take(snapshot->db, &tx.conn));
    bool nested = !sqlite3_get_autocommit(tx.conn->handle); /* joins the snapshot we are in */
    enum err err = snapshot_run(&tx, nested, snapshot->fn, snapshot->arg);
    if (!nested && !sqlite3_get_autocommit(tx.conn->handle))
        reader_drop(snapshot->db, tx.conn);
    else
        reader_give(snapshot->db, tx.conn);
    return err;
}

enum err sqlite_read(struct db *base, bool scans, db_tx_fn fn, void *arg)
{
    struct sqlite_db *db = sqlite_of(base);
    struct snapshot snapshot = {
        .db = db,
        .arena = db_arena(db_now(base)),
        .mode = scans ? DB_MODE_SCAN : DB_MODE_SNAPSHOT,
        .fn = fn,
        .arg = arg,
    };
    if (scans && base->pool) {
        STAT_ADD(db, reads_pool, 1);
        return await_blocking(base->pool, snapshot_take, &snapshot);
    }
    STAT_ADD(db, reads_inline, 1);
    return snapshot_take(&snapshot);
}

/* --- Single queries ------------------------------------------------------------------------- */

struct single {
    struct sqlite_db *db;
    struct db_call *call;
};

static enum err single_run(void *arg)
{
    const struct single *single = arg;
    struct conn *conn;
    TRY(reader_take(single->db, &conn));
    enum err err = conn_call(conn, single->call, steps_of(single->db, single->call->query->kind));
    reader_give(single->db, conn);
    return err;
}

enum err sqlite_call(struct db_tx *base, struct db_call *call)
{
    struct sqlite_db *db = sqlite_of(base->db);
    struct single single = { db, call };
    struct conn *conn = base->mode == DB_MODE_NOW ? NULL : ((struct sqlite_tx *)base)->conn;
    enum err err;
    switch (base->mode) {
    case DB_MODE_NOW:
        if (call->query->kind == DB_SCAN && base->db->pool) {
            STAT_ADD(db, reads_pool, 1);
            return await_blocking(base->db->pool, single_run, &single);
        }
        STAT_ADD(db, reads_inline, 1);
        return single_run(&single);
    case DB_MODE_SNAPSHOT:
        return conn_call(conn, call, steps_of(db, call->query->kind));
    case DB_MODE_SCAN:
        return conn_call(conn, call, STEPS_UNLIMITED);
    case DB_MODE_WRITE:
    default:
        err = conn_call(conn, call, STEPS_UNLIMITED);
        base->failed = call->failed ? err : OK;
        return err;
    }
}
