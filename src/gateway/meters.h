/* meters: what the gateway counts and traces of every request. */
#pragma once

#include "foundation/http/http_route.h"
#include "foundation/http/http_server.h"

/*
 * Registers the metrics, with a series for each route of the tables: the first call decides, routes
 * unknown to it are counted as "other".
 */
void meters_open(const struct http_route_table *tables, size_t count);
void meters_count(const struct http_request *request, const struct http_outcome *outcome);

/* Begins the request's span and leaves it in request->trace; not current yet. When trace_on(). */
void meters_trace_begin(struct http_request *request);
/* Ends it; request->trace is current. */
void meters_trace_end(const struct http_request *request, const struct http_outcome *outcome);
