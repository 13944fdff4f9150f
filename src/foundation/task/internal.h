/* internal: what the files of this folder share: the structs behind task.h and loop.h. */
#pragma once

#include "loop.h"
#include "stack.h"
#include "task.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <uv.h>

/* Boost.Context's C interface (boost/context/detail/fcontext.hpp). */
typedef void *context;
struct transfer {
    context from;
    void *data;
};
extern context make_fcontext(void *stack_top, size_t size_bytes, void (*fn)(struct transfer));
extern struct transfer jump_fcontext(context to, void *data);

enum task_state { TASK_RUNNING, TASK_SUSPENDED, TASK_READY, TASK_ENDED };

enum wake_reason { WAKE_NONE, WAKE_CALLED, WAKE_TIMER, WAKE_CANCELLED };

struct defer {
    struct defer *next;
    void (*fn)(void *arg);
    void *arg;
};

struct task {
    struct loop *loop;
    struct task *previous, *next; /* all tasks of the loop */
    struct task *ready_next;
    context own, caller;
    struct stack *stack;
    enum task_state state;
    enum wake_reason wake;
    bool cancelled, wake_pending;
    /* What a deadline or cancellation may do to a suspended task: see task_suspend_lent(). */
    bool (*interrupt)(void *arg);
    void *interrupt_arg;
    _Atomic bool remote_pending;
    int timer_index; /* in the loop's heap, or -1 */
    instant timer_at;
    instant deadline;
    struct arena *arena;
    struct defer *defers;
    void *local;
    const char *name;
    task_fn fn;
    void *arg;
    void (*on_end)(void *arg, enum err result);
    enum err result;
    struct post remote_post;
    struct arena own_arena;
    jmp_buf way_out;
    void *sanitizer_stack; /* ASan's fake stack, or TSan's fiber */
    const void *caller_stack;
    size_t caller_stack_bytes;
    struct err_slot slot; /* last: large, and touched only by failures */
};

/* What the stall detector knows of a loop; under its lock. */
struct stall_watch {
    uint64_t entries;
    instant since;
    bool reported;
};

struct loop {
    uv_loop_t uv;
    uv_poll_t posted;
    uv_idle_t ready;
    uv_timer_t timer;
    pthread_t thread;
    const char *name;
    unsigned tasks_max;
    size_t task_arena_bytes_max;
    span stall_after;
    struct task *tasks;
    struct task *running;
    struct task *ready_first, *ready_last;
    struct task **timers; /* binary heap by timer_at */
    unsigned timers_count, timers_capacity;
    instant timer_armed_at; /* what uv_timer is set to; INSTANT_NEVER: off */
    struct stack_pool stacks;
    struct loop_guest *guests;
    bool stopping;
    pthread_mutex_t posts_lock;
    int posts_fd;            /* an eventfd, readable from the first post on */
    _Atomic unsigned waking; /* threads that are about to make it so */
    struct post *posts_first, *posts_last;
    _Atomic uint64_t entries; /* odd while a callback or task runs */
    unsigned depth;
    struct {
        _Atomic unsigned tasks, tasks_peak, stacks;
        _Atomic uint64_t tasks_started, tasks_refused, stalls;
    } stats;
    struct stall_watch watch;
    struct loop *next_watched;
};

/* task.c */
/* Runs the task until it suspends or ends; true when it has ended (its memory is gone then). */
bool task_resume(struct task *task);

/* timers.c */
void timers_add(struct task *task, instant at);
void timers_remove(struct task *task);
void timers_arm(struct loop *loop);
void on_timer(uv_timer_t *timer);

/* loop.c */
void loop_ready_push(struct task *task);
void loop_task_ended(struct loop *loop);

/* stall.c */
void stall_watch(struct loop *loop);
void stall_unwatch(struct loop *loop);

/* Brackets everything that runs on a loop: what the stall detector looks at. May nest. */
static inline void loop_enter(struct loop *loop)
{
    if (loop->depth++ == 0)
        atomic_store_explicit(&loop->entries, loop->entries + 1, memory_order_relaxed);
}

static inline void loop_leave(struct loop *loop)
{
    if (--loop->depth == 0)
        atomic_store_explicit(&loop->entries, loop->entries + 1, memory_order_relaxed);
}
