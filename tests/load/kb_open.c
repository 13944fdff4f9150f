/*
 * kb_open: an open-loop client: requests begin at their times, whether the server keeps up or not,
 * as a public does. Prints one JSON object.
 *
 *   kb_open -p PORT -r RATE [options] PATH...
 *
 * -r requests a second
 * -t milliseconds of the window (2000)
 * -w milliseconds before it, which do not count (0)
 * -d an answer later than so many milliseconds is no use (0: any is)
 * -c connections at most (1000)
 * -k 0: a connection each
 * -N where the numbers in paths begin (0), so that no run repeats another's
 * -i idle connections held meanwhile, served once each (0)
 * -P process whose memory the held ones are charged to
 * -C pin to this processor
 * -e end with this process, if that is before -t
 *
 * The paths are asked for in turn. Four number signs in one become a number, another one each time;
 * a second four, another one. A request is late by the time at which it should have begun. "good"
 * are those that were answered within the window and in time: what is still waiting when it ends is
 * answered, too, but no second of the window did that ("after"). "late": in the window, and no use.
 * "lost": no connection was free. "cpu_us": what a good answer took of the processor of process -P.
 */
#include "latency.h"
#include "probe.h"

#include "foundation/base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES = 2048, EVENTS = 256, SLOTS_MAX = 60000, FIRST_OF = 1800, SECOND_OF = 7000 };
enum { GRACE_MS = 5000 };

struct slot {
    int fd; /* -1: none */
    bool busy, sent;
    instant due;
    unsigned status;
    size_t head_len;
    int64_t left; /* of the body; -1: the head is not complete */
    bool last;    /* the server closes after it */
    char head[HEAD_BYTES];
};

static struct {
    unsigned port, rate, window_ms, warm_ms, useful_ms, slots, idle;
    bool keep;
    pid_t until;
    char **paths;
    unsigned paths_count;
    struct probe probe;
} options = { .window_ms = 2000, .slots = 1000, .keep = true };

static struct slot *slots;
static unsigned free_list[SLOTS_MAX], free_count;
static int poller;
static uint64_t number, good, refused, failed, lost, late, after;
static struct {
    instant from, to; /* to: INSTANT_NEVER while it is not known */
} counted = { 0, INSTANT_NEVER };
static struct latency latency;

static void slot_close(struct slot *slot)
{
    if (slot->fd >= 0)
        close(slot->fd);
    slot->fd = -1;
}

static void slot_done(struct slot *slot)
{
    slot->busy = false;
    free_list[free_count++] = (unsigned)(slot - slots);
}

static void slot_fail(struct slot *slot)
{
    slot_close(slot);
    failed++;
    slot_done(slot);
}

static bool slot_connect(struct slot *slot)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)options.port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        load_fail("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    slot->fd = fd;
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
        return false;
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
                                 .data.u32 = (uint32_t)(slot - slots) };
    return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0;
}

static size_t request_write(char *room, size_t room_bytes)
{
    unsigned values[2] = { (unsigned)(number % FIRST_OF) + 1,
                           3000 + (unsigned)(number / FIRST_OF % SECOND_OF) };
    int len = snprintf(room, room_bytes, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                       options.paths[number % options.paths_count],
                       options.keep ? "" : "Connection: close\r\n");
    if (len < 0 || (size_t)len >= room_bytes)
        load_fail("the path is too long");
    char *at = room, digits[5];
    for (int i = 0; i < 2 && (at = strstr(at, "####")); i++) {
        snprintf(digits, sizeof(digits), "%04u", values[i]);
        memcpy(at, digits, 4);
    }
    number++;
    return (size_t)len;
}

/* A short request fits into an empty socket's buffer. */
static void slot_send(struct slot *slot)
{
    char request[1024];
    size_t len = request_write(request, sizeof(request));
    ssize_t count = send(slot->fd, request, len, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == ENOTCONN))
        return; /* it is being connected */
    slot->sent = true;
    if (count != (ssize_t)len)
        slot_fail(slot);
}

static void slot_begin(struct slot *slot, instant due)
{
    slot->busy = true;
    slot->sent = false;
    slot->due = due;
    slot->head_len = 0;
    slot->left = -1;
    if (slot->fd < 0 && !slot_connect(slot)) {
        slot_fail(slot);
        return;
    }
    slot_send(slot);
}

