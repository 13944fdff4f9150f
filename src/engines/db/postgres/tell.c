/*
 * tell: hints between processes, by LISTEN and NOTIFY on a connection and thread of their own. A
 * transaction does not notify itself: that would make its commit wait in the one queue of the
 * server. The thread notifies soon after, once for many.
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

enum { ANSWER_MS = 5000, BETWEEN_MS = 10, AGAIN_MS_MIN = 100, AGAIN_MS_MAX = 5000 };

struct teller {
    struct pg_db *db;
    pthread_t thread;
    int wake_fd;
    uint64_t id; /* of this process and database: what we sent ourselves is no news */
    _Atomic unsigned topics;
    _Atomic bool closing;
    PGconn *handle;
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

/* One statement, its answer awaited for a bounded time. False: the connection is of no use. */
static bool ask_server(struct teller *teller, const char *sql)
{
    instant until = clock_mono() + MILLISECONDS(ANSWER_MS);
    bool ok = PQsendQuery(teller->handle, sql);
    while (ok && PQisBusy(teller->handle)) {
        struct pollfd look_at = { .fd = PQsocket(teller->handle), .events = POLLIN };
        poll(&look_at, 1, ANSWER_MS);
        ok = PQconsumeInput(teller->handle) && clock_mono() < until;
    }
    PGresult *result;
    while (ok && (result = PQgetResult(teller->handle)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        PQclear(result);
    }
    return ok;
}

static bool connect_once(struct teller *teller)
{
    char sql[80];
    if (pg_place_connect(teller->db, USE_PLAIN, &teller->handle) != OK)
        return false;
    snprintf(sql, sizeof(sql), "LISTEN kinobezdna_%s", teller->db->base.context);
    if (teller->db->bouncer || ask_server(teller, sql))
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
    bool ok = ask_server(teller, sql);
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

static void tell_while_connected(struct teller *teller)
{
    while (!atomic_load(&teller->closing) && PQconsumeInput(teller->handle)) {
        take_notices(teller);
        if (!send_topics(teller))
            break;
        take_notices(teller);
        if (!atomic_load(&teller->topics))
            look(teller, true, -1);
    }
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
