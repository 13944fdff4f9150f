/*
 * playback_open: from rows and files to an open asset. Whatever the files hold, serving from them
 * is safe afterwards: an index is read into memory and checked whole, and a media file must have
 * the size its index was made for.
 */
#include "playback_internal.h"

#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "media/dash/dash.h"
#include "media/hls/hls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INDEX_FILE_BYTES_MAX = 128 << 20, INDEX_HEAD_BYTES = 256 };
/* Parsed cues take about this many times their file; they are counted before they are parsed. */
enum { TEXT_FACTOR = 4 };

struct open_asset *open_asset_share(struct open_asset *asset)
{
    atomic_fetch_add_explicit(&asset->references, 1, memory_order_relaxed);
    return asset;
}

static void track_close(struct open_track *track)
{
    http_file_release(track->file);
    heap_free(track->index_bytes);
    open_doc_deinit(&track->playlist);
    open_text_free(atomic_load(&track->text));
}

void open_asset_release(void *object)
{
    struct open_asset *asset = object;
    if (!asset || atomic_fetch_sub_explicit(&asset->references, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < asset->tracks_count; i++)
        track_close(&asset->tracks[i]);
    open_film_free(atomic_load(&asset->film));
    open_doc_deinit(&asset->master);
    open_doc_deinit(&asset->mpd);
    heap_free(asset);
}

struct open_track *open_track_find(struct open_asset *asset, str name)
{
    for (unsigned i = 0; i < asset->tracks_count; i++)
        if (str_eq(asset->tracks[i].name, name))
            return &asset->tracks[i];
    return NULL;
}

enum err open_file_read(const struct http_file *file, size_t bytes_max, char **out_bytes)
{
    size_t size = (size_t)file->size_bytes, at = 0;
    if (file->size_bytes > bytes_max)
        return err_set(ERR_CORRUPT, "media-too-large", "a file of %llu bytes, %zu are allowed",
                       (unsigned long long)file->size_bytes, bytes_max);
    char *bytes = heap_alloc(size + 1);
    while (at < size) {
        ssize_t count = pread(file->fd, bytes + at, size - at, (off_t)at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            heap_free(bytes);
            return count < 0 ? err_errno("reading an index")
                             : err_set(ERR_CORRUPT, "media-truncated",
                                       "a file ended at %zu of %zu bytes", at, size);
        }
        at += (size_t)count;
    }
    *out_bytes = bytes;
    return OK;
}

/* --- Tracks --------------------------------------------------------------------------------- */

/* What is not there although a row says so is damage of ours, not a wrong address of the viewer's.
 */
static enum err file_open(str path, struct http_file **out_file)
{
    enum err err = http_file_open(path.ptr, out_file);
    if (err == ERR_NOT_FOUND || err == ERR_INVALID)
        return err_set(ERR_CORRUPT, "media-missing", "%.*s is missing", STR_ARG(path));
    return err;
}

static enum err index_load(struct open_track *track, str path)
{
    struct http_file *file;
    TRY(file_open(path, &file));
    size_t size = (size_t)file->size_bytes;
    enum err err = open_file_read(file, INDEX_FILE_BYTES_MAX, &track->index_bytes);
    http_file_release(file);
    TRY(err);
    TRY(index_open((str){ track->index_bytes, size }, &track->index));
    if ((track->index.kind == MP4_VIDEO) != (track->kind == ASSET_VIDEO))
        return err_set(ERR_CORRUPT, "media-kind", "the index is not of a track of this kind");
    if (track->index.source_bytes != track->file->size_bytes)
        return err_set(ERR_CORRUPT, "media-truncated", "%llu bytes of %llu are there",
                       (unsigned long long)track->file->size_bytes,
                       (unsigned long long)track->index.source_bytes);
    /* The index begins with a checksum of all the rest of it, which has that of the source. */
    str head = { track->index_bytes, MIN_OF(size, (size_t)INDEX_HEAD_BYTES) };
    snprintf(track->etag, ETAG_BYTES, "\"%016llx\"", (unsigned long long)str_hash(head));
    return OK;
}

static enum err track_open(struct open_track *track, const struct asset_track *row,
                           const struct open_paths *paths)
{
    memcpy(track->name_bytes, row->name.ptr, row->name.len);
    track->name = (str){ track->name_bytes, row->name.len };
    track->kind = row->kind;
    track->is_default = row->is_default;
    open_doc_init(&track->playlist, TYPE_HLS, FOR_EVER);
    TRY(file_open(paths->media, &track->file));
    if (track->kind != ASSET_SUBTITLE) {
        TRY(index_load(track, paths->index));
        return hls_media_write(&track->index, &track->playlist.text);
    }
    if (track->file->size_bytes > WEBVTT_BYTES_MAX)
        return err_set(ERR_CORRUPT, "media-too-large", "the subtitles are too large");
    snprintf(track->etag, ETAG_BYTES, "\"%llx-%llx\"", (unsigned long long)track->file->size_bytes,
             (unsigned long long)track->file->modified);
    return OK;
}

/* Film without one of its languages is better than no film. */
static bool may_be_left_out(const struct asset_track *row, enum err err)
{
    return row->kind != ASSET_VIDEO && (err == ERR_CORRUPT || err == ERR_INVALID);
}

static enum err tracks_open(struct open_asset *asset, const struct open_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct open_track *track = &asset->tracks[asset->tracks_count];
        const struct asset_track *row = &plan->tracks[i];
        enum err err = track_open(track, row, &plan->paths[i]);
        if (err == OK) {
            asset->tracks_count++;
            continue;
        }
        track_close(track);
        memset(track, 0, sizeof(*track));
        if (!may_be_left_out(row, err))
            return err;
        log_error("playback", "a damaged track is left out", LOG_INT("asset", plan->asset.id.value),
                  LOG_STR("track", row->name), LOG_CSTR("why", err_slot()->text));
    }
    return OK;
}

