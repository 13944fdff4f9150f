/*
 * leases: which process has which lane of the embedded log. Members of a group say now and then
 * that they are there; from the list of them everybody computes the same turns, takes what is free
 * and his turn, and gives back what is another's. A lease that was believed in too long does no
 * harm: marks are written by their owner alone (lane.c).
 */
#include "internal.h"

#include "bus_sql.h"

#include <string.h>

enum { MEMBERS_MAX = 256, WAITING_A_STEP = 200 };

unsigned lane_of(str aggregate, unsigned lanes)
{
    uint64_t hash = str_hash(aggregate);
    return lanes > 1 ? (unsigned)((hash ^ hash >> 32) % lanes) : 0;
}

struct beat {
    const struct lease_ask *ask;
    struct lease_answer *answer;
    instant now, until;
};

#define GROUP_VALUE(ask) DB_TEXT(str_of((ask)->member->group->name))
#define FEED_VALUE(ask)  DB_TEXT(str_of((ask)->feed))
#define OWNER_VALUE(ask) DB_TEXT(str_of((ask)->owner))

/* --- Members -------------------------------------------------------------------------------- */

/* How many there are, and which of them we are. */
static enum err members_see(struct db_tx *tx, const struct beat *beat, unsigned *out_count,
                            unsigned *out_rank)
{
    const struct lease_ask *ask = beat->ask;
    struct db_rows rows;
    if (ask->sole)
        return *out_count = 1, *out_rank = 0, OK;
    TRY(db_exec(tx, &SQL_BUS_MEMBER_PUT,
                DB_ARGS(GROUP_VALUE(ask), OWNER_VALUE(ask), DB_I64(beat->until)), NULL));
    TRY(db_exec(tx, &SQL_BUS_MEMBERS_DROP, DB_ARGS(GROUP_VALUE(ask), DB_I64(beat->now)), NULL));
    TRY(db_all(tx, &SQL_BUS_MEMBERS_LIST, DB_ARGS(GROUP_VALUE(ask), DB_I64(MEMBERS_MAX)),
               MEMBERS_MAX, &rows));
    *out_count = MAX_OF(rows.count, 1u);
    *out_rank = 0;
    for (unsigned i = 0; i < rows.count; i++)
        if (str_eq(db_text(&rows.items[i], 0), str_of(ask->owner)))
            *out_rank = i;
    return OK;
}

/* --- Another number of lanes ---------------------------------------------------------------- */

static enum err waiting_move(struct db_tx *tx, const struct lease_ask *ask, unsigned lane)
{
    struct db_rows rows;
    int64_t after = 0;
    do {
        TRY(db_all(tx, &SQL_BUS_WAITING_LANES,
                   DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask), DB_I64(lane), DB_I64(after),
                           DB_I64(WAITING_A_STEP)),
                   WAITING_A_STEP, &rows));
        for (unsigned i = 0; i < rows.count; i++) {
            unsigned to = lane_of(db_text(&rows.items[i], 1), ask->lanes_wanted);
            after = db_i64(&rows.items[i], 0);
            TRY(db_exec(tx, &SQL_BUS_WAITING_LANE_SET, DB_ARGS(DB_I64(after), DB_I64(to)), NULL));
        }
    } while (rows.count == WAITING_A_STEP);
    return OK;
}

static enum err lanes_add(struct db_tx *tx, const struct lease_ask *ask)
{
    for (unsigned i = 0; i < ask->lanes_wanted; i++)
        TRY(db_exec(tx, &SQL_BUS_LEASE_ADD, DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask), DB_I64(i)),
                    NULL));
    return OK;
}

/*
 * An aggregate's events would go to another lane, whose mark may be behind or ahead of where they
 * have come. So all marks must be equal, as they are whenever the group has caught up.
 */
