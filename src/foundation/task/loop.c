/*
 * loop: opening, running and stopping an event loop, the queue of calls posted to it, and the list
 * of tasks that are ready to run (drained by an idle handle, so that a ready task makes the next
 * poll return at once).
 */
#include "loop.h"

#include "internal.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TASKS_MAX = 4096 };

static _Thread_local struct loop *own_loop;

struct loop *loop_current(void)
{
    return own_loop;
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

static struct post *posts_take(struct loop *loop)
{
    pthread_mutex_lock(&loop->posts_lock);
    struct post *first = loop->posts_first;
    loop->posts_first = loop->posts_last = NULL;
    pthread_mutex_unlock(&loop->posts_lock);
    return first;
}

static void on_posted(uv_poll_t *handle, int status, int events)
{
    struct loop *loop = handle->data;
    uint64_t count;
    (void)status, (void)events;
    if (read(loop->posts_fd, &count, sizeof(count)) < 0)
        ASSERT(errno == EAGAIN || errno == EINTR);
    struct post *post = posts_take(loop);
    loop_enter(loop);
    while (post) {
        struct post call = *post; /* fn may end the life of its node */
        if (call.on_heap)
            heap_free(post);
        call.fn(call.arg);
        post = call.next;
    }
    loop_leave(loop);
}

/*
 * Not by uv_async_send(): libuv's loop spins until the sender is past it, and the sender may be a
 * thread that gives way to the loop. Nor under the lock, which the loop takes as soon as it wakes.
 * Only the first post wakes the loop; loop_close() waits for who is still about to.
 */
void loop_post_node(struct loop *loop, struct post *post)
{
    static const uint64_t one = 1;
    post->next = NULL;
    pthread_mutex_lock(&loop->posts_lock);
    bool first = !loop->posts_first;
    if (loop->posts_last)
        loop->posts_last->next = post;
    else
        loop->posts_first = post;
    loop->posts_last = post;
    if (first)
        atomic_fetch_add(&loop->waking, 1);
    pthread_mutex_unlock(&loop->posts_lock);
    if (!first)
        return;
    while (write(loop->posts_fd, &one, sizeof(one)) < 0)
        ASSERT(errno == EINTR);
    atomic_fetch_sub(&loop->waking, 1);
}

void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = HEAP_NEW(struct post);
    *post = (struct post){ .fn = fn, .arg = arg, .on_heap = true };
    loop_post_node(loop, post);
}

/* Runs what was ready when it began; what becomes ready meanwhile waits for the next turn. */
static void on_ready(uv_idle_t *handle)
{
    struct loop *loop = handle->data;
    struct task *last = loop->ready_last;
    struct task *task;
    do {
        task = loop->ready_first;
        loop->ready_first = task->ready_next;
        if (!loop->ready_first)
            loop->ready_last = NULL;
        bool end = task == last;
        task_resume(task);
        if (end)
            break;
    } while (loop->ready_first);
    if (!loop->ready_first)
        uv_idle_stop(&loop->ready);
}

void loop_ready_push(struct task *task)
{
    struct loop *loop = task->loop;
    task->ready_next = NULL;
    if (loop->ready_last)
        loop->ready_last->ready_next = task;
    else
        loop->ready_first = task;
    loop->ready_last = task;
    if (!uv_is_active((uv_handle_t *)&loop->ready))
        uv_idle_start(&loop->ready, on_ready);
}

/* The posted-calls handle keeps uv_run() alive until the loop is stopping and its last task has
 * ended. */
static void let_go_when_done(struct loop *loop)
{
    if (loop->stopping && atomic_load_explicit(&loop->stats.tasks, memory_order_relaxed) == 0)
        uv_unref((uv_handle_t *)&loop->posted);
}

void loop_task_ended(struct loop *loop)
{
    atomic_fetch_sub_explicit(&loop->stats.tasks, 1, memory_order_relaxed);
    let_go_when_done(loop);
}

