/*
 * progressive: the head is the tracks' own boxes copied through, but for what must differ: the
 * track's number, the movie's duration, and the two tables of chunks (a chunk is a segment of the
 * index). The mdat header is always 64-bit, and so are the offsets: the head's size is then known
 * before its offsets are.
 */
#include "progressive.h"

#include "foundation/mem/buf.h"
#include "media/mp4/box.h"

#include <string.h>

enum {
    BOX_HEADER_BYTES = 8,
    MVHD_BYTES = 108, /* version 0 */
    MDAT_HEADER_BYTES = 16,
    SEGMENT_BYTES = 20, /* in stsc and co64 */
    OWN_BYTES = 512,
    LEVELS = 4
};

struct maker {
    struct arena *arena;
    const struct progressive_track *tracks;
    size_t count;
    struct progressive *film;
    struct buf out;
    uint32_t movie_timescale;
    uint64_t movie_duration;
    str mvhd;
    str traks[PROGRESSIVE_TRACKS_MAX];         /* bodies */
    size_t offsets_at[PROGRESSIVE_TRACKS_MAX]; /* where in `out` the entries of co64 are */
};

/* --- Reading the stored heads --------------------------------------------------------------- */

/* Fields below are counted from the start of a box with a size of 32 bits, as ffmpeg writes them.
 */
static enum err plain_check(const struct box *box)
{
    char name[5];
    if (box->whole.len - box->body.len == BOX_HEADER_BYTES)
        return OK;
    return box_unsupported("%s has a 64-bit size", box_name(box->type, name));
}

static enum err child_find(str parent, const char *type, struct box *out_box)
{
    while (parent.len) {
        struct box box;
        TRY(box_next(&parent, &box));
        if (box.type != FOURCC(type))
            continue;
        TRY(plain_check(&box));
        *out_box = box;
        return OK;
    }
    return box_malformed("there is no %s", type);
}

/* Where version 0 and 1 of a header box have a field, from the start of the box. */
static size_t field_at(str box, size_t at_version_0, size_t at_version_1)
{
    return BOX_HEADER_BYTES + (box.len > 8 && be8(box, 8) == 1 ? at_version_1 : at_version_0);
}

/* §8.2.2: the timescale, and after it the duration of 32 or 64 bits. */
static enum err mvhd_read(struct maker *maker, str mvhd)
{
    bool wide = mvhd.len > 8 && be8(mvhd, 8) == 1;
    size_t at = field_at(mvhd, 12, 20);
    if (mvhd.len < at + 12 || mvhd.len < MVHD_BYTES)
        return box_malformed("mvhd is too short");
    uint32_t timescale = be32(mvhd, at);
    uint64_t duration = wide ? be64(mvhd, at + 4) : be32(mvhd, at + 4);
    if (!maker->mvhd.ptr) {
        maker->mvhd = mvhd;
        maker->movie_timescale = timescale;
    }
    /* Edit lists and track headers count in it. */
    if (timescale == 0 || timescale != maker->movie_timescale)
        return box_unsupported("the tracks' movie timescales differ");
    maker->movie_duration = MAX_OF(maker->movie_duration, duration);
    return OK;
}

static enum err head_read(struct maker *maker, size_t track)
{
    struct box moov, mvhd, trak;
    TRY(child_find(maker->tracks[track].head, "moov", &moov));
    TRY(child_find(moov.body, "mvhd", &mvhd));
    TRY(child_find(moov.body, "trak", &trak));
    maker->traks[track] = trak.body;
    return mvhd_read(maker, mvhd.whole);
}

/* --- The order of pieces -------------------------------------------------------------------- */

static uint64_t next_start_us(const struct index *index, uint32_t number)
{
    struct index_segment segment;
    if (index_segment_get(index, number, &segment) != OK)
        return UINT64_MAX;
    return index_ticks_to_us(index, segment.start_ticks);
}

