/* stage: a context of two types, and a port that keeps its marks in memory. */
#include "stage.h"

#include <stdio.h>
#include <string.h>

const struct bus_type stage_shown = { .name = "film.shown", .version = 3, .topic = "films" };
const struct bus_type stage_told = { .name = "word.told", .version = 1, .topic = "words" };
BUS_TYPES(stage_types, "stage", &stage_shown, &stage_told);

static const struct bus_types *const stage_tables[] = { &stage_types };

void stage_prepare(struct stage *stage)
{
    static char prefixes[8][KAFKA_TEXT_MAX];
    static unsigned count;
    char *prefix = prefixes[count++ % ARRAY_LEN(prefixes)];
    snprintf(prefix, KAFKA_TEXT_MAX, "%s-", kafka_name_new("t"));
    *stage = (struct stage){
        /* Nobody here dies: on a busy machine none is to be taken for dead. */
        .settings = { .brokers = kafka_brokers(),
                      .prefix = prefix,
                      .partitions = 4,
                      .session_timeout = MINUTES(2) },
        .context = { .types = stage_tables, .types_count = 1 },
    };
    stage->spec = (struct bus_spec){ .driver = &bus_kafka,
                                     .driver_settings = &stage->settings,
                                     .contexts = &stage->context,
                                     .contexts_count = 1 };
}

void stage_open(struct stage *stage)
{
    if (!stage->settings.brokers)
        stage_prepare(stage);
    CHECK_OK(bus_kafka.open(NULL, &stage->spec, &stage->log));
}

void stage_close(struct stage *stage)
{
    bus_kafka.close(stage->log);
    stage->settings.brokers = NULL;
}

/* --- Events -------------------------------------------------------------------------------------
 */

struct bus_event stage_event(const char *aggregate, int64_t position)
{
    struct arena *arena = task_arena();
    return (struct bus_event){
        .id = arena_printf(arena, "stage-%lld", (long long)position),
        .source = STR("stage"),
        .type = str_of(stage_shown.name),
        .version = 3,
        .aggregate = arena_str(arena, str_of(aggregate)),
        .aggregate_version = position,
        .position = position,
        .at = 1795255200500000 + position * 1000,
        .data = arena_printf(arena, "{\"n\":%lld}", (long long)position),
    };
}

void stage_relay(struct stage *stage, int64_t first, unsigned count, unsigned aggregates)
{
    struct bus_relay *relay;
    int64_t reached = first - 1, last = first + count - 1;
    CHECK_OK(bus_kafka.relay_open(stage->log, &stage->context, &relay));
    for (int64_t position = first; position <= last; position++) {
        struct arena_mark mark = arena_mark(task_arena());
        const struct bus_type *type = &stage_shown;
        char aggregate[32];
        snprintf(aggregate, sizeof(aggregate), "film/%lld", (long long)(position % aggregates));
        struct bus_event event = stage_event(aggregate, position);
        CHECK_OK(bus_kafka.relay_put(relay, &(struct bus_outgoing){ &event, &type, 1 }));
        arena_rewind(task_arena(), mark);
    }
    while (reached < last)
        CHECK_OK(bus_kafka.relay_await(relay, reached, &reached));
    CHECK_INT(reached, last);
    bus_kafka.relay_close(relay);
}

/* --- The port's side of a reader ----------------------------------------------------------------
 */

void marks_init(struct marks *marks)
{
    for (unsigned feed = 0; feed < 2; feed++)
        for (unsigned i = 0; i < STAGE_LANES_MAX; i++)
            marks->at[feed][i] = (struct bus_mark){ .offset = -1 };
}

static struct bus_mark *mark_of(struct port *port, struct bus_lane lane)
{
    CHECK(lane.number < STAGE_LANES_MAX);
    CHECK(lane.feed == port->feeds[0] || lane.feed == port->feeds[1]);
    return &port->marks->at[lane.feed == port->feeds[1]][lane.number];
}

