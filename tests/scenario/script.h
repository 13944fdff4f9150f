/*
 * script: a scenario file as a list of lines. Comments and empty lines are gone, the text of a
 * "<<WORD" is attached to its line, and a line that opens a block knows where the block ends.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

struct line {
    int number;   /* in the file, from 1 */
    str text;     /* trimmed, without the "<<WORD" */
    str attached; /* what stood between "<<WORD" and "WORD"; ptr NULL without one */
    int end;      /* of a line that opens a block: the index of its "}"; otherwise -1 */
};

struct script {
    const char *path;
    struct line *lines;
    int count;
    span timeout; /* of "timeout 90s"; SCRIPT_TIMEOUT without */
};

#define SCRIPT_TIMEOUT SECONDS(180)

/*
 * Reads the file into the arena. ERR_INVALID names the line of an unclosed block or text; limits: 4
 * MiB, 20,000 lines, blocks four deep.
 */
enum err script_read(struct arena *arena, const char *path, struct script *out_script);

/* Cuts the first word (up to white space) off *rest, which is left trimmed. Empty at the end. */
str script_word(str *rest);
/* "250ms", "20s", "2m". */
bool script_parse_span(str text, span *out_span);
/* The whole file; ERR_NOT_FOUND and the like, ERR_TOO_LARGE over `size_bytes_max`. */
enum err script_slurp(struct arena *arena, const char *path, size_t size_bytes_max, str *out_text);
