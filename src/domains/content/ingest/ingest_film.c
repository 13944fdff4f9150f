/*
 * ingest_film: the job that turns one video file into a film that can be watched. What it made is
 * seen by nobody until one transaction publishes all of it and ends the job; a job that was killed
 * goes on from its checkpoint. The source is only ever read.
 */
#include "ingest_film.h"

#include "engines/blob/blob.h"
#include "engines/flow/jobs.h"
#include "foundation/crypto/crypto.h"
#include "foundation/shape/shape.h"
#include "foundation/task/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PART_BYTES = 64 << 10,
    LEFT_OVERS_MAX = 16,
    NOTES_BYTES_MAX = 16 << 10,
    RUNTIME_MIN_MAX = 10000, /* what the catalogue takes */
};

/* --- The checkpoint ------------------------------------------------------------------------------
 */

SHAPE_FORGIVING(film_stored_shape, struct film_stored, FIELD(struct film_stored, name),
                FIELD(struct film_stored, sha256), FIELD(struct film_stored, size_bytes));
SHAPE_FORGIVING(film_checkpoint_shape, struct film_checkpoint, FIELD(struct film_checkpoint, asset),
                FIELD(struct film_checkpoint, size_bytes),
                FIELD(struct film_checkpoint, modified_ns),
                FIELD(struct film_checkpoint, signature), FIELD(struct film_checkpoint, transcode),
                FIELD_SHAPES(struct film_checkpoint, tracks, film_stored_shape,
                             .max = FILM_TRACKS_MAX));

enum err ingest_film_save(struct film *film)
{
    struct buf buf;
    film->saved.tracks.items = film->stored;
    buf_init_leaving(&buf, task_arena(), JOB_CHECKPOINT_MAX);
    shape_write_json(&buf, &film_checkpoint_shape, &film->saved);
    ASSERT(!buf.overflowed);
    return job_checkpoint_save(film->run, buf_str(&buf));
}

static enum err asset_still_there(struct db_tx *tx, void *arg)
{
    struct film_checkpoint *saved = arg;
    struct asset asset;
    enum err result = asset_get(tx, saved->asset, &asset);
    if (result == ERR_NOT_FOUND || (result == OK && asset.ready))
        saved->asset = ID_NONE;
    return result == ERR_NOT_FOUND ? OK : result;
}

/* What an earlier attempt left, as far as it is of this very file. */
static enum err checkpoint_load(struct film *film)
{
    int64_t size_bytes = (int64_t)film->sources_bytes, modified_ns = 0;
    for (size_t i = 0; i < film->parts_count; i++)
        modified_ns ^= film->parts[i].modified_ns;
    struct film_checkpoint saved = { .transcode = STR("") };
    str text = job_checkpoint(film->run);
    if (text.ptr && shape_parse_json(task_arena(), &film_checkpoint_shape, text, &saved) != OK)
        saved = (struct film_checkpoint){ .transcode = STR("") };
    if (!saved.transcode.ptr)
        saved.transcode = STR("");
    if (!id_is_none(saved.asset))
        TRY(db_read(ingest.db, asset_still_there, &saved));
    if (id_is_none(saved.asset) || saved.size_bytes != size_bytes ||
        saved.modified_ns != modified_ns) {
        saved.tracks.count = 0;
        saved.transcode = STR("");
    }
    saved.size_bytes = size_bytes;
    saved.modified_ns = modified_ns;
    for (size_t i = 0; i < saved.tracks.count; i++)
        film->stored[i] = saved.tracks.items[i];
    saved.tracks.items = film->stored;
    film->saved = saved;
    return OK;
}

/* --- States --------------------------------------------------------------------------------- */

str ingest_film_notes(struct arena *arena, const struct film *film)
{
    struct buf buf;
    buf_init(&buf, arena, NOTES_BYTES_MAX);
    for (size_t i = 0; i < film->plan.notes_count; i++)
        buf_printf(&buf, "%s%.*s", i ? "\n" : "", STR_ARG(film->plan.notes[i]));
    return buf_str(&buf);
}

