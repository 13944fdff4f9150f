/*
 * ingest_probe: two runs of ffprobe, one for streams and format, one for the first frames of the
 * video, because containers often do not say that a film is interlaced.
 */
#include "ingest_probe.h"

#include "ingest_internal.h"

#include "foundation/child/child.h"
#include "foundation/shape/shape.h"

enum {
    OUTPUT_BYTES_MAX = 1 << 20, /* what shape_parse_json() takes; we ask for few fields only */
    MEMORY_BYTES_MAX = 1 << 30,
    TEXT_MAX = 100000,
    FRAMES_MAX = 64,
    ARGS_MAX = 20,
};

const char INGEST_PROBE_FORMATS[] = INGEST_PROBE_FORMATS_LIST;

span ingest_probe_timeout = SECONDS(60);

/* --- ffprobe's JSON ------------------------------------------------------------------------ */

struct tags {
    str language, title, duration;
};
SHAPE_FORGIVING(probe_tags_shape, struct tags, FIELD(struct tags, language, .max = TEXT_MAX),
                FIELD(struct tags, title, .max = TEXT_MAX),
                FIELD_AS(struct tags, duration, "DURATION", .max = TEXT_MAX));

struct disposition {
    int64_t is_default, forced, comment, hearing_impaired, attached_pic;
};
SHAPE_FORGIVING(probe_disposition_shape, struct disposition,
                FIELD_AS(struct disposition, is_default, "default"),
                FIELD(struct disposition, forced), FIELD(struct disposition, comment),
                FIELD(struct disposition, hearing_impaired),
                FIELD(struct disposition, attached_pic));

struct stream {
    int64_t index, width, height, channels;
    str codec_type, codec_name, profile, pix_fmt, field_order, extradata_hash, color_transfer;
    str avg_frame_rate, sample_rate, duration; /* ffprobe writes these numbers as text */
    struct tags tags;
    struct disposition disposition;
};
SHAPE_FORGIVING(probe_stream_shape, struct stream, FIELD(struct stream, index),
                FIELD(struct stream, width), FIELD(struct stream, height),
                FIELD(struct stream, channels), FIELD(struct stream, codec_type),
                FIELD(struct stream, codec_name), FIELD(struct stream, profile),
                FIELD(struct stream, pix_fmt), FIELD(struct stream, field_order),
                FIELD(struct stream, avg_frame_rate), FIELD(struct stream, sample_rate),
                FIELD(struct stream, extradata_hash), FIELD(struct stream, color_transfer),
                FIELD(struct stream, duration), FIELD_SHAPE(struct stream, tags, probe_tags_shape),
                FIELD_SHAPE(struct stream, disposition, probe_disposition_shape));

struct format {
    str format_name, duration, size;
};
SHAPE_FORGIVING(probe_format_shape, struct format, FIELD(struct format, format_name),
                FIELD(struct format, duration), FIELD(struct format, size));

struct answer {
    LIST_OF(struct stream) streams;
    struct format format;
};
SHAPE_FORGIVING(probe_answer_shape, struct answer,
                FIELD_SHAPES(struct answer, streams, probe_stream_shape, .max = PROBE_STREAMS_MAX),
                FIELD_SHAPE(struct answer, format, probe_format_shape));

struct frame {
    int64_t width, height, interlaced_frame;
};
SHAPE_FORGIVING(probe_frame_shape, struct frame, FIELD(struct frame, width),
                FIELD(struct frame, height), FIELD(struct frame, interlaced_frame));

struct frames {
    LIST_OF(struct frame) frames;
};
SHAPE_FORGIVING(probe_frames_shape, struct frames,
                FIELD_SHAPES(struct frames, frames, probe_frame_shape, .max = 1000));

/* --- Numbers in texts ------------------------------------------------------------------------ */

/* "123.456789" to milliseconds; 0 for anything else, and for more than a year. */
static int64_t seconds_to_ms(str text)
{
    int64_t whole, thousandths = 0;
    str seconds;
    if (!str_cut(&text, '.', &seconds) || !str_parse_i64(seconds, &whole) || whole < 0 ||
        whole > 366 * 86400L)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        char digit = i < text.len ? text.ptr[i] : '0';
        thousandths = thousandths * 10 + (digit >= '0' && digit <= '9' ? digit - '0' : 0);
    }
    return whole * 1000 + thousandths;
}

/* Matroska's "01:02:03.456000000". */
static int64_t clock_to_ms(str text)
{
    int64_t hours, minutes;
    str part;
    if (!str_cut(&text, ':', &part) || !str_parse_i64(part, &hours) || hours < 0 || hours > 9999)
        return 0;
    if (!str_cut(&text, ':', &part) || !str_parse_i64(part, &minutes) || minutes < 0 ||
        minutes > 59)
        return 0;
    return (hours * 60 + minutes) * 60000 + seconds_to_ms(text);
}

