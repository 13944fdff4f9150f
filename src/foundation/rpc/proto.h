/*
 * proto: records of shapes in protobuf's wire format (protobuf.dev/programming-guides/encoding),
 * proto3. Field numbers come from the shapes (`proto`), which never change once given. What is zero
 * or empty is not written, so an absent text and an empty one, a null and an absent optional are
 * the same on the other side. Pure; nothing suspends.
 *
 * in a shape                     in proto3
 * bool, int32_t, uint32_t        bool, int32, uint32
 * int64_t, struct id, time       int64 (times are microseconds since 1970)
 * uint64_t, double, str          uint64, double, string
 * an enum                        an enum of the same numbers; value 0 stands for "not set"
 * json_raw                       string, holding JSON
 * optionals, pointers            optional, a message that may be absent
 * LIST_OF, MAP_OF                repeated (packed where numbers allow it), map<string, ...>
 */
#pragma once

#include "foundation/shape/shape.h"

enum { PROTO_DEPTH_MAX = 16 };

/* Appends; check buf->overflowed. */
void proto_encode(struct buf *buf, const struct shape *shape, const void *record);
/*
 * Fills *out, and leaves it untouched on failure. Texts lie in `bytes`, lists and nested records in
 * the arena. ERR_INVALID "bad-protobuf": not well-formed; "invalid-fields": a value breaks a limit
 * of its shape. ERR_EXHAUSTED: over the arena's limit. Unknown fields are passed over.
 */
enum err proto_decode(struct arena *arena, const struct shape *shape, str bytes, void *out);

/*
 * Stops the process when a shape, or one it refers to, has a field without a number, a number twice
 * or out of range, or an enum whose value has no text in the middle: bugs of a table.
 */
void proto_check(const struct shape *shape);
