/*
 * stall: one thread that looks at every loop of the process and reports the one whose callback has
 * run too long, with the backtrace taken on the loop's own thread by a signal. It compares counters
 * (loop_enter, loop_leave), so the loops pay two plain stores a callback and no clock.
 */
#include "internal.h"

#include "foundation/crash/crash.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FRAMES_MAX = 48, STACK_TEXT_BYTES = 8192, REPORT_EVERY_S = 1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct loop *watched;
static bool thread_running;
static _Atomic loop_stall_fn report;

static void *frames[FRAMES_MAX];
static _Atomic int frames_count;

void loop_stall_handler(loop_stall_fn handler)
{
    atomic_store(&report, handler);
}

static void on_sample_signal(int number)
{
    int saved = errno;
    (void)number;
    int count = backtrace(frames, FRAMES_MAX);
    atomic_store(&frames_count, count);
    errno = saved;
}

static int sample_signal(void)
{
    return SIGRTMIN + 3;
}

/* Called with the lock held, so that the loop's thread is alive. */
static void sample_stack(struct loop *loop, char text[STACK_TEXT_BYTES])
{
    const struct timespec moment = { 0, 1000000 };
    atomic_store(&frames_count, 0);
    text[0] = 0;
    if (pthread_kill(loop->thread, sample_signal()) != 0)
        return;
    for (int waited_ms = 0; waited_ms < 200 && atomic_load(&frames_count) == 0; waited_ms++)
        nanosleep(&moment, NULL);
    crash_symbolise(frames, atomic_load(&frames_count), text, STACK_TEXT_BYTES);
}

static void look(struct loop *loop, instant *last_report)
{
    struct stall_watch *watch = &loop->watch;
    uint64_t entries = atomic_load_explicit(&loop->entries, memory_order_relaxed);
    instant now = clock_mono();
    if (entries != watch->entries || entries % 2 == 0) {
        *watch = (struct stall_watch){ .entries = entries, .since = now };
        return;
    }
    if (watch->reported || now - watch->since < loop->stall_after)
        return;
    watch->reported = true;
    atomic_fetch_add_explicit(&loop->stats.stalls, 1, memory_order_relaxed);
    loop_stall_fn handler = atomic_load(&report);
    if (!handler || now - *last_report < SECONDS(REPORT_EVERY_S))
        return;
    static char text[STACK_TEXT_BYTES];
    *last_report = now;
    sample_stack(loop, text);
    handler(loop->name, now - watch->since, text);
}

static span shortest_period(void)
{
    span period = MILLISECONDS(50);
    for (struct loop *loop = watched; loop; loop = loop->next_watched)
        period = MIN_OF(period, loop->stall_after / 2);
    return MAX_OF(period, MILLISECONDS(1));
}

static void *thread_main(void *arg)
{
    instant last_report = -SECONDS(REPORT_EVERY_S);
    (void)arg;
    pthread_mutex_lock(&lock);
    while (watched) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t nanoseconds = until.tv_nsec + shortest_period() * 1000;
        until.tv_sec += nanoseconds / 1000000000;
        until.tv_nsec = nanoseconds % 1000000000;
        pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until);
        for (struct loop *loop = watched; loop; loop = loop->next_watched)
            look(loop, &last_report);
    }
    thread_running = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void start_thread(void)
{
    pthread_t thread;
    struct sigaction action = { .sa_handler = on_sample_signal, .sa_flags = SA_RESTART };
    void *warm[1];
    backtrace(warm, 1); /* loads the unwinder now, not inside the signal */
    sigaction(sample_signal(), &action, NULL);
    thread_running = pthread_create(&thread, NULL, thread_main, NULL) == 0;
    if (thread_running) {
        pthread_setname_np(thread, "stall");
        pthread_detach(thread);
    }
}

void stall_watch(struct loop *loop)
{
    pthread_mutex_lock(&lock);
    loop->watch = (struct stall_watch){ 0 };
    loop->next_watched = watched;
    watched = loop;
    if (!thread_running)
        start_thread();
    pthread_mutex_unlock(&lock);
}

void stall_unwatch(struct loop *loop)
{
    pthread_mutex_lock(&lock);
    struct loop **link = &watched;
    while (*link != loop)
        link = &(*link)->next_watched;
    *link = loop->next_watched;
    pthread_cond_broadcast(&changed);
    while (!watched && thread_running)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}