static enum err pieces_order(struct maker *maker)
{
    struct progressive *film = maker->film;
    uint32_t next[PROGRESSIVE_TRACKS_MAX] = { 0 };
    size_t total = 0, earliest;
    for (size_t i = 0; i < maker->count; i++)
        total += maker->tracks[i].index->segment_count;
    film->pieces = arena_try(maker->arena, total * sizeof(*film->pieces));
    if (!film->pieces)
        return err_set(ERR_EXHAUSTED, NULL, "no memory for %zu pieces", total);
    for (film->pieces_count = 0; film->pieces_count < total; film->pieces_count++) {
        uint64_t start_us = UINT64_MAX;
        earliest = 0;
        for (size_t i = 0; i < maker->count; i++) {
            const struct index *index = maker->tracks[i].index;
            if (next[i] == index->segment_count)
                continue;
            uint64_t us = next_start_us(index, next[i] + 1);
            if (us >= start_us)
                continue;
            start_us = us;
            earliest = i;
        }
        struct index_segment segment;
        TRY(index_segment_get(maker->tracks[earliest].index, ++next[earliest], &segment));
        film->pieces[film->pieces_count] =
            (struct progressive_piece){ .offset = segment.offset,
                                        .size_bytes = segment.payload_bytes,
                                        .track = (uint32_t)earliest };
    }
    return OK;
}

/* --- Writing -------------------------------------------------------------------------------- */

static size_t box_begin(struct buf *out, str type)
{
    size_t at = out->len;
    buf_put_be32(out, 0);
    buf_put(out, type);
    return at;
}

static void poke32(struct buf *out, size_t at, uint32_t value)
{
    uint32_t wire = __builtin_bswap32(value);
    if (!out->overflowed)
        memcpy(out->ptr + at, &wire, sizeof(wire));
}

static void poke64(struct buf *out, size_t at, uint64_t value)
{
    poke32(out, at, (uint32_t)(value >> 32));
    poke32(out, at + 4, (uint32_t)value);
}

static void box_end(struct buf *out, size_t at)
{
    poke32(out, at, (uint32_t)(out->len - at));
}

static void put_mvhd(struct maker *maker)
{
    str mvhd = maker->mvhd;
    size_t at = maker->out.len, duration_at = at + field_at(mvhd, 16, 24);
    buf_put(&maker->out, mvhd);
    if (be8(mvhd, 8) == 1)
        poke64(&maker->out, duration_at, maker->movie_duration);
    else
        poke32(&maker->out, duration_at, (uint32_t)maker->movie_duration);
    poke32(&maker->out, maker->out.len - 4, (uint32_t)maker->count + 1); /* next_track_ID */
}

static enum err put_tkhd(struct maker *maker, const struct box *box, size_t track)
{
    str tkhd = box->whole;
    size_t at = maker->out.len + field_at(tkhd, 12, 20);
    TRY(plain_check(box));
    if (tkhd.len < field_at(tkhd, 12, 20) + 4)
        return box_malformed("tkhd is too short");
    buf_put(&maker->out, tkhd);
    poke32(&maker->out, at, (uint32_t)track + 1);
    return OK;
}

/* §8.7.4: runs of chunks with the same number of samples. */
static void put_stsc(struct maker *maker, const struct index *index)
{
    struct buf *out = &maker->out;
    size_t at = box_begin(out, STR("stsc")), count_at = at + 12;
    uint32_t entries = 0, before = 0;
    buf_put_be32(out, 0);
    buf_put_be32(out, 0);
    for (uint32_t i = 1; i <= index->segment_count; i++) {
        struct index_segment segment;
        if (index_segment_get(index, i, &segment) != OK || segment.sample_count == before)
            continue;
        before = segment.sample_count;
        entries++;
        buf_put_be32(out, i);
        buf_put_be32(out, before);
        buf_put_be32(out, 1);
    }
    poke32(out, count_at, entries);
    box_end(out, at);
}

/* §8.7.5, 64-bit; the entries are filled in when the head's size is known. */
static void put_co64(struct maker *maker, size_t track)
{
    struct buf *out = &maker->out;
    uint32_t count = maker->tracks[track].index->segment_count;
    size_t at = box_begin(out, STR("co64"));
    buf_put_be32(out, 0);
    buf_put_be32(out, count);
    maker->offsets_at[track] = out->len;
    char *room = buf_reserve(out, (size_t)count * 8);
    if (room) {
        memset(room, 0, (size_t)count * 8);
        buf_advance(out, (size_t)count * 8);
    }
    box_end(out, at);
}

/* A child of trak, mdia, minf or stbl that is not the next container down. */
static enum err put_child(struct maker *maker, const struct box *box, size_t track)
{
    if (box->type == FOURCC("tkhd"))
        return put_tkhd(maker, box, track);
    bool replaced =
        box->type == FOURCC("stsc") || box->type == FOURCC("stco") || box->type == FOURCC("co64");
    if (!replaced)
        buf_put(&maker->out, box->whole);
    return OK;
}

