/*
 * migrate: brings the tables up to what the modules declare. Everything is checked before anything
 * is changed: a database of a newer program or with an altered history is left as it is. Each
 * migration is a transaction of its own together with its line in schema_migrations.
 */
#include "internal.h"

#include <string.h>

/* "KINO", so that file(1) and a mistaken path can tell our databases. */
enum { APPLICATION_ID = 0x4b494e4f };

static const char table_sql[] =
    "CREATE TABLE schema_migrations ("
    "module TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
    "checksum TEXT NOT NULL, applied_at INTEGER NOT NULL, "
    "PRIMARY KEY (module, number)) STRICT";
static const char applied_sql[] =
    "SELECT module, number, name, checksum FROM schema_migrations ORDER BY module, number";
static const char record_sql[] = "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4, ?5)";

static enum err number_of(struct sqlite_db *db, sqlite3 *handle, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    enum err err = code == SQLITE_ROW ? OK : sqlite_fail(db, handle, code, "open");
    sqlite3_finalize(stmt);
    return err;
}

/* --- Checking ------------------------------------------------------------------------------- */

static struct db_applied applied_row(sqlite3_stmt *stmt)
{
    const char *texts[4];
    for (int i = 0; i < 4; i++) {
        texts[i] = (const char *)sqlite3_column_text(stmt, i);
        texts[i] = texts[i] ? texts[i] : "";
    }
    return (struct db_applied){ .module = texts[0],
                                .number = (unsigned)sqlite3_column_int(stmt, 1),
                                .name = texts[2],
                                .checksum = texts[3] };
}

static enum err history_check(struct sqlite_db *db, sqlite3 *handle)
{
    sqlite3_stmt *stmt;
    enum err err = OK;
    int code = sqlite3_prepare_v2(handle, applied_sql, -1, &stmt, NULL);
    if (code != SQLITE_OK)
        return sqlite_fail(db, handle, code, "open");
    while (err == OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct db_applied applied = applied_row(stmt);
        err = db_history_check(&db->base, db->path, &applied);
    }
    if (err == OK && code != SQLITE_DONE)
        err = sqlite_fail(db, handle, code, "open");
    sqlite3_finalize(stmt);
    return err;
}

enum err migrate_check(struct sqlite_db *db, sqlite3 *handle)
{
    int64_t id = 0, tables = 0, history = 0;
    TRY(number_of(db, handle, "PRAGMA application_id", &id));
    TRY(number_of(db, handle, "SELECT count(*) FROM sqlite_schema", &tables));
    TRY(number_of(db, handle, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
                  &history));
    if (id != APPLICATION_ID && (id != 0 || tables != 0))
        return err_set(ERR_PRECONDITION, "database-foreign", "%s is a database of another program",
                       db->path);
    return history ? history_check(db, handle) : OK;
}

/* --- Applying ------------------------------------------------------------------------------- */

static enum err exec(struct sqlite_db *db, sqlite3 *handle, const char *sql, const char *what)
{
    int code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : sqlite_fail(db, handle, code, what);
}

static enum err record(struct sqlite_db *db, sqlite3 *handle, const struct db_module *module,
                       const struct db_migration *migration)
{
    sqlite3_stmt *stmt;
    char checksum[DB_CHECKSUM_TEXT];
    int code = sqlite3_prepare_v2(handle, record_sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        db_checksum(migration->sql[DB_SQLITE], checksum);
        sqlite3_bind_text(stmt, 1, module->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 2, migration->number);
        sqlite3_bind_text(stmt, 3, migration->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 4, checksum, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 5, clock_now());
        code = sqlite3_step(stmt);
    }
    enum err err = code == SQLITE_DONE ? OK : sqlite_fail(db, handle, code, migration->name);
    sqlite3_finalize(stmt);
    return err;
}

/* Foreign keys are off while tables are rebuilt; here they must hold again. */
static enum err references_check(struct sqlite_db *db, sqlite3 *handle, const char *migration)
{
    int64_t broken = 0;
    TRY(number_of(db, handle, "SELECT count(*) FROM pragma_foreign_key_check", &broken));
    if (broken)
        return err_set(ERR_INTERNAL, "migration-failed",
                       "%s: migration %s leaves %lld rows that refer to nothing", db->path,
                       migration, (long long)broken);
    return OK;
}

static enum err migration_failed(const struct sqlite_db *db, sqlite3 *handle, int code,
                                 const struct db_migration *migration)
{
    enum err err = sqlite_fail(db, handle, code, migration->name);
    if (err != ERR_INTERNAL && err != ERR_CONFLICT)
        return err;
    return err_set(ERR_INTERNAL, "migration-failed", "%s: migration %s failed: %s", db->path,
                   migration->name, sqlite3_errmsg(handle));
}

