/* plan: whether a query walks a whole table, as EXPLAIN QUERY PLAN tells it. For the conformance
 * test. */
#include "internal.h"

#include "foundation/mem/buf.h"

#include <string.h>

enum { PLAN_TEXT_MAX = 2048 };

/* What a line of the plan builds ("MATERIALIZE x", "CO-ROUTINE x") is judged by its own lines. */
static bool is_built_here(const char *built, const char *name)
{
    char word[128];
    snprintf(word, sizeof(word), "|%s|", name);
    return strstr(built, word) != NULL;
}

static bool line_scans(const struct db_query *query, const char *line, const char *built)
{
    char name[100];
    if (strncmp(line, "SCAN ", 5) != 0 || strstr(line, "CONSTANT ROW") ||
        strstr(line, "VIRTUAL TABLE"))
        return false;
    size_t len = MIN_OF(strcspn(line + 5, " "), sizeof(name) - 1);
    memcpy(name, line + 5, len);
    name[len] = 0;
    if (name[0] == '(' || is_built_here(built, name))
        return false;
    /* A page may walk an index in order, when it stops at a limit. */
    bool ordered = strstr(line, "USING ") && query->kind == DB_PAGE;
    return !(ordered && strstr(query->sql[DB_SQLITE], "LIMIT"));
}

static enum err plan_read(sqlite3_stmt *stmt, const struct db_query *query, bool *out_scans)
{
    char memory[PLAN_TEXT_MAX];
    struct buf built;
    buf_init_fixed(&built, memory, sizeof(memory) - 1);
    bool scans = false;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(stmt, 3);
        const char *name = line ? strchr(line, ' ') : NULL;
        if (!name)
            continue;
        if (strncmp(line, "MATERIALIZE ", 12) == 0 || strncmp(line, "CO-ROUTINE ", 11) == 0)
            buf_printf(&built, "|%s|", name + 1);
        memory[built.len] = 0;
        scans = scans || line_scans(query, line, memory);
    }
    *out_scans = scans;
    return OK;
}

static enum err explain(struct conn *conn, const struct db_query *query, bool *out_scans,
                        bool *out_writes)
{
    sqlite3_stmt *stmt;
    const char *sql = query->sql[DB_SQLITE];
    char *text;
    if (!sql)
        return err_set(ERR_INTERNAL, "query-missing", "%s has no text for SQLite", query->name);
    int code = sqlite3_prepare_v2(conn->handle, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK)
        return sqlite_fail(conn->db, conn->handle, code, query->name);
    *out_writes = !sqlite3_stmt_readonly(stmt);
    int params = sqlite3_bind_parameter_count(stmt);
    sqlite3_finalize(stmt);
    if ((unsigned)params != query->params_count)
        return err_set(ERR_INTERNAL, "query-params", "%s has %d parameters, not %u", query->name,
                       params, query->params_count);
    text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    code = sqlite3_prepare_v2(conn->handle, text, -1, &stmt, NULL);
    sqlite3_free(text);
    if (code != SQLITE_OK)
        return sqlite_fail(conn->db, conn->handle, code, query->name);
    enum err err = plan_read(stmt, query, out_scans);
    sqlite3_finalize(stmt);
    return err;
}

enum err sqlite_explain(struct db *base, const struct db_query *query, bool *out_scans,
                        bool *out_writes)
{
    struct conn *conn;
    TRY(conn_open(sqlite_of(base), false, &conn));
    enum err err = explain(conn, query, out_scans, out_writes);
    conn_close(conn);
    return err;
}