enum err ingest_film_state(struct film *film, const char *state)
{
    return ingest_file_state_put(film->task.file_id, state, ingest_film_notes(task_arena(), film));
}

/* A path for people: valid UTF-8, whatever its bytes. */
static str path_shown(struct arena *arena, str path)
{
    struct buf buf;
    buf_init(&buf, arena, 3 * path.len + 1);
    for (size_t pos = 0; pos < path.len;) {
        char encoded[4];
        size_t len = str_utf8_put(encoded, str_utf8_next(path, &pos));
        buf_put(&buf, (str){ encoded, len });
    }
    return buf_str(&buf);
}

static enum err asset_begin(struct db_tx *tx, void *arg)
{
    struct film *film = arg;
    str shown = path_shown(db_arena(tx), film->path);
    while (shown.len > 4096 || !str_is_utf8(shown))
        shown = str_sub(shown, 0, MIN_OF(shown.len - 1, (size_t)4096));
    struct asset_source source = { .fingerprint = film->fingerprint,
                                   .checksum = STR(""),
                                   .source = shown };
    return asset_add(tx, &source, &film->saved.asset);
}

/* --- The end -------------------------------------------------------------------------------- */

struct publishing {
    struct film *film;
    struct id replaced; /* the asset this path had before */
};

/* The file was taken in before, and has changed: what was made of it then goes. */
static enum err replace_old(struct db_tx *tx, struct publishing *publishing)
{
    struct film *film = publishing->film;
    struct source source;
    TRY(ingest_source_find(tx, film->path, &source));
    publishing->replaced = ID_NONE;
    if (id_is_none(source.title) || id_is_none(source.asset) ||
        id_eq(source.asset, film->saved.asset))
        return OK;
    publishing->replaced = source.asset;
    TRY(catalog_edition_remove(tx, source.asset));
    return asset_remove(tx, source.asset);
}

static str unavailable_json(struct arena *arena, const struct plan *plan)
{
    size_t count = plan->unavailable_count;
    struct asset_subtitle_unavailable *items =
        ARENA_ARRAY(arena, count, struct asset_subtitle_unavailable);
    for (size_t i = 0; i < count; i++) {
        const struct plan_unavailable *one = &plan->unavailable[i];
        items[i] = (struct asset_subtitle_unavailable){ one->language, one->label, one->format,
                                                        one->forced };
    }
    return asset_unavailable_json(arena, items, count);
}

static enum err edition_put(struct db_tx *tx, const struct film *film)
{
    const struct film_task *task = &film->task;
    struct id edition_id;
    struct catalog_edition edition = {
        .title = ID(task->title_id),
        .kind = task->extra.len ? task->extra : STR("feature"),
        .name = task->extra.len ? task->extra_name : task->edition,
        .asset = film->saved.asset,
        .duration_ms = film->duration_ms,
        .width = film->width,
        .height = film->height,
        .audio_json = asset_audio_json(db_arena(tx), film->tracks, film->tracks_count),
        .subtitles_json = asset_subtitles_json(db_arena(tx), film->tracks, film->tracks_count),
        .unavailable_json = unavailable_json(db_arena(tx), &film->plan),
    };
    TRY(catalog_edition_put(tx, &edition, &edition_id));
    return task->draft ? OK : catalog_title_publish(tx, edition.title);
}

/*
 * How long the title is, by its first film: another edition does not change it, and whatever an NFO
 * or a person says is stronger.
 */
