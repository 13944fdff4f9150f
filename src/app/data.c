/*
 * data: the folder a cinema lives in. One process has it, by a lock on a file that the kernel gives
 * back when the process ends however it ends. Inside: a database a context, blobs/, admin.key,
 * control.sock.
 */
#include "app.h"

#include "engines/backup/backup.h"
#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/bus/bus.h"
#include "engines/db/db.h"
#include "engines/db/postgres/postgres.h"
#include "engines/db/sqlite/sqlite.h"
#include "engines/flow/jobs.h"
#include "foundation/child/child.h"
#include "foundation/crypto/crypto.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/task/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    FILE_THREADS = 4,
    FILE_QUEUE = 4096,
    CHILD_THREADS = 2,
    CHILD_QUEUE = 256,
    CHECKS = 5,
    SOCKET_PATH_BYTES = 108, /* unix(7) */
    DATABASE_URL_BYTES = 1024,
    SEAT_BYTES = 8,
    OWNER_TRIES = 50, /* a second */
    OWNER_WAIT_US = 20000
};

/* A check that takes longer has failed. */
static const span look_max = SECONDS(3);

struct data {
    char *folder;
    int lock_fd;
    char seat[SEAT_BYTES + 1];
    struct pool *files, *background, *children;
    struct blob_store *blobs;
    struct db *content;
    struct module_env env;
    unsigned modules_open;
    struct gateway_check checks[CHECKS];
};

enum err data_control_path(const char *folder, char *out, size_t size_bytes)
{
    if (snprintf(out, size_bytes, "%s/control.sock", folder) < (int)size_bytes)
        return OK;
    return err_set(ERR_INVALID, "data-path",
                   "the path of the data folder is too long for a socket: %s", folder);
}

static enum err folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    enum err err = synced ? OK : err_errno(folder);
    if (fd >= 0)
        close(fd);
    return err;
}

/*
 * Makes a folder that is missing so that a power cut does not take it with all that is in it. The
 * folder above may be one that we may only pass through: its name is then the system's to keep.
 */
static enum err folder_make(char *path, mode_t mode)
{
    if (mkdir(path, mode) != 0)
        return errno == EEXIST ? OK : err_errno(path);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
    const char *above = !slash ? "." : slash == path ? "/" : path;
    enum err result = access(above, R_OK) == 0 ? folder_sync(above) : OK;
    if (slash)
        *slash = '/';
    return result;
}

enum err data_folder_make(const char *folder)
{
    char path[DATA_FOLDER_BYTES];
    TRY(data_control_path(folder, path, SOCKET_PATH_BYTES)); /* the longest name that must fit */
    if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path))
        return err_set(ERR_INVALID, "data-path", "the path of the data folder is too long");
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        TRY(folder_make(path, 0755));
        *slash = '/';
    }
    TRY(folder_make(path, 0700));
    if (access(path, R_OK | W_OK | X_OK) != 0)
        return err_set(ERR_FORBIDDEN, "data-unwritable", "the data folder %s is not writable: %s",
                       path, err_number_text(errno));
    return OK;
}

/*
 * Who has the lock. It writes its number just after it got it: what is read may be nothing yet, or
 * of a process that has gone.
 */
static int owner_read(int fd)
{
    int64_t owner = 0;
    for (int tries = 0; tries < OWNER_TRIES; tries++) {
        char pid[32];
        ssize_t len = pread(fd, pid, sizeof(pid), 0);
        str text = str_trim((str){ pid, len > 0 ? (size_t)len : 0 });
        if (str_parse_i64(text, &owner) && owner > 0 && owner <= INT_MAX &&
            (kill((pid_t)owner, 0) == 0 || errno == EPERM))
            break;
        usleep(OWNER_WAIT_US);
    }
    return (int)owner;
}

