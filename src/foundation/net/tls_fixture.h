/*
 * tls_fixture: for the tests: certificates made on the spot, and a client that can be driven a step
 * at a time. Files lie in a temporary folder of the process, removed at its end.
 */
#pragma once

#include "tls.h"

#include <openssl/ssl.h>

enum { TLS_PATH_BYTES = 256 };

struct tls_files {
    char cert[TLS_PATH_BYTES], key[TLS_PATH_BYTES];
};

/* A self-signed P-256 certificate for the names ("a.example,*.b.example"), with a serial number. */
struct tls_files tls_files_make(const char *label, const char *names, long serial);
/* A file there with these bytes; returns its path in `out`. */
void tls_file_write(const char *label, str bytes, char out[TLS_PATH_BYTES]);

/* A client's context that accepts any certificate. */
SSL_CTX *tls_client_context(void);
/* The serial number of the certificate the server has shown. */
long tls_peer_serial(SSL *ssl);
