/*
 * A Garden of Stars: five gardens grow out of the dark, one after another, each seen in a
 * kaleidoscope. What has grown stays in a picture of its own (the bed); a frame adds only the
 * growth of 1/30 s.
 */
#include "films.h"
#include "noise.h"
#include "shapes.h"

#include <math.h>

#define RATE       30
#define SECONDS    121
#define SCENES     5
#define SCENE_S    23.0f
#define FIRST_S    3.0f /* the first garden waits for the title */
#define FADE_S     3.0f
#define VINES_MAX  96
#define PETALS_MAX 2048
#define PI         3.14159265f
#define VINE_STEP  1.35f /* pixels a frame */
#define POLLEN     44

struct palette {
    uint32_t deep, edge; /* the night behind */
    uint32_t stem, leaf, leaf_tip, petal, petal_tip, heart;
    int sectors;
};

static const struct palette palettes[SCENES] = {
    { 0x182048, 0x060819, 0x4f8f7a, 0x2f7d6b, 0x8fd6a8, 0xd4598a, 0xffc2cf, 0xffe08a, 5 },
    { 0x10304a, 0x040d18, 0x5b8fb0, 0x2b6f9b, 0x8fd8ee, 0x5a6ee0, 0xbfd4ff, 0xfff0b8, 7 },
    { 0x3a1838, 0x10060f, 0xa0705a, 0x8a4a4a, 0xe8a878, 0xf08a3c, 0xffe09a, 0xfff6d8, 6 },
    { 0x12352c, 0x04100d, 0x7fa05a, 0x4f8a4a, 0xcfe88a, 0xf0ead0, 0xffffff, 0xf6c84c, 8 },
    { 0x2a1c52, 0x090616, 0x7a78c0, 0x4f56a8, 0xa8b4ff, 0xb860d8, 0xf4c4ff, 0xffe8a0, 9 },
};

/* A shoot, in the coordinates of one sector of the kaleidoscope, centre at (0, 0). */
struct vine {
    struct point at;
    float heading, curl, width;
    float from_s;
    int steps, steps_max, depth;
};

struct petal {
    struct point root;
    float angle, length, width;
    float from_s, lasts_s, drawn; /* drawn: how far out it has come, pixels */
    struct ink inner, outer;
};

static struct {
    struct canvas ground, bed;
    struct vine vines[VINES_MAX];
    struct petal petals[PETALS_MAX];
    int vines_count, petals_count, scene;
} garden = { .scene = -1 };

static struct point copy_of(struct point place, int copy, int sectors)
{
    int sector = copy / 2; /* each has a mirrored copy */
    float turn = 2 * PI * (float)sector / (float)sectors - PI / 2;
    struct point mirrored = { place.x, copy % 2 == 0 ? place.y : -place.y };

    return turned(mirrored, turn, (struct point){ CANVAS_WIDTH / 2.0f, CANVAS_HEIGHT / 2.0f });
}

static void vine_add(struct vine vine)
{
    if (garden.vines_count < VINES_MAX)
        garden.vines[garden.vines_count++] = vine;
}

static void petal_add(struct petal petal)
{
    if (garden.petals_count < PETALS_MAX)
        garden.petals[garden.petals_count++] = petal;
}

static void paint_ground(const struct palette *palette)
{
    struct ink deep = ink_rgb(palette->deep);
    struct point centre = { CANVAS_WIDTH / 2.0f, CANVAS_HEIGHT / 2.0f };

    canvas_gradient(&garden.ground, 0, CANVAS_HEIGHT, ink_rgb(palette->edge),
                    ink_rgb(palette->edge));
    shape_glow(&garden.ground, centre, (struct point){ 900, 560 }, deep, 0.95f);
    shape_glow(&garden.ground, centre, (struct point){ 340, 300 }, ink_rgb(palette->leaf), 0.16f);
    for (int i = 0; i < 220; i++) {
        struct point place = { noise_at(201, i) * CANVAS_WIDTH, noise_at(202, i) * CANVAS_HEIGHT };
        shape_disc(&garden.ground, place, 0.4f + 0.9f * noise_at(203, i) * noise_at(204, i),
                   ink_rgb(0xdfe6ff), 0.15f + 0.5f * noise_at(205, i));
    }
}

/* The great flower in the middle: rings of petals, outer rings first so that inner ones lie above.
 */
