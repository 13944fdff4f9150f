/*
 * markup: HTML-like tags and ASS overrides become three style bits; tags are written from the bits,
 * only where a visible character needs them, and therefore always nest and close.
 */
#include "internal.h"

#include "media/text/entity.h"

enum { TAG_BYTES_MAX = 256, OVERRIDE_BYTES_MAX = 4096 };

static const struct {
    unsigned style;
    char letter;
} style_tags[] = { { STYLE_BOLD, 'b' }, { STYLE_ITALIC, 'i' }, { STYLE_UNDERLINE, 'u' } };

void markup_init(struct markup *markup, struct arena *arena)
{
    *markup = (struct markup){ 0 };
    buf_init_leaving(&markup->out, arena, SUBTITLE_CUE_TEXT_BYTES_MAX);
}

void markup_begin(struct markup *markup, unsigned base)
{
    struct buf out = markup->out;
    buf_clear(&out);
    *markup = (struct markup){ .out = out, .wanted = base, .base = base };
}

static void tag_put(struct markup *markup, unsigned style, const char *before)
{
    buf_put(&markup->out, str_of(before));
    for (size_t i = 0; i < ARRAY_LEN(style_tags); i++)
        if (style_tags[i].style == style)
            buf_put_char(&markup->out, style_tags[i].letter);
    buf_put_char(&markup->out, '>');
}

/* Closes down to the first open tag that is not wanted. */
static void tags_close(struct markup *markup, unsigned wanted)
{
    unsigned keep = 0;
    while (keep < markup->open_count && (markup->open[keep] & wanted))
        keep++;
    while (markup->open_count > keep)
        tag_put(markup, markup->open[--markup->open_count], "</");
}

static void tags_open(struct markup *markup)
{
    unsigned open = 0;
    for (unsigned i = 0; i < markup->open_count; i++)
        open |= markup->open[i];
    for (size_t i = 0; i < ARRAY_LEN(style_tags); i++) {
        unsigned style = style_tags[i].style;
        if (!(markup->wanted & style) || (open & style))
            continue;
        tag_put(markup, style, "<");
        markup->open[markup->open_count++] = style;
    }
}

static void visible_put(struct markup *markup, uint32_t c)
{
    char bytes[4];
    tags_close(markup, markup->wanted);
    if (markup->newline_due)
        buf_put_char(&markup->out, '\n');
    else if (markup->space_due)
        buf_put_char(&markup->out, ' ');
    markup->newline_due = markup->space_due = false;
    tags_open(markup);
    if (c == '&')
        buf_put(&markup->out, STR("&amp;"));
    else if (c == '<')
        buf_put(&markup->out, STR("&lt;"));
    else if (c == '>')
        buf_put(&markup->out, STR("&gt;"));
    else
        buf_put(&markup->out, (str){ bytes, str_utf8_put(bytes, c) });
}

void markup_put(struct markup *markup, uint32_t c)
{
    bool invisible = (c >= 0x7f && c < 0xa0) || c == 0xfeff || (c < 32 && c != '\t' && c != '\n');
    if (markup->drawing || invisible)
        return;
    bool started = markup->out.len > 0;
    if (c == '\n' || c == 0x2028 || c == 0x2029)
        markup->newline_due = started;
    else if (c == ' ' || c == '\t')
        markup->space_due = started;
    else
        visible_put(markup, c);
}

bool markup_end(struct markup *markup, str *out_text)
{
    tags_close(markup, 0);
    *out_text = buf_str(&markup->out);
    return !markup->out.overflowed;
}

str markup_settings(unsigned align)
{
    static const str settings[10] = {
        [1] = STR_INIT("align:left"),
        [3] = STR_INIT("align:right"),
        [4] = STR_INIT("line:50% align:left"),
        [5] = STR_INIT("line:50%"),
        [6] = STR_INIT("line:50% align:right"),
        [7] = STR_INIT("line:0 align:left"),
        [8] = STR_INIT("line:0"),
        [9] = STR_INIT("line:0 align:right"),
    };
    return align < ARRAY_LEN(settings) ? settings[align] : STR_NONE;
}

