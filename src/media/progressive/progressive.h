/*
 * progressive: one MP4 made of several stored tracks, for downloads and for players that know
 * nothing else. Only its head is new: the boxes of the tracks' own files, with sample tables that
 * say where the samples now are; behind it the tracks' segments follow each other in the order of
 * their times, so a player may start before it has all. Where each byte of the film comes from is
 * a table; the server sends ranges of the stored files, and nothing is written anywhere.
 *
 * Sources: ISO/IEC 14496-12 §8.2 to §8.7. Output depends on the arguments alone. Nothing here
 * suspends; any thread.
 */
#pragma once

#include "media/index/index.h"

enum { PROGRESSIVE_TRACKS_MAX = 4, PROGRESSIVE_HEAD_BYTES_MAX = 128 << 20 };

struct progressive_track {
    const struct index *index;
    str head; /* of the track's file: mp4_head_size() bytes */
};

/* A run of the film's bytes that is a range of one track's file. */
struct progressive_piece {
    uint64_t at;     /* in the film */
    uint64_t offset; /* in the track's file */
    uint32_t size_bytes;
    uint32_t track; /* which of the tracks given */
};

struct progressive {
    str head; /* ftyp, moov and the header of mdat: the film's first bytes */
    uint64_t size_bytes;
    struct progressive_piece *pieces; /* without gaps from head.len to size_bytes */
    size_t pieces_count;
};

/*
 * The film of one to PROGRESSIVE_TRACKS_MAX tracks. Heads are read with every bound checked.
 * Errors: ERR_INVALID "mp4-malformed", "mp4-unsupported" (movie timescales differ),
 * "mp4-truncated"; ERR_EXHAUSTED when the arena or the limit is full.
 */
enum err progressive_build(struct arena *arena, const struct progressive_track *tracks,
                           size_t count, struct progressive *out);

/* The piece that holds the byte at `at`, head.len <= at < size_bytes. Logarithmic. */
const struct progressive_piece *progressive_piece_at(const struct progressive *film, uint64_t at);
