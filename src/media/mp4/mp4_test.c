/*
 * mp4_test: what is read from a well-made head, and a clear error for each way a file is known to
 * be made badly: the list of nginx's, nginx-rtmp's and nginx-vod-module's past mistakes and some of
 * ours.
 */
#include "mp4.h"

#include "foundation/mem/arena.h"
#include "foundation/test/test.h"
#include "media/fixture/film.h"

#include <string.h>

static struct arena memory;

static void begin(void)
{
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
}

/* Parses and walks all samples. */
static enum err walk(str file, uint64_t file_bytes)
{
    struct mp4_track track;
    struct mp4_cursor cursor;
    struct mp4_sample sample;
    TRY(mp4_parse(file, file_bytes, &track));
    mp4_cursor_init(&cursor, &track);
    for (uint32_t i = 0; i < track.sample_count; i++)
        TRY(mp4_cursor_next(&cursor, &sample));
    return OK;
}

static str video_file(void)
{
    struct film film = film_video(60);
    return film_file(&memory, &film);
}

TEST(mp4_reads_a_video)
{
    begin();
    struct film film = film_video(60);
    for (int wide = 0; wide < 2; wide++) {
        struct mp4_track track;
        film.wide = wide;
        str file = film_file(&memory, &film);
        CHECK_OK(mp4_parse(file, file.len, &track));
        CHECK_INT(track.kind, MP4_VIDEO);
        CHECK_INT(track.codec, MP4_H264);
        CHECK_STR(str_of(track.codecs), STR("avc1.640028"));
        CHECK_STR(str_of(track.language), STR("und"));
        CHECK_INT(track.timescale, 12800);
        CHECK_INT(track.width, 160);
        CHECK_INT(track.height, 90);
        CHECK_INT(track.nal_length_size, 4);
        CHECK_INT(track.media_start_ticks, 512);
        CHECK_INT(track.delay_ticks, 0);
        CHECK_INT(track.sample_count, 60);
    }
}

TEST(mp4_walks_every_sample)
{
    begin();
    struct film film = film_video(60);
    for (int wide = 0; wide < 2; wide++) {
        struct mp4_track track;
        struct mp4_cursor cursor;
        struct mp4_sample sample;
        film.wide = wide;
        str file = film_file(&memory, &film);
        CHECK_OK(mp4_parse(file, file.len, &track));
        mp4_cursor_init(&cursor, &track);
        uint64_t offset = file.len;
        for (uint32_t i = 0; i < 60; i++)
            offset -= film_sample_size(&film, i);
        for (uint32_t i = 0; i < 60; i++) {
            CHECK_OK(mp4_cursor_next(&cursor, &sample));
            CHECK_INT(sample.offset, offset);
            CHECK_INT(sample.size_bytes, film_sample_size(&film, i));
            CHECK_INT(sample.decode_ticks, i * 512);
            CHECK_INT(sample.duration_ticks, 512);
            CHECK_INT(sample.composition_ticks, film_composition(&film, i));
            CHECK_INT(sample.sync, film_is_sync(&film, i));
            offset += sample.size_bytes;
        }
    }
}

TEST(mp4_reads_audio_and_its_edit)
{
    begin();
    struct film film = film_audio(10);
    struct mp4_track track;
    film.edit_delay_ms = 250;
    str file = film_file(&memory, &film);
    CHECK_OK(mp4_parse(file, file.len, &track));
    CHECK_INT(track.kind, MP4_AUDIO);
    CHECK_STR(str_of(track.codecs), STR("mp4a.40.2"));
    CHECK_STR(str_of(track.language), STR("rus"));
    CHECK_INT(track.sample_rate, 48000);
    CHECK_INT(track.channels, 2);
    CHECK_INT(track.media_start_ticks, 1024);
    CHECK_INT(track.delay_ticks, 12000);
}

