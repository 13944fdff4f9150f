/*
 * ingest_plan: the tables of what browsers play, and the choice for each track.
 */
#include "ingest_plan.h"

#include "ingest_reason.h"

#include "media/language/language.h"

#include <inttypes.h>
#include <string.h>

struct planner {
    struct arena *arena;
    const struct plan_source *sources;
    size_t sources_count;
    struct plan *plan;
    size_t tracks_max;
    unsigned videos, audios, subtitles;
};

/* --- Names ------------------------------------------------------------------------------------ */

struct name {
    const char *codec, *shown;
};

static const char *codec_shown(str codec)
{
    static const struct name names[] = {
        { "h264", "H.264" },
        { "hevc", "HEVC" },
        { "mpeg1video", "MPEG-1" },
        { "mpeg2video", "MPEG-2" },
        { "mpeg4", "MPEG-4" },
        { "msmpeg4v3", "DivX 3" },
        { "vc1", "VC-1" },
        { "wmv3", "WMV" },
        { "vp8", "VP8" },
        { "theora", "Theora" },
        { "prores", "ProRes" },
        { "ac3", "AC-3" },
        { "eac3", "E-AC-3" },
        { "dts", "DTS" },
        { "truehd", "TrueHD" },
        { "mp3", "MP3" },
        { "mp2", "MP2" },
        { "vorbis", "Vorbis" },
        { "aac", "AAC" },
        { "opus", "Opus" },
        { "flac", "FLAC" },
        { "hdmv_pgs_subtitle", "PGS" },
        { "dvd_subtitle", "VobSub" },
        { "dvb_subtitle", "DVB" },
        { "xsub", "XSUB" },
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(codec, str_of(names[i].codec)))
            return names[i].shown;
    return NULL;
}

static str codec_name(struct arena *arena, str codec)
{
    const char *shown = codec_shown(codec);
    if (shown)
        return str_of(shown);
    if (str_starts(codec, STR("pcm_")))
        return STR("PCM");
    return codec.len ? arena_str(arena, str_sub(codec, 0, 40)) : STR("?");
}

void ingest_plan_note(struct plan *plan, str reason)
{
    if (plan->notes_count < PLAN_NOTES_MAX)
        plan->notes[plan->notes_count++] = reason;
}

static bool is_one_of(str word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (str_eq(word, str_of(words[i])))
            return true;
    return false;
}

/* Cut to PLAN_LABEL_BYTES_MAX between characters; control characters become spaces. */
static str label_clean(struct arena *arena, str text)
{
    char *copy;
    size_t len = 0;
    text = str_trim(text);
    copy = arena_alloc(arena, PLAN_LABEL_BYTES_MAX);
    for (size_t pos = 0; pos < text.len;) {
        char encoded[4];
        uint32_t c = str_utf8_next(text, &pos);
        size_t size = str_utf8_put(encoded, c < 32 || c == 127 ? ' ' : c);
        if (len + size > PLAN_LABEL_BYTES_MAX)
            break;
        memcpy(copy + len, encoded, size);
        len += size;
    }
    return str_trim((str){ copy, len });
}

/* Language and label of a track: the sidecar's name wins over what the file says. */
static void track_names(struct planner *planner, const struct plan_source *source,
                        const struct probe_stream *stream, struct plan_track *track)
{
    static const char *const unknown[] = { "und", "mis", NULL }; /* ISO 639-2: say nothing */
    struct language_tag tag;
    str language = source->language.len ? source->language : stream->language;
    str label = source->label.len ? source->label : stream->title;
    track->language = STR("");
    track->label = label_clean(planner->arena, label);
    if (!is_one_of(language, unknown) && language_tag_parse(language, &tag)) {
        track->language = arena_str(planner->arena, str_of(tag.text));
        if (!track->label.len)
            track->label = language_label(planner->arena, &tag);
    }
    if (stream->commentary && !track->label.len)
        track->label = STR("Commentary");
}

/* "2 (ru)" for notes. */
static str track_shown(struct planner *planner, const struct plan_track *track)
{
    if (track->language.len)
        return arena_printf(planner->arena, "%u (%.*s)", track->number, STR_ARG(track->language));
    return arena_printf(planner->arena, "%u", track->number);
}

/* --- Video -------------------------------------------------------------------------------------
 */

static bool is_interlaced(const struct probe_stream *video)
{
    static const char *const orders[] = { "tt", "bb", "tb", "bt", NULL };
    return video->interlaced || is_one_of(video->field_order, orders);
}

