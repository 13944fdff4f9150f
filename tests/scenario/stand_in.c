/*
 * stand_in: a few fixed answers behind the command line of the real program
 * (`serve --data DIR --listen 127.0.0.1:0`), for the runner's own tests: right answers, and every
 * kind of wrong one a scenario must notice. One process a connection; state is shared by memory.
 */
#include "foundation/base/base.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 1 << 20, SEATS = 3, READY_AFTER = 4 };

static struct {
    atomic_int seats_taken;
    atomic_int looks;
} * state;

static void put(int fd, const char *text)
{
    size_t len = strlen(text);
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        _exit(0);
}

static void answer(int fd, const char *status, const char *headers, const char *body)
{
    static char text[REQUEST_BYTES_MAX + 1024];
    snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers,
             strlen(body), body);
    put(fd, text);
}

static const char films[] =
    "{\"items\":[{\"id\":\"7\",\"title\":\"Метрополис\",\"year\":1927,\"genres\":[\"drama\"]},"
    "{\"id\":\"8\",\"title\":\"Nosferatu\",\"year\":1922,\"genres\":[]}],\"next\":null}";

static void answer_fixed(int fd, const char *path)
{
    static const struct {
        const char *path, *text;
    } table[] = {
        { "/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n" },
        { "/bad-chunk",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n" },
        { "/two-lengths",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
          "3\r\nabc\r\n0\r\n\r\n" },
        { "/bad-head", "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n" },
        { "/early", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
        { "/no-content", "HTTP/1.1 204 No Content\r\n\r\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(path, table[i].path) == 0) {
            put(fd, table[i].text);
            return;
        }
    }
    answer(fd, "404 Not Found", "", "nothing here\n");
}

static void answer_short(int fd)
{
    put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    _exit(0);
}

/* Answers one request; false when the connection ends. */
static bool respond(int fd, const char *method, const char *path, const char *body)
{
    if (strcmp(path, "/livez") == 0)
        answer(fd, "200 OK", "Content-Type: text/plain\r\nETag: \"v1\"\r\nVary: A\r\nVary: B\r\n",
               strcmp(method, "HEAD") ? "alive\n" : "");
    else if (strcmp(path, "/films") == 0)
        answer(fd, "200 OK", "Content-Type: application/json\r\n", films);
    else if (strcmp(path, "/twice") == 0)
        answer(fd, "200 OK", "", "{\"a\":1,\"b\":{\"a\":2,\"a\":3}}");
    else if (strcmp(path, "/echo") == 0)
        answer(fd, "201 Created", "", body);
    else if (strcmp(path, "/seats") == 0)
        answer(fd,
               atomic_fetch_add(&state->seats_taken, 1) < SEATS ? "201 Created" : "409 Conflict",
               "", "");
    else if (strcmp(path, "/ready") == 0)
        answer(fd, atomic_fetch_add(&state->looks, 1) + 1 < READY_AFTER ? "503 Not Yet" : "200 OK",
               "", "");
    else if (strcmp(path, "/short") == 0)
        answer_short(fd);
    else if (strcmp(path, "/silent") == 0)
        pause();
    else if (strcmp(path, "/die") == 0)
        kill(getppid(), SIGABRT);
    else
        answer_fixed(fd, path);
    return strcmp(path, "/die") != 0;
}

/* Reads whole requests (Content-Length only) and answers them in order. */
NORETURN static void converse(int fd)
{
    static char in[REQUEST_BYTES_MAX];
    size_t len = 0;
    for (;;) {
        char method[16], path[256], body[2048] = "";
        char *end = len ? memmem(in, len, "\r\n\r\n", 4) : NULL;
        if (!end) {
            ssize_t got = len < sizeof(in) ? recv(fd, in + len, sizeof(in) - len, 0) : 0;
            if (got <= 0)
                _exit(0);
            len += (size_t)got;
            continue;
        }
        *end = 0;
        if (sscanf(in, "%15s %255s HTTP/1.1", method, path) != 2 || path[0] != '/') {
            answer(fd, "400 Bad Request", "Connection: close\r\n", "");
            _exit(0);
        }
        const char *length = strstr(in, "Content-Length: ");
        size_t body_len = length ? strtoul(length + 16, NULL, 10) : 0;
        size_t used = (size_t)(end + 4 - in);
        while (len < used + body_len && len < sizeof(in)) {
            ssize_t got = recv(fd, in + len, sizeof(in) - len, 0);
            if (got <= 0)
                _exit(0);
            len += (size_t)got;
        }
        snprintf(body, sizeof(body), "%.*s", (int)MIN_OF(body_len, sizeof(body) - 1), in + used);
        len -= used + body_len;
        memmove(in, in + used + body_len, len);
        if (!respond(fd, method, path, body))
            _exit(0);
    }
}

static int exit_code; /* when it is told to end */

static void terminated(int number)
{
    (void)number;
    _exit(exit_code);
}

static void write_address(const char *data, unsigned port)
{
    char path[1024];
    mkdir(data, 0700);
    snprintf(path, sizeof(path), "%s/http.addr", data);
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(1);
    }
    fprintf(file, "127.0.0.1:%u\n", port);
    fclose(file);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    if (argc >= 2 && strcmp(argv[1], "version") == 0) {
        printf("stand-in 1\n");
        return 0;
    }
    if (argc < 6 || strcmp(argv[1], "serve") != 0 || strcmp(argv[2], "--data") != 0) {
        fprintf(stderr, "stand-in: unknown command\n");
        return 64;
    }
    state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (state == MAP_FAILED || bind(listener, (struct sockaddr *)&address, len) < 0 ||
        listen(listener, 64) < 0 || getsockname(listener, (struct sockaddr *)&address, &len) < 0)
        return 1;
    const char *wish = getenv("STAND_IN_EXIT");
    exit_code = wish ? atoi(wish) : 0;
    signal(SIGTERM, terminated);
    signal(SIGCHLD, SIG_IGN);
    fprintf(stderr, "stand-in: serving\n");
    write_address(argv[3], ntohs(address.sin_port));
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        if (fork() == 0) {
            signal(SIGTERM, SIG_DFL);
            close(listener);
            converse(fd);
        }
        close(fd);
    }
}