static void head_read(struct slot *slot, size_t len)
{
    const char *length = strcasestr(slot->head, "\r\nContent-Length: ");
    slot->status = (unsigned)atoi(slot->head + 9);
    slot->last = strcasestr(slot->head, "\r\nConnection: close") != NULL;
    if (!length || strncmp(slot->head, "HTTP/1.1 ", 9) != 0)
        load_fail("an answer without Content-Length: %.60s", slot->head);
    slot->left = atoll(length + 18) - (int64_t)(slot->head_len - len);
}

static void slot_answered(struct slot *slot)
{
    bool well = slot->status >= 200 && slot->status < 300;
    instant now = clock_mono();
    bool in = now >= counted.from && now < counted.to;
    bool useful = !options.useful_ms || now - slot->due <= MILLISECONDS(options.useful_ms);
    good += well && in && useful;
    late += well && in && !useful;
    after += well && now >= counted.to;
    refused += slot->status == 503;
    failed += !well && slot->status != 503;
    if (well && slot->due >= counted.from)
        latency_add(&latency, (uint64_t)(now - slot->due));
    if (slot->last || !options.keep)
        slot_close(slot);
    slot_done(slot);
}

/* Reads what is there; true when there may be more. */
static bool slot_read(struct slot *slot)
{
    static char body[256 << 10];
    bool head = slot->left < 0;
    char *room = head ? slot->head + slot->head_len : body;
    size_t room_bytes = head ? HEAD_BYTES - 1 - slot->head_len : sizeof(body);
    ssize_t count = recv(slot->fd, room, room_bytes, 0);
    if (count < 0 && errno == EAGAIN)
        return false;
    if (count <= 0 && !slot->busy) { /* an idle one was closed: the next request opens another */
        slot_close(slot);
        return false;
    }
    if (count <= 0 || !slot->busy) {
        slot_fail(slot);
        return false;
    }
    if (head) {
        slot->head_len += (size_t)count;
        slot->head[slot->head_len] = 0;
        char *end = strstr(slot->head, "\r\n\r\n");
        if (end)
            head_read(slot, (size_t)(end - slot->head) + 4);
        else if (slot->head_len == HEAD_BYTES - 1)
            load_fail("the answer's head is too long");
    } else {
        slot->left -= count;
    }
    if (slot->left == 0)
        slot_answered(slot);
    return slot->fd >= 0 && slot->busy;
}

static void poll_once(int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct slot *slot = &slots[events[i].data.u32];
        if (slot->fd >= 0 && slot->busy && !slot->sent && (events[i].events & EPOLLOUT))
            slot_send(slot);
        while (slot->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) &&
               slot_read(slot))
            ;
    }
}

/* Connections that have been served once and then only stay. Returns what one takes of memory. */
static double hold(void)
{
    unsigned first = options.slots;
    uint64_t before = options.probe.pid ? probe_memory_bytes(&options.probe) : 0;
    for (unsigned i = 0; i < options.idle; i++) {
        unsigned spare = free_count;
        slot_begin(&slots[first + i], clock_mono());
        for (instant until = clock_mono() + SECONDS(10); free_count == spare;) {
            poll_once(10);
            if (clock_mono() > until)
                load_fail("connection %u of those to be held is not served", i);
        }
        free_count = spare; /* it is not for others */
        if (slots[first + i].fd < 0 || failed || refused)
            load_fail("connection %u of those to be held was refused", i);
    }
    good = 0;
    memset(&latency, 0, sizeof(latency));
    if (!options.probe.pid || !options.idle)
        return 0;
    return ((double)probe_memory_bytes(&options.probe) - (double)before) / options.idle;
}

static bool over(uint64_t requests)
{
    return options.until && requests % 64 == 0 && kill(options.until, 0) != 0;
}

/* What the server's processor has done, from the beginning of the window on. */
static uint64_t cpu_ns(void)
{
    return options.probe.pid ? probe_read(&options.probe).cpu_ns : 0;
}

