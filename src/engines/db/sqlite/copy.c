/*
 * copy: the whole database as it was at one moment, into another file. The source is read inside a
 * read transaction of its own: its pages do not change under the copy, so it never begins anew
 * however much is written meanwhile. The price is that the write-ahead log is not folded back
 * before the copy ends.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PAGES_A_STEP = 64 };

struct copy {
    struct sqlite_db *db;
    const char *path;
    const struct db_copy_watch *watch;
    sqlite3 *from;
    sqlite3 *to;
};

/* Of the copy's own file: named by its path, not by that of the database. */
static enum err target_fail(const struct copy *copy, int code)
{
    int number = sqlite3_system_errno(copy->to);
    if ((code & 0xff) == SQLITE_FULL || number == ENOSPC || number == EDQUOT)
        return err_set(ERR_EXHAUSTED, "disk-full", "no space left on the disk for %s", copy->path);
    return err_set(ERR_UNAVAILABLE, "copy-failed", "the copy %s: %s (%s)", copy->path,
                   sqlite3_errmsg(copy->to), number ? err_number_text(number) : "no number kept");
}

static enum err target_exec(const struct copy *copy, const char *sql)
{
    int code = sqlite3_exec(copy->to, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : target_fail(copy, code);
}

/* Created for its owner only, and never over something else. */
static enum err target_open(struct copy *copy)
{
    int fd = open(copy->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT))
        return err_set(ERR_EXHAUSTED, "disk-full", "no space left on the disk for %s", copy->path);
    if (fd < 0)
        return err_errno(copy->path);
    close(fd);
    int code =
        sqlite3_open_v2(copy->path, &copy->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return target_fail(copy, code);
    return target_exec(copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;");
}

/* A read transaction begins with its first read. */
static enum err snapshot_take(struct copy *copy)
{
    int code =
        sqlite3_exec(copy->from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : sqlite_fail(copy->db, copy->from, code, "copy");
}

static bool told(const struct copy *copy, sqlite3_backup *backup, uint64_t page_bytes)
{
    uint64_t total = (uint64_t)sqlite3_backup_pagecount(backup);
    uint64_t left = (uint64_t)sqlite3_backup_remaining(backup);
    return !copy->watch ||
           copy->watch->on_step(copy->watch->arg, (total - left) * page_bytes, total * page_bytes);
}

static enum err page_size(struct copy *copy, uint64_t *out_bytes)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(copy->from, "PRAGMA page_size", -1, &stmt, NULL);
    if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        *out_bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return code == SQLITE_OK ? OK : sqlite_fail(copy->db, copy->from, code, "copy");
}

static enum err pages_copy(struct copy *copy)
{
    uint64_t page_bytes = 0;
    TRY(page_size(copy, &page_bytes));
    sqlite3_backup *backup = sqlite3_backup_init(copy->to, "main", copy->from, "main");
    if (!backup)
        return target_fail(copy, sqlite3_errcode(copy->to));
    int code = SQLITE_OK;
    bool wanted = true;
    while (wanted && code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, PAGES_A_STEP);
        wanted = told(copy, backup, page_bytes);
    }
    int source_code = sqlite3_errcode(copy->from) & 0xff;
    sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE && wanted)
        return OK;
    if (!wanted)
        return err_set(ERR_CANCELLED, NULL, "the copy of %s was given up", copy->db->path);
    bool source = source_code == SQLITE_CORRUPT || source_code == SQLITE_NOTADB;
    return source ? sqlite_fail(copy->db, copy->from, code, "copy") : target_fail(copy, code);
}

struct first_damage {
    char what[ERR_TEXT_MAX / 2];
};

static void on_damage(void *arg, const char *what)
{
    struct first_damage *first = arg;
    if (!first->what[0])
        snprintf(first->what, sizeof(first->what), "%s", what);
}

/* A damaged database is told while there are older copies, not when the last one is needed. */
static enum err target_check(const struct copy *copy)
{
    struct first_damage first = { "" };
    struct db_check check = { .on_damage = on_damage, .arg = &first };
    TRY(check_pages(copy->db, copy->to, false, &check));
    if (first.what[0])
        return err_set(ERR_CORRUPT, "database-corrupt", "%s is damaged (%s)", copy->db->path,
                       first.what);
    return OK;
}

static enum err target_sync(const struct copy *copy)
{
    int fd = open(copy->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        enum err result = err_errno(copy->path);
        if (fd >= 0)
            close(fd);
        return result;
    }
    close(fd);
    return OK;
}

static enum err copy_run(struct copy *copy)
{
    TRY(snapshot_take(copy));
    TRY(target_open(copy));
    TRY(pages_copy(copy));
    sqlite3_exec(copy->from, "ROLLBACK", NULL, NULL, NULL); /* the log may be folded back again */
    TRY(target_exec(copy, "PRAGMA journal_mode=DELETE;"));  /* one file, with no log beside it */
    TRY(target_check(copy));
    sqlite3_close(copy->to);
    copy->to = NULL;
    return target_sync(copy);
}

enum err copy_database(struct sqlite_db *db, sqlite3 *from, const char *path,
                       const struct db_copy_watch *watch)
{
    struct copy copy = { .db = db, .path = path, .watch = watch, .from = from };
    if (access(path, F_OK) == 0)
        return err_set(ERR_CONFLICT, "copy-exists", "%s is there already", path);
    enum err result = copy_run(&copy);
    struct err_slot detail = *err_slot();
    if (copy.to)
        sqlite3_close(copy.to);
    if (!sqlite3_get_autocommit(from))
        sqlite3_exec(from, "ROLLBACK", NULL, NULL, NULL);
    if (result != OK)
        unlink(path);
    *err_slot() = detail;
    return result;
}

enum err sqlite_copy(struct db *base, const char *path, const struct db_copy_watch *watch)
{
    struct sqlite_db *db = sqlite_of(base);
    struct conn *from;
    TRY(conn_open(db, false, &from));
    enum err result = copy_database(db, from->handle, path, watch);
    conn_close(from);
    return result;
}
