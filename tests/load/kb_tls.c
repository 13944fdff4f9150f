/*
 * kb_tls: the TLS client of the bench, for a server on the loopback. Prints one JSON object, with
 * the fields of kb_load.
 *
 *   kb_tls full    -p PORT -P PID           handshakes of TLS 1.3, one after another
 *   kb_tls resumed -p PORT -P PID           the same with a ticket of the first one
 *   kb_tls get     -p PORT -P PID -f FILE   HTTP/1.1 requests of paths, on kept connections
 *
 * -c connections of get (4)   -t milliseconds (1500)   -w warm-up, ms (200)
 * -C pin the client to this processor
 */
#include "probe.h"

#include "foundation/base/str.h"
#include "foundation/mem/arena.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATHS_MAX = 1000, CONNECTIONS_MAX = 64, READ_BYTES = 64 << 10 };

static struct {
    uint16_t port;
    struct probe probe;
    span window, warm;
    int connections, processor;
    unsigned paths_count;
    char *paths[PATHS_MAX];
} options = {
    .window = MILLISECONDS(1500), .warm = MILLISECONDS(200), .connections = 4, .processor = -1
};

static SSL_CTX *context;

static SSL *connect_tls(SSL_SESSION *session)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(options.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        load_fail("connecting: %s", strerror(errno));
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL; /* it is worn out by its use */
    if (copy)
        SSL_set_session(ssl, copy);
    SSL_SESSION_free(copy);
    if (SSL_connect(ssl) != 1)
        load_fail("the handshake failed");
    return ssl;
}

/* Says goodbye and waits for the server's end, so that all of its work is counted. */
static void disconnect(SSL *ssl)
{
    char bytes[1024];
    size_t count;
    SSL_shutdown(ssl);
    while (SSL_read_ex(ssl, bytes, sizeof(bytes), &count) == 1)
        ;
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

/* --- Handshakes ----------------------------------------------------------------------------- */

static SSL_SESSION *kept;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    if (kept)
        return 0;
    kept = session;
    return 1;
}

static void ticket_get(void)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    disconnect(connect_tls(NULL));
    if (!kept)
        load_fail("the server gives no ticket");
}

static uint64_t handshakes_until(instant end, bool resume)
{
    uint64_t count = 0;
    while (clock_mono() < end) {
        SSL *ssl = connect_tls(resume ? kept : NULL);
        if ((bool)SSL_session_reused(ssl) != resume)
            load_fail("a session was %s", resume ? "not resumed" : "resumed");
        disconnect(ssl);
        count++;
    }
    return count;
}

/* --- Bodies --------------------------------------------------------------------------------- */

static char room[READ_BYTES];

static size_t read_some(SSL *ssl)
{
    size_t count;
    if (SSL_read_ex(ssl, room, sizeof(room), &count) != 1)
        load_fail("the answer ended too early");
    return count;
}

static void request_send(SSL *ssl, const char *path)
{
    char text[2048];
    size_t written;
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    if (SSL_write_ex(ssl, text, (size_t)len, &written) != 1)
        load_fail("the connection has gone");
}

/* The length of the body. */
static uint64_t answer_take(SSL *ssl)
{
    size_t len = read_some(ssl);
    const char *end = memmem(room, len, "\r\n\r\n", 4);
    const char *length = end ? strcasestr(room, "\ncontent-length:") : NULL;
    if (!length || length > end || (atoi(room + 9) != 200 && atoi(room + 9) != 206))
        load_fail("not a good answer: %.40s", room);
    uint64_t size = strtoull(length + 16, NULL, 10), got = len - (size_t)(end + 4 - room);
    while (got < size)
        got += read_some(ssl);
    return size;
}

static uint64_t bodies_until(SSL **connections, instant end, uint64_t *bytes)
{
    static unsigned turn;
    uint64_t count = 0;
    while (clock_mono() < end) {
        for (int i = 0; i < options.connections; i++)
            request_send(connections[i], options.paths[turn++ % options.paths_count]);
        for (int i = 0; i < options.connections; i++, count++)
            *bytes += answer_take(connections[i]);
    }
    return count;
}