enum err data_lock(const char *folder, int *out_fd)
{
    char path[DATA_PATH_BYTES], pid[32];
    snprintf(path, sizeof(path), "%s/lock", folder);
    int fd = *out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(ERR_CONFLICT, "data-in-use", "%s is in use by another process (%d)", folder,
                       owner_read(fd));
    int len = snprintf(pid, sizeof(pid), "%d\n", getpid());
    bool written = ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) == len;
    return written ? OK : err_errno(path);
}

/* Half a cinema is none. */
static enum err check_restored(const char *folder)
{
    char path[DATA_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/" BACKUP_UNFINISHED, folder);
    if (access(path, F_OK) != 0)
        return OK;
    return err_set(ERR_PRECONDITION, "restore-unfinished",
                   "a restore into %s did not end: run " KB_NAME " restore again, or empty it",
                   folder);
}

/*
 * Eight random digits of this folder: who has the folder has the seat in the queue of jobs that
 * other processes use too. What is no seat is made anew.
 */
static enum err seat_read(struct data *data)
{
    char path[DATA_PATH_BYTES];
    uint8_t random[SEAT_BYTES / 2];
    snprintf(path, sizeof(path), "%s/seat", data->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(path);
    bool known = pread(fd, data->seat, SEAT_BYTES, 0) == SEAT_BYTES &&
                 strspn(data->seat, "0123456789abcdef") == SEAT_BYTES;
    if (!known) {
        crypto_random(random, sizeof(random));
        crypto_hex(random, sizeof(random), data->seat);
        known = pwrite(fd, data->seat, SEAT_BYTES, 0) == SEAT_BYTES && fsync(fd) == 0;
    }
    enum err err = known ? OK : err_errno(path);
    close(fd);
    return err;
}

/* A folder with blobs has had a database. One that is gone is made anew, but not in silence. */
static void tell_missing(const char *folder)
{
    char blobs[DATA_PATH_BYTES], database[DATA_PATH_BYTES];
    snprintf(blobs, sizeof(blobs), "%s/blobs", folder);
    snprintf(database, sizeof(database), "%s/content.db", folder);
    if (access(blobs, F_OK) == 0 && access(database, F_OK) != 0)
        log_warn("data", "the database is missing from a folder in use; an empty one is made",
                 LOG_CSTR("file", database));
}

bool data_is_embedded(void)
{
    return app_settings.database.len == 0;
}

unsigned data_modules(const struct db_module *modules[static DATA_MODULES_MAX])
{
    unsigned count = 0;
    modules[count++] = &FLOW_SQL;
    modules[count++] = &BUS_SQL;
    for (unsigned i = 0; i < app_modules_count; i++)
        if (app_modules[i]->sql)
            modules[count++] = app_modules[i]->sql;
    ASSERT(count < DATA_MODULES_MAX);
    return count;
}

static enum err url_refused(void)
{
    return err_set(ERR_INVALID, "database-url",
                   "db.url is a URL of at most %d bytes that begins postgres://",
                   DATABASE_URL_BYTES - 1);
}

static enum err spec_at(const char *folder, const char *url,
                        const struct db_module *modules[static DATA_MODULES_MAX],
                        struct db_spec *out_spec)
{
    static char snapshots[DATA_PATH_BYTES];
    if (*url && !postgres_is_place(str_of(url)))
        return url_refused();
    snprintf(snapshots, sizeof(snapshots), "%s/snapshots",
             *url ? app_shared_folder() : app_data_folder());
    *out_spec = (struct db_spec){ .driver = *url ? &db_postgres : &db_sqlite,
                                  .place = *url ? url : folder,
                                  .context = "content",
                                  .modules = modules,
                                  .modules_count = data_modules(modules),
                                  .settings = { .snapshots_kept = (unsigned)app_settings.snapshots,
                                                .snapshots = *url ? snapshots : NULL } };
    return OK;
}

/* The setting as a C string. */
static enum err url_read(const char **out_url)
{
    static char url[DATABASE_URL_BYTES];
    str given = app_settings.database;
    if (given.len >= DATABASE_URL_BYTES)
        return url_refused();
    snprintf(url, sizeof(url), "%.*s", STR_ARG(given));
    *out_url = url;
    return OK;
}

enum err data_spec(const char *folder, const struct db_module *modules[static DATA_MODULES_MAX],
                   struct db_spec *out_spec)
{
    const char *url;
    TRY(url_read(&url));
    return spec_at(folder, url, modules, out_spec);
}

enum err data_database_open(const char *url, struct pool *pool, struct db **out_db)
{
    const struct db_module *modules[DATA_MODULES_MAX];
    struct db_spec spec;
    TRY(spec_at(app_data_folder(), url, modules, &spec));
    spec.pool = pool;
    spec.settings.group_max = (unsigned)app_settings.writer_group;
    return db_open(&spec, out_db);
}

static enum err open_databases(struct data *data)
{
    const char *url;
    TRY(url_read(&url));
    TRY(data_database_open(url, data->files, &data->content));
    db_meters_open(data->content);
    return OK;
}

/* --- The choice of the database -------------------------------------------------------------- */

static bool database_chosen;

static void choice_path(char path[DATA_PATH_BYTES], const char *suffix)
{
    snprintf(path, DATA_PATH_BYTES, "%s/database.url%s", app_data_folder(), suffix);
}

__attribute__((noinline)) enum err data_database_choose(const char *url)
{
    char path[DATA_PATH_BYTES], fresh[DATA_PATH_BYTES];
    choice_path(path, "");
    choice_path(fresh, ".new");
    if (!*url) {
        if (unlink(path) != 0 && errno != ENOENT)
            return err_errno(path);
        return folder_sync(app_data_folder());
    }
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(fresh);
    bool written = dprintf(fd, "%s\n", url) > 0 && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    if (!written || rename(fresh, path) != 0)
        return err_errno(fresh);
    return folder_sync(app_data_folder());
}

bool data_database_chosen(void)
{
    return database_chosen;
}

enum err data_database_read(void)
{
    static char text[DATABASE_URL_BYTES];
    char path[DATA_PATH_BYTES];
    if (app_settings.database.len && !database_chosen)
        return OK;
    app_settings.database = STR_NONE;
    database_chosen = false;
    choice_path(path, "");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? OK : err_errno(path);
    ssize_t len = read(fd, text, sizeof(text));
    close(fd);
    str url = str_trim((str){ text, len > 0 ? (size_t)len : 0 });
    if (url.len == 0 || (size_t)len == sizeof(text))
        return err_set(ERR_CORRUPT, "database-url", "%s holds no URL of a database", path);
    app_settings.database = url;
    database_chosen = true;
    return OK;
}

/* --- Checks --------------------------------------------------------------------------------- */

static bool look_database(void *arg, struct buf *detail)
{
    struct data *data = arg;
    instant before = task_deadline_narrow(look_max);
    enum err err = db_ping(data->content);
    task_deadline_restore(before);
    if (err != OK)
        buf_put(detail, str_of(err_slot()->text));
    return err == OK;
}

static bool look_disk(void *arg, struct buf *detail)
{
    struct data *data = arg;
    struct statvfs info;
    if (statvfs(data->folder, &info) != 0)
        return false;
    uint64_t free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    buf_printf(detail, "%llu MiB free", (unsigned long long)(free_bytes >> 20));
    return free_bytes > app_settings.disk_reserve_bytes;
}

static bool look_program(const char *name, struct buf *detail)
{
    str path = child_find_program(task_arena(), name);
    if (path.len)
        buf_put(detail, path);
    else
        buf_printf(detail, "%s is not installed; films cannot be imported (apt-get install ffmpeg)",
                   name);
    return path.len > 0;
}

static bool look_ffmpeg(void *arg, struct buf *detail)
{
    (void)arg;
    return look_program("ffmpeg", detail);
}

static bool look_ffprobe(void *arg, struct buf *detail)
{
    (void)arg;
    return look_program("ffprobe", detail);
}

static void list_checks(struct data *data)
{
    data->checks[0] = (struct gateway_check){ data_is_embedded() ? "content.db" : "database",
                                              look_database, data, true };
    data->checks[1] = (struct gateway_check){ "disk", look_disk, data, false };
    data->checks[2] = (struct gateway_check){ "ffmpeg", look_ffmpeg, data, false };
    data->checks[3] = (struct gateway_check){ "ffprobe", look_ffprobe, data, false };
    data->checks[4] = (struct gateway_check){ "backup", backup_look, data, false };
}

static enum err open_modules(struct data *data)
{
    list_checks(data);
    data->env = (struct module_env){ .db = data->content,
                                     .blobs = data->blobs,
                                     .files = data->files,
                                     .background = data->background,
                                     .children = data->children,
                                     .data_folder = data->folder,
                                     .disk_reserve_bytes = app_settings.disk_reserve_bytes };
    for (; data->modules_open < app_modules_count; data->modules_open++)
        TRY(app_modules[data->modules_open]->open(&data->env));
    return OK;
}

/* Embedded, there is nobody to share with. */
static enum err shared_check(void)
{
    if (app_settings.shared.len == 0)
        return OK;
    if (data_is_embedded())
        return err_set(ERR_INVALID, "shared-embedded",
                       "cinema.shared is for a database on a server; without db.url the data "
                       "folder has everything");
    return data_folder_make(app_shared_folder());
}

static enum err open_all(struct data *data)
{
    char blobs[DATA_PATH_BYTES];
    TRY(data_lock(data->folder, &data->lock_fd));
    TRY(data_database_read()); /* the process we waited for may have moved it */
    TRY(check_restored(data->folder));
    if (data_is_embedded())
        tell_missing(data->folder);
    else
        TRY(seat_read(data));
    TRY(pool_open("files", FILE_THREADS, FILE_QUEUE, &data->files));
    TRY(pool_open_background("background", FILE_THREADS, FILE_QUEUE, &data->background));
    TRY(pool_open("children", CHILD_THREADS, CHILD_QUEUE, &data->children));
    TRY(shared_check());
    snprintf(blobs, sizeof(blobs), "%s/blobs", app_shared_folder());
    TRY(blob_open(&blob_disk, blobs, data->background, &data->blobs));
    TRY(open_databases(data));
    return open_modules(data);
}

enum err data_open(const char *folder, struct data **out_data)
{
    TRY(data_folder_make(folder));
    struct data *data = HEAP_NEW(struct data);
    data->lock_fd = -1;
    data->folder = heap_alloc(strlen(folder) + 1);
    memcpy(data->folder, folder, strlen(folder) + 1);
    enum err result = open_all(data);
    if (result != OK) {
        data_close(data);
        return result;
    }
    *out_data = data;
    return OK;
}

void data_close(struct data *data)
{
    struct err_slot detail = *err_slot();
    while (data->modules_open > 0)
        app_modules[--data->modules_open]->close();
    if (data->content)
        db_close(data->content);
    if (data->blobs)
        blob_close(data->blobs);
    if (data->children)
        pool_close(data->children);
    if (data->background)
        pool_close(data->background);
    if (data->files)
        pool_close(data->files);
    if (data->lock_fd >= 0)
        close(data->lock_fd);
    heap_free(data->folder);
    heap_free(data);
    *err_slot() = detail;
}

const char *data_seat(const struct data *data)
{
    return data->seat;
}

const struct module_env *data_env(const struct data *data)
{
    return &data->env;
}

const struct gateway_check *data_checks_of(const struct module_env *env, unsigned *out_count)
{
    const struct data *data = CONTAINER_OF(env, struct data, env);
    *out_count = CHECKS;
    return data->checks;
}
