/*
 * checksum: XXH64 with seed 0, from its public specification: four lanes of 8 bytes, so a checksum
 * of a film's index costs a tenth of a millisecond. It finds damage; it is no defence against
 * malice, which is why index_open() checks every bound besides.
 */
#include "format.h"

#include <string.h>

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
#define P4 0x85ebca77c2b2ae63u
#define P5 0x27d4eb2f165667c5u

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t load64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t round_of(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * P2, 31) * P1;
}

static uint64_t merge(uint64_t hash, uint64_t lane)
{
    return (hash ^ round_of(0, lane)) * P1 + P4;
}

static uint64_t tail(uint64_t hash, const char *at, size_t left)
{
    for (; left >= 8; left -= 8, at += 8)
        hash = rotate(hash ^ round_of(0, load64(at)), 27) * P1 + P4;
    if (left >= 4) {
        uint32_t word;
        memcpy(&word, at, sizeof(word));
        hash = rotate(hash ^ word * P1, 23) * P2 + P3;
        at += 4;
        left -= 4;
    }
    for (; left > 0; left--, at++)
        hash = rotate(hash ^ (unsigned char)*at * P5, 11) * P1;
    hash = (hash ^ hash >> 33) * P2;
    hash = (hash ^ hash >> 29) * P3;
    return hash ^ hash >> 32;
}

uint64_t index_checksum(str bytes)
{
    const char *at = bytes.ptr;
    size_t left = bytes.len;
    uint64_t hash = P5;
    if (left >= 32) {
        uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
        for (; left >= 32; left -= 32, at += 32) {
            a = round_of(a, load64(at));
            b = round_of(b, load64(at + 8));
            c = round_of(c, load64(at + 16));
            d = round_of(d, load64(at + 24));
        }
        hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
        hash = merge(merge(merge(merge(hash, a), b), c), d);
    }
    return tail(hash + bytes.len, at, left);
}

uint64_t index_checksum_of(str index_bytes)
{
    return index_checksum(str_skip(index_bytes, offsetof(struct index_file, checksum) + 8));
}
