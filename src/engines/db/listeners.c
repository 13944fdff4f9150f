/*
 * listeners: who is told of commits. A driver tells what it commits, and what it hears of other
 * processes; what must not be missed has a line in `changes`.
 */
#include "driver.h"

#include "db_sql.h"

void db_notify(struct db_tx *tx, enum db_topic topic)
{
    ASSERT(tx->mode == DB_MODE_WRITE);
    tx->topics |= topic;
}

void db_listen(struct db *db, struct db_listener *listener)
{
    pthread_mutex_lock(&db->listeners->lock);
    listener->next = db->listeners->first;
    db->listeners->first = listener;
    pthread_mutex_unlock(&db->listeners->lock);
    if (db->driver->listen)
        db->driver->listen(db);
}

void db_unlisten(struct db *db, struct db_listener *listener)
{
    pthread_mutex_lock(&db->listeners->lock);
    struct db_listener **link = &db->listeners->first;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    pthread_mutex_unlock(&db->listeners->lock);
}

/* A line of its own each time, so that no two transactions meet over it. */
enum err db_changes_keep(struct db_tx *tx)
{
    int64_t topics = tx->topics & DB_TOPICS_KEPT;
    return topics ? db_exec(tx, &SQL_CHANGE_ADD, DB_ARGS(DB_I64(topics)), NULL) : OK;
}

bool db_is_told(const struct db *db)
{
    return !db->driver->told || db->driver->told(db);
}

void db_tell(struct db *db, unsigned topics)
{
    if (!topics)
        return;
    pthread_mutex_lock(&db->listeners->lock);
    for (struct db_listener *listener = db->listeners->first; listener; listener = listener->next) {
        if (listener->topics & topics)
            listener->fn(listener->arg);
    }
    pthread_mutex_unlock(&db->listeners->lock);
}
