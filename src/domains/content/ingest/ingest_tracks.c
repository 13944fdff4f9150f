/*
 * ingest_tracks: the tracks of a film, in at most three readings of the source: what is copied and
 * all audio; the video if it is transcoded; the subtitles. Every track is remembered as soon as it
 * is stored, so a job that was killed does not make it again.
 */
#include "ingest_film.h"

#include "ingest_encode.h"
#include "ingest_index.h"

#include "engines/blob/blob.h"
#include "engines/flow/jobs.h"
#include "foundation/crypto/crypto.h"

#include <inttypes.h>
#include <string.h>

enum {
    SEGMENT_MS_MAX = 12000, /* longer ones make seeking slow and switching coarse */
    GAPS_MS = 5000,         /* an MPEG stream may lack so much, or a quarter, in silence */
    SLACK_MS = 2000,        /* a film may be so much shorter than its file says, or a hundredth */
};

static struct arena *arena_of(const struct film *film)
{
    (void)film;
    return task_arena();
}

static enum asset_track_kind asset_kind(enum plan_kind kind)
{
    static const enum asset_track_kind kinds[] = {
        [PLAN_VIDEO] = ASSET_VIDEO, [PLAN_AUDIO] = ASSET_AUDIO, [PLAN_SUBTITLE] = ASSET_SUBTITLE
    };
    return kinds[kind];
}

static str name_of(const struct film *film, const struct plan_track *track)
{
    return asset_track_name(arena_of(film), asset_kind(track->kind), track->number);
}

static str key_of(const struct film *film, str name, const char *suffix)
{
    return asset_blob_key(arena_of(film), film->saved.asset, name, suffix);
}

static struct film_stored *stored_find(struct film *film, str name)
{
    for (size_t i = 0; i < film->saved.tracks.count; i++)
        if (str_eq(film->stored[i].name, name))
            return &film->stored[i];
    return NULL;
}

static void stored_forget(struct film *film, str name)
{
    struct film_stored *stored = stored_find(film, name);
    if (stored)
        *stored = film->stored[--film->saved.tracks.count];
}

/* Keeps the sentence of the failure that was just returned. */
static str failure_text(void)
{
    return arena_str(task_arena(), str_of(err_slot()->text));
}

/* --- Writing ------------------------------------------------------------------------------------
 */

static void on_progress(void *arg, double share, int64_t remaining_s)
{
    struct film *film = arg;
    double progress = film->progress.from + (film->progress.to - film->progress.from) * share;
    str seconds = arena_printf(task_arena(), "%" PRId64, remaining_s);
    str text = film->progress.transcoding
                   ? remaining_s >= 0 ? INGEST_REASON(task_arena(), TRANSCODING_LEFT, seconds)
                                      : INGEST_REASON(task_arena(), TRANSCODING)
               : remaining_s >= 0 ? INGEST_REASON(task_arena(), COPYING_LEFT, seconds)
                                  : INGEST_REASON(task_arena(), COPYING);
    job_progress(film->run, progress, "%.*s", STR_ARG(text));
}

void ingest_film_scratch_discard(void *arg)
{
    struct film *film = arg;
    for (size_t i = 0; i < film->scratch_count; i++)
        if (film->scratch[i].ptr)
            blob_discard(ingest.blobs, film->scratch[i]);
    film->scratch_count = 0;
}

/* Makes scratch file `i` an object and remembers it. */
static enum err adopt(struct film *film, size_t i, const struct plan_track *track)
{
    struct blob_info info;
    str name = name_of(film, track);
    char *hex = arena_alloc(arena_of(film), 2 * BLOB_HASH_BYTES + 1);
    TRY(blob_adopt(ingest.blobs, film->scratch[i], key_of(film, name, ".mp4"), &info));
    film->scratch[i] = STR_NONE;
    crypto_hex(info.sha256, BLOB_HASH_BYTES, hex);
    ASSERT(film->saved.tracks.count < FILM_TRACKS_MAX);
    film->stored[film->saved.tracks.count++] = (struct film_stored){
        .name = name,
        .sha256 = { hex, 2 * (size_t)BLOB_HASH_BYTES },
        .size_bytes = (int64_t)info.size_bytes,
    };
    return ingest_film_save(film);
}

static bool is_slow(const struct plan_track *track)
{
    return track->kind == PLAN_VIDEO && track->action == PLAN_TRANSCODE;
}

/* Tracks still to be written in this reading: the transcoded video, or all others. */
static size_t tracks_wanted(struct film *film, bool slow, const struct plan_track **out_tracks)
{
    size_t count = 0;
    for (size_t i = 0; i < film->plan.tracks_count; i++) {
        const struct plan_track *track = &film->plan.tracks[i];
        if (track->kind != PLAN_SUBTITLE && is_slow(track) == slow &&
            !stored_find(film, name_of(film, track)))
            out_tracks[count++] = track;
    }
    return count;
}

