/* crypto: thin words over libcrypto. Where it fails, the installation is broken: a panic. */
#include "crypto.h"

#include "foundation/base/base.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

void crypto_sha256(str bytes, uint8_t out[SHA256_BYTES])
{
    if (EVP_Digest(bytes.ptr, bytes.len, out, NULL, EVP_sha256(), NULL) != 1)
        PANIC("SHA-256 failed");
}

void crypto_hmac_sha256(str key, str bytes, uint8_t out[SHA256_BYTES])
{
    unsigned len = 0;
    const unsigned char *message = (const unsigned char *)bytes.ptr;
    if (!HMAC(EVP_sha256(), key.ptr, (int)key.len, message, bytes.len, out, &len))
        PANIC("HMAC failed");
}

void crypto_random(void *out, size_t size_bytes)
{
    for (size_t done = 0; done < size_bytes;) {
        ssize_t got = getrandom((char *)out + done, size_bytes - done, 0);
        if (got < 0)
            PANIC("the kernel gives no random bytes");
        done += (size_t)got;
    }
}

void crypto_hex(const uint8_t *bytes, size_t size_bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size_bytes; i++) {
        out[i * 2] = digits[bytes[i] >> 4];
        out[i * 2 + 1] = digits[bytes[i] & 15];
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool crypto_unhex(str text, uint8_t *out, size_t size_bytes)
{
    if (text.len != size_bytes * 2)
        return false;
    for (size_t i = 0; i < size_bytes; i++) {
        int high = hex_digit(text.ptr[i * 2]), low = hex_digit(text.ptr[i * 2 + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
