/*
 * http_answer: from a response to bytes: preconditions, range, framing, head. The head is put
 * together from ready pieces in the loop's send buffer, and a small body behind it.
 */
#include "http_conditional.h"
#include "http_conn.h"
#include "http_cors.h"
#include "http_multipart.h"
#include "http_range.h"

#include <string.h>

/* Status line, our own fields and the numbers in them; what has a length of its own comes on top.
 */
enum { HEAD_BYTES_OWN = 512 };

static str reason(unsigned status)
{
    switch (status) {
#define REASON(code, text)                                                                         \
    case code:                                                                                     \
        return STR(#code " " text "\r\n");
        REASON(200, "OK")
        REASON(201, "Created")
        REASON(202, "Accepted")
        REASON(204, "No Content")
        REASON(206, "Partial Content")
        REASON(301, "Moved Permanently")
        REASON(302, "Found")
        REASON(303, "See Other")
        REASON(304, "Not Modified")
        REASON(307, "Temporary Redirect")
        REASON(308, "Permanent Redirect")
        REASON(400, "Bad Request")
        REASON(401, "Unauthorized")
        REASON(402, "Payment Required")
        REASON(403, "Forbidden")
        REASON(404, "Not Found")
        REASON(405, "Method Not Allowed")
        REASON(406, "Not Acceptable")
        REASON(408, "Request Timeout")
        REASON(409, "Conflict")
        REASON(410, "Gone")
        REASON(411, "Length Required")
        REASON(412, "Precondition Failed")
        REASON(413, "Content Too Large")
        REASON(414, "URI Too Long")
        REASON(415, "Unsupported Media Type")
        REASON(416, "Range Not Satisfiable")
        REASON(417, "Expectation Failed")
        REASON(421, "Misdirected Request")
        REASON(422, "Unprocessable Content")
        REASON(428, "Precondition Required")
        REASON(429, "Too Many Requests")
        REASON(431, "Request Header Fields Too Large")
        REASON(500, "Internal Server Error")
        REASON(501, "Not Implemented")
        REASON(502, "Bad Gateway")
        REASON(503, "Service Unavailable")
        REASON(504, "Gateway Timeout")
        REASON(505, "HTTP Version Not Supported")
#undef REASON
    default:
        return STR_NONE;
    }
}

str http_status_reason(unsigned status)
{
    str line = reason(status);
    return str_sub(line, 4, line.len > 6 ? line.len - 6 : 0);
}

/* --- Preconditions and ranges --------------------------------------------------------------- */

struct asked {
    struct http_preconditions preconditions;
    str range, if_range;
};

static void asked_collect(const struct http_request *request, struct asked *out)
{
    for (unsigned i = 0; i < request->fields_count; i++) {
        str name = request->fields[i].name, value = request->fields[i].value;
        struct http_preconditions *pre = &out->preconditions;
        if ((name.ptr[0] | 0x20) == 'r' && str_eq_nocase(name, STR("Range")))
            out->range = value;
        if ((name.ptr[0] | 0x20) != 'i')
            continue;
        if (str_eq_nocase(name, STR("If-None-Match")))
            pre->if_none_match = value;
        else if (str_eq_nocase(name, STR("If-Modified-Since")))
            pre->if_modified_since = value;
        else if (str_eq_nocase(name, STR("If-Match")))
            pre->if_match = value;
        else if (str_eq_nocase(name, STR("If-Unmodified-Since")))
            pre->if_unmodified_since = value;
        else if (str_eq_nocase(name, STR("If-Range")))
            out->if_range = value;
    }
}

static void body_drop(struct http_exchange *exchange)
{
    if (exchange->response.body.stream)
        stream_abandon(exchange->response.body.stream);
    exchange->response.body = (struct http_body){ .kind = HTTP_BODY_NONE };
}

static void field_drop(struct http_response *response, str name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < response->fields_count; i++)
        if (!str_eq(response->fields[i].name, name))
            response->fields[kept++] = response->fields[i];
    response->fields_count = kept;
}

/* "bytes 0-9/100" or "bytes *" "/100" */
static void content_range_add(struct http_exchange *exchange, const struct http_range *range,
                              uint64_t size)
{
    struct http_response *response = &exchange->response;
    struct buf text;
    buf_init_fixed(&text, exchange->field_room, sizeof(exchange->field_room));
    buf_put(&text, STR("bytes "));
    if (range) {
        buf_put_u64(&text, range->offset);
        buf_put_char(&text, '-');
        buf_put_u64(&text, range->offset + range->size_bytes - 1);
    } else {
        buf_put_char(&text, '*');
    }
    buf_put_char(&text, '/');
    buf_put_u64(&text, size);
    if (response->fields_count == HTTP_RESPONSE_FIELDS_MAX)
        response->fields_count--;
    response->fields[response->fields_count++] =
        (struct http_field){ STR("Content-Range"), buf_str(&text) };
}

