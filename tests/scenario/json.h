/*
 * json: reading an answer strictly and picking a value out of it by path: $.items[0].title,
 * $["odd name"], $.items[-1], $.items[*].id (an array of every id). cJSON parses; what it lets pass
 * (invalid UTF-8, duplicate keys, text after the value) is refused here.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

#include <cjson/cJSON.h>

/* The caller calls cJSON_Delete() on the result. ERR_INVALID says what is wrong with the text. */
enum err json_read(str text, cJSON **out_root);

/*
 * The value at `path`. ERR_NOT_FOUND when it is absent, ERR_INVALID for a path that cannot be read.
 * The result belongs to `root`, except where [*] was used: then to *out_owned (or NULL), which the
 * caller deletes. Both are untouched on failure.
 */
enum err json_pick(const cJSON *root, str path, const cJSON **out_node, cJSON **out_owned);

/* A string's own text, other values as compact JSON; in the arena. */
str json_text(struct arena *arena, const cJSON *node);
/* null, boolean, number, string, array or object. */
const char *json_type(const cJSON *node);
