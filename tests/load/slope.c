/* slope: see slope.h. */
#include "slope.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

static const double chance_max = 0.01;

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* n (n-1) (2n+5) / 18, less the same of every group of equal values. */
static double variance_of(double *values, unsigned count)
{
    double sum = (double)count * (count - 1) * (2.0 * count + 5);
    qsort(values, count, sizeof(*values), by_value);
    for (unsigned i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && values[next] <= values[i]; next++)
            ;
        double group = next - i;
        sum -= group * (group - 1) * (2 * group + 5);
    }
    return sum / 18;
}

/* How many pairs rise more than fall. */
static double rises(const struct sample *samples, unsigned count)
{
    double sum = 0;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = i + 1; j < count; j++)
            sum += (samples[j].value > samples[i].value) - (samples[j].value < samples[i].value);
    }
    return sum;
}

static double chance_of(const struct sample *samples, unsigned count, double *room)
{
    double s = rises(samples, count);
    for (unsigned i = 0; i < count; i++)
        room[i] = samples[i].value;
    double variance = variance_of(room, count);
    if (s <= 0 || variance <= 0)
        return 1; /* it falls, or nothing moves at all */
    return erfc((s - 1) / sqrt(variance) / sqrt(2)) / 2;
}

bool slope_of(const struct sample *samples, unsigned count, struct slope *out_slope)
{
    if (count < SLOPE_SAMPLES_MIN || count > SLOPE_SAMPLES_MAX)
        return false;
    double *room = calloc((size_t)count * count / 2, sizeof(*room));
    size_t pairs = 0;
    if (!room)
        return false;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = i + 1; j < count; j++) {
            if (samples[j].at > samples[i].at)
                room[pairs++] =
                    (samples[j].value - samples[i].value) / (samples[j].at - samples[i].at);
        }
    }
    struct slope slope = { .a_unit = pairs ? median_of(room, pairs) : 0 };
    slope.growth = slope.a_unit * (samples[count - 1].at - samples[0].at);
    for (unsigned i = 0; i < count; i++)
        room[i] = samples[i].value - slope.a_unit * samples[i].at;
    double level = median_of(room, count);
    for (unsigned i = 0; i < count; i++)
        room[i] = fabs(samples[i].value - slope.a_unit * samples[i].at - level);
    slope.noise = median_of(room, count);
    slope.p = chance_of(samples, count, room);
    free(room);
    *out_slope = slope;
    return true;
}

bool slope_grows(const struct slope *slope, double resolution)
{
    return slope->p < chance_max && slope->growth > 2 * slope->noise && slope->growth > resolution;
}