static void sow_heart(const struct palette *palette, float now)
{
    for (int ring = 0; ring < 4; ring++) {
        float share = (float)ring / 3.0f;
        struct petal petal = {
            .angle = ring % 2 == 0 ? 0.0f : PI / (float)palette->sectors,
            .length = 128 - 27 * (float)ring,
            .width = 330.0f / (float)palette->sectors * (0.42f - 0.065f * (float)ring),
            .from_s = now + 0.4f + 1.5f * (float)ring,
            .lasts_s = 2.6f,
            .inner = ink_mix(ink_rgb(palette->deep), ink_rgb(palette->petal), 0.55f + 0.4f * share),
            .outer =
                ink_mix(ink_rgb(palette->petal), ink_rgb(palette->petal_tip), 0.4f + 0.6f * share),
        };
        petal_add(petal);
    }
}

static void sow(int scene, float now)
{
    const struct palette *palette = &palettes[scene];
    uint32_t seed = 300 + 20 * (uint32_t)scene;
    float wedge = PI / (float)palette->sectors;

    garden.scene = scene;
    garden.vines_count = garden.petals_count = 0;
    paint_ground(palette);
    if (scene == 0)
        garden.bed = garden.ground;
    sow_heart(palette, now);
    for (int i = 0; i < 3; i++) {
        float angle = wedge * (0.12f + 0.36f * (float)i);
        vine_add((struct vine){
            .at = { 118 * cosf(angle), 118 * sinf(angle) },
            .heading = angle + 0.5f * (noise_at(seed, i) - 0.5f),
            .curl = (noise_at(seed + 1, i) - 0.5f) * 0.012f,
            .width = 4.2f,
            .from_s = now + 2.2f + 1.6f * (float)i,
            .steps_max = 250 + (int)(90 * noise_at(seed + 2, i)),
        });
    }
}

static void grow_flower(const struct vine *vine, float now, uint32_t seed)
{
    const struct palette *palette = &palettes[garden.scene];
    int count = 5 + (int)(3 * noise_at(seed, garden.vines_count));
    float size = (vine->depth == 0 ? 34.0f : 22.0f) * (0.8f + 0.4f * noise_at(seed, vine->steps));

    for (int i = 0; i < count; i++) {
        petal_add((struct petal){
            .root = vine->at,
            .angle = vine->heading + 2 * PI * (float)i / (float)count,
            .length = size,
            .width = size * 1.5f / (float)count,
            .from_s = now + 0.09f * (float)i,
            .lasts_s = 1.5f,
            .inner = ink_rgb(palette->petal),
            .outer = ink_rgb(palette->petal_tip),
        });
    }
    petal_add((struct petal){
        .root = { vine->at.x - 1, vine->at.y },
        .length = 3,
        .width = size * 0.16f,
        .from_s = now + 1.8f,
        .lasts_s = 0.6f,
        .inner = ink_rgb(palette->heart),
        .outer = ink_rgb(palette->heart),
    });
}

static void grow_leaf(const struct vine *vine, float now, float side)
{
    const struct palette *palette = &palettes[garden.scene];
    float size = vine->depth == 0 ? 30.0f : 19.0f;

    petal_add((struct petal){
        .root = vine->at,
        .angle = vine->heading + side * 0.85f,
        .length = size,
        .width = size * 0.22f,
        .from_s = now,
        .lasts_s = 1.8f,
        .inner = ink_rgb(palette->leaf),
        .outer = ink_rgb(palette->leaf_tip),
    });
}

static void vine_grow(struct vine *vine, float now)
{
    const struct palette *palette = &palettes[garden.scene];
    uint32_t seed = 300 + 20 * (uint32_t)garden.scene;
    struct point from = vine->at;
    float left = 1.0f - (float)vine->steps / (float)vine->steps_max;

    float tighten = vine->depth > 0 ? 1.0f + 1.6f * (1.0f - left) : 1.0f;
    float wander = 0.011f * noise_smooth(seed + 7, (float)vine->steps * 0.02f + vine->curl * 1e4f);
    vine->heading += vine->curl * tighten + wander;
    vine->at.x += VINE_STEP * cosf(vine->heading);
    vine->at.y += VINE_STEP * sinf(vine->heading);
    vine->steps++;
    struct ink ink = ink_mix(ink_rgb(palette->leaf_tip), ink_rgb(palette->stem), left);
    for (int copy = 0; copy < 2 * palette->sectors; copy++)
        shape_line(&garden.bed, copy_of(from, copy, palette->sectors),
                   copy_of(vine->at, copy, palette->sectors),
                   (struct pen){ 1.0f + vine->width * left, 0.95f, ink });
    float side = vine->steps / 22 % 2 == 0 ? 1.0f : -1.0f;
    if (vine->steps % 22 == 11)
        grow_leaf(vine, now, side);
    if (vine->depth < 2 && vine->steps % 58 == 40)
        vine_add((struct vine){ .at = vine->at,
                                .heading = vine->heading + side * 0.6f,
                                .curl = side * (0.009f + 0.012f * noise_at(seed + 5, vine->steps)),
                                .width = vine->width * 0.6f,
                                .from_s = now,
                                .steps_max = 150 - 40 * vine->depth,
                                .depth = vine->depth + 1 });
    if (vine->steps == vine->steps_max)
        grow_flower(vine, now, seed + 9);
}

