/*
 * meters: a histogram of the queries of one database, by name: names are known when the program is
 * built. The writer's thread and the pool's run queries for a task elsewhere; the task's span goes
 * with the function.
 */
#include "meters.h"

#include "foundation/mem/heap.h"
#include "foundation/metric/metric.h"
#include "foundation/task/task.h"
#include "foundation/trace/trace.h"

#include <math.h>

/* 50 µs to 5 s: a point read takes some 10 µs. */
static const int64_t bounds[] = { 50,    100,   250,   500,    1000,   2500,    5000,
                                  10000, 25000, 50000, 100000, 250000, 1000000, 5000000 };
static const struct metric_buckets buckets = { bounds, ARRAY_LEN(bounds), 1000000 };
static const char **query_names;
static struct metric_label query_label = { "query", NULL, 0 };
METRIC_HISTOGRAM(db_query_duration_seconds, "From the asking of a named query to its last row.",
                 &buckets, &query_label);

/* Counted by one database a process; asked for by scrapes on any thread. */
static const struct db *_Atomic metered;
static struct db_ordinals ordinals;

static struct db_stats stats(void)
{
    const struct db *db = atomic_load(&metered);
    return db ? db_stats(db) : (struct db_stats){ 0 };
}

#define STAT(name, expression)                                                                     \
    static double name(void)                                                                       \
    {                                                                                              \
        struct db_stats now = stats();                                                             \
        return (double)(expression);                                                               \
    }
STAT(queue_length, now.queue_length)
STAT(transactions, now.transactions)
STAT(transactions_failed, now.failed)
STAT(transactions_refused, now.refused)
STAT(commits, now.commits)
STAT(commit_seconds, (double)now.commit_us_total / 1e6)
STAT(reads_inline, now.reads_inline)
STAT(reads_pool, now.reads_pool)
STAT(reads_over_budget, now.reads_over_budget)

STAT(connections_open, now.connections_open)
STAT(connections_busy, now.connections_busy)
STAT(connections_idle, now.connections_open - MIN_OF(now.connections_busy, now.connections_open))
STAT(waits, now.waits)
STAT(wait_seconds, (double)now.wait_us_total / 1e6)

/* NaN is left out. */
static double replication_lag(void)
{
    int64_t lag_us = atomic_load(&metered) ? stats().replication_lag_us : -1;
    return lag_us < 0 ? NAN : (double)lag_us / 1e6;
}

METRIC_GAUGE_READ(db_connections_open, "Connections to the database's server.", connections_open);
METRIC_GAUGE_READ(db_connections_busy, "Of them, held by a transaction or a snapshot.",
                  connections_busy);
METRIC_GAUGE_READ(db_connections_idle, "Of them, shared by reads or held by nobody.",
                  connections_idle);
METRIC_COUNTER_READ(db_connection_waits_total, "Times a task waited for a connection.", waits);
METRIC_COUNTER_READ(db_connection_wait_seconds_total, "Time tasks waited for connections.",
                    wait_seconds);
METRIC_GAUGE_READ(db_replication_lag_seconds,
                  "How far the slowest standby is behind, or on a standby this one.",
                  replication_lag);
METRIC_GAUGE_READ(db_transactions_queued, "Transactions waiting to be written.", queue_length);
METRIC_COUNTER_READ(db_transactions_total, "Transactions committed.", transactions);
METRIC_COUNTER_READ(db_transactions_failed_total, "Transactions rolled back by their function.",
                    transactions_failed);
METRIC_COUNTER_READ(db_transactions_refused_total, "Transactions refused: the queue was full.",
                    transactions_refused);
METRIC_COUNTER_READ(db_commits_total, "Commits; each has one or more transactions.", commits);
METRIC_COUNTER_READ(db_commit_seconds_total, "Time spent in commits.", commit_seconds);
METRIC_COUNTER_READ(db_reads_inline_total, "Reads answered on the loop.", reads_inline);
METRIC_COUNTER_READ(db_reads_pool_total, "Reads answered by the pool.", reads_pool);
METRIC_COUNTER_READ(db_reads_over_budget_total, "Reads that needed more than their budget.",
                    reads_over_budget);
