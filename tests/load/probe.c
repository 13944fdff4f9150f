/* probe: small files of /proc, and the allocator's counter. */
#include "probe.h"

#include "heapcount.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 2048, PATH_BYTES_MAX = 128 };

void load_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("kb_load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* False when the file is gone: a thread may end between listing and reading. */
static bool file_read(const char *path, char text[FILE_BYTES_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, FILE_BYTES_MAX - 1);
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return false;
    text[got] = 0;
    return true;
}

static uint64_t read_cpu_ns(pid_t pid)
{
    char path[PATH_BYTES_MAX], text[FILE_BYTES_MAX];
    uint64_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    struct dirent *thread;
    if (!threads)
        load_fail("process %d has gone", (int)pid);
    while ((thread = readdir(threads))) {
        int tid = atoi(thread->d_name);
        snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, tid);
        if (tid > 0 && file_read(path, text))
            sum += strtoull(text, NULL, 10);
    }
    closedir(threads);
    return sum;
}

/* The process name, field 2, may contain anything: fields are counted from its last parenthesis. */
static uint64_t read_minor_faults(pid_t pid)
{
    char path[PATH_BYTES_MAX], text[FILE_BYTES_MAX];
    uint64_t faults;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const char *after = file_read(path, text) ? strrchr(text, ')') : NULL;
    if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %" SCNu64, &faults) != 1)
        load_fail("%s cannot be read", path);
    return faults;
}

static uint64_t read_heap_calls(const char *heap_path)
{
    uint64_t calls;
    int fd = open(heap_path, O_RDONLY | O_CLOEXEC);
    struct heapcount *count =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*count), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (count == MAP_FAILED)
        load_fail("%s: the allocator is not counted", heap_path);
    calls = count->calls;
    munmap(count, sizeof(*count));
    return calls;
}

struct reading probe_read(const struct probe *probe)
{
    struct reading reading = { .at = clock_mono() };
    if (probe->pid) {
        reading.cpu_ns = read_cpu_ns(probe->pid);
        reading.minor_faults = read_minor_faults(probe->pid);
    }
    if (probe->heap_path)
        reading.heap_calls = read_heap_calls(probe->heap_path);
    return reading;
}

uint64_t probe_memory_bytes(const struct probe *probe)
{
    char path[PATH_BYTES_MAX], text[FILE_BYTES_MAX];
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)probe->pid);
    const char *line = file_read(path, text) ? strstr(text, "\nPss:") : NULL;
    if (!line)
        load_fail("%s cannot be read", path);
    return strtoull(line + strlen("\nPss:"), NULL, 10) * 1024;
}
