/*
 * crypto: hashes, authentication and randomness, from OpenSSL and the kernel. Nothing here
 * allocates for the caller or suspends.
 */
#pragma once

#include "foundation/base/str.h"

enum { SHA256_BYTES = 32, SHA256_HEX_BYTES = 64 };

/* FIPS 180-4. */
void crypto_sha256(str bytes, uint8_t out[SHA256_BYTES]);
/* FIPS 198-1. */
void crypto_hmac_sha256(str key, str bytes, uint8_t out[SHA256_BYTES]);
/* From getrandom(2); ends the process when the kernel has none to give. */
void crypto_random(void *out, size_t size_bytes);

/* Lower-case hexadecimal, two characters a byte, without a zero. */
void crypto_hex(const uint8_t *bytes, size_t size_bytes, char *out);
/* False unless `text` is exactly size_bytes * 2 hexadecimal digits. */
bool crypto_unhex(str text, uint8_t *out, size_t size_bytes);
