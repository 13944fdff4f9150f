/*
 * fetch: what a function in a snapshot is about to ask, asked in one round trip on the snapshot's
 * own connection. The answers are kept until it asks for them.
 */
#include "internal.h"

void pg_fetched_clear(struct pg_tx *tx)
{
    for (unsigned i = 0; i < tx->fetched.count; i++)
        PQclear(tx->fetched.asks[i].result);
    tx->fetched = (struct fetched){ .asks = NULL };
}

const PGresult *pg_fetched(struct pg_tx *tx, const struct db_call *call)
{
    struct fetched *fetched = &tx->fetched;
    for (unsigned i = 0; i < fetched->count; i++) {
        unsigned at = (fetched->next + i) % fetched->count;
        if (!pg_same_call(fetched->asks[at].call, call))
            continue;
        fetched->next = at + 1;
        return fetched->asks[at].result;
    }
    return NULL;
}

enum err pg_fetch(struct db_tx *base, const struct db_ahead *wanted, unsigned count)
{
    struct pg_tx *tx = (struct pg_tx *)base;
    if (tx->ahead) /* whatever was not asked ahead is asked in a snapshot */
        return OK;
    struct ask *asks = ARENA_ARRAY(base->arena, count, struct ask);
    struct db_call *calls = ARENA_ARRAY(base->arena, count, struct db_call);
    pg_fetched_clear(tx);
    for (unsigned i = 0; i < count; i++) {
        calls[i] = (struct db_call){ .query = wanted[i].query, .args = wanted[i].args };
        asks[i] = (struct ask){ .call = &calls[i] };
    }
    tx->fetched = (struct fetched){ .asks = asks, .count = count };
    enum err err = pg_conn_calls(tx, asks, count);
    if (err != OK)
        pg_fetched_clear(tx);
    return err;
}
