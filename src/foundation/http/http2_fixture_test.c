/* http2_fixture: frames out, frames in. */
#include "http2_fixture.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUT_MAX = 64 << 20, PAYLOAD_MAX = 16 << 10 };

void client2_open(struct client2 *client, const struct fixture *fixture)
{
    *client = (struct client2){ .payload = heap_alloc(PAYLOAD_MAX) };
    client->fd = client_open(fixture);
    CHECK_INT(nghttp2_hd_inflate_new(&client->inflater), 0);
    buf_init(&client->out, NULL, OUT_MAX);
    buf_put(&client->out, STR(NGHTTP2_CLIENT_MAGIC));
    client2_frame(client, NGHTTP2_SETTINGS, 0, 0, STR(""));
}

void client2_close(struct client2 *client)
{
    close(client->fd);
    nghttp2_hd_inflate_del(client->inflater);
    buf_deinit(&client->out);
    heap_free(client->payload);
}

void client2_frame(struct client2 *client, unsigned type, unsigned flags, uint32_t stream,
                   str payload)
{
    buf_put_u8(&client->out, (uint8_t)(payload.len >> 16));
    buf_put_be16(&client->out, (uint16_t)payload.len);
    buf_put_u8(&client->out, (uint8_t)type);
    buf_put_u8(&client->out, (uint8_t)flags);
    buf_put_be32(&client->out, stream);
    buf_put(&client->out, payload);
}

void client2_u32(struct client2 *client, unsigned type, uint32_t stream, uint32_t value)
{
    char bytes[4] = { (char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value };
    client2_frame(client, type, 0, stream, (str){ bytes, 4 });
}

/* RFC 7541 section 5.1, with a prefix of 7 bits. */
static void put_length(struct buf *block, size_t len)
{
    if (len < 127) {
        buf_put_u8(block, (uint8_t)len);
        return;
    }
    buf_put_u8(block, 127);
    for (len -= 127; len >= 128; len /= 128)
        buf_put_u8(block, (uint8_t)(len % 128 + 128));
    buf_put_u8(block, (uint8_t)len);
}

void block_field(struct buf *block, const char *name, const char *value)
{
    buf_put_u8(block, 0);
    put_length(block, strlen(name));
    buf_put(block, str_of(name));
    put_length(block, strlen(value));
    buf_put(block, str_of(value));
}

void block_request(struct buf *block, const char *method, const char *path)
{
    block_field(block, ":method", method);
    block_field(block, ":scheme", "http");
    block_field(block, ":authority", "a");
    block_field(block, ":path", path);
}

void client2_get(struct client2 *client, uint32_t stream, const char *path)
{
    struct buf block;
    buf_init(&block, NULL, 16 << 10);
    block_request(&block, "GET", path);
    client2_frame(client, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                  stream, buf_str(&block));
    buf_deinit(&block);
}

void client2_flush(struct client2 *client)
{
    CHECK(!client->out.overflowed);
    client_send(client->fd, buf_str(&client->out));
    buf_clear(&client->out);
}

/* --- Reading -------------------------------------------------------------------------------- */

static bool read_exactly(int fd, char *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t count = recv(fd, to + at, len - at, 0);
        if (count <= 0)
            return false;
        at += (size_t)count;
    }
    return true;
}

