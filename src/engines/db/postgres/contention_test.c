/* contention: other transactions, locks, neighbours in a batch, time. */
#include "stage_test.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* --- Transactions that collide ------------------------------------------------------------------
 */

enum { WRITERS = 12, ROUNDS = 15 };

static enum err read_then_put(struct db_tx *tx, void *arg)
{
    struct db_row row;
    (void)arg;
    TRY(db_one(tx, &stage_get, DB_ARGS(DB_I64(1)), &row));
    return db_exec(tx, &stage_put, DB_ARGS(DB_I64(1), DB_I64(db_i64(&row, 0) + 1)), NULL);
}

static enum err count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        CHECK_OK(db_tx(stage.db, read_then_put, NULL));
    return OK;
}

TEST(postgres_no_update_is_lost)
{
    stage_open("");
    int64_t before = stage_value(1);
    stage_run(&(struct stage_run){ .fn = count_up, .count = WRITERS });
    CHECK_INT(stage_value(1), before + (int64_t)WRITERS * ROUNDS);
    stage_close();
}

/* "At most one of the two rows is taken": each looks at both and writes one. */
static enum err take_if_free(struct db_tx *tx, void *arg)
{
    const int64_t *own = arg;
    struct db_row first, second;
    TRY(db_one(tx, &stage_get, DB_ARGS(DB_I64(4)), &first));
    TRY(db_one(tx, &stage_get, DB_ARGS(DB_I64(8)), &second));
    if (db_i64(&first, 0) + db_i64(&second, 0) > 0)
        return err_set(ERR_CONFLICT, "taken", "one is taken");
    return db_exec(tx, &stage_put, DB_ARGS(DB_I64(*own), DB_I64(1)), NULL);
}

static enum err take_one(void *arg)
{
    enum err err = db_tx(stage.db, take_if_free, arg);
    CHECK(err == OK || err == ERR_CONFLICT);
    return OK;
}

TEST(postgres_a_rule_over_two_rows_holds)
{
    int64_t own[WRITERS];
    stage_open("");
    for (int i = 0; i < WRITERS; i++)
        own[i] = i % 2 ? 4 : 8;
    stage_run(&(struct stage_run){ take_one, own, sizeof(own[0]), WRITERS, 0 });
    CHECK_INT(stage_value(4) + stage_value(8), 1);
    stage_close();
}

static enum err change_both(struct db_tx *tx, void *arg)
{
    int64_t first = *(int64_t *)arg, second = first == 1 ? 2 : 1;
    TRY(db_exec(tx, &stage_change, DB_ARGS(DB_I64(first), DB_I64(1)), NULL));
    return db_exec(tx, &stage_change, DB_ARGS(DB_I64(second), DB_I64(1)), NULL);
}

static enum err cross(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        CHECK_OK(db_tx(stage.db, change_both, arg));
    return OK;
}

TEST(postgres_crossed_locks_end_well)
{
    int64_t first[WRITERS];
    stage_open("");
    int64_t before = stage_value(1);
    for (int i = 0; i < WRITERS; i++)
        first[i] = 1 + i % 2;
    stage_run(&(struct stage_run){ cross, first, sizeof(first[0]), WRITERS, 0 });
    CHECK_INT(stage_value(1), before + (int64_t)WRITERS * ROUNDS);
    stage_close();
}

/* --- Locks and time -----------------------------------------------------------------------------
 */

static enum err touch(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &stage_change, DB_ARGS(DB_I64(1), DB_I64(1)), NULL);
}

static enum err write_behind_a_lock(void *arg)
{
    *(enum err *)arg = db_tx(stage.db, touch, NULL);
    return OK;
}

