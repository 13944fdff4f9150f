/*
 * probe: what the kernel and the interposed allocator know about the server, read at both ends of a
 * measured window. Nothing here asks the server itself.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/clock.h"

#include <sys/types.h>

struct probe {
    pid_t pid;             /* 0: the server is not looked at */
    const char *heap_path; /* the counter file of heapcount.c, or NULL */
};

struct reading {
    instant at; /* monotonic */
    uint64_t
        cpu_ns; /* on a processor, user and system, all threads: /proc/PID/task/.../schedstat */
    uint64_t minor_faults; /* /proc/PID/stat, field 10 */
    uint64_t heap_calls;   /* malloc, calloc, realloc, free and their kin */
};

/* Ends the program with a message when the server has gone. */
struct reading probe_read(const struct probe *probe);

/* Proportional set size in bytes, /proc/PID/smaps_rollup. */
uint64_t probe_memory_bytes(const struct probe *probe);

/* printf to standard error, then exit(1). */
NORETURN void load_fail(const char *format, ...) PRINTF_LIKE(1, 2);
