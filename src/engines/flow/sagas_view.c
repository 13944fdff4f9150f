/* sagas_view: sagas as people look at them. */
#include "sagas_impl.h"

#include "flow_sql.h"
#include "foundation/shape/shape.h"

SHAPE_ENUM(saga_states, [SAGA_RUNNING] = STR_INIT("running"),
           [SAGA_COMPENSATING] = STR_INIT("compensating"), [SAGA_HELD] = STR_INIT("held"),
           [SAGA_DONE] = STR_INIT("done"), [SAGA_UNDONE] = STR_INIT("undone"));

str saga_state_text(enum saga_state state)
{
    ASSERT(state < SAGA_STATES);
    return shape_enum_text(&saga_states, state);
}

bool saga_state_parse(str text, enum saga_state *out_state)
{
    unsigned state;
    if (!shape_enum_find(&saga_states, text, &state))
        return false;
    *out_state = (enum saga_state)state;
    return true;
}

void saga_of_row(const struct db_row *row, struct saga_row *out)
{
    *out = (struct saga_row){ .shown = { .id = db_i64(row, 0),
                                         .kind = db_text(row, 1),
                                         .subject = db_text(row, 2),
                                         .input = db_text(row, 3),
                                         .undoing = db_bool(row, 5),
                                         .job_id = db_i64(row, 9),
                                         .error_slug = db_text(row, 10),
                                         .error_text = db_text(row, 11),
                                         .created_at = db_at(row, 12),
                                         .updated_at = db_at(row, 13),
                                         .finished_at = db_at(row, 14),
                                         .step = db_text(row, 15) },
                              .holds = db_bool(row, 6),
                              .position = db_i64(row, 7),
                              .round = db_i64(row, 8),
                              .deadline_at = db_at(row, 16) };
    bool known = saga_state_parse(db_text(row, 4), &out->shown.state);
    ASSERT(known); /* the table's CHECK */
}

enum err saga_get(struct db_tx *tx, int64_t id, struct saga *out_saga)
{
    struct db_row row;
    struct saga_row saga;
    TRY(db_find(tx, &SQL_SAGA_GET, DB_ARGS(DB_I64(id)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "saga-not-found", "there is no saga %lld", (long long)id);
    saga_of_row(&row, &saga);
    *out_saga = saga.shown;
    return OK;
}

enum err saga_steps_list(struct db_tx *tx, int64_t id, struct saga_step_view **out_items,
                         unsigned *out_count)
{
    struct db_rows rows;
    struct db_args args = DB_ARGS(DB_I64(id), DB_I64(SAGA_STEPS_MAX));
    TRY(db_all(tx, &SQL_SAGA_STEPS_LIST, args, SAGA_STEPS_MAX, &rows));
    *out_items = ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct saga_step_view);
    for (unsigned i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[i];
        (*out_items)[i] = (struct saga_step_view){ .name = db_text(row, 0),
                                                   .state = db_text(row, 1),
                                                   .result = db_text(row, 2),
                                                   .deadline_at = db_at(row, 3) };
    }
    *out_count = rows.count;
    return OK;
}

enum err saga_timeline(struct db_tx *tx, int64_t id, struct saga_event **out_items,
                       unsigned *out_count)
{
    struct db_rows rows;
    struct db_args args = DB_ARGS(DB_I64(id), DB_I64(SAGA_TIMELINE_MAX));
    TRY(db_all(tx, &SQL_SAGA_TIMELINE, args, SAGA_TIMELINE_MAX, &rows));
    *out_items = ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct saga_event);
    for (unsigned i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[rows.count - 1 - i];
        (*out_items)[i] = (struct saga_event){ .at = db_at(row, 0),
                                               .what = db_text(row, 1),
                                               .step = db_text(row, 2),
                                               .attempt = db_i64(row, 3),
                                               .slug = db_text(row, 4),
                                               .text = db_text(row, 5) };
    }
    *out_count = rows.count;
    return OK;
}

enum err sagas_list(struct db_tx *tx, const struct sagas_filter *filter,
                    struct sagas_page *out_page)
{
    struct db_rows rows;
    struct db_value before = DB_I64(filter->before ? filter->before : INT64_MAX);
    struct db_value limit = DB_I64(filter->limit + 1);
    if (filter->limit < 1 || filter->limit > SAGAS_PAGE_MAX)
        return err_set(ERR_INVALID, "limit", "a page of sagas has 1 to %d", SAGAS_PAGE_MAX);
    if (filter->state < 0)
        TRY(db_all(tx, &SQL_SAGAS_LIST, DB_ARGS(before, limit), filter->limit, &rows));
    else
        TRY(db_all(tx, &SQL_SAGAS_LIST_STATE,
                   DB_ARGS(before, limit, DB_TEXT(saga_state_text((enum saga_state)filter->state))),
                   filter->limit, &rows));
    struct saga *items = ARENA_ARRAY(db_arena(tx), MAX_OF(rows.count, 1u), struct saga);
    for (unsigned i = 0; i < rows.count; i++) {
        struct saga_row saga;
        saga_of_row(&rows.items[i], &saga);
        items[i] = saga.shown;
    }
    *out_page = (struct sagas_page){ items, rows.count, rows.more ? items[rows.count - 1].id : 0 };
    return OK;
}
