/*
 * kb_events: what the embedded bus does on a new SQLite database in FOLDER.
 *
 *   kb_events FOLDER publish WRITERS BATCH MILLISECONDS   durable events a second, so many a
 *                                                         transaction
 *   kb_events FOLDER consume EVENTS                       events a second of one group, effect and
 *                                                         inbox committed
 *   kb_events FOLDER delay RATE MILLISECONDS              from the call to publish to the effect
 *                                                         seen committed, at so many a second
 *
 * Each checks that the database holds what was counted, once.
 */
#include "engines/bus/driver.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/shape/shape.h"
#include "foundation/task/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS_MAX = 1024, BATCH_MAX = 1000, MS_MAX = 60000, EVENTS_MAX = 10000000 };
enum { AGGREGATES = 1000, DELAYS_MAX = 200000 };

static const struct db_migration migrations[] = {
    { 1,
      "0001_effects",
      { [DB_SQLITE] =
            "CREATE TABLE effects (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;" } },
};
static const struct db_query effect_add = {
    "effect_add", { [DB_SQLITE] = "INSERT INTO effects (n) VALUES (?1)" }, DB_WRITE, 1
};
static const struct db_query effects_count = {
    "effects_count", { [DB_SQLITE] = "SELECT count(*), count(DISTINCT n) FROM effects" }, DB_SCAN, 0
};
static const struct db_query effects_last = {
    "effects_last", { [DB_SQLITE] = "SELECT coalesce(max(id), 0) FROM effects" }, DB_POINT, 0
};
static const struct db_query *const queries[] = { &effect_add, &effects_count, &effects_last };
static const struct db_module module = { "bench", migrations, ARRAY_LEN(migrations), queries,
                                         ARRAY_LEN(queries) };
static const struct db_module *const modules[] = { &BUS_SQL, &module };

struct watched {
    int64_t number;
    str title, profile;
};
SHAPE_FORGIVING(watched_shape, struct watched, FIELD(struct watched, number),
                FIELD(struct watched, title), FIELD(struct watched, profile));
static const struct bus_type watched_type = {
    .name = "bench.watched", .version = 1, .shape = &watched_shape, .topic = "bench"
};
BUS_TYPES(bench_types, "bench", &watched_type);
static const struct bus_types *const types[] = { &bench_types };

static struct {
    struct loop *loop;
    struct db *db;
    struct bus *bus;
    unsigned writers, batch, running;
    int64_t events, rate;
    span length;
    instant begun, ended;
    int64_t published;
    instant asked[DELAYS_MAX];
    span delays[DELAYS_MAX];
    bool failed;
} bench;

/* --- Publishing ----------------------------------------------------------------------------- */

struct batch {
    int64_t first;
    unsigned count;
};

static enum err batch_tx(struct db_tx *tx, void *arg)
{
    const struct batch *batch = arg;
    for (unsigned i = 0; i < batch->count; i++) {
        char aggregate[32];
        struct watched data = { .number = batch->first + i,
                                .title = STR("The General"),
                                .profile = STR("a profile of somebody") };
        snprintf(aggregate, sizeof(aggregate), "profile/%lld",
                 (long long)(data.number * 7919 % AGGREGATES));
        struct bus_new event = { &watched_type, str_of(aggregate), &data };
        struct arena_mark mark = arena_mark(db_arena(tx));
        TRY(bus_publish(tx, &event));
        arena_rewind(db_arena(tx), mark);
    }
    return OK;
}

static enum err publish(unsigned count)
{
    struct arena_mark mark = arena_mark(task_arena());
    struct batch batch = { bench.published, count };
    bench.published += count;
    TRY(db_tx(bench.db, batch_tx, &batch));
    arena_rewind(task_arena(), mark);
    return OK;
}

static enum err publish_while(void *arg)
{
    (void)arg;
    while (clock_mono() - bench.begun < bench.length)
        TRY(publish(bench.batch));
    return OK;
}

/* --- Consuming ------------------------------------------------------------------------------ */