/* --- The run -------------------------------------------------------------------------------- */

static void print_result(uint64_t count, uint64_t bytes, const struct reading *begin,
                         const struct reading *end)
{
    double cpu_ns = (double)(end->cpu_ns - begin->cpu_ns);
    if (count == 0 || cpu_ns <= 0)
        load_fail("nothing was measured");
    printf("{\"requests\":%" PRIu64 ",\"errors\":0,\"bytes\":%" PRIu64, count, bytes);
    printf(",\"seconds\":%.6f", (double)(end->at - begin->at) / 1e6);
    printf(",\"cpu_us_per_request\":%.3f,\"requests_per_cpu_second\":%.1f}\n",
           cpu_ns / 1e3 / (double)count, (double)count * 1e9 / cpu_ns);
}

static void run(const char *mode)
{
    static SSL *connections[CONNECTIONS_MAX];
    bool get = strcmp(mode, "get") == 0, resume = strcmp(mode, "resumed") == 0;
    uint64_t count, bytes = 0;
    if (!get && !resume && strcmp(mode, "full") != 0)
        load_fail("%s is not full, resumed or get", mode);
    if (get && options.paths_count == 0)
        load_fail("get needs paths");
    if (resume)
        ticket_get();
    for (int i = 0; get && i < options.connections; i++)
        connections[i] = connect_tls(NULL);
    instant warm = clock_mono() + options.warm;
    (void)(get ? bodies_until(connections, warm, &bytes) : handshakes_until(warm, resume));
    bytes = 0;
    struct reading begin = probe_read(&options.probe);
    instant until = clock_mono() + options.window;
    count = get ? bodies_until(connections, until, &bytes) : handshakes_until(until, resume);
    struct reading end = probe_read(&options.probe);
    print_result(count, bytes, &begin, &end);
}

static void path_add(const char *path)
{
    if (options.paths_count == PATHS_MAX)
        load_fail("more than %d paths", PATHS_MAX);
    options.paths[options.paths_count++] = strdup(path);
}

static void paths_from(const char *name)
{
    char line[1024];
    FILE *file = fopen(name, "re");
    if (!file)
        load_fail("%s: %s", name, strerror(errno));
    while (fscanf(file, "%1023s", line) == 1)
        path_add(line);
    fclose(file);
}

static int number(const char *text, int max)
{
    int64_t value;
    if (!str_parse_i64(str_of(text), &value) || value < 0 || value > max)
        load_fail("a number from 0 to %d was expected, not %s", max, text);
    return (int)value;
}

static bool option_apply(int letter, const char *value)
{
    switch (letter) {
    case 'p':
        options.port = (uint16_t)number(value, 65535);
        return true;
    case 'P':
        options.probe.pid = (pid_t)number(value, INT32_MAX);
        return true;
    case 'c':
        options.connections = number(value, CONNECTIONS_MAX);
        return true;
    case 't':
        options.window = MILLISECONDS(number(value, 120000));
        return true;
    case 'w':
        options.warm = MILLISECONDS(number(value, 120000));
        return true;
    case 'C':
        options.processor = number(value, CPU_SETSIZE - 1);
        return true;
    case 'f':
        paths_from(value);
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    int letter;
    cpu_set_t set;
    if (argc < 2)
        load_fail("say full, resumed or get; the file's head lists the options");
    const char *mode = argv[1];
    argv++, argc--;
    while ((letter = getopt(argc, argv, "p:P:c:t:w:C:f:")) != -1)
        if (!option_apply(letter, optarg))
            return 2;
    for (int i = optind; i < argc; i++)
        path_add(argv[i]);
    CPU_ZERO(&set);
    CPU_SET(MAX_OF(options.processor, 0), &set);
    if (options.processor >= 0)
        sched_setaffinity(0, sizeof(set), &set);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF); /* or it spoils the session */
    run(mode);
    return 0;
}
