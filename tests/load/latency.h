/*
 * latency: a histogram of microseconds in buckets of 1/32 of their size, so that every percentile
 * is right within 3 % and recording costs a few instructions.
 */
#pragma once

#include <stdint.h>

enum { LATENCY_BUCKETS = 32 * 32 };

struct latency {
    uint64_t count;
    uint64_t max_us;
    uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t us);
/* The value that `share` (0..1) of the recorded ones do not exceed; 0 when there is none. */
uint64_t latency_at(const struct latency *latency, double share);
