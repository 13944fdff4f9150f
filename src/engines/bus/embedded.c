/*
 * embedded: the log is the outbox tables of each context, read by position; a lane is a share of
 * the aggregates by their hash. There is no relay: what has a position is in the log.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { PAGE_BYTES_MAX = 4 << 20 };

struct bus_log {
    const struct bus_spec *spec;
};

/* A context's log, as one group reads it. */
struct feed {
    const struct bus_context *context;
    const char *name;
    char log[33]; /* of the log itself, part of events' ids */
    int64_t cursor;
    int64_t last;      /* known of the log's end */
    instant oldest_at; /* of what is behind the cursor, where it is known */
    struct lease_answer lanes;
    unsigned ours;  /* how many of them */
    bool beginning; /* what was reached is to be told though nothing was read */
};

struct bus_reader {
    struct bus_log *log;
    const struct bus_reader_spec *spec;
    char owner[OWNER_TEXT];
    struct feed feeds[CONTEXTS_MAX];
    unsigned feeds_count, turn;
    instant beat_at;   /* clock_mono() */
    struct task *task; /* waits */
    bool woken;
};

static enum err log_open(struct loop *loop, const struct bus_spec *spec, struct bus_log **out_log)
{
    (void)loop;
    struct bus_log *log = HEAP_NEW(struct bus_log);
    log->spec = spec;
    *out_log = log;
    return OK;
}

static void log_close(struct bus_log *log)
{
    heap_free(log);
}

/* --- Joining -------------------------------------------------------------------------------- */

static enum err feed_open(const struct bus_log *log, const char *name, struct feed *out_feed)
{
    str log_name;
    *out_feed = (struct feed){ .name = name };
    for (unsigned i = 0; i < log->spec->contexts_count; i++)
        if (strcmp(db_context(log->spec->contexts[i].db), name) == 0)
            out_feed->context = &log->spec->contexts[i];
    ASSERT(out_feed->context);
    TRY(db_events_log(out_feed->context->db, &log_name));
    snprintf(out_feed->log, sizeof(out_feed->log), "%.*s", STR_ARG(log_name));
    return db_events_last(db_now(out_feed->context->db), &out_feed->last);
}

static enum err join(struct bus_log *log, const struct bus_reader_spec *spec,
                     struct bus_reader **out_reader)
{
    uint64_t number;
    struct bus_reader *reader = HEAP_NEW(struct bus_reader);
    ssize_t got = getrandom(&number, sizeof(number), 0);
    ASSERT(got == sizeof(number) && spec->feeds_count <= CONTEXTS_MAX);
    snprintf(reader->owner, sizeof(reader->owner), "%016llx", (unsigned long long)number);
    reader->log = log;
    reader->spec = spec;
    reader->feeds_count = spec->feeds_count;
    for (unsigned i = 0; i < spec->feeds_count; i++) {
        enum err err = feed_open(log, spec->feeds[i], &reader->feeds[i]);
        if (err != OK) {
            heap_free(reader);
            return err;
        }
    }
    *out_reader = reader;
    return OK;
}

static struct lease_ask ask_of(const struct bus_reader *reader, const struct feed *feed)
{
    const struct bus_spec *spec = reader->log->spec;
    unsigned lanes = reader->spec->member->group->lanes;
    return (struct lease_ask){ .member = reader->spec->member,
                               .feed = feed->name,
                               .owner = reader->owner,
                               .lanes_wanted = lanes ? lanes : 1,
                               .lease = spec->lease,
                               .sole = spec->sole_owner };
}

/* --- Lanes ---------------------------------------------------------------------------------- */

static unsigned lanes_new(const struct feed *feed, const struct lease_answer *answer,
                          struct bus_lane *out_lanes)
{
    unsigned count = 0;
    for (unsigned i = 0; i < answer->lanes; i++)
        if (answer->ours[i] && !feed->lanes.ours[i])
            out_lanes[count++] = (struct bus_lane){ feed->name, i };
    return count;
}