static void on_stop(void *arg)
{
    struct loop *loop = arg;
    loop->stopping = true;
    for (struct task *task = loop->tasks; task; task = task->next)
        task_cancel(task);
    let_go_when_done(loop);
}

void loop_stop(struct loop *loop)
{
    loop_post(loop, on_stop, loop);
}

enum err loop_open(const struct loop_settings *settings, struct loop **out_loop)
{
    struct loop_settings defaults = { 0 };
    const struct loop_settings *given = settings ? settings : &defaults;
    ASSERT(!own_loop);
    struct loop *loop = HEAP_NEW(struct loop);
    loop->posts_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->posts_fd < 0 || uv_loop_init(&loop->uv) != 0) {
        if (loop->posts_fd >= 0)
            close(loop->posts_fd);
        heap_free(loop);
        return err_set(ERR_EXHAUSTED, "loop", "the system gives no descriptors for an event loop");
    }
    loop->name = given->name ? given->name : "loop";
    loop->tasks_max = given->tasks_max ? given->tasks_max : TASKS_MAX;
    loop->task_arena_bytes_max = given->task_arena_bytes_max ? given->task_arena_bytes_max : MIB(1);
    loop->stall_after = given->stall_after ? given->stall_after : MILLISECONDS(100);
    loop->thread = pthread_self();
    loop->timer_armed_at = INSTANT_NEVER;
    pthread_mutex_init(&loop->posts_lock, NULL);
    if (uv_poll_init(&loop->uv, &loop->posted, loop->posts_fd) != 0)
        PANIC("an event loop without a wake-up descriptor");
    uv_poll_start(&loop->posted, UV_READABLE, on_posted);
    uv_idle_init(&loop->uv, &loop->ready);
    uv_timer_init(&loop->uv, &loop->timer);
    loop->posted.data = loop->ready.data = loop->timer.data = loop;
    own_loop = loop;
    stall_watch(loop);
    *out_loop = loop;
    return OK;
}

void loop_run(struct loop *loop)
{
    ASSERT(loop == own_loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_guest_add(struct loop *loop, struct loop_guest *guest)
{
    ASSERT(loop == own_loop);
    guest->next = loop->guests;
    loop->guests = guest;
}

void loop_guest_remove(struct loop *loop, struct loop_guest *guest)
{
    struct loop_guest **link = &loop->guests;
    ASSERT(loop == own_loop);
    while (*link != guest)
        link = &(*link)->next;
    *link = guest->next;
}

void loop_close(struct loop *loop)
{
    ASSERT(loop == own_loop && !loop->tasks);
    while (loop->guests) {
        struct loop_guest *guest = loop->guests;
        loop->guests = guest->next;
        guest->leave(guest->arg);
    }
    stall_unwatch(loop);
    while (atomic_load(&loop->waking))
        usleep(50);
    uv_close((uv_handle_t *)&loop->posted, NULL);
    uv_close((uv_handle_t *)&loop->ready, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop->uv) != 0)
        PANIC("loop %s was closed with open handles", loop->name);
    close(loop->posts_fd);
    stack_pool_deinit(&loop->stacks);
    heap_free(loop->timers);
    pthread_mutex_destroy(&loop->posts_lock);
    heap_free(loop);
    own_loop = NULL;
}

struct loop_stats loop_stats(const struct loop *loop)
{
    struct loop *counted = (struct loop *)loop;
    return (struct loop_stats){
        .tasks = atomic_load_explicit(&counted->stats.tasks, memory_order_relaxed),
        .tasks_peak = atomic_load_explicit(&counted->stats.tasks_peak, memory_order_relaxed),
        .stacks = atomic_load_explicit(&counted->stats.stacks, memory_order_relaxed),
        .tasks_started = atomic_load_explicit(&counted->stats.tasks_started, memory_order_relaxed),
        .tasks_refused = atomic_load_explicit(&counted->stats.tasks_refused, memory_order_relaxed),
        .stalls = atomic_load_explicit(&counted->stats.stalls, memory_order_relaxed),
    };
}
