/* error: SQLite's result codes as our meanings. */
#include "internal.h"

#include <errno.h>
#include <string.h>

static enum err constraint_fail(sqlite3 *handle, int code, const char *what)
{
    const char *slug = "constraint";
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        slug = "unique";
        break;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        slug = "foreign-key";
        break;
    case SQLITE_CONSTRAINT_CHECK:
        slug = "check";
        break;
    case SQLITE_CONSTRAINT_NOTNULL:
        slug = "not-null";
        break;
    case SQLITE_CONSTRAINT_DATATYPE:
        slug = "datatype";
        break;
    default:
        break;
    }
    return err_set(ERR_CONFLICT, slug, "%s: %s", what, sqlite3_errmsg(handle));
}

static enum err disk_full(const struct sqlite_db *db, const char *what)
{
    return err_set(ERR_EXHAUSTED, "disk-full", "%s: the disk of %s is full", what, db->path);
}

/* An I/O error is what the system said: no space on the shared-memory file is a full disk too. */
static enum err io_fail(const struct sqlite_db *db, sqlite3 *handle, const char *what)
{
    int number = sqlite3_system_errno(handle);
    if (number == ENOSPC || number == EDQUOT || number == EFBIG)
        return disk_full(db, what);
    return err_set(ERR_UNAVAILABLE, "database-io", "%s: %s: %s (%s)", what, db->path,
                   sqlite3_errmsg(handle), number ? err_number_text(number) : "no number kept");
}

enum err sqlite_fail(const struct sqlite_db *db, sqlite3 *handle, int code, const char *what)
{
    int extended = sqlite3_extended_errcode(handle);
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return constraint_fail(handle, extended, what);
    case SQLITE_MISMATCH:
        return err_set(ERR_CONFLICT, "datatype", "%s: %s", what, sqlite3_errmsg(handle));
    case SQLITE_FULL:
        return disk_full(db, what);
    case SQLITE_CORRUPT:
        return err_set(ERR_CORRUPT, "database-corrupt", "%s: %s is damaged (%s)", what, db->path,
                       sqlite3_errmsg(handle));
    case SQLITE_NOTADB:
        return err_set(ERR_CORRUPT, "database-corrupt", "%s is not a database, or damaged",
                       db->path);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return err_set(ERR_UNAVAILABLE, "database-unwritable", "%s: %s: %s (%s)", what, db->path,
                       sqlite3_errmsg(handle), err_number_text(sqlite3_system_errno(handle)));
    case SQLITE_IOERR:
        return io_fail(db, handle, what);
    case SQLITE_TOOBIG:
        return err_set(ERR_TOO_LARGE, "value-too-large", "%s: %s", what, sqlite3_errmsg(handle));
    case SQLITE_NOMEM:
        return err_set(ERR_EXHAUSTED, "memory", "%s: no memory for the database", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(ERR_UNAVAILABLE, "database-busy", "%s: %s is in use by another program",
                       what, db->path);
    default:
        return err_set(ERR_INTERNAL, "database", "%s: %s: %s (%d)", what, db->path,
                       sqlite3_errmsg(handle), extended);
    }
}
