/*
 * Three pieces: a lullaby in three-four for the sea, a travelling song for the train, slow bells
 * for the garden. A piece is a list of parts (melody and harmony, bar by bar); an arrangement says
 * who plays.
 */
#include "music.h"

#include "noise.h"
#include "score.h"
#include "synth.h"

#include <math.h>
#include <string.h>

struct part {
    const char *melody; /* NULL: accompaniment alone */
    const char *chords; /* one a bar */
    int lift;           /* semitones on the melody */
};

struct arrangement {
    enum instrument lead, second, figure, pad;
    float lead_level, second_level, figure_level, pad_level;
    int lead_shift, figure_shift; /* octaves, in semitones */
};

struct piece {
    const char *film_key;
    float beat_s;
    int beats_a_bar;
    bool wheels; /* the train's own rhythm */
    float hall;
    struct part parts[6];
    struct arrangement arrangements[2]; /* rus, eng */
};

#define SEA_A_CHORDS "Am F C G Am F E7 E7 Am Dm G C F Dm E7 Am"
#define SEA_A                                                                                      \
    "e5:2 c5:1 | a4:2 c5:1 | g5:2 e5:1 | d5:3 | c5:1 d5:1 e5:1 | f5:2 e5:1 | e5:1 d5:1 b4:1 | "    \
    "g#4:3 | a4:1 c5:1 e5:1 | a5:2 f5:1 | g5:1 f5:1 d5:1 | e5:3 | f5:1 e5:1 d5:1 | "               \
    "d5:1 c5:1 a4:1 | b4:2 g#4:1 | a4:3"
#define SEA_B_CHORDS "F G Em Am F G C C F G Em Am Dm E7 Am Am"
#define SEA_B                                                                                      \
    "a5:2 g5:1 | b5:2 g5:1 | g5:2 e5:1 | c5:1 e5:1 a5:1 | a5:1 g5:1 f5:1 | g5:1 f5:1 d5:1 | "      \
    "e5:3 | -:3 | a5:2 c6:1 | b5:2 g5:1 | g5:1 b5:1 e5:1 | a5:3 | f5:1 d5:1 a4:1 | "               \
    "g#4:1 b4:1 e5:1 | a4:3 | -:3"
#define WAY_A_CHORDS "D A Bm G D A G A D A Bm G D A A D"
#define WAY_A                                                                                      \
    "f#5:1.5 e5:0.5 d5:2 | c#5:1 e5:1 a5:2 | b5:1.5 a5:0.5 f#5:2 | g5:1 f#5:1 d5:2 | "             \
    "f#5:1 a5:1 d6:2 | c#6:1 b5:1 a5:2 | g5:1 b5:1 a5:1 g5:1 | e5:4 | "                            \
    "f#5:1.5 e5:0.5 d5:2 | c#5:1 e5:1 a5:2 | b5:1.5 a5:0.5 f#5:2 | g5:1 f#5:1 d5:2 | "             \
    "f#5:1 a5:1 d6:2 | c#6:1 b5:1 a5:2 | e5:1 g5:1 f#5:1 e5:1 | d5:4"
#define WAY_B_CHORDS "Bm F#m G D Em Bm G A"
#define WAY_B                                                                                      \
    "d5:1 f#5:1 b5:2 | c#6:1 a5:1 f#5:2 | g5:1 b5:1 d6:2 | a5:1 f#5:1 d5:2 | "                     \
    "e5:1 g5:1 b5:2 | b5:1 a5:1 f#5:2 | g5:1 a5:1 b5:1 d6:1 | c#6:2 a5:2"
#define STARS_CHORDS "F G Em Am F C Dm G"
#define STARS                                                                                      \
    "c5:2 e5:1 a5:1 | b5:3 g5:1 | g5:2 e5:1 b4:1 | c5:4 | a4:1 c5:1 f5:2 | e5:2 g5:2 | "           \
    "f5:1 e5:1 d5:1 a4:1 | b4:2 d5:2"

static const struct piece pieces[] = {
    { .film_key = "boat",
      .beat_s = 0.682f,
      .beats_a_bar = 3,
      .hall = 0.42f,
      .parts = { { NULL, "Am F Am E7", 0 },
                 { SEA_A, SEA_A_CHORDS, 0 },
                 { SEA_B, SEA_B_CHORDS, 0 },
                 { SEA_A, SEA_A_CHORDS, 0 },
                 { NULL, "F Dm E7 Am Am", 0 } },
      .arrangements = { { MUSIC_BOX, STRINGS, HARP, STRINGS, 0.52f, 0.10f, 0.30f, 0.085f, 12, 12 },
                        { FLUTE, PIANO, PIANO, CHOIR, 0.34f, 0.2f, 0.20f, 0.11f, 0, 0 } } },
    { .film_key = "train",
      .beat_s = 0.6f,
      .beats_a_bar = 4,
      .wheels = true,
      .hall = 0.26f,
      .parts = { { NULL, "D Bm G A", 0 },
                 { WAY_A, WAY_A_CHORDS, 0 },
                 { WAY_B, WAY_B_CHORDS, 0 },
                 { WAY_A, WAY_A_CHORDS, 0 },
                 { NULL, "G D A D D", 0 } },
      .arrangements = { { ACCORDION, GUITAR, GUITAR, STRINGS, 0.20f, 0.2f, 0.42f, 0.05f, 0, 12 },
                        { PIANO, FLUTE, HARP, STRINGS, 0.40f, 0.13f, 0.26f, 0.07f, 0, 12 } } },
    { .film_key = "garden",
      .beat_s = 0.888f,
      .beats_a_bar = 4,
      .hall = 0.62f,
      .parts = { { NULL, STARS_CHORDS, 0 },
                 { STARS, STARS_CHORDS, 0 },
                 { STARS, STARS_CHORDS, 0 },
                 { STARS, "F G Em Am F C Dm G C", 0 } },
      .arrangements = { { BELL, CHOIR, PIANO, CHOIR, 0.34f, 0.08f, 0.17f, 0.1f, 0, 12 },
                        { STRINGS, BELL, HARP, STRINGS, 0.15f, 0.17f, 0.26f, 0.07f, 0, 12 } } },
};

