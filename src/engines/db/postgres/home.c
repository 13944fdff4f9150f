/*
 * home: what a loop has of a database: connections of its own, the tasks that wait for one, and the
 * reads to be sent. It is made by the first call on a loop's thread and goes with the loop. Threads
 * without a task share a few connections instead. While the server cannot be reached calls fail at
 * once, but for one attempt a while.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { HOMES_MAX = 16, WATCH_MS = 250 };

static const span back_off_min = MILLISECONDS(50), back_off_max = SECONDS(1);

struct home_handles {
    uv_prepare_t flush;
    uv_async_t done;
    uv_timer_t watch;
    unsigned open;
};

static _Thread_local struct {
    uint64_t db_id;
    struct home *home;
} own_homes[HOMES_MAX];
static _Thread_local unsigned own_homes_next;

/* --- Connections come and go --------------------------------------------------------------------
 */

static void waiting_unlink(struct home *home, struct waiting *waiting)
{
    *(waiting->previous ? &waiting->previous->next : &home->first) = waiting->next;
    *(waiting->next ? &waiting->next->previous : &home->last) = waiting->previous;
    home->waiting--;
}

static void waiting_end(struct home *home, struct waiting *waiting, struct conn *conn)
{
    waiting_unlink(home, waiting);
    waiting->conn = conn;
    waiting->refused = !conn;
    if (conn)
        conn->owner = waiting->task;
    task_wake(waiting->task);
}

static void waiting_fail(struct home *home)
{
    while (home->first)
        waiting_end(home, home->first, NULL);
}

static void conn_offer(struct home *home, struct conn *conn)
{
    conn->owner = NULL;
    if (conn->use == USE_READS) {
        pg_reads_schedule(home);
    } else if (home->first) {
        waiting_end(home, home->first, conn);
    } else {
        conn->idle_next = home->idle;
        home->idle = conn;
    }
}

static void idle_remove(struct home *home, struct conn *conn)
{
    for (struct conn **link = &home->idle; *link; link = &(*link)->idle_next) {
        if (*link == conn) {
            *link = conn->idle_next;
            return;
        }
    }
}

/* Who waits needs a new connection, or hears that there is none. */
static void home_settle(struct home *home)
{
    if (home->first) {
        pg_home_grow(home, USE_OWN);
        if (!home->count[USE_OWN])
            waiting_fail(home);
    }
    pg_reads_schedule(home);
}

static void conn_remove(struct home *home, struct conn *conn)
{
    struct conn **link = &home->conns;
    while (*link != conn)
        link = &(*link)->next;
    *link = conn->next;
    idle_remove(home, conn);
    home->count[conn->use]--;
    pg_conn_close(conn);
    home_settle(home);
}

void pg_conn_idles(struct conn *conn)
{
    struct home *home = conn->home;
    if (conn->lost) {
        if (!conn->owner)
            conn_remove(home, conn);
        return;
    }
    if (conn->items_count || conn->owner)
        return;
    conn->give_up_at = INSTANT_NEVER;
    if (PQtransactionStatus(conn->handle) != PQTRANS_IDLE) {
        pg_conn_put_control(conn, NULL, "ROLLBACK"); /* of a batch through PgBouncer that failed */
        pg_conn_sync(conn);
    } else if (conn->use == USE_READS || conn->given) {
        conn->given = false;
        conn_offer(home, conn);
    }
}

static void connect_failed(struct home *home, const struct job *job)
{
    home->count[job->use]--;
    home->down = job->failure;
    home->back_off = MIN_OF(MAX_OF(home->back_off * 2, back_off_min), back_off_max);
    home->retry_at = clock_mono() + home->back_off;
    if (!home->count[USE_OWN])
        waiting_fail(home);
    if (!home->count[USE_READS])
        pg_reads_fail(home);
}

static void on_connected(struct home *home, struct job *job)
{
    if (!job->handle) {
        connect_failed(home, job);
        return;
    }
    struct conn *conn = pg_conn_adopt(home->db, home, job->use, job->handle);
    job->handle = NULL;
    home->back_off = 0;
    home->retry_at = 0;
    conn->next = home->conns;
    home->conns = conn;
    conn_offer(home, conn);
}

static void on_done(uv_async_t *async)
{
    struct home *home = async->data;
    pthread_mutex_lock(&home->db->lock);
    struct job *job = home->done;
    home->done = NULL;
    pthread_mutex_unlock(&home->db->lock);
    while (job) {
        struct job *next = job->next;
        struct conn *cancelled = job->conn;
        if (!job->cancel)
            on_connected(home, job);
        pg_job_free(job);
        if (cancelled && cancelled->waiter)
            task_wake(cancelled->waiter);
        job = next;
    }
}

void pg_home_done(struct home *home, struct job *job)
{
    job->next = home->done;
    home->done = job;
    uv_async_send(&home->handles->done);
}

