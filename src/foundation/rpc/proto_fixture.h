/* proto_fixture: for the tests and the fuzz target: a record with every form a shape has. */
#pragma once

#include "proto.h"

#include <stdio.h>

enum sample_colour { SAMPLE_NO_COLOUR, SAMPLE_RED, SAMPLE_GREEN };
SHAPE_ENUM_DECLARE(sample_colours);

struct sample_child {
    str name;
    bool grown;
};
SHAPE_DECLARE(sample_child_shape, struct sample_child);

struct sample {
    int64_t number;
    str text;
    opt_i64 maybe;
    LIST_OF(struct sample_child) children;
    struct sample *self;
    LIST_OF(int64_t) numbers;
    double ratio;
    enum sample_colour colour;
    MAP_OF(str) names;
    struct sample_child *child;
    struct id id;
    instant at;
    uint32_t small;
    int32_t negative;
    LIST_OF(str) words;
    MAP_OF(struct sample_child) homes;
};
SHAPE_DECLARE(sample_shape, struct sample);

/* Every field set; what it points to is in the arena. */
void sample_fill(struct arena *arena, struct sample *out);
