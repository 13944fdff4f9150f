/*
 * ingest_encode: the command line of ffmpeg. All outputs of a
 * run share the sources' time zero, so tracks stay in sync; what begins later or earlier is said by
 * edit lists.
 */
#include "ingest_encode.h"

#include "ingest_internal.h"

#include "engines/blob/blob.h"

#include <inttypes.h>

enum {
    ARGS_MAX = 1024,
    THREADS_MAX = 8,
};

/* --- Space -------------------------------------------------------------------------------------
 */

enum err ingest_encode_space_check(const struct plan *plan, uint64_t sources_bytes)
{
    struct arena *arena = task_arena();
    uint64_t free_bytes, total_bytes;
    uint64_t needed = ingest_plan_size_estimate(plan, sources_bytes);
    TRY(blob_space(ingest.blobs, &free_bytes, &total_bytes));
    if (free_bytes >= needed + ingest.disk_reserve_bytes)
        return OK;
    return INGEST_FAIL(ERR_EXHAUSTED, arena, DISK_LOW,
                       arena_printf(arena, "%" PRIu64, free_bytes >> 20),
                       arena_printf(arena, "%" PRIu64, (needed >> 20) + 1),
                       arena_printf(arena, "%" PRIu64, ingest.disk_reserve_bytes >> 20));
}

/* The formats of the list's own entries are those of any film: each was probed as one. */
const char *const ingest_input[] = { "-protocol_whitelist", "file", "-format_whitelist",
                                     INGEST_PROBE_FORMATS, NULL };
static const char listed_formats[] = "concat," INGEST_PROBE_FORMATS_LIST;
const char *const ingest_input_listed[] = { "-protocol_whitelist",
                                            "file",
                                            "-format_whitelist",
                                            listed_formats,
                                            "-f",
                                            "concat",
                                            "-safe",
                                            "0",
                                            NULL };

/* --- The command line ----------------------------------------------------------------------- */

struct line {
    struct arena *arena;
    const char **argv;
    size_t count;
};

static void put(struct line *line, const char *word)
{
    ASSERT(line->count + 1 < ARGS_MAX);
    line->argv[line->count++] = word;
}

static void put_all(struct line *line, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        put(line, words[i]);
}

static void put_number(struct line *line, const char *option, long long value)
{
    put(line, option);
    put(line, arena_printf(line->arena, "%lld", value).ptr);
}

static void put_input(struct line *line, str path, bool listed)
{
    static const char *const words[] = { "-fflags", "+genpts", NULL };
    put_all(line, listed ? ingest_input_listed : ingest_input);
    put_all(line, words);
    put_number(line, "-threads", THREADS_MAX);
    put(line, "-i");
    put(line, ingest_ffmpeg_name(line->arena, path));
}

/*
 * From BT.2020 and a bright screen to BT.709 and a plain one: to linear light, where 100 cd/m² are
 * the white of a plain screen, the primaries, the highlights bent by Hable's curve, and back. Says
 * what the source is rather than trusting its tags to be whole.
 */
static str tone_map(struct arena *arena, enum plan_hdr hdr)
{
    if (hdr == PLAN_SDR)
        return STR("");
    return arena_printf(arena,
                        ",zscale=tin=%s:pin=bt2020:min=bt2020nc:rin=tv:t=linear:npl=100,"
                        "format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,"
                        "zscale=t=bt709:m=bt709:r=tv",
                        hdr == PLAN_PQ ? "smpte2084" : "arib-std-b67");
}

static void put_filters(struct line *line, const struct plan *plan)
{
    static const char *const plain[] = { "-color_primaries", "bt709", "-color_trc", "bt709",
                                         "-colorspace",      "bt709", NULL };
    bool fast = plan->video.rate_num > PLAN_RATE_MAX * plan->video.rate_den;
    put(line, "-vf");
    put(line, arena_printf(line->arena,
                           "%sscale=w='min(%d,iw)':h='min(%d,ih)':force_original_aspect_ratio="
                           "decrease:force_divisible_by=2%s%.*s,format=yuv420p",
                           plan->video.deinterlace ? "bwdif=mode=send_frame:deint=all," : "",
                           PLAN_WIDTH_MAX, PLAN_HEIGHT_MAX, fast ? ",fps=60" : "",
                           STR_ARG(tone_map(line->arena, plan->video.hdr)))
                  .ptr);
    if (plan->video.hdr != PLAN_SDR)
        put_all(line, plain);
}