static enum err on_watched(struct db_tx *tx, const struct bus_event *event, void *arg)
{
    struct watched data;
    (void)arg;
    TRY(bus_event_read(db_arena(tx), event, &watched_type, &data));
    return db_exec(tx, &effect_add, DB_ARGS(DB_I64(data.number)), NULL);
}

static const struct bus_subscription subscriptions[] = { { &watched_type, on_watched } };
static const struct bus_group group = { .name = "bench",
                                        .subscriptions = subscriptions,
                                        .subscriptions_count = 1 };

static enum err bus_begin(void)
{
    static struct bus_context context;
    static struct bus_member member;
    context = (struct bus_context){ bench.db, types, 1 };
    member = (struct bus_member){ &group, bench.db, NULL };
    struct bus_spec spec = { .driver = &bus_embedded,
                             .contexts = &context,
                             .contexts_count = 1,
                             .members = &member,
                             .members_count = 1,
                             .sole_owner = true };
    return bus_start(bench.loop, &spec, &bench.bus);
}

static enum err effects_seen(int64_t *out_last)
{
    struct db_row row;
    struct arena_mark mark = arena_mark(task_arena());
    TRY(db_one(db_now(bench.db), &effects_last, DB_NO_ARGS, &row));
    *out_last = db_i64(&row, 0);
    arena_rewind(task_arena(), mark);
    return OK;
}

static enum err consume(void *arg)
{
    int64_t seen = 0;
    (void)arg;
    while (bench.published < bench.events)
        TRY(publish((unsigned)MIN_OF(bench.events - bench.published, (int64_t)BATCH_MAX)));
    bench.begun = clock_mono();
    TRY(bus_begin());
    while (seen < bench.events) {
        TRY(await_sleep(MILLISECONDS(1)));
        TRY(effects_seen(&seen));
    }
    bench.ended = clock_mono();
    bus_stop(bench.bus);
    return OK;
}

/* --- Delay ---------------------------------------------------------------------------------- */

static enum err publish_one(void *arg)
{
    struct batch batch = { *(int64_t *)arg, 1 };
    return db_tx(bench.db, batch_tx, &batch);
}

/* One task an event, at its time, so that a slow one holds up no other. */
static enum err publish_at_rate(void *arg)
{
    static int64_t numbers[DELAYS_MAX];
    (void)arg;
    instant begun = clock_mono();
    while (bench.published < bench.events) {
        instant due = begun + bench.published * SECONDS(1) / bench.rate;
        if (clock_mono() < due) {
            TRY(await_sleep(MAX_OF(due - clock_mono(), (span)1)));
            continue;
        }
        int64_t number = numbers[bench.published] = bench.published;
        bench.asked[number] = due;
        struct task_spec spec = { .name = "publish",
                                  .fn = publish_one,
                                  .arg = &numbers[number],
                                  .arena_bytes_max = KIB(256) };
        TRY(task_start(bench.loop, &spec, NULL));
        bench.published++;
    }
    return OK;
}

/* Effects are in the order of the log: the n-th is that of the n-th event, but for neighbours. */
static enum err watch(void *arg)
{
    int64_t seen = 0, before = 0;
    (void)arg;
    while (seen < bench.events) {
        TRY(effects_seen(&seen));
        instant now = clock_mono();
        for (; before < seen; before++)
            bench.delays[before] = now - bench.asked[before];
        TRY(await_sleep(MICROSECONDS(500)));
    }
    bench.ended = clock_mono();
    bus_stop(bench.bus);
    return OK;
}

/* --- The three ------------------------------------------------------------------------------ */

static void on_task_end(void *arg, enum err result)
{
    (void)arg;
    if (result != OK) {
        fprintf(stderr, "kb_events: %s\n", err_slot()->text);
        bench.failed = true;
    }
    if (!bench.events)
        bench.ended = clock_mono();
    if (--bench.running == 0)
        loop_stop(bench.loop);
}

