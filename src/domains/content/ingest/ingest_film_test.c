/*
 * The whole way of a film that can be watched: what of its picture is copied, what is made, and
 * what ends up in catalogue and store.
 */
#include "ingest_film_stage_test.h"

#include "foundation/crypto/crypto.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char srt[] = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n"
                          "2\n00:00:03,000 --> 00:00:04,000\nBye\n";
static const char ass[] = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
                          "Format: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n[Events]\n"
                          "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
                          "Effect, Text\n"
                          "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}Signs{\\i0}\n";

static void make_plain(void)
{
    film_write("t.srt", str_of(srt));
    film_write("t.ass", str_of(ass));
    film_shell(
        "$F " VIDEO SOUND "-f lavfi -i sine=880:d=4 -i t.srt -i t.ass -map 0 -map 1 -map 2 "
        "-map 3 -map 4 " X264 "-c:a aac -c:s:0 srt -c:s:1 copy -metadata:s:a:0 language=rus "
        "-metadata:s:a:0 title=Original -metadata:s:a:1 language=eng -disposition:a:1 default "
        "-disposition:a:0 0 -metadata:s:s:0 language=eng -metadata:s:s:1 language=rus "
        "-disposition:s:1 forced plain.mkv");
}

static void hash_film(const char *name, uint8_t out[SHA256_BYTES])
{
    static char bytes[4 << 20];
    FILE *file = fopen(film_path(name).ptr, "rb");
    CHECK(file != NULL);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    CHECK(len > 0 && len < sizeof(bytes));
    crypto_sha256((str){ bytes, len }, out);
}

static enum err a_plain_film(void *arg)
{
    struct film_wish wish = { .name = "plain.mkv" };
    uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
    (void)arg;
    make_plain();
    hash_film("plain.mkv", before);
    CHECK_INT(chmod(film_path("plain.mkv").ptr, 0400), 0);
    film_jobs_run();
    film_ask(&wish);
    film_check(&wish, "v:avc1 a:ru a:en s:en s:ru", "");
    struct film_result film = film_published(&wish);
    CHECK_STR(film.tracks[1].label, STR("Original"));
    CHECK_STR(film.tracks[2].label, STR("English"));
    CHECK(!film.tracks[1].is_default && film.tracks[2].is_default);
    CHECK(!film.tracks[3].forced && film.tracks[4].forced);
    CHECK(film.asset.width == 320 && film.asset.height == 180);
    /* The muxer of the source moved everything by the priming of its sound, and so it stays. */
    CHECK(film.asset.duration_ms >= 5000 && film.asset.duration_ms <= 5040);
    struct index video = film_index_of(&film, "v1"), audio = film_index_of(&film, "a1");
    CHECK_INT(video.sample_count, 125);
    CHECK(audio.segment_count > 0 && audio.sample_rate == 48000);
    CHECK(str_find(film_subtitle_of(&film, "s1"), STR("00:00:03.02")) > 0);
    CHECK(str_find(film_subtitle_of(&film, "s1"), STR("\nBye")) > 0);
    CHECK(str_find(film_subtitle_of(&film, "s2"), STR("<i>Signs</i>")) > 0);
    CHECK_STR(job_state_text(film_job_get(&wish).state), STR("done"));
    CHECK_INT(film_store_files("scratch"), 0);
    hash_film("plain.mkv", after);
    CHECK(memcmp(before, after, sizeof(before)) == 0);
    jobs_stop(film_jobs);
    return OK;
}

TEST(a_film_browsers_play_is_copied)
{
    film_scenario(a_plain_film);
}

