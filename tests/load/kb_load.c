/*
 * kb_load: the load client of the bench, for a server on the loopback. Prints one JSON object.
 *
 *   kb_load requests -p PORT [options] PATH...  keeps connections busy; requests per CPU-second of
 * PID kb_load idle     -p PORT -P PID -c N PATH   memory of N idle connections that have been
 * served once kb_load first    -p PORT PATH...            each path once, one after another: their
 * latencies
 *
 * -c connections (1)      -d requests on the way on each (1)   -P process to measure
 * -t milliseconds (1500)  -n end after so many answers         -H counter file of heapcount
 * -w warm-up, ms (200)    -W warm-up, answers                  -C pin the client to this processor
 * -l Content-Length that every answer must have (any)          -S status (any 2xx)
 * -f file of paths, one a line                                 -a a header line more
 * -b body: the requests are POSTs of it; ######## in it, or in a path, becomes the number of the
 * request; -N the first number (0)
 * -s never sleep: nobody pays for waking the client
 */
#include "client.h"
#include "start.h"

#include "foundation/mem/arena.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOW_MS_MAX = 120000, IDLE_WARM = 64 };

static struct {
    struct arena arena;
    struct client_plan plan;
    str requests[REQUESTS_LISTED_MAX];
    const char *body, *header;
    int processor;
} options = {
    .plan = { .connections = 1,
              .depth = 1,
              .length_wanted = -1,
              .warm = MILLISECONDS(200),
              .window = MILLISECONDS(1500) },
    .processor = -1,
};

static int64_t number(const char *text, int64_t max)
{
    int64_t value;
    if (!str_parse_i64(str_of(text), &value) || value < 0 || value > max)
        load_fail("a number from 0 to %" PRId64 " was expected, not %s", max, text);
    return value;
}

static void path_add(str path)
{
    struct client_plan *plan = &options.plan;
    const char *header = options.header ? options.header : "";
    const char *line_end = options.header ? "\r\n" : "";
    if (plan->requests_count == REQUESTS_LISTED_MAX)
        load_fail("more than %d paths", REQUESTS_LISTED_MAX);
    str start =
        arena_printf(&options.arena, "%s %.*s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s",
                     options.body ? "POST" : "GET", STR_ARG(path), plan->port, header, line_end);
    options.requests[plan->requests_count++] =
        options.body ? arena_printf(&options.arena,
                                    "%.*sContent-Type: application/json\r\n"
                                    "Content-Length: %zu\r\n\r\n%s",
                                    STR_ARG(start), strlen(options.body), options.body)
                     : arena_printf(&options.arena, "%.*s\r\n", STR_ARG(start));
    plan->requests = options.requests;
    plan->numbered |= options.body || memmem(path.ptr, path.len, "########", 8);
}

static void paths_from(const char *name)
{
    char line[1024];
    FILE *file = fopen(name, "re");
    if (!file)
        load_fail("%s: %s", name, strerror(errno));
    while (fgets(line, sizeof(line), file))
        if (str_trim(str_of(line)).len)
            path_add(str_trim(str_of(line)));
    fclose(file);
}

static bool option_apply(int letter, const char *value)
{
    struct client_plan *plan = &options.plan;
    switch (letter) {
    case 'p':
        plan->port = (uint16_t)number(value, 65535);
        break;
    case 'c':
        plan->connections = (int)number(value, CONNECTIONS_MAX);
        break;
    case 'd':
        plan->depth = (int)number(value, DEPTH_MAX);
        break;
    case 't':
        plan->window = MILLISECONDS(number(value, WINDOW_MS_MAX));
        break;
    case 'n':
        plan->window_requests = (uint64_t)number(value, INT32_MAX);
        plan->window = MILLISECONDS(WINDOW_MS_MAX);
        break;
    case 'w':
        plan->warm = MILLISECONDS(number(value, WINDOW_MS_MAX));
        break;
    case 'W':
        plan->warm_requests = (uint64_t)number(value, INT32_MAX);
        break;
    case 's':
        plan->spin = true;
        break;
    case 'P':
        plan->probe.pid = (pid_t)number(value, INT32_MAX);
        break;
    case 'H':
        plan->probe.heap_path = value;
        break;
    case 'l':
        plan->length_wanted = number(value, INT64_MAX);
        break;
    case 'S':
        plan->status_wanted = (int)number(value, 599);
        break;
    case 'C':
        options.processor = (int)number(value, CPU_SETSIZE - 1);
        break;
    case 'N':
        plan->number_first = (uint64_t)number(value, 99999999);
        break;
    case 'b':
        options.body = value;
        break;
    case 'a':
        options.header = value;
        break;
    default:
        return false;
    }
    return true;
}

static void print_result(const struct client_result *result)
{
    double requests = (double)MAX_OF(result->requests, (uint64_t)1);
    double cpu_ns = (double)(result->end.cpu_ns - result->begin.cpu_ns);
    double faults = (double)(result->end.minor_faults - result->begin.minor_faults);
    double heap_calls = (double)(result->end.heap_calls - result->begin.heap_calls);
    printf("{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"bytes\":%" PRIu64, result->requests,
           result->errors, result->bytes);
    printf(",\"seconds\":%.6f,\"requests_per_second\":%.1f", (double)result->elapsed / 1e6,
           requests * 1e6 / (double)MAX_OF(result->elapsed, (span)1));
    printf(",\"cpu_us_per_request\":%.3f,\"requests_per_cpu_second\":%.1f", cpu_ns / 1e3 / requests,
           cpu_ns > 0 ? requests * 1e9 / cpu_ns : 0);
    printf(",\"minor_faults\":%.0f,\"heap_calls\":%.0f", faults, heap_calls);
    printf(",\"p50_us\":%" PRIu64 ",\"p90_us\":%" PRIu64 ",\"p99_us\":%" PRIu64
           ",\"max_us\":%" PRIu64,
           latency_at(&result->latency, 0.5), latency_at(&result->latency, 0.9),
           latency_at(&result->latency, 0.99), result->latency.max_us);
    printf("}\n");
    if (result->errors)
        fprintf(stderr, "kb_load: %" PRIu64 " errors; the first: %s\n", result->errors,
                result->problem);
}

