/*
 * http2_memory: nghttp2 takes and gives back about ten small blocks a request. They come from lists
 * of the loop, one a size, which no other thread touches: a block costs a few loads instead of a
 * trip through the heap. Lists are bounded; what is too large for them, or too much, is the heap's.
 *
 * The one large block of a session is the buffer it makes a frame in (16 KiB, two thirds of what
 * it owns). What lies there is copied before anything else is done, so that the sessions of a loop
 * make their frames in the same one: an idle connection does without.
 */
#include "http2.h"

#include "foundation/mem/heap.h"

#include <string.h>

enum {
    CLASS_BYTES = 64,
    CLASSES = 16,
    SHARED = CLASSES + 1, /* a block's class */
    KEPT_MAX = 256,
    SHARED_BYTES = HTTP2_FRAME_BYTES + 64
};

/* In front of every block; its size keeps what follows aligned as malloc() would. */
struct block {
    struct block *next;
    size_t class; /* CLASSES: too large to be kept; SHARED: not its taker's alone */
};
_Static_assert(sizeof(struct block) % 16 == 0, "what follows must be aligned");

struct http2_blocks {
    nghttp2_mem mem;
    struct block *free[CLASSES];
    unsigned count[CLASSES];
    struct block *shared;
    bool beginning; /* a session is, and has not asked for its buffer */
};

static size_t block_bytes(size_t class)
{
    return (class + 1) * CLASS_BYTES;
}

static void *take(size_t size_bytes, void *arg)
{
    struct http2_blocks *blocks = arg;
    size_t class = size_bytes ? (size_bytes - 1) / CLASS_BYTES : 0;
    struct block *block;
    if (class < CLASSES && blocks->free[class]) {
        block = blocks->free[class];
        blocks->free[class] = block->next;
        blocks->count[class]--;
        return block + 1;
    }
    bool kept = class < CLASSES;
    block = heap_alloc(sizeof(*block) + (kept ? block_bytes(class) : size_bytes));
    block->class = kept ? class : CLASSES;
    return block + 1;
}

static void give(void *ptr, void *arg)
{
    struct http2_blocks *blocks = arg;
    if (!ptr)
        return;
    struct block *block = (struct block *)ptr - 1;
    size_t class = block->class;
    if (class == SHARED)
        return;
    if (class == CLASSES || blocks->count[class] == KEPT_MAX) {
        heap_free(block);
        return;
    }
    block->next = blocks->free[class];
    blocks->free[class] = block;
    blocks->count[class]++;
}

static void *take_zeroed(size_t count, size_t size_bytes, void *arg)
{
    size_t total;
    ASSERT(!__builtin_mul_overflow(count, size_bytes, &total));
    return memset(take(total, arg), 0, total);
}

static void *resize(void *ptr, size_t size_bytes, void *arg)
{
    struct http2_blocks *blocks = arg;
    struct block *block = ptr ? (struct block *)ptr - 1 : NULL;
    if (!block && blocks->beginning && size_bytes >= HTTP2_FRAME_BYTES &&
        size_bytes <= SHARED_BYTES) {
        blocks->beginning = false;
        return blocks->shared + 1;
    }
    if (!block)
        return take(size_bytes, arg);
    ASSERT(block->class != SHARED); /* it never has to hold more than a frame */
    if (block->class == CLASSES)
        return (struct block *)heap_resize(block, sizeof(*block) + size_bytes) + 1;
    if (size_bytes <= block_bytes(block->class))
        return ptr;
    void *fresh = take(size_bytes, arg);
    memcpy(fresh, ptr, block_bytes(block->class));
    give(ptr, arg);
    return fresh;
}

struct http2_blocks *http2_memory_open(void)
{
    struct http2_blocks *blocks = HEAP_NEW(struct http2_blocks);
    blocks->mem = (nghttp2_mem){ blocks, take, give, take_zeroed, resize };
    blocks->shared = heap_alloc(sizeof(struct block) + SHARED_BYTES);
    blocks->shared->class = SHARED;
    return blocks;
}

void http2_memory_close(struct http2_blocks *blocks)
{
    for (size_t class = 0; class < CLASSES; class ++) {
        while (blocks->free[class]) {
            struct block *block = blocks->free[class];
            blocks->free[class] = block->next;
            heap_free(block);
        }
    }
    heap_free(blocks->shared);
    heap_free(blocks);
}

bool http2_session_new(struct http2 *http2)
{
    struct http_server *server = http2->conn->server;
    struct http2_blocks *blocks = server->http2_blocks;
    blocks->beginning = true;
    int result = nghttp2_session_server_new3(&http2->session, server->http2_callbacks, http2,
                                             server->http2_option, &blocks->mem);
    blocks->beginning = false;
    return result == 0;
}
