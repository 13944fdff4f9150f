/* playback_text: the cues of a subtitle track, parsed when their first segment is asked for. */
#include "playback_internal.h"

#include "foundation/mem/heap.h"

enum { CUES_BYTES_MAX = 64 << 20 };

struct open_text {
    struct arena arena;
    char *bytes;
    struct webvtt vtt;
};

void open_text_free(struct open_text *text)
{
    if (!text)
        return;
    arena_deinit(&text->arena);
    heap_free(text->bytes);
    heap_free(text);
}

const struct webvtt *open_text_get(const struct open_track *track)
{
    const struct open_text *text = atomic_load_explicit(&track->text, memory_order_acquire);
    return text ? &text->vtt : NULL;
}

static enum err parse(const struct open_track *track, struct open_text *text)
{
    TRY(open_file_read(track->file, WEBVTT_BYTES_MAX, &text->bytes));
    enum err err =
        webvtt_parse(&text->arena, (str){ text->bytes, track->file->size_bytes }, &text->vtt);
    if (err == ERR_INVALID)
        return err_set(ERR_CORRUPT, "media-subtitles", "stored subtitles: %s", err_slot()->text);
    return err;
}

enum err open_text_load(struct open_track *track)
{
    struct open_text *text = HEAP_NEW(struct open_text), *none = NULL;
    arena_init(&text->arena, CUES_BYTES_MAX);
    enum err err = parse(track, text);
    /* Two may have parsed at once: one result stays. */
    if (err != OK || !atomic_compare_exchange_strong(&track->text, &none, text))
        open_text_free(text);
    return err;
}
