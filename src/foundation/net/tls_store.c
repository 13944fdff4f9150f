/*
 * tls_store: certificates by name, and their replacement while connections go on. A reading makes a
 * whole new set; connections hold the context they began with by OpenSSL's own reference.
 */
#include "tls_store.h"

#include "foundation/mem/heap.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

static const char ciphers_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";

enum err tls_fail(const char *path, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    enum err err = err_set(ERR_INVALID, "tls-certificate", "%s: %s%s%s%s", path, what,
                           reason ? " (" : "", reason ? reason : "", reason ? ")" : "");
    ERR_clear_error();
    return err;
}

/* --- Names ---------------------------------------------------------------------------------- */

/* "*.example.org" is kept as "example.org"; other places for the star are no names of ours. */
static bool name_add(struct tls_set *set, SSL_CTX *context, str text)
{
    bool wildcard = str_starts(text, STR("*."));
    if (wildcard)
        text = str_skip(text, 2);
    if (text.len == 0 || text.len > 253 || str_find_char(text, '*') >= 0)
        return true;
    if (set->names_count == NET_TLS_NAMES_MAX)
        return false;
    char *copy = heap_alloc(text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = (char)tolower((unsigned char)text.ptr[i]);
    copy[text.len] = 0;
    set->names[set->names_count++] = (struct tls_name){ copy, wildcard, context };
    return true;
}

static bool names_of(struct tls_set *set, SSL_CTX *context, X509 *cert)
{
    bool room = true;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; room && names && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        str text = { (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                     (size_t)ASN1_STRING_length(name->d.dNSName) };
        room = name_add(set, context, text);
    }
    GENERAL_NAMES_free(names);
    return room;
}

/* The context for a name; NULL: none is made for it. An exact name wins over a wildcard. */
static SSL_CTX *context_find(const struct tls_set *set, const char *asked)
{
    const char *dot = strchr(asked, '.');
    SSL_CTX *by_wildcard = NULL;
    for (unsigned i = 0; i < set->names_count; i++) {
        const struct tls_name *name = &set->names[i];
        if (!name->wildcard && strcasecmp(name->text, asked) == 0)
            return name->context;
        if (name->wildcard && dot > asked && strcasecmp(name->text, dot + 1) == 0 && !by_wildcard)
            by_wildcard = name->context;
    }
    return by_wildcard;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    struct net_tls *tls = arg;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (!asked)
        return SSL_TLSEXT_ERR_NOACK;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *context = context_find(tls->set, asked);
    if (context)
        SSL_set_SSL_CTX(ssl, context);
    pthread_mutex_unlock(&tls->lock);
    return context ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* --- Contexts ------------------------------------------------------------------------------- */

/* RFC 7301. A client that names none of ours is not refused: it gets HTTP/1.1. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char both[] = "\2h2\10http/1.1", old[] = "\10http/1.1";
    const struct net_tls *tls = arg;
    const unsigned char *ours = tls->http1_only ? old : both;
    unsigned ours_len = tls->http1_only ? sizeof(old) - 1 : sizeof(both) - 1;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, ours, ours_len, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase would make the program ask at the terminal. */
static int no_passphrase(char *room, int room_bytes, int writing, void *arg)
{
    (void)room, (void)room_bytes, (void)writing, (void)arg;
    return -1;
}

bool tls_ciphers_set(SSL_CTX *context)
{
    return SSL_CTX_set_cipher_list(context, ciphers_12) == 1 &&
           SSL_CTX_set_ciphersuites(context, ciphers_13) == 1 &&
           SSL_CTX_set1_groups_list(context, groups) == 1;
}

static void context_configure(struct net_tls *tls, SSL_CTX *context)
{
    static const unsigned char id[] = "kinobezdna";
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_tlsext_servername_callback(context, on_name);
    SSL_CTX_set_tlsext_servername_arg(context, tls);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, tls);
    tickets_attach(&tls->tickets, context);
}

static instant instant_of_asn1(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? SECONDS((int64_t)timegm(&tm)) : 0;
}

static enum err context_load(struct net_tls *tls, struct tls_set *set, unsigned pair)
{
    const char *cert_path = tls->paths[(size_t)pair * 2],
               *key_path = tls->paths[(size_t)pair * 2 + 1];
    for (int i = 0; i < 2; i++)
        if (access(i ? key_path : cert_path, R_OK) != 0)
            return err_set(ERR_INVALID, "tls-certificate", "%s cannot be read: %s",
                           i ? key_path : cert_path, strerrordesc_np(errno));
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return tls_fail(cert_path, "no TLS context can be made");
    set->contexts[set->contexts_count++] = context;
    context_configure(tls, context);
    if (!tls_ciphers_set(context))
        return tls_fail(cert_path, "this OpenSSL lacks the ciphers we want");
    if (SSL_CTX_use_certificate_chain_file(context, cert_path) != 1)
        return tls_fail(cert_path, "not a usable certificate");
    if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1)
        return tls_fail(key_path, "not the usable key of the certificate");
    X509 *cert = SSL_CTX_get0_certificate(context);
    instant expires = instant_of_asn1(X509_get0_notAfter(cert));
    if (!set->expires || expires < set->expires)
        set->expires = expires;
    if (!names_of(set, context, cert))
        return tls_fail(cert_path, "more than 1024 names in all certificates");
    return OK;
}

