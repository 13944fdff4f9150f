/*
 * address: where a server listens, as people write it: "127.0.0.1:8000", "[::1]:8000", ":8000"
 * (every interface, IPv4 and IPv6), "localhost:0" (port chosen by the system) or
 * "unix:/path/of.sock". Names other than localhost are not looked up: what a server listens on must
 * not depend on a resolver.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } socket;
    socklen_t size_bytes;
};

/* "[65535 x IPv6]" or "unix:" and a path, and a zero. */
enum { NET_ADDRESS_TEXT_MAX = 128 };

/* ERR_INVALID with the offending text. */
enum err net_address_parse(str text, struct net_address *out);
/* The same forms back; `out` ends with a zero. */
str net_address_format(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX]);
/* The port, 0 for Unix sockets. */
unsigned net_address_port(const struct net_address *address);

/* The other end of a connection, kept small: IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2).
 */
struct net_peer {
    uint8_t ip[16]; /* all zero: a Unix socket */
    uint16_t port;
    bool control; /* came by the socket of the process's owner; see net_listener_control() */
};
struct net_peer net_peer_of(const struct net_address *address);
/* "192.0.2.1", "2001:db8::1" or "unix"; `out` ends with a zero. */
str net_peer_format(const struct net_peer *peer, char out[INET6_ADDRSTRLEN]);
