/* write: an object on its way, hashed as it comes, and files of others that become objects. */
#include "internal.h"

#include <fcntl.h>
#include <unistd.h>

struct disk_writer {
    struct blob_writer base;
    int fd;
    str path;
    struct files_digest *digest;
    uint64_t size_bytes;
};

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

enum err disk_put_begin(struct blob_store *store, struct blob_writer **out_writer)
{
    struct arena *arena = task_arena();
    struct disk_writer *writer = ARENA_NEW(arena, struct disk_writer);
    writer->base.store = store;
    writer->fd = -1;
    writer->path = disk_scratch_name(store, arena, STR(".part"));
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

enum err disk_put_write(struct blob_writer *writer, str piece)
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

enum err disk_put_commit(struct blob_writer *writer, str key, struct blob_info *out_info)
{
    struct write_args args = { .writer = (struct disk_writer *)writer };
    ASSERT(args.writer->fd >= 0);
    args.target = disk_object_path(writer->store, task_arena(), key);
    TRY(await_blocking(writer->store->pool, commit_blocking, &args));
    *out_info = args.info;
    return OK;
}

void disk_put_abort(struct blob_writer *writer)
{
    writer_drop((struct disk_writer *)writer);
}

enum err disk_scratch(struct blob_store *store, str suffix, str *out_path)
{
    *out_path = disk_scratch_name(store, task_arena(), suffix);
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

enum err disk_adopt(struct blob_store *store, str scratch, str key, struct blob_info *out_info)
{
    struct adopt_args args = { .known = &disk_of(store)->known, .path = scratch };
    args.target = disk_object_path(store, task_arena(), key);
    TRY(await_blocking(store->pool, adopt_blocking, &args));
    *out_info = args.info;
    return OK;
}

void disk_discard(struct blob_store *store, str scratch)
{
    (void)store;
    unlink(scratch.ptr);
}
