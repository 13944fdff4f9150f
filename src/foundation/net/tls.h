/*
 * tls: TLS 1.2 and 1.3 for the sockets of this module, by OpenSSL. A store holds the certificates
 * and the keys of session tickets for the whole process; every loop has a core, which lends its
 * connections the buffers they need for a moment, so that an idle connection keeps none. Behind
 * net_tls_begin() a socket is used as any other: net_socket_recv(), _send(), _sendfile() and
 * _shutdown() encrypt and decrypt, and the handshake happens within the first of them.
 *
 * Not offered, on purpose: compression, renegotiation, early data (RFC 8446 section 8: it may be
 * replayed), ciphers without forward secrecy or authentication of their own.
 */
#pragma once

#include "socket.h"

#include "foundation/base/clock.h"
#include "foundation/base/str.h"
#include "foundation/err/err.h"

struct net_tls;
struct net_tls_core;

enum { NET_TLS_PAIRS_MAX = 32, NET_TLS_NAMES_MAX = 1024 };

/* PEM files: the certificate with those that sign it, and its key. The paths are copied. */
struct net_tls_pair {
    str cert_path, key_path;
};

struct net_tls_settings {
    const struct net_tls_pair *pairs;
    unsigned pairs_count; /* 1 .. NET_TLS_PAIRS_MAX */
    bool http1_only;      /* "h2" is not offered by ALPN */
    span ticket_rotation; /* how long tickets are made with one key; 0: an hour */
};

/*
 * Reads the certificates. Which one a connection gets is decided by the name it asks for (SNI) and
 * the names in them, wildcards of one label included (RFC 6125 section 6.4.3); the first one is for
 * those that ask for none or for another. ERR_INVALID "tls-certificate" with the file and what is
 * wrong. Blocks.
 */
enum err net_tls_open(const struct net_tls_settings *settings, struct net_tls **out_tls);
/* After the cores of it; connections may still be there. NULL is accepted. */
void net_tls_close(struct net_tls *tls);

/*
 * Reads the certificates again where a file has changed since the last time (or `always`), and puts
 * them in the place of the old ones, all or none. Connections and tickets live on. On failure the
 * old ones stay, and what was tried is not tried again until a file changes. Blocks; from one
 * thread at a time.
 */
enum err net_tls_reload(struct net_tls *tls, bool always, bool *out_changed);
/* When the first of the certificates ends. Any thread. */
instant net_tls_expires(struct net_tls *tls);
/* Makes a new ticket key now; what the last two sealed is still opened. Any thread. */
void net_tls_tickets_rotate(struct net_tls *tls);

struct net_tls_stats {
    uint64_t handshakes, resumed, failed;
};
/* Since net_tls_open(). Any thread. */
struct net_tls_stats net_tls_stats(const struct net_tls *tls);

/* One a loop, before its first connection. */
struct net_tls_core *net_tls_core_open(struct net_tls *tls);
/* After the last connection of the loop. NULL is accepted. */
void net_tls_core_close(struct net_tls_core *core);

/*
 * The accepted socket speaks TLS from its first byte on. ERR_EXHAUSTED: no memory. Given back by
 * net_socket_close().
 */
enum err net_tls_begin(struct net_socket *socket, struct net_tls_core *core);
/* The client has chosen "h2"; known from the first byte received on. */
bool net_tls_is_http2(const struct net_socket *socket);

/* --- Sockets we connect (tls_client.c) ------------------------------------------------------- */

/*
 * A store for connections to others: no certificate of our own, those of others are verified
 * against the PEM file `ca_path` (empty: the system's trust). ERR_INVALID "tls-certificate".
 * Blocks.
 */
enum err net_tls_trust_open(str ca_path, struct net_tls **out_tls);

enum { NET_TLS_HOST_MAX = 253 };
/*
 * The connected socket speaks TLS from now on, as a client of a server that must prove to be
 * `host`: a name (sent as SNI, RFC 6066 section 3) or an address. `http2`: "h2" is offered by ALPN,
 * beside "http/1.1". The first flight goes out here; the handshake goes on in net_socket_recv().
 * ERR_INVALID "bad-host", ERR_EXHAUSTED.
 */
enum err net_tls_connect(struct net_socket *socket, struct net_tls_core *core, str host,
                         bool http2);
/* The handshake is done: what is sent now goes out. */
bool net_tls_is_ready(const struct net_socket *socket);
/* The peer has said that nothing follows; an end without it may have been cut (RFC 8446 6.1). */
bool net_tls_is_ended(const struct net_socket *socket);
/* Why a connection failed, in English: "self-signed certificate"; never NULL. */
const char *net_tls_problem(const struct net_socket *socket);