/* RFC 6381 names from the bytes of the configuration. */
TEST(mp4_names_codecs)
{
    static const struct {
        const char *entry, *config, *body, *expected;
        size_t body_len;
    } cases[] = {
        { "avc1", "avcC", "\x01\x42\xe0\x1e\xff\xe0\x00", "avc1.42E01E", 7 },
        { "avc3", "avcC", "\x01\x64\x00\x2a\xff\xe0\x00", "avc3.64002A", 7 },
        { "hvc1", "hvcC",
          "\x01\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x5d\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f"
          "\x00",
          "hvc1.1.6.L93.90", 23 },
        { "hev1", "hvcC",
          "\x01\x22\x20\x00\x00\x00\xb0\x00\x00\x00\x00\x00\x99\xf0\x00\xfc\xfd\xfa\xfa\x00\x00\x0f"
          "\x00",
          "hev1.2.4.H153.B0", 23 },
        { "av01", "av1C", "\x81\x08\x0c\x00", "av01.0.08M.08", 4 },
        { "av01", "av1C", "\x81\x2d\xcc\x00", "av01.1.13H.10", 4 },
        { "vp09", "vpcC", "\x01\x00\x00\x00\x02\x29\xa2\x02", "vp09.02.41.10", 8 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin();
        struct mp4_track track;
        struct film film = film_video(30);
        film.entry = cases[i].entry;
        film.config = cases[i].config;
        film.config_body = (str){ cases[i].body, cases[i].body_len };
        str file = film_file(&memory, &film);
        CHECK_OK(mp4_parse(file, file.len, &track));
        CHECK_STR(str_of(track.codecs), str_of(cases[i].expected));
        for (size_t len = 0; len + 1 < cases[i].body_len; len++) {
            film.config_body.len = len;
            str cut = film_file(&memory, &film);
            CHECK_ERR(mp4_parse(cut, cut.len, &track), ERR_INVALID);
        }
    }
}

/* AudioSpecificConfigs: LC; HE with an explicit SBR type; an escaped type; an escaped rate. */
TEST(mp4_names_aac)
{
    static const struct {
        char config[2];
        const char *expected;
        uint32_t rate, channels;
    } cases[] = {
        { "\x12\x10", "mp4a.40.2", 44100, 2 },
        { "\x2b\x11", "mp4a.40.5", 24000, 2 },
        { "\x11\xb8", "mp4a.40.2", 48000, 8 },
        { "\xf9\x46", "mp4a.40.42", 48000, 2 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin();
        struct mp4_track track;
        struct film film = film_audio(10);
        str file = film_file(&memory, &film);
        memcpy(film_box(file, "esds") + 4 + 4 + 5 + 3 + 5 + 13 + 5, cases[i].config, 2);
        CHECK_OK(mp4_parse(file, file.len, &track));
        CHECK_STR(str_of(track.codecs), str_of(cases[i].expected));
        CHECK_INT(track.sample_rate, cases[i].rate);
        CHECK_INT(track.channels, cases[i].channels);
    }
}

TEST(mp4_head_size_is_the_end_of_moov)
{
    begin();
    uint64_t bytes, expected;
    struct film film = film_video(60);
    str file = film_file(&memory, &film);
    str head = film_head(&memory, &film, &expected);
    CHECK_INT(expected, file.len);
    CHECK_OK(mp4_head_size(str_sub(file, 0, 100), file.len, &bytes));
    CHECK_INT(bytes, head.len);
    CHECK_OK(walk(str_sub(file, 0, bytes), file.len));
    CHECK_ERR(mp4_head_size(str_sub(file, 0, 100), bytes - 1, &bytes), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("mp4-truncated"));
}

/* One field of one box bent, and the word of the reason that must come of it. */
static const struct {
    const char *box;
    size_t at;
    uint32_t value;
    const char *slug;
    const char *word;
} bends[] = {
    { "stco", 8, 0xfffffff0, "mp4-truncated", "sample 0 of 200 bytes is at byte 4294967280" },
    { "stco", 4, 0x7fffffff, "mp4-malformed", "'stco' says it has 2147483647 entries" },
    { "stco", 4, 4, "mp4-malformed", "the chunks hold only 52 samples of 60" },
    { "stsz", 8, 0x40000001, "mp4-malformed", "'stsz' says it has 1073741825 entries" },
    { "stsz", 8, 0, "mp4-malformed", "no samples" },
    { "stsz", 8, 59, "mp4-malformed", "more than the 59 samples" },
    { "stsz", 12, 0, "mp4-malformed", "sample 0 is empty" },
    { "stsz", 12, 0xffffffff, "mp4-truncated", "sample 0 of 4294967295 bytes" },
    { "stsz", 4, 0xffffffff, "mp4-truncated", "sample 0 of 4294967295 bytes" },
    { "stts", 4, 0x20000000, "mp4-malformed", "'stts' says it has 536870912 entries" },
    { "stts", 8, 59, "mp4-malformed", "'stts' describes only 59 samples of 60" },
    { "stts", 8, 0xffffffff, "mp4-malformed", "more than the 60 samples" },
    { "ctts", 4, 0x80000000, "mp4-malformed", "'ctts' says it has 2147483648 entries" },
    { "ctts", 8, 0, "mp4-malformed", "'ctts' describes only 59 samples of 60" },
    { "ctts", 12, 0x7fffffff, "mp4-malformed", "composition offset of 2147483647" },
    { "ctts", 12, 0xfffffe00, "mp4-malformed", "composition offset of 4294966784" },
    { "stsc", 8, 2, "mp4-malformed", "'stsc' does not begin with chunk 1" },
    { "stsc", 12, 0, "mp4-malformed", "chunk 1 has no samples" },
    { "stsc", 12, 0xffffffff, "mp4-malformed", "more than the 60 samples" },
    { "stsc", 16, 2, "mp4-malformed", "names sample description 2 of 1" },
    { "stsc", 20, 1, "mp4-malformed", "'stsc' goes back to chunk 1" },
    { "stss", 4, 0x40000000, "mp4-malformed", "'stss' says it has 1073741824 entries" },
    { "stss", 12, 1, "mp4-malformed", "'stss' names sample 1 after sample 1" },
    { "stss", 12, 61, "mp4-malformed", "'stss' names sample 61" },
    { "mdhd", 12, 0, "mp4-malformed", "'mdhd' has timescale 0" },
    { "mvhd", 12, 0, "mp4-malformed", "'mvhd' has timescale 0" },
    { "mdhd", 0, 0x07000000, "mp4-malformed", "'mdhd' has version 7" },
    { "elst", 4, 0x15555556, "mp4-malformed", "'elst' says it has" },
    { "elst", 4, 2, "mp4-malformed", "'elst' says it has 2 entries" },
    { "elst", 12, 0xfffffffe, "mp4-malformed", "begins at media time -2" },
    { "elst", 12, 0xffffffff, "mp4-unsupported", "shows nothing" },
    { "elst", 16, 0x20000, "mp4-unsupported", "rate 0x20000" },
    { "stsd", 4, 2, "mp4-unsupported", "2 sample descriptions" },
    { "stsd", 4, 0, "mp4-unsupported", "0 sample descriptions" },
    { "dref", 4, 2, "mp4-unsupported", "data reference" },
    { "url ", 0, 0, "mp4-unsupported", "in another file" },
    { "hdlr", 8, 0x74657874, "mp4-unsupported", "of type 'text'" },
    { "avc1", 24, 0, "mp4-malformed", "0 pixels wide" },
    { "avcC", 0, 0, "mp4-malformed", "'avcC'" },
};

TEST(mp4_refuses_bent_fields)
{
    for (size_t i = 0; i < ARRAY_LEN(bends); i++) {
        begin();
        str file = video_file();
        film_poke(file, bends[i].box, bends[i].at, bends[i].value);
        CHECK_ERR(walk(file, file.len), ERR_INVALID);
        if (str_find(str_of(err_slot()->text), str_of(bends[i].word)) < 0)
            CHECK_STR(str_of(err_slot()->text), str_of(bends[i].word));
        CHECK_STR(str_of(err_slot()->slug), str_of(bends[i].slug));
    }
}

/* Sizes that would loop for ever or read beyond: zero, one with nothing, too small, past the
 * parent. */
TEST(mp4_refuses_bad_box_sizes)
{
    static const char *const boxes[] = { "moov", "mvhd", "trak", "tkhd", "edts", "mdia", "mdhd",
                                         "hdlr", "minf", "dinf", "dref", "stbl", "stsd", "avc1",
                                         "avcC", "stts", "ctts", "stss", "stsc", "stsz", "stco" };
    static const uint32_t sizes[] = { 0, 2, 7, 0x7fffffff, 0xffffffff };
    for (size_t i = 0; i < ARRAY_LEN(boxes); i++) {
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
            begin();
            str file = video_file();
            uint32_t size = __builtin_bswap32(sizes[k]);
            memcpy(film_box(file, boxes[i]) - 4, &size, sizeof(size));
            CHECK_ERR(walk(file, file.len), ERR_INVALID);
        }
    }
}

/* A 64-bit size: too large, and so large that adding to it wraps. */
TEST(mp4_refuses_bad_64_bit_sizes)
{
    static const uint64_t sizes[] = { 0, 15, 1 << 30, INT64_MAX, UINT64_MAX, UINT64_MAX - 7 };
    static const char *const boxes[] = { "moov", "mdia", "stsz" };
    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(boxes); i++) {
        begin();
        str file = video_file();
        uint64_t size = __builtin_bswap64(sizes[i % ARRAY_LEN(sizes)]);
        char *type = film_box(file, boxes[i / ARRAY_LEN(sizes)]);
        memcpy(type - 4, "\0\0\0\1", 4);
        memcpy(type + 4, &size, sizeof(size));
        CHECK_ERR(walk(file, file.len), ERR_INVALID);
    }
}

