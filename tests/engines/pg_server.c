/*
 * pg_server: a PostgreSQL for a script. `pg_server COMMAND ...` starts one, runs the command and
 * ends with its exit code; within it `pg_server --new` prints the URL of a fresh database. Without
 * PostgreSQL on the machine it says so as a skipped suite does.
 */
#include "engines/db/postgres/fixture/server.h"

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

static int command_run(char **command)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    static struct pg_server server;
    if (argc == 2 && strcmp(argv[1], "--new") == 0)
        return database_new();
    if (argc < 2) {
        fprintf(stderr, "usage: pg_server COMMAND ... | pg_server --new\n");
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
    setenv("KB_PG_FOLDER", server.folder, 1);
    int code = command_run(argv + 1);
    pg_server_close(&server);
    return code;
}
