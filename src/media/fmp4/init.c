/*
 * init: the initialisation segment. The sample description is the source's own, byte for byte; the
 * boxes around it say what the track is and that its samples come in fragments.
 */
#include "fmp4.h"

enum { TRACK_ID = 1, MOVIE_TIMESCALE = 1000 };

struct fmp4_timing fmp4_timing(const struct mp4_track *track)
{
    struct fmp4_timing timing = { .decode_shift_ticks = track->delay_ticks };
    if (track->kind == MP4_VIDEO) {
        timing.composition_shift_ticks = -track->media_start_ticks;
        return timing;
    }
    int64_t net = track->delay_ticks - track->media_start_ticks;
    timing.decode_shift_ticks = MAX_OF(net, 0);
    timing.edit_start_ticks = MAX_OF(-net, 0);
    return timing;
}

/* Begins a box: its size is filled in by box_end(). */
static size_t box_begin(struct buf *out, const char *type)
{
    size_t at = out->len;
    buf_put_be32(out, 0);
    buf_put(out, (str){ type, 4 });
    return at;
}

static void box_end(struct buf *out, size_t at)
{
    if (out->overflowed)
        return;
    uint32_t size = __builtin_bswap32((uint32_t)(out->len - at));
    __builtin_memcpy(out->ptr + at, &size, sizeof(size));
}

static size_t full_begin(struct buf *out, const char *type, uint32_t version_flags)
{
    size_t at = box_begin(out, type);
    buf_put_be32(out, version_flags);
    return at;
}

static void put_zeros(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_put_u8(out, 0);
}

static void put_ftyp(struct buf *out)
{
    size_t at = box_begin(out, "ftyp");
    buf_put(out, STR("iso6"));
    buf_put_be32(out, 0);
    buf_put(out, STR("iso6cmfccmf2dash"));
    box_end(out, at);
}

static void put_mvhd(struct buf *out)
{
    static const uint32_t unity[9] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };
    size_t at = full_begin(out, "mvhd", 0);
    put_zeros(out, 8);
    buf_put_be32(out, MOVIE_TIMESCALE);
    buf_put_be32(out, 0); /* the duration is that of the fragments */
    buf_put_be32(out, 0x10000);
    buf_put_be16(out, 0x100);
    put_zeros(out, 10);
    for (size_t i = 0; i < ARRAY_LEN(unity); i++)
        buf_put_be32(out, unity[i]);
    put_zeros(out, 24);
    buf_put_be32(out, TRACK_ID + 1);
    box_end(out, at);
}

static void put_tkhd(const struct mp4_track *track, struct buf *out)
{
    size_t at = full_begin(out, "tkhd", 3); /* enabled, in movie */
    put_zeros(out, 8);
    buf_put_be32(out, TRACK_ID);
    put_zeros(out, 4 + 4 + 8 + 2);
    buf_put_be16(out, track->kind == MP4_AUDIO); /* alternate group */
    buf_put_be16(out, track->kind == MP4_AUDIO ? 0x100 : 0);
    put_zeros(out, 2);
    buf_put(out, (str){ (const char *)track->matrix, sizeof(track->matrix) });
    buf_put_be32(out, track->kind == MP4_VIDEO ? track->width << 16 : 0);
    buf_put_be32(out, track->kind == MP4_VIDEO ? track->height << 16 : 0);
    box_end(out, at);
}

static void put_edts(int64_t start_ticks, struct buf *out)
{
    size_t edts = box_begin(out, "edts");
    size_t elst = full_begin(out, "elst", 0x01000000);
    buf_put_be32(out, 1);
    buf_put_be64(out, 0); /* to the end, as fragments have it (§8.6.6.1) */
    buf_put_be64(out, (uint64_t)start_ticks);
    buf_put_be32(out, 0x10000);
    box_end(out, elst);
    box_end(out, edts);
}

static void put_mdhd(const struct mp4_track *track, struct buf *out)
{
    uint32_t language = 0;
    size_t at = full_begin(out, "mdhd", 0);
    for (int i = 0; i < 3; i++)
        language = language << 5 | ((uint32_t)(unsigned char)track->language[i] - 0x60);
    put_zeros(out, 8);
    buf_put_be32(out, track->timescale);
    buf_put_be32(out, 0);
    buf_put_be16(out, (uint16_t)language);
    put_zeros(out, 2);
    box_end(out, at);
}

static void put_hdlr(const struct mp4_track *track, struct buf *out)
{
    bool video = track->kind == MP4_VIDEO;
    size_t at = full_begin(out, "hdlr", 0);
    put_zeros(out, 4);
    buf_put(out, video ? STR("vide") : STR("soun"));
    put_zeros(out, 12);
    buf_put(out, video ? STR("VideoHandler") : STR("SoundHandler"));
    put_zeros(out, 1);
    box_end(out, at);
}

static void put_empty_table(struct buf *out, const char *type, size_t zeros)
{
    size_t at = full_begin(out, type, 0);
    put_zeros(out, zeros);
    box_end(out, at);
}

static void put_minf(const struct mp4_track *track, struct buf *out)
{
    bool video = track->kind == MP4_VIDEO;
    size_t minf = box_begin(out, "minf");
    size_t header = full_begin(out, video ? "vmhd" : "smhd", video);
    put_zeros(out, video ? 8 : 4);
    box_end(out, header);
    size_t dinf = box_begin(out, "dinf");
    size_t dref = full_begin(out, "dref", 0);
    buf_put_be32(out, 1);
    box_end(out, full_begin(out, "url ", 1)); /* the samples are in this file */
    box_end(out, dref);
    box_end(out, dinf);
    size_t stbl = box_begin(out, "stbl");
    buf_put(out, track->stsd);
    put_empty_table(out, "stts", 4);
    put_empty_table(out, "stsc", 4);
    put_empty_table(out, "stsz", 8);
    put_empty_table(out, "stco", 4);
    box_end(out, stbl);
    box_end(out, minf);
}

static void put_mvex(struct buf *out)
{
    size_t mvex = box_begin(out, "mvex");
    size_t trex = full_begin(out, "trex", 0);
    buf_put_be32(out, TRACK_ID);
    buf_put_be32(out, 1); /* sample description */
    put_zeros(out, 12);
    box_end(out, trex);
    box_end(out, mvex);
}

void fmp4_init_write(const struct mp4_track *track, struct buf *out)
{
    int64_t edit_start = fmp4_timing(track).edit_start_ticks;
    put_ftyp(out);
    size_t moov = box_begin(out, "moov");
    put_mvhd(out);
    size_t trak = box_begin(out, "trak");
    put_tkhd(track, out);
    if (edit_start > 0)
        put_edts(edit_start, out);
    size_t mdia = box_begin(out, "mdia");
    put_mdhd(track, out);
    put_hdlr(track, out);
    put_minf(track, out);
    box_end(out, mdia);
    box_end(out, trak);
    put_mvex(out);
    box_end(out, moov);
}
