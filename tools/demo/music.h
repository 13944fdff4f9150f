/* music: one piece for each film, in two arrangements: the Russian and the English sound track. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/*
 * Writes the film's music, `length_s` long, as interleaved signed 16-bit stereo at SYNTH_RATE.
 * False when there is no such piece or it cannot be written.
 */
bool music_write(const char *film_key, const char *language, float length_s, FILE *out);
