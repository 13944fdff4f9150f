/*
 * ingest_subtitles: text subtitles of a film, embedded or beside it, to stored WebVTT. One that
 * cannot be read never fails the film.
 */
#pragma once

#include "ingest_plan.h"

/*
 * Lets ffmpeg write the subtitles of the plan to scratch files: out_paths[i] is that of tracks[i],
 * or empty when it could not be extracted, with its reason in out_reasons[i]. Fails only by
 * ERR_CANCELLED, ERR_UNAVAILABLE and what is wrong with the store. All of them are read in one go;
 * if that fails, each alone.
 */
struct subtitles {
    const struct plan *plan;
    str path;    /* of the film */
    bool listed; /* it is a list of parts */
    uint64_t size_bytes;
    const struct plan_track *const *tracks;
    size_t count;
};
TASK_FN enum err ingest_subtitles_extract(const struct subtitles *subtitles, str *out_paths,
                                          str *out_reasons);

/* The subtitles of one part of the film, which begins at shift_ms of the whole. */
struct subtitle_piece {
    str path;
    int64_t shift_ms;
};
/*
 * Reads subtitle files of any form and encoding and puts them as one WebVTT under `key`; most have
 * one piece. ERR_INVALID and ERR_TOO_LARGE: a file is to blame. out_lost: what could not be kept of
 * the first piece that lost something, or empty.
 */
TASK_FN enum err ingest_subtitle_store(const struct subtitle_piece *pieces, size_t count, str key,
                                       uint64_t *out_size_bytes, str *out_lost);
