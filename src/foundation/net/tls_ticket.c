/*
 * tls_ticket: keys of session tickets (RFC 5077, RFC 8446 section 4.6.1). Nothing is stored a
 * session: whoever holds the ticket holds the state, sealed by a key that all loops share and that
 * is replaced every hour. The two before it still open what they sealed, so a ticket lives for two
 * rotations and then costs its owner a full handshake.
 */
#include "tls_store.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

static void key_make(struct ticket_key *key)
{
    ASSERT(RAND_bytes(key->name, sizeof(key->name)) == 1);
    ASSERT(RAND_priv_bytes(key->cipher, sizeof(key->cipher)) == 1);
    ASSERT(RAND_priv_bytes(key->mac, sizeof(key->mac)) == 1);
    key->since = clock_mono();
}

static void rotate_locked(struct ticket_keys *tickets)
{
    memmove(&tickets->keys[1], &tickets->keys[0], (TICKET_KEYS - 1) * sizeof(tickets->keys[0]));
    tickets->count = MIN_OF(tickets->count + 1, (unsigned)TICKET_KEYS);
    key_make(&tickets->keys[0]);
}

void tickets_init(struct ticket_keys *tickets, span rotation)
{
    *tickets = (struct ticket_keys){ .rotation = rotation ? rotation : HOURS(1) };
    pthread_mutex_init(&tickets->lock, NULL);
    rotate_locked(tickets);
}

void tickets_deinit(struct ticket_keys *tickets)
{
    pthread_mutex_destroy(&tickets->lock);
    explicit_bzero(tickets, sizeof(*tickets));
}

void tickets_rotate(struct ticket_keys *tickets)
{
    pthread_mutex_lock(&tickets->lock);
    rotate_locked(tickets);
    pthread_mutex_unlock(&tickets->lock);
}

/* After a night without visitors more than one key is overdue. */
static void rotate_if_due(struct ticket_keys *tickets)
{
    span age = clock_mono() - tickets->keys[0].since;
    if (age < tickets->rotation)
        return;
    if (age >= 2 * tickets->rotation)
        tickets->count = 0;
    rotate_locked(tickets);
}

/* Copies the key that seals, or the one of that name; its place among the keys, or -1. */
static int key_take(struct ticket_keys *tickets, const unsigned char *name, struct ticket_key *out)
{
    int place = -1;
    pthread_mutex_lock(&tickets->lock);
    rotate_if_due(tickets);
    for (unsigned i = 0; i < tickets->count && place < 0; i++)
        if (!name || memcmp(tickets->keys[i].name, name, TICKET_NAME_BYTES) == 0)
            place = (int)i;
    if (place >= 0)
        *out = tickets->keys[place];
    pthread_mutex_unlock(&tickets->lock);
    return place;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0 refuses, 1 is done, 2 asks for a new ticket. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int sealing)
{
    static char digest[] = "SHA256";
    struct ticket_keys *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    int place = key_take(tickets, sealing ? NULL : name, &key);
    if (place < 0)
        return 0;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac, sizeof(key.mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    int iv_bytes = EVP_CIPHER_get_iv_length(EVP_aes_256_cbc());
    if (sealing)
        memcpy(name, key.name, sizeof(key.name));
    bool done = (!sealing || RAND_bytes(iv, iv_bytes) == 1) &&
                EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv, sealing) == 1 &&
                EVP_MAC_CTX_set_params(mac, params) == 1;
    explicit_bzero(&key, sizeof(key));
    /* In TLS 1.3 clients use a ticket once (RFC 8446 appendix C.4): each gets another one. */
    bool renew = place > 0 || SSL_version(ssl) == TLS1_3_VERSION;
    return !done ? -1 : sealing || !renew ? 1 : 2;
}

void tickets_attach(struct ticket_keys *tickets, SSL_CTX *context)
{
    SSL_CTX_set_app_data(context, tickets);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, (long)((TICKET_KEYS - 1) * tickets->rotation / SECONDS(1)));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}
