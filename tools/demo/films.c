/* The cards every film opens and closes with. */
#include "films.h"

#include "lettering.h"

#define CENTRE_X (CANVAS_WIDTH / 2.0f)

void film_cards(struct canvas *canvas, const struct film *film, float at_s, struct card title)
{
    float end = (float)film->seconds;
    float open = ease_between(1.6f, 8.6f, 1.5f, at_s);
    float close = ease_between(end - 9.0f, end - 1.2f, 1.6f, at_s);
    struct ink paper = ink_rgb(0xfff6e4), dark = ink_rgb(0x000000);
    struct type large = { 7.6f, 3.6f, open, paper }, small = { 3.7f, 1.9f, open, paper };

    if (open > 0.0f || close > 0.0f)
        shape_glow(canvas, (struct point){ CENTRE_X, 232 }, (struct point){ 620, 150 }, dark,
                   0.42f * (open + close));
    lettering_draw(canvas, title.ru, (struct point){ CENTRE_X, 212 }, large);
    lettering_draw(canvas, title.en, (struct point){ CENTRE_X, 274 }, small);
    shape_line(canvas, (struct point){ CENTRE_X - 130 * open, 246 },
               (struct point){ CENTRE_X + 130 * open, 246 }, (struct pen){ 1.2f, open, paper });
    large.alpha = small.alpha = close;
    lettering_draw(canvas, "КОНЕЦ", (struct point){ CENTRE_X, 212 }, large);
    lettering_draw(canvas, "THE END", (struct point){ CENTRE_X, 268 }, small);
    float black = 1.0f - ease(0.0f, 2.2f, at_s) * (1.0f - ease(end - 2.6f, end - 0.3f, at_s));
    if (black > 0.0f)
        canvas_veil(canvas, dark, black);
}
