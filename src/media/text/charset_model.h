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

/* Fills the table through iconv(3); false when this machine has no such converter. */
bool charset_table_load(struct charset_table *out, const char *iconv_name);

/*
 * The most likely encoding (static iconv name) of a text with bytes over 0x7f; NULL when no model
 * fits it or no converter is installed. Looks at the first 16 Ki such bytes.
 */
const char *charset_guess(str bytes);
