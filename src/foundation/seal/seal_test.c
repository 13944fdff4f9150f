/* What is sealed opens again, and only so: every byte, every chunk, the end and the passphrase. */
#include "seal.h"

#include "foundation/mem/heap.h"
#include "foundation/test/test.h"

#include <string.h>

static const uint8_t salt[SEAL_SALT_BYTES] = { 1, 2, 3 };

static const struct seal_key *key(void)
{
    static struct seal_key made;
    static bool ready;
    if (!ready)
        CHECK_OK(seal_key_make(STR("open sesame"), salt, &made));
    ready = true;
    return &made;
}

enum { SEALED_MAX = 2 * (SEAL_CHUNK_BYTES + SEAL_TAG_BYTES) };

struct stream {
    uint8_t header[SEAL_HEADER_BYTES];
    uint8_t *sealed;
    size_t first, second; /* sealed bytes of the two chunks */
};

static struct stream stream_of(const uint8_t *plain, size_t len)
{
    struct stream s = { .sealed = heap_alloc(SEALED_MAX) };
    struct seal *seal;
    CHECK_OK(seal_begin(key(), s.header, &seal));
    seal_chunk(seal, (str){ (const char *)plain, SEAL_CHUNK_BYTES }, false, s.sealed);
    s.first = SEAL_CHUNK_BYTES + SEAL_TAG_BYTES;
    seal_chunk(seal, (str){ (const char *)plain + SEAL_CHUNK_BYTES, len - SEAL_CHUNK_BYTES }, true,
               s.sealed + s.first);
    s.second = len - SEAL_CHUNK_BYTES + SEAL_TAG_BYTES;
    seal_close(seal);
    return s;
}

static str header_of(const struct stream *s)
{
    return (str){ (const char *)s->header, SEAL_HEADER_BYTES };
}

static uint8_t *content(size_t len)
{
    uint8_t *plain = heap_alloc(len);
    for (size_t i = 0; i < len; i++)
        plain[i] = (uint8_t)(i * 7 + i / 251);
    return plain;
}

TEST(roundtrip)
{
    size_t len = SEAL_CHUNK_BYTES + 1000;
    uint8_t *plain = content(len), *out = heap_alloc(SEAL_CHUNK_BYTES);
    struct stream s = stream_of(plain, len);
    struct seal *seal;
    CHECK_OK(seal_open(key(), header_of(&s), &seal));
    CHECK_OK(seal_chunk_open(seal, (str){ (char *)s.sealed, s.first }, false, out));
    CHECK(memcmp(out, plain, SEAL_CHUNK_BYTES) == 0);
    CHECK_OK(seal_chunk_open(seal, (str){ (char *)s.sealed + s.first, s.second }, true, out));
    CHECK(memcmp(out, plain + SEAL_CHUNK_BYTES, 1000) == 0);
    CHECK_ERR(seal_chunk_open(seal, (str){ (char *)s.sealed, s.first }, true, out), ERR_CORRUPT);
    seal_close(seal);
    heap_free(s.sealed), heap_free(plain), heap_free(out);
}

TEST(the_end_is_part_of_it)
{
    size_t len = SEAL_CHUNK_BYTES + 10;
    uint8_t *plain = content(len), *out = heap_alloc(SEAL_CHUNK_BYTES);
    struct stream s = stream_of(plain, len);
    struct seal *seal;
    CHECK_OK(seal_open(key(), header_of(&s), &seal)); /* cut after the first chunk */
    CHECK_ERR(seal_chunk_open(seal, (str){ (char *)s.sealed, s.first }, true, out), ERR_CORRUPT);
    seal_close(seal);
    CHECK_OK(seal_open(key(), header_of(&s), &seal)); /* the second chunk first */
    CHECK_ERR(seal_chunk_open(seal, (str){ (char *)s.sealed + s.first, s.second }, true, out),
              ERR_CORRUPT);
    seal_close(seal);
    heap_free(s.sealed), heap_free(plain), heap_free(out);
}

TEST(every_byte_counts)
{
    size_t len = SEAL_CHUNK_BYTES + 40;
    uint8_t *plain = content(len), *out = heap_alloc(SEAL_CHUNK_BYTES);
    struct stream s = stream_of(plain, len);
    for (size_t at = 0; at < s.first; at += 997) {
        struct seal *seal;
        s.sealed[at] ^= 1;
        CHECK_OK(seal_open(key(), header_of(&s), &seal));
        CHECK_ERR(seal_chunk_open(seal, (str){ (char *)s.sealed, s.first }, false, out),
                  ERR_CORRUPT);
        seal_close(seal);
        s.sealed[at] ^= 1;
    }
    for (unsigned at = 0; at < SEAL_HEADER_BYTES; at++) {
        struct seal *seal = NULL;
        s.header[at] ^= 1;
        enum err opened = seal_open(key(), header_of(&s), &seal);
        if (opened == OK)
            opened = seal_chunk_open(seal, (str){ (char *)s.sealed, s.first }, false, out);
        CHECK(opened != OK);
        seal_close(seal);
        s.header[at] ^= 1;
    }
    heap_free(s.sealed), heap_free(plain), heap_free(out);
}

TEST(wrong_passphrase)
{
    uint8_t *plain = content(SEAL_CHUNK_BYTES + 1);
    struct stream s = stream_of(plain, SEAL_CHUNK_BYTES + 1);
    struct seal_key other;
    struct seal *seal;
    CHECK_OK(seal_key_make(STR("open sesamE"), salt, &other));
    CHECK_ERR(seal_open(&other, header_of(&s), &seal), ERR_FORBIDDEN);
    CHECK_ERR(seal_key_make(STR(""), salt, &other), ERR_INVALID);
    heap_free(s.sealed), heap_free(plain);
}

TEST(two_streams_differ)
{
    uint8_t *plain = content(SEAL_CHUNK_BYTES + 1);
    struct stream a = stream_of(plain, SEAL_CHUNK_BYTES + 1),
                  b = stream_of(plain, SEAL_CHUNK_BYTES + 1);
    struct seal *seal;
    CHECK(memcmp(a.sealed, b.sealed, a.first) != 0);
    uint8_t *out = heap_alloc(SEAL_CHUNK_BYTES);
    CHECK_OK(seal_open(key(), header_of(&a), &seal)); /* a chunk of the other stream */
    CHECK_ERR(seal_chunk_open(seal, (str){ (char *)b.sealed, b.first }, false, out), ERR_CORRUPT);
    seal_close(seal);
    heap_free(a.sealed), heap_free(b.sealed), heap_free(plain), heap_free(out);
}
