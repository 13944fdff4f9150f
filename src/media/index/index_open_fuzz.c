/*
 * index_open_fuzz: an index is bytes from a disk. The checksum is put right first, so that the
 * fuzzer reaches what it guards; then everything is read through it.
 */
#include "format.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void read_all(const struct index *index)
{
    static uint8_t out[FMP4_HEADER_BYTES_MAX];
    uint64_t sum = 0;
    for (uint32_t n = 1; n <= index->segment_count; n++) {
        struct index_segment segment;
        ASSERT(index_segment_get(index, n, &segment) == OK);
        ASSERT(segment.header_bytes <= sizeof(out) && segment.duration_ticks > 0);
        ASSERT(segment.offset + segment.payload_bytes <= index->source_bytes);
        index_segment_header(index, &segment, out);
        ASSERT(index_segment_at(index, segment.start_ticks) == n);
        sum += out[segment.header_bytes - 1] + index_ticks_to_us(index, segment.start_ticks);
    }
    for (uint32_t i = 0; i < index->keyframe_count; i++)
        sum += index_keyframe_get(index, i).sample;
    for (size_t i = 0; i < index->init.len; i++)
        sum += (unsigned char)index->init.ptr[i];
    sum += index_cuts(index).segment_ticks_max;
    ASSERT(strlen(index->codecs) < MP4_CODECS_MAX && sum + 1 != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static char copy[1 << 20];
    struct index index;
    if (size_bytes > sizeof(copy))
        return 0;
    memcpy(copy, data, size_bytes);
    str bytes = { copy, size_bytes };
    if (size_bytes >= sizeof(struct index_file)) {
        uint64_t checksum = index_checksum_of(bytes), length = size_bytes;
        memcpy(copy + offsetof(struct index_file, checksum), &checksum, sizeof(checksum));
        memcpy(copy + offsetof(struct index_file, file_bytes), &length, sizeof(length));
    }
    if (index_open(bytes, &index) == OK)
        read_all(&index);
    return 0;
}
