/*
 * check: what the server finds wrong in a schema: keys and constraints that do not hold, compared
 * table by table and not by way of indexes; indexes and constraints that are not valid; with the
 * extension amcheck also indexes against tables, and the tables' own pages; and when rows say they
 * were written.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
    struct migration m;
    const struct db_check *check;
};

static void damage(const struct checking *checking, const char *what)
{
    char line[300];
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(what, "\n"), what);
    checking->check->on_damage(checking->check->arg, line);
}

static void note(const struct checking *checking, const char *what)
{
    if (checking->check->on_note)
        checking->check->on_note(checking->check->arg, what);
}

/* The first column of each row is something that is wrong. */
static enum err each_damage(const struct checking *checking, const char *sql)
{
    const char *values[] = { checking->m.db->base.context };
    PGresult *result;
    TRY(pg_migration_ask(&checking->m, sql, values, 1, &result));
    for (int i = 0; i < PQntuples(result); i++)
        damage(checking, PQgetvalue(result, i, 0));
    PQclear(result);
    return OK;
}

/* --- Constraints ------------------------------------------------------------------------------ */

static const char invalid_sql[] =
    "SELECT format('the constraint %s of %s was never validated', conname, conrelid::regclass) "
    "FROM pg_constraint WHERE connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) "
    "AND NOT convalidated UNION ALL "
    "SELECT format('the index %s of %s is not valid: REINDEX INDEX it', indexrelid::regclass, "
    "indrelid::regclass) FROM pg_index JOIN pg_class c ON c.oid = indrelid "
    "WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) "
    "AND NOT (indisvalid AND indisready)";

/* What to say, and a query that counts the rows it is true of. */
static const char broken_sql[] =
    "SELECT format('rows of %s refer to no row of %s', k.conrelid::regclass, "
    "k.confrelid::regclass), format('SELECT count(*) FROM %s c WHERE %s AND NOT EXISTS (SELECT "
    "FROM %s p WHERE %s)', k.conrelid::regclass, "
    "string_agg(format('c.%I IS NOT NULL', a.attname), ' AND '), k.confrelid::regclass, "
    "string_agg(format('p.%I = c.%I', f.attname, a.attname), ' AND ')) "
    "FROM pg_constraint k CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS u (con, conf) "
    "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.con "
    "JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.conf "
    "WHERE k.contype = 'f' AND k.connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) "
    "GROUP BY k.oid, k.conrelid, k.confrelid UNION ALL "
    "SELECT format('rows of %s break the rule %s', conrelid::regclass, conname), "
    "format('SELECT count(*) FROM %s WHERE NOT (%s)', conrelid::regclass, "
    "pg_get_expr(conbin, conrelid)) FROM pg_constraint "
    "WHERE contype = 'c' AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)";

static enum err broken_find(const struct checking *checking)
{
    const char *values[] = { checking->m.db->base.context };
    PGresult *rules;
    char text[300];
    enum err err = OK;
    TRY(pg_migration_ask(&checking->m, broken_sql, values, 1, &rules));
    for (int i = 0; err == OK && i < PQntuples(rules); i++) {
        int64_t count = 0;
        err = pg_migration_number(&checking->m, PQgetvalue(rules, i, 1), NULL, 0, &count);
        snprintf(text, sizeof(text), "%lld %.250s", (long long)count, PQgetvalue(rules, i, 0));
        if (err == OK && count)
            damage(checking, text);
    }
    PQclear(rules);
    return err;
}

/* --- amcheck ---------------------------------------------------------------------------------- */

/* PostgreSQL's manual, F.1 amcheck. The second column looks at what the first names. */
static const char looks_sql[] =
    "SELECT c.oid::regclass::text, CASE c.relkind WHEN 'i' THEN "
    "format('SELECT NULL FROM %1$I.bt_index_check(%2$s::regclass, true) WHERE false', e.nspname, "
    "c.oid) ELSE format('SELECT format(''block %%s: %%s'', blkno, msg) FROM "
    "%1$I.verify_heapam(%2$s::regclass)', e.nspname, c.oid) END "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am a ON a.oid = "
    "c.relam CROSS JOIN (SELECT nspname FROM pg_extension JOIN pg_namespace s ON s.oid = "
    "extnamespace WHERE extname = 'amcheck') e WHERE n.nspname = $1 AND c.relpersistence = 'p' "
    "AND (c.relkind = 'i' AND a.amname = 'btree' OR c.relkind = 'r' AND "
    "current_setting('server_version_num')::int >= 140000) ORDER BY c.relkind DESC, 1";

