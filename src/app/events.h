/* events: the bus of this process. */
#pragma once

#include "app.h"

#include "engines/bus/driver.h"

/*
 * Starts the bus on a loop: the log of the context is kept, and the groups of the modules served
 * run. bus_stop() and bus_close() are the caller's. On the loop's thread.
 */
enum err events_start(struct loop *loop, const struct app_selection *selection, struct db *content,
                      struct bus **out_bus);
/* bus_close(), and nobody publishes by it any more. NULL is accepted. */
void events_close(struct bus *bus);

/* --- Kafka (kafka.c) ----------------------------------------------------------------------------
 */

struct kafka_settings;
/* By the settings; NULL: there are no brokers. */
const struct kafka_settings *kafka_settings_make(void);
