/*
 * countries: what files and people call a country, to its ISO 3166-1 alpha-2 code; and the name to
 * show. Countries that are no more but made films (SU, YU, CS, DD) keep the code they had (ISO
 * 3166-3).
 */
#pragma once

#include "foundation/base/str.h"

struct country {
    const char *code; /* alpha-2, upper case */
    const char *alpha3;
    const char *name_en;
    const char *name_ru;
};

/*
 * By alpha-2, alpha-3, English or Russian name or a customary one ("USA", "UK", "Soviet Union",
 * "Корея Южная"), any case. NULL: none.
 */
const struct country *country_find(str word);

/* The row of an alpha-2 code in upper case, NULL: none. */
const struct country *country_get(str code);

/* The name in `language` ("ru", anything else gives English). */
str country_name(const struct country *country, str language);
