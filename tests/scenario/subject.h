/*
 * subject: what a statement speaks of (left side) and what it is compared with (right side).
 */
#pragma once

#include "world.h"

/* A text, or a JSON value with its text, or nothing (not present). */
struct subject {
    str name; /* as written */
    bool present;
    str text;
    const cJSON *node;
    cJSON *owned; /* the caller deletes it */
};

struct operand {
    str text;
    bool quoted, variable, regex;
};

/*
 * Cuts a subject off *rest and reads it. An absent header or JSON value is no failure here: it is
 * not `present`. Fails where the question makes no sense: no answer yet, a body that is not JSON.
 */
enum err subject_read(struct world *world, str *rest, struct subject *out_subject);
/* "text", /expression/, or a bare word, with variables filled in. */
enum err operand_read(struct world *world, str text, struct operand *out_operand);
/* Whether `words`, separated by single spaces, has `word`. */
bool subject_is_one_of(str word, const char *words);