METRICS(db_metrics, &db_query_duration_seconds, &db_transactions_queued, &db_transactions_total,
        &db_transactions_failed_total, &db_transactions_refused_total, &db_commits_total,
        &db_commit_seconds_total, &db_reads_inline_total, &db_reads_pool_total,
        &db_reads_over_budget_total, &db_connections_open, &db_connections_busy,
        &db_connections_idle, &db_connection_waits_total, &db_connection_wait_seconds_total,
        &db_replication_lag_seconds);

static unsigned names_fill(const struct db *db, const char **names)
{
    unsigned count = 0;
    for (unsigned m = 0; m < db->modules_count; m++)
        for (unsigned q = 0; q < db->modules[m]->queries_count; q++) {
            const struct db_query *query = db->modules[m]->queries[q];
            unsigned at = db_ordinal_of(&ordinals, query);
            count = MAX_OF(count, at + 1);
            if (names)
                names[at] = query->name;
        }
    return count;
}

void db_meters_open(struct db *db)
{
    if (query_names)
        db_ordinals_deinit(&ordinals); /* the same modules: a command may open the data again */
    db_ordinals_init(&ordinals, db);
    if (!query_names) {
        unsigned count = names_fill(db, NULL);
        query_names = HEAP_ARRAY(count, const char *);
        names_fill(db, query_names);
        query_label.values = query_names;
        query_label.count = count;
        db_query_duration_seconds.sparse = true;
        metric_register(&db_metrics);
    }
    atomic_store(&metered, db);
}

void db_meters_close(const struct db *db)
{
    const struct db *expected = db;
    atomic_compare_exchange_strong(&metered, &expected, NULL);
}

/* --- Spans: OpenTelemetry's conventions for databases; the query's name, never its values ------
 */

static const char *system_name(const struct db *db)
{
    return db->driver->dialect == DB_SQLITE ? "sqlite" : "postgresql";
}

static void describe(struct trace_span *record, const struct db *db)
{
    trace_put_text(record, "db.system.name", str_of(system_name(db)));
    trace_put_text(record, "db.namespace", str_of(db->context));
}

static __attribute__((noinline)) enum err call_traced(struct db_tx *tx, struct db_call *call)
{
    struct trace_span record;
    if (!trace_begin(&record, call->query->name, TRACE_CLIENT))
        return tx->db->driver->call(tx, call);
    describe(&record, tx->db);
    trace_put_text(&record, "db.query.summary", str_of(call->query->name));
    enum err err = tx->db->driver->call(tx, call);
    /* ERR_CANCELLED: the port had rows enough */
    trace_end(&record, err != OK && err != ERR_CANCELLED);
    return err;
}

enum err db_call_metered(struct db_tx *tx, struct db_call *call)
{
    bool counted = atomic_load_explicit(&metered, memory_order_relaxed) == tx->db;
    instant begun = counted ? clock_mono() : 0;
    enum err err = trace_on() ? call_traced(tx, call) : tx->db->driver->call(tx, call);
    if (counted)
        metric_observe(&db_query_duration_seconds, clock_mono() - begun,
                       db_ordinal_of(&ordinals, call->query));
    return err;
}

/* What runs on another thread, maybe more than once, with the span of the task that asked. */
struct carried {
    db_tx_fn fn;
    void *arg;
    struct trace_span *record;
};

static enum err run_carried(struct db_tx *tx, void *arg)
{
    const struct carried *carried = arg;
    struct trace_span *outer = trace_use(carried->record);
    enum err err = carried->fn(tx, carried->arg);
    trace_use(outer);
    return err;
}

enum err db_write_traced(struct db *db, struct arena *arena, db_tx_fn fn, void *arg)
{
    struct trace_span record;
    if (!trace_begin(&record, "transaction", TRACE_CLIENT))
        return db->driver->write(db, arena, fn, arg);
    describe(&record, db);
    struct carried carried = { fn, arg, &record };
    enum err err = db->driver->write(db, arena, run_carried, &carried);
    trace_end(&record, err != OK);
    return err;
}

enum err db_read_traced(struct db *db, bool scans, db_tx_fn fn, void *arg)
{
    struct trace_span record;
    if (!trace_begin(&record, "snapshot", TRACE_CLIENT))
        return db->driver->read(db, scans, fn, arg);
    describe(&record, db);
    struct carried carried = { fn, arg, &record };
    enum err err = db->driver->read(db, scans, run_carried, &carried);
    trace_end(&record, err != OK);
    return err;
}
