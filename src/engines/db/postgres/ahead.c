/*
 * ahead: a snapshot whose statements are known beforehand. They go out together in a batch of
 * shared reads, which is one transaction, REPEATABLE READ, up to its synchronisation: so what comes
 * is of one moment, and costs a share of a round trip. The function finds the answers there. Where
 * it asks for more, or the batch met any trouble, it runs in a snapshot of its own (tx.c).
 */
#include "internal.h"

struct ahead {
    struct ask *asks;
    unsigned count;
    bool missed;
};

static bool same_value(const struct db_value *a, const struct db_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case DB_KIND_NULL:
        return true;
    case DB_KIND_I64:
        return a->i64 == b->i64;
    case DB_KIND_F64:
        return a->f64 >= b->f64 && a->f64 <= b->f64;
    case DB_KIND_TEXT:
    case DB_KIND_BLOB:
        return str_eq(a->bytes, b->bytes);
    }
    return false;
}

bool pg_same_call(const struct db_call *a, const struct db_call *b)
{
    if (a->query != b->query || a->args.count != b->args.count)
        return false;
    for (unsigned i = 0; i < a->args.count; i++) {
        if (!same_value(&a->args.values[i], &b->args.values[i]))
            return false;
    }
    return true;
}

enum err pg_ahead_call(struct ahead *ahead, struct db_call *call)
{
    for (unsigned i = 0; i < ahead->count; i++) {
        if (!pg_same_call(ahead->asks[i].call, call))
            continue;
        call->failed = false;
        return pg_call_answer(ahead->asks[i].result, call);
    }
    ahead->missed = true;
    call->failed = true;
    return err_set(ERR_INTERNAL, NULL, "%s was not asked ahead", call->query->name);
}

/* Once more when types of parameters had to be learned, or a neighbour in the batch failed. */
static enum err ask_all(struct pg_db *db, struct ahead *ahead, bool *out_clean)
{
    *out_clean = false;
    for (unsigned run = 0; run < 2 && !*out_clean; run++) {
        for (unsigned i = 0; i < ahead->count; i++) {
            struct db_call *call = ahead->asks[i].call;
            PQclear(ahead->asks[i].result);
            ahead->asks[i] = (struct ask){ .call = call };
        }
        TRY(pg_shared_calls(db, ahead->asks, ahead->count, out_clean));
    }
    return OK;
}

enum err pg_read_ahead(struct db *base, const struct db_ahead *wanted, unsigned count,
                       struct db_reader reader)
{
    struct ask asks[DB_AHEAD_MAX] = { 0 };
    struct db_call calls[DB_AHEAD_MAX];
    struct ahead ahead = { .asks = asks, .count = count };
    struct pg_tx tx = {
        .base = { .db = base, .mode = DB_MODE_SNAPSHOT, .arena = db_arena(db_now(base)) },
        .ahead = &ahead
    };
    bool clean;
    for (unsigned i = 0; i < count; i++) {
        calls[i] = (struct db_call){ .query = wanted[i].query, .args = wanted[i].args };
        asks[i].call = &calls[i];
    }
    enum err err = ask_all(pg_of(base), &ahead, &clean);
    if (err == OK && clean)
        err = db_guarded(tx.base.arena, reader.fn, &tx.base, reader.arg);
    for (unsigned i = 0; i < count; i++)
        PQclear(asks[i].result);
    if (err == ERR_TIMEOUT || err == ERR_CANCELLED || (clean && !ahead.missed))
        return err;
    err_clear();
    return pg_read(base, false, reader.fn, reader.arg);
}
