/*
 * The Distant Train: one small train, one whole day. The camera keeps pace, so the world does the
 * moving: mountains slowly, trees quickly, poles at once. Light goes from dawn to stars.
 */
#include "films.h"
#include "noise.h"
#include "shapes.h"

#include <math.h>

#define RATE    25
#define SECONDS 122
#define PI      3.14159265f
#define SPEED   150.0f /* of the track, pixels a second */
#define RAIL_Y  566.0f
#define CAR     150.0f /* length of a carriage with its coupling */

#define KEYS(array) (array), (int)(sizeof(array) / sizeof((array)[0]))

static const struct ink_key sky_top[] = {
    { 0, 0x2d2f5e },  { 14, 0x6d7fb5 }, { 32, 0x5aa3d0 },  { 62, 0x6aa6c4 },
    { 80, 0x6c5b95 }, { 94, 0x272a5c }, { 108, 0x0a0f2c },
};
static const struct ink_key sky_low[] = {
    { 0, 0xf09a86 },  { 14, 0xfdd6b0 }, { 32, 0xdcefe6 },  { 60, 0xf6e7b4 },
    { 78, 0xff9d5c }, { 92, 0xb2566e }, { 108, 0x26305e },
};
static const struct ink_key land[] = {
    { 0, 0x2b2547 },  { 16, 0x3f5a5c }, { 34, 0x2f6a4f },  { 60, 0x5d6b34 },
    { 80, 0x4b2b3c }, { 96, 0x151634 }, { 108, 0x070a1c },
};
static const struct ink_key train_body[] = {
    { 0, 0x1c1a30 }, { 30, 0x7a2f2a }, { 62, 0x7c3226 }, { 84, 0x2f1828 }, { 104, 0x0d0c1c },
};
static const struct ink_key train_trim[] = {
    { 0, 0x6a5064 }, { 30, 0xf0d9a0 }, { 62, 0xf2cf8a }, { 84, 0xb0705c }, { 104, 0x2c3050 },
};

static float dark_at(float at)
{
    return 1.0f - ease(4, 18, at) * (1.0f - ease(80, 98, at));
}

static void paint_sky(struct canvas *canvas, float at)
{
    float night = ease(92, 108, at) + 0.5f * (1.0f - ease(2, 12, at));
    float day = (at - 6.0f) / 82.0f; /* the sun's way, 0..1 */
    struct point sun = { 140 + 1000 * day, 470 - 360 * sinf(PI * clamp_float(day, -0.1f, 1.1f)) };
    struct point moon = { 960, 480 - 330 * ease(90, 128, at) };

    canvas_gradient(canvas, 0, 470, ink_at(KEYS(sky_top), at), ink_at(KEYS(sky_low), at));
    for (int i = 0; i < 130 && night > 0.01f; i++) {
        struct point place = { noise_at(51, i) * CANVAS_WIDTH, noise_at(52, i) * 380 };
        float pulse = 0.75f + 0.25f * sinf(at * 2.0f + (float)i);
        shape_disc(canvas, place, 0.5f + noise_at(53, i) * 0.9f, ink_rgb(0xf0f2ff),
                   clamp_float(night * pulse, 0, 1) * (1.0f - place.y / 480));
    }
    if (day > -0.1f && day < 1.1f) {
        struct ink warm = ink_mix(ink_rgb(0xffb36b), ink_rgb(0xfff3cf), sinf(PI * day));
        shape_glow(canvas, sun, (struct point){ 420, 360 }, warm, 0.45f);
        shape_glow(canvas, sun, (struct point){ 110, 110 }, warm, 0.5f);
        shape_disc(canvas, sun, 38, ink_mix(warm, ink_rgb(0xfffbe8), 0.6f), 1.0f);
    }
    if (at > 90) {
        shape_glow(canvas, moon, (struct point){ 200, 200 }, ink_rgb(0xa8b8f0), 0.35f);
        shape_disc(canvas, moon, 26, ink_rgb(0xf4f0e0), 1.0f);
        shape_glow(canvas, (struct point){ moon.x - 7, moon.y - 5 }, (struct point){ 15, 13 },
                   ink_rgb(0xc8c4b8), 0.6f);
    }
}

