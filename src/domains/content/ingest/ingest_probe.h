/*
 * ingest_probe: what a video file is, as ffprobe tells it. ffprobe runs as a supervised child and
 * its answer is read by forgiving shapes: whatever it does (hang, crash, eat memory, write garbage)
 * is a film that cannot be read, with the reason, and nothing worse.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/task/task.h"

enum { PROBE_STREAMS_MAX = 256 };

/*
 * Containers that may be opened, for ffprobe and ffmpeg alike: no playlists, no concatenations, no
 * image sequences, nothing that names other files.
 */
#define INGEST_PROBE_FORMATS_LIST                                                                  \
    "matroska,webm,mov,mp4,avi,mpegts,mpeg,mpegvideo,h264,hevc,av1,obu,ivf,asf,flv,ogg,rm,mxf,"    \
    "nut,"                                                                                         \
    "dv,wtv,gxf,m4v,aac,ac3,eac3,dts,dtshd,truehd,mp3,flac,wav,w64,caf,aiff,ape,tta,wv,amr"
extern const char INGEST_PROBE_FORMATS[];

enum probe_kind { PROBE_OTHER, PROBE_VIDEO, PROBE_AUDIO, PROBE_SUBTITLE };

struct probe_stream {
    int64_t index; /* as ffmpeg counts: "0:index" */
    enum probe_kind kind;
    str setup;          /* a hash of the decoder's parameters; empty: it has none */
    str codec, profile; /* ffprobe's names: "h264", "High 10" */
    str pixel_format;   /* "yuv420p" */
    str transfer;       /* "smpte2084" (PQ), "arib-std-b67" (HLG), "bt709" ... or empty */
    str field_order;    /* "progressive", "tt" ... or empty */
    int64_t width, height;
    int64_t rate_num, rate_den; /* mean frames a second; 0/1: unknown */
    int64_t channels, sample_rate;
    int64_t duration_ms; /* 0: unknown */
    str language, title; /* as written in the file */
    bool is_default, forced, sdh, commentary, attached_picture;
    bool interlaced;  /* some of the first frames are */
    bool size_varies; /* the first frames are of different sizes */
};

struct probe {
    str format;          /* "matroska,webm" */
    int64_t duration_ms; /* of the container; 0: unknown */
    int64_t size_bytes;
    struct probe_stream *streams;
    size_t streams_count;
};

/* How long ffprobe may take; tests shorten it. */
extern span ingest_probe_timeout;

/*
 * Asks ffprobe about the file. Everything in *out_probe is in the task's arena. ERR_INVALID
 * "unreadable-film" with what ffprobe said; ERR_UNAVAILABLE "ffmpeg-missing"; ERR_CANCELLED.
 */
TASK_FN enum err ingest_film_probe(str path, struct probe *out_probe);

/* The answers of ffprobe: streams and format, and the first frames of a video. Pure. ERR_INVALID.
 */
enum err ingest_probe_parse(struct arena *arena, str json, struct probe *out_probe);
enum err ingest_probe_frames_parse(struct arena *arena, str json, struct probe_stream *video);

/* The path of "ffprobe" or "ffmpeg" as a C string, or ERR_UNAVAILABLE "ffmpeg-missing". */
enum err ingest_ffmpeg_find(struct arena *arena, const char *name, const char **out_path);
/* "file:PATH": a name that is neither option, protocol nor pattern. */
const char *ingest_ffmpeg_name(struct arena *arena, str path);
/*
 * The last line of standard error for people, without the "[mov @ 0x…]" and file name ffmpeg puts
 * before it; a static text when there is none.
 */
str ingest_ffmpeg_complaint(str error_tail, str path);
