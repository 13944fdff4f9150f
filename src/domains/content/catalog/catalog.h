/*
 * catalog: what there is to see. Titles (films, series, episodes) with texts in any number of
 * languages, people, artwork, editions, collections; drafts, publishing and windows. Every value
 * remembers its source; one that an editor set is never overwritten by an import. This header is
 * what other modules of the context may use; all of it takes part in the caller's transaction.
 */
#pragma once

#include "domains/module/module.h"

#include "engines/bus/bus.h"
#include "engines/db/db.h"
#include "foundation/base/id.h"
#include "foundation/base/str.h"

extern const struct module catalog_module;

enum title_kind { TITLE_FILM, TITLE_SERIES, TITLE_EPISODE };
enum title_status { TITLE_DRAFT, TITLE_PUBLISHED, TITLE_ARCHIVED };

/* Where a value comes from. A later source of lower rank does not replace it; EDITOR also locks it.
 */
enum catalog_source {
    CATALOG_SOURCE_NAME, /* file and folder names */
    CATALOG_SOURCE_FILE, /* what ffprobe found */
    CATALOG_SOURCE_DEMO,
    CATALOG_SOURCE_NFO,
    CATALOG_SOURCE_EDITOR,
    CATALOG_SOURCE_COUNT
};

/*
 * One descriptive value. `field` is "title", "synopsis" or "tagline" with a language, or without
 * one "original_title", "original_language", "year", "runtime_min", "genres", "countries",
 * "languages" (the last three: words separated by spaces), "age_rating" ("12+"), "available_from",
 * "available_to" (RFC 3339). An empty value removes.
 */
struct catalog_value {
    str field, language, value;
};

/* A text in one language; language empty: as it is written everywhere. */
struct catalog_text {
    str language, value;
};

struct catalog_credit {
    const struct catalog_text *names; /* at least one */
    size_t names_count;
    str role; /* "director", "writer", "actor", "composer" ... */
    const struct catalog_text *characters;
    size_t characters_count;
};

struct catalog_external_id {
    str provider, value; /* "imdb", "tt0017136" */
};

/* What an import knows of a title. Empty parts leave what is there alone. */
struct catalog_record {
    enum title_kind kind;
    struct id series_id; /* of an episode */
    int64_t season, episode;
    enum catalog_source source;
    str licence;
    const struct catalog_value *values;
    size_t values_count;
    const struct catalog_credit *credits;
    size_t credits_count;
    const struct catalog_external_id *external_ids;
    size_t external_ids_count;
};

/*
 * Creates the title (io_id none; as a draft) or brings it up to date. Fields that are locked or
 * come from a source of higher rank stay. ERR_INVALID with a message per field; ERR_NOT_FOUND.
 */
enum err catalog_record_put(struct db_tx *tx, const struct catalog_record *record,
                            struct id *io_id);

/* An episode of a series by its numbers; none when there is no such. */
enum err catalog_episode_find(struct db_tx *tx, struct id series, int64_t season, int64_t episode,
                              struct id *out_id);
/* The series of an episode; none for another kind of title. ERR_NOT_FOUND. */
enum err catalog_series_of(struct db_tx *tx, struct id title, struct id *out_series);
/*
 * Names and synopses of a season ("title", "synopsis", with a language), under the rules of
 * catalog_record_put(): fields that are locked or of a source of higher rank stay. ERR_INVALID,
 * ERR_NOT_FOUND.
 */
struct catalog_season {
    struct id series;
    int64_t number; /* 0: specials */
    enum catalog_source source;
    str licence;
    const struct catalog_value *values;
    size_t values_count;
};
enum err catalog_season_put(struct db_tx *tx, const struct catalog_season *season);

struct catalog_match {
    struct id id;
    str title;    /* in any language */
    int64_t year; /* 0: unknown */
    double score; /* 0..1; 1: an explicit id or the same name and year */
};
/* What is known of a title that may be in the catalogue. */
struct catalog_wanted {
    enum title_kind kind;
    str name;
    int64_t year; /* 0: unknown */
    const struct catalog_external_id *ids;
    size_t ids_count;
};
/*
 * Titles of the kind that may be meant, best first, at most `limit`. An external id that is known
 * is the only answer. Names are compared folded.
 */
enum err catalog_match(struct db_tx *tx, const struct catalog_wanted *wanted, unsigned limit,
                       struct catalog_match *out_matches, unsigned *out_count);

struct catalog_edition {
    struct id title;
    str kind; /* "feature", or of an extra: "trailer", "featurette" ... */
    str name; /* "Director's Cut"; empty: the film itself */
    struct id asset;
    int64_t duration_ms, width, height;
    str audio_json,
        subtitles_json;   /* [{"language","label","channels"}], [{"language","label","forced"}] */
    str unavailable_json; /* subtitles that cannot be shown, the same with "format"; may be empty */
    int64_t position;
};
/* Adds what can be watched, or brings it up to date (one edition an asset). The title becomes
 * playable. */
enum err catalog_edition_put(struct db_tx *tx, const struct catalog_edition *edition,
                             struct id *out_id);
/* The asset has gone. */
enum err catalog_edition_remove(struct db_tx *tx, struct id asset);
/* The asset to play: of that edition, or of the title's first feature (edition none). ERR_CONFLICT
 * "not-playable", ERR_NOT_FOUND for what is not shown now. */
enum err catalog_asset_get(struct db_tx *tx, struct id title, struct id edition,
                           struct id *out_asset);

/* `kind`: "poster", "backdrop", "still", "logo". The blob is there already. */
struct catalog_artwork {
    struct id title;
    str kind, blob_key, media_type, hash;
    enum catalog_source source;
    str licence;
};
enum err catalog_artwork_put(struct db_tx *tx, const struct catalog_artwork *artwork);
/* Every picture's blob, with the beginning of its SHA-256 in hexadecimal; in order of the keys. */
typedef enum err (*catalog_artwork_fn)(void *arg, str blob_key, str hash);
enum err catalog_artwork_walk(struct db_tx *tx, catalog_artwork_fn fn, void *arg);

/* --- Events --------------------------------------------------------------------------------------
 *
 * Of the aggregates "title/<id>" and "person/<id>".
 */

struct catalog_title_event {
    struct id id;
    enum title_status status;
    int64_t version;
};
struct catalog_person_event {
    struct id id;
    int64_t version;
};
/* The first two are struct catalog_title_event, the third is struct catalog_person_event. */
extern const struct bus_type catalog_title_changed, catalog_title_published, catalog_person_changed;

/* Publishes a draft (a series' episodes are published one by one). Published and archived stay. */
enum err catalog_title_publish(struct db_tx *tx, struct id title);

/* A shelf or collection by its slug, created or brought up to date, with its titles in order. */
struct catalog_collection {
    str slug, kind;
    const struct catalog_text *names;
    size_t names_count;
    const struct id *titles;
    size_t titles_count;
    int64_t position;
    bool append; /* keep the titles it has */
};
enum err catalog_collection_put(struct db_tx *tx, const struct catalog_collection *collection);

struct catalog_counts {
    int64_t titles, published, playable;
};
enum err catalog_counts(struct db_tx *tx, struct catalog_counts *out_counts);
