/*
 * http_range: byte ranges of RFC 9110 section 14. One range is served as 206; several are answered
 * with the whole representation, which the RFC permits, until multipart answers exist.
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

/*
 * Reads the value of a Range field against a representation of `size_bytes`. What is malformed or
 * of another unit is ignored (WHOLE), as RFC 9110 section 14.2 asks. *out is written for PART only.
 */
enum http_range_kind http_range_parse(str value, uint64_t size_bytes, struct http_range *out);
