/* webvtt_fuzz: any bytes parse or fail; every cue of what parsed is in the segments it should be
 * in. */
#include "webvtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct arena arena;
    struct webvtt vtt;
    struct buf out;
    str file = { (const char *)data, size_bytes };
    arena_deinit(&arena);
    arena_init(&arena, MIB(32));
    if (webvtt_parse(&arena, file, &vtt) != OK)
        return 0;
    for (uint32_t i = 0; i < vtt.cue_count; i++) {
        ASSERT(vtt.cues[i].start_ms < vtt.cues[i].end_ms && vtt.cues[i].end_ms <= vtt.end_ms);
        ASSERT(vtt.cues[i].block.len >= vtt.cues[i].text.len);
    }
    buf_init(&out, &arena, MIB(4));
    for (uint32_t number = 1; number <= 3; number++) {
        buf_clear(&out);
        struct webvtt again;
        if (webvtt_segment_write(&vtt, number, 10000, &out) == OK)
            ASSERT(webvtt_parse(&arena, buf_str(&out), &again) == OK);
    }
    return 0;
}
