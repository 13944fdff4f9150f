/* socket: uv_poll_t and the system calls behind it. */
#include "socket.h"

#include "tls_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct net_socket *socket = CONTAINER_OF(poll, struct net_socket, poll);
    if (status < 0)
        socket->events = 0; /* libuv has stopped the handle */
    socket->on_ready(socket, status < 0 ? -1 : events);
}

bool net_socket_init(struct net_socket *socket, uv_loop_t *loop, int fd,
                     void (*on_ready)(struct net_socket *socket, int events))
{
    if (uv_poll_init(loop, &socket->poll, fd) != 0)
        return false;
    socket->fd = fd;
    socket->tls = NULL;
    socket->events = 0;
    socket->on_ready = on_ready;
    socket->on_closed = NULL;
    return true;
}

void net_socket_watch(struct net_socket *socket, int events)
{
    if (events == socket->events || uv_is_closing((uv_handle_t *)&socket->poll))
        return;
    socket->events = events;
    if (events)
        uv_poll_start(&socket->poll, events, on_poll);
    else
        uv_poll_stop(&socket->poll);
}

static void on_closed(uv_handle_t *handle)
{
    struct net_socket *socket = CONTAINER_OF(handle, struct net_socket, poll);
    if (socket->on_closed)
        socket->on_closed(socket);
}

void net_socket_close(struct net_socket *socket, void (*closed)(struct net_socket *socket))
{
    socket->on_closed = closed;
    socket->events = 0;
    uv_close((uv_handle_t *)&socket->poll, on_closed);
    close(socket->fd);
    socket->fd = -1;
    if (socket->tls)
        tls_free(socket->tls);
    socket->tls = NULL;
}

static ssize_t failure(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? NET_AGAIN : NET_GONE;
}

ssize_t net_raw_recv(struct net_socket *socket, void *room, size_t room_bytes)
{
    ssize_t count = recv(socket->fd, room, room_bytes, 0);
    return count >= 0 ? count : failure();
}

ssize_t net_raw_send(struct net_socket *socket, struct iovec *parts, int count, bool more)
{
    ssize_t sent;
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    if (count == 1) {
        sent = send(socket->fd, parts->iov_base, parts->iov_len, flags);
    } else {
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
        sent = sendmsg(socket->fd, &message, flags);
    }
    return sent > 0 ? sent : sent == 0 ? NET_AGAIN : failure();
}

ssize_t net_socket_recv(struct net_socket *socket, void *room, size_t room_bytes)
{
    return socket->tls ? tls_recv(socket, room, room_bytes)
                       : net_raw_recv(socket, room, room_bytes);
}

ssize_t net_socket_send(struct net_socket *socket, struct iovec *parts, int count, bool more)
{
    return socket->tls ? tls_send(socket, parts, count, more)
                       : net_raw_send(socket, parts, count, more);
}

ssize_t net_socket_sendfile(struct net_socket *socket, int file, uint64_t offset, size_t len)
{
    off_t at = (off_t)offset;
    if (socket->tls)
        return tls_sendfile(socket, file, offset, len);
    ssize_t sent = sendfile(socket->fd, file, &at, len);
    return sent >= 0 ? sent : failure();
}

void net_socket_cork(struct net_socket *socket, bool on)
{
    int value = on;
    setsockopt(socket->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

bool net_socket_unsent(const struct net_socket *socket)
{
    return socket->tls && tls_unsent_bytes(socket->tls) > 0;
}

ssize_t net_socket_flush(struct net_socket *socket)
{
    return socket->tls ? tls_flush(socket) : 1;
}

bool net_socket_shutdown(struct net_socket *socket)
{
    if (socket->tls)
        tls_shutdown(socket);
    return shutdown(socket->fd, SHUT_WR) == 0;
}
