/* read: objects looked at, read, opened and listed. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static enum err open_object(struct disk_read *args)
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
    struct disk_read *args = arg;
    TRY(open_object(args));
    enum err result = files_stat(args->fd, args->path, &args->info);
    close(args->fd);
    return result;
}

enum err disk_descriptor_blocking(void *arg)
{
    struct disk_read *args = arg;
    TRY(open_object(args));
    enum err result = files_stat(args->fd, args->path, &args->info);
    if (result != OK)
        close(args->fd);
    return result;
}

static enum err get_blocking(void *arg)
{
    struct disk_read *args = arg;
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

struct disk_read disk_read_of(struct blob_store *store, str key)
{
    str path = disk_object_path(store, task_arena(), key);
    return (struct disk_read){
        .known = &disk_of(store)->known, .path = path, .key = key, .arena = task_arena(), .fd = -1
    };
}

enum err disk_stat(struct blob_store *store, str key, struct blob_info *out_info)
{
    struct disk_read args = disk_read_of(store, key);
    TRY(await_blocking(store->pool, stat_blocking, &args));
    *out_info = args.info;
    return OK;
}

enum err disk_get(struct blob_store *store, str key, struct blob_range range, str *out_content)
{
    struct disk_read args = disk_read_of(store, key);
    args.range = range;
    TRY(await_blocking(store->pool, get_blocking, &args));
    *out_content = args.content;
    return OK;
}

enum err disk_descriptor(struct blob_store *store, str key, int *out_fd)
{
    struct disk_read args = disk_read_of(store, key);
    TRY(await_blocking(store->pool, disk_descriptor_blocking, &args));
    *out_fd = args.fd;
    return OK;
}

enum err disk_local_path(struct blob_store *store, str key, str *out_path)
{
    *out_path = disk_object_path(store, task_arena(), key);
    return OK;
}

enum err disk_list_blocking(void *arg)
{
    struct disk_listing *args = arg;
    return files_list(args->arena, args->root, args->prefix, &args->found);
}

int disk_by_key(const void *a, const void *b)
{
    return str_cmp(((const struct blob_entry *)a)->key, ((const struct blob_entry *)b)->key);
}

enum err disk_list(struct blob_store *store, const struct blob_page *page,
                   struct blob_entry **out_entries, size_t *out_count)
{
    struct disk_listing args = { .arena = task_arena(), .prefix = page->prefix };
    args.root = arena_printf(args.arena, "%s/objects", disk_of(store)->folder);
    TRY(await_blocking(store->pool, disk_list_blocking, &args));
    struct blob_entry *entries = args.found.entries;
    size_t count = args.found.count, from = 0;
    if (count)
        qsort(entries, count, sizeof(*entries), disk_by_key);
    while (from < count && page->after.len && str_cmp(entries[from].key, page->after) <= 0)
        from++;
    *out_entries = entries + from;
    *out_count = MIN_OF(page->limit, count - from);
    return OK;
}