static void task_begin(task_fn fn)
{
    struct task_spec spec = {
        .name = "bench", .fn = fn, .on_end = on_task_end, .arena_bytes_max = MIB(8)
    };
    if (task_start(bench.loop, &spec, NULL) != OK)
        on_task_end(NULL, ERR_EXHAUSTED);
}

static void on_publish(void *arg)
{
    (void)arg;
    bench.begun = clock_mono();
    bench.running = bench.writers;
    for (unsigned i = 0; i < bench.writers; i++)
        task_begin(publish_while);
}

static void on_consume(void *arg)
{
    (void)arg;
    bench.running = 1;
    task_begin(consume);
}

static void on_delay(void *arg)
{
    (void)arg;
    bench.running = 2;
    if (bus_begin() != OK)
        exit(1);
    task_begin(watch);
    task_begin(publish_at_rate);
}

static int by_length(const void *a, const void *b)
{
    const span *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static double delay_ms(double share)
{
    return (double)bench.delays[(size_t)(share * (double)(bench.events - 1))] / 1000;
}

static int report(void)
{
    struct arena arena;
    struct db_row row;
    int64_t logged = 0;
    double seconds = (double)MAX_OF(bench.ended - bench.begun, (span)1) / 1e6;
    arena_init(&arena, MIB(1));
    db_arena_use(&arena);
    if (!bench.events &&
        (db_events_last(db_now(bench.db), &logged) != OK || logged != bench.published))
        bench.failed = true;
    if (db_one(db_now(bench.db), &effects_count, DB_NO_ARGS, &row) != OK ||
        db_i64(&row, 0) != bench.events || db_i64(&row, 1) != bench.events)
        bench.failed = true;
    if (bench.rate) {
        qsort(bench.delays, (size_t)bench.events, sizeof(bench.delays[0]), by_length);
        printf("{\"events\":%" PRId64 ",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
               bench.events, delay_ms(0.5), delay_ms(0.99), delay_ms(1));
    } else {
        printf("{\"events\":%" PRId64 ",\"commits\":%" PRIu64 ",\"events_per_second\":%.0f}\n",
               bench.published, db_stats(bench.db).commits, (double)bench.published / seconds);
    }
    db_arena_use(NULL);
    arena_deinit(&arena);
    return bench.failed;
}

static unsigned number(const char *text, unsigned max)
{
    uint64_t value;
    if (!str_parse_u64(str_of(text), &value) || value < 1 || value > max) {
        fprintf(stderr, "kb_events: a number from 1 to %u was expected, not %s\n", max, text);
        exit(2);
    }
    return (unsigned)value;
}

static void (*mode_of(int argc, char **argv))(void *)
{
    if (argc == 6 && strcmp(argv[2], "publish") == 0) {
        bench.writers = number(argv[3], WRITERS_MAX);
        bench.batch = number(argv[4], BATCH_MAX);
        bench.length = MILLISECONDS(number(argv[5], MS_MAX));
        return on_publish;
    }
    if (argc == 4 && strcmp(argv[2], "consume") == 0) {
        bench.events = number(argv[3], EVENTS_MAX);
        return on_consume;
    }
    if (argc == 5 && strcmp(argv[2], "delay") == 0) {
        bench.rate = number(argv[3], 10000);
        bench.events = MIN_OF(bench.rate * number(argv[4], MS_MAX) / 1000, (int64_t)DELAYS_MAX);
        return on_delay;
    }
    fprintf(stderr, "kb_events FOLDER publish WRITERS BATCH MS | consume EVENTS | delay RATE MS\n");
    exit(2);
}

int main(int argc, char **argv)
{
    void (*on_start)(void *) = mode_of(argc, argv);
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = argv[1],
                            .context = "bench",
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules) };
    if (loop_open(NULL, &bench.loop) != OK || db_open(&spec, &bench.db) != OK) {
        fprintf(stderr, "kb_events: %s\n", err_slot()->text);
        return 1;
    }
    loop_post(bench.loop, on_start, NULL);
    loop_run(bench.loop);
    int code = report();
    if (bench.bus)
        bus_close(bench.bus);
    db_close(bench.db);
    loop_close(bench.loop);
    return code;
}
