/*
 * scan: one walk that learns what the file's layout depends on: the distinct sample shapes, the
 * largest size, the presentation's ends, and for video the groups of pictures and which of them are
 * closed.
 *
 * A keyframe is closed when its own bytes say decoding may start there, everything after it in
 * decode order is shown after it, and everything before it in decode order is shown before it. A
 * keyframe with leading pictures fails the second rule, whatever its type: that is conservative for
 * the rare HEVC IDR_W_RADL, and right for the rest.
 */
#include "scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PROBES_MAX = 256 };

enum err scan_unsuitable(const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return err_set(ERR_INVALID, "media-unsuitable", "%s", text);
}

enum err scan_full(const struct scan *scan)
{
    return err_set(ERR_EXHAUSTED, NULL, "an index of %u samples does not fit the job's memory",
                   scan->track.sample_count);
}

enum err scan_alloc(struct scan *scan, size_t count, size_t size_bytes, void *out_pointer)
{
    size_t total;
    void *memory = NULL;
    if (!__builtin_mul_overflow(count, size_bytes, &total))
        memory = arena_try(scan->arena, MAX_OF(total, (size_t)1));
    if (!memory)
        return scan_full(scan);
    memset(memory, 0, total);
    memcpy(out_pointer, &memory, sizeof(memory));
    return OK;
}

enum err scan_shape(const struct scan *scan, const struct mp4_sample *sample,
                    struct fmp4_shape *out_shape)
{
    int64_t composition = sample->composition_ticks + scan->timing.composition_shift_ticks;
    if (composition < INT32_MIN || composition > INT32_MAX)
        return scan_unsuitable("a composition offset of %lld ticks does not fit 32 bits",
                               (long long)composition);
    *out_shape =
        (struct fmp4_shape){ sample->duration_ticks, sample->sync ? FMP4_SYNC : FMP4_NOT_SYNC,
                             (int32_t)composition };
    return OK;
}

/*
 * The slot of a shape: where it is, or the free one where it would be. NULL when the search grows
 * long, which in a table half empty only happens where someone meant it to.
 */
static uint32_t *find_slot(const struct scan *scan, const struct fmp4_shape *shape)
{
    uint64_t at = str_hash((str){ (const char *)shape, sizeof(*shape) });
    at ^= at >> 29;
    for (int i = 0; i < PROBES_MAX; i++, at++) {
        uint32_t *slot = &scan->shape_slots[at & scan->shape_slots_mask];
        if (*slot == 0 || memcmp(&scan->shapes[*slot - 1], shape, sizeof(*shape)) == 0)
            return slot;
    }
    return NULL;
}

uint32_t scan_shape_number(const struct scan *scan, const struct fmp4_shape *shape)
{
    const uint32_t *slot = find_slot(scan, shape);
    ASSERT(slot && *slot > 0);
    return *slot - 1;
}

static enum err add_shape(struct scan *scan, const struct mp4_sample *sample)
{
    struct fmp4_shape shape;
    TRY(scan_shape(scan, sample, &shape));
    uint32_t *slot = find_slot(scan, &shape);
    if (!slot)
        return scan_unsuitable("the sample times look made to collide");
    if (*slot == 0) {
        scan->shapes[scan->shape_count] = shape;
        *slot = ++scan->shape_count;
    }
    return OK;
}

/*
 * A shape can only be new where one of the three tables turns to its next entry, which bounds their
 * number, and with it the memory, by the size of moov.
 */
static enum err alloc_shapes(struct scan *scan)
{
    const struct mp4_track *track = &scan->track;
    uint64_t turns =
        1 + (uint64_t)track->stts.count + track->ctts.count + 2 * (uint64_t)track->stss.count;
    size_t capacity = (size_t)MIN_OF(turns, (uint64_t)track->sample_count), slots = 16;
    while (slots < capacity * 2)
        slots *= 2;
    scan->shape_slots_mask = (uint32_t)slots - 1;
    TRY(scan_alloc(scan, capacity, sizeof(*scan->shapes), &scan->shapes));
    return scan_alloc(scan, slots, sizeof(*scan->shape_slots), &scan->shape_slots);
}

static enum err alloc_gops(struct scan *scan)
{
    const struct mp4_track *track = &scan->track;
    uint32_t count = track->has_stss ? track->stss.count : track->sample_count;
    if (track->kind != MP4_VIDEO)
        return OK;
    if (count > INDEX_KEYFRAMES_MAX)
        return scan_unsuitable("the video has %u keyframes, the limit is %d", count,
                               INDEX_KEYFRAMES_MAX);
    return scan_alloc(scan, count, sizeof(*scan->gops), &scan->gops);
}

