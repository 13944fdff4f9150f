/*
 * Figures become rows of coverage, rows are blended by the canvas. A figure touches only the rows
 * and columns of its own box.
 */
#include "shapes.h"

#include <math.h>

#define CORNERS_MAX 64
#define SUBROWS     4

float clamp_float(float value, float low, float high)
{
    return value < low ? low : value > high ? high : value;
}

float ease(float from, float to, float at)
{
    float share = clamp_float((at - from) / (to - from), 0.0f, 1.0f);

    return share * share * (3.0f - 2.0f * share);
}

float ease_between(float from, float to, float fade, float at)
{
    return ease(from, from + fade, at) * (1.0f - ease(to - fade, to, at));
}

struct point turned(struct point offset, float radians, struct point around)
{
    float c = cosf(radians), s = sinf(radians);

    return (struct point){ around.x + offset.x * c - offset.y * s,
                           around.y + offset.x * s + offset.y * c };
}

/* Whole pixels of [from, to] that lie in [0, limit). */
struct extent {
    int first, count;
};

static struct extent extent_of(float from, float to, int limit)
{
    int first = (int)floorf(clamp_float(from, 0.0f, (float)limit));
    int end = (int)ceilf(clamp_float(to, 0.0f, (float)limit));

    return (struct extent){ first, end > first ? end - first : 0 };
}

void shape_disc(struct canvas *canvas, struct point centre, float radius, struct ink ink,
                float alpha)
{
    int16_t cover[CANVAS_WIDTH];
    struct extent rows = extent_of(centre.y - radius - 1, centre.y + radius + 1, CANVAS_HEIGHT);
    struct extent columns = extent_of(centre.x - radius - 1, centre.x + radius + 1, CANVAS_WIDTH);
    float full = alpha * (float)COVER_FULL;

    for (int y = rows.first; y < rows.first + rows.count; y++) {
        float dy = (float)y + 0.5f - centre.y;
        for (int i = 0; i < columns.count; i++) {
            float dx = (float)(columns.first + i) + 0.5f - centre.x;
            float inside = radius + 0.5f - sqrtf(dx * dx + dy * dy);
            inside = inside < 0.0f ? 0.0f : inside > 1.0f ? 1.0f : inside;
            cover[i] = (int16_t)(inside * full);
        }
        canvas_blend_row(canvas, y, columns.first, columns.count, cover, ink);
    }
}

void shape_glow(struct canvas *canvas, struct point centre, struct point radii, struct ink ink,
                float alpha)
{
    int16_t cover[CANVAS_WIDTH];
    struct extent rows = extent_of(centre.y - radii.y, centre.y + radii.y, CANVAS_HEIGHT);
    float full = alpha * (float)COVER_FULL;

    for (int y = rows.first; y < rows.first + rows.count; y++) {
        float dy = ((float)y + 0.5f - centre.y) / radii.y;
        float left = 1.0f - dy * dy;
        if (left <= 0.0f)
            continue;
        float reach = radii.x * sqrtf(left);
        struct extent run = extent_of(centre.x - reach, centre.x + reach, CANVAS_WIDTH);
        for (int i = 0; i < run.count; i++) {
            float dx = ((float)(run.first + i) + 0.5f - centre.x) / radii.x;
            float inside = left - dx * dx;
            inside = inside < 0.0f ? 0.0f : inside;
            cover[i] = (int16_t)(inside * inside * full);
        }
        canvas_blend_row(canvas, y, run.first, run.count, cover, ink);
    }
}

/* Where a slanted line meets the rows around y, widened by its own thickness. */
static struct extent line_run(struct point from, struct point to, float reach, float y)
{
    float low = fminf(from.x, to.x) - reach, high = fmaxf(from.x, to.x) + reach;
    float dx = to.x - from.x, dy = to.y - from.y;

    if (fabsf(dy) > 0.5f) {
        float middle = from.x + (y - from.y) * dx / dy;
        float half = reach * sqrtf(dx * dx + dy * dy) / fabsf(dy) + 1.0f;
        low = fmaxf(low, middle - half);
        high = fminf(high, middle + half);
    }
    return extent_of(low, high, CANVAS_WIDTH);
}

void shape_line(struct canvas *canvas, struct point from, struct point to, struct pen pen)
{
    int16_t cover[CANVAS_WIDTH];
    float half = pen.width / 2.0f, reach = half + 1.0f;
    float dx = to.x - from.x, dy = to.y - from.y;
    float scale = 1.0f / fmaxf(dx * dx + dy * dy, 0.0001f);
    float full = pen.alpha * (float)COVER_FULL;
    struct extent rows =
        extent_of(fminf(from.y, to.y) - reach, fmaxf(from.y, to.y) + reach, CANVAS_HEIGHT);

    for (int y = rows.first; y < rows.first + rows.count; y++) {
        float py = (float)y + 0.5f - from.y;
        struct extent run = line_run(from, to, reach, (float)y + 0.5f);
        for (int i = 0; i < run.count; i++) {
            float px = (float)(run.first + i) + 0.5f - from.x;
            float along = (px * dx + py * dy) * scale;
            along = along < 0.0f ? 0.0f : along > 1.0f ? 1.0f : along;
            float ex = px - along * dx, ey = py - along * dy;
            float inside = half + 0.5f - sqrtf(ex * ex + ey * ey);
            inside = inside < 0.0f ? 0.0f : inside > 1.0f ? 1.0f : inside;
            cover[i] = (int16_t)(inside * full);
        }
        canvas_blend_row(canvas, y, run.first, run.count, cover, pen.ink);
    }
}