static int requests_main(void)
{
    static struct client_result result;
    client_run(&options.plan, &result);
    print_result(&result);
    return result.errors != 0;
}

/* One request and its whole answer on a blocking socket: for connections that then lie idle. */
static int64_t exchange(int fd, str request)
{
    static char in[1 << 20];
    size_t len = 0;
    const char *end = NULL;
    if (send(fd, request.ptr, request.len, MSG_NOSIGNAL) != (ssize_t)request.len)
        load_fail("send: %s", strerror(errno));
    while (!end) {
        ssize_t got = recv(fd, in + len, sizeof(in) - len, 0);
        if (got <= 0)
            load_fail("the server ended a connection instead of answering");
        len += (size_t)got;
        end = memmem(in, len, "\r\n\r\n", 4);
    }
    const char *length = strcasestr(in, "\ncontent-length:");
    int64_t left = length && length < end ? strtoll(length + 16, NULL, 10) : -1;
    if (atoi(in + 9) / 100 != 2 || left < 0)
        load_fail("not a good answer: %.60s", in);
    int64_t size_bytes = left;
    left -= (int64_t)(in + len - (end + 4));
    while (left > 0) {
        ssize_t got = recv(fd, NULL, (size_t)MIN_OF(left, (int64_t)1 << 20), MSG_TRUNC);
        if (got <= 0)
            load_fail("the body ended too early");
        left -= got;
    }
    return size_bytes;
}

/* The first connections warm what is allocated once; the growth is counted after them. */
static int idle_main(void)
{
    static int fds[CONNECTIONS_MAX + IDLE_WARM];
    struct client_plan *plan = &options.plan;
    struct rlimit files = { CONNECTIONS_MAX + 1024, CONNECTIONS_MAX + 1024 };
    uint64_t before = 0;
    if (plan->probe.pid == 0)
        load_fail("idle needs -P");
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < IDLE_WARM + plan->connections; i++) {
        if (i == IDLE_WARM) {
            poll(NULL, 0, 300);
            before = probe_memory_bytes(&plan->probe);
        }
        fds[i] = client_connect(plan->port);
        exchange(fds[i], plan->requests[i % plan->requests_count]);
    }
    poll(NULL, 0, 500);
    uint64_t after = probe_memory_bytes(&plan->probe);
    /* every one of them must still be open: a server that closed them would look thrifty */
    for (int i = 0; i < IDLE_WARM + plan->connections; i++) {
        char byte;
        if (recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) != -1 || errno != EAGAIN)
            load_fail("connection %d was closed or spoke while idle", i);
    }
    printf("{\"connections\":%d,\"before_bytes\":%" PRIu64 ",\"after_bytes\":%" PRIu64
           ",\"bytes_per_connection\":%.1f}\n",
           plan->connections, before, after,
           ((double)after - (double)before) / MAX_OF(plan->connections, 1));
    return 0;
}

static int first_main(void)
{
    const struct client_plan *plan = &options.plan;
    int64_t worst = 0, sum = 0;
    int fd = client_connect(plan->port);
    printf("{\"us\":[");
    for (int i = 0; i < plan->requests_count; i++) {
        instant begun = clock_mono();
        exchange(fd, plan->requests[i]);
        int64_t us = clock_mono() - begun;
        printf("%s%" PRId64, i ? "," : "", us);
        worst = MAX_OF(worst, us);
        sum += us;
    }
    printf("],\"max_us\":%" PRId64 ",\"mean_us\":%" PRId64 "}\n", worst,
           sum / MAX_OF(plan->requests_count, 1));
    return 0;
}

static void pin(void)
{
    if (options.processor >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(options.processor, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } modes[] = { { "requests", requests_main }, { "idle", idle_main }, { "first", first_main } };
    const char *list = NULL;
    int letter;
    arena_init(&options.arena, MIB(256));
    if (argc < 2)
        load_fail("say requests, idle, first or start; the file's head lists the options");
    const char *mode = argv[1];
    argv++, argc--; /* "+": what stands after the first path, a command's options, is not ours */
    while ((letter = getopt(argc, argv, "+p:c:d:t:n:w:W:P:H:l:S:C:f:b:a:N:s")) != -1) {
        if (letter == 'f')
            list = optarg;
        else if (!option_apply(letter, optarg))
            return 2;
    }
    pin();
    if (strcmp(mode, "start") == 0 && list && optind + 1 < argc)
        return start_server(list, argv[optind], argv + optind + 1);
    for (int i = optind; i < argc; i++)
        path_add(str_of(argv[i]));
    if (list)
        paths_from(list);
    if (options.plan.requests_count == 0 || options.plan.connections == 0 ||
        options.plan.depth == 0)
        load_fail("no path, no connection or no depth");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(mode, modes[i].name) == 0)
            return modes[i].run();
    load_fail("%s is not requests, idle, first or start", mode);
}
