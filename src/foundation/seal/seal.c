/* seal: key derivation and the numbered chunks, over OpenSSL. */
#include "seal.h"

#include "foundation/crypto/crypto.h"
#include "foundation/mem/heap.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum {
    VERSION = 1,
    LOG2_N = 17,
    R = 8,
    P = 1,
    LOG2_CHUNK = 16,
    NONCE_BYTES = 12,
    PROOF_BYTES = 16,
    AT_VERSION = 8,
    AT_KEY_SALT = 16,
    AT_STREAM_SALT = 32,
    AT_PROOF = 48
};
static const str magic = STR_INIT("KINOSEAL");

struct seal {
    EVP_CIPHER_CTX *context;
    uint8_t header[SEAL_HEADER_BYTES], key[SEAL_KEY_BYTES];
    uint64_t chunks;
    bool ended;
};

enum err seal_key_make(str passphrase, const uint8_t salt[SEAL_SALT_BYTES],
                       struct seal_key *out_key)
{
    uint64_t memory_max = 256 << 20;
    if (passphrase.len == 0 || passphrase.len > SEAL_PASSPHRASE_MAX)
        return err_set(ERR_INVALID, "passphrase", "a passphrase has 1 to %d bytes, not %zu",
                       SEAL_PASSPHRASE_MAX, passphrase.len);
    if (EVP_PBE_scrypt(passphrase.ptr, passphrase.len, salt, SEAL_SALT_BYTES, (uint64_t)1 << LOG2_N,
                       R, P, memory_max, out_key->master, SEAL_KEY_BYTES) != 1)
        return err_set(ERR_EXHAUSTED, "memory", "the passphrase needs 128 MiB of memory");
    memcpy(out_key->salt, salt, SEAL_SALT_BYTES);
    return OK;
}

void seal_key_forget(struct seal_key *key)
{
    OPENSSL_cleanse(key, sizeof(*key));
}

/* What is made of the master key for one purpose: HMAC-SHA256(master, purpose || bytes). */
static void derive(const struct seal_key *key, str purpose, const uint8_t *bytes, size_t len,
                   uint8_t out[SHA256_BYTES])
{
    uint8_t text[64];
    ASSERT(purpose.len + len <= sizeof(text));
    memcpy(text, purpose.ptr, purpose.len);
    memcpy(text + purpose.len, bytes, len);
    crypto_hmac_sha256((str){ (const char *)key->master, SEAL_KEY_BYTES },
                       (str){ (const char *)text, purpose.len + len }, out);
}

void seal_name(const struct seal_key *key, const uint8_t sha256[32], uint8_t out[32])
{
    derive(key, STR("name"), sha256, SHA256_BYTES, out);
}

bool seal_is_header(str bytes)
{
    return str_starts(bytes, magic);
}

enum err seal_header_salt(str header, uint8_t out_salt[SEAL_SALT_BYTES])
{
    static const uint8_t fixed[] = { LOG2_N, R, P, LOG2_CHUNK, 0, 0, 0 };
    if (header.len < SEAL_HEADER_BYTES || !seal_is_header(header))
        return err_set(ERR_CORRUPT, "seal", "the head of a sealed file is damaged");
    if ((uint8_t)header.ptr[AT_VERSION] > VERSION)
        return err_set(ERR_PRECONDITION, "backup-newer",
                       "it is sealed in format %u, this program knows format %d: use the newer "
                       "program",
                       (uint8_t)header.ptr[AT_VERSION], VERSION);
    if ((uint8_t)header.ptr[AT_VERSION] != VERSION ||
        memcmp(header.ptr + AT_VERSION + 1, fixed, sizeof(fixed)) != 0)
        return err_set(ERR_CORRUPT, "seal", "the head of a sealed file is damaged");
    memcpy(out_salt, header.ptr + AT_KEY_SALT, SEAL_SALT_BYTES);
    return OK;
}

static struct seal *seal_new(const struct seal_key *key, const uint8_t header[SEAL_HEADER_BYTES])
{
    struct seal *seal = HEAP_NEW(struct seal);
    memcpy(seal->header, header, SEAL_HEADER_BYTES);
    derive(key, STR("stream"), header + AT_STREAM_SALT, SEAL_SALT_BYTES, seal->key);
    seal->context = EVP_CIPHER_CTX_new();
    if (!seal->context)
        PANIC("no memory for a cipher");
    return seal;
}

