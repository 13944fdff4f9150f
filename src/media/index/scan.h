/* scan: the first walk over a track's samples, and the choice of its segments. Private to index. */
#pragma once

#include "index.h"

/* A sync sample of a video and what follows it up to the next. Times are presentation times. */
struct scan_gop {
    uint64_t offset;
    int64_t decode_ticks; /* of the fragments: tfdt */
    int64_t shown_ticks;
    int64_t shown_min, shown_max; /* over the group's samples */
    uint32_t sample;
    bool closed;
};

struct scan {
    const struct index_params *params;
    struct arena *arena;
    struct mp4_track track;
    struct fmp4_timing timing;

    struct scan_gop *gops; /* video */
    uint32_t gop_count;
    struct fmp4_shape *shapes; /* distinct, in order of appearance */
    uint32_t shape_count;
    uint32_t *shape_slots; /* open addressing: number + 1, 0 is free */
    uint32_t shape_slots_mask;
    uint32_t size_max;
    uint64_t payload_bytes;
    int64_t shown_min, shown_end; /* of the whole presentation */
    int64_t media_end_ticks;      /* before the edit list */
    uint64_t decode_total_ticks;

    uint32_t *cuts; /* first sample of each segment, and sample_count at the end */
    uint32_t segment_count;
};

/* Zeroed memory, or ERR_EXHAUSTED. */
enum err scan_alloc(struct scan *scan, size_t count, size_t size_bytes, void *out_pointer);
/* The arena is full: ERR_EXHAUSTED. */
enum err scan_full(const struct scan *scan);
enum err scan_unsuitable(const char *format, ...) PRINTF_LIKE(1, 2);

/* A sample's times in the fragments. */
static inline int64_t scan_decode(const struct scan *scan, const struct mp4_sample *sample)
{
    return sample->decode_ticks + scan->timing.decode_shift_ticks;
}
static inline int64_t scan_shown(const struct scan *scan, const struct mp4_sample *sample)
{
    return scan_decode(scan, sample) + sample->composition_ticks +
           scan->timing.composition_shift_ticks - scan->timing.edit_start_ticks;
}
/* Its shape, and the shape's number, which must exist after scan_track(). */
enum err scan_shape(const struct scan *scan, const struct mp4_sample *sample,
                    struct fmp4_shape *out_shape);
uint32_t scan_shape_number(const struct scan *scan, const struct fmp4_shape *shape);

/* Fills everything of *scan but the cuts, from params, arena, track and timing. */
enum err scan_track(struct scan *scan);
/* Chooses the segments. */
enum err cuts_choose(struct scan *scan);
