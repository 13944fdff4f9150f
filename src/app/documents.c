/* documents: the commands that print what the tables say, and the one that makes a key. */
#include "app.h"

#include "gateway/access.h"

#include "foundation/rpc/rpc.h"

#include <stdio.h>
#include <string.h>

static const struct gateway_settings *described(void)
{
    static struct gateway_settings settings;
    settings = (struct gateway_settings){ .modules = app_modules,
                                          .modules_count = app_modules_count,
                                          .site = &app_site,
                                          .version = app_version };
    return &settings;
}

static int print(void (*write)(const struct gateway_settings *settings, struct buf *out))
{
    struct buf text;
    buf_init(&text, NULL, MIB(4));
    write(described(), &text);
    if (text.len) /* of no modules there may be nothing to say */
        fwrite(text.ptr, 1, text.len, stdout);
    bool whole = !text.overflowed && fflush(stdout) == 0;
    buf_deinit(&text);
    return whole ? 0 : EXIT_SOFTWARE;
}

int command_openapi(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print(gateway_write_openapi);
}

int command_asyncapi(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print(gateway_write_asyncapi);
}

int command_event_types(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print(gateway_write_event_types);
}

int command_routes(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print(app_flags.json ? gateway_write_routes_json : gateway_write_routes);
}

enum { SERVICES_MAX = 64 };

/* Those of one package make one file. */
static void proto_put(struct buf *out, const struct rpc_service *const *services, unsigned count,
                      const char *package)
{
    const struct rpc_service *of[SERVICES_MAX];
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(services[i]->package, package) == 0)
            of[found++] = services[i];
    rpc_write_proto(out, of, found);
}

int command_proto(int argc, char **argv)
{
    const struct rpc_service *services[SERVICES_MAX] = { &rpc_health_service };
    unsigned count = 1;
    struct buf text;
    (void)argc, (void)argv;
    for (unsigned i = 0; i < app_modules_count && count < SERVICES_MAX; i++)
        if (app_modules[i]->calls)
            services[count++] = app_modules[i]->calls;
    buf_init(&text, NULL, MIB(4));
    for (unsigned i = 0; i < count; i++) {
        bool printed = false;
        for (unsigned before = 0; before < i; before++)
            printed |= strcmp(services[before]->package, services[i]->package) == 0;
        if (!printed)
            proto_put(&text, services, count, services[i]->package);
    }
    fwrite(text.ptr, 1, text.len, stdout);
    bool whole = !text.overflowed && fflush(stdout) == 0;
    buf_deinit(&text);
    return whole ? 0 : EXIT_SOFTWARE;
}

int command_admin_key(int argc, char **argv)
{
    char key[ACCESS_KEY_BYTES];
    struct access *access;
    bool reset = app_flags.reset;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " admin-key [--reset] [--data DIR]\n");
        return EXIT_USAGE;
    }
    enum err result = access_open(app_shared_folder(), &access);
    bool has_key = result == OK && access_has_key(access);
    if (result == OK)
        access_close(access);
    if (result != OK && !reset)
        return app_fail(result);
    if (has_key && !reset && app_flags.json) {
        puts("{\"key\":null}");
        return 0;
    }
    if (has_key && !reset) {
        printf(
            "There is a key already; it is stored hashed and cannot be shown. A new one: " KB_NAME
            " admin-key --reset\n");
        return 0;
    }
    result = data_folder_make(app_shared_folder());
    if (result == OK)
        result = access_key_make(app_shared_folder(), key);
    if (result != OK)
        return app_fail(result);
    printf(app_flags.json ? "{\"key\":\"%s\"}\n" : "%s\n", key);
    return 0;
}
