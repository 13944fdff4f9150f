/*
 * http_conn: the life of a connection: accepted, read, pumped, settled, closed. What arrives is
 * received into one buffer of the loop; only what could not be used yet is copied to memory of the
 * connection's own, so an idle connection owns its struct and nothing else.
 */
#include "http_conn.h"
#include "http2.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { CONNS_FREE_MAX = 1024 };

static void on_ready(struct net_socket *socket, int events);

/* --- Beginning and end ---------------------------------------------------------------------- */

static struct conn *conn_take(struct http_server *server)
{
    struct conn *conn = server->conns_free;
    if (!conn)
        return HEAP_NEW(struct conn);
    server->conns_free = conn->timer_next;
    server->conns_free_count--;
    memset(conn, 0, sizeof(*conn));
    return conn;
}

static void conn_give(struct conn *conn)
{
    struct http_server *server = conn->server;
    if (server->conns_free_count == CONNS_FREE_MAX) {
        heap_free(conn);
        return;
    }
    conn->timer_next = server->conns_free;
    server->conns_free = conn;
    server->conns_free_count++;
}

static bool conn_begin(struct conn *conn, int fd, enum http_entry entry)
{
    struct http_server *server = conn->server;
    conn->entry = (unsigned char)entry;
    return net_socket_init(&conn->socket, server->uv, fd, on_ready);
}

void conn_accept(struct http_server *server, int fd, const struct net_peer *peer,
                 enum http_entry entry)
{
    bool over =
        server->stats.connections >= server->settings.connections_max && !overload_evict(server);
    if (over && server->stats.connections >= server->settings.connections_max + CONNS_RESERVE) {
        refused_count(HTTP_REFUSED_CONNECTIONS);
        overload_refuse(server, fd, entry);
        return;
    }
    struct conn *conn = conn_take(server);
    conn->server = server;
    conn->peer = *peer;
    conn->over = over;
    if (!overload_enter(conn) || !conn_begin(conn, fd, entry)) {
        overload_leave(conn);
        overload_refuse(server, fd, entry);
        conn_give(conn);
        return;
    }
    conn->holds = 1;
    server->stats.accepted++;
    server->stats.connections++;
    if (server->stats.connections > server->stats.connections_peak)
        server->stats.connections_peak = server->stats.connections;
    if (entry == HTTP_ENTRY_TLS && net_tls_begin(&conn->socket, server->tls) != OK)
        conn_kill(conn);
    conn_settle(conn);
}

void conn_kill(struct conn *conn)
{
    conn->dead = true;
}

void conn_release(struct conn *conn)
{
    struct http_server *server = conn->server;
    if (--conn->holds)
        return;
    conn_give(conn);
    server->stats.connections--;
    if (server->draining && server->stats.connections == 0 && server->on_drained) {
        void (*on_drained)(void *arg) = server->on_drained;
        server->on_drained = NULL;
        on_drained(server->drained_arg);
    }
    if (server->closing)
        http_server_close(server);
}

static void on_closed(struct net_socket *socket)
{
    conn_release(CONTAINER_OF(socket, struct conn, socket));
}

static void in_drop(struct conn *conn)
{
    if (!conn->in_borrowed && conn->in)
        heap_free(conn->in);
    conn->in = NULL;
    conn->in_at = conn->in_len = 0;
    conn->in_borrowed = false;
}

static void destroy(struct conn *conn)
{
    struct http_exchange *exchange = conn->exchange;
    conn->destroyed = true;
    overload_leave(conn);
    timer_unlink(conn);
    in_drop(conn);
    if (conn->pending)
        heap_free(conn->pending);
    conn->pending = NULL;
    conn->pending_len = conn->pending_at = 0;
    /* An end that is not said looks like an attack: clients then forget their tickets. */
    if (conn->socket.tls && !exchange && !conn->lingering)
        net_socket_shutdown(&conn->socket);
    net_socket_close(&conn->socket, on_closed);
    if (conn->http2)
        http2_end(conn);
    if (!exchange)
        return;
    exchange->aborted = true;
    if (exchange->phase == PHASE_RUN && exchange->task)
        task_cancel(exchange->task); /* it ends the exchange */
    else if (exchange->phase != PHASE_RUN && exchange->phase != PHASE_WARM)
        exchange_end(exchange);
}

