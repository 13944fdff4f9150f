/* cursor: list, zero, key, zero, id, checksum; in base64url without padding. */
#include "cursor.h"

#include <string.h>

enum { CHECK_BYTES = 4 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static str encode(struct arena *arena, str bytes)
{
    char *text = arena_alloc(arena, bytes.len * 4 / 3 + 4);
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        size_t count = MIN_OF(bytes.len - i, (size_t)3);
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < count ? (unsigned char)bytes.ptr[i + j] : 0);
        for (size_t j = 0; j <= count; j++)
            text[len++] = alphabet[group >> (18 - 6 * j) & 63];
    }
    return (str){ text, len };
}

static int digit(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

static bool decode(struct arena *arena, str text, str *out)
{
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    uint32_t bits = 0;
    unsigned bits_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = digit(text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        bits_count += 6;
        if (bits_count >= 8) {
            bits_count -= 8;
            bytes[len++] = (char)(bits >> bits_count);
            bits &= (1u << bits_count) - 1;
        }
    }
    *out = (str){ bytes, len };
    return bits == 0 && bits_count < 6; /* one text for one cursor */
}

static void put_checksum(char out[CHECK_BYTES], str bytes)
{
    uint32_t check = (uint32_t)(str_hash(bytes) >> 32);
    memcpy(out, &check, CHECK_BYTES);
}

str cursor_format(struct arena *arena, str list, str key, struct id id)
{
    char number[ID_TEXT_MAX];
    str text = id_format(id, number);
    str body = arena_printf(arena, "%.*s%c%.*s%c%.*s####", STR_ARG(list), 0, STR_ARG(key), 0,
                            STR_ARG(text));
    body.len -= CHECK_BYTES;
    put_checksum((char *)body.ptr + body.len, body);
    body.len += CHECK_BYTES;
    return encode(arena, body);
}

static enum err refuse(void)
{
    return err_set(ERR_INVALID, "bad-cursor", "the cursor is not one of this list");
}

enum err cursor_parse(struct arena *arena, str text, str list, str *out_key, struct id *out_id)
{
    str body, its_list;
    struct id id;
    char check[CHECK_BYTES];
    if (text.len > CURSOR_BYTES_MAX || !decode(arena, text, &body) || body.len < CHECK_BYTES)
        return refuse();
    body.len -= CHECK_BYTES;
    put_checksum(check, body);
    if (memcmp(check, body.ptr + body.len, CHECK_BYTES) != 0)
        return refuse();
    ptrdiff_t last = str_find_last_char(body, 0);
    str rest = str_sub(body, 0, last < 0 ? 0 : (size_t)last);
    if (last < 0 || !id_parse(str_skip(body, (size_t)last + 1), &id) ||
        !str_cut(&rest, 0, &its_list) || !rest.ptr || !str_eq(its_list, list))
        return refuse();
    *out_key = rest;
    *out_id = id;
    return OK;
}
