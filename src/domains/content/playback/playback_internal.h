/*
 * playback_internal: what the files of playback share. An open asset is everything that serving
 * needs, ready in memory: indexes, descriptors, playlists. It is immutable once it is in the cache,
 * counted by references, and used by all cores; a request holds it until its last byte is out.
 */
#pragma once

#include "playback.h"

#include "domains/content/assets/assets.h"
#include "foundation/http/http.h"
#include "foundation/http/http_coding.h"
#include "foundation/http/http_file.h"
#include "foundation/mem/buf.h"
#include "foundation/metric/metric.h"
#include "media/index/index.h"
#include "media/webvtt/webvtt.h"

#include <stdatomic.h>

#define FOR_EVER  STR("public, max-age=31536000, immutable")
#define AGAIN     STR("no-cache") /* asked for again, by its ETag */
#define TYPE_HLS  STR("application/vnd.apple.mpegurl")
#define TYPE_DASH STR("application/dash+xml")

struct playback {
    struct db *db;
    struct blob_store *blobs;
    struct pool *files;
};
extern struct playback playback;

/* --- Addresses (playback_url.c): pure, of hostile text -------------------------------------- */

/* "12-3f...": id and token, as it stands in /media/{asset}/. */
struct asset_ref {
    struct id id;
    str token; /* ASSET_TOKEN_BYTES lower-case hex digits */
};
bool asset_ref_parse(str text, struct asset_ref *out);
/* "17.m4s" with the suffix ".m4s": 1 to UINT32_MAX, written in the one way it can be. */
bool segment_number_parse(str text, str suffix, uint32_t *out);
/* "v1.mp4" with ".mp4": the name before it, which may belong to no track. */
bool track_file_parse(str text, str suffix, str *out_track);
/* "/media/12-3f.../{file}" */
str media_url(struct arena *arena, const struct asset *asset, const char *file);

/* --- Open assets (playback_open.c) ---------------------------------------------------------- */

enum { ETAG_BYTES = 40 };

/* A playlist, ready; and compressed, once somebody who takes that has asked. */
struct open_doc {
    str type, cache_control;
    struct buf text;
    char etag[ETAG_BYTES];
    _Atomic(struct bytes *) packed[HTTP_CODING_COUNT];
    _Atomic unsigned tried; /* bits 1 << http_coding: it is packed, or does not shrink */
};

struct open_text; /* a parsed subtitle file */
struct open_film; /* film.mp4 */

struct open_track {
    str name; /* points at name_bytes */
    enum asset_track_kind kind;
    bool is_default;
    struct http_file *file; /* .mp4 or .vtt */
    char *index_bytes;      /* what `index` points into; NULL for subtitles */
    struct index index;
    struct open_doc playlist;
    _Atomic(struct open_text *) text; /* subtitles, once their segments are asked for */
    char name_bytes[ASSET_TRACK_NAME_MAX];
    char etag[ETAG_BYTES];
};

struct open_asset {
    struct open_asset *bucket_next, *newer, *older; /* the cache's */
    _Atomic uint32_t references;
    _Atomic uint64_t generation; /* assets_generation() when it was last known to be right */
    struct id id;
    char token[ASSET_TOKEN_BYTES];
    int64_t version;
    uint64_t duration_ms;
    size_t held_bytes;                /* of memory, for the cache's budget; under its lock */
    _Atomic(struct open_film *) film; /* once it is asked for */
    struct open_doc master, mpd;
    unsigned tracks_count;
    struct open_track tracks[];
};

/* What to open: rows and paths, in the request's arena. */
struct open_plan {
    struct arena *arena;
    struct asset asset;
    const struct asset_track *tracks;
    struct open_paths {
        str media, index; /* subtitles have no index */
    } * paths;
    size_t count;
    uint64_t generation;
    struct open_asset *opened;
};

/*
 * Opens files, reads and checks indexes, writes playlists; out in plan->opened with one reference.
 * Blocks: for await_blocking(). An audio or subtitle track that is damaged is logged and left out;
 * for video ERR_CORRUPT "media-truncated", "index-corrupt" ...
 */
enum err open_asset_make(void *plan);
struct open_asset *open_asset_share(struct open_asset *asset);
/* The void form fits arena_hold(). */
void open_asset_release(void *asset);
struct open_track *open_track_find(struct open_asset *asset, str name);

/*
 * The cues of a subtitle track, read at the first call (which blocks) and kept with the track. A
 * file that is no WebVTT: ERR_CORRUPT.
 */
enum err open_text_load(struct open_track *track);
const struct webvtt *open_text_get(const struct open_track *track); /* NULL: not loaded */
void open_text_free(struct open_text *text);

/*
 * film.mp4 of the asset, made at the first call (which blocks) and kept with it. ERR_CORRUPT.
 */
enum err open_film_load(struct open_asset *asset);
/* False: not made yet. */
bool open_film_reply(const struct open_asset *asset, struct http_response *response);
void open_film_free(struct open_film *film);

/* The whole file in heap memory, never mapped: a file cut while it is read is an error, not a
 * signal. ERR_CORRUPT when it is larger than `bytes_max`. Blocks. */
enum err open_file_read(const struct http_file *file, size_t bytes_max, char **out_bytes);

/* --- Playlists (playback_doc.c) ------------------------------------------------------------- */

/* In zeroed memory; `type` and `cache_control` are literals. */
void open_doc_init(struct open_doc *doc, str type, str cache_control);
/* All of its text is there. */
void open_doc_seal(struct open_doc *doc);
void open_doc_deinit(struct open_doc *doc);
/* Answers with it, compressed as the client likes best. Goes on in a task to compress it first. */
TASK_FN enum err open_doc_reply(struct http_request *request, struct http_response *response,
                                struct open_asset *asset, struct open_doc *doc);

/* --- The cache of them (playback_cache.c): any thread --------------------------------------- */

void open_cache_close(void);
extern const struct metrics playback_metrics;
extern struct metric playback_assets_opened_total, playback_assets_failed_total;
/* One more reference, or NULL: not there, or to be looked at again (assets_generation()). */
struct open_asset *open_cache_find(struct id id);
/* The same, also when it is to be looked at again. */
struct open_asset *open_cache_find_old(struct id id);
/* Puts it in, in the place of another version of the asset. */
void open_cache_put(struct open_asset *asset);
void open_cache_drop(struct id id);
/* The asset holds so much more now. */
void open_cache_grow(struct open_asset *asset, size_t bytes);

/*
 * The open asset of an address, with one reference. In a task: opens it if need be. Otherwise
 * *out_asset is NULL when that would have to wait. ERR_NOT_FOUND "no-asset": no such asset, not
 * ready, or another token.
 */
TASK_FN enum err await_asset(struct arena *arena, const struct asset_ref *ref,
                             struct open_asset **out_asset);

/* --- Headers of segments (playback_header.c) ------------------------------------------------ */

/* Memory that lives until the answer is out, from a list of reused blocks: no heap call when warm.
 */
uint8_t *segment_header_room(struct arena *arena, size_t size_bytes);
void segment_headers_free(void);

/* --- Handlers ------------------------------------------------------------------------------- */

enum err on_media_file(struct http_request *request, struct http_response *response);
enum err on_media_track_file(struct http_request *request, struct http_response *response);
enum err on_play(struct http_request *request, struct http_response *response);
extern const struct shape play_shape, play_answer_shape;
