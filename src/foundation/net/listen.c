/* listen: opening sets of listening sockets without ever sharing a port with a stranger. */
#include "listen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static enum err fail(const struct net_address *address, int fd, const char *what)
{
    int error = errno;
    char text[NET_ADDRESS_TEXT_MAX], whole[NET_ADDRESS_TEXT_MAX + 64];
    net_address_format(address, text);
    snprintf(whole, sizeof(whole), "%s %s", what, text);
    if (fd >= 0)
        close(fd);
    if (error == EADDRINUSE)
        return err_set(ERR_CONFLICT, "address-in-use", "%s is in use by another program or server",
                       text);
    errno = error;
    return err_errno_at(__FILE__, __LINE__, whole);
}

static bool option_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static int socket_open(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && family != AF_UNIX)
        option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (fd >= 0 && family == AF_INET6)
        option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return fd;
}

static bool bind_and_listen(int fd, const struct net_address *address)
{
    return bind(fd, &address->socket.any, address->size_bytes) == 0 && listen(fd, BACKLOG) == 0;
}

/* The claim: without SO_REUSEPORT the kernel lets one socket listen here, whoever else is trying.
 */
static enum err open_first(const struct net_address *address, int *out_fd,
                           struct net_address *out_bound)
{
    int fd = socket_open(address->socket.any.sa_family);
    if (fd < 0 || !bind_and_listen(fd, address))
        return fail(address, fd, "listening on");
    struct net_address bound = { .size_bytes = sizeof(bound.socket) };
    if (getsockname(fd, &bound.socket.any, &bound.size_bytes) != 0)
        return fail(address, fd, "reading the address of the listener on");
    *out_fd = fd;
    *out_bound = bound;
    return OK;
}

static enum err open_next(const struct net_address *bound, int *out_fd)
{
    int fd = socket_open(bound->socket.any.sa_family);
    if (fd < 0 || !option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) || !bind_and_listen(fd, bound))
        return fail(bound, fd, "listening for one more loop on");
    *out_fd = fd;
    return OK;
}

/* A socket file nobody answers on is what a killed server left behind. */
static bool path_is_dead(const struct net_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool dead =
        connect(fd, &address->socket.any, address->size_bytes) != 0 && errno == ECONNREFUSED;
    close(fd);
    return dead;
}

static enum err open_path(const struct net_address *address, int *out_fd)
{
    int fd = socket_open(AF_UNIX);
    /* The mode of the descriptor becomes that of the file: there is no moment with another one. */
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0)
        return fail(address, fd, "opening");
    bool bound = bind(fd, &address->socket.any, address->size_bytes) == 0;
    if (!bound && errno == EADDRINUSE && path_is_dead(address)) {
        unlink(address->socket.path.sun_path);
        bound = bind(fd, &address->socket.any, address->size_bytes) == 0;
    }
    if (!bound || listen(fd, BACKLOG) != 0)
        return fail(address, fd, "listening on");
    *out_fd = fd;
    return OK;
}

enum err net_listen(const struct net_address *address, unsigned count, int *out_fds,
                    struct net_address *out_bound)
{
    struct net_address bound = *address;
    ASSERT(count >= 1);
    if (address->socket.any.sa_family == AF_UNIX) {
        ASSERT(count == 1);
        TRY(open_path(address, &out_fds[0]));
    } else {
        TRY(open_first(address, &out_fds[0], &bound));
    }
    if (count > 1)
        option_set(out_fds[0], SOL_SOCKET, SO_REUSEPORT, 1);
    for (unsigned i = 1; i < count; i++) {
        enum err err = open_next(&bound, &out_fds[i]);
        if (err != OK) {
            while (i-- > 0)
                close(out_fds[i]);
            return err;
        }
    }
    if (out_bound)
        *out_bound = bound;
    return OK;
}

unsigned net_descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return (unsigned)MIN_OF(limit.rlim_cur, (rlim_t)UINT32_MAX);
}

void net_sigpipe_ignore(void)
{
    signal(SIGPIPE, SIG_IGN);
}