static enum err write_tracks(struct film *film, bool slow)
{
    const struct plan_track *wanted[FILM_TRACKS_MAX];
    size_t count = tracks_wanted(film, slow, wanted);
    struct encode encode = { .plan = &film->plan,
                             .paths = film->paths,
                             .paths_count = film->sources_count,
                             .listed = film->listed,
                             .sources_bytes = film->sources_bytes,
                             .tracks = wanted,
                             .tracks_count = count,
                             .on_progress = on_progress,
                             .arg = film };
    if (!count)
        return OK;
    TRY(ingest_film_state(film, slow ? "transcoding" : "copying"));
    film->progress.transcoding = slow;
    memset(film->scratch, 0, sizeof(film->scratch));
    film->scratch_count = count;
    TRY(ingest_encode_tracks(&encode, film->scratch));
    for (size_t i = 0; i < count; i++)
        TRY(adopt(film, i, wanted[i]));
    film->scratch_count = 0;
    return OK;
}

static enum err write_all(struct film *film)
{
    const struct plan_track *wanted[FILM_TRACKS_MAX];
    bool slow = tracks_wanted(film, true, wanted) > 0;
    if (slow || tracks_wanted(film, false, wanted))
        TRY(ingest_encode_space_check(&film->plan, film->sources_bytes));
    film->progress.from = 0.01;
    film->progress.to = slow ? 0.15 : 0.9;
    TRY(write_tracks(film, false));
    film->progress.from = film->progress.to;
    film->progress.to = 0.9;
    return write_tracks(film, true);
}

/* --- Indexing ------------------------------------------------------------------------------- */

static enum err index_one(struct film *film, const struct plan_track *track, bool follow,
                          struct indexed_track *out)
{
    uint8_t sha256[BLOB_HASH_BYTES];
    str name = name_of(film, track);
    const struct film_stored *stored = stored_find(film, name);
    ASSERT(stored);
    if (!crypto_unhex(stored->sha256, sha256, sizeof(sha256)))
        return err_set(ERR_CORRUPT, "bad-checkpoint", "the hash of a stored track is unreadable");
    struct index_request request = {
        .key = key_of(film, name, ".mp4"),
        .index_key = key_of(film, name, ".idx"),
        .follow_key = follow ? key_of(film, STR("v1"), ".idx") : STR(""),
        .language = track->language,
        .sha256 = sha256,
    };
    TRY(ingest_track_index(&request, out));
    ASSERT(film->tracks_count < FILM_TRACKS_MAX);
    film->tracks[film->tracks_count++] = (struct asset_track){
        .name = name,
        .kind = asset_kind(track->kind),
        .language = track->language,
        .label = track->label,
        .codec = arena_str(arena_of(film), str_of(out->codecs)),
        .channels = out->channels,
        .width = out->width,
        .height = out->height,
        .bandwidth = out->bandwidth,
        .size_bytes = stored->size_bytes + (int64_t)out->index_bytes,
        .is_default = track->is_default,
        .forced = track->forced,
        .sdh = track->sdh,
    };
    film->longest_ms = MAX_OF(film->longest_ms, out->duration_ms);
    return OK;
}

/* "1:02:03" */
static str clock_shown(int64_t ms)
{
    int64_t s = ms / 1000;
    return arena_printf(task_arena(), "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
                        s % 60);
}

static enum err length_check(int64_t stored_ms, int64_t stated_ms)
{
    if (stored_ms + MAX_OF((int64_t)SLACK_MS, stated_ms / 100) >= stated_ms)
        return OK;
    return INGEST_FAIL(ERR_INVALID, task_arena(), FILM_TRUNCATED, clock_shown(stored_ms),
                       clock_shown(stated_ms));
}

/*
 * MPEG streams do not say how long they are: their last time does, whatever is missing before it.
 * A quarter is forgiven, because frames of cinema are counted as those of television (3:2).
 */
static void gaps_check(struct film *film)
{
    const struct plan *plan = &film->plan;
    struct arena *arena = arena_of(film);
    if (plan->length_stated || plan->video.rate_num <= 0 || plan->duration_ms <= 0)
        return;
    int64_t read_ms = film->frames * 1000 * plan->video.rate_den / plan->video.rate_num;
    if (read_ms + MAX_OF((int64_t)GAPS_MS, plan->duration_ms / 4) >= plan->duration_ms)
        return;
    ingest_plan_note(&film->plan, INGEST_REASON(arena, VIDEO_GAPS, clock_shown(read_ms),
                                                clock_shown(plan->duration_ms)));
}

