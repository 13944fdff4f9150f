/*
 * format: the index as it lies in the file, little-endian. Sections follow the header in this
 * order, each padded to 8 bytes: init, keyframes, segments (one more than there are: the end),
 * shapes, shape ids, sizes. Their places follow from the counts. Private to index; changes need a
 * new INDEX_VERSION.
 */
#pragma once

#include "index.h"

#define INDEX_MAGIC "KBINDEX\n"

enum {
    INDEX_VERSION = 1,
    INDEX_SEGMENT_UNIFORM = 1,
    INDEX_KEYFRAME_CLOSED = 1,
};

struct index_file {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes; /* of the index itself */
    uint64_t checksum;   /* XXH64, seed 0, of all that follows this field */
    uint64_t source_bytes;
    uint8_t source_checksum[INDEX_CHECKSUM_BYTES];
    uint64_t duration_ticks;
    uint32_t init_bytes;
    uint32_t keyframe_count;
    uint32_t segment_count;
    uint32_t shape_count;
    uint32_t sample_count;
    uint32_t timescale;
    uint32_t width, height;
    uint32_t rate_num, rate_den;
    uint32_t sample_rate, channels;
    uint32_t bandwidth_peak, bandwidth_average;
    uint8_t kind, codec, transfer, size_width, shape_width;
    uint8_t reserved[3];
    char codecs[MP4_CODECS_MAX];
    char language[INDEX_LANGUAGE_MAX];
    uint8_t reserved_end[20];
};

struct index_file_keyframe {
    uint64_t offset;
    uint64_t decode_ticks;
    int64_t shown_ticks;
    uint32_t sample;
    uint32_t flags;
};

struct index_file_segment {
    uint64_t offset;
    uint64_t decode_ticks;
    uint64_t start_ticks;
    uint32_t payload_bytes;
    uint32_t first_sample;
    uint32_t flags;
    uint32_t reserved;
};

_Static_assert(sizeof(struct index_file) == 248, "the header has no padding");
_Static_assert(offsetof(struct index_file, checksum) == 24, "the checksum's place is fixed");
_Static_assert(sizeof(struct index_file_keyframe) == 32, "no padding");
_Static_assert(sizeof(struct index_file_segment) == 40, "no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the index is read as it lies");

/* Where the sections are. */
struct index_layout {
    uint64_t init, keyframes, segments, shapes, shape_ids, sizes, end;
};
/* From the counts and widths of a header; counts are 32 bits, so nothing overflows. */
struct index_layout index_layout(const struct index_file *header);

/* XXH64 with seed 0 (the algorithm's public specification, version 0.1.1). */
uint64_t index_checksum(str bytes);
/* The header's checksum of a whole index. */
uint64_t index_checksum_of(str index_bytes);

/* Multiplies and divides in 128 bits; rounds down. */
uint64_t index_rescale(uint64_t value, uint64_t multiplier, uint64_t divisor);
