/* kafka_test: the driver against a real broker. */
#include "engines/bus/kafka/stage/stage.h"

#include <stdio.h>
#include <string.h>

static void in_task(task_fn fn)
{
    kafka_broker(); /* skips, outside of the task */
    CHECK_OK(task_run("test", MIB(16), fn, NULL));
}

/* --- Without a broker ---------------------------------------------------------------------------
 */

TEST(settings_are_checked)
{
    struct kafka_settings settings = { .brokers = "127.0.0.1:1" };
    struct bus_spec spec = { .driver_settings = &settings };
    struct bus_log *log;
    CHECK_OK(bus_kafka.open(NULL, &spec, &log));
    bus_kafka.close(log);
    settings.security = "loud";
    CHECK_ERR(bus_kafka.open(NULL, &spec, &log), ERR_INVALID);
    CHECK(strstr(err_slot()->text, "security.protocol"));
    settings.security = "ssl";
    settings.tls_ca = "/nowhere/ca.pem";
    CHECK_ERR(bus_kafka.open(NULL, &spec, &log), ERR_INVALID);
    settings = (struct kafka_settings){ .brokers = "" };
    CHECK_ERR(bus_kafka.open(NULL, &spec, &log), ERR_INVALID);
    spec.driver_settings = NULL;
    CHECK_ERR(bus_kafka.open(NULL, &spec, &log), ERR_INVALID);
}

static enum err nobody_there(void *arg)
{
    (void)arg;
    struct kafka_settings settings = { .brokers = "127.0.0.1:1",
                                       .send_timeout = MILLISECONDS(200) };
    static const struct bus_type *const items[] = { &stage_shown };
    const struct bus_types types = { "stage", items, 1 };
    const struct bus_types *table = &types;
    struct bus_context context = { .types = &table, .types_count = 1 };
    struct bus_spec spec = { .driver_settings = &settings,
                             .contexts = &context,
                             .contexts_count = 1 };
    struct bus_event event = stage_event("film/1", 0);
    struct bus_relay *relay;
    struct bus_place place;
    struct bus_log *log;
    CHECK_OK(bus_kafka.open(NULL, &spec, &log));
    CHECK_ERR(bus_kafka.send(log, &stage_shown, &event, &place), ERR_TIMEOUT);
    CHECK_ERR(bus_kafka.relay_open(log, &context, &relay), ERR_UNAVAILABLE);
    CHECK_STR(str_of(err_slot()->slug), STR("kafka-unreachable"));
    bus_kafka.close(log);
    return OK;
}

TEST(without_a_broker_everything_says_so)
{
    CHECK_OK(task_run("test", MIB(1), nobody_there, NULL));
}

/* --- Sending ------------------------------------------------------------------------------------
 */

static enum err send_places(void *arg)
{
    struct stage stage = { .log = NULL };
    struct bus_place first, place;
    (void)arg;
    stage_open(&stage);
    for (int i = 0; i < 3; i++) {
        struct bus_event event = stage_event("film/7", 0);
        CHECK_OK(bus_kafka.send(stage.log, &stage_shown, &event, &place));
        first = i == 0 ? place : first;
        CHECK_STR(str_of(place.topic), STR("films"));
        CHECK_INT(place.partition, first.partition);
        CHECK_INT(place.offset, i);
    }
    stage_close(&stage);
    return OK;
}

TEST(send_says_where_it_lies)
{
    in_task(send_places);
}

/* --- Relay and groups ---------------------------------------------------------------------------
 */

struct seen {
    int64_t last[32]; /* position, by aggregate */
    unsigned count;
};

/* Of an aggregate every event comes, in order. */
static void check_order(void *arg, const struct bus_record *record)
{
    struct seen *seen = arg;
    const struct bus_event *event = &record->event;
    int64_t aggregate;
    CHECK_INT(record->broken, OK);
    CHECK(str_parse_i64(str_skip(event->aggregate, strlen("film/")), &aggregate));
    CHECK(event->position > seen->last[aggregate]);
    seen->last[aggregate] = event->position;
    seen->count++;
}

