/*
 * snapshot: removal, and what becomes of it while somebody reads all objects as of one moment:
 * they are put aside, and found there, until the snapshot ends. Who holds the lock on the file
 * "snapshot" alone has one.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SNAPSHOT_TRIES = 100, SNAPSHOT_TRY_US = 20000 };

/* --- Removing --------------------------------------------------------------------------------- */

/* What a removal leaves: a folder to sync, or folders that hold nothing. */
static enum err tidy_after(const struct disk_read *args)
{
    size_t levels = 0;
    enum err synced = files_sync_folder_of(args->path);
    for (size_t i = 0; i < args->key.len; i++)
        levels += args->key.ptr[i] == '/';
    files_remove_empty_folders(args->known, args->path, levels);
    return synced == ERR_NOT_FOUND ? OK : synced; /* gone already, with its last object */
}

static enum err remove_blocking(void *arg)
{
    struct disk_read *args = arg;
    if (unlink(args->path.ptr) == 0)
        return tidy_after(args);
    bool absent =
        errno == ENOENT || errno == ENOTDIR || errno == EISDIR; /* or a folder of others */
    return absent ? OK : files_error("remove", args->path);
}

struct aside_args {
    struct blob_store *store;
    struct disk_read from;
    str to;
};

static enum err aside_blocking(void *arg)
{
    struct aside_args *args = arg;
    struct stat info;
    if (lstat(args->from.path.ptr, &info) != 0 || !S_ISREG(info.st_mode))
        return OK;
    TRY(files_publish(args->from.known, args->from.path, args->to));
    return tidy_after(&args->from);
}

/*
 * Of ours or of another process. One that begins after this look copies a database that names the
 * object no more: it is removed after its row.
 */
static bool snapshot_runs(struct disk_store *disk)
{
    char path[PATH_BYTES_MAX];
    if (atomic_load(&disk->snapshot))
        return true;
    snprintf(path, sizeof(path), "%s/snapshot", disk->folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT; /* in doubt it stays */
    bool runs = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return runs;
}

static enum err remove_or_put_aside(void *arg)
{
    struct aside_args *args = arg;
    return snapshot_runs(disk_of(args->store)) ? aside_blocking(args)
                                               : remove_blocking(&args->from);
}

enum err disk_remove(struct blob_store *store, str key)
{
    struct aside_args args = { .from = disk_read_of(store, key), .store = store };
    args.to = disk_aside_path(store, task_arena(), key);
    return await_blocking(store->pool, remove_or_put_aside, &args);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

/* Who looks whether there is one holds the lock for a moment: it is asked for again. */
static enum err snapshot_lock(struct disk_store *disk)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof(path), "%s/snapshot", disk->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(path);
    for (unsigned i = 0; i < SNAPSHOT_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            disk->snapshot_fd = fd;
            return OK;
        }
        usleep(SNAPSHOT_TRY_US);
    }
    close(fd);
    return err_set(ERR_CONFLICT, "blob-snapshot",
                   "a snapshot of the files is under way already, in another process");
}

static __attribute__((noinline)) void aside_remove(struct disk_store *disk)
{
    size_t path_bytes = strlen(disk->folder) + sizeof("/aside");
    char *path = heap_alloc(path_bytes); /* whoever waits has an error on its stack already */
    snprintf(path, path_bytes, "%s/aside", disk->folder);
    files_remove_tree(path);
    heap_free(path);
}

static enum err snapshot_begin_blocking(void *arg)
{
    struct disk_store *disk = arg;
    TRY(snapshot_lock(disk));
    aside_remove(disk); /* of a process that was killed */
    return OK;
}

enum err disk_snapshot_begin(struct blob_store *store)
{
    struct disk_store *disk = disk_of(store);
    if (atomic_exchange(&disk->snapshot, true))
        return err_set(ERR_CONFLICT, "blob-snapshot",
                       "a snapshot of the files is under way already");
    enum err err = await_blocking(store->pool, snapshot_begin_blocking, disk);
    if (err != OK)
        atomic_store(&disk->snapshot, false);
    return err;
}

/* Removed before the lock is given back: what is put aside later is another snapshot's. */
static __attribute__((noinline)) enum err snapshot_end_blocking(void *arg)
{
    struct disk_store *disk = arg;
    aside_remove(disk);
    atomic_store(&disk->snapshot, false);
    if (disk->snapshot_fd >= 0)
        close(disk->snapshot_fd);
    disk->snapshot_fd = -1;
    return OK;
}

void disk_snapshot_end(struct blob_store *store)
{
    struct err_slot detail = *err_slot();
    if (await_blocking(store->pool, snapshot_end_blocking, disk_of(store)) != OK)
        snapshot_end_blocking(disk_of(store)); /* cancelled meanwhile */
    *err_slot() = detail;
}

/* An object put aside may have been put again: it is listed once. */
static size_t without_twins(struct blob_entry *entries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !str_eq(entries[kept - 1].key, entries[i].key))
            entries[kept++] = entries[i];
    return kept;
}

enum err disk_snapshot_list(struct blob_store *store, struct blob_entry **out_entries,
                            size_t *out_count)
{
    struct disk_listing args = { .arena = task_arena() };
    args.root = arena_printf(args.arena, "%s/objects", disk_of(store)->folder);
    TRY(await_blocking(store->pool, disk_list_blocking, &args));
    args.root = arena_printf(args.arena, "%s/aside", disk_of(store)->folder);
    TRY(await_blocking(store->pool, disk_list_blocking, &args)); /* adds to what was found */
    if (args.found.count)
        qsort(args.found.entries, args.found.count, sizeof(*args.found.entries), disk_by_key);
    *out_entries = args.found.entries;
    *out_count = without_twins(args.found.entries, args.found.count);
    return OK;
}

enum err disk_snapshot_descriptor(struct blob_store *store, str key, int *out_fd)
{
    struct disk_read args = disk_read_of(store, key);
    args.path = disk_aside_path(store, args.arena, key); /* the older one, if both are there */
    if (await_blocking(store->pool, disk_descriptor_blocking, &args) == OK) {
        *out_fd = args.fd;
        return OK;
    }
    if (disk_descriptor(store, key, out_fd) == OK)
        return OK;
    TRY(await_blocking(store->pool, disk_descriptor_blocking, &args)); /* put aside in between */
    *out_fd = args.fd;
    return OK;
}