void pg_home_grow(struct home *home, enum use use)
{
    unsigned max = use == USE_READS ? home->db->readers_max : home->db->pool_max;
    if (home->count[use] >= max || clock_mono() < home->retry_at)
        return;
    home->count[use]++;
    pg_helper_connect(home, use);
}

enum err pg_home_check(struct home *home, enum use use)
{
    if (home->count[use] || clock_mono() >= home->retry_at)
        return OK;
    return err_set(home->down.code, home->down.slug, "%s", home->down.text);
}

/* --- Time ---------------------------------------------------------------------------------------
 */

static void on_watch(uv_timer_t *timer)
{
    struct home *home = timer->data;
    instant now = clock_mono();
    bool more = false;
    for (struct conn *conn = home->conns, *next; conn; conn = next) {
        next = conn->next;
        more = more || conn->give_up_at != INSTANT_NEVER;
        if (now > conn->give_up_at) {
            pg_conn_lose(conn);
            pg_conn_idles(conn);
        }
    }
    if (!more)
        uv_timer_stop(timer);
}

void pg_home_watch(struct home *home)
{
    uv_timer_t *timer = &home->handles->watch;
    if (!uv_is_active((uv_handle_t *)timer))
        uv_timer_start(timer, on_watch, WATCH_MS, WATCH_MS);
}

static void on_flush(uv_prepare_t *prepare)
{
    struct home *home = prepare->data;
    uv_prepare_stop(prepare);
    pg_reads_flush(home);
}

void pg_reads_schedule(struct home *home)
{
    if (home->pending.first || home->again.first)
        uv_prepare_start(&home->handles->flush, on_flush);
}

/* --- Homes --------------------------------------------------------------------------------------
 */

static void on_handle_closed(uv_handle_t *handle)
{
    struct home_handles *handles = handle->data;
    if (--handles->open == 0)
        heap_free(handles);
}

static void handle_close(uv_handle_t *handle, struct home_handles *handles)
{
    handle->data = handles;
    uv_close(handle, on_handle_closed);
}

static void home_unlink(struct home *home)
{
    pthread_mutex_lock(&home->db->lock);
    struct home **link = &home->db->homes;
    while (*link != home)
        link = &(*link)->next;
    *link = home->next;
    pthread_mutex_unlock(&home->db->lock);
    for (unsigned i = 0; i < HOMES_MAX; i++) {
        if (own_homes[i].home == home)
            own_homes[i].db_id = 0;
    }
}

static void home_leave(void *arg)
{
    struct home *home = arg;
    struct home_handles *handles = home->handles;
    ASSERT(!home->first && !home->pending.first && !home->again.first);
    pg_helper_forget(home);
    while (home->conns) {
        struct conn *conn = home->conns;
        home->conns = conn->next;
        pg_conn_close(conn);
    }
    home_unlink(home);
    handle_close((uv_handle_t *)&handles->flush, handles);
    handle_close((uv_handle_t *)&handles->done, handles);
    handle_close((uv_handle_t *)&handles->watch, handles);
    heap_free(home);
}

static struct home *home_make(struct pg_db *db)
{
    struct home *home = HEAP_NEW(struct home);
    struct home_handles *handles = HEAP_NEW(struct home_handles);
    home->db = db;
    home->loop = loop_current();
    home->handles = handles;
    handles->open = 3;
    uv_loop_t *uv = loop_uv(home->loop);
    uv_prepare_init(uv, &handles->flush);
    uv_timer_init(uv, &handles->watch);
    if (uv_async_init(uv, &handles->done, on_done) != 0)
        PANIC("the system gives no descriptor for %s", db->shown);
    handles->flush.data = handles->done.data = handles->watch.data = home;
    uv_unref((uv_handle_t *)&handles->flush);
    uv_unref((uv_handle_t *)&handles->done);
    uv_unref((uv_handle_t *)&handles->watch);
    home->guest = (struct loop_guest){ .leave = home_leave, .arg = home };
    loop_guest_add(home->loop, &home->guest);
    pthread_mutex_lock(&db->lock);
    home->next = db->homes;
    db->homes = home;
    pthread_mutex_unlock(&db->lock);
    return home;
}

struct home *pg_home_of(struct pg_db *db)
{
    for (unsigned i = 0; i < HOMES_MAX; i++) {
        if (own_homes[i].db_id == db->id)
            return own_homes[i].home;
    }
    unsigned at = own_homes_next++ % HOMES_MAX;
    if (own_homes[at].db_id)
        PANIC("a loop uses more than %d databases", HOMES_MAX);
    own_homes[at].db_id = db->id;
    own_homes[at].home = home_make(db);
    return own_homes[at].home;
}

