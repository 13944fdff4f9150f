/*
 * assets: what is stored of a film: the asset (one cut of one film) and its tracks, each with where
 * its bytes lie in the blob store. Ingest writes here, playback serves from here; the catalogue
 * knows an asset by its id only (catalog_edition). Everything takes part in the caller's
 * transaction unless it says otherwise.
 *
 * How an asset comes to be, so that a crash at any point leaves nothing half seen:
 *   1. asset_add() reserves the id; the asset is not ready and nobody can watch it.
 *   2. The blobs are put under asset_blob_key(): media/{asset}/{track}.mp4 with .idx, or .vtt.
 *   3. One transaction: asset_track_add() for each track, asset_ready(), catalog_edition_put().
 *
 * A stored track never changes, because its URLs are cached for ever: what was made again is a new
 * track under a new name, or a new asset. Adding and removing whole tracks is fine: their
 * transactions notify DB_TOPIC_ASSETS, and who keeps something of an asset looks at it again, in
 * every process.
 */
#pragma once

#include "domains/module/module.h"

#include "engines/db/db.h"
#include "foundation/base/id.h"
#include "foundation/base/str.h"

struct blob_store;

extern const struct module assets_module;

enum {
    ASSET_TRACKS_MAX = 64,      /* of one asset */
    ASSET_TRACK_NAME_MAX = 16,  /* with its zero */
    ASSET_TOKEN_BYTES = 32,     /* of the text in URLs */
    ASSET_FINGERPRINT_MAX = 300 /* bytes */
};

enum asset_track_kind { ASSET_VIDEO, ASSET_AUDIO, ASSET_SUBTITLE };

struct asset {
    struct id id;
    str token;  /* ASSET_TOKEN_BYTES of hex nobody can guess: the other half of its URLs */
    bool ready; /* may be watched */
    int64_t duration_ms, width, height;
    str fingerprint;    /* of the source, as ingest makes it; finds an asset again */
    str checksum;       /* of the source's content, hex; may be empty */
    str source;         /* for people: the source's path */
    int64_t size_bytes; /* of all blobs of its tracks */
    int64_t version;    /* grows with every change of its tracks */
    instant created_at;
};

struct asset_track {
    str name; /* in URLs: asset_track_name() */
    enum asset_track_kind kind;
    str language;          /* BCP 47, empty: unknown */
    str label;             /* for people, may be empty: players then show the language */
    str codec;             /* RFC 6381: "avc1.640028"; empty for subtitles */
    int64_t channels;      /* audio */
    int64_t width, height; /* video */
    int64_t bandwidth;     /* peak bits a second; 0 for subtitles */
    int64_t size_bytes;    /* of its blobs */
    bool is_default, forced, sdh;
};

/* What is known of the source when the work begins. */
struct asset_source {
    str fingerprint, checksum, source; /* as in struct asset */
};

/* Reserves an asset, not ready, without tracks. ERR_INVALID "asset-source" when a text is too long
 * or no UTF-8. */
enum err asset_add(struct db_tx *tx, const struct asset_source *source, struct id *out_id);
/* Adds a track, after those there are: order is that of preference within a kind. ERR_INVALID
 * "asset-track" (a name playback could not serve, a text too long, too many tracks), ERR_CONFLICT
 * "unique" (the name is taken, also by a track that was removed), ERR_NOT_FOUND "no-asset". */
enum err asset_track_add(struct db_tx *tx, struct id asset, const struct asset_track *track);
/* Its blobs stay: asset_track_blobs_remove(). OK when there is none. */
enum err asset_track_remove(struct db_tx *tx, struct id asset, str name);
/* From now on it may be watched: duration and display size of the film. ERR_NOT_FOUND. */
enum err asset_ready(struct db_tx *tx, struct id asset, int64_t duration_ms, int64_t width,
                     int64_t height);
/* Forgets asset and tracks; OK when there is none. The blobs go by asset_blobs_remove() after the
 * commit, the catalogue's edition by catalog_edition_remove() in the same transaction. */
enum err asset_remove(struct db_tx *tx, struct id asset);

/* ERR_NOT_FOUND "no-asset". Ready or not. */
enum err asset_get(struct db_tx *tx, struct id asset, struct asset *out_asset);
/* The newest ready asset made from a source with this fingerprint; id none when there is none. */
enum err asset_source_find(struct db_tx *tx, str fingerprint, struct asset *out_asset);
/* All tracks, video first, then audio, then subtitles, each in order of preference. In db_arena().
 */
enum err asset_tracks_list(struct db_tx *tx, struct id asset, struct asset_track **out_tracks,
                           size_t *out_count);
/* Assets never made ready that are older than `before`: what a crash left. At most `limit` ids. */
enum err assets_unfinished_list(struct db_tx *tx, instant before, unsigned limit,
                                struct id *out_ids, unsigned *out_count);

/* For who compares all of them with the files; fn's texts are valid during the call only. */
struct asset_walked {
    struct id asset;
    str track;
    enum asset_track_kind kind;
    str language;
    bool ready;
};
typedef enum err (*asset_walk_fn)(void *arg, const struct asset_walked *walked);
/* Every track that is not removed, video first in each asset. */
TASK_FN enum err asset_tracks_walk(struct db_tx *tx, asset_walk_fn fn, void *arg);
/* Every asset's id, ascending; nothing else of it is filled in. */
TASK_FN enum err assets_walk(struct db_tx *tx, asset_walk_fn fn, void *arg);

/* --- Names and keys: pure ------------------------------------------------------------------- */

/* "v1", "a2", "s3": the n-th track (from 1) of its kind. Never reuse the number of a removed one.
 */
str asset_track_name(struct arena *arena, enum asset_track_kind kind, unsigned number);
/* Letters, digits and '-', at most ASSET_TRACK_NAME_MAX - 1 bytes. */
bool asset_track_name_valid(str name);
/* "media/12/v1.mp4"; suffix is ".mp4", ".idx" or ".vtt". */
str asset_blob_key(struct arena *arena, struct id asset, str track, const char *suffix);

/*
 * What catalog_edition wants to show: [{"language","label","channels"}] of the audio tracks, and
 * [{"language","label","forced"}] of the subtitles. JSON in the arena.
 */
str asset_audio_json(struct arena *arena, const struct asset_track *tracks, size_t count);
str asset_subtitles_json(struct arena *arena, const struct asset_track *tracks, size_t count);
/*
 * A subtitle of the source that is not stored because it is pictures ("PGS", "VobSub"), and the
 * JSON of such: [{"language","label","format","forced"}]. Texts that do not fit make the list
 * empty.
 */
struct asset_subtitle_unavailable {
    str language, label, format;
    bool forced;
};
str asset_unavailable_json(struct arena *arena, const struct asset_subtitle_unavailable *items,
                           size_t count);

/* --- Around the transaction ----------------------------------------------------------------- */

/* Removes every blob of an asset, or of one track. Viewers in the middle of a segment still get it
 * whole. Errors of the store. */
TASK_FN enum err asset_blobs_remove(struct blob_store *blobs, struct id asset);
TASK_FN enum err asset_track_blobs_remove(struct blob_store *blobs, struct id asset, str track);

/* Open assets are looked at again before they are served on: what a notice of the topic does. Any
 * thread. */
void assets_changed(void);
/* Grows with every assets_changed(): for who keeps something of an asset. Any thread. */
uint64_t assets_generation(void);
