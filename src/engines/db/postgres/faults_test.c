/*
 * faults: a server that goes and comes back, connections that are lost, at the worst moments too.
 * Whatever is done to the server is undone before the test ends.
 */
#include "stage_test.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>

/* --- The server goes and comes ------------------------------------------------------------------
 */

static enum err await_answer(void)
{
    enum err err;
    for (int i = 0; i < 600; i++) {
        err = db_ping(stage.db);
        if (err == OK)
            break;
        TRY(await_sleep(MILLISECONDS(50)));
    }
    return err;
}

/* The sessions of a killed server find out by themselves that they are alone. */
static enum err await_silence(void)
{
    enum err err = OK;
    for (int i = 0; i < 600 && err == OK; i++) {
        err = db_ping(stage.db);
        TRY(await_sleep(MILLISECONDS(10)));
    }
    CHECK_INT(err, ERR_UNAVAILABLE);
    return OK;
}

static enum err touch(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &stage_change, DB_ARGS(DB_I64(1), DB_I64(1)), NULL);
}

static enum err see_it_go_and_come(void *arg)
{
    int how = *(int *)arg;
    int64_t before = stage_value(1);
    pg_server_stop(postgres_server(), how);
    CHECK_OK(await_silence());
    CHECK_ERR(db_tx(stage.db, touch, NULL), ERR_UNAVAILABLE);
    CHECK_ERR(db_ping(stage.db), ERR_UNAVAILABLE); /* at once: it is known to be down */
    CHECK_OK(pg_server_start(postgres_server()));
    CHECK_OK(await_answer());
    CHECK_OK(db_tx(stage.db, touch, NULL));
    CHECK_INT(stage_value(1), before + 1);
    return OK;
}

TEST(postgres_goes_and_comes_back)
{
    static const int ways[] = { SIGINT, SIGQUIT, SIGKILL };
    stage_open("");
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        stage_run_one(see_it_go_and_come, (void *)&ways[i]);
    /* without a task too: the idle connection is dead, and found so */
    CHECK_INT(stage_value(1), 1 + (int64_t)ARRAY_LEN(ways));
    stage_close();
}

static enum err use_after_restart(void *arg)
{
    (void)arg;
    int64_t before = stage_value(1);
    CHECK_OK(db_tx(stage.db, touch, NULL));
    pg_server_stop(postgres_server(), SIGINT);
    CHECK_OK(pg_server_start(postgres_server()));
    CHECK_INT(stage_value(1), before + 1); /* the first to find its connection dead asks again */
    CHECK_OK(db_tx(stage.db, touch, NULL));
    CHECK_INT(stage_value(1), before + 2);
    return OK;
}

TEST(postgres_restarted_between_two_calls_is_not_noticed)
{
    stage_open("");
    stage_run_one(use_after_restart, NULL);
    stage_close();
}

/* --- Lost connections ---------------------------------------------------------------------------
 */

struct shot {
    unsigned runs, shots;
};

/* Its own backend is ended after the first statement, as often as it says. */
static enum err change_and_be_shot(struct db_tx *tx, void *arg)
{
    struct shot *shot = arg;
    struct db_row row;
    char sql[64];
    TRY(db_exec(tx, &stage_change, DB_ARGS(DB_I64(1), DB_I64(10)), NULL));
    TRY(db_one(tx, &stage_backend, DB_NO_ARGS, &row));
    if (shot->runs++ < shot->shots) {
        snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d, 20000)", (int)db_i64(&row, 0));
        CHECK_OK(pg_server_sql(postgres_server(), stage.database, sql, NULL, 0));
    }
    return db_exec(tx, &stage_change, DB_ARGS(DB_I64(2), DB_I64(10)), NULL);
}

static enum err be_shot(void *arg)
{
    struct shot *shot = arg;
    int64_t before = stage_value(1), second = stage_value(2);
    enum err err = db_tx(stage.db, change_and_be_shot, shot);
    if (shot->shots > 5) {
        CHECK_INT(err, ERR_UNAVAILABLE);
        stage_check_slug("database-lost");
        CHECK_INT(stage_value(1), before);
        return OK;
    }
    CHECK_INT(err, OK);
    CHECK_INT(shot->runs, shot->shots + 1);
    CHECK_INT(stage_value(1), before + 10);
    CHECK_INT(stage_value(2), second + 10);
    return OK;
}

TEST(postgres_transaction_that_lost_its_connection_is_run_again)
{
    stage_open("");
    stage_run_one(be_shot, &(struct shot){ .shots = 1 });
    stage_run_one(be_shot, &(struct shot){ .shots = 1000 });
    CHECK_OK(be_shot(&(struct shot){ .shots = 1 })); /* on a plain thread */
    stage_close();
}

static enum err commit_into_the_void(void *arg)
{
    (void)arg;
    CHECK_ERR(db_tx(stage.db, touch, NULL), ERR_INTERNAL);
    stage_check_slug("commit-unknown");
    CHECK_OK(await_answer());
    return OK;
}

TEST(postgres_commit_without_an_answer_is_no_failure)
{
    stage_open("");
    CHECK_OK(pg_server_sql(
        postgres_server(), stage.database,
        "SET search_path TO faults;"
        "CREATE FUNCTION shoot() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(20); "
        "RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER shot AFTER UPDATE ON rows DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION shoot()",
        NULL, 0));
    stage_run_one(commit_into_the_void, NULL);
    stage_close();
}

static enum err crowd_out(void *arg)
{
    static PGconn *crowd[200];
    unsigned count = 0;
    char url[PG_SERVER_URL];
    (void)arg;
    pg_server_url(postgres_server(), stage.database, url);
    do
        crowd[count] = PQconnectdb(url);
    while (PQstatus(crowd[count++]) == CONNECTION_OK && count < ARRAY_LEN(crowd));
    CHECK_ERR(db_ping(stage.db), ERR_UNAVAILABLE);
    stage_check_slug("database-connections");
    CHECK_ERR(db_tx(stage.db, touch, NULL), ERR_UNAVAILABLE);
    while (count)
        PQfinish(crowd[--count]);
    CHECK_OK(await_answer());
    CHECK_OK(db_tx(stage.db, touch, NULL));
    return OK;
}

TEST(postgres_out_of_connections)
{
    stage_open("");
    stage_run_one(crowd_out, NULL);
    stage_close();
}
