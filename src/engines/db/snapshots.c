/*
 * snapshots: where the copies lie that are made before migrations change a database, whatever made
 * them: a folder, and a name for each that says the context and the moment.
 */
#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 96, STAMP_BYTES = 16 };

/* "content-1795261512000000.db": the context and the microsecond, in as many digits. */
static void name_of(const char *context, const char *suffix, instant at, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "%.32s-%0*lld%.8s", context, STAMP_BYTES, (long long)at, suffix);
}

static bool name_parse(const char *context, const char *suffix, const char *name, instant *out_at)
{
    str text = str_of(name);
    size_t len = strlen(context);
    return str_starts(text, str_of(context)) &&
           text.len == len + 1 + STAMP_BYTES + strlen(suffix) && text.ptr[len] == '-' &&
           str_ends(text, str_of(suffix)) &&
           str_parse_i64(str_sub(text, len + 1, STAMP_BYTES), out_at);
}

/* What stands beside a copy that there is; else it was left by a process that was killed. */
static bool is_left_over(int folder_fd, const char *context, const char *suffix, const char *name)
{
    char of[NAME_BYTES];
    instant at;
    size_t len = strlen(context) + 1 + STAMP_BYTES + strlen(suffix);
    if (strlen(name) <= len || len >= sizeof(of))
        return false;
    memcpy(of, name, len);
    of[len] = 0;
    if (!name_parse(context, suffix, of, &at))
        return false;
    return strcmp(name + len, DB_SNAPSHOT_ABOUT) != 0 || faccessat(folder_fd, of, F_OK, 0) != 0;
}

static void left_over_remove(const char *folder, const char *context, const char *suffix)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir)))
        if (is_left_over(dirfd(dir), context, suffix, entry->d_name))
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

static int by_time(const void *a, const void *b)
{
    instant left = *(const instant *)a, right = *(const instant *)b;
    return left < right ? -1 : left > right;
}

unsigned db_snapshots_list(const char *folder, const char *context, const char *suffix,
                           instant out_times[DB_SNAPSHOTS_LISTED])
{
    struct dirent *entry;
    unsigned count = 0;
    DIR *dir = opendir(folder);
    while (dir && count < DB_SNAPSHOTS_LISTED && (entry = readdir(dir)))
        count += name_parse(context, suffix, entry->d_name, &out_times[count]);
    if (dir)
        closedir(dir);
    qsort(out_times, count, sizeof(*out_times), by_time);
    return count;
}

enum err db_folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err result = fd >= 0 && fsync(fd) == 0 ? OK : err_errno(folder);
    if (fd >= 0)
        close(fd);
    return result;
}

void db_snapshot_path(const char *folder, const char *context, const char *suffix, instant at,
                      char out_path[DB_PLACE_MAX])
{
    char name[NAME_BYTES];
    name_of(context, suffix, at, name);
    snprintf(out_path, DB_PLACE_MAX, "%s/%s", folder, name);
}

enum err db_snapshot_path_new(const char *folder, const char *context, const char *suffix,
                              char out_path[DB_PLACE_MAX])
{
    char name[NAME_BYTES];
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return err_errno(folder);
    left_over_remove(folder, context, suffix);
    name_of(context, suffix, clock_now(), name);
    if (snprintf(out_path, DB_PLACE_MAX, "%s/%s", folder, name) >= DB_PLACE_MAX)
        return err_set(ERR_INVALID, "database-path", "the path %.100s… is too long", folder);
    return OK;
}

void db_snapshots_prune(const char *folder, const char *context, const char *suffix, unsigned kept)
{
    instant times[DB_SNAPSHOTS_LISTED];
    char name[NAME_BYTES], about[NAME_BYTES + sizeof(DB_SNAPSHOT_ABOUT)];
    unsigned count = db_snapshots_list(folder, context, suffix, times);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    for (unsigned i = 0; i + kept < count; i++) {
        name_of(context, suffix, times[i], name);
        unlinkat(fd, name, 0);
        snprintf(about, sizeof(about), "%s" DB_SNAPSHOT_ABOUT, name);
        unlinkat(fd, about, 0);
    }
    close(fd);
}

enum err db_snapshot_none(const char *database)
{
    return err_set(ERR_NOT_FOUND, "no-snapshot",
                   "%s has not been upgraded by this program: there is no copy of before",
                   database);
}
