/*
 * lane: events to effects. A chunk of a lane's records is one transaction: what their handlers
 * write and the mark behind the last of them. The mark is written by the lane's owner alone, so
 * whoever believes wrongly that a lane is his commits nothing. A chunk that fails is cut until it
 * is one event, so that a failure is that event's alone.
 */
#include "internal.h"

#include "bus_sql.h"

#include <stdio.h>

/* A transaction takes no further event after this long: others want to write, too. */
static const span chunk_time_max = MILLISECONDS(20);

/* --- What is for whom ----------------------------------------------------------------------- */

const struct bus_subscription *subscription_find(const struct bus_group *group,
                                                 const struct bus_event *event)
{
    for (unsigned i = 0; i < group->subscriptions_count; i++) {
        const struct bus_subscription *subscription = &group->subscriptions[i];
        if (!subscription->type || str_eq(event->type, str_of(subscription->type->name)))
            return subscription;
    }
    return NULL;
}

enum err subscription_call(struct db_tx *tx, const struct bus_member *member,
                           const struct bus_subscription *subscription,
                           const struct bus_event *event)
{
    const struct bus_type *type = subscription->type;
    if (type && event->version > type->version)
        return err_set(ERR_UNAVAILABLE, "event-newer",
                       "version %u of %s is newer than this program, which knows %u",
                       event->version, type->name, type->version);
    return subscription->fn(tx, event, member->arg);
}

/* --- A chunk -------------------------------------------------------------------------------- */

struct chunk {
    struct lane *lane;
    unsigned count;          /* records at most */
    struct failure *failure; /* of the first record, which is put aside; NULL: none yet */
    instant due_at;          /* when that is tried again; INSTANT_NEVER: it is dead */
    /* Out. */
    unsigned done, handled, put_aside;
    struct bus_mark mark;
    bool lost;    /* the lane is another's */
    bool handler; /* what failed was the handler of the record after `done` */
};

static bool was_there(const struct bus_mark *mark, const struct bus_record *record)
{
    return record->offset <= mark->offset ||
           (record->event.position && record->event.position <= mark->position);
}

static void mark_move(struct bus_mark *mark, const struct bus_record *record)
{
    mark->offset = MAX_OF(mark->offset, record->offset);
    mark->position = MAX_OF(mark->position, record->event.position);
}

static enum err broken_put(struct db_tx *tx, const struct lane *lane,
                           const struct bus_record *record)
{
    struct failure failure = { .code = record->broken };
    snprintf(failure.slug, sizeof(failure.slug), "envelope");
    snprintf(failure.text, sizeof(failure.text), "%.*s", STR_ARG(record->broken_why));
    return dead_put(tx, lane, record, &failure);
}

/* What waits is asked for: a hash says only that something may. */
static enum err behind(struct db_tx *tx, const struct lane *lane, str aggregate, bool *out_behind)
{
    struct db_row row = { 0 };
    if (lane_blocks(lane, aggregate))
        TRY(db_find(tx, &SQL_BUS_WAITING_BEFORE,
                    DB_ARGS(DB_TEXT(str_of(lane->group->spec->name)),
                            DB_TEXT(str_of(lane->id.feed)), DB_I64(lane->id.number),
                            DB_TEXT(aggregate)),
                    &row));
    *out_behind = row.values != NULL;
    return OK;
}

static enum err record_act(struct db_tx *tx, struct chunk *chunk, const struct bus_record *record)
{
    struct lane *lane = chunk->lane;
    bool waits;
    if (was_there(&chunk->mark, record))
        return OK;
    if (record->broken != OK)
        return chunk->put_aside++, broken_put(tx, lane, record);
    const struct bus_subscription *subscription =
        subscription_find(lane->group->spec, &record->event);
    if (!subscription)
        return OK;
    TRY(behind(tx, lane, record->event.aggregate, &waits));
    if (waits)
        return chunk->put_aside++, waiting_put_behind(tx, lane, record);
    chunk->handler = true;
    TRY(subscription_call(tx, lane->group->member, subscription, &record->event));
    chunk->handler = false;
    chunk->handled++;
    return OK;
}

