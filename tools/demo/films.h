/*
 * films: the three films of the demo cinema. A film paints its frames in order, each as a function
 * of its number (and, where things grow, of the frames before), so a run gives the same film
 * everywhere.
 */
#pragma once

#include "canvas.h"

#define FILMS_COUNT 3

struct film {
    const char *key;
    const char *name;
    int frames_per_second;
    int seconds;
    /* Paints frame number `frame` over what the canvas holds of the one before. */
    void (*paint)(struct canvas *canvas, int frame);
};

extern const struct film film_boat;
extern const struct film film_train;
extern const struct film film_garden;

/* What all three share: names at the start, the end, and the way in from black and out again. */
struct card {
    const char *ru, *en;
};
void film_cards(struct canvas *canvas, const struct film *film, float at_s, struct card title);
