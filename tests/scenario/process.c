/*
 * process: the server and the other commands of a scenario. All are children in the scenario's
 * process group, die with it, and are waited for with a deadline; none is ever found by name.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_LIMIT SECONDS(60)
#define END_LIMIT   SECONDS(20)

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

static int output_open(struct world *world, const char *name, const char *kind)
{
    str path = arena_printf(&world->lasting, "%s/%s.%s", world->folder, name, kind);
    return open(path.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* In the child. */
NORETURN static void become(struct world *world, const char *command, int out, int errors)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int in = open("/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0 ||
        chdir(world->folder) < 0)
        _exit(126);
    execl("/bin/sh", "sh", "-c", command, NULL);
    _exit(127);
}

struct process *process_find(struct world *world, str name)
{
    struct process *process = world->processes;
    while (process && !str_eq(str_of(process->name), name))
        process = process->next;
    return process;
}

enum err process_start(struct world *world, str name, const char *command,
                       struct process **out_process)
{
    struct process *process = process_find(world, name);
    if (process && process->running)
        return world_fail(world, "%s is already running", process->name);
    if (!process) {
        process = ARENA_NEW(&world->lasting, struct process);
        process->name = arena_cstr(&world->lasting, name);
        process->next = world->processes;
        world->processes = process;
    }
    int out = output_open(world, process->name, "out");
    int errors = output_open(world, process->name, "err");
    process->pid = out < 0 || errors < 0 ? -1 : fork();
    if (process->pid == 0)
        become(world, command, out, errors);
    close(out);
    close(errors);
    if (process->pid < 0)
        return world_fail(world, "%s cannot be started: %s", process->name, strerror(errno));
    process->running = true;
    process->expected_to_die = false;
    world->last = process;
    *out_process = process;
    return OK;
}

static bool has_ended(struct process *process)
{
    int status;
    if (!process->running)
        return true;
    if (waitpid(process->pid, &status, WNOHANG) != process->pid)
        return false;
    process->running = false;
    process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

enum err process_await(struct world *world, struct process *process, span limit)
{
    instant deadline = clock_mono() + limit;
    for (int ms = 1; !has_ended(process); ms = MIN_OF(ms * 2, 50)) {
        if (clock_mono() > deadline) {
            world_fail(world, "%s still runs after %lld ms", process->name,
                       (long long)(limit / 1000));
            return ERR_TIMEOUT;
        }
        pause_ms(ms);
    }
    three_note(world, true);
    return OK;
}

/* The file holds "127.0.0.1:PORT" and a line end once the server listens. */
static bool read_address(struct world *world, const char *path, str *out_address,
                         uint16_t *out_port)
{
    char text[64] = { 0 };
    uint64_t port;
    str address;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0 || text[got - 1] != '\n')
        return false;
    address = str_trim(str_of(text));
    ptrdiff_t colon = str_find_last_char(address, ':');
    if (colon < 0 || !str_parse_u64(str_skip(address, (size_t)colon + 1), &port) || port > 65535)
        return false;
    *out_port = (uint16_t)port;
    *out_address = arena_str(&world->lasting, address);
    return true;
}

bool process_is_server(const struct process *process)
{
    str name = str_of(process->name);
    return str_eq(name, STR("server")) || str_starts(name, STR("server-"));
}

enum err process_serve_one(struct world *world, const char *name, str data, str arguments,
                           uint16_t *out_port)
{
    struct process *server;
    str address;
    const char *path = arena_printf(&world->lasting, "%.*s/http.addr", STR_ARG(data)).ptr;
    str command = arena_printf(&world->lasting,
                               "exec kinobezdna serve --data '%.*s' --listen 127.0.0.1:0 %.*s",
                               STR_ARG(data), STR_ARG(arguments));
    unlink(path);
    TRY(process_start(world, str_of(name), command.ptr, &server));
    instant deadline = clock_mono() + READY_LIMIT;
    while (!read_address(world, path, &address, out_port)) {
        if (has_ended(server))
            return world_fail(world, "the server ended with %d before it listened",
                              server->exit_code);
        if (clock_mono() > deadline)
            return world_fail(world, "the server did not write %s within 30 s", path);
        pause_ms(5);
    }
    if (strcmp(name, "server") == 0)
        world_set(world, STR("address"), address);
    return OK;
}

enum err process_serve(struct world *world)
{
    str data;
    world_get(world, STR("data"), &data);
    http_close(&world->conn);
    str arguments = arena_printf(&world->lasting, "%s %.*s", three_arguments(world),
                                 STR_ARG(world->server_arguments));
    TRY(process_serve_one(world, "server", data, arguments, &world->port));
    world_set(world, STR("port"), arena_printf(&world->lasting, "%u", world->port));
    world_set(world, STR("pid"),
              arena_printf(&world->lasting, "%d", (int)process_find(world, STR("server"))->pid));
    TRY(three_serve(world));
    world->last = process_find(world, STR("server"));
    return OK;
}

enum err process_end_all(struct world *world)
{
    enum err result = OK;
    http_close(&world->conn);
    for (struct process *process = world->processes; process; process = process->next) {
        bool is_server = process_is_server(process);
        bool ran = !has_ended(process);
        if (ran)
            kill(process->pid, SIGTERM);
        if (ran && process_await(world, process, END_LIMIT) != OK) {
            kill(process->pid, SIGKILL);
            result = ERR_TIMEOUT;
        } else if (is_server && !process->expected_to_die && (!ran || process->exit_code != 0)) {
            result =
                world_fail(world, "the server ended with %d%s", process->exit_code,
                           ran ? " when it was asked to end" : " in the middle of the scenario");
        }
    }
    return result;
}
