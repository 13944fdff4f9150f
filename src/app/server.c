/*
 * server: the loops, a thread and a listener each. The first loop also serves the control socket.
 * The main thread does none of this: it waits for signals.
 */
#include "app.h"
#include "events.h"
#include "inherit.h"
#include "meters.h"

#include "engines/flow/jobs.h"
#include "foundation/crash/crash.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/net/crowd.h"
#include "foundation/net/listen.h"
#include "foundation/net/tls.h"
#include "foundation/task/loop.h"
#include "foundation/task/urgency.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CORES_MAX = 256, JOB_KINDS_MAX = 64 };
#define HTTP_ADDR  "http.addr"
#define HTTPS_ADDR "https.addr"

struct core {
    struct server *server;
    pthread_t thread;
    struct loop *loop;
    struct http_server *http;
    struct jobs *jobs; /* the queue's runner, on the first core */
    struct bus *bus;   /* on the first core, too */
    struct {           /* listening sockets; the control socket is the first core's */
        int fd;
        enum entry_kind entry;
    } sockets[HTTP_LISTENERS_MAX];
    unsigned sockets_count;
    uint64_t beat_asked; /* of the main thread; see server_beat() */
    _Atomic uint64_t beat_seen;
    instant beat_at;
    struct post beat;
    enum err started;
    struct err_slot detail;
    span drain_timeout;
};

struct server {
    struct gateway *gateway;
    struct app_selection selection;
    struct db *content;
    const char *seat;
    struct job_kind job_kinds[JOB_KINDS_MAX];
    unsigned job_kinds_count;
    const char *folder;
    struct net_tls *tls;
    struct net_crowd *crowd;
    char hsts[48];
    unsigned redirect_port;
    char asked[ENTRY_COUNT][NET_ADDRESS_TEXT_MAX]; /* the settings the sockets are open for */
    unsigned cores_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned cores_up; /* whose start is over, well or not */
    struct core cores[CORES_MAX];
};

static void on_stall(const char *loop_name, span running_for, const char *stack)
{
    log_warn("loop", "a callback holds the loop", LOG_CSTR("loop", loop_name),
             LOG_SPAN("running_s", running_for), LOG_CSTR("stack", stack));
}

/*
 * The data folder is this process's alone: of an embedded database, whatever runs in the queue at
 * the start was a dead process's; of a server's, what runs for this folder.
 */
static enum err jobs_open(struct core *core)
{
    struct server *server = core->server;
    struct jobs_spec spec = { .db = server->content,
                              .kinds = server->job_kinds,
                              .kinds_count = server->job_kinds_count,
                              .sole_owner = data_is_embedded(),
                              .seat = server->seat };
    return jobs_start(core->loop, &spec, &core->jobs);
}

static void collect_job_kinds(struct server *server)
{
    for (unsigned i = 0; i < server->selection.served_count; i++) {
        const struct module *module = server->selection.served[i];
        if (module == &backup_module && !backup_by_clock())
            continue;
        for (unsigned j = 0; j < module->job_kinds_count; j++) {
            ASSERT(server->job_kinds_count < JOB_KINDS_MAX);
            server->job_kinds[server->job_kinds_count++] = module->job_kinds[j];
        }
    }
}

static enum err core_open(struct core *core)
{
    static const enum http_entry entries[ENTRY_COUNT] = { [ENTRY_CONTROL] = HTTP_ENTRY_CONTROL,
                                                          [ENTRY_HTTPS] = HTTP_ENTRY_TLS,
                                                          [ENTRY_REDIRECT] = HTTP_ENTRY_REDIRECT };
    struct http_server_settings settings;
    struct loop_settings loop;
    app_limits_loop(&loop);
    TRY(loop_open(&loop, &core->loop));
    gateway_server_settings(core->server->gateway, &settings);
    app_limits_http(&settings);
    settings.crowd = core->server->crowd;
    settings.tls = core->server->tls;
    settings.hsts = str_of(core->server->hsts);
    settings.redirect_port = core->server->redirect_port;
    TRY(http_server_open(core->loop, &settings, &core->http));
    for (unsigned i = 0; i < core->sockets_count; i++)
        TRY(http_server_listen(core->http, core->sockets[i].fd, entries[core->sockets[i].entry]));
    if (core != &core->server->cores[0])
        return OK;
    if (core->server->job_kinds_count)
        TRY(jobs_open(core));
    return events_start(core->loop, &core->server->selection, core->server->content, &core->bus);
}

