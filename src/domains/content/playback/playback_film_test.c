/*
 * Real films through the real server, with ffprobe in the player's place: it reads the playlists,
 * the MPD and film.mp4 over HTTP, and must find every packet of the stored tracks with its bytes.
 * Skipped, and says so, where ffmpeg is not installed.
 */
#include "playback_stage.h"

#include "foundation/mem/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct arena memory;

/* The texts are long: which line differs is for whoever runs it by hand. */
#define CHECK_SAME(a, b) CHECK(str_eq((a), (b)))

/* What a shell command writes; status -1 when it could not be run. Arguments are ours. */
static str shell(const char *command, int *out_status)
{
    struct buf out;
    char part[2048];
    size_t count;
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c) */
    CHECK(pipe != NULL);
    buf_init(&out, &memory, MIB(16));
    while ((count = fread(part, 1, sizeof(part), pipe)) > 0)
        buf_put(&out, (str){ part, count });
    int status = pclose(pipe);
    *out_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    CHECK(!out.overflowed);
    return buf_str(&out);
}

static void need_ffmpeg(void)
{
    int status;
    arena_deinit(&memory);
    arena_init(&memory, MIB(256));
    shell("ffmpeg -version 2>&1", &status);
    if (status != 0)
        SKIP("ffmpeg is not installed: no film is played");
}

/* A one-track MP4 made with these arguments, in the test's folder. */
static str make(const char *name, const char *arguments)
{
    int status;
    char path[300];
    struct http_file *file;
    char *bytes;
    snprintf(path, sizeof(path), "%s/%s.mp4", test_folder(), name);
    str command = arena_printf(&memory,
                               "ffmpeg -v error -nostdin -y -threads 1 %s -map_metadata -1 "
                               "-movflags +faststart %s 2>&1",
                               arguments, path);
    str said = shell(command.ptr, &status);
    if (status != 0)
        SKIP("this ffmpeg cannot make %s: %.*s", name, STR_ARG(str_sub(said, 0, 100)));
    CHECK_OK(http_file_open(path, &file));
    CHECK_OK(open_file_read(file, MIB(64), &bytes));
    str copy = arena_str(&memory, (str){ bytes, (size_t)file->size_bytes });
    heap_free(bytes);
    http_file_release(file);
    return copy;
}

/*
 * A line a packet, in decode order: a hash of its bytes, of video also whether it is a key frame.
 * The flags of audio tell what a demuxer means to do with the priming, which differs by format.
 */
static str packets(const char *input, const char *stream)
{
    int status;
    bool video = stream[0] == 'v';
    str command = arena_printf(&memory,
                               "ffprobe -v error -select_streams %s -show_data_hash SHA160 "
                               "-show_entries packet=flags,data_hash -of csv=p=0 \"%s\" 2>&1 | "
                               "grep -o '%sSHA160:[0-9a-f]*'",
                               stream, input, video ? "[K_]_," : "");
    str lines = shell(command.ptr, &status);
    CHECK_INT(status, 0);
    return lines;
}

static size_t lines_of(str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

struct film_stage {
    struct stage *stage;
    str address;              /* http://127.0.0.1:port/media/12-3f... */
    str video, audio, second; /* packets of the stored tracks */
};

static str source_packets(const char *name, const char *stream)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s.mp4", test_folder(), name);
    return packets(path, stream);
}

