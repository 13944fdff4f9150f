/*
 * pump: what a process does for the log of a context: events that wait get their positions, readers
 * are woken when there are new ones, and what nobody needs any more is removed.
 */
#include "internal.h"

#include "bus_sql.h"

enum { SEQUENCE_MAX = 2000, PRUNE_A_TRANSACTION = 1000 };
static const span prune_every = SECONDS(60), prune_pause = MILLISECONDS(20);

/* --- Removing what is old ------------------------------------------------------------------- */

/* The last position whose event is older than `before`; those of the log are in order of time, but
 * for clocks that differ. */
static enum err position_before(struct db *db, instant before, int64_t last, int64_t *out_position)
{
    int64_t low = 0, high = last;
    while (low < high) {
        int64_t middle = low + (high - low) / 2, position;
        instant at;
        struct arena_mark mark = arena_mark(task_arena());
        TRY(db_events_first(db_now(db), middle, &position, &at));
        arena_rewind(task_arena(), mark);
        if (position && at < before)
            low = position;
        else
            high = middle;
    }
    *out_position = low;
    return OK;
}

/* What nobody needs any more: none of the groups here, or the relay. */
static enum err floor_get(const struct pump *pump, int64_t *out_position)
{
    struct db_row row;
    bool embedded = pump->bus->spec.driver->embedded;
    TRY(db_find(db_now(pump->context->db), embedded ? &SQL_BUS_CURSORS_FLOOR : &SQL_BUS_RELAY_GET,
                DB_NO_ARGS, &row));
    bool none = !row.values || db_null(&row, 0);
    *out_position = !none ? db_i64(&row, 0) : embedded ? INT64_MAX : 0;
    return OK;
}

static enum err prune_upto(const struct pump *pump, int64_t *out_position)
{
    const struct bus_retention *keep = &pump->bus->spec.retention;
    struct db *db = pump->context->db;
    int64_t last, aged, needed, expired = 0;
    TRY(db_events_last(db_now(db), &last));
    TRY(position_before(db, clock_now() - keep->age, last, &aged));
    if (keep->age_unconditional)
        TRY(position_before(db, clock_now() - keep->age_unconditional, last, &expired));
    TRY(floor_get(pump, &needed));
    int64_t over = MAX_OF(aged, last - keep->events_max);
    *out_position = MAX_OF(MIN_OF(over, needed), expired);
    return OK;
}

struct prune {
    int64_t upto, removed;
};

static enum err prune_tx(struct db_tx *tx, void *arg)
{
    struct prune *prune = arg;
    return db_events_prune(tx, prune->upto, PRUNE_A_TRANSACTION, &prune->removed);
}

static enum err prune(struct pump *pump)
{
    struct prune step;
    TRY(prune_upto(pump, &step.upto));
    do {
        TRY(db_tx(pump->context->db, prune_tx, &step));
        if (step.removed)
            TRY(await_sleep(prune_pause)); /* others want to write, too */
    } while (step.removed == PRUNE_A_TRANSACTION && !pump->bus->stopping);
    return OK;
}

/* --- Rounds --------------------------------------------------------------------------------- */

static enum err sequence(struct pump *pump)
{
    unsigned count;
    do {
        TRY(db_events_sequence(pump->context->db, SEQUENCE_MAX, &count));
        pump->bus->stats.sequenced += count;
    } while (count == SEQUENCE_MAX && !pump->bus->stopping);
    return OK;
}

static enum err round_run(struct pump *pump)
{
    TRY(sequence(pump));
    if (clock_mono() < pump->prune_at)
        return OK;
    pump->prune_at = clock_mono() + prune_every;
    return prune(pump);
}

static void sleep_for(struct pump *pump, span wait)
{
    if (!pump->poked && !pump->bus->stopping) {
        instant before = task_deadline_narrow(wait);
        (void)task_suspend();
        task_deadline_restore(before);
    }
    pump->poked = false;
}

enum err pump_main(void *arg)
{
    struct pump *pump = arg;
    bool waits = db_events_wait(pump->context->db);
    span poll = waits ? pump->bus->spec.poll : prune_every;
    while (!pump->bus->stopping && !task_cancelled()) {
        struct arena_mark mark = arena_mark(task_arena());
        enum err err = round_run(pump);
        if (err != OK)
            pump->bus->stats.rounds_failed++;
        arena_rewind(task_arena(), mark);
        sleep_for(pump, err == OK ? poll : MILLISECONDS(500));
    }
    pump->task = NULL;
    return OK;
}

void pump_poke(struct pump *pump)
{
    pump->poked = true;
    if (pump->task)
        task_wake(pump->task);
}
