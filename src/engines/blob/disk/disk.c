/*
 * disk: the blob port on a folder. objects/ holds the content under its keys, scratch/ what is
 * being written. An object appears by rename after its bytes are on disk; its folder is synced
 * before anybody is told. All of it runs on the store's pool.
 */
#include "disk.h"

#include "foundation/mem/heap.h"
#include "foundation/task/pool.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 1024, SNAPSHOT_TRIES = 100, SNAPSHOT_TRY_US = 20000 };

struct disk_store {
    struct blob_store base;
    char *folder;
    int scratch_fd;  /* with our lock */
    uint32_t number; /* random: others write into the folder too, perhaps from other machines */
    _Atomic uint64_t next_scratch;
    /* What is removed goes to aside/ while somebody has the lock on "snapshot" alone. */
    int snapshot_fd;
    atomic_bool snapshot; /* it is us */
    struct files_known known;
};

struct disk_writer {
    struct blob_writer base;
    int fd;
    str path;
    struct files_digest *digest;
    uint64_t size_bytes;
};

static struct disk_store *disk_of(struct blob_store *store)
{
    return (struct disk_store *)store;
}

static str object_path(struct blob_store *store, struct arena *arena, str key)
{
    return arena_printf(arena, "%s/objects/%.*s", disk_of(store)->folder, STR_ARG(key));
}

static str aside_path(struct blob_store *store, struct arena *arena, str key)
{
    return arena_printf(arena, "%s/aside/%.*s", disk_of(store)->folder, STR_ARG(key));
}

static str scratch_name(struct blob_store *store, struct arena *arena, str suffix)
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

/* --- Writing -------------------------------------------------------------------------------- */

struct write_args {
    struct disk_writer *writer;
    str piece, target;
    struct blob_info info;
};

static void writer_drop(struct disk_writer *writer)
{
    if (writer->fd < 0)
        return;
    close(writer->fd);
    unlink(writer->path.ptr);
    files_digest_close(writer->digest);
    writer->fd = -1;
}

static void writer_release(void *writer)
{
    writer_drop(writer);
}

static enum err begin_blocking(void *arg)
{
    struct disk_writer *writer = arg;
    int fd = open(writer->path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return files_error("create", writer->path);
    writer->fd = fd;
    writer->digest = files_digest_open();
    return OK;
}

static enum err disk_put_begin(struct blob_store *store, struct blob_writer **out_writer)
{
    struct arena *arena = task_arena();
    struct disk_writer *writer = ARENA_NEW(arena, struct disk_writer);
    writer->base.store = store;
    writer->fd = -1;
    writer->path = scratch_name(store, arena, STR(".part"));
    arena_hold(arena, writer_release, writer);
    TRY(await_blocking(store->pool, begin_blocking, writer));
    *out_writer = &writer->base;
    return OK;
}

static enum err write_blocking(void *arg)
{
    struct write_args *args = arg;
    struct disk_writer *writer = args->writer;
    files_digest_add(writer->digest, args->piece);
    writer->size_bytes += args->piece.len;
    return files_write_all(writer->fd, args->piece, writer->path);
}

static enum err disk_put_write(struct blob_writer *writer, str piece)
{
    struct write_args args = { .writer = (struct disk_writer *)writer, .piece = piece };
    ASSERT(args.writer->fd >= 0);
    return await_blocking(writer->store->pool, write_blocking, &args);
}

static enum err commit_blocking(void *arg)
{
    struct write_args *args = arg;
    struct disk_writer *writer = args->writer;
    if (fsync(writer->fd) != 0)
        return files_error("sync", writer->path);
    TRY(files_publish(&disk_of(writer->base.store)->known, writer->path, args->target));
    close(writer->fd);
    writer->fd = -1;
    args->info.size_bytes = writer->size_bytes;
    args->info.modified_at = clock_now();
    files_digest_finish(writer->digest, args->info.sha256);
    return OK;
}

static enum err disk_put_commit(struct blob_writer *writer, str key, struct blob_info *out_info)
{
    struct write_args args = { .writer = (struct disk_writer *)writer };
    ASSERT(args.writer->fd >= 0);
    args.target = object_path(writer->store, task_arena(), key);
    TRY(await_blocking(writer->store->pool, commit_blocking, &args));
    *out_info = args.info;
    return OK;
}

static void disk_put_abort(struct blob_writer *writer)
{
    writer_drop((struct disk_writer *)writer);
}

static enum err disk_scratch(struct blob_store *store, str suffix, str *out_path)
{
    *out_path = scratch_name(store, task_arena(), suffix);
    return OK;
}

struct adopt_args {
    struct files_known *known;
    str path, target;
    struct blob_info info;
};

static enum err adopt_blocking(void *arg)
{
    struct adopt_args *args = arg;
    TRY(files_hash_and_sync(args->path, args->info.sha256, &args->info.size_bytes));
    TRY(files_publish(args->known, args->path, args->target));
    args->info.modified_at = clock_now();
    return OK;
}

static enum err disk_adopt(struct blob_store *store, str scratch, str key,
                           struct blob_info *out_info)
{
    struct adopt_args args = { .known = &disk_of(store)->known, .path = scratch };
    args.target = object_path(store, task_arena(), key);
    TRY(await_blocking(store->pool, adopt_blocking, &args));
    *out_info = args.info;
    return OK;
}

static void disk_discard(struct blob_store *store, str scratch)
{
    (void)store;
    unlink(scratch.ptr);
}

/* --- Reading -------------------------------------------------------------------------------- */

struct read_args {
    struct files_known *known;
    str path, key;
    struct blob_range range;
    struct arena *arena;
    int fd;
    str content;
    struct blob_info info;
};

static enum err open_object(struct read_args *args)
{
    args->fd = open(args->path.ptr, O_RDONLY | O_CLOEXEC);
    if (args->fd >= 0)
        return OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return err_set(ERR_NOT_FOUND, "no-blob", "there is no object %.*s", STR_ARG(args->key));
    return files_error("open", args->path);
}

static enum err stat_blocking(void *arg)
{
    struct read_args *args = arg;
    TRY(open_object(args));
    enum err result = files_stat(args->fd, args->path, &args->info);
    close(args->fd);
    return result;
}

static enum err descriptor_blocking(void *arg)
{
    struct read_args *args = arg;
    TRY(open_object(args));
    enum err result = files_stat(args->fd, args->path, &args->info);
    if (result != OK)
        close(args->fd);
    return result;
}

static enum err get_blocking(void *arg)
{
    struct read_args *args = arg;
    TRY(open_object(args));
    enum err result = files_stat(args->fd, args->path, &args->info);
    if (result == OK) {
        uint64_t size_bytes = args->info.size_bytes;
        uint64_t from = args->range.offset, there = from < size_bytes ? size_bytes - from : 0;
        uint64_t wanted = MIN_OF(args->range.len, there);
        result = files_read(args->fd, from, (size_t)wanted, args->arena, &args->content);
    }
    close(args->fd);
    return result;
}

static struct read_args read_of(struct blob_store *store, str key)
{
    str path = object_path(store, task_arena(), key);
    return (struct read_args){
        .known = &disk_of(store)->known, .path = path, .key = key, .arena = task_arena(), .fd = -1
    };
}

static enum err disk_stat(struct blob_store *store, str key, struct blob_info *out_info)
{
    struct read_args args = read_of(store, key);
    TRY(await_blocking(store->pool, stat_blocking, &args));
    *out_info = args.info;
    return OK;
}

static enum err disk_get(struct blob_store *store, str key, struct blob_range range,
                         str *out_content)
{
    struct read_args args = read_of(store, key);
    args.range = range;
    TRY(await_blocking(store->pool, get_blocking, &args));
    *out_content = args.content;
    return OK;
}

static enum err disk_descriptor(struct blob_store *store, str key, int *out_fd)
{
    struct read_args args = read_of(store, key);
    TRY(await_blocking(store->pool, descriptor_blocking, &args));
    *out_fd = args.fd;
    return OK;
}

static enum err disk_local_path(struct blob_store *store, str key, str *out_path)
{
    *out_path = object_path(store, task_arena(), key);
    return OK;
}

/* What a removal leaves: a folder to sync, or folders that hold nothing. */
static enum err tidy_after(const struct read_args *args)
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
    struct read_args *args = arg;
    if (unlink(args->path.ptr) == 0)
        return tidy_after(args);
    bool absent =
        errno == ENOENT || errno == ENOTDIR || errno == EISDIR; /* or a folder of others */
    return absent ? OK : files_error("remove", args->path);
}

