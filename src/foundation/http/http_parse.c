/* http_parse: line scan, llhttp's callbacks, and the checks after them. */
#include "http_parse.h"

#include <string.h>

#define REFUSAL(name, status, slug, text)                                                          \
    static const struct http_refusal name = { status, slug, text }

REFUSAL(bad_line_end, 400, "bad-line-end", "A line of the request does not end in CR LF.");
REFUSAL(folded_field, 400, "folded-field", "A header field is folded over several lines.");
REFUSAL(line_too_long, 414, "target-too-long", "The request line is longer than 8192 bytes.");
REFUSAL(head_too_large, 431, "head-too-large", "The request head is larger than 32768 bytes.");
REFUSAL(too_many_fields, 431, "too-many-fields", "The request has more than 100 header fields.");
REFUSAL(bad_request, 400, "bad-request", "The request is not well-formed HTTP/1.1.");
REFUSAL(bad_length, 400, "bad-length", "The length of the body is not given in one clear way.");
REFUSAL(bad_host, 400, "bad-host", "The request needs exactly one valid Host field.");
REFUSAL(bad_coding, 501, "unknown-coding", "The only transfer coding understood is chunked.");
REFUSAL(old_chunked, 400, "chunked-in-1.0", "HTTP/1.0 has no transfer codings.");
REFUSAL(bad_method, 501, "unknown-method", "The method is not one this server knows.");
REFUSAL(bad_version, 505, "unknown-version", "The server speaks HTTP/1.0 and HTTP/1.1 here.");
REFUSAL(bad_expectation, 417, "unknown-expectation", "The only expectation met is 100-continue.");
REFUSAL(no_memory, 503, "exhausted", "No memory is left for this request.");

static ptrdiff_t refuse(const struct http_refusal *refusal, const struct http_refusal **out)
{
    *out = refusal;
    return -1;
}

ptrdiff_t http_head_scan(struct http_scan *scan, const char *data, size_t len,
                         const struct http_refusal **out_refusal)
{
    size_t at = scan->at;
    while (at < len) {
        const char *line = data + at;
        const char *end = memchr(line, '\n', len - at);
        if (!end)
            break;
        if (end == line || end[-1] != '\r')
            return refuse(&bad_line_end, out_refusal);
        at = (size_t)(end - data) + 1;
        bool empty = end - line == 1;
        if (empty && scan->lines == 0 && scan->start == 0) {
            scan->start = at; /* RFC 9112 section 2.2: left over from a sloppy client */
            continue;
        }
        if (empty)
            return scan->lines ? (ptrdiff_t)at : refuse(&bad_request, out_refusal);
        if (scan->lines && (*line == ' ' || *line == '\t'))
            return refuse(&folded_field, out_refusal);
        if (scan->lines && *line == ':')
            return refuse(&bad_request, out_refusal); /* a field without a name */
        if (!scan->lines && end - line > HTTP_LINE_BYTES_MAX)
            return refuse(&line_too_long, out_refusal);
        if (++scan->lines > HTTP_FIELDS_MAX + 1)
            return refuse(&too_many_fields, out_refusal);
        if (at > HTTP_HEAD_BYTES_MAX)
            return refuse(&head_too_large, out_refusal);
    }
    scan->at = at;
    if (!scan->lines && len - at > HTTP_LINE_BYTES_MAX)
        return refuse(&line_too_long, out_refusal);
    if (len > HTTP_HEAD_BYTES_MAX)
        return refuse(&head_too_large, out_refusal);
    return 0;
}

/* --- llhttp's callbacks --------------------------------------------------------------------- */

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;
    head->target = (str){ at, len };
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;
    if (head->fields_count == head->fields_max)
        return -1;
    head->fields[head->fields_count++] = (struct http_field){ { at, len }, STR("") };
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;
    while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    head->fields[head->fields_count - 1].value = (str){ at, len };
    return 0;
}

static void field_note(struct http_head *head, const struct http_field *field)
{
    switch (field->name.len) { /* a cheap first look: most fields are none of these */
    case 4:
        if (str_eq_nocase(field->name, STR("Host"))) {
            head->host = field->value;
            head->hosts++;
        }
        break;
    case 6:
        if (str_eq_nocase(field->name, STR("Expect"))) {
            head->expect_continue = str_eq_nocase(field->value, STR("100-continue"));
            head->expects++;
        }
        break;
    case 14:
        head->lengths += str_eq_nocase(field->name, STR("Content-Length"));
        break;
    case 17:
        if (str_eq_nocase(field->name, STR("Transfer-Encoding"))) {
            head->chunked = str_eq_nocase(field->value, STR("chunked"));
            head->encodings++;
        }
        break;
    default:
        break;
    }
}

static int on_head(llhttp_t *parser)
{
    struct http_head *head = parser->data;
    parser->upgrade =
        0; /* no protocol is upgraded to: the field is ignored, RFC 9110 section 7.8 */
    head->keep_alive = llhttp_should_keep_alive(parser);
    head->content_length = (parser->flags & F_CHUNKED) ? 0 : parser->content_length;
    return 0;
}

static int on_head_message_end(llhttp_t *parser)
{
    struct http_head *head = parser->data;
    head->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t head_settings = { .on_url = on_url,
                                                 .on_header_field = on_field,
                                                 .on_header_value = on_value,
                                                 .on_headers_complete = on_head,
                                                 .on_message_complete = on_head_message_end };

/* --- The head ------------------------------------------------------------------------------- */

static const struct http_refusal *refusal_of(llhttp_errno_t error)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        return &bad_method;
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        return &bad_version;
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING:
        return &bad_length;
    default:
        return &bad_request;
    }
}