/*
 * A closed group of pictures exactly every two seconds, whatever the frame rate. Frames keep the
 * source's own times: rounded to a frame rate they would move against the sound, and films of
 * variable rate would lose or repeat some.
 */
static void put_video(struct line *line, const struct plan *plan, enum plan_action action)
{
    static const char *const copy[] = { "-c:v", "copy", NULL };
    static const char *const copy_hevc[] = { "-c:v", "copy", "-tag:v", "hvc1", NULL };
    static const char *const encode[] = {
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "21",
        "-pix_fmt",
        "yuv420p",
        "-force_key_frames",
        "expr:gte(t,n_forced*2)",
        "-forced-idr",
        "1",
        "-sc_threshold",
        "0",
        "-g",
        "600",
        "-x264-params",
        "open-gop=0:scenecut=0",
        "-fps_mode",
        "vfr",
        "-enc_time_base",
        "-1",
        NULL,
    };
    if (action == PLAN_COPY) {
        put_all(line, plan->video.hevc ? copy_hevc : copy);
        return;
    }
    put_filters(line, plan);
    put_all(line, encode);
    put_number(line, "-threads", THREADS_MAX);
}

static void put_audio(struct line *line, const struct plan_track *track)
{
    static const char *const copy[] = { "-c:a", "copy", NULL };
    static const char *const encode[] = { "-c:a", "aac",   "-b:a", "160k",
                                          "-ar",  "48000", "-af",  "aresample=async=1",
                                          NULL };
    if (track->action == PLAN_COPY) {
        put_all(line, copy);
        return;
    }
    put_all(line, encode);
    put_number(line, "-ac", 2);
}

static void put_output(struct line *line, const struct plan *plan, const struct plan_track *track,
                       str path)
{
    static const char *const form[] = {
        "-map_metadata", "-1", "-map_chapters", "-1", "-strict", "-2", "-movflags",
        "+faststart",    "-f", "mp4",           NULL
    };
    put(line, "-map");
    put(line, arena_printf(line->arena, "%u:%lld", track->source, (long long)track->stream).ptr);
    if (track->kind == PLAN_VIDEO)
        put_video(line, plan, track->action);
    else
        put_audio(line, track);
    put_all(line, form);
    put(line, ingest_ffmpeg_name(line->arena, path));
}

static enum err line_make(const struct encode *encode, const str *out_paths, struct line *line)
{
    static const char *const start[] = { "-nostdin", "-y",        "-v",     "error",
                                         "-nostats", "-progress", "pipe:1", NULL };
    struct arena *arena = task_arena();
    *line = (struct line){ arena, ARENA_ARRAY(arena, ARGS_MAX, const char *), 1 };
    TRY(ingest_ffmpeg_find(arena, "ffmpeg", &line->argv[0]));
    put_all(line, start);
    for (size_t i = 0; i < encode->paths_count; i++)
        put_input(line, encode->paths[i], i == 0 && encode->listed);
    for (size_t i = 0; i < encode->tracks_count; i++)
        put_output(line, encode->plan, encode->tracks[i], out_paths[i]);
    return OK;
}

static bool transcodes_video(const struct encode *encode)
{
    for (size_t i = 0; i < encode->tracks_count; i++)
        if (encode->tracks[i]->kind == PLAN_VIDEO && encode->tracks[i]->action == PLAN_TRANSCODE)
            return true;
    return false;
}

enum err ingest_encode_tracks(const struct encode *encode, str *out_paths)
{
    struct line line;
    for (size_t i = 0; i < encode->tracks_count; i++)
        TRY(blob_scratch(ingest.blobs, STR(".mp4"), &out_paths[i]));
    TRY(line_make(encode, out_paths, &line));
    struct encode_run run = { .argv = line.argv,
                              .path = encode->paths[0],
                              .film_ms = encode->plan->duration_ms,
                              .sources_bytes = encode->sources_bytes,
                              .transcodes = transcodes_video(encode),
                              .on_progress = encode->on_progress,
                              .arg = encode->arg };
    return ingest_encode_run(&run);
}
