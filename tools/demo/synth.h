/*
 * synth: a small orchestra. Notes are added to one stereo take in memory; at the end a hall is put
 * around it and it is written as interleaved signed 16-bit samples.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SYNTH_RATE        48000
#define SYNTH_SECONDS_MAX 128

enum instrument {
    MUSIC_BOX,
    BELL,
    PIANO,
    FLUTE,
    ACCORDION,
    STRINGS,
    CHOIR,
    BASS,
    HARP,   /* plucked string */
    GUITAR, /* plucked string, darker */
    BRUSH,  /* a soft stroke of noise; pitch is its brightness */
};

struct note {
    enum instrument instrument;
    float start_s, length_s;
    int pitch;   /* MIDI number, 69 is A of 440 Hz */
    float level; /* 0..1 */
    float pan;   /* -1 left .. 1 right */
};

/* Silence of this length; forgets the take before. */
void synth_begin(float length_s);
void synth_note(struct note note);
/* Adds the hall, levels the whole to a common loudness and writes it. False when it cannot be
 * written. */
bool synth_write(float hall, FILE *out);
