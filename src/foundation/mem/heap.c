/* heap: malloc with the project's one answer to "no memory left". */
#include "heap.h"

#include "foundation/base/base.h"

#include <stdlib.h>

void *heap_alloc(size_t size_bytes)
{
    void *ptr = malloc(size_bytes ? size_bytes : 1);
    if (!ptr)
        PANIC("out of memory: %zu bytes", size_bytes);
    return ptr;
}

void *heap_zalloc(size_t count, size_t size_bytes)
{
    void *ptr = calloc(count ? count : 1, size_bytes ? size_bytes : 1);
    if (!ptr)
        PANIC("out of memory: %zu times %zu bytes", count, size_bytes);
    return ptr;
}

void *heap_resize(void *ptr, size_t size_bytes)
{
    void *resized = realloc(ptr, size_bytes ? size_bytes : 1);
    if (!resized)
        PANIC("out of memory: %zu bytes", size_bytes);
    return resized;
}

void heap_free(void *ptr)
{
    free(ptr);
}
