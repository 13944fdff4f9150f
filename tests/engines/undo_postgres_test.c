/*
 * undo on PostgreSQL: from every migration number of every module to head and back, with rows in
 * every table. What comes back is what was there, unless a newer row has no place in the older
 * schema: then nothing happens, and the migration is named. The copy of before does the same.
 */
#include "undo_stage.h"

#include "engines/db/postgres/fixture/fixture.h"
#include "engines/db/postgres/postgres.h"
#include "foundation/mem/buf.h"
#include "foundation/test/test.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 2, TEXT_MAX = 1 << 20 };

static const char *place;

static struct db_spec spec_of(const struct db_module *const *modules)
{
    static char snapshots[200];
    snprintf(snapshots, sizeof(snapshots), "%s/snapshots", test_folder());
    return (struct db_spec){ .driver = &db_postgres,
                             .place = place,
                             .context = "content",
                             .modules = modules,
                             .modules_count = UNDO_MODULES,
                             .settings = { .snapshots_kept = 3, .snapshots = snapshots } };
}

static PGconn *session(void)
{
    PGconn *conn = PQconnectdb(place);
    PGresult *result = PQexec(conn, "SET search_path TO content; SET session_replication_role = "
                                    "replica; SET client_min_messages = warning");
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        test_fail("%s", PQerrorMessage(conn));
    PQclear(result);
    return conn;
}

static PGresult *run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        test_fail("%s: %s", sql, PQerrorMessage(conn));
    return result;
}

/* --- Rows for every table --------------------------------------------------------------------- */

/* "CHECK ((kind = ANY (ARRAY['a'::text, 'b'::text])))": the n-th of them, or false. */
static bool allowed_value(const char *checks, const char *column, unsigned n, char out[64])
{
    char mark[96];
    snprintf(mark, sizeof(mark), "((%s = ANY", column);
    const char *at = strstr(checks, mark);
    if (!at)
        return false;
    at = strchr(at, '\'');
    for (const char *next = at; next && n-- > 0 && (next = strstr(next, ", '")); at = next)
        next += 2;
    CHECK(at != NULL);
    snprintf(out, 64, "%.*s", at ? (int)strcspn(at + 1, "'") : 0, at ? at + 1 : "");
    return true;
}

/*
 * Numbers are the number of the row, so that what refers to another table finds it there. A column
 * that an old migration dropped without taking it along holds what the older schema begins with.
 */
static void value_write(struct buf *sql, const char *table, const PGresult *column, int at,
                        unsigned row)
{
    const char *name = PQgetvalue(column, at, 0), *type = PQgetvalue(column, at, 1);
    const char *checks = PQgetvalue(column, at, 2);
    char allowed[64];
    if (strcmp(name, "series_id") == 0 && strcmp(table, "titles") == 0)
        buf_put(sql, STR("NULL"));
    else if (strcmp(name, "locked") == 0)
        buf_put(sql, STR("0"));
    else if (allowed_value(checks, name, strcmp(name, "kind") == 0 ? 0 : row - 1, allowed))
        buf_printf(sql, "'%s'", allowed);
    else if (strcmp(type, "bigint") == 0 || strcmp(type, "double precision") == 0)
        buf_printf(sql, "%u", row);
    else if (strcmp(type, "bytea") == 0)
        buf_printf(sql, "'\\x%02x'", row);
    else
        buf_printf(sql, "'%s %u'", name, row);
}

static void table_fill(PGconn *conn, const char *table)
{
    char text[500];
    snprintf(text, sizeof(text),
             "SELECT attname, format_type(atttypid, NULL), coalesce((SELECT string_agg("
             "pg_get_constraintdef(oid), ' ') FROM pg_constraint WHERE contype = 'c' AND "
             "conrelid = attrelid), '') FROM pg_attribute WHERE attrelid = '%s'::regclass AND "
             "attnum > 0 AND NOT attisdropped ORDER BY attnum",
             table);
    PGresult *columns = run(conn, text);
    for (unsigned row = 1; row <= ROWS; row++) {
        struct buf sql;
        buf_init(&sql, NULL, KIB(64));
        buf_printf(&sql, "INSERT INTO %s VALUES (", table);
        for (int i = 0; i < PQntuples(columns); i++) {
            buf_put(&sql, i ? STR(", ") : STR(""));
            value_write(&sql, table, columns, i, row);
        }
        buf_put(&sql, (str){ ")", 2 }); /* with its zero */
        PQclear(run(conn, sql.ptr));
        buf_deinit(&sql);
    }
    PQclear(columns);
}

