/*
 * demo_films: paints and plays the films of the demo cinema.
 *
 *   demo_films list                    key, frame rate and seconds of each film, a line each
 *   demo_films paint KEY               raw 4:2:0 frames, 1280x720, on standard output; progress on
 * stderr demo_films paint KEY FROM STEP     the same, only every STEP-th frame from number FROM:
 * for proofs demo_films play KEY rus|eng        the sound track as raw s16le stereo, 48 kHz, on
 * standard output
 */
#include "films.h"
#include "music.h"

#include <stdlib.h>
#include <string.h>

static const struct film *const films[FILMS_COUNT] = { &film_boat, &film_train, &film_garden };

static const struct film *film_find(const char *key)
{
    for (int i = 0; i < FILMS_COUNT; i++) {
        if (strcmp(films[i]->key, key) == 0)
            return films[i];
    }
    return NULL;
}

static int list(void)
{
    for (int i = 0; i < FILMS_COUNT; i++)
        printf("%s %d %d\n", films[i]->key, films[i]->frames_per_second, films[i]->seconds);
    return EXIT_SUCCESS;
}

static int fail(const char *what)
{
    fprintf(stderr, "demo_films: %s\n", what);
    return EXIT_FAILURE;
}

static int paint(const struct film *film, int from, int step)
{
    static struct canvas canvas;
    int count = film->frames_per_second * film->seconds;

    for (int frame = 0; frame < count; frame++) {
        film->paint(&canvas, frame);
        bool wanted = frame >= from && (frame - from) % step == 0;
        if (wanted && !canvas_write(&canvas, stdout))
            return fail("a frame could not be written: the encoder has gone or the disk is full");
        if (frame % film->frames_per_second == 0)
            fprintf(stderr, "progress %.2f %s\n", (double)frame / (double)count, film->name);
    }
    fprintf(stderr, "progress 1.00 %s\n", film->name);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : fail("the last frame could not be written");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list();
    if (argc < 3)
        return fail("usage: demo_films list | paint KEY [FROM STEP] | play KEY rus|eng");
    const struct film *film = film_find(argv[2]);
    if (film == NULL)
        return fail("there is no such film; `demo_films list` names them");
    if (strcmp(argv[1], "paint") == 0 && argc == 3)
        return paint(film, 0, 1);
    if (strcmp(argv[1], "paint") == 0 && argc == 5 && atoi(argv[4]) > 0)
        return paint(film, atoi(argv[3]), atoi(argv[4]));
    if (strcmp(argv[1], "play") == 0 && argc == 4) {
        if (!music_write(film->key, argv[3], (float)film->seconds, stdout) || fflush(stdout) != 0)
            return fail("the sound track could not be written");
        return EXIT_SUCCESS;
    }
    return fail("usage: demo_films list | paint KEY [FROM STEP] | play KEY rus|eng");
}
