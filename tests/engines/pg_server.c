/*
 * pg_server: a PostgreSQL for a script. `pg_server COMMAND ...` starts one, runs the command and
 * ends with its exit code; within it `pg_server --new` prints the URL of a fresh database, `--stop`
 * stops the server at once and `--start` starts it again. Without PostgreSQL on the machine it says
 * so as a skipped suite does.
 */
#include "engines/db/postgres/fixture/server.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(void)
{
    fprintf(stderr, "pg_server: %s\n", err_slot()->text);
    return 1;
}

static int database_new(void)
{
    struct pg_server server = { .pid = 0 };
    char url[PG_SERVER_URL], name[48], sql[128];
    const char *folder = getenv("KB_PG_FOLDER");
    if (!folder || strlen(folder) >= sizeof(server.folder)) {
        fprintf(stderr, "pg_server: --new is for commands under pg_server\n");
        return 2;
    }
    memcpy(server.folder, folder, strlen(folder) + 1);
    snprintf(name, sizeof(name), "d%d_%lx", getpid(), (unsigned long)random());
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s STRATEGY file_copy", name);
    if (pg_server_sql(&server, "postgres", sql, NULL, 0) != OK)
        return fail();
    pg_server_url(&server, name, url);
    printf("%s\n", url);
    return 0;
}

static volatile sig_atomic_t start_wanted, stop_wanted;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        start_wanted = 1;
    else
        stop_wanted = 1;
}

static void signals_take(void)
{
    struct sigaction action = { .sa_handler = on_signal }; /* without SA_RESTART: wakes waitpid() */
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
}

/* Waits for the command, and starts or stops the server when it asks for it. */
static int command_await(struct pg_server *server, pid_t command)
{
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == command)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended == server->pid)
            server->pid = 0;
        if (stop_wanted)
            pg_server_stop(server, SIGQUIT);
        if (start_wanted && pg_server_start(server) != OK)
            return fail();
        start_wanted = stop_wanted = 0;
    }
}

static int command_run(struct pg_server *server, char **command)
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    return pid < 0 ? 1 : command_await(server, pid);
}

/* Asks the pg_server above us, and waits until the server is as wanted. */
static int server_ask(int signal, bool runs)
{
    char url[PG_SERVER_URL];
    struct pg_server server = { .pid = 0 };
    const char *folder = getenv("KB_PG_FOLDER"), *parent = getenv("KB_PG_PARENT");
    if (!folder || !parent || strlen(folder) >= sizeof(server.folder))
        return 2;
    memcpy(server.folder, folder, strlen(folder) + 1);
    pg_server_url(&server, "postgres", url);
    kill(atoi(parent), signal);
    for (int i = 0; i < 3000 && (PQping(url) == PQPING_OK) != runs; i++)
        usleep(20000);
    return (PQping(url) == PQPING_OK) != runs;
}

int main(int argc, char **argv)
{
    static struct pg_server server;
    if (argc == 2 && strcmp(argv[1], "--new") == 0)
        return database_new();
    if (argc == 2 && strcmp(argv[1], "--stop") == 0)
        return server_ask(SIGUSR2, false);
    if (argc == 2 && strcmp(argv[1], "--start") == 0)
        return server_ask(SIGUSR1, true);
    if (argc < 2) {
        fprintf(stderr, "usage: pg_server COMMAND ... | --new | --stop | --start\n");
        return 2;
    }
    enum err err = pg_server_open(&server);
    if (err == ERR_NOT_FOUND) {
        printf("  skipped: %s\nskipped postgres\n0 passed, 0 failed, 1 skipped\n",
               err_slot()->text);
        return 0;
    }
    if (err != OK)
        return fail();
    char own[16];
    snprintf(own, sizeof(own), "%d", getpid());
    setenv("KB_PG_PARENT", own, 1);
    setenv("KB_PG_FOLDER", server.folder, 1);
    signals_take();
    int code = command_run(&server, argv + 1);
    pg_server_close(&server);
    return code;
}
