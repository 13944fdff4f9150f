/*
 * http2_request: from fields to a request. nghttp2 has refused what RFC 9113 section 8 forbids
 * (upper case, connection fields, pseudo fields late or twice, a body of another length than
 * said); what HTTP/1 requests are held to besides is checked here, with the same words.
 */
#include "http2.h"

#include <string.h>

#define REFUSAL(name, status, slug, text)                                                          \
    static const struct http_refusal name = { status, slug, text }

REFUSAL(line_too_long, 414, "target-too-long", "The request line is longer than 8192 bytes.");
REFUSAL(head_too_large, 431, "head-too-large", "The request head is larger than 32768 bytes.");
REFUSAL(too_many_fields, 431, "too-many-fields", "The request has more than 100 header fields.");
REFUSAL(bad_request, 400, "bad-request", "The request is not well-formed HTTP/2.");
REFUSAL(bad_host, 400, "bad-host", "The request needs exactly one valid host.");
REFUSAL(bad_length, 400, "bad-length", "The length of the body is not given in one clear way.");
REFUSAL(bad_method, 501, "unknown-method", "The method is not one this server knows.");
REFUSAL(bad_expectation, 417, "unknown-expectation", "The only expectation met is 100-continue.");
REFUSAL(no_memory, 503, "exhausted", "No memory is left for this request.");

enum {
    FIELD_COST_BYTES = 32, /* RFC 9113 section 6.5.2 */
    FIELDS_FIRST = 16,
    TEXT_BYTES = 512 /* taken from the arena at a time, for many fields */
};

static void refuse(struct http2_stream *stream, const struct http_refusal *refusal)
{
    if (!stream->refusal)
        stream->refusal = refusal;
}

static bool copy(struct http2_stream *stream, str bytes, str *out)
{
    if (bytes.len > stream->text_bytes) {
        size_t room_bytes = MAX_OF(bytes.len, (size_t)TEXT_BYTES);
        char *room = arena_try(stream->exchange->request.arena, room_bytes);
        if (!room) {
            refuse(stream, &no_memory);
            return false;
        }
        stream->text = room;
        stream->text_bytes = room_bytes;
    }
    memcpy(stream->text, bytes.ptr, bytes.len);
    *out = (str){ stream->text, bytes.len };
    stream->text += bytes.len;
    stream->text_bytes -= bytes.len;
    return true;
}

/* nghttp2 has let no others pass. */
static void pseudo_add(struct http2_stream *stream, str name, str value)
{
    struct http_head *head = &stream->exchange->head;
    switch (name.ptr[1]) {
    case 'p': /* :path; :protocol needs a setting that we do not send */
        if (value.len > HTTP_LINE_BYTES_MAX)
            refuse(stream, &line_too_long);
        else
            copy(stream, value, &head->target);
        break;
    case 'm':
        if (!http_method_parse(value, &head->method))
            refuse(stream, &bad_method);
        stream->method_known = true;
        break;
    case 'a':
        copy(stream, value, &stream->authority);
        break;
    case 's':
        if (!str_eq(value, STR("https")) && !str_eq(value, STR("http")))
            refuse(stream, &bad_request);
        break;
    default:
        refuse(stream, &bad_request);
        break;
    }
}

/* Room for one more; they begin few, because most requests have few. */
static struct http_field *field_room(struct http2_stream *stream)
{
    struct http_head *head = &stream->exchange->head;
    if (head->fields_count == HTTP_FIELDS_MAX) {
        refuse(stream, &too_many_fields);
        return NULL;
    }
    if (head->fields_count == head->fields_max) {
        unsigned max =
            MIN_OF(MAX_OF(head->fields_max * 4, (unsigned)FIELDS_FIRST), (unsigned)HTTP_FIELDS_MAX);
        struct http_field *fields =
            arena_try(stream->exchange->request.arena, max * sizeof(*fields));
        if (!fields) {
            refuse(stream, &no_memory);
            return NULL;
        }
        if (head->fields_count)
            memcpy(fields, head->fields, head->fields_count * sizeof(*fields));
        head->fields = fields;
        head->fields_max = max;
    }
    return &head->fields[head->fields_count];
}

