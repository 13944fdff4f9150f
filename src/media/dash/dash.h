/*
 * dash: the MPD of a film (ISO/IEC 23009-1): static, SegmentTemplate with SegmentTimeline in each
 * track's own timescale, the same segments as HLS. Subtitles are one WebVTT file each. Output
 * depends on the arguments alone. Nothing here suspends; any thread.
 */
#pragma once

#include "media/manifest/manifest.h"

/*
 * {asset}/manifest.mpd. Videos of one codec are one adaptation set; every audio and subtitle track
 * has its own. Appends to `out`; errors as manifest_check(), and ERR_EXHAUSTED when it does not
 * fit.
 */
enum err dash_mpd_write(const struct manifest *manifest, struct buf *out);
