/*
 * restore: reading a backup to its end, and putting a data folder together from it. Contents are
 * written under their hashes beside the blobs; when all are there and the manifest has said what
 * they are, they get their names. The databases come last. Until then a marker lies in the folder,
 * so that nobody takes half a cinema for one.
 */
#include "internal.h"

#include "engines/db/db.h"
#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define STAGING "restore.tmp"

enum err damage(struct reading *reading, const char *name, const char *what)
{
    reading->damaged++;
    if (!reading->given->on_damage)
        return err_set(ERR_CORRUPT, "backup-damaged", "%s: %s", name, what);
    reading->given->on_damage(reading->given->arg, name, what);
    return OK;
}

static enum err read_all(struct reading *reading, struct manifest *out_manifest)
{
    const char *path = reading->given->path, *in_folder;
    reading->keys.passphrase = reading->given->passphrase;
    TRY(folder_find(reading->arena, path, &in_folder));
    enum err result = in_folder ? folder_read(reading, in_folder, out_manifest)
                                : single_read(reading, path, out_manifest);
    keys_forget(&reading->keys);
    TRY(result);
    if (reading->damaged)
        return err_set(ERR_CORRUPT, "backup-damaged", "%llu files of the backup are damaged",
                       (unsigned long long)reading->damaged);
    return OK;
}

static void summary_of(const struct reading *reading, const struct manifest *manifest,
                       struct backup_summary *out_summary)
{
    uint64_t counts[ENTRY_KINDS] = { 0 };
    for (size_t i = 0; i < manifest->entries_count; i++)
        counts[manifest->entries[i].kind]++;
    *out_summary = (struct backup_summary){ .created_at = manifest->created_at,
                                            .size_bytes = manifest->size_bytes,
                                            .databases = counts[ENTRY_DATABASE],
                                            .files = counts[ENTRY_FILE],
                                            .blobs = counts[ENTRY_BLOB],
                                            .sealed = reading->sealed };
    snprintf(out_summary->program, sizeof(out_summary->program), "%.*s",
             STR_ARG(manifest->program));
}

enum err backup_is_sealed(struct arena *arena, const char *path, bool *out_sealed)
{
    const char *in_folder;
    char begin[SEAL_HEADER_BYTES];
    TRY(folder_find(arena, path, &in_folder));
    int fd = open(in_folder ? in_folder : path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error("open", in_folder ? in_folder : path);
    ssize_t got = read(fd, begin, sizeof(begin));
    close(fd);
    if (got < 0)
        return file_error("read", path);
    *out_sealed = seal_is_header((str){ begin, (size_t)got });
    return OK;
}

enum err backup_verify(struct arena *arena, const struct backup_given *given,
                       struct backup_progress *progress, struct backup_summary *out_summary)
{
    static const struct visitor nothing;
    struct reading reading = {
        .arena = arena, .given = given, .progress = progress, .visitor = &nothing
    };
    struct manifest manifest;
    TRY(read_all(&reading, &manifest));
    summary_of(&reading, &manifest, out_summary);
    return OK;
}

/* --- Contents, until they have names ---------------------------------------------------------- */

struct restoring {
    struct reading reading;
    const char *folder;
    char part[BACKUP_PATH_MAX];
    struct sink *sink;
};

static const struct db_spec *target_of(const struct restoring *restoring, str context)
{
    const struct backup_given *given = restoring->reading.given;
    for (unsigned i = 0; i < given->known_count; i++)
        if (str_eq(str_of(given->known[i].context), context))
            return given->known[i].target;
    return NULL;
}

/* A server that is given takes copies of its own kind; it must be able to. */
static enum err targets_check(const struct restoring *restoring, const struct manifest *head)
{
    const struct backup_given *given = restoring->reading.given;
    bool of_files = str_eq(head->copies, STR(".db"));
    bool any = false;
    for (unsigned i = 0; i < given->known_count; i++) {
        const struct db_spec *target = given->known[i].target;
        if (!target || !db_restores(target))
            continue;
        any = true;
        if (!str_eq(str_of(db_spec_suffix(target)), head->copies))
            return err_set(ERR_PRECONDITION, "backup-other-kind",
                           "the backup is of an embedded database and db.url names a server: "
                           "restore it without, and move it there with the command move");
        TRY(db_restore_check(target));
    }
    if (!any && !of_files)
        return err_set(ERR_PRECONDITION, "backup-other-kind",
                       "the backup is of a PostgreSQL database: give an empty one as db.url "
                       "(KB_DB_URL=postgres://...)");
    return OK;
}

static enum err room_check(void *arg, const struct manifest *head, uint64_t needed_bytes)
{
    const struct restoring *restoring = arg;
    struct statvfs info;
    TRY(targets_check(restoring, head));
    if (statvfs(restoring->folder, &info) != 0)
        return file_error("look at", restoring->folder);
    uint64_t free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    if (free_bytes < needed_bytes)
        return err_set(ERR_EXHAUSTED, "disk-full",
                       "the backup needs %llu MiB, and %llu MiB are free in %s",
                       (unsigned long long)(needed_bytes >> 20) + 1,
                       (unsigned long long)(free_bytes >> 20), restoring->folder);
    return OK;
}

static void staged_path(const struct restoring *restoring, const uint8_t sha256[BACKUP_HASH_BYTES],
                        char out[BACKUP_PATH_MAX])
{
    char hex[SHA256_HEX_BYTES];
    crypto_hex(sha256, BACKUP_HASH_BYTES, hex);
    snprintf(out, BACKUP_PATH_MAX, "%s/" STAGING "/%.64s", restoring->folder, hex);
}

static enum err on_begin(void *arg, uint64_t size_bytes)
{
    struct restoring *restoring = arg;
    (void)size_bytes;
    return sink_open(restoring->part, NULL, &restoring->sink);
}

static enum err on_piece(void *arg, str piece)
{
    struct restoring *restoring = arg;
    return sink_write(restoring->sink, piece);
}

static enum err on_end(void *arg, const uint8_t sha256[BACKUP_HASH_BYTES])
{
    struct restoring *restoring = arg;
    char path[BACKUP_PATH_MAX];
    struct sink *sink = restoring->sink;
    restoring->sink = NULL;
    TRY(sink_close(sink, false));
    staged_path(restoring, sha256, path);
    return rename(restoring->part, path) == 0 ? OK : file_error("rename to", path);
}

/* --- Names ------------------------------------------------------------------------------------ */

static enum err folders_make(char *path, size_t from)
{
    for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
        enum err result = there ? OK : file_error("create", path);
        *slash = '/';
        TRY(result);
    }
    return OK;
}

