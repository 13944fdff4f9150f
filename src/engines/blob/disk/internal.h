/* internal: what the files of the driver share. */
#pragma once

#include "disk.h"

#include "foundation/mem/heap.h"
#include "foundation/task/pool.h"

#include "files.h"

#include <stdatomic.h>
#include <string.h>

enum { PATH_BYTES_MAX = 1024 };

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

static inline struct disk_store *disk_of(struct blob_store *store)
{
    return (struct disk_store *)store;
}

/* disk.c: where an object lies, where it is put aside, and a name nobody has for a new file. */
str disk_object_path(struct blob_store *store, struct arena *arena, str key);
str disk_aside_path(struct blob_store *store, struct arena *arena, str key);
str disk_scratch_name(struct blob_store *store, struct arena *arena, str suffix);

/* write.c: as the calls of the port. */
enum err disk_put_begin(struct blob_store *store, struct blob_writer **out_writer);
enum err disk_put_write(struct blob_writer *writer, str piece);
enum err disk_put_commit(struct blob_writer *writer, str key, struct blob_info *out_info);
void disk_put_abort(struct blob_writer *writer);
enum err disk_scratch(struct blob_store *store, str suffix, str *out_path);
enum err disk_adopt(struct blob_store *store, str scratch, str key, struct blob_info *out_info);
void disk_discard(struct blob_store *store, str scratch);

/* read.c: as the calls of the port; and what a snapshot reads by. */
enum err disk_stat(struct blob_store *store, str key, struct blob_info *out_info);
enum err disk_get(struct blob_store *store, str key, struct blob_range range, str *out_content);
enum err disk_descriptor(struct blob_store *store, str key, int *out_fd);
enum err disk_local_path(struct blob_store *store, str key, str *out_path);
enum err disk_list(struct blob_store *store, const struct blob_page *page,
                   struct blob_entry **out_entries, size_t *out_count);
struct disk_read {
    struct files_known *known;
    str path, key;
    struct blob_range range;
    struct arena *arena;
    int fd;
    str content;
    struct blob_info info;
};
struct disk_read disk_read_of(struct blob_store *store, str key);
/* Of a struct disk_read: opens its file; on the pool. */
enum err disk_descriptor_blocking(void *arg);
struct disk_listing {
    struct arena *arena;
    str root, prefix;
    struct files_list found;
};
/* Of a struct disk_listing: adds to what was found; on the pool. */
enum err disk_list_blocking(void *arg);
/* Of two struct blob_entry. */
int disk_by_key(const void *a, const void *b);

/* snapshot.c: as the calls of the port. */
enum err disk_remove(struct blob_store *store, str key);
enum err disk_snapshot_begin(struct blob_store *store);
void disk_snapshot_end(struct blob_store *store);
enum err disk_snapshot_list(struct blob_store *store, struct blob_entry **out_entries,
                            size_t *out_count);
enum err disk_snapshot_descriptor(struct blob_store *store, str key, int *out_fd);
