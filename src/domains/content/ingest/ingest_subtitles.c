/*
 * ingest_subtitles: a file at a time is parsed on the files pool in memory of its own; the result
 * is written to scratch space and adopted.
 */
#include "ingest_subtitles.h"

#include "ingest_encode.h"
#include "ingest_file.h"
#include "ingest_internal.h"

#include "engines/blob/blob.h"
#include "foundation/child/child.h"
#include "foundation/task/pool.h"
#include "media/subtitle/subtitle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ARENA_BYTES_MAX = 96 << 20,
    ARGS_MAX = 24 + 12 * PLAN_SUBTITLES_MAX,
    MEMORY_BYTES_MAX = 1 << 30,
    READ_BYTES_S = 2 << 20,
};

/* --- Out of the film ------------------------------------------------------------------------ */

static size_t put_words(const char **argv, size_t count, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        argv[count++] = words[i];
    return count;
}

static enum err extract_some(const struct subtitles *subtitles, size_t from, size_t count,
                             const str *paths)
{
    static const char *const start[] = { "-nostdin", "-y",        "-v",     "error",
                                         "-nostats", "-progress", "pipe:1", NULL };
    static const char *const ass[] = { "-c:s", "copy", "-f", "ass", NULL };
    static const char *const srt[] = { "-c:s", "srt", "-f", "srt", NULL };
    struct arena *arena = task_arena();
    const char **argv = ARENA_ARRAY(arena, ARGS_MAX, const char *);
    struct child_result result;
    size_t words = 1;
    TRY(ingest_ffmpeg_find(arena, "ffmpeg", &argv[0]));
    words = put_words(argv, words, start);
    words = put_words(argv, words, subtitles->listed ? ingest_input_listed : ingest_input);
    argv[words++] = "-i";
    argv[words++] = ingest_ffmpeg_name(arena, subtitles->path);
    for (size_t i = from; i < from + count; i++) {
        const struct plan_track *track = subtitles->tracks[i];
        argv[words++] = "-map";
        argv[words++] = arena_printf(arena, "0:%lld", (long long)track->stream).ptr;
        words = put_words(argv, words, track->ass ? ass : srt);
        argv[words++] = ingest_ffmpeg_name(arena, paths[i]);
    }
    ASSERT(words < ARGS_MAX);
    int64_t scaled_s = (int64_t)(subtitles->size_bytes / READ_BYTES_S);
    struct child_spec spec = { .argv = argv,
                               .timeout = SECONDS(120 + scaled_s),
                               .memory_bytes_max = MEMORY_BYTES_MAX,
                               .idle_priority = true };
    TRY(await_child(ingest.children, &spec, &result));
    if (result.exit_code == 0)
        return OK;
    str why = ingest_ffmpeg_complaint(result.error_tail, subtitles->path);
    return err_set(ERR_INVALID, "subtitle-unreadable", "%.*s", STR_ARG(why));
}

static bool is_ours(enum err failure)
{
    return failure == ERR_CANCELLED || failure == ERR_UNAVAILABLE || failure == ERR_EXHAUSTED;
}

enum err ingest_subtitles_extract(const struct subtitles *subtitles, str *out_paths,
                                  str *out_reasons)
{
    for (size_t i = 0; i < subtitles->count; i++) {
        str suffix = subtitles->tracks[i]->ass ? STR(".ass") : STR(".srt");
        TRY(blob_scratch(ingest.blobs, suffix, &out_paths[i]));
        out_reasons[i] = STR("");
    }
    if (!subtitles->count)
        return OK;
    enum err together = extract_some(subtitles, 0, subtitles->count, out_paths);
    if (together == OK || is_ours(together))
        return together;
    for (size_t i = 0; i < subtitles->count; i++) {
        enum err alone = extract_some(subtitles, i, 1, out_paths);
        if (is_ours(alone))
            return alone;
        if (alone == OK)
            continue;
        out_reasons[i] = arena_str(task_arena(), str_of(err_slot()->text));
        blob_discard(ingest.blobs, out_paths[i]);
        out_paths[i] = STR_NONE;
    }
    return OK;
}

