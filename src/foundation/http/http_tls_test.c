/* http_tls_test: the server behind TLS: the same answers, the field of HSTS, and the redirect. */
#include "http_fixture.h"

#include "foundation/net/tls_fixture.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_BYTES = (2 << 20) + 777, ANSWER_MAX = FILE_BYTES + 4096 };

static struct http_file *file;
static char *file_text;

static enum err hello(struct http_request *request, struct http_response *response)
{
    http_reply_memory(response, STR("text/plain"), request->secure ? STR("secure") : STR("clear"));
    return OK;
}

static enum err whole_file(struct http_request *request, struct http_response *response)
{
    struct http_file_part part = { file, 0, FILE_BYTES, STR("") };
    http_reply_file(request, response, STR("video/mp4"), &part);
    return OK;
}

static ptrdiff_t count_up(void *state, char *room, size_t room_bytes)
{
    unsigned *left = state;
    size_t len = MIN_OF((size_t)*left, room_bytes);
    memset(room, 'g', len);
    *left -= (unsigned)len;
    return (ptrdiff_t)len;
}

static enum err generated(struct http_request *request, struct http_response *response)
{
    unsigned *left = arena_alloc(request->arena, sizeof(*left));
    *left = 1000000;
    http_reply_generator(response, STR("text/plain"), HTTP_SIZE_UNKNOWN, count_up, left);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/", hello, .flags = ROUTE_INLINE },
    { METHOD_GET, "/task", hello, .summary = NULL },
    { METHOD_GET, "/file", whole_file, .flags = ROUTE_INLINE },
    { METHOD_GET, "/generated", generated, .summary = NULL },
    { METHOD_POST, "/echo", fixture_echo, .body_bytes_max = 4 << 20 },
    { METHOD_POST, "/upload", fixture_upload, .body_bytes_max = 4 << 20,
      .flags = ROUTE_BODY_STREAM },
};

static void file_prepare(void)
{
    char path[] = "/tmp/kb-http-tls-XXXXXX";
    uint32_t word = 1;
    int fd = mkstemp(path);
    file_text = heap_alloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++, word = word * 1664525 + 1013904223)
        file_text[i] = (char)(word >> 24);
    CHECK_INT(write(fd, file_text, FILE_BYTES), FILE_BYTES);
    close(fd);
    CHECK_OK(http_file_open(path, &file));
    unlink(path);
}

static void file_forget(void)
{
    http_file_release(file);
    heap_free(file_text);
}

struct secured {
    struct net_tls *tls;
    struct fixture *fixture;
    SSL_CTX *context;
};

static struct secured secured_open(void)
{
    struct secured secured;
    struct tls_files files = tls_files_make("http", "a.example", 1);
    struct net_tls_pair pairs[] = { { str_of(files.cert), str_of(files.key) } };
    struct net_tls_settings settings = { .pairs = pairs, .pairs_count = 1 };
    CHECK_OK(net_tls_open(&settings, &secured.tls));
    struct http_server_settings server = { .tls = secured.tls, .hsts = STR("max-age=1000") };
    secured.fixture = fixture_open_as(routes, ARRAY_LEN(routes), &server, HTTP_ENTRY_TLS);
    secured.context = tls_client_context();
    return secured;
}

static void secured_close(struct secured *secured)
{
    fixture_close(secured->fixture);
    SSL_CTX_free(secured->context);
    net_tls_close(secured->tls);
}

static SSL *connect_to(struct secured *secured)
{
    SSL *ssl = SSL_new(secured->context);
    SSL_set_fd(ssl, client_open(secured->fixture));
    CHECK_INT(SSL_connect(ssl), 1);
    return ssl;
}

