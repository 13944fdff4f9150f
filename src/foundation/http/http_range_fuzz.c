/* http_range_fuzz: Range values and ETag lists; a part must lie within the whole. */
#include "http_conditional.h"
#include "http_range.h"

#include "foundation/base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const uint64_t sizes[] = { 0, 1, 1000, UINT64_MAX / 2, UINT64_MAX };
    str value = { (const char *)data, size_bytes };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct http_ranges ranges;
        uint64_t end = 0;
        if (http_range_parse(value, sizes[i], &ranges) != HTTP_RANGE_PART)
            continue;
        ASSERT(ranges.count >= 1 && ranges.count <= HTTP_RANGES_MAX);
        for (unsigned k = 0; k < ranges.count; k++) {
            const struct http_range *range = &ranges.list[k];
            ASSERT(range->size_bytes >= 1 && range->size_bytes <= sizes[i]);
            ASSERT(range->offset <= sizes[i] - range->size_bytes);
            ASSERT(k == 0 || range->offset >= end + HTTP_RANGE_GAP_BYTES);
            end = range->offset + range->size_bytes;
        }
    }
    struct http_validators current = { .etag = STR("\"a\""), .modified = SECONDS(784111777) };
    struct http_preconditions asked = { .if_none_match = value, .if_modified_since = value };
    unsigned verdict = http_precondition_check(&asked, &current, true);
    ASSERT(verdict == 0 || verdict == 304);
    (void)http_if_range_holds(value, &current);
    return 0;
}
