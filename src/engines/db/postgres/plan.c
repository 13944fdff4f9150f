/*
 * plan: whether a query walks a whole table, as EXPLAIN tells it of a generic plan with sequential
 * scans disabled: what is scanned all the same has no index. For the conformance test.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>

struct plan {
    bool scans, writes, sorts;
    bool unconditional; /* an index is walked from its beginning */
    bool index_open;    /* the node being read is an index scan without a condition so far */
};

static void node_end(struct plan *plan)
{
    plan->unconditional = plan->unconditional || plan->index_open;
    plan->index_open = false;
}

static void plan_line(struct plan *plan, str line)
{
    ptrdiff_t arrow = str_find(line, STR("->  "));
    bool node = arrow >= 0 || (line.len && line.ptr[0] != ' ');
    str text = str_trim(arrow >= 0 ? str_skip(line, (size_t)arrow + 4) : line);
    if (!node) {
        if (str_starts(text, STR("Index Cond:")) || str_starts(text, STR("Order By:")))
            plan->index_open = false;
        return;
    }
    node_end(plan);
    if (str_starts(text, STR("Parallel ")))
        text = str_skip(text, 9);
    plan->scans = plan->scans || str_starts(text, STR("Seq Scan"));
    plan->sorts = plan->sorts || str_starts(text, STR("Sort"));
    plan->writes = plan->writes || str_starts(text, STR("Insert on")) ||
                   str_starts(text, STR("Update on")) || str_starts(text, STR("Delete on"));
    plan->index_open =
        str_starts(text, STR("Index ")) || str_starts(text, STR("Bitmap Index Scan"));
}

static enum err query(PGconn *handle, const struct pg_db *db, const char *sql, const char *what,
                      PGresult **out_result)
{
    PGresult *result = PQexec(handle, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        enum err err = pg_error_set(db, result, what);
        PQclear(result);
        return err;
    }
    *out_result = result;
    return OK;
}

static enum err params_check(PGconn *handle, const struct pg_db *db, const struct db_query *asked)
{
    PGresult *result = PQdescribePrepared(handle, "p");
    int params = PQnparams(result);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!ok)
        return pg_error_lost(db, asked->name);
    if ((unsigned)params != asked->params_count)
        return err_set(ERR_INTERNAL, "query-params", "%s has %d parameters, not %u", asked->name,
                       params, asked->params_count);
    return OK;
}

static enum err explain(PGconn *handle, const struct pg_db *db, const struct db_query *asked,
                        struct plan *plan)
{
    struct buf sql;
    PGresult *result = NULL;
    buf_init(&sql, NULL, 4096);
    buf_put(&sql, STR("EXPLAIN (COSTS OFF) EXECUTE p"));
    for (unsigned i = 0; i < asked->params_count; i++)
        buf_put(&sql, i ? STR(", NULL") : STR(" (NULL"));
    buf_put(&sql, asked->params_count ? STR(")") : STR_NONE);
    buf_put_char(&sql, 0);
    enum err err = query(handle, db, sql.ptr, asked->name, &result);
    buf_deinit(&sql);
    TRY(err);
    for (int row = 0; row < PQntuples(result); row++)
        plan_line(plan, str_of(PQgetvalue(result, row, 0)));
    node_end(plan);
    PQclear(result);
    return OK;
}

static enum err prepare(PGconn *handle, const struct pg_db *db, const struct db_query *asked)
{
    PGresult *result = NULL;
    char settings[240];
    snprintf(settings, sizeof(settings),
             "BEGIN; SET LOCAL search_path TO \"%s\"; SET LOCAL enable_seqscan = off; "
             "SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_generic_plan",
             db->base.context);
    TRY(query(handle, db, settings, asked->name, &result));
    PQclear(result);
    char *sql = pg_dialect_translate(asked->sql[DB_POSTGRES]);
    result = PQprepare(handle, "p", sql, 0, NULL);
    heap_free(sql);
    enum err err = OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        err = pg_error_set(db, result, asked->name);
    PQclear(result);
    return err;
}

enum err pg_explain(struct db *base, const struct db_query *asked, bool *out_scans,
                    bool *out_writes)
{
    struct pg_db *db = pg_of(base);
    struct plan plan = { .scans = false };
    PGconn *handle;
    if (!asked->sql[DB_POSTGRES])
        return err_set(ERR_INTERNAL, "query-missing", "%s has no text for PostgreSQL", asked->name);
    TRY(pg_place_connect(db, USE_PLAIN, &handle));
    enum err err = prepare(handle, db, asked);
    if (err == OK)
        err = params_check(handle, db, asked);
    if (err == OK)
        err = explain(handle, db, asked, &plan);
    PQclear(PQexec(handle, "DEALLOCATE p; ROLLBACK")); /* PgBouncer keeps the session */
    PQfinish(handle);
    TRY(err);
    /* A page may walk an index in order, when it stops at a limit. */
    bool ordered =
        asked->kind == DB_PAGE && strstr(asked->sql[DB_POSTGRES], "LIMIT") && !plan.sorts;
    *out_scans = plan.scans || (plan.unconditional && !ordered);
    *out_writes = plan.writes;
    return OK;
}