unsigned markup_align_legacy(unsigned align)
{
    static const unsigned char keypad[12] = { 0, 1, 2, 3, 0, 7, 8, 9, 0, 4, 5, 6 };
    return align < ARRAY_LEN(keypad) ? keypad[align] : 0;
}

static void style_set(struct markup *markup, unsigned style, bool on)
{
    if (on)
        markup->wanted |= style;
    else
        markup->wanted &= ~style;
}

/* --- tags ----------------------------------------------------------------------------------- */

enum tag_effect { TAG_UNKNOWN, TAG_IGNORED, TAG_NEWLINE, TAG_STYLE };

static enum tag_effect tag_effect(str name, unsigned *out_style)
{
    static const struct {
        const char *name;
        enum tag_effect effect;
        unsigned style;
    } rows[] = {
        { "i", TAG_STYLE, STYLE_ITALIC },
        { "em", TAG_STYLE, STYLE_ITALIC },
        { "b", TAG_STYLE, STYLE_BOLD },
        { "strong", TAG_STYLE, STYLE_BOLD },
        { "u", TAG_STYLE, STYLE_UNDERLINE },
        { "br", TAG_NEWLINE, 0 },
        { "font", TAG_IGNORED, 0 },
        { "span", TAG_IGNORED, 0 },
        { "s", TAG_IGNORED, 0 },
        { "strike", TAG_IGNORED, 0 },
        { "c", TAG_IGNORED, 0 },
        { "v", TAG_IGNORED, 0 },
        { "p", TAG_IGNORED, 0 },
        { "div", TAG_IGNORED, 0 },
        { "ruby", TAG_IGNORED, 0 },
        { "rt", TAG_IGNORED, 0 },
        { "lang", TAG_IGNORED, 0 },
        { "small", TAG_IGNORED, 0 },
        { "big", TAG_IGNORED, 0 },
        { "center", TAG_IGNORED, 0 },
        { "a", TAG_IGNORED, 0 },
        { "sub", TAG_IGNORED, 0 },
        { "sup", TAG_IGNORED, 0 },
        { "tt", TAG_IGNORED, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!str_eq_nocase(name, str_of(rows[i].name)))
            continue;
        *out_style = rows[i].style;
        return rows[i].effect;
    }
    return TAG_UNKNOWN;
}