/* Crossings of a polygon with one horizontal line, in rising order. */
static int crossings_at(const struct point *corners, int count, float y, float *out_x)
{
    int found = 0;

    for (int i = 0; i < count; i++) {
        struct point a = corners[i], b = corners[(i + 1) % count];
        if ((a.y <= y) == (b.y <= y))
            continue;
        float x = a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y);
        int at = found++;
        for (; at > 0 && out_x[at - 1] > x; at--)
            out_x[at] = out_x[at - 1];
        out_x[at] = x;
    }
    return found;
}

/* Adds the run [from, to] of one subrow, with exact coverage at its two ends. */
static void add_run(float *cover, float from, float to)
{
    float left = clamp_float(from, 0.0f, (float)CANVAS_WIDTH);
    float right = clamp_float(to, 0.0f, (float)CANVAS_WIDTH);
    int first = (int)left, last = (int)right;
    float share = 1.0f / (float)SUBROWS;

    if (first == last) {
        cover[first] += (right - left) * share;
        return;
    }
    cover[first] += ((float)(first + 1) - left) * share;
    for (int x = first + 1; x < last; x++)
        cover[x] += share;
    cover[last] += (right - (float)last) * share;
}

void shape_polygon(struct canvas *canvas, const struct point *corners, int count, struct ink ink,
                   float alpha)
{
    static float cover[CANVAS_WIDTH + 1];
    static int16_t row[CANVAS_WIDTH];
    float crossings[CORNERS_MAX];
    struct point low = corners[0], high = corners[0];

    for (int i = 1; i < count && i < CORNERS_MAX; i++) {
        low = (struct point){ fminf(low.x, corners[i].x), fminf(low.y, corners[i].y) };
        high = (struct point){ fmaxf(high.x, corners[i].x), fmaxf(high.y, corners[i].y) };
    }
    struct extent rows = extent_of(low.y, high.y, CANVAS_HEIGHT);
    struct extent columns = extent_of(low.x, high.x + 1.0f, CANVAS_WIDTH);
    for (int y = rows.first; y < rows.first + rows.count; y++) {
        for (int x = 0; x <= columns.count; x++)
            cover[columns.first + x] = 0.0f;
        for (int sub = 0; sub < SUBROWS; sub++) {
            float at = (float)y + ((float)sub + 0.5f) / (float)SUBROWS;
            int found = crossings_at(corners, count, at, crossings);
            for (int i = 0; i + 1 < found; i += 2)
                add_run(cover, crossings[i], crossings[i + 1]);
        }
        for (int x = 0; x < columns.count; x++)
            row[x] = (int16_t)(fminf(cover[columns.first + x], 1.0f) * alpha * (float)COVER_FULL);
        canvas_blend_row(canvas, y, columns.first, columns.count, row, ink);
    }
}

void shape_rect(struct canvas *canvas, struct point from, struct point to, struct ink ink,
                float alpha)
{
    struct point corners[] = { from, { to.x, from.y }, to, { from.x, to.y } };

    shape_polygon(canvas, corners, 4, ink, alpha);
}

void shape_terrain(struct canvas *canvas, const float *line, int bottom, struct shade shade)
{
    int16_t cover[CANVAS_WIDTH];
    float low = line[0], high = line[0];

    for (int x = 1; x < CANVAS_WIDTH; x++) {
        low = fminf(low, line[x]);
        high = fmaxf(high, line[x]);
    }
    struct extent rows = extent_of(low, (float)bottom, CANVAS_HEIGHT);
    for (int y = rows.first; y < rows.first + rows.count; y++) {
        float down = ((float)y - low) / fmaxf((float)bottom - low, 1.0f);
        struct ink ink = ink_mix(shade.from, shade.to, clamp_float(down, 0.0f, 1.0f));
        if ((float)y > high) {
            canvas_fill_run(canvas, y, 0, CANVAS_WIDTH, COVER_FULL, ink);
            continue;
        }
        for (int x = 0; x < CANVAS_WIDTH; x++) {
            float inside = (float)(y + 1) - line[x];
            inside = inside < 0.0f ? 0.0f : inside > 1.0f ? 1.0f : inside;
            cover[x] = (int16_t)(inside * (float)COVER_FULL);
        }
        canvas_blend_row(canvas, y, 0, CANVAS_WIDTH, cover, ink);
    }
}
