/*
 * pool: threads that run blocking functions for suspended tasks. The work item lies on the task's
 * stack: a task leaves await_blocking() only when its item is out of the queue or done.
 */
#include "pool.h"

#include "internal.h"
#include "urgency.h"

#include "foundation/mem/heap.h"

#include <stdio.h>

enum work_state { WORK_QUEUED, WORK_RUNNING };

struct work {
    struct work *previous, *next;
    task_fn fn;
    void *arg;
    struct task *task;
    struct pool *pool;
    enum err result;
    enum work_state state; /* under the pool's lock */
    _Atomic bool cancelled;
    struct post done;
};

struct pool {
    const char *name;
    pthread_mutex_t lock;
    pthread_cond_t work_there;
    struct work *first, *last;
    unsigned queued, queue_max, threads_count;
    bool closing, background;
    pthread_t threads[];
};

static _Thread_local struct work *running_work;

bool pool_work_cancelled(void)
{
    return running_work && atomic_load_explicit(&running_work->cancelled, memory_order_relaxed);
}

static void unlink_work(struct pool *pool, struct work *work)
{
    if (work->previous)
        work->previous->next = work->next;
    else
        pool->first = work->next;
    if (work->next)
        work->next->previous = work->previous;
    else
        pool->last = work->previous;
    pool->queued--;
}

static void on_work_done(void *arg)
{
    struct work *work = arg;
    task_wake(work->task);
}

/* Runs fn with the task's arena and error slot lent to this thread. */
static __attribute__((noinline)) enum err run_lent(struct work *work)
{
    jmp_buf way_out;
    struct arena *arena = work->task->arena;
    volatile enum err result;
    arena->exhausted = &way_out;
    if (setjmp(way_out) == 0)
        result = work->fn(work->arg);
    else
        result =
            err_set(ERR_EXHAUSTED, "request-memory", "%s needed more than its %zu bytes of memory",
                    work->task->name, arena->size_bytes_max);
    arena->exhausted = &work->task->way_out;
    return result;
}

static void work_run(struct work *work)
{
    struct err_slot *before = err_slot_use(&work->task->slot);
    void *local = task_local_set(work->task->local);
    running_work = work;
    work->result = run_lent(work);
    running_work = NULL;
    task_local_set(local);
    err_slot_use(before);
    work->done = (struct post){ .fn = on_work_done, .arg = work };
    loop_post_node(work->task->loop, &work->done);
}

static void *thread_main(void *arg)
{
    struct pool *pool = arg;
    if (pool->background)
        thread_nice(NICE_BACKGROUND);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->first && !pool->closing)
            pthread_cond_wait(&pool->work_there, &pool->lock);
        struct work *work = pool->first;
        if (!work)
            break;
        unlink_work(pool, work);
        work->state = WORK_RUNNING;
        pthread_mutex_unlock(&pool->lock);
        work_run(work);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static bool work_push(struct pool *pool, struct work *work)
{
    pthread_mutex_lock(&pool->lock);
    bool room = pool->queued < pool->queue_max && !pool->closing;
    if (room) {
        work->previous = pool->last;
        if (pool->last)
            pool->last->next = work;
        else
            pool->first = work;
        pool->last = work;
        pool->queued++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (room) /* the thread that wakes up finds the lock free; pools outlive who asks them */
        pthread_cond_signal(&pool->work_there);
    return room;
}

/* The task's deadline came or it was cancelled: out of the queue, or a hint to what already runs.
 */
static bool work_withdraw(void *arg)
{
    struct work *work = arg;
    struct pool *pool = work->pool;
    pthread_mutex_lock(&pool->lock);
    bool queued = work->state == WORK_QUEUED;
    if (queued)
        unlink_work(pool, work);
    pthread_mutex_unlock(&pool->lock);
    atomic_store_explicit(&work->cancelled, true, memory_order_relaxed);
    return queued;
}

enum err await_blocking(struct pool *pool, task_fn fn, void *arg)
{
    struct task *task = task_current();
    if (!task)
        return fn(arg);
    struct work work = { .fn = fn, .arg = arg, .task = task, .pool = pool };
    if (!work_push(pool, &work))
        return err_set(ERR_EXHAUSTED, "pool-queue", "the queue of the %s threads is full",
                       pool->name);
    TRY(task_suspend_lent(work_withdraw, &work));
    return work.result;
}

static enum err pool_start(struct pool *pool, unsigned threads)
{
    const char *name = pool->name;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work_there, NULL);
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&pool->threads[i], NULL, thread_main, pool) != 0) {
            pool_close(pool);
            return err_set(ERR_EXHAUSTED, "threads", "the system gives no thread for %s", name);
        }
        pthread_setname_np(pool->threads[i], name);
        pool->threads_count++;
    }
    return OK;
}

static struct pool *pool_new(const char *name, unsigned threads, unsigned queue_max)
{
    struct pool *pool = heap_zalloc(1, sizeof(*pool) + threads * sizeof(pthread_t));
    pool->name = name;
    pool->queue_max = queue_max;
    return pool;
}

enum err pool_open(const char *name, unsigned threads, unsigned queue_max, struct pool **out_pool)
{
    struct pool *pool = pool_new(name, threads, queue_max);
    TRY(pool_start(pool, threads));
    *out_pool = pool;
    return OK;
}

enum err pool_open_background(const char *name, unsigned threads, unsigned queue_max,
                              struct pool **out_pool)
{
    struct pool *pool = pool_new(name, threads, queue_max);
    pool->background = true;
    TRY(pool_start(pool, threads));
    *out_pool = pool;
    return OK;
}

void pool_close(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work_there);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work_there);
    pthread_mutex_destroy(&pool->lock);
    heap_free(pool);
}
