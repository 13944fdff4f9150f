/*
 * group: the task of a group in this process. A round reads a batch, gives each lane its records,
 * lets the lanes work beside each other, tries again what is due and keeps marks. What a lane could
 * not do for now stays in the batch; no new one is read before.
 */
#include "internal.h"

#include "bus_sql.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum { RECORDS_MAX = 4096 };
static const span save_every = SECONDS(1), cursor_every = SECONDS(5);
static const span backoff_min = MILLISECONDS(50), backoff_limit = SECONDS(2);

uint64_t group_random(struct group *group)
{
    uint64_t x = group->random += 0x9E3779B97F4A7C15u; /* splitmix64, Steele et al. 2014 */
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

span group_backoff(struct group *group)
{
    group->backoff = MIN_OF(MAX_OF(group->backoff * 2, backoff_min), backoff_limit);
    return group->backoff / 2 + (span)(group_random(group) % (uint64_t)(group->backoff / 2 + 1));
}

static bool due(instant *at, span every)
{
    instant now = clock_mono();
    if (now < *at)
        return false;
    *at = now + every;
    return true;
}

/* --- Lanes come and go ---------------------------------------------------------------------- */

struct lane *group_lane(const struct group *group, struct bus_lane id)
{
    for (unsigned i = 0; i < group->lanes_count; i++)
        if (group->lanes[i]->id.number == id.number &&
            strcmp(group->lanes[i]->id.feed, id.feed) == 0)
            return group->lanes[i];
    return NULL;
}

struct claim {
    struct group *group;
    const struct bus_lane *lanes;
    unsigned count;
    struct bus_mark *marks;
};

static enum err claim_tx(struct db_tx *tx, void *arg)
{
    const struct claim *claim = arg;
    for (unsigned i = 0; i < claim->count; i++) {
        struct db_row row;
        TRY(db_one(tx, &SQL_BUS_MARK_CLAIM,
                   DB_ARGS(DB_TEXT(str_of(claim->group->spec->name)),
                           DB_TEXT(str_of(claim->lanes[i].feed)), DB_I64(claim->lanes[i].number),
                           DB_TEXT(str_of(claim->group->owner))),
                   &row));
        claim->marks[i] =
            (struct bus_mark){ .offset = db_i64(&row, 0), .position = db_i64(&row, 1) };
    }
    return OK;
}

static void lane_free(struct lane *lane)
{
    heap_free(lane->blocked);
    heap_free(lane);
}

static void lane_remove(struct group *group, struct bus_lane id)
{
    for (unsigned i = 0; i < group->lanes_count; i++) {
        struct lane *lane = group->lanes[i];
        if (lane->id.number != id.number || strcmp(lane->id.feed, id.feed) != 0)
            continue;
        group->lanes[i] = group->lanes[--group->lanes_count];
        lane_free(lane);
        return;
    }
}

static enum err lane_add(struct group *group, struct bus_lane id, struct bus_mark mark)
{
    struct lane *lane = HEAP_NEW(struct lane);
    *lane = (struct lane){ .group = group,
                           .id = id,
                           .mark = mark,
                           .done = mark,
                           .reach = mark.offset,
                           .chunk_max = group->spec->batch_max,
                           .due_at = INSTANT_NEVER };
    enum err err = lane_look(lane);
    if (err != OK) {
        lane_free(lane);
        return err;
    }
    group->lanes[group->lanes_count++] = lane;
    return OK;
}

static enum err on_lanes(void *arg, const struct bus_lane *lanes, unsigned count,
                         struct bus_mark *out_marks)
{
    struct group *group = arg;
    struct claim claim = { group, lanes, count, out_marks };
    if (group->lanes_count + count > LANES_MAX)
        return err_set(ERR_EXHAUSTED, "bus-lanes", "%s has more than %d lanes", group->spec->name,
                       LANES_MAX);
    TRY(db_tx(group->member->db, claim_tx, &claim));
    for (unsigned i = 0; i < count; i++) {
        enum err err = lane_add(group, lanes[i], out_marks[i]);
        while (err != OK && i-- > 0)
            lane_remove(group, lanes[i]);
        TRY(err);
    }
    return OK;
}

static void on_lanes_gone(void *arg, const struct bus_lane *lanes, unsigned count)
{
    struct group *group = arg;
    (void)lanes_save(group); /* else somebody looks once more at what was passed over */
    for (unsigned i = 0; i < count; i++)
        lane_remove(group, lanes[i]);
}

/* --- A batch -------------------------------------------------------------------------------- */

static void batch_begin(struct group *group, const struct bus_batch *batch)
{
    for (unsigned i = 0; i < group->lanes_count; i++) {
        struct lane *lane = group->lanes[i];
        lane->records = NULL;
        lane->records_count = lane->next = 0;
        lane->reach = lane->done.offset;
    }
    for (unsigned i = 0; i < batch->reached_count; i++) {
        struct lane *lane = group_lane(group, batch->reached[i].lane);
        if (lane)
            lane->reach = MAX_OF(lane->reach, batch->reached[i].offset);
    }
}

/* Each lane its records, in order. */
static void batch_divide(struct group *group, const struct bus_batch *batch)
{
    struct arena *arena = task_arena();
    struct lane *lane = NULL;
    batch_begin(group, batch);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < batch->records_count; i++) {
            const struct bus_record *record = &batch->records[i];
            if (!lane || lane->id.number != record->lane.number ||
                lane->id.feed != record->lane.feed)
                lane = group_lane(group, record->lane);
            if (lane && pass)
                lane->records[lane->records_count] = record;
            if (lane)
                lane->records_count++;
        }
        for (unsigned i = 0; i < group->lanes_count && !pass; i++) {
            struct lane *of = group->lanes[i];
            of->records =
                arena_alloc(arena, MAX_OF(of->records_count, 1u) * sizeof(struct bus_record *));
            of->records_count = 0;
        }
    }
}