/*
 * Copies a trak through. Its containers are one in the other, so the way down and up again is a
 * loop over four levels, with the rest of each kept.
 */
static enum err put_trak(struct maker *maker, size_t track)
{
    static const char *const down[LEVELS] = { "mdia", "minf", "stbl", "" };
    static const str names[LEVELS] = { STR_INIT("trak"), STR_INIT("mdia"), STR_INIT("minf"),
                                       STR_INIT("stbl") };
    str rest[LEVELS] = { maker->traks[track] };
    size_t begun[LEVELS] = { box_begin(&maker->out, names[0]) };
    unsigned level = 0, deepest = 0;
    for (;;) {
        struct box box;
        if (rest[level].len == 0) {
            if (level == LEVELS - 1) {
                put_stsc(maker, maker->tracks[track].index);
                put_co64(maker, track);
            }
            box_end(&maker->out, begun[level]);
            if (level-- == 0)
                break;
            continue;
        }
        TRY(box_next(&rest[level], &box));
        bool container = level < LEVELS - 1 && box.type == FOURCC(down[level]);
        if (!container) {
            TRY(put_child(maker, &box, track));
            continue;
        }
        if (level < deepest)
            return box_malformed("%s is there twice", down[level]);
        deepest = ++level;
        rest[level] = box.body;
        begun[level] = box_begin(&maker->out, names[level]);
    }
    return deepest == LEVELS - 1 ? OK : box_malformed("a track has no sample table");
}

static void put_ftyp(struct buf *out)
{
    size_t at = box_begin(out, STR("ftyp"));
    buf_put(out, STR("isom"));
    buf_put_be32(out, 0x200);
    buf_put(out, STR("isomiso2mp41"));
    box_end(out, at);
}

/* Where the pieces come to lie, and with that the chunk offsets. */
static void place(struct maker *maker)
{
    struct progressive *film = maker->film;
    uint32_t chunk[PROGRESSIVE_TRACKS_MAX] = { 0 };
    uint64_t at = maker->out.len + MDAT_HEADER_BYTES, begin = maker->out.len;
    for (size_t i = 0; i < film->pieces_count; i++) {
        struct progressive_piece *piece = &film->pieces[i];
        piece->at = at;
        poke64(&maker->out, maker->offsets_at[piece->track] + (size_t)chunk[piece->track]++ * 8,
               at);
        at += piece->size_bytes;
    }
    buf_put_be32(&maker->out, 1); /* the size is in 64 bits (§4.2) */
    buf_put(&maker->out, STR("mdat"));
    buf_put_be64(&maker->out, at - begin);
    film->size_bytes = at;
}

static size_t room_bytes(const struct maker *maker)
{
    size_t sum = OWN_BYTES;
    for (size_t i = 0; i < maker->count; i++)
        sum += maker->tracks[i].head.len +
               (size_t)maker->tracks[i].index->segment_count * SEGMENT_BYTES;
    return sum;
}

enum err progressive_build(struct arena *arena, const struct progressive_track *tracks,
                           size_t count, struct progressive *out)
{
    struct progressive film = { .pieces_count = 0 };
    struct maker maker = { .arena = arena, .tracks = tracks, .count = count, .film = &film };
    ASSERT(count > 0 && count <= PROGRESSIVE_TRACKS_MAX);
    buf_init(&maker.out, arena, PROGRESSIVE_HEAD_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        TRY(head_read(&maker, i));
    TRY(pieces_order(&maker));
    (void)buf_reserve(&maker.out, room_bytes(&maker)); /* grown at once, without copies left */
    put_ftyp(&maker.out);
    size_t moov = box_begin(&maker.out, STR("moov"));
    put_mvhd(&maker);
    for (size_t i = 0; i < count; i++)
        TRY(put_trak(&maker, i));
    box_end(&maker.out, moov);
    place(&maker);
    if (maker.out.overflowed)
        return err_set(ERR_EXHAUSTED, NULL, "the head of the film is too large");
    film.head = buf_str(&maker.out);
    *out = film;
    return OK;
}

const struct progressive_piece *progressive_piece_at(const struct progressive *film, uint64_t at)
{
    size_t low = 0, high = film->pieces_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (film->pieces[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return &film->pieces[low];
}
