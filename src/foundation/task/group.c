/*
 * group: fan-out. A child has an arena of its own (it may lend it to another thread while its
 * siblings run), which lives until the parent's is reset, so what a child leaves there outlives it.
 */
#include "task.h"

#include "loop.h"

struct child {
    struct task_group *group;
    struct task *task;
    task_fn fn;
    void *arg;
};

static enum err child_main(void *arg)
{
    struct child *child = arg;
    return child->fn(child->arg);
}

static void cancel_all(struct task_group *group)
{
    for (unsigned i = 0; i < group->children_count; i++)
        if (group->children[i])
            task_cancel(group->children[i]);
}

static void on_child_end(void *arg, enum err result)
{
    struct child *child = arg;
    struct task_group *group = child->group;
    for (unsigned i = 0; i < group->children_count; i++)
        if (group->children[i] == child->task)
            group->children[i] = NULL;
    group->running--;
    if (result != OK && group->first_error == OK) {
        group->first_error = result;
        group->detail = *err_slot();
        cancel_all(group);
    }
    if (group->waiting && (group->running == 0 || result != OK))
        task_wake(group->parent);
}

static void release_arena(void *arena)
{
    arena_deinit(arena);
}

static struct arena *child_arena(struct arena *parent)
{
    struct arena *arena = ARENA_NEW(parent, struct arena);
    arena_init(arena, parent->size_bytes_max - parent->used_bytes);
    arena_hold(parent, release_arena, arena);
    return arena;
}

void task_group_init(struct task_group *group, unsigned children_max)
{
    *group = (struct task_group){
        .parent = task_current(),
        .children = ARENA_ARRAY(task_arena(), children_max, struct task *),
        .children_max = children_max,
    };
}

enum err task_group_start(struct task_group *group, const char *name, task_fn fn, void *arg)
{
    ASSERT(group->parent == task_current() && group->children_count < group->children_max);
    struct child *child = ARENA_NEW(task_arena(), struct child);
    *child = (struct child){ .group = group, .fn = fn, .arg = arg };
    struct task_spec spec = { .name = name,
                              .fn = child_main,
                              .arg = child,
                              .arena = child_arena(task_arena()),
                              .local = task_local_get(),
                              .on_end = on_child_end };
    group->running++;
    enum err started = task_start(loop_current(), &spec, &child->task);
    if (started != OK)
        group->running--;
    else if (child->task)
        group->children[group->children_count++] = child->task;
    if (group->first_error != OK)
        cancel_all(group);
    return started;
}

enum err task_group_wait(struct task_group *group)
{
    enum err own = OK;
    group->waiting = true;
    while (group->running && own == OK && group->first_error == OK)
        own = task_suspend();
    if (own != OK) {
        struct err_slot detail = *err_slot();
        cancel_all(group);
        while (group->running)
            (void)task_suspend_lent(NULL, NULL);
        *err_slot() = detail;
        return own;
    }
    while (group->running)
        (void)task_suspend_lent(NULL, NULL);
    group->waiting = false;
    if (group->first_error != OK)
        *err_slot() = group->detail;
    return group->first_error;
}
