/*
 * conn: a connection in libpq's pipeline mode. Statements are put, then sent with one
 * synchronisation; what the server owes is a queue of items, and each answer goes to the ask behind
 * its item. In a loop the socket is watched and answers are taken in by its callback; a thread
 * without a task polls. After an error the server skips all up to the synchronisation: those asks
 * are told that they were aborted.
 */
#include "internal.h"

#include "foundation/mem/heap.h"
#include "foundation/task/pool.h"

#include <poll.h>
#include <string.h>

enum { POLL_MS = 100 };
enum { NOT_PREPARED, PREPARING, PREPARED };

/* --- Items --------------------------------------------------------------------------------------
 */

void pg_ask_end(struct ask *ask)
{
    ask->done = true;
    if (ask->task)
        task_wake(ask->task);
}

static struct item *item_put(struct conn *conn, enum item_kind kind, struct ask *ask)
{
    ASSERT(conn->items_count < ITEMS_MAX);
    struct item *item = &conn->items[(conn->items_first + conn->items_count) % ITEMS_MAX];
    *item = (struct item){ .kind = kind, .ask = ask };
    if (ask && ask->call)
        item->query = ask->call->query;
    conn->items_count++;
    return item;
}

static void item_pop(struct conn *conn)
{
    conn->items_first = (conn->items_first + 1) % ITEMS_MAX;
    conn->items_count--;
}

void pg_conn_lose(struct conn *conn)
{
    conn->lost = true;
    conn->give_up_at = INSTANT_NEVER;
    while (conn->items_count) {
        struct ask *ask = conn->items[conn->items_first].ask;
        item_pop(conn);
        if (ask && !ask->done) {
            ask->lost = true;
            pg_ask_end(ask);
        }
    }
    if (conn->waiter)
        task_wake(conn->waiter);
}

/* --- Types of parameters ------------------------------------------------------------------------
 */

const struct types *pg_conn_types(const struct conn *conn, const struct db_query *query)
{
    unsigned ordinal = db_ordinal_of(&conn->db->queries, query);
    return atomic_load_explicit(&conn->db->types[ordinal], memory_order_acquire);
}

static void types_keep(struct pg_db *db, const struct db_query *query, const PGresult *result)
{
    unsigned ordinal = db_ordinal_of(&db->queries, query);
    struct types *types = HEAP_NEW(struct types), *none = NULL;
    types->count = (unsigned)PQnparams(result);
    if (types->count != query->params_count)
        PANIC("query %s has %u parameters, PostgreSQL found %u", query->name, query->params_count,
              types->count);
    for (unsigned i = 0; i < types->count; i++)
        types->oids[i] = PQparamtype(result, (int)i);
    if (!atomic_compare_exchange_strong(&db->types[ordinal], &none, types))
        heap_free(types);
}

/* --- Putting ------------------------------------------------------------------------------------
 */

static void sent(struct conn *conn, int ok)
{
    if (!ok)
        conn->lost = true; /* the items are answered by pg_conn_pump() */
}

/* "q7" on a connection of one's own; nothing is kept in a session behind PgBouncer. */
static const char *name_of(const struct pg_db *db, unsigned ordinal)
{
    return db->bouncer ? "" : db->names[ordinal];
}

void pg_conn_put_control(struct conn *conn, struct ask *ask, const char *sql)
{
    item_put(conn, ITEM_CONTROL, ask);
    sent(conn, PQsendQueryParams(conn->handle, sql, 0, NULL, NULL, NULL, NULL, 0));
}

static void put_prepare(struct conn *conn, struct ask *ask, const struct types *types)
{
    unsigned ordinal = db_ordinal_of(&conn->db->queries, ask->call->query);
    item_put(conn, ITEM_PREPARE, ask);
    sent(conn, PQsendPrepare(conn->handle, name_of(conn->db, ordinal), conn->db->texts[ordinal],
                             types ? (int)types->count : 0, types ? types->oids : NULL));
    conn->prepared[ordinal] = PREPARING;
}

