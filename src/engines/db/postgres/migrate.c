/*
 * migrate: a schema a context, brought up to what the modules declare. All is checked before
 * anything is changed. Each migration is a transaction of its own with its line in
 * schema_migrations, under an advisory lock: any number of processes may start at once.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Statements ---------------------------------------------------------------------------------
 */

static enum err fail(const struct migration *m, PGresult *result, const char *what)
{
    enum err err = PQstatus(m->handle) == CONNECTION_BAD ? pg_error_lost(m->db, what)
                                                         : pg_error_set(m->db, result, what);
    PQclear(result);
    return err;
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

enum err pg_migration_exec(const struct migration *m, const char *sql, const char *what)
{
    PGresult *result = PQexec(m->handle, sql);
    if (!succeeded(result))
        return fail(m, result, what);
    PQclear(result);
    return OK;
}

enum err pg_migration_ask(const struct migration *m, const char *sql, const char *const *values,
                          int count, PGresult **out_result)
{
    PGresult *result = PQexecParams(m->handle, sql, count, NULL, values, NULL, NULL, 0);
    if (!succeeded(result))
        return fail(m, result, "open");
    *out_result = result;
    return OK;
}

enum err pg_migration_number(const struct migration *m, const char *sql, const char *const *values,
                             int count, int64_t *out)
{
    PGresult *result = NULL;
    TRY(pg_migration_ask(m, sql, values, count, &result));
    *out = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return OK;
}

/* --- Checking -----------------------------------------------------------------------------------
 */

static enum err relations_count(const struct migration *m, const char *name, int64_t *out)
{
    const char *values[] = { m->db->base.context, name };
    return pg_migration_number(
        m,
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = $1 AND ($2 = '' OR c.relname = $2)",
        values, 2, out);
}

static enum err history_check(const struct migration *m)
{
    char sql[160];
    PGresult *result = NULL;
    enum err err = OK;
    snprintf(sql, sizeof(sql),
             "SELECT module, number, name, checksum FROM \"%s\".schema_migrations "
             "ORDER BY module COLLATE \"C\", number",
             m->db->base.context);
    TRY(pg_migration_ask(m, sql, NULL, 0, &result));
    for (int row = 0; row < PQntuples(result) && err == OK; row++) {
        struct db_applied applied = { .module = PQgetvalue(result, row, 0),
                                      .number =
                                          (unsigned)strtoul(PQgetvalue(result, row, 1), NULL, 10),
                                      .name = PQgetvalue(result, row, 2),
                                      .checksum = PQgetvalue(result, row, 3) };
        err = db_history_check(&m->db->base, m->db->shown, &applied);
    }
    PQclear(result);
    return err;
}

enum err pg_migration_check(const struct migration *m, int64_t *out_history)
{
    int64_t relations = 0;
    TRY(relations_count(m, "", &relations));
    TRY(relations_count(m, "schema_migrations", out_history));
    if (relations && !*out_history)
        return err_set(ERR_PRECONDITION, "database-foreign",
                       "the schema %s of %s is of another program", m->db->base.context,
                       m->db->shown);
    return *out_history ? history_check(m) : OK;
}

enum err pg_migration_versions(const struct migration *m, struct db_versions *out_versions)
{
    struct db_versions versions = { .count = 0 };
    char sql[200];
    PGresult *result = NULL;
    *out_versions = versions;
    snprintf(sql, sizeof(sql),
             "SELECT module, max(number) FROM \"%s\".schema_migrations GROUP BY module",
             m->db->base.context);
    TRY(pg_migration_ask(m, sql, NULL, 0, &result));
    versions.count = (unsigned)PQntuples(result);
    for (unsigned i = 0; i < MIN_OF(versions.count, (unsigned)DB_VERSIONS_MAX); i++) {
        snprintf(versions.items[i].module, sizeof(versions.items[i].module), "%s",
                 PQgetvalue(result, (int)i, 0));
        versions.items[i].number = (unsigned)strtoul(PQgetvalue(result, (int)i, 1), NULL, 10);
    }
    PQclear(result);
    if (versions.count > DB_VERSIONS_MAX)
        return err_set(ERR_CORRUPT, "database-corrupt", "%s has too many modules", m->db->shown);
    *out_versions = versions;
    return OK;
}

/* --- Applying -----------------------------------------------------------------------------------
 */

/* One number a context, from its checksum: advisory locks are numbers of the whole database. */
static int64_t lock_number(const struct migration *m)
{
    char name[64], checksum[DB_CHECKSUM_TEXT];
    snprintf(name, sizeof(name), "kinobezdna migrations of %s", m->db->base.context);
    db_checksum(name, checksum);
    checksum[15] = 0; /* 60 bits */
    return (int64_t)strtoull(checksum, NULL, 16);
}

enum err pg_migration_begin(const struct migration *m)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "BEGIN; SET LOCAL search_path TO \"%s\"; SET LOCAL lock_timeout = '60s'; "
             "SELECT pg_advisory_xact_lock(%" PRId64 ")",
             m->db->base.context, lock_number(m));
    return pg_migration_exec(m, sql, "the lock of migrations");
}

void pg_migration_rollback(const struct migration *m)
{
    if (PQtransactionStatus(m->handle) != PQTRANS_IDLE)
        PQclear(PQexec(m->handle, "ROLLBACK"));
}

static enum err history_create(const struct migration *m)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "CREATE SCHEMA IF NOT EXISTS \"%s\"; CREATE TABLE IF NOT EXISTS schema_migrations ("
             "module TEXT COLLATE \"C\" NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
             "checksum TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (module, number)); "
             "COMMIT",
             m->db->base.context);
    enum err err = pg_migration_begin(m);
    if (err == OK)
        err = pg_migration_exec(m, sql, "open");
    pg_migration_rollback(m);
    return err;
}

