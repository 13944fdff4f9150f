/*
 * oracle: the differential test of the index against libavformat. ffmpeg writes a track;
 * libavformat lists its samples; we build the index and cut the segments; libavformat demuxes each
 * (after the initialisation segment) and all of them together. Sample by sample: same bytes, same
 * key flag, same times. Skipped, and says so, where ffmpeg or libavformat is not installed.
 */
#include "index.h"

#include "foundation/test/test.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef KB_HAVE_AVFORMAT
#include <libavformat/avformat.h>

enum { ARGS_MAX = 64, PACKETS_MAX = 20000 };

static struct arena memory;

/* --- ffmpeg --------------------------------------------------------------------------------- */

/* Runs the words of `text`, which is cut up; returns the exit status. */
static int run_ffmpeg(char *text)
{
    char *argv[ARGS_MAX] = { NULL };
    int argc = 0, status = -1;
    pid_t child;
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        ASSERT(argc < ARGS_MAX - 1);
        argv[argc++] = word;
    }
    ASSERT(argc > 0);
    if (posix_spawnp(&child, argv[0], NULL, NULL, argv, environ) != 0)
        return 127;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static bool have_ffmpeg(void)
{
    static int known = -1;
    char text[] = "ffmpeg -version";
    if (known < 0) {
        int null = open("/dev/null", O_WRONLY), saved = dup(1);
        dup2(null, 1);
        known = run_ffmpeg(text) == 0;
        dup2(saved, 1);
        close(null);
        close(saved);
    }
    return known;
}

/* Makes a one-track MP4 with these arguments and maps it. An encoder that is missing skips the
 * test. */
static str make(const char *name, const char *arguments)
{
    char path[256], text[1024];
    struct stat info = { 0 };
    snprintf(path, sizeof(path), "%s/%s.mp4", test_folder(), name);
    snprintf(text, sizeof(text),
             "ffmpeg -v error -nostdin -y -threads 1 %s -map_metadata -1 -movflags +faststart %s",
             arguments, path);
    if (!have_ffmpeg())
        SKIP("ffmpeg is not installed: no differential test of %s", name);
    if (run_ffmpeg(text) != 0)
        SKIP("this ffmpeg cannot make %s", name);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0);
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(bytes != MAP_FAILED);
    close(fd);
    return (str){ bytes, (size_t)info.st_size };
}

/* --- libavformat ---------------------------------------------------------------------------- */

struct packet {
    int64_t dts, pts;
    str data;
    bool key;
};

struct packets {
    struct packet *list;
    uint32_t count;
    AVRational timebase;
};

struct source {
    str bytes;
    size_t at;
};

static int source_read(void *opaque, uint8_t *out, int size)
{
    struct source *source = opaque;
    str part = str_sub(source->bytes, source->at, (size_t)size);
    if (part.len == 0)
        return AVERROR_EOF;
    memcpy(out, part.ptr, part.len);
    source->at += part.len;
    return (int)part.len;
}

static int64_t source_seek(void *opaque, int64_t offset, int whence)
{
    struct source *source = opaque;
    if (whence == AVSEEK_SIZE)
        return (int64_t)source->bytes.len;
    source->at = (size_t)offset;
    return offset;
}

