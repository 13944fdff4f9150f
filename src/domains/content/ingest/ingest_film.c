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
static enum err checkpoint_load(struct film *film, int64_t size_bytes, int64_t modified_ns)
{
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

/* --- The source ----------------------------------------------------------------------------- */

struct look {
    str path;
    int64_t size_bytes, modified_ns;
    uint8_t hash[SHA256_BYTES];
    struct arena *arena;
};

static enum err read_part(const struct look *look, int fd, int64_t offset, size_t len, char *out)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("read the film");
        if (got == 0)
            return INGEST_FAIL(ERR_INVALID, look->arena, FILM_CHANGING);
        out += got;
        offset += got;
        len -= (size_t)got;
    }
    return OK;
}

/* The fingerprint: size, first and last bytes. */
static enum err look_inside(struct look *look, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return err_errno("look at the film");
    if (!S_ISREG(info.st_mode))
        return INGEST_FAIL(ERR_INVALID, look->arena, FILM_NO_FILE);
    if (info.st_size == 0)
        return INGEST_FAIL(ERR_INVALID, look->arena, FILM_EMPTY);
    look->size_bytes = info.st_size;
    look->modified_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    size_t part = (size_t)MIN_OF(look->size_bytes, (int64_t)PART_BYTES);
    size_t len = sizeof(look->size_bytes) + 2 * part;
    char *bytes = arena_alloc(look->arena, len);
    memcpy(bytes, &look->size_bytes, sizeof(look->size_bytes));
    TRY(read_part(look, fd, 0, part, bytes + sizeof(look->size_bytes)));
    TRY(read_part(look, fd, look->size_bytes - (int64_t)part, part,
                  bytes + sizeof(look->size_bytes) + part));
    crypto_sha256((str){ bytes, len }, look->hash);
    return OK;
}

static enum err look_blocking(void *arg)
{
    struct look *look = arg;
    int fd = open(look->path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return INGEST_FAIL(ERR_INVALID, look->arena, FILM_GONE);
    if (fd < 0)
        return err_errno("open the film");
    enum err result = look_inside(look, fd);
    close(fd);
    return result;
}

static enum err source_look(struct film *film)
{
    struct look look = { .path = film->path, .arena = task_arena() };
    char *hex = arena_alloc(task_arena(), 2 * SHA256_BYTES + 1);
    TRY(await_blocking(ingest.files, look_blocking, &look));
    crypto_hex(look.hash, SHA256_BYTES, hex);
    film->fingerprint = (str){ hex, 2 * (size_t)SHA256_BYTES };
    film->sources_bytes = (uint64_t)look.size_bytes;
    return checkpoint_load(film, look.size_bytes, look.modified_ns);
}

static void source_add(struct film *film, str path, str language, str label)
{
    size_t i = film->sources_count++;
    film->paths[i] = path;
    film->sources[i] = (struct plan_source){ &film->probes[i], language, label };
}

/* The film and the sound beside it. Sound that cannot be read is left out and said. */
static enum err sources_probe(struct film *film, str *out_notes, size_t *out_count)
{
    TRY(ingest_film_probe(film->path, &film->probes[0]));
    source_add(film, film->path, STR(""), STR(""));
    for (size_t i = 0; i < film->task.sidecars.count; i++) {
        const struct film_sidecar *sidecar = &film->task.sidecars.items[i];
        struct probe *probe = &film->probes[film->sources_count];
        str path;
        if (!str_eq(sidecar->kind, STR("audio")) || film->sources_count == PLAN_SOURCES_MAX)
            continue;
        TRY(ingest_path_from_hex(task_arena(), sidecar->path, &path));
        enum err result = ingest_film_probe(path, probe);
        if (result != OK && result != ERR_INVALID)
            return result;
        if (result == OK) {
            film->sources_bytes += (uint64_t)probe->size_bytes;
            source_add(film, path, sidecar->language, sidecar->label);
        } else if (*out_count < PLAN_SOURCES_MAX) {
            out_notes[(*out_count)++] =
                INGEST_REASON(task_arena(), SOUND_FILE_LEFT_OUT, str_of(err_slot()->text));
        }
    }
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

static enum err publish(struct db_tx *tx, void *arg)
{
    struct publishing *publishing = arg;
    struct film *film = publishing->film;
    struct source source = { .path = film->path,
                             .size_bytes = (uint64_t)film->saved.size_bytes,
                             .modified_ns = film->saved.modified_ns,
                             .title = ID(film->task.title_id),
                             .asset = film->saved.asset };
    TRY(replace_old(tx, publishing));
    for (size_t i = 0; i < film->tracks_count; i++)
        TRY(asset_track_add(tx, film->saved.asset, &film->tracks[i]));
    TRY(asset_ready(tx, film->saved.asset, film->duration_ms, film->width, film->height));
    TRY(edition_put(tx, film));
    TRY(runtime_put(tx, film));
    TRY(ingest_source_asset_put(tx, &source));
    TRY(ingest_file_state_tx(tx, film->task.file_id, "done",
                             ingest_film_notes(db_arena(tx), film)));
    TRY(ingest_import_settle(tx, film->task.import_id));
    return job_finish(tx, film->run);
}

static enum err film_publish(struct film *film)
{
    struct publishing publishing = { .film = film };
    TRY(db_tx(ingest.db, publish, &publishing));
    catalog_changed();
    if (id_is_none(publishing.replaced))
        return OK;
    assets_changed();
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

static enum err film_plan(struct film *film, const str *notes, size_t notes_count)
{
    str rest = film->task.notes, line;
    TRY(ingest_plan_make(task_arena(), film->sources, film->sources_count, film->saved.transcode,
                         &film->plan));
    while (str_cut(&rest, '\n', &line))
        if (line.len)
            ingest_plan_note(&film->plan, line);
    for (size_t i = 0; i < notes_count; i++)
        ingest_plan_note(&film->plan, notes[i]);
    int64_t signature = (int64_t)(ingest_plan_signature(&film->plan) >> 1);
    if (film->saved.signature != signature)
        film->saved.tracks.count = 0;
    film->saved.signature = signature;
    return OK;
}

static enum err film_make(struct film *film)
{
    str notes[PLAN_SOURCES_MAX];
    size_t notes_count = 0;
    TRY(source_look(film));
    TRY(ingest_file_state_put(film->task.file_id, "probing", STR("")));
    job_progress(film->run, 0, "%s", ingest_reason_pattern(INGEST_REASON_PROBING));
    TRY(sources_probe(film, notes, &notes_count));
    TRY(film_plan(film, notes, notes_count));
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
    enum err result = film_make(film);
    if (result == OK || result == ERR_CANCELLED ||
        str_eq(str_of(err_slot()->slug), STR("job-lease-lost")))
        return result;
    ingest_film_scratch_discard(film);
    if (may_pass(result) && job_attempt(run) < FILM_ATTEMPTS_MAX)
        return result;
    return film_fail(film, result);
}
