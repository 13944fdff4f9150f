/* http_idle_test: what a connection that waits holds, by the allocator's own count. */
#include "http_fixture.h"

#include "foundation/net/tls_fixture.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of sanitizers that come with an allocator; gcc has no header for it. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl51-cpp) */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

enum { WARM = 20, COUNT = 100 };

static enum err hello(struct http_request *request, struct http_response *response)
{
    (void)request;
    http_reply_memory(response, STR("text/plain"), STR("hello"));
    return OK;
}

static const struct http_route routes[] = { { METHOD_GET, "/", hello, .summary = NULL } };

/* RFC 9113 sections 3.4 and 6.5, RFC 7541 appendix A: ":method: GET", ":scheme: http", ":path: /".
 */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\4\0\0\0\0\0"
                              "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\x01"
                              "a"
                              "\0\0\0\4\1\0\0\0\0";
static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct visit {
    struct fixture *fixture;
    SSL_CTX *context; /* NULL: in clear */
    str request;
};

static size_t part_read(SSL *ssl, int fd, char *room, size_t room_bytes)
{
    size_t count = 0;
    if (!ssl) {
        ssize_t got = recv(fd, room, room_bytes, 0);
        return got > 0 ? (size_t)got : 0;
    }
    return SSL_read_ex(ssl, room, room_bytes, &count) == 1 ? count : 0;
}

/* Asks once and forgets all but the socket: the client's memory is not to be counted. */
static int visit_begin(const struct visit *visit)
{
    char answer[4096];
    size_t len = 0, count = 1;
    int fd = client_open(visit->fixture);
    SSL *ssl = visit->context ? SSL_new(visit->context) : NULL;
    if (ssl) {
        SSL_set_fd(ssl, fd);
        CHECK_INT(SSL_connect(ssl), 1);
        CHECK_INT(SSL_write(ssl, visit->request.ptr, (int)visit->request.len), visit->request.len);
    } else {
        client_send(fd, visit->request);
    }
    while (count && str_find((str){ answer, len }, STR("hello")) < 0) {
        count = part_read(ssl, fd, answer + len, sizeof(answer) - len);
        len += count;
    }
    CHECK(count > 0);
    SSL_free(ssl);
    return fd;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* What the server holds more with COUNT more of them. */
static size_t idle_bytes(const struct visit *visit)
{
    int fds[WARM + COUNT];
    size_t before = 0;
    for (int i = 0; i < WARM + COUNT; i++) {
        if (i == WARM) {
            fixture_run(visit->fixture, nothing, NULL);
            before = __sanitizer_get_current_allocated_bytes();
        }
        fds[i] = visit_begin(visit);
    }
    fixture_run(visit->fixture, nothing, NULL); /* it has settled the last one */
    size_t after = __sanitizer_get_current_allocated_bytes();
    for (int i = 0; i < WARM + COUNT; i++)
        close(fds[i]);
    return after > before ? (after - before) / COUNT : 0;
}

static void check_small(enum http_entry entry, bool http2, size_t bytes_max)
{
    static const unsigned char offer[] = { 2, 'h', '2' };
    struct tls_files files = tls_files_make("idle", "a.example", 1);
    struct net_tls_pair pairs[] = { { str_of(files.cert), str_of(files.key) } };
    struct net_tls_settings settings = { .pairs = pairs, .pairs_count = 1 };
    struct net_tls *tls;
    CHECK_OK(net_tls_open(&settings, &tls));
    struct http_server_settings server = { .tls = tls };
    struct visit visit = { fixture_open_as(routes, ARRAY_LEN(routes), &server, entry), NULL,
                           http2 ? (str){ preface, sizeof(preface) - 1 } : str_of(head) };
    if (entry == HTTP_ENTRY_TLS)
        visit.context = tls_client_context();
    if (visit.context && http2)
        SSL_CTX_set_alpn_protos(visit.context, offer, sizeof(offer));
    size_t bytes = idle_bytes(&visit);
    printf("  an idle connection (HTTP/%d%s) holds %zu bytes\n", http2 ? 2 : 1,
           visit.context ? ", TLS" : "", bytes);
    CHECK(bytes > 100 && bytes <= bytes_max);
    fixture_close(visit.fixture);
    SSL_CTX_free(visit.context);
    net_tls_close(tls);
}

TEST(idle_connections_hold_little)
{
    if (!__sanitizer_get_current_allocated_bytes)
        SKIP("the allocator does not count");
    check_small(HTTP_ENTRY_CLEAR, false, 1024);
    check_small(HTTP_ENTRY_CLEAR, true, 13 << 10); /* some allocators count what they round up to */
    check_small(HTTP_ENTRY_TLS, false, 18 << 10);
    check_small(HTTP_ENTRY_TLS, true, 30 << 10);
}