static const char waiting_sql[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                  "current_database() AND wait_event_type = 'Lock'";

TEST(postgres_a_lock_held_for_long_costs_a_deadline_each)
{
    enum err results[4];
    stage_open("&pool=4");
    int64_t before = stage_value(1);
    PGconn *other = stage_stranger("BEGIN; UPDATE faults.rows SET n = n WHERE id = 1");
    stage_run(&(struct stage_run){ write_behind_a_lock, results, sizeof(results[0]), 4,
                                   MILLISECONDS(400) });
    for (int i = 0; i < 4; i++)
        CHECK_INT(results[i], ERR_TIMEOUT);
    CHECK_INT(stage_server_number(waiting_sql), 0); /* they were cancelled on the server too */
    PQfinish(other);
    stage_run_one(write_behind_a_lock, &results[0]);
    CHECK_INT(results[0], OK);
    CHECK_INT(stage_value(1), before + 1);
    stage_close();
}

static enum err wait_then_write(void *arg)
{
    (void)arg;
    for (int i = 0; i < 4; i++) { /* the same connection, cancelled again and again */
        instant before = task_deadline_narrow(MILLISECONDS(100));
        CHECK_ERR(db_tx(stage.db, touch, NULL), ERR_TIMEOUT);
        task_deadline_restore(before);
    }
    PQfinish(stage_stranger("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                            "state = 'idle in transaction' AND datname = current_database()"));
    CHECK_OK(db_tx(stage.db, touch, NULL));
    return OK;
}

TEST(postgres_a_cancelled_connection_is_of_use_again)
{
    stage_open("&pool=1");
    int64_t before = stage_value(1);
    PGconn *other = stage_stranger("BEGIN; UPDATE faults.rows SET n = n WHERE id = 1");
    stage_run_one(wait_then_write, NULL);
    PQfinish(other);
    CHECK_INT(stage_value(1), before + 1);
    stage_close();
}

static enum err doze_long(void *arg)
{
    struct db_row row;
    *(enum err *)arg = db_one(db_now(stage.db), &stage_doze, DB_ARGS(DB_F64(600)), &row);
    return OK;
}

TEST(postgres_a_point_query_has_a_budget)
{
    enum err result = OK;
    stage_open("");
    stage_run_one(doze_long, &result);
    CHECK_INT(result, ERR_EXHAUSTED);
    CHECK_INT(db_stats(stage.db).reads_over_budget, 1);
    stage_close();
}

/* --- Neighbours ---------------------------------------------------------------------------------
 */

enum { READERS = 64, READS = 20 };

static enum err share_many(void *arg)
{
    int64_t number = *(int64_t *)arg;
    for (int64_t i = 0; i < READS; i++) {
        int64_t id = 1 + (number + i) % STAGE_ROWS;
        struct db_row row;
        enum err err = db_one(db_now(stage.db), &stage_share, DB_ARGS(DB_I64(id)), &row);
        if (id % 4 == 0) { /* its row holds 0 */
            CHECK_INT(err, ERR_INTERNAL);
            CHECK(strstr(err_slot()->text, "zero") != NULL);
        } else {
            CHECK_INT(err, OK);
            CHECK_INT(db_i64(&row, 0), 100 / (id % 4));
        }
    }
    return OK;
}

static void neighbours(const char *parameters)
{
    int64_t numbers[READERS];
    stage_open(parameters);
    for (int64_t i = 0; i < READERS; i++)
        numbers[i] = i;
    stage_run(&(struct stage_run){ share_many, numbers, sizeof(numbers[0]), READERS, 0 });
    CHECK(db_stats(stage.db).reads_inline >= (uint64_t)READERS * READS);
    stage_close();
}

TEST(postgres_a_failing_read_harms_no_neighbour)
{
    neighbours("");
    neighbours("&readers=1");
}

static enum err read_hastily(void *arg)
{
    struct db_row row;
    int64_t id = 1 + *(int64_t *)arg % 3;
    for (int i = 0; i < READS; i++) {
        enum err err = db_one(db_now(stage.db), &stage_get, DB_ARGS(DB_I64(id)), &row);
        if (err != OK)
            return err; /* the deadline: its answer is dropped when it comes */
        CHECK_INT(db_i64(&row, 0), id);
    }
    return OK;
}

TEST(postgres_a_reader_may_leave_at_any_moment)
{
    int64_t numbers[READERS];
    stage_open("&readers=1");
    for (int64_t i = 0; i < READERS; i++)
        numbers[i] = i;
    for (int round = 1; round <= 10; round++)
        stage_run(&(struct stage_run){ read_hastily, numbers, sizeof(numbers[0]), READERS,
                                       MICROSECONDS(700) * round });
    stage_run(&(struct stage_run){ read_hastily, numbers, sizeof(numbers[0]), READERS, 0 });
    stage_close();
}

static enum err batch_reads(void *arg)
{
    struct db_row row;
    (void)arg;
    return db_one(db_now(stage.db), &stage_get, DB_ARGS(DB_I64(1)), &row);
}

TEST(postgres_reads_of_a_turn_share_a_synchronisation)
{
    stage_open("&readers=1");
    stage_run_one(batch_reads, NULL); /* its types are known from here on */
    int64_t before = stage_server_number("SELECT xact_commit FROM pg_stat_database WHERE datname "
                                         "= current_database()");
    stage_run(&(struct stage_run){ .fn = batch_reads, .count = READERS });
    stage_close();
    int64_t after = before;
    for (int i = 0; i < 200 && after == before; i++) { /* counted when the session has ended */
        after = stage_server_number("SELECT xact_commit FROM pg_stat_database WHERE datname = "
                                    "current_database()");
    }
    CHECK(after - before < READERS / 2); /* a transaction a synchronisation, and this test's own */
}

/* --- Between processes --------------------------------------------------------------------------
 */

static void on_told(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static enum err notify(struct db_tx *tx, void *arg)
{
    (void)arg;
    db_notify(tx, DB_TOPIC_JOBS);
    return touch(tx, NULL);
}

TEST(postgres_tells_other_processes)
{
    _Atomic int told = 0;
    stage_open("");
    struct db_spec spec = { .driver = &db_postgres,
                            .place = stage.place,
                            .context = "faults",
                            .modules = stage_modules,
                            .modules_count = 1 };
    struct db *other;
    struct db_listener listener = { .topics = DB_TOPIC_JOBS, .fn = on_told, .arg = &told };
    CHECK_OK(db_open(&spec, &other)); /* its own number, as if it were another process */
    db_listen(other, &listener);
    for (int i = 0; i < 3000 && !told; i++) { /* until it listens: a hint may be lost before */
        CHECK_OK(db_tx(stage.db, notify, NULL));
        usleep(10000);
    }
    CHECK(told > 0);
    db_unlisten(other, &listener);
    db_close(other);
    stage_close();
}
