/* The hash is the finaliser of MurmurHash3, which spreads neighbouring integers well. */
#include "noise.h"

#include <math.h>

float noise_at(uint32_t seed, int32_t index)
{
    uint32_t h = (uint32_t)index * 0x9e3779b1u + seed * 0x85ebca6bu;

    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    h ^= h >> 16;
    return (float)(h >> 8) / 16777216.0f;
}

float noise_smooth(uint32_t seed, float x)
{
    float whole = floorf(x);
    float part = x - whole;
    float from = noise_at(seed, (int32_t)whole), to = noise_at(seed, (int32_t)whole + 1);

    part = part * part * (3.0f - 2.0f * part);
    return 2.0f * (from + (to - from) * part) - 1.0f;
}

float noise_hills(uint32_t seed, float x)
{
    return 0.55f * noise_smooth(seed, x) + 0.27f * noise_smooth(seed + 1, 2.03f * x) +
           0.12f * noise_smooth(seed + 2, 4.11f * x) + 0.06f * noise_smooth(seed + 3, 8.3f * x);
}
