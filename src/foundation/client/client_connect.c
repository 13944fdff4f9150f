/*
 * client_connect: a connection is made by a task of its own, so that a caller that gives up does
 * not waste it: look-up in the pool, one address after the other, then the handshake.
 */
#include "client_impl.h"

#include "foundation/mem/heap.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct attempt {
    struct client *client;
    struct client_origin *origin;
    struct net_address addresses[CLIENT_ADDRESSES_MAX];
    unsigned addresses_count;
    struct client_failure failure;
};

/* --- Look-up -------------------------------------------------------------------------------- */

static unsigned lookup_by_system(const char *host, unsigned port, struct net_address *out,
                                 unsigned max)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
    struct addrinfo *found;
    char service[8];
    unsigned count = 0;
    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return 0;
    for (const struct addrinfo *at = found; at && count < max; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(out->socket))
            continue;
        memcpy(&out[count].socket, at->ai_addr, at->ai_addrlen);
        out[count++].size_bytes = at->ai_addrlen;
    }
    freeaddrinfo(found);
    return count;
}

static enum err lookup_blocking(void *arg)
{
    struct attempt *attempt = arg;
    const struct client_origin *origin = attempt->origin;
    unsigned (*lookup)(const char *, unsigned, struct net_address *, unsigned) =
        attempt->client->settings.lookup ? attempt->client->settings.lookup : lookup_by_system;
    attempt->addresses_count =
        lookup(origin->host, origin->port, attempt->addresses, CLIENT_ADDRESSES_MAX);
    return OK;
}

static TASK_FN enum err resolve(struct attempt *attempt)
{
    const struct client_origin *origin = attempt->origin;
    struct pool *pool = attempt->client->settings.pool;
    char text[300];
    bool is_v6 = strchr(origin->host, ':') != NULL;
    snprintf(text, sizeof(text), is_v6 ? "[%s]:%u" : "%s:%u", origin->host, origin->port);
    if (net_address_parse(str_of(text), &attempt->addresses[0]) == OK) {
        attempt->addresses_count = 1;
        return OK;
    }
    err_clear();
    if (pool)
        TRY(await_blocking(pool, lookup_blocking, attempt));
    else if (attempt->client->settings.lookup)
        TRY(lookup_blocking(attempt));
    if (attempt->addresses_count == 0)
        return err_set(ERR_UNAVAILABLE, "name-not-found", "no address is known for \"%s\"",
                       origin->host);
    return OK;
}

/* --- Connecting ----------------------------------------------------------------------------- */

static TASK_FN enum err await_socket(struct client_conn *conn, int events)
{
    conn->connect_events = 0;
    net_socket_watch(&conn->socket, events);
    enum err err = OK;
    while (err == OK && conn->connect_events == 0)
        err = task_suspend();
    net_socket_watch(&conn->socket, 0);
    return err;
}

static enum err connect_failed(const struct net_address *address, int error)
{
    char text[NET_ADDRESS_TEXT_MAX];
    net_address_format(address, text);
    return err_set(ERR_UNAVAILABLE, "connect-failed", "cannot connect to %s: %s", text,
                   err_number_text(error));
}

static TASK_FN enum err connect_to(struct attempt *attempt, const struct net_address *address,
                                   struct client_conn **out_conn)
{
    int one = 1, error = 0;
    socklen_t size = sizeof(error);
    int family = address->socket.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return connect_failed(address, errno);
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    bool waits = connect(fd, &address->socket.any, address->size_bytes) != 0;
    if (waits && errno != EINPROGRESS) {
        error = errno;
        close(fd);
        return connect_failed(address, error);
    }
    struct client_conn *conn = client_conn_new(attempt->client, attempt->origin, fd);
    if (!conn) {
        close(fd);
        return err_set(ERR_EXHAUSTED, "connect-failed", "no room for another connection");
    }
    enum err err = waits ? await_socket(conn, NET_WRITABLE) : OK;
    if (err == OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error)
        err = connect_failed(address, error);
    if (err != OK) {
        client_conn_close(conn);
        return err;
    }
    *out_conn = conn;
    return OK;
}

/* --- Handshake ------------------------------------------------------------------------------ */

