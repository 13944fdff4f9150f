/* postgres: opening and closing, and the table by which the port finds this driver. */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>

static void queries_translate(struct pg_db *db)
{
    unsigned ordinal = 0;
    db_ordinals_init(&db->queries, &db->base);
    db->texts = HEAP_ARRAY(db->queries.count + 1, char *);
    db->names = heap_zalloc(db->queries.count + 1, sizeof(db->names[0]));
    db->types = (_Atomic(struct types *) *)HEAP_ARRAY(db->queries.count + 1, struct types *);
    for (unsigned i = 0; i < db->base.modules_count; i++) {
        const struct db_module *module = db->base.modules[i];
        for (unsigned k = 0; k < module->queries_count; k++, ordinal++) {
            const char *sql = module->queries[k]->sql[DB_POSTGRES];
            snprintf(db->names[ordinal], sizeof(db->names[0]), "q%u", ordinal % 1000000);
            db->texts[ordinal] = pg_dialect_translate(sql ? sql : "");
        }
    }
}

static void database_free(struct pg_db *db)
{
    for (unsigned i = 0; i < db->queries.count; i++) {
        heap_free(db->texts[i]);
        heap_free(db->types[i]);
    }
    heap_free(db->texts);
    heap_free(db->names);
    heap_free((void *)db->types);
    db_ordinals_deinit(&db->queries);
    PQconninfoFree(db->options);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->job_there);
    pthread_cond_destroy(&db->job_done);
    pthread_cond_destroy(&db->thread_conn_free);
    heap_free(db);
}

static enum err pg_open(const struct db *base, const char *place, struct db **out_db)
{
    static _Atomic uint64_t ids;
    struct pg_db *db = HEAP_NEW(struct pg_db);
    db->base = *base;
    db->id = ++ids;
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->job_there, NULL);
    pthread_cond_init(&db->job_done, NULL);
    pthread_cond_init(&db->thread_conn_free, NULL);
    queries_translate(db);
    enum err err = pg_place_parse(db, place);
    if (err == OK)
        err = pg_migrate(db);
    if (err != OK) {
        database_free(db);
        return err;
    }
    *out_db = &db->base;
    return OK;
}

static void pg_close(struct db *base)
{
    struct pg_db *db = pg_of(base);
    pg_homes_close(db);
    pg_helper_stop(db);
    pg_tell_stop(db);
    while (db->thread_idle) {
        struct conn *conn = db->thread_idle;
        db->thread_idle = conn->idle_next;
        pg_conn_close(conn);
    }
    database_free(db);
}

const struct db_driver db_postgres = {
    .name = "postgres",
    .dialect = DB_POSTGRES,
    .open = pg_open,
    .close = pg_close,
    .write = pg_write,
    .read = pg_read,
    .read_ahead = pg_read_ahead,
    .call = pg_call,
    .sequence = pg_sequence,
    .fetch = pg_fetch,
    .listen = pg_listen,
    .told = pg_told,
    .copy = pg_copy,
    .copy_suffix = ".dump",
    .restore_check = pg_restore_check,
    .restore = pg_restore,
    .check = pg_check,
    .newest = pg_newest,
    .diagnose = pg_diagnose,
    .snapshot_newest = pg_snapshot_newest,
    .rollback = pg_rollback,
    .snapshot_restore = pg_snapshot_restore,
    .explain = pg_explain,
    .carrier = &pg_carrier,
};