static int64_t number_of(str text)
{
    int64_t value = 0;
    return str_parse_i64(text, &value) && value > 0 ? value : 0;
}

static void rate_parse(str text, struct probe_stream *out)
{
    str numerator;
    int64_t num = 0, den = 0;
    if (str_cut(&text, '/', &numerator)) {
        num = number_of(numerator);
        den = number_of(text);
    }
    bool known = num > 0 && den > 0 && num <= INT32_MAX && den <= INT32_MAX;
    out->rate_num = known ? num : 0;
    out->rate_den = known ? den : 1;
}

/* --- Reading ------------------------------------------------------------------------------------
 */

static str text_or_empty(str text)
{
    return text.ptr ? text : STR("");
}

static enum probe_kind kind_of(str type)
{
    if (str_eq(type, STR("video")))
        return PROBE_VIDEO;
    if (str_eq(type, STR("audio")))
        return PROBE_AUDIO;
    return str_eq(type, STR("subtitle")) ? PROBE_SUBTITLE : PROBE_OTHER;
}

static struct probe_stream stream_of(const struct stream *from)
{
    struct probe_stream stream = {
        .index = from->index,
        .kind = kind_of(from->codec_type),
        .transfer = text_or_empty(from->color_transfer),
        .setup = text_or_empty(from->extradata_hash),
        .codec = text_or_empty(from->codec_name),
        .profile = text_or_empty(from->profile),
        .pixel_format = text_or_empty(from->pix_fmt),
        .field_order = text_or_empty(from->field_order),
        .width = from->width,
        .height = from->height,
        .channels = from->channels,
        .sample_rate = number_of(from->sample_rate),
        .language = text_or_empty(from->tags.language),
        .title = text_or_empty(from->tags.title),
        .is_default = from->disposition.is_default != 0,
        .forced = from->disposition.forced != 0,
        .sdh = from->disposition.hearing_impaired != 0,
        .commentary = from->disposition.comment != 0,
        .attached_picture = from->disposition.attached_pic != 0,
    };
    stream.duration_ms = seconds_to_ms(from->duration);
    if (!stream.duration_ms)
        stream.duration_ms = clock_to_ms(from->tags.duration);
    rate_parse(from->avg_frame_rate, &stream);
    return stream;
}

enum err ingest_probe_parse(struct arena *arena, str json, struct probe *out_probe)
{
    struct answer answer;
    TRY(shape_parse_json(arena, &probe_answer_shape, json, &answer));
    struct probe probe = { .format = text_or_empty(answer.format.format_name),
                           .duration_ms = seconds_to_ms(answer.format.duration),
                           .size_bytes = number_of(answer.format.size) };
    probe.streams = ARENA_ARRAY(arena, answer.streams.count + 1, struct probe_stream);
    probe.streams_count = answer.streams.count;
    for (size_t i = 0; i < answer.streams.count; i++)
        probe.streams[i] = stream_of(&answer.streams.items[i]);
    *out_probe = probe;
    return OK;
}

enum err ingest_probe_frames_parse(struct arena *arena, str json, struct probe_stream *video)
{
    struct frames answer;
    TRY(shape_parse_json(arena, &probe_frames_shape, json, &answer));
    for (size_t i = 0; i < answer.frames.count; i++) {
        const struct frame *frame = &answer.frames.items[i], *first = &answer.frames.items[0];
        video->interlaced = video->interlaced || frame->interlaced_frame;
        if (frame->width != first->width || frame->height != first->height)
            video->size_varies = true;
    }
    return OK;
}

/* --- The child ----------------------------------------------------------------------------------
 */

enum err ingest_ffmpeg_find(struct arena *arena, const char *name, const char **out_path)
{
    str path = child_find_program(arena, name);
    if (!path.len)
        return INGEST_FAIL(ERR_UNAVAILABLE, arena, FFMPEG_MISSING, str_of(name));
    *out_path = path.ptr;
    return OK;
}

const char *ingest_ffmpeg_name(struct arena *arena, str path)
{
    return arena_printf(arena, "file:%.*s", STR_ARG(path)).ptr;
}

