/* latency: percentiles of known distributions, and the width of the buckets. */
#include "latency.h"

#include "foundation/test/test.h"

#include <string.h>

static struct latency latency;

TEST(latency_of_nothing_is_zero)
{
    memset(&latency, 0, sizeof(latency));
    CHECK_INT(latency_at(&latency, 0.5), 0);
}

TEST(latency_percentiles_are_within_a_thirtieth)
{
    memset(&latency, 0, sizeof(latency));
    for (uint64_t us = 1; us <= 100000; us++)
        latency_add(&latency, us);
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t exact = (uint64_t)percent * 1000, found = latency_at(&latency, percent / 100.0);
        CHECK(found + 1 >= exact && found <= exact + exact / 30);
    }
    CHECK_INT(latency_at(&latency, 1.0), 100000);
}

TEST(latency_small_values_are_exact)
{
    memset(&latency, 0, sizeof(latency));
    for (int i = 0; i < 99; i++)
        latency_add(&latency, 7);
    latency_add(&latency, 5000);
    CHECK_INT(latency_at(&latency, 0.5), 7);
    CHECK_INT(latency_at(&latency, 0.99), 7);
    CHECK_INT(latency_at(&latency, 1.0), 5000);
}

TEST(latency_takes_any_value)
{
    memset(&latency, 0, sizeof(latency));
    latency_add(&latency, 0);
    latency_add(&latency, UINT64_MAX);
    CHECK_INT(latency_at(&latency, 0.5), 0);
    CHECK(latency_at(&latency, 1.0) > 1000000);
}
