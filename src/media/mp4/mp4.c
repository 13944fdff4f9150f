/*
 * mp4: from the head of a file to its one track. The boxes are located top down (moov, trak, mdia,
 * minf, stbl), each level by a table of the children it needs; the sample entry is read in entry.c,
 * the sample tables by the cursor.
 */
#include "mp4.h"

#include "box.h"
#include "entry.h"

#include <string.h>

enum { TOP_BOXES_MAX = 16, EDITS_MAX = 64 };
#define TICKS_MAX ((int64_t)1 << 42) /* of an edit: keeps every later sum far from overflow */

static enum err find_moov(str prefix, uint64_t file_size_bytes, uint64_t *out_offset,
                          uint64_t *out_size)
{
    uint64_t at = 0;
    char name[5];
    for (int i = 0; i < TOP_BOXES_MAX && at + 8 <= prefix.len; i++) {
        uint64_t size = be32(prefix, (size_t)at);
        uint32_t type = be32(prefix, (size_t)at + 4);
        if (size == 1 && at + 16 <= prefix.len)
            size = be64(prefix, (size_t)at + 8);
        if (i == 0 && type != FOURCC("ftyp"))
            return box_malformed("the file begins with '%s', not with 'ftyp'",
                                 box_name(type, name));
        if (type == FOURCC("mdat"))
            return box_unsupported(
                "the media data comes before 'moov' (the file is not faststart)");
        if (type == FOURCC("moof"))
            return box_unsupported("the file is fragmented");
        if (size < 8)
            return box_malformed("top box '%s' says it has %llu bytes", box_name(type, name),
                                 (unsigned long long)size);
        if (size > file_size_bytes - at)
            return err_set(ERR_INVALID, "mp4-truncated",
                           "box '%s' has %llu bytes where the file has %llu left",
                           box_name(type, name), (unsigned long long)size,
                           (unsigned long long)(file_size_bytes - at));
        if (type == FOURCC("moov")) {
            *out_offset = at;
            *out_size = size;
            return OK;
        }
        at += size;
    }
    if (file_size_bytes < at + 8)
        return err_set(ERR_INVALID, "mp4-truncated", "the file ends before 'moov'");
    return box_unsupported("no 'moov' within the first %zu bytes", prefix.len);
}

enum err mp4_head_size(str prefix, uint64_t file_size_bytes, uint64_t *out_head_bytes)
{
    uint64_t offset, size;
    if (file_size_bytes < prefix.len)
        prefix.len = (size_t)file_size_bytes;
    TRY(find_moov(prefix, file_size_bytes, &offset, &size));
    if (offset + size > MP4_HEAD_BYTES_MAX)
        return box_unsupported("'moov' ends at byte %llu, the limit is %d",
                               (unsigned long long)(offset + size), MP4_HEAD_BYTES_MAX);
    *out_head_bytes = offset + size;
    return OK;
}

/* mvhd and mdhd begin alike (§8.2.2, §8.4.2): the timescale, and what follows the duration. */
static enum err parse_clock(const struct box *box, uint32_t *out_timescale, str *out_rest)
{
    uint8_t version;
    uint32_t flags;
    str body;
    char name[5];
    TRY(box_full(box, &version, &flags, &body));
    size_t at = version == 1 ? 16 : 8;
    size_t end = at + (version == 1 ? 12 : 8);
    if (version > 1 || body.len < end)
        return box_malformed("box '%s' has version %u and %zu bytes", box_name(box->type, name),
                             version, body.len);
    *out_timescale = be32(body, at);
    if (*out_timescale == 0)
        return box_malformed("box '%s' has timescale 0", box_name(box->type, name));
    *out_rest = str_skip(body, end);
    return OK;
}