static void field_note(struct http2_stream *stream, const struct http_field *field)
{
    struct http_head *head = &stream->exchange->head;
    switch (field->name.len) {
    case 4:
        if (str_eq(field->name, STR("host"))) {
            head->host = field->value;
            head->hosts++;
        }
        break;
    case 6:
        if (str_eq(field->name, STR("expect"))) {
            head->expect_continue = str_eq_nocase(field->value, STR("100-continue"));
            head->expects++;
        }
        stream->cookies += str_eq(field->name, STR("cookie"));
        break;
    case 14:
        if (str_eq(field->name, STR("content-length"))) {
            head->lengths++;
            if (!str_parse_u64(field->value, &head->content_length))
                refuse(stream, &bad_length);
        }
        break;
    default:
        break;
    }
}

void http2_field_refuse(struct http2_stream *stream)
{
    refuse(stream, &bad_request);
}

void http2_field_add(struct http2_stream *stream, const struct http_field *arrived)
{
    struct http_field field = *arrived;
    stream->head_bytes += field.name.len + field.value.len + FIELD_COST_BYTES;
    if (stream->head_bytes > HTTP_HEAD_BYTES_MAX)
        refuse(stream, &head_too_large);
    if (stream->refusal)
        return;
    if (field.name.len > 1 && field.name.ptr[0] == ':') {
        pseudo_add(stream, field.name, field.value);
        return;
    }
    struct http_field *room = field_room(stream);
    if (!room || !copy(stream, field.name, &field.name) || !copy(stream, field.value, &field.value))
        return;
    *room = field;
    stream->exchange->head.fields_count++;
    field_note(stream, &field);
}

/* --- All of them are there ------------------------------------------------------------------ */

/* RFC 9113 section 8.2.3: what was cut for the compression's sake is one field to everybody else.
 */
static void cookies_join(struct http2_stream *stream)
{
    struct http_head *head = &stream->exchange->head;
    struct http_field *first = NULL;
    unsigned kept = 0;
    size_t len = 0;
    char *room = arena_try(stream->exchange->request.arena, stream->head_bytes);
    if (!room) {
        refuse(stream, &no_memory);
        return;
    }
    for (unsigned i = 0; i < head->fields_count; i++) {
        struct http_field *field = &head->fields[i];
        if (!str_eq(field->name, STR("cookie"))) {
            head->fields[kept++] = *field;
            continue;
        }
        if (first) {
            memcpy(room + len, "; ", 2);
            len += 2;
        }
        memcpy(room + len, field->value.ptr, field->value.len);
        len += field->value.len;
        if (!first) {
            first = &head->fields[kept];
            head->fields[kept++] = *field;
        }
    }
    if (first)
        first->value = (str){ room, len };
    head->fields_count = kept;
}

/* Given by :authority, by Host, or by both alike. */
static const struct http_refusal *host_take(struct http2_stream *stream)
{
    struct http_head *head = &stream->exchange->head;
    if (head->hosts > 1 || (head->hosts == 0 && !stream->authority.len))
        return &bad_host;
    if (stream->authority.ptr) {
        if (head->hosts && !str_eq_nocase(head->host, stream->authority))
            return &bad_host;
        head->host = stream->authority;
    }
    return http_host_is_valid(head->host) ? NULL : &bad_host;
}

static const struct http_refusal *head_check(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    struct http_head *head = &exchange->head;
    if (stream->refusal)
        return stream->refusal;
    if (!stream->method_known)
        return &bad_method;
    if (head->lengths > 1)
        return &bad_length;
    if (head->expects > 1 || (head->expects && !head->expect_continue))
        return &bad_expectation;
    const struct http_refusal *refusal = host_take(stream);
    if (refusal)
        return refusal;
    bool star = str_eq(head->target, STR("*")) && head->method == METHOD_OPTIONS;
    if (!str_starts(head->target, STR("/")) && !star)
        return &bad_request;
    return http_target_parse(head->target, exchange->request.arena, &head->parts);
}

void http2_request_begin(struct http2_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    struct http_request *request = &exchange->request;
    struct http_head *head = &exchange->head;
    stream->heading = false;
    if (stream->cookies > 1 && !stream->refusal)
        cookies_join(stream);
    const struct http_refusal *refusal = head_check(stream);
    request->target = request->path = STR("");
    if (refusal) {
        exchange_fail(exchange, refusal);
        return;
    }
    request->method = head->method;
    request->target = head->target;
    request->path = head->parts.path;
    request->query = head->parts.query;
    request->host = head->host;
    request->fields = head->fields;
    request->fields_count = head->fields_count;
    exchange->body_complete = stream->ended;
    exchange_route(exchange);
    if (exchange->phase == PHASE_BODY)
        http2_continue_send(stream);
}