static const char tables_sql[] =
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'content'::regnamespace "
    "AND relname <> 'schema_migrations' ORDER BY relname COLLATE \"C\"";

static void on_damage(void *arg, const char *what)
{
    (void)arg;
    test_fail("the rows made for the test: %s", what);
}

static void fill(void)
{
    PGconn *conn = session();
    PGresult *tables = run(conn, tables_sql);
    CHECK(PQntuples(tables) > 20);
    for (int i = 0; i < PQntuples(tables); i++)
        table_fill(conn, PQgetvalue(tables, i, 0));
    PQclear(tables);
    PQfinish(conn);
    struct db_spec spec = spec_of(undo_cut_list);
    struct db_check check = { .full = true, .on_damage = on_damage };
    CHECK_OK(db_check(&spec, &check));
}

/* --- All of a database as text ---------------------------------------------------------------- */

static void rows_dump(PGconn *conn, const char *sql, struct buf *out)
{
    PGresult *rows = run(conn, sql);
    for (int i = 0; i < PQntuples(rows); i++) {
        for (int k = 0; k < PQnfields(rows); k++)
            buf_printf(out, "%s|", PQgetisnull(rows, i, k) ? "(null)" : PQgetvalue(rows, i, k));
        buf_put_char(out, '\n');
    }
    PQclear(rows);
}

/*
 * Columns, keys, indexes, views and rows; not the order of columns, nor the names that the server
 * gives to constraints.
 */
static char *dump(void)
{
    PGconn *conn = session();
    struct buf out;
    char sql[300];
    buf_init(&out, NULL, TEXT_MAX);
    rows_dump(conn,
              "SELECT c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), "
              "a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid) FROM pg_class c JOIN "
              "pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT "
              "JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relnamespace "
              "= 'content'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1, 3",
              &out);
    rows_dump(conn,
              "SELECT conrelid::regclass, pg_get_constraintdef(oid), convalidated FROM "
              "pg_constraint WHERE connamespace = 'content'::regnamespace "
              "ORDER BY conrelid::regclass::text, 2",
              &out);
    rows_dump(conn,
              "SELECT indexdef FROM pg_indexes WHERE schemaname = 'content' AND NOT EXISTS (SELECT "
              "FROM pg_constraint WHERE conindid = format('content.%I', indexname)::regclass) "
              "ORDER BY 1",
              &out);
    rows_dump(conn, "SELECT viewname, definition FROM pg_views WHERE schemaname = 'content'", &out);
    rows_dump(conn, "SELECT module, number, name FROM schema_migrations ORDER BY 1, 2", &out);
    PGresult *tables = run(conn, tables_sql);
    for (int i = 0; i < PQntuples(tables); i++) {
        buf_printf(&out, "-- %s\n", PQgetvalue(tables, i, 0));
        snprintf(sql, sizeof(sql), "SELECT to_jsonb(t)::text FROM %s t ORDER BY 1",
                 PQgetvalue(tables, i, 0));
        rows_dump(conn, sql, &out);
    }
    PQclear(tables);
    PQfinish(conn);
    CHECK(!out.overflowed);
    buf_put_char(&out, 0);
    return out.ptr;
}

/* --- There and back --------------------------------------------------------------------------- */

static void in_fresh_database(void)
{
    place = postgres_place_new();
}

static void run_once(const char *sql)
{
    PGconn *conn = session();
    PQclear(run(conn, sql));
    PQfinish(conn);
}

