/*
 * swap: a projection that was rebuilt takes the place of the live one. The last events that the
 * live group has had and the shadow has not are handled in the transaction of the swap, so that
 * both stand at the same position of every lane, and nobody has to pause.
 */
#include "internal.h"

#include "bus_sql.h"

#include <string.h>

static const span again_after = MILLISECONDS(5);

/* Where the two are in one feed, and the events between. */
struct between {
    const struct bus_context *context;
    unsigned lanes;
    int64_t live[LANES_MAX], shadow[LANES_MAX];
    struct bus_event *events;
    unsigned count, max;
    int64_t read; /* up to where they were read */
    const char *log;
};

struct swapping {
    const struct bus_swap *swap;
    struct between *feeds;
    unsigned feeds_count;
    bool again; /* out: the shadow is ahead, or the live one has gone on: a moment later */
};

static struct db_value name_of(const struct bus_member *member)
{
    return DB_TEXT(str_of(member->group->name));
}

static struct db_value feed_of(const struct between *feed)
{
    return DB_TEXT(str_of(db_context(feed->context->db)));
}

/* --- Reading -------------------------------------------------------------------------------- */

static enum err marks_read(struct db_tx *tx, const struct bus_member *member,
                           const struct between *feed, int64_t *out_marks, unsigned *out_count)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_BUS_MARKS_LIST, DB_ARGS(name_of(member), feed_of(feed), DB_I64(LANES_MAX)),
               LANES_MAX, &rows));
    for (unsigned i = 0; i < rows.count; i++)
        out_marks[db_i64(&rows.items[i], 0) % LANES_MAX] = db_i64(&rows.items[i], 1);
    *out_count = rows.count;
    return OK;
}

static enum err feed_marks(struct db_tx *tx, const struct bus_swap *swap, struct between *feed)
{
    unsigned shadow;
    TRY(marks_read(tx, swap->live, feed, feed->live, &feed->lanes));
    TRY(marks_read(tx, swap->shadow, feed, feed->shadow, &shadow));
    return shadow == feed->lanes
               ? OK
               : err_set(ERR_PRECONDITION, "swap-lanes", "%s has %u lanes of %s, %s has %u",
                         swap->live->group->name, feed->lanes, db_context(feed->context->db),
                         swap->shadow->group->name, shadow);
}

static enum err on_logged(const struct db_logged *logged, void *arg)
{
    struct between *feed = arg;
    struct origin origin = { db_context(feed->context->db), feed->log };
    if (feed->count == feed->max)
        return err_set(ERR_PRECONDITION, "swap-behind", "the shadow is more than %d events behind",
                       BUS_SWAP_MAX);
    feed->events[feed->count++] = event_of_logged(task_arena(), origin, logged);
    feed->read = logged->position;
    return OK;
}

/* What is behind the shadow's least mark; the live one's are in there. */
static enum err feed_read(const struct bus_swap *swap, struct between *feed)
{
    str log;
    struct db *db = feed->context->db;
    TRY(feed_marks(db_now(swap->shadow->db), swap, feed));
    TRY(db_events_log(db, &log));
    int64_t from = INT64_MAX;
    for (unsigned i = 0; i < feed->lanes; i++)
        from = MIN_OF(from, feed->shadow[i]);
    feed->count = 0;
    feed->read = 0;
    if (!feed->lanes)
        return OK; /* the groups want nothing of it */
    feed->log = arena_cstr(task_arena(), log);
    feed->max = BUS_SWAP_MAX;
    feed->read = from;
    feed->events = arena_alloc(task_arena(), BUS_SWAP_MAX * sizeof(struct bus_event));
    return db_events_each(db_now(db), (struct db_log_part){ from, BUS_SWAP_MAX + 1 }, on_logged,
                          feed);
}

/* --- The transaction ------------------------------------------------------------------------ */