static enum err record(const struct migration *m, const struct db_module *module,
                       const struct db_migration *migration)
{
    char number[16], at[24], checksum[DB_CHECKSUM_TEXT];
    PGresult *result = NULL;
    snprintf(number, sizeof(number), "%u", migration->number);
    snprintf(at, sizeof(at), "%" PRId64, clock_now());
    db_checksum(migration->sql[DB_POSTGRES], checksum);
    const char *values[] = { module->name, number, migration->name, checksum, at };
    TRY(pg_migration_ask(m, "INSERT INTO schema_migrations VALUES ($1, $2, $3, $4, $5)", values, 5,
                         &result));
    PQclear(result);
    return OK;
}

static enum err migration_failed(const struct migration *m, PGresult *result,
                                 const struct db_migration *migration)
{
    char message[200];
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(message, sizeof(message), "%s", said ? said : "");
    enum err err = fail(m, result, migration->name);
    if (err != ERR_INTERNAL && err != ERR_CONFLICT)
        return err;
    return err_set(ERR_INTERNAL, "migration-failed", "%s: migration %s failed: %s", m->db->shown,
                   migration->name, message);
}

static enum err migration_run(const struct migration *m, const struct db_module *module,
                              const struct db_migration *migration)
{
    if (!migration->sql[DB_POSTGRES])
        return err_set(ERR_INTERNAL, "migration-failed", "%s has no text for PostgreSQL",
                       migration->name);
    char *sql = pg_dialect_translate(migration->sql[DB_POSTGRES]);
    PGresult *result = PQexec(m->handle, sql);
    heap_free(sql);
    if (!succeeded(result))
        return migration_failed(m, result, migration);
    PQclear(result);
    if (PQtransactionStatus(m->handle) != PQTRANS_INTRANS)
        return err_set(ERR_INTERNAL, "migration-failed", "%s: migration %s ends its transaction",
                       m->db->shown, migration->name);
    TRY(record(m, module, migration));
    return pg_migration_exec(m, "COMMIT", migration->name);
}

/* The highest number applied, 0 for none; no holes below it, or it is refused. */
static enum err module_version(const struct migration *m, const struct db_module *module,
                               unsigned *out_version)
{
    char sql[160];
    PGresult *result = NULL;
    const char *values[] = { module->name };
    snprintf(sql, sizeof(sql),
             "SELECT coalesce(max(number), 0), count(*) FROM \"%s\".schema_migrations "
             "WHERE module = $1",
             m->db->base.context);
    TRY(pg_migration_ask(m, sql, values, 1, &result));
    *out_version = (unsigned)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
    unsigned count = (unsigned)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
    PQclear(result);
    return db_history_whole(module, m->db->shown, *out_version, count);
}

/* Under the lock another process may turn out to have been faster. */
static enum err migration_apply(const struct migration *m, const struct db_module *module,
                                const struct db_migration *migration)
{
    unsigned version = 0;
    enum err err = pg_migration_begin(m);
    if (err == OK)
        err = module_version(m, module, &version);
    if (err == OK && version < migration->number)
        err = migration_run(m, module, migration);
    pg_migration_rollback(m);
    return err;
}

static enum err module_apply(const struct migration *m, const struct db_module *module)
{
    unsigned version = 0;
    TRY(module_version(m, module, &version));
    for (unsigned i = 0; i < module->migrations_count; i++) {
        if (module->migrations[i].number > version)
            TRY(migration_apply(m, module, &module->migrations[i]));
    }
    return OK;
}

/*
 * The copy of before. Several processes may start at once: one makes it and all migrations after
 * it, on a second connection whose lock the others wait for; they then find nothing to do.
 */
static enum err upgrade_lock(const struct migration *guard)
{
    char sql[200];
    snprintf(sql, sizeof(sql),
             "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0;"
             " SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(%" PRId64 ")",
             lock_number(guard) + 1);
    return pg_migration_exec(guard, sql, "the lock of upgrades");
}

static enum err modules_apply(const struct migration *m)
{
    for (unsigned i = 0; i < m->db->base.modules_count; i++)
        TRY(module_apply(m, m->db->base.modules[i]));
    return OK;
}

static enum err upgrade_guarded(const struct migration *m, const struct migration *guard)
{
    struct db_versions versions;
    TRY(upgrade_lock(guard));
    TRY(pg_migration_versions(m, &versions));
    if (db_upgrades(&m->db->base, &versions))
        TRY(pg_snapshot_make(m, &versions));
    return modules_apply(m);
}

/* Not within apply(): two tables of versions are more than a frame may have. */
static __attribute__((noinline)) enum err upgrade(const struct migration *m)
{
    struct migration guard = { .db = m->db };
    TRY(pg_place_connect(m->db, USE_PLAIN, &guard.handle));
    enum err err = upgrade_guarded(m, &guard);
    PQfinish(guard.handle);
    return err;
}

static enum err apply(const struct migration *m)
{
    const struct db_settings *settings = &m->db->base.settings;
    struct db_versions versions;
    int64_t history = 0;
    TRY(pg_migration_check(m, &history));
    if (!history)
        TRY(history_create(m));
    TRY(pg_migration_versions(m, &versions));
    if (settings->snapshots_kept && settings->snapshots && db_upgrades(&m->db->base, &versions))
        return upgrade(m);
    return modules_apply(m);
}

enum err pg_migrate(struct pg_db *db)
{
    struct migration m = { .db = db };
    TRY(pg_place_connect(db, USE_PLAIN, &m.handle));
    enum err err = apply(&m);
    PQfinish(m.handle);
    return err;
}
