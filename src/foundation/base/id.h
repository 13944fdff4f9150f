/*
 * id: the identity of a row, a positive 63-bit integer inside and a decimal string on the wire (a
 * number would be rounded by JavaScript beyond 2^53). A struct, so that it is not mixed up with a
 * count, and no typedef, so that a variable may be called id. Zero means none.
 */
#pragma once

#include "str.h"

struct id {
    int64_t value;
};

#define ID(number) ((struct id){ (number) })
#define ID_NONE    ((struct id){ 0 })

/* Length of the longest text id_format() writes, with its zero. */
#define ID_TEXT_MAX 20

/* The one text of an id: 1..9223372036854775807 without sign, spaces or leading zeros. */
bool id_parse(str text, struct id *out);
/* `out` holds ID_TEXT_MAX bytes and ends with a zero; returns the text. ID_NONE is written as "0".
 */
str id_format(struct id id, char out[ID_TEXT_MAX]);

static inline bool id_eq(struct id a, struct id b)
{
    return a.value == b.value;
}

static inline bool id_is_none(struct id id)
{
    return id.value == 0;
}
