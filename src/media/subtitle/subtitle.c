/* subtitle: what a file is, and the writing of the result. Readers: srt.c, ass.c. */
#include "subtitle.h"

#include "internal.h"

#include "media/text/charset.h"

const char *subtitle_format_name(enum subtitle_format format)
{
    static const char *const names[] = { "srt", "ass", "webvtt" };
    ASSERT(format < ARRAY_LEN(names));
    return names[format];
}

/* "{25}{80}text": MicroDVD. */
static bool is_microdvd(str line)
{
    uint64_t frame;
    if (!str_starts(line, STR("{")))
        return false;
    ptrdiff_t end = str_find(line, STR("}{"));
    return end > 1 && str_parse_u64(str_sub(line, 1, (size_t)end - 1), &frame);
}

static enum err format_find(str text, enum subtitle_format *out)
{
    struct lines lines = { .rest = text };
    struct timing timing;
    str line;
    if (str_starts(text, STR("WEBVTT"))) {
        *out = SUBTITLE_WEBVTT;
        return OK;
    }
    while (lines_next(&lines, &line)) {
        line = str_trim(line);
        if (is_microdvd(line))
            return err_set(ERR_INVALID, "subtitle-frames",
                           "MicroDVD subtitles count frames, not time: convert them to SRT");
        if (str_eq_nocase(line, STR("[Script Info]")) || str_eq_nocase(line, STR("[Events]")) ||
            str_eq_nocase(str_sub(line, 0, 9), STR("Dialogue:"))) {
            *out = SUBTITLE_ASS;
            return OK;
        }
        if (timing_parse(line, &timing) != TIMING_NONE) {
            *out = SUBTITLE_SRT;
            return OK;
        }
    }
    return err_set(ERR_INVALID, "subtitle-format-unknown",
                   "the file is neither SRT nor ASS nor WebVTT: it has no line with times");
}

/* Merges the sorted runs [low, middle) and [middle, high) of `from` into `to`. ends: middle and
 * high. */
static void cues_merge(struct subtitle_cue *to, const struct subtitle_cue *from, size_t low,
                       const size_t ends[2])
{
    size_t left = low, right = ends[0];
    for (size_t k = low; k < ends[1]; k++) {
        bool take_left =
            left < ends[0] && (right >= ends[1] || from[left].start_ms <= from[right].start_ms);
        to[k] = take_left ? from[left++] : from[right++];
    }
}

/* A bottom-up merge sort: stable, no recursion, memory from the arena. */
static void cues_sort(struct cue_list *list)
{
    size_t count = list->count;
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = list->cues[i - 1].start_ms <= list->cues[i].start_ms;
    if (sorted)
        return;
    struct subtitle_cue *from = list->cues,
                        *to = ARENA_ARRAY(list->arena, count, struct subtitle_cue);
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width)
            cues_merge(to, from, low,
                       (size_t[2]){ MIN_OF(low + width, count), MIN_OF(low + 2 * width, count) });
        struct subtitle_cue *swap = from;
        from = to;
        to = swap;
    }
    list->cues = from;
}

enum { DOUBLES_LOOKED_AT = 8 };

static bool is_double(const struct subtitle_cue *cues, size_t count, const struct subtitle_cue *cue)
{
    for (size_t i = 0; i < MIN_OF(count, (size_t)DOUBLES_LOOKED_AT); i++) {
        const struct subtitle_cue *other = &cues[count - 1 - i];
        if (other->start_ms != cue->start_ms)
            return false;
        if (other->end_ms == cue->end_ms && str_eq(other->text, cue->text))
            return true;
    }
    return false;
}

static void doubles_merge(struct cue_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_double(list->cues, kept, &list->cues[i]))
            list->merged++;
        else
            list->cues[kept++] = list->cues[i];
    }
    list->count = kept;
}

