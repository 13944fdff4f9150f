#include "crypto.h"

#include "foundation/test/test.h"

#include <string.h>

static str hex_of(const uint8_t *bytes, char out[SHA256_HEX_BYTES])
{
    crypto_hex(bytes, SHA256_BYTES, out);
    return (str){ out, SHA256_HEX_BYTES };
}

TEST(crypto_hashes_as_the_standards_say)
{
    uint8_t out[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    crypto_sha256(STR("abc"), out); /* FIPS 180-2, B.1 */
    CHECK_STR(hex_of(out, hex),
              STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out); /* RFC 4231, 4.3 */
    CHECK_STR(hex_of(out, hex),
              STR("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

TEST(crypto_hex_goes_both_ways)
{
    uint8_t bytes[SHA256_BYTES], back[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    crypto_random(bytes, sizeof(bytes));
    CHECK(crypto_unhex(hex_of(bytes, hex), back, sizeof(back)));
    CHECK(memcmp(bytes, back, sizeof(bytes)) == 0);
    CHECK(!crypto_unhex(STR("0g"), back, 1));
    CHECK(!crypto_unhex(STR("001"), back, 1));
}
