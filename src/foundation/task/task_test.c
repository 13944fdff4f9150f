#include "loop.h"
#include "pool.h"
#include "task.h"

#include "foundation/test/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* Runs fn as the only first task of a fresh loop, until every task has ended. */
struct harness {
    task_fn fn;
    void *arg;
    enum err result;
};

static void on_main_end(void *arg, enum err result)
{
    ((struct harness *)arg)->result = result;
    loop_stop(loop_current());
}

static enum err harness_main(void *arg)
{
    struct harness *harness = arg;
    return harness->fn(harness->arg);
}

static enum err run_with(const struct loop_settings *settings, span timeout, task_fn fn, void *arg)
{
    struct harness harness = { fn, arg, OK };
    struct loop *loop;
    CHECK_OK(loop_open(settings, &loop));
    struct task_spec spec = { .name = "main",
                              .fn = harness_main,
                              .arg = &harness,
                              .timeout = timeout,
                              .on_end = on_main_end };
    CHECK_OK(task_start(loop, &spec, NULL));
    loop_run(loop);
    loop_close(loop);
    return harness.result;
}

static enum err run(task_fn fn, void *arg)
{
    return run_with(NULL, 0, fn, arg);
}

static char trace[64];

static void note(char c)
{
    size_t len = strlen(trace);
    if (len + 1 < sizeof(trace))
        trace[len] = c, trace[len + 1] = 0;
}

static void note_deferred(void *arg)
{
    note(*(char *)arg);
}

static enum err defers_in_order(void *arg)
{
    (void)arg;
    task_defer(note_deferred, (void *)"a");
    task_defer(note_deferred, (void *)"b");
    note('x');
    return err_set(ERR_GONE, NULL, "over");
}

TEST(task_runs_defers_last_first)
{
    trace[0] = 0;
    CHECK_ERR(run(defers_in_order, NULL), ERR_GONE);
    CHECK_STR(str_of(trace), STR("xba"));
}

static enum err sleeps(void *arg)
{
    instant before = clock_mono();
    TRY(await_sleep(MILLISECONDS(20)));
    *(span *)arg = clock_mono() - before;
    return OK;
}

TEST(task_sleeps_at_least_as_long_as_asked)
{
    span slept = 0;
    CHECK_OK(run(sleeps, &slept));
    CHECK(slept >= MILLISECONDS(20));
}

static enum err sleeps_too_long(void *arg)
{
    (void)arg;
    enum err result = await_sleep(HOURS(1));
    note('t');
    return result;
}

TEST(task_deadline_ends_a_wait)
{
    trace[0] = 0;
    CHECK_ERR(run_with(NULL, MILLISECONDS(5), sleeps_too_long, NULL), ERR_TIMEOUT);
    CHECK_STR(str_of(trace), STR("t"));
}

static enum err narrows(void *arg)
{
    (void)arg;
    instant before = task_deadline_narrow(MILLISECONDS(5));
    CHECK_ERR(await_sleep(HOURS(1)), ERR_TIMEOUT);
    task_deadline_restore(before);
    CHECK_INT(task_deadline(), INSTANT_NEVER);
    return await_sleep(MILLISECONDS(1));
}

TEST(task_deadline_can_be_narrowed_and_restored)
{
    CHECK_OK(run(narrows, NULL));
}

static enum err eats_memory(void *arg)
{
    (void)arg;
    task_defer(note_deferred, (void *)"d");
    for (int i = 0; i < 1000; i++)
        memset(arena_alloc(task_arena(), 10000), 1, 10000);
    return OK;
}

TEST(task_over_its_arena_limit_ends_alone)
{
    trace[0] = 0;
    CHECK_ERR(run(eats_memory, NULL), ERR_EXHAUSTED);
    CHECK_STR(str_of(trace), STR("d"));
}

struct child_args {
    char name;
    span sleep;
    enum err result;
};

static enum err child(void *arg)
{
    struct child_args *args = arg;
    enum err slept = await_sleep(args->sleep);
    note(slept == OK ? args->name : slept == ERR_CANCELLED ? 'c' : '?');
    TRY(slept);
    return args->result ? err_set(args->result, "child", "child %c failed", args->name) : OK;
}

