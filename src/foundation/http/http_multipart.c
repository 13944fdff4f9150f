/* http_multipart: the parts' heads are made at once, what lies where is found by piece_at(). */
#include "http_multipart.h"

#include "foundation/mem/buf.h"

#include <string.h>
#include <sys/random.h>

enum { BOUNDARY_RANDOM_BYTES = 15, BOUNDARY_BYTES = 2 * BOUNDARY_RANDOM_BYTES };
/* Of a part's head, beside its boundary and type: names, numbers, line ends. */
enum { HEAD_BYTES_OWN = 150 };

struct part {
    str head;
    struct http_range range;
};

struct multipart {
    struct http_body whole;
    unsigned count;
    struct part parts[HTTP_RANGES_MAX];
    str tail;
};

static void boundary_make(char out[BOUNDARY_BYTES])
{
    uint8_t random[BOUNDARY_RANDOM_BYTES] = { 0 };
    ssize_t got = getrandom(random, sizeof(random), GRND_NONBLOCK);
    ASSERT(got == sizeof(random)); /* so few bytes never fall short once the system is up */
    for (size_t i = 0; i < BOUNDARY_BYTES; i++)
        out[i] = "0123456789abcdef"[random[i / 2] >> (i % 2 * 4) & 15];
}

/* What lies at byte `at` of the whole body. */
static void whole_at(const struct http_body *whole, uint64_t at, struct http_piece *out)
{
    *out = (struct http_piece){ 0 };
    if (whole->piece_at) {
        whole->piece_at(whole->pieces_state, at, out);
        return;
    }
    uint64_t skipped = MIN_OF(at, (uint64_t)whole->memory.len);
    out->memory = str_skip(whole->memory, (size_t)skipped);
    if (whole->kind == HTTP_BODY_MEMORY)
        return;
    out->file = whole->file;
    out->offset = whole->file_offset + (at - skipped);
    out->size_bytes = whole->size_bytes - whole->memory.len - (at - skipped);
}

/* The rest of a range beginning at byte `at` of it, as far as one piece goes. */
static void range_at(const struct http_body *whole, const struct http_range *range, uint64_t at,
                     struct http_piece *out)
{
    uint64_t left = range->size_bytes - at;
    whole_at(whole, range->offset + at, out);
    out->memory = str_sub(out->memory, 0, (size_t)MIN_OF(left, (uint64_t)out->memory.len));
    out->size_bytes = MIN_OF(left - out->memory.len, out->size_bytes);
}

static void piece_at(const void *state, uint64_t at, struct http_piece *out)
{
    const struct multipart *multi = state;
    for (unsigned i = 0; i < multi->count; i++) {
        const struct part *part = &multi->parts[i];
        if (at < part->head.len) {
            *out = (struct http_piece){ .memory = str_skip(part->head, (size_t)at) };
            return;
        }
        at -= part->head.len;
        if (at < part->range.size_bytes) {
            range_at(&multi->whole, &part->range, at, out);
            return;
        }
        at -= part->range.size_bytes;
    }
    *out = (struct http_piece){ .memory = str_skip(multi->tail, (size_t)at) };
}

static str take(struct buf *text, size_t from)
{
    return str_skip(buf_str(text), from);
}

static void heads_make(struct multipart *multi, struct buf *text, str boundary, str type)
{
    for (unsigned i = 0; i < multi->count; i++) {
        struct part *part = &multi->parts[i];
        size_t from = text->len;
        buf_printf(text, "%s--%.*s\r\n", i ? "\r\n" : "", STR_ARG(boundary));
        if (type.len)
            buf_printf(text, "Content-Type: %.*s\r\n", STR_ARG(type));
        buf_printf(text, "Content-Range: bytes %llu-%llu/%llu\r\n\r\n",
                   (unsigned long long)part->range.offset,
                   (unsigned long long)(part->range.offset + part->range.size_bytes - 1),
                   (unsigned long long)multi->whole.size_bytes);
        part->head = take(text, from);
    }
    size_t from = text->len;
    buf_printf(text, "\r\n--%.*s--\r\n", STR_ARG(boundary));
    multi->tail = take(text, from);
}

bool http_multipart_make(struct arena *arena, struct http_response *response,
                         const struct http_ranges *ranges)
{
    static const char type[] = "multipart/byteranges; boundary=";
    size_t head_bytes = HEAD_BYTES_OWN + BOUNDARY_BYTES + response->content_type.len;
    size_t room_bytes = sizeof(type) + BOUNDARY_BYTES + (ranges->count + 1) * head_bytes;
    struct multipart *multi = arena_try(arena, sizeof(*multi));
    char *room = multi ? arena_try(arena, room_bytes) : NULL;
    struct buf text;
    if (!room)
        return false;
    *multi = (struct multipart){ .whole = response->body, .count = ranges->count };
    for (unsigned i = 0; i < ranges->count; i++)
        multi->parts[i].range = ranges->list[i];
    buf_init_fixed(&text, room, room_bytes);
    buf_put(&text, str_of(type));
    str boundary = { room + text.len, BOUNDARY_BYTES };
    boundary_make(room + text.len);
    text.len += BOUNDARY_BYTES;
    str whole_type = buf_str(&text);
    heads_make(multi, &text, boundary, response->content_type);
    ASSERT(!text.overflowed);
    uint64_t size_bytes = multi->tail.len;
    for (unsigned i = 0; i < multi->count; i++)
        size_bytes += multi->parts[i].head.len + multi->parts[i].range.size_bytes;
    http_reply_pieces(response, whole_type, size_bytes, piece_at, multi);
    return true;
}
