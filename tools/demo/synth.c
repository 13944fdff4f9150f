/*
 * Two ways to make a tone: a sum of partials, each a rotating complex number (one multiplication a
 * sample, no sine), and a plucked string after Karplus and Strong (Computer Music Journal 7:2,
 * 1983). The hall is Schroeder's: parallel combs with damping, then all-passes, different left and
 * right.
 */
#include "synth.h"

#include "noise.h"

#include <math.h>
#include <string.h>

#define TAU          6.28318531f
#define SAMPLES_MAX  (SYNTH_RATE * SYNTH_SECONDS_MAX)
#define PARTIALS_MAX 7
#define BLOCK        64 /* samples between two looks at envelope and vibrato */
#define STRING_MAX   2048

struct timbre {
    float partials[PARTIALS_MAX];
    float stretch; /* of the partials: bells are not harmonic */
    float attack_s;
    float decay_s; /* time to fall to 1/e; 0: holds until released */
    float release_s;
    float dulling; /* how much faster each higher partial decays */
    float vibrato; /* share of the pitch */
    float chorus;  /* a second voice, detuned by this share */
    float breath;
};

static const struct timbre timbres[] = {
    [MUSIC_BOX] = { { 1, 0.10f, 0.28f, 0.05f, 0.08f }, 1.012f, 0.002f, 0.75f, 0.5f, 0.6f, 0, 0, 0 },
    [BELL] = { { 1, 0.35f, 0.2f, 0.16f, 0.1f }, 1.045f, 0.004f, 1.5f, 1.2f, 0.5f, 0, 0.0011f, 0 },
    [PIANO] = { { 1, 0.52f, 0.30f, 0.16f, 0.10f, 0.06f, 0.03f },
                1.0006f,
                0.004f,
                1.1f,
                0.25f,
                0.35f,
                0,
                0.0007f,
                0 },
    [FLUTE] = { { 1, 0.30f, 0.12f, 0.03f }, 1, 0.07f, 0, 0.14f, 0, 0.005f, 0, 0.035f },
    [ACCORDION] = { { 0.8f, 0.5f, 0.55f, 0.28f, 0.3f, 0.12f, 0.1f },
                    1,
                    0.05f,
                    0,
                    0.12f,
                    0,
                    0.0008f,
                    0.0052f,
                    0.004f },
    [STRINGS] = { { 1, 0.55f, 0.38f, 0.26f, 0.17f, 0.1f, 0.06f },
                  1,
                  0.38f,
                  0,
                  0.7f,
                  0,
                  0.0026f,
                  0.0042f,
                  0.004f },
    [CHOIR] = { { 1, 0.62f, 0.16f, 0.22f, 0.05f }, 1, 0.6f, 0, 0.9f, 0, 0.0035f, 0.0055f, 0.02f },
    [BASS] = { { 1, 0.45f, 0.16f, 0.05f }, 1, 0.012f, 1.6f, 0.2f, 0.4f, 0, 0, 0 },
};

static struct {
    float left[SAMPLES_MAX], right[SAMPLES_MAX];
    int count;
} take;

void synth_begin(float length_s)
{
    take.count = (int)(fminf(length_s, SYNTH_SECONDS_MAX) * (float)SYNTH_RATE);
    memset(take.left, 0, sizeof(take.left));
    memset(take.right, 0, sizeof(take.right));
}

static float hertz(int pitch)
{
    return 440.0f * powf(2.0f, (float)(pitch - 69) / 12.0f);
}

static void add_sample(int at, float value, float left, float right)
{
    take.left[at] += value * left;
    take.right[at] += value * right;
}

/* Loudness of a note at t seconds after its start, its decay left out. */
static float envelope(const struct timbre *timbre, float t, float length_s)
{
    float rise = fminf(t / timbre->attack_s, 1.0f);
    float over = t - length_s;

    rise = rise * rise * (3.0f - 2.0f * rise);
    return over > 0.0f ? rise * expf(-4.0f * over / timbre->release_s) : rise;
}

struct partial {
    float hz, level, decay_s;
    float phase;
};

static void add_partial(const struct note *note, const struct timbre *timbre,
                        struct partial partial)
{
    int first = (int)(note->start_s * (float)SYNTH_RATE);
    int count = (int)((note->length_s + timbre->release_s) * (float)SYNTH_RATE);
    float left = sqrtf(0.5f - 0.5f * note->pan), right = sqrtf(0.5f + 0.5f * note->pan);
    float re = sinf(partial.phase), im = cosf(partial.phase), last = 0.0f;

