/*
 * writer: the one thread that writes. Transactions queue up, each a function of a suspended task;
 * those that wait are run one after another, each in its own savepoint, and become durable together
 * by one COMMIT. Nobody is answered before it. While a commit waits for the disk the next group
 * gathers, so groups grow with the load by themselves.
 *
 * Error details are kept per job and copied by the task that asked: a task that was cancelled while
 * its job runs writes its own slot at the same time.
 */
#include "internal.h"

#include "foundation/mem/heap.h"
#include "foundation/task/loop.h"
#include "foundation/task/urgency.h"

#include <string.h>

enum { GROUP_SIZE_MAX = 1024 };
/* A group takes no newcomers after this long, so that its first members are not kept waiting. */
static const span group_time_max = MILLISECONDS(20);

struct group {
    struct job **jobs; /* room for GROUP_SIZE_MAX */
    unsigned count;
};

/* --- The queue ------------------------------------------------------------------------------ */

static void queue_count_set(struct sqlite_db *db, unsigned queued)
{
    db->queued = queued;
    atomic_store_explicit(&db->base.stats.queue_length, queued, memory_order_relaxed);
    stat_peak(&db->base.stats.queue_length_peak, queued);
}

static void job_unlink(struct sqlite_db *db, struct job *job)
{
    *(job->previous ? &job->previous->next : &db->first) = job->next;
    *(job->next ? &job->next->previous : &db->last) = job->previous;
    queue_count_set(db, db->queued - 1);
}

static bool job_push(struct sqlite_db *db, struct job *job)
{
    pthread_mutex_lock(&db->lock);
    bool room = db->queued < db->base.settings.queue_max && !db->closing;
    if (room) {
        job->previous = db->last;
        *(db->last ? &db->last->next : &db->first) = job;
        db->last = job;
        queue_count_set(db, db->queued + 1);
    }
    pthread_mutex_unlock(&db->lock);
    if (room)
        pthread_cond_signal(&db->job_there);
    return room;
}

/* True when the writer had not begun with it: it is out of the queue now. */
static bool on_interrupt(void *arg)
{
    struct job *job = arg;
    struct sqlite_db *db = job->db;
    pthread_mutex_lock(&db->lock);
    bool queued = job->state == JOB_QUEUED;
    if (queued)
        job_unlink(db, job);
    pthread_mutex_unlock(&db->lock);
    return queued;
}

/* The next job for the group, or NULL. The caller holds the lock. */
static struct job *job_take(struct sqlite_db *db)
{
    struct job *job = db->first;
    if (job) {
        job_unlink(db, job);
        job->state = JOB_RUNNING;
    }
    return job;
}

/* --- Asking --------------------------------------------------------------------------------- */

static void thread_await(struct sqlite_db *db, struct job *job)
{
    pthread_mutex_lock(&db->lock);
    while (!job->answered)
        pthread_cond_wait(&db->answered_there, &db->lock);
    pthread_mutex_unlock(&db->lock);
}

enum err sqlite_write(struct db *base, struct arena *arena, db_tx_fn fn, void *arg)
{
    struct sqlite_db *db = sqlite_of(base);
    struct job job = { .fn = fn, .arg = arg, .arena = arena, .task = task_current() };
    job.loop = job.task ? loop_current() : NULL;
    job.slot = err_slot();
    job.db = db;
    if (!job.task && loop_current())
        PANIC("a transaction was asked for by a callback of a loop");
    if (pthread_equal(pthread_self(), db->writer_thread))
        PANIC("a transaction was asked for within a transaction");
    if (!job_push(db, &job)) {
        STAT_ADD(db, refused, 1);
        return err_set(ERR_EXHAUSTED, "database-queue", "too many writes wait for %s",
                       base->context);
    }
    enum err abandoned = OK;
    while (job.task && !job.answered && abandoned == OK)
        abandoned = task_suspend_lent(on_interrupt, &job);
    if (!job.task)
        thread_await(db, &job);
    if (abandoned != OK) {
        STAT_ADD(db, abandoned, 1);
        return abandoned;
    }
    return job.result;
}

/* --- Answering ------------------------------------------------------------------------------ */

static void on_answers(void *arg)
{
    struct job *job = arg;
    while (job) {
        struct job *next = job->answer_next; /* the woken task may end and take the job with it */
        job->answered = true;
        task_wake(job->task);
        job = next;
    }
}

