/*
 * charset_model: which single-byte encoding a text is in. Internal to media/text.
 */
#pragma once

#include "foundation/base/str.h"

enum { CHARSET_UNDEFINED = 0xffff };

/* A single-byte encoding: the code points of the bytes 0x80..0xff. */
struct charset_table {
    uint16_t high[128];
};

/*
 * The table of an encoding by its iconv name; NULL when it is none of ours or this machine has no
 * such converter. All are read from iconv(3) once a process, since opening a converter loads a
 * library.
 */
const struct charset_table *charset_table_get(const char *iconv_name);

/*
 * The most likely encoding (static iconv name) of a text with bytes over 0x7f; NULL when no model
 * fits it or no converter is installed. Looks at the first 16 Ki such bytes.
 */
const char *charset_guess(str bytes);
