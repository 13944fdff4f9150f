/* tls_store: what the files of tls share: the store's insides, and the transfers socket.c calls. */
#pragma once

#include "tls.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum { TICKET_KEYS = 3, TICKET_NAME_BYTES = 16 };

struct ticket_key {
    unsigned char name[TICKET_NAME_BYTES], cipher[32], mac[32];
    instant since; /* clock_mono() */
};

/* The first key seals; all of them open (RFC 5077 section 5.5). */
struct ticket_keys {
    pthread_mutex_t lock;
    span rotation;
    unsigned count;
    struct ticket_key keys[TICKET_KEYS];
};

void tickets_init(struct ticket_keys *tickets, span rotation);
void tickets_deinit(struct ticket_keys *tickets);
void tickets_rotate(struct ticket_keys *tickets);
/* Lets a context make and take tickets with these keys, which must outlive it. */
void tickets_attach(struct ticket_keys *tickets, SSL_CTX *context);

struct tls_name {
    char *text; /* lower case; of a wildcard what follows the first label */
    bool wildcard;
    SSL_CTX *context;
};

/* What one reading of the certificates gave; replaced as a whole. */
struct tls_set {
    SSL_CTX *contexts[NET_TLS_PAIRS_MAX];
    unsigned contexts_count, names_count;
    instant expires;
    struct tls_name names[NET_TLS_NAMES_MAX];
};

struct file_mark {
    dev_t device;
    ino_t inode;
    off_t size_bytes;
    struct timespec modified;
};

struct net_tls {
    char *paths[NET_TLS_PAIRS_MAX * 2]; /* certificate, key, certificate, ... */
    struct file_mark marks[NET_TLS_PAIRS_MAX * 2];
    unsigned paths_count;
    bool http1_only;
    SSL_CTX *client; /* for the sockets we connect (tls_client.c); then there is no set */
    BIO_METHOD *method;
    pthread_mutex_t lock; /* of set */
    struct tls_set *set;
    struct ticket_keys tickets;
    _Atomic uint64_t handshakes, resumed, failed;
};

/* How OpenSSL reaches the buffers of a core (tls_socket.c). */
BIO_METHOD *tls_bio_method(void);
/* A connection of the store, with the first certificate for now. NULL: no memory. */
SSL *store_ssl_new(struct net_tls *tls);
/* The ciphers and groups we speak, on either side; false: this OpenSSL lacks them. */
bool tls_ciphers_set(SSL_CTX *context);
/* ERR_INVALID "tls-certificate": the path, what is wrong, and what OpenSSL said last. */
enum err tls_fail(const char *path, const char *what);