static struct film_stage film_open(const char *video, unsigned packets_min)
{
    static const struct asset_track rows[] = {
        { .name = STR_INIT("v1"), .kind = ASSET_VIDEO, .codec = STR_INIT("avc1.4D401E") },
        { .name = STR_INIT("a1"),
          .kind = ASSET_AUDIO,
          .language = STR_INIT("de"),
          .label = STR_INIT("Deutsch"),
          .channels = 1 },
        { .name = STR_INIT("a2"),
          .kind = ASSET_AUDIO,
          .language = STR_INIT("ru"),
          .label = STR_INIT("Русский"),
          .channels = 1 }
    };
    struct film_stage film = { 0 };
    need_ffmpeg();
    str files[] = { make("v1", video),
                    make("a1", "-f lavfi -i sine=440:d=12:r=48000 -c:a aac -b:a 64k"),
                    make("a2", "-f lavfi -i sine=660:d=12:r=44100 -c:a aac -b:a 64k") };
    film.stage = stage_open();
    struct id asset = stage_asset(film.stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        stage_track(film.stage, asset, &rows[i], files[i]);
    stage_film(film.stage, asset, true);
    film.address =
        arena_printf(&memory, "http://127.0.0.1:%u%.*s", fixture_port(stage_http(film.stage)),
                     STR_ARG(stage_address(film.stage, asset)));
    film.video = source_packets("v1", "v:0");
    film.audio = source_packets("a1", "a:0");
    film.second = source_packets("a2", "a:0");
    CHECK(lines_of(film.video) >= packets_min && lines_of(film.audio) > 400);
    CHECK(!str_eq(film.audio, film.second));
    return film;
}

static const char *url(const struct film_stage *film, const char *file)
{
    return arena_printf(&memory, "%.*s/%s", STR_ARG(film->address), file).ptr;
}

static void check_film(const char *video, unsigned packets_min)
{
    struct film_stage film = film_open(video, packets_min);
    static const char *const manifests[] = { "master.m3u8", "manifest.mpd" };
    for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
        const char *manifest = url(&film, manifests[i]);
        CHECK_SAME(packets(manifest, "v:0"), film.video);
        CHECK_SAME(packets(manifest, "a:0"), film.audio);
        CHECK_SAME(packets(manifest, "a:1"), film.second);
    }
    const char *progressive = url(&film, "film.mp4");
    CHECK_SAME(packets(progressive, "v:0"), film.video);
    CHECK_SAME(packets(progressive, "a:0"), film.audio);
    CHECK_SAME(packets(url(&film, "a2.mp4"), "a:0"), film.second);
    stage_close(film.stage);
}

#define X264                                                                                       \
    "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0 "                             \
    "-flags +cgop "
#define PICTURE(rate, seconds) "-f lavfi -i testsrc2=s=160x90:r=" rate ":d=" seconds " "

TEST(every_packet_of_a_film_with_b_frames)
{
    check_film(PICTURE("24000/1001", "12") X264 "-bf 3 -g 48", 287);
}

TEST(every_packet_of_a_film_of_odd_length)
{
    check_film(PICTURE("30000/1001", "11.37") X264 "-bf 2 -g 37 -force_key_frames 1.1,4.7,4.9",
               340);
}

/* What a player must see of film.mp4 besides its packets: times and lengths. */
static str facts(const char *input, const char *entries)
{
    int status;
    str command = arena_printf(&memory, "ffprobe -v error -show_entries %s -of csv=p=0 \"%s\" 2>&1",
                               entries, input);
    str lines = shell(command.ptr, &status);
    CHECK_INT(status, 0);
    return lines;
}

TEST(film_mp4_has_the_times_of_its_tracks)
{
    struct film_stage film = film_open(PICTURE("25", "12") X264 "-bf 3 -g 50", 300);
    const char *progressive = url(&film, "film.mp4");
    static const char *const times[] = { "packet=pts_time,dts_time,duration_time",
                                         "stream=codec_name,width,height,start_time,nb_frames" };
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        str entries = arena_printf(&memory, "%s -select_streams v:0", times[i]);
        CHECK_SAME(facts(progressive, entries.ptr), facts(url(&film, "v1.mp4"), entries.ptr));
        entries = arena_printf(&memory, "%s -select_streams a:0", times[i]);
        CHECK_SAME(facts(progressive, entries.ptr), facts(url(&film, "a1.mp4"), entries.ptr));
    }
    str duration = facts(progressive, "format=duration");
    CHECK(str_starts(duration, STR("12.0")));
    int status;
    str decoded =
        shell(arena_printf(&memory, "ffmpeg -v error -nostdin -ss 7 -i \"%s\" -f null - 2>&1",
                           progressive)
                  .ptr,
              &status);
    CHECK_INT(status, 0);
    CHECK_STR(decoded, STR("")); /* not a word of complaint, from the middle on */
    stage_close(film.stage);
}