static enum err parse_mdhd(const struct box *box, struct mp4_track *track)
{
    str rest;
    TRY(parse_clock(box, &track->timescale, &rest));
    if (rest.len < 2)
        return box_malformed("box 'mdhd' ends before its language");
    uint16_t packed = be16(rest, 0);
    memcpy(track->language, "und", 4);
    char letters[4] = { (char)((packed >> 10 & 31) + 0x60), (char)((packed >> 5 & 31) + 0x60),
                        (char)((packed & 31) + 0x60), 0 };
    for (int i = 0; i < 3; i++) {
        if (letters[i] < 'a' || letters[i] > 'z')
            return OK;
    }
    memcpy(track->language, letters, sizeof(letters));
    return OK;
}

/* §8.3.2: the matrix and the display size in 16.16 pixels, rounded. */
static enum err parse_tkhd(const struct box *box, struct mp4_track *track)
{
    uint8_t version;
    uint32_t flags;
    str body;
    TRY(box_full(box, &version, &flags, &body));
    size_t at = version == 1 ? 48 : 36;
    if (version > 1 || body.len < at + 44)
        return box_malformed("box 'tkhd' has version %u and %zu bytes", version, body.len);
    memcpy(track->matrix, body.ptr + at, sizeof(track->matrix));
    track->width = (uint32_t)(((uint64_t)be32(body, at + 36) + 0x8000) >> 16);
    track->height = (uint32_t)(((uint64_t)be32(body, at + 40) + 0x8000) >> 16);
    return OK;
}

static enum err parse_hdlr(const struct box *box, struct mp4_track *track)
{
    uint8_t version;
    uint32_t flags;
    str body;
    char name[5];
    TRY(box_full(box, &version, &flags, &body));
    if (body.len < 8)
        return box_malformed("box 'hdlr' ends before its type");
    uint32_t type = be32(body, 4);
    if (type == FOURCC("vide"))
        track->kind = MP4_VIDEO;
    else if (type == FOURCC("soun"))
        track->kind = MP4_AUDIO;
    else
        return box_unsupported("the track is of type '%s', neither video nor audio",
                               box_name(type, name));
    return OK;
}

/* One entry of elst (§8.6.6), its duration in movie ticks. */
struct edit {
    uint64_t duration;
    int64_t media_time;
    uint32_t rate;
};

static struct edit edit_at(str body, uint8_t version, uint32_t index)
{
    if (version == 1) {
        size_t at = 4 + (size_t)index * 20;
        return (struct edit){ be64(body, at), (int64_t)be64(body, at + 8), be32(body, at + 16) };
    }
    size_t at = 4 + (size_t)index * 12;
    return (struct edit){ be32(body, at), (int32_t)be32(body, at + 4), be32(body, at + 8) };
}

/* Movie ticks to media ticks, rounded; fails beyond TICKS_MAX. */
static enum err rescale_edit(uint64_t movie_ticks, uint32_t movie_timescale, uint32_t timescale,
                             int64_t *out_ticks)
{
    unsigned __int128 scaled = (unsigned __int128)movie_ticks * timescale + movie_timescale / 2;
    scaled /= movie_timescale;
    if (scaled > (unsigned __int128)TICKS_MAX)
        return box_malformed("an edit of %llu movie ticks is too long",
                             (unsigned long long)movie_ticks);
    *out_ticks = (int64_t)scaled;
    return OK;
}

/* Any number of empty edits, then one edit at normal speed: what ffmpeg writes, and what we serve.
 */