static enum err on_lanes(void *arg, const struct bus_lane *lanes, unsigned count,
                         struct bus_mark *out_marks)
{
    struct port *port = arg;
    CHECK(task_current() && count > 0 && count <= STAGE_LANES_MAX && port->lanes_count == 0);
    TRY(await_sleep(MILLISECONDS(1))); /* a database would be asked */
    if (port->refuses != OK)
        return err_set(port->refuses, "refused", "the marks cannot be read");
    memcpy(port->lanes, lanes, count * sizeof(*lanes));
    port->lanes_count = count;
    port->given++;
    for (unsigned i = 0; i < count; i++)
        out_marks[i] = *mark_of(port, lanes[i]);
    return OK;
}

static void on_lanes_gone(void *arg, const struct bus_lane *lanes, unsigned count)
{
    struct port *port = arg;
    CHECK_INT(count, port->lanes_count);
    for (unsigned i = 0; i < count; i++)
        CHECK(lanes[i].number == port->lanes[i].number && lanes[i].feed == port->lanes[i].feed);
    port->lanes_count = 0;
    port->taken++;
}

void port_join(struct port *port, struct stage *stage, const char *group, enum bus_from from)
{
    if (!port->feeds[0]) {
        port->feeds[0] = stage_shown.topic;
        port->feeds[1] = stage_told.topic;
    }
    if (!port->marks) {
        port->marks = &port->own;
        marks_init(port->marks);
    }
    port->group = (struct bus_group){ .name = group, .from = from };
    port->member.group = &port->group;
    port->spec = (struct bus_reader_spec){ .member = &port->member,
                                           .feeds = port->feeds,
                                           .feeds_count = 2,
                                           .on_lanes = on_lanes,
                                           .on_lanes_gone = on_lanes_gone,
                                           .arg = port };
    arena_init(&port->arena, MIB(4));
    CHECK_OK(bus_kafka.join(stage->log, &port->spec, &port->reader));
}

static bool has_lane(const struct port *port, struct bus_lane lane)
{
    for (unsigned i = 0; i < port->lanes_count; i++)
        if (port->lanes[i].feed == lane.feed && port->lanes[i].number == lane.number)
            return true;
    return false;
}

enum err port_read(struct port *port, unsigned records_max)
{
    struct bus_reach reached[STAGE_LANES_MAX * 2];
    unsigned count = 0;
    arena_reset(&port->arena);
    port->batch = (struct bus_batch){ .records_count = 0 };
    TRY(bus_kafka.read(port->reader,
                       &(struct bus_read){ &port->arena, records_max, MILLISECONDS(200) },
                       &port->batch));
    for (unsigned i = 0; i < port->batch.records_count; i++) {
        const struct bus_record *record = &port->batch.records[i];
        CHECK(has_lane(port, record->lane));
        CHECK(record->offset > mark_of(port, record->lane)->offset);
        mark_of(port, record->lane)->offset = record->offset;
    }
    for (unsigned i = 0; i < port->batch.reached_count; i++) {
        CHECK(has_lane(port, port->batch.reached[i].lane));
        struct bus_mark *mark = mark_of(port, port->batch.reached[i].lane);
        mark->offset = MAX_OF(mark->offset, port->batch.reached[i].offset);
    }
    for (unsigned i = 0; i < port->lanes_count; i++)
        if (mark_of(port, port->lanes[i])->offset >= 0)
            reached[count++] =
                (struct bus_reach){ port->lanes[i], mark_of(port, port->lanes[i])->offset };
    bus_kafka.reached(port->reader, reached, count);
    return OK;
}

void port_read_count(struct port *port, unsigned count,
                     void (*on_record)(void *arg, const struct bus_record *record), void *arg)
{
    instant until = clock_mono() + MINUTES(1);
    for (unsigned seen = 0; seen < count;) {
        CHECK_OK(port_read(port, 100));
        for (unsigned i = 0; i < port->batch.records_count; i++)
            if (on_record)
                on_record(arg, &port->batch.records[i]);
        seen += port->batch.records_count;
        if (seen < count && clock_mono() > until)
            test_fail("%u of %u events came within a minute", seen, count);
    }
}

void port_leave(struct port *port)
{
    bus_kafka.leave(port->reader);
    CHECK_INT(port->lanes_count, 0);
    arena_deinit(&port->arena);
}
