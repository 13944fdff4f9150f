/*
 * undo: from every migration number of every module to head and back, with rows in every table.
 * What comes back is what was there, unless a newer row has no place in the older schema: then
 * nothing happens, and the migration is named.
 */
#include "undo_stage.h"

#include "engines/db/sqlite/sqlite.h"
#include "foundation/mem/buf.h"
#include "foundation/test/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 2, TEXT_MAX = 1 << 20 };

static unsigned snapshots_kept = 3; /* there and back makes as many */

static struct db_spec spec_of(const struct db_module *const *modules)
{
    return (struct db_spec){ .driver = &db_sqlite,
                             .place = test_folder(),
                             .context = "content",
                             .modules = modules,
                             .modules_count = UNDO_MODULES,
                             .settings = { .snapshots_kept = snapshots_kept } };
}

static sqlite3 *file_open(void)
{
    char path[300];
    sqlite3 *handle;
    snprintf(path, sizeof(path), "%s/content.db", test_folder());
    CHECK_INT(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_exec(handle, "PRAGMA foreign_keys=ON", NULL, NULL, NULL), SQLITE_OK);
    return handle;
}

static void run(sqlite3 *handle, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        test_fail("%s: %s", sql, message);
}

static sqlite3_stmt *query(sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL) != SQLITE_OK)
        test_fail("%s: %s", sql, sqlite3_errmsg(handle));
    return stmt;
}

/* --- Rows for every table --------------------------------------------------------------------- */

/* "col TEXT ... CHECK (col IN ('a', 'b'))": the n-th of them, or false. */
static bool allowed_value(const char *table_sql, const char *column, unsigned n, char out[64])
{
    char mark[96];
    snprintf(mark, sizeof(mark), "CHECK (%s IN (", column);
    const char *at = strstr(table_sql, mark);
    if (!at)
        return false;
    at += strlen(mark);
    for (const char *next = at; n-- > 0 && (next = strstr(next, "', '")); at = next)
        next += 3;
    at = strchr(at, '\'');
    CHECK(at != NULL);
    snprintf(out, 64, "%.*s", at ? (int)strcspn(at + 1, "'") : 0, at ? at + 1 : "");
    return true;
}

/*
 * Numbers are the number of the row, so that what refers to another table finds it there. A column
 * that an old migration dropped without taking it along holds what the older schema begins with.
 */
static void value_write(struct buf *sql, sqlite3_stmt *column, const char *table_sql, unsigned row)
{
    const char *name = (const char *)sqlite3_column_text(column, 1);
    const char *type = (const char *)sqlite3_column_text(column, 2);
    char allowed[64];
    if (strcmp(name, "series_id") == 0 && strstr(table_sql, "CREATE TABLE titles"))
        buf_put(sql, STR("NULL"));
    else if (strcmp(name, "locked") == 0)
        buf_put(sql, STR("0"));
    else if (allowed_value(table_sql, name, strcmp(name, "kind") == 0 ? 0 : row - 1, allowed))
        buf_printf(sql, "'%s'", allowed);
    else if (strcmp(type, "INTEGER") == 0 || strcmp(type, "REAL") == 0)
        buf_printf(sql, "%u", row);
    else if (strcmp(type, "BLOB") == 0)
        buf_printf(sql, "x'%02x'", row);
    else
        buf_printf(sql, "'%s %u'", name, row);
}

static void table_fill(sqlite3 *handle, const char *table, const char *table_sql)
{
    char text[200];
    for (unsigned row = 1; row <= ROWS; row++) {
        struct buf sql;
        buf_init(&sql, NULL, KIB(64));
        buf_printf(&sql, "INSERT INTO %s VALUES (", table);
        snprintf(text, sizeof(text), "PRAGMA table_info(%s)", table);
        sqlite3_stmt *columns = query(handle, text);
        for (bool first = true; sqlite3_step(columns) == SQLITE_ROW; first = false) {
            buf_put(&sql, first ? STR("") : STR(", "));
            value_write(&sql, columns, table_sql, row);
        }
        sqlite3_finalize(columns);
        buf_put(&sql, (str){ ")", 2 }); /* with its zero */
        run(handle, sql.ptr);
        buf_deinit(&sql);
    }
}

/* In the order they were made: what is referred to comes first. */
static void fill(void)
{
    static const char tables[] =
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND "
        "name <> 'schema_migrations' ORDER BY rowid";
    sqlite3 *handle = file_open();
    sqlite3_stmt *stmt = query(handle, tables);
    unsigned count = 0;
    run(handle, "PRAGMA foreign_keys=OFF");
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        table_fill(handle, (const char *)sqlite3_column_text(stmt, 0),
                   (const char *)sqlite3_column_text(stmt, 1));
        count++;
    }
    sqlite3_finalize(stmt);
    CHECK(count > 20);
    stmt = query(handle, "SELECT count(*) FROM pragma_foreign_key_check");
    CHECK_INT(sqlite3_step(stmt), SQLITE_ROW);
    CHECK_INT(sqlite3_column_int(stmt, 0), 0);
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
}

/* --- All of a database as text ---------------------------------------------------------------- */

static void rows_dump(sqlite3 *handle, const char *sql, struct buf *out)
{
    sqlite3_stmt *stmt = query(handle, sql);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            buf_printf(out, "%d:%s|", sqlite3_column_type(stmt, i),
                       sqlite3_column_text(stmt, i) ? (const char *)sqlite3_column_text(stmt, i)
                                                    : "");
        buf_put_char(out, '\n');
    }
    sqlite3_finalize(stmt);
}

