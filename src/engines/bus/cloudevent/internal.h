/*
 * internal: an event while it is read: attributes come in any order, by name, from JSON members or
 * from headers.
 */
#pragma once

#include "cloudevent.h"

struct draft {
    struct cloudevent event;
    struct cloudevent_extension extensions[CLOUDEVENT_EXTENSIONS_MAX];
    unsigned extensions_count;
    bool version_seen;
};

void draft_init(struct draft *draft);
/* One attribute; it was not there before. */
enum err draft_put(struct draft *draft, const struct cloudevent_extension *attribute);
/* Checks the whole and copies the extensions into the arena. */
enum err draft_finish(struct draft *draft, struct arena *arena, struct cloudevent *out);

enum err envelope_exhausted(void);

/* Whether a media type's content is JSON: its subtype is json or ends with +json. */
bool media_type_is_json(str type);
/* Exactly one JSON value of at most CLOUDEVENT_SIZE_BYTES_MAX. */
bool text_is_json(str text);

/* RFC 4648 section 4, padded. */
void base64_put(struct buf *buf, str bytes);
/* ERR_INVALID "envelope": not that, in its one form. The bytes are in the arena. */
enum err base64_parse(struct arena *arena, str text, str *out);