static enum err runtime_put(struct db_tx *tx, const struct film *film)
{
    struct arena *arena = db_arena(tx);
    struct id first, title = ID(film->task.title_id);
    int64_t minutes = MAX_OF((film->duration_ms + 30000) / 60000, (int64_t)1);
    if (film->task.extra.len || minutes > RUNTIME_MIN_MAX)
        return OK;
    if (catalog_asset_get(tx, title, ID_NONE, &first) == OK && !id_eq(first, film->saved.asset))
        return OK;
    struct catalog_value value = { STR("runtime_min"), STR(""),
                                   arena_printf(arena, "%" PRId64, minutes) };
    struct catalog_record record = {
        .source = CATALOG_SOURCE_FILE, .licence = STR(""), .values = &value, .values_count = 1
    };
    return catalog_record_put(tx, &record, &title);
}

/* Every part is known as it was, so that a change of any makes the film anew. */
static enum err sources_put(struct db_tx *tx, const struct film *film)
{
    for (size_t i = 0; i < film->parts_count; i++) {
        const struct film_part *part = &film->parts[i];
        struct source source = { part->path, (uint64_t)part->size_bytes, part->modified_ns,
                                 ID(film->task.title_id), film->saved.asset };
        TRY(ingest_source_asset_put(tx, &source));
    }
    return OK;
}

static enum err publish(struct db_tx *tx, void *arg)
{
    struct publishing *publishing = arg;
    struct film *film = publishing->film;
    TRY(replace_old(tx, publishing));
    for (size_t i = 0; i < film->tracks_count; i++)
        TRY(asset_track_add(tx, film->saved.asset, &film->tracks[i]));
    TRY(asset_ready(tx, film->saved.asset, film->duration_ms, film->width, film->height));
    TRY(edition_put(tx, film));
    TRY(runtime_put(tx, film));
    TRY(sources_put(tx, film));
    TRY(ingest_file_state_tx(tx, film->task.file_id, "done",
                             ingest_film_notes(db_arena(tx), film)));
    TRY(ingest_import_settle(tx, film->task.import_id));
    return job_finish(tx, film->run);
}

static enum err film_publish(struct film *film)
{
    struct publishing publishing = { .film = film };
    TRY(db_tx(ingest.db, publish, &publishing));
    if (id_is_none(publishing.replaced))
        return OK;
    /* The film is published whatever becomes of the old one's files. */
    if (asset_blobs_remove(ingest.blobs, publishing.replaced) != OK)
        err_clear();
    return OK;
}

struct ending {
    struct film *film;
    str reason;
};

static enum err give_up(struct db_tx *tx, void *arg)
{
    struct ending *ending = arg;
    struct film *film = ending->film;
    TRY(ingest_file_state_tx(tx, film->task.file_id, "failed", ending->reason));
    if (film->folder.len)
        TRY(ingest_folder_forget(tx, film->folder));
    if (!id_is_none(film->saved.asset))
        TRY(asset_remove(tx, film->saved.asset));
    return ingest_import_settle(tx, film->task.import_id);
}

/*
 * What may pass and is not the film's fault: the database or the store are busy. A full disk and a
 * missing ffmpeg wait for a person.
 */
static bool may_pass(enum err result)
{
    str slug = str_of(err_slot()->slug);
    return (err_info(result)->retryable || result == ERR_INTERNAL) &&
           !str_eq(slug, STR("disk-full")) && !str_eq(slug, STR("disk-low")) &&
           !str_eq(slug, STR("ffmpeg-missing"));
}

/* The file has failed, with the reason, in the same words as the job. */
static enum err film_fail(struct film *film, enum err result)
{
    struct arena *arena = task_arena();
    str slug = arena_str(arena, str_of(err_slot()->slug));
    str text = arena_str(arena, str_of(err_slot()->text));
    struct ending ending = { film, text };
    TRY(db_tx(ingest.db, give_up, &ending));
    if (!id_is_none(film->saved.asset) && asset_blobs_remove(ingest.blobs, film->saved.asset) != OK)
        err_clear();
    bool again = err_info(result)->retryable || result == ERR_INTERNAL; /* to the runner */
    return err_set(again ? ERR_INVALID : result, slug.ptr, "%.*s", STR_ARG(text));
}

