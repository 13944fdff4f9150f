/*
 * cuts: where segments begin. Video: at closed keyframes only, each segment as near to the target
 * duration as they allow. Audio: at the packet that is sounding when the video is cut, so that
 * audio segment n holds all the sound of video segment n from its first moment; or on a uniform
 * grid.
 */
#include "scan.h"

#include "format.h"

static int64_t target_ticks(const struct scan *scan)
{
    uint64_t ticks = index_rescale(scan->params->target_ms, scan->track.timescale, 1000);
    return (int64_t)MAX_OF(ticks, (uint64_t)1);
}

/* Of two moments at which a segment might end, the earlier is better: nearer, and not too early. */
static bool is_better(const struct scan *scan, int64_t start, int64_t earlier, int64_t later)
{
    int64_t target = start + target_ticks(scan);
    return earlier >= start + target_ticks(scan) / 2 && target - earlier < later - target;
}

/*
 * The next cut after a segment that began at `start`: of the last closed keyframe before the target
 * and what comes at or after it (a closed keyframe or the end of the film), the better. gop_count
 * is the end.
 */
static uint32_t next_cut(const struct scan *scan, uint32_t gop, int64_t start)
{
    int64_t target = start + target_ticks(scan), later = scan->shown_end;
    uint32_t before = scan->gop_count, after = scan->gop_count;
    for (uint32_t i = gop + 1; i < scan->gop_count && after == scan->gop_count; i++) {
        if (!scan->gops[i].closed || scan->gops[i].shown_ticks >= scan->shown_end)
            continue; /* a last frame without a duration is no segment */
        if (scan->gops[i].shown_ticks < target)
            before = i;
        else
            after = i;
    }
    if (after < scan->gop_count)
        later = scan->gops[after].shown_ticks;
    if (before < scan->gop_count && later >= target &&
        is_better(scan, start, scan->gops[before].shown_ticks, later))
        return before;
    return after;
}

static enum err choose_video(struct scan *scan)
{
    uint32_t gop = 0;
    TRY(scan_alloc(scan, (size_t)scan->gop_count + 1, sizeof(*scan->cuts), &scan->cuts));
    while (gop < scan->gop_count) {
        scan->cuts[scan->segment_count++] = scan->gops[gop].sample;
        gop = next_cut(scan, gop, scan->gops[gop].shown_ticks);
    }
    return OK;
}

/* The moments at which audio is to be cut, one after another. */
struct grid {
    const struct scan *scan;
    uint32_t next; /* the video's segment, from 1, whose start `at` is */
    bool past_end; /* `at` is beyond the video's */
    int64_t at;
};

/* The next moment of the video, or false when it has no more. */
static bool follow_video(struct grid *grid)
{
    const struct index *video = grid->scan->params->follow;
    struct index_segment segment;
    if (!video || grid->next >= video->segment_count ||
        index_segment_get(video, ++grid->next, &segment) != OK)
        return false;
    grid->at =
        (int64_t)index_rescale(segment.start_ticks, grid->scan->track.timescale, video->timescale);
    return true;
}

/* Moves on to the first moment at or after `ticks`. Beyond the video's end the grid is uniform. */
static void grid_advance(struct grid *grid, int64_t ticks)
{
    const struct index *video = grid->scan->params->follow;
    int64_t target = target_ticks(grid->scan);
    while (grid->at < ticks && follow_video(grid))
        ;
    if (grid->at >= ticks)
        return;
    if (video && !grid->past_end) {
        grid->at = (int64_t)index_rescale(video->duration_ticks, grid->scan->track.timescale,
                                          video->timescale);
        grid->at += target; /* a little more sound than picture is no segment of its own */
        grid->past_end = true;
    }
    if (grid->at < ticks)
        grid->at += (ticks - grid->at + target - 1) / target * target;
}

/* Room for one more cut; the old array is left to the arena. */
static enum err grow_cuts(struct scan *scan, size_t *capacity)
{
    uint32_t *grown;
    if (scan->segment_count + 2 <= *capacity)
        return OK;
    size_t larger = MAX_OF(*capacity * 2, (size_t)256);
    TRY(scan_alloc(scan, larger, sizeof(*grown), &grown));
    for (uint32_t i = 0; i < scan->segment_count; i++)
        grown[i] = scan->cuts[i];
    scan->cuts = grown;
    *capacity = larger;
    return OK;
}

static enum err choose_audio(struct scan *scan)
{
    struct grid grid = { .scan = scan, .next = 1 };
    struct mp4_cursor cursor;
    struct mp4_sample sample;
    size_t capacity = 0;
    TRY(grow_cuts(scan, &capacity));
    scan->cuts[scan->segment_count++] = 0;
    grid_advance(&grid, 1);
    mp4_cursor_init(&cursor, &scan->track);
    for (uint32_t i = 0; i < scan->track.sample_count; i++) {
        TRY(mp4_cursor_next(&cursor, &sample));
        int64_t shown = scan_shown(scan, &sample), end = shown + sample.duration_ticks;
        if (end <= grid.at)
            continue;
        TRY(grow_cuts(scan, &capacity));
        if (i > 0 && shown > 0 && shown < scan->shown_end)
            scan->cuts[scan->segment_count++] = i;
        grid_advance(&grid, end);
    }
    return OK;
}

enum err cuts_choose(struct scan *scan)
{
    if (scan->track.kind == MP4_VIDEO)
        TRY(choose_video(scan));
    else
        TRY(choose_audio(scan));
    scan->cuts[scan->segment_count] = scan->track.sample_count;
    for (uint32_t i = 0; i < scan->segment_count; i++) {
        uint32_t count = scan->cuts[i + 1] - scan->cuts[i];
        if (count > FMP4_SAMPLES_MAX)
            return scan_unsuitable("segment %u would have %u samples, the limit is %d: too few "
                                   "closed keyframes, or a frame rate out of reason",
                                   i + 1, count, FMP4_SAMPLES_MAX);
    }
    return OK;
}
