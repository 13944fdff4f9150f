/*
 * index_test: the index over films made to measure: what is in it, where it cuts, what it refuses,
 * that a damaged one never opens into reading out of bounds, and that segments do not change from
 * build to build.
 */
#include "index.h"

#include "format.h"
#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"
#include "media/fixture/film.h"
#include "media/fixture/golden.h"

#include <stdio.h>
#include <string.h>

static struct arena memory;

static void begin(void)
{
    arena_deinit(&memory);
    arena_init(&memory, MIB(256));
}

static enum err read_sample(void *context, uint64_t offset, void *out, size_t size_bytes)
{
    const str *file = context;
    CHECK(offset <= file->len && size_bytes <= file->len - offset);
    memcpy(out, file->ptr + offset, size_bytes);
    return OK;
}

static enum err build_of(str file, const struct index *follow, str *out)
{
    struct index_params params = { .head = file,
                                   .file_size_bytes = file.len,
                                   .target_ms = INDEX_TARGET_MS,
                                   .follow = follow,
                                   .read = read_sample,
                                   .read_context = &file };
    return index_build(&memory, &params, out);
}

static struct index index_of(const struct film *film, const struct index *follow)
{
    struct index index;
    str bytes;
    CHECK_OK(build_of(film_file(&memory, film), follow, &bytes));
    CHECK_OK(index_open(bytes, &index));
    return index;
}

static struct index_segment segment_of(const struct index *index, uint32_t number)
{
    struct index_segment segment;
    CHECK_OK(index_segment_get(index, number, &segment));
    return segment;
}

TEST(index_of_a_video)
{
    begin();
    struct film film = film_video(260);
    struct index index = index_of(&film, NULL);
    CHECK_INT(index.kind, MP4_VIDEO);
    CHECK_STR(str_of(index.codecs), STR("avc1.640028"));
    CHECK_INT(index.width, 160);
    CHECK_INT(index.height, 90);
    CHECK_INT(index.rate_num, 25);
    CHECK_INT(index.rate_den, 1);
    CHECK_INT(index.sample_count, 260);
    CHECK_INT(index.keyframe_count, 11);
    CHECK_INT(index.segment_count, 3); /* 4 s, 4 s, 2.4 s */
    CHECK_INT(index.duration_ticks, 260 * 512);
    CHECK_STR(str_of(index.language), STR(""));
    uint64_t offset = segment_of(&index, 1).offset;
    for (uint32_t i = 1; i <= 3; i++) {
        struct index_segment segment = segment_of(&index, i);
        CHECK_INT(segment.offset, offset);
        CHECK_INT(segment.start_ticks, (i - 1ul) * 100 * 512);
        CHECK_INT(segment.decode_ticks, (i - 1) * 100 * 512);
        CHECK_INT(segment.sample_count, i < 3 ? 100 : 60);
        CHECK(!segment.uniform);
        CHECK_INT(segment.header_bytes, 24 + 32 + 16 + 20 + 20 + 8 + 16 * segment.sample_count);
        offset += segment.payload_bytes;
    }
    CHECK_INT(offset, index.source_bytes);
    CHECK(index.shape_width == 1 && index.size_width == 2);
    struct index_segment none;
    CHECK_ERR(index_segment_get(&index, 0, &none), ERR_NOT_FOUND);
    CHECK_ERR(index_segment_get(&index, 4, &none), ERR_NOT_FOUND);
}