static void paint_clouds(struct canvas *canvas, float at)
{
    struct ink lit = ink_mix(ink_at(KEYS(sky_low), at), ink_rgb(0xffffff), 0.35f);

    for (int i = 0; i < 18; i++) {
        int row = i / 6; /* six clouds a row */
        float x = noise_at(61, row) * 700 + 620 * (float)row + 170 * noise_at(62, i);
        struct point centre = { fmodf(x - at * (5.0f + 2.0f * (float)row) + 8000, 2000) - 350,
                                90 + 60 * (float)row + 26 * noise_at(63, i) };
        struct point radii = { 90 + 120 * noise_at(64, i), 14 + 18 * noise_at(65, i) };
        shape_glow(canvas, centre, radii, lit, 0.42f * (1.0f - 0.7f * ease(88, 106, at)));
    }
}

/* Ridges from far to near: each has its own pace, roughness and share of the air's colour. */
struct ridge {
    float pace, level, height, grain, air;
    float trees; /* height of the conifers on it */
};
static const struct ridge ridges[] = {
    { 0.030f, 352, 150, 0.0041f, 0.72f, 0 },
    { 0.075f, 400, 92, 0.0050f, 0.52f, 0 },
    { 0.160f, 440, 60, 0.0042f, 0.34f, 16 },
    { 0.340f, 496, 38, 0.0036f, 0.18f, 30 },
};

static float conifers(float world, float tall, uint32_t seed)
{
    float best = 0.0f;

    for (int k = -1; k <= 1; k++) {
        int32_t slot = (int32_t)floorf(world / 11.0f) + k;
        float middle = ((float)slot + 0.5f + 0.5f * (noise_at(seed, slot) - 0.5f)) * 11.0f;
        float size = tall * (0.35f + 0.65f * noise_at(seed + 1, slot));
        float grove = clamp_float(0.5f + 1.6f * noise_smooth(seed + 2, world / 260.0f), 0, 1);
        best = fmaxf(best, size * grove - fabsf(world - middle) * 3.1f);
    }
    return best;
}

static void paint_ridge(struct canvas *canvas, float at, int index)
{
    static float line[CANVAS_WIDTH];
    const struct ridge *ridge = &ridges[index];
    uint32_t seed = 70 + 10 * (uint32_t)index;
    struct ink air = ink_at(KEYS(sky_low), at), ground = ink_at(KEYS(land), at);
    struct ink haze = ink_mix(air, ink_at(KEYS(sky_top), at), 0.45f);

    for (int x = 0; x < CANVAS_WIDTH; x++) {
        float world = (float)x + at * SPEED * ridge->pace + 4000.0f * (float)index;
        float hills = noise_hills(seed, world * ridge->grain);
        line[x] = ridge->level - ridge->height * (index == 0 ? 1.3f * fabsf(hills) : hills);
        if (ridge->trees > 0)
            line[x] -= conifers(world, ridge->trees, seed + 5);
    }
    int bottom = index < 3 ? (int)ridges[index + 1].level + 60 : 590;
    shape_terrain(canvas, line, bottom,
                  (struct shade){ ink_mix(ground, haze, ridge->air),
                                  ink_mix(ground, air, ridge->air + 0.16f) });
}

