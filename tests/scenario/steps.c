/*
 * steps: the table of steps and the loop that executes lines. A line is a block, a request, a step
 * of the table, a capture (NAME = SUBJECT) or a statement about what was answered, in this order.
 */
#include "world.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND_LIMIT SECONDS(120)
#define END_LIMIT     SECONDS(20)

static enum err step_nothing(struct world *world, const struct line *line, str rest)
{
    (void)world, (void)line, (void)rest; /* read before the scenario began */
    return OK;
}

static enum err step_server(struct world *world, const struct line *line, str rest)
{
    (void)line;
    TRY(world_fill(world, rest, &world->server_arguments));
    return process_serve(world);
}

static enum err step_restart(struct world *world, const struct line *line, str rest)
{
    (void)line;
    struct process *server = process_find(world, STR("server"));
    if (!str_eq(rest, STR("server")) || !server)
        return world_fail(world, "only a server that was started can be restarted");
    http_close(&world->conn);
    for (struct process *each = world->processes; each; each = each->next) {
        if (!process_is_server(each) || !each->running)
            continue;
        each->expected_to_die = true;
        kill(each->pid, SIGTERM);
        TRY(process_await(world, each, END_LIMIT));
        if (each->exit_code != 0)
            return world_fail(world, "the server ended with %d", each->exit_code);
    }
    return process_serve(world);
}

static enum err signal_send(struct world *world, struct process *process, int number)
{
    bool deadly = number != SIGHUP && number != SIGSTOP && number != SIGCONT;
    process->expected_to_die = process->expected_to_die || deadly;
    kill(process->pid, number);
    return number == SIGKILL ? process_await(world, process, END_LIMIT) : OK;
}

static enum err step_kill(struct world *world, const struct line *line, str rest)
{
    static const struct {
        str name;
        int number;
    } signals[] = { { STR_INIT("-9"), SIGKILL },    { STR_INIT("-KILL"), SIGKILL },
                    { STR_INIT("-TERM"), SIGTERM }, { STR_INIT("-INT"), SIGINT },
                    { STR_INIT("-HUP"), SIGHUP },   { STR_INIT("-STOP"), SIGSTOP },
                    { STR_INIT("-CONT"), SIGCONT } };
    (void)line;
    str word = script_word(&rest);
    struct process *process = process_find(world, rest);
    if (!process || !process->running)
        return world_fail(world, "%.*s does not run", STR_ARG(rest));
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        if (!str_eq(word, signals[i].name))
            continue;
        int number = signals[i].number;
        world->last = process;
        if (!process_is_server(process))
            return signal_send(world, process, number);
        for (process = world->processes; process; process = process->next)
            if (process_is_server(process) && process->running)
                TRY(signal_send(world, process, number));
        return OK;
    }
    return world_fail(world, "a signal is one of -9 -KILL -TERM -INT -HUP -STOP -CONT");
}

static enum err command_read(struct world *world, const struct line *line, str rest,
                             const char *prefix, const char **out_command)
{
    str filled;
    TRY(world_fill(world, line->attached.ptr ? line->attached : rest, &filled));
    if (filled.len == 0)
        return world_fail(world, "the command is missing");
    *out_command = arena_printf(&world->lasting, "%s%.*s", prefix, STR_ARG(filled)).ptr;
    return OK;
}

/* run [within 20s] COMMAND */
static enum err step_run(struct world *world, const struct line *line, str rest)
{
    span limit = COMMAND_LIMIT;
    struct process *process;
    const char *command;
    str after = rest;
    if (str_eq(script_word(&after), STR("within"))) {
        if (!script_parse_span(script_word(&after), &limit))
            return world_fail(world, "run within 20s COMMAND");
        rest = after;
    }
    TRY(command_read(world, line, rest, "", &command));
    TRY(process_start(world, STR("run"), command, &process));
    enum err err = process_await(world, process, limit);
    if (err != OK) {
        kill(process->pid, SIGKILL);
        process_await(world, process, END_LIMIT);
    }
    return err;
}

/* start NAME COMMAND */
static enum err step_start(struct world *world, const struct line *line, str rest)
{
    struct process *process;
    const char *command;
    str name = script_word(&rest);
    if (name.len == 0 || str_eq(name, STR("server")))
        return world_fail(world, "start NAME COMMAND, with a name other than server");
    TRY(command_read(world, line, rest, line->attached.ptr ? "" : "exec ", &command));
    return process_start(world, name, command, &process);
}