TEST(index_of_audio_follows_video)
{
    begin();
    struct film picture = film_video(260), sound = film_audio(500);
    struct index video = index_of(&picture, NULL);
    struct index audio = index_of(&sound, &video);
    CHECK_STR(str_of(audio.codecs), STR("mp4a.40.2"));
    CHECK_STR(str_of(audio.language), STR("ru"));
    CHECK_INT(audio.sample_rate, 48000);
    CHECK_INT(audio.channels, 2);
    CHECK_INT(audio.keyframe_count, 0);
    CHECK_INT(audio.segment_count, 3);
    CHECK_INT(audio.shape_width, 0);
    CHECK_INT(audio.duration_ticks, 499 * 1024); /* the priming is not shown */
    struct index_segment first = segment_of(&audio, 1), second = segment_of(&audio, 2);
    CHECK(first.uniform);
    CHECK_INT(first.start_ticks, 0);
    CHECK_INT(first.decode_ticks, 0);
    CHECK_INT(first.header_bytes, 24 + 32 + 24 + 20 + 20 + 8 + 4 * first.sample_count);
    /* At 4 s sounds the packet of media time 192512 to 193536, shown 1024 earlier. */
    CHECK_INT(second.decode_ticks, 188 * 1024);
    CHECK_INT(second.start_ticks, 187 * 1024);
}

TEST(index_of_audio_alone_is_uniform)
{
    begin();
    struct film sound = film_audio(2000);
    sound.edit_start = -1;
    struct index audio = index_of(&sound, NULL);
    for (uint32_t i = 1; i <= audio.segment_count; i++) {
        uint64_t start = segment_of(&audio, i).start_ticks, grid = (i - 1) * 4ul * 48000;
        CHECK(start <= grid && grid < start + 1024);
    }
    CHECK_INT(audio.segment_count, 11);
}

/* A sound that is longer than the picture goes on in segments of its own; a shorter one has fewer.
 */
TEST(index_of_audio_longer_and_shorter_than_video)
{
    begin();
    struct film picture = film_video(250), sound = film_audio(48000 / 1024 * 60);
    struct index video = index_of(&picture, NULL);
    struct index audio = index_of(&sound, &video);
    for (uint32_t i = 1; i <= audio.segment_count; i++)
        CHECK(segment_of(&audio, i).duration_ticks <= 9 * 48000ul);
    CHECK(audio.segment_count > 10);
    sound = film_audio(200);
    audio = index_of(&sound, &video);
    CHECK_INT(audio.segment_count, 2);
}

/* Sync samples with leading pictures are no cut points; segments are then as long as it takes. */
TEST(index_open_gop_is_not_cut)
{
    begin();
    struct film film = film_video(300);
    film.open_gop = true;
    str file = film_file(&memory, &film), bytes;
    struct index index;
    CHECK_OK(build_of(file, NULL, &bytes));
    CHECK_OK(index_open(bytes, &index));
    struct index_cuts cuts = index_cuts(&index);
    CHECK_INT(cuts.keyframes, 12);
    CHECK_INT(cuts.open, 11);
    CHECK_INT(cuts.first_open_ticks, 25 * 512);
    CHECK_INT(index.segment_count, 1);
    CHECK_INT(cuts.segment_ticks_max, index.duration_ticks);
}

/* Only the bytes tell a recovery point from an IDR picture when no frame is shown out of order. */
TEST(index_recovery_points_are_not_cut)
{
    begin();
    struct film film = film_video(300);
    film.reorder = 0;
    film.edit_start = -1;
    film.recovery_points = true;
    struct index index = index_of(&film, NULL);
    CHECK_INT(index_cuts(&index).open, 11);
    CHECK_INT(index.segment_count, 1);
    film.recovery_points = false;
    index = index_of(&film, NULL);
    CHECK_INT(index_cuts(&index).open, 0);
    CHECK_INT(index.segment_count, 3);
}

TEST(index_finds_segments_and_keyframes_by_time)
{
    begin();
    struct film film = film_video(260);
    struct index index = index_of(&film, NULL);
    CHECK_INT(index_segment_at(&index, 0), 1);
    CHECK_INT(index_segment_at(&index, 100 * 512 - 1), 1);
    CHECK_INT(index_segment_at(&index, 100 * 512ul), 2);
    CHECK_INT(index_segment_at(&index, UINT64_MAX), 3);
    struct index_keyframe key = index_keyframe_get(&index, 4);
    CHECK_INT(key.sample, 100);
    CHECK_INT(key.shown_ticks, 100 * 512);
    CHECK_INT(key.decode_ticks, 100 * 512);
    CHECK_INT(key.offset, segment_of(&index, 2).offset);
    CHECK(key.closed);
    CHECK_INT(index_ticks_to_ms(&index, 512), 40);
    CHECK_INT(index_ticks_to_us(&index, 1), 78);
}

