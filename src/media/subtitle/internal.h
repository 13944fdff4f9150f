/*
 * internal: what the readers of subtitle share: lines, times, the list of cues and the markup
 * writer. Not for other modules.
 */
#pragma once

#include "subtitle.h"

#include "foundation/mem/buf.h"

/* --- lines: any of CRLF, LF and CR ends one ------------------------------------------------- */
struct lines {
    str rest;
    unsigned number; /* of the line last returned, from 1 */
};
bool lines_next(struct lines *lines, str *out_line);

/* --- times ---------------------------------------------------------------------------------- */
enum timing_result { TIMING_NONE, TIMING_OK, TIMING_BROKEN };
struct timing {
    int64_t start_ms; /* may be negative */
    int64_t end_ms;
    str rest; /* what follows the second time */
};
/*
 * A line "time --> time". TIMING_NONE: not such a line; TIMING_BROKEN: it begins as one, the second
 * time is unreadable.
 */
enum timing_result timing_parse(str line, struct timing *out);
/* One time at the start of *rest, which is advanced. False leaves *rest as it was. */
bool timing_parse_time(str *rest, int64_t *out_ms);

/* --- markup: source text in, WebVTT cue text out -------------------------------------------- */
enum { STYLE_BOLD = 1, STYLE_ITALIC = 2, STYLE_UNDERLINE = 4 };

struct markup {
    struct buf out;
    unsigned wanted;  /* STYLE_ bits of the text to come */
    unsigned base;    /* what \r goes back to */
    unsigned open[3]; /* tags written and not closed, in order */
    unsigned open_count;
    bool newline_due; /* white space is written only between visible characters */
    bool space_due;
    bool drawing;   /* inside \p1: coordinates, no text */
    unsigned align; /* numeric keypad position by \an, 0: none given */
};
void markup_init(struct markup *markup, struct arena *arena);
/* Starts a cue in the style `base` (STYLE_ bits). */
void markup_begin(struct markup *markup, unsigned base);
void markup_put(struct markup *markup, uint32_t code_point);
/* SRT and WebVTT text. any_tag: every <...> is a tag (WebVTT); else only those of HTML are. */
void markup_put_html(struct markup *markup, str text, bool any_tag);
void markup_put_ass(struct markup *markup, str text);
/* Closes what is open; false when the text was longer than a cue may be. Valid until
 * markup_begin(). */
bool markup_end(struct markup *markup, str *out_text);
/* WebVTT settings of a keypad position: 8 is "line:0", 0 and 2 are empty. Static text. */
str markup_settings(unsigned align);
/* The keypad position of a legacy SSA alignment (1-3 bottom, 5-7 top, 9-11 middle), 0 for others.
 */
unsigned markup_align_legacy(unsigned align);

/* --- the list of cues ----------------------------------------------------------------------- */
struct cue_list {
    struct arena *arena;
    struct subtitle_cue *cues;
    size_t count;
    size_t capacity;
    size_t dropped;
    size_t merged;
    str first_drop_reason;
};
void cue_drop(struct cue_list *list, unsigned line, const char *reason);
/* Ends the markup's cue and keeps it, or drops it with its reason. `settings` must outlive the
 * list. */
void cue_add(struct cue_list *list, unsigned line, const struct timing *timing,
             struct markup *markup, str settings);

/* --- the readers ---------------------------------------------------------------------------- */
void srt_read(struct cue_list *list, str text);
void webvtt_read(struct cue_list *list, str text);
void ass_read(struct cue_list *list, str text);
