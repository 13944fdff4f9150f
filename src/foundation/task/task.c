/*
 * task: starting, switching, suspending and ending. A task's struct lies at the top of its own
 * stack, with the error slot furthest from the frames, so that an idle task keeps two or three
 * pages resident. Whoever resumes a task (the loop, or another task that starts one) gets control
 * back at its next suspension or end.
 */
#include "task.h"

#include "switch.h"

#include <string.h>

struct task *task_current(void)
{
    struct loop *loop = loop_current();
    return loop ? loop->running : NULL;
}

static struct task *current(void)
{
    struct task *task = task_current();
    ASSERT(task);
    return task;
}

const char *task_name(const struct task *task)
{
    return task->name;
}

static void **local_of(void)
{
    static _Thread_local void *of_thread;
    struct task *task = task_current();
    return task ? &task->local : &of_thread;
}

void *task_local_get(void)
{
    return *local_of();
}

void *task_local_set(void *local)
{
    void **place = local_of(), *before = *place;
    *place = local;
    return before;
}

struct arena *task_arena(void)
{
    return current()->arena;
}

instant task_deadline(void)
{
    return current()->deadline;
}

instant task_deadline_narrow(span timeout)
{
    struct task *task = current();
    instant previous = task->deadline;
    instant nearer = clock_mono() + timeout;
    if (nearer < previous)
        task->deadline = nearer;
    return previous;
}

void task_deadline_restore(instant previous)
{
    current()->deadline = previous;
}

bool task_cancelled(void)
{
    return current()->cancelled;
}

void task_defer(void (*fn)(void *arg), void *arg)
{
    struct task *task = current();
    struct defer *defer = arena_try(task->arena, sizeof(*defer));
    if (!defer) {
        fn(arg);
        (void)arena_alloc(task->arena, sizeof(*defer)); /* ends the task */
        return;
    }
    *defer = (struct defer){ task->defers, fn, arg };
    task->defers = defer;
}

static void run_defers(struct task *task)
{
    while (task->defers) {
        struct defer *defer = task->defers;
        task->defers = defer->next;
        defer->fn(defer->arg);
    }
}

/* Runs fn with a way out for an arena over its limit. Apart, so that no local of it crosses setjmp.
 */
static __attribute__((noinline)) enum err run_guarded(struct task *task)
{
    if (setjmp(task->way_out) == 0)
        return task->fn(task->arg);
    return err_set(ERR_EXHAUSTED, "request-memory", "%s needed more than its %zu bytes of memory",
                   task->name, task->arena->size_bytes_max);
}

static void task_main(struct transfer transfer)
{
    struct task *task = transfer.data;
    task->caller = transfer.from;
    switch_entered(task);
    task->result = run_guarded(task);
    run_defers(task);
    task->state = TASK_ENDED;
    switch_leave(task, true);
    jump_fcontext(task->caller, task);
    PANIC("an ended task was resumed");
}

static void task_unlink(struct task *task)
{
    struct loop *loop = task->loop;
    if (task->previous)
        task->previous->next = task->next;
    else
        loop->tasks = task->next;
    if (task->next)
        task->next->previous = task->previous;
}

static void task_end(struct task *task)
{
    struct loop *loop = task->loop;
    struct stack *stack = task->stack;
    bool owns_arena = task->arena == &task->own_arena;
    task->arena->exhausted = NULL;
    task_unlink(task);
    if (task->on_end) {
        struct err_slot *outer = err_slot_use(&task->slot);
        task->on_end(task->arg, task->result);
        err_slot_use(outer);
    }
    if (owns_arena)
        arena_deinit(&task->own_arena);
    switch_task_destroy(task);
    stack_give(&loop->stacks, stack);
    loop_task_ended(loop);
}

bool task_resume(struct task *task)
{
    struct loop *loop = task->loop;
    struct task *outer = loop->running;
    loop_enter(loop);
    struct err_slot *outer_slot = err_slot_use(&task->slot);
    task->state = TASK_RUNNING;
    loop->running = task;

    void *own = switch_to_task_begin(task);
    struct transfer transfer = jump_fcontext(task->own, task);
    switch_to_task_end(own);

    task->own = transfer.from;
    loop->running = outer;
    err_slot_use(outer_slot);
    bool ended = task->state == TASK_ENDED;
    if (ended)
        task_end(task);
    loop_leave(loop);
    return ended;
}