TEST(index_of_a_delayed_track)
{
    begin();
    struct film picture = film_video(100), sound = film_audio(200);
    picture.edit_delay_ms = 500;
    struct index video = index_of(&picture, NULL);
    CHECK_INT(segment_of(&video, 1).start_ticks, 6400);
    CHECK_INT(segment_of(&video, 1).decode_ticks, 6400);
    CHECK_INT(video.duration_ticks, 6400 + 100 * 512);
    sound.edit_delay_ms = 500; /* more than the priming: no edit is left, tfdt carries the rest */
    struct index audio = index_of(&sound, NULL);
    CHECK_INT(segment_of(&audio, 1).decode_ticks, 24000 - 1024);
    CHECK_INT(segment_of(&audio, 1).start_ticks, 24000 - 1024);
    CHECK(memmem(audio.init.ptr, audio.init.len, "elst", 4) == NULL);
}

/* ffmpeg writes a last frame without duration when it is not told one; here it is a keyframe, too.
 */
TEST(index_last_sample_without_duration)
{
    begin();
    struct film film = film_video(101);
    film.reorder = 0;
    film.edit_start = -1;
    film.last_instant = true;
    struct index index = index_of(&film, NULL);
    CHECK_INT(index.segment_count, 1);
    CHECK_INT(segment_of(&index, 1).sample_count, 101);
    CHECK_INT(index.duration_ticks, 100 * 512);
    struct film sound = film_audio(400);
    sound.last_instant = true;
    CHECK_INT(index_of(&sound, NULL).duration_ticks, 398 * 1024);
}

TEST(index_bandwidth)
{
    begin();
    struct film film = film_video(250);
    struct index index = index_of(&film, NULL);
    uint64_t total = 0, peak = 0;
    for (uint32_t i = 1; i <= index.segment_count; i++) {
        struct index_segment segment = segment_of(&index, i);
        uint64_t bytes = segment.header_bytes + segment.payload_bytes;
        total += bytes;
        peak = MAX_OF(peak, bytes * 8 * 12800 / segment.duration_ticks + 1);
    }
    CHECK_INT(index.bandwidth_peak, peak);
    CHECK_INT(index.bandwidth_average, total * 8 * 12800 / index.duration_ticks + 1);
}

TEST(index_is_byte_stable)
{
    begin();
    struct film film = film_video(260);
    str file = film_file(&memory, &film), first, second;
    CHECK_OK(build_of(file, NULL, &first));
    CHECK_OK(build_of(file, NULL, &second));
    CHECK(str_eq(first, second));
    film.wide = true; /* the same samples behind other boxes */
    film.chunk = 7;
    struct index narrow, wide;
    CHECK_OK(index_open(first, &narrow));
    wide = index_of(&film, NULL);
    static uint8_t a[FMP4_HEADER_BYTES_MAX], b[FMP4_HEADER_BYTES_MAX];
    struct index_segment of_narrow = segment_of(&narrow, 2), of_wide = segment_of(&wide, 2);
    index_segment_header(&narrow, &of_narrow, a);
    index_segment_header(&wide, &of_wide, b);
    CHECK_INT(of_narrow.header_bytes, of_wide.header_bytes);
    CHECK(memcmp(a, b, of_narrow.header_bytes) == 0);
    CHECK(str_eq(narrow.init, wide.init));
}

/* Any byte changed is found by the checksum; with the checksum put right, no read leaves the bytes.
 */
