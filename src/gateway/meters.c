/*
 * meters: a counter and an observation a request; with tracing, a span named by method and route.
 * The label of a route is its row in the tables, never what somebody asked for.
 */
#include "meters.h"

#include "foundation/http/http_server.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/metric/metric.h"
#include "foundation/trace/trace.h"

#include <stdio.h>
#include <string.h>

enum { TABLES_MAX = 40, ROUTES_MAX = 400 };

/* 0.5 ms to 10 s: most answers are far below Prometheus' usual 5 ms. */
static const int64_t bounds[] = { 500,    1000,   2500,   5000,    10000,   25000,   50000,
                                  100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000 };
static const struct metric_buckets buckets = { bounds, ARRAY_LEN(bounds), 1000000 };

static const char *route_names[ROUTES_MAX + 1];
static struct metric_label route_label = { "route", route_names, 0 };
METRIC_LABEL(method_label, "method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
METRIC_LABEL(class_label, "status", "1xx", "2xx", "3xx", "4xx", "5xx");
METRIC_COUNTER(http_requests_total, "Requests answered.", &method_label, &class_label);
METRIC_COUNTER(http_response_bytes_total, "Bytes of answers handed to the system.");
METRIC_COUNTER(http_requests_aborted_total, "Answers that could not be completed.");
METRIC_HISTOGRAM(http_request_duration_seconds, "From the complete head to the last byte.",
                 &buckets, &route_label);
static double log_dropped(void)
{
    return (double)log_dropped_total();
}
METRIC_COUNTER_READ(log_lines_dropped_total, "Log lines lost because the reader was slow.",
                    log_dropped);
#define REFUSED(name, what, text)                                                                  \
    static double refused_##name(void)                                                             \
    {                                                                                              \
        return (double)http_refused_total(what);                                                   \
    }                                                                                              \
    METRIC_COUNTER_READ(http_refused_##name##_total, text, refused_##name)
REFUSED(connections, HTTP_REFUSED_CONNECTIONS, "Refused: an event loop had all its connections.");
REFUSED(address, HTTP_REFUSED_ADDRESS, "Connections refused: their address had enough.");
REFUSED(memory, HTTP_REFUSED_MEMORY, "Requests refused: those in progress used all memory.");
REFUSED(tasks, HTTP_REFUSED_TASKS, "Requests refused: an event loop had all its tasks.");
REFUSED(turn, HTTP_REFUSED_TURN, "Requests refused: an event loop could not keep up.");
REFUSED(slow, HTTP_REFUSED_SLOW, "Clients cut off: they sent or took too little.");
METRICS(gateway_metrics, &http_refused_connections_total, &http_refused_address_total,
        &http_refused_memory_total, &http_refused_tasks_total, &http_refused_turn_total,
        &http_refused_slow_total, &http_requests_total, &http_response_bytes_total,
        &http_requests_aborted_total, &http_request_duration_seconds, &log_lines_dropped_total);

static struct {
    struct http_route_table tables[TABLES_MAX];
    unsigned tables_count, routes_count;
} known;

void meters_open(const struct http_route_table *tables, size_t count)
{
    if (known.routes_count)
        return;
    ASSERT(count <= TABLES_MAX);
    for (size_t t = 0; t < count; t++) {
        known.tables[known.tables_count++] = tables[t];
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct http_route *route = &tables[t].routes[i];
            str method = http_method_name(route->method);
            size_t bytes = method.len + strlen(route->pattern) + 2;
            char *name = heap_alloc(bytes);
            snprintf(name, bytes, "%.*s %s", STR_ARG(method), route->pattern);
            ASSERT(known.routes_count < ROUTES_MAX);
            route_names[known.routes_count++] = name;
        }
    }
    route_names[known.routes_count] = "other";
    route_label.count = known.routes_count + 1;
    http_request_duration_seconds.sparse = true;
    metric_register(&gateway_metrics);
}

static unsigned route_index(const struct http_route *route)
{
    unsigned before = 0;
    for (unsigned t = 0; route && t < known.tables_count; t++) {
        const struct http_route_table *table = &known.tables[t];
        if (route >= table->routes && route < table->routes + table->count)
            return before + (unsigned)(route - table->routes);
        before += (unsigned)table->count;
    }
    return known.routes_count;
}

void meters_count(const struct http_request *request, const struct http_outcome *outcome)
{
    unsigned class = outcome->status / 100 - 1;
    metric_inc(&http_requests_total, request->method, class < 5 ? class : 4);
    metric_add(&http_response_bytes_total, (int64_t)outcome->sent_bytes);
    metric_observe(&http_request_duration_seconds, outcome->took, route_index(request->route));
    if (outcome->aborted)
        metric_inc(&http_requests_aborted_total);
}

/* --- Spans: names and keys of OpenTelemetry's conventions for HTTP servers ---------------------
 */

void meters_trace_begin(struct http_request *request)
{
    struct trace_span *record = ARENA_NEW(request->arena, struct trace_span);
    const struct http_route *route = request->route;
    trace_root(record, route->pattern, TRACE_SERVER, http_header_find(request, STR("traceparent")));
    trace_use(record->outer); /* the server makes it current while the handler runs */
    request->trace = record;
    if (!record->sampled)
        return;
    str method = http_method_name(request->method);
    record->prefix = method.ptr;
    trace_put_text(record, "http.request.method", method);
    trace_put_text(record, "http.route", str_of(route->pattern));
    trace_put_text(record, "url.scheme", request->secure ? STR("https") : STR("http"));
    trace_put_text(record, "url.path", request->path);
}

void meters_trace_end(const struct http_request *request, const struct http_outcome *outcome)
{
    struct trace_span *record = request->trace;
    char status[16];
    trace_put_int(record, "http.response.status_code", outcome->status);
    trace_put_int(record, "http.response.body.size", (int64_t)outcome->sent_bytes);
    if (outcome->status >= 500) {
        snprintf(status, sizeof(status), "%u", outcome->status);
        trace_put_text(record, "error.type", str_of(status));
    }
    trace_end(record, outcome->status >= 500 || outcome->aborted);
}
