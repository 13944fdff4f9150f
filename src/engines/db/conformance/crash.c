/*
 * crash: a process that writes is killed at moments nobody chose; whatever it had acknowledged is
 * there when the database is opened again, and nothing is half there.
 */
#include "internal.h"

#include "conformance_sql.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 5, WRITERS = 16, ACKS_BEFORE_KILL_MAX = 400 };

struct ack {
    int64_t writer, n;
};

struct child_writer {
    struct db *db;
    int pipe;
    struct ack next;
};

static enum err pair_add(struct db_tx *tx, void *arg)
{
    struct child_writer *writer = arg;
    struct db_args args = DB_ARGS(DB_I64(writer->next.writer), DB_I64(writer->next.n));
    struct db_args twin = DB_ARGS(DB_I64(writer->next.writer + 1000), DB_I64(writer->next.n));
    TRY(db_exec(tx, &SQL_MARK_ADD, args, NULL));
    return db_exec(tx, &SQL_MARK_ADD, twin, NULL);
}

/* The child's own failure, which the parent sees as an exit that was no kill. */
NORETURN static void child_fail(int code)
{
    dprintf(STDOUT_FILENO, "  the writing process: %s: %s\n", err_slot()->slug, err_slot()->text);
    _exit(code);
}

static enum err write_and_acknowledge(void *arg)
{
    struct child_writer *writer = arg;
    struct db_row row;
    TRY(db_one(db_now(writer->db), &SQL_MARK_LAST, DB_ARGS(DB_I64(writer->next.writer)), &row));
    writer->next.n = db_i64(&row, 0);
    for (;;) {
        writer->next.n++;
        if (db_tx(writer->db, pair_add, writer) != OK)
            child_fail(3);
        struct ack ack = writer->next;
        if (write(writer->pipe, &ack, sizeof(ack)) != sizeof(ack))
            _exit(4);
    }
}

static void child_main(const struct db_spec *spec, int pipe)
{
    static struct child_writer writers[WRITERS];
    struct db *db;
    if (db_open(spec, &db) != OK)
        child_fail(2);
    for (int i = 0; i < WRITERS; i++)
        writers[i] = (struct child_writer){ .db = db, .pipe = pipe, .next = { i, 0 } };
    tasks_run(&(struct task_run){ write_and_acknowledge, writers, sizeof(writers[0]), WRITERS, 0,
                                  MIB(64) });
}

/* The highest number each writer had acknowledged when the child was dead. */
static void child_kill_after(const struct db_spec *spec, unsigned acks, int64_t last[WRITERS])
{
    int ends[2], status = 0;
    struct ack ack;
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        child_main(spec, ends[1]);
        _exit(5);
    }
    close(ends[1]);
    for (unsigned got = 0; read(ends[0], &ack, sizeof(ack)) == sizeof(ack); got++) {
        last[ack.writer] = MAX_OF(last[ack.writer], ack.n);
        if (got == acks)
            kill(child, SIGKILL); /* what is still in the pipe counts too */
    }
    close(ends[0]);
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int64_t mark_last(struct db_tx *tx, int64_t writer)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(tx, &SQL_MARK_LAST, DB_ARGS(DB_I64(writer)), &row));
    return row.values ? db_i64(&row, 0) : -1;
}

/* In one snapshot: a server may still be ending a commit that the dead had asked for. */
static enum err look(struct db_tx *tx, void *arg)
{
    const int64_t *last = arg;
    int64_t total = 0;
    struct db_row row;
    for (int64_t i = 0; i < WRITERS; i++) {
        int64_t found = mark_last(tx, i);
        CHECK(found >= last[i]);
        CHECK_INT(mark_last(tx, i + 1000), found); /* both of a pair, or none */
        total += 2 * found;
    }
    TRY(db_one(tx, &SQL_MARKS_COUNT, DB_NO_ARGS, &row));
    CHECK_INT(db_i64(&row, 0), total); /* without a gap */
    CHECK(total > 0);
    return OK;
}

static void acknowledged_writes_survive_kill(void)
{
    struct fixture f;
    int64_t last[WRITERS] = { 0 };
    database_open(&f, (struct db_settings){ 0 });
    for (int round = 0; round < ROUNDS; round++) {
        db_close(f.db);
        child_kill_after(&f.spec, (unsigned)(test_random() % ACKS_BEFORE_KILL_MAX), last);
        CHECK_OK(db_open(&f.spec, &f.db));
        CHECK_OK(db_read_scan(f.db, look, last));
    }
    database_close(&f);
}

void register_crash(void)
{
    test_register("db_acknowledged_writes_survive_kill", __FILE__,
                  acknowledged_writes_survive_kill);
}
