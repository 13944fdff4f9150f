/*
 * client_conn: a connection's socket: what goes in and out in a turn of the loop, the calls it
 * carries, and its end. The struct is freed at a later turn, so that whoever caused the end finds
 * `dead` set.
 */
#include "client_impl.h"

#include "foundation/mem/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RECEIVES_A_TURN = 8 };

/* --- Beginning and end ---------------------------------------------------------------------- */

static void on_closed(struct net_socket *socket)
{
    struct client_conn *conn = CONTAINER_OF(socket, struct client_conn, socket);
    struct client *client = conn->client;
    heap_free(conn->out);
    heap_free(conn);
    client_handle_released(client);
}

static void on_ready(struct net_socket *socket, int events);

struct client_conn *client_conn_new(struct client *client, struct client_origin *origin, int fd)
{
    struct client_conn *conn = HEAP_NEW(struct client_conn);
    if (!net_socket_init(&conn->socket, loop_uv(client->loop), fd, on_ready)) {
        heap_free(conn);
        return NULL;
    }
    conn->client = client;
    conn->origin = origin;
    conn->connector = task_current();
    client->handles++;
    return conn;
}

static void conn_list(struct client_conn *conn)
{
    struct client_origin *origin = conn->origin;
    conn->next = origin->conns;
    if (conn->next)
        conn->next->previous = conn;
    origin->conns = conn;
    origin->ready++;
    conn->listed = true;
    conn->client->stats.connections++;
}

static void conn_unlist(struct client_conn *conn)
{
    struct client_origin *origin = conn->origin;
    if (!conn->listed)
        return;
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        origin->conns = conn->next;
    if (conn->next)
        conn->next->previous = conn->previous;
    origin->ready--;
    conn->listed = false;
    conn->client->stats.connections--;
}

void client_conn_begin(struct client_conn *conn, bool http2, str early)
{
    conn->connector = NULL;
    conn->http2 = http2;
    conn->idle_since = clock_mono();
    /* Until it is seen that nobody waits for it, the loop may end with it open. */
    uv_unref((uv_handle_t *)&conn->socket.poll);
    conn_list(conn);
    conn->origin->http2_known |= http2;
    client_timer_start(conn->client);
    if (http2 && !http2_begin(conn)) {
        client_conn_fail(conn, ERR_EXHAUSTED, "no-memory", "no memory for a connection");
        return;
    }
    if (http2 && early.len)
        http2_feed(conn, early.ptr, early.len);
    if (!http2)
        http1_begin(conn);
    if (!http2 && early.len)
        http1_feed(conn, early.ptr, early.len);
    client_conn_pump(conn);
}

void client_conn_close(struct client_conn *conn)
{
    if (conn->dead)
        return;
    conn->dead = true;
    if (conn->listed)
        wait_list_wake(&conn->origin->waiters, UINT32_MAX);
    conn_unlist(conn);
    if (conn->session && !conn->feeding)
        nghttp2_session_del(conn->session);
    if (!conn->feeding)
        conn->session = NULL;
    if (!conn->http2 && conn->parser.sink)
        client_parser_deinit(&conn->parser);
    net_socket_close(&conn->socket, on_closed);
}

void client_conn_fail(struct client_conn *conn, enum err code, const char *slug, const char *format,
                      ...)
{
    struct client_failure failure = { .code = code, .slug = slug };
    va_list args;
    if (conn->dead)
        return;
    va_start(args, format);
    vsnprintf(failure.text, sizeof(failure.text), format, args);
    va_end(args);
    conn->going = true; /* takes no call any more */
    while (conn->calls) {
        struct client_call *call = conn->calls;
        client_conn_detach(call);
        call_fail(call, &failure);
    }
    if (!conn->used) { /* it died before who waits for it could take it */
        conn->origin->failures++;
        conn->origin->failure = failure;
    }
    client_conn_close(conn);
}

/* --- Calls ---------------------------------------------------------------------------------- */

void client_conn_attach(struct client_conn *conn, struct client_call *call)
{
    call->conn = conn;
    call->reused = conn->used;
    call->http2 = conn->http2;
    conn->client->stats.reused += conn->used;
    conn->used = true;
    call->previous = NULL;
    call->next = conn->calls;
    if (call->next)
        call->next->previous = call;
    conn->calls = call;
    conn->calls_count++;
    if (conn->http2)
        http2_submit(conn, call);
    else
        client_parser_begin(&conn->parser, call->method == METHOD_HEAD);
    client_conn_pump(conn);
}

