/*
 * waiting: events whose handler has failed. The first of an aggregate waits for its next attempt,
 * later ones of the same aggregate behind it, in rows of the group's database: the lane itself goes
 * on. What is tried again is deleted in the transaction of its effect. What has failed too often,
 * or cannot succeed, is a dead letter, and the next of the aggregate is tried.
 */
#include "internal.h"

#include "bus_sql.h"

#include "foundation/mem/buf.h"
#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>

enum { RETRIES_A_ROUND = 32, SHIFT_MAX = 20 };

/* --- Failures ------------------------------------------------------------------------------- */

void failure_take(struct failure *failure, enum err code)
{
    const struct err_slot *slot = err_slot();
    bool detailed = slot->code == code;
    failure->code = code;
    snprintf(failure->slug, sizeof(failure->slug), "%s",
             detailed && slot->slug[0] ? slot->slug : err_info(code)->slug);
    snprintf(failure->text, sizeof(failure->text), "%s", detailed ? slot->text : "");
    str text = str_of(failure->text); /* cut in the middle of a character, maybe */
    if (!str_is_utf8(text))
        failure->text[str_head_utf8(text, text.len - 1).len] = 0;
}

bool failure_passes(struct group *group, const struct failure *failure, instant *out_due_at)
{
    const struct bus_group *spec = group->spec;
    bool may_pass = err_info(failure->code)->retryable || failure->code == ERR_INTERNAL;
    if (!may_pass || failure->attempts >= spec->attempts_max)
        return false;
    unsigned shift = MIN_OF(failure->attempts - 1, (unsigned)SHIFT_MAX);
    span whole = MIN_OF(spec->backoff << shift, spec->backoff_max);
    span jitter = (span)(group_random(group) % (uint64_t)(whole / 2 + 1));
    *out_due_at = clock_now() + whole - jitter;
    return true;
}

/* --- Rows ----------------------------------------------------------------------------------- */

static struct db_value group_value(const struct lane *lane)
{
    return DB_TEXT(str_of(lane->group->spec->name));
}

static struct db_value feed_value(const struct lane *lane)
{
    return DB_TEXT(str_of(lane->id.feed));
}

/* What is no text is kept as one that can be read. */
static struct db_value text_value(struct db_tx *tx, str text)
{
    if (str_is_utf8(text) && str_find_char(text, 0) < 0)
        return DB_TEXT(text.ptr ? text : STR(""));
    struct buf out;
    buf_init_leaving(&out, db_arena(tx), 4 * text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 32 && c < 127)
            buf_put_char(&out, (char)c);
        else
            buf_printf(&out, "\\x%02x", c);
    }
    return DB_TEXT(buf_str(&out));
}

struct row {
    const struct lane *lane;
    const struct bus_event *event;
    const struct failure *failure;
    struct db_value when; /* due_at or died_at */
};

static enum err row_put(struct db_tx *tx, const struct db_query *query, const struct row *row)
{
    const struct bus_event *event = row->event;
    return db_exec(tx, query,
                   DB_ARGS(group_value(row->lane), feed_value(row->lane),
                           DB_I64(row->lane->id.number), row->when, DB_I64(row->failure->attempts),
                           DB_TEXT(str_of(row->failure->slug)), DB_TEXT(str_of(row->failure->text)),
                           text_value(tx, event->id), text_value(tx, event->source),
                           text_value(tx, event->type), DB_I64(event->version),
                           text_value(tx, event->aggregate), DB_I64(event->aggregate_version),
                           DB_I64(event->position), DB_I64(event->at), text_value(tx, event->data)),
                   NULL);
}

enum err waiting_put(struct db_tx *tx, const struct lane *lane, const struct bus_record *record,
                     const struct failure *failure, instant due_at)
{
    struct row row = { lane, &record->event, failure, DB_TIME(due_at) };
    return row_put(tx, &SQL_BUS_WAITING_ADD, &row);
}

