/*
 * canvas: one picture of a demo film, 1280x720, in the encoder's own colour space (BT.709, limited
 * range, 4:2:0) with seven fractional bits a sample, so that slow gradients and many thin layers of
 * light stay smooth and are dithered once, on the way out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CANVAS_WIDTH  1280
#define CANVAS_HEIGHT 720
#define COVER_FULL    32767 /* a sample of a coverage row: Q15 */

struct canvas {
    int16_t luma[CANVAS_HEIGHT][CANVAS_WIDTH];
    int16_t cb[CANVAS_HEIGHT / 2][CANVAS_WIDTH / 2];
    int16_t cr[CANVAS_HEIGHT / 2][CANVAS_WIDTH / 2];
};

/* A colour, in the units of a canvas. */
struct ink {
    float luma, cb, cr;
};

/* 0xRRGGBB, gamma-encoded, by the matrix of ITU-R BT.709. */
struct ink ink_rgb(uint32_t rgb);
struct ink ink_mix(struct ink from, struct ink to, float share);

/* A colour that changes with time: keys in rising order of `at`, blended smoothly between. */
struct ink_key {
    float at;
    uint32_t rgb;
};
struct ink ink_at(const struct ink_key *keys, int count, float at);

/*
 * Blends `ink` over the samples [left, left + count) of row y by cover[0..count), Q15. The part
 * outside of the picture is cut off.
 */
void canvas_blend_row(struct canvas *canvas, int y, int left, int count, const int16_t *cover,
                      struct ink ink);
/* The same with one coverage for the whole run; COVER_FULL paints. */
void canvas_fill_run(struct canvas *canvas, int y, int left, int count, int cover, struct ink ink);
/* Rows [top, bottom), from one colour to another. */
void canvas_gradient(struct canvas *canvas, int top, int bottom, struct ink from, struct ink to);
/* Mixes the whole picture towards a colour: 0 leaves it, 1 replaces it. */
void canvas_veil(struct canvas *canvas, struct ink ink, float share);
/* Writes the picture as planar 8-bit 4:2:0. False: the reader has gone or the disk is full. */
bool canvas_write(const struct canvas *canvas, FILE *out);
