/*
 * webvtt: line by line into blocks, and blocks into segments. A block is one or more lines that are
 * not empty; what its first line is decides what it is.
 */
#include "webvtt.h"

#include <string.h>

struct reader {
    str file;
    size_t at;
    uint32_t line; /* number of the line last read */
    struct arena *arena;
    struct webvtt *vtt;
    size_t cue_capacity;
};

static enum err bad(const struct reader *r, const char *what)
{
    return err_set(ERR_INVALID, "webvtt", "WebVTT line %u: %s", r->line, what);
}

/* The next line without its end; false at the end of the file. */
static bool next_line(struct reader *r, str *out_line)
{
    const char *text = r->file.ptr;
    size_t begin = r->at, len = r->file.len;
    if (begin >= len)
        return false;
    while (r->at < len && text[r->at] != '\n' && text[r->at] != '\r')
        r->at++;
    *out_line = str_sub(r->file, begin, r->at - begin);
    if (r->at < len)
        r->at += text[r->at] == '\r' && r->at + 1 < len && text[r->at + 1] == '\n' ? 2 : 1;
    r->line++;
    return true;
}

/* Digits at the front of *rest, `min` to `max` of them. */
static bool take_digits(str *rest, size_t min, size_t max, uint64_t *out)
{
    size_t len = 0;
    while (len < rest->len && len <= max && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
        len++;
    if (len < min || len > max)
        return false;
    ASSERT(str_parse_u64(str_sub(*rest, 0, len), out));
    *rest = str_skip(*rest, len);
    return true;
}

static bool take_char(str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = str_skip(*rest, 1);
    return true;
}

/* §4.4: [hours:]minutes:seconds.milliseconds */
static bool take_time(str *rest, uint64_t *out_ms)
{
    uint64_t hours = 0, minutes, seconds, ms;
    size_t first_len = rest->len;
    if (!take_digits(rest, 2, 4, &minutes) || !take_char(rest, ':'))
        return false;
    first_len -= rest->len + 1;
    if (!take_digits(rest, 2, 2, &seconds))
        return false;
    if (take_char(rest, ':')) {
        hours = minutes;
        minutes = seconds;
        if (!take_digits(rest, 2, 2, &seconds))
            return false;
    } else if (first_len != 2) {
        return false;
    }
    if (!take_char(rest, '.') || !take_digits(rest, 3, 3, &ms) || minutes > 59 || seconds > 59 ||
        hours > WEBVTT_HOURS_MAX)
        return false;
    *out_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
    return true;
}

static bool take_blanks(str *rest)
{
    size_t before = rest->len;
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        *rest = str_skip(*rest, 1);
    return rest->len < before;
}

static enum err parse_timing(const struct reader *r, str line, struct webvtt_cue *cue)
{
    str rest = line;
    take_blanks(&rest);
    bool start =
        take_time(&rest, &cue->start_ms) && take_blanks(&rest) && str_starts(rest, STR("-->"));
    if (!start)
        return bad(r, "the times of a cue do not begin with \"start --> \"");
    rest = str_skip(rest, 3);
    if (!take_blanks(&rest) || !take_time(&rest, &cue->end_ms))
        return bad(r, "the times of a cue do not end with an end time");
    if (rest.len > 0 && !take_blanks(&rest))
        return bad(r, "there is something right after the end time");
    if (cue->end_ms <= cue->start_ms)
        return bad(r, "the cue ends before it begins");
    cue->settings = str_trim(rest);
    return OK;
}

static enum err add_cue(struct reader *r, const struct webvtt_cue *cue)
{
    struct webvtt *vtt = r->vtt;
    if (vtt->cue_count == WEBVTT_CUES_MAX)
        return bad(r, "there are too many cues");
    if (vtt->cue_count == r->cue_capacity) {
        size_t capacity = MAX_OF(r->cue_capacity * 2, (size_t)64);
        struct webvtt_cue *grown = arena_try(r->arena, capacity * sizeof(*grown));
        if (!grown)
            return err_set(ERR_EXHAUSTED, NULL,
                           "the subtitles do not fit the memory of the request");
        if (vtt->cue_count)
            memcpy(grown, vtt->cues, vtt->cue_count * sizeof(*grown));
        vtt->cues = grown;
        r->cue_capacity = capacity;
    }
    vtt->cues[vtt->cue_count++] = *cue;
    vtt->end_ms = MAX_OF(vtt->end_ms, cue->end_ms);
    return OK;
}

/* Reads on to the end of the block: an empty line or the end of the file. */
static enum err block_rest(struct reader *r, size_t from, bool is_cue, str *out_lines)
{
    size_t end = from;
    str line;
    while (next_line(r, &line) && line.len > 0) {
        if (is_cue && str_find(line, STR("-->")) >= 0)
            return bad(r, "the text of a cue holds \"-->\"");
        end = (size_t)(line.ptr - r->file.ptr) + line.len;
    }
    *out_lines = str_sub(r->file, from, end - from);
    return OK;
}

static enum err parse_cue(struct reader *r, str first)
{
    struct webvtt_cue cue = { 0 };
    str timing = first;
    size_t begin = (size_t)(first.ptr - r->file.ptr);
    if (str_find(first, STR("-->")) < 0) {
        cue.id = first;
        if (!next_line(r, &timing) || timing.len == 0)
            return bad(r, "a block has neither times nor a known name");
    }
    TRY(parse_timing(r, timing, &cue));
    size_t timing_end = (size_t)(timing.ptr - r->file.ptr) + timing.len, text_at = r->at;
    TRY(block_rest(r, text_at, true, &cue.text));
    size_t end = cue.text.len ? text_at + cue.text.len : timing_end;
    cue.block = str_sub(r->file, begin, end - begin);
    return add_cue(r, &cue);
}

static bool is_word(str line, str word)
{
    return str_starts(line, word) &&
           (line.len == word.len || line.ptr[word.len] == ' ' || line.ptr[word.len] == '\t');
}

static enum err parse_block(struct reader *r, str first)
{
    str lines;
    size_t begin = (size_t)(first.ptr - r->file.ptr);
    if (is_word(first, STR("NOTE")))
        return block_rest(r, begin, false, &lines);
    if (!is_word(first, STR("STYLE")) && !is_word(first, STR("REGION")))
        return parse_cue(r, first);
    if (r->vtt->cue_count > 0)
        return bad(r, "a style or region comes after a cue");
    if (r->vtt->block_count == WEBVTT_BLOCKS_MAX)
        return bad(r, "there are too many styles and regions");
    TRY(block_rest(r, begin, false, &lines));
    r->vtt->blocks[r->vtt->block_count++] =
        lines.len > first.len ? lines : str_sub(r->file, begin, first.len);
    return OK;
}

static enum err parse_signature(struct reader *r)
{
    str line;
    if (!next_line(r, &line) || !is_word(line, STR("WEBVTT")))
        return bad(r, "the file does not begin with WEBVTT");
    while (next_line(r, &line) && line.len > 0) {
        if (str_find(line, STR("-->")) >= 0)
            return bad(r, "there is no empty line before the first cue");
    }
    return OK;
}

enum err webvtt_parse(struct arena *arena, str file, struct webvtt *out)
{
    struct webvtt vtt = { 0 };
    struct reader r = { .file = file, .arena = arena, .vtt = &vtt };
    str line;
    if (file.len > WEBVTT_BYTES_MAX)
        return err_set(ERR_INVALID, "webvtt", "WebVTT of %zu bytes, the limit is %d", file.len,
                       WEBVTT_BYTES_MAX);
    if (str_starts(file, STR("\xef\xbb\xbf")))
        r.file = str_skip(file, 3);
    if (!str_is_utf8(file) || (file.len && memchr(file.ptr, 0, file.len)))
        return err_set(ERR_INVALID, "webvtt", "the WebVTT is not UTF-8 text");
    TRY(parse_signature(&r));
    vtt.blocks = arena_try(arena, WEBVTT_BLOCKS_MAX * sizeof(*vtt.blocks));
    if (!vtt.blocks)
        return err_set(ERR_EXHAUSTED, NULL, "the subtitles do not fit the memory of the request");
    while (next_line(&r, &line)) {
        if (line.len > 0)
            TRY(parse_block(&r, line));
    }
    *out = vtt;
    return OK;
}

enum err webvtt_segment_write(const struct webvtt *vtt, uint32_t number, uint32_t segment_ms,
                              struct buf *out)
{
    ASSERT(number > 0 && segment_ms > 0);
    uint64_t begin_ms = (uint64_t)(number - 1) * segment_ms, end_ms = begin_ms + segment_ms;
    buf_put(out, STR("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n"));
    for (uint32_t i = 0; i < vtt->block_count; i++) {
        buf_put_char(out, '\n');
        buf_put(out, vtt->blocks[i]);
        buf_put_char(out, '\n');
    }
    for (uint32_t i = 0; i < vtt->cue_count; i++) {
        const struct webvtt_cue *cue = &vtt->cues[i];
        if (cue->start_ms >= end_ms || cue->end_ms <= begin_ms)
            continue;
        buf_put_char(out, '\n');
        buf_put(out, cue->block);
        buf_put_char(out, '\n');
    }
    if (out->overflowed)
        return err_set(ERR_EXHAUSTED, NULL, "a subtitle segment does not fit %zu bytes",
                       out->size_bytes_max);
    return OK;
}
