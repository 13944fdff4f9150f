/* crowd: a chained hash table in shards with a lock each; an address is in it while it has one. */
#include "crowd.h"

#include "foundation/mem/heap.h"

#include <pthread.h>
#include <string.h>

enum { SHARDS = 64, BUCKETS = 256, KEY_BYTES = 16, V6_NET_BYTES = 8 };

struct net_crowd_seat {
    struct net_crowd_seat *next;
    uint8_t key[KEY_BYTES];
    unsigned count;
};

struct shard {
    pthread_mutex_t lock;
    struct net_crowd_seat *buckets[BUCKETS];
};

struct net_crowd {
    unsigned each_max;
    bool loopback;
    struct shard shards[SHARDS];
};

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct net_crowd *net_crowd_open(unsigned each_max, bool loopback)
{
    struct net_crowd *crowd = HEAP_NEW(struct net_crowd);
    crowd->each_max = each_max;
    crowd->loopback = loopback;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&crowd->shards[i].lock, NULL);
    return crowd;
}

void net_crowd_close(struct net_crowd *crowd)
{
    if (!crowd)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        for (size_t k = 0; k < BUCKETS; k++)
            ASSERT(!crowd->shards[i].buckets[k]);
        pthread_mutex_destroy(&crowd->shards[i].lock);
    }
    heap_free(crowd);
}

static bool is_v4(const struct net_peer *peer)
{
    return memcmp(peer->ip, v4_mapped, sizeof(v4_mapped)) == 0;
}

static bool is_counted(const struct net_crowd *crowd, const struct net_peer *peer)
{
    static const uint8_t none[KEY_BYTES], v6_loopback[KEY_BYTES] = { [15] = 1 };
    if (peer->control || memcmp(peer->ip, none, KEY_BYTES) == 0)
        return false;
    bool loopback =
        is_v4(peer) ? peer->ip[12] == 127 : memcmp(peer->ip, v6_loopback, KEY_BYTES) == 0;
    return crowd->loopback || !loopback;
}

static uint64_t hash_of(const uint8_t key[KEY_BYTES])
{
    return str_hash((str){ (const char *)key, KEY_BYTES });
}

bool net_crowd_enter(struct net_crowd *crowd, const struct net_peer *peer,
                     struct net_crowd_seat **out_seat)
{
    uint8_t key[KEY_BYTES] = { 0 };
    if (!is_counted(crowd, peer)) {
        *out_seat = NULL;
        return true;
    }
    memcpy(key, peer->ip, is_v4(peer) ? KEY_BYTES : V6_NET_BYTES);
    uint64_t hash = hash_of(key);
    struct shard *shard = &crowd->shards[hash % SHARDS];
    struct net_crowd_seat **bucket = &shard->buckets[hash / SHARDS % BUCKETS];
    pthread_mutex_lock(&shard->lock);
    struct net_crowd_seat *seat = *bucket;
    while (seat && memcmp(seat->key, key, KEY_BYTES) != 0)
        seat = seat->next;
    if (!seat) {
        seat = HEAP_NEW(struct net_crowd_seat);
        memcpy(seat->key, key, KEY_BYTES);
        seat->next = *bucket;
        *bucket = seat;
    }
    bool room = seat->count < crowd->each_max;
    seat->count += room;
    pthread_mutex_unlock(&shard->lock);
    if (room)
        *out_seat = seat;
    return room;
}

void net_crowd_leave(struct net_crowd *crowd, struct net_crowd_seat *seat)
{
    if (!seat)
        return;
    uint64_t hash = hash_of(seat->key);
    struct shard *shard = &crowd->shards[hash % SHARDS];
    struct net_crowd_seat **at = &shard->buckets[hash / SHARDS % BUCKETS];
    pthread_mutex_lock(&shard->lock);
    if (--seat->count == 0) {
        while (*at != seat)
            at = &(*at)->next;
        *at = seat->next;
        heap_free(seat);
    }
    pthread_mutex_unlock(&shard->lock);
}
