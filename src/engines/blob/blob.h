/*
 * blob: the port for files: artwork, renditions, indexes. A key is a path of plain segments
 * ("media/12/v1.mp4"); its content is whole or not there: put is atomic, and what put returned OK
 * for survives a power cut. Objects are immutable: putting a key again replaces it for later
 * readers.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/task/task.h"

struct pool;
struct blob_driver;
struct blob_store;
struct blob_writer;

enum { BLOB_KEY_BYTES_MAX = 200, BLOB_HASH_BYTES = 32 };

struct blob_info {
    uint64_t size_bytes;
    uint8_t sha256[BLOB_HASH_BYTES]; /* filled by the calls that write; zero in stat and list */
    instant modified_at;
};

/*
 * Opens a store. `location` is the driver's: a folder (created 0700) for the disk. Unfinished
 * writes of a former process are removed. `pool` does the blocking work and must outlive the store.
 */
enum err blob_open(const struct blob_driver *driver, const char *location, struct pool *pool,
                   struct blob_store **out_store);
/* No call may be under way. */
void blob_close(struct blob_store *store);

/*
 * Segments of [A-Za-z0-9._-], not starting with a dot, joined by '/'; at most BLOB_KEY_BYTES_MAX
 * bytes. What takes a key refuses others with ERR_INVALID "blob-key". An object's key is not the
 * folder of another's ("a" and "a/b"): a store may refuse the second with ERR_CONFLICT
 * "blob-key-taken", and never harms the first.
 */
bool blob_key_valid(str key);

/* Whole content at once. out_info may be NULL. ERR_EXHAUSTED slug "disk-full". */
TASK_FN enum err blob_put(struct blob_store *store, str key, str content,
                          struct blob_info *out_info);

/*
 * In pieces: begin, any number of writes, then commit or abort. The writer lies in the task's arena
 * and is aborted by it if neither was called.
 */
TASK_FN enum err blob_put_begin(struct blob_store *store, struct blob_writer **out_writer);
TASK_FN enum err blob_put_write(struct blob_writer *writer, str piece);
TASK_FN enum err blob_put_commit(struct blob_writer *writer, str key, struct blob_info *out_info);
TASK_FN void blob_put_abort(struct blob_writer *writer);

/*
 * A local path for a child process to write to, in the task's arena, unique to this call;
 * blob_adopt() then makes the finished file an object (hash, fsync, rename, fsync of the folder).
 * What is not adopted is removed by blob_discard() or by the next blob_open().
 */
TASK_FN enum err blob_scratch(struct blob_store *store, str suffix, str *out_path);
TASK_FN enum err blob_adopt(struct blob_store *store, str scratch_path, str key,
                            struct blob_info *out_info);
TASK_FN void blob_discard(struct blob_store *store, str scratch_path);

/* ERR_NOT_FOUND when there is no such object. */
TASK_FN enum err blob_stat(struct blob_store *store, str key, struct blob_info *out_info);
/*
 * Up to `len` bytes from `offset` (UINT64_MAX: all), in the task's arena. Reading past the end
 * gives what is there, possibly nothing.
 */
TASK_FN enum err blob_get(struct blob_store *store, str key, uint64_t offset, uint64_t len,
                          str *out_content);
/*
 * An open descriptor on the object for sendfile and mmap; the caller closes it. ERR_UNAVAILABLE
 * "blob-not-local" from a store that has no files here: read it by blob_get(), range by range.
 */
TASK_FN enum err blob_descriptor(struct blob_store *store, str key, int *out_fd);
/*
 * The path of an object on a local disk, in the task's arena, whether it exists or not; for caches
 * of open files. ERR_UNAVAILABLE "blob-not-local" from a store that has none.
 */
enum err blob_local_path(struct blob_store *store, str key, str *out_path);
/* OK also when it is not there. Descriptors already open stay readable. */
TASK_FN enum err blob_remove(struct blob_store *store, str key);

struct blob_entry {
    str key;
    struct blob_info info;
};
/*
 * Objects whose key starts with `prefix` (a folder: "media/12/", or empty), in byte order, after
 * the key `after`; at most `limit`. In the task's arena.
 */
TASK_FN enum err blob_list(struct blob_store *store, str prefix, str after, size_t limit,
                           struct blob_entry **out_entries, size_t *out_count);

/*
 * Bytes still free where the store is, and the size of the whole. ERR_UNAVAILABLE "blob-not-local"
 * from a store that has no such bound.
 */
TASK_FN enum err blob_space(struct blob_store *store, uint64_t *out_free_bytes,
                            uint64_t *out_total_bytes);

/* --- Snapshots -------------------------------------------------------------------------------- */

/*
 * From here to blob_snapshot_end() what blob_remove() takes away, in whichever process that has the
 * store, is put aside, so that a backup finds every object that was there when it copied the
 * database. Others see it gone, as always. A crash in between loses nothing: what was put aside is
 * removed by the next snapshot, or the next blob_open() of a process that is alone. ERR_CONFLICT
 * "blob-snapshot": there is one already. ERR_UNAVAILABLE "blob-not-local".
 */
TASK_FN enum err blob_snapshot_begin(struct blob_store *store);
/* Removes what was put aside. Keeps the error slot. */
TASK_FN void blob_snapshot_end(struct blob_store *store);
/* Every object, those put aside included, in byte order. In the task's arena. */
TASK_FN enum err blob_snapshot_list(struct blob_store *store, struct blob_entry **out_entries,
                                    size_t *out_count);
/* As blob_descriptor(), also on what was put aside. */
TASK_FN enum err blob_snapshot_descriptor(struct blob_store *store, str key, int *out_fd);