TEST(index_open_refuses_damage)
{
    begin();
    struct film film = film_video(60);
    struct index index;
    str bytes;
    CHECK_OK(build_of(film_file(&memory, &film), NULL, &bytes));
    for (size_t len = 0; len < bytes.len; len += 1 + len / 16)
        CHECK_ERR(index_open(str_sub(bytes, 0, len), &index), ERR_CORRUPT);
    for (int i = 0; i < 3000; i++) {
        str copy = arena_str(&memory, bytes);
        char *at = (char *)copy.ptr + test_random() % copy.len;
        *at = (char)(*at ^ (1 << test_random() % 8));
        CHECK_ERR(index_open(copy, &index), ERR_CORRUPT);
        struct index_file header;
        memcpy(&header, copy.ptr, sizeof(header));
        header.checksum = index_checksum_of(copy);
        memcpy((char *)copy.ptr, &header, sizeof(header));
        if (index_open(copy, &index) != OK)
            continue;
        static uint8_t out[FMP4_HEADER_BYTES_MAX];
        for (uint32_t n = 1; n <= index.segment_count; n++) {
            struct index_segment segment = segment_of(&index, n);
            CHECK(segment.header_bytes <= sizeof(out));
            CHECK(segment.offset + segment.payload_bytes <= index.source_bytes);
            index_segment_header(&index, &segment, out);
        }
    }
}

TEST(index_version_is_checked)
{
    begin();
    struct film film = film_video(60);
    struct index index;
    str bytes;
    CHECK_OK(build_of(film_file(&memory, &film), NULL, &bytes));
    ((char *)bytes.ptr)[8]++;
    CHECK_ERR(index_open(bytes, &index), ERR_CORRUPT);
    CHECK_STR(str_of(err_slot()->slug), STR("index-version"));
}

TEST(index_checksum_is_xxh64)
{
    CHECK(index_checksum(STR("")) == 0xef46db3751d8e999u);
    CHECK(index_checksum(STR("abc")) == 0x44bc2cf5ad770999u);
    CHECK(index_checksum(STR("Nobody inspects the spammish repetition")) == 0xfbcea83c8a378bf1u);
}