/* One message a loop, not one a transaction. */
static void group_answer(struct sqlite_db *db, struct group *group)
{
    bool threads_wait = false;
    for (unsigned i = 0; i < group->count; i++) {
        struct job *first = group->jobs[i];
        if (!first || !first->task)
            continue;
        struct job *last = first;
        for (unsigned k = i + 1; k < group->count; k++) {
            struct job *other = group->jobs[k];
            if (other && other->task && other->loop == first->loop) {
                last->answer_next = other;
                last = other;
                group->jobs[k] = NULL;
            }
        }
        group->jobs[i] = NULL;
        loop_post(first->loop, on_answers, first);
    }
    pthread_mutex_lock(&db->lock);
    for (unsigned i = 0; i < group->count; i++) {
        if (group->jobs[i])
            threads_wait = group->jobs[i]->answered = true;
    }
    if (threads_wait)
        pthread_cond_broadcast(&db->answered_there);
    pthread_mutex_unlock(&db->lock);
}

/* --- Running -------------------------------------------------------------------------------- */

static void job_failed(struct job *job, enum err err)
{
    job->result = err;
    *job->slot = *err_slot();
}

/* True when SQLite has rolled back by itself (disk full, I/O error): the whole group is lost. */
static bool group_lost(const struct conn *conn)
{
    return sqlite3_get_autocommit(conn->handle) != 0;
}

static enum err deferred_check(struct conn *conn)
{
    int open = 0, peak;
    sqlite3_db_status(conn->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &peak, 0);
    if (open)
        return err_set(ERR_CONFLICT, "foreign-key", "a row refers to one that is not there");
    return OK;
}

static enum err job_try(struct conn *conn, struct job *job)
{
    struct sqlite_tx tx = {
        .base = { .db = &conn->db->base, .mode = DB_MODE_WRITE, .arena = job->arena },
        .conn = conn,
    };
    err_clear();
    enum err err = db_guarded(job->arena, job->fn, &tx.base, job->arg);
    job->topics = tx.base.topics;
    if (tx.base.failed != OK)
        return tx.base.failed;
    return err == OK ? deferred_check(conn) : err;
}

/* Ends the savepoint. False: what the function did may still be there. */
static bool savepoint_end(struct conn *conn, bool undo)
{
    return (!undo || conn_control(conn, ROLLBACK_TO) == SQLITE_OK) &&
           conn_control(conn, RELEASE) == SQLITE_OK;
}

/* Runs one function in its savepoint. False: the group is lost. */
static bool job_run(struct conn *conn, struct job *job)
{
    unsigned runs = conn->db->base.settings.run_twice ? 2 : 1;
    for (unsigned run = 1; run <= runs; run++) {
        int code = conn_control(conn, SAVE);
        if (code != SQLITE_OK) {
            job_failed(job, sqlite_fail(conn->db, conn->handle, code, "SAVEPOINT"));
            return !group_lost(conn);
        }
        enum err err = job_try(conn, job);
        if (group_lost(conn)) {
            job_failed(job, err != OK ? err : err_set(ERR_INTERNAL, "database", "rolled back"));
            return false;
        }
        if (err != OK)
            job_failed(job, err);
        if (!savepoint_end(conn, err != OK || run < runs)) {
            if (err == OK)
                job_failed(job, err_set(ERR_UNAVAILABLE, "savepoint", "no savepoint ends in %s",
                                        conn->db->path));
            return false;
        }
        if (err != OK)
            return true;
    }
    return true;
}

/*
 * Leaves no transaction open. A connection that does not roll back is closed, which does, and the
 * writer gets another. False: there is none to be had; it is tried again before the next group.
 */
static bool writer_clean(struct sqlite_db *db)
{
    struct conn *fresh;
    if (group_lost(db->writer))
        return true;
    conn_control(db->writer, ROLLBACK);
    if (group_lost(db->writer))
        return true;
    if (conn_open(db, true, &fresh) != OK)
        return false;
    conn_close(db->writer);
    db->writer = fresh;
    return true;
}

static void group_fail(struct group *group, enum err err)
{
    for (unsigned i = 0; i < group->count; i++) {
        if (group->jobs[i]->result == OK)
            job_failed(group->jobs[i], err);
    }
}

