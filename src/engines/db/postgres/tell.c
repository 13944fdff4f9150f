/*
 * tell: hints between processes, by LISTEN and NOTIFY on a connection and thread of their own. A
 * transaction does not notify itself: that would make its commit wait in the one queue of the
 * server. The thread notifies soon after, once for many.
 *
 * A hint may be late or lost, and behind PgBouncer there is none. What must not be missed has a
 * line in the table `changes`. The thread looks there several times a second, and while it can
 * copies kept in memory may be used: until DB_TOLD_WITHIN after its last look was sent.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, BETWEEN_MS = 10, AGAIN_MS_MIN = 100, AGAIN_MS_MAX = 1000 };
/* Lines are kept for who has not looked yet: that many commits do not happen between two looks. */
enum { CHANGES_KEPT = 2000, CHANGES_MAX = 2 * CHANGES_KEPT, SEEN_MAX = 4, SEEN_TEXT = 48 };

static const span look_every = MILLISECONDS(300), lag_every = SECONDS(5);
_Static_assert(MILLISECONDS(300) * 2 < DB_TOLD_WITHIN, "a look may be late once");

/* The lines of one set of topics, as they were: their number and the sum of their ids. */
struct seen {
    unsigned topics;
    char text[SEEN_TEXT];
};

struct teller {
    struct pg_db *db;
    pthread_t thread;
    int wake_fd;
    uint64_t id; /* of this process and database: what we sent ourselves is no news */
    _Atomic unsigned topics;
    _Atomic bool closing;
    PGconn *handle;
    struct seen seen[SEEN_MAX];
    instant look_at, lag_at; /* clock_mono() */
};

static void wake(const struct teller *teller)
{
    uint64_t one = 1;
    if (write(teller->wake_fd, &one, sizeof(one)) != sizeof(one))
        return; /* its counter is full: it is awake */
}

/* Waits for the server (with a connection) or a wake. */
static void look(const struct teller *teller, bool server, int wait_ms)
{
    struct pollfd looks[] = {
        { .fd = teller->wake_fd, .events = POLLIN },
        { .fd = server ? PQsocket(teller->handle) : -1, .events = POLLIN },
    };
    uint64_t count;
    if (poll(looks, 2, wait_ms) > 0 && looks[0].revents &&
        read(teller->wake_fd, &count, sizeof(count)) < 0)
        return;
}

/*
 * One statement, its answer awaited for a bounded time. False: the connection is of no use.
 * out_rows (may be NULL) is the caller's to clear.
 */
static bool ask_server(struct teller *teller, const char *sql, PGresult **out_rows)
{
    instant until = clock_mono() + MILLISECONDS(ANSWER_MS);
    bool ok = PQsendQuery(teller->handle, sql);
    while (ok && PQisBusy(teller->handle)) {
        struct pollfd look_at = { .fd = PQsocket(teller->handle), .events = POLLIN };
        poll(&look_at, 1, ANSWER_MS);
        ok = PQconsumeInput(teller->handle) && clock_mono() < until;
    }
    PGresult *result, *rows = NULL;
    while (ok && (result = PQgetResult(teller->handle)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        PQclear(rows);
        rows = result;
    }
    if (ok && out_rows)
        *out_rows = rows;
    else
        PQclear(rows);
    return ok;
}

/* --- What has changed ---------------------------------------------------------------------------
 */

static struct seen *seen_of(struct teller *teller, unsigned topics)
{
    for (size_t i = 0; i < SEEN_MAX; i++)
        if (teller->seen[i].topics == topics || !teller->seen[i].topics)
            return &teller->seen[i];
    return NULL;
}

/*
 * The topics whose lines are others than at the last look. A line may appear after one with a
 * higher id, so the highest says nothing; number and sum do: a line that goes is older than any
 * that comes.
 */
static unsigned news(struct teller *teller, const PGresult *rows, int64_t *out_lines)
{
    unsigned changed = 0;
    for (int row = 0; row < PQntuples(rows); row++) {
        unsigned topics = (unsigned)strtoul(PQgetvalue(rows, row, 0), NULL, 10);
        struct seen *seen = seen_of(teller, topics);
        char text[SEEN_TEXT];
        snprintf(text, sizeof(text), "%s %s", PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2));
        *out_lines += strtoll(PQgetvalue(rows, row, 1), NULL, 10);
        if (seen && seen->topics && strcmp(seen->text, text) == 0)
            continue;
        changed |= topics; /* also where there is no room to remember */
        if (seen) {
            seen->topics = topics;
            memcpy(seen->text, text, sizeof(text));
        }
    }
    return changed;
}

static bool prune(struct teller *teller)
{
    char sql[192];
    const char *schema = teller->db->base.context;
    snprintf(sql, sizeof(sql),
             "DELETE FROM \"%s\".changes WHERE id <= (SELECT max(id) FROM \"%s\".changes) - %d",
             schema, schema, CHANGES_KEPT);
    return ask_server(teller, sql, NULL);
}

/* What is seen now was committed before the answer; all that was before the question is seen. */
static bool look_for_changes(struct teller *teller)
{
    char sql[128];
    PGresult *rows;
    int64_t lines = 0;
    instant asked_at = clock_mono();
    teller->look_at = asked_at + look_every;
    snprintf(sql, sizeof(sql), "SELECT topics, count(*), sum(id) FROM \"%s\".changes GROUP BY 1",
             teller->db->base.context);
    if (!ask_server(teller, sql, &rows))
        return false;
    unsigned changed = news(teller, rows, &lines);
    PQclear(rows);
    db_tell(&teller->db->base, changed);
    atomic_store(&teller->db->told_until, asked_at + DB_TOLD_WITHIN);
    return lines <= CHANGES_MAX || prune(teller);
}