/* The brush follows the petal's middle line; its width makes the petal's outline. */
static void petal_grow(struct petal *petal, float now)
{
    int sectors = palettes[garden.scene].sectors;
    float share = clamp_float((now - petal->from_s) / petal->lasts_s, 0.0f, 1.0f);
    float reach = petal->length * (1.0f - (1.0f - share) * (1.0f - share));
    bool middle = fabsf(petal->root.x) + fabsf(petal->root.y) < 1.0f && petal->length > 40;

    /* What is drawn once stays drawn: the place is kept between pictures. */
    while (petal->drawn < reach) {
        float along = petal->drawn / petal->length;
        float profile = sinf(PI * powf(along, 0.75f));
        float radius = petal->width * profile + 0.8f;
        struct point dab = { petal->root.x + petal->drawn * cosf(petal->angle),
                             petal->root.y + petal->drawn * sinf(petal->angle) };
        struct ink ink = ink_mix(petal->inner, petal->outer, along * along);
        struct ink vein = ink_mix(ink, petal->inner, 0.45f);
        for (int copy = 0; copy < 2 * sectors; copy += middle ? 2 : 1) {
            struct point place = copy_of(dab, copy, sectors);
            shape_disc(&garden.bed, place, radius, ink, 0.8f);
            if (radius > 4.0f)
                shape_disc(&garden.bed, place, 0.7f, vein, 0.9f);
        }
        petal->drawn += 1.25f;
    }
}

static void mix_rows(int16_t *restrict row, const int16_t *restrict to, int count, int16_t share)
{
    for (int i = 0; i < count; i++)
        row[i] = (int16_t)(row[i] + ((((to[i] - row[i]) >> 3) * share) >> 12));
}

/* What has grown sinks back into the night. */
static void wither(void)
{
    int16_t share = 1400; /* of 32768, each frame */

    for (int y = 0; y < CANVAS_HEIGHT; y++)
        mix_rows(garden.bed.luma[y], garden.ground.luma[y], CANVAS_WIDTH, share);
    for (int y = 0; y < CANVAS_HEIGHT / 2; y++) {
        mix_rows(garden.bed.cb[y], garden.ground.cb[y], CANVAS_WIDTH / 2, share);
        mix_rows(garden.bed.cr[y], garden.ground.cr[y], CANVAS_WIDTH / 2, share);
    }
}

static void paint_pollen(struct canvas *canvas, float at)
{
    const struct palette *palette = &palettes[garden.scene];
    struct ink ink = ink_mix(ink_rgb(palette->heart), ink_rgb(0xffffff), 0.3f);

    for (int i = 0; i < POLLEN; i++) {
        float turn = noise_at(401, i) * 2 * PI + at * (0.03f + 0.05f * noise_at(402, i));
        float way = 90 + 470 * noise_at(403, i) + 26 * sinf(at * 0.4f + (float)i);
        struct point place = { 640 + way * cosf(turn), 360 + 0.78f * way * sinf(turn) };
        float pulse = 0.5f + 0.5f * sinf(at * (0.6f + noise_at(404, i)) + 7 * noise_at(405, i));
        shape_glow(canvas, place, (struct point){ 11, 11 }, ink, 0.5f * pulse);
        shape_disc(canvas, place, 1.1f, ink_rgb(0xffffff), 0.85f * pulse);
    }
}

static void paint(struct canvas *canvas, int frame)
{
    float at = (float)frame / (float)RATE;
    int scene = (int)clamp_float((at - FIRST_S) / SCENE_S, 0, SCENES - 1);
    float scene_at = at - FIRST_S - SCENE_S * (float)scene;

    if (scene != garden.scene)
        sow(scene, at);
    if (scene_at < FADE_S && scene > 0)
        wither();
    for (int i = 0; i < garden.vines_count; i++) {
        struct vine *vine = &garden.vines[i];
        if (at >= vine->from_s && vine->steps < vine->steps_max && scene_at < 21.5f)
            vine_grow(vine, at);
    }
    for (int i = 0; i < garden.petals_count; i++) {
        struct petal *petal = &garden.petals[i];
        if (at >= petal->from_s && petal->drawn < petal->length)
            petal_grow(petal, at);
    }
    *canvas = garden.bed;
    paint_pollen(canvas, at);
    film_cards(canvas, &film_garden, at, (struct card){ "ЗВЁЗДНЫЙ САД", "A GARDEN OF STARS" });
}

const struct film film_garden = { "garden", "A Garden of Stars", RATE, SECONDS, paint };
