/*
 * entity: character references of HTML, as they occur in subtitles and NFO files. Source of the
 * names: HTML Living Standard, section 13.5; the Latin-1 set and the usual punctuation only.
 */
#pragma once

#include "foundation/base/str.h"

/*
 * Decodes a reference at s[*pos] == '&' ("&amp;", "&#8212;", "&#x2014;") and advances *pos past its
 * ';'. Returns its code point, or 0 (then *pos is unchanged) when it is none that is known.
 */
uint32_t entity_next(str s, size_t *pos);