struct lane_work {
    struct lane *lane;
    enum err result;
};

/* Siblings go on when it fails. */
static enum err lane_work(void *arg)
{
    struct lane_work *work = arg;
    work->result = lane_run(work->lane);
    return OK;
}

static unsigned lanes_with_work(const struct group *group)
{
    unsigned count = 0;
    for (unsigned i = 0; i < group->lanes_count; i++) {
        const struct lane *lane = group->lanes[i];
        count +=
            !lane->gone && (lane->next < lane->records_count || lane->reach > lane->done.offset);
    }
    return count;
}

static enum err lanes_run_beside(struct group *group, unsigned count)
{
    struct lane_work *works = ARENA_ARRAY(task_arena(), count, struct lane_work);
    struct task_group *tasks = ARENA_NEW(task_arena(), struct task_group);
    unsigned started = 0;
    enum err err = OK;
    task_group_init(tasks, count);
    for (unsigned i = 0; i < group->lanes_count && err == OK && started < count; i++) {
        struct lane *lane = group->lanes[i];
        if (lane->gone || lane->next == lane->records_count) {
            if (!lane->gone)
                (void)lane_run(lane); /* nothing but to go on */
            continue;
        }
        works[started] = (struct lane_work){ .lane = lane };
        err = task_group_start(tasks, "bus-lane", lane_work, &works[started]);
        started += err == OK;
    }
    enum err waited = task_group_wait(tasks);
    TRY(err);
    TRY(waited);
    for (unsigned i = 0; i < started; i++)
        TRY(works[i].result);
    return OK;
}

static enum err lanes_run(struct group *group)
{
    unsigned count = lanes_with_work(group);
    if (count > 1)
        return lanes_run_beside(group, count);
    for (unsigned i = 0; i < group->lanes_count; i++)
        if (!group->lanes[i]->gone)
            TRY(lane_run(group->lanes[i]));
    return OK;
}

/* --- A round -------------------------------------------------------------------------------- */