/* --- How far standbys are ------------------------------------------------------------------------
 */

/* Who has not pg_monitor does not see the state of others: then nothing is known. */
static bool look_at_standbys(struct teller *teller)
{
    static const char sql[] =
        "SELECT (1000000 * CASE WHEN pg_is_in_recovery() THEN "
        "extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) ELSE (SELECT "
        "max(coalesce(extract(epoch FROM replay_lag), 0)) FROM pg_stat_replication "
        "WHERE state IS NOT NULL) END)::bigint";
    PGresult *rows;
    teller->lag_at = clock_mono() + lag_every;
    if (!ask_server(teller, sql, &rows))
        return false;
    bool known = PQntuples(rows) && !PQgetisnull(rows, 0, 0);
    int64_t lag_us = known ? strtoll(PQgetvalue(rows, 0, 0), NULL, 10) : -1;
    atomic_store(&teller->db->base.stats.replication_lag_us,
                 known ? MAX_OF(lag_us, (int64_t)0) : -1);
    PQclear(rows);
    return true;
}

bool pg_told(const struct db *base)
{
    const struct pg_db *db = (const struct pg_db *)base;
    return clock_mono() < atomic_load_explicit(&db->told_until, memory_order_acquire);
}

/* --- The connection -----------------------------------------------------------------------------
 */

static bool connect_once(struct teller *teller)
{
    char sql[80];
    if (pg_place_connect(teller->db, USE_PLAIN, &teller->handle) != OK)
        return false;
    snprintf(sql, sizeof(sql), "LISTEN kinobezdna_%s", teller->db->base.context);
    if (teller->db->bouncer || ask_server(teller, sql, NULL))
        return true;
    PQfinish(teller->handle);
    return false;
}

static bool send_topics(struct teller *teller)
{
    char sql[128];
    unsigned topics = atomic_exchange(&teller->topics, 0);
    if (!topics)
        return true;
    snprintf(sql, sizeof(sql), "NOTIFY kinobezdna_%s, '%016" PRIx64 " %u'",
             teller->db->base.context, teller->id, topics);
    bool ok = ask_server(teller, sql, NULL);
    usleep(BETWEEN_MS * 1000);
    return ok;
}

static void take_notices(struct teller *teller)
{
    PGnotify *notice;
    unsigned topics = 0;
    while ((notice = PQnotifies(teller->handle)) != NULL) {
        char *rest;
        uint64_t from = strtoull(notice->extra, &rest, 16);
        if (from != teller->id)
            topics |= (unsigned)strtoul(rest, NULL, 10);
        PQfreemem(notice);
    }
    db_tell(&teller->db->base, topics);
}

static int until_look_ms(const struct teller *teller)
{
    span left = teller->look_at - clock_mono();
    return left > 0 ? (int)(left / MILLISECONDS(1)) + 1 : 0;
}

static void tell_while_connected(struct teller *teller)
{
    while (!atomic_load(&teller->closing) && PQconsumeInput(teller->handle)) {
        take_notices(teller);
        if (!send_topics(teller))
            break;
        take_notices(teller);
        if (clock_mono() >= teller->look_at && !look_for_changes(teller))
            break;
        if (clock_mono() >= teller->lag_at && !look_at_standbys(teller))
            break;
        take_notices(teller);
        if (!atomic_load(&teller->topics))
            look(teller, true, until_look_ms(teller));
    }
    atomic_store(&teller->db->base.stats.replication_lag_us, -1);
    PQfinish(teller->handle);
}

static void *teller_main(void *arg)
{
    struct teller *teller = arg;
    struct err_slot *slot = HEAP_NEW(struct err_slot);
    int again_ms = AGAIN_MS_MIN;
    bool first = true;
    err_slot_use(slot);
    while (!atomic_load(&teller->closing)) {
        if (connect_once(teller)) {
            if (!first)
                db_tell(&teller->db->base, ~0U); /* hints went by while there was no connection */
            first = false;
            teller->look_at = teller->lag_at = 0;
            again_ms = AGAIN_MS_MIN;
            tell_while_connected(teller);
        } else {
            look(teller, false, again_ms);
            again_ms = MIN_OF(again_ms * 2, AGAIN_MS_MAX);
        }
    }
    err_slot_use(NULL);
    heap_free(slot);
    return NULL;
}

static struct teller *teller_start(struct pg_db *db)
{
    struct teller *teller = HEAP_NEW(struct teller);
    teller->db = db;
    teller->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (teller->wake_fd < 0 ||
        getrandom(&teller->id, sizeof(teller->id), 0) != sizeof(teller->id) ||
        pthread_create(&teller->thread, NULL, teller_main, teller) != 0)
        PANIC("the system gives no thread to listen to %s", db->shown);
    pthread_setname_np(teller->thread, "db-listen");
    return teller;
}

static struct teller *teller_of(struct pg_db *db)
{
    pthread_mutex_lock(&db->lock);
    if (!db->teller)
        db->teller = teller_start(db);
    struct teller *teller = db->teller;
    pthread_mutex_unlock(&db->lock);
    return teller;
}

void pg_listen(struct db *db)
{
    teller_of(pg_of(db));
}

void pg_tell_others(struct pg_db *db, unsigned topics)
{
    if (!topics)
        return;
    struct teller *teller = teller_of(db);
    if (!atomic_fetch_or(&teller->topics, topics))
        wake(teller);
}

void pg_tell_stop(struct pg_db *db)
{
    struct teller *teller = db->teller;
    if (!teller)
        return;
    atomic_store(&teller->closing, true);
    wake(teller);
    pthread_join(teller->thread, NULL);
    close(teller->wake_fd);
    heap_free(teller);
}
