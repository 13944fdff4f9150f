/*
 * tls_client: the sockets we connect. Who answers must prove to be the one we asked for: a chain to
 * a certificate we trust, made for that name or address (RFC 9525), TLS 1.2 or newer.
 */
#include "tls_socket.h"

#include "tls_store.h"

#include "foundation/mem/heap.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

static enum err trust_load(SSL_CTX *context, str ca_path)
{
    char path[1024];
    if (ca_path.len == 0) {
        if (SSL_CTX_set_default_verify_paths(context) == 1)
            return OK;
        return tls_fail("the system's certificates", "cannot be read");
    }
    if (ca_path.len >= sizeof(path))
        return tls_fail("the file of trusted certificates", "has a path that is too long");
    memcpy(path, ca_path.ptr, ca_path.len);
    path[ca_path.len] = 0;
    if (SSL_CTX_load_verify_file(context, path) == 1)
        return OK;
    return tls_fail(path, "no trusted certificates can be read from it");
}

enum err net_tls_trust_open(str ca_path, struct net_tls **out_tls)
{
    struct net_tls *tls = HEAP_NEW(struct net_tls);
    pthread_mutex_init(&tls->lock, NULL);
    tickets_init(&tls->tickets, 0);
    tls->method = tls_bio_method();
    tls->client = SSL_CTX_new(TLS_client_method());
    ASSERT(tls->client);
    ERR_clear_error();
    SSL_CTX_set_min_proto_version(tls->client, TLS1_2_VERSION);
    SSL_CTX_set_options(tls->client, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(tls->client, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls->client, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls->client, SSL_SESS_CACHE_OFF);
    enum err err = tls_ciphers_set(tls->client)
                       ? trust_load(tls->client, ca_path)
                       : tls_fail("this OpenSSL", "lacks the ciphers we want");
    if (err != OK) {
        net_tls_close(tls);
        return err;
    }
    *out_tls = tls;
    return OK;
}

static bool expect_host(SSL *ssl, str host)
{
    char name[NET_TLS_HOST_MAX + 1];
    unsigned char ip[16];
    memcpy(name, host.ptr, host.len);
    name[host.len] = 0;
    X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1; /* SNI is for names only */
    return X509_VERIFY_PARAM_set1_host(expected, name, host.len) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err net_tls_connect(struct net_socket *socket, struct net_tls_core *core, str host, bool http2)
{
    static const unsigned char both[] = "\2h2\10http/1.1", old[] = "\10http/1.1";
    if (host.len == 0 || host.len > NET_TLS_HOST_MAX || memchr(host.ptr, 0, host.len))
        return err_set(ERR_INVALID, "bad-host", "\"%.*s\" is no host to connect to by TLS",
                       STR_ARG(str_head_utf8(host, 100)));
    SSL *ssl = SSL_new(tls_core_store(core)->client);
    if (ssl && (!expect_host(ssl, host) ||
                SSL_set_alpn_protos(ssl, http2 ? both : old,
                                    (unsigned)(http2 ? sizeof(both) : sizeof(old)) - 1) != 0)) {
        SSL_free(ssl);
        ssl = NULL;
    }
    return tls_conn_begin(socket, core, ssl, true);
}