/* All packets of a file in memory. The edit list shifts times but drops nothing. */
static struct packets demux(str bytes)
{
    struct source source = { bytes, 0 };
    struct packets packets = { .list = ARENA_ARRAY(&memory, PACKETS_MAX, struct packet) };
    AVFormatContext *format = avformat_alloc_context();
    AVDictionary *options = NULL;
    AVPacket *packet = av_packet_alloc();
    av_log_set_level(AV_LOG_FATAL);
    format->flags |=
        AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN; /* what the container says, no more */
    format->pb =
        avio_alloc_context(av_malloc(4096), 4096, 0, &source, source_read, NULL, source_seek);
    AVIOContext *io = format->pb;
    av_dict_set(&options, "advanced_editlist", "0", 0);
    int opened = avformat_open_input(&format, NULL, NULL, &options);
    CHECK_INT(opened, 0);
    packets.timebase = format->streams[0]->time_base;
    while (av_read_frame(format, packet) == 0) {
        CHECK(packets.count < PACKETS_MAX);
        packets.list[packets.count++] =
            (struct packet){ .dts = packet->dts,
                             .pts = packet->pts,
                             .data = arena_str(&memory,
                                               (str){ (char *)packet->data, (size_t)packet->size }),
                             .key = packet->flags & AV_PKT_FLAG_KEY };
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    av_dict_free(&options);
    avformat_close_input(&format);
    av_freep(&io->buffer);
    avio_context_free(&io);
    return packets;
}

/* --- the comparison ------------------------------------------------------------------------- */

static enum err read_sample(void *context, uint64_t offset, void *out, size_t size_bytes)
{
    const str *file = context;
    CHECK(offset <= file->len && size_bytes <= file->len - offset);
    memcpy(out, file->ptr + offset, size_bytes);
    return OK;
}

static str build(str file, uint32_t target_ms, const struct index *follow)
{
    uint64_t head_bytes;
    str bytes;
    CHECK_OK(mp4_head_size(str_sub(file, 0, 4096), file.len, &head_bytes));
    struct index_params params = { .head = str_sub(file, 0, head_bytes),
                                   .file_size_bytes = file.len,
                                   .target_ms = target_ms,
                                   .follow = follow,
                                   .read = read_sample,
                                   .read_context = &file };
    CHECK_OK(index_build(&memory, &params, &bytes));
    return bytes;
}

static void append_segment(const struct index *index, str file, uint32_t number, struct buf *out)
{
    static uint8_t header[FMP4_HEADER_BYTES_MAX];
    struct index_segment segment;
    CHECK_OK(index_segment_get(index, number, &segment));
    index_segment_header(index, &segment, header);
    buf_put(out, (str){ (char *)header, segment.header_bytes });
    buf_put(out, str_sub(file, segment.offset, segment.payload_bytes));
    CHECK(!out->overflowed);
}

/*
 * Same samples from `first` of the source on. Times may differ by one constant each: libavformat
 * does not shift a fragment's decode times by its negative composition offsets as it does a whole
 * file's.
 */
static void check_packets(struct packets ours, struct packets source, uint32_t first)
{
    for (uint32_t i = 0; i < ours.count; i++) {
        const struct packet *a = &ours.list[i], *b = &source.list[first + i];
        CHECK(str_eq(a->data, b->data));
        CHECK_INT(a->key, b->key);
        CHECK_INT(a->dts - ours.list[0].dts, b->dts - source.list[first].dts);
        CHECK_INT(a->pts - ours.list[0].pts, b->pts - source.list[first].pts);
    }
}

/* Presentation times computed from the bytes we send, by hand: trun version 1, tfdt version 1. */
struct shown {
    int64_t min, end;
};
static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static const uint8_t *find_box(const uint8_t *bytes, size_t len, const char *type)
{
    const uint8_t *at = memmem(bytes, len, type, 4);
    CHECK(at != NULL);
    return at + 4;
}

static struct shown shown_times(const struct index *index, const struct index_segment *segment,
                                const struct packets *source)
{
    static uint8_t header[FMP4_HEADER_BYTES_MAX];
    index_segment_header(index, segment, header);
    const uint8_t *tfhd = find_box(header, segment->header_bytes, "tfhd");
    const uint8_t *tfdt = find_box(header, segment->header_bytes, "tfdt");
    const uint8_t *trun = find_box(header, segment->header_bytes, "trun");
    int64_t decode = (int64_t)((uint64_t)word(tfdt + 4) << 32 | word(tfdt + 8));
    bool compact = (word(trun) & 0x100) == 0;
    struct shown shown = { INT64_MAX, INT64_MIN };
    CHECK_INT(word(trun + 4), segment->sample_count);
    CHECK_INT(word(trun + 8), (int64_t)(segment->header_bytes - 24)); /* from moof, after styp */
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        const uint8_t *entry = trun + 12 + i * (compact ? 4ul : 16ul);
        int64_t duration = compact ? word(tfhd + 8) : word(entry);
        int64_t composition = compact ? 0 : (int32_t)word(entry + 12);
        uint32_t size = compact ? word(entry) : word(entry + 4);
        CHECK_INT(size, source->list[segment->first_sample + i].data.len);
        shown.min = MIN_OF(shown.min, decode + composition);
        shown.end = MAX_OF(shown.end, decode + composition + duration);
        decode += duration;
    }
    return shown;
}

