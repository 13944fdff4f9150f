/*
 * task: sequential code on an event loop. A task has a stack of its own (256 KiB reserved, guard
 * page), an arena, an error slot, a deadline and a defer list; it runs until it suspends and never
 * changes thread. Whatever may suspend is marked TASK_FN. Every suspension ends at the task's
 * deadline (ERR_TIMEOUT) or when the task is cancelled (ERR_CANCELLED).
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

/* Marks a function that may suspend the running task. */
#define TASK_FN

struct loop;
struct task;

typedef enum err (*task_fn)(void *arg);

struct task_spec {
    const char *name; /* a literal, for listings */
    task_fn fn;
    void *arg;
    span timeout;        /* from now; 0: none of its own */
    struct arena *arena; /* the caller's, for this task alone, outliving it; NULL: one of its own */
    size_t arena_bytes_max; /* of its own arena; 0: the loop's default */
    void *local;            /* see task_local_get() */
    /*
     * Called on the loop when the task has ended, after its deferred calls; `result` is what fn
     * returned (ERR_EXHAUSTED when its arena was over the limit) and err_slot() its detail. May be
     * NULL.
     */
    void (*on_end)(void *arg, enum err result);
};

/*
 * Starts a task and runs it at once, until its first suspension. On the loop's thread; from a
 * callback or from a task. *out_task (may be NULL) is valid until on_end, and NULL when the task
 * has ended already. ERR_EXHAUSTED: the loop has tasks_max tasks; nothing was started.
 */
enum err task_start(struct loop *loop, const struct task_spec *spec, struct task **out_task);

/* The running task, or NULL in a callback. */
struct task *task_current(void);
const char *task_name(const struct task *task);
/*
 * A pointer the running task carries, or this thread outside of tasks: for what must be known
 * without being handed down (trace.h). NULL at the start; tasks of a group begin with the parent's.
 * Setting it returns the one before.
 */
void *task_local_get(void);
void *task_local_set(void *local);
/* The arena of the running task. */
struct arena *task_arena(void);
/* Calls fn(arg) when the running task ends, last deferred first, before its arena is reset. */
void task_defer(void (*fn)(void *arg), void *arg);

/* Asks a task to end: its current and later suspensions return ERR_CANCELLED. Loop thread. */
void task_cancel(struct task *task);
bool task_cancelled(void);

/* The running task's deadline on clock_mono(), or INSTANT_NEVER. */
instant task_deadline(void);
/*
 * Narrows the deadline to at most `timeout` from now; returns the old one for
 * task_deadline_restore(). It can only become nearer: deadlines are inherited.
 */
instant task_deadline_narrow(span timeout);
void task_deadline_restore(instant previous);

/* --- Waiting -------------------------------------------------------------------------------------
 */

TASK_FN enum err await_sleep(span duration);
/* Lets other tasks and events of the loop run. */
TASK_FN enum err await_turn(void);

/*
 * The primitive under everything that waits: suspends the running task until task_wake() (OK), its
 * deadline (ERR_TIMEOUT) or cancellation (ERR_CANCELLED). A wake that came before is not lost. The
 * caller makes sure that nobody wakes the task after this returned for another reason.
 */
TASK_FN enum err task_suspend(void);
/*
 * Suspends while another thread may be using this task's memory (its arena and error slot are
 * lent). At the deadline or a cancellation interrupt(arg) is called on the loop: true means that
 * the work was withdrawn and nobody else touches the task, which then returns the reason; false,
 * that the work has begun, and the task stays suspended until task_wake(). interrupt NULL: only
 * task_wake() ends it.
 */
TASK_FN enum err task_suspend_lent(bool (*interrupt)(void *arg), void *arg);
/* Makes a suspended task run at the loop's next turn. Loop thread; from callbacks and tasks. */
void task_wake(struct task *task);
/* The same from any thread. The task must not end before it took effect. */
void task_wake_remote(struct task *task);

/* --- Groups: children that end before their parent goes on ---------------------------------- */

struct task_group {
    struct task *parent;
    struct task **children;
    unsigned children_count, children_max;
    unsigned running;
    enum err first_error;
    struct err_slot detail; /* of first_error */
    bool waiting;
};

/*
 * Up to children_max tasks that inherit the running task's deadline. Each has an arena of its own,
 * with the parent's remaining limit, which lives until the parent's is reset.
 */
void task_group_init(struct task_group *group, unsigned children_max);
/* ERR_EXHAUSTED as task_start(); children started before go on and task_group_wait() must be
 * called. */
enum err task_group_start(struct task_group *group, const char *name, task_fn fn, void *arg);
/*
 * Suspends until every child has ended. The first failure (or this task's own deadline or
 * cancellation) cancels the others and is returned.
 */
TASK_FN enum err task_group_wait(struct task_group *group);

/* --- Wait lists: many tasks waiting for one thing ------------------------------------------- */

struct wait_node;
struct wait_list {
    struct wait_node *first, *last;
};
/* Suspends until wait_list_wake() reaches this task. First come, first woken. */
TASK_FN enum err wait_list_await(struct wait_list *list);
/* Wakes up to `count` waiters; returns how many. */
unsigned wait_list_wake(struct wait_list *list, unsigned count);

/* --- Channels: a bounded queue of pointers between tasks of one loop ------------------------ */

struct channel {
    void **items;
    unsigned capacity, head, count;
    bool closed;
    struct wait_list senders, receivers;
};
/* The ring is allocated in `arena`. */
void channel_init(struct channel *channel, struct arena *arena, unsigned capacity);
/* Waits for room. ERR_GONE when closed. */
TASK_FN enum err channel_send(struct channel *channel, void *item);
/* Waits for an item. ERR_GONE when closed and empty. */
TASK_FN enum err channel_receive(struct channel *channel, void **out_item);
/* Wakes everybody; items already sent can still be received. */
void channel_close(struct channel *channel);

/* --- Semaphores: at most n at a time -------------------------------------------------------- */

struct semaphore {
    unsigned free;
    struct wait_list waiters;
};
void semaphore_init(struct semaphore *semaphore, unsigned count);
TASK_FN enum err semaphore_take(struct semaphore *semaphore);
void semaphore_give(struct semaphore *semaphore);
