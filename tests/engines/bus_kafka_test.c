/* What the bus promises, on Kafka, with its marks in SQLite. */
#include "engines/bus/conformance/conformance.h"
#include "engines/bus/kafka/fixture/fixture.h"
#include "engines/bus/kafka/kafka.h"

#include "engines/db/sqlite/sqlite.h"
#include "foundation/test/test.h"

#include <stdio.h>

/* Topics and groups of its own. */
static const void *settings_new(void)
{
    static struct kafka_settings settings;
    static char prefix[128];
    kafka_broker();
    snprintf(prefix, sizeof(prefix), "%s-", kafka_name_new("c"));
    settings = (struct kafka_settings){
        .brokers = kafka_brokers(), .prefix = prefix, .partitions = 4, .session_timeout = SECONDS(3)
    };
    return &settings;
}

static const struct bus_conformance_target target = { .driver = &bus_kafka,
                                                      .settings_new = settings_new,
                                                      .database = &db_sqlite,
                                                      .place_new = test_folder };

__attribute__((constructor)) static void register_suite(void)
{
    bus_conformance_register(&target);
}
