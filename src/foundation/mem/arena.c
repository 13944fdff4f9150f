/*
 * arena: a list of chunks, bump allocation in the newest. Standard chunks are recycled within the
 * arena; a request larger than a standard chunk gets one of its own. Under ASan what is free is
 * poisoned, so a pointer kept past a reset or rewind is caught at its first use.
 */
#include "arena.h"

#include "heap.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(ptr, len)   ASAN_POISON_MEMORY_REGION(ptr, len)
#define UNPOISON(ptr, len) ASAN_UNPOISON_MEMORY_REGION(ptr, len)
#else
#define POISON(ptr, len)   ((void)(ptr), (void)(len))
#define UNPOISON(ptr, len) ((void)(ptr), (void)(len))
#endif

#ifdef KB_FAULTS
#include "arena_faults.h"

/* Counts down to the refusal at 1 and stops at 0. */
static _Atomic unsigned refuse_in;
static _Atomic bool refused;

void arena_refuse(unsigned nth)
{
    atomic_store(&refused, false);
    atomic_store(&refuse_in, nth);
}

bool arena_has_refused(void)
{
    return atomic_load(&refused);
}

static bool refuses(void)
{
    if (atomic_load_explicit(&refuse_in, memory_order_relaxed) == 0)
        return false;
    if (atomic_fetch_sub(&refuse_in, 1) != 1)
        return false;
    atomic_store(&refused, true);
    return true;
}
#else
#define refuses() false
#endif

enum { CHUNK_BYTES = 4096, ALIGNMENT = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size_bytes; /* of data */
    size_t used_bytes;
    size_t unused; /* keeps data aligned */
    char data[];
};

struct arena_hold {
    struct arena_hold *next;
    void (*release)(void *object);
    void *object;
};

enum { CHUNK_DATA_BYTES = CHUNK_BYTES - sizeof(struct arena_chunk) };

_Static_assert(sizeof(struct arena_chunk) % ALIGNMENT == 0, "chunk data must be aligned");

void arena_init(struct arena *arena, size_t size_bytes_max)
{
    *arena = (struct arena){ .size_bytes_max = size_bytes_max };
}

static void release_holds(struct arena *arena, struct arena_hold *until)
{
    while (arena->holds != until) {
        struct arena_hold *hold = arena->holds;
        arena->holds = hold->next;
        hold->release(hold->object);
    }
}

static void chunk_free(struct arena *arena, struct arena_chunk *chunk)
{
    if (arena->budget)
        atomic_fetch_sub_explicit(&arena->budget->held_bytes, chunk->size_bytes,
                                  memory_order_relaxed);
    UNPOISON(chunk->data, chunk->size_bytes);
    heap_free(chunk);
}

static void chunk_rewind(struct arena_chunk *chunk, size_t used_bytes)
{
    chunk->used_bytes = used_bytes;
    POISON(chunk->data + used_bytes, chunk->size_bytes - used_bytes);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = NULL;
    release_holds(arena, NULL);
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        if (!kept && chunk->size_bytes == CHUNK_DATA_BYTES)
            kept = chunk;
        else
            chunk_free(arena, chunk);
    }
    if (kept) {
        chunk_rewind(kept, 0);
        kept->next = NULL;
    }
    arena->chunks = kept;
    arena->used_bytes = 0;
}

void arena_deinit(struct arena *arena)
{
    arena_reset(arena);
    if (arena->chunks)
        chunk_free(arena, arena->chunks);
    arena->chunks = NULL;
}

static bool budget_take(struct arena *arena, size_t size_bytes)
{
    struct arena_budget *budget = arena->budget;
    size_t held = atomic_fetch_add_explicit(&budget->held_bytes, size_bytes, memory_order_relaxed);
    bool within = !budget->size_bytes_max || held + size_bytes <= budget->size_bytes_max;
    if (within || (!arena->chunks && size_bytes == CHUNK_DATA_BYTES))
        return true;
    atomic_fetch_sub_explicit(&budget->held_bytes, size_bytes, memory_order_relaxed);
    return false;
}

/* NULL: the budget is used up. */
static struct arena_chunk *chunk_add(struct arena *arena, size_t size_bytes)
{
    size_t data_bytes = MAX_OF(size_bytes, (size_t)CHUNK_DATA_BYTES);
    if (arena->budget && !budget_take(arena, data_bytes))
        return NULL;
    struct arena_chunk *chunk = heap_alloc(sizeof(*chunk) + data_bytes);
    chunk->size_bytes = data_bytes;
    chunk_rewind(chunk, 0);
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_try(struct arena *arena, size_t size_bytes)
{
    size_t rounded;
    if (__builtin_add_overflow(MAX_OF(size_bytes, (size_t)1), (size_t)ALIGNMENT - 1, &rounded))
        return NULL;
    rounded &= ~((size_t)ALIGNMENT - 1);
    if (rounded > arena->size_bytes_max - arena->used_bytes || refuses())
        return NULL;
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size_bytes - chunk->used_bytes < rounded)
        chunk = chunk_add(arena, rounded);
    if (!chunk)
        return NULL;
    void *ptr = chunk->data + chunk->used_bytes;
    UNPOISON(ptr, size_bytes);
    chunk->used_bytes += rounded;
    arena->used_bytes += rounded;
    return ptr;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    void *ptr = arena_try(arena, size_bytes);
    if (ptr)
        return ptr;
    if (!arena->exhausted)
        PANIC("an arena of %zu bytes has no room for %zu more", arena->size_bytes_max, size_bytes);
    longjmp(*arena->exhausted, 1);
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size_bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, size_bytes, &total))
        total = SIZE_MAX;
    void *ptr = arena_alloc(arena, total);
    return memset(ptr, 0, total);
}

char *arena_cstr(struct arena *arena, str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = 0;
    return copy;
}

str arena_str(struct arena *arena, str s)
{
    return (str){ arena_cstr(arena, s), s.len };
}

str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    ASSERT(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (str){ text, (size_t)len };
}

str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void arena_hold(struct arena *arena, void (*release)(void *object), void *object)
{
    struct arena_hold *hold = arena_try(arena, sizeof(*hold));
    if (!hold) {
        release(object);
        (void)arena_alloc(arena, sizeof(*hold)); /* leaves by the arena's way out */
        return;
    }
    *hold = (struct arena_hold){ arena->holds, release, object };
    arena->holds = hold;
}

struct arena_mark arena_mark(struct arena *arena)
{
    return (struct arena_mark){
        .chunk = arena->chunks,
        .chunk_used_bytes = arena->chunks ? arena->chunks->used_bytes : 0,
        .used_bytes = arena->used_bytes,
        .holds = arena->holds,
    };
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    release_holds(arena, mark.holds);
    while (arena->chunks != mark.chunk) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        chunk_free(arena, chunk);
    }
    if (mark.chunk)
        chunk_rewind(mark.chunk, mark.chunk_used_bytes);
    arena->used_bytes = mark.used_bytes;
}
