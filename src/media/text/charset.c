/* charset: the order of evidence, and the conversion itself. The letter models: charset_model.c. */
#include "charset.h"

#include "charset_model.h"

#include <string.h>

/* A text is taken for UTF-8 with damage when at most one sequence in this many is invalid. */
enum { UTF8_GOOD_PER_BAD = 20 };

struct utf8_count {
    size_t good; /* sequences of more than one byte */
    size_t bad;
};

static struct utf8_count utf8_count(str bytes)
{
    struct utf8_count count = { 0 };
    for (size_t pos = 0; pos < bytes.len;) {
        size_t from = pos;
        if ((unsigned char)bytes.ptr[pos] < 0x80) {
            pos++;
            continue;
        }
        str_utf8_next(bytes, &pos);
        if (pos - from > 1)
            count.good++;
        else
            count.bad++;
    }
    return count;
}

/* UTF-8 in, UTF-8 out, with U+FFFD for what is invalid. */
static str utf8_repair(struct arena *arena, str bytes, size_t *out_replaced)
{
    char *out = arena_alloc(arena, bytes.len * 3 + 1);
    size_t len = 0;
    *out_replaced = 0;
    for (size_t pos = 0; pos < bytes.len;) {
        size_t from = pos;
        uint32_t c = str_utf8_next(bytes, &pos);
        if (c == 0xfffd && pos - from == 1)
            ++*out_replaced;
        len += str_utf8_put(out + len, c);
    }
    out[len] = 0;
    return (str){ out, len };
}

/* RFC 2781. An odd last byte and lone surrogates are replaced. */
static str utf16_convert(struct arena *arena, str bytes, bool big_endian, size_t *out_replaced)
{
    char *out = arena_alloc(arena, bytes.len / 2 * 3 + 4);
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    size_t len = 0, i = 0;
    *out_replaced = 0;
    while (i + 1 < bytes.len) {
        uint32_t c = (uint32_t)in[i + !big_endian] << 8 | in[i + big_endian];
        i += 2;
        if (c >= 0xd800 && c <= 0xdbff && i + 1 < bytes.len) {
            uint32_t low = (uint32_t)in[i + !big_endian] << 8 | in[i + big_endian];
            if (low >= 0xdc00 && low <= 0xdfff) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        *out_replaced += c >= 0xd800 && c <= 0xdfff;
        len += str_utf8_put(out + len, c);
    }
    if (i < bytes.len) {
        len += str_utf8_put(out + len, 0xfffd);
        ++*out_replaced;
    }
    out[len] = 0;
    return (str){ out, len };
}

/*
 * UTF-16 without a mark: text has spaces, digits and line ends, whose upper byte is zero, and
 * nothing else has zeros at only odd or only even places.
 */
static const char *utf16_guess(str bytes)
{
    size_t zeros[2] = { 0, 0 };
    size_t looked_at = MIN_OF(bytes.len & ~(size_t)1, (size_t)65536);
    for (size_t i = 0; i < looked_at; i++)
        zeros[i & 1] += bytes.ptr[i] == 0;
    size_t enough = looked_at / 20 + 1;
    if (zeros[1] >= enough && zeros[0] * 50 < zeros[1])
        return "UTF-16LE";
    if (zeros[0] >= enough && zeros[1] * 50 < zeros[0])
        return "UTF-16BE";
    return NULL;
}

static enum err refuse_binary(str text)
{
    size_t controls = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == 0)
            return err_set(ERR_INVALID, "text-binary",
                           "the file is not text: there is a zero byte at offset %zu", i);
        controls += c < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1a;
    }
    if (controls > 8 && controls > text.len / 50)
        return err_set(ERR_INVALID, "text-binary",
                       "the file is not text: it has %zu control characters", controls);
    return OK;
}

static enum err table_convert(struct arena *arena, str bytes, const char *charset,
                              struct charset_text *out)
{
    const struct charset_table *table = charset_table_get(charset);
    if (!table)
        return err_set(ERR_INVALID, "text-charset-missing",
                       "the text is in %s, for which this machine has no converter", charset);
    char *text = arena_alloc(arena, bytes.len * 3 + 1);
    size_t len = 0, replaced = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        uint32_t c = byte < 0x80 ? byte : table->high[byte - 0x80];
        replaced += c == CHARSET_UNDEFINED;
        len += str_utf8_put(text + len, c == CHARSET_UNDEFINED ? 0xfffd : c);
    }
    text[len] = 0;
    *out = (struct charset_text){ { text, len }, charset, replaced };
    return OK;
}

/* The encodings a document may declare; anything else is guessed. */
static const char *declared_charset(str label)
{
    static const struct {
        const char *label, *charset;
    } rows[] = {
        { "windows-1251", "WINDOWS-1251" },
        { "cp1251", "WINDOWS-1251" },
        { "win-1251", "WINDOWS-1251" },
        { "koi8-r", "KOI8-U" },
        { "koi8-u", "KOI8-U" },
        { "cp866", "IBM866" },
        { "ibm866", "IBM866" },
        { "iso-8859-5", "ISO-8859-5" },
        { "windows-1250", "WINDOWS-1250" },
        { "windows-1252", "WINDOWS-1252" },
        { "iso-8859-2", "ISO-8859-2" },
        { "iso-8859-1", "WINDOWS-1252" },
        { "iso-8859-15", "ISO-8859-15" },
        { "windows-1253", "WINDOWS-1253" },
        { "windows-1254", "WINDOWS-1254" },
        { "windows-1257", "WINDOWS-1257" },
        { "iso-8859-9", "WINDOWS-1254" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq_nocase(label, str_of(rows[i].label)))
            return rows[i].charset;
    return NULL;
}

static enum err utf16_to_utf8(struct arena *arena, str bytes, const char *charset,
                              struct charset_text *out)
{
    struct charset_text text = { .charset = charset };
    text.utf8 = utf16_convert(arena, bytes, strcmp(charset, "UTF-16BE") == 0, &text.replaced);
    TRY(refuse_binary(text.utf8));
    *out = text;
    return OK;
}

static enum err single_byte_to_utf8(struct arena *arena, str bytes, str declared,
                                    struct charset_text *out)
{
    const char *charset = declared_charset(declared);
    if (!charset)
        charset = charset_guess(bytes);
    if (!charset)
        return err_set(ERR_INVALID, "text-charset-unknown",
                       "the encoding of the text is not recognised: save it as UTF-8");
    return table_convert(arena, bytes, charset, out);
}

enum err charset_to_utf8(struct arena *arena, str bytes, str declared, struct charset_text *out)
{
    if (str_starts(bytes, STR("\xff\xfe")))
        return utf16_to_utf8(arena, str_skip(bytes, 2), "UTF-16LE", out);
    if (str_starts(bytes, STR("\xfe\xff")))
        return utf16_to_utf8(arena, str_skip(bytes, 2), "UTF-16BE", out);
    bool marked = str_starts(bytes, STR("\xef\xbb\xbf"));
    if (marked)
        bytes = str_skip(bytes, 3);
    const char *utf16 = marked ? NULL : utf16_guess(bytes);
    if (utf16)
        return utf16_to_utf8(arena, bytes, utf16, out);
    TRY(refuse_binary(bytes));
    struct utf8_count count = utf8_count(bytes);
    if (!marked && count.bad && count.good < count.bad * UTF8_GOOD_PER_BAD)
        return single_byte_to_utf8(arena, bytes, declared, out);
    struct charset_text text = { .charset = "UTF-8" };
    text.utf8 = utf8_repair(arena, bytes, &text.replaced);
    *out = text;
    return OK;
}
