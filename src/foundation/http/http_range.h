/*
 * http_range: byte ranges of RFC 9110 section 14. What overlaps or nearly touches is joined, so
 * that no client gets more out of a representation than is in it.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/str.h"

enum http_range_kind {
    HTTP_RANGE_WHOLE,        /* no usable range: 200 and everything */
    HTTP_RANGE_PART,         /* 206 */
    HTTP_RANGE_UNSATISFIABLE /* 416 and "Content-Range: bytes *" + "/size" */
};

struct http_range {
    uint64_t offset, size_bytes; /* size_bytes >= 1 and offset + size_bytes <= the whole's size */
};

/* More ranges than players and download managers ask for: then the field is ignored. */
enum { HTTP_RANGES_MAX = 16 };

/* In ascending order, at least HTTP_RANGE_GAP_BYTES apart: less than a part's own head takes. */
enum { HTTP_RANGE_GAP_BYTES = 100 };
struct http_ranges {
    unsigned count; /* >= 1 */
    struct http_range list[HTTP_RANGES_MAX];
};

/*
 * Reads the value of a Range field against a representation of `size_bytes`. What is malformed, of
 * another unit or of too many ranges is ignored (WHOLE), as RFC 9110 section 14.2 asks. Of several
 * those that lie outside are left out; PART when one is left. *out is written for PART only.
 */
enum http_range_kind http_range_parse(str value, uint64_t size_bytes, struct http_ranges *out);
