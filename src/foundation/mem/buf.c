/* buf: growth by doubling up to the ceiling. In an arena a grown buffer leaves its old copy behind.
 */
#include "buf.h"

#include "heap.h"

#include <stdio.h>
#include <string.h>

enum { CAPACITY_BYTES_MIN = 256 };

void buf_init(struct buf *buf, struct arena *arena, size_t size_bytes_max)
{
    *buf = (struct buf){ .arena = arena, .size_bytes_max = size_bytes_max };
}

void buf_init_leaving(struct buf *buf, struct arena *arena, size_t size_bytes_max)
{
    *buf = (struct buf){ .arena = arena, .size_bytes_max = size_bytes_max, .leaves = true };
}

void buf_init_fixed(struct buf *buf, void *memory, size_t size_bytes)
{
    *buf =
        (struct buf){ .ptr = memory, .capacity_bytes = size_bytes, .size_bytes_max = size_bytes };
}

void buf_deinit(struct buf *buf)
{
    if (!buf->arena)
        heap_free(buf->ptr);
    *buf = (struct buf){ 0 };
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
}

static bool grow(struct buf *buf, size_t needed_bytes)
{
    size_t capacity = MAX_OF(buf->capacity_bytes * 2, (size_t)CAPACITY_BYTES_MIN);
    capacity = MIN_OF(MAX_OF(capacity, needed_bytes), buf->size_bytes_max);
    if (buf->arena) {
        char *grown =
            buf->leaves ? arena_alloc(buf->arena, capacity) : arena_try(buf->arena, capacity);
        if (!grown)
            return false;
        if (buf->len)
            memcpy(grown, buf->ptr, buf->len);
        buf->ptr = grown;
    } else {
        buf->ptr = heap_resize(buf->ptr, capacity);
    }
    buf->capacity_bytes = capacity;
    return true;
}

char *buf_reserve(struct buf *buf, size_t size_bytes)
{
    size_t needed;
    if (buf->overflowed)
        return NULL;
    if (__builtin_add_overflow(buf->len, size_bytes, &needed) || needed > buf->size_bytes_max ||
        (needed > buf->capacity_bytes && !grow(buf, needed))) {
        buf->overflowed = true;
        return NULL;
    }
    return buf->ptr + buf->len;
}

void buf_advance(struct buf *buf, size_t size_bytes)
{
    ASSERT(size_bytes <= buf->capacity_bytes - buf->len);
    buf->len += size_bytes;
}

void buf_put(struct buf *buf, str bytes)
{
    char *room = bytes.len ? buf_reserve(buf, bytes.len) : NULL;
    if (!room)
        return;
    memcpy(room, bytes.ptr, bytes.len);
    buf->len += bytes.len;
}

void buf_put_char(struct buf *buf, char c)
{
    buf_put(buf, (str){ &c, 1 });
}

void buf_put_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_put(buf, (str){ digits + at, sizeof(digits) - at });
}

void buf_put_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_put_char(buf, '-');
    buf_put_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    ASSERT(len >= 0);
    char *room = buf_reserve(buf, (size_t)len + 1); /* vsnprintf writes its zero */
    if (room) {
        vsnprintf(room, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void buf_put_u8(struct buf *buf, uint8_t value)
{
    buf_put_char(buf, (char)value);
}

void buf_put_be16(struct buf *buf, uint16_t value)
{
    buf_put_u8(buf, (uint8_t)(value >> 8));
    buf_put_u8(buf, (uint8_t)value);
}

void buf_put_be32(struct buf *buf, uint32_t value)
{
    uint32_t swapped = __builtin_bswap32(value);
    buf_put(buf, (str){ (const char *)&swapped, sizeof(swapped) });
}

void buf_put_be64(struct buf *buf, uint64_t value)
{
    uint64_t swapped = __builtin_bswap64(value);
    buf_put(buf, (str){ (const char *)&swapped, sizeof(swapped) });
}

str buf_str(const struct buf *buf)
{
    return (str){ buf->ptr, buf->len };
}
