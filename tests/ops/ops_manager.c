/*
 * ops_manager: a service manager as small as it can be. Starts the program of its arguments with
 * NOTIFY_SOCKET (given in the environment as MANAGER_SOCKET, a path or "@name") and prints every
 * line it is told. With MANAGER_LISTEN set it also holds a listening socket for the
 * program, as systemd does (sd_listen_fds(3)), and prints "listening PORT". On standard input it
 * takes "hang THREAD" and "release THREAD", which stop and continue one thread of the program by
 * ptrace(2), and "signal N". Ends as the program does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t program;

static int socket_open(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(name);
    if (len >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, bytes) == 0 ? fd : -1;
}

/* The thread of the program whose name this is, or 0. */
static pid_t thread_named(const char *wanted)
{
    char path[300], name[64];
    pid_t found = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", program);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", program, entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fgets(name, sizeof(name), file)) {
            name[strcspn(name, "\n")] = 0;
            found = strcmp(name, wanted) == 0 ? atoi(entry->d_name) : 0;
        }
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return found;
}

static void hang(const char *name)
{
    pid_t thread = thread_named(name);
    int status;
    bool held = thread && ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0 &&
                ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0 &&
                waitpid(thread, &status, __WALL) == thread;
    printf("%s %s\n", held ? "hung" : "cannot hang", name);
}

static void release(const char *name)
{
    pid_t thread = thread_named(name);
    bool freed = thread && ptrace(PTRACE_DETACH, thread, NULL, NULL) == 0;
    printf("%s %s\n", freed ? "released" : "cannot release", name);
}

static void command(char *line)
{
    if (strncmp(line, "hang ", 5) == 0)
        hang(line + 5);
    else if (strncmp(line, "release ", 8) == 0)
        release(line + 8);
    else if (strncmp(line, "signal ", 7) == 0)
        kill(program, atoi(line + 7));
}

/* False at the end of the input. */
static bool commands_read(void)
{
    static char line[256];
    static size_t len;
    char c;
    ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got <= 0)
        return false;
    if (c == '\n') {
        line[len] = 0;
        len = 0;
        command(line);
    } else if (len + 1 < sizeof(line)) {
        line[len++] = c;
    }
    return true;
}

/* A listening socket on a port of the system's choice. */
static int listener_open(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, bytes) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        return -1;
    printf("listening %d\n", ntohs(address.sin_port));
    return fd;
}

/* In the child: the socket becomes descriptor 3, and the variables say so. */
static void listener_pass(int fd)
{
    char pid[32];
    snprintf(pid, sizeof(pid), "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "kinobezdna.socket", 1);
    if (fd == 3)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, 3);
}

static void print_told(int fd)
{
    char text[4096];
    ssize_t len = recv(fd, text, sizeof(text) - 1, 0);
    if (len > 0)
        printf("%.*s\n", (int)len, text);
}

int main(int argc, char **argv)
{
    const char *name = getenv("MANAGER_SOCKET");
    int fd = name && argc > 1 ? socket_open(name) : -1, status = 0;
    if (fd < 0)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("NOTIFY_SOCKET", name, 1);
    int listener = getenv("MANAGER_LISTEN") ? listener_open() : -1;
    program = fork();
    if (program == 0) {
        if (listener >= 0)
            listener_pass(listener);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    struct pollfd ready[] = { { .fd = fd, .events = POLLIN },
                              { .fd = STDIN_FILENO, .events = POLLIN } };
    while (waitpid(program, &status, WNOHANG) != program) {
        if (poll(ready, 2, 50) <= 0)
            continue;
        if (ready[0].revents)
            print_told(fd);
        if (ready[1].revents && !commands_read())
            ready[1].fd = -1;
    }
    while (poll(ready, 1, 0) > 0)
        print_told(fd);
    printf("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
