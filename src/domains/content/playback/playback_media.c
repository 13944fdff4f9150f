/*
 * playback_media: GET /media/. Handlers are inline: what is in memory is answered without a task,
 * and what is not yet is opened in one. Everything about a stored track is the same for ever and
 * says so; master.m3u8 and manifest.mpd may gain a track, so they are asked for again.
 */
#include "playback_internal.h"

#include "engines/blob/blob.h"
#include "foundation/log/log.h"
#include "foundation/task/pool.h"
#include "media/hls/hls.h"

enum { TEXT_SEGMENT_BYTES_MAX = 1 << 20 };

#define TYPE_TEXT    STR("text/vtt; charset=utf-8")
#define TYPE_VIDEO   STR("video/mp4")
#define TYPE_AUDIO   STR("audio/mp4")
#define MEDIA_SUFFIX ".mp4"

/* --- Finding the asset ---------------------------------------------------------------------- */

static enum err no_asset(void)
{
    return err_set(ERR_NOT_FOUND, "no-asset", "there is no such asset");
}

static enum err no_file(const struct http_request *request)
{
    return err_set(ERR_NOT_FOUND, "no-media", "the asset has no \"%.*s\"",
                   STR_ARG(str_sub(http_param(request, "file"), 0, 100)));
}

static enum err plan_read(struct db_tx *tx, void *arg)
{
    struct open_plan *plan = arg;
    struct asset_track *tracks;
    plan->generation = assets_generation();
    TRY(asset_get(tx, plan->asset.id, &plan->asset));
    TRY(asset_tracks_list(tx, plan->asset.id, &tracks, &plan->count));
    plan->tracks = tracks;
    return OK;
}

static enum err paths_find(struct open_plan *plan)
{
    struct id id = plan->asset.id;
    plan->paths = ARENA_ARRAY(plan->arena, plan->count, struct open_paths);
    for (size_t i = 0; i < plan->count; i++) {
        const struct asset_track *track = &plan->tracks[i];
        bool text = track->kind == ASSET_SUBTITLE;
        str media = asset_blob_key(plan->arena, id, track->name, text ? ".vtt" : MEDIA_SUFFIX);
        str index = asset_blob_key(plan->arena, id, track->name, ".idx");
        TRY(blob_local_path(playback.blobs, media, &plan->paths[i].media));
        if (!text)
            TRY(blob_local_path(playback.blobs, index, &plan->paths[i].index));
    }
    return OK;
}

static TASK_FN enum err await_opened(struct open_plan *plan, struct open_asset **out_asset)
{
    struct open_asset *asset = open_cache_find_old(plan->asset.id);
    if (asset && asset->version == plan->asset.version) {
        atomic_store(&asset->generation, plan->generation);
        *out_asset = asset;
        return OK;
    }
    open_asset_release(asset);
    TRY(paths_find(plan));
    enum err err = await_blocking(playback.files, open_asset_make, plan);
    metric_inc(err == OK ? &playback_assets_opened_total : &playback_assets_failed_total);
    if (err != OK) {
        log_error("playback", "an asset cannot be opened", LOG_INT("asset", plan->asset.id.value),
                  LOG_CSTR("why", err_slot()->text));
        return err;
    }
    open_cache_put(plan->opened);
    *out_asset = plan->opened;
    return OK;
}

static bool token_is(str token, const char *expected)
{
    return str_eq_secret(token, (str){ expected, ASSET_TOKEN_BYTES });
}

static TASK_FN enum err await_looked_up(struct arena *arena, const struct asset_ref *ref,
                                        struct open_asset **out_asset)
{
    struct open_plan plan = { .arena = arena, .asset.id = ref->id };
    enum err err = db_read(playback.db, plan_read, &plan);
    if (err == OK && !plan.asset.ready)
        err = no_asset();
    if (err == ERR_NOT_FOUND)
        open_cache_drop(ref->id);
    /* The bytes of a track are the same for ever: a film that plays does not stop because the
     * database is out of reach. */
    if (err == ERR_UNAVAILABLE && (*out_asset = open_cache_find_old(ref->id)))
        return OK;
    TRY(err);
    if (!token_is(ref->token, plan.asset.token.ptr))
        return no_asset();
    return await_opened(&plan, out_asset);
}

TASK_FN enum err await_asset(struct arena *arena, const struct asset_ref *ref,
                             struct open_asset **out_asset)
{
    struct open_asset *asset = db_is_told(playback.db) ? open_cache_find(ref->id) : NULL;
    if (!asset && task_current())
        TRY(await_looked_up(arena, ref, &asset));
    if (asset && !token_is(ref->token, asset->token)) {
        open_asset_release(asset);
        return no_asset();
    }
    *out_asset = asset;
    return OK;
}

/* Held until the answer is out. NULL: to be asked again in a task. */
static TASK_FN enum err asset_take(struct http_request *request, struct open_asset **out_asset)
{
    struct asset_ref ref;
    if (!asset_ref_parse(http_param(request, "asset"), &ref))
        return no_asset();
    TRY(await_asset(request->arena, &ref, out_asset));
    if (*out_asset)
        arena_hold(request->arena, open_asset_release, *out_asset);
    return OK;
}

/* --- Answers -------------------------------------------------------------------------------- */

