/* fold: ranges of the Unicode case tables that are one-to-one and regular. */
#include "fold.h"

uint32_t fold_char(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x410 && c <= 0x42f) ||
        (c >= 0x391 && c <= 0x3ab))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c == 0x130)
        return 'i';
    if (c == 0x178)
        return 0xff;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
        return c & 1 ? c + 1 : c;
    if ((c >= 0x100 && c <= 0x177) || (c >= 0x460 && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f))
        return c | 1;
    if (c == 0x386)
        return 0x3ac;
    if (c >= 0x388 && c <= 0x38a)
        return c + 37;
    if (c == 0x38c)
        return 0x3cc;
    if (c == 0x38e || c == 0x38f)
        return c + 63;
    return c;
}

static uint32_t fold_name_char(uint32_t c)
{
    c = fold_char(c);
    return c == 0x451 ? 0x435 : c;
}

static uint32_t folded_next(str s, size_t *pos)
{
    unsigned char c = (unsigned char)s.ptr[*pos];
    if (c >= 0x80)
        return fold_name_char(str_utf8_next(s, pos));
    ++*pos; /* most names, and most words they are compared with */
    return c >= 'A' && c <= 'Z' ? c | 0x20u : c;
}

bool fold_eq(str a, str b)
{
    size_t i = 0, k = 0;
    while (i < a.len && k < b.len)
        if (folded_next(a, &i) != folded_next(b, &k))
            return false;
    return i == a.len && k == b.len;
}

str fold_str(struct arena *arena, str s)
{
    /* No folded form is longer than its source, but an invalid byte takes three. */
    char *out = arena_alloc(arena, s.len * 3 + 1);
    size_t len = 0;
    for (size_t pos = 0; pos < s.len;)
        len += str_utf8_put(out + len, fold_name_char(str_utf8_next(s, &pos)));
    out[len] = 0;
    return (str){ out, len };
}
