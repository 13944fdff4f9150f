/*
 * hls: the playlists of HTTP Live Streaming (RFC 8216, with FRAME-RATE, VIDEO-RANGE and the rest as
 * draft-pantos-hls-rfc8216bis has them): CMAF segments, separate audio, WebVTT subtitles. Output
 * depends on the arguments alone. Nothing here suspends; any thread.
 */
#pragma once

#include "media/manifest/manifest.h"

/* A good duration of subtitle segments: a player fetches them as it goes. */
enum { HLS_TEXT_SEGMENT_MS = 30000 };

/*
 * {asset}/master.m3u8. Audio tracks are grouped by codec; every video is offered with every group,
 * the first track's group first. Without video each audio track is a variant. Appends to `out`;
 * errors as manifest_check(), and ERR_EXHAUSTED when it does not fit.
 */
enum err hls_master_write(const struct manifest *manifest, struct buf *out);

/*
 * {asset}/{track}/index.m3u8. Durations are differences of rounded times, in microseconds, so that
 * their sum never drifts from the media; the first one begins at zero.
 */
enum err hls_media_write(const struct index *index, struct buf *out);

/* {asset}/{sub}/index.m3u8 of a film of this duration, in segments of segment_ms (1000 or more). */
enum err hls_text_write(uint64_t duration_ms, uint32_t segment_ms, struct buf *out);
/* How many segments that playlist has; at least 1. */
uint32_t hls_text_segments(uint64_t duration_ms, uint32_t segment_ms);
