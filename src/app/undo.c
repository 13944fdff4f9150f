/*
 * undo: `rollback`, for who has upgraded and wants back to the program he had. By the ways back of
 * the migrations, which keep what was written since; or, where they refuse, by the copy that was
 * made before the upgrade.
 */
#include "app.h"

#include "engines/db/db.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say_versions(const struct db_snapshot *snapshot)
{
    printf("The database is again as kinobezdna had it before the upgrade:");
    for (unsigned i = 0; i < snapshot->versions.count; i++)
        printf(" %s %u", snapshot->versions.items[i].module, snapshot->versions.items[i].number);
    printf(".\nStart the older program now: this one would upgrade it again.\n");
}

static enum err roll_back(const char *folder)
{
    const struct db_module *modules[DATA_MODULES_MAX];
    struct db_spec spec;
    struct db_snapshot snapshot;
    char at[INSTANT_TEXT_MAX];
    TRY(data_spec(folder, modules, &spec));
    TRY(db_snapshot_newest(&spec, &snapshot));
    instant_format(snapshot.taken_at, at);
    if (app_flags.snapshot) {
        TRY(db_snapshot_restore(&spec, &snapshot));
        if (data_is_embedded())
            printf("What was written since %s is in %s/content.db.before-rollback.\n", at, folder);
        else
            printf("What was written since %s is in the schema content_before_rollback.\n", at);
    } else if (db_rollback(&spec, &snapshot.versions) != OK) {
        enum err result = err_slot()->code;
        if (strcmp(err_slot()->slug, "rollback-refused") == 0)
            fprintf(stderr,
                    KB_NAME ": nothing was changed; rollback --snapshot puts the copy of %s in its "
                            "place and loses what was written since\n",
                    at);
        return result;
    }
    say_versions(&snapshot);
    return OK;
}

int command_rollback(int argc, char **argv)
{
    int lock_fd = -1;
    const char *folder = app_data_folder();
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " rollback [--snapshot] --data DIR\n");
        return EXIT_USAGE;
    }
    enum err result = OK;
    if (access(folder, F_OK) != 0)
        result = err_set(ERR_NOT_FOUND, "no-such-path", "there is no data folder %s", folder);
    if (result == OK)
        result = data_lock(folder, &lock_fd);
    if (result == OK)
        result = roll_back(folder);
    if (lock_fd >= 0)
        close(lock_fd);
    return result == OK ? 0 : app_fail(result);
}
