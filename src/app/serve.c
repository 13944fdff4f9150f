/* serve: opens the data, starts the loops, says where to click, and waits for the signal to stop.
 */
#include "app.h"

#include "handover.h"
#include "meters.h"

#include "foundation/log/log.h"
#include "foundation/net/tls.h"
#include "foundation/notify/notify.h"
#include "foundation/trace/trace_export.h"
#include "gateway/access.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

static enum err key_make_missing(const char *folder)
{
    struct access *access;
    char key[ACCESS_KEY_BYTES];
    TRY(access_open(folder, &access));
    bool has_key = access_has_key(access);
    access_close(access);
    if (has_key)
        return OK;
    TRY(access_key_make(folder, key));
    printf("The administrator's key, shown this once (a new one: " KB_NAME " admin-key --reset):\n"
           "    %s\n",
           key);
    return OK;
}

/*
 * The administrator's key is made at the first start and shown that once; of several processes that
 * start together one makes it.
 */
static enum err first_key(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        enum err err = err_errno(folder);
        if (fd >= 0)
            close(fd);
        return err;
    }
    enum err result = key_make_missing(folder);
    close(fd);
    return result;
}

static bool starts_with_any(str text, const str *beginnings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_starts(text, beginnings[i]))
            return true;
    return false;
}

static void say_secure(const struct net_address *bound)
{
    char text[NET_ADDRESS_TEXT_MAX];
    if (bound->size_bytes)
        printf("It is open by HTTPS at %.*s\n", STR_ARG(net_address_format(bound, text)));
}

static void say_where(const struct net_address *bound)
{
    static const str loopback[] = { STR_INIT("127."), STR_INIT("[::1]:") };
    static const str any[] = { STR_INIT("0.0.0.0:"), STR_INIT("[::]:") };
    char text[NET_ADDRESS_TEXT_MAX], localhost[32];
    str address = net_address_format(bound, text);
    bool local = starts_with_any(address, loopback, ARRAY_LEN(loopback));
    unsigned port = net_address_port(bound);
    snprintf(localhost, sizeof(localhost), "localhost:%u", port);
    if (local || starts_with_any(address, any, ARRAY_LEN(any)))
        address = str_of(localhost);
    printf("The cinema is open at http://%.*s/ (admin: http://%.*s/admin)\n", STR_ARG(address),
           STR_ARG(address));
    if (local && app_settings.modules.len == 0)
        printf("Only this machine reaches it. To open it to the house, start it with:\n"
               "    %s serve --data %s --listen 0.0.0.0:%u\n",
               program_invocation_name, app_data_folder(), port);
}

/* What the main thread waits for while the loops serve. */
struct serving {
    struct server *server;
    struct net_tls *tls;
    struct inherited sockets; /* taken over, and later given */
    int signals_fd, handover_fd;
    int successor; /* the connection of the process that takes over; -1: none */
};

static const span look_every = SECONDS(1);

/* A reload is told by its beginning and its end (sd_notify(3)). */
static void reload(struct serving *serving)
{
    notify_reloading();
    app_tls_watch(serving->tls, true);
    notify_send("READY=1");
}

