/*
 * socket: a non-blocking descriptor on a loop. Everything the server sends or receives passes
 * through the functions here, and TLS stands behind the same ones (tls.h). Readiness comes from
 * uv_poll_t.
 */
#pragma once

#include "foundation/base/base.h"

#include <sys/uio.h>
#include <uv.h>

enum { NET_READABLE = UV_READABLE, NET_WRITABLE = UV_WRITABLE, NET_HANGUP = UV_DISCONNECT };

/* What a transfer says when it moved no byte. */
enum { NET_EOF = 0, NET_AGAIN = -1, NET_GONE = -2 };

struct net_tls_conn;

struct net_socket {
    uv_poll_t poll;
    int fd;
    int events;               /* watched now */
    struct net_tls_conn *tls; /* NULL: in clear */
    /* events is a set of NET_*; -1: the peer has reset the connection. */
    void (*on_ready)(struct net_socket *socket, int events);
    void (*on_closed)(struct net_socket *socket);
};

/* Takes over `fd`, which must be non-blocking. False when the system refuses; fd is then still
 * open. */
bool net_socket_init(struct net_socket *socket, uv_loop_t *loop, int fd,
                     void (*on_ready)(struct net_socket *socket, int events));
/* Watches exactly these events (0: none). Costs nothing when they are watched already. */
void net_socket_watch(struct net_socket *socket, int events);
/* Closes the descriptor now and calls on_closed, which may free the socket, at a later turn. */
void net_socket_close(struct net_socket *socket, void (*on_closed)(struct net_socket *socket));

/*
 * Number of bytes, or NET_EOF, NET_AGAIN, NET_GONE. With TLS the room must have NET_RECV_BYTES_MIN
 * and all that has arrived is taken out at once; NET_EOF is then what the peer has said, or the end
 * of the connection.
 */
enum { NET_RECV_BYTES_MIN = 48 << 10 };
ssize_t net_socket_recv(struct net_socket *socket, void *room, size_t room_bytes);
/* `more`: further bytes follow at once, so a short packet may wait for them (MSG_MORE). */
ssize_t net_socket_send(struct net_socket *socket, struct iovec *parts, int count, bool more);
/* NET_EOF: the file ends at or before `offset`. */
ssize_t net_socket_sendfile(struct net_socket *socket, int file, uint64_t offset, size_t len);

/*
 * While it is on, the system sends whole packets only (TCP_CORK). Without it every acknowledgement
 * that comes amid a long transfer sends what stands there as a short packet of its own.
 */
void net_socket_cork(struct net_socket *socket, bool on);

/*
 * With TLS, sent bytes may be kept by the socket, encrypted, when the system takes no more. It then
 * takes no others; watch NET_WRITABLE and flush. Without TLS there are none.
 */
bool net_socket_unsent(const struct net_socket *socket);
/* Sends what is kept: 1 when nothing is left, or NET_AGAIN, NET_GONE. */
ssize_t net_socket_flush(struct net_socket *socket);
/* Our side is done; the peer's may go on. False when the connection has gone. */
bool net_socket_shutdown(struct net_socket *socket);
