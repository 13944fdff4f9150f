/* trace: identity and nesting of spans, the traceparent header, the queue's limit, the export. */
#include "trace.h"

#include "trace_export.h"
#include "trace_post.h"

#include "foundation/json/json.h"
#include "foundation/task/run.h"
#include "foundation/task/task.h"
#include "foundation/test/test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* --- A collector: takes posts until told to stop, answers each with `status` -------------------
 */

static struct {
    int fd;
    pthread_t thread;
    int status;
    _Atomic bool over;
    _Atomic unsigned posts;
    char last[1 << 20];
} collector;

static void take_post(int conn)
{
    size_t len = 0, wanted = SIZE_MAX;
    while (len < wanted && len < sizeof(collector.last) - 1) {
        ssize_t got = recv(conn, collector.last + len, sizeof(collector.last) - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        collector.last[len] = 0;
        const char *end = strstr(collector.last, "\r\n\r\n");
        const char *length = strstr(collector.last, "Content-Length: ");
        if (end && length)
            wanted = (size_t)(end + 4 - collector.last) + strtoul(length + 16, NULL, 10);
    }
    if (len == 0)
        return;
    dprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}", collector.status);
    atomic_fetch_add(&collector.posts, 1);
}

static void *collector_main(void *arg)
{
    (void)arg;
    while (!atomic_load(&collector.over)) {
        int conn = accept(collector.fd, NULL, NULL);
        if (conn < 0)
            continue;
        take_post(conn);
        close(conn);
    }
    return NULL;
}

static void start(int status, struct trace_settings settings)
{
    static char url[64];
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    collector.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(collector.fd, (const struct sockaddr *)&address, bytes) == 0);
    CHECK(listen(collector.fd, 64) == 0);
    getsockname(collector.fd, (struct sockaddr *)&address, &bytes);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    collector.status = status;
    atomic_store(&collector.over, false);
    atomic_store(&collector.posts, 0);
    CHECK(pthread_create(&collector.thread, NULL, collector_main, NULL) == 0);
    settings.endpoint = str_of(url);
    CHECK_OK(trace_start(&settings, "1.2.3"));
}

static void stop(void)
{
    struct sockaddr_in address;
    socklen_t bytes = sizeof(address);
    trace_stop();
    atomic_store(&collector.over, true);
    getsockname(collector.fd, (struct sockaddr *)&address, &bytes);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* accept() returns once more */
    CHECK(connect(fd, (const struct sockaddr *)&address, bytes) == 0);
    close(fd);
    pthread_join(collector.thread, NULL);
    close(collector.fd);
}

static const struct trace_settings everything = {
    .sample = 1000, .queue = 1000, .interval = MINUTES(5), .join = true
};

/* --- Tests ------------------------------------------------------------------------------------ */

TEST(off_begins_nothing)
{
    struct trace_span record;
    char trace[33], id[17];
    CHECK(!trace_on());
    CHECK(!trace_begin(&record, "x", TRACE_INTERNAL));
    CHECK(!trace_ids_current(trace, id));
    CHECK_OK(trace_start(&(struct trace_settings){ .endpoint = STR_NONE }, "1"));
    CHECK(!trace_on());
    trace_stop();
}

