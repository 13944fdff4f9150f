/* dead: groups and dead letters, as administrators see and treat them. */
#include "internal.h"

#include "bus_sql.h"

#include "foundation/json/json.h"

/* --- Groups --------------------------------------------------------------------------------- */

static enum err group_missing(str group)
{
    return err_set(ERR_NOT_FOUND, "no-group", "there is no group %.*s", STR_ARG(group));
}

static enum err paused_set(struct db_tx *tx, str group, bool paused, str why)
{
    int64_t changed;
    TRY(db_exec(tx, &SQL_BUS_GROUP_SET_PAUSED,
                DB_ARGS(DB_TEXT(group), DB_BOOL(paused), DB_TEXT(why)), &changed));
    return changed ? OK : group_missing(group);
}

enum err bus_group_pause(struct db_tx *tx, str group, str why)
{
    return paused_set(tx, group, true, why.ptr ? why : STR(""));
}

enum err bus_group_resume(struct db_tx *tx, str group)
{
    return paused_set(tx, group, false, STR(""));
}

static enum err state_of_row(struct db_tx *tx, const struct db_row *row,
                             struct bus_group_state *out_state)
{
    struct db_row retrying, dead;
    struct db_args name = DB_ARGS(DB_TEXT(db_text(row, 0)));
    TRY(db_one(tx, &SQL_BUS_WAITING_COUNT, name, &retrying));
    TRY(db_one(tx, &SQL_BUS_DEAD_COUNT, name, &dead));
    *out_state = (struct bus_group_state){ .name = db_text(row, 0),
                                           .paused = db_bool(row, 1),
                                           .paused_why = db_text(row, 2),
                                           .retrying = db_i64(&retrying, 0),
                                           .dead = db_i64(&dead, 0) };
    return OK;
}

enum err bus_group_get(struct db_tx *tx, str group, struct bus_group_state *out_state)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_BUS_GROUP_FIND, DB_ARGS(DB_TEXT(group)), &row));
    if (!row.values)
        return group_missing(group);
    return state_of_row(tx, &row, out_state);
}

enum err bus_group_list(struct db_tx *tx, struct bus_groups *out_groups)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_BUS_GROUPS_LIST, DB_ARGS(DB_TEXT(STR("")), DB_I64(BUS_LIST_MAX)),
               BUS_LIST_MAX, &rows));
    struct bus_group_state *items =
        ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct bus_group_state);
    for (unsigned i = 0; i < rows.count; i++)
        TRY(state_of_row(tx, &rows.items[i], &items[i]));
    *out_groups = (struct bus_groups){ items, rows.count };
    return OK;
}

/* --- Dead letters --------------------------------------------------------------------------- */

static enum err dead_missing(int64_t id)
{
    return err_set(ERR_NOT_FOUND, "no-dead-letter", "there is no dead letter %lld", (long long)id);
}

static struct bus_dead dead_of_row(const struct db_row *row)
{
    return (struct bus_dead){ .id = db_i64(row, 0),
                              .group = db_text(row, 1),
                              .died_at = db_at(row, 4),
                              .attempts = (unsigned)db_i64(row, 5),
                              .slug = db_text(row, 6),
                              .text = db_text(row, 7),
                              .event = { .id = db_text(row, 8),
                                         .source = db_text(row, 9),
                                         .type = db_text(row, 10),
                                         .version = (unsigned)db_i64(row, 11),
                                         .aggregate = db_text(row, 12),
                                         .aggregate_version = db_i64(row, 13),
                                         .position = db_i64(row, 14),
                                         .at = db_at(row, 15),
                                         .data = db_text(row, 16) } };
}

static enum err dead_rows(struct db_tx *tx, const struct bus_dead_filter *filter,
                          struct db_rows *out_rows)
{
    struct db_value before = DB_I64(filter->before ? filter->before : INT64_MAX);
    struct db_value limit = DB_I64(filter->limit + 1);
    if (filter->group.len == 0)
        return db_all(tx, &SQL_BUS_DEAD_PAGE, DB_ARGS(before, limit), filter->limit, out_rows);
    return db_all(tx, &SQL_BUS_DEAD_PAGE_OF_GROUP, DB_ARGS(before, limit, DB_TEXT(filter->group)),
                  filter->limit, out_rows);
}

