/*
 * listener: accepts connections of one listening socket on one loop. When the process has no
 * descriptor left, one kept in reserve is given up to accept and close the caller, who then sees a
 * closed connection instead of a server that spins or hangs.
 */
#pragma once

#include "address.h"
#include "socket.h"

struct net_listener {
    struct net_socket socket;
    int reserve_fd;
    void *owner;
    uint64_t accepted, refused;
    bool control;
    bool starved; /* not even the reserve could be had: accepts again by net_listener_retry() */
    /* Takes over `fd` (non-blocking, TCP_NODELAY set). */
    void (*on_accept)(void *owner, int fd, const struct net_peer *peer);
};

/* Takes over `fd`, a listening socket of net_listen(), and starts to accept. */
enum err net_listener_init(struct net_listener *listener, uv_loop_t *loop, int fd, void *owner,
                           void (*on_accept)(void *owner, int fd, const struct net_peer *peer));
/*
 * Says that only the owner of the process can reach this socket, a Unix socket with mode 0600: its
 * peers are marked `control`, and no others are. Before the loop runs.
 */
void net_listener_control(struct net_listener *listener);
/* Stops for now and goes on; what arrives meanwhile waits in the kernel's queue. */
void net_listener_pause(struct net_listener *listener, bool pause);
/* To be called now and then: goes on where there was no descriptor or memory left to accept. */
void net_listener_retry(struct net_listener *listener);
/* Closes the socket; the memory may go when on_closed (may be NULL) is called. */
void net_listener_close(struct net_listener *listener,
                        void (*on_closed)(struct net_socket *socket));
