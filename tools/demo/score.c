/* The notation is written by us, in music.c; a letter that is no note is a mistake there and
 * asserted. */
#include "score.h"

#include <assert.h>
#include <stdlib.h>

static const int semitones[] = { 9, 11, 0, 2, 4, 5, 7 }; /* of a, b, c ... g above c */

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '|')
        text++;
    return text;
}

static int read_accidental(const char **text)
{
    int shift = **text == '#' ? 1 : **text == '&' ? -1 : 0;

    *text += shift != 0;
    return shift;
}

bool score_next_note(const char **text, struct score_note *out_note)
{
    const char *at = skip_blanks(*text);
    struct score_note note = { .pitch = -1 };

    if (*at == '\0')
        return false;
    if (*at == '-') {
        at++;
    } else {
        assert(*at >= 'a' && *at <= 'g');
        int step = semitones[*at++ - 'a'];
        step += read_accidental(&at);
        assert(*at >= '0' && *at <= '8');
        note.pitch = 12 * (*at++ - '0' + 1) + step;
    }
    assert(*at == ':');
    char *end;
    note.beats = strtof(at + 1, &end);
    *text = end;
    *out_note = note;
    return true;
}

bool score_next_chord(const char **text, struct score_chord *out_chord)
{
    const char *at = skip_blanks(*text);

    if (*at == '\0')
        return false;
    assert(*at >= 'A' && *at <= 'G');
    struct score_chord chord = { .root = 48 + semitones[*at++ - 'A'], .steps = { 0, 4, 7, 12 } };
    chord.root += read_accidental(&at);
    if (*at == 'm') {
        chord.steps[1] = 3;
        at++;
    }
    if (*at == '7') {
        chord.steps[3] = 10;
        at++;
    }
    *text = at;
    *out_chord = chord;
    return true;
}