/* Small, even unevenness: nobody plays like a clock. */
static float human(int index)
{
    return 0.012f * (noise_at(500, index) - 0.5f);
}

static void play_melody(const struct piece *piece, const struct arrangement *who,
                        const struct part *part, float start_s, bool doubled)
{
    const char *text = part->melody;
    struct score_note note;
    int index = 0;

    while (text != NULL && score_next_note(&text, &note)) {
        float length_s = note.beats * piece->beat_s;
        float accent = 0.9f + 0.2f * noise_at(510, index);
        if (note.pitch >= 0) {
            int pitch = note.pitch + part->lift + who->lead_shift;
            synth_note((struct note){ who->lead, start_s + 0.03f + human(index), length_s * 0.97f,
                                      pitch, who->lead_level * accent, 0.12f });
        }
        if (note.pitch >= 0 && doubled)
            synth_note((struct note){ who->second, start_s + 0.02f, length_s * 0.95f,
                                      note.pitch + part->lift - 12, who->second_level * accent,
                                      -0.35f });
        start_s += length_s;
        index++;
    }
}

static void play_bar(const struct piece *piece, const struct arrangement *who,
                     struct score_chord chord, float start_s)
{
    static const int figures[2][8] = { { 0, 1, 2, 3, 2, 1, 0, 0 }, { 0, 2, 1, 3, 2, 3, 1, 2 } };
    const int *figure = figures[piece->beats_a_bar == 4];
    float bar_s = piece->beat_s * (float)piece->beats_a_bar;
    int low = chord.root >= 55 ? chord.root - 24 : chord.root - 12;

    synth_note((struct note){ BASS, start_s, bar_s * 0.9f, low, 0.30f, 0.0f });
    for (int i = 0; i < 2 * piece->beats_a_bar; i++) {
        int pitch = chord.root + chord.steps[figure[i]] + who->figure_shift;
        float accent = i == 0 ? 1.0f : i % 2 == 0 ? 0.78f : 0.62f;
        float at = start_s + piece->beat_s / 2.0f * (float)i + human(i + (int)(start_s * 7));
        synth_note((struct note){ who->figure, at < 0 ? 0 : at, piece->beat_s * 0.9f, pitch,
                                  who->figure_level * accent, i % 2 == 0 ? -0.4f : 0.3f });
    }
    for (int i = 0; i < 3; i++)
        synth_note((struct note){ who->pad, start_s, bar_s, chord.root + chord.steps[i],
                                  who->pad_level, 0.5f - 0.5f * (float)i });
}

/* Ta-tam, ta-tam: two axles over each joint of the rails. */
static void play_wheels(const struct piece *piece, float length_s)
{
    int joints = (int)ceilf((length_s - 5.0f) / piece->beat_s);

    for (int joint = 0; joint < joints; joint++) {
        float at = (float)joint * piece->beat_s;
        synth_note((struct note){ BRUSH, at, 0.09f, 40, 0.30f, -0.15f });
        synth_note((struct note){ BRUSH, at + 0.14f, 0.08f, 30, 0.2f, 0.15f });
        synth_note((struct note){ BRUSH, at + piece->beat_s / 2.0f, 0.2f, 92, 0.07f, 0.0f });
    }
}

bool music_write(const char *film_key, const char *language, float length_s, FILE *out)
{
    const struct piece *piece = NULL;
    bool english = strcmp(language, "eng") == 0;

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        if (strcmp(pieces[i].film_key, film_key) == 0)
            piece = &pieces[i];
    }
    if (piece == NULL || (!english && strcmp(language, "rus") != 0))
        return false;
    const struct arrangement *who = &piece->arrangements[english];
    float at = 1.2f;
    synth_begin(length_s);
    for (size_t i = 0; i < sizeof(piece->parts) / sizeof(piece->parts[0]); i++) {
        const struct part *part = &piece->parts[i];
        const char *chords = part->chords;
        struct score_chord chord;
        play_melody(piece, who, part, at, i >= 2);
        while (chords != NULL && score_next_chord(&chords, &chord)) {
            play_bar(piece, who, chord, at);
            at += piece->beat_s * (float)piece->beats_a_bar;
        }
    }
    if (piece->wheels)
        play_wheels(piece, length_s);
    return synth_write(piece->hall, out);
}