enum err waiting_put_behind(struct db_tx *tx, const struct lane *lane,
                            const struct bus_record *record)
{
    static const struct failure none = { .code = OK };
    struct row row = { lane, &record->event, &none, DB_NULL };
    return row_put(tx, &SQL_BUS_WAITING_ADD, &row);
}

enum err dead_put(struct db_tx *tx, const struct lane *lane, const struct bus_record *record,
                  const struct failure *failure)
{
    struct row row = { lane, &record->event, failure, DB_TIME(clock_now()) };
    return row_put(tx, &SQL_BUS_DEAD_ADD, &row);
}

/* --- What blocks ---------------------------------------------------------------------------- */

bool lane_blocks(const struct lane *lane, str aggregate)
{
    uint64_t hash = lane->blocked_count ? str_hash(aggregate) : 0;
    if (lane->blocked_count == BLOCKED_MAX)
        return true; /* there may be more */
    for (unsigned i = 0; i < lane->blocked_count; i++)
        if (lane->blocked[i] == hash)
            return true;
    return false;
}

void lane_block(struct lane *lane, str aggregate)
{
    if (!lane->blocked)
        lane->blocked = HEAP_ARRAY(BLOCKED_MAX, uint64_t);
    if (!lane_blocks(lane, aggregate))
        lane->blocked[lane->blocked_count++] = str_hash(aggregate);
}

enum err lane_look(struct lane *lane)
{
    struct db_tx *now = db_now(lane->group->member->db);
    struct db_value group = group_value(lane), feed = feed_value(lane);
    struct db_value number = DB_I64(lane->id.number);
    struct db_row next;
    struct db_rows rows;
    TRY(db_one(now, &SQL_BUS_WAITING_DUE_NEXT, DB_ARGS(group, feed, number), &next));
    lane->due_at = db_at(&next, 0);
    if (lane->due_at == INSTANT_NEVER && !lane->blocked_count)
        return OK;
    TRY(db_all(now, &SQL_BUS_WAITING_AGGREGATES, DB_ARGS(group, feed, number, DB_I64(BLOCKED_MAX)),
               BLOCKED_MAX, &rows));
    lane->blocked_count = 0;
    for (unsigned i = 0; i < rows.count; i++)
        lane_block(lane, db_text(&rows.items[i], 0));
    return OK;
}

/* --- Once more ------------------------------------------------------------------------------ */

struct retry {
    struct lane *lane;
    int64_t id, attempts;
    struct bus_event event;
    struct failure *failure; /* it has failed: what becomes of it; NULL: it is tried */
    instant due_at;          /* INSTANT_NEVER: it is dead */
    bool gone;               /* out: somebody else has dealt with it */
    bool handler;            /* out: the handler has failed */
};

static struct retry retry_of_row(struct lane *lane, const struct db_row *row)
{
    return (struct retry){ .lane = lane,
                           .id = db_i64(row, 0),
                           .attempts = db_i64(row, 1),
                           .event = { .id = db_text(row, 2),
                                      .source = db_text(row, 3),
                                      .type = db_text(row, 4),
                                      .version = (unsigned)db_i64(row, 5),
                                      .aggregate = db_text(row, 6),
                                      .aggregate_version = db_i64(row, 7),
                                      .position = db_i64(row, 8),
                                      .at = db_i64(row, 9),
                                      .data = db_text(row, 10) } };
}

static enum err row_remove(struct db_tx *tx, struct retry *retry)
{
    int64_t removed;
    TRY(db_exec(tx, &SQL_BUS_WAITING_REMOVE, DB_ARGS(DB_I64(retry->id)), &removed));
    retry->gone = removed == 0;
    return removed ? OK : err_set(ERR_CONFLICT, "event-gone", "the event waits no longer");
}

static enum err next_promote(struct db_tx *tx, const struct retry *retry)
{
    return db_exec(tx, &SQL_BUS_WAITING_NEXT,
                   DB_ARGS(group_value(retry->lane), feed_value(retry->lane),
                           DB_I64(retry->lane->id.number), DB_TEXT(retry->event.aggregate),
                           DB_TIME(clock_now())),
                   NULL);
}

