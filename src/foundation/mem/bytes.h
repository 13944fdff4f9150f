/*
 * bytes: immutable bytes shared by reference count, between cores too. A cached answer is one; a
 * request that sends it holds it through its arena (arena_hold) until the last byte is out.
 */
#pragma once

#include "foundation/base/str.h"

#include <stdatomic.h>

struct bytes {
    _Atomic uint32_t references;
    size_t len;
    char data[];
};

/* A copy of `content` with one reference, the caller's. */
struct bytes *bytes_of(str content);
/* One reference more; returns its argument. */
struct bytes *bytes_share(struct bytes *bytes);
/* One reference less; the last one frees. NULL is accepted. The void form fits arena_hold(). */
void bytes_release(void *bytes);
str bytes_str(const struct bytes *bytes);
