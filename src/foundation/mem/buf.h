/*
 * buf: bytes that grow at the end, in an arena or on the heap, with a ceiling. Overflow is sticky:
 * once an append does not fit, the buffer stays as it was, `overflowed` is set, and later appends
 * do nothing, so a writer checks once at the end.
 */
#pragma once

#include "arena.h"

struct buf {
    char *ptr;
    size_t len;
    size_t capacity_bytes;
    size_t size_bytes_max;
    struct arena *arena; /* NULL: on the heap */
    bool overflowed;
    bool leaves;
};

/* arena may be NULL: the bytes are then on the heap and buf_deinit() frees them. */
void buf_init(struct buf *buf, struct arena *arena, size_t size_bytes_max);
/*
 * The same in an arena; when the arena is full an append leaves by the arena's way out, and
 * `overflowed` means the ceiling alone. For code that may be left in the middle and whose content
 * is known to fit, or is judged by its size.
 */
void buf_init_leaving(struct buf *buf, struct arena *arena, size_t size_bytes_max);
/* Over memory of the caller, which is never grown. */
void buf_init_fixed(struct buf *buf, void *memory, size_t size_bytes);
void buf_deinit(struct buf *buf);
/* Empty again; memory and ceiling stay, `overflowed` is cleared. */
void buf_clear(struct buf *buf);

void buf_put(struct buf *buf, str bytes);
void buf_put_char(struct buf *buf, char c);
void buf_put_i64(struct buf *buf, int64_t value);
void buf_put_u64(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Big-endian integers, for binary formats. */
void buf_put_u8(struct buf *buf, uint8_t value);
void buf_put_be16(struct buf *buf, uint16_t value);
void buf_put_be32(struct buf *buf, uint32_t value);
void buf_put_be64(struct buf *buf, uint64_t value);

/*
 * Room for `size_bytes` more at the end, to be written by the caller, who then calls buf_advance()
 * with what was used. NULL when it does not fit.
 */
char *buf_reserve(struct buf *buf, size_t size_bytes);
void buf_advance(struct buf *buf, size_t size_bytes);

/* What is in it; valid until the next append. */
str buf_str(const struct buf *buf);
