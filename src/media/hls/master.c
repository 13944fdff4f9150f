/*
 * master: the multivariant playlist. Groups of audio are by codec, because a player chooses a
 * variant by its CODECS and must find every rendition of the variant's group playable.
 */
#include "hls.h"

#include <string.h>

static const char *const group_names[] = { [MP4_AAC] = "aac",
                                           [MP4_OPUS] = "opus",
                                           [MP4_FLAC] = "flac",
                                           [MP4_AC3] = "ac3",
                                           [MP4_EAC3] = "ec3" };

static void put_attribute(struct buf *out, const char *name, str value)
{
    buf_put(out, str_of(name));
    buf_put(out, STR("=\""));
    manifest_put_quoted(out, value);
    buf_put_char(out, '"');
}

/* A rendition's name for people, unique in its group: "English", and "English (2)" for the next. */
static void put_name(struct buf *out, str label, str language, const char *fallback, unsigned twin)
{
    buf_put(out, STR(",NAME=\""));
    manifest_put_quoted(out, label.len ? label : language.len ? language : str_of(fallback));
    if (twin > 1) {
        buf_put(out, STR(" ("));
        buf_put_u64(out, twin);
        buf_put_char(out, ')');
    }
    buf_put_char(out, '"');
}

static void put_flags(struct buf *out, bool is_default)
{
    buf_put(out,
            is_default ? STR(",DEFAULT=YES,AUTOSELECT=YES") : STR(",DEFAULT=NO,AUTOSELECT=YES"));
}

static void put_playlist_uri(struct buf *out, str track)
{
    buf_put(out, STR(",URI=\""));
    buf_put(out, track);
    buf_put(out, STR("/index.m3u8\"\n"));
}

static bool same_name(str label_a, str language_a, str label_b, str language_b)
{
    return str_eq(label_a.len ? label_a : language_a, label_b.len ? label_b : language_b);
}

/* The default of a group: the first one marked, or else its first. */
static size_t group_default(const struct manifest *m, enum mp4_codec codec)
{
    size_t first = m->audio_count;
    for (size_t i = 0; i < m->audio_count; i++) {
        if (m->audios[i].index->codec != codec)
            continue;
        if (m->audios[i].is_default)
            return i;
        first = MIN_OF(first, i);
    }
    return first;
}

static void put_audio(const struct manifest *m, size_t at, struct buf *out)
{
    const struct manifest_track *track = &m->audios[at];
    enum mp4_codec codec = track->index->codec;
    str language = manifest_language(track->language, track->index);
    unsigned twin = 1;
    for (size_t i = 0; i < at; i++) {
        const struct manifest_track *other = &m->audios[i];
        twin += other->index->codec == codec &&
                same_name(other->label, manifest_language(other->language, other->index),
                          track->label, language);
    }
    buf_put(out, STR("#EXT-X-MEDIA:TYPE=AUDIO,"));
    put_attribute(out, "GROUP-ID", str_of(group_names[codec]));
    put_name(out, track->label, language, "Audio", twin);
    if (language.len)
        put_attribute(out, ",LANGUAGE", language);
    put_flags(out, group_default(m, codec) == at);
    if (track->index->channels > 0) {
        buf_put(out, STR(",CHANNELS=\""));
        buf_put_u64(out, track->index->channels);
        buf_put_char(out, '"');
    }
    put_playlist_uri(out, track->name);
}

static void put_text(const struct manifest *m, size_t at, struct buf *out)
{
    const struct manifest_text *text = &m->texts[at];
    str language = manifest_language(text->language, NULL);
    unsigned twin = 1;
    bool is_default = text->is_default;
    for (size_t i = 0; i < at; i++) {
        const struct manifest_text *other = &m->texts[i];
        is_default &= !other->is_default;
        twin += same_name(other->label, manifest_language(other->language, NULL), text->label,
                          language);
    }
    buf_put(out, STR("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\""));
    put_name(out, text->label, language, "Subtitles", twin);
    if (language.len)
        put_attribute(out, ",LANGUAGE", language);
    put_flags(out, is_default);
    buf_put(out, text->forced ? STR(",FORCED=YES") : STR(",FORCED=NO"));
    if (text->sdh)
        buf_put(out, STR(",CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,"
                         "public.accessibility.describes-music-and-sound\""));
    put_playlist_uri(out, text->name);
}

