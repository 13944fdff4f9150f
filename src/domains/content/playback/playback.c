/* playback: the module's descriptor, and POST /v1/titles/{id}/play, which decides and answers. */
#include "playback_internal.h"

#include "domains/content/catalog/catalog.h"
#include "foundation/http/http_route.h"
#include "foundation/shape/shape.h"

struct playback playback;

/* --- Play ----------------------------------------------------------------------------------- */

struct play_body {
    struct id edition;
};
SHAPE(play_shape, struct play_body,
      FIELD(struct play_body, edition, .nullable = true,
            .doc = "which edition or extra; without it the film itself"));

struct play_subtitle {
    str language, label;
    bool forced;
    str url;
};
SHAPE(play_subtitle_shape, struct play_subtitle, FIELD(struct play_subtitle, language),
      FIELD(struct play_subtitle, label), FIELD(struct play_subtitle, forced),
      FIELD(struct play_subtitle, url, .doc = "the whole file, as WebVTT"));

struct play_answer {
    struct id title;
    str hls, dash;
    opt_str progressive;
    int64_t duration_ms;
    LIST_OF(struct play_subtitle) subtitles;
};
SHAPE(play_answer_shape, struct play_answer, FIELD(struct play_answer, title),
      FIELD(struct play_answer, hls, .doc = "multivariant playlist"),
      FIELD(struct play_answer, dash, .doc = "MPD of the same segments"),
      FIELD(struct play_answer, progressive, .doc = "one MP4 for ranges and downloads"),
      FIELD(struct play_answer, duration_ms),
      FIELD_SHAPES(struct play_answer, subtitles, play_subtitle_shape));

struct play_read {
    struct playback_question question;
    struct asset asset;
    struct asset_track *tracks;
    size_t tracks_count;
};

static enum err asset_find(struct db_tx *tx, struct play_read *read)
{
    struct id id;
    TRY(catalog_asset_get(tx, read->question.title, read->question.edition, &id));
    enum err err = asset_get(tx, id, &read->asset);
    if (err == ERR_NOT_FOUND || (err == OK && !read->asset.ready))
        return err_set(ERR_CONFLICT, "not-playable", "the film of title %lld is not ready",
                       (long long)read->question.title.value);
    TRY(err);
    return asset_tracks_list(tx, id, &read->tracks, &read->tracks_count);
}

static enum err play_read(struct db_tx *tx, void *arg)
{
    struct play_read *read = arg;
    enum err err = asset_find(tx, read);
    if (err != OK && err != ERR_NOT_FOUND && err != ERR_CONFLICT)
        return err;
    struct playback_facts facts = { .shown = err != ERR_NOT_FOUND, .stored = err == OK };
    switch (playback_may(&facts, &read->question)) {
    case PLAYBACK_ALLOWED:
        return OK;
    case PLAYBACK_UNKNOWN_TITLE:
        return err == ERR_NOT_FOUND
                   ? err
                   : err_set(ERR_NOT_FOUND, "title-not-found", "there is no such title");
    case PLAYBACK_NO_FILM:
        break;
    }
    return err == ERR_CONFLICT ? err : err_set(ERR_CONFLICT, "not-playable", "there is no film");
}

static void subtitles_list(struct arena *arena, const struct play_read *read,
                           struct play_answer *answer)
{
    answer->subtitles.items = ARENA_ARRAY(arena, read->tracks_count, struct play_subtitle);
    for (size_t i = 0; i < read->tracks_count; i++) {
        const struct asset_track *track = &read->tracks[i];
        if (track->kind != ASSET_SUBTITLE)
            continue;
        str file = arena_printf(arena, "%.*s.vtt", STR_ARG(track->name));
        answer->subtitles.items[answer->subtitles.count++] =
            (struct play_subtitle){ .language = track->language,
                                    .label = track->label,
                                    .forced = track->forced,
                                    .url = media_url(arena, &read->asset, file.ptr) };
    }
}

enum err on_play(struct http_request *request, struct http_response *response)
{
    struct play_body body = { ID_NONE };
    struct play_read read = { .question = { .action = PLAYBACK_WATCH, .at = clock_now() } };
    struct arena *arena = request->arena;
    struct buf out;
    if (!id_parse(http_param(request, "id"), &read.question.title))
        return err_set(ERR_NOT_FOUND, "title-not-found", "\"%.*s\" is no id",
                       STR_ARG(http_param(request, "id")));
    if (request->body.len)
        TRY(shape_parse_json(arena, &play_shape, request->body, &body));
    read.question.edition = body.edition;
    TRY(db_read(playback.db, play_read, &read));
    struct play_answer answer = { .title = read.question.title,
                                  .hls = media_url(arena, &read.asset, "master.m3u8"),
                                  .dash = media_url(arena, &read.asset, "manifest.mpd"),
                                  .progressive =
                                      OPT(str, media_url(arena, &read.asset, "film.mp4")),
                                  .duration_ms = read.asset.duration_ms };
    subtitles_list(arena, &read, &answer);
    buf_init(&out, arena, KIB(256));
    shape_write_json(&out, &play_answer_shape, &answer);
    if (out.overflowed)
        return err_set(ERR_EXHAUSTED, "answer-size", "the answer is too large");
    http_reply_memory(response, STR("application/json"), buf_str(&out));
    response->cache_control = STR("no-store");
    return OK;
}

/* --- The module ----------------------------------------------------------------------------- */

/* A segment of subtitles may be 1 MiB, and growing to it leaves as much behind. */
enum { MEDIA_ARENA_BYTES = 4 << 20 };

static const struct http_route routes[] = {
    { METHOD_POST, "/v1/titles/{id}/play", on_play, "Where a title's film is to be had",
      .in = &play_shape, .out = &play_answer_shape, .body_bytes_max = 4096, .answers = ANSWERS_409,
      .flags = ROUTE_BODY_OPTIONAL },
    { METHOD_GET, "/media/{asset}/{file}", on_media_file,
      "Manifests (master.m3u8, manifest.mpd), film.mp4, and whole tracks (v1.mp4, s1.vtt)",
      .media_types = "application/vnd.apple.mpegurl application/dash+xml video/mp4 audio/mp4 "
                     "text/vtt",
      .answers = ANSWERS_206 | ANSWERS_304, .flags = ROUTE_INLINE },
    { METHOD_GET, "/media/{asset}/{track}/{file}", on_media_track_file,
      "A track's playlist (index.m3u8), header (init.mp4) and segments (1.m4s, 1.vtt)",
      .media_types = "application/vnd.apple.mpegurl video/mp4 audio/mp4 text/vtt",
      .answers = ANSWERS_206 | ANSWERS_304, .flags = ROUTE_INLINE },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

static enum err playback_open(const struct module_env *env)
{
    metric_register(&playback_metrics);
    playback = (struct playback){ .db = env->db, .blobs = env->blobs, .files = env->files };
    return OK;
}

static void playback_close(void)
{
    open_cache_close();
    segment_headers_free();
}

const struct module playback_module = {
    .name = "playback",
    .context = "content",
    .routes = &route_table,
    .open = playback_open,
    .close = playback_close,
};
