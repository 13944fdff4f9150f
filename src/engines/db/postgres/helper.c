/*
 * helper: one thread a database for what libpq can only do blocking: connecting (it resolves names)
 * and cancelling (it connects). It is started by the first job; results go to the home that asked.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>

static void detail_take(struct detail *detail)
{
    const struct err_slot *slot = err_slot();
    detail->code = slot->code;
    memcpy(detail->slug, slot->slug, sizeof(detail->slug));
    memcpy(detail->text, slot->text, sizeof(detail->text));
}

static void job_run(struct pg_db *db, struct job *job)
{
    char message[256];
    if (job->cancel)
        PQcancel(job->cancel, message, sizeof(message));
    else if (pg_place_connect(db, job->use, &job->handle) != OK)
        detail_take(&job->failure);
}

static void *helper_main(void *arg)
{
    struct pg_db *db = arg;
    struct err_slot *slot = HEAP_NEW(struct err_slot);
    err_slot_use(slot);
    pthread_mutex_lock(&db->lock);
    while (!db->closing) {
        struct job *job = db->jobs;
        if (!job) {
            pthread_cond_wait(&db->job_there, &db->lock);
            continue;
        }
        db->jobs = job->next;
        db->running = job;
        pthread_mutex_unlock(&db->lock);
        job_run(db, job);
        pthread_mutex_lock(&db->lock);
        db->running = NULL;
        pg_home_done(job->home, job);
        pthread_cond_broadcast(&db->job_done);
    }
    pthread_mutex_unlock(&db->lock);
    err_slot_use(NULL);
    heap_free(slot);
    return NULL;
}

static void job_push(struct pg_db *db, struct job *job)
{
    pthread_mutex_lock(&db->lock);
    struct job **link = &db->jobs;
    while (*link)
        link = &(*link)->next;
    *link = job;
    if (!db->helper_started) {
        if (pthread_create(&db->helper, NULL, helper_main, db) != 0)
            PANIC("the system gives no thread for connections to %s", db->shown);
        pthread_setname_np(db->helper, "db-helper");
        db->helper_started = true;
    }
    pthread_cond_signal(&db->job_there);
    pthread_mutex_unlock(&db->lock);
}

void pg_helper_connect(struct home *home, enum use use)
{
    struct job *job = HEAP_NEW(struct job);
    job->home = home;
    job->use = use;
    job_push(home->db, job);
}

void pg_helper_cancel(struct conn *conn)
{
    PGcancel *cancel = PQgetCancel(conn->handle);
    if (!cancel)
        return; /* not connected any more */
    struct job *job = HEAP_NEW(struct job);
    job->home = conn->home;
    job->conn = conn;
    job->cancel = cancel;
    conn->cancelling = job;
    job_push(conn->db, job);
}

void pg_job_free(struct job *job)
{
    if (job->conn)
        job->conn->cancelling = NULL;
    PQfreeCancel(job->cancel);
    heap_free(job);
}

static void jobs_drop(struct job **link, const struct home *home)
{
    while (*link) {
        struct job *job = *link;
        if (home && job->home != home) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        PQfinish(job->handle);
        pg_job_free(job);
    }
}

void pg_helper_forget(struct home *home)
{
    struct pg_db *db = home->db;
    pthread_mutex_lock(&db->lock);
    jobs_drop(&db->jobs, home);
    while (db->running && db->running->home == home)
        pthread_cond_wait(&db->job_done, &db->lock);
    jobs_drop(&home->done, NULL);
    pthread_mutex_unlock(&db->lock);
}

void pg_helper_stop(struct pg_db *db)
{
    pthread_mutex_lock(&db->lock);
    db->closing = true;
    bool started = db->helper_started;
    pthread_cond_signal(&db->job_there);
    pthread_mutex_unlock(&db->lock);
    if (started)
        pthread_join(db->helper, NULL);
}
