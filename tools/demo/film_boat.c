/*
 * The Paper Boat: a folded sheet crosses the bay in one night, from the last light to the first.
 * The moon climbs, the lighthouse turns, and everything that shines finds its way onto the water.
 */
#include "films.h"
#include "noise.h"
#include "shapes.h"

#include <math.h>

#define RATE    24
#define SECONDS 122
#define HORIZON 400
#define STARS   150
#define TURN_S  9.0f /* one turn of the lighthouse */
#define PI      3.14159265f

#define KEYS(array) (array), (int)(sizeof(array) / sizeof((array)[0]))

static const struct ink_key sky_top[] = {
    { 0, 0x1b2350 }, { 18, 0x0a1233 }, { 40, 0x060b22 }, { 96, 0x081130 }, { 119, 0x3a5a8c },
};
static const struct ink_key sky_low[] = {
    { 0, 0xe58a5c },  { 10, 0xa9586b },  { 24, 0x33406f },  { 45, 0x1c2c58 },
    { 94, 0x22345f }, { 108, 0xb97a86 }, { 119, 0xf6c39a },
};
static const struct ink_key sky_middle[] = {
    { 0, 0x6a4a7d }, { 16, 0x273063 }, { 40, 0x0f1a42 }, { 95, 0x13204a }, { 119, 0x8c86ab },
};
static const struct ink_key sea_far[] = {
    { 0, 0x8a5668 }, { 16, 0x2a3560 }, { 40, 0x14224a }, { 96, 0x172850 }, { 119, 0xb58e96 },
};
static const struct ink_key sea_near[] = {
    { 0, 0x131a3c },
    { 20, 0x070e26 },
    { 96, 0x081129 },
    { 119, 0x27405f },
};
static const struct ink_key gleam[] = {
    { 0, 0xffb27a }, { 14, 0xd890a0 }, { 30, 0xdfe6ff }, { 98, 0xe8ecff }, { 116, 0xffd9b0 },
};

static const struct point lamp = { 1044, 262 };

static struct point moon_at(float at)
{
    float way = clamp_float((at - 12.0f) / 96.0f, 0.0f, 1.1f);

    return (struct point){ 300 + 640 * way, 440 - 330 * sinf(PI * (0.08f + 0.84f * way)) };
}

static void paint_sky(struct canvas *canvas, float at)
{
    struct ink top = ink_at(KEYS(sky_top), at), low = ink_at(KEYS(sky_low), at);
    struct ink middle = ink_at(KEYS(sky_middle), at);
    float night = ease(8, 34, at) * (1.0f - ease(97, 112, at));

    canvas_gradient(canvas, 0, 240, top, middle);
    canvas_gradient(canvas, 240, HORIZON + 2, middle, low);
    for (int i = 0; i < STARS; i++) {
        struct point place = { noise_at(11, i) * CANVAS_WIDTH,
                               noise_at(12, i) * noise_at(13, i) * (HORIZON - 30) };
        float size = 0.5f + 1.1f * noise_at(14, i) * noise_at(15, i);
        float pulse = 0.72f + 0.28f * sinf(at * (0.7f + 1.3f * noise_at(16, i)) + (float)i);
        shape_disc(canvas, place, size, ink_rgb(0xe9eeff), night * pulse);
    }
}

static void paint_falling_star(struct canvas *canvas, float at, float when, struct point from)
{
    float age = (at - when) / 1.3f;

    if (age < 0.0f || age > 1.0f)
        return;
    for (int i = 0; i < 14; i++) {
        float along = age * 330 - (float)i * 9;
        struct point head = { from.x + along, from.y + along * 0.32f };
        struct point tail = { head.x - 9, head.y - 3 };
        float alpha = (1.0f - (float)i / 14.0f) * sinf(PI * age) * (along > 0 ? 0.8f : 0.0f);
        shape_line(canvas, tail, head, (struct pen){ 1.8f, alpha, ink_rgb(0xffffff) });
    }
}

static void paint_moon(struct canvas *canvas, float at)
{
    static const struct {
        float x, y, radius;
    } seas[] = { { -9, -8, 11 }, { 8, -12, 7 }, { 11, 6, 9 }, { -4, 12, 7 }, { -16, 6, 5 } };
    struct point moon = moon_at(at);
    float alpha = ease(12, 20, at) * (1.0f - 0.75f * ease(104, 116, at));

    shape_glow(canvas, moon, (struct point){ 330, 290 }, ink_rgb(0x9fb2e8), 0.26f * alpha);
    shape_glow(canvas, moon, (struct point){ 95, 95 }, ink_rgb(0xdfe6ff), 0.42f * alpha);
    shape_disc(canvas, moon, 34, ink_rgb(0xfbf4df), alpha);
    for (int i = 0; i < 5; i++) {
        struct point sea = { moon.x + seas[i].x, moon.y + seas[i].y };
        struct point radii = { seas[i].radius * 1.3f, seas[i].radius * 1.3f };
        shape_glow(canvas, sea, radii, ink_rgb(0xc9bfa6), 0.55f * alpha);
    }
}

