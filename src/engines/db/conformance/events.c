/* events: what a transaction publishes is in the log exactly when it is committed, in order. */
#include "internal.h"

#include <stdio.h>

struct log_read {
    int64_t positions[64], versions[64];
    char first[64]; /* type, aggregate and payload of the first */
    unsigned count;
};

static enum err on_event(const struct db_logged *event, void *arg)
{
    struct log_read *read = arg;
    if (read->count == 0)
        snprintf(read->first, sizeof(read->first), "%.*s/%u %.*s %.*s", STR_ARG(event->type),
                 event->type_version, STR_ARG(event->aggregate_id), STR_ARG(event->payload));
    if (read->count < ARRAY_LEN(read->positions)) {
        read->positions[read->count] = event->position;
        read->versions[read->count] = event->version;
    }
    read->count++;
    return OK;
}

static struct log_read log_read(struct db *db, int64_t after)
{
    struct log_read read = { .count = 0 };
    unsigned count;
    do {
        CHECK_OK(db_events_sequence(db, 100, &count));
    } while (count);
    CHECK_OK(db_events_each(db_now(db), (struct db_log_part){ after, 1000 }, on_event, &read));
    return read;
}

static enum err event_add(struct db_tx *tx, void *arg)
{
    enum err result = *(enum err *)arg;
    struct db_event event = { .type = STR("item.added"),
                              .type_version = 2,
                              .aggregate_id = STR("item/1"),
                              .payload = STR("{\"a\":1}") };
    TRY(db_event_add(tx, &event));
    return result == OK ? OK : err_set(result, NULL, "undone");
}

static void count_told(void *arg)
{
    ++*(_Atomic int *)arg;
}

static void commit_with_their_transaction(void)
{
    struct fixture f;
    enum err result = ERR_PRECONDITION;
    database_open(&f, (struct db_settings){ 0 });
    _Atomic int told = 0;
    struct db_listener listener = { .topics = DB_TOPIC_EVENTS, .fn = count_told, .arg = &told };
    struct db_listener other = { .topics = DB_TOPIC_JOBS, .fn = count_told, .arg = &told };
    db_listen(f.db, &other);
    db_listen(f.db, &listener);
    CHECK_ERR(db_tx(f.db, event_add, &result), ERR_PRECONDITION);
    CHECK_INT(log_read(f.db, 0).count, 0);
    CHECK_INT(told, 0);
    result = OK;
    CHECK_OK(db_tx(f.db, event_add, &result));
    db_unlisten(f.db, &listener); /* waits for a call under way */
    db_unlisten(f.db, &other);
    CHECK_INT(told, 1);
    struct log_read read = log_read(f.db, 0);
    CHECK_INT(read.count, 1);
    CHECK_INT(read.versions[0], 1); /* the one that was undone has left no gap */
    CHECK_STR(str_of(read.first), STR("item.added/2 item/1 {\"a\":1}"));
    database_close(&f);
}

static enum err unnamed_add(struct db_tx *tx, void *arg)
{
    return db_event_add(tx, arg);
}

static void need_a_type_and_an_aggregate(void)
{
    struct fixture f;
    database_open(&f, (struct db_settings){ 0 });
    struct db_event no_type = { .aggregate_id = STR("item/1") };
    struct db_event no_aggregate = { .type = STR("item.added") };
    CHECK_ERR(db_tx(f.db, unnamed_add, &no_type), ERR_INVALID);
    CHECK_ERR(db_tx(f.db, unnamed_add, &no_aggregate), ERR_INVALID);
    CHECK_INT(log_read(f.db, 0).count, 0);
    database_close(&f);
}

static enum err prune_tx(struct db_tx *tx, void *arg)
{
    int64_t *upto_then_removed = arg;
    return db_events_prune(tx, upto_then_removed[0], 3, &upto_then_removed[1]);
}

