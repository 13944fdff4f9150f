/*
 * tx: transactions and snapshots. The function runs where it was called, on a connection to itself.
 * Transactions are SERIALIZABLE, as on SQLite, where there is one writer: one that lost to another,
 * to a deadlock, or with its connection is run again, until its COMMIT has been sent. When the
 * answer to that is lost nobody knows what happened, and the error says so.
 */
#include "internal.h"

#include "foundation/task/pool.h"

#include <string.h>
#include <unistd.h>

enum { RUNS_MAX = 10, LOST_RUNS_MAX = 3 };
/* After a loss so many transactions more run alone from the start, up to the maximum. */
enum { CONTENDED_A_LOSS = 4, CONTENDED_MAX = 32 };

static const span pause_min = MICROSECONDS(500), pause_max = MILLISECONDS(50);

static void control_clear(struct ask *ask)
{
    PQclear(ask->result);
}

static void rollback(struct pg_tx *tx)
{
    struct ask ask;
    if (!tx->begun || tx->conn->lost)
        return;
    do { /* a second time when a deferred write failed before the first was reached */
        pg_conn_control(tx->conn, "ROLLBACK", ROLLBACK_WAIT, &ask);
        control_clear(&ask);
    } while (ask.aborted && !tx->conn->lost);
    tx->begun = false;
}

/* --- Transactions -------------------------------------------------------------------------------
 */

static enum err commit_judge(struct pg_tx *tx, const struct ask *ask)
{
    struct pg_db *db = tx->conn->db;
    if (!ask->result || ask->lost)
        return err_set(ERR_INTERNAL, "commit-unknown",
                       "the connection to %s was lost while it committed: whether it did is not "
                       "known",
                       db->shown);
    if (PQresultStatus(ask->result) == PGRES_FATAL_ERROR) {
        tx->again = pg_error_is_contention(ask->result);
        return pg_error_set(db, ask->result, "COMMIT");
    }
    if (strcmp(PQcmdStatus(ask->result), "COMMIT") != 0)
        return err_set(ERR_INTERNAL, "database", "%s did not commit", db->shown);
    return OK;
}

static enum err commit(struct pg_tx *tx)
{
    struct pg_db *db = tx->conn->db;
    struct ask ask = { .done = false };
    instant began = clock_mono();
    if (!tx->begun)
        return OK;
    enum err deferred = db_changes_keep(&tx->base);
    if (deferred == OK)
        deferred = pg_deferred_finish(tx);
    if (deferred != OK) {
        rollback(tx);
        return deferred;
    }
    if (tx->conn->lost) {
        tx->again = true;
        return pg_error_lost(db, "COMMIT");
    }
    pg_conn_control(tx->conn, "COMMIT", COMMIT_WAIT, &ask);
    enum err err = commit_judge(tx, &ask);
    control_clear(&ask);
    tx->begun = false;
    uint64_t took_us = (uint64_t)(clock_mono() - began);
    STAT_ADD(db, commits, 1);
    STAT_ADD(db, commit_us_total, took_us);
    stat_peak(&db->base.stats.commit_us_peak, took_us);
    if (err != OK)
        STAT_ADD(db, commits_failed, 1);
    return err;
}

struct function {
    db_tx_fn fn;
    void *arg;
};

static enum err run_once(struct pg_tx *tx, struct arena *arena, const struct function *function)
{
    struct conn *conn = tx->conn;
    PQclear(tx->deferred.result);
    *tx = (struct pg_tx){
        .base = { .db = &conn->db->base, .mode = DB_MODE_WRITE, .arena = arena },
        .conn = conn,
        .alone = tx->alone,
    };
    err_clear();
    enum err err = db_guarded(arena, function->fn, &tx->base, function->arg);
    return tx->base.failed != OK ? tx->base.failed : err;
}

/* One attempt, on a connection it has. */
static enum err attempt(struct pg_tx *tx, struct arena *arena, const struct function *function)
{
    unsigned runs = tx->conn->db->base.settings.run_twice ? 2 : 1;
    enum err err = OK;
    for (unsigned run = 1; run <= runs && err == OK; run++) {
        err = run_once(tx, arena, function);
        if (err == OK && run == runs)
            return commit(tx);
        rollback(tx);
    }
    return err;
}

/* Full jitter: who collided is spread over the pause. */
static enum err pause_jittered(unsigned run)
{
    static _Atomic uint64_t state;
    span longest = MIN_OF(pause_min << MIN_OF(run, 10u), pause_max);
    uint64_t x = atomic_fetch_add(&state, 0x9E3779B97F4A7C15u) + (uint64_t)clock_mono();
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    span length = (span)((x ^ x >> 31) % (uint64_t)longest) + 1;
    if (task_current())
        return await_sleep(length);
    usleep((useconds_t)length);
    return pool_work_cancelled() ? err_set(ERR_CANCELLED, NULL, "a transaction was cancelled") : OK;
}

/*
 * Serialisable transactions are checked by pages: on small tables nearly any two collide. Where
 * they keep colliding one after another is faster than again and again.
 */
static bool runs_alone(struct pg_db *db, unsigned run)
{
    unsigned left = atomic_load_explicit(&db->contended, memory_order_relaxed);
    if (left)
        atomic_compare_exchange_strong(&db->contended, &left, left - 1);
    return run > 1 || left;
}

static void contention_note(struct pg_db *db)
{
    unsigned left = atomic_load_explicit(&db->contended, memory_order_relaxed);
    unsigned more = MIN_OF(left + CONTENDED_A_LOSS, (unsigned)CONTENDED_MAX);
    atomic_compare_exchange_strong(&db->contended, &left, more);
}

