/* stage: what the tests of faults and of contention share: a table of sixteen rows, and ways to
 * run. */
#include "stage_test.h"

#include "foundation/task/loop.h"

#include <stdio.h>
#include <string.h>

#define PG(text)                                                                                   \
    {                                                                                              \
        NULL, text                                                                                 \
    }

const struct db_query stage_add = { "add", PG("INSERT INTO rows (id, n) VALUES (?1, ?2)"), DB_WRITE,
                                    2 };
const struct db_query stage_change = { "change", PG("UPDATE rows SET n = n + ?2 WHERE id = ?1"),
                                       DB_WRITE, 2 };
const struct db_query stage_put = { "put", PG("UPDATE rows SET n = ?2 WHERE id = ?1"), DB_WRITE,
                                    2 };
const struct db_query stage_get = { "get", PG("SELECT n FROM rows WHERE id = ?1"), DB_POINT, 1 };
const struct db_query stage_share = { "share", PG("SELECT 100 / n FROM rows WHERE id = ?1"),
                                      DB_POINT, 1 };
const struct db_query stage_doze = { "doze", PG("SELECT count(*) FROM pg_sleep(?1)"), DB_POINT, 1 };
const struct db_query stage_backend = { "backend", PG("SELECT pg_backend_pid()"), DB_POINT, 0 };
const struct db_query stage_total = { "total", PG("SELECT count(*), sum(n) FROM rows"), DB_SCAN,
                                      0 };
static const struct db_query *const queries[] = { &stage_add,     &stage_change, &stage_put,
                                                  &stage_get,     &stage_share,  &stage_doze,
                                                  &stage_backend, &stage_total };
static const struct db_migration migrations[] = {
    { 1, "0001_rows", PG("CREATE TABLE rows (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);") },
};
static const struct db_module module = { "faults", migrations, 1, queries, ARRAY_LEN(queries) };
const struct db_module *const stage_modules[] = { &module };

struct stage stage;

static enum err rows_add(struct db_tx *tx, void *arg)
{
    (void)arg;
    for (int i = 1; i <= STAGE_ROWS; i++)
        TRY(db_exec(tx, &stage_add, DB_ARGS(DB_I64(i), DB_I64(i % 4)), NULL));
    return OK;
}

void stage_open(const char *parameters)
{
    static char place[PG_SERVER_URL + 64];
    const char *fresh = postgres_place_new();
    str name = str_skip(str_of(fresh), strlen("postgres:///"));
    snprintf(stage.database, sizeof(stage.database), "%.*s", (int)str_find_char(name, '?'),
             name.ptr);
    snprintf(place, sizeof(place), "%s%s", fresh, parameters);
    stage.place = place;
    arena_init(&stage.arena, MIB(1));
    db_arena_use(&stage.arena);
    struct db_spec spec = { .driver = &db_postgres,
                            .place = place,
                            .context = "faults",
                            .modules = stage_modules,
                            .modules_count = 1 };
    CHECK_OK(db_open(&spec, &stage.db));
    CHECK_OK(db_tx(stage.db, rows_add, NULL));
}

void stage_close(void)
{
    db_close(stage.db);
    db_arena_use(NULL);
    arena_deinit(&stage.arena);
}

int64_t stage_value(int64_t id)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(stage.db), &stage_get, DB_ARGS(DB_I64(id)), &row));
    return row.values ? db_i64(&row, 0) : -1;
}

static void on_end(void *arg, enum err result)
{
    (void)arg, (void)result;
    if (--stage.left == 0)
        loop_stop(stage.loop);
}

static void on_start(void *arg)
{
    const struct stage_run *start = arg;
    for (unsigned i = 0; i < start->count; i++) {
        struct task_spec spec = { .name = "faults",
                                  .fn = start->fn,
                                  .arg = (char *)start->args + i * start->arg_bytes,
                                  .timeout = start->timeout,
                                  .on_end = on_end };
        CHECK_OK(task_start(stage.loop, &spec, NULL));
    }
}

void stage_run(const struct stage_run *start)
{
    struct loop_settings settings = { .name = "faults", .stall_after = SECONDS(60) };
    CHECK_OK(loop_open(&settings, &stage.loop));
    stage.left = start->count;
    loop_post(stage.loop, on_start, (void *)start);
    loop_run(stage.loop);
    loop_close(stage.loop);
}

void stage_run_one(task_fn fn, void *arg)
{
    stage_run(&(struct stage_run){ .fn = fn, .args = arg, .count = 1 });
}

void stage_check_slug(const char *slug)
{
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
}

PGconn *stage_stranger(const char *sql)
{
    char url[PG_SERVER_URL];
    pg_server_url(postgres_server(), stage.database, url);
    PGconn *conn = PQconnectdb(url);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    CHECK(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    PQclear(result);
    return conn;
}

int64_t stage_server_number(const char *sql)
{
    char text[32] = "";
    int64_t number = -1;
    CHECK_OK(pg_server_sql(postgres_server(), stage.database, sql, text, sizeof(text)));
    CHECK(str_parse_i64(str_of(text), &number));
    return number;
}
