/* dash: the MPD, written front to back; order of elements as the schema of ISO/IEC 23009-1 wants
 * it. */
#include "dash.h"

#define NS_ROLE     "urn:mpeg:dash:role:2011"
#define NS_CHANNELS "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
#define NS_TRANSFER "urn:mpeg:mpegB:cicp:TransferCharacteristics"

static void put_u64_attribute(struct buf *out, const char *name, uint64_t value)
{
    buf_put_char(out, ' ');
    buf_put(out, str_of(name));
    buf_put(out, STR("=\""));
    buf_put_u64(out, value);
    buf_put_char(out, '"');
}

static void put_attribute(struct buf *out, const char *name, str value)
{
    buf_put_char(out, ' ');
    buf_put(out, str_of(name));
    buf_put(out, STR("=\""));
    manifest_put_xml(out, value);
    buf_put_char(out, '"');
}

static void put_descriptor(struct buf *out, const char *element, const char *scheme, str value)
{
    buf_put(out, STR("      <"));
    buf_put(out, str_of(element));
    put_attribute(out, "schemeIdUri", str_of(scheme));
    put_attribute(out, "value", value);
    buf_put(out, STR("/>\n"));
}

/* xs:duration in seconds with milliseconds. */
static void put_duration(struct buf *out, const char *name, uint64_t ms)
{
    buf_printf(out, " %s=\"PT%llu.%03uS\"", name, (unsigned long long)(ms / 1000),
               (unsigned)(ms % 1000));
}

static void put_language_and_label(struct buf *out, str language, str label)
{
    if (language.len)
        put_attribute(out, "lang", language);
    buf_put(out, STR(">\n"));
    if (label.len) {
        buf_put(out, STR("      <Label>"));
        manifest_put_xml(out, label);
        buf_put(out, STR("</Label>\n"));
    }
}

/* Equal durations in a row are one S with a repeat count (§5.3.9.6). */
static enum err put_timeline(const struct index *index, struct buf *out)
{
    struct index_segment segment, next;
    TRY(index_segment_get(index, 1, &segment));
    for (uint32_t i = 1; i <= index->segment_count;) {
        uint32_t repeat = 0;
        while (i + repeat < index->segment_count) {
            TRY(index_segment_get(index, i + repeat + 1, &next));
            if (next.duration_ticks != segment.duration_ticks)
                break;
            repeat++;
        }
        buf_put(out, STR("            <S"));
        if (i == 1)
            put_u64_attribute(out, "t", segment.start_ticks);
        put_u64_attribute(out, "d", segment.duration_ticks);
        if (repeat > 0)
            put_u64_attribute(out, "r", repeat);
        buf_put(out, STR("/>\n"));
        i += repeat + 1;
        segment = next;
    }
    return OK;
}

static enum err put_representation(const struct manifest_track *track, struct buf *out)
{
    const struct index *index = track->index;
    buf_put(out, STR("      <Representation"));
    put_attribute(out, "id", track->name);
    put_u64_attribute(out, "bandwidth", index->bandwidth_peak);
    put_attribute(out, "codecs", str_of(index->codecs));
    if (index->kind == MP4_VIDEO) {
        put_u64_attribute(out, "width", index->width);
        put_u64_attribute(out, "height", index->height);
        if (index->rate_num > 0)
            buf_printf(out, " frameRate=\"%u/%u\"", index->rate_num, index->rate_den);
    } else {
        put_u64_attribute(out, "audioSamplingRate", index->sample_rate);
    }
    buf_put(out, STR(">\n        <SegmentTemplate"));
    put_u64_attribute(out, "timescale", index->timescale);
    buf_put(out, STR(" startNumber=\"1\" initialization=\"$RepresentationID$/init.mp4\""
                     " media=\"$RepresentationID$/$Number$.m4s\">\n          <SegmentTimeline>\n"));
    TRY(put_timeline(index, out));
    buf_put(out, STR("          </SegmentTimeline>\n        </SegmentTemplate>\n"
                     "      </Representation>\n"));
    return OK;
}

