/* subtitle_fuzz: any bytes; what comes out must be WebVTT that reads back as the same cues. */
#include "subtitle.h"

static void check_cue(const struct subtitle_cue *cue, int64_t previous_start_ms)
{
    ASSERT(cue->start_ms >= previous_start_ms && cue->end_ms > cue->start_ms);
    ASSERT(cue->text.len > 0 && cue->text.len <= SUBTITLE_CUE_TEXT_BYTES_MAX);
    ASSERT(str_is_utf8(cue->text));
    ASSERT(str_find(cue->text, STR("\n\n")) < 0 && str_find(cue->text, STR("-->")) < 0);
    ASSERT(str_find_char(cue->settings, '\n') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct subtitle first, second;
    arena_init(&arena, MIB(256));
    if (subtitle_parse(&arena, (str){ (const char *)data, size_bytes }, &first) == OK) {
        for (size_t i = 0; i < first.cues_kept; i++)
            check_cue(&first.cues[i], i ? first.cues[i - 1].start_ms : 0);
        ASSERT(subtitle_parse(&arena, first.webvtt, &second) == OK);
        ASSERT(second.format == SUBTITLE_WEBVTT && second.cues_dropped == 0);
        ASSERT(second.cues_kept == first.cues_kept && str_eq(second.webvtt, first.webvtt));
    }
    arena_deinit(&arena);
    return 0;
}
