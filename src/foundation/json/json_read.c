/*
 * json_read: the pull reader. It keeps a position, a depth and whether a comma is due; the kind of
 * the enclosing containers is known to its caller, who asks for their members.
 */
#include "json.h"

#include "json_scan.h"

#include <math.h>
#include <stdlib.h>

enum { STRING_BYTES_MAX = 64 * 1024, KEYS_MAX = 10000, DOUBLE_TEXT_MAX = 128 };

static enum err syntax(const struct json *json, const char *what)
{
    return json_fail(json, ERR_INVALID, "json-syntax", what);
}

static enum err wrong_kind(struct json *json, const char *wanted)
{
    enum json_kind kind = json_peek(json);
    if (kind == JSON_INVALID)
        return syntax(json, json->at == json->end ? "the text ends where a value is expected"
                                                  : "a value was expected");
    return err_set(ERR_INVALID, "json-type", "byte %zu: expected %s, found %s",
                   (size_t)(json->at - json->start), wanted, json_kind_name(kind));
}

enum err json_init(struct json *json, struct arena *arena, str text,
                   const struct json_limits *limits)
{
    static const struct json_limits none;
    struct json_limits l = limits ? *limits : none;
    l.size_bytes_max = l.size_bytes_max ? l.size_bytes_max : MIB(1);
    l.string_bytes_max = l.string_bytes_max ? l.string_bytes_max : STRING_BYTES_MAX;
    l.keys_max = l.keys_max ? l.keys_max : KEYS_MAX;
    if (l.depth_max == 0 || l.depth_max > JSON_DEPTH_MAX)
        l.depth_max = JSON_DEPTH_MAX;
    if (text.len > l.size_bytes_max)
        return err_set(ERR_TOO_LARGE, "json-too-large",
                       "%zu bytes of JSON, at most %zu are allowed", text.len, l.size_bytes_max);
    const char *start = text.ptr ? text.ptr : "";
    *json = (struct json){
        .start = start, .at = start, .end = start + text.len, .arena = arena, .limits = l
    };
    return OK;
}

