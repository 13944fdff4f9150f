/*
 * index: the sidecar of a stored track, built once at ingest and mapped read-only by the server. It
 * holds all that playing needs: initialisation segment, segment boundaries on the real keyframes,
 * sample sizes, times, names for the playlists. One index feeds HLS, DASH and segments, so they
 * cannot disagree, and any segment costs the same wherever it lies. The format is described byte by
 * byte in docs/internals/media.md.
 *
 * Serving: index_open() over the mapping once; per request index_segment_get(), then
 * index_segment_header() into a fixed buffer, then the range [offset, offset + payload_bytes) of
 * the track's file. A server compares the file's size with source_bytes before it trusts those
 * ranges.
 *
 * Nothing here suspends or keeps state; any thread. An open index is immutable and may be shared.
 */
#pragma once

#include "foundation/mem/arena.h"
#include "media/fmp4/fmp4.h"
#include "media/mp4/mp4.h"

enum {
    INDEX_LANGUAGE_MAX = 36,   /* BCP 47 tag and its zero */
    INDEX_CHECKSUM_BYTES = 32, /* of the source: SHA-256, opaque here */
    INDEX_KEYFRAMES_MAX = 1 << 20,
    INDEX_INIT_BYTES_MAX = 1 << 20,
    INDEX_SECONDS_MAX = 10000000, /* no time in an index is later */
    INDEX_TARGET_MS = 4000,       /* a good target duration of segments */
};

/* An opened index. Fields may be read, never written; it points into the bytes it was opened over.
 */
struct index {
    enum mp4_kind kind;
    enum mp4_codec codec;
    char codecs[MP4_CODECS_MAX];
    char language[INDEX_LANGUAGE_MAX];          /* BCP 47, or empty */
    uint32_t timescale;                         /* ticks a second */
    uint64_t duration_ticks;                    /* end of the presentation, from zero */
    uint32_t width, height;                     /* display pixels; video */
    uint32_t rate_num, rate_den;                /* mean frames a second; video */
    uint8_t transfer;                           /* H.273 transfer characteristics: 16 PQ, 18 HLG */
    uint32_t sample_rate, channels;             /* audio */
    uint32_t bandwidth_peak, bandwidth_average; /* bits a second, headers included */
    uint32_t sample_count, segment_count, keyframe_count, shape_count;
    uint64_t source_bytes; /* size of the track's file */
    uint8_t source_checksum[INDEX_CHECKSUM_BYTES];
    str init; /* the initialisation segment, ready to send */

    uint8_t size_width, shape_width;
    const uint8_t *keyframes, *segments, *shapes, *shape_ids, *sizes;
};

/*
 * Opens an index over bytes from anywhere: after success no read through it leaves `bytes`,
 * whatever they are. Touches every byte once (checksum, tables); 2 h of film take about half a
 * millisecond. `bytes` must outlive the index. Errors: ERR_CORRUPT "index-corrupt", or
 * "index-version" when another version wrote it (rebuild it then).
 */
enum err index_open(str bytes, struct index *out_index);

struct index_segment {
    uint32_t number; /* from 1 */
    uint64_t offset; /* of the payload in the track's file */
    uint32_t payload_bytes;
    uint32_t header_bytes; /* of index_segment_header(); the response has both */
    uint64_t start_ticks;  /* earliest presentation time; the first segment begins at 0 or later */
    uint64_t duration_ticks;
    uint64_t decode_ticks; /* tfdt */
    uint32_t first_sample, sample_count;
    bool uniform; /* all samples have the first one's shape */
};

/* Segment `number`, 1 to segment_count; ERR_NOT_FOUND "no-segment" beyond. Constant time. */
enum err index_segment_get(const struct index *index, uint32_t number,
                           struct index_segment *out_segment);
/* Its start_ticks alone, 1 to segment_count + 1: the end of the film is the start after the last.
 */
uint64_t index_segment_start(const struct index *index, uint32_t number);
/*
 * Writes the bytes that precede the payload: exactly segment->header_bytes, at most
 * FMP4_HEADER_BYTES_MAX. Linear in the segment's samples; allocates nothing.
 */
void index_segment_header(const struct index *index, const struct index_segment *segment,
                          uint8_t *out);
/* The segment that is shown at `ticks`; the first or last one outside the film. */
uint32_t index_segment_at(const struct index *index, uint64_t ticks);

/* Ticks to microseconds and to milliseconds, rounded to nearest. */
uint64_t index_ticks_to_us(const struct index *index, uint64_t ticks);
uint64_t index_ticks_to_ms(const struct index *index, uint64_t ticks);

struct index_keyframe {
    uint64_t offset; /* in the track's file */
    uint64_t decode_ticks;
    int64_t shown_ticks; /* presentation time */
    uint32_t sample;
    bool closed; /* may begin a segment: nothing on one side depends on the other */
};
/* Keyframe `at`, 0 to keyframe_count - 1 (video only; audio has none). Asserts the range. */
struct index_keyframe index_keyframe_get(const struct index *index, uint32_t at);

/* What decides at ingest whether a copied track may be served or must be transcoded. */
struct index_cuts {
    uint32_t keyframes, open;  /* open: keyframes that are no cut point (open GOP, intra refresh) */
    uint64_t first_open_ticks; /* decode time of the first of them */
    uint64_t segment_ticks_max; /* the longest segment */
};
struct index_cuts index_cuts(const struct index *index);

/* Reads exactly size_bytes at `offset` of the track's file; for sync samples' first bytes. */
typedef enum err (*index_read_fn)(void *context, uint64_t offset, void *out, size_t size_bytes);

struct index_params {
    str head; /* of the file, as mp4_parse() wants it */
    uint64_t file_size_bytes;
    uint8_t source_checksum[INDEX_CHECKSUM_BYTES];
    str language;       /* BCP 47; empty: that of the track, if it says */
    uint32_t target_ms; /* of a segment, 500 to 60000; cuts are at the closed keyframes nearest */
    const struct index *follow; /* audio: cut where this video is cut; NULL: a uniform grid */
    index_read_fn read;         /* NULL: keyframes are judged by their times alone */
    void *read_context;
};

/*
 * Builds the index of a stored track into `arena` (about 5 bytes a sample, 9 at worst, and 16 a
 * sample while it works on a track without rhythm). Errors: those of mp4_parse() and
 * mp4_cursor_next(); ERR_INVALID "media-unsuitable" with the reason when the track cannot be served
 * as it is (samples of a segment not in one range, no keyframe at the start, segments too large, an
 * edit list that hides part of it ...); ERR_EXHAUSTED when the arena is full; what `read` returns.
 * Time is linear in the head.
 */
enum err index_build(struct arena *arena, const struct index_params *params, str *out_bytes);

/*
 * Whether the sync sample at `offset` begins a picture from which decoding can start, judged by its
 * own bytes: H.264 IDR, HEVC IRAP, AV1 and VP9 shown key frames. A non-IDR recovery point is not
 * one.
 */
enum err index_sync_inspect(const struct mp4_track *track, const struct mp4_sample *sample,
                            index_read_fn read, void *read_context, bool *out_clean);
