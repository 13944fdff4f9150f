/* ingest_picture: posters and other pictures beside films. Internal to ingest. */
#pragma once

#include "ingest_internal.h"

struct picture {
    const struct walk_file *file;
    const char *kind;        /* "poster" ... */
    const struct unit *unit; /* NULL: of the series */
    str blob_key, hash;      /* filled by ingest_picture_store() */
    const char *media_type;
};

/* The media type by the content's first bytes; NULL: no picture we show. */
const char *ingest_picture_type(str content);
/*
 * Stores the file as a blob named by its content, so that the same picture is stored once.
 * ERR_INVALID "not-a-picture", ERR_TOO_LARGE. Suspends.
 */
TASK_FN enum err ingest_picture_store(struct arena *arena, struct picture *picture);
/* The same from memory; out_key and out_hash are in the arena. */
TASK_FN enum err ingest_picture_put(struct arena *arena, str content, const char *media_type,
                                    str *out_key, str *out_hash);