/* The track's file is the same one libavformat lists; the playlists' times are those of the
 * samples. */
static void check_times(const struct index *index, const struct packets *source)
{
    int64_t priming = index->kind == MP4_AUDIO ? -source->list[0].pts : 0;
    uint64_t at = 0;
    for (uint32_t i = 1; i <= index->segment_count; i++) {
        struct index_segment segment;
        CHECK_OK(index_segment_get(index, i, &segment));
        struct shown shown = shown_times(index, &segment, source);
        int64_t start = shown.min - MAX_OF(priming, (int64_t)0);
        CHECK_INT(segment.start_ticks, MAX_OF(start, (int64_t)0));
        if (i > 1)
            CHECK_INT(segment.start_ticks, at);
        at = segment.start_ticks + segment.duration_ticks;
        if (i == index->segment_count)
            CHECK_INT(at, shown.end - MAX_OF(priming, (int64_t)0));
    }
    CHECK_INT(at, index->duration_ticks);
}

struct expected {
    const char *codecs;
    uint32_t segments_min;
};

static str differential(str file, uint32_t target_ms, const struct index *follow,
                        struct expected expected)
{
    struct index index;
    struct buf all, one;
    str bytes = build(file, target_ms, follow);
    CHECK_OK(index_open(bytes, &index));
    struct packets source = demux(file);
    CHECK_STR(str_of(index.codecs), str_of(expected.codecs));
    CHECK_INT(index.sample_count, source.count);
    CHECK_INT(index.timescale, source.timebase.den);
    CHECK(index.segment_count >= expected.segments_min);
    check_times(&index, &source);

    buf_init(&all, &memory, MIB(64));
    buf_put(&all, index.init);
    for (uint32_t i = 1; i <= index.segment_count; i++) {
        struct index_segment segment;
        CHECK_OK(index_segment_get(&index, i, &segment));
        append_segment(&index, file, i, &all);
        struct arena_mark mark = arena_mark(&memory);
        buf_init(&one, &memory, MIB(64));
        buf_put(&one, index.init);
        append_segment(&index, file, i, &one);
        struct packets alone = demux(buf_str(&one));
        CHECK_INT(alone.count, segment.sample_count);
        check_packets(alone, source, segment.first_sample);
        arena_rewind(&memory, mark);
    }
    struct packets joined = demux(buf_str(&all));
    CHECK_INT(joined.count, source.count);
    check_packets(joined, source, 0);
    if (index.kind == MP4_AUDIO) { /* no composition offsets: the times are equal as they are */
        CHECK_INT(joined.list[0].pts, source.list[0].pts);
        CHECK_INT(joined.list[0].dts, source.list[0].dts);
    }
    return bytes;
}

static void begin(void)
{
    arena_deinit(&memory);
    arena_init(&memory, MIB(512));
}

#define X264                                                                                       \
    "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0 "                             \
    "-flags +cgop "

#define PICTURE(rate, seconds) "-f lavfi -i testsrc2=s=96x64:r=" rate ":d=" seconds " "

static void video_case(const char *name, const char *arguments, const char *codecs)
{
    begin();
    differential(make(name, arguments), 1000, NULL, (struct expected){ codecs, 2 });
}

static void audio_case(const char *name, const char *arguments, const char *codecs)
{
    begin();
    differential(make(name, arguments), 2000, NULL, (struct expected){ codecs, 2 });
}

