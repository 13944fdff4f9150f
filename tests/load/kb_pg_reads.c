/*
 * kb_pg_reads: `kb_pg_reads URL READERS MILLISECONDS ROUNDS` reads rows of PostgreSQL by their key,
 * in alternating windows: through the driver, from as many tasks at once as there are readers, and
 * with libpq alone, one prepared query a round trip on one connection. Prints a line a round: how
 * many times more queries the driver makes of a second of this process's CPU.
 */
#include "engines/db/db.h"
#include "engines/db/postgres/postgres.h"
#include "foundation/task/loop.h"
#include "foundation/task/task.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READERS_MAX = 1024, MS_MAX = 60000, ROUNDS_MAX = 1000, ROWS = 10000, STRIDE = 7919 };

#define BOTH(text)                                                                                 \
    {                                                                                              \
        [DB_POSTGRES] = (text)                                                                     \
    }

static const struct db_migration migrations[] = {
    { 1, "0001_rows",
      BOTH("CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT NOT NULL, year INTEGER NOT NULL);"
           "INSERT INTO rows SELECT i, 'The name of a film, number ' || i, 1900 + i % 120 "
           "FROM generate_series(1, 10000) i;") },
};
static const struct db_query row_get = { "row_get",
                                         BOTH("SELECT id, name, year FROM rows WHERE id = ?1"),
                                         DB_POINT, 1 };
static const struct db_query *const queries[] = { &row_get };
static const struct db_module module = { "bench", migrations, ARRAY_LEN(migrations), queries,
                                         ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &module };

static struct {
    struct loop *loop;
    struct db *db;
    unsigned readers, running;
    span length;
    instant begun;
    int64_t queries;
} bench;

NORETURN static void fail(const char *what)
{
    fprintf(stderr, "kb_pg_reads: %s\n", what);
    exit(1);
}

static int64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* --- Through the driver -------------------------------------------------------------------------
 */

static enum err reader(void *arg)
{
    int64_t id = *(unsigned *)arg;
    while (clock_mono() - bench.begun < bench.length) {
        struct arena_mark mark = arena_mark(task_arena());
        struct db_row row;
        id = (id + STRIDE) % ROWS;
        TRY(db_one(db_now(bench.db), &row_get, DB_ARGS(DB_I64(id + 1)), &row));
        if (db_i64(&row, 0) != id + 1)
            fail("another row came than was asked for");
        arena_rewind(task_arena(), mark);
        bench.queries++;
    }
    return OK;
}

static void on_reader_end(void *arg, enum err result)
{
    (void)arg;
    if (result != OK)
        fail(err_slot()->text);
    if (--bench.running == 0)
        loop_stop(bench.loop);
}

static void on_start(void *arg)
{
    static unsigned numbers[READERS_MAX];
    (void)arg;
    bench.begun = clock_mono();
    for (unsigned i = 0; i < bench.readers; i++) {
        numbers[i] = i;
        struct task_spec spec = {
            .name = "reader", .fn = reader, .arg = &numbers[i], .on_end = on_reader_end
        };
        if (task_start(bench.loop, &spec, NULL) != OK)
            fail(err_slot()->text);
    }
}

static double driver_window(void)
{
    int64_t before = cpu_ns();
    bench.queries = 0;
    bench.running = bench.readers;
    if (loop_open(NULL, &bench.loop) != OK)
        fail(err_slot()->text);
    loop_post(bench.loop, on_start, NULL);
    loop_run(bench.loop);
    loop_close(bench.loop);
    return (double)bench.queries * 1e9 / (double)(cpu_ns() - before);
}

/* --- libpq alone --------------------------------------------------------------------------------
 */

static PGconn *single_open(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    PGresult *result =
        PQprepare(conn, "q", "SELECT id, name, year FROM bench.rows WHERE id = $1", 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail(PQerrorMessage(conn));
    PQclear(result);
    return conn;
}

static double single_window(PGconn *conn)
{
    int64_t before = cpu_ns(), count = 0;
    uint64_t id = 0;
    instant begun = clock_mono();
    while (clock_mono() - begun < bench.length) {
        id = (id + STRIDE) % ROWS;
        uint64_t key = __builtin_bswap64(id + 1), got;
        const char *values[] = { (const char *)&key };
        int lengths[] = { 8 }, formats[] = { 1 };
        PGresult *result = PQexecPrepared(conn, "q", 1, values, lengths, formats, 1);
        if (PQntuples(result) != 1)
            fail(PQerrorMessage(conn));
        memcpy(&got, PQgetvalue(result, 0, 0), sizeof(got));
        if (got != key)
            fail("another row came than was asked for");
        PQclear(result);
        count++;
    }
    return (double)count * 1e9 / (double)(cpu_ns() - before);
}

static unsigned number(const char *text, unsigned max)
{
    uint64_t value;
    if (!str_parse_u64(str_of(text), &value) || value < 1 || value > max)
        fail("READERS, MILLISECONDS and ROUNDS are numbers from 1");
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "kb_pg_reads URL READERS MILLISECONDS ROUNDS\n");
        return 2;
    }
    struct db_spec spec = { .driver = &db_postgres,
                            .place = argv[1],
                            .context = "bench",
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules) };
    bench.readers = number(argv[2], READERS_MAX);
    bench.length = MILLISECONDS(number(argv[3], MS_MAX));
    unsigned rounds = number(argv[4], ROUNDS_MAX);
    if (db_open(&spec, &bench.db) != OK)
        fail(err_slot()->text);
    PGconn *single = single_open(argv[1]);
    for (unsigned round = 0; round < rounds; round++) {
        bool first = round % 2;
        double driver = first ? driver_window() : 0;
        double alone = single_window(single);
        driver = first ? driver : driver_window();
        printf("%.3f\n", driver / alone);
        fprintf(stderr, "driver %.0f, alone %.0f queries a CPU-s\n", driver, alone);
    }
    PQfinish(single);
    db_close(bench.db);
    return 0;
}
