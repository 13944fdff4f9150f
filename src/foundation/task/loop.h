/*
 * loop: one event loop a core. libuv polls, keeps the timer and takes signals; tasks (task.h) and
 * callbacks run on the loop's thread and nothing there may block. A loop is run by the thread that
 * opened it; only loop_post() and loop_stop() may be called from other threads.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/clock.h"
#include "foundation/err/err.h"

struct loop;
struct uv_loop_s;

struct loop_settings {
    const char *name;   /* for logs and the stall detector; NULL: "loop" */
    unsigned tasks_max; /* 0: 4096. Two memory maps a task count against vm.max_map_count */
    size_t task_arena_bytes_max; /* 0: 1 MiB; a task_spec may say otherwise */
    span stall_after;            /* a callback that runs longer is reported; 0: 100 ms */
};

/* ERR_EXHAUSTED when the system refuses descriptors or memory. NULL settings: the defaults. */
enum err loop_open(const struct loop_settings *settings, struct loop **out_loop);
/* No task may be left. */
void loop_close(struct loop *loop);
/* Runs until loop_stop(), then until every task has ended and every handle is closed. */
void loop_run(struct loop *loop);
/* Cancels every task and lets loop_run() return. Any thread. */
void loop_stop(struct loop *loop);

/* The loop of this thread, or NULL. */
struct loop *loop_current(void);
/* For the socket layer and drivers. */
struct uv_loop_s *loop_uv(struct loop *loop);

/* Calls fn(arg) on the loop's thread, soon, in the order posted. Any thread. Never waits. */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);
/*
 * The same without allocating: the post is the caller's, who sets fn and arg and leaves it alone
 * until fn is called; fn may end its life.
 */
struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
    bool on_heap; /* loop_post()'s own */
};
void loop_post_node(struct loop *loop, struct post *post);

/*
 * What a driver keeps on a loop (libuv handles, unreferenced so that loop_run() can return).
 * loop_close() calls leave(arg), on the loop's thread, and gives the handles closed in it their
 * callbacks. The guest stays the caller's. Loop thread.
 */
struct loop_guest {
    void (*leave)(void *arg);
    void *arg;
    struct loop_guest *next;
};
void loop_guest_add(struct loop *loop, struct loop_guest *guest);
void loop_guest_remove(struct loop *loop, struct loop_guest *guest);

struct loop_stats {
    unsigned tasks; /* alive now */
    unsigned tasks_peak;
    unsigned stacks; /* mapped, in use or kept */
    uint64_t tasks_started;
    uint64_t tasks_refused; /* because tasks_max was reached */
    uint64_t stalls;
};
/* Any thread; the numbers may be of different moments. */
struct loop_stats loop_stats(const struct loop *loop);

/*
 * Called, on a thread of its own, when a callback of the loop has run longer than stall_after.
 * `stack` is its symbolised backtrace, one frame a line. At most one report a second a process.
 */
typedef void (*loop_stall_fn)(const char *loop_name, span running_for, const char *stack);
void loop_stall_handler(loop_stall_fn handler);
