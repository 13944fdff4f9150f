/*
 * kb_writes: `kb_writes FOLDER WRITERS GROUP MILLISECONDS` writes one row a transaction into a new
 * SQLite database, from as many tasks at once as there are writers, with at most GROUP transactions
 * a commit. Prints durable writes per second, counted by their callers.
 */
#include "engines/db/db.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/task/loop.h"
#include "foundation/task/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WRITERS_MAX = 1024, GROUP_MAX = 4096, MS_MAX = 60000 };

static const struct db_migration migrations[] = {
    { 1,
      "0001_rows",
      { [DB_SQLITE] = "CREATE TABLE rows (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, "
                      "n INTEGER NOT NULL) STRICT;" } },
};
static const struct db_query row_add = {
    "row_add", { [DB_SQLITE] = "INSERT INTO rows (writer, n) VALUES (?1, ?2)" }, DB_WRITE, 2
};
static const struct db_query rows_count = {
    "rows_count", { [DB_SQLITE] = "SELECT count(*) FROM rows" }, DB_SCAN, 0
};
static const struct db_query *const queries[] = { &row_add, &rows_count };
static const struct db_module module = { "bench", migrations, ARRAY_LEN(migrations), queries,
                                         ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &module };

static struct {
    struct loop *loop;
    struct db *db;
    unsigned writers, running;
    span length;
    instant begun, ended;
    int64_t written[WRITERS_MAX];
    bool failed;
} bench;

struct row {
    int64_t writer, n;
};

static enum err add(struct db_tx *tx, void *arg)
{
    const struct row *row = arg;
    return db_exec(tx, &row_add, DB_ARGS(DB_I64(row->writer), DB_I64(row->n)), NULL);
}

static enum err writer(void *arg)
{
    int64_t *written = arg;
    struct row row = { .writer = written - bench.written };
    while (clock_mono() - bench.begun < bench.length) {
        struct arena_mark mark = arena_mark(task_arena());
        TRY(db_tx(bench.db, add, &row));
        arena_rewind(task_arena(), mark);
        row.n = ++*written;
    }
    return OK;
}

static void on_writer_end(void *arg, enum err result)
{
    (void)arg;
    if (result != OK) {
        fprintf(stderr, "kb_writes: %s\n", err_slot()->text);
        bench.failed = true;
    }
    bench.ended = clock_mono();
    if (--bench.running == 0)
        loop_stop(bench.loop);
}

static void on_start(void *arg)
{
    (void)arg;
    bench.begun = clock_mono();
    for (unsigned i = 0; i < bench.writers; i++) {
        struct task_spec spec = {
            .name = "writer", .fn = writer, .arg = &bench.written[i], .on_end = on_writer_end
        };
        if (task_start(bench.loop, &spec, NULL) != OK)
            on_writer_end(NULL, ERR_EXHAUSTED);
    }
}

/* What the callers were told is written must be there. */
static int report(void)
{
    struct arena arena;
    struct db_row row;
    int64_t told = 0;
    arena_init(&arena, MIB(1));
    db_arena_use(&arena);
    for (unsigned i = 0; i < bench.writers; i++)
        told += bench.written[i];
    if (db_one(db_now(bench.db), &rows_count, DB_NO_ARGS, &row) != OK || db_i64(&row, 0) != told)
        bench.failed = true;
    struct db_stats stats = db_stats(bench.db);
    printf("{\"writes\":%" PRId64 ",\"commits\":%" PRIu64 ",\"writes_per_second\":%.1f}\n", told,
           stats.commits, (double)told * 1e6 / (double)MAX_OF(bench.ended - bench.begun, (span)1));
    db_arena_use(NULL);
    arena_deinit(&arena);
    return bench.failed;
}

static unsigned number(const char *text, unsigned max)
{
    uint64_t value;
    if (!str_parse_u64(str_of(text), &value) || value < 1 || value > max) {
        fprintf(stderr, "kb_writes: a number from 1 to %u was expected, not %s\n", max, text);
        exit(2);
    }
    return (unsigned)value;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "kb_writes FOLDER WRITERS GROUP MILLISECONDS\n");
        return 2;
    }
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = argv[1],
                            .context = "bench",
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules),
                            .settings = { .group_max = number(argv[3], GROUP_MAX) } };
    bench.writers = bench.running = number(argv[2], WRITERS_MAX);
    bench.length = MILLISECONDS(number(argv[4], MS_MAX));
    if (loop_open(NULL, &bench.loop) != OK || db_open(&spec, &bench.db) != OK) {
        fprintf(stderr, "kb_writes: %s\n", err_slot()->text);
        return 1;
    }
    loop_post(bench.loop, on_start, NULL);
    loop_run(bench.loop);
    int code = report();
    db_close(bench.db);
    loop_close(bench.loop);
    return code;
}
