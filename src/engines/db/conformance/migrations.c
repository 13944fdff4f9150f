/* migrations: forward once, refused where the history is not ours. */
#include "internal.h"

#include <string.h>

#define BOTH(text)                                                                                 \
    {                                                                                              \
        text, text                                                                                 \
    }

static const struct db_query query_a = { "a_count", BOTH("SELECT count(*) FROM a"), DB_SCAN, 0 };
static const struct db_query *const queries[] = { &query_a };

static const struct db_migration steps[] = {
    { 1, "0001_a", BOTH("CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);") },
    { 2, "0002_more", BOTH("INSERT INTO a VALUES (2); INSERT INTO a VALUES (3);") },
};
static const struct db_migration altered[] = {
    { 1, "0001_a", BOTH("CREATE TABLE a (x INTEGER, y INTEGER) STRICT;") },
    { 2, "0002_more", BOTH("INSERT INTO a VALUES (2);") },
};
static const struct db_migration failing[] = {
    { 1, "0001_a", BOTH("CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);") },
    { 2, "0002_more", BOTH("INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (3);") },
};
static const struct db_migration dangling[] = {
    { 1, "0001_a", BOTH("CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);") },
    { 2, "0002_more",
      BOTH("CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT;"
           "CREATE TABLE c (p INTEGER REFERENCES p (id)) STRICT;"
           "INSERT INTO c VALUES (7);") },
};
static const struct db_migration hole[] = {
    { 2, "0002_more", BOTH("CREATE TABLE a (x INTEGER) STRICT;") },
};

static const struct db_migration dated[] = {
    { 1, "0001_a",
      BOTH("CREATE TABLE a (x INTEGER, created_at INTEGER NOT NULL, finished_at INTEGER, "
           "due_at INTEGER) STRICT;") },
    { 2, "0002_more",
      BOTH("INSERT INTO a VALUES (1, 1000, NULL, 9000000000000000000);"
           "INSERT INTO a VALUES (2, 1000, 8000000000000000000, NULL);") },
};

struct stage {
    struct arena arena;
    struct db_spec spec;
    struct db_module module;
    const struct db_module *modules[1];
    struct db *db;
};

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){ .module = { "stage", NULL, 0, queries, 1 } };
    arena_init(&stage->arena, MIB(1));
    db_arena_use(&stage->arena);
    stage->modules[0] = &stage->module;
    stage->spec = (struct db_spec){ .driver = conformance_target->driver,
                                    .place = conformance_target->place_new(),
                                    .context = "stage",
                                    .modules = stage->modules,
                                    .modules_count = 1 };
}

static enum err stage_open(struct stage *stage, const struct db_migration *migrations,
                           unsigned count)
{
    stage->module.migrations = migrations;
    stage->module.migrations_count = count;
    return db_open(&stage->spec, &stage->db);
}

static int64_t stage_rows(struct stage *stage)
{
    struct db_row row;
    CHECK_OK(db_one(db_now(stage->db), &query_a, DB_NO_ARGS, &row));
    return db_i64(&row, 0);
}

static void stage_end(struct stage *stage)
{
    db_arena_use(NULL);
    arena_deinit(&stage->arena);
}

/* Opens with what is known to be right and finds `rows`: a refused opening has changed nothing. */
static void check_intact(struct stage *stage, unsigned version, int64_t rows)
{
    CHECK_OK(stage_open(stage, steps, version));
    CHECK_INT(stage_rows(stage), rows);
    db_close(stage->db);
}

static void check_refused(struct stage *stage, enum err code, const char *slug)
{
    CHECK_INT(err_slot()->code, code);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
    (void)stage;
}

static void each_is_applied_once(void)
{
    struct stage stage;
    stage_init(&stage);
    check_intact(&stage, 1, 1);
    check_intact(&stage, 1, 1);
    check_intact(&stage, 2, 3);
    check_intact(&stage, 2, 3);
    stage_end(&stage);
}

static void a_changed_migration_is_refused(void)
{
    struct stage stage;
    stage_init(&stage);
    check_intact(&stage, 1, 1);
    CHECK_ERR(stage_open(&stage, altered, 2), ERR_PRECONDITION);
    check_refused(&stage, ERR_PRECONDITION, "migration-changed");
    CHECK(strstr(err_slot()->text, "0001_a") != NULL);
    check_intact(&stage, 1, 1);
    stage_end(&stage);
}

