/*
 * server: the loops, a thread and a listener each. The first loop also serves the control socket.
 * The main thread does none of this: it waits for signals.
 */
#include "app.h"

#include "engines/flow/jobs.h"
#include "foundation/crash/crash.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/net/listen.h"
#include "foundation/net/tls.h"
#include "foundation/task/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CORES_MAX = 256, JOB_KINDS_MAX = 64 };
enum { FD_HTTP, FD_CONTROL, FD_HTTPS, FD_REDIRECT, FD_COUNT };
#define HTTP_ADDR  "http.addr"
#define HTTPS_ADDR "https.addr"

struct core {
    struct server *server;
    pthread_t thread;
    struct loop *loop;
    struct http_server *http;
    struct jobs *jobs; /* the queue's runner, on the first core */
    int fds[FD_COUNT]; /* listening sockets; -1: none. The control socket is the first core's */
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
    char hsts[48];
    unsigned redirect_port;
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
        for (unsigned j = 0; j < module->job_kinds_count; j++) {
            ASSERT(server->job_kinds_count < JOB_KINDS_MAX);
            server->job_kinds[server->job_kinds_count++] = module->job_kinds[j];
        }
    }
}

static enum err core_open(struct core *core)
{
    static const enum http_entry entries[FD_COUNT] = { [FD_CONTROL] = HTTP_ENTRY_CONTROL,
                                                       [FD_HTTPS] = HTTP_ENTRY_TLS,
                                                       [FD_REDIRECT] = HTTP_ENTRY_REDIRECT };
    struct http_server_settings settings;
    TRY(loop_open(NULL, &core->loop));
    gateway_server_settings(core->server->gateway, &settings);
    settings.tls = core->server->tls;
    settings.hsts = str_of(core->server->hsts);
    settings.redirect_port = core->server->redirect_port;
    TRY(http_server_open(core->loop, &settings, &core->http));
    for (size_t i = 0; i < ARRAY_LEN(core->fds); i++)
        if (core->fds[i] >= 0)
            TRY(http_server_listen(core->http, core->fds[i], entries[i]));
    bool runs_jobs = core == &core->server->cores[0] && core->server->job_kinds_count;
    return runs_jobs ? jobs_open(core) : OK;
}

static void *core_main(void *arg)
{
    struct core *core = arg;
    struct server *server = core->server;
    crash_thread_init();
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

static enum err stop_jobs(void *arg)
{
    struct core *core = arg;
    jobs_stop(core->jobs);
    return OK;
}

static void on_jobs_stopped(void *arg, enum err result)
{
    struct core *core = arg;
    (void)result;
    http_server_close(core->http);
    loop_stop(core->loop);
}

/* Nobody asks any more: what the queue runs is put back, then the loop ends. */
static void on_drained(void *arg)
{
    struct core *core = arg;
    struct task_spec spec = {
        .name = "stop", .fn = stop_jobs, .arg = core, .on_end = on_jobs_stopped
    };
    if (!core->jobs || task_start(core->loop, &spec, NULL) != OK)
        on_jobs_stopped(core, OK);
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

/* Nothing when the address is empty. */
static enum err listen_at(struct server *server, str listen, int which,
                          struct net_address *out_bound)
{
    int fds[CORES_MAX];
    struct net_address address;
    if (listen.len == 0)
        return OK;
    TRY(net_address_parse(listen, &address));
    /* A path has one socket; the first core serves it. */
    unsigned count = address.socket.any.sa_family == AF_UNIX ? 1 : server->cores_count;
    TRY(net_listen(&address, count, fds, out_bound));
    for (unsigned i = 0; i < count; i++)
        server->cores[i].fds[which] = fds[i];
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
    TRY(net_listen(&address, 1, &server->cores[0].fds[FD_CONTROL], NULL));
    TRY(listen_at(server, spec->listen, FD_HTTP, &out_bound->http));
    TRY(listen_at(server, spec->tls_listen, FD_HTTPS, &out_bound->https));
    TRY(listen_at(server, spec->redirect_listen, FD_REDIRECT, NULL));
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
        for (size_t k = 0; k < ARRAY_LEN(server->cores[i].fds); k++)
            if (server->cores[i].fds[k] >= 0)
                close(server->cores[i].fds[k]);
    if (server->gateway)
        gateway_close(server->gateway);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    heap_free(server);
}

enum err server_start(struct data *data, const struct server_spec *spec, struct server **out_server,
                      struct server_bound *out_bound)
{
    struct app_selection selection;
    TRY(app_modules_select(app_settings.modules, &selection));
    struct server *server = HEAP_NEW(struct server);
    server->selection = selection;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    server->cores_count = spec->cores ? spec->cores : (unsigned)MAX_OF(online, 1L);
    server->cores_count = MIN_OF(server->cores_count, (unsigned)CORES_MAX);
    server->folder = data_env(data)->data_folder;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    for (unsigned i = 0; i < server->cores_count; i++)
        server->cores[i] = (struct core){ .server = server, .fds = { -1, -1, -1, -1 } };
    server->tls = spec->tls;
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
    net_sigpipe_ignore();
    net_descriptors_raise();
    loop_stall_handler(on_stall);
    enum err result = http_trust_parse(app_settings.trusted_proxies, &settings.trust);
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
    *out_server = server;
    return OK;
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
    if (server->cores[0].jobs)
        jobs_close(server->cores[0].jobs);
    forget_addresses(server->folder);
    gateway_close(server->gateway);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    heap_free(server);
    *err_slot() = detail;
}