TEST(oracle_h264_frame_rates)
{
    video_case("film", PICTURE("24000/1001", "5") X264 "-bf 3 -g 24", "avc1.4D400A");
    video_case("pal", PICTURE("25", "5") X264 "-bf 2 -g 25", "avc1.4D400A");
    video_case("ntsc", PICTURE("30000/1001", "4.03") X264 "-bf 0 -g 30", "avc1.42C00A");
    video_case("thirty", PICTURE("30", "4") X264 "-bf 2 -b-pyramid none -g 15", "avc1.4D400A");
    video_case("fifty", PICTURE("50", "3.1") X264 "-bf 3 -b-pyramid strict -g 50", "avc1.4D400A");
    video_case("sixty", PICTURE("60000/1001", "3") X264 "-bf 4 -g 60", "avc1.4D400A");
}

TEST(oracle_h264_reordering)
{
    video_case("deep",
               PICTURE("25", "6") "-c:v libx264 -preset veryfast -bf 8 -b-pyramid normal "
                                  "-b_strategy 2 -refs 5 -g 33 -flags +cgop",
               "avc1.64000A");
    video_case("scenes",
               PICTURE("25", "6") "-c:v libx264 -preset ultrafast -bf 3 -g 250 "
                                  "-force_key_frames 0.4,1.2,1.24,3.3,5 -flags +cgop",
               "avc1.4D400A");
}

TEST(oracle_h264_variable_rate)
{
    video_case("vfr",
               PICTURE("60", "6") "-vf select='not(mod(n*n,7))+not(mod(n,60))' -vsync vfr " X264
                                  "-bf 2 -g 12 -video_track_timescale 90000",
               "avc1.4D400A");
}

TEST(oracle_h264_negative_offsets)
{
    video_case("negative", PICTURE("25", "5") X264 "-bf 3 -g 25 -movflags +negative_cts_offsets",
               "avc1.4D400A");
    video_case("no_edit", PICTURE("25", "5") X264 "-bf 3 -g 25 -use_editlist 0", "avc1.4D400A");
    video_case("delayed",
               PICTURE("25", "5") X264 "-bf 3 -g 25 -output_ts_offset 0.7 "
                                       "-avoid_negative_ts disabled",
               "avc1.4D400A");
}

TEST(oracle_hevc)
{
    video_case("hvc1",
               PICTURE("25", "3") "-c:v libx265 -preset ultrafast -x265-params "
                                  "log-level=none:keyint=25:open-gop=0:bframes=3:pools=1 "
                                  "-pix_fmt yuv420p -tag:v hvc1",
               "hvc1.1.6.L30.90");
}

TEST(oracle_vp9)
{
    video_case("vp9",
               PICTURE("30", "3") "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 30 "
                                  "-pix_fmt yuv420p",
               "vp09.00.10.08");
}

TEST(oracle_av1)
{
    video_case("av1",
               PICTURE("30", "3") "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 30 "
                                  "-pix_fmt yuv420p",
               "av01.0.00M.08");
}

/* Encoders asked for open groups of pictures: no keyframe but the first may begin a segment. */
static void open_gop_case(const char *name, const char *arguments, const char *codecs)
{
    struct index index;
    begin();
    str bytes = differential(make(name, arguments), 1000, NULL, (struct expected){ codecs, 1 });
    CHECK_OK(index_open(bytes, &index));
    struct index_cuts cuts = index_cuts(&index);
    CHECK(cuts.keyframes >= 4);
    CHECK_INT(cuts.open, cuts.keyframes - 1);
    CHECK_INT(index.segment_count, 1);
}

