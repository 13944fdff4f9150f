/*
 * cursor: where a page of a list ended, as opaque text for the client: the sort key and id of its
 * last row, so that the next page is right while rows are added and removed. Base64url (RFC 4648,
 * section 5) of the list's name, key and id with a checksum; it is no secret, but a damaged or
 * foreign one is refused.
 */
#pragma once

#include "foundation/base/id.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

enum { CURSOR_BYTES_MAX = 1024 };

/* `list` names list and order, and holds no zero byte; in the arena. */
str cursor_format(struct arena *arena, str list, str key, struct id id);

/* ERR_INVALID slug "bad-cursor" when `text` is not one that cursor_format() made for this list. */
enum err cursor_parse(struct arena *arena, str text, str list, str *out_key, struct id *out_id);