static enum err migration_run(struct sqlite_db *db, sqlite3 *handle, const struct db_module *module,
                              const struct db_migration *migration)
{
    if (!migration->sql[DB_SQLITE])
        return err_set(ERR_INTERNAL, "migration-failed", "%s has no text for SQLite",
                       migration->name);
    int code = sqlite3_exec(handle, migration->sql[DB_SQLITE], NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return migration_failed(db, handle, code, migration);
    if (sqlite3_get_autocommit(handle))
        return err_set(ERR_INTERNAL, "migration-failed", "%s: migration %s ends its transaction",
                       db->path, migration->name);
    TRY(references_check(db, handle, migration->name));
    return record(db, handle, module, migration);
}

static enum err in_transaction(struct sqlite_db *db, sqlite3 *handle,
                               const struct db_module *module, const struct db_migration *migration)
{
    TRY(exec(db, handle, "BEGIN IMMEDIATE", migration->name));
    enum err err = migration_run(db, handle, module, migration);
    if (err == OK)
        err = exec(db, handle, "COMMIT", migration->name);
    if (err != OK && !sqlite3_get_autocommit(handle))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* The highest number applied, 0 for none; the history has no holes below it, or it is refused. */
static enum err module_version(struct sqlite_db *db, sqlite3 *handle,
                               const struct db_module *module, unsigned *out_version)
{
    sqlite3_stmt *stmt;
    unsigned version = 0, count = 0;
    int code = sqlite3_prepare_v2(
        handle,
        "SELECT coalesce(max(number), 0), count(*) FROM schema_migrations WHERE module = ?1", -1,
        &stmt, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, module->name, -1, SQLITE_STATIC);
        code = sqlite3_step(stmt);
        version = (unsigned)sqlite3_column_int(stmt, 0);
        count = (unsigned)sqlite3_column_int(stmt, 1);
    }
    enum err err = code == SQLITE_ROW ? OK : sqlite_fail(db, handle, code, "open");
    sqlite3_finalize(stmt);
    TRY(err);
    TRY(db_history_whole(module, db->path, version, count));
    *out_version = version;
    return OK;
}

static enum err module_apply(struct sqlite_db *db, sqlite3 *handle, const struct db_module *module)
{
    unsigned version = 0;
    TRY(module_version(db, handle, module, &version));
    for (unsigned i = 0; i < module->migrations_count; i++) {
        if (module->migrations[i].number > version)
            TRY(in_transaction(db, handle, module, &module->migrations[i]));
    }
    return OK;
}

static enum err history_create(struct sqlite_db *db, sqlite3 *handle)
{
    char sql[sizeof(table_sql) + 128];
    snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; PRAGMA application_id=%d; %s; COMMIT;",
             APPLICATION_ID, table_sql);
    enum err err = exec(db, handle, sql, "open");
    if (err != OK && !sqlite3_get_autocommit(handle))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

enum err migrate_versions(struct sqlite_db *db, sqlite3 *handle, struct db_versions *out_versions)
{
    sqlite3_stmt *stmt;
    struct db_versions versions = { .count = 0 };
    int64_t history = 0;
    *out_versions = versions;
    TRY(number_of(db, handle, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
                  &history));
    if (!history)
        return OK;
    int code = sqlite3_prepare_v2(
        handle, "SELECT module, max(number) FROM schema_migrations GROUP BY module", -1, &stmt,
        NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct db_version *version = &versions.items[versions.count];
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        if (versions.count++ == DB_VERSIONS_MAX)
            break;
        snprintf(version->module, sizeof(version->module), "%s", name ? name : "");
        version->number = (unsigned)sqlite3_column_int(stmt, 1);
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    if (versions.count > DB_VERSIONS_MAX)
        return err_set(ERR_CORRUPT, "database-corrupt", "%s has too many modules", db->path);
    if (code != SQLITE_DONE)
        return sqlite_fail(db, handle, code, "open");
    *out_versions = versions;
    return OK;
}

/* Apart, so that the versions are not in the frame of what is applied. */
static enum err upgrades(struct sqlite_db *db, sqlite3 *handle, bool *out_upgrades)
{
    struct db_versions versions;
    TRY(migrate_versions(db, handle, &versions));
    *out_upgrades = db_upgrades(&db->base, &versions);
    return OK;
}

enum err migrate_apply(struct sqlite_db *db, sqlite3 *handle)
{
    int64_t history = 0;
    TRY(number_of(db, handle, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
                  &history));
    if (!history)
        TRY(history_create(db, handle));
    bool changes = false;
    TRY(upgrades(db, handle, &changes));
    if (changes && db->base.settings.snapshots_kept)
        TRY(snapshot_make(db, handle));
    TRY(exec(db, handle, "PRAGMA foreign_keys=OFF", "open"));
    for (unsigned i = 0; i < db->base.modules_count; i++)
        TRY(module_apply(db, handle, db->base.modules[i]));
    return exec(db, handle, "PRAGMA foreign_keys=ON", "open");
}
