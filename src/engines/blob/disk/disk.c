/*
 * disk: the blob port on a folder. objects/ holds the content under its keys, scratch/ what is
 * being written, aside/ what was removed while a snapshot is read. An object appears by rename
 * after its bytes are on disk; its folder is synced before anybody is told. All of it runs on the
 * store's pool.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

str disk_object_path(struct blob_store *store, struct arena *arena, str key)
{
    return arena_printf(arena, "%s/objects/%.*s", disk_of(store)->folder, STR_ARG(key));
}

str disk_aside_path(struct blob_store *store, struct arena *arena, str key)
{
    return arena_printf(arena, "%s/aside/%.*s", disk_of(store)->folder, STR_ARG(key));
}

str disk_scratch_name(struct blob_store *store, struct arena *arena, str suffix)
{
    uint64_t number = atomic_fetch_add(&disk_of(store)->next_scratch, 1);
    return arena_printf(arena, "%s/scratch/%d-%08x-%llu%.*s", disk_of(store)->folder, getpid(),
                        disk_of(store)->number, (unsigned long long)number, STR_ARG(suffix));
}

/* Of writes and snapshots that a crash ended. */
static enum err rubbish_remove(const char *location, const char *scratch)
{
    char aside[PATH_BYTES_MAX];
    if (snprintf(aside, sizeof(aside), "%s/aside", location) < (int)sizeof(aside))
        files_remove_tree(aside);
    return files_empty_folder(scratch);
}

/*
 * What lies in scratch and aside is rubbish when no process has the store open. Each holds a shared
 * lock on scratch; who can have it alone is alone.
 */
static enum err scratch_open(const char *location, const char *scratch, int *out_fd)
{
    int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(scratch);
    bool alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    enum err err = alone ? rubbish_remove(location, scratch) : OK;
    if (err == OK && flock(fd, LOCK_SH) != 0)
        err = err_errno(scratch);
    if (err != OK) {
        close(fd);
        return err;
    }
    *out_fd = fd;
    return OK;
}

static enum err disk_open(const char *location, struct blob_store **out_store)
{
    char path[PATH_BYTES_MAX];
    static const char *const parts[] = { "", "/objects", "/scratch" };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (snprintf(path, sizeof(path), "%s%s", location, parts[i]) >= (int)sizeof(path))
            return err_set(ERR_INVALID, NULL, "the path of the blob store is too long");
        TRY(files_make_folder(path));
    }
    int fd;
    TRY(scratch_open(location, path, &fd)); /* the path of scratch */
    struct disk_store *disk = HEAP_NEW(struct disk_store);
    disk->scratch_fd = fd;
    disk->snapshot_fd = -1;
    if (getrandom(&disk->number, sizeof(disk->number), 0) != sizeof(disk->number))
        PANIC("the system gives no random number");
    disk->known.root_len = strlen(location);
    disk->folder = heap_alloc(strlen(location) + 1);
    memcpy(disk->folder, location, strlen(location) + 1);
    *out_store = &disk->base;
    return OK;
}

static void disk_close(struct blob_store *store)
{
    close(disk_of(store)->scratch_fd);
    if (disk_of(store)->snapshot_fd >= 0)
        close(disk_of(store)->snapshot_fd);
    heap_free(disk_of(store)->folder);
    heap_free(store);
}

struct space_args {
    const char *folder;
    struct statvfs info;
};

static enum err space_blocking(void *arg)
{
    struct space_args *args = arg;
    return statvfs(args->folder, &args->info) == 0 ? OK : err_errno("statvfs");
}

static enum err disk_space(struct blob_store *store, uint64_t *out_free_bytes,
                           uint64_t *out_total_bytes)
{
    struct space_args args = { .folder = disk_of(store)->folder };
    TRY(await_blocking(store->pool, space_blocking, &args));
    *out_free_bytes = (uint64_t)args.info.f_bavail * args.info.f_frsize;
    *out_total_bytes = (uint64_t)args.info.f_blocks * args.info.f_frsize;
    return OK;
}

const struct blob_driver blob_disk = {
    .name = "disk",
    .open = disk_open,
    .close = disk_close,
    .put_begin = disk_put_begin,
    .put_write = disk_put_write,
    .put_commit = disk_put_commit,
    .put_abort = disk_put_abort,
    .scratch = disk_scratch,
    .adopt = disk_adopt,
    .discard = disk_discard,
    .stat = disk_stat,
    .get = disk_get,
    .remove = disk_remove,
    .list = disk_list,
    .descriptor = disk_descriptor,
    .local_path = disk_local_path,
    .space = disk_space,
    .snapshot_begin = disk_snapshot_begin,
    .snapshot_end = disk_snapshot_end,
    .snapshot_list = disk_snapshot_list,
    .snapshot_descriptor = disk_snapshot_descriptor,
};
