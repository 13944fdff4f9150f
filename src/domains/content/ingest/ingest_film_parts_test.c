/* Films that come in several files: pictures, sound and subtitles go on where a part ends. */
#include "ingest_film_stage_test.h"

#include <string.h>

#define PART(seconds, size, tone)                                                                  \
    "$F -f lavfi -i testsrc2=s=" size ":r=25:d=" seconds " -f lavfi -i sine=" tone ":d=" seconds   \
    ":sample_rate=48000 "

/* No frame is lost or repeated; a part whose sound is longer than its picture ends with the sound.
 */
static void check_frames(const struct index *video, uint32_t frames, int64_t seams_ms)
{
    int64_t whole_ms = (int64_t)index_ticks_to_ms(video, video->duration_ticks);
    CHECK_INT(video->sample_count, frames);
    CHECK(whole_ms >= (int64_t)frames * 40 - 40);
    CHECK(whole_ms <= (int64_t)frames * 40 + 40 + seams_ms);
}

static void write_subtitles(struct film_sidecar out[2])
{
    static const char *const names[] = { "a-cd1.ru.srt", "a-cd2.ru.srt" };
    film_write(names[0], STR("1\n00:00:01,000 --> 00:00:02,000\nFirst\n"));
    film_write(names[1], STR("1\n00:00:00,500 --> 00:00:01,500\nSecond\n"));
    for (int i = 0; i < 2; i++)
        out[i] =
            (struct film_sidecar){ .kind = STR("subtitle"),
                                   .language = STR("ru"),
                                   .label = STR(""),
                                   .part = i,
                                   .path = ingest_path_to_hex(task_arena(), film_path(names[i])) };
}

/* The cue of the second part begins where that part does, half a second later. */
static void check_subtitles(const struct film_result *film, int64_t from_ms, int64_t to_ms)
{
    str text = film_subtitle_of(film, "s1");
    ptrdiff_t at = str_find(text, STR("\nSecond"));
    CHECK(str_find(text, STR("00:00:01.000 --> 00:00:02.000\nFirst")) > 0);
    CHECK(at > 29);
    str line = str_sub(text, (size_t)at - 29, 12); /* "00:00:05.500" */
    int64_t seconds = 0, ms = 0;
    CHECK(str_parse_i64(str_sub(line, 6, 2), &seconds) && str_parse_i64(str_sub(line, 9, 3), &ms));
    CHECK(seconds * 1000 + ms - 500 >= from_ms && seconds * 1000 + ms - 500 <= to_ms);
}

static enum err alike(void *arg)
{
    struct film_sidecar beside[2];
    struct film_wish copied = { .name = "a-cd1.mp4", .parts = { "a-cd2.mp4" } };
    struct film_wish old = { .name = "it's-cd1.avi", .parts = { "it's-cd2.avi", "it's-cd3.avi" } };
    (void)arg;
    film_shell(PART("5", "320x180", "440") X264 "-bf 2 -c:a aac a-cd1.mp4");
    film_shell(PART("4", "320x180", "880") X264 "-bf 2 -c:a aac a-cd2.mp4");
    film_shell(PART("3", "160x90", "440") "-c:v mpeg4 -bf 0 -c:a libmp3lame \"it's-cd1.avi\"");
    film_shell(PART("2", "160x90", "880") "-c:v mpeg4 -bf 0 -c:a libmp3lame \"it's-cd2.avi\"");
    film_shell(PART("2", "160x90", "660") "-c:v mpeg4 -bf 0 -c:a libmp3lame \"it's-cd3.avi\"");
    write_subtitles(beside);
    copied.sidecars = beside;
    copied.sidecars_count = 2;
    film_jobs_run();
    film_ask(&copied);
    film_ask(&old);
    film_check(&copied, "v:avc1 a: s:ru", "2 files are joined into one film");
    struct film_result film = film_published(&copied);
    CHECK(str_find(film.reason, STR("transcoded")) < 0);
    struct index video = film_index_of(&film, "v1"), audio = film_index_of(&film, "a1");
    check_frames(&video, 225, 0);
    int64_t sound_ms = (int64_t)index_ticks_to_ms(&audio, audio.duration_ticks);
    CHECK(sound_ms >= 8950 && sound_ms <= 9120);
    CHECK(film.asset.duration_ms >= 8960 && film.asset.duration_ms <= 9120);
    check_subtitles(&film, 5000, 5060);

    film_check(&old, "v:avc1 a:", "3 files are joined into one film");
    film = film_published(&old);
    CHECK(str_find(film.reason, STR("codec MPEG-4: the video is transcoded")) >= 0);
    video = film_index_of(&film, "v1");
    check_frames(&video, 175, 160);
    CHECK_INT(film_store_files("scratch"), 0);

    /* Each part is known: the same again is nothing new, another second part is. */
    struct source source;
    CHECK_OK(ingest_source_find(db_now(film_env.db), film_path("a-cd2.mp4"), &source));
    CHECK(id_eq(source.asset, film_published(&copied).id));
    jobs_stop(film_jobs);
    return OK;
}

TEST(parts_that_are_alike_are_one_film)
{
    film_scenario(alike);
}

static enum err unlike(void *arg)
{
    struct film_sidecar beside[2];
    struct film_wish mixed = { .name = "m-part1.mp4", .parts = { "m-part2.mkv" } };
    struct film_wish gone = { .name = "m-part1.mp4", .parts = { "gone.mkv" } };
    struct film_wish broken = { .name = "m-part1.mp4", .parts = { "text.mkv" } };
    struct film_wish silent = { .name = "m-part1.mp4", .parts = { "sound.mka" } };
    (void)arg;
    film_shell(PART("4", "320x180", "440") X264 "-pix_fmt yuv420p -c:a aac -metadata:s:a:0 "
                                                "language=rus m-part1.mp4");
    film_shell(PART("3", "240x180", "880") "-c:v mpeg2video -c:a ac3 -ac 6 m-part2.mkv");
    film_shell("$F -f lavfi -i sine=d=3 -c:a aac sound.mka");
    film_write("text.mkv", STR("ffconcat version 1.0\nfile 'm-part1.mp4'\n"));
    write_subtitles(beside);
    mixed.sidecars = beside;
    mixed.sidecars_count = 2;
    film_jobs_run();
    film_ask(&mixed);
    film_check(&mixed, "v:avc1 a:ru s:ru", "the parts of the film differ (codec)");
    struct film_result film = film_published(&mixed);
    struct index video = film_index_of(&film, "v1"), audio = film_index_of(&film, "a1");
    CHECK(film.asset.width == 320 && film.asset.height == 180);
    check_frames(&video, 175, 80);
    int64_t video_ms = (int64_t)index_ticks_to_ms(&video, video.duration_ticks);
    int64_t sound_ms = (int64_t)index_ticks_to_ms(&audio, audio.duration_ticks);
    CHECK(video_ms >= 6900 && video_ms <= 7150);
    CHECK(sound_ms >= 6900 && sound_ms <= 7150);
    check_subtitles(&film, 3990, 4080);
    film_ask(&gone);
    film_check_failed(&gone, "part 2: the file is not there any more");
    film_ask(&broken);
    film_check_failed(&broken, "part 2: the film cannot be read: ");
    film_ask(&silent);
    film_check_failed(&silent, "part 2: there is no picture in the file");
    jobs_stop(film_jobs);
    return OK;
}

TEST(parts_that_are_not_alike_are_made_one_film)
{
    film_scenario(unlike);
}
