/*
 * http_file: reference-counted descriptors and the cache over them: a hash table with the least
 * recently used at the end of a list, behind one mutex that is held for a few pointers' time.
 */
#include "http_file.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err http_file_open(const char *path, struct http_file **out_file)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_errno(path);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return err_set(ERR_INVALID, "not-a-file", "%s is not a regular file", path);
    }
    struct http_file *file = HEAP_NEW(struct http_file);
    atomic_init(&file->references, 1);
    file->fd = fd;
    file->size_bytes = (uint64_t)info.st_size;
    file->modified = SECONDS(info.st_mtim.tv_sec) + info.st_mtim.tv_nsec / 1000;
    *out_file = file;
    return OK;
}

struct http_file *http_file_share(struct http_file *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void http_file_release(void *object)
{
    struct http_file *file = object;
    if (!file || atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1)
        return;
    close(file->fd);
    heap_free(file);
}

/* --- Cache ---------------------------------------------------------------------------------- */

struct entry {
    struct entry *bucket_next;
    struct entry *newer, *older;
    struct http_file *file;
    size_t key_len;
    char key[];
};

struct http_file_cache {
    pthread_mutex_t lock;
    struct entry **buckets;
    unsigned buckets_count, count, count_max;
    struct entry *newest, *oldest;
};

struct http_file_cache *http_file_cache_open(unsigned files_max)
{
    struct http_file_cache *cache = HEAP_NEW(struct http_file_cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->count_max = MAX_OF(files_max, 1u);
    cache->buckets_count = cache->count_max * 2;
    cache->buckets = HEAP_ARRAY(cache->buckets_count, struct entry *);
    return cache;
}

static struct entry **slot_of(struct http_file_cache *cache, str key)
{
    struct entry **slot = &cache->buckets[str_hash(key) % cache->buckets_count];
    while (*slot && !str_eq((str){ (*slot)->key, (*slot)->key_len }, key))
        slot = &(*slot)->bucket_next;
    return slot;
}

static void list_remove(struct http_file_cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void list_push(struct http_file_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void entry_remove(struct http_file_cache *cache, struct entry **slot)
{
    struct entry *entry = *slot;
    ASSERT(entry);
    *slot = entry->bucket_next;
    list_remove(cache, entry);
    cache->count--;
    http_file_release(entry->file);
    heap_free(entry);
}

static void entry_add(struct http_file_cache *cache, str key, struct http_file *file)
{
    if (cache->count == cache->count_max)
        entry_remove(cache, slot_of(cache, (str){ cache->oldest->key, cache->oldest->key_len }));
    struct entry **slot = slot_of(cache, key);
    struct entry *entry = heap_alloc(sizeof(*entry) + key.len);
    *entry = (struct entry){ .file = http_file_share(file), .key_len = key.len };
    memcpy(entry->key, key.ptr, key.len);
    *slot = entry;
    list_push(cache, entry);
    cache->count++;
}

static struct http_file *find_locked(struct http_file_cache *cache, str key)
{
    struct entry *entry = *slot_of(cache, key);
    if (!entry)
        return NULL;
    if (cache->newest != entry) {
        list_remove(cache, entry);
        list_push(cache, entry);
    }
    return http_file_share(entry->file);
}

struct http_file *http_file_cache_find(struct http_file_cache *cache, str key)
{
    pthread_mutex_lock(&cache->lock);
    struct http_file *file = find_locked(cache, key);
    pthread_mutex_unlock(&cache->lock);
    return file;
}

enum err http_file_cache_get(struct http_file_cache *cache, str key, const char *path,
                             struct http_file **out_file)
{
    struct http_file *file = http_file_cache_find(cache, key);
    if (!file) {
        TRY(http_file_open(path, &file));
        pthread_mutex_lock(&cache->lock);
        struct http_file *other = find_locked(cache, key); /* somebody else was opening it too */
        if (!other)
            entry_add(cache, key, file);
        pthread_mutex_unlock(&cache->lock);
        if (other) {
            http_file_release(file);
            file = other;
        }
    }
    *out_file = file;
    return OK;
}

void http_file_cache_drop(struct http_file_cache *cache, str key)
{
    pthread_mutex_lock(&cache->lock);
    struct entry **slot = slot_of(cache, key);
    if (*slot)
        entry_remove(cache, slot);
    pthread_mutex_unlock(&cache->lock);
}

void http_file_cache_close(struct http_file_cache *cache)
{
    if (!cache)
        return;
    while (cache->newest)
        entry_remove(cache, slot_of(cache, (str){ cache->newest->key, cache->newest->key_len }));
    pthread_mutex_destroy(&cache->lock);
    heap_free(cache->buckets);
    heap_free(cache);
}