static enum err times_set(const char *path, const struct entry *entry)
{
    int64_t seconds = entry->modified_ns / 1000000000, rest = entry->modified_ns % 1000000000;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                 { .tv_sec = seconds - (rest < 0),
                                   .tv_nsec = rest + (rest < 0 ? 1000000000 : 0) } };
    return utimensat(AT_FDCWD, path, times, 0) == 0 ? OK : file_error("set the time of", path);
}

/* The content stays for the next file that has it; where files cannot have two names it is copied.
 */
static enum err content_copy(const char *from, const char *to)
{
    enum { PIECE_BYTES = 1 << 18 };
    struct keys none = { .made = false };
    struct feed *feed;
    struct sink *sink = NULL;
    TRY(feed_open(from, &none, &feed));
    char *room = heap_alloc(PIECE_BYTES);
    enum err result = sink_open(to, NULL, &sink);
    size_t got = 1;
    while (result == OK && got) {
        result = feed_read(feed, room, PIECE_BYTES, &got);
        if (result == OK)
            result = sink_write(sink, (str){ room, got });
    }
    heap_free(room);
    feed_close(feed);
    if (result == OK)
        return sink_close(sink, false);
    sink_abort(sink);
    return result;
}

static bool on_restored(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    const struct backup_progress *progress = arg;
    (void)done_bytes, (void)total_bytes;
    return !progress || !atomic_load(&progress->cancel);
}

/* "content.dump" to the server of its context. */
static enum err database_give(const struct restoring *restoring, const struct entry *entry)
{
    char from[BACKUP_PATH_MAX];
    str rest = entry->name, context = STR_NONE;
    struct db_copy_watch watch = { on_restored, restoring->reading.progress };
    str_cut(&rest, '.', &context);
    const struct db_spec *target = target_of(restoring, context);
    if (!target)
        return err_set(ERR_PRECONDITION, "backup-other-kind", "nobody takes the database %.*s",
                       STR_ARG(context));
    staged_path(restoring, entry->sha256, from);
    return db_restore(target, from, &watch) == OK ? OK : err_prefix("%.40s", entry->name.ptr);
}

static enum err entry_place(const struct restoring *restoring, const struct entry *entry)
{
    char from[BACKUP_PATH_MAX], to[BACKUP_PATH_MAX];
    staged_path(restoring, entry->sha256, from);
    snprintf(to, sizeof(to), "%s/%s%.*s", restoring->folder,
             entry->kind == ENTRY_BLOB ? "blobs/objects/" : "", STR_ARG(entry->name));
    TRY(folders_make(to, strlen(restoring->folder) + 1));
    /* Databases are written to: one that shared its bytes with another file would change both. */
    if (entry->kind != ENTRY_BLOB || link(from, to) != 0) {
        if (entry->kind == ENTRY_BLOB && errno == EEXIST)
            return err_set(ERR_CONFLICT, "folder-not-empty", "%s is there already", to);
        TRY(content_copy(from, to));
    }
    return times_set(to, entry);
}

static enum err entries_place(const struct restoring *restoring, const struct manifest *manifest,
                              bool databases)
{
    for (size_t i = 0; i < manifest->entries_count; i++) {
        const struct entry *entry = &manifest->entries[i];
        if ((entry->kind == ENTRY_DATABASE) != databases)
            continue;
        bool given = databases && str_eq(manifest->copies, STR(".dump"));
        TRY(given ? database_give(restoring, entry) : entry_place(restoring, entry));
    }
    return OK;
}

