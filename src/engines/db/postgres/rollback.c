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

static enum err refusal_ask(void *arg, str query, int64_t *out_count)
{
    const struct migration *m = arg;
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

static enum err history_forget(void *arg, const struct db_module *module, unsigned number)
{
    const struct migration *m = arg;
    char text[16];
    PGresult *result;
    snprintf(text, sizeof(text), "%u", number);
    const char *values[] = { module->name, text };
    TRY(pg_migration_ask(m, "DELETE FROM schema_migrations WHERE module = $1 AND number = $2",
                         values, 2, &result));
    PQclear(result);
    return OK;
}

static enum err statements_run(void *arg, const struct db_migration *migration,
                               const char *statements)
{
    const struct migration *m = arg;
    char message[200];
    char *sql = pg_dialect_translate(statements);
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

static enum err all_back(struct migration *m, const struct db_versions *to)
{
    struct db_versions now;
    struct db_way_back way = { .db = &m->db->base,
                               .shown = m->db->shown,
                               .arg = m,
                               .ask = refusal_ask,
                               .run = statements_run,
                               .forget = history_forget };
    TRY(pg_migration_versions(m, &now));
    return db_go_back(&way, &now, to);
}

/* Every transaction of ours takes the same lock less strictly (ADR 31). */
static enum err in_transaction(struct migration *m, const struct db_versions *to)
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

static enum err run(struct migration *m, const struct db_versions *to)
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
