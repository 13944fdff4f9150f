/*
 * The picture's memory, blending of rows, and the way out. Every loop over samples is plain integer
 * arithmetic on int16 that compilers turn into vector code; there is no branch inside.
 */
#include "canvas.h"

#include <string.h>

#define FRACTION_BITS 7

static int clamp_int(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

struct ink ink_rgb(uint32_t rgb)
{
    float r = (float)(rgb >> 16 & 255), g = (float)(rgb >> 8 & 255), b = (float)(rgb & 255);
    float y = 0.2126f * r + 0.7152f * g + 0.0722f * b;
    float unit = (float)(1 << FRACTION_BITS);

    return (struct ink){
        .luma = unit * (16.0f + y * 219.0f / 255.0f),
        .cb = unit * (128.0f + (b - y) / 1.8556f * 224.0f / 255.0f),
        .cr = unit * (128.0f + (r - y) / 1.5748f * 224.0f / 255.0f),
    };
}

struct ink ink_mix(struct ink from, struct ink to, float share)
{
    return (struct ink){
        .luma = from.luma + (to.luma - from.luma) * share,
        .cb = from.cb + (to.cb - from.cb) * share,
        .cr = from.cr + (to.cr - from.cr) * share,
    };
}

struct ink ink_at(const struct ink_key *keys, int count, float at)
{
    int next = 0;

    while (next < count && keys[next].at <= at)
        next++;
    if (next == 0)
        return ink_rgb(keys[0].rgb);
    if (next == count)
        return ink_rgb(keys[count - 1].rgb);
    float share = (at - keys[next - 1].at) / (keys[next].at - keys[next - 1].at);
    share = share * share * (3.0f - 2.0f * share);
    return ink_mix(ink_rgb(keys[next - 1].rgb), ink_rgb(keys[next].rgb), share);
}

/* Q15 times the distance, without leaving 16 bits: the high half of the product, doubled. */
static int16_t approach(int16_t from, int16_t to, int16_t cover)
{
    int16_t distance = (int16_t)(to - from);
    int16_t half = (int16_t)((distance * cover) >> 16);

    return (int16_t)(from + 2 * half);
}

static void blend_samples(int16_t *restrict row, const int16_t *restrict cover, int count, int to)
{
    for (int i = 0; i < count; i++)
        row[i] = approach(row[i], (int16_t)to, cover[i]);
}

static void blend_pairs(int16_t *restrict row, const int16_t *restrict cover, int count, int to)
{
    for (int i = 0; i < count; i++)
        row[i] = approach(row[i], (int16_t)to, cover[2L * i]);
}

void canvas_blend_row(struct canvas *canvas, int y, int left, int count, const int16_t *cover,
                      struct ink ink)
{
    int first = clamp_int(left, 0, CANVAS_WIDTH);
    int end = clamp_int(left + count, 0, CANVAS_WIDTH);

    if (y < 0 || y >= CANVAS_HEIGHT || first >= end)
        return;
    cover += first - left;
    blend_samples(canvas->luma[y] + first, cover, end - first, (int)ink.luma);
    if (y % 2 == 1)
        return;
    int pair = (first + 1) / 2, pairs = (end + 1) / 2 - pair;
    cover += 2 * pair - first;
    blend_pairs(canvas->cb[y / 2] + pair, cover, pairs, (int)ink.cb);
    blend_pairs(canvas->cr[y / 2] + pair, cover, pairs, (int)ink.cr);
}

static void fill_samples(int16_t *row, int count, int cover, int to)
{
    if (cover >= COVER_FULL) {
        for (int i = 0; i < count; i++)
            row[i] = (int16_t)to;
        return;
    }
    for (int i = 0; i < count; i++)
        row[i] = approach(row[i], (int16_t)to, (int16_t)cover);
}

void canvas_fill_run(struct canvas *canvas, int y, int left, int count, int cover, struct ink ink)
{
    int first = clamp_int(left, 0, CANVAS_WIDTH);
    int end = clamp_int(left + count, 0, CANVAS_WIDTH);

    if (y < 0 || y >= CANVAS_HEIGHT || first >= end)
        return;
    fill_samples(canvas->luma[y] + first, end - first, cover, (int)ink.luma);
    if (y % 2 == 1)
        return;
    int pair = (first + 1) / 2, pairs = (end + 1) / 2 - pair;
    fill_samples(canvas->cb[y / 2] + pair, pairs, cover, (int)ink.cb);
    fill_samples(canvas->cr[y / 2] + pair, pairs, cover, (int)ink.cr);
}

void canvas_gradient(struct canvas *canvas, int top, int bottom, struct ink from, struct ink to)
{
    for (int y = top; y < bottom; y++) {
        float share = (float)(y - top) / (float)(bottom - top);
        canvas_fill_run(canvas, y, 0, CANVAS_WIDTH, COVER_FULL, ink_mix(from, to, share));
    }
}

void canvas_veil(struct canvas *canvas, struct ink ink, float share)
{
    int cover = clamp_int((int)(share * (float)COVER_FULL), 0, COVER_FULL);

    for (int y = 0; y < CANVAS_HEIGHT; y++)
        canvas_fill_run(canvas, y, 0, CANVAS_WIDTH, cover, ink);
}

/*
 * Interleaved gradient noise (J. Jimenez, "Next generation post processing in Call of Duty",
 * SIGGRAPH 2014): looks like fine film grain, and as it stands still it costs the encoder nothing.
 */
#define DITHER_ROWS 64
static int16_t dither[DITHER_ROWS][CANVAS_WIDTH];

static void dither_prepare(void)
{
    for (int y = 0; y < DITHER_ROWS; y++) {
        for (int x = 0; x < CANVAS_WIDTH; x++) {
            float inner = 0.06711056f * (float)x + 0.00583715f * (float)y;
            float outer = 52.9829189f * (inner - (float)(int)inner);
            dither[y][x] = (int16_t)((outer - (float)(int)outer) * (float)(1 << FRACTION_BITS));
        }
    }
}

static void quantise(uint8_t *restrict out, const int16_t *restrict row,
                     const int16_t *restrict noise, int count)
{
    for (int i = 0; i < count; i++) {
        int16_t value = (int16_t)((row[i] + noise[i]) >> FRACTION_BITS);
        out[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

bool canvas_write(const struct canvas *canvas, FILE *out)
{
    static uint8_t plane[CANVAS_HEIGHT * CANVAS_WIDTH * 3 / 2];
    static bool prepared;
    uint8_t *at = plane;

    if (!prepared)
        dither_prepare();
    prepared = true;
    for (int y = 0; y < CANVAS_HEIGHT; y++, at += CANVAS_WIDTH)
        quantise(at, canvas->luma[y], dither[y % DITHER_ROWS], CANVAS_WIDTH);
    for (int y = 0; y < CANVAS_HEIGHT / 2; y++, at += CANVAS_WIDTH / 2)
        quantise(at, canvas->cb[y], dither[y % DITHER_ROWS], CANVAS_WIDTH / 2);
    for (int y = 0; y < CANVAS_HEIGHT / 2; y++, at += CANVAS_WIDTH / 2)
        quantise(at, canvas->cr[y], dither[(y + 7) % DITHER_ROWS], CANVAS_WIDTH / 2);
    return fwrite(plane, sizeof(plane), 1, out) == 1;
}
