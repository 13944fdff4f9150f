/* http_target: the four forms of a target, and percent-decoding. */
#include "http_target.h"

#include <string.h>

static const struct http_refusal bad_target = { 400, "bad-target",
                                                "The request target is malformed." };
static const struct http_refusal bad_path = {
    400, "bad-path", "The path holds dot segments, encoded separators or bytes that are not text."
};
static const struct http_refusal no_memory = { 503, "exhausted", "No memory is left for this." };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte behind "%XY" at `at`, or -1. */
static int escape_at(str s, size_t at)
{
    if (at + 2 >= s.len)
        return -1;
    int high = hex_digit(s.ptr[at + 1]), low = hex_digit(s.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool path_is_plain(str path)
{
    bool plain_ascii = true;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '\\' || c == '#' || c == '?')
            return false;
        plain_ascii &= c < 0x80;
        if (c != '.' || path.ptr[i - (i > 0)] != '/')
            continue;
        str rest = str_skip(path, i + 1); /* a segment that begins with a dot: is that all? */
        if (str_starts(rest, STR(".")))
            rest = str_skip(rest, 1);
        if (rest.len == 0 || rest.ptr[0] == '/')
            return false;
    }
    return plain_ascii || str_is_utf8(path);
}

/* A decoded '?' or '#' is text, and no reader takes the path apart again: they are let through. */
static bool byte_is_allowed(int byte)
{
    return byte >= 0x20 && byte != 0x7f && byte != '/' && byte != '\\';
}

static bool decoded_is_plain(str path)
{
    str segment, rest = str_skip(path, 1);
    while (str_cut(&rest, '/', &segment))
        if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return false;
    return str_is_utf8(path);
}

const struct http_refusal *http_path_decode(str raw, struct arena *arena, str *out)
{
    if (raw.len == 0 || raw.ptr[0] != '/')
        return &bad_target;
    if (str_find_char(raw, '%') < 0) {
        if (!path_is_plain(raw))
            return &bad_path;
        *out = raw;
        return NULL;
    }
    char *decoded = arena_try(arena, raw.len);
    size_t len = 0;
    if (!decoded)
        return &no_memory;
    for (size_t i = 0; i < raw.len; i++) {
        int byte = (unsigned char)raw.ptr[i];
        bool raw_separator = byte == '/';
        if (byte == '%') {
            byte = escape_at(raw, i);
            i += 2;
        }
        if (!raw_separator && !byte_is_allowed(byte))
            return &bad_path;
        decoded[len++] = (char)byte;
    }
    if (!decoded_is_plain((str){ decoded, len }))
        return &bad_path;
    *out = (str){ decoded, len };
    return NULL;
}

/* http://authority/path: returns what follows the authority. */
static bool absolute_split(str target, str *out_authority, str *out_rest)
{
    ptrdiff_t scheme = str_find(target, STR("://"));
    if (scheme < 0)
        return false;
    str name = str_sub(target, 0, (size_t)scheme);
    if (!str_eq_nocase(name, STR("http")) && !str_eq_nocase(name, STR("https")))
        return false;
    str after = str_skip(target, (size_t)scheme + 3);
    size_t end = 0;
    while (end < after.len && after.ptr[end] != '/' && after.ptr[end] != '?')
        end++;
    if (end == 0 || str_find_char(str_sub(after, 0, end), '@') >= 0)
        return false; /* RFC 9110 section 4.2.4: user information is an error */
    *out_authority = str_sub(after, 0, end);
    *out_rest = str_skip(after, end);
    return true;
}

const struct http_refusal *http_target_parse(str target, struct arena *arena,
                                             struct http_target *out)
{
    struct http_target parsed = { 0 }; /* a fragment is none of a server's business */
    if (str_eq(target, STR("*"))) {
        out->path = target;
        out->query = out->authority = STR_NONE;
        return NULL;
    }
    if (target.len == 0 || str_find_char(target, '#') >= 0 ||
        (target.ptr[0] != '/' && !absolute_split(target, &parsed.authority, &target)))
        return &bad_target;
    ptrdiff_t mark = str_find_char(target, '?');
    str path = mark < 0 ? target : str_sub(target, 0, (size_t)mark);
    parsed.query = mark < 0 ? STR_NONE : str_skip(target, (size_t)mark + 1);
    if (path.len == 0)
        path = STR("/"); /* "http://host" and "http://host?x" */
    const struct http_refusal *refusal = http_path_decode(path, arena, &parsed.path);
    if (!refusal)
        *out = parsed;
    return refusal;
}

static str form_decode(str raw, struct arena *arena)
{
    if (str_find_char(raw, '%') < 0 && str_find_char(raw, '+') < 0)
        return raw;
    char *decoded = arena_alloc(arena, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        int byte = c == '%' ? escape_at(raw, i) : -1;
        if (byte >= 0)
            i += 2;
        decoded[len++] = byte >= 0 ? (char)byte : c == '+' ? ' ' : c;
    }
    return (str){ decoded, len };
}

bool http_query_next(str *rest, struct arena *arena, str *out_name, str *out_value)
{
    str pair;
    while (rest->len && str_cut(rest, '&', &pair)) {
        if (pair.len == 0)
            continue;
        ptrdiff_t equals = str_find_char(pair, '=');
        size_t name_len = equals < 0 ? pair.len : (size_t)equals;
        *out_name = form_decode(str_sub(pair, 0, name_len), arena);
        *out_value = form_decode(str_skip(pair, name_len + 1), arena);
        return true;
    }
    return false;
}

bool http_query_find(str query, struct arena *arena, str name, str *out_value)
{
    str found, value;
    while (http_query_next(&query, arena, &found, &value)) {
        if (str_eq(found, name)) {
            *out_value = value;
            return true;
        }
    }
    return false;
}