static bool method_of(const llhttp_t *parser, enum http_method *out)
{
    /* One more than ours, so that zero means unknown. */
    static const unsigned char known[64] = {
        [HTTP_GET] = METHOD_GET + 1,         [HTTP_HEAD] = METHOD_HEAD + 1,
        [HTTP_POST] = METHOD_POST + 1,       [HTTP_PUT] = METHOD_PUT + 1,
        [HTTP_PATCH] = METHOD_PATCH + 1,     [HTTP_DELETE] = METHOD_DELETE + 1,
        [HTTP_OPTIONS] = METHOD_OPTIONS + 1,
    };
    unsigned ours = parser->method < ARRAY_LEN(known) ? known[parser->method] : 0;
    if (!ours)
        return false;
    *out = (enum http_method)(ours - 1);
    return true;
}

bool http_method_parse(str name, enum http_method *out)
{
    for (int i = 0; i < METHOD_COUNT; i++) {
        str known = http_method_name((enum http_method)i);
        if (known.len != name.len || known.ptr[0] != name.ptr[0] || !str_eq(name, known))
            continue;
        *out = (enum http_method)i;
        return true;
    }
    return false;
}

/* RFC 3986: what a host and port are made of. Userinfo and paths have no place in it. */
bool http_host_is_valid(str host)
{
    static const bool allowed[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['.'] = true,
        ['-'] = true,         [':'] = true,         ['['] = true,         [']'] = true,
        ['_'] = true,         ['~'] = true,         ['%'] = true,         ['!'] = true,
        ['$'] = true,         ['&'] = true,         ['\''] = true,        ['('] = true,
        [')'] = true,         ['*'] = true,         ['+'] = true,         [','] = true,
        [';'] = true,         ['='] = true,
    };
    for (size_t i = 0; i < host.len; i++)
        if (!allowed[(unsigned char)host.ptr[i]])
            return false;
    return true;
}

static const struct http_refusal *head_check(const struct http_head *head)
{
    if (head->encodings && head->minor_0)
        return &old_chunked;
    if (head->encodings > 1 || head->lengths > 1 || (head->encodings && head->lengths))
        return &bad_length;
    if (head->encodings && !head->chunked)
        return &bad_coding;
    if (head->hosts > 1 || (head->hosts == 0 && !head->minor_0) || !http_host_is_valid(head->host))
        return &bad_host;
    if (head->expects > 1 || (head->expects && !head->expect_continue))
        return &bad_expectation;
    return NULL;
}

static const struct http_refusal *target_take(struct http_head *head, struct arena *arena)
{
    const struct http_refusal *refusal = http_target_parse(head->target, arena, &head->parts);
    if (refusal)
        return refusal;
    if (str_eq(head->parts.path, STR("*")) && head->method != METHOD_OPTIONS)
        return &bad_request;
    if (!head->parts.authority.ptr)
        return NULL;
    head->host = head->parts.authority; /* RFC 9112 section 3.2.2: it replaces Host */
    return http_host_is_valid(head->host) ? NULL : &bad_host;
}

const struct http_refusal *http_head_parse(llhttp_t *parser, str text, unsigned lines,
                                           struct arena *arena, struct http_head *out)
{
    memset(out, 0, sizeof(*out));
    out->fields = arena_try(arena, lines * sizeof(*out->fields));
    if (!out->fields)
        return &no_memory;
    out->fields_max = lines;
    llhttp_init(parser, HTTP_REQUEST, &head_settings);
    parser->data = out;
    llhttp_errno_t error = llhttp_execute(parser, text.ptr, text.len);
    if (error != HPE_OK && !(error == HPE_PAUSED && out->complete))
        return refusal_of(error);
    if (!out->target.len || parser->http_major != 1 || parser->http_minor > 1)
        return &bad_version;
    if (!method_of(parser, &out->method))
        return &bad_method;
    out->minor_0 = parser->http_minor == 0;
    for (unsigned i = 0; i < out->fields_count; i++)
        field_note(out, &out->fields[i]);
    const struct http_refusal *refusal = head_check(out);
    return refusal ? refusal : target_take(out, arena);
}

/* --- The body ------------------------------------------------------------------------------- */

struct body_feed {
    const struct http_body_sink *sink;
    bool complete;
};

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    const struct body_feed *feed = parser->data;
    return feed->sink->on_body(feed->sink->arg, at, len) ? 0 : HPE_USER;
}

static int on_body_message_end(llhttp_t *parser)
{
    struct body_feed *feed = parser->data;
    feed->complete = true;
    return HPE_PAUSED;
}

/* Trailer fields are parsed and forgotten: nothing here may depend on them (RFC 9110
 * section 6.5.1). */
static const llhttp_settings_t body_settings = { .on_body = on_body,
                                                 .on_message_complete = on_body_message_end };

ptrdiff_t http_body_parse(llhttp_t *parser, const char *data, size_t len,
                          const struct http_body_sink *sink, bool *out_complete)
{
    struct body_feed feed = { .sink = sink };
    parser->data = &feed;
    parser->settings = (void *)(uintptr_t)&body_settings;
    llhttp_errno_t error = llhttp_execute(parser, data, len);
    if (error != HPE_OK && !(error == HPE_PAUSED && feed.complete))
        return -1;
    *out_complete = feed.complete;
    return feed.complete ? llhttp_get_error_pos(parser) - data : (ptrdiff_t)len;
}