static TASK_FN enum err handshake(struct client_conn *conn, ssize_t *out_early)
{
    struct client *client = conn->client;
    struct client_origin *origin = conn->origin;
    TRY(net_tls_connect(&conn->socket, client->tls_core, str_of(origin->host),
                        origin->protocol != CLIENT_HTTP1));
    while (!net_tls_is_ready(&conn->socket)) {
        bool more = net_socket_unsent(&conn->socket);
        TRY(await_socket(conn, NET_READABLE | (more ? NET_WRITABLE : 0)));
        if (more)
            net_socket_flush(&conn->socket);
        *out_early = net_socket_recv(&conn->socket, client->room, CLIENT_ROOM_BYTES);
        if (*out_early == NET_GONE || *out_early == NET_EOF)
            return err_set(ERR_UNAVAILABLE, "tls-failed", "no TLS with %s: %s", origin->host,
                           net_tls_problem(&conn->socket));
    }
    if (origin->protocol == CLIENT_HTTP2 && !net_tls_is_http2(&conn->socket))
        return err_set(ERR_UNAVAILABLE, "no-http2", "%s does not speak HTTP/2", origin->host);
    return OK;
}

static TASK_FN enum err speak(struct client_conn *conn)
{
    struct client_origin *origin = conn->origin;
    ssize_t early = NET_AGAIN;
    bool http2 = origin->protocol == CLIENT_HTTP2;
    if (origin->secure) {
        enum err err = client_tls_open(conn->client);
        if (err == OK)
            err = handshake(conn, &early);
        if (err != OK)
            return err;
        http2 = net_tls_is_http2(&conn->socket);
    }
    if (conn->client->closing)
        return err_set(ERR_CANCELLED, "client-closed", "the client was closed");
    client_conn_begin(conn, http2, (str){ conn->client->room, early > 0 ? (size_t)early : 0 });
    return OK;
}

static TASK_FN enum err attempt_run(void *arg)
{
    struct attempt *attempt = arg;
    enum err err = resolve(attempt);
    for (unsigned i = 0; err == OK && i < attempt->addresses_count; i++) {
        struct client_conn *conn;
        err = connect_to(attempt, &attempt->addresses[i], &conn);
        if (err == OK) {
            err = speak(conn);
            if (err != OK)
                client_conn_close(conn);
            break;
        }
        bool others = i + 1 < attempt->addresses_count && err == ERR_UNAVAILABLE;
        err = others ? OK : err;
    }
    return err;
}

static void on_attempt_end(void *arg, enum err result)
{
    struct attempt *attempt = arg;
    struct client *client = attempt->client;
    struct client_origin *origin = attempt->origin;
    origin->connecting--;
    client->stats.connecting--;
    if (result == OK) {
        client->stats.connected++;
    } else {
        const struct err_slot *slot = err_slot();
        bool late = result == ERR_TIMEOUT;
        client->stats.failed++;
        origin->failures++;
        client_failure_set(&origin->failure, late ? ERR_UNAVAILABLE : result,
                           late ? "connect-timeout" : "connect-failed", "%s%.140s",
                           late ? "connecting took too long: " : "", slot->text);
        /* Slugs are literals where failures are kept: the ones born here are few. */
        static const char *const slugs[] = { "name-not-found", "tls-failed",      "no-http2",
                                             "client-closed",  "tls-certificate", "bad-host" };
        for (size_t i = 0; i < ARRAY_LEN(slugs); i++)
            if (strcmp(slot->slug, slugs[i]) == 0)
                origin->failure.slug = slugs[i];
    }
    wait_list_wake(&origin->waiters, UINT32_MAX);
    heap_free(attempt);
    client_handle_released(client);
}

enum err client_connect(struct client *client, struct client_origin *origin)
{
    struct attempt *attempt = HEAP_NEW(struct attempt);
    attempt->client = client;
    attempt->origin = origin;
    struct task_spec spec = { .name = "connection attempt",
                              .fn = attempt_run,
                              .arg = attempt,
                              .timeout = client->settings.connect_timeout,
                              .arena_bytes_max = KIB(16),
                              .on_end = on_attempt_end };
    origin->connecting++;
    client->stats.connecting++;
    client->handles++;
    enum err err = task_start(client->loop, &spec, NULL);
    if (err == OK)
        return OK;
    origin->connecting--;
    client->stats.connecting--;
    client->handles--;
    heap_free(attempt);
    return err;
}
