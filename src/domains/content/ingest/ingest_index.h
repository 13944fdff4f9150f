/*
 * ingest_index: the index of a stored track. The work is done on the files pool in memory of its
 * own, because the head of a long film is larger than a job's arena.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/task/task.h"
#include "media/index/index.h"

struct indexed_track {
    enum mp4_kind kind;
    char codecs[MP4_CODECS_MAX];
    int64_t duration_ms, width, height, channels, bandwidth;
    uint64_t index_bytes;
    int64_t samples;
    struct {
        uint32_t open;
        int64_t first_open_ms, segment_ms_max;
    } cuts; /* of a video */
};

/*
 * Builds the index of the stored track `key` and puts it as `index_key`. `follow_key`: the index of
 * the video whose cuts the track follows, or empty. `sha256` is of the track. Errors: those of
 * index_build() and of the blob store.
 */
struct index_request {
    str key, index_key, follow_key, language;
    const uint8_t *sha256;
};
TASK_FN enum err ingest_track_index(const struct index_request *request,
                                    struct indexed_track *out_track);
