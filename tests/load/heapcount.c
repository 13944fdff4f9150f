/*
 * heapcount: an allocator in front of glibc's (LD_PRELOAD) that counts every call in a file shared
 * with the load client, named by KB_HEAPCOUNT. It forwards to glibc's own entry points, so it needs
 * no dlsym(), which itself allocates.
 */
#include "heapcount.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static struct heapcount unshared;
static struct heapcount *count = &unshared;

__attribute__((constructor)) static void share(void)
{
    const char *path = getenv("KB_HEAPCOUNT");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    void *shared = ftruncate(fd, sizeof(*count)) < 0
                       ? MAP_FAILED
                       : mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED)
        count = shared;
}

static void note(void)
{
    atomic_fetch_add_explicit(&count->calls, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    note();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    note();
    return __libc_calloc(number, size);
}

void *realloc(void *ptr, size_t size)
{
    note();
    return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
    note();
    __libc_free(ptr);
}

void *memalign(size_t alignment, size_t size)
{
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out_ptr, size_t alignment, size_t size)
{
    note();
    void *ptr = __libc_memalign(alignment, size);
    if (!ptr)
        return ENOMEM;
    *out_ptr = ptr;
    return 0;
}