static void disconnect(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

static void ssl_send(SSL *ssl, str bytes)
{
    size_t written;
    if (bytes.len)
        CHECK_INT(SSL_write_ex(ssl, bytes.ptr, bytes.len, &written), 1);
}

/* To the end the server has declared; a connection that is only cut is a failure. */
static str ssl_read_all(SSL *ssl)
{
    static char *memory;
    size_t len = 0, count;
    if (!memory)
        memory = heap_alloc(ANSWER_MAX);
    while (SSL_read_ex(ssl, memory + len, ANSWER_MAX - len, &count) == 1)
        len += count;
    CHECK_INT(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
    return (str){ memory, len };
}

TEST(answers_are_the_same_behind_tls)
{
    struct secured secured = secured_open();
    SSL *ssl = connect_to(&secured);
    ssl_send(ssl, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /task HTTP/1.1\r\nHost: a\r\n\r\n"
                      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    str answer = ssl_read_all(ssl);
    CHECK_INT(answer_status(answer), 200);
    CHECK_STR(answer_field(answer, STR("Strict-Transport-Security")), STR("max-age=1000"));
    for (int i = 0; i < 3; i++) {
        CHECK(str_starts(answer_body(answer), STR("secure")));
        answer = str_skip(answer_body(answer), 6);
    }
    CHECK_INT(answer.len, 0);
    disconnect(ssl);
    ssl = connect_to(&secured);
    ssl_send(ssl, STR("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"));
    answer = ssl_read_all(ssl);
    CHECK_INT(answer_status(answer), 400);
    CHECK(answer_field(answer, STR("Strict-Transport-Security")).ptr != NULL);
    disconnect(ssl);
    secured_close(&secured);
}

TEST(files_and_generated_bodies_arrive_whole)
{
    struct secured secured = secured_open();
    file_prepare();
    SSL *ssl = connect_to(&secured);
    ssl_send(ssl, STR("GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    usleep(50000); /* let it run into a full socket */
    str answer = ssl_read_all(ssl);
    CHECK_INT(answer_status(answer), 200);
    CHECK(str_eq(answer_body(answer), (str){ file_text, FILE_BYTES }));
    disconnect(ssl);
    ssl = connect_to(&secured);
    ssl_send(ssl, STR("GET /file HTTP/1.1\r\nHost: a\r\nRange: bytes=5000-1005000\r\n\r\n"
                      "GET /file HTTP/1.1\r\nHost: a\r\nRange: bytes=7-20\r\n"
                      "Connection: close\r\n\r\n"));
    answer = ssl_read_all(ssl);
    CHECK_INT(answer_status(answer), 206);
    CHECK(str_eq(str_sub(answer_body(answer), 0, 1000001), (str){ file_text + 5000, 1000001 }));
    answer = str_skip(answer_body(answer), 1000001);
    CHECK(str_eq(answer_body(answer), (str){ file_text + 7, 14 }));
    disconnect(ssl);
    ssl = connect_to(&secured);
    ssl_send(ssl, STR("GET /generated HTTP/1.0\r\n\r\n"));
    answer = ssl_read_all(ssl);
    CHECK_INT(answer_body(answer).len, 1000000);
    disconnect(ssl);
    file_forget();
    secured_close(&secured);
}

TEST(bodies_of_requests_arrive_whole)
{
    enum { BODY = 3000000 };
    struct secured secured = secured_open();
    char head[128], *body = heap_alloc(BODY);
    memset(body, 'b', BODY);
    SSL *ssl = connect_to(&secured);
    int len = snprintf(head, sizeof(head),
                       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", BODY);
    ssl_send(ssl, (str){ head, (size_t)len });
    ssl_send(ssl, (str){ body, BODY });
    len = snprintf(head, sizeof(head),
                   "POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                   "Content-Length: %d\r\n\r\n",
                   BODY);
    char *echoed = heap_alloc(BODY + 1000);
    size_t got = 0, count;
    while (got < BODY + 100 && SSL_read_ex(ssl, echoed + got, BODY + 1000 - got, &count) == 1)
        got += count;
    CHECK_INT(answer_status((str){ echoed, got }), 200);
    CHECK_INT(answer_body((str){ echoed, got }).len, BODY);
    ssl_send(ssl, (str){ head, (size_t)len });
    ssl_send(ssl, (str){ body, BODY });
    CHECK_STR(answer_body(ssl_read_all(ssl)), STR("3000000"));
    disconnect(ssl);
    heap_free(echoed);
    heap_free(body);
    secured_close(&secured);
}

static void expect_redirect(struct fixture *fixture, const char *request, const char *location)
{
    str answer = client_ask(fixture, str_of(request));
    CHECK_INT(answer_status(answer), location ? 308 : 400);
    CHECK_STR(answer_field(answer, STR("Location")), location ? str_of(location) : STR_NONE);
    CHECK(!answer_field(answer, STR("Strict-Transport-Security")).ptr);
}

TEST(the_redirect_keeps_host_and_target)
{
    struct http_server_settings settings = { .redirect_port = 8443 };
    struct fixture *fixture =
        fixture_open_as(routes, ARRAY_LEN(routes), &settings, HTTP_ENTRY_REDIRECT);
    expect_redirect(fixture,
                    "GET /a%20b?c=d HTTP/1.1\r\nHost: film.example:80\r\n"
                    "Connection: close\r\n\r\n",
                    "https://film.example:8443/a%20b?c=d");
    expect_redirect(fixture, "GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
                    "https://[::1]:8443/");
    expect_redirect(fixture, "GET / HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n",
                    "https://[::1]:8443/");
    expect_redirect(fixture, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
                    "https://a:8443/echo");
    expect_redirect(fixture, "GET / HTTP/1.0\r\n\r\n", NULL);
    expect_redirect(fixture, "GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                    NULL);
    fixture_close(fixture);
    settings.redirect_port = 443;
    fixture = fixture_open_as(routes, ARRAY_LEN(routes), &settings, HTTP_ENTRY_REDIRECT);
    expect_redirect(fixture, "GET /x HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n",
                    "https://a/x");
    fixture_close(fixture);
}

TEST(a_clear_request_at_the_tls_port_is_cut)
{
    struct secured secured = secured_open();
    int fd = client_open(secured.fixture);
    client_send(fd, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK_INT(client_read_all(fd).len, 0);
    close(fd);
    SSL *ssl = connect_to(&secured); /* and others are served */
    ssl_send(ssl, STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    CHECK_INT(answer_status(ssl_read_all(ssl)), 200);
    disconnect(ssl);
    secured_close(&secured);
}
