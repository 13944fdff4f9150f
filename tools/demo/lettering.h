/*
 * lettering: titles drawn with a pen. A stroke alphabet of our own, Latin and Cyrillic capitals, so
 * that the films need no font on the machine.
 */
#pragma once

#include "shapes.h"

/* Height of a capital is six units; `unit` is its size in pixels. */
struct type {
    float unit;
    float pen_width;
    float alpha;
    struct ink ink;
};

/* One line of UTF-8 capitals around its centre; a letter without a drawing is left blank. */
void lettering_draw(struct canvas *canvas, const char *text, struct point centre, struct type type);
