/* timing: lines, and times in the forms people's files have them. */
#include "internal.h"

bool lines_next(struct lines *lines, str *out_line)
{
    str rest = lines->rest;
    if (!rest.ptr || rest.len == 0)
        return false;
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '\n' && rest.ptr[end] != '\r')
        end++;
    *out_line = str_sub(rest, 0, end);
    if (end + 1 < rest.len && rest.ptr[end] == '\r' && rest.ptr[end + 1] == '\n')
        end++;
    lines->rest = str_skip(rest, end + 1);
    lines->number++;
    return true;
}

static str skip_spaces(str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = str_skip(s, 1);
    return s;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum { DIGITS_MAX = 9 };

/* Digits at the start of *rest; *out_digits is how many. */
static bool take_number(str *rest, int64_t *out_value, unsigned *out_digits)
{
    int64_t value = 0;
    unsigned digits = 0;
    while (digits < rest->len && digits <= DIGITS_MAX && is_digit(rest->ptr[digits]))
        value = value * 10 + (rest->ptr[digits++] - '0');
    if (digits == 0 || digits > DIGITS_MAX)
        return false;
    *rest = str_skip(*rest, digits);
    *out_value = value;
    *out_digits = digits;
    return true;
}

/* A separator with spaces around it, when a digit follows. */
static bool take_separator(str *rest, const char *separators)
{
    str s = skip_spaces(*rest);
    if (s.len == 0 || str_find_char(str_of(separators), s.ptr[0]) < 0)
        return false;
    s = skip_spaces(str_skip(s, 1));
    if (s.len == 0 || !is_digit(s.ptr[0]))
        return false;
    *rest = s;
    return true;
}

/* The number after the separator as a fraction of a second, in milliseconds. */
static int64_t fraction_ms(int64_t value, unsigned digits)
{
    for (; digits > 3; digits--)
        value /= 10;
    for (; digits < 3; digits++)
        value *= 10;
    return value;
}

bool timing_parse_time(str *rest, int64_t *out_ms)
{
    str s = skip_spaces(*rest);
    bool negative = s.len && s.ptr[0] == '-';
    int64_t groups[3] = { 0 }, value, ms = 0;
    unsigned count = 0, digits;
    if (negative)
        s = str_skip(s, 1);
    do {
        if (!take_number(&s, &value, &digits))
            return false;
        groups[count++] = value;
    } while (count < 3 && take_separator(&s, ":"));
    if (count < 2)
        return false;
    if (take_separator(&s, ".,:;")) {
        if (!take_number(&s, &value, &digits))
            return false;
        ms = fraction_ms(value, digits);
    }
    int64_t seconds =
        count == 3 ? groups[0] * 3600 + groups[1] * 60 + groups[2] : groups[0] * 60 + groups[1];
    ms += seconds * 1000;
    *out_ms = negative ? -ms : ms;
    *rest = s;
    return true;
}

/* "-->", and what becomes of it: "->", "- - >", dashes of typesetters, an arrow. */
static bool take_arrow(str *rest)
{
    str s = skip_spaces(*rest);
    if (str_starts(s, STR("→"))) {
        *rest = str_skip(s, STR("→").len);
        return true;
    }
    unsigned dashes = 0;
    for (;; dashes++) {
        if (str_starts(s, STR("-")))
            s = skip_spaces(str_skip(s, 1));
        else if (str_starts(s, STR("–")) || str_starts(s, STR("—")))
            s = skip_spaces(str_skip(s, 3));
        else
            break;
    }
    if (dashes == 0 || dashes > 4 || s.len == 0 || s.ptr[0] != '>')
        return false;
    *rest = str_skip(s, 1);
    return true;
}

enum timing_result timing_parse(str line, struct timing *out)
{
    struct timing timing;
    if (str_starts(line, STR("\xef\xbb\xbf")))
        line = str_skip(line, 3);
    if (!timing_parse_time(&line, &timing.start_ms) || !take_arrow(&line))
        return TIMING_NONE;
    if (!timing_parse_time(&line, &timing.end_ms))
        return TIMING_BROKEN;
    timing.rest = line;
    *out = timing;
    return TIMING_OK;
}
