/*
 * disk: the blob port on a folder. objects/ holds the content under its keys, scratch/ what is
 * being written. An object appears by rename after its bytes are on disk; its folder is synced
 * before anybody is told. All of it runs on the store's pool.
 */
#include "engines/blob/blob.h"

#include "foundation/mem/heap.h"
#include "foundation/task/pool.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 1024 };

struct blob_store {
    struct pool *pool;
    char *folder;
    _Atomic uint64_t next_scratch;
};

struct blob_writer {
    struct blob_store *store;
    int fd;
    str path;
    struct files_digest *digest;
    uint64_t size_bytes;
};

static enum err check_key(str key)
{
    if (blob_key_valid(key))
        return OK;
    return err_set(ERR_INVALID, "blob-key", "\"%.*s\" is not a blob key", STR_ARG(key));
}

static str object_path(struct blob_store *store, struct arena *arena, str key)
{
    return arena_printf(arena, "%s/objects/%.*s", store->folder, STR_ARG(key));
}

static str scratch_path(struct blob_store *store, struct arena *arena, str suffix)
{
    uint64_t number = atomic_fetch_add(&store->next_scratch, 1);
    return arena_printf(arena, "%s/scratch/%d-%llu%.*s", store->folder, getpid(),
                        (unsigned long long)number, STR_ARG(suffix));
}

enum err blob_open(const char *location, struct pool *pool, struct blob_store **out_store)
{
    char path[PATH_BYTES_MAX];
    static const char *const parts[] = { "", "/objects", "/scratch" };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (snprintf(path, sizeof(path), "%s%s", location, parts[i]) >= (int)sizeof(path))
            return err_set(ERR_INVALID, NULL, "the path of the blob store is too long");
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return err_errno(path);
    }
    TRY(files_empty_folder(path)); /* scratch */
    struct blob_store *store = HEAP_NEW(struct blob_store);
    store->pool = pool;
    store->folder = heap_alloc(strlen(location) + 1);
    memcpy(store->folder, location, strlen(location) + 1);
    *out_store = store;
    return OK;
}

void blob_close(struct blob_store *store)
{
    heap_free(store->folder);
    heap_free(store);
}

/* --- Writing -------------------------------------------------------------------------------- */

struct write_args {
    struct blob_writer *writer;
    str piece, target;
    struct blob_info info;
};

static void writer_drop(struct blob_writer *writer)
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
    struct blob_writer *writer = arg;
    int fd = open(writer->path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return files_error("create", writer->path);
    writer->fd = fd;
    writer->digest = files_digest_open();
    return OK;
}

enum err blob_put_begin(struct blob_store *store, struct blob_writer **out_writer)
{
    struct arena *arena = task_arena();
    struct blob_writer *writer = ARENA_NEW(arena, struct blob_writer);
    writer->store = store;
    writer->fd = -1;
    writer->path = scratch_path(store, arena, STR(".part"));
    arena_hold(arena, writer_release, writer);
    TRY(await_blocking(store->pool, begin_blocking, writer));
    *out_writer = writer;
    return OK;
}

static enum err write_blocking(void *arg)
{
    struct write_args *args = arg;
    struct blob_writer *writer = args->writer;
    files_digest_add(writer->digest, args->piece);
    writer->size_bytes += args->piece.len;
    return files_write_all(writer->fd, args->piece, writer->path);
}

enum err blob_put_write(struct blob_writer *writer, str piece)
{
    struct write_args args = { .writer = writer, .piece = piece };
    ASSERT(writer->fd >= 0);
    return await_blocking(writer->store->pool, write_blocking, &args);
}

static enum err commit_blocking(void *arg)
{
    struct write_args *args = arg;
    struct blob_writer *writer = args->writer;
    if (fsync(writer->fd) != 0)
        return files_error("sync", writer->path);
    TRY(files_publish(writer->path, args->target));
    close(writer->fd);
    writer->fd = -1;
    args->info.size_bytes = writer->size_bytes;
    args->info.modified_at = clock_now();
    files_digest_finish(writer->digest, args->info.sha256);
    return OK;
}

enum err blob_put_commit(struct blob_writer *writer, str key, struct blob_info *out_info)
{
    struct write_args args = { .writer = writer };
    ASSERT(writer->fd >= 0);
    TRY(check_key(key));
    args.target = object_path(writer->store, task_arena(), key);
    TRY(await_blocking(writer->store->pool, commit_blocking, &args));
    if (out_info)
        *out_info = args.info;
    return OK;
}

void blob_put_abort(struct blob_writer *writer)
{
    writer_drop(writer);
}

enum err blob_put(struct blob_store *store, str key, str content, struct blob_info *out_info)
{
    struct blob_writer *writer;
    TRY(check_key(key));
    TRY(blob_put_begin(store, &writer));
    TRY(blob_put_write(writer, content));
    return blob_put_commit(writer, key, out_info);
}

enum err blob_scratch(struct blob_store *store, str suffix, str *out_path)
{
    *out_path = scratch_path(store, task_arena(), suffix);
    return OK;
}

struct adopt_args {
    str path, target;
    struct blob_info info;
};

