/*
 * json_write: runs of plain bytes are copied whole; what needs an escape is looked up in
 * one table.
 */
#include "json.h"

#include "json_scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The two-character escapes; other control characters are written as \u00XX. */
static const char short_escapes[128] = {
    ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
};

static void put_escape(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = { '\\', short_escapes[c], '0', '0', hex[c >> 4], hex[c & 15] };
    size_t len = 2;
    if (!escape[1]) {
        escape[1] = 'u';
        len = 6;
    }
    buf_put(buf, (str){ escape, len });
}

void json_write_string(struct buf *buf, str text)
{
    const char *run = text.ptr ? text.ptr : "", *at = run, *end = run + text.len;
    buf_put_char(buf, '"');
    while ((at = json_utf8_end(json_plain_end(at, end), end)) < end) {
        unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')
            continue; /* plain text follows what was not ASCII */
        buf_put(buf, (str){ run, (size_t)(at - run) });
        if (c < 0x80)
            put_escape(buf, c);
        else
            buf_put(buf, STR("\xef\xbf\xbd"));
        run = ++at;
    }
    buf_put(buf, (str){ run, (size_t)(at - run) });
    buf_put_char(buf, '"');
}

void json_write_double(struct buf *buf, double value)
{
    char text[32];
    if (!isfinite(value)) {
        buf_put(buf, STR("null"));
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        double back = strtod(text, NULL);
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): -0.0 is not 0.0 here */
        if (memcmp(&back, &value, sizeof(value)) == 0)
            break;
    }
    buf_put(buf, str_of(text));
}

static void comma(struct buf *buf)
{
    if (buf->len == 0)
        return;
    char last = buf->ptr[buf->len - 1];
    if (last != '{' && last != '[' && last != ':' && last != '\n')
        buf_put_char(buf, ',');
}

void json_object_begin(struct buf *buf)
{
    comma(buf);
    buf_put_char(buf, '{');
}

void json_object_end(struct buf *buf)
{
    buf_put_char(buf, '}');
}

void json_array_begin(struct buf *buf)
{
    comma(buf);
    buf_put_char(buf, '[');
}

void json_array_end(struct buf *buf)
{
    buf_put_char(buf, ']');
}

void json_put_key(struct buf *buf, str key)
{
    json_put_string(buf, key);
    buf_put_char(buf, ':');
}

void json_put_string(struct buf *buf, str text)
{
    comma(buf);
    json_write_string(buf, text);
}

void json_put_i64(struct buf *buf, int64_t value)
{
    comma(buf);
    buf_put_i64(buf, value);
}

void json_put_u64(struct buf *buf, uint64_t value)
{
    comma(buf);
    buf_put_u64(buf, value);
}

void json_put_double(struct buf *buf, double value)
{
    comma(buf);
    json_write_double(buf, value);
}

void json_put_bool(struct buf *buf, bool value)
{
    json_put_raw(buf, value ? STR("true") : STR("false"));
}

void json_put_null(struct buf *buf)
{
    json_put_raw(buf, STR("null"));
}

void json_put_raw(struct buf *buf, str json)
{
    comma(buf);
    buf_put(buf, json);
}
