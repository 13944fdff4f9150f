/*
 * srt: SubRip, which has no specification, and WebVTT (W3C), which has the same timing lines. A cue
 * is a timing line and the text up to the next one; the number before a timing line is recognised
 * from behind, so that files without numbers, with wrong ones or with blank lines inside a cue read
 * as they are meant.
 */
#include "internal.h"

enum { LINES_MAX = 64 };

struct reader {
    struct cue_list *list;
    struct markup markup;
    struct timing timing;
    unsigned timing_line;
    bool in_cue;
    str lines[LINES_MAX]; /* of the cue; a run of blank lines is one empty line */
    unsigned lines_count;
    bool lines_overflowed;
    uint64_t last_index;
};

static bool is_blank(str line)
{
    return str_trim(line).len == 0;
}

/* The number of a cue on the last line belongs to the timing line to come. */
static void index_take_back(struct reader *reader)
{
    unsigned count = reader->lines_count;
    bool gap = count && is_blank(reader->lines[count - 1]);
    if (gap)
        count--;
    uint64_t index;
    if (count == 0 || !str_parse_u64(str_trim(reader->lines[count - 1]), &index))
        return;
    bool apart = count == 1 || is_blank(reader->lines[count - 2]);
    bool expected = index == reader->last_index + 1;
    if (gap ? !(apart && expected) : !(apart || expected))
        return;
    reader->lines_count = count - 1;
    reader->last_index = index;
}

static void lines_cut_at_blank(struct reader *reader)
{
    for (unsigned i = 0; i < reader->lines_count; i++)
        if (is_blank(reader->lines[i]))
            reader->lines_count = i;
}

static void cue_finish(struct reader *reader)
{
    if (!reader->in_cue)
        return;
    if (reader->lines_overflowed)
        lines_cut_at_blank(reader);
    for (unsigned i = 0; i < reader->lines_count; i++) {
        markup_put_html(&reader->markup, reader->lines[i], false);
        markup_put(&reader->markup, '\n');
    }
    cue_add(reader->list, reader->timing_line, &reader->timing, &reader->markup,
            markup_settings(reader->markup.align));
    reader->in_cue = false;
}

static void line_keep(struct reader *reader, str line)
{
    unsigned count = reader->lines_count;
    if (is_blank(line)) {
        if (count && is_blank(reader->lines[count - 1]))
            return;
        line = STR("");
    }
    if (count == LINES_MAX) {
        reader->lines_overflowed = true;
        return;
    }
    reader->lines[reader->lines_count++] = line;
}

static void cue_start(struct reader *reader, const struct timing *timing, unsigned line)
{
    reader->timing = *timing;
    reader->timing_line = line;
    reader->in_cue = true;
    reader->lines_count = 0;
    reader->lines_overflowed = false;
    markup_begin(&reader->markup, 0);
}

void srt_read(struct cue_list *list, str text)
{
    struct reader reader = { .list = list };
    struct lines lines = { .rest = text };
    struct timing timing;
    str line;
    markup_init(&reader.markup, list->arena);
    while (lines_next(&lines, &line)) {
        enum timing_result result = timing_parse(line, &timing);
        if (result == TIMING_NONE) {
            line_keep(&reader, line);
            continue;
        }
        if (!reader.lines_overflowed)
            index_take_back(&reader);
        cue_finish(&reader);
        if (result == TIMING_OK)
            cue_start(&reader, &timing, lines.number);
        else
            cue_drop(list, lines.number, "the end time of the cue is unreadable");
        reader.lines_count = 0;
        reader.lines_overflowed = false;
    }
    cue_finish(&reader);
}

/* --- WebVTT --------------------------------------------------------------------------------- */

static bool setting_value_valid(str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool allowed = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '%' ||
                       c == ',' || c == '-';
        if (!allowed)
            return false;
    }
    return value.len > 0 && value.len <= 32;
}

/* The settings that place a cue, without regions (their definitions are not kept). */
static str settings_filter(struct arena *arena, str source)
{
    static const char *const names[] = { "vertical", "line", "position", "size", "align" };
    struct buf out;
    str word;
    buf_init_leaving(&out, arena, 160);
    source = str_trim(source);
    while (str_cut(&source, ' ', &word)) {
        ptrdiff_t colon = str_find_char(word, ':');
        if (colon < 0 || !setting_value_valid(str_skip(word, (size_t)colon + 1)))
            continue;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (!str_eq(str_sub(word, 0, (size_t)colon), str_of(names[i])))
                continue;
            if (out.len)
                buf_put_char(&out, ' ');
            buf_put(&out, word);
        }
    }
    return out.overflowed ? STR_NONE : buf_str(&out);
}

static void webvtt_finish(struct reader *reader, str settings)
{
    if (reader->in_cue)
        cue_add(reader->list, reader->timing_line, &reader->timing, &reader->markup, settings);
    reader->in_cue = false;
}

void webvtt_read(struct cue_list *list, str text)
{
    struct reader reader = { .list = list };
    struct lines lines = { .rest = text };
    struct timing timing;
    str line, settings = STR_NONE;
    markup_init(&reader.markup, list->arena);
    while (lines_next(&lines, &line)) {
        enum timing_result result = timing_parse(line, &timing);
        if (result == TIMING_NONE && reader.in_cue && !is_blank(line)) {
            markup_put_html(&reader.markup, line, true);
            markup_put(&reader.markup, '\n');
            continue;
        }
        if (result != TIMING_NONE || is_blank(line))
            webvtt_finish(&reader, settings);
        if (result == TIMING_BROKEN)
            cue_drop(list, lines.number, "the end time of the cue is unreadable");
        if (result != TIMING_OK)
            continue;
        settings = settings_filter(list->arena, timing.rest);
        cue_start(&reader, &timing, lines.number);
    }
    webvtt_finish(&reader, settings);
}