/* wait NAME [within 20s] */
static enum err step_wait(struct world *world, const struct line *line, str rest)
{
    (void)line;
    span limit = COMMAND_LIMIT;
    struct process *process = process_find(world, script_word(&rest));
    if (!process)
        return world_fail(world, "wait NAME, of a process that was started");
    if (rest.len &&
        (!str_eq(script_word(&rest), STR("within")) || !script_parse_span(rest, &limit)))
        return world_fail(world, "wait NAME within 20s");
    world->last = process;
    TRY(process_await(world, process, limit));
    if (!process_is_server(process))
        return OK;
    for (struct process *each = world->processes; each; each = each->next)
        if (process_is_server(each))
            TRY(process_await(world, each, limit));
    return OK;
}

static enum err write_file(struct world *world, const char *path, str text)
{
    TRY(world_parents(world, path));
    FILE *file = fopen(path, "wbe");
    bool ok = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    if ((file && fclose(file) != 0) || !ok)
        return world_fail(world, "%s cannot be written: %s", path, strerror(errno));
    return OK;
}

/* file NAME <<WORD, or file NAME "text" */
static enum err step_file(struct world *world, const struct line *line, str rest)
{
    str name, text;
    TRY(world_name(world, &rest, &name));
    if (line->attached.ptr)
        TRY(world_fill(world, line->attached, &text));
    else
        TRY(expect_operand(world, rest, &text));
    return write_file(world, world_path(world, name), text);
}

static enum err step_folder(struct world *world, const struct line *line, str rest)
{
    (void)line;
    str name;
    TRY(world_name(world, &rest, &name));
    const char *path = world_path(world, name);
    return world_parents(world, arena_printf(&world->lasting, "%s/", path).ptr);
}

static enum err step_film(struct world *world, const struct line *line, str rest)
{
    (void)line;
    return film_make(world, rest);
}

static enum err step_env(struct world *world, const struct line *line, str rest)
{
    (void)line;
    str name, value;
    TRY(world_fill(world, rest, &value));
    if (!str_cut(&value, '=', &name) || !value.ptr || name.len == 0)
        return world_fail(world, "env NAME=value");
    setenv(arena_cstr(&world->lasting, name), arena_cstr(&world->lasting, value), 1);
    return OK;
}

static enum err step_pause(struct world *world, const struct line *line, str rest)
{
    (void)line;
    span length;
    if (!script_parse_span(rest, &length))
        return world_fail(world, "pause 250ms");
    poll(NULL, 0, (int)(length / 1000));
    return OK;
}

static enum err step_patience(struct world *world, const struct line *line, str rest)
{
    (void)line;
    if (!script_parse_span(rest, &world->conn.patience))
        return world_fail(world, "patience 60s");
    return OK;
}

static const struct {
    str word;
    enum err (*run)(struct world *world, const struct line *line, str rest);
} steps[] = {
    { STR_INIT("needs"), step_nothing },  { STR_INIT("timeout"), step_nothing },
    { STR_INIT("server"), step_server },  { STR_INIT("restart"), step_restart },
    { STR_INIT("kill"), step_kill },      { STR_INIT("run"), step_run },
    { STR_INIT("start"), step_start },    { STR_INIT("wait"), step_wait },
    { STR_INIT("file"), step_file },      { STR_INIT("folder"), step_folder },
    { STR_INIT("film"), step_film },      { STR_INIT("env"), step_env },
    { STR_INIT("pause"), step_pause },    { STR_INIT("patience"), step_patience },
    { STR_INIT("connect"), raw_connect }, { STR_INIT("send"), raw_send },
    { STR_INIT("receive"), raw_receive }, { STR_INIT("closed"), raw_closed },
    { STR_INIT("hangup"), raw_hangup },
};

static enum err line_run(struct world *world, const struct line *line)
{
    enum err err;
    str rest = line->text, word = script_word(&rest);
    if (block_run(world, line, &err) || request_run(world, line, &err))
        return err;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (str_eq(word, steps[i].word))
            return steps[i].run(world, line, rest);
    if (str_starts(rest, STR("= ")) && !str_starts(word, STR("$")))
        return expect_capture(world, word, str_trim(str_skip(rest, 1)));
    return expect_line(world, line->text);
}

enum err steps_run(struct world *world, int from, int to)
{
    world->at = from;
    while (world->at < to) {
        const struct line *line = &world->script->lines[world->at++];
        world->line = line->number;
        world->shared->line = line->number;
        TRY(line_run(world, line));
    }
    return OK;
}
