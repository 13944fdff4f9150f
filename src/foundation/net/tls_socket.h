/* tls_socket: what socket.c hands on for a socket with TLS; as the functions there. */
#pragma once

#include "tls.h"

struct ssl_st; /* OpenSSL's SSL */

ssize_t tls_recv(struct net_socket *socket, char *room, size_t room_bytes);
ssize_t tls_send(struct net_socket *socket, const struct iovec *parts, int count, bool more);
ssize_t tls_sendfile(struct net_socket *socket, int file, uint64_t offset, size_t len);
ssize_t tls_flush(struct net_socket *socket);
size_t tls_unsent_bytes(const struct net_tls_conn *conn);
/* Says that nothing follows (close_notify, RFC 8446 section 6.1). */
void tls_shutdown(struct net_socket *socket);
void tls_free(struct net_tls_conn *conn);

/* Past TLS, to the socket itself (socket.c). */
ssize_t net_raw_recv(struct net_socket *socket, void *room, size_t room_bytes);
ssize_t net_raw_send(struct net_socket *socket, struct iovec *parts, int count, bool more);

/* For tls_client.c: puts a connection behind the socket and takes over `ssl`, also on failure. */
enum err tls_conn_begin(struct net_socket *socket, struct net_tls_core *core, struct ssl_st *ssl,
                        bool client);
struct net_tls *tls_core_store(const struct net_tls_core *core);