/* Returns how long it took, in seconds, and what of the processor. */
static double run(uint64_t *out_cpu_ns)
{
    unsigned all_ms = options.warm_ms + options.window_ms;
    instant began = clock_mono(), end = began + MILLISECONDS(all_ms);
    uint64_t total = (uint64_t)options.rate * all_ms / 1000, i = 0, cpu_before = 0;
    counted.from = began + MILLISECONDS(options.warm_ms);
    counted.to = end;
    while (i < total && !over(i)) {
        if (!cpu_before && clock_mono() >= counted.from)
            cpu_before = cpu_ns();
        instant due = began + (instant)(i * SECONDS(1) / options.rate), now = clock_mono();
        if (due > now) {
            poll_once(due - now > MILLISECONDS(1) ? 1 : 0);
            continue;
        }
        i++;
        if (free_count == 0)
            lost++;
        else
            slot_begin(&slots[free_list[--free_count]], due);
        if (i % 16 == 0)
            poll_once(0);
    }
    counted.to = end = MIN_OF(end, clock_mono());
    *out_cpu_ns = cpu_ns() - cpu_before;
    while (free_count < options.slots && clock_mono() < end + MILLISECONDS(GRACE_MS))
        poll_once(10);
    failed += options.slots - free_count;
    return (double)(counted.to - counted.from) / (double)SECONDS(1);
}

static void options_read(int argc, char **argv)
{
    int option;
    cpu_set_t processors;
    while ((option = getopt(argc, argv, "p:r:t:w:d:N:c:k:i:P:e:C:")) != -1) {
        unsigned value = (unsigned)strtoul(optarg, NULL, 10);
        switch (option) {
        case 'p':
            options.port = value;
            break;
        case 'r':
            options.rate = value;
            break;
        case 't':
            options.window_ms = value;
            break;
        case 'w':
            options.warm_ms = value;
            break;
        case 'N':
            number = value;
            break;
        case 'd':
            options.useful_ms = value;
            break;
        case 'c':
            options.slots = value;
            break;
        case 'k':
            options.keep = value;
            break;
        case 'i':
            options.idle = value;
            break;
        case 'P':
            options.probe.pid = (pid_t)value;
            break;
        case 'e':
            options.until = (pid_t)value;
            break;
        case 'C':
            CPU_ZERO(&processors);
            CPU_SET(value, &processors);
            sched_setaffinity(0, sizeof(processors), &processors);
            break;
        default:
            exit(2);
        }
    }
    if (optind >= argc || !options.port || !options.rate ||
        options.slots + options.idle > SLOTS_MAX)
        load_fail("usage: kb_open -p PORT -r RATE [options] PATH...");
    options.paths = argv + optind;
    options.paths_count = (unsigned)(argc - optind);
}

/* What is measured is how long the server takes, not how long others keep the client waiting. */
static void become_urgent(void)
{
    /* Not SCHED_FIFO: what spins is stopped for 50 ms of each second then (sched(7)). */
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) /* else the server is kept waiting */
        setpriority(PRIO_PROCESS, 0, -20); /* not without the right to */
}

int main(int argc, char **argv)
{
    struct rlimit files;
    options_read(argc, argv);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < options.slots + options.idle + 32ul)
        load_fail("only %ju descriptors are allowed", (uintmax_t)files.rlim_cur);
    poller = epoll_create1(EPOLL_CLOEXEC);
    slots = calloc(options.slots + options.idle, sizeof(*slots));
    if (!slots)
        load_fail("no memory for %u connections", options.slots + options.idle);
    for (unsigned i = 0; i < options.slots + options.idle; i++)
        slots[i].fd = -1;
    for (unsigned i = 0; i < options.slots; i++)
        free_list[free_count++] = options.slots - 1 - i;
    become_urgent();
    double held_bytes = hold();
    uint64_t cpu_ns;
    double seconds = run(&cpu_ns);
    printf("{\"good_per_second\":%.1f,\"good\":%" PRIu64 ",\"late\":%" PRIu64 ",\"after\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64 ",\"cpu_us\":%.1f,\"held_bytes\":%.0f}\n",
           (double)good / seconds, good, late, after, refused, failed, lost,
           latency_at(&latency, 0.5), latency_at(&latency, 0.99),
           good ? (double)cpu_ns / 1000 / (double)good : 0, held_bytes);
    return 0;
}