static enum err parent(void *arg)
{
    struct child_args *children = arg;
    struct task_group group;
    task_group_init(&group, 3);
    for (int i = 0; i < 3; i++)
        TRY(task_group_start(&group, "child", child, &children[i]));
    enum err result = task_group_wait(&group);
    note('!');
    return result;
}

TEST(group_waits_for_every_child)
{
    struct child_args children[] = { { 'a', MILLISECONDS(30), OK },
                                     { 'b', MILLISECONDS(5), OK },
                                     { 'c', 0, OK } };
    trace[0] = 0;
    CHECK_OK(run(parent, children));
    CHECK_INT(strlen(trace), 4);
    CHECK_INT(trace[3], '!');
}

TEST(group_failure_cancels_the_siblings)
{
    struct child_args children[] = { { 'a', HOURS(1), OK },
                                     { 'b', MILLISECONDS(5), ERR_CONFLICT },
                                     { 'd', HOURS(1), OK } };
    trace[0] = 0;
    CHECK_ERR(run(parent, children), ERR_CONFLICT);
    CHECK_STR(str_of(trace), STR("bcc!"));
}

TEST(group_is_cancelled_with_its_parent)
{
    struct child_args children[] = { { 'a', HOURS(1), OK }, { 'b', HOURS(1), OK }, { 'd', 0, OK } };
    trace[0] = 0;
    CHECK_ERR(run_with(NULL, MILLISECONDS(10), parent, children), ERR_TIMEOUT);
    CHECK_INT(trace[strlen(trace) - 1], '!');
}

static enum err start_too_many(void *arg)
{
    struct task_group group;
    unsigned started = 0;
    task_group_init(&group, 20);
    struct child_args args = { 'x', MILLISECONDS(5), OK };
    while (started < 20 && task_group_start(&group, "child", child, &args) == OK)
        started++;
    *(unsigned *)arg = started;
    return task_group_wait(&group);
}

TEST(loop_refuses_more_tasks_than_its_limit)
{
    unsigned started = 0;
    trace[0] = 0;
    CHECK_OK(run_with(&(struct loop_settings){ .tasks_max = 8 }, 0, start_too_many, &started));
    CHECK_INT(started, 7);
}

static enum err producer(void *arg)
{
    static int numbers[100];
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        TRY(channel_send(arg, &numbers[i]));
    }
    channel_close(arg);
    return OK;
}

static enum err consumer(void *arg)
{
    struct channel channel;
    struct task_group group;
    int sum = 0, *number;
    channel_init(&channel, task_arena(), 3);
    task_group_init(&group, 1);
    TRY(task_group_start(&group, "producer", producer, &channel));
    while (channel_receive(&channel, (void **)&number) == OK)
        sum += *number;
    *(int *)arg = sum;
    return task_group_wait(&group);
}

TEST(channel_passes_everything_in_order_with_back_pressure)
{
    int sum = 0;
    CHECK_OK(run(consumer, &sum));
    CHECK_INT(sum, 4950);
}

struct pool_args {
    struct pool *pool;
    pthread_t thread;
    _Atomic int running;
};

static enum err fails_on_thread(void *arg)
{
    struct pool_args *args = arg;
    args->thread = pthread_self();
    return err_set(ERR_CORRUPT, "from-thread", "made on another thread");
}

static enum err calls_pool(void *arg)
{
    struct pool_args *args = arg;
    enum err result = await_blocking(args->pool, fails_on_thread, args);
    CHECK_STR(str_of(err_slot()->slug), STR("from-thread"));
    CHECK(!pthread_equal(args->thread, pthread_self()));
    return result;
}

TEST(pool_runs_on_another_thread_and_brings_the_error_back)
{
    struct pool_args args = { 0 };
    CHECK_OK(pool_open("test", 2, 8, &args.pool));
    CHECK_ERR(run(calls_pool, &args), ERR_CORRUPT);
    pool_close(args.pool);
}

