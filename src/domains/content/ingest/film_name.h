/*
 * film_name: what a file of a film folder is, by its path alone: the conventions of Jellyfin, Plex
 * and Kodi, and the names of releases. An explicit id or a year in parentheses is trusted; what
 * rests on a guess carries a doubt, so that it goes to a person instead of into the catalogue.
 * docs/internals/names-and-sidecars.md lists the conventions.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/mem/arena.h"
#include "media/language/language.h"

enum film_name_kind {
    FILM_NAME_IGNORED, /* `reason` says why */
    FILM_NAME_FILM,
    FILM_NAME_EPISODE,
    FILM_NAME_EXTRA,
    FILM_NAME_SUBTITLE,
    FILM_NAME_AUDIO,
    FILM_NAME_IMAGE,
    FILM_NAME_NFO
};

enum film_extra {
    FILM_EXTRA_NONE,
    FILM_EXTRA_TRAILER,
    FILM_EXTRA_BEHIND_THE_SCENES,
    FILM_EXTRA_DELETED_SCENE,
    FILM_EXTRA_FEATURETTE,
    FILM_EXTRA_INTERVIEW,
    FILM_EXTRA_SCENE,
    FILM_EXTRA_SHORT,
    FILM_EXTRA_CLIP,
    FILM_EXTRA_OTHER,
    FILM_EXTRA_SAMPLE /* such files are FILM_NAME_IGNORED */
};

enum film_image {
    FILM_IMAGE_NONE,
    FILM_IMAGE_POSTER,
    FILM_IMAGE_BACKDROP,
    FILM_IMAGE_LOGO,
    FILM_IMAGE_BANNER,
    FILM_IMAGE_THUMB, /* a still: of an episode, or in landscape */
    FILM_IMAGE_OTHER
};

enum film_nfo { FILM_NFO_NONE, FILM_NFO_FILM, FILM_NFO_SERIES, FILM_NFO_SEASON, FILM_NFO_EPISODE };

/* slug, one English sentence for the review list */
#define FILM_DOUBT_TABLE(X)                                                                        \
    X(NONE, "", "")                                                                                \
    X(NO_TITLE, "no-title", "the name has no title")                                               \
    X(NO_YEAR, "no-year", "neither the file nor its folder names a year or an id")                 \
    X(YEAR_BARE, "year-bare", "the number may be the year or a part of the title")                 \
    X(FOLDER_DIFFERS, "folder-differs", "the file and its folder have different titles")           \
    X(YEARS_DIFFER, "years-differ", "the file and its folder have different years")                \
    X(IDS_DIFFER, "ids-differ", "the file and its folder have different ids")                      \
    X(NO_SERIES, "no-series", "the name of the series is missing")                                 \
    X(NO_SEASON, "no-season", "the season is missing")                                             \
    X(NO_EPISODE, "no-episode", "the number of the episode is missing")                            \
    X(SEASONS_DIFFER, "seasons-differ", "the file and its folder have different seasons")          \
    X(DATE, "by-date", "the episode is named by its date")                                         \
    X(ABSOLUTE, "absolute-number", "the episode is numbered without a season")

enum film_doubt {
#define X(name, ...) FILM_DOUBT_##name,
    FILM_DOUBT_TABLE(X)
#undef X
};

enum { FILM_NAME_PATH_MAX = 4096, FILM_NAME_DEPTH_MAX = 32 };

struct film_name {
    enum film_name_kind kind;
    enum film_doubt doubt; /* of films and episodes; the first that applies */
    const char *reason;    /* of FILM_NAME_IGNORED: a static sentence */

    str owner; /* the folder the file belongs to, in the bytes of the path; empty: the root */
    str stem;  /* what a video shares with its sidecars, in the bytes of the path */
    str shown; /* the path as UTF-8; invalid bytes as \xE9, control characters as \x0A */

    str title;   /* of the film or the series */
    int year;    /* 0: none */
    str edition; /* "Director's Cut" */
    str quality; /* "1080p BluRay": tells files of one film apart, nothing more */
    int part;    /* of a film in several files, from 1; 0: whole */
    str imdb;    /* "tt0017136" */
    str tmdb;    /* digits */
    str tvdb;    /* digits */

    int season;       /* -1: none; 0: specials */
    int episode;      /* -1: none */
    int episode_last; /* of a file with several, else equal to episode */
    str episode_title;

    enum film_extra extra;
    str extra_name;

    struct language_tag language; /* .language NULL: not named */
    bool forced;
    bool sdh;       /* for the deaf and hard of hearing */
    bool preferred; /* "default" */
    bool commentary;
    bool picture;   /* subtitles that are pictures (PGS, VobSub) */
    str track_name; /* a free label among the flags: "Signs" */

    enum film_image image;
    enum film_nfo nfo;
};

/*
 * Reads the path of a file relative to the folder being imported, '/' between components, any
 * bytes. Never fails: what is not understood is FILM_NAME_IGNORED with its reason. Strings of *out
 * are in the arena (a few times the path) or point into `path`. Pure.
 */
void film_name_parse(struct arena *arena, str path, struct film_name *out);

/* True when the walk need not enter a folder of this name (no path): hidden, recycle bins,
 * "@eaDir". */
bool film_name_folder_ignored(str name);

/* Titles compared as people do: case, ё/е, spaces and punctuation ignored. */
bool film_name_same(str a, str b);

/* "no-year", and its sentence. */
const char *film_name_doubt_slug(enum film_doubt doubt);
const char *film_name_doubt_text(enum film_doubt doubt);
const char *film_name_kind_name(enum film_name_kind kind);
const char *film_name_extra_name(enum film_extra extra);
const char *film_name_image_name(enum film_image image);
