/*
 * snapshot: the database as it was before migrations changed it, in snapshots/ beside it, so that
 * an upgrade can be undone even where its migrations cannot.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTED_MAX = 200, NAME_BYTES = 96, STAMP_BYTES = 16, FOLDER_BYTES = 400 };

/* "content-1795261512000000.db": the context and the microsecond, in as many digits. */
static void name_of(const char *context, instant at, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%.32s-%0*lld.db", context, STAMP_BYTES, (long long)at);
}

static bool name_parse(const char *context, const char *name, instant *out_at)
{
    str text = str_of(name);
    size_t len = strlen(context);
    return str_starts(text, str_of(context)) && text.len == len + 1 + STAMP_BYTES + 3 &&
           text.ptr[len] == '-' && str_ends(text, STR(".db")) &&
           str_parse_i64(str_sub(text, len + 1, STAMP_BYTES), out_at);
}

static int by_time(const void *a, const void *b)
{
    instant left = *(const instant *)a, right = *(const instant *)b;
    return left < right ? -1 : left > right;
}

/* Ascending. An absent folder has none. */
static unsigned listed(const char *folder, const char *context, instant out_times[LISTED_MAX])
{
    struct dirent *entry;
    unsigned count = 0;
    DIR *dir = opendir(folder);
    while (dir && count < LISTED_MAX && (entry = readdir(dir)))
        count += name_parse(context, entry->d_name, &out_times[count]);
    if (dir)
        closedir(dir);
    qsort(out_times, count, sizeof(*out_times), by_time);
    return count;
}

enum err folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err result = fd >= 0 && fsync(fd) == 0 ? OK : err_errno(folder);
    if (fd >= 0)
        close(fd);
    return result;
}

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
    instant times[LISTED_MAX];
    char folder[FOLDER_BYTES], name[NAME_BYTES], path[DB_PLACE_MAX];
    TRY(folder_of(db->path, folder));
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return err_errno(folder);
    name_of(db->base.context, clock_now(), name);
    snprintf(path, sizeof(path), "%s/%s.part", folder, name);
    unlink(path); /* of a process that was killed in the same microsecond of a fixed clock */
    if (copy_database(db, handle, path, NULL) != OK)
        return err_prefix("the copy before an upgrade");
    char whole[DB_PLACE_MAX];
    snprintf(whole, sizeof(whole), "%s/%s", folder, name);
    if (rename(path, whole) != 0)
        return err_errno(whole);
    TRY(folder_sync(folder));
    unsigned count = listed(folder, db->base.context, times);
    for (unsigned i = 0; i + db->base.settings.snapshots_kept < count; i++) {
        name_of(db->base.context, times[i], name);
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        unlink(path);
    }
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
    instant times[LISTED_MAX];
    char database[DB_PLACE_MAX], folder[FOLDER_BYTES], name[NAME_BYTES];
    snprintf(database, sizeof(database), "%s/%s.db", place, base->context);
    TRY(folder_of(database, folder));
    unsigned count = listed(folder, base->context, times);
    if (count == 0)
        return err_set(ERR_NOT_FOUND, "no-snapshot",
                       "%s has not been upgraded by this program: there is no copy of before",
                       database);
    *out_snapshot = (struct db_snapshot){ .taken_at = times[count - 1] };
    name_of(base->context, times[count - 1], name);
    snprintf(out_snapshot->path, sizeof(out_snapshot->path), "%s/%s", folder, name);
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
    return rename(fresh, path) == 0 ? folder_sync(place) : err_errno(path);
}
