/* client_parse: the line scan of a head, llhttp's callbacks, and the checks around them. */
#include "client_parse.h"

#include <string.h>

static int stop(struct client_parser *parser, enum client_verdict verdict)
{
    if (parser->verdict == PARSE_OK)
        parser->verdict = verdict;
    return HPE_USER;
}

/* --- llhttp's callbacks --------------------------------------------------------------------- */

static int field_put(struct client_parser *parser, const char *at, size_t len)
{
    parser->field_bytes += len;
    if (parser->field_bytes > parser->head_bytes_max)
        return stop(parser, PARSE_TOO_LARGE);
    buf_put(&parser->field, (str){ at, len });
    return 0;
}

static int on_name(llhttp_t *llhttp, const char *at, size_t len)
{
    struct client_parser *parser = llhttp->data;
    parser->name_len += len;
    return field_put(parser, at, len);
}

static int on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    return field_put(llhttp->data, at, len);
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct client_parser *parser = llhttp->data;
    str name = str_sub(buf_str(&parser->field), 0, parser->name_len);
    str value = str_trim(str_skip(buf_str(&parser->field), parser->name_len));
    if (name.len == 0) /* the line scan has seen to heads, llhttp lets trailers pass */
        return stop(parser, PARSE_BAD);
    if (++parser->fields > CLIENT_FIELDS_MAX)
        return stop(parser, PARSE_TOO_LARGE);
    if (!parser->in_body) {
        parser->lengths += str_eq_nocase(name, STR("Content-Length"));
        if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
            parser->codings++;
            parser->chunked = str_eq_nocase(value, STR("chunked"));
        }
    }
    if (!parser->sink->on_field(parser->sink->arg, name, value, parser->in_body))
        return stop(parser, PARSE_REFUSED);
    buf_clear(&parser->field);
    parser->name_len = 0;
    return 0;
}

/* RFC 9112 section 6.3. */
static bool framing_is_clear(const struct client_parser *parser)
{
    if (parser->lengths > 1 || parser->codings > 1 || (parser->lengths && parser->codings))
        return false;
    return !parser->codings || (parser->chunked && parser->llhttp.http_minor == 1);
}

static int on_head(llhttp_t *llhttp)
{
    struct client_parser *parser = llhttp->data;
    unsigned status = llhttp->status_code;
    if (llhttp->http_major != 1 || llhttp->http_minor > 1 || status < 100 || status > 599 ||
        status == 101 || !framing_is_clear(parser))
        return stop(parser, PARSE_BAD);
    llhttp->upgrade = 0;
    parser->in_body = true;
    if (status < 200 && ++parser->interim > CLIENT_INTERIM_MAX)
        return stop(parser, PARSE_TOO_LARGE);
    if (!parser->sink->on_head(parser->sink->arg, status))
        return stop(parser, PARSE_REFUSED);
    return parser->no_body || status < 200 ? 1 : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct client_parser *parser = llhttp->data;
    if (!parser->sink->on_body(parser->sink->arg, (str){ at, len }))
        return stop(parser, PARSE_REFUSED);
    return 0;
}