static enum err all_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_error("open", folder);
    enum err result = syncfs(fd) == 0 ? OK : file_error("sync", folder);
    close(fd);
    return result;
}

/* --- The folder ------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind;
    if (at->level > 0)
        (void)remove(path);
    return 0;
}

/* The folder's own "lock" is held by the caller and stays. */
static enum err folder_clear(const char *folder)
{
    static const char *const parts[] = { STAGING, "blobs" };
    static const char *const endings[] = { ".db",       ".db-wal",      ".db-shm",
                                           "admin.key", "database.url", "kinobezdna.conf" };
    enum { DESCRIPTORS = 16 };
    char path[BACKUP_PATH_MAX];
    struct dirent *entry;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
        nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
        rmdir(path);
    }
    DIR *dir = opendir(folder);
    if (!dir)
        return file_error("open", folder);
    while ((entry = readdir(dir)))
        for (size_t i = 0; i < ARRAY_LEN(endings); i++)
            if (str_ends(str_of(entry->d_name), str_of(endings[i])))
                unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    return OK;
}

static bool counts_as_empty(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0 ||
           strcmp(name, "lost+found") == 0;
}

static enum err folder_check(const char *folder)
{
    char marker[BACKUP_PATH_MAX];
    struct dirent *entry;
    enum err result = OK;
    snprintf(marker, sizeof(marker), "%s/" BACKUP_UNFINISHED, folder);
    if (access(marker, F_OK) == 0)
        return folder_clear(folder);
    DIR *dir = opendir(folder);
    if (!dir)
        return file_error("open", folder);
    while (result == OK && (entry = readdir(dir)))
        if (!counts_as_empty(entry->d_name))
            result = err_set(ERR_CONFLICT, "folder-not-empty",
                             "%s is not empty (%s): a backup is restored into an empty or new "
                             "folder",
                             folder, entry->d_name);
    closedir(dir);
    return result;
}

static enum err folder_begin(const char *folder)
{
    char path[BACKUP_PATH_MAX];
    snprintf(path, sizeof(path), "%s/" BACKUP_UNFINISHED, folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error("create", path);
    close(fd);
    TRY(sync_folder(folder));
    snprintf(path, sizeof(path), "%s/" STAGING, folder);
    return mkdir(path, 0700) == 0 ? OK : file_error("create", path);
}

static enum err folder_end(const char *folder)
{
    char path[BACKUP_PATH_MAX];
    enum { DESCRIPTORS = 16 };
    snprintf(path, sizeof(path), "%s/" STAGING, folder);
    nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/" BACKUP_UNFINISHED, folder);
    if (unlink(path) != 0)
        return file_error("remove", path);
    return sync_folder(folder);
}

static enum err restore_run(struct restoring *restoring, struct manifest *out_manifest)
{
    TRY(folder_begin(restoring->folder));
    TRY(read_all(&restoring->reading, out_manifest));
    TRY(entries_place(restoring, out_manifest, false));
    TRY(all_sync(restoring->folder));
    TRY(entries_place(restoring, out_manifest, true));
    TRY(all_sync(restoring->folder));
    const struct backup_given *given = restoring->reading.given;
    if (given->on_restored)
        TRY(given->on_restored(given->arg));
    return folder_end(restoring->folder);
}

/* What can be refused is refused while nothing has been written. */
static enum err look_first(struct restoring *restoring)
{
    const char *in_folder;
    const struct backup_given *given = restoring->reading.given;
    if (strlen(restoring->folder) + 300 > BACKUP_PATH_MAX)
        return err_set(ERR_INVALID, "data-path", "the path of the data folder is too long");
    TRY(folder_find(restoring->reading.arena, given->path, &in_folder));
    return folder_check(restoring->folder);
}

enum err backup_restore(struct arena *arena, const struct backup_given *given, const char *folder,
                        struct backup_progress *progress, struct backup_summary *out_summary)
{
    struct restoring restoring = {
        .reading = { .arena = arena, .given = given, .progress = progress }, .folder = folder
    };
    struct visitor visitor = { room_check, on_begin, on_piece, on_end, &restoring };
    struct manifest manifest;
    restoring.reading.visitor = &visitor;
    snprintf(restoring.part, sizeof(restoring.part), "%.700s/" STAGING "/part", folder);
    TRY(look_first(&restoring));
    enum err result = restore_run(&restoring, &manifest);
    struct err_slot *detail = detail_keep();
    if (restoring.sink)
        sink_abort(restoring.sink);
    if (result != OK && folder_clear(folder) == OK)
        folder_end(folder); /* as empty as it was */
    detail_back(detail);
    TRY(result);
    summary_of(&restoring.reading, &manifest, out_summary);
    return OK;
}
