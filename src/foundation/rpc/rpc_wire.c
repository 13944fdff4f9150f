/* rpc_wire: frames, time-outs, messages and codes as gRPC writes them. Pure, but for the trace. */
#include "rpc_impl.h"

#include "foundation/base/base.h"
#include "foundation/crypto/crypto.h"

#include <stdio.h>
#include <string.h>

const str rpc_content_type = STR_INIT("application/grpc"), rpc_key_field = STR_INIT("kb-key"),
          rpc_code_field = STR_INIT("kb-code"), rpc_slug_field = STR_INIT("kb-slug"),
          rpc_status_field = STR_INIT("grpc-status"), rpc_message_field = STR_INIT("grpc-message");

str rpc_path(struct arena *arena, const struct rpc_service *service,
             const struct rpc_method *method)
{
    return arena_printf(arena, "/%s.%s/%s", service->package, service->name, method->name);
}

/* --- Frames --------------------------------------------------------------------------------- */

enum err rpc_frame_encode(struct arena *arena, const struct shape *shape, const void *record,
                          str *out_frame)
{
    struct buf buf;
    buf_init(&buf, arena, RPC_MESSAGE_BYTES_MAX + RPC_PREFIX_BYTES);
    buf_put(&buf, (str){ "\0\0\0\0\0", RPC_PREFIX_BYTES });
    proto_encode(&buf, shape, record);
    if (buf.overflowed)
        return err_set(ERR_TOO_LARGE, "message-too-large", "the message is larger than %d bytes",
                       RPC_MESSAGE_BYTES_MAX);
    uint32_t len = (uint32_t)(buf.len - RPC_PREFIX_BYTES);
    for (int i = 0; i < 4; i++)
        buf.ptr[1 + i] = (char)(len >> (24 - 8 * i));
    *out_frame = buf_str(&buf);
    return OK;
}

enum err rpc_frame_decode(struct arena *arena, const struct shape *shape, str frame, void *out)
{
    uint32_t len = 0;
    if (frame.len < RPC_PREFIX_BYTES)
        return err_set(ERR_INVALID, "bad-frame",
                       "a message of gRPC begins with five bytes, not %zu", frame.len);
    for (int i = 0; i < 4; i++)
        len = len << 8 | (unsigned char)frame.ptr[1 + i];
    if (frame.ptr[0] != 0)
        return err_set(ERR_METHOD, "compressed", "compressed messages are not understood");
    if (len != frame.len - RPC_PREFIX_BYTES)
        return err_set(ERR_INVALID, "bad-frame", "a message of %u bytes was announced, %zu came",
                       len, frame.len - RPC_PREFIX_BYTES);
    return proto_decode(arena, shape, str_skip(frame, RPC_PREFIX_BYTES), out);
}

/* --- Time-outs ------------------------------------------------------------------------------ */

str rpc_timeout_format(span left, char out[16])
{
    static const struct {
        span unit;
        char letter;
    } units[] = { { 1, 'u' }, { 1000, 'm' }, { 1000000, 'S' }, { 60000000, 'M' } };
    left = MAX_OF(left, (span)0);
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && left / units[i].unit > 99999999)
        i++;
    long long value = (long long)MIN_OF(left / units[i].unit, (span)99999999);
    int len = snprintf(out, 16, "%lld%c", value, units[i].letter);
    return (str){ out, (size_t)len };
}

bool rpc_timeout_parse(str text, span *out)
{
    uint64_t value;
    if (text.len < 2 || text.len > 9 || !str_parse_u64(str_sub(text, 0, text.len - 1), &value))
        return false;
    switch (text.ptr[text.len - 1]) {
    case 'n':
        *out = (span)(value / 1000);
        return true;
    case 'u':
        *out = (span)value;
        return true;
    case 'm':
        *out = MILLISECONDS((span)value);
        return true;
    case 'S':
        *out = SECONDS((span)value);
        return true;
    case 'M':
        *out = MINUTES((span)value);
        return true;
    case 'H':
        *out = HOURS((span)value);
        return true;
    default:
        return false;
    }
}

/* --- Messages ------------------------------------------------------------------------------- */

