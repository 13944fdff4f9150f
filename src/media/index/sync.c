/*
 * sync: what the bytes of a sync sample say about it. A muxer marks as sync whatever a player may
 * start from with luck (H.264 recovery points, open GOPs); a segment may only begin where decoding
 * is clean.
 */
#include "index.h"

enum { UNITS_MAX = 64 };

/* H.264 table 7-1: slice of an IDR picture; other slices; data partition A. */
enum { AVC_SLICE = 1, AVC_PARTITION_A = 2, AVC_IDR = 5 };
/* H.265 table 7-1: BLA_W_LP to CRA_NUT are the random access points; types below 32 are slices. */
enum { HEVC_BLA_W_LP = 16, HEVC_CRA = 21, HEVC_SLICES_END = 32 };
/* AV1 §6.2.2. */
enum { OBU_FRAME_HEADER = 3, OBU_FRAME = 6 };

static enum err malformed(const struct mp4_sample *sample, const char *what)
{
    return err_set(ERR_INVALID, "mp4-malformed", "the keyframe at byte %llu %s",
                   (unsigned long long)sample->offset, what);
}

/* The first slice decides; parameter sets and messages come before it. */
static enum err inspect_nal(const struct mp4_track *track, const struct mp4_sample *sample,
                            index_read_fn read, void *context, bool *out_clean)
{
    uint64_t at = sample->offset, end = at + sample->size_bytes;
    for (int i = 0; i < UNITS_MAX && end - at > track->nal_length_size; i++) {
        uint8_t head[5] = { 0 };
        TRY(read(context, at, head, (size_t)track->nal_length_size + 1));
        uint32_t size = 0;
        for (int b = 0; b < track->nal_length_size; b++)
            size = size << 8 | head[b];
        at += track->nal_length_size;
        if (size == 0 || size > end - at)
            return malformed(sample, "holds a NAL unit that leaves it");
        uint8_t first = head[track->nal_length_size];
        int type = track->codec == MP4_H264 ? first & 31 : first >> 1 & 63;
        if (track->codec == MP4_H264 &&
            (type == AVC_IDR || type == AVC_SLICE || type == AVC_PARTITION_A)) {
            *out_clean = type == AVC_IDR;
            return OK;
        }
        if (track->codec == MP4_HEVC && type < HEVC_SLICES_END) {
            *out_clean = type >= HEVC_BLA_W_LP && type <= HEVC_CRA;
            return OK;
        }
        at += size;
    }
    return malformed(sample, "holds no slice");
}

/* AV1 §4.10.5 leb128: at most 8 bytes, of which a 32-bit size needs 5. */
static bool read_leb128(const uint8_t *bytes, size_t len, size_t *at, uint64_t *out)
{
    uint64_t value = 0;
    for (int i = 0; i < 8 && *at < len; i++) {
        uint8_t byte = bytes[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* AV1 §5.3.2, §5.9.2: a shown key frame has show_existing_frame 0, frame_type 0, show_frame 1. */
static enum err inspect_av1(const struct mp4_sample *sample, index_read_fn read, void *context,
                            bool *out_clean)
{
    uint64_t at = sample->offset, end = at + sample->size_bytes;
    for (int i = 0; i < UNITS_MAX && at < end; i++) {
        uint8_t head[11] = { 0 };
        size_t len = (size_t)MIN_OF(end - at, (uint64_t)sizeof(head));
        TRY(read(context, at, head, len));
        int type = head[0] >> 3 & 15;
        size_t skip = head[0] & 4 ? 2 : 1;
        uint64_t size = end - at - MIN_OF(end - at, (uint64_t)skip);
        if (head[0] & 2 && !read_leb128(head, len, &skip, &size))
            return malformed(sample, "holds an OBU without its size");
        if (skip >= len || size > end - at - skip) {
            if (type == OBU_FRAME || type == OBU_FRAME_HEADER || size > 0)
                return malformed(sample, "holds an OBU that leaves it");
        } else if (type == OBU_FRAME || type == OBU_FRAME_HEADER) {
            *out_clean = (head[skip] & 0xf0) == 0x10;
            return OK;
        }
        at += skip + size;
    }
    return malformed(sample, "holds no frame");
}

/* VP9 bitstream §6.2: frame marker, profile (reserved bit in 3), show_existing_frame, frame_type.
 */
static enum err inspect_vp9(const struct mp4_sample *sample, index_read_fn read, void *context,
                            bool *out_clean)
{
    uint8_t byte;
    TRY(read(context, sample->offset, &byte, 1));
    if (byte >> 6 != 2)
        return malformed(sample, "does not begin as a VP9 frame");
    unsigned at = (byte & 0x30) == 0x30 ? 2 : 3; /* bit of show_existing_frame */
    bool existing = byte >> at & 1, inter = byte >> (at - 1) & 1;
    *out_clean = !existing && !inter;
    return OK;
}

enum err index_sync_inspect(const struct mp4_track *track, const struct mp4_sample *sample,
                            index_read_fn read, void *read_context, bool *out_clean)
{
    switch (track->codec) {
    case MP4_H264:
    case MP4_HEVC:
        return inspect_nal(track, sample, read, read_context, out_clean);
    case MP4_AV1:
        return inspect_av1(sample, read, read_context, out_clean);
    case MP4_VP9:
        return inspect_vp9(sample, read, read_context, out_clean);
    default:
        *out_clean = true;
        return OK;
    }
}
