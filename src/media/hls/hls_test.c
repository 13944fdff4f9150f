/* hls_test: golden playlists of a film with two videos, mixed audio and subtitles; the rules of RFC
 * 8216. */
#include "hls.h"

#include "foundation/test/test.h"
#include "media/fixture/film.h"
#include "media/fixture/golden.h"

#include <stdlib.h>
#include <string.h>

static struct arena memory;

static void begin(void)
{
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
}

static struct index *index_of(struct film film, const struct index *follow)
{
    struct index *index = ARENA_NEW(&memory, struct index);
    str file = film_file(&memory, &film), bytes;
    struct index_params params = {
        .head = file, .file_size_bytes = file.len, .target_ms = 4000, .follow = follow
    };
    CHECK_OK(index_build(&memory, &params, &bytes));
    CHECK_OK(index_open(bytes, index));
    return index;
}

static str written(enum err code, const struct buf *out)
{
    CHECK_OK(code);
    return buf_str(out);
}

static str master(const struct manifest *manifest)
{
    struct buf out;
    buf_init(&out, &memory, MIB(1));
    return written(hls_master_write(manifest, &out), &out);
}

static str media(const struct index *index)
{
    struct buf out;
    buf_init(&out, &memory, MIB(1));
    return written(hls_media_write(index, &out), &out);
}

/* 23.976 frames a second and a keyframe every 50: nothing is a round number of seconds. */
static struct film film_ntsc(uint32_t samples)
{
    struct film film = film_video(samples);
    film.timescale = 24000;
    film.sample_ticks = 1001;
    film.edit_start = 1001;
    film.gop = 50;
    film.width = 1920;
    film.height = 1080;
    film.size_bytes = 900;
    return film;
}

TEST(hls_golden)
{
    begin();
    struct film small = film_ntsc(700);
    small.width = 640;
    small.height = 360;
    small.size_bytes = 200;
    struct index *large = index_of(film_ntsc(700), NULL), *low = index_of(small, NULL);
    struct index *sound = index_of(film_audio(1400), large);
    const struct manifest_track videos[] = { { .name = STR("v1080"), .index = large },
                                             { .name = STR("v360"), .index = low } };
    const struct manifest_track audios[] = {
        { .name = STR("a1"), .index = sound, .language = STR("ru"), .label = STR("Русский") },
        { .name = STR("a2"),
          .index = sound,
          .language = STR("en"),
          .label = STR("The \"director\""),
          .is_default = true },
        { .name = STR("a3"), .index = sound, .language = STR("ru"), .label = STR("Русский") },
    };
    const struct manifest_text texts[] = {
        { .name = STR("s1"), .language = STR("ru"), .label = STR("Русские"), .forced = true },
        { .name = STR("s2"), .language = STR("en"), .is_default = true, .sdh = true },
        { .name = STR("s3"), .language = STR("bad\"\n"), .label = STR("a\nb\xff") },
    };
    struct manifest manifest = { videos, audios, texts, 2, 3, 3 };
    struct buf out;
    CHECK(golden_matches(KB_GOLDEN, "master.m3u8", master(&manifest)));
    CHECK(golden_matches(KB_GOLDEN, "video.m3u8", media(large)));
    CHECK(golden_matches(KB_GOLDEN, "audio.m3u8", media(sound)));
    buf_init(&out, &memory, MIB(1));
    CHECK(
        golden_matches(KB_GOLDEN, "text.m3u8", written(hls_text_write(29196, 10000, &out), &out)));
}

/* Durations add up to the film, and none, rounded, exceeds the target. */
TEST(hls_durations_add_up)
{
    begin();
    struct index *index = index_of(film_ntsc(3333), NULL);
    str rest = media(index), line;
    uint64_t total_us = 0, target = 0, segments = 0;
    while (str_cut(&rest, '\n', &line)) {
        if (str_starts(line, STR("#EXT-X-TARGETDURATION:")))
            target = strtoull(line.ptr + 22, NULL, 10);
        if (!str_starts(line, STR("#EXTINF:")))
            continue;
        char *fraction;
        uint64_t seconds = strtoull(line.ptr + 8, &fraction, 10);
        uint64_t us = seconds * 1000000 + strtoull(fraction + 1, NULL, 10);
        CHECK((us + 500000) / 1000000 <= target);
        total_us += us;
        segments++;
    }
    CHECK_INT(segments, index->segment_count);
    CHECK_INT(total_us, index_ticks_to_us(index, index->duration_ticks));
}

TEST(hls_without_video_or_audio)
{
    begin();
    struct index *picture = index_of(film_video(100), NULL),
                 *sound = index_of(film_audio(200), NULL);
    const struct manifest_track videos[] = { { .name = STR("v"), .index = picture } };
    const struct manifest_track audios[] = { { .name = STR("a"), .index = sound } };
    struct manifest silent = { .videos = videos, .video_count = 1 };
    struct manifest blind = { .audios = audios, .audio_count = 1 };
    str text = master(&silent);
    CHECK(str_find(text, STR("AUDIO")) < 0 && str_find(text, STR("SUBTITLES")) < 0);
    CHECK(str_find(text, STR("CODECS=\"avc1.640028\",RESOLUTION=160x90,FRAME-RATE=25.000")) > 0);
    text = master(&blind);
    CHECK(str_find(text, STR("EXT-X-MEDIA")) < 0 && str_find(text, STR("\na/index.m3u8\n")) > 0);
}

TEST(hls_refuses)
{
    begin();
    struct buf out;
    struct index *picture = index_of(film_video(100), NULL);
    buf_init(&out, &memory, MIB(1));
    static const str names[] = { STR_INIT(""),   STR_INIT("../x"), STR_INIT("a/b"),
                                 STR_INIT(".x"), STR_INIT("a\"b"), STR_INIT("a b") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct manifest_track video = { .name = names[i], .index = picture };
        struct manifest manifest = { .videos = &video, .video_count = 1 };
        CHECK_ERR(hls_master_write(&manifest, &out), ERR_INVALID);
    }
    const struct manifest_track twins[] = { { .name = STR("v"), .index = picture },
                                            { .name = STR("v"), .index = picture } };
    struct manifest twice = { .videos = twins, .video_count = 2 };
    struct manifest as_sound = { .audios = twins, .audio_count = 1 };
    struct manifest empty = { 0 };
    CHECK_ERR(hls_master_write(&twice, &out), ERR_INVALID);
    CHECK_ERR(hls_master_write(&as_sound, &out), ERR_INVALID);
    CHECK_ERR(hls_master_write(&empty, &out), ERR_INVALID);
    buf_init(&out, &memory, 100);
    CHECK_ERR(hls_media_write(picture, &out), ERR_EXHAUSTED);
}

TEST(hls_text_segments_cover_the_film)
{
    CHECK_INT(hls_text_segments(0, 30000), 1);
    CHECK_INT(hls_text_segments(30000, 30000), 1);
    CHECK_INT(hls_text_segments(30001, 30000), 2);
}
