/*
 * check: what SQLite itself finds wrong in a file: pages, indexes against tables, constraints,
 * references; and when its rows say they were written. SQLite 3.40 reports NULL values that are not
 * there in tables WITHOUT ROWID whose key does not come first (fixed in 3.41); those are looked at
 * again before they are believed.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 256 };

/* "NULL value in titles.year": asked of the table itself, not of what its declaration promises. */
static bool null_is_there(sqlite3 *handle, str message)
{
    static const str mark = STR_INIT("NULL value in ");
    sqlite3_stmt *stmt;
    bool there = true;
    str rest = str_skip(message, mark.len), table;
    if (!str_starts(message, mark) || !str_cut(&rest, '.', &table))
        return true;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%.*w\" WHERE typeof(\"%.*w\") = 'null'",
                                (int)table.len, table.ptr, (int)rest.len, rest.ptr);
    if (sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        there = sqlite3_column_int64(stmt, 0) > 0;
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return there;
}

enum err check_pages(struct sqlite_db *db, sqlite3 *handle, bool full, const struct db_check *check)
{
    sqlite3_stmt *stmt;
    char last[MESSAGE_BYTES] = "";
    int code = sqlite3_prepare_v2(
        handle, full ? "PRAGMA integrity_check(1000000)" : "PRAGMA quick_check(1000000)", -1, &stmt,
        NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        bool again = text && strcmp(text, last) == 0;
        snprintf(last, sizeof(last), "%s", text ? text : "");
        if (!again && strcmp(last, "ok") != 0 && null_is_there(handle, str_of(last)))
            check->on_damage(check->arg, last);
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? OK : sqlite_fail(db, handle, code, "check");
}

static enum err check_references(struct sqlite_db *db, sqlite3 *handle,
                                 const struct db_check *check)
{
    sqlite3_stmt *stmt;
    char text[MESSAGE_BYTES];
    int code = sqlite3_prepare_v2(handle,
                                  "SELECT \"table\", parent, count(*) FROM "
                                  "pragma_foreign_key_check GROUP BY 1, 2",
                                  -1, &stmt, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        snprintf(text, sizeof(text), "%lld rows of %s refer to no row of %s",
                 (long long)sqlite3_column_int64(stmt, 2),
                 (const char *)sqlite3_column_text(stmt, 0),
                 (const char *)sqlite3_column_text(stmt, 1));
        check->on_damage(check->arg, text);
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? OK : sqlite_fail(db, handle, code, "check");
}

static enum err file_check(struct sqlite_db *db, sqlite3 *handle, void *arg)
{
    const struct db_check *check = arg;
    if (check->reindex && sqlite3_exec(handle, "REINDEX", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(db, handle, sqlite3_errcode(handle), "REINDEX");
    TRY(migrate_check(db, handle));
    TRY(check_pages(db, handle, check->full, check));
    return check_references(db, handle, check);
}

/* A handle for the one deed on a file that may be open elsewhere. */
static enum err with_file(const struct db *base, const char *place,
                          enum err (*deed)(struct sqlite_db *, sqlite3 *, void *), void *arg)
{
    struct sqlite_db *db = HEAP_NEW(struct sqlite_db);
    sqlite3 *handle = NULL;
    enum err result;
    int code = SQLITE_OK;
    db->base = *base;
    snprintf(db->path, sizeof(db->path), "%s/%s.db", place, base->context);
    if (access(db->path, F_OK) != 0) {
        result = err_set(ERR_NOT_FOUND, "no-database", "there is no %s", db->path);
    } else {
        code =
            sqlite3_open_v2(db->path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        sqlite3_busy_timeout(handle, 5000);
        result = code == SQLITE_OK ? deed(db, handle, arg) : sqlite_fail(db, handle, code, "check");
    }
    sqlite3_close(handle);
    heap_free(db);
    return result;
}

enum err sqlite_check(const struct db *base, const char *place, const struct db_check *check)
{
    struct db_check copy = *check;
    return with_file(base, place, file_check, &copy);
}

/* --- The newest row --------------------------------------------------------------------------- */

static const char newest_sql[] =
    "SELECT group_concat(printf('SELECT max(\"%w\") AS at FROM \"%w\"', c.name, t.name), "
    "' UNION ALL ') FROM sqlite_schema t JOIN pragma_table_info(t.name) c "
    "WHERE t.type = 'table' AND c.name IN (" DB_PAST_COLUMNS ")";

/* The statement's one value, to be freed; NULL: it has none, or failed. */
static char *text_of(sqlite3 *handle, const char *sql, int *out_code)
{
    sqlite3_stmt *stmt;
    char *text = NULL;
    *out_code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);
    if (*out_code == SQLITE_OK && (*out_code = sqlite3_step(stmt)) == SQLITE_ROW &&
        sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        text = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return text;
}

static enum err file_newest(struct sqlite_db *db, sqlite3 *handle, void *arg)
{
    int code;
    char *selects = text_of(handle, newest_sql, &code), *at = NULL;
    if (selects) {
        char *sql = sqlite3_mprintf("SELECT max(at) FROM (%s)", selects);
        at = text_of(handle, sql, &code);
        sqlite3_free(sql);
    }
    enum err err = code == SQLITE_ROW ? OK : sqlite_fail(db, handle, code, "check");
    if (err == OK && (!at || !str_parse_i64(str_of(at), arg)))
        *(instant *)arg = INSTANT_NEVER;
    sqlite3_free(selects);
    sqlite3_free(at);
    return err;
}

enum err sqlite_newest(const struct db *base, const char *place, instant *out_at)
{
    return with_file(base, place, file_newest, out_at);
}
