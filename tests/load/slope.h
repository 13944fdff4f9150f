/*
 * slope: whether samples over time grow. Sen's slope (the median of the slopes of all pairs; P. K.
 * Sen, JASA 63, 1968) and the one-sided Mann-Kendall test (H. B. Mann, Econometrica 13, 1945; M. G.
 * Kendall), with the normal approximation, corrected for ties and continuity. Neither asks for
 * normal noise, and a step or an outlier moves them little.
 */
#pragma once

#include <stdbool.h>

enum { SLOPE_SAMPLES_MAX = 1024, SLOPE_SAMPLES_MIN = 8 };

struct sample {
    double at, value;
};

struct slope {
    double a_unit; /* Sen's slope, by one unit of `at` */
    double growth; /* by it, from the first sample to the last */
    double noise;  /* the median distance of samples from their line */
    double p;      /* of such an order of samples, or a more rising one, if there is no trend */
};

/* False when there are fewer than SLOPE_SAMPLES_MIN samples, or too many. They are in order of
 * time. */
bool slope_of(const struct sample *samples, unsigned count, struct slope *out_slope);

/*
 * A growth beyond noise: not by chance (p < 0.01), larger than twice the noise, and larger than
 * `resolution`, below which the figure is not measured.
 */
bool slope_grows(const struct slope *slope, double resolution);