void client_conn_detach(struct client_call *call)
{
    struct client_conn *conn = call->conn;
    if (!conn)
        return;
    if (call->previous)
        call->previous->next = call->next;
    else
        conn->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    call->conn = NULL;
    conn->calls_count--;
    if (conn->calls_count == 0) {
        conn->idle_since = clock_mono();
        client_timer_start(conn->client);
    }
    wait_list_wake(&conn->origin->waiters, 1);
}

/* --- Out ------------------------------------------------------------------------------------ */

char *client_conn_room(struct client_conn *conn, size_t len)
{
    if (conn->out_at == conn->out_len)
        conn->out_at = conn->out_len = 0;
    if (conn->out_len && conn->out_len + len > CLIENT_OUT_BYTES)
        return NULL;
    if (conn->out_bytes < conn->out_len + len) {
        conn->out_bytes = MAX_OF((size_t)CLIENT_OUT_BYTES, conn->out_len + len);
        conn->out = heap_resize(conn->out, conn->out_bytes);
    }
    return conn->out + conn->out_len;
}

/* False: the socket takes no more now, or is gone. */
static bool out_send(struct client_conn *conn)
{
    struct net_socket *socket = &conn->socket;
    ssize_t count = net_socket_unsent(socket) ? net_socket_flush(socket) : 1;
    while (count > 0 && conn->out_at < conn->out_len) {
        struct iovec part = { conn->out + conn->out_at, conn->out_len - conn->out_at };
        count = net_socket_send(socket, &part, 1, false);
        conn->out_at += count > 0 ? (size_t)count : 0;
    }
    conn->blocked = count == NET_AGAIN || net_socket_unsent(socket);
    /* What was written but not read yet may hold the answer: the reading side tells the end. */
    if (count == NET_GONE)
        conn->out_at = conn->out_len;
    return count > 0 && !conn->blocked;
}

static void watch(struct client_conn *conn)
{
    const struct client_call *call = conn->http2 ? NULL : conn->calls;
    bool full = call && call->in_len - call->in_at >= CLIENT_BUFFERED_MAX;
    net_socket_watch(&conn->socket, (full ? 0 : NET_READABLE) | (conn->blocked ? NET_WRITABLE : 0));
}

void client_conn_pump(struct client_conn *conn)
{
    if (conn->dead || conn->feeding || conn->flushing)
        return;
    conn->flushing = true;
    while (!conn->dead) {
        bool more = conn->http2 ? http2_pull(conn) : http1_pull(conn);
        if (conn->dead || !out_send(conn) || !more)
            break;
    }
    conn->flushing = false;
    if (!conn->dead)
        watch(conn);
}

/* --- In ------------------------------------------------------------------------------------- */

static void on_end(struct client_conn *conn, ssize_t count)
{
    bool whole = count == NET_EOF && (!conn->socket.tls || net_tls_is_ended(&conn->socket));
    if (!conn->http2 && whole)
        http1_eof(conn);
    client_conn_fail(conn, ERR_UNAVAILABLE, "connection-lost", "%s ended the connection%s",
                     conn->origin->host, conn->calls ? " before its answer was complete" : "");
}

static void receive(struct client_conn *conn)
{
    struct client *client = conn->client;
    for (int i = 0; i < RECEIVES_A_TURN && !conn->dead; i++) {
        ssize_t count = net_socket_recv(&conn->socket, client->room, CLIENT_ROOM_BYTES);
        if (count == NET_AGAIN)
            return;
        if (count <= 0) {
            on_end(conn, count);
            return;
        }
        if (conn->http2)
            http2_feed(conn, client->room, (size_t)count);
        else
            http1_feed(conn, client->room, (size_t)count);
        const struct client_call *call = conn->dead || conn->http2 ? NULL : conn->calls;
        if (call && call->in_len - call->in_at >= CLIENT_BUFFERED_MAX)
            return;
    }
}

static void on_ready(struct net_socket *socket, int events)
{
    struct client_conn *conn = CONTAINER_OF(socket, struct client_conn, socket);
    if (conn->connector) {
        conn->connect_events = events ? events : NET_READABLE;
        net_socket_watch(socket, 0);
        task_wake(conn->connector);
        return;
    }
    if (events < 0 || (events & (NET_READABLE | NET_HANGUP)))
        receive(conn);
    client_conn_pump(conn);
}
