/*
 * trace_export: the queue of ended spans and the thread that posts them in batches. The collector
 * is near and the connection plain, so the thread speaks blocking HTTP/1.1 with time-outs, a
 * connection a batch. A batch that cannot be delivered is lost: a queue that waited for a dead
 * collector would only lose the newer ones.
 */
#include "trace_internal.h"

#include "foundation/mem/heap.h"
#include "trace_post.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BATCH_MAX = 512, BODY_BYTES_MAX = 4 << 20 };

SETTINGS(
    trace_conf, struct trace_settings,
    SETTING_TEXT(struct trace_settings, endpoint, "trace.endpoint", "",
                 .doc = "http://host:port of an OpenTelemetry collector (OTLP/HTTP); empty: no "
                        "tracing"),
    SETTING_INT(struct trace_settings, sample, "trace.sample", "100", .min = 0, .max = 1000,
                .doc = "how many of 1000 requests and jobs are traced"),
    SETTING_BOOL(struct trace_settings, join, "trace.join", "yes",
                 .doc = "requests with a traceparent join that trace and follow its decision"),
    SETTING_INT(struct trace_settings, queue, "trace.queue", "4096", .min = 16, .max = 100000,
                .doc = "spans waiting for export at most; more are dropped and counted"),
    SETTING_SPAN(struct trace_settings, interval, "trace.interval", "1s", .min = MILLISECONDS(10),
                 .max = MINUTES(5), .doc = "how long spans wait for a batch"));

METRIC_COUNTER(trace_spans_exported_total, "Spans a collector has taken.");
METRIC_COUNTER(trace_spans_dropped_total,
               "Spans lost: the queue was full, or no collector took them.");
METRIC_COUNTER(trace_exports_failed_total, "Batches that no collector took.");
METRICS(trace_metrics, &trace_spans_exported_total, &trace_spans_dropped_total,
        &trace_exports_failed_total);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool running, stopping;
    struct trace_target target;
    const char *version;
    span interval;
    unsigned capacity, head, count;
    struct trace_span *ring;  /* [capacity] */
    struct trace_span *batch; /* [BATCH_MAX], the thread's */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

void trace_queue_put(const struct trace_span *record)
{
    bool dropped = true, full_batch = false;
    pthread_mutex_lock(&queue.lock);
    if (queue.running && queue.count < queue.capacity) {
        queue.ring[(queue.head + queue.count) % queue.capacity] = *record;
        queue.count++;
        dropped = false;
        full_batch = queue.count == MIN_OF((unsigned)BATCH_MAX, queue.capacity / 2);
    }
    if (full_batch)
        pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    if (dropped)
        metric_inc(&trace_spans_dropped_total);
}

/* Waits for a batch's worth, the interval, or the end. */
static unsigned batch_take(bool *out_last)
{
    struct timespec until;
    pthread_mutex_lock(&queue.lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + queue.interval % SECONDS(1) * 1000;
    until.tv_sec += queue.interval / SECONDS(1) + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    int waited = 0;
    while (!queue.stopping && waited == 0 &&
           queue.count < MIN_OF((unsigned)BATCH_MAX, queue.capacity / 2))
        waited = pthread_cond_clockwait(&queue.changed, &queue.lock, CLOCK_MONOTONIC, &until);
    unsigned count = MIN_OF(queue.count, (unsigned)BATCH_MAX);
    for (unsigned i = 0; i < count; i++)
        queue.batch[i] = queue.ring[(queue.head + i) % queue.capacity];
    queue.head = (queue.head + count) % queue.capacity;
    queue.count -= count;
    *out_last = queue.stopping && queue.count == 0;
    pthread_mutex_unlock(&queue.lock);
    return count;
}

static void export(unsigned count)
{
    struct buf body;
    buf_init(&body, NULL, BODY_BYTES_MAX);
    trace_write(&body, queue.batch, count, queue.version);
    if (!body.overflowed && trace_post(&queue.target, buf_str(&body))) {
        metric_add(&trace_spans_exported_total, count);
    } else {
        metric_inc(&trace_exports_failed_total);
        metric_add(&trace_spans_dropped_total, count);
    }
    buf_deinit(&body);
}

static void *thread_main(void *arg)
{
    (void)arg;
    for (bool last = false; !last;) {
        unsigned count = batch_take(&last);
        if (count)
            export(count);
    }
    return NULL;
}

enum err trace_start(const struct trace_settings *settings, const char *version)
{
    metric_register(&trace_metrics);
    if (settings->endpoint.len == 0)
        return OK;
    TRY(trace_target_parse(settings->endpoint, &queue.target));
    trace_policy = (struct trace_policy){ settings->sample, settings->join };
    queue.version = version;
    queue.interval = settings->interval;
    queue.capacity = (unsigned)settings->queue;
    queue.head = queue.count = 0;
    queue.ring = HEAP_ARRAY(queue.capacity, struct trace_span);
    queue.batch = HEAP_ARRAY(BATCH_MAX, struct trace_span);
    queue.stopping = false;
    pthread_cond_init(&queue.changed, NULL);
    queue.running = pthread_create(&queue.thread, NULL, thread_main, NULL) == 0;
    if (!queue.running)
        return err_set(ERR_EXHAUSTED, "threads", "the system gives no thread for tracing");
    pthread_setname_np(queue.thread, "trace");
    atomic_store(&trace_is_on, true);
    return OK;
}

void trace_stop(void)
{
    if (!queue.running)
        return;
    atomic_store(&trace_is_on, false);
    pthread_mutex_lock(&queue.lock);
    queue.stopping = true;
    pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    pthread_join(queue.thread, NULL);
    queue.running = false;
    pthread_cond_destroy(&queue.changed);
    heap_free(queue.ring);
    heap_free(queue.batch);
    queue.ring = queue.batch = NULL;
}
