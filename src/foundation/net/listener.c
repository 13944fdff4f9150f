/* listener: the accept loop and the descriptor in reserve. */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

/* A burst is taken in parts, so that those already connected are served in between. */
enum { ACCEPTS_PER_TURN = 64 };

static int reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The queue would make the loop spin: it waits in the kernel until something is free. */
static void starve(struct net_listener *listener)
{
    listener->starved = true;
    net_socket_watch(&listener->socket, 0);
}

static void refuse_one(struct net_listener *listener)
{
    if (listener->reserve_fd < 0) { /* another thread took the descriptor */
        starve(listener);
        return;
    }
    close(listener->reserve_fd);
    int fd = accept4(listener->socket.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        listener->refused++;
    }
    listener->reserve_fd = reserve_open();
}

static bool accept_one(struct net_listener *listener)
{
    struct net_address address = { .size_bytes = sizeof(address.socket) };
    int fd = accept4(listener->socket.fd, &address.socket.any, &address.size_bytes,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        if (why == EMFILE || why == ENFILE)
            refuse_one(listener);
        else if (why == ENOBUFS || why == ENOMEM)
            starve(listener);
        return why == ECONNABORTED || why == EINTR;
    }
    if (address.socket.any.sa_family != AF_UNIX) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    struct net_peer peer = net_peer_of(&address);
    ASSERT(!listener->control || address.socket.any.sa_family == AF_UNIX);
    peer.control = listener->control;
    listener->accepted++;
    listener->on_accept(listener->owner, fd, &peer);
    return true;
}

static void on_ready(struct net_socket *socket, int events)
{
    struct net_listener *listener = CONTAINER_OF(socket, struct net_listener, socket);
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && (socket->events & NET_READABLE); i++)
        if (!accept_one(listener))
            return;
}

enum err net_listener_init(struct net_listener *listener, uv_loop_t *loop, int fd, void *owner,
                           void (*on_accept)(void *owner, int fd, const struct net_peer *peer))
{
    *listener = (struct net_listener){ .owner = owner, .on_accept = on_accept };
    if (!net_socket_init(&listener->socket, loop, fd, on_ready))
        return err_set(ERR_EXHAUSTED, "no-descriptors", "cannot watch a listening socket");
    listener->reserve_fd = reserve_open();
    net_socket_watch(&listener->socket, NET_READABLE);
    return OK;
}

void net_listener_control(struct net_listener *listener)
{
    struct net_address own = { .size_bytes = sizeof(own.socket) };
    struct stat file;
    int named = getsockname(listener->socket.fd, &own.socket.any, &own.size_bytes);
    ASSERT(named == 0 && own.socket.any.sa_family == AF_UNIX);
    ASSERT(stat(own.socket.path.sun_path, &file) == 0 && (file.st_mode & 0077) == 0);
    listener->control = true;
}

void net_listener_pause(struct net_listener *listener, bool pause)
{
    net_socket_watch(&listener->socket, pause ? 0 : NET_READABLE);
}

void net_listener_retry(struct net_listener *listener)
{
    if (!listener->starved)
        return;
    if (listener->reserve_fd < 0)
        listener->reserve_fd = reserve_open();
    if (listener->reserve_fd < 0)
        return;
    listener->starved = false;
    net_socket_watch(&listener->socket, NET_READABLE);
}

void net_listener_close(struct net_listener *listener, void (*on_closed)(struct net_socket *socket))
{
    if (listener->reserve_fd >= 0)
        close(listener->reserve_fd);
    listener->reserve_fd = -1;
    net_socket_close(&listener->socket, on_closed);
}
