/*
 * ops_hammer ADDRESS PORT THREADS PATH: asks for PATH again and again, each time on a new
 * connection, until SIGTERM; then prints "N answered, N refused, N broken, N other". Refused: no
 * connection; broken: no complete answer on it; other: an answer that is not 200.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 16 };

static struct sockaddr_in address;
static char request[512];
static _Atomic bool over;
static _Atomic unsigned long answered, refused, broken, other;

static void on_term(int number)
{
    (void)number;
    atomic_store(&over, true);
}

/* The answer closes the connection: what is read to the end with its head's length is complete. */
static void judge(const char *text, size_t len)
{
    const char *body = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    bool whole = body && length && length < body &&
                 (size_t)(body + 4 - text) + strtoul(length + 16, NULL, 10) == len;
    if (!whole)
        atomic_fetch_add(&broken, 1);
    else if (strncmp(text, "HTTP/1.1 200 ", 13) == 0)
        atomic_fetch_add(&answered, 1);
    else
        atomic_fetch_add(&other, 1);
}

static void ask_once(void)
{
    static _Thread_local char text[65536];
    struct timeval patience = { .tv_sec = 120 };
    size_t len = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        atomic_fetch_add(&refused, 1);
        close(fd);
        return;
    }
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    while (len < sizeof(text) - 1) {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = 0;
    close(fd);
    judge(text, len);
}

static void *thread_main(void *arg)
{
    const struct timespec pause = { 0, 2000000 };
    (void)arg;
    while (!atomic_load(&over)) {
        ask_once();
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    if (argc != 5)
        return 2;
    int count = atoi(argv[3]);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 || count < 1 || count > THREADS_MAX)
        return 2;
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", argv[4]);
    signal(SIGTERM, on_term);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, thread_main, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%lu answered, %lu refused, %lu broken, %lu other\n", answered, refused, broken, other);
    return 0;
}