    for (int at = 0; at < count && first + at < take.count; at += BLOCK) {
        float t = (float)at / (float)SYNTH_RATE;
        float bend = timbre->vibrato * fminf(t * 1.5f, 1.0f) * sinf(TAU * 5.1f * t + partial.phase);
        float angle = TAU * partial.hz * (1.0f + bend) / (float)SYNTH_RATE;
        float c = cosf(angle), s = sinf(angle);
        float t_next = t + (float)BLOCK / (float)SYNTH_RATE;
        float next = partial.level * envelope(timbre, t_next, note->length_s);
        if (partial.decay_s > 0.0f)
            next *= expf(-t_next / partial.decay_s);
        float step = (next - last) / (float)BLOCK;
        int end = first + at + BLOCK < take.count ? BLOCK : take.count - first - at;
        for (int i = 0; i < end; i++) {
            float turned = re * c - im * s;
            im = re * s + im * c;
            re = turned;
            last += step;
            add_sample(first + at + i, re * last, left, right);
        }
        last = next;
    }
}

static void add_tone(const struct note *note)
{
    const struct timbre *timbre = &timbres[note->instrument];
    int voices = timbre->chorus > 0.0f ? 2 : 1;

    for (int i = 0; i < PARTIALS_MAX; i++) {
        float number = (float)(i + 1);
        float hz = hertz(note->pitch) * number * powf(timbre->stretch, number * number - 1.0f);
        if (timbre->partials[i] == 0.0f || hz > 14000.0f)
            continue;
        float low =
            fminf(1.0f, 1.6f * hertz(69) / hertz(note->pitch)); /* high notes ring shorter */
        for (int voice = 0; voice < voices; voice++) {
            float detune = voice == 0 ? 1.0f - 0.5f * timbre->chorus : 1.0f + 0.5f * timbre->chorus;
            add_partial(note, timbre,
                        (struct partial){
                            .hz = hz * (voices == 2 ? detune : 1.0f),
                            .level = note->level * timbre->partials[i] / (float)voices,
                            .decay_s = timbre->decay_s * low / (1.0f + timbre->dulling * (float)i),
                            .phase = TAU * noise_at(900 + (uint32_t)voice, note->pitch * 16 + i),
                        });
        }
    }
}

static void add_breath(const struct note *note, float amount)
{
    int first = (int)(note->start_s * (float)SYNTH_RATE);
    int count = (int)(note->length_s * (float)SYNTH_RATE);
    float smooth = 0.0f, slow = 0.0f;

    for (int i = 0; i < count && first + i < take.count; i++) {
        float edge = fminf(fminf((float)i, (float)(count - i)) / 3000.0f, 1.0f);
        smooth += 0.24f * (2.0f * noise_at(77, i) - 1.0f - smooth);
        slow += 0.05f * (smooth - slow);
        add_sample(first + i, (smooth - slow) * amount * edge * note->level, 0.7f, 0.7f);
    }
}

static void add_string(const struct note *note)
{
    static float line[STRING_MAX];
    bool dark = note->instrument == GUITAR;
    float period = (float)SYNTH_RATE / hertz(note->pitch) - 0.5f;
    int length = (int)period < STRING_MAX - 1 ? (int)period : STRING_MAX - 1;
    float part = period - (float)length, smooth = 0.0f, damping = dark ? 0.9955f : 0.9972f;
    int first = (int)(note->start_s * (float)SYNTH_RATE);
    int count = (int)((note->length_s + (dark ? 0.9f : 1.6f)) * (float)SYNTH_RATE);
    float left = sqrtf(0.5f - 0.5f * note->pan), right = sqrtf(0.5f + 0.5f * note->pan);

    for (int i = 0; i < length; i++) {
        smooth +=
            (dark ? 0.28f : 0.5f) * (2.0f * noise_at(55, i + note->pitch * 64) - 1.0f - smooth);
        line[i] = smooth;
    }
    float last = 0.0f;
    for (int i = 0, at = 0; i < count && first + i < take.count; i++) {
        float now = line[at], mean = 0.5f * (now + last);
        float fade = fminf((float)(count - i) / 9000.0f, 1.0f);
        line[at] = damping * (mean + part * 0.5f * (last - now) * 0.5f);
        last = now;
        at = at + 1 == length ? 0 : at + 1;
        add_sample(first + i, now * 1.5f * note->level * fade, left, right);
    }
}

