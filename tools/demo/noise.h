/* noise: chance that is the same on every machine: integer hashes and smooth curves through them.
 */
#pragma once

#include <stdint.h>

/* 0..1, a fixed number for each (seed, index). */
float noise_at(uint32_t seed, int32_t index);
/* -1..1, smooth in x, about one hill in each unit. */
float noise_smooth(uint32_t seed, float x);
/* Four octaves of the above, -1..1. */
float noise_hills(uint32_t seed, float x);
