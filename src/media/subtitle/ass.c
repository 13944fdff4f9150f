/*
 * ass: Advanced SubStation Alpha and SSA v4 as text. Styles give bold, italics, underline and the
 * corner; overrides change them; positions in pixels, colours, karaoke and drawings have no place
 * in WebVTT. Source: the "ASS File Format Specification" of libass and the SSA v4 document it
 * extends.
 */
#include "internal.h"

enum { STYLES_MAX = 512, COLUMNS_MAX = 64 };

enum section { SECTION_OTHER, SECTION_STYLES, SECTION_EVENTS };

struct style {
    str name;
    unsigned bits;
    unsigned align;
};

/* Where the named fields are in a line; the last column takes the rest of the line. */
struct style_columns {
    unsigned name, bold, italic, underline, align, count;
};
struct event_columns {
    unsigned start, end, style, text, count;
};

struct reader {
    struct cue_list *list;
    struct markup markup;
    enum section section;
    bool legacy; /* [V4 Styles] */
    struct style *styles;
    unsigned styles_count;
    struct style_columns style_columns;
    struct event_columns event_columns;
};

static const struct style_columns style_columns_default = { 0, 7, 8, 9, 18, 23 };
static const struct event_columns event_columns_default = { 1, 2, 3, 9, 10 };

/* Column `index` of `count` in a comma-separated line; empty when the line is shorter. */
static str column(str line, unsigned index, unsigned count)
{
    str part = STR_NONE;
    for (unsigned i = 0; i + 1 < count && i <= index; i++) {
        if (!str_cut(&line, ',', &part))
            return STR_NONE;
        if (i == index)
            return str_trim(part);
    }
    return index + 1 == count ? line : STR_NONE;
}

/* The number of the column called `name` in a Format line, or `missing`. */
static unsigned column_find(str format, const char *name, unsigned missing)
{
    str part;
    for (unsigned i = 0; i < COLUMNS_MAX && str_cut(&format, ',', &part); i++)
        if (str_eq_nocase(str_trim(part), str_of(name)))
            return i;
    return missing;
}

static unsigned columns_count(str format)
{
    unsigned count = 0;
    str part;
    while (count < COLUMNS_MAX && str_cut(&format, ',', &part))
        count++;
    return count;
}

static void format_read(struct reader *reader, str format)
{
    unsigned none = COLUMNS_MAX;
    if (reader->section == SECTION_STYLES) {
        reader->style_columns = (struct style_columns){
            .name = column_find(format, "Name", none),
            .bold = column_find(format, "Bold", none),
            .italic = column_find(format, "Italic", none),
            .underline = column_find(format, "Underline", none),
            .align = column_find(format, "Alignment", none),
            .count = columns_count(format),
        };
        return;
    }
    struct event_columns columns = {
        .start = column_find(format, "Start", none),
        .end = column_find(format, "End", none),
        .style = column_find(format, "Style", none),
        .text = column_find(format, "Text", none),
        .count = columns_count(format),
    };
    bool usable = columns.start < none && columns.end < none && columns.text + 1 == columns.count;
    reader->event_columns = usable ? columns : event_columns_default;
}

static bool style_flag(str line, unsigned index, unsigned count)
{
    int64_t value;
    return str_parse_i64(column(line, index, count), &value) && value != 0;
}

static void style_read(struct reader *reader, str line)
{
    const struct style_columns *at = &reader->style_columns;
    uint64_t align = 0;
    if (reader->styles_count == STYLES_MAX)
        return;
    (void)str_parse_u64(str_trim(column(line, at->align, at->count)), &align);
    unsigned keypad = align < 16 ? (unsigned)align : 0;
    struct style style = {
        .name = column(line, at->name, at->count),
        .bits = (style_flag(line, at->bold, at->count) ? STYLE_BOLD : 0u) |
                (style_flag(line, at->italic, at->count) ? STYLE_ITALIC : 0u) |
                (style_flag(line, at->underline, at->count) ? STYLE_UNDERLINE : 0u),
        .align = reader->legacy ? markup_align_legacy(keypad) : keypad,
    };
    /* Bold as a style is a choice of typeface for the whole film, not emphasis. */
    style.bits &= ~(unsigned)STYLE_BOLD;
    reader->styles[reader->styles_count++] = style;
}

static struct style style_find(const struct reader *reader, str name)
{
    if (str_starts(name, STR("*")))
        name = str_skip(name, 1);
    for (unsigned i = reader->styles_count; i-- > 0;)
        if (str_eq_nocase(reader->styles[i].name, name))
            return reader->styles[i];
    return (struct style){ 0 };
}

static void event_read(struct reader *reader, str line, unsigned number)
{
    const struct event_columns *at = &reader->event_columns;
    str start = column(line, at->start, at->count), end = column(line, at->end, at->count);
    struct timing timing;
    if (!timing_parse_time(&start, &timing.start_ms) || !timing_parse_time(&end, &timing.end_ms)) {
        cue_drop(reader->list, number, "the times of the event are unreadable");
        return;
    }
    struct style style = style_find(reader, column(line, at->style, at->count));
    markup_begin(&reader->markup, style.bits);
    markup_put_ass(&reader->markup, column(line, at->text, at->count));
    unsigned align = reader->markup.align ? reader->markup.align : style.align;
    cue_add(reader->list, number, &timing, &reader->markup, markup_settings(align));
}

static void section_enter(struct reader *reader, str line)
{
    reader->section = SECTION_OTHER;
    if (str_eq_nocase(line, STR("[Events]")))
        reader->section = SECTION_EVENTS;
    else if (str_eq_nocase(line, STR("[V4+ Styles]")) || str_eq_nocase(line, STR("[V4 Styles]")) ||
             str_eq_nocase(line, STR("[V4 Styles+]")))
        reader->section = SECTION_STYLES;
    if (reader->section == SECTION_STYLES)
        reader->legacy = str_eq_nocase(line, STR("[V4 Styles]"));
}

/* "Key: value"; false when the line does not begin with the key. */
static bool key_take(str line, const char *key, str *out_value)
{
    str name = str_of(key);
    if (!str_eq_nocase(str_sub(line, 0, name.len), name) || line.len <= name.len ||
        line.ptr[name.len] != ':')
        return false;
    *out_value = str_skip(line, name.len + 1);
    return true;
}

void ass_read(struct cue_list *list, str text)
{
    struct reader reader = {
        .list = list,
        .styles = ARENA_ARRAY(list->arena, STYLES_MAX, struct style),
        .style_columns = style_columns_default,
        .event_columns = event_columns_default,
    };
    struct lines lines = { .rest = text };
    str line, value;
    markup_init(&reader.markup, list->arena);
    while (lines_next(&lines, &line)) {
        str trimmed = str_trim(line);
        if (str_starts(trimmed, STR("[")) && str_ends(trimmed, STR("]")))
            section_enter(&reader, trimmed);
        else if (reader.section == SECTION_STYLES && key_take(trimmed, "Style", &value))
            style_read(&reader, value);
        else if (reader.section != SECTION_STYLES && key_take(trimmed, "Dialogue", &value))
            event_read(&reader, value, lines.number);
        else if (reader.section != SECTION_OTHER && key_take(trimmed, "Format", &value))
            format_read(&reader, value);
    }
}