static void *core_main(void *arg)
{
    struct core *core = arg;
    struct server *server = core->server;
    char name[16];
    snprintf(name, sizeof(name), "core%u", (unsigned)(core - server->cores));
    pthread_setname_np(pthread_self(), name);
    crash_thread_init();
    thread_prompt();
    core->started = core_open(core);
    core->detail = *err_slot();
    bool well = core->started == OK;
    pthread_mutex_lock(&server->lock);
    server->cores_up++;
    pthread_cond_signal(&server->changed);
    pthread_mutex_unlock(&server->lock);
    if (well) {
        loop_run(core->loop);
        loop_close(core->loop);
    }
    return NULL;
}

static enum err stop_work(void *arg)
{
    struct core *core = arg;
    if (core->jobs)
        jobs_stop(core->jobs);
    if (core->bus)
        bus_stop(core->bus);
    return OK;
}

static void on_work_stopped(void *arg, enum err result)
{
    struct core *core = arg;
    (void)result;
    http_server_close(core->http);
    loop_stop(core->loop);
}

/* Nobody asks any more: what the queue runs is put back, events end, then the loop does. */
static void on_drained(void *arg)
{
    struct core *core = arg;
    struct task_spec spec = {
        .name = "stop", .fn = stop_work, .arg = core, .on_end = on_work_stopped
    };
    bool works = core->jobs || core->bus;
    if (!works || task_start(core->loop, &spec, NULL) != OK)
        on_work_stopped(core, OK);
}

static void on_drain(void *arg)
{
    struct core *core = arg;
    http_server_drain(core->http, core->drain_timeout, on_drained, core);
}

/* Where the folder is served is said no more. It is this process's: nobody else wrote that. */
static void forget_addresses(const char *folder)
{
    char path[DATA_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/" HTTP_ADDR, folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/" HTTPS_ADDR, folder);
    unlink(path);
    if (data_control_path(folder, path, sizeof(path)) == OK)
        unlink(path);
}

static enum err write_address(const char *folder, const char *name, const struct net_address *bound)
{
    char path[DATA_PATH_BYTES], fresh[DATA_PATH_BYTES], text[NET_ADDRESS_TEXT_MAX];
    str address = net_address_format(bound, text);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(fresh, sizeof(fresh), "%s/%s.new", folder, name);
    FILE *file = fopen(fresh, "w");
    if (!file)
        return err_errno(fresh);
    bool written = fprintf(file, "%.*s\n", STR_ARG(address)) > 0;
    written = fclose(file) == 0 && written;
    return written && rename(fresh, path) == 0 ? OK : err_errno(path);
}

static enum err socket_add(struct core *core, int fd, enum entry_kind entry)
{
    if (core->sockets_count == HTTP_LISTENERS_MAX) {
        close(fd);
        return err_set(ERR_EXHAUSTED, "listeners",
                       "there are too many listening sockets for so few event loops");
    }
    core->sockets[core->sockets_count].fd = fd;
    core->sockets[core->sockets_count++].entry = entry;
    return OK;
}

