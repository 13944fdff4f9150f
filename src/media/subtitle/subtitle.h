/*
 * subtitle: SRT, ASS/SSA and WebVTT of any encoding to one clean form: WebVTT text, cues sorted by
 * start, markup reduced to bold, italics and underline. What cannot be shown is dropped and
 * counted, with the reason of the first, so that an import can say what it lost.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

enum {
    SUBTITLE_BYTES_MAX = 8 << 20,         /* of a file */
    SUBTITLE_WEBVTT_BYTES_MAX = 16 << 20, /* of the result */
    SUBTITLE_CUES_MAX = 50000,
    SUBTITLE_CUE_TEXT_BYTES_MAX = 4096, /* of a cue in WebVTT, markup and escapes included */
    SUBTITLE_TIME_MS_MAX = 100 * 3600 * 1000
};

enum subtitle_format { SUBTITLE_SRT, SUBTITLE_ASS, SUBTITLE_WEBVTT };

struct subtitle_cue {
    int64_t start_ms; /* 0 <= start < end */
    int64_t end_ms;
    str text;     /* WebVTT cue text: escaped, tags balanced, no blank line */
    str settings; /* "line:0 align:left" or empty */
};

struct subtitle {
    enum subtitle_format format;     /* by content, never by file name */
    const char *charset;             /* static name of the encoding found */
    size_t replaced;                 /* byte sequences of no meaning in it, now U+FFFD */
    str webvtt;                      /* the whole file, ends with a newline */
    const struct subtitle_cue *cues; /* the same cues, in the same order */
    size_t cues_kept;
    size_t cues_dropped;   /* no text, no duration, a drawing, too long ... */
    size_t cues_merged;    /* exact doubles: layers of ASS */
    str first_drop_reason; /* "line 12: the cue ends before it starts"; empty when none dropped */
    int64_t end_ms;        /* of the last cue to end */
};

/*
 * Reads `bytes`; everything in *out lives in the arena (up to about ten times the input, at most
 * 64 MiB). Times: WebVTT (W3C) and the sloppy forms of SRT, a fraction being one of a second (",5"
 * is half a second). ERR_TOO_LARGE "subtitle-too-large"; ERR_INVALID with slug
 * "subtitle-format-unknown", "subtitle-frames" (MicroDVD, counted in frames), "subtitle-empty" (not
 * one cue could be kept) or those of charset_to_utf8(). Pure, any thread.
 */
MUST_CHECK enum err subtitle_parse(struct arena *arena, str bytes, struct subtitle *out);

/* The subtitles of one part of a film, which begins at shift_ms of the whole. */
struct subtitle_part {
    const struct subtitle *subtitle;
    int64_t shift_ms;
};
/*
 * The parts as one WebVTT text in the arena, cues sorted by start. ERR_TOO_LARGE
 * "subtitle-too-large" beyond the limits of one file. Pure, any thread.
 */
MUST_CHECK enum err subtitle_join(struct arena *arena, const struct subtitle_part *parts,
                                  size_t count, str *out_webvtt);

/* "srt", "ass", "webvtt". */
const char *subtitle_format_name(enum subtitle_format format);