str rpc_message_encode(struct arena *arena, str text)
{
    struct buf out;
    text = str_sub(text, 0, 1024);
    buf_init(&out, arena, 3 * text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c <= 0x7e && c != '%')
            buf_put_char(&out, (char)c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return buf_str(&out);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What is no escape stands for itself: a message is for people, and never refused. */
str rpc_message_decode(struct arena *arena, str text)
{
    struct buf out;
    text = str_sub(text, 0, 4096);
    buf_init(&out, arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        bool room = text.ptr[i] == '%' && i + 2 < text.len;
        int high = room ? hex_digit(text.ptr[i + 1]) : -1;
        int low = room ? hex_digit(text.ptr[i + 2]) : -1;
        bool escape = high >= 0 && low >= 0;
        buf_put_char(&out, escape ? (char)(high * 16 + low) : text.ptr[i]);
        i += escape ? 2 : 0;
    }
    return buf_str(&out);
}

enum err rpc_code_of(str slug, str grpc_status)
{
    static const enum err by_number[] = { OK,
                                          ERR_CANCELLED,
                                          ERR_INTERNAL,
                                          ERR_INVALID,
                                          ERR_TIMEOUT,
                                          ERR_NOT_FOUND,
                                          ERR_CONFLICT,
                                          ERR_FORBIDDEN,
                                          ERR_EXHAUSTED,
                                          ERR_PRECONDITION,
                                          ERR_CONFLICT,
                                          ERR_RANGE,
                                          ERR_METHOD,
                                          ERR_INTERNAL,
                                          ERR_UNAVAILABLE,
                                          ERR_CORRUPT,
                                          ERR_UNAUTHENTICATED };
    uint64_t number;
    if (!str_parse_u64(grpc_status, &number))
        return ERR_CORRUPT;
    for (int code = 1; slug.len && number && code < ERR_COUNT; code++)
        if (str_eq(slug, str_of(err_info((enum err)code)->slug)))
            return (enum err)code;
    return number < ARRAY_LEN(by_number) ? by_number[number] : ERR_INTERNAL;
}

/* --- Traces --------------------------------------------------------------------------------- */

/* The tasks of this thread that work under a trace, newest first. */
struct traced {
    struct traced *next;
    struct task *task;
    char text[RPC_TRACE_BYTES];
};
static _Thread_local struct traced *traced;

static bool is_trace(str text)
{
    static const char form[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    bool valid = text.len == RPC_TRACE_BYTES && !str_starts(text, STR("ff"));
    for (size_t i = 0; valid && i < text.len; i++) {
        char c = text.ptr[i];
        valid = form[i] == '-' ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return valid && !str_eq(str_sub(text, 3, 32), STR("00000000000000000000000000000000")) &&
           !str_eq(str_sub(text, 36, 16), STR("0000000000000000"));
}

static struct traced *traced_find(void)
{
    struct traced *at = traced;
    const struct task *task = task_current();
    while (at && at->task != task)
        at = at->next;
    return at;
}

str rpc_trace(void)
{
    const struct traced *found = traced_find();
    return found ? (str){ found->text, RPC_TRACE_BYTES } : STR_NONE;
}

static void traced_remove(void *arg)
{
    struct traced **at = &traced;
    while (*at != arg)
        at = &(*at)->next;
    *at = (*at)->next;
}

void rpc_trace_set(str traceparent)
{
    struct traced *entry = traced_find();
    if (!is_trace(traceparent))
        return;
    if (!entry) {
        entry = ARENA_NEW(task_arena(), struct traced);
        entry->task = task_current();
        entry->next = traced;
        traced = entry;
        task_defer(traced_remove, entry);
    }
    memcpy(entry->text, traceparent.ptr, RPC_TRACE_BYTES);
}

str rpc_trace_next(char out[RPC_TRACE_BYTES + 1])
{
    unsigned char random[24];
    str current = rpc_trace();
    crypto_random(random, sizeof(random));
    random[0] |= 1; /* an id of zeros is none */
    random[16] |= 1;
    memcpy(out, "00-", 3);
    crypto_hex(random, 16, out + 3);
    out[35] = '-';
    crypto_hex(random + 16, 8, out + 36);
    memcpy(out + 52, "-00", 4);
    if (current.len) {
        memcpy(out + 3, current.ptr + 3, 32);
        memcpy(out + 53, current.ptr + 53, 2);
    }
    return (str){ out, RPC_TRACE_BYTES };
}
