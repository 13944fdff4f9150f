/* http_range: one range specification, with numbers of any length. */
#include "http_range.h"

#include "foundation/base/base.h"

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

static str ows_trim(str s)
{
    while (s.len && is_ows(s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len && is_ows(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Digits only; a number too large for 64 bits is as good as the largest one. */
static bool position_parse(str digits, uint64_t *out)
{
    uint64_t value = 0;
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *out = value;
    return true;
}

static enum http_range_kind suffix(uint64_t wanted_bytes, uint64_t size_bytes,
                                   struct http_range *out)
{
    if (wanted_bytes == 0)
        return HTTP_RANGE_UNSATISFIABLE;
    if (size_bytes == 0)
        return HTTP_RANGE_WHOLE; /* satisfiable by section 14.1.2, yet no 206 can express it */
    out->size_bytes = MIN_OF(wanted_bytes, size_bytes);
    out->offset = size_bytes - out->size_bytes;
    return HTTP_RANGE_PART;
}

enum http_range_kind http_range_parse(str value, uint64_t size_bytes, struct http_range *out)
{
    str unit = str_sub(value, 0, 6);
    if (!str_eq_nocase(unit, STR("bytes=")))
        return HTTP_RANGE_WHOLE;
    str spec = ows_trim(str_skip(value, 6));
    ptrdiff_t dash = str_find_char(spec, '-');
    if (dash < 0)
        return HTTP_RANGE_WHOLE;

    str left = str_sub(spec, 0, (size_t)dash);
    str right = str_skip(spec, (size_t)dash + 1);
    uint64_t first, last = UINT64_MAX;
    if (right.len && !position_parse(right, &last))
        return HTTP_RANGE_WHOLE; /* several ranges end here too: a comma is no digit */
    if (left.len == 0)
        return right.len ? suffix(last, size_bytes, out) : HTTP_RANGE_WHOLE;
    if (!position_parse(left, &first) || last < first)
        return HTTP_RANGE_WHOLE;
    if (first >= size_bytes)
        return HTTP_RANGE_UNSATISFIABLE;
    out->offset = first;
    out->size_bytes = MIN_OF(last, size_bytes - 1) - first + 1;
    return HTTP_RANGE_PART;
}
