/*
 * call: statements on a connection of one's own. BEGIN goes with the first statement, so that a
 * transaction of one statement costs two round trips. Scans come through a cursor: their rows are
 * never all in memory, and other statements may be asked in between.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Before the snapshot is taken, as LOCK TABLE is: who has lost to another transaction shuts all
 * others out and cannot lose again. Two modes of one table's lock that nothing else takes.
 */
static const char lock_shared[] = "LOCK TABLE schema_migrations IN ROW SHARE MODE";
static const char lock_alone[] = "LOCK TABLE schema_migrations IN EXCLUSIVE MODE";
/* Who gives positions sees all that was committed before it had the lock, and nothing serialises
 * against it: it only moves rows. */
static const char lock_sequence[] = "LOCK TABLE event_logs IN EXCLUSIVE MODE";

static const char *begin_of(const struct pg_tx *tx)
{
    switch (tx->base.mode) {
    case DB_MODE_WRITE:
        return tx->sequences ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                             : "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
    case DB_MODE_SNAPSHOT:
    case DB_MODE_SCAN:
        return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    case DB_MODE_NOW:
    default:
        return tx->conn->db->bouncer ? "BEGIN READ ONLY" : NULL;
    }
}

static void begin_put(struct pg_tx *tx, struct ask *ask)
{
    const char *begin = begin_of(tx);
    if (tx->begun || !begin)
        return;
    tx->begun = true;
    pg_conn_put_control(tx->conn, ask, begin);
    if (tx->conn->db->bouncer)
        pg_conn_put_control(tx->conn, ask, tx->conn->db->session[tx->conn->use]);
    if (tx->base.mode == DB_MODE_WRITE)
        pg_conn_put_control(tx->conn, ask,
                            tx->sequences ? lock_sequence
                            : tx->alone   ? lock_alone
                                          : lock_shared);
    if (tx->base.mode == DB_MODE_SCAN)
        pg_conn_put_control(tx->conn, ask, "SET LOCAL enable_seqscan = on");
}

static enum err interrupted(const struct db_call *call)
{
    if (task_current() ? task_cancelled() : true)
        return err_set(ERR_CANCELLED, NULL, "%s was cancelled", call->query->name);
    return err_set(ERR_TIMEOUT, "deadline", "%s did not end in time", call->query->name);
}

static bool failed(const struct ask *ask)
{
    return ask->result && PQresultStatus(ask->result) == PGRES_FATAL_ERROR;
}

static enum err failure(struct pg_tx *tx, const struct ask *ask)
{
    struct conn *conn = tx->conn;
    const struct db_query *query = ask->failed ? ask->failed : ask->call->query;
    bool stopped = pg_error_is(ask->result, "57014");
    if (stopped && conn->interrupted)
        return interrupted(ask->call);
    if (stopped)
        STAT_ADD(conn->db, reads_over_budget, 1);
    tx->again = pg_error_is_contention(ask->result);
    return pg_error_set(conn->db, ask->result, query->name);
}

/*
 * Sends what was put and waits; the error of the first statement that failed, or of a write
 * deferred before it.
 */
static enum err finish_all(struct pg_tx *tx, struct ask *asks, unsigned count)
{
    struct conn *conn = tx->conn;
    bool lost = false;
    pg_conn_sync(conn);
    pg_conn_drain(conn, true, 0);
    tx->deferring = false;
    tx->deferred_bytes = 0;
    for (unsigned i = 0; i < count; i++)
        lost = lost || asks[i].lost;
    if (lost || conn->lost) {
        tx->again = true;
        return conn->interrupted ? interrupted(asks->call)
                                 : pg_error_lost(conn->db, asks->call->query->name);
    }
    if (failed(&tx->deferred))
        return failure(tx, &tx->deferred);
    for (unsigned i = 0; i < count; i++)
        if (failed(&asks[i]))
            return failure(tx, &asks[i]);
    tx->answers += count;
    return OK;
}

static enum err finish(struct pg_tx *tx, struct ask *ask)
{
    return finish_all(tx, ask, 1);
}

/* The first time in this process: what types the parameters are of. */
static enum err learn(struct pg_tx *tx, struct db_call *call)
{
    struct ask ask = { .call = call };
    if (pg_conn_types(tx->conn, call->query))
        return OK;
    begin_put(tx, &ask);
    pg_conn_put_learn(tx->conn, &ask);
    enum err err = finish(tx, &ask);
    PQclear(ask.result);
    return err;
}

/* --- Rows ---------------------------------------------------------------------------------------
 */

struct walk {
    const PGresult *result;
    struct db_call *call;
};

static enum err walk_rows(struct db_tx *tx, void *arg)
{
    const struct walk *walk = arg;
    (void)tx;
    return pg_values_walk(walk->result, walk->call);
}

enum err pg_call_answer(const PGresult *result, struct db_call *call)
{
    struct walk walk = { result, call };
    if (call->query->kind == DB_WRITE)
        call->changed = strtoll(PQcmdTuples((PGresult *)result), NULL, 10);
    if (!call->row)
        return OK;
    return db_guarded(call->arena, walk_rows, NULL, &walk);
}

