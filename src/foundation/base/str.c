/* str: comparisons, parts, numbers and UTF-8 over pointer + length text. No allocation here. */
#include "str.h"

#include "base.h"

#include <string.h>

str str_of(const char *cstring)
{
    return cstring ? (str){ cstring, strlen(cstring) } : STR_NONE;
}

bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool str_eq_secret(str a, str b)
{
    if (a.len != b.len)
        return false;
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < a.len; i++)
        difference |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return difference == 0;
}

int str_cmp(str a, str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(str s, str suffix)
{
    return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

bool str_ends_nocase(str s, str suffix)
{
    return s.len >= suffix.len && str_eq_nocase(str_skip(s, s.len - suffix.len), suffix);
}

ptrdiff_t str_find(str s, str needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return -1;
    const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at ? at - s.ptr : -1;
}

ptrdiff_t str_find_char(str s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? at - s.ptr : -1;
}

ptrdiff_t str_find_last_char(str s, char c)
{
    const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return at ? at - s.ptr : -1;
}

str str_sub(str s, size_t from, size_t len)
{
    if (from >= s.len)
        return (str){ s.ptr ? s.ptr + s.len : NULL, 0 };
    size_t left = s.len - from;
    return (str){ s.ptr + from, len < left ? len : left };
}

str str_skip(str s, size_t count)
{
    return str_sub(s, count, SIZE_MAX);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str str_head_utf8(str s, size_t bytes_max)
{
    size_t len = bytes_max;
    if (s.len <= bytes_max)
        return s;
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_sub(s, 0, len);
}

str str_trim(str s)
{
    while (s.len && is_space(s.ptr[0]))
        s = (str){ s.ptr + 1, s.len - 1 };
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(str *rest, char separator, str *out_part)
{
    if (!rest->ptr)
        return false;
    ptrdiff_t at = str_find_char(*rest, separator);
    if (at < 0) {
        *out_part = *rest;
        *rest = STR_NONE;
        return true;
    }
    *out_part = str_sub(*rest, 0, (size_t)at);
    *rest = (str){ rest->ptr + at + 1, rest->len - (size_t)at - 1 };
    return true;
}

bool str_parse_u64(str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_parse_i64(str s, int64_t *out)
{
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t magnitude;
    if (!str_parse_u64(negative ? str_skip(s, 1) : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* Length of the sequence a lead byte announces, with the bits it carries; 0 when it is no lead
 * byte. */
static size_t utf8_lead(unsigned char lead, uint32_t *out_bits)
{
    if (lead < 0x80) {
        *out_bits = lead;
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        *out_bits = lead & 0x1fu;
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *out_bits = lead & 0x0fu;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *out_bits = lead & 0x07u;
        return 4;
    }
    return 0;
}

/* Length of the valid sequence at the start of s, or 0. */
static size_t utf8_sequence(str s, uint32_t *out_code_point)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t code_point;
    ASSERT(s.ptr);
    size_t len = utf8_lead((unsigned char)s.ptr[0], &code_point);
    if (len == 0 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (byte & 0x3fu);
    }
    if (code_point < least[len] || code_point > 0x10ffff ||
        (code_point >= 0xd800 && code_point <= 0xdfff))
        return 0;
    *out_code_point = code_point;
    return len;
}

bool str_is_utf8(str s)
{
    uint32_t code_point;
    while (s.len) {
        size_t len = utf8_sequence(s, &code_point);
        if (len == 0)
            return false;
        s = str_skip(s, len);
    }
    return true;
}

uint32_t str_utf8_next(str s, size_t *pos)
{
    uint32_t code_point;
    size_t len = utf8_sequence(str_skip(s, *pos), &code_point);
    *pos += len ? len : 1;
    return len ? code_point : 0xfffd;
}

size_t str_utf8_put(char out[4], uint32_t code_point)
{
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        code_point = 0xfffd;
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const unsigned char mark[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = len; i-- > 1; code_point >>= 6)
        out[i] = (char)(0x80 | (code_point & 0x3f));
    out[0] = (char)(mark[len] | code_point);
    return len;
}

uint64_t str_hash(str s)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    return hash;
}
