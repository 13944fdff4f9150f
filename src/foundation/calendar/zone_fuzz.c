/* Whatever is a zone answers everywhere: what clocks show first is not shown before. */
#include "zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const int64_t around[] = { -2000000000, 0,          951782400,   1774746000,
                                      1793062800,  4102444800, 250000000000 };
    struct arena arena;
    const struct zone *zone;
    arena_init(&arena, MIB(1));
    if (zone_parse(&arena, (str){ (const char *)data, size_bytes }, &zone) == OK) {
        instant before = INT64_MIN;
        for (size_t i = 0; i < ARRAY_LEN(around); i++) {
            instant first = zone_first(zone, around[i]);
            ASSERT(first + zone_offset(zone, first) >= SECONDS(around[i]));
            instant earlier = first - SECONDS(1);
            ASSERT(earlier + zone_offset(zone, earlier) < SECONDS(around[i]));
            ASSERT(first >= before);
            before = first;
        }
    }
    arena_deinit(&arena);
    return 0;
}
