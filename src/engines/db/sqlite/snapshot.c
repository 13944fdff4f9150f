/*
 * snapshot: the database as it was before migrations changed it, in snapshots/ beside it, so that
 * an upgrade can be undone even where its migrations cannot.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_BYTES = 400 };

#define SUFFIX ".db"

static enum err folder_of(const char *database, char out[FOLDER_BYTES])
{
    const char *slash = strrchr(database, '/');
    int len = (int)(slash ? slash - database : 0);
    if (snprintf(out, FOLDER_BYTES, "%.*s/snapshots", len, database) >= FOLDER_BYTES)
        return err_set(ERR_INVALID, "database-path", "the path %.100s… is too long", database);
    return OK;
}

enum err snapshot_make(struct sqlite_db *db, sqlite3 *handle)
{
    char folder[FOLDER_BYTES], path[DB_PLACE_MAX], part[DB_PLACE_MAX + 8];
    TRY(folder_of(db->path, folder));
    TRY(db_snapshot_path_new(folder, db->base.context, SUFFIX, path));
    snprintf(part, sizeof(part), "%s.part", path);
    unlink(part); /* of a process that was killed in the same microsecond of a fixed clock */
    if (copy_database(db, handle, part, NULL) != OK)
        return err_prefix("the copy before an upgrade");
    if (rename(part, path) != 0)
        return err_errno(path);
    TRY(db_folder_sync(folder));
    db_snapshots_prune(folder, db->base.context, SUFFIX, db->base.settings.snapshots_kept);
    return OK;
}

/* For messages and checks of a file that is not open as a database. */
static struct sqlite_db *closed_new(const struct db *base, const char *path)
{
    struct sqlite_db *db = HEAP_NEW(struct sqlite_db);
    db->base = *base;
    snprintf(db->path, sizeof(db->path), "%s", path);
    return db;
}

static enum err versions_of(const struct db *base, struct db_snapshot *snapshot)
{
    struct sqlite_db *db = closed_new(base, snapshot->path);
    sqlite3 *handle;
    int code = sqlite3_open_v2(db->path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    enum err result = code == SQLITE_OK ? migrate_versions(db, handle, &snapshot->versions)
                                        : sqlite_fail(db, handle, code, "open");
    sqlite3_close(handle);
    heap_free(db);
    return result;
}

enum err sqlite_snapshot_newest(const struct db *base, const char *place,
                                struct db_snapshot *out_snapshot)
{
    char database[DB_PLACE_MAX], folder[FOLDER_BYTES];
    instant times[DB_SNAPSHOTS_LISTED];
    snprintf(database, sizeof(database), "%s/%s.db", place, base->context);
    TRY(folder_of(database, folder));
    unsigned count = db_snapshots_list(folder, base->context, SUFFIX, times);
    if (count == 0)
        return db_snapshot_none(database);
    *out_snapshot = (struct db_snapshot){ .taken_at = times[count - 1] };
    db_snapshot_path(folder, base->context, SUFFIX, times[count - 1], out_snapshot->path);
    return versions_of(base, out_snapshot);
}

/* The log belongs to the file it lies beside: it is folded in before that is moved away. */
static enum err log_fold(const struct db *base, const char *path)
{
    struct sqlite_db *db = closed_new(base, path);
    sqlite3 *handle;
    int code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE",
                            NULL, NULL, NULL);
    enum err result = code == SQLITE_OK ? OK : sqlite_fail(db, handle, code, "rollback");
    sqlite3_close(handle);
    heap_free(db);
    return result;
}

enum err sqlite_snapshot_restore(const struct db *base, const char *place,
                                 const struct db_snapshot *snapshot)
{
    struct sqlite_db *db = closed_new(base, snapshot->path);
    char path[DB_PLACE_MAX], fresh[DB_PLACE_MAX + 8], before[DB_PLACE_MAX + 32];
    sqlite3 *handle;
    snprintf(path, sizeof(path), "%s/%s.db", place, base->context);
    snprintf(fresh, sizeof(fresh), "%s.part", path);
    snprintf(before, sizeof(before), "%s.before-rollback", path);
    unlink(fresh);
    int code = sqlite3_open_v2(db->path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    enum err result = code == SQLITE_OK ? copy_database(db, handle, fresh, NULL)
                                        : sqlite_fail(db, handle, code, "rollback");
    sqlite3_close(handle);
    heap_free(db);
    TRY(result);
    TRY(log_fold(base, path));
    unlink(before);
    if (link(path, before) != 0 && rename(path, before) != 0)
        return err_errno(before);
    return rename(fresh, path) == 0 ? db_folder_sync(place) : err_errno(path);
}
