/* slope: figures that are known, and what is called growth and what is not. */
#include "slope.h"

#include "foundation/test/test.h"

#include <math.h>

enum { COUNT = 20 };

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6 * (1 + fabs(b));
}

static struct slope measured(double (*value)(unsigned i))
{
    struct sample samples[COUNT];
    struct slope slope;
    for (unsigned i = 0; i < COUNT; i++)
        samples[i] = (struct sample){ 10.0 * i, value(i) };
    CHECK(slope_of(samples, COUNT, &slope));
    return slope;
}

/* Deviations of either sign that sum to about nothing. */
static double wobble(unsigned i)
{
    return (double)(i * 7919 % 13) - 6;
}

static double level(unsigned i)
{
    (void)i;
    return 500;
}

static double noisy(unsigned i)
{
    return 500 + 10 * wobble(i);
}

static double leaking(unsigned i)
{
    return 500 + 10 * i + wobble(i);
}

static double falling(unsigned i)
{
    return 500 - 10.0 * i;
}

static double once(unsigned i)
{
    return i == 7 ? 9000 : 500 + wobble(i);
}

TEST(slope_of_a_line_is_exact)
{
    struct slope slope = measured(falling);
    CHECK(near(slope.a_unit, -1) && near(slope.growth, -190));
    CHECK(near(slope.noise, 0) && near(slope.p, 1));
}

TEST(slope_finds_a_leak_in_noise)
{
    struct slope slope = measured(leaking);
    CHECK(slope.a_unit > 0.9 && slope.a_unit < 1.1);
    CHECK(slope.p < 1e-6 && slope_grows(&slope, 64));
    CHECK(!slope_grows(&slope, 1000));
}

TEST(slope_takes_noise_for_noise)
{
    struct slope slope = measured(noisy);
    CHECK(slope.p > 0.01 && !slope_grows(&slope, 0));
    slope = measured(level);
    CHECK(near(slope.a_unit, 0) && near(slope.p, 1) && !slope_grows(&slope, 0));
    slope = measured(once);
    CHECK(!slope_grows(&slope, 0));
}

/* All 28 pairs of eight samples rise: z = (28 - 1) / sqrt(n (n-1) (2n+5) / 18). */
TEST(slope_chance_is_that_of_the_tables)
{
    struct sample samples[SLOPE_SAMPLES_MIN];
    struct slope slope;
    for (unsigned i = 0; i < SLOPE_SAMPLES_MIN; i++)
        samples[i] = (struct sample){ i, i };
    CHECK(slope_of(samples, SLOPE_SAMPLES_MIN, &slope));
    double z = 27 / sqrt(8 * 7 * 21 / 18.0);
    CHECK(near(slope.p, erfc(z / sqrt(2)) / 2));
    CHECK(!slope_of(samples, SLOPE_SAMPLES_MIN - 1, &slope));
}
