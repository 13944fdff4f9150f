#include "log.h"

#include "foundation/json/json.h"
#include "foundation/test/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int ends[2];
static char output[1 << 20];

static void begin(struct log_settings settings)
{
    if (ends[1])
        for (int i = 0; i < 2; i++)
            close(ends[i]);
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    log_start(&settings, ends[1]);
    log_span_provider(NULL);
    clock_set(SECONDS(3600 + 61) + 5000);
}

/* What has been written since the last call. */
static str written(void)
{
    ssize_t len = read(ends[0], output, sizeof(output));
    return (str){ output, len > 0 ? (size_t)len : 0 };
}

static const struct log_settings as_json = { .level = LOG_INFO, .format = LOG_FORMAT_JSON };
static const struct log_settings as_text = { .level = LOG_DEBUG, .format = LOG_FORMAT_TEXT };

TEST(log_writes_json)
{
    begin(as_json);
    log_info("http", "request served", LOG_STR("path", STR("/v1\n\x1b[2J\xff")),
             LOG_INT("status", 200), LOG_BOOL("cached", true), LOG_DOUBLE("ratio", 0.5),
             LOG_SPAN("took_s", 1500), LOG_ID("title", ID(7)), LOG_TIME("at", 0),
             LOG_CSTR("none", NULL));
    CHECK_STR(written(),
              STR("{\"time\":\"1970-01-01T01:01:01.005000Z\",\"level\":\"info\",\"area\":\"http\","
                  "\"message\":\"request served\",\"path\":\"/v1\\n\\u001b[2J\xef\xbf\xbd\","
                  "\"status\":200,\"cached\":true,\"ratio\":0.5,\"took_s\":0.001500,"
                  "\"title\":\"7\",\"at\":\"1970-01-01T00:00:00Z\",\"none\":\"\"}\n"));
    log_warn("a", "b");
    CHECK(str_ends(written(), STR("\"level\":\"warn\",\"area\":\"a\",\"message\":\"b\"}\n")));
}

TEST(log_writes_text)
{
    begin(as_text);
    log_debug("http", "served \x1b[31m",
              LOG_STR("path", STR("/\xc2\x9b"
                                  "x\x7f")),
              LOG_STR("agent", STR("a b")), LOG_INT("n", -1), LOG_STR("ru", STR("Ж")));
    CHECK_STR(written(), STR("01:01:01.005 DEBUG http     served \\x1b[31m path=/\\x9bx\\x7f "
                             "agent=\"a b\" n=-1 ru=Ж\n"));
    struct log_settings coloured = as_text;
    coloured.colour = LOG_COLOUR_ALWAYS;
    begin(coloured);
    log_error("x", "y");
    CHECK(str_find(written(), STR("\x1b[31mERROR\x1b[0m")) > 0);
}

TEST(log_levels)
{
    begin(as_json);
    log_debug("a", "hidden");
    CHECK_INT(written().len, 0);
    CHECK(!log_enabled(LOG_DEBUG) && log_enabled(LOG_INFO));
    log_level_set(LOG_ERROR);
    log_warn("a", "hidden");
    CHECK_INT(written().len, 0);
    log_error("a", "shown");
    CHECK(written().len > 0);
}

TEST(log_never_prints_a_secret)
{
    begin(as_json);
    log_info("a", "b", LOG_SECRET("key", STR("hunter2")), LOG_SECRET("empty", STR("")));
    str line = written();
    CHECK(str_find(line, STR("hunter2")) < 0);
    CHECK(str_find(line, STR("\"key\":\"(secret)\",\"empty\":\"\"")) > 0);
}

static bool spans_known;

static bool provided(char trace_id[33], char span_id[17])
{
    memcpy(trace_id, "4bf92f3577b34da6a3ce929d0e0e4736", 33);
    memcpy(span_id, "00f067aa0ba902b7", 17);
    return spans_known;
}

TEST(log_carries_the_trace)
{
    begin(as_json);
    log_span_provider(provided);
    spans_known = true;
    log_info("a", "b");
    CHECK(str_find(written(), STR("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
                                  "\"span_id\":\"00f067aa0ba902b7\"")) > 0);
    spans_known = false;
    log_info("a", "b");
    CHECK(str_find(written(), STR("trace_id")) < 0);
}

TEST(log_failures_carry_the_error_slot)
{
    begin(as_json);
    err_set(ERR_INTERNAL, "disk-on-fire", "the disk %d burns", 3);
    log_failure("db", "write failed", ERR_INTERNAL, LOG_INT("row", 5));
    str line = written();
    CHECK(str_find(line, STR("\"level\":\"error\"")) > 0);
    CHECK(str_find(line, STR("\"row\":5,\"error\":\"internal\",\"slug\":\"disk-on-fire\","
                             "\"detail\":\"the disk 3 burns\",\"place\":\"")) > 0);
    log_failure("db", "cancelled", ERR_CANCELLED);
    CHECK_INT(written().len, 0);
}

static bool is_one_json_line(str line)
{
    struct arena arena;
    struct json json;
    arena_init(&arena, KIB(64));
    bool valid = line.len && line.ptr[line.len - 1] == '\n' &&
                 str_find_char(line, '\n') == (ptrdiff_t)line.len - 1 &&
                 json_init(&json, &arena, line, NULL) == OK && json_skip(&json, NULL) == OK &&
                 json_finish(&json) == OK;
    arena_deinit(&arena);
    return valid;
}

TEST(log_lines_stay_within_a_pipe_write)
{
    static char long_text[8000];
    begin(as_json);
    for (int fill = 0; fill < 4; fill++) {
        memset(long_text, "a\x01\xff\""[fill], sizeof(long_text) - 1);
        str text = str_of(long_text);
        log_info("area", long_text, LOG_STR("a", text), LOG_STR("b", text), LOG_STR("c", text),
                 LOG_STR("d", text), LOG_INT("n", 1));
        str line = written();
        CHECK(line.len <= 4096);
        CHECK(is_one_json_line(line));
        CHECK(str_find(line, STR("\"cut\":true")) > 0);
        CHECK(str_find(line, STR("\"n\":1")) > 0);
    }
}

TEST(log_drops_rather_than_waits_and_says_so)
{
    begin(as_json);
    uint64_t before = log_dropped_total();
    for (int i = 0; i < 3000; i++)
        log_info("flood", "a line that nobody reads, long enough to fill the pipe soon");
    uint64_t dropped = log_dropped_total() - before;
    CHECK(dropped > 0 && dropped < 3000);
    while (written().len)
        ;
    log_info("flood", "read again");
    char expected[64];
    snprintf(expected, sizeof(expected), "\"dropped\":%llu}", (unsigned long long)dropped);
    CHECK(str_find(written(), str_of(expected)) > 0);
    log_info("flood", "read again");
    CHECK(str_find(written(), STR("dropped")) < 0);
}

static void *many_lines(void *arg)
{
    for (int i = 0; i < 50; i++)
        log_info("thread", "line", LOG_INT("thread", *(int *)arg), LOG_INT("i", i));
    return NULL;
}

TEST(log_lines_of_threads_do_not_mix)
{
    pthread_t threads[4];
    int numbers[4];
    int lines = 0;
    begin(as_json);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, many_lines, &numbers[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    str all = written(), line;
    while (str_cut(&all, '\n', &line) && line.len) {
        CHECK(is_one_json_line((str){ line.ptr, line.len + 1 }));
        lines++;
    }
    CHECK_INT(lines, 200);
}
