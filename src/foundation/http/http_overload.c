/*
 * http_overload: what happens when something is full: connections of the loop, of an address,
 * memory, tasks; and who goes on too slowly to be kept. A refusal is said at once, from memory, and
 * leaves nothing behind, so that service is back with the first thing that becomes free.
 */
#include "http_conn.h"

#include "foundation/net/crowd.h"
#include "http_forwarded.h"

#include <linux/sockios.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN_TASKS_MIN = 32 };

static _Atomic uint64_t refused_totals[HTTP_REFUSED_COUNT];

void refused_count(enum http_refused what)
{
    atomic_fetch_add_explicit(&refused_totals[what], 1, memory_order_relaxed);
}

uint64_t http_refused_total(enum http_refused what)
{
    return atomic_load_explicit(&refused_totals[what], memory_order_relaxed);
}

/* --- Connections ---------------------------------------------------------------------------- */

void overload_refuse(struct http_server *server, int fd, enum http_entry entry)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                                 "Content-Length: 0\r\nConnection: close\r\n\r\n";
    server->stats.refused++;
    if (entry != HTTP_ENTRY_TLS &&
        send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        shutdown(fd, SHUT_WR);
        /* A request left unread would make the close a reset, which may overtake the answer. */
        while (recv(fd, server->in, IN_BYTES, MSG_DONTWAIT) == IN_BYTES)
            ;
    }
    close(fd);
}

bool overload_enter(struct conn *conn)
{
    const struct http_server_settings *settings = &conn->server->settings;
    if (!settings->crowd || (settings->trust && http_trust_has(settings->trust, &conn->peer)))
        return true;
    if (net_crowd_enter(settings->crowd, &conn->peer, &conn->seat))
        return true;
    refused_count(HTTP_REFUSED_ADDRESS);
    return false;
}

void overload_leave(struct conn *conn)
{
    if (conn->seat)
        net_crowd_leave(conn->server->settings.crowd, conn->seat);
    conn->seat = NULL;
}

bool overload_evict(struct http_server *server)
{
    struct conn *idle = server->timers[TIMER_IDLE].first;
    if (!idle || idle->pumping)
        return false;
    conn_kill(idle);
    conn_settle(idle);
    return true;
}

/* --- Requests ------------------------------------------------------------------------------- */

const struct http_refusal *overload_refusal(const struct conn *conn)
{
    static const struct http_refusal no_room = { 503, "busy", "Too many clients are connected." };
    static const struct http_refusal no_memory = { 503, "busy",
                                                   "Requests in progress use all the memory." };
    const struct arena_budget *budget = &conn->server->budget;
    size_t held = atomic_load_explicit(&budget->held_bytes, memory_order_relaxed);
    if (conn->over) {
        refused_count(HTTP_REFUSED_CONNECTIONS);
        return &no_room;
    }
    /* What is left is for those that have begun. */
    if (held <= budget->size_bytes_max - budget->size_bytes_max / 8)
        return NULL;
    refused_count(HTTP_REFUSED_MEMORY);
    return &no_memory;
}

/*
 * Requests wait in the kernel while the loop works, and it takes all that have come in one turn. So
 * the length of a turn is how long they have waited; beyond a limit their clients are better served
 * by hearing so. A few tasks are begun in any turn: it may be long because the machine is busy.
 */
bool overload_turn_is_over(struct http_server *server)
{
    uint64_t now_ms = uv_now(server->uv); /* when the loop was last told of events */
    if (server->turn_at_ms != now_ms) {
        server->turn_at_ms = now_ms;
        server->turn_tasks = 0;
    }
    if (++server->turn_tasks <= TURN_TASKS_MIN)
        return false;
    return uv_hrtime() / 1000000 > now_ms + (uint64_t)(server->settings.turn / 1000);
}

void overload_answer(struct http_exchange *exchange, const struct http_refusal *refusal)
{
    bool close = exchange->response.close || exchange->conn->over;
    exchange_fail(exchange, refusal);
    exchange->response.close = close; /* or by the framing, when a body is unread */
}

/* --- Rates ---------------------------------------------------------------------------------- */

bool overload_body_is_slow(const struct http_exchange *exchange)
{
    const struct http_server *server = exchange->conn->server;
    uint64_t grace_ms = server->timers[TIMER_BODY].after_ms;
    return exchange->body_waited_ms > grace_ms &&
           exchange->body_wire_bytes * 1000 < exchange->body_waited_ms * server->settings.rate_min;
}

/* What the other side's system has confirmed; at least that much has left our queue. */
static uint64_t taken_bytes(const struct conn *conn)
{
    int queued = 0;
    if (ioctl(conn->socket.fd, SIOCOUTQ, &queued) != 0 || queued < 0)
        queued = 0; /* a Unix socket says what its reader has not read */
    return conn->sent_bytes > (uint64_t)queued ? conn->sent_bytes - (uint64_t)queued : 0;
}

void overload_write_note(struct conn *conn)
{
    conn->taken_at_least = taken_bytes(conn);
}

bool overload_write_goes_on(const struct conn *conn)
{
    const struct http_server *server = conn->server;
    uint64_t wanted = server->timers[TIMER_WRITE].after_ms * server->settings.rate_min / 1000;
    uint64_t taken = taken_bytes(conn);
    if (taken >= conn->taken_at_least + MAX_OF(wanted, (uint64_t)1))
        return true;
    refused_count(HTTP_REFUSED_SLOW);
    return false;
}