static void skip_space(struct json *json)
{
    const char *at = json->at;
    while (at < json->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    json->at = at;
}

enum err json_finish(struct json *json)
{
    skip_space(json);
    if (json->at != json->end)
        return syntax(json, "something follows the end of the value");
    return OK;
}

enum json_kind json_peek(struct json *json)
{
    skip_space(json);
    if (json->at == json->end)
        return JSON_INVALID;
    switch (*json->at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    case '-':
    case '0' ... '9':
        return JSON_NUMBER;
    default:
        return JSON_INVALID;
    }
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = { "nothing",  "an object",     "a list", "text",
                                         "a number", "true or false", "null" };
    ASSERT((size_t)kind < ARRAY_LEN(names));
    return names[kind];
}

/* --- Scalars -------------------------------------------------------------------------------- */

static enum err read_word(struct json *json, str word)
{
    if (!str_starts((str){ json->at, (size_t)(json->end - json->at) }, word))
        return syntax(json, "a value was expected");
    json->at += word.len;
    return OK;
}

enum err json_read_null(struct json *json)
{
    if (json_peek(json) != JSON_NULL)
        return wrong_kind(json, "null");
    return read_word(json, STR("null"));
}

enum err json_read_bool(struct json *json, bool *out)
{
    if (json_peek(json) != JSON_BOOL)
        return wrong_kind(json, "true or false");
    bool value = *json->at == 't';
    TRY(read_word(json, value ? STR("true") : STR("false")));
    *out = value;
    return OK;
}

static bool is_digit(const struct json *json)
{
    return json->at < json->end && *json->at >= '0' && *json->at <= '9';
}

static enum err pass_digits(struct json *json)
{
    if (!is_digit(json))
        return syntax(json, "a digit was expected");
    while (is_digit(json))
        json->at++;
    return OK;
}

static bool pass_char(struct json *json, char c)
{
    if (json->at == json->end || *json->at != c)
        return false;
    json->at++;
    return true;
}

static enum err scan_number(struct json *json, str *out_text, bool *out_whole)
{
    if (json_peek(json) != JSON_NUMBER)
        return wrong_kind(json, "a number");
    const char *start = json->at;
    bool whole = true;
    pass_char(json, '-');
    if (pass_char(json, '0')) {
        if (is_digit(json))
            return syntax(json, "a number may not begin with zeros");
    } else {
        TRY(pass_digits(json));
    }
    if (pass_char(json, '.')) {
        whole = false;
        TRY(pass_digits(json));
    }
    if (pass_char(json, 'e') || pass_char(json, 'E')) {
        whole = false;
        if (!pass_char(json, '+'))
            pass_char(json, '-');
        TRY(pass_digits(json));
    }
    *out_text = (str){ start, (size_t)(json->at - start) };
    *out_whole = whole;
    return OK;
}

enum err json_read_number(struct json *json, str *out_text)
{
    bool whole = false;
    return scan_number(json, out_text, &whole);
}

enum err json_read_i64(struct json *json, int64_t *out)
{
    str text = STR_NONE;
    bool whole = false;
    TRY(scan_number(json, &text, &whole));
    if (!whole)
        return json_fail(json, ERR_INVALID, "json-number", "expected a whole number");
    if (!str_parse_i64(text, out))
        return json_fail(json, ERR_INVALID, "json-number", "the number does not fit into 64 bits");
    return OK;
}

bool json_number_double(str number, double *out)
{
    char copy[DOUBLE_TEXT_MAX];
    if (number.len == 0 || number.len >= sizeof(copy))
        return false;
    memcpy(copy, number.ptr, number.len);
    copy[number.len] = 0;
    double value = strtod(copy, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

enum err json_read_double(struct json *json, double *out)
{
    str text = STR_NONE;
    TRY(json_read_number(json, &text));
    if (!json_number_double(text, out))
        return json_fail(json, ERR_INVALID, "json-number", "the number is too large or too long");
    return OK;
}

/* --- Strings -------------------------------------------------------------------------------- */

/* From after the opening quote to the closing one; json->at is left there, or at what is wrong. */
static enum err scan_string(struct json *json, bool *out_escaped)
{
    const char *start = json->at;
    bool escaped = false;
    for (;;) {
        json->at = json_utf8_end(json_plain_end(json->at, json->end), json->end);
        if (json->at == json->end)
            return syntax(json, "the text ends inside a string");
        unsigned char c = (unsigned char)*json->at;
        if (c == '"')
            break;
        if (c < 0x20)
            return syntax(json, "a control character must be escaped");
        if (c >= 0x80)
            return syntax(json, "invalid UTF-8");
        if (c != '\\')
            continue;
        escaped = true;
        json->at++;
        if (json->at == json->end)
            return syntax(json, "the text ends inside a string");
        json->at += (unsigned char)*json->at < 0x80; /* what follows is looked at when decoding */
    }
    if ((size_t)(json->at - start) > json->limits.string_bytes_max)
        return json_fail(json, ERR_TOO_LARGE, "json-too-large", "the string is too long");
    *out_escaped = escaped;
    return OK;
}

/* Four hexadecimal digits of "\uXXXX" at `at`, or -1. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/*
 * After "\u": *at moves past the escape, a pair of surrogates taken as one. Negative when
 * invalid.
 */
static int32_t decode_unicode(const char **at, const char *end)
{
    int32_t high = hex4(*at, end);
    if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
        return -1;
    *at += 4;
    if (high < 0xd800 || high > 0xdbff)
        return high;
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    int32_t low = hex4(*at + 2, end);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* After the backslash: writes what the escape stands for; 0 when it is none. */
static size_t decode_escape(const char **at, const char *end, char out[4])
{
    static const char plain[128] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };
    unsigned char c = (unsigned char)*(*at)++;
    if (c == 'u') {
        int32_t code_point = decode_unicode(at, end);
        return code_point < 0 ? 0 : str_utf8_put(out, (uint32_t)code_point);
    }
    if (c >= 128 || !plain[c])
        return 0;
    out[0] = plain[c];
    return 1;
}

/* The decoded text is never longer than the raw one. */
static enum err decode_string(struct json *json, str raw, str *out)
{
    const char *at = raw.ptr, *end = raw.ptr + raw.len;
    char *decoded = arena_try(json->arena, raw.len);
    size_t len = 0;
    if (!decoded)
        return json_fail(json, ERR_TOO_LARGE, "json-too-large", "no memory left for a string");
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((backslash ? backslash : end) - at);
        memcpy(decoded + len, at, run);
        len += run;
        at += run;
        if (at == end)
            break;
        char bytes[4];
        const char *escape = at++;
        size_t put = decode_escape(&at, end, bytes);
        if (put == 0) {
            json->at = escape;
            return syntax(json, "invalid escape or lone surrogate");
        }
        memcpy(decoded + len, bytes, put);
        len += put;
    }
    *out = (str){ decoded, len };
    return OK;
}

enum err json_read_string(struct json *json, str *out)
{
    bool escaped = false;
    if (json_peek(json) != JSON_STRING)
        return wrong_kind(json, "text");
    const char *start = ++json->at;
    TRY(scan_string(json, &escaped));
    str raw = { start, (size_t)(json->at - start) };
    const char *after = json->at + 1;
    if (escaped)
        TRY(decode_string(json, raw, out));
    else
        *out = raw;
    json->at = after;
    return OK;
}

/* --- Containers ----------------------------------------------------------------------------- */

static enum err enter(struct json *json)
{
    if (json->depth == json->limits.depth_max)
        return json_fail(json, ERR_INVALID, "json-too-deep", "nested too deeply");
    json->depth++;
    json->at++;
    json->first = true;
    return OK;
}

enum err json_object_enter(struct json *json)
{
    if (json_peek(json) != JSON_OBJECT)
        return wrong_kind(json, "an object");
    return enter(json);
}

enum err json_array_enter(struct json *json)
{
    if (json_peek(json) != JSON_ARRAY)
        return wrong_kind(json, "a list");
    return enter(json);
}

/* Passes the comma between members, or the closing bracket. */
static enum err next(struct json *json, char closing, bool *out_more)
{
    bool first = json->first;
    ASSERT(json->depth > 0);
    skip_space(json);
    json->first = false;
    if (pass_char(json, closing)) {
        json->depth--;
        *out_more = false;
        return OK;
    }
    if (!first && !pass_char(json, ','))
        return syntax(json, json->at == json->end ? "the text ends inside an object or a list"
                            : closing == '}'      ? "',' or '}' was expected"
                                                  : "',' or ']' was expected");
    *out_more = true;
    return OK;
}

enum err json_array_next(struct json *json, bool *out_more)
{
    return next(json, ']', out_more);
}

enum err json_object_next(struct json *json, str *out_key, bool *out_more)
{
    bool more = false;
    TRY(next(json, '}', &more));
    if (more) {
        if (json_peek(json) != JSON_STRING)
            return syntax(json, "a key in quotes was expected");
        TRY(json_read_string(json, out_key));
        skip_space(json);
        if (!pass_char(json, ':'))
            return syntax(json, "':' was expected");
    }
    *out_more = more;
    return OK;
}
