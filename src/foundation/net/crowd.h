/*
 * crowd: how many connections each address has, over all loops of the process. An IPv6 address
 * counts as its /64, which is what one subscriber is given (RFC 6177); an IPv4 address as itself.
 */
#pragma once

#include "address.h"

struct net_crowd;
struct net_crowd_seat;

/*
 * At most `each_max` connections an address. `loopback`: those of this machine are counted, too;
 * usually they are a proxy's, who brings everybody.
 */
struct net_crowd *net_crowd_open(unsigned each_max, bool loopback);
/* No seat may be taken any more. NULL is accepted. */
void net_crowd_close(struct net_crowd *crowd);

/*
 * One connection more: false when its address has as many as it may. *out_seat is for
 * net_crowd_leave(); NULL where nothing is counted (Unix sockets, loopback). Any thread.
 */
bool net_crowd_enter(struct net_crowd *crowd, const struct net_peer *peer,
                     struct net_crowd_seat **out_seat);
/* NULL is accepted. Any thread. */
void net_crowd_leave(struct net_crowd *crowd, struct net_crowd_seat *seat);
