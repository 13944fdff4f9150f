/* cue: the growing list of cues, and why one is not kept. */
#include "internal.h"

#include <string.h>

void cue_drop(struct cue_list *list, unsigned line, const char *reason)
{
    if (list->dropped++ == 0)
        list->first_drop_reason = arena_printf(list->arena, "line %u: %s", line, reason);
}

static const char *times_fault(int64_t start_ms, int64_t end_ms)
{
    if (end_ms == start_ms)
        return "the cue has no duration";
    if (end_ms < start_ms)
        return "the cue ends before it starts";
    if (end_ms <= 0)
        return "the cue ends before the film begins";
    if (end_ms > SUBTITLE_TIME_MS_MAX)
        return "the cue ends more than 100 hours after the beginning";
    return NULL;
}

static void list_grow(struct cue_list *list)
{
    size_t capacity = list->capacity ? list->capacity * 2 : 64;
    struct subtitle_cue *grown = ARENA_ARRAY(list->arena, capacity, struct subtitle_cue);
    if (list->count)
        memcpy(grown, list->cues, list->count * sizeof(*grown));
    list->cues = grown;
    list->capacity = capacity;
}

void cue_add(struct cue_list *list, unsigned line, const struct timing *timing,
             struct markup *markup, str settings)
{
    str text;
    bool fits = markup_end(markup, &text);
    const char *fault = times_fault(timing->start_ms, timing->end_ms);
    if (!fault && !fits)
        fault = "the text of the cue is too long";
    if (!fault && text.len == 0)
        fault = "the cue has no text";
    if (!fault && list->count == SUBTITLE_CUES_MAX)
        fault = "there are too many cues";
    if (fault) {
        cue_drop(list, line, fault);
        return;
    }
    if (list->count == list->capacity)
        list_grow(list);
    list->cues[list->count++] = (struct subtitle_cue){
        .start_ms = MAX_OF(timing->start_ms, 0),
        .end_ms = timing->end_ms,
        .text = arena_str(list->arena, text),
        .settings = settings,
    };
}