static void group_commit(struct conn *conn, struct group *group)
{
    struct sqlite_db *db = conn->db;
    instant began = clock_mono();
    unsigned good = 0;
    for (unsigned i = 0; i < group->count; i++)
        good += group->jobs[i]->result == OK;
    STAT_ADD(db, failed, group->count - good);
    if (good == 0)
        return; /* group_run() leaves nothing open */
    int code = conn_control(conn, COMMIT);
    uint64_t took_us = (uint64_t)(clock_mono() - began);
    STAT_ADD(db, commits, 1);
    STAT_ADD(db, commit_us_total, took_us);
    stat_peak(&db->base.stats.commit_us_peak, took_us);
    stat_peak(&db->base.stats.group_peak, good);
    if (code != SQLITE_OK) {
        enum err err = sqlite_fail(db, conn->handle, code, "COMMIT");
        STAT_ADD(db, commits_failed, 1);
        group_fail(group, err);
        return;
    }
    STAT_ADD(db, transactions, good);
    unsigned topics = 0;
    for (unsigned i = 0; i < group->count; i++)
        topics |= group->jobs[i]->result == OK ? group->jobs[i]->topics : 0;
    db_tell(&db->base, topics);
}

static bool group_begin(struct sqlite_db *db, struct group *group)
{
    if (!writer_clean(db)) {
        group_fail(group, err_prefix("%s cannot be opened again", db->path));
        return false;
    }
    int code = conn_control(db->writer, BEGIN_WRITE);
    if (code != SQLITE_OK)
        group_fail(group, sqlite_fail(db, db->writer->handle, code, "BEGIN"));
    return code == SQLITE_OK;
}

/* After a lost group: each function again, in a transaction of its own, so that only one fails. */
static void jobs_run_alone(struct sqlite_db *db, struct group *group)
{
    STAT_ADD(db, reruns, group->count);
    for (unsigned i = 0; i < group->count; i++) {
        struct group alone = { .jobs = &group->jobs[i], .count = 1 };
        alone.jobs[0]->result = OK;
        if (group_begin(db, &alone) && job_run(db->writer, alone.jobs[0]))
            group_commit(db->writer, &alone);
    }
}

/* Lets a newcomer join while the group is open. */
static bool group_grow(struct sqlite_db *db, struct group *group, instant began)
{
    unsigned max = MIN_OF(db->base.settings.group_max, (unsigned)GROUP_SIZE_MAX);
    if (group->count == max || clock_mono() - began > group_time_max)
        return false;
    pthread_mutex_lock(&db->lock);
    struct job *job = job_take(db);
    pthread_mutex_unlock(&db->lock);
    if (job)
        group->jobs[group->count++] = job;
    return job != NULL;
}

static void group_run(struct sqlite_db *db, struct group *group)
{
    instant began = clock_mono();
    if (!group_begin(db, group))
        return;
    unsigned done = 0;
    bool whole = true;
    do {
        whole = job_run(db->writer, group->jobs[done++]);
    } while (whole && (done < group->count || group_grow(db, group, began)));
    if (whole)
        group_commit(db->writer, group);
    else
        jobs_run_alone(db, group);
    (void)writer_clean(db);
}

static void *writer_main(void *arg)
{
    struct sqlite_db *db = arg;
    struct group group = { .jobs = HEAP_ARRAY(GROUP_SIZE_MAX, struct job *) };
    struct err_slot *slot = HEAP_NEW(struct err_slot);
    err_slot_use(slot);
    thread_nice(NICE_WRITER);
    pthread_mutex_lock(&db->lock);
    for (;;) {
        while (!db->first && !db->closing)
            pthread_cond_wait(&db->job_there, &db->lock);
        struct job *job = job_take(db);
        if (!job)
            break;
        pthread_mutex_unlock(&db->lock);
        group.jobs[0] = job;
        group.count = 1;
        group_run(db, &group);
        group_answer(db, &group);
        pthread_mutex_lock(&db->lock);
    }
    pthread_mutex_unlock(&db->lock);
    err_slot_use(NULL);
    heap_free(slot);
    heap_free(group.jobs);
    return NULL;
}

enum err writer_start(struct sqlite_db *db)
{
    if (pthread_create(&db->writer_thread, NULL, writer_main, db) != 0)
        return err_set(ERR_EXHAUSTED, "threads", "the system gives no thread for %s", db->path);
    pthread_setname_np(db->writer_thread, "db-writer");
    return OK;
}

void writer_stop(struct sqlite_db *db)
{
    pthread_mutex_lock(&db->lock);
    db->closing = true;
    pthread_cond_signal(&db->job_there);
    pthread_mutex_unlock(&db->lock);
    pthread_join(db->writer_thread, NULL);
}
