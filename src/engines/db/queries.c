/*
 * queries: a named query asked within a transaction. Arguments are checked here, and rows copied
 * into the caller's arena, so that every driver gives the same answers to the same mistakes.
 */
#include "meters.h"

#include <math.h>
#include <string.h>

/* Copies a driver's row into the arena: one block of values, one a text. */
static void row_keep(struct arena *arena, const struct db_row *row, struct db_row *out_row)
{
    struct db_value *values = ARENA_ARRAY(arena, MAX_OF(row->columns_count, 1u), struct db_value);
    for (unsigned i = 0; i < row->columns_count; i++) {
        values[i] = row->values[i];
        if (values[i].kind == DB_KIND_TEXT || values[i].kind == DB_KIND_BLOB)
            values[i].bytes = arena_str(arena, values[i].bytes);
    }
    *out_row = (struct db_row){ values, row->columns_count };
}

/* ERR_CANCELLED from a row function of the port ends the walk: there is enough. */
struct first_row {
    struct arena *arena;
    struct db_row row;
    bool found;
};

static enum err first_row_take(const struct db_row *row, void *arg)
{
    struct first_row *first = arg;
    row_keep(first->arena, row, &first->row);
    first->found = true;
    return ERR_CANCELLED;
}

/* Refuses for every driver what one of them would. */
static enum err arguments_check(const struct db_query *query, struct db_args args)
{
    if (args.count != query->params_count)
        PANIC("query %s takes %u arguments, not %u", query->name, query->params_count, args.count);
    for (unsigned i = 0; i < args.count; i++) {
        const struct db_value *value = &args.values[i];
        if (value->kind == DB_KIND_F64 && isnan(value->f64))
            return err_set(ERR_INVALID, "value", "%s: ?%u is not a number", query->name, i + 1);
        if (value->kind == DB_KIND_TEXT &&
            (!str_is_utf8(value->bytes) || str_find_char(value->bytes, 0) >= 0))
            return err_set(ERR_INVALID, "value", "%s: ?%u is not UTF-8 text", query->name, i + 1);
    }
    return OK;
}

static enum err call(struct db_tx *tx, struct db_call *call)
{
    bool writes = call->query->kind == DB_WRITE;
    if (writes && tx->mode != DB_MODE_WRITE)
        PANIC("query %s writes outside a transaction", call->query->name);
    if (call->query->kind == DB_SCAN && tx->mode == DB_MODE_SNAPSHOT)
        PANIC("query %s is a scan: ask it in db_read_scan()", call->query->name);
    if (tx->failed != OK)
        return tx->failed;
    TRY(arguments_check(call->query, call->args));
    return db_call_metered(tx, call);
}

enum err db_find(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 struct db_row *out_row)
{
    struct first_row first = { .arena = db_arena(tx) };
    struct db_call find = {
        .query = query,
        .args = args,
        .row = first_row_take,
        .row_arg = &first,
        .arena = first.arena,
    };
    enum err err = call(tx, &find);
    if (err != OK && !(err == ERR_CANCELLED && first.found))
        return err;
    *out_row = first.row;
    return OK;
}

enum err db_one(struct db_tx *tx, const struct db_query *query, struct db_args args,
                struct db_row *out_row)
{
    struct db_row row;
    TRY(db_find(tx, query, args, &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "no-row", "%s found nothing", query->name);
    *out_row = row;
    return OK;
}

struct all_rows {
    struct arena *arena;
    struct db_row *items;
    unsigned count, capacity, limit;
    bool more;
};

static void all_rows_grow(struct all_rows *all)
{
    unsigned capacity = MIN_OF(MAX_OF(all->capacity * 2, 16u), all->limit);
    struct db_row *items = ARENA_ARRAY(all->arena, capacity, struct db_row);
    if (all->count)
        memcpy(items, all->items, all->count * sizeof(items[0]));
    all->items = items;
    all->capacity = capacity;
}

static enum err all_rows_take(const struct db_row *row, void *arg)
{
    struct all_rows *all = arg;
    if (all->count == all->limit) {
        all->more = true;
        return ERR_CANCELLED;
    }
    if (all->count == all->capacity)
        all_rows_grow(all);
    row_keep(all->arena, row, &all->items[all->count]);
    all->count++;
    return OK;
}

enum err db_all(struct db_tx *tx, const struct db_query *query, struct db_args args, unsigned limit,
                struct db_rows *out_rows)
{
    struct all_rows all = { .arena = db_arena(tx), .limit = limit };
    struct db_call list = {
        .query = query,
        .args = args,
        .row = all_rows_take,
        .row_arg = &all,
        .arena = all.arena,
    };
    enum err err = call(tx, &list);
    if (err != OK && !(err == ERR_CANCELLED && all.more))
        return err;
    *out_rows = (struct db_rows){ all.items, all.count, all.more };
    return OK;
}

enum err db_each(struct db_tx *tx, const struct db_query *query, struct db_args args, db_row_fn fn,
                 void *arg)
{
    struct db_call each = {
        .query = query,
        .args = args,
        .row = fn,
        .row_arg = arg,
        .arena = db_arena(tx),
    };
    return call(tx, &each);
}

enum err db_exec(struct db_tx *tx, const struct db_query *query, struct db_args args,
                 int64_t *out_changed)
{
    ASSERT(query->kind == DB_WRITE);
    struct db_call exec = {
        .query = query, .args = args, .arena = db_arena(tx), .counted = out_changed != NULL
    };
    TRY(call(tx, &exec));
    if (out_changed)
        *out_changed = exec.changed;
    return OK;
}

static enum err id_take(const struct db_row *row, void *arg)
{
    struct db_value *id = arg;
    ASSERT(row->values && row->columns_count > 0);
    if (id->kind == DB_KIND_NULL)
        *id = row->values[0];
    return OK;
}

enum err db_insert(struct db_tx *tx, const struct db_query *query, struct db_args args,
                   int64_t *out_id)
{
    struct db_value id = DB_NULL;
    struct db_call insert = {
        .query = query,
        .args = args,
        .row = id_take,
        .row_arg = &id,
        .arena = db_arena(tx),
    };
    ASSERT(query->kind == DB_WRITE);
    TRY(call(tx, &insert));
    if (id.kind != DB_KIND_I64)
        return err_set(ERR_NOT_FOUND, "no-row", "%s returned no id", query->name);
    *out_id = id.i64;
    return OK;
}