static enum err videos_copied(void *arg)
{
    struct film_wish hevc = { .name = "hevc.mkv" }, vp9 = { .name = "vp9.webm" };
    struct film_wish av1 = { .name = "av1.mkv" };
    (void)arg;
    film_shell("$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -c:v libx265 -x265-params "
               "open-gop=0:keyint=25:log-level=none -pix_fmt yuv420p10le hevc.mkv");
    film_shell("$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=d=3 -c:v libvpx-vp9 "
               "-deadline realtime -cpu-used 8 -g 25 -c:a libopus vp9.webm");
    film_shell(
        "$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -c:v libaom-av1 -cpu-used 8 -usage realtime "
        "-g 25 av1.mkv");
    film_jobs_run();
    film_ask(&hevc);
    film_ask(&vp9);
    film_ask(&av1);
    film_check(&hevc, "v:hvc1", "");
    film_check(&vp9, "v:vp09 a:", "");
    film_check(&av1, "v:av01", "");
    jobs_stop(film_jobs);
    return OK;
}

TEST(videos_the_browser_may_play_are_copied)
{
    film_scenario(videos_copied);
}

static enum err videos_transcoded(void *arg)
{
    struct film_wish deep = { .name = "deep.mkv" }, fields = { .name = "fields.mkv" };
    struct film_wish open = { .name = "open.mkv" }, old = { .name = "old.avi" };
    struct film_wish sparse = { .name = "sparse.mp4" };
    uint64_t times[3];
    (void)arg;
    film_shell("$F " VIDEO SOUND X264 "-pix_fmt yuv420p10le -c:a aac deep.mkv");
    film_shell("$F -f lavfi -i testsrc2=s=320x180:r=50:d=4 -vf tinterlace=4,setfield=tff "
               "-c:v libx264 -preset ultrafast -flags +ildct+ilme -g 25 fields.mkv");
    film_shell("$F " VIDEO "-c:v libx264 -preset medium -bf 3 -g 25 -x264-params "
               "open-gop=1:scenecut=0:min-keyint=25 -pix_fmt yuv420p open.mkv");
    film_shell("$F " VIDEO SOUND "-c:v mpeg2video -c:a mp2 old.avi");
    film_shell("$F -f lavfi -i testsrc2=s=160x90:r=10:d=30 -c:v libx264 -preset ultrafast -g 9999 "
               "-sc_threshold 0 -pix_fmt yuv420p sparse.mp4");
    film_jobs_run();
    film_ask(&deep);
    film_ask(&fields);
    film_ask(&open);
    film_ask(&old);
    film_ask(&sparse);
    film_check(&deep, "v:avc1 a:", "Hi10P: the video is transcoded");
    film_check(&fields, "v:avc1", "interlaced: the video is transcoded");
    film_check(&open, "v:avc1", "open GOP at 0:00:0");
    film_check(&old, "v:avc1 a:", "codec MPEG-2: the video is transcoded");
    film_check(&sparse, "v:avc1", "keyframes up to 30 s apart: the video is transcoded");
    struct film_result film = film_published(&deep);
    struct index video = film_index_of(&film, "v1");
    CHECK_INT(video.sample_count, 125);
    CHECK_INT(video.keyframe_count, 3); /* at 0, 2 and 4 s, and nowhere else */
    CHECK_INT(index_cuts(&video).open, 0);
    for (uint32_t i = 0; i < 3; i++)
        times[i] = index_ticks_to_ms(&video, (uint64_t)index_keyframe_get(&video, i).shown_ticks);
    CHECK(times[0] >= 20 && times[0] <= 25); /* the offset to the sound is the source's */
    CHECK_INT(times[1], times[0] + 2000);
    CHECK_INT(times[2], times[0] + 4000);
    film = film_published(&open);
    video = film_index_of(&film, "v1");
    CHECK_INT(index_cuts(&video).open, 0);
    film = film_published(&fields);
    video = film_index_of(&film, "v1");
    CHECK_INT(video.sample_count, 100);
    CHECK_INT(film_store_files("scratch"), 0);
    jobs_stop(film_jobs);
    return OK;
}

TEST(videos_browsers_do_not_play_are_transcoded)
{
    film_scenario(videos_transcoded);
}