static void committed(struct pg_db *db, unsigned topics)
{
    STAT_ADD(db, transactions, 1);
    db_tell(&db->base, topics);
    pg_tell_others(db, topics);
}

enum err pg_write(struct db *base, struct arena *arena, db_tx_fn fn, void *arg)
{
    struct pg_db *db = pg_of(base);
    struct function function = { fn, arg };
    for (unsigned run = 1, lost = 0;; run++) {
        struct pg_tx tx = { .alone = runs_alone(db, run) };
        TRY(pg_conn_take(db, DB_MODE_WRITE, &tx.conn));
        enum err err = attempt(&tx, arena, &function);
        lost += tx.conn->lost;
        PQclear(tx.deferred.result);
        pg_conn_give(tx.conn);
        if (err == OK) {
            committed(db, tx.base.topics);
            return OK;
        }
        if (!tx.again || run == RUNS_MAX || lost == LOST_RUNS_MAX) {
            STAT_ADD(db, failed, 1);
            return err;
        }
        STAT_ADD(db, reruns, 1);
        contention_note(db);
        TRY(pause_jittered(run));
    }
}

/* --- Positions of events ------------------------------------------------------------------------
 */

static enum err sequence_once(struct pg_tx *tx, struct db_call *call)
{
    tx->base = (struct db_tx){ .db = &tx->conn->db->base, .mode = DB_MODE_WRITE };
    enum err err = pg_conn_call(tx, call);
    if (err == OK)
        return commit(tx);
    rollback(tx);
    return err;
}

enum err pg_sequence(struct db *base, const struct db_query *query, unsigned limit,
                     unsigned *out_count)
{
    struct pg_db *db = pg_of(base);
    struct pg_tx tx = { .sequences = true };
    struct db_call call = { .query = query, .args = DB_ARGS(DB_I64(limit)), .counted = true };
    TRY(pg_conn_take(db, DB_MODE_WRITE, &tx.conn));
    enum err err = sequence_once(&tx, &call);
    PQclear(tx.deferred.result);
    pg_conn_give(tx.conn);
    TRY(err);
    if (call.changed) {
        db_tell(base, DB_TOPIC_LOG);
        pg_tell_others(db, DB_TOPIC_LOG);
    }
    *out_count = (unsigned)call.changed;
    return OK;
}

/* --- Snapshots ----------------------------------------------------------------------------------
 */

/* The answer to the end of a snapshot says nothing: who uses the connection next waits for it. */
static void snapshot_end(struct pg_tx *tx)
{
    struct conn *conn = tx->conn;
    if (!conn)
        return;
    if (tx->begun && !conn->lost && conn->home) {
        pg_conn_put_control(conn, NULL, "ROLLBACK");
        pg_conn_sync(conn);
    } else {
        rollback(tx);
    }
    pg_conn_give(conn);
}

enum err pg_read(struct db *base, bool scans, db_tx_fn fn, void *arg)
{
    struct pg_db *db = pg_of(base);
    struct pg_tx tx = { .base = { .db = base,
                                  .mode = scans ? DB_MODE_SCAN : DB_MODE_SNAPSHOT,
                                  .arena = db_arena(db_now(base)) } };
    TRY(pg_conn_take(db, tx.base.mode, &tx.conn));
    STAT_ADD(db, reads_inline, 1);
    enum err err = db_guarded(tx.base.arena, fn, &tx.base, arg);
    pg_fetched_clear(&tx);
    snapshot_end(&tx);
    return err;
}

/*
 * A connection may have died while nobody used it. As long as nothing was answered on it the read
 * is asked again on another.
 */
static enum err call_retried(struct pg_tx *tx, struct db_call *call)
{
    struct pg_db *db = tx->conn->db;
    enum err err = pg_conn_call(tx, call);
    for (unsigned i = 1; i < LOST_RUNS_MAX && err == ERR_UNAVAILABLE; i++) {
        if (!tx->conn->lost || tx->answers || !call->failed)
            break;
        pg_conn_give(tx->conn);
        tx->conn = NULL;
        tx->begun = false;
        TRY(pg_conn_take(db, tx->base.mode, &tx->conn));
        err = pg_conn_call(tx, call);
    }
    return err;
}

/* --- Single queries -----------------------------------------------------------------------------
 */

static enum err alone_call(struct pg_db *db, struct db_call *call)
{
    bool scans = call->query->kind == DB_SCAN;
    struct pg_tx tx = { .base = { .db = &db->base, .mode = scans ? DB_MODE_SCAN : DB_MODE_NOW } };
    TRY(pg_conn_take(db, tx.base.mode, &tx.conn));
    STAT_ADD(db, reads_inline, 1);
    enum err err = call_retried(&tx, call);
    snapshot_end(&tx);
    return err;
}

enum err pg_call(struct db_tx *base, struct db_call *call)
{
    struct pg_db *db = pg_of(base->db);
    if (base->mode == DB_MODE_NOW)
        return task_current() && call->query->kind != DB_SCAN ? pg_shared_call(db, call)
                                                              : alone_call(db, call);
    struct pg_tx *tx = (struct pg_tx *)base;
    if (tx->ahead)
        return pg_ahead_call(tx->ahead, call);
    const PGresult *fetched = tx->fetched.count ? pg_fetched(tx, call) : NULL;
    if (fetched) {
        call->failed = false;
        return pg_call_answer(fetched, call);
    }
    enum err err = base->mode == DB_MODE_WRITE ? pg_conn_call(tx, call) : call_retried(tx, call);
    if (base->mode == DB_MODE_WRITE)
        base->failed = call->failed ? err : OK;
    return err;
}