static void check_reason(str file, const char *word)
{
    CHECK_ERR(walk(file, file.len), ERR_INVALID);
    if (str_find(str_of(err_slot()->text), str_of(word)) < 0)
        CHECK_STR(str_of(err_slot()->text), str_of(word));
}

TEST(mp4_refuses_other_kinds_of_file)
{
    static const struct {
        const char *box, *as, *word;
    } renamed[] = {
        { "ftyp", "RIFF", "begins with 'RIFF'" },
        { "moov", "mdat", "not faststart" },
        { "moov", "moof", "fragmented" },
        { "moov", "free", "before 'moov'" },
        { "mvhd", "cmov", "compressed" },
        { "mvhd", "mvex", "fragmented" },
        { "tkhd", "free", "'trak' holds no 'tkhd'" },
        { "stts", "free", "'stbl' holds no 'stts'" },
        { "ctts", "stts", "more than one 'stts'" },
        { "stsz", "stz2", "compact" },
        { "stco", "free", "one of 'stco' and 'co64'" },
        { "avc1", "encv", "codec 'encv'" },
        { "avcC", "free", "'avc1' holds no 'avcC'" },
    };
    for (size_t i = 0; i < ARRAY_LEN(renamed); i++) {
        begin();
        str file = video_file();
        memcpy(film_box(file, renamed[i].box), renamed[i].as, 4);
        if (strcmp(renamed[i].box, "moov") == 0 && strcmp(renamed[i].as, "free") == 0)
            memcpy(film_box(file, "mdat"), "free", 4);
        check_reason(file, renamed[i].word);
    }
}

