/* timers: the loop's one libuv timer and the binary heap of suspended tasks behind it. */
#include "internal.h"

#include "foundation/mem/heap.h"

static void put_at(struct loop *loop, unsigned index, struct task *task)
{
    loop->timers[index] = task;
    task->timer_index = (int)index;
}

static void sift_up(struct loop *loop, unsigned index, struct task *task)
{
    while (index > 0) {
        unsigned parent = (index - 1) / 2;
        if (loop->timers[parent]->timer_at <= task->timer_at)
            break;
        put_at(loop, index, loop->timers[parent]);
        index = parent;
    }
    put_at(loop, index, task);
}

static void sift_down(struct loop *loop, unsigned index, struct task *task)
{
    for (;;) {
        unsigned child = index * 2 + 1;
        if (child >= loop->timers_count)
            break;
        if (child + 1 < loop->timers_count &&
            loop->timers[child + 1]->timer_at < loop->timers[child]->timer_at)
            child++;
        if (task->timer_at <= loop->timers[child]->timer_at)
            break;
        put_at(loop, index, loop->timers[child]);
        index = child;
    }
    put_at(loop, index, task);
}

/* An armed timer that is early is left alone: on_timer() arms it anew. Most deadlines never fire.
 */
void timers_arm(struct loop *loop)
{
    if (loop->timers_count == 0 || loop->timers[0]->timer_at >= loop->timer_armed_at)
        return;
    instant at = loop->timers[0]->timer_at;
    span left = at - clock_mono();
    uint64_t wait_ms = left <= 0 ? 0 : (uint64_t)(left + 999) / 1000;
    loop->timer_armed_at = at;
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->timer, on_timer, wait_ms, 0);
    uv_unref((uv_handle_t *)&loop->timer);
}

void timers_add(struct task *task, instant at)
{
    struct loop *loop = task->loop;
    if (loop->timers_count == loop->timers_capacity) {
        loop->timers_capacity = MAX_OF(loop->timers_capacity * 2, 64u);
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): the heap is one of pointers */
        loop->timers = heap_resize(loop->timers, loop->timers_capacity * sizeof(*loop->timers));
    }
    task->timer_at = at;
    sift_up(loop, loop->timers_count++, task);
    timers_arm(loop);
}

void timers_remove(struct task *task)
{
    struct loop *loop = task->loop;
    if (task->timer_index < 0)
        return;
    unsigned index = (unsigned)task->timer_index;
    struct task *last = loop->timers[--loop->timers_count];
    task->timer_index = -1;
    if (last == task)
        return;
    if (index > 0 && loop->timers[(index - 1) / 2]->timer_at > last->timer_at)
        sift_up(loop, index, last);
    else
        sift_down(loop, index, last);
}
