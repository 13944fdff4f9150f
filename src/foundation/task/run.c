/* run: a loop for the life of one task. */
#include "run.h"

#include "loop.h"

struct run {
    task_fn fn;
    void *arg;
    enum err result;
    struct err_slot detail;
};

static enum err run_main(void *arg)
{
    struct run *run = arg;
    return run->fn(run->arg);
}

static void on_run_end(void *arg, enum err result)
{
    struct run *run = arg;
    run->result = result;
    if (result != OK)
        run->detail = *err_slot();
    loop_stop(loop_current());
}

enum err task_run(const char *name, size_t arena_bytes_max, task_fn fn, void *arg)
{
    struct run run = { .fn = fn, .arg = arg };
    struct loop *loop;
    TRY(loop_open(&(struct loop_settings){ .name = name }, &loop));
    struct task_spec spec = { .name = name,
                              .fn = run_main,
                              .arg = &run,
                              .arena_bytes_max = arena_bytes_max,
                              .on_end = on_run_end };
    enum err started = task_start(loop, &spec, NULL);
    if (started == OK)
        loop_run(loop);
    loop_close(loop);
    if (started != OK)
        return started;
    if (run.result != OK)
        *err_slot() = run.detail;
    return run.result;
}
