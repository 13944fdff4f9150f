/* documents: the commands that print what the tables say, and the one that makes a key. */
#include "app.h"

#include "gateway/access.h"

#include <stdio.h>

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

int command_routes(int argc, char **argv)
{
    (void)argc, (void)argv;
    return print(gateway_write_routes);
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
    printf("%s\n", key);
    return 0;
}