/* A village house between the hills and the line; its windows are lit when it is dark. */
static void paint_house(struct canvas *canvas, float at, struct point foot, int32_t slot)
{
    float dark = dark_at(at), wide = 26 + 18 * noise_at(121, slot);
    float tall = 20 + 10 * noise_at(122, slot);
    struct ink ground = ink_at(KEYS(land), at), air = ink_at(KEYS(sky_low), at);
    struct ink wall = ink_mix(ink_mix(ground, ink_rgb(0xf3e3c8), 0.75f), ground, 0.85f * dark);
    struct ink roof = ink_mix(ink_mix(ground, ink_rgb(0xb5573f), 0.7f), ground, 0.8f * dark);
    struct ink pane = ink_mix(ink_mix(air, ground, 0.6f), ink_rgb(0xffcf70), dark);
    struct point gable[] = { { foot.x - wide * 0.62f, foot.y - tall },
                             { foot.x - wide * 0.25f, foot.y - tall - 18 },
                             { foot.x + wide * 0.25f, foot.y - tall - 18 },
                             { foot.x + wide * 0.62f, foot.y - tall } };

    shape_rect(canvas, (struct point){ foot.x - wide / 2, foot.y - tall },
               (struct point){ foot.x + wide / 2, foot.y + 12 }, wall, 1.0f);
    shape_polygon(canvas, gable, 4, roof, 1.0f);
    shape_rect(canvas, (struct point){ foot.x + wide * 0.12f, foot.y - tall - 25 },
               (struct point){ foot.x + wide * 0.12f + 6, foot.y - tall - 8 }, roof, 1.0f);
    for (int i = -1; i <= 1; i += 2) {
        struct point corner = { foot.x + (float)i * wide * 0.22f - 3.5f, foot.y - tall + 6 };
        shape_rect(canvas, corner, (struct point){ corner.x + 7, corner.y + 8 }, pane, 1.0f);
    }
    shape_glow(canvas, (struct point){ foot.x, foot.y - 10 }, (struct point){ 60, 40 },
               ink_rgb(0xffc870), 0.22f * dark);
}

static void paint_village(struct canvas *canvas, float at)
{
    float offset = at * SPEED * 0.46f;

    for (int32_t slot = (int32_t)(offset / 74) - 1; slot < (int32_t)(offset / 74) + 20; slot++) {
        float place = (float)slot * 74 + 40 * noise_at(131, slot);
        if (noise_smooth(132, place / 900.0f) < 0.12f)
            continue;
        paint_house(canvas, at, (struct point){ place - offset, 538 + 10 * noise_at(133, slot) },
                    slot);
    }
}

/* Round trees by the line, a little nearer than the village. */
static void paint_trees(struct canvas *canvas, float at)
{
    float offset = at * SPEED * 0.62f;
    struct ink ground = ink_at(KEYS(land), at), air = ink_at(KEYS(sky_low), at);
    struct ink leaf = ink_mix(ground, air, 0.12f), lit = ink_mix(ground, air, 0.30f);

    for (int32_t slot = (int32_t)(offset / 58) - 2; slot < (int32_t)(offset / 58) + 26; slot++) {
        float x = (float)slot * 58 + 50 * noise_at(141, slot) - offset;
        float size = 13 + 17 * noise_at(142, slot);
        if (noise_smooth(143, (float)slot * 0.13f) < -0.05f)
            continue;
        struct point crown = { x, 548 - size * 1.2f };
        shape_line(canvas, (struct point){ x, 566 }, crown, (struct pen){ 4, 1.0f, ground });
        shape_disc(canvas, crown, size, leaf, 1.0f);
        shape_disc(canvas, (struct point){ x - size * 0.7f, crown.y + size * 0.5f }, size * 0.62f,
                   leaf, 1.0f);
        shape_disc(canvas, (struct point){ x + size * 0.7f, crown.y + size * 0.4f }, size * 0.66f,
                   leaf, 1.0f);
        shape_disc(canvas, (struct point){ x + size * 0.25f, crown.y - size * 0.3f }, size * 0.55f,
                   lit, 0.55f);
    }
}