static void set_free(struct tls_set *set)
{
    if (!set)
        return;
    for (unsigned i = 0; i < set->contexts_count; i++)
        SSL_CTX_free(set->contexts[i]);
    for (unsigned i = 0; i < set->names_count; i++)
        heap_free(set->names[i].text);
    heap_free(set);
}

/* --- Reading -------------------------------------------------------------------------------- */

/* Notes what the files look like now; true when that is something else than the last time. */
static bool marks_update(struct net_tls *tls)
{
    bool changed = false;
    for (unsigned i = 0; i < tls->paths_count; i++) {
        struct stat info;
        struct file_mark mark = { 0 };
        struct file_mark *known = &tls->marks[i];
        if (stat(tls->paths[i], &info) == 0)
            mark = (struct file_mark){ info.st_dev, info.st_ino, info.st_size, info.st_mtim };
        changed |= mark.device != known->device || mark.inode != known->inode ||
                   mark.size_bytes != known->size_bytes ||
                   mark.modified.tv_sec != known->modified.tv_sec ||
                   mark.modified.tv_nsec != known->modified.tv_nsec;
        *known = mark;
    }
    return changed;
}

static enum err set_load(struct net_tls *tls, struct tls_set **out_set)
{
    struct tls_set *set = HEAP_NEW(struct tls_set);
    enum err err = OK;
    ERR_clear_error();
    for (unsigned i = 0; err == OK && i < tls->paths_count / 2; i++)
        err = context_load(tls, set, i);
    if (err != OK) {
        set_free(set);
        return err;
    }
    *out_set = set;
    return OK;
}

enum err net_tls_reload(struct net_tls *tls, bool always, bool *out_changed)
{
    struct tls_set *set;
    *out_changed = false;
    if (!marks_update(tls) && !always)
        return OK;
    TRY(set_load(tls, &set));
    pthread_mutex_lock(&tls->lock);
    struct tls_set *old = tls->set;
    tls->set = set;
    pthread_mutex_unlock(&tls->lock);
    set_free(old);
    *out_changed = true;
    return OK;
}

instant net_tls_expires(struct net_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    instant expires = tls->set->expires;
    pthread_mutex_unlock(&tls->lock);
    return expires;
}

void net_tls_tickets_rotate(struct net_tls *tls)
{
    tickets_rotate(&tls->tickets);
}

struct net_tls_stats net_tls_stats(const struct net_tls *tls)
{
    return (struct net_tls_stats){ .handshakes = atomic_load(&tls->handshakes),
                                   .resumed = atomic_load(&tls->resumed),
                                   .failed = atomic_load(&tls->failed) };
}

SSL *store_ssl_new(struct net_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->set->contexts[0]);
    pthread_mutex_unlock(&tls->lock);
    return ssl;
}

static char *path_copy(str path)
{
    char *copy = heap_alloc(path.len + 1);
    memcpy(copy, path.ptr, path.len);
    copy[path.len] = 0;
    return copy;
}

enum err net_tls_open(const struct net_tls_settings *settings, struct net_tls **out_tls)
{
    bool changed;
    ASSERT(settings->pairs_count >= 1 && settings->pairs_count <= NET_TLS_PAIRS_MAX);
    struct net_tls *tls = HEAP_NEW(struct net_tls);
    pthread_mutex_init(&tls->lock, NULL);
    tickets_init(&tls->tickets, settings->ticket_rotation);
    tls->http1_only = settings->http1_only;
    for (unsigned i = 0; i < settings->pairs_count; i++) {
        tls->paths[tls->paths_count++] = path_copy(settings->pairs[i].cert_path);
        tls->paths[tls->paths_count++] = path_copy(settings->pairs[i].key_path);
    }
    tls->method = tls_bio_method();
    enum err err = net_tls_reload(tls, true, &changed);
    if (err != OK) {
        net_tls_close(tls);
        return err;
    }
    *out_tls = tls;
    return OK;
}

void net_tls_close(struct net_tls *tls)
{
    if (!tls)
        return;
    set_free(tls->set);
    SSL_CTX_free(tls->client);
    BIO_meth_free(tls->method);
    for (unsigned i = 0; i < tls->paths_count; i++)
        heap_free(tls->paths[i]);
    tickets_deinit(&tls->tickets);
    pthread_mutex_destroy(&tls->lock);
    heap_free(tls);
}
