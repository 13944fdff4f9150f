/*
 * ingest_encode: the command line of ffmpeg, its progress, and what its end means. All outputs of a
 * run share the sources' time zero, so tracks stay in sync; what begins later or earlier is said by
 * edit lists.
 */
#include "ingest_encode.h"

#include "ingest_internal.h"

#include "engines/blob/blob.h"
#include "foundation/child/child.h"

#include <inttypes.h>
#include <stdatomic.h>

enum {
    ARGS_MAX = 1024,
    MEMORY_GIB_MAX = 4,
    READ_BYTES_S = 2 << 20,  /* slower than any disk that works */
    MOVE_BYTES_S = 16 << 20, /* of the silent second pass that puts the index in front */
    TRANSCODE_FACTOR = 60,   /* seconds for a second of film */
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

static void put_input(struct line *line, str path)
{
    static const char *const limits[] = { "-protocol_whitelist",
                                          "file",
                                          "-format_whitelist",
                                          INGEST_PROBE_FORMATS,
                                          "-fflags",
                                          "+genpts",
                                          NULL };
    put_all(line, limits);
    put_number(line, "-threads", THREADS_MAX);
    put(line, "-i");
    put(line, ingest_ffmpeg_name(line->arena, path));
}

static void put_filters(struct line *line, const struct plan *plan)
{
    bool fast = plan->video.rate_num > PLAN_RATE_MAX * plan->video.rate_den;
    put(line, "-vf");
    put(line, arena_printf(line->arena,
                           "%sscale=w='min(%d,iw)':h='min(%d,ih)':force_original_aspect_ratio="
                           "decrease:force_divisible_by=2%s,format=yuv420p",
                           plan->video.deinterlace ? "bwdif=mode=send_frame:deint=all," : "",
                           PLAN_WIDTH_MAX, PLAN_HEIGHT_MAX, fast ? ",fps=60" : "")
                  .ptr);
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
        put_input(line, encode->paths[i]);
    for (size_t i = 0; i < encode->tracks_count; i++)
        put_output(line, encode->plan, encode->tracks[i], out_paths[i]);
    return OK;
}

/* --- Running -------------------------------------------------------------------------------- */

struct running {
    const struct encode *encode;
    struct child_spec spec;
    struct child_result result;
    _Atomic int64_t done_us; /* set on the child's thread */
    bool ended;
};

static void on_line(void *arg, str line)
{
    struct running *running = arg;
    int64_t done_us;
    if (str_starts(line, STR("out_time_us=")) && str_parse_i64(str_skip(line, 12), &done_us) &&
        done_us > 0)
        atomic_store_explicit(&running->done_us, done_us, memory_order_relaxed);
}

static enum err run_ffmpeg(void *arg)
{
    struct running *running = arg;
    enum err result = await_child(ingest.children, &running->spec, &running->result);
    running->ended = true;
    return result;
}

static void report(struct running *running, instant since)
{
    const struct encode *encode = running->encode;
    int64_t done_us = atomic_load_explicit(&running->done_us, memory_order_relaxed);
    int64_t all_us = encode->plan->duration_ms * 1000;
    int64_t remaining_s = -1;
    if (!encode->on_progress || all_us <= 0)
        return;
    double share = MIN_OF((double)done_us / (double)all_us, 1.0);
    if (share > 0.01)
        remaining_s = (int64_t)((double)(clock_mono() - since) / 1e6 * (1 - share) / share);
    encode->on_progress(encode->arg, share, remaining_s);
}

/* The child in a task of its own; this one tells how far it is. */
static enum err run_and_report(struct running *running)
{
    struct task_group group;
    instant since = clock_mono();
    task_group_init(&group, 1);
    TRY(task_group_start(&group, "ffmpeg", run_ffmpeg, running));
    for (span pause = MILLISECONDS(20); !running->ended;
         pause = MIN_OF(2 * pause, MILLISECONDS(200))) {
        if (await_sleep(pause) != OK)
            break; /* cancelled or too late: the group says which, and ends the child */
        report(running, since);
    }
    return task_group_wait(&group);
}

/* What the MP4 muxer says of tracks that decode but cannot be copied as they are. */
static bool is_unfit(str error_tail)
{
    static const char *const words[] = {
        "imestamp", "dts",     "pts has no value", "write header", "codec not currently supported",
        "itstream", "xtradata"
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_find(error_tail, str_of(words[i])) >= 0)
            return true;
    return false;
}

static enum err failed(const struct encode *encode, const struct child_result *result)
{
    struct arena *arena = task_arena();
    str why = ingest_ffmpeg_complaint(result->error_tail, encode->paths[0]);
    if (str_find(result->error_tail, STR("No space left on device")) >= 0)
        return INGEST_FAIL(ERR_EXHAUSTED, arena, DISK_FULL);
    if (result->signal)
        return INGEST_FAIL(ERR_INVALID, arena, CHILD_SIGNAL, STR("ffmpeg"),
                           arena_printf(arena, "%d", result->signal));
    if (is_unfit(result->error_tail))
        return INGEST_FAIL(ERR_INVALID, arena, ENCODE_UNFIT, why);
    return INGEST_FAIL(ERR_INVALID, arena, ENCODE_FAILED, why);
}

static span timeout_of(const struct encode *encode)
{
    int64_t film_s = encode->plan->duration_ms / 1000 + 1;
    int64_t seconds = 600 + (int64_t)(encode->sources_bytes / READ_BYTES_S) + 2 * film_s;
    for (size_t i = 0; i < encode->tracks_count; i++)
        if (encode->tracks[i]->kind == PLAN_VIDEO && encode->tracks[i]->action == PLAN_TRANSCODE)
            seconds += TRANSCODE_FACTOR * film_s;
    return SECONDS(seconds);
}

enum err ingest_encode_tracks(const struct encode *encode, str *out_paths)
{
    struct running *running = ARENA_NEW(task_arena(), struct running);
    struct line line;
    for (size_t i = 0; i < encode->tracks_count; i++)
        TRY(blob_scratch(ingest.blobs, STR(".mp4"), &out_paths[i]));
    TRY(line_make(encode, out_paths, &line));
    running->encode = encode;
    running->spec = (struct child_spec){
        .argv = line.argv,
        .timeout = timeout_of(encode),
        .silence_max = SECONDS(120 + (int64_t)(encode->sources_bytes / MOVE_BYTES_S)),
        .memory_bytes_max = GIB(MEMORY_GIB_MAX),
        .idle_priority = true,
        .on_line = on_line,
        .arg = running,
    };
    enum err result = run_and_report(running);
    if (result == ERR_TIMEOUT) {
        str text = arena_str(task_arena(), str_of(err_slot()->text));
        return err_set(ERR_INVALID, "encode-failed", "%.*s", STR_ARG(text));
    }
    TRY(result);
    return running->result.exit_code == 0 ? OK : failed(encode, &running->result);
}
