/* base64: RFC 4648 section 4, for data that is neither JSON nor text. */
#include "internal.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *buf, str bytes)
{
    const unsigned char *from = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = MIN_OF(bytes.len - i, 3);
        uint32_t word = (uint32_t)from[i] << 16;
        word |= count > 1 ? (uint32_t)from[i + 1] << 8 : 0;
        word |= count > 2 ? from[i + 2] : 0;
        char four[4] = { alphabet[word >> 18], alphabet[word >> 12 & 63],
                         count > 1 ? alphabet[word >> 6 & 63] : '=',
                         count > 2 ? alphabet[word & 63] : '=' };
        buf_put(buf, (str){ four, 4 });
    }
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_parse(struct arena *arena, str text, str *out)
{
    unsigned char *bytes = arena_alloc(arena, text.len / 4 * 3 + 1);
    size_t len = 0, pads = 0;
    if (text.len % 4 != 0)
        return false;
    while (pads < 2 && pads < text.len && text.ptr[text.len - 1 - pads] == '=')
        pads++;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t digits = i + 4 == text.len ? 4 - pads : 4;
        uint32_t word = 0;
        for (size_t k = 0; k < 4; k++) {
            int digit = k < digits ? digit_of(text.ptr[i + k]) : 0;
            if (digit < 0)
                return false;
            word = word << 6 | (uint32_t)digit;
        }
        /* Bits that belong to no byte are zero: one text for the same bytes. */
        if ((digits == 2 && (word & 0xffff) != 0) || (digits == 3 && (word & 0xff) != 0))
            return false;
        for (size_t k = 0; k + 1 < digits; k++)
            bytes[len++] = (unsigned char)(word >> (16 - 8 * k));
    }
    *out = (str){ (const char *)bytes, len };
    return true;
}