static void check_whole(void *arg, const struct bus_record *record)
{
    const struct bus_event *event = &record->event;
    struct bus_event sent = stage_event("film/0", event->position);
    (void)arg;
    CHECK_INT(record->broken, OK);
    CHECK_STR(event->id, sent.id);
    CHECK_STR(event->source, sent.source);
    CHECK_STR(event->type, sent.type);
    CHECK_INT(event->version, sent.version);
    CHECK_STR(event->aggregate, sent.aggregate);
    CHECK_INT(event->aggregate_version, sent.aggregate_version);
    CHECK_INT(event->at, sent.at);
    CHECK_STR(event->data, sent.data);
}

static enum err relay_and_read(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    struct seen seen = { .count = 0 };
    (void)arg;
    stage_open(&stage);
    stage_relay(&stage, 1, 1, 1);
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 1, check_whole, NULL);
    CHECK_INT(port.lanes_count, 8);
    stage_relay(&stage, 2, 999, 20);
    port_read_count(&port, 999, check_order, &seen);
    CHECK_INT(seen.count, 999);
    CHECK_INT(bus_kafka.behind(port.reader).events, 0);
    port_leave(&port);
    stage_close(&stage);
    return OK;
}

TEST(what_is_relayed_is_read_in_order)
{
    in_task(relay_and_read);
}

static enum err go_on(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    struct seen seen = { .count = 0 };
    (void)arg;
    stage_open(&stage);
    stage_relay(&stage, 1, 50, 5);
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 50, NULL, NULL);
    port_leave(&port);
    stage_relay(&stage, 51, 30, 5);
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 30, check_order, &seen);
    CHECK_OK(port_read(&port, 100));
    CHECK_INT(port.batch.records_count, 0);
    port_leave(&port);
    CHECK_INT(port.given, 2);
    CHECK_INT(port.taken, 2);
    stage_close(&stage);
    return OK;
}

TEST(a_group_goes_on_at_its_marks)
{
    in_task(go_on);
}

static void await_lanes(struct port *port, unsigned count)
{
    instant until = clock_mono() + MINUTES(1);
    while (port->lanes_count != count && clock_mono() < until)
        CHECK_OK(port_read(port, 100));
    CHECK_INT(port->lanes_count, count);
}

static enum err from_end(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    unsigned told = 0;
    (void)arg;
    stage_open(&stage);
    stage_relay(&stage, 1, 50, 5);
    port_join(&port, &stage, "group", BUS_FROM_END);
    await_lanes(&port, 8);
    for (unsigned i = 0; i < 4; i++)
        told += (unsigned)(port.marks->at[0][i].offset + 1);
    CHECK_INT(told, 50); /* of each lane where it was begun */
    stage_relay(&stage, 51, 5, 5);
    port_read_count(&port, 5, NULL, NULL);
    port_leave(&port);
    stage_close(&stage);
    return OK;
}

TEST(a_new_group_may_begin_at_the_end)
{
    in_task(from_end);
}

static enum err paused(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    (void)arg;
    stage_open(&stage);
    stage_relay(&stage, 1, 10, 5);
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 10, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(port_read(&port, 0));
        stage_relay(&stage, 11 + i * 10, 10, 5);
        for (int k = 0; k < 3; k++) {
            CHECK_OK(port_read(&port, 0));
            CHECK_INT(port.batch.records_count, 0);
        }
        port_read_count(&port, 10, NULL, NULL);
    }
    CHECK_INT(port.given, 1);
    port_leave(&port);
    stage_close(&stage);
    return OK;
}

TEST(a_paused_group_keeps_its_lanes_and_its_place)
{
    in_task(paused);
}

