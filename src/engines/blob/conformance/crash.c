/*
 * crash: a process that puts is killed at moments nobody chose; what it had acknowledged is there
 * and whole when the store is opened again, and whatever else is there is whole too.
 */
#include "internal.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 8, WRITERS = 8, ACKS_BEFORE_KILL_MAX = 60 };

struct ack {
    int32_t writer, n;
};

struct child_writer {
    struct blob_store *store;
    int pipe, writer, n;
};

static size_t len_of(int writer, int n)
{
    return (size_t)((writer * 7919 + n * 104729) % 150000);
}

static str content_of(int writer, int n)
{
    return content_make(len_of(writer, n), (uint64_t)(writer * 1000000 + n));
}

/* Every third comes as a file that a child process wrote. */
static enum err store_one(struct blob_store *store, int n, str key, str content)
{
    str path;
    if (n % 3)
        return blob_put(store, key, content, NULL);
    TRY(blob_scratch(store, STR(".x"), &path));
    FILE *file = fopen(path.ptr, "w");
    if (!file || fwrite(content.ptr, 1, content.len, file) != content.len || fclose(file) != 0)
        return err_errno("scratch");
    return blob_adopt(store, path, key, NULL);
}

static enum err put_for_ever(void *arg)
{
    struct child_writer *w = arg;
    for (;; w->n++) {
        struct arena_mark mark = arena_mark(task_arena());
        str content = content_of(w->writer, w->n);
        str own = arena_printf(task_arena(), "own/%d/%d", w->writer, w->n);
        str last = arena_printf(task_arena(), "last/%d", w->writer);
        if (store_one(w->store, w->n, own, content) != OK ||
            blob_put(w->store, last, content, NULL) != OK)
            _exit(3);
        struct ack ack = { w->writer, w->n };
        if (write(w->pipe, &ack, sizeof(ack)) != sizeof(ack))
            _exit(4);
        arena_rewind(task_arena(), mark);
    }
}

static enum err writers_run(void *arg)
{
    struct child_writer *writers = arg;
    struct task_group group;
    task_group_init(&group, WRITERS);
    for (int i = 0; i < WRITERS; i++)
        TRY(task_group_start(&group, "writer", put_for_ever, &writers[i]));
    return task_group_wait(&group);
}

static void child_main(const char *location, int pipe, const int next[WRITERS])
{
    static struct child_writer writers[WRITERS];
    struct pool *pool;
    struct blob_store *store;
    if (pool_open("blob", 4, 64, &pool) != OK ||
        blob_open(conformance_target->driver, location, pool, &store) != OK)
        _exit(2);
    for (int i = 0; i < WRITERS; i++)
        writers[i] = (struct child_writer){ store, pipe, i, next[i] };
    (void)task_run("writers", MIB(64), writers_run, writers);
    _exit(5);
}

/* `next` becomes the number after the last that each writer had acknowledged. */
static void child_kill_after(const char *location, unsigned acks, int next[WRITERS])
{
    int ends[2], status = 0;
    struct ack ack;
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        child_main(location, ends[1], next);
    }
    close(ends[1]);
    for (unsigned got = 0; read(ends[0], &ack, sizeof(ack)) == sizeof(ack); got++) {
        next[ack.writer] = ack.n + 1;
        if (got == acks)
            kill(child, SIGKILL); /* what is still in the pipe counts too */
    }
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct after {
    struct blob_store *store;
    const int *next;
};

static enum err check_acknowledged(const struct after *after, int writer)
{
    str found, key = arena_printf(task_arena(), "last/%d", writer);
    int next = after->next[writer];
    for (int n = 0; n < next; n++) {
        struct arena_mark mark = arena_mark(task_arena());
        str own = arena_printf(task_arena(), "own/%d/%d", writer, n);
        TRY(content_check(after->store, own, content_of(writer, n)));
        arena_rewind(task_arena(), mark);
    }
    if (next == 0)
        return OK;
    TRY(blob_get(after->store, key, 0, UINT64_MAX, &found));
    CHECK(str_eq(found, content_of(writer, next - 1)) || str_eq(found, content_of(writer, next)));
    return OK;
}

static enum err check_all(void *arg)
{
    const struct after *after = arg;
    struct blob_entry *entries;
    size_t count;
    for (int i = 0; i < WRITERS; i++)
        TRY(check_acknowledged(after, i));
    TRY(blob_list(after->store, STR("own/"), STR(""), 100000, &entries, &count));
    for (size_t i = 0; i < count; i++) { /* what nobody was told of is whole as well */
        struct arena_mark mark = arena_mark(task_arena());
        int writer = -1, n = -1;
        /* NOLINTNEXTLINE(cert-err34-c): what it reads is compared below */
        CHECK_INT(sscanf(entries[i].key.ptr, "own/%d/%d", &writer, &n), 2);
        CHECK(writer >= 0 && writer < WRITERS && n <= after->next[writer]);
        TRY(content_check(after->store, entries[i].key, content_of(writer, n)));
        arena_rewind(task_arena(), mark);
    }
    return OK;
}

static void acknowledged_puts_survive_kill(void)
{
    struct fixture fixture;
    int next[WRITERS] = { 0 }, total = 0;
    store_open(&fixture);
    for (int i = 0; i < KILLS; i++) {
        struct after after;
        blob_close(fixture.store);
        pool_close(fixture.pool); /* no thread of ours while we fork */
        child_kill_after(fixture.location, (unsigned)(test_random() % ACKS_BEFORE_KILL_MAX), next);
        CHECK_OK(pool_open("blob", 4, 256, &fixture.pool));
        CHECK_OK(
            blob_open(conformance_target->driver, fixture.location, fixture.pool, &fixture.store));
        after = (struct after){ fixture.store, next };
        CHECK_OK(task_run("after", MIB(64), check_all, &after));
    }
    for (int i = 0; i < WRITERS; i++)
        total += next[i];
    CHECK(total > 0);
    store_close(&fixture);
}

void register_crash(void)
{
    test_register("blob_acknowledged_puts_survive_kill", __FILE__, acknowledged_puts_survive_kill);
}