void pg_homes_close(struct pg_db *db)
{
    while (db->homes) {
        struct home *home = db->homes;
        if (home->loop != loop_current())
            PANIC("%s was closed while a loop of another thread uses it", db->shown);
        loop_guest_remove(home->loop, &home->guest);
        home_leave(home);
    }
}

/* --- A connection to oneself --------------------------------------------------------------------
 */

static void queue_count(struct pg_db *db, int change)
{
    uint64_t now = STAT_ADD(db, queue_length, (uint64_t)(int64_t)change) + (uint64_t)change;
    if (change > 0)
        stat_peak(&db->base.stats.queue_length_peak, now);
}

static enum err conn_await(struct home *home, struct conn **out_conn)
{
    struct pg_db *db = home->db;
    struct waiting waiting = { .task = task_current(), .previous = home->last };
    enum err err = OK;
    if (home->waiting >= db->base.settings.queue_max) {
        STAT_ADD(db, refused, 1);
        return err_set(ERR_EXHAUSTED, "database-queue", "too many transactions wait for %s",
                       db->base.context);
    }
    *(home->last ? &home->last->next : &home->first) = &waiting;
    home->last = &waiting;
    home->waiting++;
    instant begun = clock_mono();
    queue_count(db, 1);
    while (!waiting.conn && !waiting.refused && err == OK)
        err = task_suspend();
    queue_count(db, -1);
    STAT_ADD(db, waits, 1);
    STAT_ADD(db, wait_us_total, (uint64_t)(clock_mono() - begun));
    if (waiting.refused)
        return err_set(home->down.code, home->down.slug, "%s", home->down.text);
    if (!waiting.conn) {
        waiting_unlink(home, &waiting);
        STAT_ADD(db, abandoned, 1);
        return err;
    }
    *out_conn = waiting.conn;
    return OK;
}

static enum err home_take(struct pg_db *db, enum db_mode mode, struct conn **out_conn)
{
    struct home *home = pg_home_of(db);
    for (struct conn *conn = home->conns; conn && mode == DB_MODE_WRITE; conn = conn->next) {
        if (conn->owner == task_current() && conn->mode == DB_MODE_WRITE)
            PANIC("a transaction was asked for within a transaction");
    }
    if (home->idle) {
        *out_conn = home->idle;
        home->idle = home->idle->idle_next;
        return OK;
    }
    TRY(pg_home_check(home, USE_OWN));
    pg_home_grow(home, USE_OWN);
    return conn_await(home, out_conn);
}

static struct conn *thread_conn_wait(struct pg_db *db)
{
    struct conn *conn;
    pthread_mutex_lock(&db->lock);
    while (!db->thread_idle && db->thread_count == THREAD_CONNS_MAX)
        pthread_cond_wait(&db->thread_conn_free, &db->lock);
    conn = db->thread_idle;
    if (conn)
        db->thread_idle = conn->idle_next;
    else
        db->thread_count++;
    pthread_mutex_unlock(&db->lock);
    return conn;
}

static void thread_conn_gone(struct pg_db *db, struct conn *conn)
{
    if (conn)
        pg_conn_close(conn);
    pthread_mutex_lock(&db->lock);
    db->thread_count--;
    pthread_cond_signal(&db->thread_conn_free);
    pthread_mutex_unlock(&db->lock);
}

static enum err thread_take(struct pg_db *db, struct conn **out_conn)
{
    struct conn *conn;
    while ((conn = thread_conn_wait(db)) != NULL) {
        pg_conn_look(conn);
        if (!conn->lost)
            break;
        thread_conn_gone(db, conn);
    }
    enum err err = conn ? OK : pg_conn_open(db, USE_OWN, &conn);
    if (err != OK) {
        thread_conn_gone(db, NULL);
        return err;
    }
    *out_conn = conn;
    return OK;
}

enum err pg_conn_take(struct pg_db *db, enum db_mode mode, struct conn **out_conn)
{
    struct conn *conn = NULL;
    TRY(task_current() ? home_take(db, mode, &conn) : thread_take(db, &conn));
    STAT_ADD(db, connections_busy, 1);
    conn->owner = task_current();
    conn->mode = mode;
    *out_conn = conn;
    return OK;
}

void pg_conn_give(struct conn *conn)
{
    struct pg_db *db = conn->db;
    STAT_ADD(db, connections_busy, (uint64_t)-1);
    conn->owner = NULL;
    if (conn->home) {
        conn->given = true;
        if (conn->items_count && !conn->lost) {
            conn->give_up_at = clock_mono() + ROLLBACK_WAIT;
            pg_home_watch(conn->home);
        }
        pg_conn_idles(conn);
        return;
    }
    if (conn->lost) {
        thread_conn_gone(db, conn);
        return;
    }
    pthread_mutex_lock(&db->lock);
    conn->idle_next = db->thread_idle;
    db->thread_idle = conn;
    pthread_cond_signal(&db->thread_conn_free);
    pthread_mutex_unlock(&db->lock);
}