/* --- Playlists ------------------------------------------------------------------------------ */

struct offer {
    struct manifest_track videos[ASSET_TRACKS_MAX], audios[ASSET_TRACKS_MAX];
    struct manifest_text texts[ASSET_TRACKS_MAX];
    struct manifest manifest;
};

static const struct asset_track *row_of(const struct open_plan *plan, str name)
{
    size_t i = 0;
    while (!str_eq(plan->tracks[i].name, name))
        i++;
    return &plan->tracks[i];
}

static void offer_add(struct offer *offer, const struct open_track *track,
                      const struct asset_track *row)
{
    struct manifest *manifest = &offer->manifest;
    struct manifest_track media = { .name = track->name,
                                    .index = &track->index,
                                    .language = row->language,
                                    .label = row->label,
                                    .is_default = row->is_default };
    struct manifest_text text = { .name = track->name,
                                  .language = row->language,
                                  .label = row->label,
                                  .size_bytes = track->file->size_bytes,
                                  .is_default = row->is_default,
                                  .forced = row->forced,
                                  .sdh = row->sdh };
    if (track->kind == ASSET_VIDEO)
        offer->videos[manifest->video_count++] = media;
    else if (track->kind == ASSET_AUDIO)
        offer->audios[manifest->audio_count++] = media;
    else
        offer->texts[manifest->text_count++] = text;
}

static enum err playlists_write(struct open_asset *asset, const struct open_plan *plan)
{
    struct offer *offer = ARENA_NEW(plan->arena, struct offer);
    offer->manifest = (struct manifest){ .videos = offer->videos,
                                         .audios = offer->audios,
                                         .texts = offer->texts };
    for (unsigned i = 0; i < asset->tracks_count; i++)
        offer_add(offer, &asset->tracks[i], row_of(plan, asset->tracks[i].name));
    open_doc_init(&asset->master, TYPE_HLS, AGAIN);
    open_doc_init(&asset->mpd, TYPE_DASH, AGAIN);
    TRY(hls_master_write(&offer->manifest, &asset->master.text));
    TRY(dash_mpd_write(&offer->manifest, &asset->mpd.text));
    open_doc_seal(&asset->master);
    open_doc_seal(&asset->mpd);
    asset->duration_ms = manifest_duration_ms(&offer->manifest);
    for (unsigned i = 0; i < asset->tracks_count; i++) {
        struct open_track *track = &asset->tracks[i];
        if (track->kind == ASSET_SUBTITLE)
            TRY(hls_text_write(asset->duration_ms, HLS_TEXT_SEGMENT_MS, &track->playlist.text));
        open_doc_seal(&track->playlist);
    }
    return OK;
}

static size_t held_bytes(const struct open_asset *asset)
{
    size_t sum =
        sizeof(*asset) + asset->master.text.capacity_bytes + asset->mpd.text.capacity_bytes;
    for (unsigned i = 0; i < asset->tracks_count; i++) {
        const struct open_track *track = &asset->tracks[i];
        sum += sizeof(*track) + track->playlist.text.capacity_bytes;
        if (track->kind == ASSET_SUBTITLE)
            sum += (size_t)track->file->size_bytes * TEXT_FACTOR;
        else
            sum += (size_t)(track->index.sizes - (const uint8_t *)track->index_bytes) +
                   (size_t)track->index.size_width * track->index.sample_count;
    }
    return sum;
}

enum err open_asset_make(void *arg)
{
    struct open_plan *plan = arg;
    struct open_asset *asset = open_cache_find(plan->asset.id);
    if (asset && asset->version == plan->asset.version) {
        plan->opened = asset; /* another request was faster */
        return OK;
    }
    open_asset_release(asset);
    asset = heap_zalloc(1, sizeof(*asset) + plan->count * sizeof(asset->tracks[0]));
    atomic_init(&asset->references, 1);
    atomic_init(&asset->generation, plan->generation);
    asset->id = plan->asset.id;
    asset->version = plan->asset.version;
    memcpy(asset->token, plan->asset.token.ptr, ASSET_TOKEN_BYTES);
    enum err err = tracks_open(asset, plan);
    if (err == OK)
        err = playlists_write(asset, plan);
    if (err != OK) {
        open_asset_release(asset);
        return err == ERR_INVALID ? err_set(ERR_CORRUPT, "media-unservable", "%s", err_slot()->text)
                                  : err;
    }
    asset->held_bytes = held_bytes(asset);
    plan->opened = asset;
    return OK;
}
