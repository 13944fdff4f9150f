/* The head says where samples are; here its tables are read back and every sample is followed. */
#include "progressive.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"
#include "media/fixture/film.h"

#include <string.h>

static struct arena memory;

struct stored {
    str file, head, index_bytes;
    struct index index;
};

static struct stored store(const struct film *film)
{
    struct stored stored = { .file = film_file(&memory, film) };
    uint64_t head_bytes;
    CHECK_OK(mp4_head_size(stored.file, stored.file.len, &head_bytes));
    stored.head = str_sub(stored.file, 0, (size_t)head_bytes);
    struct index_params params = { .head = stored.head,
                                   .file_size_bytes = stored.file.len,
                                   .target_ms = 1000 };
    CHECK_OK(index_build(&memory, &params, &stored.index_bytes));
    CHECK_OK(index_open(stored.index_bytes, &stored.index));
    return stored;
}

static void begin(void)
{
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
}

/* The film as a server would send it. */
static str joined(const struct progressive *film, const struct stored *tracks)
{
    struct buf out;
    buf_init(&out, &memory, MIB(32));
    buf_put(&out, film->head);
    for (size_t i = 0; i < film->pieces_count; i++) {
        const struct progressive_piece *piece = &film->pieces[i];
        CHECK_INT(piece->at, out.len);
        buf_put(&out, str_sub(tracks[piece->track].file, piece->offset, piece->size_bytes));
    }
    CHECK_INT(out.len, film->size_bytes);
    return buf_str(&out);
}

/* One track of the film, read by our own reader: the other trak is made a "free" box. */
static struct mp4_track track_of(str film, size_t which)
{
    struct mp4_track track;
    uint64_t head_bytes;
    size_t seen = 0;
    char *copy = arena_cstr(&memory, film);
    memcpy(copy, film.ptr, film.len);
    CHECK_OK(mp4_head_size((str){ copy, film.len }, film.len, &head_bytes));
    for (char *at = copy; at + 4 < copy + head_bytes; at++)
        if (memcmp(at, "trak", 4) == 0 && seen++ != which)
            memcpy(at, "free", 4);
    CHECK_INT(seen, 2);
    CHECK_OK(mp4_parse((str){ copy, (size_t)head_bytes }, film.len, &track));
    return track;
}

static void check_samples(str film, size_t which, const struct stored *stored)
{
    struct mp4_track ours = track_of(film, which), theirs;
    struct mp4_cursor a, b;
    CHECK_OK(mp4_parse(stored->head, stored->file.len, &theirs));
    CHECK_INT(ours.sample_count, theirs.sample_count);
    CHECK_INT(ours.media_start_ticks, theirs.media_start_ticks);
    mp4_cursor_init(&a, &ours);
    mp4_cursor_init(&b, &theirs);
    for (uint32_t i = 0; i < ours.sample_count; i++) {
        struct mp4_sample x, y;
        CHECK_OK(mp4_cursor_next(&a, &x));
        CHECK_OK(mp4_cursor_next(&b, &y));
        CHECK(x.sync == y.sync && x.decode_ticks == y.decode_ticks &&
              x.composition_ticks == y.composition_ticks && x.duration_ticks == y.duration_ticks);
        CHECK(str_eq(str_sub(film, x.offset, x.size_bytes),
                     str_sub(stored->file, y.offset, y.size_bytes)));
    }
}

static void check_film(const struct film *video, const struct film *audio)
{
    struct progressive film;
    begin();
    struct stored stored[] = { store(video), store(audio) };
    struct progressive_track tracks[] = { { &stored[0].index, stored[0].head },
                                          { &stored[1].index, stored[1].head } };
    CHECK_OK(progressive_build(&memory, tracks, 2, &film));
    str bytes = joined(&film, stored);
    check_samples(bytes, 0, &stored[0]);
    check_samples(bytes, 1, &stored[1]);
    CHECK_INT(film.pieces_count, stored[0].index.segment_count + stored[1].index.segment_count);
    /* In turns: what is shown together lies together. */
    size_t longest = 0, run = 0;
    for (size_t i = 1; i < film.pieces_count; i++) {
        run = film.pieces[i].track == film.pieces[i - 1].track ? run + 1 : 0;
        longest = MAX_OF(longest, run);
    }
    CHECK(longest <= 1 || video->open_gop); /* which has one segment only */
}

TEST(every_sample_is_where_the_head_says)
{
    struct film video = film_video(250), audio = film_audio(470);
    check_film(&video, &audio);
    video.wide = true; /* 64-bit offsets and times, version 1 of the headers */
    audio.chunk = 7;
    check_film(&video, &audio);
    video.open_gop = true;
    video.edit_start = -1;
    audio.wide = true;
    check_film(&video, &audio);
}

TEST(a_byte_is_found_in_its_piece)
{
    struct film video = film_video(250);
    struct progressive film;
    begin();
    struct stored stored = store(&video);
    struct progressive_track track = { &stored.index, stored.head };
    CHECK_OK(progressive_build(&memory, &track, 1, &film));
    CHECK(film.pieces_count > 3);
    CHECK(progressive_piece_at(&film, film.head.len) == &film.pieces[0]);
    for (size_t i = 0; i < film.pieces_count; i++) {
        const struct progressive_piece *piece = &film.pieces[i];
        CHECK(progressive_piece_at(&film, piece->at) == piece);
        CHECK(progressive_piece_at(&film, piece->at + piece->size_bytes - 1) == piece);
    }
}

TEST(heads_that_are_no_heads)
{
    struct film video = film_video(50);
    struct progressive film;
    begin();
    struct stored stored = store(&video);
    struct progressive_track tracks[2] = { { &stored.index, stored.head },
                                           { &stored.index, stored.head } };
    for (size_t len = 0; len < stored.head.len; len += 13) {
        tracks[1].head = str_sub(stored.head, 0, len);
        CHECK_ERR(progressive_build(&memory, tracks, 2, &film), ERR_INVALID);
    }
    str other = arena_str(&memory, stored.head);
    film_poke(other, "mvhd", 12, 600); /* another movie timescale */
    tracks[1].head = other;
    CHECK_ERR(progressive_build(&memory, tracks, 2, &film), ERR_INVALID);
    other = arena_str(&memory, stored.head);
    memcpy(film_box(other, "stbl"), "skip", 4);
    tracks[1].head = other;
    CHECK_ERR(progressive_build(&memory, tracks, 2, &film), ERR_INVALID);
    struct arena small;
    arena_init(&small, 3000);
    tracks[1].head = stored.head;
    CHECK_ERR(progressive_build(&small, tracks, 2, &film), ERR_EXHAUSTED);
    arena_deinit(&small);
}

struct build {
    struct progressive_track tracks[2];
};

static enum err build_in(struct arena *some_arena, void *arg)
{
    const struct build *build = arg;
    struct progressive film;
    return progressive_build(some_arena, build->tracks, 2, &film);
}

TEST(a_film_minds_every_refused_allocation)
{
    struct film video = film_video(250), audio = film_audio(470);
    begin();
    struct stored first = store(&video), second = store(&audio);
    struct build build = { { { &first.index, first.head }, { &second.index, second.head } } };
    CHECK(test_every_allocation(build_in, &build) >= 2);
}
