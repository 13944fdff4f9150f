/* handover: descriptors over a Unix socket (SCM_RIGHTS, unix(7)), one a message of fixed size. */
#include "handover.h"

#include "app.h"
#include "foundation/net/listen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MESSAGE_MAGIC = 0x6b620001, PATIENCE_S = 10 };

/* Both ends are this program on this machine, so it is a struct; the number names its form. */
struct message {
    uint32_t magic, entry; /* ENTRY_COUNT: that was all */
    char asked[NET_ADDRESS_TEXT_MAX];
};

static enum err socket_path(const char *folder, char *out, size_t size_bytes)
{
    if (snprintf(out, size_bytes, "%s/handover.sock", folder) < (int)size_bytes)
        return OK;
    return err_set(ERR_INVALID, "data-path",
                   "the path of the data folder is too long for a socket: %s", folder);
}

static enum err socket_address(const char *folder, struct net_address *out)
{
    struct net_address address = { .size_bytes = sizeof(address.socket.path) };
    address.socket.path.sun_family = AF_UNIX;
    TRY(socket_path(folder, address.socket.path.sun_path, sizeof(address.socket.path.sun_path)));
    *out = address;
    return OK;
}

enum err handover_open(const char *folder, int *out_fd)
{
    struct net_address address;
    TRY(socket_address(folder, &address));
    return net_listen(&address, 1, out_fd, NULL);
}

void handover_close(const char *folder, int fd)
{
    struct net_address address;
    close(fd);
    if (socket_address(folder, &address) == OK)
        unlink(address.socket.path.sun_path);
}

static void patience_set(int fd)
{
    struct timeval patience = { .tv_sec = PATIENCE_S };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* --- Giving --------------------------------------------------------------------------------- */

static bool message_send(int conn, const struct message *message, int fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    struct iovec part = { (void *)message, sizeof(*message) };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    if (fd >= 0) {
        header.msg_control = control.room;
        header.msg_controllen = sizeof(control.room);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    }
    return sendmsg(conn, &header, MSG_NOSIGNAL) == (ssize_t)sizeof(*message);
}

static bool give_all(int conn, const struct inherited *sockets)
{
    struct message message = { .magic = MESSAGE_MAGIC };
    for (unsigned i = 0; i < sockets->count; i++) {
        message.entry = sockets->items[i].entry;
        memcpy(message.asked, sockets->items[i].asked, sizeof(message.asked));
        if (!message_send(conn, &message, sockets->items[i].fd))
            return false;
    }
    message.entry = ENTRY_COUNT;
    return message_send(conn, &message, -1);
}

static bool is_own(int conn)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

enum err handover_give(int fd, const struct inherited *sockets, int *out_conn)
{
    char word[2];
    int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (conn < 0)
        return err_set(ERR_CANCELLED, NULL, "who asked for a handover has gone");
    patience_set(conn);
    if (is_own(conn) && give_all(conn, sockets) &&
        recv(conn, word, sizeof(word), MSG_WAITALL) == 2 && memcmp(word, "go", 2) == 0) {
        *out_conn = conn;
        return OK;
    }
    close(conn);
    return err_set(ERR_CANCELLED, NULL, "the process that asked for a handover did not go on");
}

/* --- Taking --------------------------------------------------------------------------------- */

static enum err no_server(const char *folder)
{
    return err_set(ERR_UNAVAILABLE, "no-server", "no process serves %s", folder);
}

static enum err broken(void)
{
    return err_set(ERR_UNAVAILABLE, "handover-broken",
                   "the running server broke the handover off; it goes on as before");
}

/* *out_fd is -1 for a message that brought none. */
static enum err message_receive(int conn, struct message *out, int *out_fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = { out, sizeof(*out) };
    struct msghdr header = { .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room) };
    ssize_t len = recvmsg(conn, &header, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights = len > 0 ? CMSG_FIRSTHDR(&header) : NULL;
    *out_fd = -1;
    if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(out_fd, CMSG_DATA(rights), sizeof(*out_fd));
    bool well = len == (ssize_t)sizeof(*out) && out->magic == MESSAGE_MAGIC &&
                out->entry <= ENTRY_COUNT && (*out_fd >= 0) == (out->entry < ENTRY_COUNT) &&
                memchr(out->asked, 0, sizeof(out->asked));
    if (well)
        return OK;
    if (*out_fd >= 0)
        close(*out_fd);
    return broken();
}

static enum err take_all(int conn, struct inherited *out)
{
    for (;;) {
        struct message message;
        int fd;
        TRY(message_receive(conn, &message, &fd));
        if (message.entry == ENTRY_COUNT)
            return OK;
        if (out->count == INHERITED_MAX) {
            close(fd);
            return broken();
        }
        struct inherited_socket *item = &out->items[out->count++];
        *item = (struct inherited_socket){ .fd = fd, .entry = (enum entry_kind)message.entry };
        memcpy(item->asked, message.asked, sizeof(item->asked));
    }
}

enum err handover_take(const char *folder, struct inherited *out_sockets, int *out_conn)
{
    struct net_address address;
    TRY(socket_address(folder, &address));
    int conn = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn < 0)
        return err_errno("socket");
    if (connect(conn, &address.socket.any, address.size_bytes) != 0) {
        close(conn);
        return no_server(folder);
    }
    patience_set(conn);
    enum err err = take_all(conn, out_sockets);
    if (err != OK) {
        inherit_close(out_sockets);
        close(conn);
        return err;
    }
    *out_conn = conn;
    return OK;
}

enum err handover_go(int conn)
{
    struct pollfd end = { .fd = conn, .events = POLLIN };
    bool said = send(conn, "go", 2, MSG_NOSIGNAL) == 2;
    while (said && poll(&end, 1, -1) < 0 && errno == EINTR)
        ;
    close(conn);
    return said ? OK : broken();
}
