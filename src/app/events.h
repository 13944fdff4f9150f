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
