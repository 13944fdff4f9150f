/* nfo_clean: a scanner that knows no elements, only what XML forbids and people write all the same.
 */
#include "nfo_internal.h"

#include "media/text/entity.h"

void nfo_trouble_note(struct nfo_trouble *trouble, const char *what, unsigned long line)
{
    if (!trouble->what)
        *trouble = (struct nfo_trouble){ what, line };
}

struct cleaner {
    str text;
    size_t pos;
    struct buf *out;
    bool declared; /* there was a DTD: references may be to what it declared */
};

static str rest_of(const struct cleaner *cleaner)
{
    return str_skip(cleaner->text, cleaner->pos);
}

/* Passes `len` bytes without writing them, but for their line ends. */
static void drop(struct cleaner *cleaner, size_t len)
{
    str dropped = str_sub(cleaner->text, cleaner->pos, len);
    for (size_t i = 0; i < dropped.len; i++)
        if (dropped.ptr[i] == '\n')
            buf_put_char(cleaner->out, '\n');
    cleaner->pos += dropped.len;
}

/* Passes up to and with `end`; all of the rest when it is missing. */
static void drop_until(struct cleaner *cleaner, str end)
{
    ptrdiff_t at = str_find(rest_of(cleaner), end);
    drop(cleaner, at < 0 ? SIZE_MAX : (size_t)at + end.len);
}

/* "<!DOCTYPE movie [ ... ]>": brackets and quotes count. */
static void drop_declaration(struct cleaner *cleaner)
{
    str rest = rest_of(cleaner);
    bool inside = false;
    char quote = 0;
    size_t i = 0;
    for (; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
            continue;
        }
        if (c == '"' || c == '\'')
            quote = c;
        else if (c == '[')
            inside = true;
        else if (c == ']')
            inside = false;
        else if (c == '>' && !inside)
            break;
    }
    drop(cleaner, i + 1);
}

static bool is_name_start(char c)
{
    return (c | 32) >= 'a' ? (c | 32) <= 'z' : c == '_' || (c & 0x80);
}

static bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
}

/* The name of the tag at the position of its '<'; empty when it is no tag. */
static str tag_name(str rest)
{
    size_t from = rest.len > 1 && rest.ptr[1] == '/' ? 2 : 1, to = from;
    if (to >= rest.len || !is_name_start(rest.ptr[to]))
        return STR_NONE;
    while (to < rest.len && is_name(rest.ptr[to]))
        to++;
    return str_sub(rest, from, to - from);
}

static bool is_html(str name)
{
    static const char *const names[] = { "br",   "p",   "i", "b",  "u",   "em", "strong", "font",
                                         "span", "div", "a", "hr", "img", "ul", "li" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    return false;
}

enum { TAG_BYTES_MAX = 2048 };

/* Length of the tag with its brackets; 0 when a '<' comes first, or it does not end soon enough. */
static size_t tag_len(str rest)
{
    char quote = 0;
    rest = str_sub(rest, 0, TAG_BYTES_MAX);
    for (size_t i = 1; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>') {
            return i + 1;
        } else if (c == '<') {
            return 0;
        } else if ((c == '"' || c == '\'') && rest.ptr[i - 1] == '=') {
            quote = c;
        }
    }
    return 0;
}

static void reference_put(struct buf *out, uint32_t c)
{
    char bytes[4];
    if (c == '<')
        buf_put(out, STR("&lt;"));
    else if (c == '>')
        buf_put(out, STR("&gt;"));
    else if (c == '&')
        buf_put(out, STR("&amp;"));
    else if (c == '"')
        buf_put(out, STR("&quot;"));
    else if (c == '\t' || c == '\n' || c == '\r' || (c >= 32 && (c & 0xfffe) != 0xfffe))
        buf_put(out, (str){ bytes, str_utf8_put(bytes, c) });
}

