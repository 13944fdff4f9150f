/* transactions: all or nothing, alone and among neighbours. */
#include "internal.h"

#include "conformance_sql.h"

#include <stdio.h>
#include <string.h>

/* --- One at a time -------------------------------------------------------------------------- */

static enum err add_two_then_fail(struct db_tx *tx, void *arg)
{
    struct item_new *item = arg;
    TRY(item_add(tx, item));
    item->name = "second";
    TRY(item_add(tx, item));
    return err_set(ERR_PRECONDITION, "changed-my-mind", "no");
}

static void a_failing_function_leaves_nothing(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct item_new item = { .name = "first" };
    CHECK_ERR(db_tx(f.db, add_two_then_fail, &item), ERR_PRECONDITION);
    CHECK_STR(str_of(err_slot()->slug), STR("changed-my-mind"));
    CHECK_INT(items_count(f.db), 0);
    database_close(&f);
}

/* Swallows a conflict: the transaction is lost all the same. */
static enum err swallow_conflict(struct db_tx *tx, void *arg)
{
    struct item_new *item = arg;
    struct item_new before = { .name = "before" };
    TRY(item_add(tx, &before));
    CHECK_ERR(item_add(tx, item), ERR_CONFLICT);
    struct item_new after = { .name = "after" };
    CHECK_ERR(item_add(tx, &after), ERR_CONFLICT);
    return OK;
}

static void a_failed_statement_loses_its_transaction(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct item_new item = { .name = "taken" };
    CHECK_OK(db_tx(f.db, item_add, &item));
    CHECK_ERR(db_tx(f.db, swallow_conflict, &item), ERR_CONFLICT);
    CHECK_STR(str_of(err_slot()->slug), STR("unique"));
    CHECK_INT(items_count(f.db), 1);
    database_close(&f);
}

static enum err add_and_look(struct db_tx *tx, void *arg)
{
    struct item_new *item = arg;
    struct db_row row = { 0 };
    TRY(item_add(tx, item));
    TRY(db_one(tx, &SQL_ITEM_BY_NAME, DB_ARGS(DB_TEXT(str_of(item->name))), &row));
    CHECK_INT(db_i64(&row, 0), item->id);
    TRY(db_find(db_now(db_of(tx)), &SQL_ITEM_BY_NAME, DB_ARGS(DB_TEXT(str_of(item->name))), &row));
    CHECK(row.values == NULL); /* from outside it is not there yet */
    return OK;
}

static void uncommitted_rows_are_seen_inside_only(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct item_new item = { .name = "one" };
    CHECK_OK(db_tx(f.db, add_and_look, &item));
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(f.db), &SQL_ITEM_GET, DB_ARGS(DB_I64(item.id)), &row));
    CHECK_STR(db_text(&row, 1), STR("one"));
    database_close(&f);
}

static enum err change_counted(struct db_tx *tx, void *arg)
{
    int64_t *changed = arg;
    for (int64_t i = 1; i <= 5; i++) {
        struct item_new item = { .name = arena_printf(db_arena(tx), "item %d", (int)i).ptr,
                                 .score = i };
        TRY(item_add(tx, &item));
    }
    TRY(db_exec(tx, &SQL_ITEM_SCORE_SET, DB_ARGS(DB_I64(999), DB_I64(1)), &changed[0]));
    return db_exec(tx, &SQL_ITEMS_REMOVE, DB_ARGS(DB_I64(3)), &changed[1]);
}

static void changed_rows_are_counted(void)
{
    struct fixture f;
    int64_t changed[2] = { -1, -1 };
    database_open(&f, (struct db_settings){ 0 });
    CHECK_OK(db_tx(f.db, change_counted, changed));
    CHECK_INT(changed[0], 0);
    CHECK_INT(changed[1], 3);
    CHECK_INT(items_count(f.db), 2);
    database_close(&f);
}

static enum err count_runs(struct db_tx *tx, void *arg)
{
    struct item_new item = { .name = "once" };
    ++*(int *)arg;
    return item_add(tx, &item);
}

