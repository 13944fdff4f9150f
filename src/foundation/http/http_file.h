/*
 * http_file: open files shared by all viewers. One descriptor a file, counted by references, and a
 * cache of them a process, whose keys are the caller's (a blob's hash), so that a key never means
 * two contents.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/str.h"
#include "foundation/err/err.h"

#include <stdatomic.h>

struct http_file {
    _Atomic uint32_t references;
    int fd;
    uint64_t size_bytes; /* when it was opened */
    instant modified;
    atomic_bool no_wait_unsupported; /* the file system cannot say whether a page is resident */
};

/* Opens a regular file for reading, with one reference, the caller's. Blocks. */
enum err http_file_open(const char *path, struct http_file **out_file);
struct http_file *http_file_share(struct http_file *file);
/* The last reference closes. NULL is accepted. The void form fits arena_hold(). */
void http_file_release(void *file);

struct http_file_cache;
/* At most `files_max` descriptors are kept for files nobody is using. */
struct http_file_cache *http_file_cache_open(unsigned files_max);
void http_file_cache_close(struct http_file_cache *cache);
/* One more reference to the file of that key, or NULL. Never blocks on disk. Any thread. */
struct http_file *http_file_cache_find(struct http_file_cache *cache, str key);
/* Opens (blocks) unless it is there. The cache keeps a reference of its own. Any thread. */
enum err http_file_cache_get(struct http_file_cache *cache, str key, const char *path,
                             struct http_file **out_file);
/* Forgets a key: the file is closed when its last user has ended. Any thread. */
void http_file_cache_drop(struct http_file_cache *cache, str key);
