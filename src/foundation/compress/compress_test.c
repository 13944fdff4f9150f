/* What is compressed is read back by the libraries' own readers. */
#include "compress.h"

#include "foundation/mem/heap.h"
#include "foundation/test/test.h"

#include <brotli/decode.h>
#include <string.h>
#include <zlib.h>

enum { TEXT_BYTES = 300000 };

static str text_make(char *room)
{
    for (size_t i = 0; i < TEXT_BYTES; i++)
        room[i] = "{\"title\":\"\xd0\xa1\xd1\x82\xd0\xb0\", \"year\":19"[(i * i / 977) % 29];
    return (str){ room, TEXT_BYTES };
}

static size_t gunzip(str packed, char *room, size_t room_bytes)
{
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed.ptr,
                        .avail_in = (uInt)packed.len,
                        .next_out = (Bytef *)room,
                        .avail_out = (uInt)room_bytes };
    CHECK_INT(inflateInit2(&stream, 15 + 16), Z_OK);
    CHECK_INT(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    return stream.total_out;
}

static size_t unbrotli(str packed, char *room, size_t room_bytes)
{
    size_t len = room_bytes;
    CHECK_INT(
        BrotliDecoderDecompress(packed.len, (const uint8_t *)packed.ptr, &len, (uint8_t *)room),
        BROTLI_DECODER_RESULT_SUCCESS);
    return len;
}

TEST(both_codings_read_back)
{
    char *room = heap_alloc(TEXT_BYTES), *back = heap_alloc(TEXT_BYTES);
    str text = text_make(room);
    for (int coding = COMPRESS_GZIP; coding <= COMPRESS_BROTLI; coding++) {
        struct bytes *packed = compress_bytes((enum compress_coding)coding, COMPRESS_QUICK, text);
        CHECK(packed && packed->len < TEXT_BYTES / 2);
        memset(back, 0, TEXT_BYTES);
        size_t len = coding == COMPRESS_GZIP ? gunzip(bytes_str(packed), back, TEXT_BYTES)
                                             : unbrotli(bytes_str(packed), back, TEXT_BYTES);
        CHECK_INT(len, TEXT_BYTES);
        CHECK(memcmp(room, back, TEXT_BYTES) == 0);
        bytes_release(packed);
    }
    heap_free(room);
    heap_free(back);
}

TEST(best_is_no_larger_than_quick)
{
    char *room = heap_alloc(TEXT_BYTES);
    str text = str_sub(text_make(room), 0, 20000);
    for (int coding = COMPRESS_GZIP; coding <= COMPRESS_BROTLI; coding++) {
        struct bytes *quick = compress_bytes((enum compress_coding)coding, COMPRESS_QUICK, text);
        struct bytes *best = compress_bytes((enum compress_coding)coding, COMPRESS_BEST, text);
        CHECK(quick && best && best->len <= quick->len);
        bytes_release(quick);
        bytes_release(best);
    }
    heap_free(room);
}

TEST(what_does_not_shrink_stays)
{
    unsigned char noise[4096];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof(noise); i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (unsigned char)(state >> 24);
    }
    str content = { (const char *)noise, sizeof(noise) };
    CHECK(!compress_bytes(COMPRESS_GZIP, COMPRESS_BEST, content));
    CHECK(!compress_bytes(COMPRESS_BROTLI, COMPRESS_BEST, content));
    CHECK(!compress_bytes(COMPRESS_GZIP, COMPRESS_QUICK, STR("")));
}