/* Reading goes back to the least mark; what other lanes have behind them is passed over by the
 * port. */
static enum err lanes_take(struct bus_reader *reader, struct feed *feed,
                           const struct lease_answer *answer)
{
    struct bus_lane *lanes = ARENA_ARRAY(task_arena(), LANES_MAX, struct bus_lane);
    struct bus_mark *marks = ARENA_ARRAY(task_arena(), LANES_MAX, struct bus_mark);
    unsigned count = lanes_new(feed, answer, lanes);
    if (!count)
        return OK;
    TRY(db_events_last(db_now(feed->context->db), &feed->last));
    TRY(reader->spec->on_lanes(reader->spec->arg, lanes, count, marks));
    bool from_end = reader->spec->member->group->from == BUS_FROM_END;
    for (unsigned i = 0; i < count; i++) {
        bool fresh = marks[i].offset < 0;
        int64_t offset = fresh ? from_end ? feed->last : 0 : marks[i].offset;
        feed->beginning = feed->beginning || fresh;
        feed->cursor = feed->ours == 0 && i == 0 ? offset : MIN_OF(feed->cursor, offset);
        feed->lanes.ours[lanes[i].number] = true;
    }
    feed->ours += count;
    feed->lanes.lanes = answer->lanes;
    return OK;
}

static void lanes_drop(struct bus_reader *reader, struct feed *feed,
                       const struct lease_answer *answer)
{
    struct bus_lane *lanes = ARENA_ARRAY(task_arena(), LANES_MAX, struct bus_lane);
    bool divided = answer->lanes != feed->lanes.lanes; /* other aggregates have these numbers now */
    unsigned count = 0;
    for (unsigned i = 0; i < feed->lanes.lanes; i++) {
        bool kept = answer->ours[i] && !answer->anew[i] && !divided;
        if (!feed->lanes.ours[i] || kept)
            continue;
        lanes[count++] = (struct bus_lane){ feed->name, i };
        feed->lanes.ours[i] = false;
        feed->ours--;
    }
    if (count)
        reader->spec->on_lanes_gone(reader->spec->arg, lanes, count);
}

static enum err beat(struct bus_reader *reader)
{
    if (clock_mono() < reader->beat_at)
        return OK;
    struct lease_answer *answer = ARENA_NEW(task_arena(), struct lease_answer);
    for (unsigned i = 0; i < reader->feeds_count; i++) {
        struct feed *feed = &reader->feeds[i];
        struct lease_ask ask = ask_of(reader, feed);
        TRY(leases_beat(&ask, answer));
        lanes_drop(reader, feed, answer);
        TRY(lanes_take(reader, feed, answer));
    }
    const struct bus_spec *spec = reader->log->spec;
    reader->beat_at = spec->sole_owner ? INSTANT_NEVER : clock_mono() + spec->lease / 3;
    return OK;
}

/* --- Reading -------------------------------------------------------------------------------- */

struct page {
    struct feed *feed;
    struct arena *arena;
    struct bus_record *records;
    unsigned count, read, max;
    size_t bytes;
};

struct bus_event event_of_logged(struct arena *arena, struct origin origin,
                                 const struct db_logged *logged)
{
    return (struct bus_event){
        .id = arena_printf(arena, "%s-%lld", origin.log, (long long)logged->position),
        .source = str_of(origin.context),
        .type = arena_str(arena, logged->type),
        .version = logged->type_version,
        .aggregate = arena_str(arena, logged->aggregate_id),
        .aggregate_version = logged->version,
        .position = logged->position,
        .at = logged->at,
        .data = arena_str(arena, logged->payload),
    };
}