/* The line lies on a dyke, and for one long stretch on the arches of a viaduct above mist. */
static void paint_line(struct canvas *canvas, float at)
{
    struct ink ground = ink_at(KEYS(land), at), air = ink_at(KEYS(sky_low), at);
    struct ink stone = ink_mix(ground, air, 0.16f), deep = ink_mix(ground, ink_rgb(0x05060f), 0.4f);
    float offset = at * SPEED;

    canvas_gradient(canvas, 586, CANVAS_HEIGHT, ink_mix(ground, air, 0.38f), deep);
    shape_rect(canvas, (struct point){ 0, RAIL_Y + 4 }, (struct point){ CANVAS_WIDTH, 596 }, stone,
               1.0f);
    for (int32_t slot = (int32_t)(offset / 132) - 1; slot < (int32_t)(offset / 132) + 12; slot++) {
        float x = (float)slot * 132 - offset;
        struct point pier[] = {
            { x - 13, 594 }, { x + 13, 594 }, { x + 17, 720 }, { x - 17, 720 }
        };
        shape_polygon(canvas, pier, 4, stone, 1.0f);
        for (int step = 0; step < 12; step++) {
            float a = PI * (float)step / 12.0f, b = PI * (float)(step + 1) / 12.0f;
            struct point piece[] = { { x + 66 - 53 * cosf(a), 594 },
                                     { x + 66 - 53 * cosf(a), 642 - 44 * sinf(a) },
                                     { x + 66 - 53 * cosf(b), 642 - 44 * sinf(b) },
                                     { x + 66 - 53 * cosf(b), 594 } };
            shape_polygon(canvas, piece, 4, stone, 1.0f);
        }
    }
    shape_rect(canvas, (struct point){ 0, RAIL_Y + 3 }, (struct point){ CANVAS_WIDTH, RAIL_Y + 6 },
               ink_mix(stone, air, 0.5f), 1.0f);
    for (int i = 0; i < 9; i++) {
        float x = fmodf(noise_at(151, i) * 1900 - at * 60 + 19000, 1900) - 300;
        shape_glow(canvas, (struct point){ x, 676 + 30 * noise_at(152, i) },
                   (struct point){ 320, 34 }, ink_mix(air, ground, 0.25f), 0.4f);
    }
}

static void paint_wheel(struct canvas *canvas, struct point hub, float radius, struct ink rim)
{
    shape_disc(canvas, hub, radius, ink_rgb(0x12101c), 1.0f);
    shape_disc(canvas, hub, radius - 3, rim, 0.5f);
    shape_disc(canvas, hub, radius * 0.3f, ink_rgb(0x12101c), 1.0f);
}

static void paint_carriage(struct canvas *canvas, float at, float left)
{
    struct ink body = ink_at(KEYS(train_body), at), trim = ink_at(KEYS(train_trim), at);
    float dark = dark_at(at), top = RAIL_Y - 62;
    struct ink pane = ink_mix(ink_rgb(0xbfe0e8), ink_rgb(0xffd27c), dark);
    struct point roof[] = {
        { left - 2, top }, { left + 8, top - 9 }, { left + 130, top - 9 }, { left + 140, top }
    };

    for (int i = 0; i < 4; i++) {
        float x = left + (i < 2 ? 20 : 90) + 24 * (float)(i % 2);
        paint_wheel(canvas, (struct point){ x, RAIL_Y - 6 }, 9, trim);
    }
    shape_rect(canvas, (struct point){ left, top }, (struct point){ left + 138, RAIL_Y - 10 }, body,
               1.0f);
    shape_polygon(canvas, roof, 4, ink_mix(body, ink_rgb(0x0a0a14), 0.55f), 1.0f);
    shape_rect(canvas, (struct point){ left, RAIL_Y - 24 },
               (struct point){ left + 138, RAIL_Y - 21 }, trim, 0.9f);
    shape_rect(canvas, (struct point){ left - 12, RAIL_Y - 17 },
               (struct point){ left, RAIL_Y - 13 }, ink_rgb(0x14121e), 1.0f);
    for (int i = 0; i < 6; i++) {
        float x = left + 10 + 21 * (float)i;
        shape_rect(canvas, (struct point){ x, top + 10 }, (struct point){ x + 14, top + 29 }, pane,
                   0.95f);
        shape_glow(canvas, (struct point){ x + 7, RAIL_Y + 14 }, (struct point){ 22, 14 },
                   ink_rgb(0xffc870), 0.4f * dark);
    }
    shape_glow(canvas, (struct point){ left + 69, top + 20 }, (struct point){ 110, 56 },
               ink_rgb(0xffc870), 0.22f * dark);
}