/* --- Settling ------------------------------------------------------------------------------- */

/* What the loop's buffer still holds moves to memory of the connection's own. */
static void in_stash(struct conn *conn)
{
    size_t left = conn_in_bytes(conn);
    if (left == 0) {
        in_drop(conn);
    } else if (conn->in_borrowed) {
        char *own = heap_alloc(left);
        memcpy(own, conn->in + conn->in_at, left);
        conn->in = own;
        conn->in_at = 0;
        conn->in_len = (uint32_t)left;
        conn->in_borrowed = false;
    }
}

static int events_wanted(const struct conn *conn)
{
    const struct http_exchange *exchange = conn->exchange;
    bool room = conn_in_bytes(conn) < IN_STASH_BYTES || !exchange;
    int events = conn->blocked ? NET_WRITABLE : 0;
    if (conn->eof)
        return events;
    if (conn->lingering || conn->http2 || (room && !(conn->pending_len && !exchange)))
        return events | NET_READABLE;
    return conn->hangup ? events : events | NET_HANGUP;
}

static enum timer_kind timer_wanted(const struct conn *conn)
{
    const struct http_exchange *exchange = conn->exchange;
    if (conn->lingering || (conn->over && !exchange))
        return TIMER_LINGER;
    if (conn->blocked)
        return TIMER_WRITE;
    if (conn->http2)
        return http2_timer_wanted(conn);
    if (!exchange)
        return conn_in_bytes(conn) || conn->requests == 0 ? TIMER_HEADER : TIMER_IDLE;
    if (exchange->phase == PHASE_BODY || exchange->body_waiter)
        return TIMER_BODY;
    if ((conn->eof || conn->hangup) &&
        (exchange->phase == PHASE_RUN || exchange->phase == PHASE_SEND))
        return TIMER_GONE;
    return TIMER_NONE;
}

static void timer_choose(struct conn *conn)
{
    enum timer_kind kind = timer_wanted(conn), was = (enum timer_kind)conn->timer;
    bool again = conn->progress && !conn->http2 && (kind == TIMER_BODY || kind == TIMER_IDLE);
    /* The time for a head is not prolonged by its bytes, only by the next request. */
    bool by_request = kind == TIMER_HEADER || (conn->http2 && kind == TIMER_IDLE);
    again |= by_request && conn->header_timer_request != conn->requests;
    bool linked = conn->timer_previous || conn->server->timers[conn->timer].first == conn;
    if (kind != conn->timer || again || !linked)
        timer_set(conn, kind);
    if (kind == TIMER_WRITE && was != kind)
        overload_write_note(conn);
    if (by_request)
        conn->header_timer_request = conn->requests;
    conn->progress = false;
}

/* The answer that closes is out: shut our side, and read on so that no reset overtakes it. */
static void linger_begin(struct conn *conn)
{
    if (conn->eof || !net_socket_shutdown(&conn->socket)) {
        conn_kill(conn);
        return;
    }
    conn->lingering = true;
    in_drop(conn);
}

void conn_settle(struct conn *conn)
{
    if (conn->pumping || conn->destroyed)
        return;
    bool done = !conn->exchange && !conn_unsent(conn) && !conn->dead &&
                (!conn->http2 || http2_is_idle(conn));
    if (done && conn->closing && !conn->lingering)
        linger_begin(conn);
    else if (done && !conn_in_bytes(conn) &&
             (conn->eof || (conn->server->draining && !conn->lingering &&
                            !conn->http2 && /* which says goodbye first */
                            !conn_is_awaited(conn))))
        conn_kill(conn);
    if (conn->dead) {
        destroy(conn);
        return;
    }
    in_stash(conn);
    timer_choose(conn);
    net_socket_watch(&conn->socket, events_wanted(conn));
}

/* --- Reading -------------------------------------------------------------------------------- */

