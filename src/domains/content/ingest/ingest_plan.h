/*
 * ingest_plan: what to do with each track of a film: copy what every browser plays as it is,
 * transcode the rest and say why. Pure: the same sources give the same plan, so that a job that was
 * killed finds the tracks it had finished.
 */
#pragma once

#include "ingest_probe.h"

enum {
    PLAN_AUDIO_MAX = 16,
    PLAN_SUBTITLES_MAX = 32,
    PLAN_SOURCES_MAX = 9, /* the film and its sidecar audio files */
    PLAN_LABEL_BYTES_MAX = 120,
    PLAN_NOTES_MAX = 64,
    PLAN_HEIGHT_MAX = 1080, /* of a transcoded video */
    PLAN_WIDTH_MAX = 1920,
    PLAN_RATE_MAX = 60,
};

/* A file with tracks: the film (the first), or a sidecar with audio, of which all tracks are taken.
 */
struct plan_source {
    const struct probe *probe;
    str language, label; /* of a sidecar's name: win over what the file says; may be empty */
};

enum plan_kind { PLAN_VIDEO, PLAN_AUDIO, PLAN_SUBTITLE };
enum plan_action {
    PLAN_COPY,
    PLAN_TRANSCODE, /* H.264, or AAC in stereo */
    PLAN_EXTRACT    /* subtitles, to text */
};

struct plan_track {
    enum plan_kind kind;
    enum plan_action action;
    unsigned source;
    int64_t stream;   /* "source:stream" for ffmpeg */
    unsigned number;  /* from 1 within the kind: names the stored track */
    str language;     /* BCP 47 or empty */
    str label;        /* for people, may be empty */
    int64_t channels; /* of the source's audio */
    bool is_default, forced, sdh;
    bool ass; /* a subtitle in ASS, to be extracted as such */
};

/* The light of a video: of plain screens, or of brighter ones (ITU-R BT.2100). */
enum plan_hdr { PLAN_SDR, PLAN_PQ, PLAN_HLG };

struct plan {
    struct plan_track *tracks; /* video, audio, subtitles; in order of preference */
    size_t tracks_count;
    struct {
        bool deinterlace, hevc;
        enum plan_hdr hdr;
        int64_t width, height, rate_num, rate_den;
    } video;
    struct plan_unavailable { /* subtitles that are pictures */
        str language, label, format;
        bool forced;
    } * unavailable; /* at most PLAN_SUBTITLES_MAX */
    size_t unavailable_count;
    str notes[PLAN_NOTES_MAX]; /* what was not simply copied, and why: reasons */
    size_t notes_count;
    int64_t duration_ms; /* of the film by the best of what the file says; 0: unknown */
    bool length_stated;  /* the file says it, it is no guess from its size or its last times */
    bool video_stated;   /* ... and says it of the video, not only of all tracks together */
};

/*
 * `transcode` is a reason found later to transcode the video whatever the probe says ("open GOP"),
 * or empty. Everything in *out_plan is in the arena or in the probes. ERR_INVALID "no-video".
 */
enum err ingest_plan_make(struct arena *arena, const struct plan_source *sources,
                          size_t sources_count, str transcode, struct plan *out_plan);
/* One more reason; beyond PLAN_NOTES_MAX it is dropped. */
void ingest_plan_note(struct plan *plan, str reason);
/* A hash of everything that decides what the stored tracks are. */
uint64_t ingest_plan_signature(const struct plan *plan);

/* Bytes the stored tracks will take at most, roughly: for the check before the start. */
uint64_t ingest_plan_size_estimate(const struct plan *plan, uint64_t sources_bytes);
