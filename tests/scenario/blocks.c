/* blocks: lines done several times, until they hold, or by several clients at once. */
#include "world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BRANCHES_MAX = 256, REPEAT_MAX = 1000000 };

static enum err body_run(struct world *world, const struct line *line)
{
    int from = (int)(line - world->script->lines) + 1;
    return steps_run(world, from, line->end);
}

static enum err count_read(struct world *world, str text, uint64_t count_max, uint64_t *out_count)
{
    str filled;
    TRY(world_fill(world, text, &filled));
    if (!str_parse_u64(filled, out_count) || *out_count == 0 || *out_count > count_max)
        return world_fail(world, "a number from 1 to %llu was expected",
                          (unsigned long long)count_max);
    return OK;
}

static enum err repeat(struct world *world, const struct line *line, str rest)
{
    uint64_t count;
    TRY(count_read(world, rest, REPEAT_MAX, &count));
    for (uint64_t i = 1; i <= count; i++) {
        char number[24];
        snprintf(number, sizeof(number), "%llu", (unsigned long long)i);
        world_set(world, STR("round"), str_of(number));
        TRY(body_run(world, line));
    }
    return OK;
}

static enum err until(struct world *world, const struct line *line, str rest)
{
    span limit;
    if (!str_eq(script_word(&rest), STR("within")) || !script_parse_span(rest, &limit))
        return world_fail(world, "until within 20s {");
    instant deadline = clock_mono() + limit;
    for (int ms = 5;; ms = MIN_OF(ms * 2, 250)) {
        enum err err = body_run(world, line);
        if (err == OK || clock_mono() > deadline)
            return err;
        poll(NULL, 0, ms);
    }
}

/* In the child: waits for the start signal (the pipe's end), runs the lines, says what failed. */
NORETURN static void branch(struct world *world, const struct line *line, int index, int gate)
{
    char number[24], byte;
    snprintf(number, sizeof(number), "%d", index + 1);
    world_set(world, STR("worker"), str_of(number));
    world->conn.fd = -1; /* the parent's connection is not the branch's; its number is reused */
    http_close(&world->conn);
    while (read(gate, &byte, 1) > 0)
        ;
    enum err err = body_run(world, line);
    if (err != OK)
        printf("  worker %d, %s:%d: %s\n", index + 1, world->script->path, world->line,
               world->complaint);
    fflush(stdout);
    _exit(err != OK);
}

static int gather(const pid_t *branches, uint64_t count)
{
    int failed = 0;
    for (uint64_t i = 0; i < count; i++) {
        int status = 1;
        if (branches[i] < 0 || waitpid(branches[i], &status, 0) < 0 || status != 0)
            failed++;
    }
    return failed;
}

static enum err parallel(struct world *world, const struct line *line, str rest)
{
    static pid_t branches[BRANCHES_MAX];
    uint64_t count;
    int gate[2];
    TRY(count_read(world, rest, BRANCHES_MAX, &count));
    for (int i = 0; i < STATUS_MAX; i++)
        world->shared->answers[i] = 0;
    if (pipe(gate) < 0)
        return world_fail(world, "no pipe");
    http_close(&world->conn);
    fflush(stdout);
    for (uint64_t i = 0; i < count; i++) {
        branches[i] = fork();
        if (branches[i] == 0) {
            close(gate[1]);
            branch(world, line, (int)i, gate[0]);
        }
    }
    close(gate[0]);
    close(gate[1]);
    int failed = gather(branches, count);
    if (failed) {
        world->line = line->number;
        return world_fail(world, "%d of %llu branches failed", failed, (unsigned long long)count);
    }
    return OK;
}

bool block_run(struct world *world, const struct line *line, enum err *out_err)
{
    static const struct {
        str word;
        enum err (*run)(struct world *world, const struct line *line, str rest);
    } kinds[] = { { STR_INIT("repeat"), repeat },
                  { STR_INIT("until"), until },
                  { STR_INIT("parallel"), parallel } };
    str rest = line->end < 0 ? STR_NONE : str_sub(line->text, 0, line->text.len - 1);
    str word = script_word(&rest);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (line->end < 0 || !str_eq(word, kinds[i].word))
            continue;
        *out_err = kinds[i].run(world, line, rest);
        world->at = line->end + 1;
        return true;
    }
    return false;
}
