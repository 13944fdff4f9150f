/*
 * http_request_fuzz: bytes of a client through the real connection code, over a socket pair. The
 * first byte says in how large pieces they arrive. What comes back must be answers, and the
 * connection must end.
 */
#include "foundation/net/listen.h"
#include "http_conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static struct http_server *server;
static bool http2_asked; /* http2_fuzz looks at those */
static uv_loop_t *uv;

static enum err echo(struct http_request *request, struct http_response *response)
{
    str value;
    (void)http_query_find(request->query, request->arena, STR("q"), &value);
    http_reply_memory(response, STR("text/plain"),
                      request->body.len ? request->body : request->path);
    response->etag = STR("\"e\"");
    response->ranges = true;
    return OK;
}

static enum err upload(struct http_request *request, struct http_response *response)
{
    char room[50];
    size_t len;
    do
        TRY(http_body_read(request, room, sizeof(room), &len));
    while (len);
    http_reply_status(response, 204);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/{path*}", echo, .flags = ROUTE_INLINE },
    { METHOD_POST, "/{path*}", echo, .body_bytes_max = 1000, .flags = ROUTE_INLINE },
    { METHOD_PUT, "/upload/{id}", upload, .body_bytes_max = 1000, .flags = ROUTE_BODY_STREAM },
};

static void set_up(void)
{
    static const struct http_route_table table = { routes, ARRAY_LEN(routes) };
    struct http_server_settings settings = { 0 };
    struct http_router *router;
    struct loop *loop;
    ASSERT(loop_open(NULL, &loop) == OK && http_router_open(&table, 1, &router) == OK);
    settings.router = router;
    ASSERT(http_server_open(loop, &settings, &server) == OK);
    uv = loop_uv(loop);
}

/* Reads what has been answered; false at the end of the connection. */
static bool answers_read(int fd, size_t *total)
{
    static char bytes[4096];
    for (;;) {
        ssize_t count = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (count <= 0)
            return count < 0;
        if (*total == 0 && count >= 9 && !http2_asked)
            ASSERT(memcmp(bytes, "HTTP/1.1 ", 9) == 0);
        *total += (size_t)count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct net_peer peer;
    int pair[2];
    size_t total = 0;
    if (!server)
        set_up();
    if (size_bytes < 2 || size_bytes > 60000)
        return 0;
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    http2_asked = size_bytes >= sizeof(preface) && memcmp(data + 1, preface, 24) == 0;
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    conn_accept(server, pair[0], &peer, HTTP_ENTRY_CLEAR);
    size_t piece = data[0] ? (size_t)data[0] * 16 : size_bytes;
    piece = MAX_OF(piece, size_bytes / 64 + 1);
    for (size_t at = 1; at < size_bytes; at += piece) {
        (void)!send(pair[1], data + at, MIN_OF(piece, size_bytes - at), MSG_NOSIGNAL);
        uv_run(uv, UV_RUN_NOWAIT);
        answers_read(pair[1], &total);
    }
    shutdown(pair[1], SHUT_WR);
    for (int i = 0; i < 10000 && answers_read(pair[1], &total); i++)
        uv_run(uv, UV_RUN_NOWAIT);
    ASSERT(!answers_read(pair[1], &total));
    close(pair[1]);
    for (int i = 0; i < 100 && http_server_stats(server).connections; i++)
        uv_run(uv, UV_RUN_NOWAIT);
    ASSERT(http_server_stats(server).connections == 0);
    return 0;
}
