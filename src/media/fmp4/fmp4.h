/*
 * fmp4: writes CMAF: the initialisation segment of a track, and the header of a media segment.
 * Header and samples (one contiguous range of the stored file) are the whole segment. Output
 * depends on the arguments alone, so segments are byte-stable.
 *
 * How the presentation comes to start at zero:
 *   video  The edit list is folded into the composition offsets (trun version 1, signed): a sample
 *          has the stored offset minus the edit's media time. The first frame shown has time 0 and
 *          no edit list is needed (brand cmf2, ISO/IEC 23000-19 §7.5.17). Decode times start at 0.
 *   audio  Codec priming precedes zero, and tfdt cannot be negative: the edit list stays, in the
 *          initialisation segment, as one edit that begins at the end of the priming.
 *   A delay (empty edit) of either is added to tfdt.
 *
 * Sources: ISO/IEC 14496-12 §8.8 (movie fragments), §8.16 (segments), ISO/IEC 23000-19 (CMAF).
 * Nothing here suspends or allocates (but for the caller's buf); any thread.
 */
#pragma once

#include "foundation/mem/buf.h"
#include "media/mp4/mp4.h"

/* How the time of a track's media maps to the presentation. */
struct fmp4_timing {
    int64_t decode_shift_ticks;      /* added to every decode time: tfdt */
    int64_t composition_shift_ticks; /* added to every composition offset */
    int64_t edit_start_ticks;        /* media time of the edit in the init segment; 0: no edit */
};
struct fmp4_timing fmp4_timing(const struct mp4_track *track);

/* ftyp and moov. On an overflow of `out` the caller sees out->overflowed. */
void fmp4_init_write(const struct mp4_track *track, struct buf *out);

/* What samples of a kind have in common; a film has few kinds. */
struct fmp4_shape {
    uint32_t duration_ticks;
    uint32_t flags; /* FMP4_SYNC or FMP4_NOT_SYNC */
    int32_t composition_ticks;
};
#define FMP4_SYNC     0x02000000u /* depends on no other sample (§8.8.3.1) */
#define FMP4_NOT_SYNC 0x01010000u /* depends on others, is not a sync sample */

/* The samples of a segment as the index stores them, little-endian and unaligned. */
struct fmp4_run {
    uint32_t sequence;        /* of mfhd: the segment's number from 1 */
    uint64_t decode_ticks;    /* of tfdt */
    uint32_t sample_count;    /* <= FMP4_SAMPLES_MAX */
    uint32_t payload_bytes;   /* the sum of the sizes */
    bool uniform;             /* all samples have the shape of the first */
    uint8_t size_width;       /* bytes of a size: 2 or 4 */
    uint8_t shape_width;      /* bytes of a shape's number: 0 (all are shape 0), 1, 2 or 4 */
    const uint8_t *sizes;     /* of the first sample on */
    const uint8_t *shape_ids; /* of the first sample on */
    const uint8_t *shapes;    /* the table: FMP4_SHAPE_BYTES each: duration, flags, composition */
    uint32_t shape_count;     /* larger numbers in shape_ids are read as the last */
};

enum {
    FMP4_SHAPE_BYTES = 12,
    FMP4_SAMPLES_MAX = 4096, /* in one segment */
    FMP4_HEADER_BYTES_MAX = 256 + 16 * FMP4_SAMPLES_MAX,
};
#define FMP4_PAYLOAD_BYTES_MAX 0xf0000000u /* mdat has a 32-bit size */

/* The number of bytes fmp4_header_write() writes: constant time, reads no samples. */
uint32_t fmp4_header_size(const struct fmp4_run *run);
/*
 * styp, moof and the header of mdat, exactly fmp4_header_size() bytes (<= FMP4_HEADER_BYTES_MAX)
 * into `out`. No allocation; about 0.2 us for 100 samples.
 */
void fmp4_header_write(const struct fmp4_run *run, uint8_t *out);
