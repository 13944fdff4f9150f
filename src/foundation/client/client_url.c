/* client_url: schemes, authorities and targets. */
#include "client_url.h"

#include <string.h>

enum { URL_BYTES_MAX = 8 << 10, HOST_BYTES_MAX = 253 };

static enum err refuse(str url, const char *why)
{
    return err_set(ERR_INVALID, "bad-url", "\"%.*s\" %s", STR_ARG(str_head_utf8(url, 100)), why);
}

/* Visible ASCII only: what is not must be percent-encoded (RFC 3986 section 2). */
static bool is_visible(str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

static bool is_host(str host, bool bracketed)
{
    bool valid = host.len > 0 && host.len <= HOST_BYTES_MAX;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool digit = (c >= '0' && c <= '9'), letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        bool hex = digit || (letter && (c | 0x20) <= 'f');
        valid &= bracketed ? hex || c == ':' || c == '.'
                           : digit || letter || c == '.' || c == '-' || c == '_';
    }
    return valid;
}

/* "[::1]:80", "example.org", "127.0.0.1:8000" */
static bool authority_take(struct client_url *out)
{
    str rest = out->authority;
    bool bracketed = rest.len && rest.ptr[0] == '[';
    ptrdiff_t end = str_find_char(rest, bracketed ? ']' : ':');
    if (bracketed && end < 0)
        return false;
    size_t len = end < 0 ? rest.len : (size_t)end;
    out->host = bracketed ? str_sub(rest, 1, len - 1) : str_sub(rest, 0, len);
    rest = str_skip(rest, bracketed ? len + 1 : len);
    unsigned usual = out->secure ? 443 : 80;
    uint64_t port = usual;
    if (rest.len && (rest.ptr[0] != ':' || !str_parse_u64(str_skip(rest, 1), &port)))
        return false;
    if (port == 0 || port > 65535 || !is_host(out->host, bracketed))
        return false;
    out->port = (unsigned)port;
    if (port == usual)
        out->authority = str_sub(out->authority, 0, out->authority.len - rest.len);
    return true;
}

enum err client_url_parse(str url, struct client_url *out)
{
    struct client_url parts = { .secure = str_starts(url, STR("https://")) };
    if (url.len > URL_BYTES_MAX)
        return refuse(url, "is longer than 8192 bytes");
    if (!parts.secure && !str_starts(url, STR("http://")))
        return refuse(url, "is no http:// or https:// address");
    if (!is_visible(url) || str_find_char(url, '#') >= 0)
        return refuse(url, "holds characters that an address to ask for cannot have");
    str rest = str_skip(url, parts.secure ? 8 : 7);
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    parts.authority = str_sub(rest, 0, len);
    parts.target = str_skip(rest, len);
    if (!authority_take(&parts))
        return refuse(url, "does not name a host (and port)");
    if (parts.target.len && parts.target.ptr[0] == '?')
        return refuse(url, "needs a \"/\" before its query");
    if (parts.target.len == 0)
        parts.target = STR("/");
    *out = parts;
    return OK;
}
