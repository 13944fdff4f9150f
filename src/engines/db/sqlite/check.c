/*
 * check: what SQLite itself finds wrong in a file: pages, indexes against tables, constraints,
 * references. SQLite 3.40 reports NULL values that are not there in tables WITHOUT ROWID whose key
 * does not come first (fixed in 3.41); those are looked at again before they are believed.
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

static enum err file_check(struct sqlite_db *db, sqlite3 *handle, const struct db_check *check)
{
    if (check->reindex && sqlite3_exec(handle, "REINDEX", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(db, handle, sqlite3_errcode(handle), "REINDEX");
    TRY(migrate_check(db, handle));
    TRY(check_pages(db, handle, check->full, check));
    return check_references(db, handle, check);
}

enum err sqlite_check(const struct db *base, const char *place, const struct db_check *check)
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
        result = code == SQLITE_OK ? file_check(db, handle, check)
                                   : sqlite_fail(db, handle, code, "check");
    }
    sqlite3_close(handle);
    heap_free(db);
    return result;
}
