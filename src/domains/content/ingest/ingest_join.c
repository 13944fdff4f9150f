/*
 * ingest_join: what makes parts alike, the list ffmpeg's concat demuxer reads, and the one filter
 * graph that makes a film of parts that are not alike. In the graph a part ends with the longer of
 * its picture and its sound, so that the next one begins for both at the same time.
 */
#include "ingest_join.h"

#include "ingest_encode.h"
#include "ingest_file.h"
#include "ingest_plan.h"

#include "engines/blob/blob.h"
#include "engines/flow/jobs.h"
#include "foundation/task/pool.h"
#include "foundation/task/task.h"

#include <inttypes.h>

enum { ARGS_MAX = 256, GRAPH_BYTES_MAX = 32 << 10, LIST_BYTES_MAX = 64 << 10 };

/* --- Alike? ----------------------------------------------------------------------------------- */

static const char *stream_difference(const struct probe_stream *a, const struct probe_stream *b)
{
    if (a->kind != b->kind || !str_eq(a->codec, b->codec) || !str_eq(a->profile, b->profile))
        return "codec";
    if (a->width != b->width || a->height != b->height)
        return "size";
    if (!str_eq(a->pixel_format, b->pixel_format) || !str_eq(a->field_order, b->field_order) ||
        a->interlaced != b->interlaced)
        return "pixels";
    if (a->channels != b->channels || a->sample_rate != b->sample_rate)
        return "sound";
    return str_eq(a->setup, b->setup) ? NULL : "parameters";
}

str ingest_join_difference(const struct join *join)
{
    const struct probe *first = &join->probes[0];
    for (size_t i = 1; i < join->count; i++) {
        const struct probe *part = &join->probes[i];
        if (part->streams_count != first->streams_count)
            return STR("tracks");
        for (size_t s = 0; s < first->streams_count; s++) {
            const char *what = stream_difference(&first->streams[s], &part->streams[s]);
            if (what)
                return str_of(what);
        }
    }
    return STR("");
}

/* --- Listed ----------------------------------------------------------------------------------- */

struct list_call {
    str path, content;
};

static enum err list_blocking(void *arg)
{
    const struct list_call *call = arg;
    return ingest_file_write(call->path, call->content, "the list of parts");
}

/* A quote within quotes ends them, stands alone behind a backslash, and begins them again. */
enum err ingest_join_list(const struct join *join, str *out_path)
{
    struct buf list;
    buf_init(&list, task_arena(), LIST_BYTES_MAX);
    buf_put(&list, STR("ffconcat version 1.0\n"));
    for (size_t i = 0; i < join->count; i++) {
        str path = join->paths[i];
        if (str_find_char(path, '\n') >= 0 || str_find_char(path, '\r') >= 0)
            return INGEST_FAIL(ERR_INVALID, task_arena(), PART_FAILED,
                               arena_printf(task_arena(), "%zu", i + 1),
                               INGEST_REASON(task_arena(), PART_NAME));
        buf_put(&list, STR("file 'file:"));
        for (size_t at = 0; at < path.len; at++)
            buf_put(&list, path.ptr[at] == '\'' ? STR("'\\''") : str_sub(path, at, 1));
        buf_put(&list, STR("'\n"));
    }
    TRY(blob_scratch(ingest.blobs, STR(".ffconcat"), out_path));
    struct list_call call = { *out_path, buf_str(&list) };
    return await_blocking(ingest.files, list_blocking, &call);
}

/* --- Made ------------------------------------------------------------------------------------- */

static const struct probe_stream *video_of(const struct probe *probe)
{
    for (size_t i = 0; i < probe->streams_count; i++)
        if (probe->streams[i].kind == PROBE_VIDEO && !probe->streams[i].attached_picture)
            return &probe->streams[i];
    return NULL;
}

static const struct probe_stream *audio_of(const struct probe *probe, size_t number)
{
    for (size_t i = 0; i < probe->streams_count; i++)
        if (probe->streams[i].kind == PROBE_AUDIO && number-- == 0)
            return &probe->streams[i];
    return NULL;
}

/* How many sound tracks all parts have, and how many one of them has at most. */
static void audios_count(const struct join *join, size_t *out_common, size_t *out_most)
{
    *out_common = PLAN_AUDIO_MAX;
    *out_most = 0;
    for (size_t i = 0; i < join->count; i++) {
        size_t count = 0;
        while (audio_of(&join->probes[i], count))
            count++;
        *out_common = MIN_OF(*out_common, count);
        *out_most = MAX_OF(*out_most, count);
    }
}

