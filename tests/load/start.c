/* start: fork, exec, look for the address file every 200 microseconds, then ask over HTTP. */
#include "start.h"

#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT SECONDS(20)

static unsigned read_port(const char *address_file)
{
    char text[64] = { 0 };
    int fd = open(address_file, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    const char *colon = got > 0 && text[got - 1] == '\n' ? strrchr(text, ':') : NULL;
    return colon ? (unsigned)atoi(colon + 1) : 0;
}

static bool answers(unsigned port, const char *path)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char request[1024], answer[16] = { 0 };
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                send(fd, request, (size_t)len, MSG_NOSIGNAL) == len &&
                recv(fd, answer, 12, MSG_WAITALL) == 12 && strcmp(answer + 8, " 200") == 0;
    close(fd);
    return good;
}

/* The output goes to standard error: standard output carries our own line only. */
NORETURN static void become(char **argv)
{
    setsid();
    dup2(2, 1);
    execvp(argv[0], argv);
    fprintf(stderr, "kb_load: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int start_server(const char *address_file, const char *path, char **argv)
{
    const struct timespec pause = { .tv_nsec = 200000 };
    unlink(address_file);
    instant begun = clock_mono();
    pid_t pid = fork();
    if (pid == 0)
        become(argv);
    for (;;) {
        int status;
        unsigned port = read_port(address_file);
        if (port && answers(port, path)) {
            printf("{\"us\":%lld,\"pid\":%d,\"port\":%u}\n", (long long)(clock_mono() - begun),
                   (int)pid, port);
            return 0;
        }
        if (pid < 0 || waitpid(pid, &status, WNOHANG) == pid)
            load_fail("%s ended before it answered", argv[0]);
        if (clock_mono() - begun > START_LIMIT) {
            kill(pid, SIGKILL);
            load_fail("%s did not answer %s with 200 within 20 s", argv[0], path);
        }
        nanosleep(&pause, NULL);
    }
}
