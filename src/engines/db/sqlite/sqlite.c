/* sqlite: opening and closing a database file, and the table by which the port finds this driver.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t configured = PTHREAD_ONCE_INIT;

/* Connections are used by one thread at a time, and nobody reads SQLite's memory counters. */
static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

/* Created for its owner only; -wal and -shm inherit the mode. */
static enum err file_create(const struct sqlite_db *db)
{
    int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return err_set(errno == ENOSPC ? ERR_EXHAUSTED : ERR_UNAVAILABLE,
                       errno == ENOSPC ? "disk-full" : "database-unwritable",
                       "%s cannot be created: %s", db->path, err_number_text(errno));
    if (fd >= 0)
        close(fd);
    return OK;
}

static enum err prepare_file(struct sqlite_db *db)
{
    sqlite3 *handle;
    TRY(file_create(db));
    int code =
        sqlite3_open_v2(db->path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum err err = OK;
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, 5000);
    if (code != SQLITE_OK)
        err = sqlite_fail(db, handle, code, "open");
    if (err == OK)
        err = migrate_check(db, handle);
    if (err == OK) {
        code = sqlite3_exec(handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL,
                            NULL);
        err = code == SQLITE_OK ? migrate_apply(db, handle) : sqlite_fail(db, handle, code, "open");
    }
    db->prepared =
        handle; /* kept until a connection is open: the last one to close folds the WAL */
    return err;
}

static void database_free(struct sqlite_db *db)
{
    pthread_mutex_destroy(&db->readers_lock);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->job_there);
    pthread_cond_destroy(&db->answered_there);
    db_ordinals_deinit(&db->queries);
    heap_free(db);
}

static enum err start(struct sqlite_db *db, const char *place)
{
    enum err err = prepare_file(db);
    if (err == OK)
        err = conn_open(db, true, &db->writer);
    if (err == OK) {
        /*
         * The log is there now. SQLite syncs its folder with the first commit, but does not mind
         * when that fails: what is acknowledged then would go with the log's name.
         */
        err = db_folder_sync(place);
        if (err == OK)
            err = writer_start(db);
        if (err != OK)
            conn_close(db->writer);
    }
    sqlite3_close(db->prepared);
    return err;
}

static enum err sqlite_open(const struct db *base, const char *place, struct db **out_db)
{
    static _Atomic uint64_t ids;
    pthread_once(&configured, configure_library);
    struct sqlite_db *db = HEAP_NEW(struct sqlite_db);
    db->base = *base;
    db->id = ++ids;
    pthread_mutex_init(&db->readers_lock, NULL);
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->job_there, NULL);
    pthread_cond_init(&db->answered_there, NULL);
    int len = snprintf(db->path, sizeof(db->path), "%s/%s.db", place, base->context);
    db_ordinals_init(&db->queries, &db->base);
    enum err err = len < (int)sizeof(db->path) ? start(db, place)
                                               : err_set(ERR_INVALID, "database-path",
                                                         "the path %.100s… is too long", place);
    if (err != OK) {
        database_free(db);
        return err;
    }
    *out_db = &db->base;
    return OK;
}

static void sqlite_close(struct db *base)
{
    struct sqlite_db *db = sqlite_of(base);
    writer_stop(db);
    readers_close(db);
    conn_close(db->writer);
    database_free(db);
}

const struct db_driver db_sqlite = {
    .name = "sqlite",
    .dialect = DB_SQLITE,
    .open = sqlite_open,
    .close = sqlite_close,
    .write = sqlite_write,
    .read = sqlite_read,
    .call = sqlite_call,
    .copy = sqlite_copy,
    .copy_suffix = ".db",
    .check = sqlite_check,
    .newest = sqlite_newest,
    .snapshot_newest = sqlite_snapshot_newest,
    .rollback = sqlite_rollback,
    .snapshot_restore = sqlite_snapshot_restore,
    .explain = sqlite_explain,
    .carrier = &sqlite_carrier,
};
