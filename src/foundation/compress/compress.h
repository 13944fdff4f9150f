/*
 * compress: text made smaller for the way to the client, whole and in memory: gzip (RFC 1952) by
 * zlib, brotli (RFC 7932) by its encoder. What is sent often is compressed once and kept.
 */
#pragma once

#include "foundation/base/str.h"
#include "foundation/mem/bytes.h"

enum compress_coding { COMPRESS_GZIP, COMPRESS_BROTLI };

enum compress_effort {
    COMPRESS_QUICK, /* while the program runs: some 40 MB a second */
    COMPRESS_BEST   /* at build time: a hundredth of that */
};

/*
 * The compressed bytes, one reference of the caller's. NULL when that would save less than an
 * eighth: such content is sent as it is. Blocks for as long as it takes.
 */
struct bytes *compress_bytes(enum compress_coding coding, enum compress_effort effort, str content);