enum err bus_dead_list(struct db_tx *tx, const struct bus_dead_filter *filter,
                       struct bus_dead_page *out_page)
{
    struct db_rows rows;
    if (filter->limit < 1 || filter->limit > BUS_LIST_MAX)
        return err_set(ERR_INVALID, "limit", "a page has 1 to %d dead letters", BUS_LIST_MAX);
    TRY(dead_rows(tx, filter, &rows));
    struct bus_dead *items = ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct bus_dead);
    for (unsigned i = 0; i < rows.count; i++)
        items[i] = dead_of_row(&rows.items[i]);
    *out_page = (struct bus_dead_page){ .items = items,
                                        .count = rows.count,
                                        .next = rows.more ? items[rows.count - 1].id : 0 };
    return OK;
}

static enum err dead_row(struct db_tx *tx, int64_t id, struct db_row *out_row)
{
    TRY(db_find(tx, &SQL_BUS_DEAD_FIND, DB_ARGS(DB_I64(id)), out_row));
    return out_row->values ? OK : dead_missing(id);
}

enum err bus_dead_get(struct db_tx *tx, int64_t id, struct bus_dead *out_dead)
{
    struct db_row row;
    TRY(dead_row(tx, id, &row));
    *out_dead = dead_of_row(&row);
    return OK;
}

static enum err data_check(struct arena *arena, str data)
{
    struct json json;
    TRY(json_init(&json, arena, data, NULL));
    TRY(json_skip(&json, NULL));
    return json_finish(&json);
}

enum err bus_dead_edit(struct db_tx *tx, int64_t id, str data)
{
    int64_t changed;
    if (data.len > BUS_DATA_MAX)
        return err_set(ERR_TOO_LARGE, "event-data", "an event's data has at most %d bytes",
                       BUS_DATA_MAX);
    TRY(data_check(db_arena(tx), data));
    TRY(db_exec(tx, &SQL_BUS_DEAD_SET_DATA, DB_ARGS(DB_I64(id), DB_TEXT(data)), &changed));
    return changed ? OK : dead_missing(id);
}

enum err bus_dead_drop(struct db_tx *tx, int64_t id)
{
    int64_t changed;
    TRY(db_exec(tx, &SQL_BUS_DEAD_REMOVE, DB_ARGS(DB_I64(id)), &changed));
    return changed ? OK : dead_missing(id);
}

/* The embedded log may have been divided into other lanes since. */
static enum err lane_now(struct db_tx *tx, const struct db_row *dead, int64_t *out_lane)
{
    struct db_row row;
    TRY(db_one(tx, &SQL_BUS_LEASES_COUNT,
               DB_ARGS(DB_TEXT(db_text(dead, 1)), DB_TEXT(db_text(dead, 2))), &row));
    unsigned lanes = (unsigned)db_i64(&row, 0);
    *out_lane = lanes ? lane_of(db_text(dead, 12), lanes) : db_i64(dead, 3);
    return OK;
}

/* It is the first of its aggregate that is tried; what waits already, waits for it. */
enum err bus_dead_replay(struct db_tx *tx, int64_t id)
{
    struct db_row row;
    int64_t number;
    TRY(dead_row(tx, id, &row));
    TRY(lane_now(tx, &row, &number));
    struct db_value group = DB_TEXT(db_text(&row, 1)), feed = DB_TEXT(db_text(&row, 2));
    struct db_value lane = DB_I64(number), aggregate = DB_TEXT(db_text(&row, 12));
    TRY(db_exec(tx, &SQL_BUS_WAITING_BEHIND, DB_ARGS(group, feed, lane, aggregate), NULL));
    TRY(db_exec(tx, &SQL_BUS_WAITING_ADD,
                DB_ARGS(group, feed, lane, DB_TIME(clock_now()), DB_I64(0), DB_TEXT(STR("")),
                        DB_TEXT(STR("")), DB_TEXT(db_text(&row, 8)), DB_TEXT(db_text(&row, 9)),
                        DB_TEXT(db_text(&row, 10)), DB_I64(db_i64(&row, 11)), aggregate,
                        DB_I64(db_i64(&row, 13)), DB_I64(db_i64(&row, 14)),
                        DB_I64(db_i64(&row, 15)), DB_TEXT(db_text(&row, 16))),
                NULL));
    return bus_dead_drop(tx, id);
}