static int signal_read(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

/* Certificates, loops, and the manager's watchdog: a loop that hangs is not spoken for. */
static void look(struct serving *serving)
{
    bool alive = server_beat(serving->server);
    app_tls_watch(serving->tls, false);
    if (alive && notify_watchdog())
        notify_send("WATCHDOG=1");
}

/* True: somebody takes over, and waits for us to end. */
static bool hand_over(struct serving *serving)
{
    server_sockets(serving->server, &serving->sockets);
    enum err given = handover_give(serving->handover_fd, &serving->sockets, &serving->successor);
    serving->sockets.count = 0; /* the server has them */
    if (given != OK)
        log_failure("serve", "nobody took over", given);
    return given == OK;
}

/*
 * Serves until a signal to stop (its number), until a successor says go (0), or until `until`
 * (SIGALRM).
 */
static int wait_for_end(struct serving *serving, instant until)
{
    span watchdog = notify_watchdog();
    span period = watchdog ? MIN_OF(look_every, watchdog / 4) : look_every;
    for (;;) {
        struct pollfd ready[] = { { .fd = serving->signals_fd, .events = POLLIN },
                                  { .fd = serving->handover_fd, .events = POLLIN } };
        span left = until - clock_mono();
        if (until != INSTANT_NEVER && left <= 0)
            return SIGALRM;
        span wait = until == INSTANT_NEVER ? period : MIN_OF(period, left);
        poll(ready, ARRAY_LEN(ready), (int)(wait / 1000) + 1);
        int number = ready[0].revents ? signal_read(serving->signals_fd) : 0;
        if (number == SIGHUP)
            reload(serving);
        else if (number)
            return number;
        if (ready[1].revents && hand_over(serving))
            return 0;
        look(serving);
    }
}

static enum err start(struct data *data, struct serving *serving)
{
    struct server_bound bound = { 0 };
    TRY(first_key(app_shared_folder()));
    struct server_spec spec = { .listen = app_settings.listen,
                                .tls_listen = app_tls_settings.listen,
                                .redirect_listen = app_tls_settings.redirect,
                                .tls = serving->tls,
                                .hsts = app_tls_settings.hsts,
                                .cores = (unsigned)app_settings.cores,
                                .inherited = &serving->sockets };
    TRY(handover_open(app_data_folder(), &serving->handover_fd));
    enum err result = server_start(data, &spec, &serving->server, &bound);
    inherit_close(&serving->sockets); /* what no setting asks for */
    if (result != OK) {
        handover_close(app_data_folder(), serving->handover_fd);
        return result;
    }
    flow_schedules_start(data);
    backup_schedule_start(data);
    if (bound.http.size_bytes)
        say_where(&bound.http);
    say_secure(&bound.https);
    fflush(stdout);
    char text[NET_ADDRESS_TEXT_MAX];
    const struct net_address *shown = bound.http.size_bytes ? &bound.http : &bound.https;
    notify_send("READY=1\nSTATUS=Serving at %.*s", STR_ARG(net_address_format(shown, text)));
    return OK;
}

/* Takes the sockets of a process that serves the folder, when asked to, or those systemd holds. */
static enum err sockets_take(struct serving *serving)
{
    int conn;
    TRY(inherit_from_environment(&serving->sockets));
    if (!app_flags.take_over)
        return OK;
    inherit_close(&serving->sockets);
    enum err result = handover_take(app_data_folder(), &serving->sockets, &conn);
    if (result == ERR_UNAVAILABLE && str_eq(str_of(err_slot()->slug), STR("no-server"))) {
        log_info("serve", "nobody serves the folder: there is nothing to take over");
        return OK;
    }
    TRY(result);
    log_info("serve", "taking over", LOG_INT("sockets", serving->sockets.count));
    notify_send("STATUS=Waiting for the running server to drain");
    return handover_go(conn);
}

static void stop(struct serving *serving, int number)
{
    if (number)
        log_info("serve", "stopping", LOG_CSTR("signal", sigdescr_np(number)));
    else
        log_info("serve", "handing over");
    notify_send("STOPPING=1\nSTATUS=Draining");
    server_unready(serving->server);
    if (number && app_settings.drain_delay) /* a second signal ends the delay */
        wait_for_end(serving, clock_mono() + app_settings.drain_delay);
    handover_close(app_data_folder(), serving->handover_fd);
    server_stop(serving->server, app_settings.drain_timeout);
}

static int signals_open(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (app_tls_settings.listen.len) /* without certificates it ends the program, as anywhere */
        sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What can be wrong is looked at before a running server is asked to go. */
static enum err serve(struct serving *serving)
{
    struct data *data;
    TRY(app_tls_open(&serving->tls));
    meters_tls(serving->tls);
    TRY(trace_start(&app_trace_settings, app_version));
    log_span_provider(trace_ids_current);
    TRY(sockets_take(serving));
    notify_send("STATUS=Opening the data");
    TRY(data_open(app_data_folder(), &data));
    enum err result = start(data, serving);
    if (result == OK) {
        log_info("serve", "ready", LOG_CSTR("version", app_version));
        stop(serving, wait_for_end(serving, INSTANT_NEVER));
    }
    data_close(data);
    if (serving->successor >= 0)
        close(serving->successor); /* it opens the data now */
    return result;
}

int command_serve(int argc, char **argv)
{
    static struct serving serving = { .handover_fd = -1, .successor = -1 };
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, KB_NAME ": serve takes no arguments, only flags\n");
        return EXIT_USAGE;
    }
    notify_open();
    serving.signals_fd = signals_open();
    enum err result = serve(&serving);
    trace_stop();
    inherit_close(&serving.sockets);
    meters_tls(NULL);
    net_tls_close(serving.tls);
    if (serving.signals_fd >= 0)
        close(serving.signals_fd);
    if (result != OK)
        notify_send("STATUS=%.200s", err_slot()->text);
    notify_close();
    return result == OK ? 0 : app_fail(result);
}
