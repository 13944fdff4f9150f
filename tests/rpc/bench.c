/*
 * bench: one task asks, one call after the other: the same call table as a function here, and by
 * gRPC over loopback to a process of its own. Calls here take less than the clock can tell, so they
 * are timed by the hundred.
 */
#include "bench.h"

#include "foundation/rpc/rpc_fixture.h"

#include "foundation/client/client.h"
#include "foundation/task/loop.h"
#include "foundation/task/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS_MAX = 1000000, HUNDRED = 100 };

struct bench {
    unsigned calls;
    struct shelf_process process;
    int64_t *times;
    struct rpc_target target;
    struct task_group group; /* large */
};

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static int64_t median(struct bench *bench)
{
    qsort(bench->times, bench->calls, sizeof(*bench->times), by_size);
    return bench->times[bench->calls / 2];
}

/* A task for a few calls: what they allocate goes with it, as it does with a request. */
static enum err ask_some(void *arg)
{
    struct bench *bench = arg;
    const struct shelf_ask ask = { 0 };
    struct shelf_note note;
    for (int i = 0; i < HUNDRED; i++) {
        int64_t begin = now_ns();
        TRY(shelf_fail(&bench->target, &ask, &note));
        *bench->times++ = now_ns() - begin;
    }
    return OK;
}

static enum err ask_here(void *arg)
{
    struct bench *bench = arg;
    const struct shelf_ask ask = { 0 };
    struct shelf_note note;
    for (unsigned i = 0; i < bench->calls; i++) {
        int64_t begin = now_ns();
        for (int again = 0; again < HUNDRED; again++)
            TRY(shelf_fail(&bench->target, &ask, &note));
        bench->times[i] = (now_ns() - begin) / HUNDRED;
    }
    return OK;
}

static enum err ask_there(struct bench *bench)
{
    int64_t *times = bench->times;
    for (unsigned done = 0; done < bench->calls; done += HUNDRED) {
        task_group_init(&bench->group, 1);
        TRY(task_group_start(&bench->group, "calls", ask_some, bench));
        TRY(task_group_wait(&bench->group));
    }
    bench->times = times;
    return OK;
}

static enum err run(void *arg)
{
    struct bench *bench = arg;
    struct client *client;
    client_create(loop_current(), NULL, &client);
    bench->target.service = &shelf_service;
    TRY(ask_here(bench));
    printf("here %lld\n", (long long)median(bench));
    struct rpc_remote_settings settings = {
        .client = client,
        .key = STR("bench"),
        .url = arena_printf(task_arena(), "http://127.0.0.1:%u", bench->process.port),
    };
    rpc_remote_open(&settings, &bench->target.remote);
    enum err err = ask_there(bench); /* to warm up */
    if (err == OK)
        err = ask_there(bench);
    if (err == OK)
        printf("there %lld\n", (long long)median(bench));
    rpc_remote_close(bench->target.remote);
    client_close(client);
    return err;
}

int bench_run(unsigned calls)
{
    static struct bench bench;
    bench.calls = (calls + HUNDRED - 1) / HUNDRED * HUNDRED;
    if (bench.calls == 0 || bench.calls > CALLS_MAX)
        return 2;
    bench.times = calloc(bench.calls, sizeof(*bench.times));
    bench.process = shelf_spawn("bench");
    enum err err = bench.process.port ? task_run("bench", GIB(1), run, &bench) : ERR_UNAVAILABLE;
    if (err != OK)
        fprintf(stderr, "kb_rpc_peer: %s\n", err_slot()->text);
    shelf_kill(&bench.process);
    free(bench.times);
    return err != OK;
}
