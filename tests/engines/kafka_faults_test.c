/* kafka_faults_test: a broker that goes, comes back, is killed amid a batch; members that come and
 * go. */
#include "engines/bus/kafka/stage/stage.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { AGGREGATES = 20 };

static void in_task(task_fn fn)
{
    kafka_broker(); /* skips, outside of the task */
    CHECK_OK(task_run("test", MIB(16), fn, NULL));
}

/* --- Events that are put while things happen ----------------------------------------------------
 */

struct flow {
    struct stage stage;
    struct bus_relay *relay;
    unsigned count;
    int64_t put, acknowledged; /* positions */
};

static enum err put_all(void *arg)
{
    struct flow *flow = arg;
    for (int64_t position = 1; position <= flow->count; position++) {
        struct arena_mark mark = arena_mark(task_arena());
        const struct bus_type *type = &stage_shown;
        char aggregate[32];
        snprintf(aggregate, sizeof(aggregate), "film/%lld", (long long)(position % AGGREGATES));
        struct bus_event event = stage_event(aggregate, position);
        TRY(bus_kafka.relay_put(flow->relay, &(struct bus_outgoing){ &event, &type, 1 }));
        flow->put = position;
        arena_rewind(task_arena(), mark);
        if (position % 100 == 0)
            TRY(await_turn());
    }
    return OK;
}

static enum err acknowledge_all(void *arg)
{
    struct flow *flow = arg;
    while (flow->acknowledged < flow->count)
        TRY(bus_kafka.relay_await(flow->relay, flow->acknowledged, &flow->acknowledged));
    return OK;
}

static void flow_begin(struct flow *flow, struct task_group *group, unsigned count)
{
    *flow = (struct flow){ .count = count };
    stage_open(&flow->stage);
    CHECK_OK(bus_kafka.relay_open(flow->stage.log, &flow->stage.context, &flow->relay));
    task_group_init(group, 2);
    CHECK_OK(task_group_start(group, "put", put_all, flow));
    CHECK_OK(task_group_start(group, "acknowledge", acknowledge_all, flow));
}

struct seen {
    int64_t last[AGGREGATES];
    unsigned count;
};

/* What a consumer that goes by positions makes of it: each once, in the order of its aggregate. */
static void see(void *arg, const struct bus_record *record)
{
    struct seen *seen = arg;
    int64_t aggregate, position = record->event.position;
    CHECK_INT(record->broken, OK);
    CHECK(str_parse_i64(str_skip(record->event.aggregate, strlen("film/")), &aggregate));
    if (position <= seen->last[aggregate])
        return; /* again */
    CHECK_INT(position, seen->last[aggregate] ? seen->last[aggregate] + AGGREGATES
                        : aggregate           ? aggregate
                                              : AGGREGATES);
    seen->last[aggregate] = position;
    seen->count++;
}

static void check_all_arrived(struct flow *flow)
{
    struct port port = { .given = 0 };
    struct seen seen = { .count = 0 };
    instant until = clock_mono() + MINUTES(1);
    port_join(&port, &flow->stage, "group", BUS_FROM_START);
    while (seen.count < flow->count && clock_mono() < until) {
        CHECK_OK(port_read(&port, 500));
        for (unsigned i = 0; i < port.batch.records_count; i++)
            see(&seen, &port.batch.records[i]);
    }
    CHECK_INT(seen.count, flow->count);
    port_leave(&port);
}

static void flow_end(struct flow *flow, struct task_group *group)
{
    CHECK_OK(task_group_wait(group));
    CHECK_INT(flow->acknowledged, flow->count);
    bus_kafka.relay_close(flow->relay);
    check_all_arrived(flow);
    stage_close(&flow->stage);
}

static long resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%ld %ld", &pages, &resident) == 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

/* --- The broker ---------------------------------------------------------------------------------
 */

static enum err gone(void *arg)
{
    static struct flow flow;
    struct task_group group;
    struct bus_place place;
    (void)arg;
    flow_begin(&flow, &group, KAFKA_OUTGOING_MAX + 5000);
    while (flow.acknowledged < 100)
        TRY(await_sleep(MILLISECONDS(1)));
    kafka_node_stop(kafka_broker(), 0, SIGKILL);
    TRY(await_sleep(SECONDS(5)));
    /* The ring is full; who puts waits; nothing grows. */
    int64_t put = flow.put, acknowledged = flow.acknowledged;
    long before = resident_bytes();
    CHECK(put > acknowledged && put - acknowledged <= KAFKA_OUTGOING_MAX);
    struct bus_event event = stage_event("film/1", 0);
    enum err sent = bus_kafka.send(flow.stage.log, &stage_told, &event, &place);
    CHECK(sent == ERR_TIMEOUT || sent == ERR_UNAVAILABLE);
    TRY(await_sleep(SECONDS(10)));
    CHECK_INT(flow.put, put);
    CHECK_INT(flow.acknowledged, acknowledged);
    CHECK(resident_bytes() - before < (long)MIB(16));
    kafka_broker(); /* starts it again */
    flow_end(&flow, &group);
    return OK;
}