static enum err lanes_divide(struct db_tx *tx, const struct lease_ask *ask, unsigned before)
{
    struct db_row marks;
    TRY(db_one(tx, &SQL_BUS_MARKS_FLOOR, DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask)), &marks));
    bool some = !db_null(&marks, 0);
    for (unsigned i = 0; i < before; i++)
        TRY(waiting_move(tx, ask, i));
    TRY(db_exec(tx, &SQL_BUS_LEASES_REMOVE, DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask)), NULL));
    TRY(db_exec(tx, &SQL_BUS_MARKS_REMOVE, DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask)), NULL));
    for (unsigned i = 0; some && i < ask->lanes_wanted; i++)
        TRY(db_exec(tx, &SQL_BUS_MARK_ADD,
                    DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask), DB_I64(i), DB_I64(db_i64(&marks, 0)),
                            DB_I64(db_i64(&marks, 2))),
                    NULL));
    return lanes_add(tx, ask);
}

static enum err lanes_even(struct db_tx *tx, const struct lease_ask *ask,
                           const struct db_rows *rows, bool *out_even)
{
    struct db_row marks;
    TRY(db_one(tx, &SQL_BUS_MARKS_FLOOR, DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask)), &marks));
    *out_even = db_i64(&marks, 0) == db_i64(&marks, 1);
    for (unsigned i = 0; i < rows->count; i++)
        *out_even = *out_even && db_text(&rows->items[i], 1).len == 0;
    return OK;
}

/* --- Leases --------------------------------------------------------------------------------- */

static enum err leases_list(struct db_tx *tx, const struct lease_ask *ask, struct db_rows *out_rows)
{
    return db_all(tx, &SQL_BUS_LEASES_LIST,
                  DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask), DB_I64(LANES_MAX)), LANES_MAX,
                  out_rows);
}

static enum err lease_set(struct db_tx *tx, const struct beat *beat, unsigned lane, bool ours)
{
    const struct lease_ask *ask = beat->ask;
    struct db_value owner = ours ? OWNER_VALUE(ask) : DB_TEXT(STR(""));
    return db_exec(tx, &SQL_BUS_LEASE_SET,
                   DB_ARGS(GROUP_VALUE(ask), FEED_VALUE(ask), DB_I64(lane), owner,
                           DB_I64(ours ? beat->until : 0)),
                   NULL);
}

static enum err beat_tx(struct db_tx *tx, void *arg)
{
    const struct beat *beat = arg;
    const struct lease_ask *ask = beat->ask;
    struct db_rows rows;
    unsigned members, rank;
    bool even;
    *beat->answer = (struct lease_answer){ 0 };
    TRY(members_see(tx, beat, &members, &rank));
    TRY(leases_list(tx, ask, &rows));
    TRY(lanes_even(tx, ask, &rows, &even));
    if (rows.count != ask->lanes_wanted && (even || rows.count == 0)) {
        TRY(lanes_divide(tx, ask, rows.count));
        TRY(leases_list(tx, ask, &rows));
    }
    beat->answer->lanes = rows.count;
    for (unsigned i = 0; i < rows.count; i++) {
        str owner = db_text(&rows.items[i], 1);
        bool had = str_eq(owner, str_of(ask->owner));
        bool turn = (i + str_hash(str_of(ask->feed))) % members == rank;
        bool free = had || ask->sole || owner.len == 0 || db_i64(&rows.items[i], 2) < beat->now;
        beat->answer->ours[i] = turn && free;
        beat->answer->anew[i] = !had;
        if (had || beat->answer->ours[i])
            TRY(lease_set(tx, beat, i, beat->answer->ours[i]));
    }
    return OK;
}

enum err leases_beat(const struct lease_ask *ask, struct lease_answer *out_answer)
{
    instant now = clock_now();
    struct beat beat = { .ask = ask,
                         .answer = out_answer,
                         .now = now,
                         .until = ask->sole ? INSTANT_NEVER - 1 : now + ask->lease };
    ASSERT(ask->lanes_wanted >= 1 && ask->lanes_wanted <= LANES_MAX);
    return db_tx(ask->member->db, beat_tx, &beat);
}

static enum err leave_tx(struct db_tx *tx, void *arg)
{
    const struct lease_ask *ask = arg;
    struct db_args args = DB_ARGS(GROUP_VALUE(ask), OWNER_VALUE(ask));
    TRY(db_exec(tx, &SQL_BUS_LEASES_LEAVE, args, NULL));
    return db_exec(tx, &SQL_BUS_MEMBER_REMOVE, args, NULL);
}

enum err leases_leave(const struct lease_ask *ask)
{
    return db_tx(ask->member->db, leave_tx, (void *)ask);
}
