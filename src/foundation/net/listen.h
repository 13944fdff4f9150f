/*
 * listen: listening sockets. Several loops share one TCP port by SO_REUSEPORT, which would also let
 * a second server of the same user share it without a word. So the first socket of a set is bound
 * and put to listening without SO_REUSEPORT, which the kernel grants to one socket only; it is
 * opened to the others of its own set afterwards.
 */
#pragma once

#include "address.h"

/*
 * Opens `count` (>= 1) non-blocking listening sockets on one address and stores them in out_fds;
 * where port 0 was asked for, all of them have the port the first got. *out_bound (may be NULL) is
 * the address really bound. A Unix socket has mode 0600, replaces a dead one of its name, and
 * exists once: count must be 1. ERR_CONFLICT: the address is in use, by another program or by a
 * server of ours.
 */
enum err net_listen(const struct net_address *address, unsigned count, int *out_fds,
                    struct net_address *out_bound);

/*
 * Raises the soft limit on descriptors to the hard one and returns it.
 */
unsigned net_descriptors_raise(void);
/* A peer that has gone must not end the process: sendfile() has no MSG_NOSIGNAL. */
void net_sigpipe_ignore(void);
