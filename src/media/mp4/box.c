/* box: cutting buffers into boxes; every size is checked against what holds the box. */
#include "box.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint8_t be8(str bytes, size_t at)
{
    ASSERT(at < bytes.len);
    return (uint8_t)bytes.ptr[at];
}

uint16_t be16(str bytes, size_t at)
{
    uint16_t value;
    ASSERT(at + sizeof(value) <= bytes.len);
    memcpy(&value, bytes.ptr + at, sizeof(value));
    return __builtin_bswap16(value);
}

uint32_t be32(str bytes, size_t at)
{
    uint32_t value;
    ASSERT(at + sizeof(value) <= bytes.len);
    memcpy(&value, bytes.ptr + at, sizeof(value));
    return __builtin_bswap32(value);
}

uint64_t be64(str bytes, size_t at)
{
    uint64_t value;
    ASSERT(at + sizeof(value) <= bytes.len);
    memcpy(&value, bytes.ptr + at, sizeof(value));
    return __builtin_bswap64(value);
}

PRINTF_LIKE(2, 0)
static enum err fail(const char *slug, const char *format, va_list args)
{
    char text[ERR_TEXT_MAX];
    vsnprintf(text, sizeof(text), format, args);
    return err_set(ERR_INVALID, slug, "%s", text);
}

enum err box_malformed_set(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum err code = fail("mp4-malformed", format, args);
    va_end(args);
    return code;
}

enum err box_unsupported_set(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum err code = fail("mp4-unsupported", format, args);
    va_end(args);
    return code;
}

const char *box_name(uint32_t type, char out[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(type >> (24 - 8 * i));
        out[i] = c > ' ' && c < 127 ? c : '.';
    }
    out[4] = 0;
    return out;
}

enum err box_next(str *rest, struct box *out_box)
{
    char name[5];
    if (rest->len < 8)
        return box_malformed("%zu stray bytes where a box should begin", rest->len);
    uint64_t size = be32(*rest, 0);
    uint32_t type = be32(*rest, 4);
    size_t header = 8;
    if (size == 1) {
        header = 16;
        if (rest->len < header)
            return box_malformed("box '%s' has no room for its 64-bit size", box_name(type, name));
        size = be64(*rest, 8);
    }
    if (size < header || size > rest->len)
        return box_malformed("box '%s' says it has %llu bytes where %zu are left",
                             box_name(type, name), (unsigned long long)size, rest->len);
    *out_box = (struct box){ .type = type,
                             .whole = str_sub(*rest, 0, (size_t)size),
                             .body = str_sub(*rest, header, (size_t)size - header) };
    *rest = str_skip(*rest, (size_t)size);
    return OK;
}

enum err box_children(str body, const char *parent, const struct box_want *wants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *wants[i].out = (struct box){ 0 };
    while (body.len > 0) {
        struct box box;
        TRY(box_next(&body, &box));
        for (size_t i = 0; i < count; i++) {
            if (box.type != FOURCC(wants[i].name))
                continue;
            if (wants[i].out->type)
                return box_unsupported("'%s' holds more than one '%s'", parent, wants[i].name);
            *wants[i].out = box;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (wants[i].required && !wants[i].out->type)
            return box_malformed("'%s' holds no '%s'", parent, wants[i].name);
    }
    return OK;
}

enum err box_full(const struct box *box, uint8_t *out_version, uint32_t *out_flags, str *out_body)
{
    char name[5];
    if (box->body.len < 4)
        return box_malformed("box '%s' ends within its version", box_name(box->type, name));
    *out_version = be8(box->body, 0);
    *out_flags = be32(box->body, 0) & 0xffffff;
    *out_body = str_skip(box->body, 4);
    return OK;
}
