/* serve: opens the data, starts the loops, says where to click, and waits for the signal to stop.
 */
#include "app.h"

#include "foundation/log/log.h"
#include "gateway/access.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The administrator's key is made at the first start and shown that once. */
static enum err first_key(const char *folder)
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

static bool starts_with_any(str text, const str *beginnings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_starts(text, beginnings[i]))
            return true;
    return false;
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
    fflush(stdout);
}

static int wait_for_signal(const sigset_t *signals)
{
    int number = 0;
    while (sigwait(signals, &number) != 0)
        continue;
    return number;
}

int command_serve(int argc, char **argv)
{
    struct data *data;
    struct server *server;
    struct net_address bound;
    sigset_t signals;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, KB_NAME ": serve takes no arguments, only flags\n");
        return EXIT_USAGE;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    enum err result = data_open(app_data_folder(), &data);
    if (result != OK)
        return app_fail(result);
    result = first_key(app_data_folder());
    if (result == OK)
        result =
            server_start(data, app_settings.listen, (unsigned)app_settings.cores, &server, &bound);
    if (result != OK) {
        data_close(data);
        return app_fail(result);
    }
    say_where(&bound);
    log_info("serve", "ready", LOG_CSTR("version", app_version));
    int number = wait_for_signal(&signals);
    log_info("serve", "stopping", LOG_CSTR("signal", sigdescr_np(number)));
    server_stop(server, app_settings.drain_timeout);
    data_close(data);
    return 0;
}