static bool is_tag_letter(char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* A tag at text[at] == '<': applies it and returns its length, or 0 when it is just text. */
static size_t tag_take(struct markup *markup, str text, size_t at, bool any_tag)
{
    str body = str_sub(text, at + 1, TAG_BYTES_MAX);
    ptrdiff_t end = str_find_char(body, '>');
    if (end < 0 || str_find_char(str_sub(body, 0, (size_t)end), '<') >= 0)
        return 0;
    body.len = (size_t)end;
    size_t len = body.len + 2;
    bool closing = str_starts(body, STR("/"));
    body = str_trim(closing ? str_skip(body, 1) : body);
    size_t name_len = 0;
    while (name_len < body.len && is_tag_letter(body.ptr[name_len]))
        name_len++;
    unsigned style = 0;
    switch (tag_effect(str_sub(body, 0, name_len), &style)) {
    case TAG_STYLE:
        style_set(markup, style, !closing);
        return len;
    case TAG_NEWLINE:
        markup_put(markup, '\n');
        return len;
    case TAG_IGNORED:
        return len;
    case TAG_UNKNOWN:
        break;
    }
    return any_tag ? len : 0;
}

/* --- ASS overrides -------------------------------------------------------------------------- */

/* The number an override ends with; `missing` when there is none. */
static unsigned override_number(str argument, unsigned missing)
{
    uint64_t value;
    return str_parse_u64(str_trim(argument), &value) && value < 10000 ? (unsigned)value : missing;
}

static bool override_style(struct markup *markup, str tag, char letter, unsigned style)
{
    if (tag.len == 0 || tag.ptr[0] != letter)
        return false;
    str argument = str_trim(str_skip(tag, 1));
    if (argument.len && (argument.ptr[0] < '0' || argument.ptr[0] > '9'))
        return false; /* \be, \bord, \iclip */
    unsigned value = override_number(argument, (markup->base & style) != 0);
    style_set(markup, style, value == 1 || value >= 600);
    return true;
}

/* One override without its backslash: "i1", "an8", "p1", "r". Others change nothing we can show. */
static void override_apply(struct markup *markup, str tag)
{
    if (override_style(markup, tag, 'i', STYLE_ITALIC) ||
        override_style(markup, tag, 'b', STYLE_BOLD) ||
        override_style(markup, tag, 'u', STYLE_UNDERLINE))
        return;
    if (str_starts(tag, STR("an"))) {
        unsigned align = override_number(str_skip(tag, 2), 0);
        if (align >= 1 && align <= 9 && !markup->align)
            markup->align = align;
    } else if (str_starts(tag, STR("a")) && !str_starts(tag, STR("alpha"))) {
        if (!markup->align)
            markup->align = markup_align_legacy(override_number(str_skip(tag, 1), 0));
    } else if (str_starts(tag, STR("p"))) {
        unsigned scale = override_number(str_skip(tag, 1), 10000); /* not \pos, \pbo */
        if (scale < 10000)
            markup->drawing = scale > 0;
    } else if (str_starts(tag, STR("r"))) {
        markup->wanted = markup->base;
    }
}

/* A block at text[at] == '{': applies it and returns its length, or 0 when it is just text. */
static size_t override_take(struct markup *markup, str text, size_t at)
{
    str body = str_sub(text, at + 1, OVERRIDE_BYTES_MAX), tag;
    ptrdiff_t end = str_find_char(body, '}');
    if (end < 0)
        return 0;
    body.len = (size_t)end;
    size_t len = body.len + 2;
    str_cut(&body, '\\', &tag); /* what is before the first backslash is a comment */
    while (str_cut(&body, '\\', &tag))
        override_apply(markup, tag);
    return len;
}

/* "{\an8}" of ASS and "{y:i}" of MicroDVD, both of which people leave in SRT; other braces are
 * text. */
static size_t srt_braces_take(struct markup *markup, str text, size_t at)
{
    str inside = str_skip(text, at + 1);
    if (str_starts(inside, STR("\\")))
        return override_take(markup, text, at);
    if (inside.len < 2 || inside.ptr[1] != ':' || !is_tag_letter(inside.ptr[0]))
        return 0;
    ptrdiff_t end = str_find_char(str_sub(inside, 0, 32), '}');
    if (end < 0)
        return 0;
    if ((inside.ptr[0] | 32) == 'y' && inside.ptr[2] == 'i')
        style_set(markup, STYLE_ITALIC, true);
    return (size_t)end + 2;
}

void markup_put_html(struct markup *markup, str text, bool any_tag)
{
    for (size_t pos = 0; pos < text.len && !markup->out.overflowed;) {
        char c = text.ptr[pos];
        size_t taken = 0;
        if (c == '<')
            taken = tag_take(markup, text, pos, any_tag);
        else if (c == '{' && !any_tag)
            taken = srt_braces_take(markup, text, pos);
        else if (c == '\\' && !any_tag && str_starts(str_skip(text, pos + 1), STR("N")))
            taken = 2, markup_put(markup, '\n');
        if (taken) {
            pos += taken;
            continue;
        }
        uint32_t entity = c == '&' ? entity_next(text, &pos) : 0;
        markup_put(markup, entity ? entity : str_utf8_next(text, &pos));
    }
}

void markup_put_ass(struct markup *markup, str text)
{
    for (size_t pos = 0; pos < text.len && !markup->out.overflowed;) {
        char c = text.ptr[pos];
        size_t taken = c == '{' ? override_take(markup, text, pos) : 0;
        char next = pos + 1 < text.len ? text.ptr[pos + 1] : 0;
        if (c == '\\' && (next == 'N' || next == 'n' || next == 'h')) {
            markup_put(markup, next == 'h' ? 0xa0 : '\n');
            taken = 2;
        }
        if (taken)
            pos += taken;
        else
            markup_put(markup, str_utf8_next(text, &pos));
    }
}
