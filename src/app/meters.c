/* meters: numbers that cores leave in atomics, and what is looked at when somebody asks. */
#include "meters.h"

#include "app.h"
#include "foundation/child/child.h"
#include "foundation/crash/crash.h"
#include "foundation/metric/metric.h"
#include "foundation/net/tls.h"

#include <math.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

static struct {
    _Atomic unsigned connections, tasks;
    _Atomic uint64_t accepted, refused, stalls, tasks_refused;
} cores[METERS_CORES_MAX];
static _Atomic unsigned cores_count;
static const char *_Atomic folder;
static _Atomic int64_t certificates_until = INSTANT_NEVER;

/* 100 µs to 10 s: a turn of a loop is short, or something is wrong. */
static const int64_t lag_bounds[] = { 100,   250,    1000,   5000,    10000,
                                      50000, 100000, 250000, 1000000, 10000000 };
static const struct metric_buckets lag_buckets = { lag_bounds, ARRAY_LEN(lag_bounds), 1000000 };
METRIC_HISTOGRAM(loop_lag_seconds, "From a call posted to an event loop to its turn.",
                 &lag_buckets);

#define SUM(name, member)                                                                          \
    static double name(void)                                                                       \
    {                                                                                              \
        double sum = 0;                                                                            \
        for (unsigned i = 0; i < atomic_load(&cores_count); i++)                                   \
            sum += (double)atomic_load_explicit(&cores[i].member, memory_order_relaxed);           \
        return sum;                                                                                \
    }
SUM(sum_connections, connections)
SUM(sum_tasks, tasks)
SUM(sum_accepted, accepted)
SUM(sum_refused, refused)
SUM(sum_stalls, stalls)
SUM(sum_tasks_refused, tasks_refused)

static double count_loops(void)
{
    return atomic_load(&cores_count);
}

/* NaN is left out. */
static double disk(bool available)
{
    struct statvfs info;
    const char *path = atomic_load(&folder);
    if (!path || statvfs(path, &info) != 0)
        return NAN;
    return (double)(available ? info.f_bavail : info.f_blocks) * (double)info.f_frsize;
}

static double disk_free(void)
{
    return disk(true);
}

static double disk_size(void)
{
    return disk(false);
}

static double certificate_expiry(void)
{
    int64_t until = atomic_load(&certificates_until);
    return until == INSTANT_NEVER ? NAN : (double)until / 1e6;
}

static const struct net_tls *_Atomic tls;

static struct net_tls_stats tls_stats(void)
{
    const struct net_tls *now = atomic_load(&tls);
    return now ? net_tls_stats(now) : (struct net_tls_stats){ 0 };
}

static double tls_full(void)
{
    struct net_tls_stats now = tls_stats();
    return (double)(now.handshakes - MIN_OF(now.resumed, now.handshakes));
}

static double tls_resumed(void)
{
    return (double)tls_stats().resumed;
}

static double tls_failed(void)
{
    return (double)tls_stats().failed;
}

METRIC_COUNTER_READ(tls_handshakes_full_total, "TLS handshakes with a new session.", tls_full);
METRIC_COUNTER_READ(tls_handshakes_resumed_total, "TLS handshakes that took a session up again.",
                    tls_resumed);
METRIC_COUNTER_READ(tls_handshakes_failed_total, "TLS handshakes that failed.", tls_failed);
METRIC_GAUGE_READ(loops, "Event loops.", count_loops);
METRIC_GAUGE_READ(loop_tasks, "Tasks alive on all loops.", sum_tasks);
METRIC_COUNTER_READ(loop_tasks_refused_total, "Tasks refused: a loop had its most.",
                    sum_tasks_refused);
METRIC_COUNTER_READ(loop_stalls_total, "Callbacks that held a loop too long.", sum_stalls);
METRIC_GAUGE_READ(http_connections, "Connections open.", sum_connections);
METRIC_COUNTER_READ(http_connections_accepted_total, "Connections accepted.", sum_accepted);
METRIC_COUNTER_READ(http_connections_refused_total, "Connections refused: too many.", sum_refused);
METRIC_GAUGE_READ(data_disk_free_bytes, "Free on the disk of the data folder.", disk_free);
METRIC_GAUGE_READ(data_disk_size_bytes, "Size of the disk of the data folder.", disk_size);
METRIC_GAUGE_READ(tls_certificate_expiry_seconds,
                  "When the first certificate ends, since the epoch.", certificate_expiry);
static const char *version_values[1], *build_values[1];
static const struct metric_label version_label = { "version", version_values, 1 };
static const struct metric_label build_label = { "build_id", build_values, 1 };
METRIC_GAUGE(kinobezdna_build_info, "1; the labels say what runs.", &version_label, &build_label);
METRICS(app_metrics, &loop_lag_seconds, &loops, &loop_tasks, &loop_tasks_refused_total,
        &loop_stalls_total, &http_connections, &http_connections_accepted_total,
        &http_connections_refused_total, &data_disk_free_bytes, &data_disk_size_bytes,
        &tls_certificate_expiry_seconds, &tls_handshakes_full_total, &tls_handshakes_resumed_total,
        &tls_handshakes_failed_total, &kinobezdna_build_info);

void meters_start(void)
{
    version_values[0] = app_version;
    build_values[0] = crash_build_id();
    metric_register(&app_metrics);
    metric_register(&child_metrics);
    metric_set(&kinobezdna_build_info, 1);
}

void meters_core(unsigned core, const struct core_numbers *numbers, span lag)
{
    unsigned known = atomic_load(&cores_count);
    metric_observe(&loop_lag_seconds, lag);
    atomic_store(&cores[core].connections, numbers->connections);
    atomic_store(&cores[core].tasks, numbers->tasks);
    atomic_store(&cores[core].accepted, numbers->accepted);
    atomic_store(&cores[core].refused, numbers->refused);
    atomic_store(&cores[core].stalls, numbers->stalls);
    atomic_store(&cores[core].tasks_refused, numbers->tasks_refused);
    while (known <= core && !atomic_compare_exchange_weak(&cores_count, &known, core + 1))
        ;
}

void meters_cores_gone(void)
{
    atomic_store(&cores_count, 0);
}

void meters_folder(const char *path)
{
    atomic_store(&folder, path);
}

void meters_certificates(instant until)
{
    atomic_store(&certificates_until, until);
}

void meters_tls(const struct net_tls *open)
{
    atomic_store(&tls, open);
}
