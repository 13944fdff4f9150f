/*
 * ages: age ratings of the usual bodies to the youngest age they allow. The label an operator wrote
 * is kept beside it by whoever asks; here is only its meaning.
 */
#pragma once

#include "foundation/base/str.h"

struct age_rating {
    int age_min;        /* 0..21 */
    const char *system; /* "MPA", "FSK", "BBFC", "RARS" ...; static */
    str label;          /* "PG-13": the part of the text that is the rating */
};

/*
 * Reads "PG-13", "Rated R for violence", "US:R", "FSK 12", "de/12", "16+", "ЗАТО 18+", "UK:12A",
 * "TV-MA", "0+" ... False for unrated and unknown ones, *out untouched. out->label points into
 * `text`.
 *
 * Ages: MPA G 0, PG 7, PG-13 13, R 17, NC-17 18 (X 18); TV parental guidelines Y 0, Y7 7, G 0, PG
 * 10, 14 14, MA 17; BBFC U 0, PG 8, 12(A), 15, 18, R18; FSK, RARS, PEGI-like numbers as they are.
 */
bool age_rating_parse(str text, struct age_rating *out);