static enum err waiting_none(struct db_tx *tx, const struct bus_swap *swap)
{
    struct db_row live, shadow, dead;
    TRY(db_one(tx, &SQL_BUS_WAITING_COUNT, DB_ARGS(name_of(swap->live)), &live));
    TRY(db_one(tx, &SQL_BUS_WAITING_COUNT, DB_ARGS(name_of(swap->shadow)), &shadow));
    TRY(db_one(tx, &SQL_BUS_DEAD_COUNT, DB_ARGS(name_of(swap->shadow)), &dead));
    if (db_i64(&live, 0) || db_i64(&shadow, 0) || db_i64(&dead, 0))
        return err_set(ERR_PRECONDITION, "swap-waiting",
                       "events of %s or %s wait to be tried again, or have died",
                       swap->live->group->name, swap->shadow->group->name);
    return OK;
}

static enum err feed_handle(struct db_tx *tx, const struct bus_swap *swap,
                            const struct between *feed)
{
    for (unsigned i = 0; i < feed->count; i++) {
        const struct bus_event *event = &feed->events[i];
        unsigned lane = lane_of(event->aggregate, feed->lanes);
        const struct bus_subscription *subscription = subscription_find(swap->shadow->group, event);
        bool missing = event->position > feed->shadow[lane] && event->position <= feed->live[lane];
        if (missing && subscription)
            TRY(subscription_call(tx, swap->shadow, subscription, event));
    }
    return OK;
}

static enum err shadow_forget(struct db_tx *tx, const struct bus_swap *swap,
                              const struct between *feed)
{
    struct db_args args = DB_ARGS(name_of(swap->shadow), feed_of(feed));
    TRY(db_exec(tx, &SQL_BUS_MARKS_REMOVE, args, NULL));
    return db_exec(tx, &SQL_BUS_LEASES_REMOVE, args, NULL);
}

/* Whether what was read is enough, and the shadow nowhere ahead. */
static bool is_ready(const struct between *feed)
{
    for (unsigned i = 0; i < feed->lanes; i++)
        if (feed->shadow[i] > feed->live[i] || feed->live[i] > feed->read)
            return false;
    return true;
}

static enum err swap_tx(struct db_tx *tx, void *arg)
{
    struct swapping *swapping = arg;
    const struct bus_swap *swap = swapping->swap;
    swapping->again = false;
    TRY(waiting_none(tx, swap));
    for (unsigned i = 0; i < swapping->feeds_count; i++) {
        struct between *feed = &swapping->feeds[i];
        TRY(feed_marks(tx, swap, feed));
        if (!is_ready(feed)) {
            swapping->again = true;
            return err_set(ERR_CONFLICT, "swap-early", "the live group has not come so far");
        }
        TRY(feed_handle(tx, swap, feed));
        TRY(shadow_forget(tx, swap, feed));
    }
    TRY(db_exec(tx, &SQL_BUS_GROUP_REMOVE, DB_ARGS(name_of(swap->shadow)), NULL));
    return swap->fn(tx, swap->arg);
}

static enum err cursor_forget(struct db_tx *tx, void *arg)
{
    const struct bus_swap *swap = arg;
    return db_exec(tx, &SQL_BUS_CURSOR_REMOVE, DB_ARGS(name_of(swap->shadow)), NULL);
}

static enum err attempt(struct swapping *swapping)
{
    for (unsigned i = 0; i < swapping->feeds_count; i++)
        TRY(feed_read(swapping->swap, &swapping->feeds[i]));
    return db_tx(swapping->swap->shadow->db, swap_tx, swapping);
}

enum err bus_swap(struct bus *bus, const struct bus_swap *swap)
{
    const struct bus_spec *spec = &bus->spec;
    struct swapping swapping = { .swap = swap, .feeds_count = spec->contexts_count };
    ASSERT(spec->driver->embedded && swap->live->db == swap->shadow->db);
    swapping.feeds = ARENA_ARRAY(task_arena(), spec->contexts_count, struct between);
    for (unsigned i = 0; i < spec->contexts_count; i++)
        swapping.feeds[i].context = &spec->contexts[i];
    for (;;) {
        struct arena_mark mark = arena_mark(task_arena());
        enum err err = attempt(&swapping);
        arena_rewind(task_arena(), mark);
        if (err == OK)
            break;
        if (err != ERR_CONFLICT || !swapping.again)
            return err;
        TRY(await_sleep(again_after));
    }
    for (unsigned i = 0; i < spec->contexts_count; i++)
        TRY(db_tx(spec->contexts[i].db, cursor_forget, (void *)swap));
    return OK;
}