/* Leaves the task's stack; returns when something resumes it. */
static void switch_out(struct task *task)
{
    switch_leave(task, false);
    struct transfer transfer = jump_fcontext(task->caller, task);
    task->caller = transfer.from;
    switch_entered(task);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

/* Suspends until woken, until `at`, or until cancelled; `interrupt` has a say in the last two. */
static enum wake_reason park(instant at, bool (*interrupt)(void *arg), void *arg)
{
    struct task *task = current();
    if (task->wake_pending) {
        task->wake_pending = false;
        return WAKE_CALLED;
    }
    task->interrupt_arg = arg;
    if (task->cancelled && interrupt && interrupt(arg))
        return WAKE_CANCELLED;
    task->wake = WAKE_NONE;
    task->interrupt = interrupt;
    task->state = TASK_SUSPENDED;
    if (at != INSTANT_NEVER)
        timers_add(task, at);
    switch_out(task);
    timers_remove(task);
    return task->wake;
}

static enum err wake_result(enum wake_reason reason)
{
    switch (reason) {
    case WAKE_CALLED:
        return OK;
    case WAKE_TIMER:
        return err_set(ERR_TIMEOUT, "deadline", "%s did not end in time", current()->name);
    case WAKE_CANCELLED:
        return err_set(ERR_CANCELLED, NULL, "%s was cancelled", current()->name);
    case WAKE_NONE:
        break;
    }
    PANIC("a task was resumed without a reason");
}

enum err task_suspend(void)
{
    return wake_result(park(current()->deadline, always, NULL));
}

enum err task_suspend_lent(bool (*interrupt)(void *arg), void *arg)
{
    return wake_result(park(interrupt ? current()->deadline : INSTANT_NEVER, interrupt, arg));
}

static void wake(struct task *task, enum wake_reason reason)
{
    ASSERT(task->loop == loop_current());
    task->wake = reason;
    task->state = TASK_READY;
    loop_ready_push(task);
}

static void interrupt(struct task *task, enum wake_reason reason)
{
    if (task->state == TASK_SUSPENDED && task->interrupt && task->interrupt(task->interrupt_arg))
        wake(task, reason);
}

void task_wake(struct task *task)
{
    if (task->state == TASK_SUSPENDED)
        wake(task, WAKE_CALLED);
    else if (task->state == TASK_READY)
        task->wake = WAKE_CALLED;
    else
        task->wake_pending = true;
}

static void on_remote_wake(void *arg)
{
    struct task *task = arg;
    atomic_store(&task->remote_pending, false);
    task_wake(task);
}

void task_wake_remote(struct task *task)
{
    if (atomic_exchange(&task->remote_pending, true))
        return;
    task->remote_post = (struct post){ .fn = on_remote_wake, .arg = task };
    loop_post_node(task->loop, &task->remote_post);
}

void task_cancel(struct task *task)
{
    task->cancelled = true;
    interrupt(task, WAKE_CANCELLED);
}

void on_timer(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    instant now = clock_mono();
    loop->timer_armed_at = INSTANT_NEVER;
    while (loop->timers_count && loop->timers[0]->timer_at <= now) {
        struct task *task = loop->timers[0];
        timers_remove(task);
        interrupt(task, WAKE_TIMER);
    }
    timers_arm(loop);
}

enum err await_sleep(span duration)
{
    struct task *task = current();
    instant at = clock_mono() + duration;
    if (at > task->deadline)
        return wake_result(park(task->deadline, always, NULL));
    enum wake_reason reason;
    do
        reason = park(at, always, NULL);
    while (reason == WAKE_CALLED);
    return reason == WAKE_TIMER ? OK : wake_result(reason);
}

enum err await_turn(void)
{
    struct task *task = current();
    if (task->cancelled)
        return wake_result(WAKE_CANCELLED);
    task->wake = WAKE_CALLED;
    task->state = TASK_READY;
    loop_ready_push(task);
    switch_out(task);
    return OK;
}

static struct task *task_place(struct loop *loop)
{
    unsigned alive = atomic_load_explicit(&loop->stats.tasks, memory_order_relaxed);
    if (alive >= loop->tasks_max)
        return NULL;
    struct stack *stack = stack_take(&loop->stacks);
    if (!stack)
        return NULL;
    size_t reserved = (sizeof(struct stack) + sizeof(struct task) + 63) & ~(size_t)63;
    struct task *task = (struct task *)(void *)(stack->top - reserved);
    memset(task, 0, offsetof(struct task, slot));
    task->slot.code = OK;
    task->slot.slug[0] = task->slot.text[0] = 0;
    task->slot.fields_count = 0;
    task->stack = stack;
    task->own = make_fcontext(task, stack->size_bytes - reserved, task_main);
    return task;
}

static void count_started(struct loop *loop)
{
    unsigned alive = atomic_fetch_add_explicit(&loop->stats.tasks, 1, memory_order_relaxed) + 1;
    if (alive > atomic_load_explicit(&loop->stats.tasks_peak, memory_order_relaxed))
        atomic_store_explicit(&loop->stats.tasks_peak, alive, memory_order_relaxed);
    atomic_fetch_add_explicit(&loop->stats.tasks_started, 1, memory_order_relaxed);
    atomic_store_explicit(&loop->stats.stacks, loop->stacks.mapped_count, memory_order_relaxed);
}

static instant spec_deadline(const struct loop *loop, const struct task_spec *spec)
{
    instant inherited = loop->running ? loop->running->deadline : INSTANT_NEVER;
    instant own = spec->timeout ? clock_mono() + spec->timeout : INSTANT_NEVER;
    return MIN_OF(inherited, own);
}

enum err task_start(struct loop *loop, const struct task_spec *spec, struct task **out_task)
{
    ASSERT(loop == loop_current());
    struct task *task = task_place(loop);
    if (!task) {
        atomic_fetch_add_explicit(&loop->stats.tasks_refused, 1, memory_order_relaxed);
        return err_set(ERR_EXHAUSTED, "tasks", "all %u tasks of a loop are in use",
                       loop->tasks_max);
    }
    task->loop = loop;
    task->name = spec->name ? spec->name : "task";
    task->fn = spec->fn;
    task->arg = spec->arg;
    task->on_end = spec->on_end;
    task->local = spec->local;
    task->timer_index = -1;
    task->deadline = spec_deadline(loop, spec);
    task->arena = spec->arena ? spec->arena : &task->own_arena;
    if (!spec->arena)
        arena_init(&task->own_arena,
                   spec->arena_bytes_max ? spec->arena_bytes_max : loop->task_arena_bytes_max);
    task->arena->exhausted = &task->way_out;
    switch_task_create(task);
    task->next = loop->tasks;
    if (loop->tasks)
        loop->tasks->previous = task;
    loop->tasks = task;
    count_started(loop);
    if (out_task)
        *out_task = task;
    if (task_resume(task) && out_task)
        *out_task = NULL;
    return OK;
}