static enum err refused(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .refuses = ERR_UNAVAILABLE };
    enum err err = OK;
    (void)arg;
    stage_open(&stage);
    stage_relay(&stage, 1, 10, 5);
    port_join(&port, &stage, "group", BUS_FROM_START);
    for (int i = 0; i < 300 && err == OK; i++)
        err = port_read(&port, 100);
    CHECK_INT(err, ERR_UNAVAILABLE);
    CHECK_STR(str_of(err_slot()->slug), STR("refused"));
    CHECK_INT(port.lanes_count, 0);
    port.refuses = OK;
    port_read_count(&port, 10, NULL, NULL);
    port_leave(&port);
    stage_close(&stage);
    return OK;
}

TEST(lanes_that_are_refused_are_dealt_again)
{
    in_task(refused);
}

static enum err shorter(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    enum err err = OK;
    (void)arg;
    stage_open(&stage);
    stage_relay(&stage, 1, 10, 5);
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 10, NULL, NULL);
    port_leave(&port);
    port.marks->at[0][0].offset = 1000;
    port_join(&port, &stage, "group", BUS_FROM_START);
    for (int i = 0; i < 300 && err == OK; i++)
        err = port_read(&port, 100);
    CHECK_INT(err, ERR_CORRUPT);
    CHECK_STR(str_of(err_slot()->slug), STR("kafka-topic-shorter"));
    CHECK_INT(port.lanes_count, 0);
    port_leave(&port);
    stage_close(&stage);
    return OK;
}

TEST(a_topic_made_anew_is_noticed)
{
    in_task(shorter);
}

/* --- TLS and SASL -------------------------------------------------------------------------------
 */

static struct kafka_server secure;

static enum err safely(void *arg)
{
    struct stage stage = { .log = NULL };
    struct port port = { .given = 0 };
    struct bus_event event = stage_event("film/1", 0);
    struct bus_place place;
    char brokers[KAFKA_BROKERS_TEXT], ca[KAFKA_TEXT_MAX];
    (void)arg;
    snprintf(brokers, sizeof(brokers), "127.0.0.1:%u", secure.nodes[0].secure_port);
    snprintf(ca, sizeof(ca), "%s/ca.pem", secure.folder);
    stage_prepare(&stage);
    stage.settings.brokers = brokers;
    stage.settings.security = "sasl_ssl";
    stage.settings.tls_ca = ca;
    stage.settings.sasl_mechanism = "PLAIN";
    stage.settings.sasl_user = KAFKA_USER;
    stage.settings.sasl_password = KAFKA_PASSWORD;
    stage_open(&stage);
    CHECK_OK(bus_kafka.send(stage.log, &stage_shown, &event, &place));
    port_join(&port, &stage, "group", BUS_FROM_START);
    port_read_count(&port, 1, NULL, NULL);
    port_leave(&port);
    stage_close(&stage);

    struct kafka_settings right = { .brokers = brokers,
                                    .security = "sasl_ssl",
                                    .tls_ca = ca,
                                    .sasl_mechanism = "PLAIN",
                                    .sasl_user = KAFKA_USER,
                                    .sasl_password = KAFKA_PASSWORD,
                                    .send_timeout = SECONDS(1) };
    for (int i = 0; i < 3; i++) { /* another password, no trust, no TLS */
        stage_prepare(&stage);
        stage.settings = right;
        stage.settings.sasl_password = i == 0 ? "wrong" : KAFKA_PASSWORD;
        stage.settings.tls_ca = i == 1 ? NULL : ca;
        stage.settings.security = i == 2 ? "sasl_plaintext" : "sasl_ssl";
        stage_open(&stage);
        CHECK(bus_kafka.send(stage.log, &stage_shown, &event, &place) != OK);
        stage_close(&stage);
    }
    return OK;
}

TEST(brokers_are_reached_by_sasl_over_tls)
{
    kafka_broker();
    secure.secure = true;
    CHECK_OK(kafka_server_open(&secure, 1));
    CHECK_OK(task_run("test", MIB(16), safely, NULL));
    kafka_server_close(&secure);
}