static const struct undo_driver driver = { .dialect = DB_POSTGRES,
                                           .spec_of = spec_of,
                                           .fresh = in_fresh_database,
                                           .fill = fill,
                                           .run = run_once,
                                           .dump = dump,
                                           .a_blob = "'\\x2f'" };

TEST(every_number_of_flow_on_postgres)
{
    undo_every_number(&driver, UNDO_FLOW);
}

TEST(the_whole_bus_is_undone_on_postgres)
{
    undo_whole_module(&driver, UNDO_BUS);
}

TEST(the_log_of_events_is_undone_on_postgres)
{
    undo_event_log(&driver);
}

TEST(every_number_of_catalog_on_postgres)
{
    undo_every_number(&driver, UNDO_CATALOG);
}

TEST(every_number_of_assets_on_postgres)
{
    undo_every_number(&driver, UNDO_ASSETS);
}

TEST(every_number_of_ingest_on_postgres)
{
    undo_every_number(&driver, UNDO_INGEST);
}

TEST(every_migration_has_a_way_back_on_postgres)
{
    undo_every_migration_has_a_way_back(&driver);
}

TEST(newer_data_is_refused_by_name_on_postgres)
{
    undo_newer_data_is_refused(&driver);
}

/* --- Who else is there ------------------------------------------------------------------------ */

TEST(a_database_that_is_served_is_not_taken_back)
{
    struct db_snapshot snapshot;
    struct db *db;
    undo_begin(&driver);
    place = postgres_place_new();
    undo_cut[UNDO_CATALOG].migrations_count = 3;
    undo_open_once(undo_cut_list);
    struct db_spec spec = spec_of(undo_heads);
    CHECK_OK(db_open(&spec, &db));
    CHECK_OK(db_snapshot_newest(&spec, &snapshot));
    struct arena arena;
    arena_init(&arena, MIB(1));
    db_arena_use(&arena);
    CHECK_OK(db_ping(db)); /* a connection stays open */
    CHECK_ERR(db_rollback(&spec, &snapshot.versions), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), STR("database-in-use"));
    CHECK_ERR(db_snapshot_restore(&spec, &snapshot), ERR_CONFLICT);
    db_arena_use(NULL);
    arena_deinit(&arena);
    db_close(db);
    CHECK_OK(db_rollback(&spec, &snapshot.versions));
    undo_open_once(undo_cut_list);
}

static int count_of(const char *sql)
{
    PGconn *conn = session();
    PGresult *result = run(conn, sql);
    int count = atoi(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return count;
}

TEST(snapshots_on_postgres_are_few_and_their_own_databases)
{
    struct db_snapshot first, snapshot;
    undo_begin(&driver);
    place = postgres_place_new();
    undo_cut[UNDO_CATALOG].migrations_count = 3;
    undo_open_once(undo_cut_list);
    struct db_spec spec = spec_of(undo_heads);
    CHECK_ERR(db_snapshot_newest(&spec, &first), ERR_NOT_FOUND); /* there was nothing before */
    undo_open_once(undo_heads);
    CHECK_OK(db_snapshot_newest(&spec, &first));
    undo_open_once(undo_heads);
    CHECK_OK(db_snapshot_newest(&spec, &snapshot));
    CHECK_INT(first.taken_at, snapshot.taken_at);
    const char *mine = place;
    place = postgres_place_new();
    undo_open_once(undo_heads);
    spec = spec_of(undo_heads);
    CHECK_ERR(db_snapshot_newest(&spec, &snapshot), ERR_NOT_FOUND); /* it is another's */
    place = mine;
    spec = spec_of(undo_heads);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(db_rollback(&spec, &first.versions));
        undo_open_once(undo_heads);
    }
    CHECK(access(first.path, F_OK) != 0);
    CHECK_OK(db_snapshot_newest(&spec, &snapshot));
    CHECK(access(snapshot.path, F_OK) == 0);
    CHECK_OK(db_snapshot_restore(&spec, &snapshot));
    CHECK_INT(count_of("SELECT count(*) FROM pg_namespace WHERE nspname = "
                       "'content_before_rollback'"),
              1);
}