TEST(index_build_refuses)
{
    begin();
    static const struct {
        struct film film;
        const char *word; /* of the reason */
    } cases[] = {
        { { .chunk_gap = 4, .sample_count = 60 }, "not after the one before it" },
        { { .gop = 5000, .sample_count = 9000 }, "too few closed keyframes" },
        { { .edit_start = 5120, .sample_count = 60 }, "hides the first" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct film film = film_video(cases[i].film.sample_count);
        str bytes;
        film.chunk_gap = cases[i].film.chunk_gap;
        if (cases[i].film.gop)
            film.gop = cases[i].film.gop;
        if (cases[i].film.edit_start)
            film.edit_start = cases[i].film.edit_start;
        enum err code = build_of(film_file(&memory, &film), NULL, &bytes);
        CHECK_INT(code, ERR_INVALID);
        CHECK(str_find(str_of(err_slot()->text), str_of(cases[i].word)) >= 0);
    }
}

/* Chunks that point back at the same bytes would make a large film of a small file. */
TEST(index_build_refuses_overlap)
{
    begin();
    struct film film = film_video(200);
    str bytes;
    film.chunk = 100;
    str file = film_file(&memory, &film);
    film_poke(file, "stco", 12, film_peek(file, "stco", 8));
    struct index_params params = { .head = file, .file_size_bytes = file.len, .target_ms = 4000 };
    CHECK_ERR(index_build(&memory, &params, &bytes), ERR_INVALID);
    CHECK(str_find(str_of(err_slot()->text), STR("before the end of the one before it")) >= 0);
}

/* The job's memory is a limit, not a crash. */
TEST(index_build_within_its_memory)
{
    begin();
    struct film film = film_video(2000);
    str file = film_file(&memory, &film), bytes;
    struct index_params params = { .head = file, .file_size_bytes = file.len, .target_ms = 4000 };
    int exhausted = 0;
    for (size_t limit = 0; limit < KIB(400); limit += KIB(5)) {
        struct arena small;
        arena_init(&small, limit);
        enum err code = index_build(&small, &params, &bytes);
        CHECK(code == OK || code == ERR_EXHAUSTED);
        exhausted += code != OK;
        arena_deinit(&small);
    }
    CHECK(exhausted > 0 && exhausted < 80);
}

/*
 * Two hours of 25 frames a second with B-frames: under 1 MiB, and what a segment costs does not
 * depend on where it is (the header is written from a slice of the tables; nothing before it is
 * read).
 */
TEST(index_of_two_hours)
{
    begin();
    struct film film = film_video(180000);
    uint64_t file_bytes;
    str bytes;
    film.size_bytes = 8000;
    struct index_params params = { .target_ms = 4000 };
    params.head = film_head(&memory, &film, &file_bytes);
    params.file_size_bytes = file_bytes;
    CHECK_OK(index_build(&memory, &params, &bytes));
    struct index index;
    CHECK_OK(index_open(bytes, &index));
    CHECK_INT(index.segment_count, 1800);
    CHECK_INT(index.size_width, 4);
    CHECK(bytes.len < MIB(1) + KIB(256));
    CHECK_INT(segment_of(&index, 1).header_bytes, segment_of(&index, 1800).header_bytes);
}

/* The bytes players get: a change here changes them for every film already cached somewhere. */
TEST(index_golden)
{
    begin();
    struct film picture = film_video(260), sound = film_audio(500);
    struct index video = index_of(&picture, NULL), audio = index_of(&sound, &video);
    static uint8_t header[FMP4_HEADER_BYTES_MAX];
    struct index_segment segment = segment_of(&video, 3);
    CHECK(golden_matches(KB_GOLDEN, "video-init.mp4", video.init));
    index_segment_header(&video, &segment, header);
    CHECK(golden_matches(KB_GOLDEN, "video-3-header.m4s",
                         (str){ (char *)header, segment.header_bytes }));
    CHECK(golden_matches(KB_GOLDEN, "audio-init.mp4", audio.init));
    segment = segment_of(&audio, 2);
    index_segment_header(&audio, &segment, header);
    CHECK(golden_matches(KB_GOLDEN, "audio-2-header.m4s",
                         (str){ (char *)header, segment.header_bytes }));
}

/* What the fuzzers start from; written where KB_GOLDEN_UPDATE asks for it. */
TEST(index_fuzz_seeds)
{
    begin();
    struct film films[] = { film_video(60), film_audio(40), film_video(30), film_video(50),
                            film_video(20) };
    static const char *const names[] = { "video", "audio", "wide-delayed", "open-gop", "gaps" };
    films[2].wide = true;
    films[2].edit_delay_ms = 300;
    films[3].open_gop = true;
    films[4].chunk_gap = 3;
    for (size_t i = 0; i < ARRAY_LEN(films); i++) {
        struct buf seed;
        char name[64];
        films[i].size_bytes = 10;
        str file = film_file(&memory, &films[i]), bytes;
        buf_init(&seed, &memory, MIB(1));
        buf_put(&seed, STR("\x01\x11"));
        buf_put(&seed, file);
        snprintf(name, sizeof(name), "../../fuzz/index_build/%s", names[i]);
        CHECK(golden_matches(KB_GOLDEN, name, buf_str(&seed)));
        if (films[i].chunk_gap > 0)
            continue;
        CHECK_OK(build_of(file, NULL, &bytes));
        snprintf(name, sizeof(name), "../../fuzz/index_open/%s", names[i]);
        CHECK(golden_matches(KB_GOLDEN, name, bytes));
    }
}

static enum err build_in(struct arena *some_arena, void *arg)
{
    str *file = arg, bytes;
    struct index index;
    struct index_params params = { .head = *file,
                                   .file_size_bytes = file->len,
                                   .target_ms = INDEX_TARGET_MS,
                                   .read = read_sample,
                                   .read_context = file };
    TRY(index_build(some_arena, &params, &bytes));
    return index_open(bytes, &index);
}

TEST(index_minds_every_refused_allocation)
{
    begin();
    struct film video = film_video(500), audio = film_audio(500);
    video.recovery_points = true; /* samples are looked into */
    str file = film_file(&memory, &video);
    CHECK(test_every_allocation(build_in, &file) >= 4);
    file = film_file(&memory, &audio);
    CHECK(test_every_allocation(build_in, &file) >= 4);
}
