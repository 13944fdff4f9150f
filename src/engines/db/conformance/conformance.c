/* conformance: registration, the fixture, and the check of named queries. */
#include "internal.h"

#include "conformance_sql.h"

const struct db_conformance_target *conformance_target;

void db_conformance_register(const struct db_conformance_target *target)
{
    conformance_target = target;
    register_values();
    register_transactions();
    register_events();
    register_reads();
    register_migrations();
    register_crash();
}

/* --- Fixture -------------------------------------------------------------------------------- */

static const struct db_module *const modules[] = { &CONFORMANCE_SQL };

void database_open(struct fixture *fixture, struct db_settings settings)
{
    arena_init(&fixture->arena, MIB(8));
    db_arena_use(&fixture->arena);
    fixture->spec = (struct db_spec){
        .driver = conformance_target->driver,
        .place = conformance_target->place_new(),
        .context = "conformance",
        .modules = modules,
        .modules_count = ARRAY_LEN(modules),
        .settings = settings,
    };
    CHECK_OK(db_open(&fixture->spec, &fixture->db));
}

void fixture_reopen(struct fixture *fixture)
{
    db_close(fixture->db);
    CHECK_OK(db_open(&fixture->spec, &fixture->db));
}

void database_close(struct fixture *fixture)
{
    db_close(fixture->db);
    db_arena_use(NULL);
    arena_deinit(&fixture->arena);
}

enum err item_add(struct db_tx *tx, void *arg)
{
    struct item_new *item = arg;
    struct db_value parent = item->parent_id ? DB_I64(item->parent_id) : DB_NULL;
    return db_insert(tx, &SQL_ITEM_ADD,
                     DB_ARGS(DB_TEXT(str_of(item->name)), DB_I64(item->score), parent), &item->id);
}

int64_t items_count(struct db *db)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(db), &SQL_ITEMS_COUNT, DB_NO_ARGS, &row));
    return row.values ? db_i64(&row, 0) : -1;
}

/* --- Tasks ---------------------------------------------------------------------------------- */

struct running {
    struct loop *loop;
    unsigned left;
};
static struct running running;

static void on_task_end(void *arg, enum err result)
{
    (void)arg, (void)result;
    if (--running.left == 0)
        loop_stop(running.loop);
}

static void on_start(void *arg)
{
    const struct task_run *run = arg;
    for (unsigned i = 0; i < run->count; i++) {
        struct task_spec spec = {
            .name = "conformance",
            .fn = run->fn,
            .arg = (char *)run->args + i * run->arg_bytes,
            .timeout = run->timeout,
            .arena_bytes_max = run->arena_bytes_max,
            .on_end = on_task_end,
        };
        CHECK_OK(task_start(running.loop, &spec, NULL));
    }
}

void tasks_run(const struct task_run *run)
{
    struct loop_settings settings = { .name = "conformance", .stall_after = SECONDS(60) };
    CHECK_OK(loop_open(&settings, &running.loop));
    running.left = run->count;
    loop_post(running.loop, on_start, (void *)run);
    loop_run(running.loop);
    loop_close(running.loop);
}

/* --- Queries -------------------------------------------------------------------------------- */

enum err db_conformance_query(struct db *db, const struct db_query *query)
{
    bool scans = false, writes = false;
    TRY(db->driver->explain(db, query, &scans, &writes));
    if (writes != (query->kind == DB_WRITE))
        return err_set(ERR_INTERNAL, "query-kind", "%s %s", query->name,
                       writes ? "changes the database but is no :write" : "is a :write of nothing");
    if (scans && (query->kind == DB_POINT || query->kind == DB_PAGE))
        return err_set(ERR_INTERNAL, "query-scans",
                       "%s walks a whole table: give it an index or make it a :scan", query->name);
    return OK;
}

enum err db_conformance_queries(struct db *db)
{
    for (unsigned i = 0; i < db->modules_count; i++) {
        for (unsigned k = 0; k < db->modules[i]->queries_count; k++)
            TRY(db_conformance_query(db, db->modules[i]->queries[k]));
    }
    return OK;
}