TEST(nothing_is_lost_while_the_broker_is_gone)
{
    in_task(gone);
}

static enum err sent_in_vain(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    struct bus_event event = stage_event("film/1", 0);
    struct bus_place first, place;
    (void)arg;
    stage_prepare(&stage);
    stage.settings.send_timeout = SECONDS(10);
    stage_open(&stage);
    stage_relay(&stage, 1, 1, 1); /* the topics are there then */
    CHECK_OK(bus_kafka.send(stage.log, &stage_shown, &event, &first));
    kafka_node_stop(kafka_broker(), 0, SIGKILL);
    enum err err = bus_kafka.send(stage.log, &stage_shown, &event, &place);
    CHECK(err == ERR_TIMEOUT || err == ERR_UNAVAILABLE);
    kafka_broker();
    CHECK_OK(bus_kafka.send(stage.log, &stage_shown, &event, &place));
    CHECK_INT(place.partition, first.partition);
    CHECK_INT(place.offset, first.offset + 1); /* what failed was not kept to be sent later */
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 3, NULL, NULL);
    CHECK_OK(port_read(&port, 100));
    CHECK_INT(port.batch.records_count, 0);
    port_leave(&port);
    stage_close(&stage);
    return OK;
}

TEST(what_was_not_acknowledged_is_not_sent_later)
{
    in_task(sent_in_vain);
}

static enum err killed(void *arg)
{
    static struct flow flow;
    struct task_group group;
    (void)arg;
    flow_begin(&flow, &group, 30000);
    for (int i = 0; i < 3; i++) {
        int64_t from = flow.acknowledged;
        while (flow.acknowledged < from + 1000 && flow.acknowledged < flow.count)
            TRY(await_sleep(MILLISECONDS(1)));
        kafka_node_stop(kafka_broker(), 0, SIGKILL);
        kafka_broker();
    }
    flow_end(&flow, &group);
    return OK;
}

TEST(a_broker_killed_amid_batches_loses_and_swaps_nothing)
{
    in_task(killed);
}

/* A relay that was closed before it heard of what it had put: it is put again. */
static enum err put_twice(void *arg)
{
    static struct flow flow;
    struct task_group group;
    (void)arg;
    flow_begin(&flow, &group, 1000);
    CHECK_OK(task_group_wait(&group));
    bus_kafka.relay_close(flow.relay);
    CHECK_OK(bus_kafka.relay_open(flow.stage.log, &flow.stage.context, &flow.relay));
    flow.put = flow.acknowledged = 0;
    task_group_init(&group, 2);
    CHECK_OK(task_group_start(&group, "put", put_all, &flow));
    CHECK_OK(task_group_start(&group, "acknowledge", acknowledge_all, &flow));
    flow_end(&flow, &group);
    return OK;
}

TEST(what_is_put_twice_keeps_its_order)
{
    in_task(put_twice);
}

/* --- The group ----------------------------------------------------------------------------------
 */

struct storm {
    struct stage stage;
    struct marks marks;
    unsigned char handled[5001];
    unsigned count, distinct;
    bool over;
};

static enum err member(void *arg)
{
    struct storm *storm = arg;
    while (!storm->over) {
        struct port port = { .marks = &storm->marks };
        unsigned reads = 3 + (unsigned)(test_random() % 20);
        port_join(&port, &storm->stage, "group", BUS_FROM_START);
        for (unsigned i = 0; i < reads && !storm->over; i++) {
            TRY(port_read(&port, 50));
            for (unsigned k = 0; k < port.batch.records_count; k++) {
                int64_t position = port.batch.records[k].event.position;
                CHECK(position >= 1 && position <= storm->count);
                CHECK_INT(storm->handled[position], 0);
                storm->handled[position]++;
                storm->distinct++;
            }
        }
        port_leave(&port);
    }
    return OK;
}

static enum err storm_of_members(void *arg)
{
    static struct storm storm;
    struct task_group group;
    instant until = clock_mono() + MINUTES(2);
    (void)arg;
    storm = (struct storm){ .count = 5000 };
    marks_init(&storm.marks);
    stage_open(&storm.stage);
    stage_relay(&storm.stage, 1, storm.count, AGGREGATES);
    task_group_init(&group, 3);
    for (int i = 0; i < 3; i++)
        CHECK_OK(task_group_start(&group, "member", member, &storm));
    while (storm.distinct < storm.count && clock_mono() < until)
        TRY(await_sleep(MILLISECONDS(20)));
    storm.over = true;
    CHECK_OK(task_group_wait(&group));
    CHECK_INT(storm.distinct, storm.count);
    stage_close(&storm.stage);
    return OK;
}

TEST(members_that_come_and_go_handle_each_event_once)
{
    in_task(storm_of_members);
}