/* --- The job -------------------------------------------------------------------------------- */

static enum err film_plan(struct film *film)
{
    str rest = film->task.notes, line;
    TRY(ingest_plan_make(task_arena(), film->sources, film->sources_count, film->saved.transcode,
                         &film->plan));
    while (str_cut(&rest, '\n', &line))
        if (line.len)
            ingest_plan_note(&film->plan, line);
    for (size_t i = 0; i < film->notes_count; i++)
        ingest_plan_note(&film->plan, film->notes[i]);
    int64_t signature = (int64_t)(ingest_plan_signature(&film->plan) >> 1);
    if (film->saved.signature != signature)
        film->saved.tracks.count = 0;
    film->saved.signature = signature;
    return OK;
}

static enum err film_make(struct film *film)
{
    TRY(ingest_film_look(film));
    TRY(checkpoint_load(film));
    TRY(ingest_file_state_put(film->task.file_id, "probing", STR("")));
    job_progress(film->run, 0, "%s", ingest_reason_pattern(INGEST_REASON_PROBING));
    TRY(ingest_film_probe_sources(film));
    TRY(film_plan(film));
    bool first = id_is_none(film->saved.asset);
    if (first)
        TRY(db_tx(ingest.db, asset_begin, film));
    TRY(ingest_film_save(film));
    if (!first && !film->saved.tracks.count) /* what was made of another source or plan */
        TRY(asset_blobs_remove(ingest.blobs, film->saved.asset));
    TRY(ingest_film_tracks_make(film));
    job_progress(film->run, 0.99, "%s", ingest_reason_pattern(INGEST_REASON_PUBLISHING));
    return film_publish(film);
}

/* --- What crashes left ---------------------------------------------------------------------- */

struct left_overs {
    struct id ids[LEFT_OVERS_MAX];
    unsigned count;
};

/*
 * Assets that were reserved and never finished, by a process that died before its checkpoint or by
 * a job that was cancelled for good. One that is still wanted after so long is made anew.
 */
static enum err left_overs_remove(struct db_tx *tx, void *arg)
{
    struct left_overs *found = arg;
    TRY(assets_unfinished_list(tx, clock_now() - DAYS(14), LEFT_OVERS_MAX, found->ids,
                               &found->count));
    for (unsigned i = 0; i < found->count; i++)
        TRY(asset_remove(tx, found->ids[i]));
    return OK;
}

static enum err left_overs_sweep(void)
{
    static bool swept; /* once a process, on the loop of the jobs */
    struct left_overs found = { .count = 0 };
    if (swept)
        return OK;
    swept = true;
    TRY(db_tx(ingest.db, left_overs_remove, &found));
    for (unsigned i = 0; i < found.count; i++)
        TRY(asset_blobs_remove(ingest.blobs, found.ids[i]));
    return OK;
}

enum err ingest_film_job(struct job_run *run, void *arg)
{
    struct film *film = ARENA_NEW(task_arena(), struct film);
    (void)arg;
    film->run = run;
    TRY(ingest_film_task_parse(task_arena(), job_payload(run), &film->task));
    TRY(ingest_path_from_hex(task_arena(), film->task.path, &film->path));
    if (film->task.folder.len)
        TRY(ingest_path_from_hex(task_arena(), film->task.folder, &film->folder));
    TRY(left_overs_sweep());
    task_defer(ingest_film_scratch_discard, film);
    task_defer(ingest_film_joined_discard, film);
    enum err result = film_make(film);
    if (result == OK || result == ERR_CANCELLED ||
        str_eq(str_of(err_slot()->slug), STR("job-lease-lost")))
        return result;
    ingest_film_scratch_discard(film);
    if (may_pass(result) && job_attempt(run) < FILM_ATTEMPTS_MAX)
        return result;
    return film_fail(film, result);
}
