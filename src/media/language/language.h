/*
 * language: what people and files call a language, to a BCP 47 tag and a name for a track.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/mem/arena.h"

struct language {
    const char *code;      /* BCP 47: ISO 639-1, or 639-2 where there is no shorter one */
    const char *iso639_2b; /* bibliographic: "ger" */
    const char *iso639_2t; /* terminological: "deu" */
    const char *name_own;  /* "Deutsch" */
    const char *name_en;
    const char *name_ru; /* lower case, as in a sentence */
};

struct language_tag {
    const struct language *language;
    char text[16]; /* "ru", "pt-BR", "zh-Hans" */
};

/* A code (639-1, 639-2 of either kind) or a name in English, Russian or itself; any case. NULL:
 * none. */
const struct language *language_find(str word);

/*
 * A code, a name, a tag with script or region ("pt-br", "zh_TW"), or a customary abbreviation
 * ("chs", "pob", "ua"). False leaves *out untouched. RFC 5646.
 */
bool language_tag_parse(str text, struct language_tag *out);

/* The name for a track in its own language, "Русский", "Português (BR)"; static or in the arena. */
str language_label(struct arena *arena, const struct language_tag *tag);