/* --- Statements ---------------------------------------------------------------------------------
 */

static enum err plain_call(struct pg_tx *tx, struct db_call *call)
{
    struct ask ask = { .call = call };
    struct encoded encoded;
    const struct types *types = pg_conn_types(tx->conn, call->query);
    TRY(pg_values_encode(call->query, call->args, types, &encoded));
    begin_put(tx, &ask);
    pg_conn_put_call(tx->conn, &ask, &encoded);
    enum err err = finish(tx, &ask);
    if (err == OK) {
        call->failed = false;
        err = pg_call_answer(ask.result, call);
    }
    PQclear(ask.result);
    return err;
}

/* Apart, for its frame. */
static __attribute__((noinline)) enum err call_put(struct pg_tx *tx, struct ask *ask)
{
    struct encoded encoded;
    const struct db_call *call = ask->call;
    TRY(pg_values_encode(call->query, call->args, pg_conn_types(tx->conn, call->query), &encoded));
    begin_put(tx, ask);
    pg_conn_put_call(tx->conn, ask, &encoded);
    return OK;
}

enum err pg_conn_calls(struct pg_tx *tx, struct ask *asks, unsigned count)
{
    unsigned put = 0;
    enum err err = OK, sent = OK;
    for (unsigned i = 0; i < count; i++)
        TRY(learn(tx, asks[i].call));
    while (put < count && (err = call_put(tx, &asks[put])) == OK)
        put++;
    if (put)
        sent = finish_all(tx, asks, put);
    return err != OK ? err : sent;
}

/* --- Deferred writes ----------------------------------------------------------------------------
 *
 * A write whose answer tells nothing goes with the next statement that somebody waits for: a
 * transaction of fifty writes costs a few round trips.
 */

enum { DEFERRED_ITEMS_MAX = ITEMS_MAX - 64, DEFERRED_BYTES_MAX = 256 << 10 };

enum err pg_deferred_finish(struct pg_tx *tx)
{
    return tx->deferring ? finish(tx, &tx->deferred) : OK;
}

static enum err deferred_call(struct pg_tx *tx, struct db_call *call)
{
    struct encoded encoded;
    const struct types *types = pg_conn_types(tx->conn, call->query);
    TRY(pg_values_encode(call->query, call->args, types, &encoded));
    tx->deferred_call = *call;
    tx->deferred.call = &tx->deferred_call;
    tx->deferring = true;
    begin_put(tx, &tx->deferred);
    pg_conn_put_call(tx->conn, &tx->deferred, &encoded);
    for (unsigned i = 0; i < call->args.count; i++)
        tx->deferred_bytes += (size_t)MAX_OF(encoded.lengths[i], 0);
    call->failed = false;
    if (tx->conn->items_count < DEFERRED_ITEMS_MAX && tx->deferred_bytes < DEFERRED_BYTES_MAX)
        return OK;
    call->failed = true;
    TRY(pg_deferred_finish(tx));
    call->failed = false;
    return OK;
}

static enum err cursor_open(struct pg_tx *tx, struct ask *ask, const char *name)
{
    struct encoded encoded;
    const struct db_call *call = ask->call;
    TRY(pg_values_encode(call->query, call->args, pg_conn_types(tx->conn, call->query), &encoded));
    begin_put(tx, ask);
    pg_conn_put_cursor(tx->conn, ask, name, &encoded);
    return OK;
}

static enum err cursor_call(struct pg_tx *tx, struct db_call *call)
{
    struct ask ask = { .call = call };
    char name[32], fetch[64], close[48];
    enum err err;
    snprintf(name, sizeof(name), "c%u", tx->conn->cursors++);
    snprintf(fetch, sizeof(fetch), "FETCH FORWARD %d FROM %s", CURSOR_ROWS, name);
    snprintf(close, sizeof(close), "CLOSE %s", name);
    TRY(cursor_open(tx, &ask, name));
    bool more = true;
    do {
        pg_conn_put_fetch(tx->conn, &ask, fetch);
        call->failed = true;
        err = finish(tx, &ask);
        if (err == OK) {
            call->failed = false;
            more = PQntuples(ask.result) == CURSOR_ROWS;
            err = pg_call_answer(ask.result, call);
        }
        PQclear(ask.result);
        ask = (struct ask){ .call = call };
    } while (err == OK && more);
    if (!call->failed)
        pg_conn_put_control(tx->conn, NULL, close); /* goes with what follows */
    return err;
}

enum err pg_conn_call(struct pg_tx *tx, struct db_call *call)
{
    call->failed = true;
    TRY(learn(tx, call));
    if (call->query->kind == DB_SCAN && tx->base.mode != DB_MODE_NOW)
        return cursor_call(tx, call);
    if (call->query->kind == DB_WRITE && !call->row && !call->counted)
        return deferred_call(tx, call);
    return plain_call(tx, call);
}

void pg_conn_control(struct conn *conn, const char *sql, span wait_max, struct ask *out_ask)
{
    *out_ask = (struct ask){ .done = false };
    pg_conn_put_control(conn, out_ask, sql);
    pg_conn_sync(conn);
    pg_conn_drain(conn, false, wait_max);
}
