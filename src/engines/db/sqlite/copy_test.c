/* A copy is the database as it was when the copy began, whatever is written meanwhile. */
#include "sqlite.h"

#include "foundation/test/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH(text)                                                                                 \
    {                                                                                              \
        text, text                                                                                 \
    }

static const struct db_query query_fill = {
    "pairs_fill",
    BOTH("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1) "
         "INSERT INTO pairs (name) SELECT 'a name long enough to fill some pages ' || x FROM n"),
    DB_WRITE, 1
};
static const struct db_query query_count = { "pairs_count", BOTH("SELECT count(*) FROM pairs"),
                                             DB_SCAN, 0 };
static const struct db_query *const queries[] = { &query_fill, &query_count };
static const struct db_migration migrations[] = {
    { 1, "0001_pairs", BOTH("CREATE TABLE pairs (id INTEGER PRIMARY KEY, name TEXT) STRICT;") }
};
static const struct db_module module = { "pairs", migrations, 1, queries, ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &module };

static struct arena arena;
static char target[256];

static struct db *open_in(const char *folder)
{
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = folder,
                            .context = "pairs",
                            .modules = modules,
                            .modules_count = 1 };
    struct db *db;
    arena_init(&arena, MIB(4));
    db_arena_use(&arena);
    CHECK_OK(db_open(&spec, &db));
    return db;
}

static void database_close(struct db *db)
{
    db_close(db);
    db_arena_use(NULL);
    arena_deinit(&arena);
}

static enum err fill(struct db_tx *tx, void *arg)
{
    return db_exec(tx, &query_fill, DB_ARGS(DB_I64(*(int64_t *)arg)), NULL);
}

static int64_t count_of(struct db *db)
{
    struct db_row row;
    CHECK_OK(db_one(db_now(db), &query_count, DB_NO_ARGS, &row));
    return db_i64(&row, 0);
}

struct writing {
    struct db *db;
    unsigned steps, steps_max;
};

/* Something is committed between any two steps. */
static bool write_between(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    struct writing *writing = arg;
    int64_t rows = 50;
    CHECK(done_bytes <= total_bytes);
    CHECK_OK(db_tx(writing->db, fill, &rows));
    return ++writing->steps < writing->steps_max;
}

static const char *copied_folder(void)
{
    static char folder[200];
    snprintf(folder, sizeof(folder), "%s/copied", test_folder());
    CHECK_INT(mkdir(folder, 0700), 0);
    snprintf(target, sizeof(target), "%s/pairs.db", folder);
    return folder;
}

TEST(copy_is_of_one_moment)
{
    struct db *db = open_in(test_folder());
    const char *folder = copied_folder();
    int64_t rows = 20000;
    struct writing writing = { .db = db, .steps_max = 100000 };
    CHECK_OK(db_tx(db, fill, &rows));
    CHECK_OK(db_copy(db, target, &(struct db_copy_watch){ write_between, &writing }));
    CHECK(writing.steps > 3);
    CHECK_INT(count_of(db), rows + (int64_t)writing.steps * 50);
    database_close(db);
    db = open_in(folder);
    CHECK_INT(count_of(db), rows);
    database_close(db);
}

TEST(copy_given_up_leaves_nothing)
{
    struct db *db = open_in(test_folder());
    int64_t rows = 20000;
    struct writing writing = { .db = db, .steps_max = 2 };
    copied_folder();
    CHECK_OK(db_tx(db, fill, &rows));
    CHECK_ERR(db_copy(db, target, &(struct db_copy_watch){ write_between, &writing }),
              ERR_CANCELLED);
    CHECK(access(target, F_OK) != 0);
    CHECK_OK(db_copy(db, target, NULL));
    CHECK_ERR(db_copy(db, target, NULL), ERR_CONFLICT);
    CHECK(access(target, F_OK) == 0);
    database_close(db);
}