static enum err begin_gop(struct scan *scan, uint32_t number, const struct mp4_sample *sample)
{
    bool clean = true;
    if (scan->params->read)
        TRY(index_sync_inspect(&scan->track, sample, scan->params->read, scan->params->read_context,
                               &clean));
    int64_t shown = scan_shown(scan, sample);
    scan->gops[scan->gop_count++] = (struct scan_gop){ .offset = sample->offset,
                                                       .decode_ticks = scan_decode(scan, sample),
                                                       .shown_ticks = shown,
                                                       .shown_min = shown,
                                                       .shown_max = shown,
                                                       .sample = number,
                                                       .closed = clean };
    return OK;
}

static enum err scan_video_sample(struct scan *scan, uint32_t number,
                                  const struct mp4_sample *sample)
{
    if (sample->sync)
        return begin_gop(scan, number, sample);
    if (scan->gop_count == 0)
        return scan_unsuitable("the video does not begin with a keyframe");
    struct scan_gop *gop = &scan->gops[scan->gop_count - 1];
    int64_t shown = scan_shown(scan, sample);
    gop->shown_min = MIN_OF(gop->shown_min, shown);
    gop->shown_max = MAX_OF(gop->shown_max, shown);
    return OK;
}

static void mark_closed(struct scan *scan)
{
    int64_t later_min = INT64_MAX, earlier_max = INT64_MIN;
    for (uint32_t i = scan->gop_count; i-- > 0;) {
        later_min = MIN_OF(later_min, scan->gops[i].shown_min);
        scan->gops[i].closed &= later_min == scan->gops[i].shown_ticks;
    }
    for (uint32_t i = 0; i < scan->gop_count; i++) {
        scan->gops[i].closed &= earlier_max < scan->gops[i].shown_ticks;
        earlier_max = MAX_OF(earlier_max, scan->gops[i].shown_max);
    }
}

/* What an edit list may do to a track that is served from its first sample to its last. */
static enum err check_times(const struct scan *scan)
{
    const struct mp4_track *track = &scan->track;
    int64_t seconds_max = (int64_t)INDEX_SECONDS_MAX;
    if (scan->shown_end <= 0 || scan->shown_end / track->timescale >= seconds_max)
        return scan_unsuitable("the track would end %lld ticks after its beginning",
                               (long long)scan->shown_end);
    if (track->kind == MP4_VIDEO && scan->shown_min < 0)
        return scan_unsuitable("the edit list hides the first %lld ticks of the video",
                               (long long)-scan->shown_min);
    int64_t edit_end = track->media_start_ticks + track->edit_ticks;
    if (track->edit_ticks > 0 && scan->media_end_ticks - edit_end > track->timescale)
        return scan_unsuitable("the edit list hides the last %lld ticks of the track",
                               (long long)(scan->media_end_ticks - edit_end));
    return OK;
}

enum err scan_track(struct scan *scan)
{
    const struct mp4_track *track = &scan->track;
    struct mp4_cursor cursor;
    struct mp4_sample sample;
    TRY(alloc_shapes(scan));
    TRY(alloc_gops(scan));
    scan->shown_min = INT64_MAX;
    scan->shown_end = scan->media_end_ticks = INT64_MIN;
    mp4_cursor_init(&cursor, track);
    for (uint32_t i = 0; i < track->sample_count; i++) {
        TRY(mp4_cursor_next(&cursor, &sample));
        TRY(add_shape(scan, &sample));
        if (track->kind == MP4_VIDEO)
            TRY(scan_video_sample(scan, i, &sample));
        else if (!sample.sync)
            return scan_unsuitable("audio sample %u depends on others", i);
        int64_t shown = scan_shown(scan, &sample), end = shown + sample.duration_ticks;
        int64_t media_end = sample.decode_ticks + sample.composition_ticks + sample.duration_ticks;
        scan->size_max = MAX_OF(scan->size_max, sample.size_bytes);
        scan->payload_bytes += sample.size_bytes;
        scan->decode_total_ticks += sample.duration_ticks;
        scan->shown_min = MIN_OF(scan->shown_min, shown);
        scan->shown_end = MAX_OF(scan->shown_end, end);
        scan->media_end_ticks = MAX_OF(scan->media_end_ticks, media_end);
    }
    mark_closed(scan);
    return check_times(scan);
}
