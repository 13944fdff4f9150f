/*
 * events: the outbox and the log. An event gets its version under its aggregate's lock and, where
 * one transaction at a time writes, its position too. Elsewhere it waits in the outbox for
 * db_events_sequence(): positions are given to what is committed, so a late commit is late in the
 * log, and nobody who reads behind a position misses it.
 */
#include "driver.h"

#include "db_sql.h"

#include <stdio.h>
#include <sys/random.h>

enum { LOG_NAME_TEXT = 17 };

enum err db_event_add(struct db_tx *tx, const struct db_event *event)
{
    if (event->type.len == 0 || event->aggregate_id.len == 0)
        return err_set(ERR_INVALID, "event-unnamed", "an event needs a type and an aggregate");
    struct db_value aggregate = DB_TEXT(event->aggregate_id);
    struct db_args args = DB_ARGS(
        DB_TEXT(event->type), DB_I64(event->type_version ? event->type_version : 1), aggregate,
        DB_TIME(clock_now()), DB_TEXT(event->payload.len ? event->payload : STR("{}")));
    db_notify(tx, DB_TOPIC_EVENTS);
    if (!db_events_wait(tx->db)) {
        db_notify(tx, DB_TOPIC_LOG);
        TRY(db_exec(tx, &SQL_EVENT_VERSION, DB_ARGS(aggregate), NULL));
    }
    return db_exec(tx, &SQL_EVENT_ADD, args, NULL);
}

enum err db_events_version(struct db_tx *tx, str aggregate_id, int64_t *out_version)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_EVENT_VERSION_GET, DB_ARGS(DB_TEXT(aggregate_id)), &row));
    *out_version = row.values ? db_i64(&row, 0) : 0;
    return OK;
}

/* --- Positions ------------------------------------------------------------------------------ */

struct sequence {
    unsigned limit;
    int64_t count;
};

/* The one writer takes over what another kind of database has left. */
static enum err sequence_tx(struct db_tx *tx, void *arg)
{
    struct sequence *sequence = arg;
    struct db_args limit = DB_ARGS(DB_I64(sequence->limit));
    TRY(db_exec(tx, &SQL_EVENT_SEQUENCE, limit, &sequence->count));
    db_notify(tx, DB_TOPIC_LOG);
    return db_exec(tx, &SQL_OUTBOX_CLEAR, limit, NULL);
}

enum err db_events_sequence(struct db *db, unsigned limit, unsigned *out_count)
{
    struct sequence sequence = { .limit = limit };
    struct db_row row;
    TRY(db_find(db_now(db), &SQL_OUTBOX_ANY, DB_NO_ARGS, &row));
    if (!row.values) {
        *out_count = 0;
        return OK;
    }
    if (db->driver->sequence)
        return db->driver->sequence(db, &SQL_EVENT_SEQUENCE, limit, out_count);
    TRY(db_tx(db, sequence_tx, &sequence));
    *out_count = (unsigned)sequence.count;
    return OK;
}

bool db_events_wait(const struct db *db)
{
    return db->driver->sequence != NULL;
}

/* --- The log -------------------------------------------------------------------------------- */

struct each {
    db_logged_fn fn;
    void *arg;
};

static enum err each_row(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct db_logged event = {
        .position = db_i64(row, 0),
        .type = db_text(row, 1),
        .type_version = (unsigned)db_i64(row, 2),
        .aggregate_id = db_text(row, 3),
        .version = db_i64(row, 4),
        .at = db_at(row, 5),
        .payload = db_text(row, 6),
    };
    return each->fn(&event, each->arg);
}

enum err db_events_each(struct db_tx *tx, struct db_log_part part, db_logged_fn fn, void *arg)
{
    struct each each = { fn, arg };
    return db_each(tx, &SQL_EVENT_LIST, DB_ARGS(DB_I64(part.after), DB_I64(part.limit)), each_row,
                   &each);
}

enum err db_events_last(struct db_tx *tx, int64_t *out_position)
{
    struct db_row row;
    TRY(db_one(tx, &SQL_EVENT_LAST, DB_NO_ARGS, &row));
    *out_position = db_i64(&row, 0);
    return OK;
}

enum err db_events_first(struct db_tx *tx, int64_t after, int64_t *out_position, instant *out_at)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_EVENT_FIRST, DB_ARGS(DB_I64(after)), &row));
    *out_position = row.values ? db_i64(&row, 0) : 0;
    *out_at = row.values ? db_at(&row, 1) : INSTANT_NEVER;
    return OK;
}

enum err db_events_prune(struct db_tx *tx, int64_t upto, unsigned limit, int64_t *out_removed)
{
    int64_t last;
    TRY(db_events_last(tx, &last));
    struct db_args args = DB_ARGS(DB_I64(MIN_OF(upto, last - 1)), DB_I64(limit));
    return db_exec(tx, &SQL_EVENT_PRUNE, args, out_removed);
}

struct log_name {
    char made[LOG_NAME_TEXT];
    str name;
};

static enum err log_name_tx(struct db_tx *tx, void *arg)
{
    struct log_name *log = arg;
    struct db_row row;
    TRY(db_exec(tx, &SQL_EVENT_LOG_PUT, DB_ARGS(DB_TEXT(str_of(log->made))), NULL));
    TRY(db_one(tx, &SQL_EVENT_LOG_GET, DB_NO_ARGS, &row));
    log->name = db_text(&row, 0);
    return OK;
}

enum err db_events_log(struct db *db, str *out_name)
{
    struct log_name log;
    struct db_row row;
    uint64_t number;
    TRY(db_find(db_now(db), &SQL_EVENT_LOG_GET, DB_NO_ARGS, &row));
    if (row.values) {
        *out_name = db_text(&row, 0);
        return OK;
    }
    ssize_t got = getrandom(&number, sizeof(number), 0);
    ASSERT(got == sizeof(number));
    snprintf(log.made, sizeof(log.made), "%016llx", (unsigned long long)number);
    TRY(db_tx(db, log_name_tx, &log));
    *out_name = log.name;
    return OK;
}
