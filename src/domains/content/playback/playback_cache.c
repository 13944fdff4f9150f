/*
 * playback_cache: the open assets of the process. A hash table with the least recently used at the
 * end of a list, behind one mutex that is held for a few pointers' time; bounded by number and by
 * the memory they hold. What is thrown out lives on for the requests that hold it.
 */
#include "playback_internal.h"

#include <pthread.h>

enum { ASSETS_MAX = 256, BUCKETS = 512, HELD_BYTES_MAX = 96 << 20 };

static struct cache {
    pthread_mutex_t lock;
    struct open_asset *buckets[BUCKETS];
    struct open_asset *newest, *oldest;
    unsigned count;
    size_t held_bytes;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static double assets_open(void)
{
    pthread_mutex_lock(&cache.lock);
    unsigned count = cache.count;
    pthread_mutex_unlock(&cache.lock);
    return count;
}

static double held(void)
{
    pthread_mutex_lock(&cache.lock);
    size_t bytes = cache.held_bytes;
    pthread_mutex_unlock(&cache.lock);
    return (double)bytes;
}

METRIC_GAUGE_READ(playback_assets_open, "Assets ready in memory.", assets_open);
METRIC_GAUGE_READ(playback_assets_bytes, "Memory they hold.", held);
METRIC_COUNTER(playback_assets_opened_total, "Assets opened because they were not in memory.");
METRIC_COUNTER(playback_assets_failed_total, "Assets that could not be opened.");
METRICS(playback_metrics, &playback_assets_open, &playback_assets_bytes,
        &playback_assets_opened_total, &playback_assets_failed_total);

static struct open_asset **slot_of(struct id id)
{
    struct open_asset **slot = &cache.buckets[(uint64_t)id.value % BUCKETS];
    while (*slot && !id_eq((*slot)->id, id))
        slot = &(*slot)->bucket_next;
    return slot;
}

static void list_remove(struct open_asset *asset)
{
    *(asset->newer ? &asset->newer->older : &cache.newest) = asset->older;
    *(asset->older ? &asset->older->newer : &cache.oldest) = asset->newer;
}

static void list_push(struct open_asset *asset)
{
    asset->newer = NULL;
    asset->older = cache.newest;
    *(cache.newest ? &cache.newest->newer : &cache.oldest) = asset;
    cache.newest = asset;
}

/* Out of the cache; the caller gives up the reference when the lock is free: that closes files. */
static struct open_asset *take_out(struct open_asset **slot)
{
    struct open_asset *asset = *slot;
    *slot = asset->bucket_next;
    list_remove(asset);
    cache.count--;
    cache.held_bytes -= asset->held_bytes;
    return asset;
}

static struct open_asset *find(struct id id, bool old_too)
{
    pthread_mutex_lock(&cache.lock);
    struct open_asset *asset = *slot_of(id);
    if (asset && (old_too || atomic_load_explicit(&asset->generation, memory_order_relaxed) ==
                                 assets_generation())) {
        if (cache.newest != asset) {
            list_remove(asset);
            list_push(asset);
        }
        open_asset_share(asset);
    } else {
        asset = NULL;
    }
    pthread_mutex_unlock(&cache.lock);
    return asset;
}

struct open_asset *open_cache_find(struct id id)
{
    return find(id, false);
}

struct open_asset *open_cache_find_old(struct id id)
{
    return find(id, true);
}

void open_cache_drop(struct id id)
{
    pthread_mutex_lock(&cache.lock);
    struct open_asset **slot = slot_of(id);
    struct open_asset *gone = *slot ? take_out(slot) : NULL;
    pthread_mutex_unlock(&cache.lock);
    open_asset_release(gone);
}

/* The oldest one when there are too many or too much is held; the newest one always stays. */
static struct open_asset *evict(void)
{
    struct open_asset *gone = NULL;
    pthread_mutex_lock(&cache.lock);
    bool over = cache.count > ASSETS_MAX || cache.held_bytes > HELD_BYTES_MAX;
    if (over && cache.oldest != cache.newest)
        gone = take_out(slot_of(cache.oldest->id));
    pthread_mutex_unlock(&cache.lock);
    return gone;
}

static void evict_all(void)
{
    for (struct open_asset *gone; (gone = evict());)
        open_asset_release(gone);
}

void open_cache_put(struct open_asset *asset)
{
    struct open_asset *gone = NULL;
    pthread_mutex_lock(&cache.lock);
    struct open_asset **slot = slot_of(asset->id);
    if (*slot)
        gone = take_out(slot);
    slot = slot_of(asset->id);
    asset->bucket_next = NULL;
    *slot = open_asset_share(asset);
    list_push(asset);
    cache.count++;
    cache.held_bytes += asset->held_bytes;
    pthread_mutex_unlock(&cache.lock);
    open_asset_release(gone);
    evict_all();
}

void open_cache_grow(struct open_asset *asset, size_t bytes)
{
    pthread_mutex_lock(&cache.lock);
    asset->held_bytes += bytes;
    if (*slot_of(asset->id) == asset)
        cache.held_bytes += bytes;
    pthread_mutex_unlock(&cache.lock);
    evict_all();
}

void open_cache_close(void)
{
    while (cache.newest)
        open_cache_drop(cache.newest->id);
}
