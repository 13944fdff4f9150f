/*
 * rollback: the ways back of migrations, newest first, in one transaction. Before each is taken its
 * questions are asked: what the older schema cannot hold refuses all of it, by name.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <string.h>
#include <unistd.h>

struct rollback {
    struct sqlite_db *db;
    sqlite3 *handle;
};

static enum err refusal_ask(void *arg, str query, int64_t *out_count)
{
    const struct rollback *r = arg;
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(r->handle, query.ptr, (int)query.len, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    enum err result = OK;
    if (code == SQLITE_ROW)
        *out_count = sqlite3_column_int64(stmt, 0);
    else
        result = sqlite_fail(r->db, r->handle, code, "rollback");
    sqlite3_finalize(stmt);
    return result;
}

static enum err history_forget(void *arg, const struct db_module *module, unsigned number)
{
    const struct rollback *r = arg;
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(r->handle,
                                  "DELETE FROM schema_migrations WHERE module = ?1 AND number = ?2",
                                  -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, module->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, number);
        code = sqlite3_step(stmt);
    }
    enum err result = code == SQLITE_DONE ? OK : sqlite_fail(r->db, r->handle, code, "rollback");
    sqlite3_finalize(stmt);
    return result;
}

static enum err statements_run(void *arg, const struct db_migration *migration,
                               const char *statements)
{
    const struct rollback *r = arg;
    if (sqlite3_exec(r->handle, statements, NULL, NULL, NULL) == SQLITE_OK)
        return OK;
    return err_set(ERR_INTERNAL, "rollback-failed", "%s: the way back of %s failed: %s",
                   r->db->path, migration->name, sqlite3_errmsg(r->handle));
}

static enum err references_check(struct rollback *r)
{
    int64_t broken = 0;
    TRY(refusal_ask(r, STR("SELECT count(*) FROM pragma_foreign_key_check"), &broken));
    if (broken)
        return err_set(ERR_INTERNAL, "rollback-failed",
                       "%s: going back would leave %lld rows that refer to nothing", r->db->path,
                       (long long)broken);
    return OK;
}

static enum err all_back(struct rollback *r, const struct db_versions *to)
{
    struct db_versions now;
    struct db_way_back way = { .db = &r->db->base,
                               .shown = r->db->path,
                               .arg = r,
                               .ask = refusal_ask,
                               .run = statements_run,
                               .forget = history_forget };
    TRY(migrate_versions(r->db, r->handle, &now));
    TRY(db_go_back(&way, &now, to));
    return references_check(r);
}

static enum err in_transaction(struct rollback *r, const struct db_versions *to)
{
    TRY(migrate_check(r->db, r->handle));
    int code =
        sqlite3_exec(r->handle, "PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return sqlite_fail(r->db, r->handle, code, "rollback");
    enum err result = all_back(r, to);
    if (result == OK && (code = sqlite3_exec(r->handle, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
        result = sqlite_fail(r->db, r->handle, code, "rollback");
    if (result != OK && !sqlite3_get_autocommit(r->handle))
        sqlite3_exec(r->handle, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

enum err sqlite_rollback(const struct db *base, const char *place, const struct db_versions *to)
{
    struct sqlite_db *db = HEAP_NEW(struct sqlite_db);
    struct rollback r = { .db = db };
    enum err result;
    db->base = *base;
    snprintf(db->path, sizeof(db->path), "%s/%s.db", place, base->context);
    int code =
        sqlite3_open_v2(db->path, &r.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_extended_result_codes(r.handle, 1);
    if (access(db->path, F_OK) != 0)
        result = err_set(ERR_NOT_FOUND, "no-database", "there is no %s", db->path);
    else
        result = code == SQLITE_OK ? in_transaction(&r, to)
                                   : sqlite_fail(db, r.handle, code, "rollback");
    sqlite3_close(r.handle);
    heap_free(db);
    return result;
}