static void add_brush(const struct note *note)
{
    int first = (int)(note->start_s * (float)SYNTH_RATE);
    int count = (int)(note->length_s * (float)SYNTH_RATE);
    float bright = (float)note->pitch / 127.0f, smooth = 0.0f, slow = 0.0f;
    float left = sqrtf(0.5f - 0.5f * note->pan), right = sqrtf(0.5f + 0.5f * note->pan);

    for (int i = 0; i < count && first + i < take.count; i++) {
        float t = (float)i / (float)count;
        smooth += bright * (2.0f * noise_at(33, i + first) - 1.0f - smooth);
        slow += 0.02f * (smooth - slow);
        float shape = fminf(t * 14.0f, 1.0f) * (1.0f - t) * (1.0f - t);
        add_sample(first + i, (smooth - slow) * shape * note->level, left, right);
    }
}

void synth_note(struct note note)
{
    switch (note.instrument) {
    case HARP:
    case GUITAR:
        add_string(&note);
        break;
    case BRUSH:
        add_brush(&note);
        break;
    default:
        add_tone(&note);
        if (timbres[note.instrument].breath > 0.0f)
            add_breath(&note, timbres[note.instrument].breath);
    }
}

#define COMBS     6
#define PASSES    2
#define DELAY_MAX 4096

static const int comb_samples[COMBS] = { 1687, 1601, 2053, 2251, 2389, 1873 };
static const int pass_samples[PASSES] = { 605, 251 };

/* In place: the dry channel and what the hall answers. */
static void add_hall(float *channel, int spread, float hall)
{
    static float combs[COMBS][DELAY_MAX], passes[PASSES][DELAY_MAX];
    float damped[COMBS] = { 0 };
    int comb_at[COMBS] = { 0 }, pass_at[PASSES] = { 0 };

    memset(combs, 0, sizeof(combs));
    memset(passes, 0, sizeof(passes));
    for (int i = 0; i < take.count; i++) {
        float dry = channel[i], wet = 0.0f;
        for (int k = 0; k < COMBS; k++) {
            float *cell = &combs[k][comb_at[k]];
            wet += *cell;
            damped[k] += 0.62f * (*cell - damped[k]);
            *cell = dry * 0.16f + damped[k] * 0.865f;
            comb_at[k] = comb_at[k] + 1 >= comb_samples[k] + spread ? 0 : comb_at[k] + 1;
        }
        for (int k = 0; k < PASSES; k++) {
            float *cell = &passes[k][pass_at[k]], held = *cell;
            *cell = wet + 0.5f * held;
            wet = held - 0.5f * *cell;
            pass_at[k] = pass_at[k] + 1 >= pass_samples[k] + spread ? 0 : pass_at[k] + 1;
        }
        channel[i] = dry * (1.0f - 0.4f * hall) + wet * hall;
    }
}

/* One gain for the take: a common mean loudness, and no peak above the ceiling of the soft limiter.
 */
static float take_gain(void)
{
    double power = 0.0;

    for (int i = 0; i < take.count; i++)
        power += (double)(take.left[i] * take.left[i] + take.right[i] * take.right[i]);
    float mean = sqrtf((float)(power / (2.0 * (double)take.count)) + 1e-12f);
    return 0.105f / mean;
}

bool synth_write(float hall, FILE *out)
{
    int16_t pairs[2 * 512];

    add_hall(take.left, 0, hall);
    add_hall(take.right, 37, hall);
    float gain = take_gain();
    for (int at = 0; at < take.count; at += 512) {
        int count = take.count - at < 512 ? take.count - at : 512;
        for (int i = 0; i < count; i++) {
            float end = fminf((float)(take.count - at - i) / (2.5f * (float)SYNTH_RATE), 1.0f);
            pairs[2L * i] = (int16_t)(31000.0f * tanhf(gain * take.left[at + i]) * end);
            pairs[2L * i + 1] = (int16_t)(31000.0f * tanhf(gain * take.right[at + i]) * end);
        }
        if (fwrite(pairs, sizeof(int16_t) * 2, (size_t)count, out) != (size_t)count)
            return false;
    }
    return true;
}
