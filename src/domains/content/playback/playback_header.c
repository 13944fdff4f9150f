/*
 * playback_header: room for the headers of segments. They must outlive the handler (a slow viewer
 * takes them when he takes them), and are often larger than what a request's arena keeps between
 * requests. So blocks of one size are handed from answer to answer.
 */
#include "playback_internal.h"

#include "foundation/mem/heap.h"

#include <pthread.h>

enum { BLOCK_BYTES = 8 << 10, BLOCKS_FREE_MAX = 128 };

struct block {
    struct block *next;
    uint8_t bytes[BLOCK_BYTES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;
static unsigned blocks_count;

static void block_give(void *object)
{
    struct block *block = object;
    pthread_mutex_lock(&lock);
    bool keep = blocks_count < BLOCKS_FREE_MAX;
    if (keep) {
        block->next = blocks;
        blocks = block;
        blocks_count++;
    }
    pthread_mutex_unlock(&lock);
    if (!keep)
        heap_free(block);
}

static struct block *block_take(void)
{
    pthread_mutex_lock(&lock);
    struct block *block = blocks;
    if (block) {
        blocks = block->next;
        blocks_count--;
    }
    pthread_mutex_unlock(&lock);
    return block ? block : heap_alloc(sizeof(*block));
}

uint8_t *segment_header_room(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > BLOCK_BYTES)
        return arena_alloc(arena, size_bytes);
    struct block *block = block_take();
    arena_hold(arena, block_give, block);
    return block->bytes;
}

void segment_headers_free(void)
{
    while (blocks) {
        struct block *next = blocks->next;
        heap_free(blocks);
        blocks = next;
    }
    blocks_count = 0;
}
