/* Changes that processes must not miss: by hints, by the table where there are none, and across
 * lost connections. Two databases of one place stand for two processes. */
#include "stage_test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WAITS = 6000 }; /* of 10 ms */

static struct db *other;
static _Atomic int told;

static void on_told(void *arg)
{
    (void)arg;
    atomic_fetch_add(&told, 1);
}

static struct db_listener listener = { .topics = DB_TOPIC_CATALOG, .fn = on_told };

static void other_open(const char *parameters)
{
    char place[512];
    snprintf(place, sizeof(place), "%s%s", stage.place, parameters);
    struct db_spec spec = { .driver = &db_postgres,
                            .place = place,
                            .context = "faults",
                            .modules = stage_modules,
                            .modules_count = 1 };
    CHECK_OK(db_open(&spec, &other));
    CHECK(!db_is_told(other)); /* nobody has looked yet */
    db_listen(other, &listener);
}

static void other_close(void)
{
    db_unlisten(other, &listener);
    db_close(other);
    stage_close();
}

static void await_is_told(bool wanted)
{
    for (int i = 0; i < WAITS && db_is_told(other) != wanted; i++)
        usleep(10000);
    CHECK(db_is_told(other) == wanted);
}

static enum err change(struct db_tx *tx, void *arg)
{
    db_notify(tx, *(enum db_topic *)arg);
    return db_exec(tx, &stage_change, DB_ARGS(DB_I64(1), DB_I64(1)), NULL);
}

static enum err change_and_fail(struct db_tx *tx, void *arg)
{
    TRY(change(tx, arg));
    return err_set(ERR_CONFLICT, "test", "given up");
}

static instant commit(enum db_topic topic)
{
    CHECK_OK(db_tx(stage.db, change, &topic));
    return clock_mono();
}

/*
 * Until the other is told. At no moment may it hold its copies for true although the commit is
 * longer ago than DB_TOLD_WITHIN.
 */
static void await_told(int before, instant committed)
{
    for (int i = 0; i < WAITS && atomic_load(&told) == before; i++) {
        instant now = clock_mono();
        bool is_told = db_is_told(other);
        bool knows = atomic_load(&told) > before;
        CHECK(knows || !is_told || now - committed < DB_TOLD_WITHIN);
        usleep(1000);
    }
    CHECK(atomic_load(&told) > before);
}

static void tells(const char *parameters)
{
    stage_open("");
    other_open(parameters);
    await_is_told(true);
    for (int i = 0; i < 5; i++) {
        int before = atomic_load(&told);
        await_told(before, commit(DB_TOPIC_CATALOG));
        usleep(700000); /* what comes twice has come: a hint and a line are one change */
    }
    other_close();
}

TEST(postgres_changes_are_told_to_other_processes)
{
    tells("");
}

TEST(postgres_changes_are_told_where_nobody_listens)
{
    tells("&pgbouncer=1");
}

TEST(postgres_only_changes_that_were_committed_are_kept)
{
    enum db_topic topic = DB_TOPIC_ASSETS;
    stage_open("");
    CHECK_ERR(db_tx(stage.db, change_and_fail, &topic), ERR_CONFLICT);
    commit(DB_TOPIC_JOBS);
    CHECK_INT(stage_server_number("SELECT count(*) FROM faults.changes"), 0);
    commit(DB_TOPIC_ASSETS);
    CHECK_INT(stage_server_number("SELECT sum(topics) FROM faults.changes"), DB_TOPIC_ASSETS);
    stage_close();
}

TEST(postgres_changes_are_told_after_a_lost_connection)
{
    stage_open("");
    other_open("");
    await_is_told(true);
    int before = atomic_load(&told);
    stage_server_number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND datname = current_database()");
    await_told(before, clock_mono()); /* whatever went by meanwhile */
    await_is_told(true);
    before = atomic_load(&told);
    await_told(before, commit(DB_TOPIC_CATALOG));
    other_close();
}

TEST(postgres_copies_are_not_trusted_while_the_server_is_silent)
{
    stage_open("");
    other_open("");
    await_is_told(true);
    PGconn *lock = stage_stranger("BEGIN; LOCK TABLE faults.changes");
    await_is_told(false); /* the look waits; who cannot look does not know */
    PQfinish(lock);
    await_is_told(true);
    other_close();
}

TEST(postgres_lines_of_changes_are_few)
{
    stage_open("");
    stage_server_number("WITH added AS (INSERT INTO faults.changes (topics) "
                        "SELECT 4 FROM generate_series(1, 9000) RETURNING 1) "
                        "SELECT count(*) FROM added");
    other_open("");
    await_is_told(true);
    int64_t lines = 9000;
    for (int i = 0; i < WAITS && lines > 4000; i++) {
        usleep(10000);
        lines = stage_server_number("SELECT count(*) FROM faults.changes");
    }
    CHECK_INT(lines, 2000);
    int before = atomic_load(&told);
    await_told(before, commit(DB_TOPIC_CATALOG));
    other_close();
}