static enum err look(struct group *group)
{
    struct db_row row;
    if (!due(&group->look_at, group->bus->spec.poll))
        return OK;
    TRY(db_find(db_now(group->member->db), &SQL_BUS_GROUP_FIND,
                DB_ARGS(DB_TEXT(str_of(group->spec->name))), &row));
    bool paused = row.values && db_bool(&row, 1);
    if (group->paused && !paused)
        group->dead_in_row = 0;
    group->paused = paused;
    for (unsigned i = 0; i < group->lanes_count; i++)
        TRY(lane_look(group->lanes[i]));
    return OK;
}

static enum err retry_due(struct group *group)
{
    for (unsigned i = 0; i < group->lanes_count && !group->paused; i++)
        TRY(lane_retry(group->lanes[i]));
    return OK;
}

/* The first marks at once: where a group begins is then known for ever. */
static bool marks_due(struct group *group)
{
    for (unsigned i = 0; i < group->lanes_count; i++)
        if (group->lanes[i]->mark.offset < 0 && group->lanes[i]->done.offset >= 0)
            return true;
    return due(&group->save_at, save_every);
}

static void reached_tell(struct group *group)
{
    struct bus_reach *reached =
        ARENA_ARRAY(task_arena(), MAX_OF(group->lanes_count, 1u), struct bus_reach);
    unsigned count = 0;
    for (unsigned i = 0; i < group->lanes_count; i++)
        if (!group->lanes[i]->gone && group->lanes[i]->mark.offset >= 0)
            reached[count++] =
                (struct bus_reach){ group->lanes[i]->id, group->lanes[i]->mark.offset };
    group->bus->spec.driver->reached(group->reader, reached, count);
}

static enum err cursor_tx(struct db_tx *tx, void *arg)
{
    const struct bus_reach *cursor = arg; /* the group's name is in place of the feed's */
    TRY(db_exec(tx, &SQL_BUS_CURSOR_ADD,
                DB_ARGS(DB_TEXT(str_of(cursor->lane.feed)), DB_TIME(clock_now())), NULL));
    return db_exec(
        tx, &SQL_BUS_CURSOR_PUT,
        DB_ARGS(DB_TEXT(str_of(cursor->lane.feed)), DB_I64(cursor->offset), DB_TIME(clock_now())),
        NULL);
}

/* Tells each context's log how much of it the group needs no more. */
static enum err cursors_write(struct group *group)
{
    const struct bus_spec *spec = &group->bus->spec;
    for (unsigned i = 0; i < spec->contexts_count && spec->driver->embedded; i++) {
        struct db_row row;
        struct db_args args = DB_ARGS(DB_TEXT(str_of(group->spec->name)),
                                      DB_TEXT(str_of(db_context(spec->contexts[i].db))));
        TRY(db_one(db_now(group->member->db), &SQL_BUS_MARKS_FLOOR, args, &row));
        int64_t floor = db_null(&row, 0) ? -1 : db_i64(&row, 0);
        if (floor <= group->cursors[i])
            continue;
        struct bus_reach cursor = { .lane = { group->spec->name, 0 }, .offset = floor };
        TRY(db_tx(spec->contexts[i].db, cursor_tx, &cursor));
        group->cursors[i] = floor;
    }
    return OK;
}

static enum err marks_keep(struct group *group)
{
    if (marks_due(group)) {
        TRY(lanes_save(group));
        reached_tell(group);
    }
    if (due(&group->cursor_at, cursor_every))
        TRY(cursors_write(group));
    return OK;
}

/* How long nothing is to be done but to read. */
static span wait_max(const struct group *group)
{
    span wait = MAX_OF(group->look_at - clock_mono(), (span)0);
    for (unsigned i = 0; i < group->lanes_count && !group->paused; i++) {
        const struct lane *lane = group->lanes[i];
        if (lane->due_at != INSTANT_NEVER)
            wait = MIN_OF(wait, MAX_OF(lane->due_at - clock_now(), (span)0));
    }
    return wait;
}