struct aside_args {
    struct blob_store *store;
    struct read_args from;
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

static enum err disk_remove(struct blob_store *store, str key)
{
    struct aside_args args = { .from = read_of(store, key), .store = store };
    args.to = aside_path(store, task_arena(), key);
    return await_blocking(store->pool, remove_or_put_aside, &args);
}

struct list_args {
    struct arena *arena;
    str root, prefix;
    struct files_list found;
};

static enum err list_blocking(void *arg)
{
    struct list_args *args = arg;
    return files_list(args->arena, args->root, args->prefix, &args->found);
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct blob_entry *)a)->key, ((const struct blob_entry *)b)->key);
}

static enum err disk_list(struct blob_store *store, const struct blob_page *page,
                          struct blob_entry **out_entries, size_t *out_count)
{
    struct list_args args = { .arena = task_arena(), .prefix = page->prefix };
    args.root = arena_printf(args.arena, "%s/objects", disk_of(store)->folder);
    TRY(await_blocking(store->pool, list_blocking, &args));
    struct blob_entry *entries = args.found.entries;
    size_t count = args.found.count, from = 0;
    if (count)
        qsort(entries, count, sizeof(*entries), by_key);
    while (from < count && page->after.len && str_cmp(entries[from].key, page->after) <= 0)
        from++;
    *out_entries = entries + from;
    *out_count = MIN_OF(page->limit, count - from);
    return OK;
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

static enum err disk_snapshot_begin(struct blob_store *store)
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

static void disk_snapshot_end(struct blob_store *store)
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

static enum err disk_snapshot_list(struct blob_store *store, struct blob_entry **out_entries,
                                   size_t *out_count)
{
    struct list_args args = { .arena = task_arena() };
    args.root = arena_printf(args.arena, "%s/objects", disk_of(store)->folder);
    TRY(await_blocking(store->pool, list_blocking, &args));
    args.root = arena_printf(args.arena, "%s/aside", disk_of(store)->folder);
    TRY(await_blocking(store->pool, list_blocking, &args)); /* adds to what was found */
    if (args.found.count)
        qsort(args.found.entries, args.found.count, sizeof(*args.found.entries), by_key);
    *out_entries = args.found.entries;
    *out_count = without_twins(args.found.entries, args.found.count);
    return OK;
}

static enum err disk_snapshot_descriptor(struct blob_store *store, str key, int *out_fd)
{
    struct read_args args = read_of(store, key);
    args.path = aside_path(store, args.arena, key); /* the older one, if both are there */
    if (await_blocking(store->pool, descriptor_blocking, &args) == OK) {
        *out_fd = args.fd;
        return OK;
    }
    if (disk_descriptor(store, key, out_fd) == OK)
        return OK;
    TRY(await_blocking(store->pool, descriptor_blocking, &args)); /* put aside in between */
    *out_fd = args.fd;
    return OK;
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
