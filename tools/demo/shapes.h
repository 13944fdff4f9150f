/*
 * shapes: anti-aliased figures on a canvas. Coordinates are pixels, the origin is the top left
 * corner, what lies outside is cut off. `alpha` is 0..1 everywhere.
 */
#pragma once

#include "canvas.h"

struct point {
    float x, y;
};

void shape_disc(struct canvas *canvas, struct point centre, float radius, struct ink ink,
                float alpha);
/* A soft elliptic spot of light (or shade), brightest in the middle, zero at its edge. */
void shape_glow(struct canvas *canvas, struct point centre, struct point radii, struct ink ink,
                float alpha);
/* A segment with round ends. */
struct pen {
    float width;
    float alpha;
    struct ink ink;
};
void shape_line(struct canvas *canvas, struct point from, struct point to, struct pen pen);
/* A filled polygon of at most 64 corners, even-odd. */
void shape_polygon(struct canvas *canvas, const struct point *corners, int count, struct ink ink,
                   float alpha);
void shape_rect(struct canvas *canvas, struct point from, struct point to, struct ink ink,
                float alpha);
/*
 * Everything below a line of heights (one y for each column) down to row `bottom`, shaded from
 * `from` at the line's highest point to `to` at the bottom.
 */
struct shade {
    struct ink from, to;
};
void shape_terrain(struct canvas *canvas, const float *line, int bottom, struct shade shade);

/* Helpers every scene needs. */
float clamp_float(float value, float low, float high);
/* 0 before `from`, 1 after `to`, an S-curve between. */
float ease(float from, float to, float at);
/* In at [from, from + fade], out at [to - fade, to]. */
float ease_between(float from, float to, float fade, float at);
struct point turned(struct point offset, float radians, struct point around);