TEST(oracle_open_gop)
{
    open_gop_case("avc",
                  PICTURE("25", "5") "-c:v libx264 -preset ultrafast -bf 3 -g 25 -pix_fmt yuv420p "
                                     "-x264-params open-gop=1:scenecut=0:b-adapt=0",
                  "avc1.4D400A");
    open_gop_case("refresh",
                  PICTURE("25", "5") "-c:v libx264 -preset ultrafast -bf 0 -g 25 "
                                     "-pix_fmt yuv420p -x264-params intra-refresh=1",
                  "avc1.42C00A");
    open_gop_case("hevc",
                  PICTURE("25", "4") "-c:v libx265 -preset ultrafast -x265-params "
                                     "log-level=none:keyint=23:min-keyint=23:open-gop=1:"
                                     "bframes=3:b-adapt=0:pools=1 -pix_fmt yuv420p -tag:v hvc1",
                  "hvc1.1.6.L30.90");
}

#define SOUND(rate, seconds) "-f lavfi -i sine=440:r=" rate ":d=" seconds " -ac 2 "

TEST(oracle_audio)
{
    audio_case("aac44", SOUND("44100", "7.3") "-c:a aac -b:a 64k", "mp4a.40.2");
    audio_case("aac48", SOUND("48000", "8") "-c:a aac -b:a 96k", "mp4a.40.2");
    audio_case("opus", SOUND("48000", "7.31") "-c:a libopus -b:a 64k", "opus");
    audio_case("flac", SOUND("44100", "5") "-c:a flac -strict -2", "flac");
    audio_case("ac3", SOUND("48000", "6") "-c:a ac3", "ac-3");
}

/* The way of a film folder: a container with both tracks, copied track by track without
 * transcoding. */
static void copied_case(const char *extension)
{
    char path[256], arguments[1024];
    struct index video;
    begin();
    snprintf(path, sizeof(path), "%s/film.%s", test_folder(), extension);
    snprintf(arguments, sizeof(arguments),
             "ffmpeg -v error -nostdin -y -threads 1 " PICTURE("24000/1001", "6")
                 SOUND("48000", "6") X264 "-bf 3 -g 24 -c:a aac -b:a 64k %s",
             path);
    if (!have_ffmpeg() || run_ffmpeg(arguments) != 0)
        SKIP("ffmpeg cannot make a film in %s", extension);
    snprintf(arguments, sizeof(arguments), "-i %s -map 0:v:0 -c copy", path);
    struct expected expected = { "avc1.4D400A", 4 };
    CHECK_OK(index_open(differential(make("video", arguments), 1000, NULL, expected), &video));
    CHECK_INT(index_cuts(&video).open, 0);
    CHECK_INT(video.rate_num, 24000);
    CHECK_INT(video.rate_den, 1001);
    snprintf(arguments, sizeof(arguments), "-i %s -map 0:a:0 -c copy", path);
    expected = (struct expected){ "mp4a.40.2", 4 };
    differential(make("audio", arguments), 1000, &video, expected);
}

TEST(oracle_copied_tracks)
{
    copied_case("mkv"); /* times in milliseconds */
    copied_case("ts");  /* begins at 1.4 s */
    copied_case("mov");
}

TEST(oracle_audio_follows_video)
{
    struct index video, audio;
    begin();
    str picture = make("picture", PICTURE("24000/1001", "9") X264 "-bf 3 -g 250 -force_key_frames "
                                                                  "1.3,2.9,4.1,6.6");
    str sound = make("sound", SOUND("44100", "9.2") "-c:a aac -b:a 64k");
    struct expected expected = { "avc1.4D400A", 4 };
    CHECK_OK(index_open(differential(picture, 1500, NULL, expected), &video));
    expected = (struct expected){ "mp4a.40.2", 4 };
    CHECK_OK(index_open(differential(sound, 1500, &video, expected), &audio));
    CHECK_INT(audio.segment_count, video.segment_count);
    for (uint32_t i = 1; i <= video.segment_count; i++) {
        struct index_segment seen, heard;
        CHECK_OK(index_segment_get(&video, i, &seen));
        CHECK_OK(index_segment_get(&audio, i, &heard));
        uint64_t at = seen.start_ticks * audio.timescale / video.timescale;
        CHECK(heard.start_ticks <= at && at < heard.start_ticks + 1024);
    }
}
#else
TEST(oracle)
{
    SKIP("libavformat is not installed: no differential test of the segments");
}
#endif
