/*
 * reads: single reads outside transactions. Those asked in one turn of the loop go out together at
 * its end, on a connection that has nothing to do, with one synchronisation; while all are busy the
 * next batch gathers. libpq flushes at every synchronisation and the server stops at the first
 * error up to it: the neighbours it did not get to are asked again, first of all, by their tasks.
 */
#include "internal.h"

enum { LOST_MAX = 2 };
/* The server ends each statement earlier; this is for one that has vanished. */
#define BATCH_WAIT SECONDS(10)

/* --- Lists --------------------------------------------------------------------------------------
 */

static void list_push(struct ask_list *list, struct ask *ask)
{
    ask->list = list;
    ask->next = NULL;
    ask->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = ask;
    list->last = ask;
}

static void list_remove(struct ask *ask)
{
    struct ask_list *list = ask->list;
    *(ask->previous ? &ask->previous->next : &list->first) = ask->next;
    *(ask->next ? &ask->next->previous : &list->last) = ask->previous;
    ask->list = NULL;
}

static struct ask *ask_next(struct home *home)
{
    return home->again.first ? home->again.first : home->pending.first;
}

/* --- Sending ------------------------------------------------------------------------------------
 */

static struct conn *reader_idle(const struct home *home)
{
    for (struct conn *conn = home->conns; conn; conn = conn->next) {
        if (conn->use == USE_READS && !conn->lost && !conn->items_count)
            return conn;
    }
    return NULL;
}

static void ask_put(struct conn *conn, struct ask *ask)
{
    const struct db_call *call = ask->call;
    const struct types *types = pg_conn_types(conn, call->query);
    struct encoded encoded;
    if (!types) {
        pg_conn_put_learn(conn, ask);
    } else if (pg_values_encode(call->query, call->args, types, &encoded) == OK) {
        pg_conn_put_call(conn, ask, &encoded);
    } else {
        ask->misfit = true; /* its task finds the error again, in its own slot */
        pg_ask_end(ask);
    }
}

static void batch_send(struct home *home, struct conn *conn)
{
    struct ask *ask;
    bool bouncer = conn->db->bouncer;
    if (bouncer) {
        pg_conn_put_control(conn, NULL, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        pg_conn_put_control(conn, NULL, conn->db->session[USE_READS]);
    }
    for (unsigned i = 0; i < BATCH_MAX && (ask = ask_next(home)) != NULL; i++) {
        if (i + ask->together > BATCH_MAX)
            break; /* those would not be of one moment */
        list_remove(ask);
        ask_put(conn, ask);
    }
    if (bouncer)
        pg_conn_put_control(conn, NULL, "COMMIT");
    conn->give_up_at = clock_mono() + BATCH_WAIT;
    pg_home_watch(home);
    pg_conn_sync(conn);
}

void pg_reads_flush(struct home *home)
{
    while (ask_next(home)) {
        struct conn *conn = reader_idle(home);
        if (!conn) {
            pg_home_grow(home, USE_READS);
            if (!home->count[USE_READS])
                pg_reads_fail(home);
            return;
        }
        batch_send(home, conn);
        if (conn->lost)
            pg_conn_idles(conn);
    }
}

void pg_reads_fail(struct home *home)
{
    struct ask *ask;
    while ((ask = ask_next(home)) != NULL) {
        list_remove(ask);
        ask->lost = true;
        pg_ask_end(ask);
    }
}

/* --- Asking -------------------------------------------------------------------------------------
 */

static void ask_withdraw(struct home *home, struct ask *ask)
{
    if (ask->list) {
        list_remove(ask);
        return;
    }
    for (struct conn *conn = home->conns; conn; conn = conn->next)
        pg_conn_disown(conn, ask);
}

static enum err ask_await(struct home *home, struct ask *ask, bool first)
{
    enum err err = OK;
    list_push(first ? &home->again : &home->pending, ask);
    pg_reads_schedule(home);
    while (!ask->done && err == OK)
        err = task_suspend();
    if (!ask->done)
        ask_withdraw(home, ask);
    return ask->done ? OK : err;
}

static bool failed(const struct ask *ask)
{
    return ask->result && PQresultStatus(ask->result) == PGRES_FATAL_ERROR;
}

/* What came of it; *out_again: it is to be asked once more. */
static enum err ask_judge(struct pg_db *db, struct ask *ask, unsigned *lost, bool *out_again)
{
    struct db_call *call = ask->call;
    struct encoded encoded;
    *out_again = false;
    if (ask->misfit)
        return pg_values_encode(call->query, call->args,
                                db->types[db_ordinal_of(&db->queries, call->query)], &encoded);
    if (ask->lost && ++*lost > LOST_MAX)
        return pg_error_lost(db, call->query->name);
    if (failed(ask)) {
        if (pg_error_is(ask->result, "57014"))
            STAT_ADD(db, reads_over_budget, 1);
        return pg_error_set(db, ask->result, call->query->name);
    }
    *out_again = ask->lost || ask->aborted || ask->learn;
    if (*out_again)
        return OK;
    call->failed = false;
    return pg_call_answer(ask->result, call);
}

static bool all_done(const struct ask *asks, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!asks[i].done)
            return false;
    }
    return true;
}

enum err pg_shared_calls(struct pg_db *db, struct ask *asks, unsigned count, bool *out_clean)
{
    struct home *home = pg_home_of(db);
    enum err err = OK;
    bool clean = true;
    TRY(pg_home_check(home, USE_READS));
    for (unsigned i = 0; i < count; i++) {
        asks[i].task = task_current();
        asks[i].together = i == 0 ? count : 0;
        list_push(&home->pending, &asks[i]);
    }
    STAT_ADD(db, reads_inline, count);
    pg_reads_schedule(home);
    while (!all_done(asks, count) && err == OK)
        err = task_suspend();
    for (unsigned i = 0; i < count; i++) {
        if (!asks[i].done)
            ask_withdraw(home, &asks[i]);
        clean = clean && asks[i].done && asks[i].result && !asks[i].misfit && !asks[i].lost &&
                !asks[i].aborted && !asks[i].learn && !failed(&asks[i]);
    }
    *out_clean = clean;
    return clean ? OK : err;
}

enum err pg_shared_call(struct pg_db *db, struct db_call *call)
{
    struct home *home = pg_home_of(db);
    unsigned lost = 0;
    bool again = false;
    enum err err;
    call->failed = true;
    STAT_ADD(db, reads_inline, 1);
    do {
        struct ask ask = { .call = call, .task = task_current() };
        TRY(pg_home_check(home, USE_READS));
        err = ask_await(home, &ask, again);
        if (err == OK)
            err = ask_judge(db, &ask, &lost, &again);
        else
            again = false;
        PQclear(ask.result);
    } while (again);
    return err;
}