/* False: this role may not look. What is damaged may also show as an error. */
static bool look(const struct checking *checking, const char *name, const char *sql)
{
    PGresult *result = PQexec(checking->m.handle, sql);
    char text[300];
    bool allowed = true;
    for (int i = 0; i < PQntuples(result); i++) {
        snprintf(text, sizeof(text), "%.100s: %.180s", name, PQgetvalue(result, i, 0));
        damage(checking, text);
    }
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        allowed = !pg_error_is(result, "42501");
        snprintf(text, sizeof(text), "%.100s: %.180s", name,
                 said ? said : "the connection was lost");
        if (allowed)
            damage(checking, text);
    }
    PQclear(result);
    return allowed;
}

static enum err pages_look(const struct checking *checking)
{
    const char *values[] = { checking->m.db->base.context };
    PGresult *looks;
    TRY(pg_migration_ask(&checking->m, looks_sql, values, 1, &looks));
    int count = PQntuples(looks);
    bool allowed = true;
    for (int i = 0; allowed && i < count; i++)
        allowed = look(checking, PQgetvalue(looks, i, 0), PQgetvalue(looks, i, 1));
    if (count == 0)
        note(checking, "pages and indexes were not looked at: CREATE EXTENSION amcheck in the "
                       "database, as its superuser");
    else if (!allowed)
        note(checking, "pages and indexes were not looked at: this role may not call amcheck "
                       "(GRANT EXECUTE, or run pg_amcheck)");
    PQclear(looks);
    return PQstatus(checking->m.handle) == CONNECTION_BAD ? pg_error_lost(checking->m.db, "check")
                                                          : OK;
}

/* --- All of it -------------------------------------------------------------------------------- */

static enum err indexes_make(const struct checking *checking)
{
    char sql[80];
    snprintf(sql, sizeof(sql), "REINDEX SCHEMA \"%s\"", checking->m.db->base.context);
    return pg_migration_exec(&checking->m, sql, "REINDEX");
}

static enum err check_all(const struct migration *m, void *arg)
{
    const struct checking all = { *m, arg }, *checking = &all;
    int64_t history = 0;
    TRY(pg_migration_exec(m, "SET statement_timeout = 0; SET lock_timeout = '60s'", "check"));
    TRY(pg_migration_check(m, &history));
    if (!history)
        return err_set(ERR_NOT_FOUND, "no-database", "there is no schema %s in %s yet",
                       m->db->base.context, m->db->shown);
    if (checking->check->full)
        TRY(pg_nobody_else(m));
    if (checking->check->reindex)
        TRY(indexes_make(checking));
    TRY(each_damage(checking, invalid_sql));
    if (!checking->check->full)
        return OK;
    TRY(pages_look(checking));
    TRY(pg_migration_exec(m,
                          "SET enable_indexscan = off; SET enable_indexonlyscan = off; "
                          "SET enable_bitmapscan = off",
                          "check"));
    return broken_find(checking);
}

/* On a connection for the one deed, to a database that may be open elsewhere. */
static enum err with_server(const struct db *base, const char *place,
                            enum err (*deed)(const struct migration *, void *), void *arg)
{
    struct migration m = { .db = pg_place_closed(base, place) };
    if (!m.db)
        return err_slot()->code;
    enum err err = pg_place_connect(m.db, USE_PLAIN, &m.handle);
    if (err == OK) {
        err = deed(&m, arg);
        PQfinish(m.handle);
    }
    pg_place_closed_free(m.db);
    return err;
}

enum err pg_check(const struct db *base, const char *place, const struct db_check *check)
{
    struct db_check copy = *check;
    return with_server(base, place, check_all, &copy);
}

/* --- The newest row --------------------------------------------------------------------------- */

static const char newest_sql[] =
    "SELECT coalesce(string_agg(format('SELECT max(%I) AS at FROM %s', a.attname, "
    "c.oid::regclass), ' UNION ALL '), 'SELECT NULL::bigint AS at') FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE n.nspname = $1 AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
    "AND a.atttypid = 'bigint'::regtype AND a.attname IN (" DB_PAST_COLUMNS ")";

static enum err rows_newest(const struct migration *m, void *arg)
{
    const char *values[] = { m->db->base.context };
    PGresult *selects, *at;
    struct buf sql;
    TRY(pg_migration_exec(m, "SET statement_timeout = '30s'; SET lock_timeout = '5s'", "check"));
    TRY(pg_migration_ask(m, newest_sql, values, 1, &selects));
    buf_init(&sql, NULL, KIB(64));
    buf_printf(&sql, "SELECT max(at) FROM (%s) t", PQgetvalue(selects, 0, 0));
    buf_put_char(&sql, 0);
    PQclear(selects);
    enum err err = pg_migration_ask(m, buf_str(&sql).ptr, NULL, 0, &at);
    buf_deinit(&sql);
    TRY(err);
    if (!str_parse_i64(str_of(PQgetvalue(at, 0, 0)), arg))
        *(instant *)arg = INSTANT_NEVER;
    PQclear(at);
    return OK;
}

enum err pg_newest(const struct db *base, const char *place, instant *out_at)
{
    return with_server(base, place, rows_newest, out_at);
}
