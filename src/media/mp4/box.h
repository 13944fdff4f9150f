/* box: ISO/IEC 14496-12 §4.2 boxes inside a buffer, and big-endian fields. For media only. */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"

#define FOURCC(text)                                                                               \
    ((uint32_t)(text)[0] << 24 | (uint32_t)(text)[1] << 16 | (uint32_t)(text)[2] << 8 |            \
     (uint32_t)(text)[3])

struct box {
    uint32_t type;
    str whole; /* header and body */
    str body;
};

/* A child that a container may or must have once. */
struct box_want {
    const char *name;
    bool required;
    struct box *out; /* type 0 when absent */
};

/* Cuts the box at the front of *rest off it. *rest must not be empty. Consumes at least 8 bytes. */
enum err box_next(str *rest, struct box *out_box);
/* Finds the wanted children of a container; a wanted child twice is an error, others are skipped.
 */
enum err box_children(str body, const char *parent, const struct box_want *wants, size_t count);
/* The same for a FullBox's version and flags: cuts them off *body. */
enum err box_full(const struct box *box, uint8_t *out_version, uint32_t *out_flags, str *out_body);

/* Four printable characters of a box type and a zero. */
const char *box_name(uint32_t type, char out[5]);

#define box_malformed(...)   err_never_ok(box_malformed_set(__VA_ARGS__))
#define box_unsupported(...) err_never_ok(box_unsupported_set(__VA_ARGS__))
enum err box_malformed_set(const char *format, ...) PRINTF_LIKE(1, 2);
enum err box_unsupported_set(const char *format, ...) PRINTF_LIKE(1, 2);

/* Big-endian fields; the caller has checked the length. */
uint8_t be8(str bytes, size_t at);
uint16_t be16(str bytes, size_t at);
uint32_t be32(str bytes, size_t at);
uint64_t be64(str bytes, size_t at);
