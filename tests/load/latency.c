/* latency: values below 32 have a bucket each; above, a power of two is cut into 32 equal parts. */
#include "latency.h"

#include "foundation/base/base.h"

static unsigned bucket_of(uint64_t us)
{
    if (us < 32)
        return (unsigned)us;
    unsigned power = 63 - (unsigned)__builtin_clzll(us);
    unsigned part = (unsigned)(us >> (power - 5)) & 31;
    return MIN_OF((power - 4) * 32 + part, (unsigned)LATENCY_BUCKETS - 1);
}

static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < 32)
        return bucket;
    unsigned power = bucket / 32 + 4;
    return ((uint64_t)(32 + bucket % 32 + 1) << (power - 5)) - 1;
}

void latency_add(struct latency *latency, uint64_t us)
{
    latency->count++;
    latency->max_us = MAX_OF(latency->max_us, us);
    latency->buckets[bucket_of(us)]++;
}

uint64_t latency_at(const struct latency *latency, double share)
{
    uint64_t wanted = (uint64_t)((double)latency->count * share), seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->buckets[i];
        if (seen && seen >= wanted)
            return MIN_OF(bucket_end(i), latency->max_us);
    }
    return latency->max_us;
}