/* "4:2:2, 10 bits" of "yuv422p10le". */
static str pixels_shown(struct arena *arena, str format)
{
    static const struct name samplings[] = {
        { "422", "4:2:2" }, { "444", "4:4:4" },  { "440", "4:4:0" }, { "411", "4:1:1" },
        { "410", "4:1:0" }, { "gray", "4:0:0" }, { "rgb", "RGB" },   { "gbr", "RGB" },
    };
    const char *deep = str_find(format, STR("12")) >= 0   ? "12"
                       : str_find(format, STR("10")) >= 0 ? "10"
                                                          : "8";
    for (size_t i = 0; i < ARRAY_LEN(samplings); i++)
        if (str_find(format, str_of(samplings[i].codec)) >= 0)
            return INGEST_REASON(arena, SAMPLING, str_of(samplings[i].shown), str_of(deep));
    if (!format.len)
        return INGEST_REASON(arena, PIXELS_UNKNOWN);
    return INGEST_REASON(arena, PIXELS, str_sub(format, 0, 40));
}

/* Why a video cannot be copied; empty when it can. */
static str video_objection(struct arena *arena, const struct probe_stream *video)
{
    static const char *const codecs[] = { "h264", "hevc", "av1", "vp9", NULL };
    static const char *const plain[] = { "yuv420p", "yuvj420p", NULL };
    static const char *const deep[] = { "yuv420p", "yuvj420p", "yuv420p10le", NULL };
    bool h264 = str_eq(video->codec, STR("h264"));
    if (!is_one_of(video->codec, codecs))
        return INGEST_REASON(arena, CODEC, codec_name(arena, video->codec));
    if (h264 && str_eq(video->pixel_format, STR("yuv420p10le")))
        return INGEST_REASON(arena, HI10P);
    if (!is_one_of(video->pixel_format, h264 ? plain : deep))
        return pixels_shown(arena, video->pixel_format);
    if (is_interlaced(video))
        return INGEST_REASON(arena, INTERLACED);
    if (video->size_varies)
        return INGEST_REASON(arena, RESOLUTION_VARIES);
    return STR("");
}

static struct plan_track *track_add(struct planner *planner, enum plan_kind kind)
{
    unsigned *counts[] = { &planner->videos, &planner->audios, &planner->subtitles };
    ASSERT(planner->plan->tracks_count < planner->tracks_max);
    struct plan_track *track = &planner->plan->tracks[planner->plan->tracks_count++];
    *track = (struct plan_track){ .kind = kind, .number = ++*counts[kind] };
    return track;
}

static const struct probe_stream *video_choose(const struct probe *probe)
{
    const struct probe_stream *best = NULL;
    for (size_t i = 0; i < probe->streams_count; i++) {
        const struct probe_stream *stream = &probe->streams[i];
        if (stream->kind != PROBE_VIDEO || stream->attached_picture || stream->width <= 0 ||
            stream->height <= 0)
            continue;
        if (!best || (stream->is_default && !best->is_default))
            best = stream;
    }
    return best;
}

static enum plan_hdr hdr_of(const struct probe_stream *video)
{
    if (str_eq(video->transfer, STR("smpte2084")))
        return PLAN_PQ;
    return str_eq(video->transfer, STR("arib-std-b67")) ? PLAN_HLG : PLAN_SDR;
}

static enum err plan_video(struct planner *planner, str transcode)
{
    const struct probe *probe = planner->sources[0].probe;
    const struct probe_stream *video = video_choose(probe);
    struct plan *plan = planner->plan;
    if (!video)
        return INGEST_FAIL(ERR_INVALID, planner->arena, NO_VIDEO);
    str objection = video_objection(planner->arena, video);
    if (!objection.len)
        objection = transcode;
    struct plan_track *track = track_add(planner, PLAN_VIDEO);
    track->stream = video->index;
    track->action = objection.len ? PLAN_TRANSCODE : PLAN_COPY;
    track->is_default = true;
    track->language = track->label = STR("");
    if (objection.len)
        ingest_plan_note(plan, INGEST_REASON(planner->arena, VIDEO_TRANSCODED, objection));
    plan->video.hdr = hdr_of(video);
    if (objection.len && plan->video.hdr != PLAN_SDR)
        ingest_plan_note(
            plan, INGEST_REASON(planner->arena, HDR_MAPPED,
                                plan->video.hdr == PLAN_PQ ? STR("HDR (PQ)") : STR("HDR (HLG)")));
    plan->video.deinterlace = is_interlaced(video);
    plan->video.hevc = str_eq(video->codec, STR("hevc"));
    plan->video.width = video->width;
    plan->video.height = video->height;
    plan->video.rate_num = video->rate_num;
    plan->video.rate_den = video->rate_den;
    plan->duration_ms = video->duration_ms ? video->duration_ms : probe->duration_ms;
    plan->length_stated = plan->duration_ms > 0 && !str_starts(probe->format, STR("mpeg"));
    plan->video_stated = plan->length_stated && video->duration_ms > 0;
    return OK;
}

/* --- Audio --------------------------------------------------------------------------------------
 */

