/* internal: what the files of this module share. */
#pragma once

#include "events_v1.h"
#include "events_v1_shapes.h"

extern const struct bus_types events_v1_types;
extern const struct http_route_table events_v1_routes;

struct bus *events_v1_bus(void);
const struct bus_type *events_v1_type(enum v1_kind kind);
