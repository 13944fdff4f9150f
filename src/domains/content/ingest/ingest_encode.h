/*
 * ingest_encode: one ffmpeg child that writes tracks of a film, each to a file of its own: a
 * one-track faststart MP4 in the blob store's scratch space, which the caller adopts or discards.
 */
#pragma once

#include "ingest_plan.h"

struct encode {
    const struct plan *plan;
    const str *paths; /* of the plan's sources */
    size_t paths_count;
    bool listed; /* paths[0] is a list of parts (ingest_join.h) */
    uint64_t sources_bytes;
    const struct plan_track *const *tracks; /* to be written: all sources are read once for them */
    size_t tracks_count;
    /* Now and then, on the task: 0 to 1, and the seconds that remain (-1: unknown). May be NULL. */
    void (*on_progress)(void *arg, double share, int64_t remaining_s);
    void *arg;
};

/*
 * ERR_EXHAUSTED "disk-full" when what the plan needs (by ingest_plan_size_estimate()) would leave
 * less than ingest.disk_reserve_bytes, with both numbers.
 */
TASK_FN enum err ingest_encode_space_check(const struct plan *plan, uint64_t sources_bytes);

/*
 * Writes the tracks; out_paths[i] is the scratch file of tracks[i], set before anything can fail so
 * that the caller can discard it. ERR_INVALID "encode-failed" with what ffmpeg said, "encode-unfit"
 * when a track could not be copied but might be transcoded; ERR_EXHAUSTED "disk-full",
 * ERR_UNAVAILABLE "ffmpeg-missing", ERR_CANCELLED.
 */
TASK_FN enum err ingest_encode_tracks(const struct encode *encode, str *out_paths);

/* What stands before an input of ffmpeg: a file, or a list of parts; NULL ends it. */
extern const char *const ingest_input[], *const ingest_input_listed[];

/* A child with its command line; `path` is left out of what it complains of. */
struct encode_run {
    const char **argv; /* writes -progress to its standard output */
    str path;
    int64_t film_ms;
    uint64_t sources_bytes;
    bool transcodes; /* video: takes much longer */
    void (*on_progress)(void *arg, double share, int64_t remaining_s);
    void *arg;
};
/* Runs it to its end. Errors as ingest_encode_tracks(). */
TASK_FN enum err ingest_encode_run(const struct encode_run *run);