void pg_conn_put_learn(struct conn *conn, struct ask *ask)
{
    unsigned ordinal = db_ordinal_of(&conn->db->queries, ask->call->query);
    ask->learn = true;
    if (conn->prepared[ordinal] == PREPARING) { /* for a neighbour: what it learns is for all */
        pg_ask_end(ask);
        return;
    }
    if (conn->prepared[ordinal] == NOT_PREPARED)
        put_prepare(conn, ask, NULL);
    item_put(conn, ITEM_DESCRIBE, ask);
    sent(conn, PQsendDescribePrepared(conn->handle, name_of(conn->db, ordinal)));
}

void pg_conn_put_call(struct conn *conn, struct ask *ask, const struct encoded *encoded)
{
    const struct db_call *call = ask->call;
    const struct types *types = pg_conn_types(conn, call->query);
    unsigned ordinal = db_ordinal_of(&conn->db->queries, call->query);
    if (conn->db->bouncer) {
        item_put(conn, ITEM_CALL, ask);
        sent(conn, PQsendQueryParams(conn->handle, conn->db->texts[ordinal], (int)types->count,
                                     types->oids, encoded->values, encoded->lengths,
                                     encoded->formats, 1));
        return;
    }
    if (conn->prepared[ordinal] == NOT_PREPARED)
        put_prepare(conn, ask, types);
    item_put(conn, ITEM_CALL, ask);
    sent(conn, PQsendQueryPrepared(conn->handle, name_of(conn->db, ordinal), (int)types->count,
                                   encoded->values, encoded->lengths, encoded->formats, 1));
}

void pg_conn_put_fetch(struct conn *conn, struct ask *ask, const char *sql)
{
    item_put(conn, ITEM_CALL, ask);
    sent(conn, PQsendQueryParams(conn->handle, sql, 0, NULL, NULL, NULL, NULL, 1));
}

void pg_conn_put_cursor(struct conn *conn, struct ask *ask, const char *name,
                        const struct encoded *encoded)
{
    const struct db_query *query = ask->call->query;
    const struct types *types = pg_conn_types(conn, query);
    struct buf sql;
    buf_init(&sql, NULL, MIB(4));
    buf_printf(&sql, "DECLARE %s NO SCROLL CURSOR FOR %s", name,
               conn->db->texts[db_ordinal_of(&conn->db->queries, query)]);
    buf_put_char(&sql, 0);
    item_put(conn, ITEM_CONTROL, ask);
    sent(conn, PQsendQueryParams(conn->handle, sql.ptr, (int)types->count, types->oids,
                                 encoded->values, encoded->lengths, encoded->formats, 1));
    buf_deinit(&sql);
}

void pg_conn_sync(struct conn *conn)
{
    item_put(conn, ITEM_SYNC, NULL);
    sent(conn, PQpipelineSync(conn->handle));
    pg_conn_pump(conn);
}

/* --- Taking in ----------------------------------------------------------------------------------
 */

static void prepared_set(struct conn *conn, const struct item *item, bool ok)
{
    unsigned ordinal = db_ordinal_of(&conn->db->queries, item->query);
    bool kept = ok && !conn->db->bouncer;
    conn->prepared[ordinal] = kept ? PREPARED : NOT_PREPARED;
}

/* The first error of an ask stays; then what it asked for. */
static void ask_answer(struct ask *ask, const struct item *item, PGresult *result)
{
    bool failed = PQresultStatus(result) == PGRES_FATAL_ERROR;
    bool wanted = item->kind == ITEM_CALL || (item->kind == ITEM_CONTROL && !ask->result);
    if (ask->result && PQresultStatus(ask->result) == PGRES_FATAL_ERROR)
        wanted = false;
    else if (failed)
        wanted = true;
    if (!wanted) {
        PQclear(result);
        return;
    }
    PQclear(ask->result);
    ask->result = result;
}