static void are_pruned_but_the_last(void)
{
    struct fixture f;
    enum err result = OK;
    int64_t prune[2], last, first;
    instant at;
    str name, again;
    database_open(&f, (struct db_settings){ 0 });
    CHECK_OK(db_events_last(db_now(f.db), &last));
    CHECK_INT(last, 0);
    CHECK_OK(db_events_first(db_now(f.db), 0, &first, &at));
    CHECK_INT(first, 0);
    for (int i = 0; i < 5; i++)
        CHECK_OK(db_tx(f.db, event_add, &result));
    struct log_read read = log_read(f.db, 0);
    CHECK_INT(read.count, 5);
    prune[0] = INT64_MAX;
    CHECK_OK(db_tx(f.db, prune_tx, prune));
    CHECK_INT(prune[1], 3);
    CHECK_OK(db_tx(f.db, prune_tx, prune));
    CHECK_INT(prune[1], 1);
    CHECK_OK(db_events_last(db_now(f.db), &last));
    CHECK_INT(last, read.positions[4]);
    CHECK_OK(db_events_first(db_now(f.db), 0, &first, &at));
    CHECK_INT(first, last);
    CHECK_OK(db_tx(f.db, event_add, &result));
    struct log_read rest = log_read(f.db, last);
    CHECK_INT(rest.count, 1);
    CHECK(rest.positions[0] > last);
    CHECK_INT(rest.versions[0], 6); /* versions do not begin anew */
    CHECK_OK(db_events_log(f.db, &name));
    fixture_reopen(&f);
    CHECK_OK(db_events_log(f.db, &again));
    CHECK(name.len == 16 && str_eq(name, again));
    database_close(&f);
}

/* --- Many writers, and one who follows ------------------------------------------------------- */

enum { WRITERS = 6, ROUNDS = 30, AGGREGATES = 4 };

static struct {
    struct db *db;
    unsigned writing;
    int64_t committed[AGGREGATES], seen[AGGREGATES], position;
} flow;

struct round {
    unsigned number, writer;
};

/* Two aggregates, in an order that differs; each third round is undone. */
static enum err round_tx(struct db_tx *tx, void *arg)
{
    const struct round *round = arg;
    for (unsigned i = 0; i < 2; i++) {
        char name[16];
        unsigned aggregate = (round->writer + round->number * (i + 1)) % AGGREGATES;
        snprintf(name, sizeof(name), "%u", aggregate);
        struct db_event event = { .type = STR("counted"), .aggregate_id = str_of(name) };
        TRY(db_event_add(tx, &event));
    }
    return round->number % 3 ? OK : err_set(ERR_PRECONDITION, NULL, "undone");
}

static enum err write_rounds(unsigned writer)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct round round = { i, writer };
        enum err err = db_tx(flow.db, round_tx, &round);
        if (i % 3)
            CHECK_OK(err);
        else
            CHECK_ERR(err, ERR_PRECONDITION);
        for (unsigned k = 1; k <= 2 && err == OK; k++)
            flow.committed[(writer + i * k) % AGGREGATES]++;
    }
    flow.writing--;
    return OK;
}

/* Never behind a position already read, and each aggregate's versions one after another. */
static enum err follow_one(const struct db_logged *event, void *arg)
{
    int64_t aggregate;
    (void)arg;
    CHECK(str_parse_i64(event->aggregate_id, &aggregate));
    CHECK(event->position > flow.position);
    CHECK_INT(event->version, flow.seen[aggregate] + 1);
    flow.seen[aggregate] = event->version;
    flow.position = event->position;
    return OK;
}

static enum err follow(void)
{
    unsigned count;
    bool last = false;
    while (!last) {
        last = flow.writing == 0;
        do {
            CHECK_OK(db_events_sequence(flow.db, 7, &count));
        } while (last && count);
        int64_t before;
        do {
            before = flow.position;
            CHECK_OK(db_events_each(db_now(flow.db), (struct db_log_part){ flow.position, 5 },
                                    follow_one, NULL));
        } while (flow.position > before);
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    }
    return OK;
}

static enum err write_or_follow(void *arg)
{
    unsigned number = *(unsigned *)arg;
    return number < WRITERS ? write_rounds(number) : follow();
}

static void of_many_writers_are_followed_in_order(void)
{
    struct fixture f;
    unsigned numbers[WRITERS + 1];
    database_open(&f, (struct db_settings){ 0 });
    flow.db = f.db;
    flow.writing = WRITERS;
    flow.position = 0;
    for (unsigned i = 0; i < AGGREGATES; i++)
        flow.committed[i] = flow.seen[i] = 0;
    for (unsigned i = 0; i <= WRITERS; i++)
        numbers[i] = i;
    tasks_run(&(struct task_run){ write_or_follow, numbers, sizeof(numbers[0]), WRITERS + 1, 0,
                                  MIB(16) });
    for (unsigned i = 0; i < AGGREGATES; i++)
        CHECK_INT(flow.seen[i], flow.committed[i]);
    database_close(&f);
}

void register_events(void)
{
    test_register("db_events_commit_with_their_transaction", __FILE__,
                  commit_with_their_transaction);
    test_register("db_events_need_a_type_and_an_aggregate", __FILE__, need_a_type_and_an_aggregate);
    test_register("db_events_are_pruned_but_the_last", __FILE__, are_pruned_but_the_last);
    test_register("db_events_of_many_writers_are_followed_in_order", __FILE__,
                  of_many_writers_are_followed_in_order);
}