static enum err aside_put(struct db_tx *tx, const struct chunk *chunk,
                          const struct bus_record *record)
{
    if (chunk->due_at == INSTANT_NEVER)
        return dead_put(tx, chunk->lane, record, chunk->failure);
    return waiting_put(tx, chunk->lane, record, chunk->failure, chunk->due_at);
}

static enum err mark_put(struct db_tx *tx, const struct lane *lane, const struct bus_mark *mark,
                         bool *out_lost)
{
    int64_t changed;
    TRY(db_exec(tx, &SQL_BUS_MARK_PUT,
                DB_ARGS(DB_TEXT(str_of(lane->group->spec->name)), DB_TEXT(str_of(lane->id.feed)),
                        DB_I64(lane->id.number), DB_TEXT(str_of(lane->group->owner)),
                        DB_I64(mark->offset), DB_I64(mark->position)),
                &changed));
    *out_lost = changed == 0;
    return changed ? OK
                   : err_set(ERR_CONFLICT, "lane-lost", "lane %u of %s is another's",
                             lane->id.number, lane->id.feed);
}

static enum err chunk_tx(struct db_tx *tx, void *arg)
{
    struct chunk *chunk = arg;
    struct lane *lane = chunk->lane;
    instant began = clock_mono();
    chunk->done = chunk->handled = chunk->put_aside = 0;
    chunk->lost = chunk->handler = false;
    chunk->mark = lane->done;
    while (chunk->done < chunk->count) {
        struct arena_mark scratch = arena_mark(db_arena(tx));
        const struct bus_record *record = lane->records[lane->next + chunk->done];
        if (chunk->failure && chunk->done == 0)
            TRY(aside_put(tx, chunk, record));
        else
            TRY(record_act(tx, chunk, record));
        arena_rewind(db_arena(tx), scratch);
        mark_move(&chunk->mark, record);
        chunk->done++;
        if (clock_mono() - began > chunk_time_max)
            break;
    }
    if (lane->next + chunk->done == lane->records_count)
        chunk->mark.offset = MAX_OF(chunk->mark.offset, lane->reach);
    return mark_put(tx, lane, &chunk->mark, &chunk->lost);
}

/* --- Failures ------------------------------------------------------------------------------- */

/* The event's own: what it needs is there, and it fails all the same. */
static bool is_of_event(const struct chunk *chunk, enum err err)
{
    if (chunk->handler)
        return true;
    return !err_info(err)->retryable && err != ERR_INTERNAL && err != ERR_CANCELLED;
}

static void chunk_committed(struct lane *lane, const struct chunk *chunk)
{
    struct group *group = lane->group;
    lane->mark = lane->done = chunk->mark;
    lane->next += chunk->done;
    lane->chunk_max = MIN_OF(lane->chunk_max * 2, group->spec->batch_max);
    if (chunk->handled)
        group->dead_in_row = 0;
    group->bus->stats.handled += chunk->handled;
    meter_handled(group, chunk->handled);
    group->backoff = 0;
}

/* One event alone has failed. It is put aside, in a transaction that moves the mark behind it. */
static __attribute__((noinline)) enum err first_failed(struct lane *lane, enum err err)
{
    struct group *group = lane->group;
    struct failure failure = { .attempts = 1 };
    struct chunk chunk = { .lane = lane, .count = 1, .failure = &failure };
    failure_take(&failure, err);
    bool again = failure_passes(group, &failure, &chunk.due_at);
    if (!again)
        chunk.due_at = INSTANT_NEVER;
    str aggregate = lane->records[lane->next]->event.aggregate;
    if (again && lane->blocked_count == BLOCKED_MAX) {
        lane->stuck = true;
        return OK;
    }
    TRY(db_tx(group->member->db, chunk_tx, &chunk));
    chunk_committed(lane, &chunk);
    meter_failed(group, !again);
    if (!again)
        return group_count_dead(group);
    group->bus->stats.retried++;
    lane_block(lane, aggregate);
    lane->due_at = MIN_OF(lane->due_at, chunk.due_at);
    return OK;
}

