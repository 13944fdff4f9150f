/*
 * manifest: what a film offers, as HLS and DASH both need it: the tracks with their indexes, and
 * the subtitles. The writers (media/hls, media/dash) turn it into text with relative URLs:
 *
 *   {asset}/master.m3u8, {asset}/manifest.mpd
 *   {asset}/{track}/index.m3u8, {track}/init.mp4, {track}/{n}.m4s     n from 1
 *   {asset}/{sub}/index.m3u8, {sub}/{n}.vtt, {asset}/{sub}.vtt
 *
 * so the same segment URLs serve both. Nothing here suspends or allocates; any thread.
 */
#pragma once

#include "foundation/mem/buf.h"
#include "media/index/index.h"

enum { MANIFEST_TRACKS_MAX = 64, MANIFEST_NAME_MAX = 64 };

struct manifest_track {
    str name; /* of its folder: 1 to 64 of letters, digits, '-', '_' and '.', not '.' first */
    const struct index *index;
    str language; /* BCP 47; empty: the index's, which may be empty too */
    str label;    /* for people, any UTF-8; empty: made from the language */
    bool is_default;
};

struct manifest_text {
    str name;
    str language;
    str label;
    uint64_t size_bytes; /* of {name}.vtt */
    bool is_default;
    bool forced; /* only what must be read even with subtitles off */
    bool sdh;    /* for the deaf and hard of hearing */
};

/* At most MANIFEST_TRACKS_MAX of each; at least one video or audio. Order is that of preference. */
struct manifest {
    const struct manifest_track *videos, *audios;
    const struct manifest_text *texts;
    size_t video_count, audio_count, text_count;
};

/* ERR_INVALID "manifest" unless names, counts and kinds are as above and no name is used twice. */
enum err manifest_check(const struct manifest *manifest);

/* The end of the longest track, from zero. */
uint64_t manifest_duration_ms(const struct manifest *manifest);

/* The language to announce: letters, digits and '-' only; otherwise, and for "und", empty. */
str manifest_language(str given, const struct index *index);

/* Attribute text of HLS (RFC 8216 §4.2) has no '"' and no line ends; XML escapes by entities. Both
 * keep valid UTF-8 and put U+FFFD for what is not; control characters become spaces. */
void manifest_put_quoted(struct buf *out, str text);
void manifest_put_xml(struct buf *out, str text);

/* ERR_EXHAUSTED when the buffer has overflowed. */
enum err manifest_finish(const struct buf *out);
