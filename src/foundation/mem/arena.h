/*
 * arena: memory that is given back all at once. A request or job has one, with a hard limit;
 * whatever it allocates lives until the reset. Shared immutable bytes (blob.h) are held by an arena
 * and released by its reset. An arena belongs to one thread at a time.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/str.h"

#include <setjmp.h>
#include <stdarg.h>

struct arena_chunk;
struct arena_hold;

/*
 * What the arenas that share it may hold together; 0 is no limit. Each has its first chunk in any
 * case, so that a refusal can be written. They may be on different threads.
 */
struct arena_budget {
    _Atomic size_t held_bytes;
    size_t size_bytes_max;
};

struct arena {
    struct arena_chunk *chunks;  /* newest first; allocation happens in the first */
    struct arena_hold *holds;    /* released in reverse order by the reset */
    size_t used_bytes;           /* handed out, alignment included */
    size_t size_bytes_max;       /* the limit on used_bytes */
    struct arena_budget *budget; /* NULL: none. Set while the arena has no chunk */
    jmp_buf *exhausted; /* where arena_alloc() goes when the limit is reached; NULL: panic */
};

/* The arena starts empty and takes its first chunk at the first allocation. */
void arena_init(struct arena *arena, size_t size_bytes_max);
/* Releases the holds and gives back every chunk but one standard chunk, kept for reuse. */
void arena_reset(struct arena *arena);
/* As reset, and the last chunk goes too. The arena may be used again. */
void arena_deinit(struct arena *arena);

/*
 * Uninitialised bytes aligned for any type. Never returns NULL: over the limit it jumps to
 * arena->exhausted, which a task sets to end itself with ERR_EXHAUSTED. Code that must not be left
 * in the middle of an update uses arena_try().
 */
void *arena_alloc(struct arena *arena, size_t size_bytes);
/* The same; NULL over the limit. */
void *arena_try(struct arena *arena, size_t size_bytes);
/* Zeroed; `count * size_bytes` is checked for overflow. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size_bytes);

#define ARENA_NEW(arena, type)          ((type *)arena_zalloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_zalloc((arena), (count), sizeof(type)))

/* A copy of s, followed by a zero byte. */
str arena_str(struct arena *arena, str s);
/* As a C string. */
char *arena_cstr(struct arena *arena, str s);
/* printf into the arena; the result is followed by a zero byte. */
str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
str arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* Calls release(object) when the arena is reset: how a reference count is tied to a request. */
void arena_hold(struct arena *arena, void (*release)(void *object), void *object);

/*
 * Scratch: what was allocated after the mark is given back. Holds made after the mark are released.
 */
struct arena_mark {
    struct arena_chunk *chunk;
    size_t chunk_used_bytes;
    size_t used_bytes;
    struct arena_hold *holds;
};
struct arena_mark arena_mark(struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);
