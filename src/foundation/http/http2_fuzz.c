/*
 * http2_fuzz: frames of a client through the real connection code and nghttp2, over a socket pair.
 * The first byte says in how large pieces they arrive; the preface is put before them. The
 * connection must end, and every exchange with it.
 */
#include "http2.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static struct http_server *server;
static uv_loop_t *uv;
static int begun, over;

static enum err echo(struct http_request *request, struct http_response *response)
{
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

static ptrdiff_t count_down(void *state, char *room, size_t room_bytes)
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
    *left = 100000;
    http_reply_generator(response, STR("text/plain"), HTTP_SIZE_UNKNOWN, count_down, left);
    return OK;
}

static enum err before(void *owner, struct http_request *request, struct http_response *response)
{
    (void)owner, (void)request, (void)response;
    begun++;
    return OK;
}

static void after(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    (void)owner, (void)response, (void)outcome;
    over += request->route != NULL;
}

static const struct http_route routes[] = {
    { METHOD_GET, "/g", generated, .summary = NULL },
    { METHOD_GET, "/{path*}", echo, .flags = ROUTE_INLINE },
    { METHOD_POST, "/{path*}", echo, .body_bytes_max = 1000 },
    { METHOD_PUT, "/upload/{id}", upload, .body_bytes_max = 1000, .flags = ROUTE_BODY_STREAM },
};

static void set_up(void)
{
    static const struct http_route_table table = { routes, ARRAY_LEN(routes) };
    struct http_server_settings settings = { .before = before, .after = after };
    struct http_router *router;
    struct loop *loop;
    ASSERT(loop_open(NULL, &loop) == OK && http_router_open(&table, 1, &router) == OK);
    settings.router = router;
    ASSERT(http_server_open(loop, &settings, &server) == OK);
    uv = loop_uv(loop);
}

/* Reads what has been answered; false at the end of the connection. */
static bool answers_read(int fd)
{
    static char bytes[4096];
    ssize_t count;
    while ((count = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        ;
    return count < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct net_peer peer;
    int pair[2];
    if (!server)
        set_up();
    if (size_bytes < 2 || size_bytes > 60000)
        return 0;
    begun = over = 0;
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    conn_accept(server, pair[0], &peer, HTTP_ENTRY_CLEAR);
    (void)!send(pair[1], NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN, MSG_NOSIGNAL);
    size_t piece = data[0] ? (size_t)data[0] * 16 : size_bytes;
    piece = MAX_OF(piece, size_bytes / 64 + 1);
    for (size_t at = 1; at < size_bytes; at += piece) {
        (void)!send(pair[1], data + at, MIN_OF(piece, size_bytes - at), MSG_NOSIGNAL);
        uv_run(uv, UV_RUN_NOWAIT);
        answers_read(pair[1]);
    }
    shutdown(pair[1], SHUT_WR);
    for (int i = 0; i < 1000 && answers_read(pair[1]); i++)
        uv_run(uv, UV_RUN_NOWAIT);
    close(pair[1]); /* an answer that waits for its window waits no longer */
    for (int i = 0; i < 1000 && http_server_stats(server).connections; i++)
        uv_run(uv, UV_RUN_NOWAIT);
    ASSERT(http_server_stats(server).connections == 0);
    ASSERT(over >= begun); /* one that was refused by its body never began */
    return 0;
}
