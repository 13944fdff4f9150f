#include "metric.h"

#include "foundation/test/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { METHOD_GET, METHOD_POST };
enum { CLASS_2XX, CLASS_4XX, CLASS_5XX };
METRIC_LABEL(test_method, "method", "GET", "POST");
METRIC_LABEL(test_class, "class", "2xx", "4\"x\\x\n", "5xx");

static double reads(void)
{
    return 2.5;
}

METRIC_COUNTER(test_requests_total, "Requests\nanswered \\ all.", &test_method, &test_class);
METRIC_COUNTER(test_plain_total, "Plain.");
METRIC_GAUGE(test_queue, "Waiting.");
METRIC_HISTOGRAM(test_duration_seconds, "Time.", &metric_seconds, &test_method);
METRIC_HISTOGRAM(test_body_bytes, "Size.", &metric_sizes);
METRIC_GAUGE_READ(test_read_ratio, "Read.", reads);
METRICS(test_metrics, &test_requests_total, &test_plain_total, &test_queue, &test_duration_seconds,
        &test_body_bytes, &test_read_ratio);

METRIC_COUNTER(test_unregistered_total, "Never registered.");

/* The value of the line that begins with `name` and a space, or -1. */
static double line_value(const char *name)
{
    static struct buf buf;
    buf_deinit(&buf);
    buf_init(&buf, NULL, MIB(1));
    metric_write(&buf);
    str rest = buf_str(&buf), line;
    while (str_cut(&rest, '\n', &line)) {
        if (str_starts(line, str_of(name)) && line.len > str_of(name).len &&
            line.ptr[str_of(name).len] == ' ')
            return strtod(line.ptr + str_of(name).len, NULL);
    }
    return -1;
}

TEST(metric_counts_by_label)
{
    metric_register(&test_metrics);
    metric_register(&test_metrics);
    metric_inc(&test_requests_total, METHOD_GET, CLASS_2XX);
    metric_add(&test_requests_total, 4, METHOD_POST, CLASS_4XX);
    metric_inc(&test_plain_total);
    CHECK_INT(metric_value(&test_requests_total, METHOD_GET, CLASS_2XX), 1);
    CHECK_INT(metric_value(&test_requests_total, METHOD_POST, CLASS_4XX), 4);
    CHECK_INT(metric_value(&test_requests_total, METHOD_POST, CLASS_5XX), 0);
    CHECK(line_value("test_requests_total{method=\"GET\",class=\"2xx\"}") == 1);
    CHECK(line_value("test_requests_total{method=\"POST\",class=\"4\\\"x\\\\x\\n\"}") == 4);
    CHECK(line_value("test_requests_total{method=\"GET\",class=\"5xx\"}") == 0);
    CHECK(line_value("test_plain_total") == 1);
}

TEST(metric_gauges_go_both_ways)
{
    metric_register(&test_metrics);
    metric_set(&test_queue, 5);
    metric_add(&test_queue, -7);
    CHECK_INT(metric_value(&test_queue), -2);
    CHECK(line_value("test_queue") == -2);
    CHECK(line_value("test_read_ratio") == 2.5);
}

TEST(metric_histograms_are_cumulative)
{
    metric_register(&test_metrics);
    static const span values[] = { 0, 5000, 5001, SECONDS(1), SECONDS(10), SECONDS(11) };
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        metric_observe(&test_duration_seconds, values[i], METHOD_POST);
    metric_observe(&test_body_bytes, 2000);
    CHECK(line_value("test_duration_seconds_bucket{method=\"POST\",le=\"0.005\"}") == 2);
    CHECK(line_value("test_duration_seconds_bucket{method=\"POST\",le=\"0.01\"}") == 3);
    CHECK(line_value("test_duration_seconds_bucket{method=\"POST\",le=\"1\"}") == 4);
    CHECK(line_value("test_duration_seconds_bucket{method=\"POST\",le=\"2.5\"}") == 4);
    CHECK(line_value("test_duration_seconds_bucket{method=\"POST\",le=\"10\"}") == 5);
    CHECK(line_value("test_duration_seconds_bucket{method=\"POST\",le=\"+Inf\"}") == 6);
    CHECK(line_value("test_duration_seconds_count{method=\"POST\"}") == 6);
    CHECK(line_value("test_duration_seconds_sum{method=\"POST\"}") == 22.010001);
    CHECK(line_value("test_duration_seconds_count{method=\"GET\"}") == 0);
    CHECK(line_value("test_body_bytes_bucket{le=\"1024\"}") == 0);
    CHECK(line_value("test_body_bytes_bucket{le=\"4096\"}") == 1);
}

TEST(metric_help_and_type_come_once)
{
    struct buf buf;
    metric_register(&test_metrics);
    buf_init(&buf, NULL, MIB(1));
    metric_write(&buf);
    str text = buf_str(&buf);
    str help = STR("# HELP test_requests_total Requests\\nanswered \\\\ all.\n"
                   "# TYPE test_requests_total counter\ntest_requests_total{method=\"GET\"");
    ptrdiff_t at = str_find(text, help);
    CHECK(at >= 0);
    CHECK(str_find(str_skip(text, (size_t)at + help.len), STR("HELP test_requests_total")) < 0);
    CHECK(str_find(text, STR("# TYPE test_duration_seconds histogram\n")) > 0);
    CHECK(str_find(text, STR("# TYPE test_queue gauge\n")) > 0);
    CHECK(text.ptr[text.len - 1] == '\n');
    buf_deinit(&buf);
}

static void *count_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10000; i++) {
        metric_inc(&test_plain_total);
        metric_observe(&test_body_bytes, 1);
    }
    return NULL;
}

TEST(metric_threads_lose_nothing)
{
    pthread_t threads[12];
    metric_register(&test_metrics);
    int64_t before = metric_value(&test_plain_total);
    double sum = line_value("test_body_bytes_sum");
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, count_many, NULL) == 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(metric_value(&test_plain_total), before + 120000);
    CHECK(line_value("test_body_bytes_sum") == sum + 120000);
}

TEST(metric_unregistered_is_silent)
{
    metric_inc(&test_unregistered_total);
    CHECK_INT(metric_value(&test_unregistered_total), 0);
    CHECK(line_value("test_unregistered_total") == -1);
}

TEST(metric_process_is_plausible)
{
    metric_register(&metric_process);
    double now = (double)clock_now() / 1e6;
    CHECK(line_value("process_cpu_seconds_total") >= 0);
    CHECK(line_value("process_resident_memory_bytes") > 1e5);
    CHECK(line_value("process_virtual_memory_bytes") >=
          line_value("process_resident_memory_bytes"));
    CHECK(line_value("process_start_time_seconds") > now - 86400);
    CHECK(line_value("process_start_time_seconds") < now + 60);
    double before = line_value("process_open_fds");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(line_value("process_open_fds") == before + 1);
    close(fd);
    CHECK(line_value("process_open_fds") == before);
}