str ingest_ffmpeg_complaint(str error_tail, str path)
{
    str rest = error_tail, line, last = STR_NONE;
    while (str_cut(&rest, '\n', &line))
        if (str_trim(line).len)
            last = str_trim(line);
    if (last.len && last.ptr[0] == '[') {
        ptrdiff_t end = str_find(last, STR("] "));
        last = end > 0 ? str_skip(last, (size_t)end + 2) : last;
    }
    if (str_starts(last, STR("file:")))
        last = str_skip(last, 5);
    if (path.len && str_starts(last, path))
        last = str_trim(str_skip(last, path.len));
    while (last.len && (last.ptr[0] == ':' || last.ptr[0] == ' '))
        last = str_skip(last, 1);
    return last.len ? str_sub(last, 0, 180) : STR("it gave no reason");
}

static enum err unreadable(const struct child_result *result, str path)
{
    struct arena *arena = task_arena();
    if (result->signal)
        return INGEST_FAIL(ERR_INVALID, arena, UNREADABLE_FILM,
                           INGEST_REASON(arena, CHILD_SIGNAL, STR("ffprobe"),
                                         arena_printf(arena, "%d", result->signal)));
    str why = ingest_ffmpeg_complaint(result->error_tail, path);
    return INGEST_FAIL(ERR_INVALID, arena, UNREADABLE_FILM, why);
}

/* What the child could not do is the film's fault; what we could not do is ours. */
static enum err blame_film(enum err failure)
{
    if (failure != ERR_TIMEOUT && failure != ERR_TOO_LARGE)
        return failure;
    str text = arena_str(task_arena(), str_of(err_slot()->text));
    return INGEST_FAIL(ERR_INVALID, task_arena(), UNREADABLE_FILM, text);
}

static enum err ask(const char *const *questions, str path, str *out_json)
{
    struct arena *arena = task_arena();
    const char *argv[ARGS_MAX] = { NULL };
    struct child_result result;
    size_t count = 0;
    TRY(ingest_ffmpeg_find(arena, "ffprobe", &argv[count++]));
    const char *const start[] = {
        "-v",
        "error",
        "-print_format",
        "json",
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        INGEST_PROBE_FORMATS,
    };
    for (size_t i = 0; i < ARRAY_LEN(start); i++)
        argv[count++] = start[i];
    for (size_t i = 0; questions[i]; i++)
        argv[count++] = questions[i];
    argv[count++] = ingest_ffmpeg_name(arena, path);
    ASSERT(count < ARGS_MAX);
    struct child_spec spec = { .argv = argv,
                               .timeout = ingest_probe_timeout,
                               .memory_bytes_max = MEMORY_BYTES_MAX,
                               .output_bytes_max = OUTPUT_BYTES_MAX,
                               .idle_priority = true };
    enum err failure = await_child(ingest.children, &spec, &result);
    if (failure != OK)
        return blame_film(failure);
    if (result.exit_code != 0)
        return unreadable(&result, path);
    *out_json = result.output;
    return OK;
}

static enum err read_answer(enum err parsed)
{
    if (parsed == OK)
        return OK;
    return INGEST_FAIL(ERR_INVALID, task_arena(), UNREADABLE_FILM,
                       INGEST_REASON(task_arena(), PROBE_NONSENSE));
}

static struct probe_stream *first_video(struct probe *probe)
{
    for (size_t i = 0; i < probe->streams_count; i++)
        if (probe->streams[i].kind == PROBE_VIDEO && !probe->streams[i].attached_picture)
            return &probe->streams[i];
    return NULL;
}

enum err ingest_film_probe(str path, struct probe *out_probe)
{
    static const char *const streams[] = {
        "-show_entries",
        "format=format_name,duration,size:stream=index,codec_type,codec_name,profile,pix_fmt,"
        "field_order,width,height,channels,sample_rate,avg_frame_rate,duration,"
        "extradata_hash,color_transfer:"
        "stream_tags=language,title,DURATION:"
        "stream_disposition=default,forced,comment,hearing_impaired,attached_pic",
        NULL,
    };
    struct probe probe;
    str json;
    TRY(ask(streams, path, &json));
    TRY(read_answer(ingest_probe_parse(task_arena(), json, &probe)));
    struct probe_stream *video = first_video(&probe);
    if (video && video->codec.len) {
        str which = arena_printf(task_arena(), "%lld", (long long)video->index);
        str interval = arena_printf(task_arena(), "%%+#%d", FRAMES_MAX);
        const char *const frames[] = { "-select_streams",
                                       which.ptr,
                                       "-read_intervals",
                                       interval.ptr,
                                       "-show_entries",
                                       "frame=width,height,interlaced_frame",
                                       NULL };
        TRY(ask(frames, path, &json));
        TRY(read_answer(ingest_probe_frames_parse(task_arena(), json, video)));
    }
    *out_probe = probe;
    return OK;
}