static void paint_clouds(struct canvas *canvas, float at)
{
    struct ink lit = ink_mix(ink_at(KEYS(sky_low), at), ink_at(KEYS(gleam), at), 0.25f);

    for (int i = 0; i < 16; i++) {
        float speed = 3.0f + 5.0f * noise_at(21, i);
        int row = i / 4; /* four clouds a row */
        float x = noise_at(22, row) * 1500 + (noise_at(27, i) - 0.5f) * 340 + at * speed;
        struct point centre = { fmodf(x, 1900) - 300,
                                170 + 46 * (float)row + 22 * noise_at(23, i) };
        struct point radii = { 130 + 190 * noise_at(24, i), 7 + 12 * noise_at(25, i) };
        shape_glow(canvas, centre, radii, lit, 0.34f + 0.2f * noise_at(26, i));
    }
}

/* The path of light: crests are drawn where two wave trains meet, and shine near the light's
 * column. */
struct shine {
    float x;      /* column below the light */
    float spread; /* how quickly the path widens towards us */
    float alpha;
    struct ink ink;
};

#define SINES 4096
static float sines[SINES];

static float wave(float turns)
{
    return sines[(int)((turns - floorf(turns)) * (float)SINES) & (SINES - 1)];
}

static void sines_prepare(void)
{
    for (int i = 0; i < SINES && sines[SINES / 4] < 1.0f; i++)
        sines[i] = sinf(2 * PI * (float)i / (float)SINES);
}

static void crest_row(float *crest, int y, float at)
{
    float depth = (float)(y - HORIZON) + 6.0f;
    float scale = 1.0f / (10.0f + depth * 0.85f);
    float drift = at * (0.10f + 0.0006f * depth), row = 61.0f / depth + noise_at(31, y) * 0.3f;

    for (int x = 0; x < CANVAS_WIDTH; x += 2) {
        float u = ((float)x - (float)CANVAS_WIDTH / 2) * scale;
        float value = 0.5f * wave(u * 0.41f + 9 * row + drift) +
                      0.5f * wave(-u * 0.23f + 13 * row + 1.7f * drift);
        crest[x] = crest[x + 1] = value;
    }
}

static void shine_row(struct canvas *canvas, int y, const float *crest, const struct shine *shine)
{
    int16_t cover[CANVAS_WIDTH];
    float half = 16.0f + shine->spread * (float)(y - HORIZON);
    int left = (int)clamp_float(shine->x - 2 * half, 0, CANVAS_WIDTH);
    int right = (int)clamp_float(shine->x + 2 * half, 0, CANVAS_WIDTH);
    float full = shine->alpha * (float)COVER_FULL;

    for (int x = left; x < right; x++) {
        float away = ((float)x - shine->x) / half;
        float value = crest[x] * 2.2f - 0.1f - 0.62f * away * away;
        value = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
        cover[x - left] = (int16_t)(value * full);
    }
    canvas_blend_row(canvas, y, left, right - left, cover, shine->ink);
}

static void paint_sea(struct canvas *canvas, float at)
{
    static float crest[CANVAS_WIDTH];
    float flash = fmaxf(0.0f, cosf(2 * PI * at / TURN_S));
    struct ink far_ink = ink_at(KEYS(sea_far), at), near_ink = ink_at(KEYS(sea_near), at);
    struct ink gleam_ink = ink_at(KEYS(gleam), at);
    struct shine dusk = { 470, 1.6f, 0.55f * (1.0f - ease(6, 24, at)), gleam_ink };
    struct shine dawn = { 640, 2.0f, 0.5f * ease(100, 117, at), gleam_ink };
    struct shine moon = { moon_at(at).x, 0.5f, 0.75f * ease(15, 26, at), gleam_ink };
    struct shine house = { lamp.x, 0.16f, 0.2f + 0.6f * powf(flash, 6), ink_rgb(0xffd88a) };
    struct shine all = { CANVAS_WIDTH / 2.0f, 8.0f, 0.10f, ink_at(KEYS(sky_middle), at) };

    moon.alpha *= 1.0f - ease(100, 112, at);
    canvas_gradient(canvas, HORIZON, CANVAS_HEIGHT, far_ink, near_ink);
    for (int y = HORIZON + 1; y < 660; y++) {
        if (y % 2 == 1)
            crest_row(crest, y, at);
        shine_row(canvas, y, crest, &all);
        shine_row(canvas, y, crest, &moon);
        shine_row(canvas, y, crest, &house);
        if (dusk.alpha > 0.0f)
            shine_row(canvas, y, crest, &dusk);
        if (dawn.alpha > 0.0f)
            shine_row(canvas, y, crest, &dawn);
    }
}