static enum err parse_elst(const struct box *box, uint32_t movie_timescale, struct mp4_track *track)
{
    uint8_t version;
    uint32_t flags;
    str body;
    TRY(box_full(box, &version, &flags, &body));
    if (version > 1 || body.len < 4)
        return box_malformed("box 'elst' has version %u and %zu bytes", version, body.len);
    uint32_t count = be32(body, 0);
    if (count > EDITS_MAX || count * (version == 1 ? 20ul : 12ul) > body.len - 4)
        return box_malformed("box 'elst' says it has %u entries in %zu bytes", count, body.len);
    bool shown = false;
    for (uint32_t i = 0; i < count; i++) {
        struct edit edit = edit_at(body, version, i);
        int64_t ticks = 0;
        if (shown)
            return box_unsupported("the edit list shows more than one part of the media");
        TRY(rescale_edit(edit.duration, movie_timescale, track->timescale, &ticks));
        if (edit.media_time == -1) {
            track->delay_ticks += ticks;
            continue;
        }
        if (edit.rate != 0x10000)
            return box_unsupported("the edit list plays at rate 0x%x", edit.rate);
        if (edit.media_time < 0 || edit.media_time > TICKS_MAX)
            return box_malformed("an edit begins at media time %lld", (long long)edit.media_time);
        track->media_start_ticks = edit.media_time;
        track->edit_ticks = ticks;
        shown = true;
    }
    if (count > 0 && !shown)
        return box_unsupported("the edit list shows nothing of the media");
    return OK;
}

/* A FullBox whose body is a count and that many entries; `skip` bytes may come before the count. */
static enum err parse_table(const struct box *box, size_t skip, size_t entry_bytes,
                            struct mp4_table *out_table)
{
    uint8_t version;
    uint32_t flags;
    str body;
    char name[5];
    TRY(box_full(box, &version, &flags, &body));
    if (body.len < skip + 4)
        return box_malformed("box '%s' ends before its count", box_name(box->type, name));
    uint32_t count = be32(body, skip);
    body = str_skip(body, skip + 4);
    if (count > body.len / entry_bytes)
        return box_malformed("box '%s' says it has %u entries in %zu bytes",
                             box_name(box->type, name), count, body.len);
    *out_table = (struct mp4_table){ str_sub(body, 0, count * entry_bytes), count };
    return OK;
}

static enum err parse_sizes(const struct box *box, struct mp4_track *track)
{
    if (box->body.len < 12)
        return box_malformed("box 'stsz' ends before its count");
    track->sample_size_fixed = be32(box->body, 4);
    track->sample_count = be32(box->body, 8);
    if (track->sample_size_fixed == 0)
        TRY(parse_table(box, 4, 4, &track->sizes));
    if (track->sample_count == 0)
        return box_malformed("the track has no samples");
    if (track->sample_count > MP4_SAMPLES_MAX)
        return box_unsupported("the track has %u samples, the limit is %d", track->sample_count,
                               MP4_SAMPLES_MAX);
    return OK;
}

static enum err parse_stbl(str body, struct mp4_track *track)
{
    struct box stsd, stts, ctts, stsc, stsz, stz2, stco, co64, stss;
    const struct box_want wants[] = {
        { "stsd", true, &stsd },  { "stts", true, &stts },  { "ctts", false, &ctts },
        { "stsc", true, &stsc },  { "stsz", false, &stsz }, { "stz2", false, &stz2 },
        { "stco", false, &stco }, { "co64", false, &co64 }, { "stss", false, &stss },
    };
    TRY(box_children(body, "stbl", wants, ARRAY_LEN(wants)));
    if (stz2.type)
        return box_unsupported("the sample sizes are compact ('stz2')");
    if (!stsz.type)
        return box_malformed("'stbl' holds no 'stsz'");
    if (!stco.type == !co64.type)
        return box_malformed("'stbl' must hold one of 'stco' and 'co64'");
    track->stsd = stsd.whole;
    TRY(entry_parse(&stsd, track));
    TRY(parse_sizes(&stsz, track));
    TRY(parse_table(&stts, 0, 8, &track->stts));
    TRY(parse_table(&stsc, 0, 12, &track->stsc));
    track->chunks_64 = co64.type != 0;
    TRY(parse_table(co64.type ? &co64 : &stco, 0, co64.type ? 8 : 4, &track->chunks));
    track->has_ctts = ctts.type != 0;
    if (track->has_ctts) {
        TRY(parse_table(&ctts, 0, 8, &track->ctts));
        track->ctts_signed = be8(ctts.body, 0) == 1;
    }
    track->has_stss = stss.type != 0;
    if (track->has_stss)
        TRY(parse_table(&stss, 0, 4, &track->stss));
    return OK;
}