/* Columns, keys and rows of every table, the other objects by name; not how they were written. */
static char *dump(void)
{
    sqlite3 *handle = file_open();
    struct buf out;
    char sql[400];
    buf_init(&out, NULL, TEXT_MAX);
    rows_dump(handle,
              "SELECT type, name, tbl_name FROM sqlite_schema WHERE name <> 'sqlite_sequence' "
              "ORDER BY type, name",
              &out);
    rows_dump(handle, "SELECT module, number, name FROM schema_migrations ORDER BY 1, 2", &out);
    sqlite3_stmt *tables = query(handle, "SELECT name FROM sqlite_schema WHERE type = 'table' AND "
                                         "name NOT LIKE 'sqlite_%' AND name <> 'schema_migrations' "
                                         "ORDER BY name");
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(tables, 0);
        buf_printf(&out, "-- %s\n", name);
        snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", name);
        rows_dump(handle, sql, &out);
        snprintf(sql, sizeof(sql), "PRAGMA foreign_key_list(%s)", name);
        rows_dump(handle, sql, &out);
        snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1", name);
        rows_dump(handle, sql, &out);
    }
    sqlite3_finalize(tables);
    sqlite3_close(handle);
    CHECK(!out.overflowed);
    buf_put_char(&out, 0);
    return out.ptr;
}

/* --- There and back --------------------------------------------------------------------------- */

/* Each in a folder of its own. */
static void in_fresh_folder(void)
{
    char command[400];
    snprintf(command, sizeof(command), "rm -rf '%s'/*", test_folder());
    CHECK_INT(system(command), 0);
}

static void run_once(const char *sql)
{
    sqlite3 *handle = file_open();
    run(handle, sql);
    sqlite3_close(handle);
}

static const struct undo_driver driver = { .dialect = DB_SQLITE,
                                           .spec_of = spec_of,
                                           .fresh = in_fresh_folder,
                                           .fill = fill,
                                           .run = run_once,
                                           .dump = dump,
                                           .a_blob = "x'2f'" };

TEST(every_number_of_flow)
{
    undo_every_number(&driver, UNDO_FLOW);
}

TEST(the_whole_bus_is_undone)
{
    undo_whole_module(&driver, UNDO_BUS);
}

TEST(the_log_of_events_is_undone)
{
    undo_event_log(&driver);
}

TEST(every_number_of_catalog)
{
    undo_every_number(&driver, UNDO_CATALOG);
}

TEST(every_number_of_assets)
{
    undo_every_number(&driver, UNDO_ASSETS);
}

TEST(every_number_of_ingest)
{
    undo_every_number(&driver, UNDO_INGEST);
}

TEST(every_migration_has_a_way_back)
{
    undo_every_migration_has_a_way_back(&driver);
}

/* The program's own list, read as text: a module that is not in the list above is not undone. */
TEST(every_module_is_undone)
{
    static const str without_sql[] = { STR_INIT("playback"), STR_INIT("demo"), STR_INIT("health"),
                                       STR_INIT("backup"),   STR_INIT("move"), STR_INIT("flow"),
                                       STR_INIT("events_v1") };
    char text[8192];
    FILE *file = fopen(KB_MODULES, "r");
    CHECK(file != NULL);
    str rest = { text, fread(text, 1, sizeof(text), file) };
    fclose(file);
    undo_begin(&driver);
    for (ptrdiff_t at; (at = str_find(rest, STR("_module,"))) >= 0;) {
        str before = str_sub(rest, 0, (size_t)at);
        str name = str_skip(before, (size_t)str_find_last_char(before, '&') + 1);
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(without_sql); i++)
            known = known || str_eq(name, without_sql[i]);
        for (unsigned i = 0; i < UNDO_MODULES; i++)
            known = known || str_eq(name, str_of(undo_heads[i]->name));
        if (!known)
            test_fail("%.*s is not among the modules that are undone", STR_ARG(name));
        rest = str_skip(rest, (size_t)at + 1);
    }
}

TEST(newer_data_is_refused_by_name)
{
    undo_newer_data_is_refused(&driver);
}

TEST(snapshots_are_few_and_only_before_changes)
{
    struct db_snapshot first, snapshot;
    snapshots_kept = 2;
    struct db_spec spec = spec_of(undo_heads);
    undo_begin(&driver);
    undo_cut[UNDO_CATALOG].migrations_count = 3;
    undo_open_once(undo_cut_list);
    CHECK_ERR(db_snapshot_newest(&spec, &snapshot), ERR_NOT_FOUND); /* there was nothing before */
    undo_open_once(undo_heads);
    CHECK_OK(db_snapshot_newest(&spec, &first));
    undo_open_once(undo_heads);
    CHECK_OK(db_snapshot_newest(&spec, &snapshot));
    CHECK_INT(first.taken_at, snapshot.taken_at);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(db_rollback(&spec, &first.versions));
        undo_open_once(undo_heads);
    }
    CHECK(access(first.path, F_OK) != 0);
    CHECK_OK(db_snapshot_newest(&spec, &snapshot));
    CHECK(access(snapshot.path, F_OK) == 0);
    snapshots_kept = 3;
}