/* The beam sweeps a circle: we see it shorten, come at us, and lengthen on the other side. */
static void paint_beam(struct canvas *canvas, float at)
{
    float turn = 2 * PI * at / TURN_S;
    float reach = 900.0f * sinf(turn), towards = fmaxf(0.0f, cosf(turn));
    float power = 0.25f + 0.75f * ease(6, 22, at) * (1.0f - ease(104, 118, at));

    for (int i = 0; i < 7; i++) {
        float share = 1.0f - (float)i * 0.12f;
        float spread = (26.0f + 44.0f * towards) * (1.0f - 0.11f * (float)i);
        struct point cone[] = {
            { lamp.x, lamp.y - 2 },
            { lamp.x + reach * share, lamp.y - spread + 12 * towards },
            { lamp.x + reach * share * 1.04f, lamp.y },
            { lamp.x + reach * share, lamp.y + spread + 12 * towards },
            { lamp.x, lamp.y + 2 },
        };
        shape_polygon(canvas, cone, 5, ink_rgb(0xffe3a0), 0.045f * power);
    }
    float flash = powf(towards, 8) * power;
    shape_glow(canvas, lamp, (struct point){ 60 + 200 * flash, 60 + 200 * flash },
               ink_rgb(0xffe2a0), 0.35f + 0.5f * flash);
    shape_disc(canvas, lamp, 4.0f + 4.0f * flash, ink_rgb(0xfff6da), 1.0f);
}

static void paint_lighthouse(struct canvas *canvas, float at)
{
    struct ink dark = ink_mix(ink_rgb(0x0a1024), ink_at(KEYS(sky_middle), at), 0.16f);
    struct ink pale = ink_mix(ink_rgb(0x55587a), ink_at(KEYS(sky_low), at), 0.35f);
    struct ink red = ink_mix(ink_rgb(0x5a2436), ink_at(KEYS(sky_low), at), 0.25f);
    static const struct point rock[] = {
        { 880, 408 },  { 916, 394 },  { 948, 388 },  { 976, 372 },  { 1012, 366 },
        { 1030, 358 }, { 1062, 357 }, { 1084, 368 }, { 1130, 374 }, { 1164, 388 },
        { 1218, 392 }, { 1280, 385 }, { 1280, 412 }, { 880, 412 },
    };

    for (int band = 0; band < 4; band++) {
        float top = 276 + 22 * (float)band, low = top + 22;
        float a = 9.5f + (top - 276) * 0.085f, b = 9.5f + (low - 276) * 0.085f;
        struct point tower[] = {
            { lamp.x - a, top }, { lamp.x + a, top }, { lamp.x + b, low }, { lamp.x - b, low }
        };
        struct point shadow[] = {
            { lamp.x + 1, top }, { lamp.x + a, top }, { lamp.x + b, low }, { lamp.x + 1, low }
        };
        shape_polygon(canvas, tower, 4, band % 2 == 0 ? pale : red, 1.0f);
        shape_polygon(canvas, shadow, 4, dark, 0.45f);
    }
    shape_polygon(canvas, rock, 14, dark, 1.0f);
    struct point roof[] = { { lamp.x - 9, 252 }, { lamp.x, 238 }, { lamp.x + 9, 252 } };
    shape_polygon(canvas, roof, 3, dark, 1.0f);
    shape_rect(canvas, (struct point){ lamp.x - 13, 273 }, (struct point){ lamp.x + 13, 277 }, dark,
               1.0f);
    shape_rect(canvas, (struct point){ lamp.x - 8, 252 }, (struct point){ lamp.x + 8, 273 },
               ink_rgb(0xffd27a), 0.55f);
    shape_rect(canvas, (struct point){ 1100, 356 }, (struct point){ 1126, 376 }, dark, 1.0f);
    shape_rect(canvas, (struct point){ 1108, 362 }, (struct point){ 1114, 369 }, ink_rgb(0xffc66e),
               0.85f);
}

static float swell(float x, float at, float layer)
{
    return 13.0f * sinf(x * 0.0062f + at * (0.52f + 0.1f * layer) + 2.0f * layer) +
           6.0f * sinf(x * 0.0141f - at * (0.71f - 0.08f * layer) + layer) +
           2.5f * sinf(x * 0.037f + at * 1.3f + 3 * layer);
}

