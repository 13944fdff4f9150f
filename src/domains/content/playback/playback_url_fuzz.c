/* Any bytes as parts of an address: refused, or exactly what writing it again would give. */
#include "playback_internal.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(str text)
{
    char again[32];
    uint32_t number;
    if (!segment_number_parse(text, STR(".m4s"), &number))
        return;
    int len = snprintf(again, sizeof(again), "%u.m4s", number);
    ASSERT(number > 0 && str_eq(text, (str){ again, (size_t)len }));
}

static void check_ref(str text)
{
    char again[80];
    struct asset_ref ref;
    if (!asset_ref_parse(text, &ref))
        return;
    int len =
        snprintf(again, sizeof(again), "%lld-%.*s", (long long)ref.id.value, STR_ARG(ref.token));
    ASSERT(ref.id.value > 0 && str_eq(text, (str){ again, (size_t)len }));
}

static void check_file(str text)
{
    str name;
    if (!track_file_parse(text, STR(".vtt"), &name))
        return;
    ASSERT(asset_track_name_valid(name) && name.len + 4 == text.len);
    ASSERT(str_find_char(name, '/') < 0 && str_find_char(name, '.') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = { (const char *)data, size };
    check_number(text);
    check_ref(text);
    check_file(text);
    return 0;
}