static bool audio_plays(const struct probe_stream *audio)
{
    static const char *const profiles[] = { "LC", "HE-AAC", "HE-AACv2", "", NULL };
    if (str_eq(audio->codec, STR("aac")))
        return is_one_of(audio->profile, profiles);
    return str_eq(audio->codec, STR("opus")) || str_eq(audio->codec, STR("flac"));
}

static void audio_add(struct planner *planner, unsigned source, const struct probe_stream *audio,
                      enum plan_action action)
{
    struct plan_track *track = track_add(planner, PLAN_AUDIO);
    track_names(planner, &planner->sources[source], audio, track);
    track->source = source;
    track->stream = audio->index;
    track->action = action;
    track->channels =
        action == PLAN_TRANSCODE ? MIN_OF(audio->channels, (int64_t)2) : audio->channels;
    track->sdh = audio->sdh;
}

static void plan_audio(struct planner *planner, unsigned source, const struct probe_stream *audio)
{
    struct plan *plan = planner->plan;
    struct arena *arena = planner->arena;
    bool plays = audio_plays(audio), wide = plays && audio->channels > 2;
    if (planner->audios + (wide ? 2u : 1u) > PLAN_AUDIO_MAX) {
        ingest_plan_note(
            plan, INGEST_REASON(arena, AUDIO_OVER, arena_printf(arena, "%d", PLAN_AUDIO_MAX)));
        planner->audios = PLAN_AUDIO_MAX;
        return;
    }
    audio_add(planner, source, audio, plays && !wide ? PLAN_COPY : PLAN_TRANSCODE);
    str shown = track_shown(planner, &plan->tracks[plan->tracks_count - 1]);
    str codec = codec_name(planner->arena, audio->codec);
    if (!plays)
        ingest_plan_note(plan, INGEST_REASON(arena, AUDIO_TRANSCODED, shown, codec));
    if (!wide)
        return;
    ingest_plan_note(plan, INGEST_REASON(arena, AUDIO_STEREO, shown, codec,
                                         arena_printf(arena, "%" PRId64, audio->channels)));
    audio_add(planner, source, audio, PLAN_COPY);
    struct plan_track *kept = &plan->tracks[plan->tracks_count - 1];
    str suffix = arena_printf(planner->arena, " (%" PRId64 " ch)", audio->channels);
    kept->label = arena_printf(planner->arena, "%.*s%.*s", STR_ARG(kept->label), STR_ARG(suffix));
    kept->label = str_trim(kept->label);
}

static const struct probe_stream *stream_of(const struct planner *planner,
                                            const struct plan_track *track)
{
    const struct probe *probe = planner->sources[track->source].probe;
    for (size_t i = 0; i < probe->streams_count; i++)
        if (probe->streams[i].index == track->stream)
            return &probe->streams[i];
    return NULL;
}

/* Default is what the file says, else the first that is no commentary, else the first. */
static void audio_default(struct planner *planner)
{
    struct plan_track *chosen = NULL, *plain = NULL, *first = NULL;
    for (size_t i = 0; i < planner->plan->tracks_count; i++) {
        struct plan_track *track = &planner->plan->tracks[i];
        if (track->kind != PLAN_AUDIO)
            continue;
        const struct probe_stream *stream = stream_of(planner, track);
        first = first ? first : track;
        if (!plain && !stream->commentary)
            plain = track;
        if (!chosen && stream->is_default && track->source == 0 && !stream->commentary)
            chosen = track;
    }
    chosen = chosen ? chosen : plain ? plain : first;
    if (chosen)
        chosen->is_default = true;
}

/* --- Subtitles ------------------------------------------------------------------------------ */

