/*
 * index_build_fuzz: any bytes as the head of an MP4. What builds must open, tile the track and be
 * the same when built again. The first two bytes choose the file's size and the target duration.
 */
#include "index.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

struct file {
    str head;
    uint64_t size_bytes;
};

static enum err read_sample(void *context, uint64_t offset, void *out, size_t size_bytes)
{
    const struct file *file = context;
    ASSERT(offset <= file->size_bytes && size_bytes <= file->size_bytes - offset);
    str part = str_sub(file->head, (size_t)MIN_OF(offset, (uint64_t)file->head.len), size_bytes);
    memset(out, 0x65, size_bytes);
    if (part.len)
        memcpy(out, part.ptr, part.len);
    return OK;
}

static void check(const struct index *index)
{
    static uint8_t out[FMP4_HEADER_BYTES_MAX];
    uint32_t samples = 0;
    uint64_t bytes = 0;
    for (uint32_t n = 1; n <= index->segment_count; n++) {
        struct index_segment segment;
        ASSERT(index_segment_get(index, n, &segment) == OK);
        ASSERT(segment.first_sample == samples);
        index_segment_header(index, &segment, out);
        samples += segment.sample_count;
        bytes += segment.payload_bytes;
    }
    ASSERT(samples == index->sample_count && bytes <= index->source_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct arena arena;
    struct index index;
    str first, second;
    if (size_bytes < 2)
        return 0;
    str head = { (const char *)data + 2, size_bytes - 2 };
    struct file file = { head, head.len + ((uint64_t)data[0] << 8) };
    struct index_params params = { .head = head,
                                   .file_size_bytes = file.size_bytes,
                                   .target_ms = 500 + data[1] * 20u,
                                   .read = data[1] & 1 ? read_sample : NULL,
                                   .read_context = &file };
    arena_deinit(&arena);
    arena_init(&arena, MIB(64));
    if (index_build(&arena, &params, &first) != OK)
        return 0;
    ASSERT(index_open(first, &index) == OK);
    check(&index);
    ASSERT(index_build(&arena, &params, &second) != OK || str_eq(first, second));
    return 0;
}
