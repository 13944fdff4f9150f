/* http_reply: how a handler names its answer, and problem documents (RFC 9457) for failures. */
#include "http_conn.h"

#include <string.h>

enum { VALUE_BYTES_MAX = 8 << 10, PROBLEM_BYTES_MAX = 6 << 10 };

str http_header_find(const struct http_request *request, str name)
{
    for (unsigned i = 0; i < request->fields_count; i++)
        if (str_eq_nocase(request->fields[i].name, name))
            return request->fields[i].value;
    return STR_NONE;
}

static bool is_text(const char *bytes, size_t len)
{
    bool text = true;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        text &= ((c >= 0x20) | (c == '\t')) & (c != 0x7f);
    }
    return text;
}

/* Eight bytes at a time may hold a control byte or surely hold none; policies are long. */
static bool value_is_valid(str value)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= value.len; at += sizeof(uint64_t)) {
        uint64_t bytes, deleted;
        memcpy(&bytes, value.ptr + at, sizeof(bytes));
        deleted = bytes ^ (0x7f * ones);
        uint64_t doubtful = ((bytes - 0x20 * ones) & ~bytes) | ((deleted - ones) & ~deleted);
        if ((doubtful & high) && !is_text(value.ptr + at, sizeof(bytes)))
            return false;
    }
    return is_text(value.ptr + at, value.len - at);
}

enum err http_header_add(struct http_response *response, str name, str value)
{
    bool valid = value.len <= VALUE_BYTES_MAX &&
                 response->fields_count < HTTP_RESPONSE_FIELDS_MAX && value_is_valid(value);
    if (!valid)
        return err_set(ERR_INTERNAL, "bad-response-field", "the field %.*s cannot be sent",
                       STR_ARG(name));
    response->fields[response->fields_count++] = (struct http_field){ name, value };
    return OK;
}

static void body_set(struct http_response *response, str content_type, struct http_body body)
{
    if (!response->status)
        response->status = 200;
    response->content_type = content_type;
    response->body = body;
}

void http_reply_status(struct http_response *response, unsigned status)
{
    response->status = status;
}

void http_reply_memory(struct http_response *response, str content_type, str body)
{
    body_set(
        response, content_type,
        (struct http_body){ .kind = HTTP_BODY_MEMORY, .size_bytes = body.len, .memory = body });
}

void http_reply_bytes(struct http_request *request, struct http_response *response,
                      str content_type, struct bytes *bytes)
{
    arena_hold(request->arena, bytes_release, bytes_share(bytes));
    http_reply_memory(response, content_type, bytes_str(bytes));
}

void http_reply_file(struct http_request *request, struct http_response *response, str content_type,
                     const struct http_file_part *part)
{
    arena_hold(request->arena, http_file_release, http_file_share(part->file));
    body_set(response, content_type,
             (struct http_body){ .kind = HTTP_BODY_FILE,
                                 .size_bytes = part->before.len + part->size_bytes,
                                 .memory = part->before,
                                 .file = part->file,
                                 .file_offset = part->offset });
    response->ranges = true;
}

void http_reply_pieces(struct http_response *response, str content_type, uint64_t size_bytes,
                       http_piece_fn piece_at, const void *state)
{
    body_set(response, content_type,
             (struct http_body){ .kind = HTTP_BODY_FILE,
                                 .size_bytes = size_bytes,
                                 .piece_at = piece_at,
                                 .pieces_state = state,
                                 .pieces_end = size_bytes });
    response->ranges = true;
}

void http_reply_generator(struct http_response *response, str content_type, uint64_t size_bytes,
                          http_generate_fn generate, void *state)
{
    body_set(response, content_type,
             (struct http_body){ .kind = HTTP_BODY_GENERATOR,
                                 .size_bytes = size_bytes,
                                 .generate = generate,
                                 .generate_state = state });
}

/* --- Problem documents ---------------------------------------------------------------------- */