/* What a variant's audio adds to it: the highest rates and all codecs of the group. */
static void add_group(const struct manifest *m, enum mp4_codec codec, uint64_t *peak,
                      uint64_t *average)
{
    uint64_t peak_max = 0, average_max = 0;
    for (size_t i = 0; i < m->audio_count; i++) {
        const struct index *index = m->audios[i].index;
        if (index->codec != codec)
            continue;
        peak_max = MAX_OF(peak_max, (uint64_t)index->bandwidth_peak);
        average_max = MAX_OF(average_max, (uint64_t)index->bandwidth_average);
    }
    *peak += peak_max;
    *average += average_max;
}

static void put_group_codecs(const struct manifest *m, enum mp4_codec codec, struct buf *out)
{
    for (size_t i = 0; i < m->audio_count; i++) {
        const struct index *index = m->audios[i].index;
        bool seen = index->codec != codec;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(m->audios[k].index->codecs, index->codecs) == 0;
        if (seen)
            continue;
        buf_put_char(out, ',');
        buf_put(out, str_of(index->codecs));
    }
}

/* Thousandths, rounded: "23.976". */
static void put_frame_rate(const struct index *index, struct buf *out)
{
    uint64_t rate = ((uint64_t)index->rate_num * 1000 + index->rate_den / 2) / index->rate_den;
    if (rate == 0)
        return;
    buf_put(out, STR(",FRAME-RATE="));
    buf_put_u64(out, rate / 1000);
    buf_put_char(out, '.');
    buf_put_char(out, (char)('0' + rate / 100 % 10));
    buf_put_char(out, (char)('0' + rate / 10 % 10));
    buf_put_char(out, (char)('0' + rate % 10));
}

static void put_picture(const struct index *index, struct buf *out)
{
    enum { TRANSFER_PQ = 16, TRANSFER_HLG = 18 };
    if (index->width > 0 && index->height > 0) {
        buf_put(out, STR(",RESOLUTION="));
        buf_put_u64(out, index->width);
        buf_put_char(out, 'x');
        buf_put_u64(out, index->height);
    }
    put_frame_rate(index, out);
    if (index->transfer == TRANSFER_PQ)
        buf_put(out, STR(",VIDEO-RANGE=PQ"));
    else if (index->transfer == TRANSFER_HLG)
        buf_put(out, STR(",VIDEO-RANGE=HLG"));
}

/* One variant: a track with a group of audio (0: none). */
static void put_variant(const struct manifest *m, const struct manifest_track *track,
                        enum mp4_codec group, struct buf *out)
{
    uint64_t peak = track->index->bandwidth_peak, average = track->index->bandwidth_average;
    if (group)
        add_group(m, group, &peak, &average);
    buf_put(out, STR("#EXT-X-STREAM-INF:BANDWIDTH="));
    buf_put_u64(out, peak);
    buf_put(out, STR(",AVERAGE-BANDWIDTH="));
    buf_put_u64(out, average);
    buf_put(out, STR(",CODECS=\""));
    buf_put(out, str_of(track->index->codecs));
    if (group)
        put_group_codecs(m, group, out);
    buf_put_char(out, '"');
    if (track->index->kind == MP4_VIDEO)
        put_picture(track->index, out);
    if (group)
        put_attribute(out, ",AUDIO", str_of(group_names[group]));
    if (m->text_count > 0)
        buf_put(out, STR(",SUBTITLES=\"subs\""));
    buf_put(out, STR(",CLOSED-CAPTIONS=NONE\n"));
    buf_put(out, track->name);
    buf_put(out, STR("/index.m3u8\n"));
}

/* Whether an earlier track has this one's codec: its group is then already there. */
static bool group_seen(const struct manifest *m, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (m->audios[i].index->codec == m->audios[at].index->codec)
            return true;
    }
    return false;
}

static void put_variants(const struct manifest *m, struct buf *out)
{
    for (size_t i = 0; i < m->audio_count && m->video_count > 0; i++) {
        if (group_seen(m, i))
            continue;
        for (size_t v = 0; v < m->video_count; v++)
            put_variant(m, &m->videos[v], m->audios[i].index->codec, out);
    }
    for (size_t v = 0; v < m->video_count && m->audio_count == 0; v++)
        put_variant(m, &m->videos[v], 0, out);
    for (size_t i = 0; i < m->audio_count && m->video_count == 0; i++)
        put_variant(m, &m->audios[i], 0, out);
}

enum err hls_master_write(const struct manifest *manifest, struct buf *out)
{
    TRY(manifest_check(manifest));
    buf_put(out, STR("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
    for (size_t i = 0; i < manifest->audio_count && manifest->video_count > 0; i++)
        put_audio(manifest, i, out);
    for (size_t i = 0; i < manifest->text_count; i++)
        put_text(manifest, i, out);
    put_variants(manifest, out);
    return manifest_finish(out);
}