static enum err chunk_failed(struct lane *lane, const struct chunk *chunk, enum err err)
{
    if (chunk->lost) {
        lane->gone = true;
        lane->group->bus->stats.lanes_lost++;
        return OK;
    }
    if (err == ERR_CANCELLED)
        return err;
    bool single = chunk->count == 1;
    if (single && is_of_event(chunk, err))
        return first_failed(lane, err);
    if (single || (!chunk->handler && err_info(err)->retryable)) {
        lane->stuck = true; /* its database refuses: nobody's fault, and no attempt */
        return lane_refresh(lane);
    }
    lane->chunk_max = chunk->handler && chunk->done ? chunk->done : MAX_OF(chunk->count / 2, 1u);
    return lane_refresh(lane);
}

/* --- The lane ------------------------------------------------------------------------------- */

/* At the front of the batch, without a transaction. */
static bool is_passed_over(const struct lane *lane, const struct bus_record *record)
{
    if (was_there(&lane->done, record)) {
        lane->group->bus->stats.duplicates++;
        return true;
    }
    return record->broken == OK && !subscription_find(lane->group->spec, &record->event);
}

static void skip(struct lane *lane)
{
    while (lane->next < lane->records_count && is_passed_over(lane, lane->records[lane->next]))
        mark_move(&lane->done, lane->records[lane->next++]);
    if (lane->next == lane->records_count)
        lane->done.offset = MAX_OF(lane->done.offset, lane->reach);
}

__attribute__((noinline)) enum err lane_run(struct lane *lane)
{
    struct group *group = lane->group;
    struct arena *arena = task_arena();
    lane->stuck = false;
    for (;;) {
        struct arena_mark mark = arena_mark(arena);
        skip(lane);
        unsigned left = lane->records_count - lane->next;
        if (!left || lane->gone || lane->stuck || group->paused || group->bus->stopping)
            return OK;
        struct chunk chunk = { .lane = lane, .count = MIN_OF(left, lane->chunk_max) };
        enum err err = db_tx(group->member->db, chunk_tx, &chunk);
        if (err == OK)
            chunk_committed(lane, &chunk);
        else
            TRY(chunk_failed(lane, &chunk, err));
        arena_rewind(arena, mark);
    }
}

enum err lane_refresh(struct lane *lane)
{
    struct db_row row;
    TRY(db_find(db_now(lane->group->member->db), &SQL_BUS_MARK_GET,
                DB_ARGS(DB_TEXT(str_of(lane->group->spec->name)), DB_TEXT(str_of(lane->id.feed)),
                        DB_I64(lane->id.number)),
                &row));
    if (!row.values || !str_eq(db_text(&row, 2), str_of(lane->group->owner))) {
        lane->gone = true;
        return OK;
    }
    lane->mark = (struct bus_mark){ .offset = db_i64(&row, 0), .position = db_i64(&row, 1) };
    lane->done.offset = MAX_OF(lane->done.offset, lane->mark.offset);
    lane->done.position = MAX_OF(lane->done.position, lane->mark.position);
    return OK;
}

/* --- Marks alone ---------------------------------------------------------------------------- */

struct save {
    struct group *group;
    bool lost[LANES_MAX];
};

static bool is_unsaved(const struct lane *lane)
{
    return !lane->gone && lane->done.offset > lane->mark.offset;
}

static enum err save_tx(struct db_tx *tx, void *arg)
{
    struct save *save = arg;
    for (unsigned i = 0; i < save->group->lanes_count; i++) {
        const struct lane *lane = save->group->lanes[i];
        save->lost[i] = false;
        if (!is_unsaved(lane))
            continue;
        enum err err = mark_put(tx, lane, &lane->done, &save->lost[i]);
        if (err != OK && !save->lost[i])
            return err;
    }
    return OK;
}

enum err lanes_save(struct group *group)
{
    struct save *save = ARENA_NEW(task_arena(), struct save);
    bool any = false;
    save->group = group;
    for (unsigned i = 0; i < group->lanes_count; i++)
        any = any || is_unsaved(group->lanes[i]);
    if (!any)
        return OK;
    TRY(db_tx(group->member->db, save_tx, save));
    for (unsigned i = 0; i < group->lanes_count; i++) {
        struct lane *lane = group->lanes[i];
        if (save->lost[i])
            lane->gone = true;
        else if (is_unsaved(lane))
            lane->mark = lane->done;
    }
    return OK;
}