static void a_function_that_is_run_again_acts_once(void)
{
    struct fixture f;
    int runs = 0;
    database_open(&f, (struct db_settings){ .run_twice = true });
    CHECK_OK(db_tx(f.db, count_runs, &runs));
    CHECK_INT(runs, 2);
    CHECK_INT(items_count(f.db), 1);
    database_close(&f);
}

/* --- Many at once --------------------------------------------------------------------------- */

struct writer {
    struct db *db;
    int64_t number;
    int64_t next;
    enum err result;
    unsigned writes;
};

static enum err mark_add(struct db_tx *tx, void *arg)
{
    struct writer *writer = arg;
    return db_exec(tx, &SQL_MARK_ADD, DB_ARGS(DB_I64(writer->number), DB_I64(writer->next)), NULL);
}

static enum err write_marks(void *arg)
{
    struct writer *writer = arg;
    for (unsigned i = 0; i < writer->writes; i++) {
        writer->next = i + 1;
        TRY(writer->result = db_tx(writer->db, mark_add, writer));
    }
    return OK;
}

static int64_t marks_count(struct db *db)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(db), &SQL_MARKS_COUNT, DB_NO_ARGS, &row));
    return db_i64(&row, 0);
}

static void writers_at_once(unsigned group_max)
{
    struct fixture f;
    struct writer writers[TASKS_MAX];
    database_open(&f, (struct db_settings){ .group_max = group_max });
    for (int i = 0; i < TASKS_MAX; i++)
        writers[i] = (struct writer){ .db = f.db, .number = i, .writes = 10 };
    tasks_run(&(struct task_run){ write_marks, writers, sizeof(writers[0]), TASKS_MAX, 0, 0 });
    for (int i = 0; i < TASKS_MAX; i++)
        CHECK_OK(writers[i].result);
    struct db_stats stats = db_stats(f.db);
    fixture_reopen(&f);
    CHECK_INT(marks_count(f.db), TASKS_MAX * 10);
    CHECK_INT(stats.transactions, TASKS_MAX * 10);
    CHECK(stats.commits <= stats.transactions && stats.commits > 0);
    CHECK(stats.group_peak <= group_max || group_max == 0);
    database_close(&f);
}

static void many_writers_lose_nothing(void)
{
    writers_at_once(0);
}

static void grouping_can_be_turned_off(void)
{
    writers_at_once(1);
}

/* Every third fails in its function, every fifth by a constraint. */
static enum err mark_or_fail(struct db_tx *tx, void *arg)
{
    struct writer *writer = arg;
    if (writer->number % 5 == 0)
        return db_exec(tx, &SQL_MARK_ADD, DB_ARGS(DB_I64(-1), DB_I64(-1)), NULL);
    TRY(mark_add(tx, arg));
    if (writer->number % 3 == 0)
        return err_set(ERR_PRECONDITION, "third", "%d is a third", (int)writer->number);
    return OK;
}

static enum err write_or_fail(void *arg)
{
    struct writer *writer = arg;
    writer->result = db_tx(writer->db, mark_or_fail, writer);
    if (writer->result != OK) {
        str slug = str_of(err_slot()->slug);
        CHECK_STR(slug, writer->number % 5 == 0 ? STR("unique") : STR("third"));
    }
    return OK;
}

static void a_failing_neighbour_harms_nobody(void)
{
    struct fixture f;
    struct writer writers[TASKS_MAX], taken = { .number = -1, .next = -1 };
    int64_t good = 1;
    database_open(&f, (struct db_settings){ 0 });
    CHECK_OK(db_tx(f.db, mark_add, &taken));
    for (int i = 0; i < TASKS_MAX; i++)
        writers[i] = (struct writer){ .db = f.db, .number = i };
    tasks_run(&(struct task_run){ write_or_fail, writers, sizeof(writers[0]), TASKS_MAX, 0, 0 });
    for (int i = 0; i < TASKS_MAX; i++) {
        enum err expected = i % 5 == 0 ? ERR_CONFLICT : i % 3 == 0 ? ERR_PRECONDITION : OK;
        CHECK_INT(writers[i].result, expected);
        good += expected == OK;
    }
    CHECK_INT(marks_count(f.db), good);
    database_close(&f);
}

