/*
 * A letter is a list of strokes on a grid, x to the right and y down from the cap line (0) to the
 * base line (6); h and i are the rows above the cap line. "0646" is a line from (0,6) to (4,6); a
 * stroke that opens with ~ is the control polygon of a quadratic B-spline, closed where it ends as
 * it began. Strokes are gathered in a mask first, so that joints of a half-transparent title do not
 * show.
 */
#include "lettering.h"

#include <math.h>
#include <string.h>

#define TRACKING     1.7f /* between letters, in units */
#define BLANK_WIDTH  2.2f
#define CURVE_STEPS  7
#define CONTROLS_MAX 12

struct letter {
    const char *utf8;
    const char *strokes;
};

static const struct letter alphabet[] = {
    { "A", "062046 1333" },
    { "B", "0006 ~00404303 ~03535606" },
    { "C", "~414000064645" },
    { "D", "0006 ~00404606" },
    { "E", "40000646 0333" },
    { "F", "400006 0333" },
    { "G", "~414000064643 4323" },
    { "H", "0006 4046 0343" },
    { "I", "0006" },
    { "J", "~30360605" },
    { "K", "0006 400346" },
    { "L", "000646" },
    { "M", "0600244046" },
    { "N", "06004640" },
    { "O", "~0040460600" },
    { "P", "0006 ~00505303" },
    { "Q", "~0040460600 2447" },
    { "R", "0006 ~00505303 2346" },
    { "S", "~4140000343460605" },
    { "T", "0040 2026" },
    { "U", "0003 ~03064643 4340" },
    { "V", "002640" },
    { "W", "0016315660" },
    { "X", "0046 4006" },
    { "Y", "002340 2326" },
    { "Z", "00400646" },
    { "А", "062046 1333" },
    { "Б", "400006 ~03535606" },
    { "В", "0006 ~00404303 ~03535606" },
    { "Г", "300006" },
    { "Д", "07065657 16204046" },
    { "Е", "40000646 0333" },
    { "Ё", "40000646 0333 1h1i 3h3i" },
    { "Ж", "3036 003306 603366" },
    { "З", "~0100404313 ~1343460605" },
    { "И", "00064046" },
    { "Й", "00064046 ~1h2i3h" },
    { "К", "0006 400346" },
    { "Л", "06204046" },
    { "М", "0600244046" },
    { "Н", "0006 4046 0343" },
    { "О", "~0040460600" },
    { "П", "06004046" },
    { "Р", "0006 ~00505303" },
    { "С", "~414000064645" },
    { "Т", "0040 2026" },
    { "У", "0024 4016" },
    { "Ф", "3036 ~0161650501" },
    { "Х", "0046 4006" },
    { "Ц", "0006 4046 065657" },
    { "Ч", "~000343 4046" },
    { "Ш", "00066660 3036" },
    { "Щ", "00066660 3036 667677" },
    { "Ъ", "0010 1016 ~13535616" },
    { "Ы", "0006 ~03434606 5056" },
    { "Ь", "0006 ~03535606" },
    { "Э", "~010040460605 1343" },
    { "Ю", "0006 0323 ~2060662620" },
    { "Я", "4046 ~40000343 2306" },
};

static int16_t mask[CANVAS_HEIGHT][CANVAS_WIDTH];

static float row_of(char c)
{
    return c == 'h' ? -1.8f : c == 'i' ? -0.9f : (float)(c - '0');
}

static size_t utf8_length(const char *text)
{
    return ((unsigned char)*text & 0xe0) == 0xc0 && text[1] != '\0' ? 2 : 1;
}

static const char *letter_find(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof(alphabet) / sizeof(alphabet[0]); i++) {
        if (strlen(alphabet[i].utf8) == length && memcmp(alphabet[i].utf8, text, length) == 0)
            return alphabet[i].strokes;
    }
    return NULL;
}

static float letter_width(const char *strokes)
{
    float width = 0.0f;
    int digits = 0;

    for (const char *at = strokes; *at != '\0'; at++) {
        if (*at == ' ' || *at == '~')
            digits = 0;
        else if (digits++ % 2 == 0)
            width = fmaxf(width, (float)(*at - '0'));
    }
    return width;
}