static enum err graph_part(const struct join *join, size_t i, size_t audios, struct buf *graph)
{
    const struct probe_stream *video = video_of(&join->probes[i]), *first = video_of(join->probes);
    if (!video || !first)
        return INGEST_FAIL(ERR_INVALID, task_arena(), PART_FAILED,
                           arena_printf(task_arena(), "%zu", video ? 1 : i + 1),
                           INGEST_REASON(task_arena(), NO_VIDEO));
    int64_t width = MIN_OF(first->width, (int64_t)PLAN_WIDTH_MAX) / 2 * 2;
    int64_t height = MIN_OF(first->height, (int64_t)PLAN_HEIGHT_MAX) / 2 * 2;
    buf_printf(graph,
               "[%zu:%" PRId64 "]%sscale=%" PRId64 ":%" PRId64
               ":force_original_aspect_ratio=decrease,pad=%" PRId64 ":%" PRId64
               ":(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p[v%zu];",
               i, video->index, video->interlaced ? "bwdif=mode=send_frame:deint=all," : "", width,
               height, width, height, i);
    for (size_t a = 0; a < audios; a++)
        buf_printf(graph,
                   "[%zu:%" PRId64 "]aresample=48000:async=1,aformat=sample_fmts=fltp:"
                   "channel_layouts=stereo[a%zu_%zu];",
                   i, audio_of(&join->probes[i], a)->index, i, a);
    return OK;
}

static enum err graph_make(const struct join *join, size_t audios, str *out_graph)
{
    struct buf graph;
    buf_init(&graph, task_arena(), GRAPH_BYTES_MAX);
    for (size_t i = 0; i < join->count; i++)
        TRY(graph_part(join, i, audios, &graph));
    for (size_t i = 0; i < join->count; i++) {
        buf_printf(&graph, "[v%zu]", i);
        for (size_t a = 0; a < audios; a++)
            buf_printf(&graph, "[a%zu_%zu]", i, a);
    }
    buf_printf(&graph, "concat=n=%zu:v=1:a=%zu[v]", join->count, audios);
    for (size_t a = 0; a < audios; a++)
        buf_printf(&graph, "[a%zu]", a);
    ASSERT(!graph.overflowed);
    *out_graph = buf_str(&graph);
    return OK;
}

static size_t put_words(const char **argv, size_t count, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        argv[count++] = words[i];
    return count;
}

static size_t put_sounds(const struct join *join, size_t audios, const char **argv, size_t count)
{
    struct arena *arena = task_arena();
    for (size_t a = 0; a < audios; a++) {
        str language = audio_of(join->probes, a)->language;
        argv[count++] = "-map";
        argv[count++] = arena_printf(arena, "[a%zu]", a).ptr;
        if (!language.len)
            continue;
        argv[count++] = arena_printf(arena, "-metadata:s:a:%zu", a).ptr;
        argv[count++] = arena_printf(arena, "language=%.*s", STR_ARG(language)).ptr;
    }
    return count;
}

static void on_progress(void *arg, double share, int64_t remaining_s)
{
    struct arena_mark mark = arena_mark(task_arena());
    str seconds = arena_printf(task_arena(), "%" PRId64, remaining_s);
    str text = remaining_s < 0 ? INGEST_REASON(task_arena(), TRANSCODING)
                               : INGEST_REASON(task_arena(), TRANSCODING_LEFT, seconds);
    job_progress(arg, share / 2, "%.*s", STR_ARG(text));
    arena_rewind(task_arena(), mark);
}

enum err ingest_join_make(struct join *join, struct job_run *run, str *out_path)
{
    static const char *const start[] = { "-nostdin", "-y",        "-v",     "error",
                                         "-nostats", "-progress", "pipe:1", NULL };
    static const char *const form[] = { "-c:v",
                                        "libx264",
                                        "-preset",
                                        "veryfast",
                                        "-crf",
                                        "21",
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
                                        "-c:a",
                                        "aac",
                                        "-b:a",
                                        "160k",
                                        "-f",
                                        "mp4",
                                        NULL };
    struct arena *arena = task_arena();
    const char **argv = ARENA_ARRAY(arena, ARGS_MAX, const char *);
    size_t audios, most, count = 1;
    int64_t film_ms = 0;
    str graph;
    audios_count(join, &audios, &most);
    if (audios < most)
        join->notes[join->notes_count++] =
            INGEST_REASON(arena, PARTS_UNSOUND, arena_printf(arena, "%zu", audios));
    TRY(blob_scratch(ingest.blobs, STR(".mp4"), out_path));
    TRY(ingest_ffmpeg_find(arena, "ffmpeg", &argv[0]));
    TRY(graph_make(join, audios, &graph));
    count = put_words(argv, count, start);
    for (size_t i = 0; i < join->count; i++) {
        count = put_words(argv, count, ingest_input);
        argv[count++] = "-i";
        argv[count++] = ingest_ffmpeg_name(arena, join->paths[i]);
        film_ms += join->probes[i].duration_ms;
    }
    count = put_words(argv, count,
                      (const char *const[]){ "-filter_complex", graph.ptr, "-map", "[v]", NULL });
    count = put_sounds(join, audios, argv, count);
    count = put_words(argv, count, form);
    argv[count++] = ingest_ffmpeg_name(arena, *out_path);
    ASSERT(count < ARGS_MAX);
    struct encode_run encode = { .argv = argv,
                                 .path = join->paths[0],
                                 .film_ms = film_ms,
                                 .sources_bytes = join->sources_bytes,
                                 .transcodes = true,
                                 .on_progress = on_progress,
                                 .arg = run };
    return ingest_encode_run(&encode);
}
