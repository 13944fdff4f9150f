/*
 * webvtt: reads the WebVTT we stored (https://www.w3.org/TR/webvtt1/) and cuts it into the segments
 * of an HLS subtitle playlist (RFC 8216 §3.5). Stricter than a browser: what a browser would
 * quietly skip is an error with its line, because our own converter wrote the file. Cue text passes
 * through untouched. Nothing here suspends; any thread.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/mem/buf.h"

enum {
    WEBVTT_BYTES_MAX = 16 << 20,
    WEBVTT_CUES_MAX = 200000,
    WEBVTT_HOURS_MAX = 1000,
    WEBVTT_BLOCKS_MAX = 256, /* STYLE and REGION */
};

struct webvtt_cue {
    uint64_t start_ms, end_ms; /* start < end */
    str block;                 /* id line, timing line and text, without the empty line after it */
    str id;                    /* may be empty */
    str settings;              /* after the end time; may be empty */
    str text;                  /* lines as they are; may be empty */
};

struct webvtt {
    struct webvtt_cue *cues; /* in the file's order, which need not be that of time */
    uint32_t cue_count;
    str *blocks; /* STYLE and REGION blocks, to be repeated in each segment */
    uint32_t block_count;
    uint64_t end_ms; /* the latest end of a cue */
};

/*
 * The result points into `file` and `arena`. LF, CR and CRLF end lines; a byte order mark is
 * skipped. Errors: ERR_INVALID "webvtt" with the line (signature, UTF-8, a time, an end not after
 * its start, a block without times, limits), ERR_EXHAUSTED when the arena is full. Linear in the
 * file.
 */
enum err webvtt_parse(struct arena *arena, str file, struct webvtt *out);

/*
 * Segment `number`, from 1, of segments of segment_ms: every cue that is shown at some moment of
 * [number - 1, number) * segment_ms, with its whole time, so a cue is repeated in each segment it
 * touches. The timestamp map says that time zero is the film's. Appends to `out`; ERR_EXHAUSTED
 * when it does not fit.
 */
enum err webvtt_segment_write(const struct webvtt *vtt, uint32_t number, uint32_t segment_ms,
                              struct buf *out);