static void paint_swell(struct canvas *canvas, float at, int layer)
{
    static float line[CANVAS_WIDTH];
    float level = 566.0f + 62.0f * (float)layer;
    float share = 0.34f - 0.13f * (float)layer;
    struct ink near_ink = ink_at(KEYS(sea_near), at);
    struct ink crest = ink_mix(near_ink, ink_at(KEYS(sea_far), at), share);
    struct ink foam = ink_mix(crest, ink_at(KEYS(gleam), at), 0.35f);
    int16_t cover[CANVAS_WIDTH];

    for (int x = 0; x < CANVAS_WIDTH; x++)
        line[x] = level + (1.0f + 0.35f * (float)layer) * swell((float)x, at, (float)layer);
    shape_terrain(canvas, line, CANVAS_HEIGHT,
                  (struct shade){ crest, ink_mix(near_ink, ink_rgb(0x02040c), 0.5f) });
    for (int y = (int)level - 40; y < (int)level + 44; y++) {
        for (int x = 0; x < CANVAS_WIDTH; x++) {
            float away = fabsf((float)y + 0.5f - line[x]);
            float value = (1.6f - away) * 0.6f;
            value = value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value;
            cover[x] = (int16_t)(value * 0.55f * (float)COVER_FULL);
        }
        canvas_blend_row(canvas, y, 0, CANVAS_WIDTH, cover, foam);
    }
}

struct facet {
    struct point corners[4];
    int count;
    uint32_t rgb;
};

static void paint_boat(struct canvas *canvas, float at)
{
    static const struct facet facets[] = {
        { { { -14, -4 }, { 4, -74 }, { 36, -6 } }, 3, 0xf4efe2 }, /* the sail, lit side */
        { { { 4, -74 }, { 36, -6 }, { 12, -6 } }, 3, 0xcfc6ba },  /* the sail, folded side */
        { { { -84, -30 }, { 0, -8 }, { 0, 24 }, { -50, 24 } }, 4, 0xfffaf0 },
        { { { 84, -30 }, { 0, -8 }, { 0, 24 }, { 50, 24 } }, 4, 0xddd5c8 },
        { { { -84, -30 }, { 0, -8 }, { -20, 2 } }, 3, 0xe6dfd2 }, /* the edge folded outwards */
        { { { 84, -30 }, { 0, -8 }, { 20, 2 } }, 3, 0xc4bbaf },
    };
    float x = 190.0f + 5.3f * at;
    float level = 566 + swell(x, at, 0);
    float tilt = atanf((swell(x + 34, at, 0) - swell(x - 34, at, 0)) / 68.0f) * 0.8f;
    struct point centre = { x, level - 8 };
    struct ink air = ink_mix(ink_at(KEYS(sky_middle), at), ink_at(KEYS(sky_low), at), 0.4f);
    float dim = 0.42f * ease(5, 26, at) * (1.0f - ease(100, 116, at));
    float lantern = ease(22, 30, at) * (1.0f - ease(106, 116, at));

    shape_glow(canvas, (struct point){ x, level - 16 }, (struct point){ 210, 120 },
               ink_rgb(0xffc87a), 0.34f * lantern);
    for (int i = 0; i < 6; i++) {
        struct point corners[4];
        for (int k = 0; k < facets[i].count; k++)
            corners[k] = turned(facets[i].corners[k], tilt, centre);
        struct ink ink = ink_mix(ink_rgb(facets[i].rgb), air, 0.16f + dim);
        shape_polygon(canvas, corners, facets[i].count, ink, 1.0f);
    }
    float flicker = 0.88f + 0.12f * noise_smooth(41, at * 5.0f);
    struct point flame = turned((struct point){ -30, -30 }, tilt, centre);
    shape_glow(canvas, flame, (struct point){ 74, 66 }, ink_rgb(0xffd08a),
               0.6f * lantern * flicker);
    shape_disc(canvas, flame, 4.5f, ink_rgb(0xfff0c4), lantern);
}

static void paint(struct canvas *canvas, int frame)
{
    float at = (float)frame / (float)RATE;

    sines_prepare();
    paint_sky(canvas, at);
    paint_falling_star(canvas, at, 41.0f, (struct point){ 180, 60 });
    paint_falling_star(canvas, at, 67.5f, (struct point){ 560, 40 });
    paint_falling_star(canvas, at, 69.0f, (struct point){ 330, 110 });
    paint_moon(canvas, at);
    paint_clouds(canvas, at);
    paint_sea(canvas, at);
    paint_lighthouse(canvas, at);
    paint_beam(canvas, at);
    paint_boat(canvas, at);
    paint_swell(canvas, at, 0);
    paint_swell(canvas, at, 1);
    paint_swell(canvas, at, 2);
    film_cards(canvas, &film_boat, at, (struct card){ "БУМАЖНЫЙ КОРАБЛИК", "THE PAPER BOAT" });
}

const struct film film_boat = { "boat", "The Paper Boat", RATE, SECONDS, paint };