/* ERR_CANCELLED ends the walk: the page is full. */
static enum err on_logged(const struct db_logged *event, void *arg)
{
    struct page *page = arg;
    struct feed *feed = page->feed;
    if (page->read == page->max || page->bytes > PAGE_BYTES_MAX)
        return ERR_CANCELLED;
    page->read++;
    page->bytes += event->payload.len + event->aggregate_id.len;
    feed->oldest_at = event->at;
    feed->cursor = event->position;
    struct bus_lane lane = { feed->name, lane_of(event->aggregate_id, feed->lanes.lanes) };
    if (feed->lanes.ours[lane.number])
        page->records[page->count++] = (struct bus_record){
            .lane = lane,
            .offset = event->position,
            .event = event_of_logged(page->arena, (struct origin){ feed->name, feed->log }, event),
        };
    return OK;
}

static void reached_fill(const struct feed *feed, struct arena *arena, struct bus_batch *batch)
{
    struct bus_reach *reached = ARENA_ARRAY(arena, MAX_OF(feed->ours, 1u), struct bus_reach);
    unsigned count = 0;
    for (unsigned i = 0; i < feed->lanes.lanes; i++)
        if (feed->lanes.ours[i])
            reached[count++] =
                (struct bus_reach){ .lane = { feed->name, i }, .offset = feed->cursor };
    batch->reached = reached;
    batch->reached_count = count;
}

/* One feed's next page; *out_batch is empty when there is none. */
static enum err feed_read(struct feed *feed, const struct bus_read *read, struct bus_batch *batch)
{
    struct page page = { .feed = feed, .arena = read->arena, .max = read->records_max };
    if (!feed->ours || !page.max)
        return OK;
    int64_t before = feed->cursor;
    page.records = arena_alloc(read->arena, page.max * sizeof(struct bus_record));
    enum err err = db_events_each(db_now(feed->context->db),
                                  (struct db_log_part){ feed->cursor, page.max }, on_logged, &page);
    if (err != OK && err != ERR_CANCELLED) {
        feed->cursor = before;
        return err;
    }
    feed->last = MAX_OF(feed->last, feed->cursor);
    batch->records = page.records;
    batch->records_count = page.count;
    if (page.read || feed->beginning)
        reached_fill(feed, read->arena, batch);
    feed->beginning = false;
    return OK;
}

static enum err feeds_read(struct bus_reader *reader, const struct bus_read *read,
                           struct bus_batch *batch)
{
    for (unsigned i = 0; i < reader->feeds_count && !batch->reached_count; i++)
        TRY(feed_read(&reader->feeds[reader->turn++ % reader->feeds_count], read, batch));
    return OK;
}

/* Nothing is read: how much there is to read all the same. */
static enum err feeds_look(struct bus_reader *reader)
{
    for (unsigned i = 0; i < reader->feeds_count; i++) {
        struct feed *feed = &reader->feeds[i];
        int64_t next;
        TRY(db_events_last(db_now(feed->context->db), &feed->last));
        TRY(db_events_first(db_now(feed->context->db), feed->cursor, &next, &feed->oldest_at));
    }
    return OK;
}

/* Until it is woken, the time is over or leases are due. */
static enum err reader_wait(struct bus_reader *reader, span wait)
{
    span until_beat = MAX_OF(reader->beat_at - clock_mono(), (span)0);
    instant before = task_deadline_narrow(MAX_OF(MIN_OF(wait, until_beat), MILLISECONDS(1)));
    reader->task = task_current();
    enum err err = reader->woken ? OK : task_suspend();
    reader->task = NULL;
    task_deadline_restore(before);
    return err == ERR_TIMEOUT ? OK : err;
}

static enum err reader_read(struct bus_reader *reader, const struct bus_read *read,
                            struct bus_batch *out_batch)
{
    struct bus_batch batch = { 0 };
    TRY(beat(reader));
    reader->woken = false;
    TRY(read->records_max ? feeds_read(reader, read, &batch) : feeds_look(reader));
    if (!batch.reached_count && read->wait > 0) {
        TRY(reader_wait(reader, read->wait));
        TRY(beat(reader));
        TRY(feeds_read(reader, read, &batch));
    }
    *out_batch = batch;
    return OK;
}

static void reader_wake(struct bus_reader *reader)
{
    reader->woken = true;
    if (reader->task)
        task_wake(reader->task);
}