/* Puts what is kept in front of the loop's buffer and receives behind it. */
static void receive(struct conn *conn)
{
    struct http_server *server = conn->server;
    size_t kept = conn_in_bytes(conn);
    if (kept > IN_BYTES - NET_RECV_BYTES_MIN)
        return; /* nobody takes it: the head scan refuses long before */
    if (kept)
        memcpy(server->in, conn->in + conn->in_at, kept);
    ssize_t count = net_socket_recv(&conn->socket, server->in + kept, IN_BYTES - kept);
    conn->blocked |= net_socket_unsent(&conn->socket); /* a handshake's bytes */
    if (count == NET_AGAIN)
        return;
    if (count == NET_GONE) {
        conn_kill(conn);
        return;
    }
    conn->eof = count == NET_EOF;
    conn->progress |= count > 0;
    in_drop(conn);
    conn->in = server->in;
    conn->in_borrowed = true;
    conn->in_len = (uint32_t)(kept + (size_t)count);
}

static bool head_step(struct conn *conn)
{
    const struct http_refusal *refusal = NULL;
    if (conn->closing || conn->pending_len || !conn_in_bytes(conn))
        return false;
    if (conn->requests == 0 && http2_is_asked_for(conn))
        return http2_greet(conn);
    ptrdiff_t len =
        http_head_scan(&conn->scan, conn->in + conn->in_at, conn_in_bytes(conn), &refusal);
    if (len == 0) {
        if (conn->eof)
            conn_kill(conn);
        return false;
    }
    if (refusal)
        exchange_refuse(conn, refusal);
    else
        exchange_begin(conn, (size_t)len);
    return true;
}

static bool step(struct conn *conn)
{
    struct http_exchange *exchange = conn->exchange;
    if (conn->http2)
        return http2_step(conn);
    if (!exchange)
        return head_step(conn);
    switch (exchange->phase) {
    case PHASE_BODY:
        return body_step(exchange);
    case PHASE_ANSWER:
        if (conn->pending_len)
            return false;
        answer_begin(exchange);
        return true;
    case PHASE_SEND:
        return !conn->blocked && send_step(exchange);
    case PHASE_RUN:
    case PHASE_WARM:
        break;
    }
    return false;
}

void conn_pump(struct conn *conn)
{
    if (conn->pumping || conn->destroyed)
        return;
    conn->pumping = true;
    while (!conn->dead && step(conn))
        ;
    if (conn->server->out_owner == conn)
        out_flush(conn);
    conn->pumping = false;
    conn_settle(conn);
}

/* A task that waits for the body finds the bytes in the stash. */
static void body_waiter_wake(struct conn *conn)
{
    if (conn->exchange && conn->exchange->body_waiter)
        task_wake(conn->exchange->body_waiter);
}

static void linger_read(struct conn *conn)
{
    ssize_t count = net_socket_recv(&conn->socket, conn->server->in, IN_BYTES);
    if (count == NET_EOF || count == NET_GONE)
        conn_kill(conn);
}

static void on_ready(struct net_socket *socket, int events)
{
    struct conn *conn = CONTAINER_OF(socket, struct conn, socket);
    if (conn->destroyed)
        return;
    if (events < 0)
        conn_kill(conn);
    else if (conn->lingering)
        linger_read(conn);
    else if (events & NET_READABLE)
        receive(conn);
    else if (events & NET_HANGUP)
        conn->hangup = true; /* there may be bytes before it which nobody has asked for yet */
    if (events > 0 && (events & NET_WRITABLE)) {
        conn->blocked = false;
        out_resume(conn);
    }
    body_waiter_wake(conn);
    conn_pump(conn);
}

void conn_timed_out(struct conn *conn)
{
    static const struct http_refusal slow = { 408, "request-timeout",
                                              "The request did not arrive in time." };
    struct http_exchange *exchange = conn->exchange;
    if (conn->blocked && !conn->lingering && overload_write_goes_on(conn)) {
        conn_settle(conn); /* which arms the timer again */
        return;
    }
    if (conn->http2) {
        http2_timed_out(conn);
    } else if (!exchange && conn_in_bytes(conn)) {
        exchange_refuse(conn, &slow);
    } else if (exchange && exchange->phase == PHASE_BODY) {
        exchange_fail(exchange, &slow);
    } else if (exchange && exchange->phase == PHASE_RUN && exchange->body_waiter && !conn->eof) {
        conn->closing = true; /* the handler is told, and answers */
        exchange->body_failed = true;
        task_wake(exchange->body_waiter);
    } else {
        conn_kill(conn);
    }
    conn_pump(conn);
}