static enum err waits_for_cancel(void *arg)
{
    struct pool_args *args = arg;
    const struct timespec moment = { 0, 1000000 };
    atomic_fetch_add(&args->running, 1);
    while (!pool_work_cancelled())
        nanosleep(&moment, NULL);
    return ERR_CANCELLED;
}

static enum err cancelled_in_pool(void *arg)
{
    struct pool_args *args = arg;
    return await_blocking(args->pool, waits_for_cancel, args);
}

TEST(pool_work_learns_of_the_deadline)
{
    struct pool_args args = { 0 };
    enum err result = OK;
    CHECK_OK(pool_open("test", 1, 8, &args.pool));
    /* On a busy machine the deadline may come before a thread has taken the work. */
    for (span timeout = MILLISECONDS(20); !atomic_load(&args.running); timeout *= 2)
        result = run_with(NULL, timeout, cancelled_in_pool, &args);
    CHECK_INT(result, ERR_CANCELLED);
    pool_close(args.pool);
}

static enum err fills_pool(void *arg)
{
    struct pool_args *args = arg;
    struct task_group group;
    enum err result = OK;
    task_group_init(&group, 8);
    for (int i = 0; i < 8; i++)
        TRY(task_group_start(&group, "filler", cancelled_in_pool, args));
    result = task_group_wait(&group);
    return result;
}

TEST(pool_queue_is_bounded)
{
    struct pool_args args = { 0 };
    CHECK_OK(pool_open("test", 1, 2, &args.pool));
    CHECK_ERR(run(fills_pool, &args), ERR_EXHAUSTED);
    pool_close(args.pool);
}

static enum err holds_semaphore(void *arg)
{
    static int inside;
    struct semaphore *semaphore = arg;
    TRY(semaphore_take(semaphore));
    inside++;
    CHECK(inside <= 2);
    TRY(await_turn());
    inside--;
    semaphore_give(semaphore);
    return OK;
}

static enum err uses_semaphore(void *arg)
{
    struct semaphore semaphore;
    struct task_group group;
    (void)arg;
    semaphore_init(&semaphore, 2);
    task_group_init(&group, 10);
    for (int i = 0; i < 10; i++)
        TRY(task_group_start(&group, "holder", holds_semaphore, &semaphore));
    return task_group_wait(&group);
}

TEST(semaphore_admits_its_count)
{
    CHECK_OK(run(uses_semaphore, NULL));
}

static _Atomic int stalls_seen;

static void on_stall(const char *loop_name, span running_for, const char *stack)
{
    if (str_eq(str_of(loop_name), STR("slow")) && running_for > 0 && stack)
        atomic_fetch_add(&stalls_seen, 1);
}

static enum err blocks_the_loop(void *arg)
{
    const struct timespec moment = { 0, 1000000 };
    (void)arg;
    for (int waited_ms = 0; waited_ms < 20000 && !atomic_load(&stalls_seen); waited_ms++)
        nanosleep(&moment, NULL);
    return OK;
}

TEST(stall_is_reported)
{
    struct loop_settings settings = { .name = "slow", .stall_after = MILLISECONDS(10) };
    loop_stall_handler(on_stall);
    for (int i = 0; i < 3; i++) { /* what was known of a loop that has gone is not another's */
        atomic_store(&stalls_seen, 0);
        CHECK_OK(run_with(&settings, 0, blocks_the_loop, NULL));
        CHECK(atomic_load(&stalls_seen) > 0);
    }
    loop_stall_handler(NULL);
}

static enum err waits(void *arg)
{
    (void)arg;
    return await_sleep(HOURS(1));
}

static void count_end(void *arg, enum err result)
{
    *(int *)arg += result == ERR_CANCELLED;
}

static void *stop_later(void *arg)
{
    usleep(10000);
    loop_stop(arg);
    return NULL;
}