static enum err retry_tx(struct db_tx *tx, void *arg)
{
    struct retry *retry = arg;
    struct group *group = retry->lane->group;
    const struct bus_subscription *subscription = subscription_find(group->spec, &retry->event);
    retry->handler = false;
    TRY(row_remove(tx, retry));
    if (subscription) { /* else the group does not want it any more */
        retry->handler = true;
        TRY(subscription_call(tx, group->member, subscription, &retry->event));
        retry->handler = false;
    }
    return next_promote(tx, retry);
}

static enum err failed_tx(struct db_tx *tx, void *arg)
{
    struct retry *retry = arg;
    const struct failure *failure = retry->failure;
    if (retry->due_at == INSTANT_NEVER) {
        struct bus_record record = { .event = retry->event };
        TRY(row_remove(tx, retry));
        TRY(dead_put(tx, retry->lane, &record, failure));
        return next_promote(tx, retry);
    }
    return db_exec(tx, &SQL_BUS_WAITING_AGAIN,
                   DB_ARGS(DB_I64(retry->id), DB_TIME(retry->due_at), DB_I64(failure->attempts),
                           DB_TEXT(str_of(failure->slug)), DB_TEXT(str_of(failure->text)),
                           DB_I64(retry->attempts)),
                   NULL);
}

static enum err retry_failed(struct retry *retry, enum err err)
{
    struct group *group = retry->lane->group;
    struct failure failure = { .attempts = (unsigned)retry->attempts + 1 };
    failure_take(&failure, err);
    bool again = failure_passes(group, &failure, &retry->due_at);
    if (!again)
        retry->due_at = INSTANT_NEVER;
    retry->failure = &failure;
    TRY(db_tx(group->member->db, failed_tx, retry));
    meter_failed(group, !again);
    if (!again)
        return group_count_dead(group);
    group->bus->stats.retried++;
    return OK;
}

static enum err retry_run(struct retry *retry)
{
    struct group *group = retry->lane->group;
    enum err err = db_tx(group->member->db, retry_tx, retry);
    if (err == OK) {
        group->dead_in_row = 0;
        group->bus->stats.handled++;
        meter_handled(group, 1);
        return OK;
    }
    if (retry->gone || err == ERR_CANCELLED)
        return retry->gone ? OK : err;
    bool infrastructure = !retry->handler && (err_info(err)->retryable || err == ERR_INTERNAL);
    return infrastructure ? err : retry_failed(retry, err);
}

enum err lane_retry(struct lane *lane)
{
    struct group *group = lane->group;
    struct db_rows rows;
    if (lane->gone || lane->due_at > clock_now())
        return OK;
    TRY(db_all(db_now(group->member->db), &SQL_BUS_WAITING_DUE,
               DB_ARGS(group_value(lane), feed_value(lane), DB_I64(lane->id.number),
                       DB_TIME(clock_now()), DB_I64(RETRIES_A_ROUND)),
               RETRIES_A_ROUND, &rows));
    for (unsigned i = 0; i < rows.count && !group->bus->stopping && !group->paused; i++) {
        struct retry retry = retry_of_row(lane, &rows.items[i]);
        TRY(retry_run(&retry));
    }
    return lane_look(lane);
}

/* --- Too many ------------------------------------------------------------------------------- */

static enum err give_up_tx(struct db_tx *tx, void *arg)
{
    struct group *group = arg;
    str why =
        arena_printf(db_arena(tx), "%u events in a row became dead letters", group->dead_in_row);
    return bus_group_pause(tx, str_of(group->spec->name), why);
}

enum err group_count_dead(struct group *group)
{
    group->bus->stats.dead++;
    if (++group->dead_in_row < group->spec->dead_in_row_max)
        return OK;
    TRY(db_tx(group->member->db, give_up_tx, group));
    group->paused = true;
    return OK;
}