/* Every socket is served by some core and every core has one, if it must share it. */
static enum err adopt(struct server *server, struct inherited *inherited, const unsigned *places,
                      unsigned count, struct net_address *out_bound)
{
    enum entry_kind entry = inherited->items[places[0]].entry;
    struct net_address bound = { .size_bytes = sizeof(bound.socket) };
    if (getsockname(inherited->items[places[0]].fd, &bound.socket.any, &bound.size_bytes) != 0)
        return err_errno("an inherited socket");
    for (unsigned i = count; i < server->cores_count; i++) {
        int fd = fcntl(inherited->items[places[i % count]].fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return err_errno("an inherited socket");
        TRY(socket_add(&server->cores[i], fd, entry));
    }
    for (unsigned i = 0; i < count; i++) {
        int fd = inherited->items[places[i]].fd;
        inherited->items[places[i]].fd = -1;
        TRY(socket_add(&server->cores[i % server->cores_count], fd, entry));
    }
    if (out_bound)
        *out_bound = bound;
    return OK;
}

/* Nothing when the address is empty and nothing is inherited. */
static enum err listen_at(struct server *server, struct inherited *inherited, str listen,
                          enum entry_kind which, struct net_address *out_bound)
{
    unsigned places[INHERITED_MAX], inherited_count;
    snprintf(server->asked[which], NET_ADDRESS_TEXT_MAX, "%.*s", STR_ARG(listen));
    inherited_count = inherit_find(inherited, which, listen, places);
    if (inherited_count)
        return adopt(server, inherited, places, inherited_count, out_bound);
    int fds[CORES_MAX];
    struct net_address address;
    if (listen.len == 0)
        return OK;
    TRY(net_address_parse(listen, &address));
    /* A path has one socket; the first core serves it. */
    unsigned count = address.socket.any.sa_family == AF_UNIX ? 1 : server->cores_count;
    TRY(net_listen(&address, count, fds, out_bound));
    for (unsigned i = 0; i < count; i++)
        TRY(socket_add(&server->cores[i], fds[i], which));
    return OK;
}

static enum err listen_all(struct server *server, const struct server_spec *spec,
                           struct server_bound *out_bound)
{
    char path[DATA_PATH_BYTES] = "unix:";
    struct net_address address;
    forget_addresses(server->folder); /* a process that was killed could not */
    TRY(data_control_path(server->folder, path + 5, sizeof(path) - 5));
    TRY(net_address_parse(str_of(path), &address));
    int control;
    TRY(net_listen(&address, 1, &control, NULL));
    TRY(socket_add(&server->cores[0], control, ENTRY_CONTROL));
    struct inherited *given = spec->inherited;
    TRY(listen_at(server, given, spec->listen, ENTRY_HTTP, &out_bound->http));
    if (spec->tls) {
        TRY(listen_at(server, given, spec->tls_listen, ENTRY_HTTPS, &out_bound->https));
        TRY(listen_at(server, given, spec->redirect_listen, ENTRY_REDIRECT, NULL));
    }
    server->redirect_port = net_address_port(&out_bound->https);
    if (out_bound->https.size_bytes)
        TRY(write_address(server->folder, HTTPS_ADDR, &out_bound->https));
    return out_bound->http.size_bytes ? write_address(server->folder, HTTP_ADDR, &out_bound->http)
                                      : OK;
}

static enum err start_threads(struct server *server)
{
    unsigned started = 0;
    for (; started < server->cores_count; started++)
        if (pthread_create(&server->cores[started].thread, NULL, core_main,
                           &server->cores[started]))
            break;
    if (started < server->cores_count)
        return err_set(ERR_EXHAUSTED, "threads", "the system gives no thread for an event loop");
    pthread_mutex_lock(&server->lock);
    while (server->cores_up < server->cores_count)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < server->cores_count; i++)
        if (server->cores[i].started != OK) {
            *err_slot() = server->cores[i].detail;
            return server->cores[i].started;
        }
    return OK;
}

/* One whose threads were not started. Nothing here can fail: the error slot stays. */
static void server_discard(struct server *server)
{
    for (unsigned i = 0; i < server->cores_count; i++)
        for (unsigned k = 0; k < server->cores[i].sockets_count; k++)
            close(server->cores[i].sockets[k].fd);
    if (server->gateway)
        gateway_close(server->gateway);
    net_crowd_close(server->crowd);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    heap_free(server);
}