static enum err reply_whole(struct http_request *request, struct http_response *response,
                            const struct open_track *track)
{
    static const str types[] = { [ASSET_VIDEO] = STR_INIT("video/mp4"),
                                 [ASSET_AUDIO] = STR_INIT("audio/mp4"),
                                 [ASSET_SUBTITLE] = STR_INIT("text/vtt; charset=utf-8") };
    struct http_file_part part = { .file = track->file, .size_bytes = track->file->size_bytes };
    http_reply_file(request, response, types[track->kind], &part);
    response->etag = str_of(track->etag);
    response->cache_control = FOR_EVER;
    return OK;
}

static enum err reply_segment(struct http_request *request, struct http_response *response,
                              const struct open_track *track, uint32_t number)
{
    struct index_segment segment;
    TRY(index_segment_get(&track->index, number, &segment));
    uint8_t *header = segment_header_room(request->arena, segment.header_bytes);
    index_segment_header(&track->index, &segment, header);
    struct http_file_part part = { .file = track->file,
                                   .offset = segment.offset,
                                   .size_bytes = segment.payload_bytes,
                                   .before = { (const char *)header, segment.header_bytes } };
    http_reply_file(request, response, track->kind == ASSET_VIDEO ? TYPE_VIDEO : TYPE_AUDIO, &part);
    response->etag = str_of(track->etag);
    response->cache_control = FOR_EVER;
    return OK;
}

static TASK_FN enum err av_file(struct http_request *request, struct http_response *response,
                                struct open_asset *asset, struct open_track *track)
{
    str file = http_param(request, "file");
    uint32_t number;
    if (segment_number_parse(file, STR(".m4s"), &number))
        return reply_segment(request, response, track, number);
    if (str_eq(file, STR("index.m3u8")))
        return open_doc_reply(request, response, asset, &track->playlist);
    if (!str_eq(file, STR("init.mp4")))
        return no_file(request);
    http_reply_memory(response, track->kind == ASSET_VIDEO ? TYPE_VIDEO : TYPE_AUDIO,
                      track->index.init);
    response->etag = str_of(track->etag);
    response->cache_control = FOR_EVER;
    return OK;
}

static enum err text_load(void *track)
{
    return open_text_load(track);
}

static TASK_FN enum err text_segment(struct http_request *request, struct http_response *response,
                                     struct open_track *track, uint32_t number)
{
    struct buf out;
    if (!open_text_get(track)) {
        if (!task_current())
            return http_continue_in_task(request);
        TRY(await_blocking(playback.files, text_load, track));
    }
    buf_init(&out, request->arena, TEXT_SEGMENT_BYTES_MAX);
    TRY(webvtt_segment_write(open_text_get(track), number, HLS_TEXT_SEGMENT_MS, &out));
    http_reply_memory(response, TYPE_TEXT, buf_str(&out));
    response->etag = str_of(track->etag);
    response->cache_control = FOR_EVER;
    return OK;
}

static TASK_FN enum err text_file(struct http_request *request, struct http_response *response,
                                  struct open_asset *asset, struct open_track *track)
{
    str file = http_param(request, "file");
    uint32_t number;
    if (str_eq(file, STR("index.m3u8")))
        return open_doc_reply(request, response, asset, &track->playlist);
    if (segment_number_parse(file, STR(".vtt"), &number) &&
        number <= hls_text_segments(asset->duration_ms, HLS_TEXT_SEGMENT_MS))
        return text_segment(request, response, track, number);
    return no_file(request);
}

/* --- Handlers ------------------------------------------------------------------------------- */

enum err on_media_track_file(struct http_request *request, struct http_response *response)
{
    struct open_asset *asset;
    TRY(asset_take(request, &asset));
    if (!asset)
        return http_continue_in_task(request);
    struct open_track *track = open_track_find(asset, http_param(request, "track"));
    if (!track)
        return no_file(request);
    return track->kind == ASSET_SUBTITLE ? text_file(request, response, asset, track)
                                         : av_file(request, response, asset, track);
}

static enum err film_load(void *asset)
{
    return open_film_load(asset);
}

static TASK_FN enum err film(struct http_request *request, struct http_response *response,
                             struct open_asset *asset)
{
    if (!open_film_reply(asset, response)) {
        if (!task_current())
            return http_continue_in_task(request);
        TRY(await_blocking(playback.files, film_load, asset));
        open_film_reply(asset, response);
    }
    response->cache_control = FOR_EVER;
    return OK;
}

enum err on_media_file(struct http_request *request, struct http_response *response)
{
    str file = http_param(request, "file"), name;
    struct open_asset *asset;
    TRY(asset_take(request, &asset));
    if (!asset)
        return http_continue_in_task(request);
    if (str_eq(file, STR("master.m3u8")))
        return open_doc_reply(request, response, asset, &asset->master);
    if (str_eq(file, STR("manifest.mpd")))
        return open_doc_reply(request, response, asset, &asset->mpd);
    if (str_eq(file, STR("film.mp4")))
        return film(request, response, asset);
    bool text = track_file_parse(file, STR(".vtt"), &name);
    if (!text && !track_file_parse(file, STR(MEDIA_SUFFIX), &name))
        return no_file(request);
    const struct open_track *track = open_track_find(asset, name);
    if (!track || text != (track->kind == ASSET_SUBTITLE))
        return no_file(request);
    return reply_whole(request, response, track);
}
