/*
 * driver: what stands behind the blob port. The port (blob.c) refuses keys and prefixes that are
 * none and puts small content together; a driver keeps objects. Only drivers, their tests and who
 * opens a store include this.
 */
#pragma once

#include "blob.h"

/* A driver embeds these two as the first member of its own. */
struct blob_store {
    const struct blob_driver *driver;
    struct pool *pool; /* for what blocks */
};

struct blob_writer {
    struct blob_store *store;
};

struct blob_range {
    uint64_t offset, len;
};

struct blob_page {
    str prefix, after;
    size_t limit;
};

/* As the calls of blob.h, which say what each owes; keys and prefixes are valid here. */
struct blob_driver {
    const char *name;
    /* Allocates its struct; the port fills in driver and pool before anything else is called. */
    enum err (*open)(const char *location, struct blob_store **out_store);
    void (*close)(struct blob_store *store);

    /* The writer lies in the task's arena, which drops it if nobody else has. */
    TASK_FN enum err (*put_begin)(struct blob_store *store, struct blob_writer **out_writer);
    TASK_FN enum err (*put_write)(struct blob_writer *writer, str piece);
    TASK_FN enum err (*put_commit)(struct blob_writer *writer, str key, struct blob_info *out_info);
    TASK_FN void (*put_abort)(struct blob_writer *writer);

    TASK_FN enum err (*scratch)(struct blob_store *store, str suffix, str *out_path);
    TASK_FN enum err (*adopt)(struct blob_store *store, str scratch_path, str key,
                              struct blob_info *out_info);
    TASK_FN void (*discard)(struct blob_store *store, str scratch_path);

    TASK_FN enum err (*stat)(struct blob_store *store, str key, struct blob_info *out_info);
    TASK_FN enum err (*get)(struct blob_store *store, str key, struct blob_range range,
                            str *out_content);
    TASK_FN enum err (*remove)(struct blob_store *store, str key);
    TASK_FN enum err (*list)(struct blob_store *store, const struct blob_page *page,
                             struct blob_entry **out_entries, size_t *out_count);

    /* Of stores on a local disk; NULL in others, and the port says so. */
    TASK_FN enum err (*descriptor)(struct blob_store *store, str key, int *out_fd);
    enum err (*local_path)(struct blob_store *store, str key, str *out_path);
    TASK_FN enum err (*space)(struct blob_store *store, uint64_t *out_free_bytes,
                              uint64_t *out_total_bytes);
    TASK_FN enum err (*snapshot_begin)(struct blob_store *store);
    TASK_FN void (*snapshot_end)(struct blob_store *store);
    TASK_FN enum err (*snapshot_list)(struct blob_store *store, struct blob_entry **out_entries,
                                      size_t *out_count);
    TASK_FN enum err (*snapshot_descriptor)(struct blob_store *store, str key, int *out_fd);
};
