/*
 * header: the header of a media segment, written straight into the caller's bytes. This is the hot
 * path of serving a film: one pass, no allocation, no branch a sample beyond the loop's.
 */
#include "fmp4.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the index is read as it lies");

enum {
    STYP_BYTES = 24,
    MOOF_BYTES = 8 + 16 + 8, /* moof, mfhd, traf */
    TFHD_BYTES = 16,
    TFHD_DEFAULTS_BYTES = 8,
    TFDT_BYTES = 20,
    TRUN_BYTES = 20,
    MDAT_BYTES = 8,

    TFHD_DURATION = 0x8,
    TFHD_FLAGS = 0x20,
    TFHD_BASE_IS_MOOF = 0x20000,
    TRUN_DATA_OFFSET = 0x1,
    TRUN_DURATION = 0x100,
    TRUN_SIZE = 0x200,
    TRUN_FLAGS = 0x400,
    TRUN_COMPOSITION = 0x800,
};

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static uint8_t *put_type(uint8_t *at, uint32_t size, const char type[5])
{
    at = put32(at, size);
    memcpy(at, type, 4);
    return at + 4;
}

static uint32_t size_at(const struct fmp4_run *run, uint32_t index)
{
    uint32_t size = 0;
    if (run->size_width == 2) {
        uint16_t narrow;
        memcpy(&narrow, run->sizes + (size_t)index * 2, sizeof(narrow));
        return narrow;
    }
    memcpy(&size, run->sizes + (size_t)index * 4, sizeof(size));
    return size;
}

static struct fmp4_shape shape_at(const struct fmp4_run *run, uint32_t index)
{
    struct fmp4_shape shape;
    uint32_t id = 0;
    _Static_assert(sizeof(shape) == FMP4_SHAPE_BYTES, "a shape is stored as it lies");
    if (run->shape_width == 1)
        id = run->shape_ids[index];
    else if (run->shape_width)
        memcpy(&id, run->shape_ids + (size_t)index * run->shape_width, run->shape_width);
    id = MIN_OF(id, run->shape_count - 1);
    memcpy(&shape, run->shapes + (size_t)id * FMP4_SHAPE_BYTES, sizeof(shape));
    return shape;
}

/* A uniform run without composition offsets has only sizes in trun: audio, above all. */
static bool is_compact(const struct fmp4_run *run)
{
    return run->uniform && shape_at(run, 0).composition_ticks == 0;
}

static uint32_t moof_size(const struct fmp4_run *run, bool compact)
{
    uint32_t tfhd = TFHD_BYTES + (compact ? TFHD_DEFAULTS_BYTES : 0);
    return MOOF_BYTES + tfhd + TFDT_BYTES + TRUN_BYTES + run->sample_count * (compact ? 4 : 16);
}

uint32_t fmp4_header_size(const struct fmp4_run *run)
{
    ASSERT(run->sample_count > 0 && run->sample_count <= FMP4_SAMPLES_MAX);
    return STYP_BYTES + moof_size(run, is_compact(run)) + MDAT_BYTES;
}

static uint8_t *put_styp(uint8_t *at)
{
    at = put_type(at, STYP_BYTES, "styp");
    memcpy(at, "msdh\0\0\0\0msdhcmfs", 16);
    return at + 16;
}

static uint8_t *put_tfhd(const struct fmp4_run *run, bool compact, uint8_t *at)
{
    if (!compact) {
        at = put_type(at, TFHD_BYTES, "tfhd");
        at = put32(at, TFHD_BASE_IS_MOOF);
        return put32(at, 1); /* track id */
    }
    struct fmp4_shape shape = shape_at(run, 0);
    at = put_type(at, TFHD_BYTES + TFHD_DEFAULTS_BYTES, "tfhd");
    at = put32(at, TFHD_BASE_IS_MOOF | TFHD_DURATION | TFHD_FLAGS);
    at = put32(at, 1);
    at = put32(at, shape.duration_ticks);
    return put32(at, shape.flags);
}

static uint8_t *put_samples(const struct fmp4_run *run, bool compact, uint8_t *at)
{
    for (uint32_t i = 0; i < run->sample_count; i++) {
        if (compact) {
            at = put32(at, size_at(run, i));
            continue;
        }
        struct fmp4_shape shape = shape_at(run, i);
        at = put32(at, shape.duration_ticks);
        at = put32(at, size_at(run, i));
        at = put32(at, shape.flags);
        at = put32(at, (uint32_t)shape.composition_ticks);
    }
    return at;
}

void fmp4_header_write(const struct fmp4_run *run, uint8_t *out)
{
    bool compact = is_compact(run);
    uint32_t moof = moof_size(run, compact);
    uint32_t traf = moof - (8 + 16);
    uint32_t trun = TRUN_BYTES + run->sample_count * (compact ? 4 : 16);
    uint32_t fields = TRUN_DATA_OFFSET | TRUN_SIZE |
                      (compact ? 0 : TRUN_DURATION | TRUN_FLAGS | TRUN_COMPOSITION);
    uint8_t *at = put_styp(out);
    at = put_type(at, moof, "moof");
    at = put_type(at, 16, "mfhd");
    at = put32(at, 0);
    at = put32(at, run->sequence);
    at = put_type(at, traf, "traf");
    at = put_tfhd(run, compact, at);
    at = put_type(at, TFDT_BYTES, "tfdt");
    at = put32(at, 0x01000000);
    at = put64(at, run->decode_ticks);
    at = put_type(at, trun, "trun");
    at = put32(at, 0x01000000 | fields);
    at = put32(at, run->sample_count);
    at = put32(at, moof + MDAT_BYTES); /* the samples begin after the header of mdat */
    at = put_samples(run, compact, at);
    at = put_type(at, MDAT_BYTES + run->payload_bytes, "mdat");
    ASSERT((size_t)(at - out) == fmp4_header_size(run));
}