static uint32_t box_bytes(str file, const char *type)
{
    uint32_t size;
    memcpy(&size, film_box(file, type) - 4, sizeof(size));
    return __builtin_bswap32(size);
}

TEST(mp4_refuses_two_tracks)
{
    struct buf out;
    begin();
    str file = video_file();
    const char *trak = film_box(file, "trak") - 4;
    uint32_t trak_bytes = box_bytes(file, "trak");
    size_t end = (size_t)(trak - file.ptr) + trak_bytes;
    buf_init(&out, &memory, MIB(1));
    buf_put(&out, str_sub(file, 0, end));
    buf_put(&out, (str){ trak, trak_bytes });
    buf_put(&out, str_skip(file, end));
    uint32_t moov_bytes = __builtin_bswap32(box_bytes(file, "moov") + trak_bytes);
    memcpy(film_box(buf_str(&out), "moov") - 4, &moov_bytes, sizeof(moov_bytes));
    check_reason(buf_str(&out), "more than one 'trak'");
}

/* Cut anywhere, the head is refused; cut in its media, the file is refused at the sample that is
 * gone. */
TEST(mp4_refuses_truncation)
{
    begin();
    str file = video_file();
    for (size_t len = 0; len < file.len; len++) {
        str cut = str_sub(file, 0, len);
        CHECK_ERR(walk(cut, cut.len), ERR_INVALID);
        CHECK(err_slot()->text[0] != 0);
    }
    CHECK_OK(walk(file, file.len));
}

/* A head of a few hundred bytes cannot make the reader work for millions of samples. */
TEST(mp4_work_is_bounded_by_the_input)
{
    begin();
    str file = video_file();
    film_poke(file, "stsz", 4, 1); /* one size for all: the table's length is only a claim now */
    film_poke(file, "stsz", 8, 0xffffffff);
    check_reason(file, "the limit is");
    film_poke(file, "stsz", 8, MP4_SAMPLES_MAX);
    CHECK_ERR(walk(file, file.len), ERR_INVALID);
}

TEST(mp4_survives_random_damage)
{
    begin();
    struct film film = film_video(30);
    str file = film_file(&memory, &film);
    for (int i = 0; i < 20000; i++) {
        struct arena_mark mark = arena_mark(&memory);
        str copy = arena_str(&memory, file);
        for (uint64_t n = 1 + test_random() % 3; n > 0; n--)
            ((char *)copy.ptr)[test_random() % 1500] = (char)test_random();
        (void)walk(copy, copy.len);
        arena_rewind(&memory, mark);
    }
}
