/*
 * http_target: request targets (RFC 9112 section 3.2) taken apart. The path is decoded once, here,
 * and whatever could mean two things to two readers is refused: dot segments in any spelling,
 * encoded slashes, backslashes, control bytes, bytes that are no UTF-8 (overlong forms with them).
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/mem/arena.h"

/* Why a request is refused before it reaches a handler. All three are literals. */
struct http_refusal {
    unsigned status;
    const char *slug, *text;
};

struct http_target {
    str path;      /* decoded, begins with '/'; "*" for the asterisk form */
    str query;     /* raw, without the '?' */
    str authority; /* of the absolute form, else ptr NULL */
};

/*
 * NULL and *out filled, or the refusal. Parts lie in `target` or, where decoding changed them, in
 * the arena; the asterisk form is for the caller to restrict to OPTIONS.
 */
const struct http_refusal *http_target_parse(str target, struct arena *arena,
                                             struct http_target *out);

/*
 * Percent-decodes a path. NULL and *out, or the refusal. A path without '%' is returned as it is.
 */
const struct http_refusal *http_path_decode(str raw, struct arena *arena, str *out);

/*
 * Cuts the next name=value pair off *rest (application/x-www-form-urlencoded, also a query) and
 * decodes both into the arena. False at the end. Bad escapes are kept as they stand.
 */
bool http_query_next(str *rest, struct arena *arena, str *out_name, str *out_value);
/* The first pair of that name; false when there is none. */
bool http_query_find(str query, struct arena *arena, str name, str *out_value);