static void a_newer_database_is_refused(void)
{
    struct stage stage;
    stage_init(&stage);
    check_intact(&stage, 2, 3);
    CHECK_ERR(stage_open(&stage, steps, 1), ERR_PRECONDITION);
    check_refused(&stage, ERR_PRECONDITION, "database-newer");
    CHECK(strstr(err_slot()->text, "version 2") && strstr(err_slot()->text, "version 1"));
    check_intact(&stage, 2, 3);
    stage_end(&stage);
}

static void an_unknown_module_is_refused(void)
{
    struct stage stage;
    stage_init(&stage);
    check_intact(&stage, 2, 3);
    stage.spec.modules_count = 0;
    CHECK_ERR(db_open(&stage.spec, &stage.db), ERR_PRECONDITION);
    check_refused(&stage, ERR_PRECONDITION, "database-newer");
    CHECK(strstr(err_slot()->text, "stage") != NULL);
    stage.spec.modules_count = 1;
    check_intact(&stage, 2, 3);
    stage_end(&stage);
}

static void a_failing_migration_leaves_nothing(void)
{
    struct stage stage;
    stage_init(&stage);
    CHECK_ERR(stage_open(&stage, failing, 2), ERR_INTERNAL);
    check_refused(&stage, ERR_INTERNAL, "migration-failed");
    CHECK(strstr(err_slot()->text, "0002_more") != NULL);
    check_intact(&stage, 1, 1); /* the first one stays, of the second nothing */
    check_intact(&stage, 2, 3);
    stage_end(&stage);
}

static void a_migration_that_breaks_references_is_undone(void)
{
    struct stage stage;
    stage_init(&stage);
    CHECK_ERR(stage_open(&stage, dangling, 2), ERR_INTERNAL);
    check_refused(&stage, ERR_INTERNAL, "migration-failed");
    check_intact(&stage, 1, 1);
    stage_end(&stage);
}

static void a_hole_in_the_history_is_refused(void)
{
    struct stage stage;
    stage_init(&stage);
    CHECK_OK(stage_open(&stage, hole, 1));
    db_close(stage.db);
    struct db_migration filled[] = { steps[0], hole[0] };
    CHECK_ERR(stage_open(&stage, filled, 2), ERR_PRECONDITION);
    check_refused(&stage, ERR_PRECONDITION, "migration-missing");
    stage_end(&stage);
}

/* Migrations are rows, too. What will be done does not count. */
static void the_newest_row_is_known(void)
{
    struct stage stage;
    instant at = 0, before = clock_now();
    stage_init(&stage);
    CHECK_OK(stage_open(&stage, dated, 1));
    CHECK_OK(db_newest(&stage.spec, &at));
    CHECK(at >= before && at <= clock_now());
    db_close(stage.db);
    CHECK_OK(stage_open(&stage, dated, 2));
    CHECK_OK(db_newest(&stage.spec, &at));
    CHECK_INT(at, 8000000000000000000);
    db_close(stage.db);
    stage_end(&stage);
}

static void contexts_do_not_mix(void)
{
    struct stage stage;
    stage_init(&stage);
    check_intact(&stage, 2, 3);
    stage.spec.context = "other";
    check_intact(&stage, 1, 1);
    stage.spec.context = "stage";
    check_intact(&stage, 2, 3);
    stage.spec.context = "../stage";
    CHECK_ERR(stage_open(&stage, steps, 2), ERR_INVALID);
    stage_end(&stage);
}

void register_migrations(void)
{
    test_register("db_each_migration_is_applied_once", __FILE__, each_is_applied_once);
    test_register("db_a_changed_migration_is_refused", __FILE__, a_changed_migration_is_refused);
    test_register("db_a_newer_database_is_refused", __FILE__, a_newer_database_is_refused);
    test_register("db_an_unknown_module_is_refused", __FILE__, an_unknown_module_is_refused);
    test_register("db_a_failing_migration_leaves_nothing", __FILE__,
                  a_failing_migration_leaves_nothing);
    test_register("db_a_migration_that_breaks_references_is_undone", __FILE__,
                  a_migration_that_breaks_references_is_undone);
    test_register("db_a_hole_in_the_history_is_refused", __FILE__,
                  a_hole_in_the_history_is_refused);
    test_register("db_contexts_do_not_mix", __FILE__, contexts_do_not_mix);
    test_register("db_the_newest_row_is_known", __FILE__, the_newest_row_is_known);
}
