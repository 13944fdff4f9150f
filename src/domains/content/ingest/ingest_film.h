/*
 * ingest_film: one video file on its way to a stored film. ingest_film.c is the job: what is
 * remembered, how it ends; ingest_tracks.c makes the tracks.
 */
#pragma once

#include "ingest_internal.h"
#include "ingest_plan.h"

#include "domains/content/assets/assets.h"

enum { FILM_NOTES_MAX = 2 * PLAN_SOURCES_MAX };
enum { FILM_TRACKS_MAX = 1 + PLAN_AUDIO_MAX + PLAN_SUBTITLES_MAX };

/* A track whose bytes are in the blob store. */
struct film_stored {
    str name, sha256; /* hexadecimal */
    int64_t size_bytes;
};

/*
 * What survives a kill: the reserved asset, what the source was, and the tracks that are stored.
 * When source or plan have become others, the tracks are made again.
 */
struct film_checkpoint {
    struct id asset;
    int64_t size_bytes, modified_ns;
    int64_t signature; /* of the plan */
    str transcode;     /* why the video cannot be copied after all; empty: it can */
    struct {
        struct film_stored *items;
        size_t count;
    } tracks;
};

/* One file of the film; most have one. */
struct film_part {
    str path;
    int64_t size_bytes, modified_ns;
    int64_t begin_ms; /* where it begins in the whole */
};

struct film {
    struct job_run *run;
    struct film_task task;
    str path, folder; /* bytes of the file system */
    str fingerprint;
    struct film_part parts[UNIT_PARTS_MAX];
    size_t parts_count;
    str joined; /* scratch: the list of its parts for ffmpeg, or a film made of them; ptr NULL */
    str notes[FILM_NOTES_MAX]; /* of the sources, for the plan */
    size_t notes_count;
    struct film_checkpoint saved;
    struct film_stored stored[FILM_TRACKS_MAX];

    struct probe probes[PLAN_SOURCES_MAX];
    struct plan_source sources[PLAN_SOURCES_MAX];
    str paths[PLAN_SOURCES_MAX];
    size_t sources_count;
    bool listed; /* paths[0] is a list of parts */
    uint64_t sources_bytes;
    struct plan plan;

    struct asset_track tracks[FILM_TRACKS_MAX]; /* what will be published */
    size_t tracks_count;
    int64_t duration_ms, width, height, longest_ms;
    int64_t frames; /* of the stored video */

    struct {
        double from, to; /* of the whole work: what the part under way takes */
        bool transcoding;
    } progress;
    str scratch[FILM_TRACKS_MAX]; /* files not adopted yet */
    size_t scratch_count;
};

/* Looks at all parts: regular files, sizes, times, the fingerprint. ERR_INVALID. */
TASK_FN enum err ingest_film_look(struct film *film);
/*
 * Asks ffprobe about the film and the sound beside it: what the plan is made from. Parts become one
 * source: a list of them where they are alike, else a film made of them. ERR_INVALID.
 */
TASK_FN enum err ingest_film_probe_sources(struct film *film);
/* One more reason of the sources. */
void ingest_film_note(struct film *film, str reason);
/* Removes what stands for the parts. Never suspends. */
void ingest_film_joined_discard(void *film);

/* Remembers *film->saved. Durable. ERR_CONFLICT "job-lease-lost". */
TASK_FN enum err ingest_film_save(struct film *film);
/* Tells the state of the file, with the notes of the plan so far as its reason. */
TASK_FN enum err ingest_film_state(struct film *film, const char *state);
/* The notes of the plan, a line each. */
str ingest_film_notes(struct arena *arena, const struct film *film);

/*
 * Makes, stores and indexes the tracks of film->plan, and makes the plan again when the video turns
 * out not to be servable as it is. ERR_INVALID: the film is to blame.
 */
TASK_FN enum err ingest_film_tracks_make(struct film *film);
/* Its subtitles, after everything else. */
TASK_FN enum err ingest_film_subtitles_make(struct film *film);
/* Removes what was not adopted. Never suspends. */
void ingest_film_scratch_discard(void *film);