/* §8.7.2: the samples must be in this very file. */
static enum err parse_dinf(const struct box *dinf)
{
    struct box dref, entry;
    const struct box_want wants[] = { { "dref", true, &dref } };
    TRY(box_children(dinf->body, "dinf", wants, ARRAY_LEN(wants)));
    if (dref.body.len < 8 || be32(dref.body, 4) != 1)
        return box_unsupported("the track has other than one data reference");
    str rest = str_skip(dref.body, 8);
    if (rest.len == 0)
        return box_malformed("'dref' holds no entry");
    TRY(box_next(&rest, &entry));
    if (entry.body.len < 4 || (be32(entry.body, 0) & 1) == 0)
        return box_unsupported("the samples are in another file");
    return OK;
}

static enum err parse_trak(str body, uint32_t movie_timescale, struct mp4_track *track)
{
    struct box tkhd, edts, mdia, elst, mdhd, hdlr, minf, dinf, stbl;
    const struct box_want in_trak[] = { { "tkhd", true, &tkhd },
                                        { "edts", false, &edts },
                                        { "mdia", true, &mdia } };
    const struct box_want in_edts[] = { { "elst", false, &elst } };
    const struct box_want in_mdia[] = { { "mdhd", true, &mdhd },
                                        { "hdlr", true, &hdlr },
                                        { "minf", true, &minf } };
    const struct box_want in_minf[] = { { "dinf", true, &dinf }, { "stbl", true, &stbl } };
    TRY(box_children(body, "trak", in_trak, ARRAY_LEN(in_trak)));
    TRY(box_children(mdia.body, "mdia", in_mdia, ARRAY_LEN(in_mdia)));
    TRY(box_children(minf.body, "minf", in_minf, ARRAY_LEN(in_minf)));
    TRY(parse_hdlr(&hdlr, track));
    TRY(parse_mdhd(&mdhd, track));
    TRY(parse_tkhd(&tkhd, track));
    TRY(parse_dinf(&dinf));
    if (edts.type) {
        TRY(box_children(edts.body, "edts", in_edts, ARRAY_LEN(in_edts)));
        if (elst.type)
            TRY(parse_elst(&elst, movie_timescale, track));
    }
    return parse_stbl(stbl.body, track);
}

enum err mp4_parse(str head, uint64_t file_size_bytes, struct mp4_track *out_track)
{
    uint64_t offset, size;
    uint32_t movie_timescale;
    struct mp4_track track = { .file_size_bytes = file_size_bytes, .transfer = 2 };
    struct box moov, mvhd, trak, mvex, cmov;
    str unused;
    const struct box_want wants[] = { { "mvhd", false, &mvhd },
                                      { "trak", false, &trak },
                                      { "mvex", false, &mvex },
                                      { "cmov", false, &cmov } };
    TRY(find_moov(head, file_size_bytes, &offset, &size));
    if (offset + size > head.len)
        return err_set(ERR_INVALID, "mp4-truncated", "'moov' ends at byte %llu of %zu",
                       (unsigned long long)(offset + size), head.len);
    str rest = str_sub(head, (size_t)offset, (size_t)size);
    TRY(box_next(&rest, &moov));
    TRY(box_children(moov.body, "moov", wants, ARRAY_LEN(wants)));
    if (cmov.type)
        return box_unsupported("'moov' is compressed");
    if (mvex.type)
        return box_unsupported("the file is fragmented ('mvex')");
    if (!mvhd.type || !trak.type)
        return box_malformed("'moov' holds no '%s'", mvhd.type ? "trak" : "mvhd");
    TRY(parse_clock(&mvhd, &movie_timescale, &unused));
    TRY(parse_trak(trak.body, movie_timescale, &track));
    *out_track = track;
    return OK;
}
