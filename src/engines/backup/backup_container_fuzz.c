/* One file from anywhere, read as a backup: it is refused or whole, and costs no more than its
 * size. */
#include "internal.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void on_damage(void *arg, const char *name, const char *what)
{
    (void)arg, (void)name, (void)what;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct visitor nothing;
    struct backup_given given = { .on_damage = on_damage };
    struct reading reading = { .given = &given, .visitor = &nothing };
    struct arena arena;
    struct manifest manifest;
    char path[64];
    int fd = memfd_create("backup", MFD_CLOEXEC);
    if (fd < 0 || size_bytes > 1 << 20)
        return 0;
    ASSERT(write(fd, data, size_bytes) == (ssize_t)size_bytes);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    arena_init(&arena, MIB(64));
    reading.arena = &arena;
    if (single_read(&reading, path, &manifest) == OK && !reading.damaged)
        ASSERT(manifest.entries_count <= ENTRIES_MAX);
    arena_deinit(&arena);
    close(fd);
    return 0;
}