static void prove(const struct seal_key *key, uint8_t out[PROOF_BYTES])
{
    uint8_t proof[SHA256_BYTES];
    derive(key, STR("proof"), key->salt, SEAL_SALT_BYTES, proof);
    memcpy(out, proof, PROOF_BYTES);
}

enum err seal_begin(const struct seal_key *key, uint8_t out_header[SEAL_HEADER_BYTES],
                    struct seal **out_seal)
{
    static const uint8_t fixed[] = { VERSION, LOG2_N, R, P, LOG2_CHUNK, 0, 0, 0 };
    memcpy(out_header, magic.ptr, magic.len);
    memcpy(out_header + AT_VERSION, fixed, sizeof(fixed));
    memcpy(out_header + AT_KEY_SALT, key->salt, SEAL_SALT_BYTES);
    crypto_random(out_header + AT_STREAM_SALT, SEAL_SALT_BYTES);
    prove(key, out_header + AT_PROOF);
    *out_seal = seal_new(key, out_header);
    return OK;
}

enum err seal_open(const struct seal_key *key, str header, struct seal **out_seal)
{
    uint8_t salt[SEAL_SALT_BYTES], proof[PROOF_BYTES];
    TRY(seal_header_salt(header, salt));
    prove(key, proof);
    if (memcmp(salt, key->salt, SEAL_SALT_BYTES) != 0 ||
        CRYPTO_memcmp(proof, header.ptr + AT_PROOF, PROOF_BYTES) != 0)
        return err_set(ERR_FORBIDDEN, "wrong-passphrase", "the passphrase is wrong");
    *out_seal = seal_new(key, (const uint8_t *)header.ptr);
    return OK;
}

void seal_close(struct seal *seal)
{
    if (!seal)
        return;
    EVP_CIPHER_CTX_free(seal->context);
    OPENSSL_cleanse(seal->key, sizeof(seal->key));
    heap_free(seal);
}

/* Key and nonce of the next chunk, and the header as additional data. */
static void chunk_begin(struct seal *seal, bool seals, bool last)
{
    uint8_t nonce[NONCE_BYTES] = { 0 };
    int done;
    ASSERT(!seal->ended);
    for (unsigned i = 0; i < 8; i++)
        nonce[3 + i] = (uint8_t)(seal->chunks >> (56 - 8 * i));
    nonce[NONCE_BYTES - 1] = last;
    seal->chunks++;
    seal->ended = last;
    if (EVP_CipherInit_ex(seal->context, EVP_aes_256_gcm(), NULL, seal->key, nonce, seals) != 1 ||
        EVP_CipherUpdate(seal->context, NULL, &done, seal->header, SEAL_HEADER_BYTES) != 1)
        PANIC("no AES-256-GCM");
}

void seal_chunk(struct seal *seal, str plain, bool last, uint8_t *out)
{
    int done = 0, rest = 0;
    ASSERT(plain.len <= SEAL_CHUNK_BYTES && (last || plain.len == SEAL_CHUNK_BYTES));
    chunk_begin(seal, true, last);
    bool well =
        plain.len == 0 || EVP_EncryptUpdate(seal->context, out, &done, (const uint8_t *)plain.ptr,
                                            (int)plain.len) == 1;
    well = well && EVP_EncryptFinal_ex(seal->context, out + done, &rest) == 1;
    well = well && EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_BYTES,
                                       out + plain.len) == 1;
    ASSERT(well);
}

enum err seal_chunk_open(struct seal *seal, str sealed, bool last, uint8_t *out)
{
    uint8_t tag[SEAL_TAG_BYTES];
    int done = 0, rest = 0;
    if (sealed.len < SEAL_TAG_BYTES || seal->ended ||
        sealed.len > SEAL_CHUNK_BYTES + SEAL_TAG_BYTES)
        return err_set(ERR_CORRUPT, "seal", "the sealed content is cut off");
    size_t len = sealed.len - SEAL_TAG_BYTES;
    memcpy(tag, sealed.ptr + len, SEAL_TAG_BYTES);
    chunk_begin(seal, false, last);
    bool well = len == 0 || EVP_DecryptUpdate(seal->context, out, &done,
                                              (const uint8_t *)sealed.ptr, (int)len) == 1;
    well =
        well && EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_BYTES, tag) == 1;
    if (!well || EVP_DecryptFinal_ex(seal->context, out + done, &rest) != 1)
        return err_set(ERR_CORRUPT, "seal",
                       "the sealed content is damaged or cut off at chunk %llu",
                       (unsigned long long)seal->chunks);
    return OK;
}
