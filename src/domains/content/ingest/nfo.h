/*
 * nfo: Kodi's NFO files (kodi.wiki, "NFO files") as people have them: several roots in a row, stray
 * "&", a link after the XML or instead of it, HTML in the plot, any encoding, cut off in the
 * middle. What can be read is kept; what could not is named in `warning`. Document type definitions
 * are left out, so no entity is ever declared or expanded.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

enum {
    NFO_BYTES_MAX = 2 << 20,
    NFO_DEPTH_MAX = 24,
    NFO_WORKS_MAX = 64,  /* roots in one file */
    NFO_ITEMS_MAX = 400, /* of one list: actors, genres ... */
    NFO_TEXT_BYTES_MAX = 32 << 10
};

enum nfo_kind { NFO_MOVIE, NFO_SERIES, NFO_SEASON, NFO_EPISODE };

struct nfo_texts {
    str *items;
    size_t count;
};

struct nfo_actor {
    str name;
    str role;
    str thumb; /* URL or path, never fetched */
    int order; /* -1: none given */
};

struct nfo_id {
    str type; /* lower case: "imdb", "tmdb", "tvdb", "kinopoisk" ...; "" when not named */
    str value;
    bool preferred; /* default="true" */
};

struct nfo_rating {
    str name;      /* "imdb", "default" ... */
    int value;     /* hundredths of ten: 0..1000 */
    int64_t votes; /* 0: not given */
};

struct nfo_image {
    str url;
    str aspect; /* "poster", "banner" ...; empty for fanart */
    bool fanart;
};

struct nfo_work {
    enum nfo_kind kind;
    str title, original_title, sort_title;
    str plot, outline, tagline;
    str premiered;  /* "1927-01-10", or empty */
    str aired;      /* the same */
    str age_rating; /* <mpaa>, else <certification>, as written */
    str set_name, set_overview;
    str trailer;
    int year;        /* 0: none; that of `premiered` where <year> is missing */
    int runtime_min; /* 0: none */
    int season, episode, display_season, display_episode; /* -1: none */
    struct nfo_texts genres, countries, studios, directors, writers, tags;
    struct nfo_texts audio_languages, subtitle_languages;
    struct nfo_actor *actors;
    size_t actors_count;
    struct nfo_id *ids;
    size_t ids_count;
    struct nfo_rating *ratings;
    size_t ratings_count;
    struct nfo_image *images;
    size_t images_count;
};

struct nfo {
    struct nfo_work *works; /* more than one: a file of several episodes */
    size_t works_count;     /* 0: only links */
    struct nfo_id *links;   /* ids of links outside the XML */
    size_t links_count;
    const char *charset;
    bool incomplete; /* the XML broke off or was broken: `warning` says where */
    str warning;     /* one English sentence, empty when all was well */
};

/*
 * Reads `bytes`; everything in *out lives in the arena (about four times the input). ERR_TOO_LARGE
 * "nfo-too-large"; ERR_INVALID "nfo-empty" (neither XML of Kodi nor a known link), "text-binary";
 * ERR_EXHAUSTED when the arena is full. Pure, any thread.
 */
MUST_CHECK enum err nfo_parse(struct arena *arena, str bytes, struct nfo *out);

/* The value of an id of this type ("imdb"), preferred ones first; empty when there is none. */
str nfo_id_find(const struct nfo_work *work, str type);