TEST(traceparent_both_ways)
{
    struct trace_span record = { 0 };
    char text[TRACE_PARENT_BYTES];
    CHECK(trace_parent_parse(STR(PARENT), record.trace, &record.id, &record.sampled));
    CHECK(record.sampled && record.id == 0x00f067aa0ba902b7u);
    CHECK_STR(trace_parent_format(&record, text), STR(PARENT));
    static const char *const wrong[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(!trace_parent_parse(str_of(wrong[i]), record.trace, &record.id, &record.sampled));
    CHECK(trace_parent_parse(STR("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02-x"),
                             record.trace, &record.id, &record.sampled));
    CHECK(!record.sampled);
}

TEST(endpoints)
{
    struct trace_target target;
    CHECK_OK(trace_target_parse(STR("http://collector"), &target));
    CHECK_STR(str_of(target.port), STR("4318"));
    CHECK_STR(str_of(target.path), STR("/v1/traces"));
    CHECK_OK(trace_target_parse(STR("http://[::1]:4000/otlp/v1/traces"), &target));
    CHECK_STR(str_of(target.host), STR("::1"));
    CHECK_STR(str_of(target.authority), STR("[::1]:4000"));
    CHECK_STR(str_of(target.port), STR("4000"));
    CHECK_STR(str_of(target.path), STR("/otlp/v1/traces"));
    static const char *const wrong[] = { "https://collector", "collector:4318", "http://",
                                         "http://a:0",        "http://a:x",     "http://a b",
                                         "http://a\r\nX: y",  "http://a:70000" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK_ERR(trace_target_parse(str_of(wrong[i]), &target), ERR_INVALID);
}

static enum err in_group(void *arg)
{
    struct trace_span record;
    (void)arg;
    CHECK(trace_begin(&record, "child", TRACE_INTERNAL));
    TRY(await_turn());
    CHECK(trace_current() == &record);
    trace_end(&record, true);
    return OK;
}

static enum err tasks_main(void *arg)
{
    struct trace_span root;
    struct task_group group;
    (void)arg;
    trace_root(&root, "/v1/x", TRACE_SERVER, STR(PARENT));
    root.prefix = "GET";
    trace_put_text(&root, "url.path", STR("/v1/\xff\"x"));
    trace_put_int(&root, "big", INT64_MAX);
    task_group_init(&group, 2);
    TRY(task_group_start(&group, "a", in_group, NULL));
    TRY(task_group_start(&group, "b", in_group, NULL));
    TRY(task_group_wait(&group));
    CHECK(trace_current() == &root);
    trace_end(&root, false);
    CHECK(trace_current() == NULL);
    return OK;
}

static unsigned times(const char *text, const char *part)
{
    unsigned count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

TEST(tasks_carry_their_span)
{
    start(200, everything);
    CHECK_OK(task_run("test", MIB(1), tasks_main, NULL));
    stop();
    CHECK_INT(collector.posts, 1);
    const char *text = collector.last;
    CHECK(strncmp(text, "POST /v1/traces HTTP/1.1\r\n", 26) == 0);
    CHECK(strstr(text, "Content-Type: application/json\r\n"));
    CHECK_INT(times(text, "\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\""), 3);
    CHECK_INT(times(text, "\"parentSpanId\":\"00f067aa0ba902b7\""), 1);
    CHECK_INT(times(text, "\"name\":\"child\",\"kind\":1"), 2);
    CHECK_INT(times(text, "\"name\":\"GET /v1/x\",\"kind\":2"), 1);
    CHECK_INT(times(text, "\"status\":{\"code\":2}"), 2);
    CHECK_INT(times(text, "{\"intValue\":\"9223372036854775807\"}"), 1);
    CHECK_INT(times(text, "{\"stringValue\":\"/v1/\xef\xbf\xbd\\\"x\"}"), 1);
    CHECK_INT(times(text, "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"1.2.3\"}}"),
              1);
}

TEST(not_sampled_is_not_exported)
{
    struct trace_settings none = everything;
    struct trace_span root, child;
    char text[TRACE_PARENT_BYTES], trace[33], id[17];
    none.sample = 0;
    start(200, none);
    trace_root(&root, "x", TRACE_SERVER, STR_NONE);
    CHECK(!trace_begin(&child, "y", TRACE_INTERNAL));
    CHECK(trace_ids_current(trace, id)); /* its log lines still belong together */
    CHECK(str_ends(trace_parent_format(&root, text), STR("-00")));
    trace_end(&root, false);
    stop();
    CHECK_INT(collector.posts, 0);
}

TEST(a_full_queue_drops_and_counts)
{
    struct trace_settings small = everything;
    small.queue = 16;
    start(500, small); /* what is posted is not taken either */
    int64_t dropped = metric_value(trace_metrics.items[1]);
    for (int i = 0; i < 1000; i++) {
        struct trace_span root;
        trace_root(&root, "x", TRACE_SERVER, STR_NONE);
        trace_end(&root, false);
    }
    stop();
    CHECK_INT(metric_value(trace_metrics.items[1]) - dropped, 1000);
    CHECK(collector.posts > 0);
}

TEST(values_that_do_not_fit_are_cut)
{
    struct trace_span record = { 0 };
    char lots[1000];
    memset(lots, 'a', sizeof(lots));
    memcpy(lots + TRACE_TEXT_BYTES - 1, "\xd0\xb9", 2);
    trace_put_text(&record, "k", (str){ lots, sizeof(lots) });
    CHECK_INT(record.attrs[0].len, TRACE_TEXT_BYTES - 1);
    trace_put_text(&record, "k", STR("b"));
    CHECK_INT(record.attrs[1].len, 1);
    trace_put_text(&record, "k", STR("c"));
    CHECK_INT(record.attrs_count, 2);
    for (int i = 0; i < 2 * TRACE_ATTRS_MAX; i++)
        trace_put_int(&record, "n", i);
    CHECK_INT(record.attrs_count, TRACE_ATTRS_MAX);
}
