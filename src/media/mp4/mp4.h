/*
 * mp4: reads the one-track progressive MP4 (moov before mdat, "faststart") that our own ffmpeg
 * child writes, and nothing wider: what is outside that profile is refused with a reason, so that
 * the caller can transcode. It sees only the head of the file (ftyp to the end of moov) and the
 * file's size; the track it returns points into that head. Sizes, counts and offsets are checked
 * against the box that holds them before use: hostile bytes cost time linear in the head and no
 * memory of their own.
 *
 * Sources: ISO/IEC 14496-12 (boxes), 14496-14 (mp4a), 14496-15 (avcC, hvcC), the AV1, VP9, Opus and
 * FLAC ISOBMFF bindings. Nothing here suspends, allocates or keeps state; any thread.
 *
 * Slugs of the errors: "mp4-truncated" (the file ends too early), "mp4-malformed" (it contradicts
 * the format or itself), "mp4-unsupported" (valid, but outside the profile). All are ERR_INVALID.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"

enum {
    MP4_HEAD_BYTES_MAX = 96 << 20,    /* of ftyp to the end of moov */
    MP4_SAMPLES_MAX = 8 << 20,        /* 38 h at 60 frames a second */
    MP4_CODECS_MAX = 48,              /* text of a codecs parameter and its zero */
    MP4_COMPOSITION_SECONDS_MAX = 60, /* a larger composition offset is refused as damage */
};

enum mp4_kind { MP4_VIDEO = 1, MP4_AUDIO = 2 };

enum mp4_codec {
    MP4_H264 = 1,
    MP4_HEVC,
    MP4_AV1,
    MP4_VP9,
    MP4_AAC,
    MP4_OPUS,
    MP4_FLAC,
    MP4_AC3,
    MP4_EAC3,
};

/* A table of fixed-width entries inside stbl: `entries` holds exactly `count` of them. */
struct mp4_table {
    str entries;
    uint32_t count;
};

struct mp4_track {
    enum mp4_kind kind;
    enum mp4_codec codec;
    char codecs[MP4_CODECS_MAX]; /* RFC 6381: "avc1.640028" */
    char language[4];            /* ISO 639-2/T of mdhd, "und" when absent */
    uint32_t timescale;          /* ticks a second of everything below */
    uint32_t width, height;      /* display size in pixels; 0 for audio */
    uint32_t sample_rate, channels;
    uint8_t transfer;        /* ITU-T H.273 transfer characteristics of colr; 2: unknown */
    uint8_t nal_length_size; /* H.264, HEVC: bytes of a NAL unit's length prefix, 1, 2 or 4 */
    uint8_t matrix[36];      /* of tkhd, as stored */
    /*
     * The edit list, reduced: the presentation begins `delay_ticks` after zero with the media's
     * time `media_start_ticks`. edit_ticks is how much of the media is shown, 0: all of it.
     */
    int64_t delay_ticks, media_start_ticks, edit_ticks;

    uint32_t sample_count;
    uint64_t file_size_bytes;
    str stsd; /* the whole box, to be repeated in an initialisation segment */
    struct mp4_table stts, ctts, stsc, chunks, stss, sizes;
    uint32_t sample_size_fixed; /* when not 0, `sizes` is empty */
    bool chunks_64, ctts_signed, has_ctts, has_stss;
};

/*
 * How many bytes from the start of the file mp4_parse() needs, found from its first bytes: `prefix`
 * (64 KiB are plenty) of a file of `file_size_bytes`. Fails when moov does not come before mdat.
 */
enum err mp4_head_size(str prefix, uint64_t file_size_bytes, uint64_t *out_head_bytes);

/*
 * Reads the track. `head` must outlive *out_track and hold what mp4_head_size() said, or more.
 * The sample tables are only located and measured here; a cursor checks them sample by sample.
 */
enum err mp4_parse(str head, uint64_t file_size_bytes, struct mp4_track *out_track);

struct mp4_sample {
    uint64_t offset; /* in the file; offset + size_bytes is within it */
    uint32_t size_bytes;
    uint32_t duration_ticks;
    int64_t decode_ticks;      /* media time, before the edit list */
    int32_t composition_ticks; /* presentation minus decode time */
    bool sync;
};

/* Walks the samples in decode order in constant memory and amortised constant time a step. */
struct mp4_cursor {
    const struct mp4_track *track;
    uint32_t sample; /* next, from 0 */
    int64_t decode_ticks;
    uint32_t stts_entry, stts_left, duration_ticks;
    uint32_t ctts_entry, ctts_left;
    int32_t composition_ticks;
    uint32_t stsc_entry, chunk, chunk_left; /* chunk: how many were begun */
    uint64_t offset;
    uint32_t stss_entry;
};

void mp4_cursor_init(struct mp4_cursor *cursor, const struct mp4_track *track);
/*
 * The next sample. Call exactly track->sample_count times; the last call also checks that no table
 * describes more samples than there are. Fails where tables contradict each other or the file's
 * size.
 */
enum err mp4_cursor_next(struct mp4_cursor *cursor, struct mp4_sample *out_sample);
