/*
 * genres: what files and people call a genre, to the slug the catalogue keys it by, and the names
 * to show. A genre nobody foresaw gets a slug of its own, so nothing an operator wrote is lost.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/mem/arena.h"

enum { GENRE_SLUG_MAX = 48 };

struct genre {
    const char *slug; /* "sci-fi" */
    const char *name_en;
    const char *name_ru;
};

/* The known genre of a slug; NULL: none. */
const struct genre *genre_get(str slug);

/* The known genre of a name in English or Russian, any case and customary spelling; NULL: none. */
const struct genre *genre_find(str name);

/*
 * The slugs of "Action / Sci-Fi & Fantasy" in order, without doubles: parts are separated by '/',
 * '|',
 * ',' or ';', and by '&' or "and" where the whole is not a genre itself. Unknown names are
 * transliterated
 * ("Нуар-мюзикл" → "nuar-myuzikl"), cut to GENRE_SLUG_MAX; what has no letter or digit is left out.
 * Returns how many were stored in out_slugs. New slugs are in the arena.
 */
size_t genres_parse(struct arena *arena, str text, str *out_slugs, size_t count_max);