static void body_narrow(struct http_body *body, const struct http_range *range)
{
    uint64_t memory_len = body->memory.len;
    body->pieces_at += range->offset;
    body->pieces_end = body->pieces_at + range->size_bytes;
    if (body->kind == HTTP_BODY_FILE && range->offset > memory_len)
        body->file_offset += range->offset - memory_len;
    body->memory =
        str_sub(body->memory, (size_t)MIN_OF(range->offset, memory_len), (size_t)range->size_bytes);
    body->size_bytes = range->size_bytes;
}

static void range_apply(struct http_exchange *exchange, const struct asked *asked,
                        const struct http_validators *current)
{
    struct http_response *response = &exchange->response;
    struct http_ranges ranges;
    uint64_t size = response->body.size_bytes;
    if (!asked->range.ptr || exchange->request.method != METHOD_GET)
        return;
    if (asked->if_range.ptr && !http_if_range_holds(asked->if_range, current))
        return;
    switch (http_range_parse(asked->range, size, &ranges)) {
    case HTTP_RANGE_WHOLE:
        break;
    case HTTP_RANGE_PART:
        if (ranges.count > 1) {
            if (http_multipart_make(&exchange->arena, response, &ranges))
                response->status = 206;
            break;
        }
        response->status = 206;
        content_range_add(exchange, &ranges.list[0], size);
        body_narrow(&response->body, &ranges.list[0]);
        break;
    case HTTP_RANGE_UNSATISFIABLE:
        http_reply_problem(&exchange->request, response, 416, "range-not-satisfiable",
                           "The range lies outside of what there is.");
        content_range_add(exchange, NULL, size);
        break;
    }
}

static void conditions_apply(struct http_exchange *exchange)
{
    struct http_response *response = &exchange->response;
    struct http_validators current = { .etag = response->etag, .modified = response->modified };
    bool validators = response->etag.len || response->modified != INSTANT_NEVER;
    bool read = exchange->request.method == METHOD_GET || exchange->head_only;
    bool ranges = response->ranges && (response->body.kind == HTTP_BODY_FILE ||
                                       response->body.kind == HTTP_BODY_MEMORY);
    struct asked asked = { 0 };
    if (response->status != 200 || !read || !(validators || ranges))
        return;
    asked_collect(&exchange->request, &asked);
    unsigned verdict =
        validators ? http_precondition_check(&asked.preconditions, &current, true) : 0;
    if (verdict == 304) {
        response->status = 304;
        body_drop(exchange);
        field_drop(response, STR("Content-Encoding")); /* of bytes that are not sent */
    } else if (verdict == 412) {
        http_reply_problem(&exchange->request, response, 412, "precondition-failed",
                           "What the request was made for has changed.");
    } else if (ranges) {
        range_apply(exchange, &asked, &current);
    }
}

/* --- The head ------------------------------------------------------------------------------- */

