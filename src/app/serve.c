/* serve: opens the data, starts the loops, says where to click, and waits for the signal to stop.
 */
#include "app.h"

#include "foundation/log/log.h"
#include "foundation/net/tls.h"
#include "gateway/access.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
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
    if (local)
        printf("Only this machine reaches it. To open it to the house, start it with:\n"
               "    %s serve --data %s --listen 0.0.0.0:%u\n",
               program_invocation_name, app_data_folder(), port);
}

/* Meanwhile looks after the certificates; SIGHUP asks for them at once. */
static int wait_for_signal(const sigset_t *signals, struct net_tls *tls)
{
    static const struct timespec look_every = { .tv_sec = 2 };
    for (;;) {
        int number = sigtimedwait(signals, NULL, &look_every);
        if (number == SIGTERM || number == SIGINT)
            return number;
        app_tls_watch(tls, number == SIGHUP);
    }
}

static enum err start(struct data *data, struct net_tls **out_tls, struct server **out_server)
{
    struct server_bound bound = { 0 };
    TRY(first_key(app_shared_folder()));
    TRY(app_tls_open(out_tls));
    struct server_spec spec = { .listen = app_settings.listen,
                                .tls_listen = app_tls_settings.listen,
                                .redirect_listen = app_tls_settings.redirect,
                                .tls = *out_tls,
                                .hsts = app_tls_settings.hsts,
                                .cores = (unsigned)app_settings.cores };
    TRY(server_start(data, &spec, out_server, &bound));
    if (bound.http.size_bytes)
        say_where(&bound.http);
    say_secure(&bound.https);
    fflush(stdout);
    return OK;
}

int command_serve(int argc, char **argv)
{
    struct data *data;
    struct server *server;
    struct net_tls *tls = NULL;
    sigset_t signals;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, KB_NAME ": serve takes no arguments, only flags\n");
        return EXIT_USAGE;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (app_tls_settings.listen.len) /* without certificates it ends the program, as anywhere */
        sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    enum err result = data_open(app_data_folder(), &data);
    if (result != OK)
        return app_fail(result);
    result = start(data, &tls, &server);
    if (result != OK) {
        net_tls_close(tls);
        data_close(data);
        return app_fail(result);
    }
    log_info("serve", "ready", LOG_CSTR("version", app_version));
    int number = wait_for_signal(&signals, tls);
    log_info("serve", "stopping", LOG_CSTR("signal", sigdescr_np(number)));
    server_stop(server, app_settings.drain_timeout);
    net_tls_close(tls);
    data_close(data);
    return 0;
}