static int on_end(llhttp_t *llhttp)
{
    struct client_parser *parser = llhttp->data;
    parser->complete = true;
    parser->keep_alive = llhttp_should_keep_alive(llhttp);
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = { .on_header_field = on_name,
                                             .on_header_value = on_value,
                                             .on_header_value_complete = on_value_complete,
                                             .on_headers_complete = on_head,
                                             .on_body = on_body,
                                             .on_message_complete = on_end };

/* --- The head ------------------------------------------------------------------------------- */

static void head_begin(struct client_parser *parser)
{
    buf_clear(&parser->head);
    buf_clear(&parser->field);
    parser->name_len = parser->line_at = 0;
    parser->lengths = parser->codings = 0;
    parser->chunked = parser->in_body = parser->complete = parser->keep_alive = false;
    llhttp_init(&parser->llhttp, HTTP_RESPONSE, &callbacks);
    parser->llhttp.data = parser;
}

void client_parser_init(struct client_parser *parser, const struct client_sink *sink,
                        size_t head_bytes_max)
{
    memset(parser, 0, sizeof(*parser));
    parser->sink = sink;
    parser->head_bytes_max = head_bytes_max;
    buf_init(&parser->head, NULL, head_bytes_max);
    buf_init(&parser->field, NULL, head_bytes_max);
    client_parser_begin(parser, false);
}

void client_parser_deinit(struct client_parser *parser)
{
    buf_deinit(&parser->head);
    buf_deinit(&parser->field);
}

void client_parser_begin(struct client_parser *parser, bool no_body)
{
    parser->no_body = no_body;
    parser->interim = parser->fields = 0;
    parser->field_bytes = 0;
    parser->verdict = PARSE_OK;
    head_begin(parser);
}

bool client_parser_begun(const struct client_parser *parser)
{
    return parser->head.len > 0 || parser->in_body || parser->interim > 0;
}

/* Looks at the lines that are complete; true when the empty one is among them, which ends it. */
static bool head_scan(struct client_parser *parser)
{
    const char *text = parser->head.ptr;
    while (parser->line_at < parser->head.len) {
        const char *line = text + parser->line_at;
        const char *end = memchr(line, '\n', parser->head.len - parser->line_at);
        if (!end)
            return false;
        bool first = parser->line_at == 0;
        if (end == line || end[-1] != '\r' || memchr(line, 0, (size_t)(end - line)) ||
            (!first && (*line == ' ' || *line == '\t' || *line == ':')) ||
            (first && end - line == 1)) {
            stop(parser, PARSE_BAD);
            return false;
        }
        parser->line_at = (size_t)(end - text) + 1;
        if (end - line == 1)
            return true;
    }
    return false;
}

static enum client_verdict verdict_of(struct client_parser *parser, llhttp_errno_t error)
{
    if (error != HPE_OK && !(error == HPE_PAUSED && parser->complete))
        stop(parser, PARSE_BAD);
    return parser->verdict;
}

/* Takes bytes up to the end of the head, and has llhttp read it when it is there. */
static size_t head_take(struct client_parser *parser, const char *bytes, size_t len)
{
    size_t before = parser->head.len;
    size_t room = parser->head_bytes_max - before;
    buf_put(&parser->head, (str){ bytes, MIN_OF(len, room) });
    if (!head_scan(parser)) {
        if (len >= room)
            stop(parser, PARSE_TOO_LARGE);
        return len;
    }
    size_t used = parser->line_at - before;
    verdict_of(parser, llhttp_execute(&parser->llhttp, parser->head.ptr, parser->line_at));
    if (parser->verdict == PARSE_OK && !parser->in_body)
        stop(parser, PARSE_BAD);
    if (parser->verdict == PARSE_OK && parser->llhttp.status_code < 200)
        head_begin(parser);
    return used;
}

enum client_verdict client_parse(struct client_parser *parser, const char *bytes, size_t len,
                                 size_t *out_used)
{
    size_t at = 0;
    while (at < len && parser->verdict == PARSE_OK && !parser->complete) {
        if (!parser->in_body) {
            at += head_take(parser, bytes + at, len - at);
            continue;
        }
        llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes + at, len - at);
        if (verdict_of(parser, error) != PARSE_OK)
            break;
        at = parser->complete ? (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes) : len;
    }
    *out_used = at;
    return parser->verdict;
}

bool client_parse_end(struct client_parser *parser)
{
    if (parser->verdict != PARSE_OK || !parser->in_body || parser->complete)
        return parser->complete;
    llhttp_errno_t error = llhttp_finish(&parser->llhttp);
    return parser->complete && (error == HPE_OK || error == HPE_PAUSED);
}