static char *put(char *at, str text)
{
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static char *put_field(char *at, str name, str value)
{
    at = put(at, name);
    if (value.len)
        at = put(at, value);
    return put(at, STR("\r\n"));
}

static char *put_number(char *at, uint64_t value)
{
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return put(at, (str){ digits + first, sizeof(digits) - first });
}

/* Asks the loop's time first: the system's clock is read once a second. */
str server_date(struct http_server *server)
{
    uint64_t now_ms = uv_now(server->uv);
    if (now_ms >= server->date_until_ms) {
        instant now = clock_now();
        span into_second = now % SECONDS(1);
        server->date_until_ms = now_ms + (uint64_t)(SECONDS(1) - into_second) / 1000;
        instant_format_http(now - into_second, server->date);
    }
    return (str){ server->date, INSTANT_HTTP_MAX - 1 };
}

static char *put_framing(char *at, struct http_exchange *exchange)
{
    const struct http_response *response = &exchange->response;
    if (response->status == 204 || response->status == 304)
        return at;
    if (exchange->chunked)
        return put(at, STR("Transfer-Encoding: chunked\r\n"));
    if (exchange->close_delimited)
        return at;
    at = put(at, STR("Content-Length: "));
    at = put_number(at, response->body.kind == HTTP_BODY_NONE ? 0 : response->body.size_bytes);
    return put(at, STR("\r\n"));
}

static char *put_head(char *at, struct http_exchange *exchange)
{
    const struct http_response *response = &exchange->response;
    char date[INSTANT_HTTP_MAX];
    at = put(at, STR("HTTP/1.1 "));
    str line = reason(response->status);
    if (line.len)
        at = put(at, line);
    else
        at = put(put_number(at, response->status), STR(" \r\n"));
    at = put_field(at, STR("Date: "), server_date(exchange->conn->server));
    if (response->content_type.len && response->body.kind != HTTP_BODY_NONE)
        at = put_field(at, STR("Content-Type: "), response->content_type);
    at = put_framing(at, exchange);
    if (response->etag.len)
        at = put_field(at, STR("ETag: "), response->etag);
    if (response->modified != INSTANT_NEVER)
        at = put_field(at, STR("Last-Modified: "), instant_format_http(response->modified, date));
    if (response->cache_control.len)
        at = put_field(at, STR("Cache-Control: "), response->cache_control);
    if (response->ranges && response->status < 300)
        at = put(at, STR("Accept-Ranges: bytes\r\n"));
    for (unsigned i = 0; i < response->fields_count; i++) {
        at = put(put(at, response->fields[i].name), STR(": "));
        at = put_field(at, STR(""), response->fields[i].value);
    }
    if (exchange->conn->server->settings.nosniff.len)
        at = put_field(at, STR("X-Content-Type-Options: "),
                       exchange->conn->server->settings.nosniff);
    if (exchange->request.secure && exchange->conn->server->settings.hsts.len)
        at = put_field(at, STR("Strict-Transport-Security: "),
                       exchange->conn->server->settings.hsts);
    if (response->close)
        at = put(at, STR("Connection: close\r\n"));
    else if (exchange->head.minor_0)
        at = put(at, STR("Connection: keep-alive\r\n"));
    return put(at, STR("\r\n"));
}

static size_t head_bytes_max(const struct http_response *response)
{
    size_t bytes = HEAD_BYTES_OWN + response->content_type.len + response->etag.len +
                   response->cache_control.len;
    for (unsigned i = 0; i < response->fields_count; i++)
        bytes += response->fields[i].name.len + response->fields[i].value.len + 4;
    return bytes;
}

static void framing_choose(struct http_exchange *exchange)
{
    struct http_response *response = &exchange->response;
    struct conn *conn = exchange->conn;
    bool unknown =
        response->body.kind != HTTP_BODY_NONE && response->body.size_bytes == HTTP_SIZE_UNKNOWN;
    exchange->chunked = unknown && !exchange->head.minor_0;
    exchange->close_delimited = unknown && exchange->head.minor_0;
    /* Of a body left unread the next request could not be told apart. */
    if (exchange->close_delimited || !exchange->body_complete || conn->server->draining)
        response->close = true;
}

void answer_prepare(struct http_exchange *exchange)
{
    struct http_response *response = &exchange->response;
    struct http_body *body = &response->body;
    exchange->head_only = exchange->request.method == METHOD_HEAD;
    if (!response->status)
        http_reply_status(response, body->kind == HTTP_BODY_NONE ? 204 : 200);
    conditions_apply(exchange);
    if (exchange->conn->server->settings.cors)
        http_cors_apply(exchange->conn->server->settings.cors, &exchange->request, response);
    if (head_bytes_max(response) > ANSWER_HEAD_BYTES_MAX) {
        response->fields_count = 0;
        http_reply_problem(&exchange->request, response, 500, "internal",
                           "The answer's head is "
                           "too large.");
    }
}

void answer_begin(struct http_exchange *exchange)
{
    struct http_response *response = &exchange->response;
    struct http_body *body = &response->body;
    answer_prepare(exchange);
    framing_choose(exchange);
    bool bodyless = exchange->head_only || body->kind == HTTP_BODY_NONE || body->size_bytes == 0;
    bool join =
        !bodyless && body->kind == HTTP_BODY_MEMORY && body->size_bytes <= INLINE_BODY_BYTES;
    char *room =
        out_room(exchange->conn, head_bytes_max(response) + (join ? (size_t)body->size_bytes : 0));
    if (!room)
        return; /* once more when what is before it has gone out */
    char *end = put_head(room, exchange);
    if (join)
        end = put(end, body->memory);
    exchange->conn->server->out_len += (size_t)(end - room);
    exchange->sent_bytes += (uint64_t)(end - room);
    if (bodyless || join) {
        exchange_end(exchange);
        return;
    }
    exchange->phase = PHASE_SEND;
    send_piece_next(exchange);
}
