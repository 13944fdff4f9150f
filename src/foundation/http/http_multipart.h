/*
 * http_multipart: several ranges in one answer (multipart/byteranges, RFC 9110 section 14.6). The
 * parts' heads and the bytes between them become a body of pieces, so they go out like any other:
 * nothing is copied, and a slow client costs an offset.
 */
#pragma once

#include "http.h"
#include "http_range.h"

/*
 * Replaces the answer's body, in memory or of files, by its ranges, two at least, and its
 * Content-Type. False when the arena has no room for the parts' heads; the answer is then as it
 * was.
 */
bool http_multipart_make(struct arena *arena, struct http_response *response,
                         const struct http_ranges *ranges);
