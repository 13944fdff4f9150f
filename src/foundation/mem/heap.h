/*
 * heap: the one place of malloc and free. For objects of the process and of a core; requests and
 * jobs use arenas. Out of memory ends the process: everything with a size from outside has a limit
 * of its own long before. Any thread.
 */
#pragma once

#include <stddef.h>

/* Uninitialised; never NULL. */
void *heap_alloc(size_t size_bytes) __attribute__((malloc, returns_nonnull));
/* Zeroed; count * size_bytes is checked for overflow. */
void *heap_zalloc(size_t count, size_t size_bytes) __attribute__((malloc, returns_nonnull));
/* As realloc; never NULL. */
void *heap_resize(void *ptr, size_t size_bytes) __attribute__((returns_nonnull));
/* NULL is accepted. */
void heap_free(void *ptr);

#define HEAP_NEW(type)          ((type *)heap_zalloc(1, sizeof(type)))
#define HEAP_ARRAY(count, type) ((type *)heap_zalloc((count), sizeof(type)))
