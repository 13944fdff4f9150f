/* dash_test: the golden MPD, and that what people wrote cannot leave its attribute. */
#include "dash.h"

#include "foundation/test/test.h"
#include "media/fixture/film.h"
#include "media/fixture/golden.h"

#include <stdio.h>

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

TEST(dash_golden)
{
    begin();
    struct film film = film_video(1000);
    struct buf out;
    struct index *picture = index_of(film, NULL), *sound = index_of(film_audio(1880), picture);
    const struct manifest_track videos[] = { { .name = STR("v90"), .index = picture } };
    const struct manifest_track audios[] = {
        { .name = STR("a1"), .index = sound, .label = STR("Русский <&'\">") },
        { .name = STR("a2"), .index = sound, .language = STR("en"), .is_default = true },
    };
    const struct manifest_text texts[] = {
        { .name = STR("s1"), .language = STR("ru"), .forced = true, .size_bytes = 900 },
        { .name = STR("s2"),
          .language = STR("en"),
          .label = STR("English"),
          .is_default = true,
          .size_bytes = 9000 },
        { .name = STR("s3"), .language = STR("en"), .sdh = true },
    };
    struct manifest manifest = { videos, audios, texts, 1, 2, 3 };
    buf_init(&out, &memory, MIB(1));
    CHECK_OK(dash_mpd_write(&manifest, &out));
    CHECK(golden_matches(KB_GOLDEN, "manifest.mpd", buf_str(&out)));
}

/* The timeline, expanded, is the index: the same start for every segment. */
TEST(dash_timeline_is_the_index)
{
    begin();
    struct film film = film_video(1130);
    film.gop = 33;
    struct index *picture = index_of(film, NULL);
    const struct manifest_track video = { .name = STR("v"), .index = picture };
    struct manifest manifest = { .videos = &video, .video_count = 1 };
    struct buf out;
    buf_init(&out, &memory, MIB(1));
    CHECK_OK(dash_mpd_write(&manifest, &out));
    str rest = buf_str(&out), line;
    uint64_t at = 0, number = 0;
    while (str_cut(&rest, '\n', &line)) {
        unsigned long long t = at, d = 0, r = 0;
        line = str_trim(line);
        if (!str_starts(line, STR("<S ")))
            continue;
        const char *text = arena_cstr(&memory, line);
        /* NOLINTBEGIN(cert-err34-c): what it reads is compared below */
        int read = sscanf(text, "<S t=\"%llu\" d=\"%llu\" r=\"%llu\"", &t, &d, &r);
        if (read < 2)
            read = sscanf(text, "<S d=\"%llu\" r=\"%llu\"", &d, &r);
        /* NOLINTEND(cert-err34-c) */
        CHECK(read >= 1);
        for (at = t; number <= picture->segment_count; at += d) {
            struct index_segment segment;
            CHECK_OK(index_segment_get(picture, (uint32_t)++number, &segment));
            CHECK_INT(segment.start_ticks, at);
            CHECK_INT(segment.duration_ticks, d);
            if (r-- == 0)
                break;
        }
        at += d;
    }
    CHECK_INT(number, picture->segment_count);
    CHECK_INT(at, picture->duration_ticks);
}