/* Length of "&name;", 0 when it is none. */
static size_t reference_len(str rest)
{
    size_t i = 1;
    if (i >= rest.len || !is_name_start(rest.ptr[i]))
        return 0;
    while (i < rest.len && is_name(rest.ptr[i]))
        i++;
    return i < rest.len && rest.ptr[i] == ';' ? i + 1 : 0;
}

/*
 * At a '&': decoded when it is known; what a DTD may have declared is nothing, because it is not
 * read; any other stands for itself.
 */
static void ampersand_put(struct cleaner *cleaner, str piece, size_t *pos)
{
    uint32_t c = entity_next(piece, pos);
    if (c) {
        reference_put(cleaner->out, c);
        return;
    }
    size_t declared_len = cleaner->declared ? reference_len(str_skip(piece, *pos)) : 0;
    if (declared_len == 0)
        reference_put(cleaner->out, '&');
    *pos += declared_len ? declared_len : 1;
}

/* Text, or the inside of a tag: references decoded, what XML forbids left out. */
static void text_put(struct cleaner *cleaner, str piece)
{
    for (size_t pos = 0; pos < piece.len;) {
        if (piece.ptr[pos] == '&') {
            ampersand_put(cleaner, piece, &pos);
            continue;
        }
        size_t from = pos;
        uint32_t c = str_utf8_next(piece, &pos);
        bool allowed = c == '\t' || c == '\n' || c == '\r' || (c >= 32 && (c & 0xfffe) != 0xfffe);
        if (allowed)
            buf_put(cleaner->out, str_sub(piece, from, pos - from));
    }
}

static void cdata_put(struct cleaner *cleaner)
{
    str rest = rest_of(cleaner), open = STR("<![CDATA["), close = STR("]]>");
    ptrdiff_t end = str_find(rest, close);
    size_t content_len = (end < 0 ? rest.len : (size_t)end) - open.len;
    str content = str_sub(rest, open.len, content_len);
    for (size_t pos = 0; pos < content.len;)
        reference_put(cleaner->out, str_utf8_next(content, &pos));
    cleaner->pos += end < 0 ? rest.len : (size_t)end + close.len;
}

static void tag_put(struct cleaner *cleaner)
{
    str rest = rest_of(cleaner), name = tag_name(rest);
    size_t len = name.len ? tag_len(rest) : 0;
    if (len == 0) {
        buf_put(cleaner->out, STR("&lt;"));
        cleaner->pos++;
        return;
    }
    if (is_html(name)) {
        bool breaks = str_eq_nocase(name, STR("br")) || str_eq_nocase(name, STR("p"));
        if (breaks)
            buf_put_char(cleaner->out, ' ');
        drop(cleaner, len);
        return;
    }
    text_put(cleaner, str_sub(rest, 0, len));
    cleaner->pos += len;
}

void nfo_clean(str text, struct buf *out, struct nfo_trouble *trouble)
{
    struct cleaner cleaner = { .text = text, .out = out };
    buf_put(out, STR("<nfo>"));
    while (cleaner.pos < text.len) {
        str rest = rest_of(&cleaner);
        if (rest.ptr[0] != '<') {
            ptrdiff_t next = str_find_char(rest, '<');
            str piece = str_sub(rest, 0, next < 0 ? rest.len : (size_t)next);
            text_put(&cleaner, piece);
            cleaner.pos += piece.len;
        } else if (str_starts(rest, STR("<!--"))) {
            drop_until(&cleaner, STR("-->"));
        } else if (str_starts(rest, STR("<![CDATA["))) {
            cdata_put(&cleaner);
        } else if (str_starts(rest, STR("<?"))) {
            drop_until(&cleaner, STR(">"));
        } else if (str_starts(rest, STR("<!"))) {
            nfo_trouble_note(trouble, "a document type definition was left out", 0);
            drop_declaration(&cleaner);
            cleaner.declared = true;
        } else {
            tag_put(&cleaner);
        }
    }
    buf_put(out, STR("</nfo>"));
}
