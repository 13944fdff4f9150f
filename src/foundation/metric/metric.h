/*
 * metric: counters, gauges and histograms, told to Prometheus. A module declares each once, with a
 * fixed set of values for each label, so that the number of series is known when the program is
 * built; no text from outside ever becomes a label. Counting is one relaxed atomic addition in a
 * shard of the thread's, on a cache line of its own: no lock, no look-up.
 *
 *     enum { METHOD_GET, METHOD_POST, METHOD_OTHER };
 *     METRIC_LABEL(http_method, "method", "GET", "POST", "other");
 *     METRIC_COUNTER(http_requests_total, "Requests answered.", &http_method);
 *     METRIC_HISTOGRAM(http_request_duration_seconds, "Time to answer.", &metric_seconds);
 *     METRICS(http_metrics, &http_requests_total, &http_request_duration_seconds);
 *
 *     metric_inc(&http_requests_total, METHOD_GET);
 *     metric_observe(&http_request_duration_seconds, took);
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/clock.h"
#include "foundation/mem/buf.h"

#include <stdatomic.h>

enum { METRIC_LABELS_MAX = 3, METRIC_SERIES_MAX = 1024, METRIC_BOUNDS_MAX = 32 };

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_GAUGE, METRIC_KIND_HISTOGRAM };

struct metric_label {
    const char *name;
    const char *const *values; /* by index */
    unsigned count;
};

/* Upper bounds, ascending; one more bucket has no bound. Values are whole numbers of a unit:
 * 1/scale. */
struct metric_buckets {
    const int64_t *bounds;
    unsigned count;
    int64_t scale; /* units in what is shown: 1,000,000 for seconds counted in µs, 1 for bytes */
};
/* 5 ms to 10 s, for spans: Prometheus' own choice. */
extern const struct metric_buckets metric_seconds;
/* 1 KiB to 1 GiB in steps of 4. */
extern const struct metric_buckets metric_sizes;

struct metric {
    const char *name; /* ends in _total (counters) and names its unit: _seconds, _bytes */
    const char *doc;
    enum metric_kind kind;
    const struct metric_buckets *buckets;
    const struct metric_label *labels[METRIC_LABELS_MAX];
    bool sparse; /* series that never counted are not written: for labels with many values */
    double (*read)(void); /* asked when metrics are written, instead of being counted */
    /* Set by metric_register(). */
    unsigned series, cells, stride; /* cells a series; cells a shard */
    _Atomic uint64_t *shards;       /* NULL: not registered, counting does nothing */
};

#define METRIC_LABEL(variable, label_name, ...)                                                    \
    static const char *const variable##_values[] = { __VA_ARGS__ };                                \
    static const struct metric_label variable = { label_name, variable##_values,                   \
                                                  ARRAY_LEN(variable##_values) }

/*
 * Further arguments: up to METRIC_LABELS_MAX pointers to labels. The variable is the
 * metric's name.
 */
#define METRIC_COUNTER(metric_name, text, ...)                                                     \
    extern struct metric metric_name;                                                              \
    struct metric metric_name = { .name = #metric_name,                                            \
                                  .doc = (text),                                                   \
                                  .kind = METRIC_KIND_COUNTER,                                     \
                                  .labels = { __VA_ARGS__ } }
#define METRIC_GAUGE(metric_name, text, ...)                                                       \
    extern struct metric metric_name;                                                              \
    struct metric metric_name = {                                                                  \
        .name = #metric_name, .doc = (text), .kind = METRIC_KIND_GAUGE, .labels = { __VA_ARGS__ }  \
    }
#define METRIC_HISTOGRAM(metric_name, text, bounds, ...)                                           \
    extern struct metric metric_name;                                                              \
    struct metric metric_name = { .name = #metric_name,                                            \
                                  .doc = (text),                                                   \
                                  .kind = METRIC_KIND_HISTOGRAM,                                   \
                                  .buckets = (bounds),                                             \
                                  .labels = { __VA_ARGS__ } }
/*
 * Read from elsewhere when asked for: queue lengths, sizes of caches. `fn` is quick, on any
 * thread.
 */
#define METRIC_GAUGE_READ(metric_name, text, fn)                                                   \
    extern struct metric metric_name;                                                              \
    struct metric metric_name = {                                                                  \
        .name = #metric_name, .doc = (text), .kind = METRIC_KIND_GAUGE, .read = (fn)               \
    }
#define METRIC_COUNTER_READ(metric_name, text, fn)                                                 \
    extern struct metric metric_name;                                                              \
    struct metric metric_name = {                                                                  \
        .name = #metric_name, .doc = (text), .kind = METRIC_KIND_COUNTER, .read = (fn)             \
    }

/* The metrics of one module. */
struct metrics {
    struct metric *const *items;
    unsigned count;
};
#define METRICS(table_name, ...)                                                                   \
    static struct metric *const table_name##_items[] = { __VA_ARGS__ };                            \
    extern const struct metrics table_name;                                                        \
    const struct metrics table_name = { table_name##_items, ARRAY_LEN(table_name##_items) }

/*
 * Makes a module's metrics count and be written; at start-up, before other threads use them. A
 * second time does nothing. A malformed or repeated name, a counter without _total, or too many
 * series is a bug.
 */
void metric_register(const struct metrics *metrics);

/*
 * Label values are given by their indexes, in the order of the labels: metric_inc(&m, METHOD_GET,
 * CLASS_2XX). An index beyond its label's values is a bug. Any thread; never waits.
 */
#define metric_inc(metric, ...) metric_add((metric), 1, ##__VA_ARGS__)
#define metric_add(metric, n, ...)                                                                 \
    metric_add_at((metric), (n), (const unsigned[METRIC_LABELS_MAX]){ __VA_ARGS__ })
#define metric_set(metric, value, ...)                                                             \
    metric_set_at((metric), (value), (const unsigned[METRIC_LABELS_MAX]){ __VA_ARGS__ })
#define metric_observe(metric, value, ...)                                                         \
    metric_observe_at((metric), (value), (const unsigned[METRIC_LABELS_MAX]){ __VA_ARGS__ })

/* Counters: n >= 0. Gauges: any n. */
void metric_add_at(struct metric *metric, int64_t n, const unsigned *labels);
/* Gauges. */
void metric_set_at(struct metric *metric, int64_t value, const unsigned *labels);
/* Histograms; `value` in the buckets' unit (a span for metric_seconds). */
void metric_observe_at(struct metric *metric, int64_t value, const unsigned *labels);

/* What one series of a counter or gauge stands at. For tests and health pages. */
#define metric_value(metric, ...)                                                                  \
    metric_value_at((metric), (const unsigned[METRIC_LABELS_MAX]){ __VA_ARGS__ })
int64_t metric_value_at(const struct metric *metric, const unsigned *labels);

/*
 * Everything registered in the Prometheus text exposition format 0.0.4; to be served as
 * METRIC_TYPE. Any thread.
 */
#define METRIC_TYPE "text/plain; version=0.0.4; charset=utf-8"
void metric_write(struct buf *buf);

/*
 * The process itself, under the names Prometheus' client libraries give: process_cpu_seconds_total,
 * process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds, process_max_fds,
 * process_start_time_seconds. Read from /proc (proc(5)).
 */
extern const struct metrics metric_process;
