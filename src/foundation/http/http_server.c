/* http_server: opening, draining and closing. The memory goes with the last handle, task and
 * connection. */
#include "http2.h"
#include "http_conn.h"

#include "foundation/mem/heap.h"
#include "foundation/net/listen.h"

#include <string.h>
#include <unistd.h>

/* How long a drain waits for the first request of who had connected. */
enum { UNASKED_MS = 1000 };

static void defaults_apply(struct http_server_settings *settings)
{
    if (!settings->request_timeout)
        settings->request_timeout = SECONDS(30);
    if (!settings->connections_max)
        settings->connections_max = 10000;
    if (!settings->memory_bytes_max)
        settings->memory_bytes_max = 256 << 20;
    if (!settings->turn)
        settings->turn = MILLISECONDS(100);
    if (!settings->rate_min)
        settings->rate_min = 512;
    if (!settings->connection_requests_max)
        settings->connection_requests_max = 100000;
}

enum err http_server_open(struct loop *loop, const struct http_server_settings *settings,
                          struct http_server **out_server)
{
    ASSERT(settings->router && settings->hsts.len <= HSTS_BYTES_MAX);
    net_sigpipe_ignore();
    struct http_server *server = HEAP_NEW(struct http_server);
    server->loop = loop;
    server->uv = loop_uv(loop);
    server->settings = *settings;
    server->in = heap_alloc(IN_BYTES);
    server->out = heap_alloc(OUT_BYTES);
    server->stats.connection_bytes = sizeof(struct conn);
    server->tls = settings->tls ? net_tls_core_open(settings->tls) : NULL;
    defaults_apply(&server->settings);
    server->budget.size_bytes_max = server->settings.memory_bytes_max;
    timers_init(server);
    http2_server_init(server);
    server->handles = 2;
    *out_server = server;
    return OK;
}

static void on_accept(void *owner, int fd, const struct net_peer *peer)
{
    const struct http_listener *listener = owner;
    conn_accept(listener->server, fd, peer, listener->entry);
}

enum err http_server_listen(struct http_server *server, int fd, enum http_entry entry)
{
    ASSERT(server->listeners_count < LISTENERS_MAX && !server->draining);
    ASSERT(entry != HTTP_ENTRY_TLS || server->tls);
    struct http_listener *listener = &server->listeners[server->listeners_count];
    listener->server = server;
    listener->entry = entry;
    enum err err = net_listener_init(&listener->net, server->uv, fd, listener, on_accept);
    if (err != OK) {
        close(fd);
        return err;
    }
    if (entry == HTTP_ENTRY_CONTROL)
        net_listener_control(&listener->net);
    server->listeners_count++;
    server->handles++;
    return OK;
}

static void conns_free(struct http_server *server)
{
    while (server->conns_free) {
        struct conn *conn = server->conns_free;
        server->conns_free = conn->timer_next;
        heap_free(conn);
    }
    while (server->exchanges_free) {
        struct http_exchange *exchange = server->exchanges_free;
        server->exchanges_free = exchange->next_free;
        arena_deinit(&exchange->arena);
        heap_free(exchange);
    }
}

static void free_if_done(struct http_server *server)
{
    if (!server->closing || server->handles || server->stats.connections)
        return;
    conns_free(server);
    heap_free(server->in);
    heap_free(server->out);
    net_tls_core_close(server->tls);
    http2_server_deinit(server);
    heap_free(server);
}

static void on_listener_closed(struct net_socket *socket)
{
    struct http_listener *listener = CONTAINER_OF(socket, struct http_listener, net.socket);
    struct http_server *server = listener->server;
    server->handles--;
    free_if_done(server);
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct http_server *server =
        CONTAINER_OF((uv_timer_t *)(void *)handle, struct http_server, tick);
    server->handles--;
    free_if_done(server);
}

static void on_flush_closed(uv_handle_t *handle)
{
    struct http_server *server =
        CONTAINER_OF((uv_prepare_t *)(void *)handle, struct http_server, flush);
    server->handles--;
    free_if_done(server);
}

static void listeners_close(struct http_server *server)
{
    for (unsigned i = 0; i < server->listeners_count; i++)
        net_listener_close(&server->listeners[i].net, on_listener_closed);
    server->listeners_count = 0;
}

/* Settles every connection of a list that idles, which ends it while the server drains. */
static void idle_close(struct http_server *server, enum timer_kind kind)
{
    struct conn *next;
    for (struct conn *conn = server->timers[kind].first; conn; conn = next) {
        next = conn->timer_next;
        if (!conn->exchange && !conn->http2 && !conn_unsent(conn) && !conn_in_bytes(conn) &&
            !conn_is_awaited(conn))
            conn_kill(conn);
        conn_settle(conn);
    }
}

/* Tells HTTP/2 clients to ask elsewhere; what they have asked is still answered. */
static void goodbye_say(struct http_server *server)
{
    struct conn *next;
    for (int kind = 0; kind < TIMER_COUNT; kind++) {
        for (struct conn *conn = server->timers[kind].first; conn; conn = next) {
            next = conn->timer_next;
            if (conn->http2)
                http2_drain(conn);
        }
    }
}

void http_server_drain(struct http_server *server, span deadline, void (*on_drained)(void *arg),
                       void *arg)
{
    server->draining = true;
    server->drain_timed = true;
    server->drain_at_ms = uv_now(server->uv) + (uint64_t)(deadline / 1000);
    server->unasked_until_ms = MIN_OF(uv_now(server->uv) + UNASKED_MS, server->drain_at_ms);
    server->on_drained = on_drained;
    server->drained_arg = arg;
    listeners_close(server);
    idle_close(server, TIMER_IDLE);
    idle_close(server, TIMER_HEADER);
    goodbye_say(server);
    if (server->stats.connections == 0 && server->on_drained) {
        server->on_drained = NULL;
        on_drained(arg);
    }
}

/* A connection that is being pumped just now closes when that ends. */
static void cut_off(struct http_server *server)
{
    struct conn *next;
    for (int kind = 0; kind < TIMER_COUNT; kind++) {
        for (struct conn *conn = server->timers[kind].first; conn; conn = next) {
            next = conn->timer_next;
            conn_kill(conn);
            conn_settle(conn);
        }
    }
}

void http_server_close(struct http_server *server)
{
    if (!server->closing) {
        server->closing = server->draining = true;
        listeners_close(server);
        uv_close((uv_handle_t *)&server->tick, on_tick_closed);
        uv_close((uv_handle_t *)&server->flush, on_flush_closed);
        cut_off(server);
    }
    free_if_done(server);
}

void server_drain_check(struct http_server *server, uint64_t now_ms)
{
    if (server->draining && !server->closing) {
        goodbye_say(server);
        idle_close(server, TIMER_HEADER);
    }
    if (!server->drain_timed || now_ms < server->drain_at_ms)
        return;
    server->drain_timed = false;
    cut_off(server);
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
    return server->stats;
}