static void paint_engine(struct canvas *canvas, float at, float left)
{
    struct ink body = ink_mix(ink_at(KEYS(train_body), at), ink_rgb(0x10131c), 0.55f);
    struct ink trim = ink_at(KEYS(train_trim), at), red = ink_at(KEYS(train_body), at);
    float dark = dark_at(at), turn = at * SPEED / 20.0f;
    struct point cab[] = { { left, RAIL_Y - 84 },
                           { left + 50, RAIL_Y - 84 },
                           { left + 46, RAIL_Y - 20 },
                           { left, RAIL_Y - 20 } };
    struct point stack[] = { { left + 142, RAIL_Y - 92 },
                             { left + 166, RAIL_Y - 92 },
                             { left + 161, RAIL_Y - 58 },
                             { left + 147, RAIL_Y - 58 } };
    struct point plough[] = { { left + 172, RAIL_Y - 24 },
                              { left + 196, RAIL_Y + 1 },
                              { left + 166, RAIL_Y + 1 } };

    shape_rect(canvas, (struct point){ left + 40, RAIL_Y - 64 },
               (struct point){ left + 172, RAIL_Y - 26 }, body, 1.0f);
    shape_disc(canvas, (struct point){ left + 172, RAIL_Y - 45 }, 19, body, 1.0f);
    for (int i = 0; i < 4; i++)
        shape_rect(canvas, (struct point){ left + 62 + 26 * (float)i, RAIL_Y - 64 },
                   (struct point){ left + 65 + 26 * (float)i, RAIL_Y - 26 }, trim, 0.7f);
    shape_glow(canvas, (struct point){ left + 108, RAIL_Y - 58 }, (struct point){ 70, 7 }, trim,
               0.5f);
    shape_polygon(canvas, stack, 4, body, 1.0f);
    shape_disc(canvas, (struct point){ left + 108, RAIL_Y - 66 }, 11, trim, 1.0f);
    shape_polygon(canvas, cab, 4, red, 1.0f);
    shape_rect(canvas, (struct point){ left - 6, RAIL_Y - 90 },
               (struct point){ left + 58, RAIL_Y - 83 }, body, 1.0f);
    shape_rect(canvas, (struct point){ left + 14, RAIL_Y - 74 },
               (struct point){ left + 38, RAIL_Y - 52 },
               ink_mix(ink_rgb(0xbfe0e8), ink_rgb(0xffb85c), dark), 1.0f);
    shape_rect(canvas, (struct point){ left, RAIL_Y - 28 },
               (struct point){ left + 180, RAIL_Y - 18 }, body, 1.0f);
    shape_polygon(canvas, plough, 3, body, 1.0f);
    struct point crank = turned((struct point){ 10, 0 }, turn, (struct point){ 0, RAIL_Y - 15 });
    for (int i = 0; i < 3; i++) {
        struct point hub = { left + 30 + 44 * (float)i, RAIL_Y - 15 };
        paint_wheel(canvas, hub, 18, red);
        for (int k = 0; k < 4; k++)
            shape_line(canvas, hub, turned((struct point){ 15, 0 }, turn + PI / 2 * (float)k, hub),
                       (struct pen){ 2.2f, 1.0f, trim });
    }
    shape_line(canvas, (struct point){ left + 30 + crank.x, crank.y },
               (struct point){ left + 118 + crank.x, crank.y }, (struct pen){ 4, 1.0f, trim });
    paint_wheel(canvas, (struct point){ left + 158, RAIL_Y - 7 }, 10, red);
    shape_glow(canvas, (struct point){ left + 290, RAIL_Y - 20 }, (struct point){ 190, 64 },
               ink_rgb(0xffe2a0), 0.42f * dark);
    shape_disc(canvas, (struct point){ left + 186, RAIL_Y - 62 }, 6, ink_rgb(0xfff2c8),
               0.3f + 0.7f * dark);
}

