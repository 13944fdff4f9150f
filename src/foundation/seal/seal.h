/*
 * seal: a stream of bytes under a passphrase. scrypt makes the key (RFC 7914), AES-256-GCM seals
 * chunks of 64 KiB (NIST SP 800-38D), each under its own number; the last one is marked, so that a
 * stream cut between two chunks does not open. Chunks cannot be exchanged within a stream, nor
 * between two of them: each stream has a key of its own.
 *
 * header, 64 bytes:  "KINOSEAL" · version 1 · log2 N · r · p · log2 of the chunk · 3 zeros ·
 *                    salt of the key (16) · salt of the stream (16) · proof of the key (16)
 * then chunks:       up to 65,536 bytes of content, sealed, and a tag of 16 bytes
 * nonce, 12 bytes:   3 zeros · the chunk's number, big-endian (8) · 1 for the last chunk, else 0
 * additional data:   the header
 */
#pragma once

#include "foundation/err/err.h"

enum {
    SEAL_HEADER_BYTES = 64,
    SEAL_CHUNK_BYTES = 65536,
    SEAL_TAG_BYTES = 16,
    SEAL_SALT_BYTES = 16,
    SEAL_KEY_BYTES = 32,
    SEAL_PASSPHRASE_MAX = 1024
};

struct seal_key {
    uint8_t salt[SEAL_SALT_BYTES], master[SEAL_KEY_BYTES];
};

/*
 * Blocks for some tenths of a second and takes 128 MiB (N = 2^17, r = 8, p = 1). ERR_INVALID
 * "passphrase": empty or too long. ERR_EXHAUSTED: no memory for it.
 */
enum err seal_key_make(str passphrase, const uint8_t salt[SEAL_SALT_BYTES],
                       struct seal_key *out_key);
/* Overwrites it. */
void seal_key_forget(struct seal_key *key);

/* True when the bytes begin as a header does. */
bool seal_is_header(str bytes);
/* The salt of a header, for seal_key_make(). ERR_PRECONDITION "backup-newer": made by a later
 * program. ERR_CORRUPT "seal": no header, or parameters nobody writes. */
enum err seal_header_salt(str header, uint8_t out_salt[SEAL_SALT_BYTES]);

/* One stream, being sealed or opened. On the heap. */
struct seal;
enum err seal_begin(const struct seal_key *key, uint8_t out_header[SEAL_HEADER_BYTES],
                    struct seal **out_seal);
/* ERR_FORBIDDEN "wrong-passphrase"; else as seal_header_salt(). */
enum err seal_open(const struct seal_key *key, str header, struct seal **out_seal);
void seal_close(struct seal *seal);

/* Seals the next chunk: plain.len + SEAL_TAG_BYTES bytes. All but the last have SEAL_CHUNK_BYTES;
 * nothing follows the last. */
void seal_chunk(struct seal *seal, str plain, bool last, uint8_t *out);
/* Opens the next: sealed.len - SEAL_TAG_BYTES bytes. ERR_CORRUPT "seal": changed, exchanged or cut
 * off. */
enum err seal_chunk_open(struct seal *seal, str sealed, bool last, uint8_t *out);

/* A name for content by its hash that says nothing to who has no key. */
void seal_name(const struct seal_key *key, const uint8_t sha256[32], uint8_t out[32]);
