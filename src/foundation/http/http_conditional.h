/*
 * http_conditional: preconditions of RFC 9110 section 13, as pure functions of what the client sent
 * and what the resource is now. The server applies them to GET and HEAD by itself; a handler that
 * changes something asks http_precondition_check() before it does.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/str.h"

/* Of the selected representation. An ETag is given with its quotes: "\"abc\"" or "W/\"abc\"". */
struct http_validators {
    str etag;         /* empty: none */
    instant modified; /* INSTANT_NEVER: unknown */
    bool absent; /* there is no current representation ("If-None-Match: *" on a creating PUT) */
};

/* The field values; ptr NULL where the field is missing. */
struct http_preconditions {
    str if_match, if_none_match, if_modified_since, if_unmodified_since;
};

/*
 * 0: go on. 304 or 412: answer that. In the order of section 13.2.2. `safe`: the method is GET or
 * HEAD.
 */
unsigned http_precondition_check(const struct http_preconditions *asked,
                                 const struct http_validators *current, bool safe);

/*
 * True when the Range field may be honoured (section 13.1.5): the If-Range value is a strong ETag
 * equal to the current one, or exactly its modification time.
 */
bool http_if_range_holds(str if_range, const struct http_validators *current);

/* True when `etag` is in the comma-separated `list`; "*" is not looked at. */
bool http_etag_listed(str list, str etag, bool weak_comparison);