static enum err batch_read(struct group *group)
{
    const struct bus_driver *driver = group->bus->spec.driver;
    unsigned records = group->spec->batch_max * MAX_OF(group->lanes_count, 1u);
    bool none = group->paused || group->held;
    struct bus_batch batch = { 0 };
    struct bus_read read = { .arena = task_arena(),
                             .records_max = none ? 0 : MIN_OF(records, (unsigned)RECORDS_MAX),
                             .wait = group->held ? group_backoff(group) : wait_max(group) };
    TRY(driver->read(group->reader, &read, &batch));
    if (!none)
        batch_divide(group, &batch);
    return OK;
}

static enum err round_run(struct group *group)
{
    TRY(look(group));
    TRY(batch_read(group));
    if (!group->paused) {
        enum err err = lanes_run(group);
        group->held = lanes_with_work(group) > 0;
        TRY(err);
        TRY(retry_due(group));
    }
    TRY(marks_keep(group));
    meter_lag(group, group->bus->spec.driver->behind(group->reader));
    return OK;
}

/* --- Life ----------------------------------------------------------------------------------- */

static enum err group_add_tx(struct db_tx *tx, void *arg)
{
    const struct group *group = arg;
    return db_exec(tx, &SQL_BUS_GROUP_ADD,
                   DB_ARGS(DB_TEXT(str_of(group->spec->name)), DB_TIME(clock_now())), NULL);
}

static enum err cursors_add(struct group *group)
{
    const struct bus_spec *spec = &group->bus->spec;
    struct bus_reach cursor = { .lane = { group->spec->name, 0 }, .offset = 0 };
    for (unsigned i = 0; i < spec->contexts_count && spec->driver->embedded; i++)
        for (unsigned k = 0; k < group->reader_spec.feeds_count; k++)
            if (strcmp(group->feeds[k], db_context(spec->contexts[i].db)) == 0)
                TRY(db_tx(spec->contexts[i].db, cursor_tx, &cursor));
    return OK;
}

static enum err join(struct group *group)
{
    struct bus *bus = group->bus;
    TRY(db_tx(group->member->db, group_add_tx, group));
    TRY(cursors_add(group)); /* nothing that a new group will need goes from now on */
    group->reader_spec.on_lanes = on_lanes;
    group->reader_spec.on_lanes_gone = on_lanes_gone;
    group->reader_spec.arg = group;
    return bus->spec.driver->join(bus->log, &group->reader_spec, &group->reader);
}

/* A failure that was nobody's: the database or the log is away. The batch stays. */
static void rest(struct group *group)
{
    group->bus->stats.rounds_failed++;
    if (!group->bus->stopping)
        (void)await_sleep(group_backoff(group));
}

/* What a batch holds is in the arena until all of it is done. */
static void hold(struct group *group)
{
    while (group->held && !group->bus->stopping && !task_cancelled()) {
        struct arena_mark mark = arena_mark(task_arena());
        if (round_run(group) != OK)
            rest(group);
        arena_rewind(task_arena(), mark);
    }
    group->held = false;
}

enum err group_main(void *arg)
{
    struct group *group = arg;
    while (!group->bus->stopping && !task_cancelled()) {
        struct arena_mark mark = arena_mark(task_arena());
        if ((group->reader ? OK : join(group)) != OK) {
            rest(group);
            arena_rewind(task_arena(), mark);
            continue;
        }
        if (round_run(group) != OK)
            rest(group);
        hold(group);
        batch_begin(group, &(struct bus_batch){ 0 });
        arena_rewind(task_arena(), mark);
    }
    if (group->reader) {
        struct bus_reader *reader = group->reader;
        (void)lanes_save(group);
        (void)cursors_write(group);
        group->reader = NULL; /* nobody wakes it any more */
        group->bus->spec.driver->leave(reader);
    }
    while (group->lanes_count)
        lane_remove(group, group->lanes[0]->id);
    return OK;
}
