/*
 * fold: comparing names as people do: case ignored in Latin, Greek and Cyrillic, and the Russian
 * "ё" equal to "е". Simple one-to-one folding; no locale.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/mem/arena.h"

/* The lower-case form of a code point (Latin with its extensions A, Greek, Cyrillic); others as is.
 */
uint32_t fold_char(uint32_t code_point);

/* True when both are the same but for case and ё/е. Invalid bytes are equal to each other only. */
bool fold_eq(str a, str b);

/* The folded text in the arena: lower case, "ё" as "е". Invalid bytes become U+FFFD. */
str fold_str(struct arena *arena, str s);
