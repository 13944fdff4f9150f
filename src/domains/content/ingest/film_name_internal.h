/* film_name_internal: what the parts of film_name share. */
#pragma once

#include "film_name.h"

/* --- characters and words (ASCII; UTF-8 letters count as letters) --------------------------- */
bool film_name_is_digit(char c);
bool film_name_is_alnum(char c);
/* Space, '.', '_', '-' and their like between words. */
bool film_name_is_separator(char c);
str film_name_trim(str s); /* separators off both ends */
/* Digits at s[*pos], at most `digits_max`; -1 when there is none or one more follows. */
int film_name_number(str s, size_t *pos, unsigned digits_max);
/* True and *pos advanced when s has `word` at *pos, folded case. */
bool film_name_word_at(str s, size_t *pos, const char *word);

/* --- tables --------------------------------------------------------------------------------- */
enum name_type { TYPE_OTHER, TYPE_VIDEO, TYPE_SUBTITLE, TYPE_AUDIO, TYPE_IMAGE, TYPE_NFO };
enum name_type film_name_type_of(str extension);
/* Why the file is of no interest, or NULL. */
const char *film_name_ignored(str file_name);
enum film_extra film_name_extra_folder(str folder);
/* An extras suffix ("-trailer") cut off *stem, or FILM_EXTRA_NONE. */
enum film_extra film_name_extra_suffix(str *stem);
/* 2: says by itself that a release tag begins; 1: one among others; 0: a word. */
int film_name_junk(str word);
/* The canonical name when `text` begins with an edition's name; *out_len is how much of it. */
const char *film_name_edition_at(str text, size_t *out_len);
/* "movie", "video", "00001": a name that says nothing. */
bool film_name_is_generic(str stem);
bool film_name_is_subtitle_folder(str folder);
/* VIDEO_TS, BDMV: a copied disc. */
bool film_name_is_disc_folder(str folder);

/* --- titles --------------------------------------------------------------------------------- */
struct name_title {
    str title;
    int year;
    bool year_bare; /* not in parentheses and nothing after it shows that the title was over */
    bool range;     /* "(1979-1997)": a collection or a series */
    str edition;
    str quality;
    str imdb, tmdb, tvdb;
    bool grouped; /* begins with "[Group]" */
};
/* Everything a stem or a folder name says of its film. `name` is valid UTF-8. */
void film_name_title_parse(struct arena *arena, str name, struct name_title *out);
/* The same of what follows an episode's number: it may have no title at all. */
void film_name_tail_parse(struct arena *arena, str tail, struct name_title *out);
/* "-cd1", " - part2" cut off *stem; the number, or 0. */
int film_name_part_take(str *stem);

/* --- episodes ------------------------------------------------------------------------------- */
struct name_episode {
    int season; /* -1 none */
    int episode;
    int episode_last;
    enum film_doubt doubt;
    size_t from; /* where the number stands in the stem */
    size_t to;
};
/* S01E02, 1x02, "Season 1 Episode 2", a date. */
bool film_name_episode_find(str stem, struct name_episode *out);
/* Inside a season's folder a number alone, or after the name of the series, is enough. */
bool film_name_episode_find_loose(str stem, str series, struct name_episode *out);
/* A folder of a season: its number, and what of its name is the series' ("Show S01" → "Show"). */
bool film_name_season_folder(str folder, int *out_season, str *out_series);

/* --- sidecars ------------------------------------------------------------------------------- */
/* Language and flags cut off the end of *stem ("Name.ru.forced" → "Name"). */
void film_name_flags_take(struct arena *arena, str *stem, struct film_name *out);
/* The kind of picture; its word cut off *stem ("Name-poster" → "Name"), *out_season for
 * "season01-poster". */
enum film_image film_name_image_take(str *stem, int *out_season);

/* --- works: film and episode, from file and folders ----------------------------------------- */
/* The folders a file belongs to, after those of convention ("Subs", "Extras", "Season 1") are
 * passed. */
struct name_place {
    str folder;     /* of the film or the series, as UTF-8; empty: the root */
    str series;     /* what a season's folder says of the series ("Show S01") */
    int season;     /* of the season's folder, -1: not in one */
    unsigned depth; /* parts of the path that are its owner */
};

/* A film or an episode by the stem of its file (UTF-8); true when it is an episode. */
bool film_name_work_fill(struct arena *arena, struct film_name *out, str stem,
                         const struct name_place *place);
/* The film or series a folder alone names: for extras, and for pictures and NFO of a folder. */
void film_name_folder_fill(struct arena *arena, struct film_name *out,
                           const struct name_place *place);
/* Text a person can read: invalid bytes and control characters escaped. */
str film_name_shown(struct arena *arena, str raw);
