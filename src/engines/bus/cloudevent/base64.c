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

static enum err broken(void)
{
    return err_set(ERR_INVALID, "envelope", "the event's data_base64 is not base64");
}

/* Four characters to at most three bytes; returns how many, or -1. */
static int quantum_parse(const char *four, size_t digits, unsigned char out[3])
{
    uint32_t word = 0;
    for (size_t k = 0; k < 4; k++) {
        int digit = k < digits ? digit_of(four[k]) : 0;
        if (digit < 0)
            return -1;
        word = word << 6 | (uint32_t)digit;
    }
    /* Bits that belong to no byte are zero: one text for the same bytes. */
    if (digits < 2 || (digits == 2 && (word & 0xffff) != 0) || (digits == 3 && (word & 0xff) != 0))
        return -1;
    for (size_t k = 0; k < 3; k++)
        out[k] = (unsigned char)(word >> (16 - 8 * k));
    return (int)digits - 1;
}

enum err base64_parse(struct arena *arena, str text, str *out)
{
    unsigned char *bytes = arena_try(arena, text.len / 4 * 3 + 1);
    size_t len = 0, pads = 0;
    if (!bytes)
        return envelope_exhausted();
    if (text.len % 4 != 0)
        return broken();
    while (pads < 2 && pads < text.len && text.ptr[text.len - 1 - pads] == '=')
        pads++;
    for (size_t i = 0; i < text.len; i += 4) {
        unsigned char three[3];
        int count = quantum_parse(text.ptr + i, i + 4 == text.len ? 4 - pads : 4, three);
        if (count < 0)
            return broken();
        for (int k = 0; k < count; k++)
            bytes[len++] = three[k];
    }
    *out = (str){ (const char *)bytes, len };
    return OK;
}