static void item_answer(struct conn *conn, struct item *item, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool bad = status == PGRES_FATAL_ERROR, aborted = status == PGRES_PIPELINE_ABORTED;
    item->answered = true;
    if (item->kind == ITEM_PREPARE)
        prepared_set(conn, item, !bad && !aborted);
    if (item->kind == ITEM_DESCRIBE && status == PGRES_COMMAND_OK)
        types_keep(conn->db, item->query, result);
    if (bad && pg_error_is_fatal(result))
        conn->lost = true;
    if (item->ask && aborted)
        item->ask->aborted = true;
    if (item->ask && bad && !item->ask->failed)
        item->ask->failed = item->query;
    if (item->ask && !aborted && !conn->lost)
        ask_answer(item->ask, item, result);
    else
        PQclear(result);
}

/* Whether the ask has nothing more to come. */
static bool is_last_of(const struct conn *conn, const struct ask *ask)
{
    const struct item *next = &conn->items[(conn->items_first + 1) % ITEMS_MAX];
    return conn->items_count == 1 || next->ask != ask;
}

static void item_end(struct conn *conn)
{
    struct ask *ask = conn->items[conn->items_first].ask;
    bool last = ask && is_last_of(conn, ask);
    item_pop(conn);
    if (last)
        pg_ask_end(ask);
}

static void collect(struct conn *conn)
{
    unsigned nothing = 0;
    while (conn->items_count && !conn->lost && nothing < 3 && !PQisBusy(conn->handle)) {
        struct item *item = &conn->items[conn->items_first];
        PGresult *result = PQgetResult(conn->handle);
        if (!result) {
            nothing = item->answered ? 0 : nothing + 1;
            if (item->answered)
                item_end(conn);
            continue;
        }
        nothing = 0;
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            ASSERT(item->kind == ITEM_SYNC);
            item_pop(conn);
        } else {
            item_answer(conn, item, result);
        }
    }
    if (nothing == 3 || PQstatus(conn->handle) == CONNECTION_BAD)
        conn->lost = true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *conn = poll->data;
    (void)events;
    if (status < 0)
        conn->lost = true;
    pg_conn_pump(conn);
    pg_conn_idles(conn);
}

static void watch(struct conn *conn, bool writes)
{
    int events = UV_READABLE | (writes ? UV_WRITABLE : 0);
    if (!conn->poll || conn->lost || events == conn->poll_events)
        return;
    conn->poll_events = events;
    uv_poll_start(conn->poll, events, on_poll);
}

static void unwatch(struct conn *conn)
{
    if (conn->poll && conn->poll_events)
        uv_poll_stop(conn->poll);
    conn->poll_events = 0;
}

void pg_conn_pump(struct conn *conn)
{
    int left = conn->lost ? -1 : PQflush(conn->handle);
    bool gone = left < 0 || !PQconsumeInput(conn->handle);
    if (!conn->lost)
        collect(conn); /* what came before the end counts */
    conn->lost = conn->lost || gone;
    if (conn->lost) {
        unwatch(conn);
        pg_conn_lose(conn);
    } else {
        watch(conn, left > 0);
    }
    if (conn->waiter && !conn->items_count)
        task_wake(conn->waiter);
}

/* --- Waiting ------------------------------------------------------------------------------------
 */

/* The work has begun: it is cancelled, and its end is waited for. */
static bool on_interrupt(void *arg)
{
    struct conn *conn = arg;
    if (!conn->interrupted) {
        conn->interrupted = true;
        conn->give_up_at = clock_mono() + ROLLBACK_WAIT;
        pg_home_watch(conn->home);
        pg_helper_cancel(conn);
    }
    return false;
}

static void task_drain(struct conn *conn, bool may_end)
{
    conn->waiter = task_current();
    while (conn->items_count || conn->cancelling)
        task_suspend_lent(may_end ? on_interrupt : NULL, conn);
    conn->waiter = NULL;
}

