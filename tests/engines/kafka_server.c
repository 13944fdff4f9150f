/*
 * kafka_server: an Apache Kafka for a script or a person.
 *
 *     kafka_server [-n BROKERS] COMMAND ...   runs the command with KAFKA_BROKERS set, ends with
 * its exit code kafka_server [-n BROKERS] --hold        until it is told to end (make kafka)
 *
 * Within the command: `--stop [NODE]` kills a broker as a crash does, `--pause` and `--resume` stop
 * and continue its process, `--start` starts those that do not run. Without Kafka on the machine it
 * says so as a skipped suite does.
 */
#include "engines/bus/kafka/fixture/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASK_TRIES = 6000, TRY_US = 20000, PATH_BYTES = 256 };

static struct kafka_server server;

static int fail(void)
{
    fprintf(stderr, "kafka_server: %s\n", err_slot()->text);
    return 1;
}

/* --- The files by which the command below us knows who runs -------------------------------------
 */

static void pid_path(const char *folder, unsigned node, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%s/n%u/pid", folder, node + 1);
}

static void pids_write(void)
{
    char path[PATH_BYTES];
    for (unsigned i = 0; i < server.nodes_count; i++) {
        pid_path(server.folder, i, path);
        FILE *file = server.nodes[i].pid > 0 ? fopen(path, "w") : NULL;
        if (file) {
            fprintf(file, "%d\n", server.nodes[i].pid);
            fclose(file);
        } else {
            unlink(path);
        }
    }
}

/* 0: it does not run. */
static pid_t pid_read(const char *folder, unsigned node)
{
    char path[PATH_BYTES];
    int pid = 0;
    pid_path(folder, node, path);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

/* --- Above the command --------------------------------------------------------------------------
 */

/* They wait until sigwait() takes them: none is missed between two looks. */
static sigset_t signals;

static void signals_take(bool ends)
{
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGCHLD);
    for (int i = 0; ends && i < 3; i++)
        sigaddset(&signals, (int[]){ SIGINT, SIGTERM, SIGHUP }[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

static bool node_ended(pid_t pid)
{
    for (unsigned i = 0; i < server.nodes_count; i++)
        if (server.nodes[i].pid == pid) {
            server.nodes[i].pid = 0;
            return true;
        }
    return false;
}

/* Waits for the command, and starts brokers when it asks for it. */
static int command_await(pid_t command)
{
    for (;;) {
        int number = 0, status = 0;
        pid_t ended;
        sigwait(&signals, &number);
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            if (ended == command)
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            node_ended(ended);
        }
        if (number == SIGUSR1 && kafka_server_start(&server) != OK)
            return fail();
        pids_write();
    }
}

static int command_run(char **command)
{
    signals_take(false);
    pid_t pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    return pid < 0 ? 1 : command_await(pid);
}

static int hold(const char *brokers)
{
    int number = 0;
    signals_take(true);
    printf("Apache Kafka listens at %s (its logs: %s)\nCtrl-C ends it.\n", brokers, server.folder);
    fflush(stdout);
    for (;;) {
        sigwait(&signals, &number);
        if (number == SIGCHLD && node_ended(waitpid(-1, NULL, WNOHANG))) {
            fprintf(stderr, "A broker has ended by itself\n");
            return 1;
        }
        if (number != SIGCHLD && number != SIGUSR1)
            return 0;
    }
}

/* --- Below the command's caller -----------------------------------------------------------------
 */

static int await_node(const char *folder, unsigned node, bool runs)
{
    int tries = 0;
    while ((pid_read(folder, node) > 0) != runs && tries++ < ASK_TRIES)
        usleep(TRY_US);
    return tries >= ASK_TRIES;
}

static int ask(const char *what, const char *which)
{
    const char *folder = getenv("KB_KAFKA_FOLDER"), *parent = getenv("KB_KAFKA_PARENT");
    const char *count = getenv("KB_KAFKA_NODES");
    if (!folder || !parent || !count)
        return 2;
    unsigned node = which ? (unsigned)atoi(which) - 1 : 0;
    pid_t pid = pid_read(folder, node);
    if (strcmp(what, "--start") == 0) {
        int failed = kill(atoi(parent), SIGUSR1);
        for (unsigned i = 0; i < (unsigned)atoi(count); i++)
            failed |= await_node(folder, i, true);
        return failed;
    }
    if (pid <= 0)
        return 1;
    if (strcmp(what, "--stop") == 0)
        return kill(pid, SIGKILL) | await_node(folder, node, false);
    return kill(pid, strcmp(what, "--pause") == 0 ? SIGSTOP : SIGCONT) ? 1 : 0;
}

static bool is_question(const char *word)
{
    static const char *const words[] = { "--start", "--stop", "--pause", "--resume" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static void environment_set(const char *brokers)
{
    char number[16];
    setenv("KAFKA_BROKERS", brokers, 1);
    setenv("KB_KAFKA_FOLDER", server.folder, 1);
    snprintf(number, sizeof(number), "%d", getpid());
    setenv("KB_KAFKA_PARENT", number, 1);
    snprintf(number, sizeof(number), "%u", server.nodes_count);
    setenv("KB_KAFKA_NODES", number, 1);
}

static int serve(char **words, unsigned nodes)
{
    char brokers[KAFKA_BROKERS_TEXT];
    bool holds = strcmp(words[0], "--hold") == 0;
    server.lasting = holds;
    enum err err = kafka_server_open(&server, nodes);
    if (err == ERR_NOT_FOUND && !holds) {
        printf("  skipped: %s\nskipped kafka\n0 passed, 0 failed, 1 skipped\n", err_slot()->text);
        return 0;
    }
    if (err != OK)
        return fail();
    kafka_server_brokers(&server, brokers);
    environment_set(brokers);
    pids_write();
    return holds ? hold(brokers) : command_run(words);
}

int main(int argc, char **argv)
{
    unsigned nodes = 1;
    char **words = argv + 1;
    if (argc > 1 && is_question(argv[1]))
        return ask(argv[1], argv[2]);
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        nodes = (unsigned)atoi(argv[2]);
        words += 2;
    }
    if (!words[0] || nodes < 1 || nodes > KAFKA_NODES_MAX) {
        fprintf(stderr,
                "usage: kafka_server [-n 1..5] COMMAND ... | --hold\n"
                "       kafka_server --stop [NODE] | --pause [NODE] | --resume [NODE] | --start\n");
        return 2;
    }
    int code = serve(words, nodes);
    kafka_server_close(&server);
    return code;
}