bool client2_read(struct client2 *client)
{
    unsigned char head[9];
    struct frame *frame = &client->frame;
    client2_flush(client);
    if (!read_exactly(client->fd, (char *)head, sizeof(head)))
        return false;
    size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    CHECK(len <= PAYLOAD_MAX);
    frame->type = head[3];
    frame->flags = head[4];
    frame->stream =
        (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
    frame->payload = (str){ client->payload, len };
    if (!read_exactly(client->fd, client->payload, len))
        return false;
    if (frame->type == NGHTTP2_SETTINGS && !(frame->flags & NGHTTP2_FLAG_ACK))
        client2_frame(client, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, STR(""));
    return true;
}

static void fields_read(struct client2 *client, struct answer2 *out)
{
    str in = client->frame.payload;
    size_t at = strlen(out->fields);
    unsigned status = 0;
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(client->inflater, &field, &flags,
                                              (const uint8_t *)in.ptr, in.len, 1);
        CHECK(used >= 0);
        in = str_skip(in, (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT))
            continue;
        if (field.namelen == 7 && memcmp(field.name, ":status", 7) == 0)
            status = (unsigned)(field.value[0] - '0') * 100 +
                     (unsigned)(field.value[1] - '0') * 10 + (unsigned)(field.value[2] - '0');
        int len = snprintf(out->fields + at, sizeof(out->fields) - at, "%.*s: %.*s\n",
                           (int)field.namelen, field.name, (int)field.valuelen, field.value);
        at += (size_t)len;
        CHECK(at < sizeof(out->fields));
    }
    nghttp2_hd_inflate_end_headers(client->inflater);
    if (status / 100 == 1)
        out->interim = status;
    else if (status)
        out->status = status;
}

/* Reads one frame of the stream into *out. */
static void take(struct client2 *client, uint32_t stream, struct answer2 *out)
{
    const struct frame *frame = &client->frame;
    static struct answer2 other; /* what of it is never looked at */
    memset(&other, 0, sizeof(other));
    if (frame->type == NGHTTP2_HEADERS) /* every block, or the table is lost */
        fields_read(client, frame->stream == stream ? out : &other);
    if (frame->stream != stream)
        return;
    if (frame->type == NGHTTP2_DATA) {
        size_t kept = (size_t)MIN_OF(out->body_bytes, (uint64_t)sizeof(out->body));
        memcpy(out->body + kept, frame->payload.ptr,
               MIN_OF(frame->payload.len, sizeof(out->body) - kept));
        if (out->expected)
            out->differs |= memcmp(out->expected + out->body_bytes, frame->payload.ptr,
                                   frame->payload.len) != 0;
        out->body_bytes += frame->payload.len;
    }
    if (frame->type == NGHTTP2_RST_STREAM)
        out->reset = (uint32_t)(unsigned char)frame->payload.ptr[3] + 1;
    out->ended |= frame->type <= NGHTTP2_HEADERS && frame->flags & NGHTTP2_FLAG_END_STREAM;
}

void client2_interim(struct client2 *client, uint32_t stream, struct answer2 *out)
{
    memset(out, 0, sizeof(*out));
    while (!out->interim && !out->ended && !out->reset && client2_read(client))
        take(client, stream, out);
}

void client2_answer(struct client2 *client, uint32_t stream, struct answer2 *out)
{
    const char *expected = out->expected;
    memset(out, 0, sizeof(*out));
    out->expected = expected;
    while (!out->ended && !out->reset && client2_read(client)) {
        take(client, stream, out);
        if (client->frame.type == NGHTTP2_DATA && client->frame.payload.len) {
            client2_u32(client, NGHTTP2_WINDOW_UPDATE, 0, (uint32_t)client->frame.payload.len);
            client2_u32(client, NGHTTP2_WINDOW_UPDATE, client->frame.stream,
                        (uint32_t)client->frame.payload.len);
        }
    }
}

uint32_t client2_goaway(struct client2 *client)
{
    uint32_t code = 0;
    while (client2_read(client))
        if (client->frame.type == NGHTTP2_GOAWAY)
            code = (uint32_t)(unsigned char)client->frame.payload.ptr[7] + 1;
    return code;
}

str answer2_field(const struct answer2 *answer, const char *name)
{
    str rest = str_of(answer->fields), line;
    while (str_cut(&rest, '\n', &line)) {
        size_t len = strlen(name);
        if (line.len > len + 1 && str_starts(line, str_of(name)) && line.ptr[len] == ':')
            return str_skip(line, len + 2);
    }
    return STR_NONE;
}
