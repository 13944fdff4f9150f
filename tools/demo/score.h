/*
 * score: music as text. A melody is "e5:2 c#5:1 -:0.5" (note, octave, beats; - is a rest), harmony
 * is one chord a bar: "Am F C G E7". Both are read once, from left to right.
 */
#pragma once

#include <stdbool.h>

struct score_note {
    int pitch; /* MIDI number, -1 for a rest */
    float beats;
};
/* Reads the next note and moves *text after it. False at the end. */
bool score_next_note(const char **text, struct score_note *out_note);

struct score_chord {
    int root;     /* MIDI number in the octave of c3 */
    int steps[4]; /* semitones above the root: of the root, third, fifth, and seventh or octave */
};
/* Reads the next chord and moves *text after it. False at the end. */
bool score_next_chord(const char **text, struct score_chord *out_chord);
