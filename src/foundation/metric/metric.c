/*
 * metric: counting. Cells are 64-bit and added to without order; a reader sums the shards. A gauge
 * lives in the first shard only, because setting and adding must meet in one cell.
 */
#include "metric.h"

#include "metric_impl.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>

enum { CACHE_LINE_BYTES = 64, TABLES_MAX = 64 };

static const int64_t seconds_bounds[] = { 5000,   10000,   25000,   50000,   100000,  250000,
                                          500000, 1000000, 2500000, 5000000, 10000000 };
static const int64_t sizes_bounds[] = { 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20,
                                        1 << 22, 1 << 24, 1 << 26, 1 << 28, 1 << 30 };
const struct metric_buckets metric_seconds = { seconds_bounds, ARRAY_LEN(seconds_bounds), 1000000 };
const struct metric_buckets metric_sizes = { sizes_bounds, ARRAY_LEN(sizes_bounds), 1 };

static const struct metrics *tables[TABLES_MAX];
static _Atomic unsigned tables_count;

/* --- Registration --------------------------------------------------------------------------- */

static void check_name(const struct metric *metric)
{
    str name = str_of(metric->name);
    ASSERT(name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9'));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        ASSERT((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
    ASSERT(str_ends(name, STR("_total")) == (metric->kind == METRIC_KIND_COUNTER));
    for (unsigned t = 0; t < metric_tables_count(); t++)
        for (unsigned i = 0; i < tables[t]->count; i++)
            ASSERT(strcmp(tables[t]->items[i]->name, metric->name) != 0);
}

static void prepare(struct metric *metric)
{
    check_name(metric);
    if (metric->read)
        return;
    metric->series = 1;
    for (unsigned i = 0; i < METRIC_LABELS_MAX && metric->labels[i]; i++)
        metric->series *= metric->labels[i]->count;
    ASSERT(metric->series > 0 && metric->series <= METRIC_SERIES_MAX);
    metric->cells = 1;
    if (metric->kind == METRIC_KIND_HISTOGRAM) {
        ASSERT(metric->buckets && metric->buckets->count <= METRIC_BOUNDS_MAX);
        metric->cells = metric->buckets->count + 2; /* one without bound, and the sum */
    }
    size_t line = CACHE_LINE_BYTES / sizeof(uint64_t);
    metric->stride = (unsigned)(((size_t)metric->series * metric->cells + line - 1) / line * line);
    char *memory = heap_zalloc(1, (size_t)METRIC_SHARDS * metric->stride * sizeof(uint64_t) +
                                      CACHE_LINE_BYTES);
    size_t past = (uintptr_t)memory % CACHE_LINE_BYTES;
    metric->shards = (_Atomic uint64_t *)(void *)(memory + (CACHE_LINE_BYTES - past));
}

void metric_register(const struct metrics *metrics)
{
    unsigned count = metric_tables_count();
    for (unsigned t = 0; t < count; t++)
        if (tables[t] == metrics)
            return;
    ASSERT(count < TABLES_MAX);
    for (unsigned i = 0; i < metrics->count; i++)
        prepare(metrics->items[i]);
    tables[count] = metrics;
    atomic_store_explicit(&tables_count, count + 1, memory_order_release);
}

unsigned metric_tables_count(void)
{
    return atomic_load_explicit(&tables_count, memory_order_acquire);
}

const struct metrics *metric_table(unsigned index)
{
    return tables[index];
}

/* --- Counting ------------------------------------------------------------------------------- */

static unsigned shard_of_thread(void)
{
    static _Atomic unsigned threads;
    static _Thread_local unsigned shard; /* one more than the index */
    if (shard == 0)
        shard = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % METRIC_SHARDS + 1;
    return shard - 1;
}

static unsigned series_of(const struct metric *metric, const unsigned *labels)
{
    unsigned series = 0;
    for (unsigned i = 0; i < METRIC_LABELS_MAX && metric->labels[i]; i++) {
        ASSERT(labels[i] < metric->labels[i]->count);
        series = series * metric->labels[i]->count + labels[i];
    }
    return series;
}

static void add(struct metric *metric, unsigned shard, unsigned cell, int64_t n)
{
    atomic_fetch_add_explicit(&metric->shards[(size_t)shard * metric->stride + cell], (uint64_t)n,
                              memory_order_relaxed);
}

void metric_add_at(struct metric *metric, int64_t n, const unsigned *labels)
{
    bool gauge = metric->kind == METRIC_KIND_GAUGE;
    ASSERT(gauge || (metric->kind == METRIC_KIND_COUNTER && n >= 0));
    if (metric->shards)
        add(metric, gauge ? 0 : shard_of_thread(), series_of(metric, labels), n);
}

void metric_set_at(struct metric *metric, int64_t value, const unsigned *labels)
{
    ASSERT(metric->kind == METRIC_KIND_GAUGE);
    if (metric->shards)
        atomic_store_explicit(&metric->shards[series_of(metric, labels)], (uint64_t)value,
                              memory_order_relaxed);
}

void metric_observe_at(struct metric *metric, int64_t value, const unsigned *labels)
{
    unsigned bucket = 0;
    ASSERT(metric->kind == METRIC_KIND_HISTOGRAM);
    if (!metric->shards)
        return;
    while (bucket < metric->buckets->count && value > metric->buckets->bounds[bucket])
        bucket++;
    unsigned first = series_of(metric, labels) * metric->cells, shard = shard_of_thread();
    add(metric, shard, first + bucket, 1);
    add(metric, shard, first + metric->cells - 1, value);
}

uint64_t metric_cell(const struct metric *metric, unsigned series, unsigned cell)
{
    uint64_t sum = 0;
    size_t at = (size_t)series * metric->cells + cell;
    for (unsigned shard = 0; shard < METRIC_SHARDS; shard++)
        sum += atomic_load_explicit(&metric->shards[(size_t)shard * metric->stride + at],
                                    memory_order_relaxed);
    return sum;
}

int64_t metric_value_at(const struct metric *metric, const unsigned *labels)
{
    ASSERT(metric->kind != METRIC_KIND_HISTOGRAM);
    if (metric->read)
        return (int64_t)metric->read();
    return metric->shards ? (int64_t)metric_cell(metric, series_of(metric, labels), 0) : 0;
}
