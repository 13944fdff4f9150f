/*
 * copy: a context's schema into a file by pg_dump, and from it into an empty database by pg_restore
 * in one transaction. pg_dump reads one snapshot; what is written meanwhile is not in it, and
 * nobody waits for it but who changes tables.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAGIC_BYTES = 5, TEXT_BYTES = 200 };

/* --- Making -------------------------------------------------------------------------------------
 */

enum err pg_copy_direct(const struct pg_db *db)
{
    if (!db->bouncer || db->direct_host[0])
        return OK;
    return err_set(ERR_UNAVAILABLE, "database-bouncer",
                   "%s is a PgBouncer, through which no copy can be made: add direct=HOST:PORT of "
                   "the server itself to the URL",
                   db->shown);
}

/* Its owner's alone, and never over something else: pg_dump keeps the mode of what is there. */
static enum err file_create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return err_set(ERR_CONFLICT, "copy-exists", "%s is there already", path);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT
                   ? err_set(ERR_EXHAUSTED, "disk-full", "no space left on the disk for %s", path)
                   : err_errno(path);
    close(fd);
    return OK;
}

static enum err file_finish(const char *path)
{
    char magic[MAGIC_BYTES] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(path);
    ssize_t got = pread(fd, magic, sizeof(magic), 0);
    enum err err = fsync(fd) == 0 ? OK : err_errno(path);
    close(fd);
    if (err == OK && (got != MAGIC_BYTES || memcmp(magic, "PGDMP", MAGIC_BYTES) != 0))
        err =
            err_set(ERR_CORRUPT, "copy-damaged", "pg_dump has not written an archive to %s", path);
    return err;
}

enum err pg_copy_dump(const struct pg_db *db, unsigned server_version, const char *path,
                      const struct db_copy_watch *watch)
{
    char schema[64], file[DB_PLACE_MAX + 64];
    const char *program = NULL;
    TRY(pg_copy_direct(db));
    struct pg_tools *tools = pg_tools_open(db, watch);
    enum err err = pg_tools_find(tools, "pg_dump", server_version, &program);
    if (err == OK)
        err = file_create(path);
    bool created = err == OK;
    snprintf(schema, sizeof(schema), "--schema=\"%s\"", db->base.context);
    snprintf(file, sizeof(file), "--file=%s", path);
    const char *const argv[] = { program,
                                 "--format=custom",
                                 "--no-owner",
                                 "--no-privileges",
                                 "--no-tablespaces",
                                 "--no-password",
                                 "--lock-wait-timeout=60000",
                                 schema,
                                 file,
                                 NULL };
    pg_tools_watch_file(tools, path);
    if (err == OK)
        err = pg_tools_run(tools, argv);
    if (err == OK)
        err = file_finish(path);
    pg_tools_close(tools);
    if (err != OK && created)
        unlink(path);
    return err;
}

enum err pg_copy(struct db *base, const char *path, const struct db_copy_watch *watch)
{
    struct pg_db *db = pg_of(base);
    PGconn *handle;
    TRY(pg_place_connect(db, USE_PLAIN, &handle));
    unsigned version = (unsigned)PQserverVersion(handle) / 10000;
    PQfinish(handle);
    return pg_copy_dump(db, version, path, watch);
}

/* --- The other database -------------------------------------------------------------------------
 */

static enum err answer(const struct pg_db *db, PGconn *handle, const char *sql,
                       char out[TEXT_BYTES])
{
    const char *values[] = { db->base.context };
    PGresult *result = PQexecParams(handle, sql, 1, NULL, values, NULL, NULL, 0);
    enum err err = OK;
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        err = PQstatus(handle) == CONNECTION_BAD ? pg_error_lost(db, "restore")
                                                 : pg_error_set(db, result, "restore");
    else
        snprintf(out, TEXT_BYTES, "%s",
                 PQntuples(result) && !PQgetisnull(result, 0, 0) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return err;
}

static enum err empty_check(const struct pg_db *db, PGconn *handle)
{
    char relations[TEXT_BYTES], may[TEXT_BYTES] = "";
    const char *context = db->base.context;
    TRY(answer(db, handle,
               "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
               "WHERE n.nspname = $1",
               relations));
    if (strcmp(relations, "0") != 0)
        return err_set(ERR_CONFLICT, "database-not-empty",
                       "the schema %s of %s is not empty: give another database, or, if nobody "
                       "needs it, DROP SCHEMA %s CASCADE",
                       context, db->shown, context);
    TRY(answer(
        db, handle,
        "SELECT has_database_privilege(current_database(), 'CREATE') AND NOT EXISTS "
        "(SELECT FROM pg_namespace WHERE nspname = $1 AND NOT pg_has_role(nspowner, 'USAGE'))"
        " AND NOT pg_is_in_recovery()",
        may));
    if (may[0] != 't')
        return err_set(ERR_FORBIDDEN, "database-rights",
                       "the role may not make the schema %s in %s: GRANT CREATE ON DATABASE, and "
                       "not on a standby",
                       context, db->shown);
    return OK;
}

/* An empty schema of ours is in pg_restore's way. */
static enum err empty_drop(const struct pg_db *db, PGconn *handle)
{
    char sql[80];
    snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS \"%s\"", db->base.context);
    PGresult *result = PQexec(handle, sql);
    enum err err =
        PQresultStatus(result) == PGRES_COMMAND_OK ? OK : pg_error_set(db, result, "restore");
    PQclear(result);
    return err;
}

static enum err with_target(const struct pg_db *db, bool drops, unsigned *out_version)
{
    PGconn *handle;
    TRY(pg_place_connect(db, USE_PLAIN, &handle));
    enum err err = empty_check(db, handle);
    if (err == OK && drops)
        err = empty_drop(db, handle);
    *out_version = (unsigned)PQserverVersion(handle) / 10000;
    PQfinish(handle);
    return err;
}

enum err pg_restore_check(const struct db *base, const char *place)
{
    struct pg_db *db = pg_place_closed(base, place);
    const char *program;
    unsigned version = 0;
    enum err err = db ? pg_copy_direct(db) : err_slot()->code;
    if (err == OK)
        err = with_target(db, false, &version);
    if (err == OK) {
        struct pg_tools *tools = pg_tools_open(db, NULL);
        err = pg_tools_find(tools, "pg_restore", version, &program);
        pg_tools_close(tools);
    }
    pg_place_closed_free(db);
    return err;
}

/* --- Restoring ----------------------------------------------------------------------------------
 */

static enum err restore_run(const struct pg_db *db, const char *path,
                            const struct db_copy_watch *watch)
{
    const char *program = NULL;
    unsigned version = 0;
    TRY(with_target(db, true, &version));
    struct pg_tools *tools = pg_tools_open(db, watch);
    enum err err = pg_tools_find(tools, "pg_restore", version, &program);
    const char *const argv[] = { program,
                                 "--single-transaction",
                                 "--exit-on-error",
                                 "--no-owner",
                                 "--no-privileges",
                                 "--no-tablespaces",
                                 "--no-password",
                                 "--dbname=", /* PGDATABASE */
                                 path,
                                 NULL };
    if (err == OK)
        err = pg_tools_run(tools, argv);
    pg_tools_close(tools);
    return err;
}

enum err pg_restore(const struct db *base, const char *place, const char *path,
                    const struct db_copy_watch *watch)
{
    struct pg_db *db = pg_place_closed(base, place);
    enum err err = db ? pg_copy_direct(db) : err_slot()->code;
    if (err == OK)
        err = restore_run(db, path, watch);
    pg_place_closed_free(db);
    return err;
}