static void a_timed_out_write_did_not_happen(void)
{
    struct fixture f;
    struct writer writers[TASKS_MAX];
    int64_t good = 0;
    database_open(&f, (struct db_settings){ 0 });
    for (int i = 0; i < TASKS_MAX; i++)
        writers[i] = (struct writer){ .db = f.db, .number = i, .writes = 1 };
    tasks_run(&(struct task_run){ write_marks, writers, sizeof(writers[0]), TASKS_MAX,
                                  MICROSECONDS(300), 0 });
    for (int i = 0; i < TASKS_MAX; i++) {
        CHECK(writers[i].result == OK || writers[i].result == ERR_TIMEOUT);
        good += writers[i].result == OK;
    }
    CHECK_INT(marks_count(f.db), good);
    database_close(&f);
}

static void a_full_queue_refuses(void)
{
    struct fixture f;
    struct writer writers[TASKS_MAX];
    int64_t good = 0;
    database_open(&f, (struct db_settings){ .queue_max = 2 });
    for (int i = 0; i < TASKS_MAX; i++)
        writers[i] = (struct writer){ .db = f.db, .number = i, .writes = 1 };
    tasks_run(&(struct task_run){ write_marks, writers, sizeof(writers[0]), TASKS_MAX, 0, 0 });
    for (int i = 0; i < TASKS_MAX; i++) {
        CHECK(writers[i].result == OK || writers[i].result == ERR_EXHAUSTED);
        good += writers[i].result == OK;
    }
    CHECK(good >= 1);
    CHECK_INT(marks_count(f.db), good);
    database_close(&f);
}

/* --- Memory --------------------------------------------------------------------------------- */

static enum err add_and_eat(struct db_tx *tx, void *arg)
{
    TRY(mark_add(tx, arg));
    (void)arena_alloc(db_arena(tx), MIB(1));
    return OK;
}

static enum err write_and_eat(void *arg)
{
    struct writer *writer = arg;
    bool greedy = writer->number % 2;
    writer->result = db_tx(writer->db, greedy ? add_and_eat : mark_add, writer);
    return OK;
}

static void too_much_memory_rolls_back_alone(void)
{
    struct fixture f;
    struct writer writers[8];
    database_open(&f, (struct db_settings){ 0 });
    for (int i = 0; i < 8; i++)
        writers[i] = (struct writer){ .db = f.db, .number = i };
    tasks_run(&(struct task_run){ write_and_eat, writers, sizeof(writers[0]), 8, 0, KIB(64) });
    for (int i = 0; i < 8; i++)
        CHECK_INT(writers[i].result, i % 2 ? ERR_EXHAUSTED : OK);
    CHECK_INT(marks_count(f.db), 4);
    database_close(&f);
}

void register_transactions(void)
{
    test_register("db_a_failing_function_leaves_nothing", __FILE__,
                  a_failing_function_leaves_nothing);
    test_register("db_a_failed_statement_loses_its_transaction", __FILE__,
                  a_failed_statement_loses_its_transaction);
    test_register("db_uncommitted_rows_are_seen_inside_only", __FILE__,
                  uncommitted_rows_are_seen_inside_only);
    test_register("db_changed_rows_are_counted", __FILE__, changed_rows_are_counted);
    test_register("db_a_function_that_is_run_again_acts_once", __FILE__,
                  a_function_that_is_run_again_acts_once);
    test_register("db_many_writers_lose_nothing", __FILE__, many_writers_lose_nothing);
    test_register("db_grouping_can_be_turned_off", __FILE__, grouping_can_be_turned_off);
    test_register("db_a_failing_neighbour_harms_nobody", __FILE__,
                  a_failing_neighbour_harms_nobody);
    test_register("db_a_timed_out_write_did_not_happen", __FILE__,
                  a_timed_out_write_did_not_happen);
    test_register("db_a_full_queue_refuses", __FILE__, a_full_queue_refuses);
    test_register("db_too_much_memory_rolls_back_alone", __FILE__,
                  too_much_memory_rolls_back_alone);
}