enum err server_start(struct data *data, const struct server_spec *spec, struct server **out_server,
                      struct server_bound *out_bound)
{
    struct server *server = HEAP_NEW(struct server);
    enum err result = app_modules_select(app_settings.modules, &server->selection);
    if (result != OK) {
        heap_free(server);
        return result;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    server->cores_count = spec->cores ? spec->cores : (unsigned)MAX_OF(online, 1L);
    server->cores_count = MIN_OF(server->cores_count, (unsigned)CORES_MAX);
    server->folder = data_env(data)->data_folder;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    for (unsigned i = 0; i < server->cores_count; i++)
        server->cores[i].server = server;
    server->tls = spec->tls;
    server->crowd = app_limits_crowd();
    if (spec->tls && spec->hsts)
        snprintf(server->hsts, sizeof(server->hsts), "max-age=%lld",
                 (long long)(spec->hsts / SECONDS(1)));
    struct gateway_settings settings = { .modules = server->selection.served,
                                         .modules_count = server->selection.served_count,
                                         .elsewhere = server->selection.elsewhere,
                                         .elsewhere_count = server->selection.elsewhere_count,
                                         .site = &app_site,
                                         .version = app_version,
                                         .key_folder = app_shared_folder(),
                                         .log_requests = app_settings.log_requests };
    settings.checks = data_checks_of(data_env(data), &settings.checks_count);
    server->content = data_env(data)->db;
    server->seat = data_is_embedded() ? NULL : data_seat(data);
    collect_job_kinds(server);
    meters_start();
    meters_folder(server->folder);
    net_sigpipe_ignore();
    net_descriptors_raise();
    loop_stall_handler(on_stall);
    result = http_trust_parse(app_settings.trusted_proxies, &settings.trust);
    if (result == OK)
        result = http_cors_parse(app_settings.cors_origins, &settings.cors);
    if (result == OK)
        result = gateway_open(&settings, &server->gateway);
    if (result == OK)
        result = listen_all(server, spec, out_bound);
    if (result != OK) {
        forget_addresses(server->folder);
        server_discard(server);
        return result;
    }
    result = start_threads(server);
    if (result != OK) {
        forget_addresses(server->folder);
        return result;
    }
    gateway_started(server->gateway);
    *out_server = server;
    return OK;
}

void server_sockets(const struct server *server, struct inherited *out)
{
    out->count = 0;
    for (unsigned i = 0; i < server->cores_count; i++)
        for (unsigned k = 0; k < server->cores[i].sockets_count; k++) {
            enum entry_kind entry = server->cores[i].sockets[k].entry;
            if (entry == ENTRY_CONTROL || out->count == INHERITED_MAX)
                continue;
            struct inherited_socket *item = &out->items[out->count++];
            *item = (struct inherited_socket){ server->cores[i].sockets[k].fd, entry, "" };
            memcpy(item->asked, server->asked[entry], sizeof(item->asked));
        }
}

static void on_beat(void *arg)
{
    struct core *core = arg;
    struct http_server_stats http = http_server_stats(core->http);
    struct loop_stats loop = loop_stats(core->loop);
    struct core_numbers numbers = { .connections = http.connections,
                                    .tasks = loop.tasks,
                                    .accepted = http.accepted,
                                    .refused = http.refused,
                                    .stalls = loop.stalls,
                                    .tasks_refused = loop.tasks_refused };
    meters_core((unsigned)(core - core->server->cores), &numbers, clock_mono() - core->beat_at);
    atomic_fetch_add(&core->beat_seen, 1);
}

bool server_beat(struct server *server)
{
    bool all = true;
    for (unsigned i = 0; i < server->cores_count; i++) {
        struct core *core = &server->cores[i];
        if (atomic_load(&core->beat_seen) != core->beat_asked) {
            all = false; /* it has not come to the last one yet */
            continue;
        }
        core->beat_asked++;
        core->beat_at = clock_mono();
        core->beat = (struct post){ .fn = on_beat, .arg = core };
        loop_post_node(core->loop, &core->beat);
    }
    return all;
}

void server_unready(struct server *server)
{
    gateway_drain(server->gateway);
}

void server_stop(struct server *server, span timeout)
{
    struct err_slot detail = *err_slot();
    gateway_drain(server->gateway);
    for (unsigned i = 0; i < server->cores_count; i++) {
        server->cores[i].drain_timeout = timeout;
        loop_post(server->cores[i].loop, on_drain, &server->cores[i]);
    }
    for (unsigned i = 0; i < server->cores_count; i++)
        pthread_join(server->cores[i].thread, NULL);
    meters_cores_gone();
    meters_folder(NULL);
    if (server->cores[0].jobs)
        jobs_close(server->cores[0].jobs);
    events_close(server->cores[0].bus);
    forget_addresses(server->folder);
    gateway_close(server->gateway);
    net_crowd_close(server->crowd);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    heap_free(server);
    *err_slot() = detail;
}