static enum err adopt_blocking(void *arg)
{
    struct adopt_args *args = arg;
    TRY(files_hash_and_sync(args->path, args->info.sha256, &args->info.size_bytes));
    TRY(files_publish(args->path, args->target));
    args->info.modified_at = clock_now();
    return OK;
}

enum err blob_adopt(struct blob_store *store, str scratch, str key, struct blob_info *out_info)
{
    struct adopt_args args = { .path = scratch };
    TRY(check_key(key));
    args.target = object_path(store, task_arena(), key);
    TRY(await_blocking(store->pool, adopt_blocking, &args));
    if (out_info)
        *out_info = args.info;
    return OK;
}

void blob_discard(struct blob_store *store, str scratch)
{
    (void)store;
    unlink(scratch.ptr);
}

/* --- Reading -------------------------------------------------------------------------------- */

struct read_args {
    str path, key;
    uint64_t offset, len;
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
    return open_object(arg);
}

static enum err get_blocking(void *arg)
{
    struct read_args *args = arg;
    TRY(open_object(args));
    enum err result = files_stat(args->fd, args->path, &args->info);
    if (result == OK) {
        uint64_t size_bytes = args->info.size_bytes;
        uint64_t there = args->offset < size_bytes ? size_bytes - args->offset : 0;
        uint64_t wanted = MIN_OF(args->len, there);
        result = files_read(args->fd, args->offset, (size_t)wanted, args->arena, &args->content);
    }
    close(args->fd);
    return result;
}

static enum err read_begin(struct blob_store *store, str key, struct read_args *out_args)
{
    TRY(check_key(key));
    *out_args = (struct read_args){
        .path = object_path(store, task_arena(), key), .key = key, .arena = task_arena(), .fd = -1
    };
    return OK;
}

enum err blob_stat(struct blob_store *store, str key, struct blob_info *out_info)
{
    struct read_args args;
    TRY(read_begin(store, key, &args));
    TRY(await_blocking(store->pool, stat_blocking, &args));
    *out_info = args.info;
    return OK;
}

enum err blob_get(struct blob_store *store, str key, uint64_t offset, uint64_t len,
                  str *out_content)
{
    struct read_args args;
    TRY(read_begin(store, key, &args));
    args.offset = offset;
    args.len = len;
    TRY(await_blocking(store->pool, get_blocking, &args));
    *out_content = args.content;
    return OK;
}

enum err blob_descriptor(struct blob_store *store, str key, int *out_fd)
{
    struct read_args args;
    TRY(read_begin(store, key, &args));
    TRY(await_blocking(store->pool, descriptor_blocking, &args));
    *out_fd = args.fd;
    return OK;
}

enum err blob_local_path(struct blob_store *store, str key, str *out_path)
{
    TRY(check_key(key));
    *out_path = object_path(store, task_arena(), key);
    return OK;
}

static enum err remove_blocking(void *arg)
{
    struct read_args *args = arg;
    if (unlink(args->path.ptr) == 0)
        return files_sync_folder_of(args->path);
    return errno == ENOENT || errno == ENOTDIR ? OK : files_error("remove", args->path);
}

enum err blob_remove(struct blob_store *store, str key)
{
    struct read_args args;
    TRY(read_begin(store, key, &args));
    return await_blocking(store->pool, remove_blocking, &args);
}

struct list_args {
    struct blob_store *store;
    struct arena *arena;
    str prefix, after;
    size_t limit;
    struct files_list found;
};

static enum err list_blocking(void *arg)
{
    struct list_args *args = arg;
    str root = arena_printf(args->arena, "%s/objects", args->store->folder);
    return files_list(args->arena, root, args->prefix, &args->found);
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct blob_entry *)a)->key, ((const struct blob_entry *)b)->key);
}

enum err blob_list(struct blob_store *store, str prefix, str after, size_t limit,
                   struct blob_entry **out_entries, size_t *out_count)
{
    struct list_args args = { store, task_arena(), prefix, after, limit, { 0 } };
    if (prefix.len &&
        (prefix.ptr[prefix.len - 1] != '/' || !blob_key_valid(str_sub(prefix, 0, prefix.len - 1))))
        return err_set(ERR_INVALID, "blob-prefix", "a prefix is a folder ending in '/'");
    TRY(await_blocking(store->pool, list_blocking, &args));
    struct blob_entry *entries = args.found.entries;
    size_t count = args.found.count, from = 0;
    if (count)
        qsort(entries, count, sizeof(*entries), by_key);
    while (from < count && after.len && str_cmp(entries[from].key, after) <= 0)
        from++;
    *out_entries = entries + from;
    *out_count = MIN_OF(limit, count - from);
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

enum err blob_space(struct blob_store *store, uint64_t *out_free_bytes, uint64_t *out_total_bytes)
{
    struct space_args args = { .folder = store->folder };
    TRY(await_blocking(store->pool, space_blocking, &args));
    *out_free_bytes = (uint64_t)args.info.f_bavail * args.info.f_frsize;
    *out_total_bytes = (uint64_t)args.info.f_blocks * args.info.f_frsize;
    return OK;
}
