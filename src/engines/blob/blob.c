/* blob: the port. It checks what it is given; the driver of the store does the rest. */
#include "blob.h"

#include "driver.h"

enum err blob_open(const struct blob_driver *driver, const char *location, struct pool *pool,
                   struct blob_store **out_store)
{
    struct blob_store *store;
    TRY(driver->open(location, &store));
    store->driver = driver;
    store->pool = pool;
    *out_store = store;
    return OK;
}

void blob_close(struct blob_store *store)
{
    store->driver->close(store);
}

static enum err key_check(str key)
{
    if (blob_key_valid(key))
        return OK;
    return err_set(ERR_INVALID, "blob-key", "\"%.*s\" is not a blob key", STR_ARG(key));
}

static enum err not_local(const struct blob_store *store)
{
    return err_set(ERR_UNAVAILABLE, "blob-not-local", "the %s store has no files on this machine",
                   store->driver->name);
}

/* --- Writing -------------------------------------------------------------------------------- */

enum err blob_put_begin(struct blob_store *store, struct blob_writer **out_writer)
{
    return store->driver->put_begin(store, out_writer);
}

enum err blob_put_write(struct blob_writer *writer, str piece)
{
    return writer->store->driver->put_write(writer, piece);
}

enum err blob_put_commit(struct blob_writer *writer, str key, struct blob_info *out_info)
{
    struct blob_info info;
    TRY(key_check(key));
    TRY(writer->store->driver->put_commit(writer, key, &info));
    if (out_info)
        *out_info = info;
    return OK;
}

void blob_put_abort(struct blob_writer *writer)
{
    writer->store->driver->put_abort(writer);
}

enum err blob_put(struct blob_store *store, str key, str content, struct blob_info *out_info)
{
    struct blob_writer *writer;
    TRY(key_check(key));
    TRY(blob_put_begin(store, &writer));
    enum err result = blob_put_write(writer, content);
    if (result == OK)
        result = blob_put_commit(writer, key, out_info);
    if (result != OK)
        blob_put_abort(writer);
    return result;
}

enum err blob_scratch(struct blob_store *store, str suffix, str *out_path)
{
    return store->driver->scratch(store, suffix, out_path);
}

enum err blob_adopt(struct blob_store *store, str scratch_path, str key, struct blob_info *out_info)
{
    struct blob_info info;
    TRY(key_check(key));
    TRY(store->driver->adopt(store, scratch_path, key, &info));
    if (out_info)
        *out_info = info;
    return OK;
}

void blob_discard(struct blob_store *store, str scratch_path)
{
    store->driver->discard(store, scratch_path);
}

/* --- Reading -------------------------------------------------------------------------------- */

enum err blob_stat(struct blob_store *store, str key, struct blob_info *out_info)
{
    TRY(key_check(key));
    return store->driver->stat(store, key, out_info);
}

enum err blob_get(struct blob_store *store, str key, uint64_t offset, uint64_t len,
                  str *out_content)
{
    TRY(key_check(key));
    return store->driver->get(store, key, (struct blob_range){ offset, len }, out_content);
}

enum err blob_descriptor(struct blob_store *store, str key, int *out_fd)
{
    TRY(key_check(key));
    return store->driver->descriptor ? store->driver->descriptor(store, key, out_fd)
                                     : not_local(store);
}

enum err blob_local_path(struct blob_store *store, str key, str *out_path)
{
    TRY(key_check(key));
    return store->driver->local_path ? store->driver->local_path(store, key, out_path)
                                     : not_local(store);
}

enum err blob_remove(struct blob_store *store, str key)
{
    TRY(key_check(key));
    return store->driver->remove(store, key);
}

enum err blob_list(struct blob_store *store, str prefix, str after, size_t limit,
                   struct blob_entry **out_entries, size_t *out_count)
{
    struct blob_page page = { prefix, after, limit };
    if (prefix.len &&
        (prefix.ptr[prefix.len - 1] != '/' || !blob_key_valid(str_sub(prefix, 0, prefix.len - 1))))
        return err_set(ERR_INVALID, "blob-prefix", "a prefix is a folder ending in '/'");
    return store->driver->list(store, &page, out_entries, out_count);
}

enum err blob_space(struct blob_store *store, uint64_t *out_free_bytes, uint64_t *out_total_bytes)
{
    return store->driver->space ? store->driver->space(store, out_free_bytes, out_total_bytes)
                                : not_local(store);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

enum err blob_snapshot_begin(struct blob_store *store)
{
    return store->driver->snapshot_begin ? store->driver->snapshot_begin(store) : not_local(store);
}

void blob_snapshot_end(struct blob_store *store)
{
    if (store->driver->snapshot_end)
        store->driver->snapshot_end(store);
}

enum err blob_snapshot_list(struct blob_store *store, struct blob_entry **out_entries,
                            size_t *out_count)
{
    return store->driver->snapshot_list
               ? store->driver->snapshot_list(store, out_entries, out_count)
               : not_local(store);
}

enum err blob_snapshot_descriptor(struct blob_store *store, str key, int *out_fd)
{
    TRY(key_check(key));
    return store->driver->snapshot_descriptor
               ? store->driver->snapshot_descriptor(store, key, out_fd)
               : not_local(store);
}