/* Why a copied video cannot be served well; empty when it can. */
static str cuts_objection(const struct indexed_track *video)
{
    struct arena *arena = task_arena();
    if (video->cuts.open)
        return INGEST_REASON(arena, OPEN_GOP, clock_shown(video->cuts.first_open_ms));
    if (video->cuts.segment_ms_max > SEGMENT_MS_MAX)
        return INGEST_REASON(arena, KEYFRAMES_APART,
                             arena_printf(arena, "%" PRId64, video->cuts.segment_ms_max / 1000));
    return STR("");
}

static bool fits_media(enum err result)
{
    return result == ERR_INVALID && str_eq(str_of(err_slot()->slug), STR("media-unsuitable"));
}

/* out_objection: the video has to be transcoded; empty: it is indexed and fine. */
static enum err index_video(struct film *film, str *out_objection)
{
    const struct plan_track *track = &film->plan.tracks[0];
    struct indexed_track video;
    *out_objection = STR("");
    film->tracks_count = 0;
    film->longest_ms = 0;
    enum err result = index_one(film, track, false, &video);
    if (track->action == PLAN_COPY && fits_media(result)) {
        *out_objection = failure_text();
        return OK;
    }
    TRY(result);
    if (film->plan.video_stated)
        TRY(length_check(video.duration_ms, film->plan.duration_ms));
    film->duration_ms = video.duration_ms;
    film->frames = video.samples;
    film->width = video.width;
    film->height = video.height;
    if (track->action == PLAN_COPY)
        *out_objection = cuts_objection(&video);
    return OK;
}

/* A sound track that cannot be served is left out, unless it is the only one. */
static enum err index_audio(struct film *film)
{
    size_t wanted = 0, before = film->tracks_count;
    bool has_default = false;
    for (size_t i = 0; i < film->plan.tracks_count; i++) {
        const struct plan_track *track = &film->plan.tracks[i];
        struct indexed_track audio;
        if (track->kind != PLAN_AUDIO)
            continue;
        wanted++;
        enum err result = index_one(film, track, true, &audio);
        if (result != OK && result != ERR_INVALID)
            return result;
        if (result == OK) {
            has_default = has_default || track->is_default;
            continue;
        }
        ingest_plan_note(&film->plan,
                         INGEST_REASON(arena_of(film), AUDIO_LEFT_OUT,
                                       arena_printf(arena_of(film), "%u", track->number),
                                       failure_text()));
        stored_forget(film, name_of(film, track));
        TRY(ingest_film_save(film));
        TRY(asset_track_blobs_remove(ingest.blobs, film->saved.asset, name_of(film, track)));
    }
    if (wanted && film->tracks_count == before)
        return INGEST_FAIL(ERR_INVALID, task_arena(), NO_SOUND,
                           arena_printf(task_arena(), "%zu", wanted));
    if (wanted && !has_default)
        film->tracks[before].is_default = true;
    return OK;
}

/* --- All of it ------------------------------------------------------------------------------ */

/* The same film once more, the video transcoded. */
static enum err plan_again(struct film *film, str objection)
{
    stored_forget(film, STR("v1"));
    film->saved.transcode = objection;
    TRY(ingest_plan_make(arena_of(film), film->sources, film->sources_count, objection,
                         &film->plan));
    film->saved.signature = (int64_t)(ingest_plan_signature(&film->plan) >> 1);
    TRY(ingest_film_save(film));
    return asset_track_blobs_remove(ingest.blobs, film->saved.asset, STR("v1"));
}

static enum err write_and_index_video(struct film *film, str *out_objection)
{
    *out_objection = STR("");
    enum err result = write_all(film);
    bool copied = film->plan.tracks[0].action == PLAN_COPY;
    if (result == ERR_INVALID && copied && str_eq(str_of(err_slot()->slug), STR("encode-unfit"))) {
        *out_objection = failure_text();
        ingest_film_scratch_discard(film);
        return OK;
    }
    TRY(result);
    TRY(ingest_film_state(film, "indexing"));
    return index_video(film, out_objection);
}

enum err ingest_film_tracks_make(struct film *film)
{
    str objection;
    TRY(write_and_index_video(film, &objection));
    if (objection.len) {
        TRY(plan_again(film, objection));
        TRY(write_and_index_video(film, &objection));
    }
    job_progress(film->run, 0.92, "%s", ingest_reason_pattern(INGEST_REASON_INDEXING));
    TRY(index_audio(film));
    if (film->plan.length_stated && !film->plan.video_stated)
        TRY(length_check(film->longest_ms, film->plan.duration_ms));
    gaps_check(film);
    job_progress(film->run, 0.96, "%s", ingest_reason_pattern(INGEST_REASON_SUBTITLES));
    return ingest_film_subtitles_make(film);
}
