/*
 * ingest: films in. It walks folders, reads what their names, NFO files and pictures say, writes
 * the catalogue, and turns every film into stored tracks that can be played. It runs as jobs: an
 * import survives the process. Sources are never changed.
 */
#pragma once

#include "domains/module/module.h"

extern const struct module ingest_module;

/* A stored track whose index is to be made anew. */
struct ingest_index {
    str key, index_key;    /* of the track's file and of its index */
    str follow_key;        /* audio: the index of the video it is cut with; or empty */
    str language;          /* BCP 47, or empty */
    const uint8_t *sha256; /* of the track's file */
};
/* Puts the index; errors are those of index_build(). For repair: while nobody plays. */
TASK_FN enum err ingest_index_rebuild(const struct ingest_index *index);