/* The adaptation set of all videos of one codec and transfer; `first` is the first of them. */
static enum err put_videos(const struct manifest *m, size_t first, struct buf *out)
{
    enum { TRANSFER_PQ = 16, TRANSFER_HLG = 18 };
    const struct index *index = m->videos[first].index;
    buf_put(out, STR("    <AdaptationSet contentType=\"video\" mimeType=\"video/mp4\""
                     " segmentAlignment=\"true\" startWithSAP=\"1\">\n"));
    if (index->transfer == TRANSFER_PQ)
        put_descriptor(out, "SupplementalProperty", NS_TRANSFER, STR("16"));
    if (index->transfer == TRANSFER_HLG)
        put_descriptor(out, "SupplementalProperty", NS_TRANSFER, STR("18"));
    put_descriptor(out, "Role", NS_ROLE, STR("main"));
    for (size_t i = first; i < m->video_count; i++) {
        const struct index *other = m->videos[i].index;
        if (other->codec == index->codec && other->transfer == index->transfer)
            TRY(put_representation(&m->videos[i], out));
    }
    buf_put(out, STR("    </AdaptationSet>\n"));
    return OK;
}

static bool video_seen(const struct manifest *m, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (m->videos[i].index->codec == m->videos[at].index->codec &&
            m->videos[i].index->transfer == m->videos[at].index->transfer)
            return true;
    }
    return false;
}

static enum err put_audio(const struct manifest_track *track, bool is_main, struct buf *out)
{
    char channels[12];
    struct buf digits;
    buf_init_fixed(&digits, channels, sizeof(channels));
    buf_put_u64(&digits, track->index->channels);
    buf_put(out, STR("    <AdaptationSet contentType=\"audio\" mimeType=\"audio/mp4\""
                     " segmentAlignment=\"true\" startWithSAP=\"1\""));
    put_language_and_label(out, manifest_language(track->language, track->index), track->label);
    if (track->index->channels > 0)
        put_descriptor(out, "AudioChannelConfiguration", NS_CHANNELS, buf_str(&digits));
    put_descriptor(out, "Role", NS_ROLE, is_main ? STR("main") : STR("alternate"));
    TRY(put_representation(track, out));
    buf_put(out, STR("    </AdaptationSet>\n"));
    return OK;
}

static void put_text(const struct manifest_text *text, uint64_t duration_ms, struct buf *out)
{
    uint64_t bits = text->size_bytes * 8 * 1000 / MAX_OF(duration_ms, (uint64_t)1000);
    buf_put(out, STR("    <AdaptationSet contentType=\"text\" mimeType=\"text/vtt\""));
    put_language_and_label(out, manifest_language(text->language, NULL), text->label);
    if (text->sdh)
        put_descriptor(out, "Accessibility", NS_ROLE, STR("caption"));
    put_descriptor(out, "Role", NS_ROLE,
                   text->forced ? STR("forced-subtitle")
                   : text->sdh  ? STR("caption")
                                : STR("subtitle"));
    if (text->is_default)
        put_descriptor(out, "Role", NS_ROLE, STR("main"));
    buf_put(out, STR("      <Representation"));
    put_attribute(out, "id", text->name);
    put_u64_attribute(out, "bandwidth", MAX_OF(bits, (uint64_t)1));
    buf_put(out, STR(">\n        <BaseURL>"));
    manifest_put_xml(out, text->name);
    buf_put(out, STR(".vtt</BaseURL>\n      </Representation>\n    </AdaptationSet>\n"));
}

/* The audio that plays unless the viewer chooses: the first marked as default, or the first. */
static size_t main_audio(const struct manifest *m)
{
    for (size_t i = 0; i < m->audio_count; i++) {
        if (m->audios[i].is_default)
            return i;
    }
    return 0;
}

enum err dash_mpd_write(const struct manifest *m, struct buf *out)
{
    TRY(manifest_check(m));
    uint64_t duration_ms = manifest_duration_ms(m);
    buf_put(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\""
                     " profiles=\"urn:mpeg:dash:profile:isoff-live:2011\""));
    put_duration(out, "mediaPresentationDuration", duration_ms);
    buf_put(out, STR(" minBufferTime=\"PT4S\">\n  <Period id=\"1\" start=\"PT0S\">\n"));
    for (size_t i = 0; i < m->video_count; i++) {
        if (!video_seen(m, i))
            TRY(put_videos(m, i, out));
    }
    for (size_t i = 0; i < m->audio_count; i++)
        TRY(put_audio(&m->audios[i], i == main_audio(m), out));
    for (size_t i = 0; i < m->text_count; i++)
        put_text(&m->texts[i], duration_ms, out);
    buf_put(out, STR("  </Period>\n</MPD>\n"));
    return manifest_finish(out);
}