static void plan_subtitle(struct planner *planner, const struct probe_stream *subtitle)
{
    static const char *const texts[] = { "subrip", "srt", "webvtt", "mov_text", "text", NULL };
    static const char *const styled[] = { "ass", "ssa", NULL };
    static const char *const pictures[] = { "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle",
                                            "xsub", NULL };
    struct plan *plan = planner->plan;
    bool ass = is_one_of(subtitle->codec, styled);
    str codec = codec_name(planner->arena, subtitle->codec);
    struct plan_track track = { .kind = PLAN_SUBTITLE, .number = planner->subtitles + 1 };
    track_names(planner, &planner->sources[0], subtitle, &track);
    if (is_one_of(subtitle->codec, pictures)) {
        str language = track.language.len ? track.language : STR("?");
        ingest_plan_note(plan, INGEST_REASON(planner->arena, SUBTITLE_PICTURES, codec, language));
        if (!plan->unavailable)
            plan->unavailable =
                ARENA_ARRAY(planner->arena, PLAN_SUBTITLES_MAX, struct plan_unavailable);
        if (plan->unavailable_count < PLAN_SUBTITLES_MAX)
            plan->unavailable[plan->unavailable_count++] =
                (struct plan_unavailable){ track.language, track.label, codec, subtitle->forced };
        return;
    }
    if (!ass && !is_one_of(subtitle->codec, texts)) {
        ingest_plan_note(plan, INGEST_REASON(planner->arena, SUBTITLE_KIND, codec));
        return;
    }
    if (planner->subtitles == PLAN_SUBTITLES_MAX) {
        ingest_plan_note(plan,
                         INGEST_REASON(planner->arena, SUBTITLES_OVER,
                                       arena_printf(planner->arena, "%d", PLAN_SUBTITLES_MAX),
                                       arena_printf(planner->arena, "%" PRId64, subtitle->index)));
        return;
    }
    track.action = PLAN_EXTRACT;
    track.stream = subtitle->index;
    track.forced = subtitle->forced;
    track.sdh = subtitle->sdh;
    track.ass = ass;
    for (size_t i = 0; i < plan->tracks_count; i++)
        if (plan->tracks[i].kind == PLAN_SUBTITLE && plan->tracks[i].is_default)
            subtitle = NULL; /* one default is enough */
    track.is_default = subtitle && subtitle->is_default;
    *track_add(planner, PLAN_SUBTITLE) = track;
}

/* --- The plan ------------------------------------------------------------------------------- */

enum err ingest_plan_make(struct arena *arena, const struct plan_source *sources,
                          size_t sources_count, str transcode, struct plan *out_plan)
{
    struct planner planner = { .arena = arena,
                               .sources = sources,
                               .sources_count = MIN_OF(sources_count, (size_t)PLAN_SOURCES_MAX),
                               .plan = ARENA_NEW(arena, struct plan),
                               .tracks_max = 1 + PLAN_AUDIO_MAX + PLAN_SUBTITLES_MAX };
    planner.plan->tracks = ARENA_ARRAY(arena, planner.tracks_max, struct plan_track);
    TRY(plan_video(&planner, transcode));
    for (unsigned i = 0; i < planner.sources_count; i++) {
        const struct probe *probe = sources[i].probe;
        for (size_t s = 0; s < probe->streams_count && planner.audios < PLAN_AUDIO_MAX; s++)
            if (probe->streams[s].kind == PROBE_AUDIO)
                plan_audio(&planner, i, &probe->streams[s]);
    }
    audio_default(&planner);
    for (size_t s = 0; s < sources[0].probe->streams_count; s++)
        if (sources[0].probe->streams[s].kind == PROBE_SUBTITLE)
            plan_subtitle(&planner, &sources[0].probe->streams[s]);
    *out_plan = *planner.plan;
    return OK;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    char bytes[16];
    memcpy(bytes, &hash, sizeof(hash));
    memcpy(bytes + sizeof(hash), &value, sizeof(value));
    return str_hash((str){ bytes, sizeof(bytes) });
}

uint64_t ingest_plan_signature(const struct plan *plan)
{
    uint64_t hash = mix((uint64_t)plan->video.hdr, (uint64_t)plan->video.deinterlace);
    for (size_t i = 0; i < plan->tracks_count; i++) {
        const struct plan_track *track = &plan->tracks[i];
        if (track->kind == PLAN_SUBTITLE)
            continue;
        hash = mix(hash, (uint64_t)track->kind << 16 | (uint64_t)track->action);
        hash = mix(hash, (uint64_t)track->source << 32 | (uint64_t)track->stream);
    }
    return hash;
}

/* A tenth of a bit a pixel is what crf 21 takes at the most over a film; two tenths are safe. */
uint64_t ingest_plan_size_estimate(const struct plan *plan, uint64_t sources_bytes)
{
    uint64_t seconds = (uint64_t)plan->duration_ms / 1000 + 1, bytes = 0;
    bool copies = false;
    for (size_t i = 0; i < plan->tracks_count; i++) {
        const struct plan_track *track = &plan->tracks[i];
        if (track->action == PLAN_COPY)
            copies = true;
        else if (track->kind == PLAN_AUDIO)
            bytes += seconds * 20000;
        else if (track->kind == PLAN_VIDEO) {
            uint64_t pixels = (uint64_t)MIN_OF(plan->video.width, (int64_t)PLAN_WIDTH_MAX) *
                              (uint64_t)MIN_OF(plan->video.height, (int64_t)PLAN_HEIGHT_MAX);
            uint64_t rate = 30;
            if (plan->video.rate_num > 0)
                rate = (uint64_t)(plan->video.rate_num / plan->video.rate_den) + 1;
            bytes += seconds * pixels * MIN_OF(rate, (uint64_t)PLAN_RATE_MAX) / 40;
        }
    }
    return bytes + (copies ? sources_bytes : 0) + MIB(4);
}
