/*
 * rollback: the ways back of migrations, newest first, in one transaction that nobody writes
 * beside. Before each is taken its questions are asked: what the older schema cannot hold refuses
 * all of it, by name.
 */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OTHERS_TRIES = 60, OTHERS_TRY_US = 50000 };

static enum err refusal_ask(const struct migration *m, str query, int64_t *out_count)
{
    struct buf text;
    buf_init(&text, NULL, MIB(1));
    buf_put(&text, query);
    buf_put_char(&text, 0);
    char *sql = pg_dialect_translate(text.ptr);
    enum err err = pg_migration_number(m, sql, NULL, 0, out_count);
    heap_free(sql);
    buf_deinit(&text);
    return err;
}

static enum err history_forget(const struct migration *m, const struct db_module *module,
                               unsigned number)
{
    char text[16];
    PGresult *result;
    snprintf(text, sizeof(text), "%u", number);
    const char *values[] = { module->name, text };
    TRY(pg_migration_ask(m, "DELETE FROM schema_migrations WHERE module = $1 AND number = $2",
                         values, 2, &result));
    PQclear(result);
    return OK;
}

static enum err statements_run(const struct migration *m, const struct db_migration *migration,
                               str statements)
{
    char message[200];
    char *sql = pg_dialect_translate(statements.ptr); /* to the end of the text */
    PGresult *result = PQexec(m->handle, sql);
    ExecStatusType status = PQresultStatus(result);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(message, sizeof(message), "%s", said ? said : PQerrorMessage(m->handle));
    heap_free(sql);
    PQclear(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return OK;
    return err_set(ERR_INTERNAL, "rollback-failed", "%s: the way back of %s failed: %s",
                   m->db->shown, migration->name, message);
}

static enum err step_back(const struct migration *m, const struct db_module *module,
                          const struct db_migration *migration)
{
    str rest = str_of(migration->down[DB_POSTGRES]), why, query;
    if (!rest.ptr)
        return err_set(ERR_PRECONDITION, "rollback-refused",
                       "%s: migration %s of %s has no way back", m->db->shown, migration->name,
                       module->name);
    while (db_down_cut(&rest, &why, &query)) {
        int64_t count = 0;
        TRY(refusal_ask(m, query, &count));
        if (count)
            return err_set(ERR_PRECONDITION, "rollback-refused",
                           "%s: %s cannot go back before %s: %.*s (%lld)", m->db->shown,
                           module->name, migration->name, STR_ARG(why), (long long)count);
    }
    TRY(statements_run(m, migration, rest));
    return history_forget(m, module, migration->number);
}

static unsigned number_in(const struct db_versions *versions, const char *module)
{
    for (unsigned i = 0; i < versions->count; i++)
        if (strcmp(versions->items[i].module, module) == 0)
            return versions->items[i].number;
    return 0;
}

/* Modules opened later may refer to earlier ones: they go first. */
static enum err all_back(const struct migration *m, const struct db_versions *to)
{
    struct db_versions now;
    const struct db *base = &m->db->base;
    TRY(pg_migration_versions(m, &now));
    for (unsigned i = base->modules_count; i-- > 0;) {
        const struct db_module *module = base->modules[i];
        unsigned from = number_in(&now, module->name), until = number_in(to, module->name);
        for (unsigned k = module->migrations_count; k-- > 0;)
            if (module->migrations[k].number <= from && module->migrations[k].number > until)
                TRY(step_back(m, module, &module->migrations[k]));
    }
    return OK;
}

/* Every transaction of ours takes the same lock less strictly (ADR 31). */
static enum err in_transaction(const struct migration *m, const struct db_versions *to)
{
    TRY(pg_migration_begin(m));
    enum err err =
        pg_migration_exec(m, "LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE", "rollback");
    if (err == OK)
        err = all_back(m, to);
    if (err == OK)
        err = pg_migration_exec(m, "COMMIT", "rollback");
    pg_migration_rollback(m);
    return err;
}

/*
 * Who serves it would find other tables under his hands. One who has just gone is still listed for
 * a moment. PgBouncer hides who they are.
 */
enum err pg_nobody_else(const struct migration *m)
{
    int64_t others = 0;
    for (unsigned i = 0; !m->db->bouncer && i < OTHERS_TRIES; i++) {
        TRY(pg_migration_number(m,
                                "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                "current_database() AND pid <> pg_backend_pid() AND "
                                "application_name = current_setting('application_name')",
                                NULL, 0, &others));
        if (!others)
            return OK;
        usleep(OTHERS_TRY_US);
    }
    if (m->db->bouncer)
        return OK;
    return err_set(ERR_CONFLICT, "database-in-use",
                   "%s has %lld connections of kinobezdna: stop every process that serves it first",
                   m->db->shown, (long long)others);
}

static enum err run(const struct migration *m, const struct db_versions *to)
{
    int64_t history = 0;
    TRY(pg_migration_check(m, &history));
    if (!history)
        return err_set(ERR_NOT_FOUND, "no-database", "there is no schema %s in %s",
                       m->db->base.context, m->db->shown);
    TRY(pg_nobody_else(m));
    return in_transaction(m, to);
}

enum err pg_rollback(const struct db *base, const char *place, const struct db_versions *to)
{
    struct migration m = { .db = pg_place_closed(base, place) };
    if (!m.db)
        return err_slot()->code;
    enum err err = pg_place_connect(m.db, USE_PLAIN, &m.handle);
    if (err == OK) {
        err = run(&m, to);
        PQfinish(m.handle);
    }
    pg_place_closed_free(m.db);
    return err;
}
