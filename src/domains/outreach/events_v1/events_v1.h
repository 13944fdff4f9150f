/*
 * events_v1: the events service of the old contract. POST /api/events/{movie|user|payment}
 * publishes and answers with the place the log gave the record; the service reads its own topics
 * too, each event once, and leaves a line of the log for each. It is served only where it is named.
 */
#pragma once

#include "domains/module/module.h"
#include "engines/bus/bus.h"

extern const struct module events_v1_module;

/* What it publishes by, from now on; NULL: nothing, and it says 503. Before and after the loops. */
void events_v1_use(struct bus *bus);
