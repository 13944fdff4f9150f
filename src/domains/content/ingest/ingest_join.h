/*
 * ingest_join: a film that comes in several files, made one for ffmpeg. Parts of the same kind are
 * only listed (ffmpeg's concat demuxer reads them as one); others are transcoded into one file.
 */
#pragma once

#include "ingest_internal.h"
#include "ingest_probe.h"

struct join {
    const str *paths;
    const struct probe *probes;
    size_t count; /* at least 2 */
    uint64_t sources_bytes;
    str notes[2]; /* of ingest_join_make() */
    size_t notes_count;
};

/* In what the tracks of the parts differ ("codec, size"); empty when they are of one kind. Pure. */
str ingest_join_difference(const struct join *join);
/* Writes the list to scratch space. ERR_INVALID for a path no list can name. Suspends. */
TASK_FN enum err ingest_join_list(const struct join *join, str *out_path);
/*
 * Writes one film to scratch space: H.264 in the size of the first part, and the sound tracks that
 * all parts have as AAC in stereo. *out_path is set before anything can fail. ERR_INVALID,
 * ERR_EXHAUSTED, ERR_CANCELLED. Suspends.
 */
TASK_FN enum err ingest_join_make(struct join *join, struct job_run *run, str *out_path);
