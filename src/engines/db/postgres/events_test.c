/*
 * events: positions on a server where transactions overlap. The strangers here write as any program
 * may, at READ COMMITTED and over several statements, so that they can be stopped half way.
 */
#include "internal.h"
#include "stage_test.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program's own event_add, on a session of somebody else's. */
struct stranger {
    PGconn *handle;
    int64_t xid;
};

static void stranger_run(const struct stranger *stranger, const char *sql)
{
    PGresult *result = PQexec(stranger->handle, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        test_fail("%s: %s", sql, PQerrorMessage(stranger->handle));
    PQclear(result);
}

/* Begins, and has its id from here on. */
static struct stranger stranger_begin_as(const char *begin)
{
    struct stranger stranger = { .handle = stage_stranger("SET search_path TO faults") };
    stranger_run(&stranger, begin);
    PGresult *result = PQexec(stranger.handle, "SELECT pg_current_xact_id()::text");
    stranger.xid = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    CHECK(stranger.xid > 0);
    PQclear(result);
    return stranger;
}

static struct stranger stranger_begin(void)
{
    return stranger_begin_as("BEGIN");
}

static const char *event_add_sql(void)
{
    const struct db_module *port = db_port_module();
    for (unsigned i = 0; i < port->queries_count; i++)
        if (strcmp(port->queries[i]->name, "event_add") == 0)
            return port->queries[i]->sql[DB_POSTGRES];
    PANIC("the port has no query event_add");
}

static void stranger_publish(const struct stranger *stranger, const char *aggregate,
                             const char *payload)
{
    char *sql = pg_dialect_translate(event_add_sql());
    const char *const values[] = { "told", "1", aggregate, "0", payload };
    PGresult *result = PQexecParams(stranger->handle, sql, 5, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        test_fail("%s: %s", sql, PQerrorMessage(stranger->handle));
    PQclear(result);
    heap_free(sql);
}

static void stranger_commit(struct stranger *stranger)
{
    stranger_run(stranger, "COMMIT");
    PQfinish(stranger->handle);
}

/* --- Who follows the log ---------------------------------------------------------------------- */

static struct {
    char text[400]; /* "aggregate:version:payload " of all it has read */
    int64_t position;
} reader;

static enum err read_one(const struct db_logged *event, void *arg)
{
    size_t len = strlen(reader.text);
    (void)arg;
    CHECK(event->position > reader.position);
    reader.position = event->position;
    snprintf(reader.text + len, sizeof(reader.text) - len, "%.*s:%lld:%.*s ",
             STR_ARG(event->aggregate_id), (long long)event->version, STR_ARG(event->payload));
    return OK;
}

static unsigned reader_follow(void)
{
    unsigned count, all = 0;
    do {
        CHECK_OK(db_events_sequence(stage.db, 100, &count));
        all += count;
    } while (count);
    CHECK_OK(db_events_each(db_now(stage.db), (struct db_log_part){ reader.position, 100 },
                            read_one, NULL));
    return all;
}

/*
 * Three that overlap, and the one with the oldest id writes the aggregate last. By ids its event
 * would come first; by a position taken when it was written, a reader would have gone past it.
 */
TEST(postgres_the_oldest_transaction_that_writes_last_comes_last)
{
    stage_open("");
    memset(&reader, 0, sizeof(reader));
    struct stranger oldest = stranger_begin(), middle = stranger_begin(), newest = stranger_begin();
    CHECK(oldest.xid < middle.xid && middle.xid < newest.xid);
    stranger_publish(&oldest, "other", "early");
    stranger_publish(&newest, "film", "a");
    stranger_commit(&newest);
    CHECK_INT(reader_follow(), 1);
    stranger_publish(&middle, "film", "b");
    CHECK_INT(reader_follow(), 0); /* nobody sees what is not committed */
    stranger_commit(&middle);
    CHECK_INT(reader_follow(), 1);
    stranger_publish(&oldest, "film", "c");
    stranger_commit(&oldest);
    CHECK_INT(reader_follow(), 2);
    CHECK_STR(str_of(reader.text), STR("film:1:a film:2:b other:1:early film:3:c "));
    stage_close();
}

/* All three commit before anybody looks: ids of rows and of transactions are in another order. */
TEST(postgres_what_is_sequenced_at_once_is_in_the_order_of_versions)
{
    stage_open("");
    memset(&reader, 0, sizeof(reader));
    struct stranger oldest = stranger_begin(), middle = stranger_begin(), newest = stranger_begin();
    stranger_publish(&oldest, "other", "early");
    stranger_publish(&newest, "film", "a");
    stranger_commit(&newest);
    stranger_publish(&middle, "film", "b");
    stranger_commit(&middle);
    stranger_publish(&oldest, "film", "c");
    stranger_commit(&oldest);
    CHECK_INT(reader_follow(), 4);
    CHECK_STR(str_of(reader.text), STR("other:1:early film:1:a film:2:b film:3:c "));
    /* As if rows had come by another way, with ids against the order of versions. */
    PQfinish(stage_stranger("INSERT INTO faults.outbox (type, aggregate_id, version, payload, "
                            "created_at) VALUES ('told', 'book', 2, 'second', 0), ('told', "
                            "'book', 1, 'first', 0), ('told', 'book', 3, 'third', 0)"));
    CHECK_INT(reader_follow(), 3);
    CHECK(strstr(reader.text, "book:1:first book:2:second book:3:third ") != NULL);
    stage_close();
}

/* A dump, a forgotten psql: it has an id, a snapshot and rows of its own, for hours. */
TEST(postgres_a_foreign_long_transaction_stops_nothing)
{
    stage_open("");
    memset(&reader, 0, sizeof(reader));
    struct stranger forgotten = stranger_begin_as("BEGIN ISOLATION LEVEL REPEATABLE READ");
    stranger_run(&forgotten, "SELECT count(*) FROM outbox");
    stranger_run(&forgotten, "SELECT count(*) FROM event_log");
    stranger_publish(&forgotten, "dump", "never committed");
    for (int i = 0; i < 3; i++) {
        struct stranger writer = stranger_begin();
        stranger_publish(&writer, "film", i % 2 ? "odd" : "even");
        stranger_commit(&writer);
        CHECK_INT(reader_follow(), 1);
    }
    CHECK_STR(str_of(reader.text), STR("film:1:even film:2:odd film:3:even "));
    PQfinish(forgotten.handle);
    stage_close();
}

/* The second waits for the first: whoever has version 2 has seen version 1 committed. */
TEST(postgres_the_aggregate_is_locked_until_the_commit)
{
    stage_open("");
    memset(&reader, 0, sizeof(reader));
    struct stranger first = stranger_begin(), second = stranger_begin();
    stranger_publish(&first, "film", "a");
    stranger_run(&second, "SET LOCAL lock_timeout = '20ms'");
    char *sql = pg_dialect_translate(event_add_sql());
    const char *const values[] = { "told", "1", "film", "0", "b" };
    PGresult *result = PQexecParams(second.handle, sql, 5, NULL, values, NULL, NULL, 0);
    CHECK_STR(str_of(PQresultErrorField(result, PG_DIAG_SQLSTATE)), STR("55P03"));
    PQclear(result);
    heap_free(sql);
    PQfinish(second.handle);
    stranger_commit(&first);
    CHECK_INT(reader_follow(), 1);
    stage_close();
}

/* --- By the port, where they are run again ---------------------------------------------------- */

enum { TELLERS = 8, TALES = 12 };

static enum err tell_tx(struct db_tx *tx, void *arg)
{
    struct db_event event = { .type = STR("told"), .aggregate_id = STR("film") };
    (void)arg;
    return db_event_add(tx, &event);
}

static enum err tell_and_follow(void *arg)
{
    unsigned count;
    (void)arg;
    for (int i = 0; i < TALES; i++) {
        CHECK_OK(db_tx(stage.db, tell_tx, NULL));
        CHECK_OK(db_events_sequence(stage.db, 2, &count)); /* several at a time try */
    }
    return OK;
}

static int64_t versions_seen;

static enum err version_check(const struct db_logged *event, void *arg)
{
    (void)arg;
    CHECK_INT(event->version, ++versions_seen);
    return OK;
}

TEST(postgres_several_sequencers_take_turns)
{
    unsigned count;
    stage_open("");
    versions_seen = 0;
    stage_run(&(struct stage_run){ .fn = tell_and_follow, .count = TELLERS });
    do {
        CHECK_OK(db_events_sequence(stage.db, 100, &count));
    } while (count);
    CHECK_OK(
        db_events_each(db_now(stage.db), (struct db_log_part){ 0, 1000 }, version_check, NULL));
    CHECK_INT(versions_seen, TELLERS * TALES);
    stage_close();
}