static void thread_cancel(struct conn *conn)
{
    char message[256];
    PGcancel *cancel = PQgetCancel(conn->handle);
    conn->interrupted = true;
    conn->give_up_at = clock_mono() + ROLLBACK_WAIT;
    if (cancel)
        PQcancel(cancel, message, sizeof(message));
    PQfreeCancel(cancel);
}

static void thread_drain(struct conn *conn, bool may_end)
{
    while (conn->items_count) {
        struct pollfd look = { .fd = PQsocket(conn->handle), .events = POLLIN };
        if (PQflush(conn->handle) == 1)
            look.events |= POLLOUT;
        poll(&look, 1, POLL_MS);
        pg_conn_pump(conn);
        if (may_end && conn->items_count && !conn->interrupted && pool_work_cancelled())
            thread_cancel(conn);
        if (conn->items_count && clock_mono() > conn->give_up_at)
            pg_conn_lose(conn);
    }
}

void pg_conn_drain(struct conn *conn, bool may_end, span wait_max)
{
    conn->interrupted = false;
    conn->give_up_at = wait_max ? clock_mono() + wait_max : INSTANT_NEVER;
    if (!conn->home) {
        thread_drain(conn, may_end);
    } else {
        if (wait_max)
            pg_home_watch(conn->home);
        task_drain(conn, may_end);
    }
    conn->give_up_at = INSTANT_NEVER;
}

void pg_conn_disown(struct conn *conn, const struct ask *ask)
{
    for (unsigned i = 0; i < conn->items_count; i++) {
        struct item *item = &conn->items[(conn->items_first + i) % ITEMS_MAX];
        if (item->ask == ask)
            item->ask = NULL;
    }
}

void pg_conn_look(struct conn *conn)
{
    if (!conn->lost && (!PQconsumeInput(conn->handle) || PQstatus(conn->handle) == CONNECTION_BAD))
        conn->lost = true;
}

/* --- Open and close -----------------------------------------------------------------------------
 */

struct conn *pg_conn_adopt(struct pg_db *db, struct home *home, enum use use, PGconn *handle)
{
    struct conn *conn = HEAP_NEW(struct conn);
    conn->handle = handle;
    conn->db = db;
    conn->home = home;
    conn->use = use;
    conn->give_up_at = INSTANT_NEVER;
    STAT_ADD(db, connections_open, 1);
    conn->prepared = HEAP_ARRAY(db->queries.count + 1, uint8_t);
    if (home) {
        conn->poll = HEAP_NEW(uv_poll_t);
        conn->poll->data = conn;
        if (uv_poll_init(loop_uv(home->loop), conn->poll, PQsocket(handle)) != 0)
            PANIC("a connection to %s cannot be watched", db->shown);
        uv_unref((uv_handle_t *)conn->poll);
        watch(conn, false);
    }
    return conn;
}

enum err pg_conn_open(struct pg_db *db, enum use use, struct conn **out_conn)
{
    PGconn *handle;
    TRY(pg_place_connect(db, use, &handle));
    *out_conn = pg_conn_adopt(db, NULL, use, handle);
    return OK;
}

static void on_closed(uv_handle_t *handle)
{
    heap_free(handle);
}

void pg_conn_close(struct conn *conn)
{
    pg_conn_lose(conn);
    pthread_mutex_lock(&conn->db->lock);
    if (conn->cancelling)
        conn->cancelling->conn = NULL;
    pthread_mutex_unlock(&conn->db->lock);
    if (conn->poll) {
        unwatch(conn);
        uv_close((uv_handle_t *)conn->poll, on_closed);
    }
    PQfinish(conn->handle);
    STAT_ADD(conn->db, connections_open, (uint64_t)-1);
    heap_free(conn->prepared);
    heap_free(conn);
}