/* One straight piece into the mask: the darker of what is there and what comes. */
static void mask_line(struct point from, struct point to, float width)
{
    float reach = width / 2.0f + 1.0f;
    float dx = to.x - from.x, dy = to.y - from.y;
    float scale = 1.0f / fmaxf(dx * dx + dy * dy, 0.0001f);
    int top = (int)clamp_float(fminf(from.y, to.y) - reach, 0, CANVAS_HEIGHT);
    int bottom = (int)clamp_float(fmaxf(from.y, to.y) + reach + 1, 0, CANVAS_HEIGHT);
    int left = (int)clamp_float(fminf(from.x, to.x) - reach, 0, CANVAS_WIDTH);
    int right = (int)clamp_float(fmaxf(from.x, to.x) + reach + 1, 0, CANVAS_WIDTH);

    for (int y = top; y < bottom; y++) {
        float py = (float)y + 0.5f - from.y;
        for (int x = left; x < right; x++) {
            float px = (float)x + 0.5f - from.x;
            float along = clamp_float((px * dx + py * dy) * scale, 0.0f, 1.0f);
            float ex = px - along * dx, ey = py - along * dy;
            float inside = clamp_float(reach - 0.5f - sqrtf(ex * ex + ey * ey), 0.0f, 1.0f);
            int16_t cover = (int16_t)(inside * (float)COVER_FULL);
            mask[y][x] = cover > mask[y][x] ? cover : mask[y][x];
        }
    }
}

static struct point halfway(struct point a, struct point b)
{
    return (struct point){ (a.x + b.x) / 2.0f, (a.y + b.y) / 2.0f };
}

/* A quadratic Bezier piece. */
static void mask_curve(struct point from, struct point by, struct point to, float width)
{
    struct point last = from;

    for (int step = 1; step <= CURVE_STEPS; step++) {
        float t = (float)step / (float)CURVE_STEPS, u = 1.0f - t;
        struct point next = { u * u * from.x + 2 * u * t * by.x + t * t * to.x,
                              u * u * from.y + 2 * u * t * by.y + t * t * to.y };
        mask_line(last, next, width);
        last = next;
    }
}

static void mask_spline(const struct point *controls, int count, float width)
{
    struct point first = controls[0], last = controls[count - 1];
    bool closed = fabsf(first.x - last.x) + fabsf(first.y - last.y) < 0.01f;
    struct point from = closed ? halfway(first, controls[1]) : first;

    for (int i = 1; i + 1 < count; i++) {
        bool final = i + 2 == count && !closed;
        struct point to = final ? last : halfway(controls[i], controls[i + 1]);
        mask_curve(from, controls[i], to, width);
        from = to;
    }
    if (closed)
        mask_curve(from, first, halfway(first, controls[1]), width);
}

/* Reads one stroke and draws it; returns the text after it. */
static const char *mask_stroke(const char *at, struct point origin, const struct type *type)
{
    struct point controls[CONTROLS_MAX];
    int count = 0;
    bool smooth = *at == '~';

    at += smooth;
    for (; at[0] != '\0' && at[0] != ' ' && count < CONTROLS_MAX; at += 2) {
        controls[count++] = (struct point){ origin.x + (float)(at[0] - '0') * type->unit,
                                            origin.y + row_of(at[1]) * type->unit };
    }
    if (smooth && count > 2) {
        mask_spline(controls, count, type->pen_width);
        return at;
    }
    for (int i = 0; i + 1 < count; i++)
        mask_line(controls[i], controls[i + 1], type->pen_width);
    return at;
}

static float text_width(const char *text)
{
    float width = -TRACKING;

    for (size_t length; *text != '\0'; text += length) {
        length = utf8_length(text);
        const char *strokes = letter_find(text, length);
        width += TRACKING + (strokes != NULL ? letter_width(strokes) : BLANK_WIDTH);
    }
    return width;
}

void lettering_draw(struct canvas *canvas, const char *text, struct point centre, struct type type)
{
    struct point at = { centre.x - text_width(text) * type.unit / 2.0f,
                        centre.y - 3.0f * type.unit };
    int top = (int)clamp_float(at.y - 4 * type.unit, 0, CANVAS_HEIGHT);
    int bottom = (int)clamp_float(at.y + 9 * type.unit, 0, CANVAS_HEIGHT);

    if (type.alpha <= 0.0f)
        return;
    memset(mask[top], 0, (size_t)(bottom - top) * sizeof(mask[0]));
    for (size_t length; *text != '\0'; text += length) {
        length = utf8_length(text);
        const char *strokes = letter_find(text, length);
        for (const char *stroke = strokes; stroke != NULL && *stroke != '\0';) {
            stroke = mask_stroke(stroke, at, &type);
            stroke += *stroke == ' ';
        }
        float width = strokes != NULL ? letter_width(strokes) : BLANK_WIDTH;
        at.x += (width + TRACKING) * type.unit;
    }
    for (int y = top; y < bottom; y++) {
        for (int x = 0; x < CANVAS_WIDTH; x++)
            mask[y][x] = (int16_t)((float)mask[y][x] * type.alpha);
        canvas_blend_row(canvas, y, 0, CANVAS_WIDTH, mask[y], type.ink);
    }
}