/* --- To WebVTT ------------------------------------------------------------------------------ */

struct work {
    struct subtitle_piece pieces[UNIT_PARTS_MAX];
    size_t count;
    str scratch, lost;
    struct arena *results; /* the task's */
    struct arena arena;
    jmp_buf full;
};

static enum err read_all(int fd, struct arena *arena, str *out_bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return err_errno("look at a subtitle");
    if (!S_ISREG(info.st_mode))
        return INGEST_FAIL(ERR_INVALID, arena, SUBTITLE_NO_FILE);
    if (info.st_size > SUBTITLE_BYTES_MAX)
        return INGEST_FAIL(ERR_TOO_LARGE, arena, SUBTITLE_BYTES,
                           arena_printf(arena, "%lld", (long long)info.st_size),
                           arena_printf(arena, "%d", SUBTITLE_BYTES_MAX));
    size_t len = 0, size = (size_t)info.st_size;
    char *bytes = arena_alloc(arena, size + 1);
    while (len < size) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("read a subtitle");
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *out_bytes = (str){ bytes, len };
    return OK;
}

static enum err piece_parse(struct work *work, str path, struct subtitle *out)
{
    str bytes;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno("open a subtitle");
    enum err result = read_all(fd, &work->arena, &bytes);
    close(fd);
    TRY(result);
    TRY(subtitle_parse(&work->arena, bytes, out));
    if (out->cues_dropped && !work->lost.len)
        work->lost = arena_printf(work->results, "%zu of %zu cues were dropped: %.*s",
                                  out->cues_dropped, out->cues_kept + out->cues_dropped,
                                  STR_ARG(str_sub(out->first_drop_reason, 0, 120)));
    return OK;
}

static enum err convert(struct work *work)
{
    struct subtitle subtitles[UNIT_PARTS_MAX];
    struct subtitle_part parts[UNIT_PARTS_MAX];
    str text;
    for (size_t i = 0; i < work->count; i++) {
        TRY(piece_parse(work, work->pieces[i].path, &subtitles[i]));
        parts[i] = (struct subtitle_part){ &subtitles[i], work->pieces[i].shift_ms };
    }
    TRY(subtitle_join(&work->arena, parts, work->count, &text));
    return ingest_file_write(work->scratch, text, "the subtitles");
}

static enum err work_blocking(void *arg)
{
    struct work *work = arg;
    enum err result;
    arena_init(&work->arena, ARENA_BYTES_MAX);
    work->arena.exhausted = &work->full;
    if (setjmp(work->full) == 0)
        result = convert(work);
    else
        result = err_set(ERR_TOO_LARGE, "subtitle-memory", "%s",
                         ingest_reason_pattern(INGEST_REASON_SUBTITLE_MEMORY));
    arena_deinit(&work->arena);
    return result;
}

enum err ingest_subtitle_store(const struct subtitle_piece *pieces, size_t count, str key,
                               uint64_t *out_size_bytes, str *out_lost)
{
    struct work *work = ARENA_NEW(task_arena(), struct work);
    struct blob_info info;
    ASSERT(count >= 1 && count <= UNIT_PARTS_MAX);
    work->count = count;
    for (size_t i = 0; i < count; i++)
        work->pieces[i] = (struct subtitle_piece){ str_of(arena_cstr(task_arena(), pieces[i].path)),
                                                   pieces[i].shift_ms };
    work->results = task_arena();
    work->lost = STR("");
    TRY(blob_scratch(ingest.blobs, STR(".vtt"), &work->scratch));
    enum err result = await_blocking(ingest.files, work_blocking, work);
    if (result == OK)
        result = blob_adopt(ingest.blobs, work->scratch, key, &info);
    if (result != OK) {
        blob_discard(ingest.blobs, work->scratch);
        return result;
    }
    *out_size_bytes = info.size_bytes;
    *out_lost = work->lost;
    return OK;
}