static void paint_steam(struct canvas *canvas, float at, struct point mouth)
{
    struct ink lit = ink_mix(ink_at(KEYS(sky_low), at), ink_rgb(0xffffff), 0.5f);
    float every = 0.22f, newest = floorf(at / every);

    lit = ink_mix(lit, ink_at(KEYS(land), at), 0.55f * ease(86, 104, at));
    for (int i = 25; i >= 0; i--) {
        float number = newest - (float)i, age = at - number * every;
        float wander = noise_at(161, (int32_t)number) - 0.5f;
        struct point puff = { mouth.x - age * 128 - 5 * age * age,
                              mouth.y - 34 * sqrtf(age) - 9 * age + 26 * wander * age };
        float radius = 9 + 17 * age;
        float alpha = 0.62f * ease(0, 0.12f, age) * (1.0f - age / 5.8f);
        shape_glow(canvas, puff, (struct point){ radius * 1.35f, radius }, lit,
                   clamp_float(alpha, 0, 1));
    }
}

/* Poles stand in front and pass quickly; their wires swing between them. */
static void paint_poles(struct canvas *canvas, float at)
{
    struct ink ink = ink_mix(ink_at(KEYS(land), at), ink_rgb(0x080912), 0.6f);
    float offset = at * SPEED * 1.5f, gap = 620;

    for (int32_t slot = (int32_t)(offset / gap) - 1; slot < (int32_t)(offset / gap) + 4; slot++) {
        float x = (float)slot * gap - offset;
        shape_rect(canvas, (struct point){ x - 4, 330 }, (struct point){ x + 4, 720 }, ink, 1.0f);
        for (int arm = 0; arm < 2; arm++) {
            float y = 352 + 26 * (float)arm;
            shape_rect(canvas, (struct point){ x - 26, y }, (struct point){ x + 26, y + 5 }, ink,
                       1.0f);
            for (int step = 0; step < 16; step++) {
                float a = (float)step / 16.0f, b = (float)(step + 1) / 16.0f;
                struct point from = { x + gap * a, y - 4 + 150 * a * (1 - a) };
                struct point to = { x + gap * b, y - 4 + 150 * b * (1 - b) };
                shape_line(canvas, from, to, (struct pen){ 1.4f, 0.75f, ink });
            }
        }
    }
}

static void paint(struct canvas *canvas, int frame)
{
    float at = (float)frame / (float)RATE;
    float nose = -120 + 860 * ease(-12, 22, at) + 700 * ease(104, 126, at);
    float sway = 0.6f * sinf(at * 9.0f);

    paint_sky(canvas, at);
    paint_clouds(canvas, at);
    for (int i = 0; i < 4; i++)
        paint_ridge(canvas, at, i);
    paint_village(canvas, at);
    paint_trees(canvas, at);
    paint_line(canvas, at);
    for (int i = 0; i < 4; i++)
        paint_carriage(canvas, at, nose - 140 - CAR * (float)(i + 1) + sway);
    paint_engine(canvas, at, nose - 130);
    paint_steam(canvas, at, (struct point){ nose + 24, RAIL_Y - 92 });
    paint_poles(canvas, at);
    film_cards(canvas, &film_train, at, (struct card){ "ДАЛЬНИЙ ПОЕЗД", "THE DISTANT TRAIN" });
}

const struct film film_train = { "train", "The Distant Train", RATE, SECONDS, paint };
