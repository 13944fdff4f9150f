/* compress: one call of the library each, into room that ends where it would no longer pay. */
#include "compress.h"

#include "foundation/base/base.h"
#include "foundation/mem/heap.h"

#include <brotli/encode.h>
#include <limits.h>
#include <zlib.h>

/* windowBits of zlib's interface: the largest window, and 16 for a gzip head and trailer. */
enum { GZIP_WINDOW_BITS = 15 + 16, GZIP_MEMORY_LEVEL = 8 };

static size_t gzip(enum compress_effort effort, str content, char *room, size_t room_bytes)
{
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)content.ptr,
                        .avail_in = (uInt)content.len,
                        .next_out = (Bytef *)room,
                        .avail_out = (uInt)room_bytes };
    if (deflateInit2(&stream, effort == COMPRESS_BEST ? 9 : 6, Z_DEFLATED, GZIP_WINDOW_BITS,
                     GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    size_t len = stream.total_out;
    deflateEnd(&stream);
    return whole ? len : 0;
}

static size_t brotli(enum compress_effort effort, str content, char *room, size_t room_bytes)
{
    size_t len = room_bytes;
    bool whole = BrotliEncoderCompress(effort == COMPRESS_BEST ? BROTLI_MAX_QUALITY : 5,
                                       BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, content.len,
                                       (const uint8_t *)content.ptr, &len, (uint8_t *)room);
    return whole ? len : 0;
}

struct bytes *compress_bytes(enum compress_coding coding, enum compress_effort effort, str content)
{
    size_t room_bytes = content.len - content.len / 8;
    if (content.len < 8 || content.len > INT_MAX)
        return NULL;
    char *room = heap_alloc(room_bytes);
    size_t len = coding == COMPRESS_GZIP ? gzip(effort, content, room, room_bytes)
                                         : brotli(effort, content, room, room_bytes);
    struct bytes *bytes = len ? bytes_of((str){ room, len }) : NULL;
    heap_free(room);
    return bytes;
}