static void time_write(struct buf *out, int64_t ms)
{
    buf_printf(out, "%02u:%02u:%02u.%03u", (unsigned)(ms / 3600000), (unsigned)(ms / 60000 % 60),
               (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

static enum err webvtt_write(struct cue_list *list, str *out_text)
{
    struct buf out;
    size_t size_bytes = 16;
    for (size_t i = 0; i < list->count; i++)
        size_bytes += 40 + list->cues[i].settings.len + list->cues[i].text.len;
    if (size_bytes > SUBTITLE_WEBVTT_BYTES_MAX)
        return err_set(ERR_TOO_LARGE, "subtitle-too-large", "the subtitles have %zu bytes of text",
                       size_bytes);
    buf_init(&out, list->arena, size_bytes);
    (void)buf_reserve(&out, size_bytes);
    buf_put(&out, STR("WEBVTT\n"));
    for (size_t i = 0; i < list->count; i++) {
        const struct subtitle_cue *cue = &list->cues[i];
        buf_put_char(&out, '\n');
        time_write(&out, cue->start_ms);
        buf_put(&out, STR(" --> "));
        time_write(&out, cue->end_ms);
        if (cue->settings.len)
            buf_put_char(&out, ' ');
        buf_put(&out, cue->settings);
        buf_put_char(&out, '\n');
        buf_put(&out, cue->text);
        buf_put_char(&out, '\n');
    }
    if (out.overflowed)
        return err_set(ERR_EXHAUSTED, NULL, "there is no memory for %zu bytes of subtitles",
                       size_bytes);
    *out_text = buf_str(&out);
    return OK;
}

enum err subtitle_parse(struct arena *arena, str bytes, struct subtitle *out)
{
    static void (*const readers[])(struct cue_list *, str) = {
        [SUBTITLE_SRT] = srt_read,
        [SUBTITLE_ASS] = ass_read,
        [SUBTITLE_WEBVTT] = webvtt_read,
    };
    struct cue_list list = { .arena = arena };
    struct charset_text text;
    struct subtitle subtitle = { 0 };
    if (bytes.len > SUBTITLE_BYTES_MAX)
        return err_set(ERR_TOO_LARGE, "subtitle-too-large",
                       "the subtitle file has %zu bytes, more than %d", bytes.len,
                       SUBTITLE_BYTES_MAX);
    TRY(charset_to_utf8(arena, bytes, STR_NONE, &text));
    TRY(format_find(text.utf8, &subtitle.format));
    readers[subtitle.format](&list, text.utf8);
    if (list.count == 0)
        return err_set(ERR_INVALID, "subtitle-empty", "no cue could be read; %.*s",
                       STR_ARG(list.first_drop_reason.len ? list.first_drop_reason
                                                          : STR("the file has none")));
    cues_sort(&list);
    doubles_merge(&list);
    TRY(webvtt_write(&list, &subtitle.webvtt));
    subtitle.charset = text.charset;
    subtitle.replaced = text.replaced;
    subtitle.cues = list.cues;
    subtitle.cues_kept = list.count;
    subtitle.cues_dropped = list.dropped;
    subtitle.cues_merged = list.merged;
    subtitle.first_drop_reason = list.first_drop_reason;
    for (size_t i = 0; i < list.count; i++)
        subtitle.end_ms = MAX_OF(subtitle.end_ms, list.cues[i].end_ms);
    *out = subtitle;
    return OK;
}

enum err subtitle_join(struct arena *arena, const struct subtitle_part *parts, size_t count,
                       str *out_webvtt)
{
    struct cue_list list = { .arena = arena };
    for (size_t i = 0; i < count; i++)
        list.capacity += parts[i].subtitle->cues_kept;
    if (list.capacity > SUBTITLE_CUES_MAX)
        return err_set(ERR_TOO_LARGE, "subtitle-too-large", "there are too many cues");
    list.cues = ARENA_ARRAY(arena, list.capacity, struct subtitle_cue);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < parts[i].subtitle->cues_kept; j++) {
            struct subtitle_cue cue = parts[i].subtitle->cues[j];
            cue.start_ms += parts[i].shift_ms;
            cue.end_ms += parts[i].shift_ms;
            if (cue.end_ms <= SUBTITLE_TIME_MS_MAX)
                list.cues[list.count++] = cue;
        }
    cues_sort(&list);
    return webvtt_write(&list, out_webvtt);
}