/* --- The rest ------------------------------------------------------------------------------- */

static void reader_reached(struct bus_reader *reader, const struct bus_reach *reached,
                           unsigned count)
{
    (void)reader, (void)reached, (void)count;
}

static struct bus_lag reader_behind(const struct bus_reader *reader)
{
    struct bus_lag lag = { 0 };
    for (unsigned i = 0; i < reader->feeds_count; i++) {
        const struct feed *feed = &reader->feeds[i];
        if (!feed->ours || feed->last <= feed->cursor)
            continue;
        lag.events += feed->last - feed->cursor;
        if (feed->oldest_at && feed->oldest_at != INSTANT_NEVER)
            lag.age = MAX_OF(lag.age, clock_now() - feed->oldest_at);
    }
    return lag;
}

static void reader_leave(struct bus_reader *reader)
{
    struct lease_answer *none = ARENA_NEW(task_arena(), struct lease_answer);
    for (unsigned i = 0; i < reader->feeds_count; i++) {
        struct feed *feed = &reader->feeds[i];
        none->lanes = feed->lanes.lanes;
        lanes_drop(reader, feed, none);
        struct lease_ask ask = ask_of(reader, feed);
        (void)leases_leave(&ask); /* else they run out */
    }
    heap_free(reader);
}

/* --- Directly ------------------------------------------------------------------------------- */

enum { SEARCH_MAX = 500 };

struct sending {
    const struct bus_event *event;
    struct db *db;
    int64_t after, version; /* it stands after the one, as this of its aggregate */
    int64_t position;       /* out; 0: not there yet */
};

static enum err send_tx(struct db_tx *tx, void *arg)
{
    struct sending *sending = arg;
    struct db_event row = { .type = sending->event->type,
                            .type_version = sending->event->version,
                            .aggregate_id = sending->event->aggregate,
                            .payload = sending->event->data };
    TRY(db_event_add(tx, &row));
    return db_events_version(tx, row.aggregate_id, &sending->version);
}

static enum err on_searched(const struct db_logged *event, void *arg)
{
    struct sending *sending = arg;
    sending->after = event->position;
    if (event->version != sending->version ||
        !str_eq(event->aggregate_id, sending->event->aggregate))
        return OK;
    sending->position = event->position;
    return ERR_CANCELLED;
}

/* Where transactions overlap, the pump gives it its position, here or in another process. */
static enum err position_await(struct sending *sending)
{
    while (!sending->position) {
        struct arena_mark mark = arena_mark(task_arena());
        unsigned count;
        int64_t before = sending->after;
        TRY(db_events_sequence(sending->db, SEARCH_MAX, &count));
        enum err err =
            db_events_each(db_now(sending->db), (struct db_log_part){ sending->after, SEARCH_MAX },
                           on_searched, sending);
        if (err != OK && !(err == ERR_CANCELLED && sending->position))
            return err;
        if (!sending->position && sending->after == before)
            TRY(await_sleep(MILLISECONDS(1)));
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

static enum err log_send(struct bus_log *log, const struct bus_type *type,
                         const struct bus_event *event, struct bus_place *out_place)
{
    struct sending sending = { .event = event };
    for (unsigned i = 0; i < log->spec->contexts_count; i++)
        if (str_eq(str_of(db_context(log->spec->contexts[i].db)), event->source))
            sending.db = log->spec->contexts[i].db;
    TRY(db_events_last(db_now(sending.db), &sending.after));
    TRY(db_tx(sending.db, send_tx, &sending));
    TRY(position_await(&sending));
    *out_place = (struct bus_place){ .topic = type->topic, .offset = sending.position };
    return OK;
}

const struct bus_driver bus_embedded = {
    .name = "embedded",
    .embedded = true,
    .open = log_open,
    .close = log_close,
    .join = join,
    .read = reader_read,
    .wake = reader_wake,
    .reached = reader_reached,
    .behind = reader_behind,
    .leave = reader_leave,
    .send = log_send,
};