TEST(loop_stop_cancels_what_waits)
{
    struct loop *loop;
    pthread_t thread;
    int cancelled = 0;
    CHECK_OK(loop_open(NULL, &loop));
    struct task_spec spec = {
        .name = "waits", .fn = waits, .arg = &cancelled, .on_end = count_end
    };
    for (int i = 0; i < 1000; i++)
        CHECK_OK(task_start(loop, &spec, NULL));
    CHECK_INT(loop_stats(loop).tasks, 1000);
    CHECK_INT(pthread_create(&thread, NULL, stop_later, loop), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    CHECK_INT(cancelled, 1000);
    loop_close(loop);
}

struct lodger {
    uv_timer_t *timer;
    struct loop_guest guest;
    int left, closed;
};

static void on_lodger_closed(uv_handle_t *handle)
{
    ((struct lodger *)handle->data)->closed++;
}

static void lodger_leave(void *arg)
{
    struct lodger *lodger = arg;
    lodger->left++;
    uv_close((uv_handle_t *)lodger->timer, on_lodger_closed);
}

TEST(loop_guests_leave_at_its_end)
{
    struct loop *loop;
    uv_timer_t timers[2];
    struct lodger lodgers[2] = { { .timer = &timers[0] }, { .timer = &timers[1] } };
    CHECK_OK(loop_open(NULL, &loop));
    for (int i = 0; i < 2; i++) {
        uv_timer_init(loop_uv(loop), &timers[i]);
        uv_unref((uv_handle_t *)&timers[i]);
        timers[i].data = &lodgers[i];
        lodgers[i].guest = (struct loop_guest){ .leave = lodger_leave, .arg = &lodgers[i] };
        loop_guest_add(loop, &lodgers[i].guest);
    }
    loop_guest_remove(loop, &lodgers[0].guest); /* goes by itself, earlier */
    lodger_leave(&lodgers[0]);
    loop_stop(loop);
    loop_run(loop);
    CHECK_INT(lodgers[1].left, 0);
    loop_close(loop);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(lodgers[i].left, 1);
        CHECK_INT(lodgers[i].closed, 1);
    }
}

/* Resident pages of the process, from /proc/self/statm. */
static long resident_bytes(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL);
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers fit */
    CHECK(fscanf(file, "%ld %ld", &size, &resident) == 2);
    fclose(file);
    return resident * 4096;
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

/* As a thread leaves it behind whose stack the C library unmaps. */
TEST(stack_lies_where_poisoned_memory_lay)
{
    enum { COUNT = 8, BYTES = (1 << 20) + 4096, TASKS = 10 };
    struct loop *loop;
    void *parts[COUNT];
    int cancelled = 0;
    CHECK_OK(loop_open(NULL, &loop));
    for (int i = 0; i < COUNT; i++) {
        parts[i] = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(parts[i] != MAP_FAILED);
        ASAN_POISON_MEMORY_REGION(parts[i], BYTES);
    }
    for (int i = 0; i < COUNT; i++)
        munmap(parts[i], BYTES);
    struct task_spec spec = {
        .name = "waits", .fn = waits, .arg = &cancelled, .on_end = count_end
    };
    for (int i = 0; i < TASKS; i++)
        CHECK_OK(task_start(loop, &spec, NULL));
    loop_stop(loop);
    loop_run(loop);
    loop_close(loop);
    CHECK_INT(cancelled, TASKS);
}
#endif

#if !defined(KB_SANITIZED)
enum { COST_TASKS = 2000 };
#else
enum { COST_TASKS = 10 };
#endif

TEST(task_suspended_costs_little)
{
    struct loop *loop;
    int cancelled = 0;
    CHECK_OK(loop_open(NULL, &loop));
    struct task_spec spec = {
        .name = "waits", .fn = waits, .arg = &cancelled, .on_end = count_end
    };
    long before = resident_bytes();
    for (int i = 0; i < COST_TASKS; i++)
        CHECK_OK(task_start(loop, &spec, NULL));
    long each = (resident_bytes() - before) / COST_TASKS;
    loop_stop(loop);
    loop_run(loop);
    loop_close(loop);
    CHECK_INT(cancelled, COST_TASKS);
#if defined(KB_SANITIZED)
    SKIP("residency is measured without sanitizers only (%ld bytes here)", each);
#else
    printf("  a suspended task holds %ld bytes\n", each);
    CHECK(each <= 16384);
#endif
}
