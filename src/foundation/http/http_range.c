/* http_range: range specifications, with numbers of any length. */
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

/* One range-spec: "0-499", "500-", "-500". WHOLE: it is none. */
static enum http_range_kind spec_parse(str spec, uint64_t size_bytes, struct http_range *out)
{
    ptrdiff_t dash = str_find_char(spec, '-');
    if (dash < 0)
        return HTTP_RANGE_WHOLE;
    str left = str_sub(spec, 0, (size_t)dash);
    str right = str_skip(spec, (size_t)dash + 1);
    uint64_t first, last = UINT64_MAX;
    if (right.len && !position_parse(right, &last))
        return HTTP_RANGE_WHOLE;
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

/* Keeps the list in order of offsets. */
static void range_put(struct http_ranges *ranges, struct http_range range)
{
    unsigned at = ranges->count++;
    for (; at > 0 && ranges->list[at - 1].offset > range.offset; at--)
        ranges->list[at] = ranges->list[at - 1];
    ranges->list[at] = range;
}

static void ranges_join(struct http_ranges *ranges)
{
    unsigned last = 0;
    for (unsigned i = 1; i < ranges->count; i++) {
        struct http_range *before = &ranges->list[last], *next = &ranges->list[i];
        uint64_t end = before->offset + before->size_bytes,
                 next_end = next->offset + next->size_bytes;
        if (next->offset > end && next->offset - end >= HTTP_RANGE_GAP_BYTES)
            ranges->list[++last] = *next;
        else if (next_end > end)
            before->size_bytes = next_end - before->offset;
    }
    ranges->count = last + 1;
}

enum http_range_kind http_range_parse(str value, uint64_t size_bytes, struct http_ranges *out)
{
    struct http_ranges ranges = { 0 };
    struct http_range range;
    unsigned specs = 0;
    if (!str_eq_nocase(str_sub(value, 0, 6), STR("bytes=")))
        return HTTP_RANGE_WHOLE;
    str rest = str_skip(value, 6), item;
    while (str_cut(&rest, ',', &item)) {
        str spec = ows_trim(item);
        if (spec.len == 0)
            continue; /* RFC 9110 section 5.6.1: a list may have empty elements */
        enum http_range_kind kind = spec_parse(spec, size_bytes, &range);
        if (kind == HTTP_RANGE_WHOLE || ++specs > HTTP_RANGES_MAX)
            return HTTP_RANGE_WHOLE;
        if (kind == HTTP_RANGE_PART)
            range_put(&ranges, range);
    }
    if (ranges.count == 0)
        return specs ? HTTP_RANGE_UNSATISFIABLE : HTTP_RANGE_WHOLE;
    ranges_join(&ranges);
    *out = ranges;
    return HTTP_RANGE_PART;
}
