/* assets_blobs: the bytes of an asset, or of a track, that has gone. */
#include "assets.h"

#include "engines/blob/blob.h"

enum { BLOBS_A_LOOK = 100 };

TASK_FN enum err asset_blobs_remove(struct blob_store *blobs, struct id asset)
{
    str prefix = arena_printf(task_arena(), "media/%lld/", (long long)asset.value);
    struct blob_entry *entries;
    size_t count = 1;
    while (count > 0) {
        TRY(blob_list(blobs, prefix, STR(""), BLOBS_A_LOOK, &entries, &count));
        for (size_t i = 0; i < count; i++)
            TRY(blob_remove(blobs, entries[i].key));
    }
    return OK;
}

TASK_FN enum err asset_track_blobs_remove(struct blob_store *blobs, struct id asset, str track)
{
    static const char *const suffixes[] = { ".mp4", ".idx", ".vtt" };
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        TRY(blob_remove(blobs, asset_blob_key(task_arena(), asset, track, suffixes[i])));
    return OK;
}
