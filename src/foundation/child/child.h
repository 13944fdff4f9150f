/*
 * child: foreign programs (ffmpeg, ffprobe) as supervised processes: no network, limits on memory,
 * time, output and files, idle priority, machine-readable output. A child never outlives its
 * deadline or the server: its whole process group is killed.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/task/task.h"

struct pool;
struct metrics;

struct child_spec {
    const char *const *argv; /* ends with NULL; argv[0] is a path, nothing is looked up */
    span timeout;            /* required */
    span silence_max;        /* killed when it writes nothing for so long; 0: no such limit */
    size_t memory_bytes_max; /* address space; 0: no limit */
    size_t output_bytes_max; /* of standard output kept; more is an error. 0: nothing is kept */
    bool idle_priority;      /* CPU and disk only when nobody else wants them */
    bool network;            /* sockets other than Unix ones are not refused */
    /* "NAME=value", ends with NULL; NULL: a PATH and UTF-8, nothing of ours. Secrets go here: other
     * users of the machine read arguments. */
    const char *const *environment;
    /*
     * Called with each line of standard output (without its end), on a thread of the pool: it may
     * set atomics and post to a loop, nothing else. NULL: output is collected only.
     */
    void (*on_line)(void *arg, str line);
    /* Asked some ten times a second, on the same thread; false: it is killed. NULL: always. */
    bool (*wanted)(void *arg);
    void *arg;
};

struct child_result {
    int exit_code;  /* -1 when a signal ended it */
    int signal;     /* 0 when it exited */
    str output;     /* standard output, up to output_bytes_max; in the arena */
    str error_tail; /* the last 4 KiB of standard error, valid UTF-8; in the arena */
    span cpu_time;  /* user and system */
};

/*
 * Runs the program to its end on a thread of `pool`. OK whatever its exit code: *out_result tells.
 * Errors: ERR_NOT_FOUND the program is not there, ERR_TIMEOUT it was killed at its limit or the
 * task's deadline, ERR_CANCELLED, ERR_TOO_LARGE it wrote more than output_bytes_max, ERR_EXHAUSTED
 * no process to be had. *out_result lies in the task's arena.
 */
TASK_FN enum err await_child(struct pool *pool, const struct child_spec *spec,
                             struct child_result *out_result);

/*
 * The same where it is called, on a thread that may block (start-up, commands, a thread of its
 * own); no deadline but the spec's. *out_result lies in the arena.
 */
enum err child_run(struct arena *arena, const struct child_spec *spec,
                   struct child_result *out_result);

extern const struct metrics child_metrics;

/* The path of a program in PATH, in the arena; empty when it is not there. No search elsewhere. */
str child_find_program(struct arena *arena, const char *name);