/* RFC 8259 section 7; bytes that are no UTF-8 become U+FFFD, so that the document always parses. */
static void put_json(struct buf *out, str text)
{
    buf_put_char(out, '"');
    for (size_t at = 0; at < text.len;) {
        uint32_t code = str_utf8_next(text, &at);
        char utf8[4];
        if (code == '"' || code == '\\') {
            buf_put_char(out, '\\');
            buf_put_char(out, (char)code);
        } else if (code < 0x20) {
            buf_printf(out, "\\u%04x", code);
        } else {
            buf_put(out, (str){ utf8, str_utf8_put(utf8, code) });
        }
    }
    buf_put_char(out, '"');
}

static void put_problem(struct buf *out, unsigned status, str slug, str text)
{
    buf_put(out, STR("{\"type\":\"urn:kinobezdna:problem:"));
    buf_put(out, slug); /* slugs are our own: letters, digits, '-' and '.' */
    buf_put(out, STR("\",\"title\":"));
    put_json(out, http_status_reason(status));
    buf_put(out, STR(",\"status\":"));
    buf_put_u64(out, status);
    buf_put(out, STR(",\"slug\":\""));
    buf_put(out, slug);
    buf_put(out, STR("\",\"detail\":"));
    put_json(out, text);
}

static void put_fields(struct buf *out, const struct err_slot *slot)
{
    unsigned count = MIN_OF(slot->fields_count, (unsigned)ERR_FIELDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        buf_put(out, i ? STR(",") : STR(",\"errors\":["));
        buf_put(out, STR("{\"field\":"));
        put_json(out, str_of(slot->fields[i].path));
        buf_put(out, STR(",\"message\":"));
        put_json(out, str_of(slot->fields[i].message));
        buf_put_char(out, '}');
    }
    if (count)
        buf_put_char(out, ']');
}

struct problem {
    unsigned status;
    str slug, text;
    const struct err_slot *slot; /* for its fields; may be NULL */
    bool retryable;
};

static void reply_problem(struct http_request *request, struct http_response *response,
                          const struct problem *problem)
{
    struct buf out;
    if (response->body.stream) {
        stream_abandon(response->body.stream);
        response->body.stream = NULL;
    }
    buf_init(&out, request->arena, PROBLEM_BYTES_MAX);
    (void)buf_reserve(&out, 512);
    put_problem(&out, problem->status, problem->slug, problem->text);
    if (problem->slot)
        put_fields(&out, problem->slot);
    buf_put_char(&out, '}');
    /* Nothing that was meant for the good answer may decorate the bad one. */
    response->etag = response->cache_control = STR_NONE;
    response->modified = INSTANT_NEVER;
    response->ranges = false;
    response->fields_count = 0;
    response->status = problem->status;
    http_reply_memory(response, STR("application/problem+json"),
                      out.overflowed ? STR("{\"type\":\"about:blank\"}") : buf_str(&out));
    if (problem->retryable)
        http_header_add(response, STR("Retry-After"), STR("1"));
}

void http_reply_problem(struct http_request *request, struct http_response *response,
                        unsigned status, const char *slug, const char *text)
{
    struct problem problem = {
        .status = status, .slug = str_of(slug), .text = str_of(text), .retryable = status == 503
    };
    reply_problem(request, response, &problem);
}

void http_reply_error(struct http_request *request, struct http_response *response, enum err err)
{
    const struct err_slot *slot = err_slot();
    const struct err_info *info = err_info(err);
    bool detailed = slot->code == err;
    struct problem problem = { .status = err == ERR_CANCELLED ? 503 : info->http_status,
                               .slug = str_of(detailed ? slot->slug : info->slug),
                               .text = str_of(detailed ? slot->text : ""),
                               .slot = detailed ? slot : NULL,
                               .retryable = info->retryable || err == ERR_CANCELLED };
    if (problem.status == 500) { /* what broke inside is for the log, not for strangers */
        problem.text = STR("Something went wrong on our side.");
        problem.slug = str_of(info->slug);
        problem.slot = NULL;
    }
    reply_problem(request, response, &problem);
}
