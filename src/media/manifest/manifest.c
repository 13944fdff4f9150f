/* manifest: checks of what is offered, and text made safe for the two kinds of playlist. */
#include "manifest.h"

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(str name)
{
    if (name.len == 0 || name.len > MANIFEST_NAME_MAX || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

/* The n-th name of all tracks together. */
static str name_at(const struct manifest *m, size_t n)
{
    if (n < m->video_count)
        return m->videos[n].name;
    n -= m->video_count;
    if (n < m->audio_count)
        return m->audios[n].name;
    return m->texts[n - m->audio_count].name;
}

enum err manifest_check(const struct manifest *m)
{
    if (m->video_count > MANIFEST_TRACKS_MAX || m->audio_count > MANIFEST_TRACKS_MAX ||
        m->text_count > MANIFEST_TRACKS_MAX || m->video_count + m->audio_count == 0)
        return err_set(ERR_INVALID, "manifest", "%zu videos, %zu sounds and %zu subtitles",
                       m->video_count, m->audio_count, m->text_count);
    size_t count = m->video_count + m->audio_count + m->text_count;
    for (size_t i = 0; i < count; i++) {
        if (!is_name(name_at(m, i)))
            return err_set(ERR_INVALID, "manifest", "'%.*s' is no name for a track",
                           STR_ARG(name_at(m, i)));
        for (size_t k = 0; k < i; k++) {
            if (str_eq(name_at(m, k), name_at(m, i)))
                return err_set(ERR_INVALID, "manifest", "two tracks are named '%.*s'",
                               STR_ARG(name_at(m, i)));
        }
    }
    for (size_t i = 0; i < m->video_count; i++) {
        if (m->videos[i].index->kind != MP4_VIDEO)
            return err_set(ERR_INVALID, "manifest", "'%.*s' is no video",
                           STR_ARG(m->videos[i].name));
    }
    for (size_t i = 0; i < m->audio_count; i++) {
        if (m->audios[i].index->kind != MP4_AUDIO)
            return err_set(ERR_INVALID, "manifest", "'%.*s' is no sound",
                           STR_ARG(m->audios[i].name));
    }
    return OK;
}

uint64_t manifest_duration_ms(const struct manifest *m)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < m->video_count; i++) {
        const struct index *index = m->videos[i].index;
        longest = MAX_OF(longest, index_ticks_to_ms(index, index->duration_ticks));
    }
    for (size_t i = 0; i < m->audio_count; i++) {
        const struct index *index = m->audios[i].index;
        longest = MAX_OF(longest, index_ticks_to_ms(index, index->duration_ticks));
    }
    return longest;
}

str manifest_language(str given, const struct index *index)
{
    str language = given.len > 0 || !index ? given : str_of(index->language);
    for (size_t i = 0; i < language.len; i++) {
        if (!is_alphanumeric(language.ptr[i]) && language.ptr[i] != '-')
            return STR_NONE;
    }
    if (language.len >= INDEX_LANGUAGE_MAX || str_eq_nocase(language, STR("und")))
        return STR_NONE;
    return language;
}

/* The next code point, fit for text: no control characters, no noncharacters XML forbids. */
static uint32_t next_printable(str text, size_t *pos)
{
    uint32_t c = str_utf8_next(text, pos);
    if (c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
        return ' ';
    return c == 0xfffe || c == 0xffff ? 0xfffd : c;
}

static void put_code_point(struct buf *out, uint32_t c)
{
    char bytes[4];
    buf_put(out, (str){ bytes, str_utf8_put(bytes, c) });
}

void manifest_put_quoted(struct buf *out, str text)
{
    for (size_t pos = 0; pos < text.len;) {
        uint32_t c = next_printable(text, &pos);
        put_code_point(out, c == '"' ? '\'' : c);
    }
}

void manifest_put_xml(struct buf *out, str text)
{
    for (size_t pos = 0; pos < text.len;) {
        uint32_t c = next_printable(text, &pos);
        if (c == '&')
            buf_put(out, STR("&amp;"));
        else if (c == '<')
            buf_put(out, STR("&lt;"));
        else if (c == '>')
            buf_put(out, STR("&gt;"));
        else if (c == '"')
            buf_put(out, STR("&quot;"));
        else if (c == '\'')
            buf_put(out, STR("&#39;"));
        else
            put_code_point(out, c);
    }
}

enum err manifest_finish(const struct buf *out)
{
    if (out->overflowed)
        return err_set(ERR_EXHAUSTED, NULL, "a playlist does not fit %zu bytes",
                       out->size_bytes_max);
    return OK;
}
