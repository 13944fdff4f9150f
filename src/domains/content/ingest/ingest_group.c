/*
 * ingest_group: from files to titles. Before the transaction: what has to be read from disk and
 * what has to be stored as blobs. In it: whose title is it, what may be written, what is left to
 * do. A transaction may be run again, so it only reads what was prepared.
 */
#include "ingest_group.h"

#include "ingest_file.h"
#include "ingest_picture.h"
#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/json/json.h"
#include "foundation/task/pool.h"
#include "foundation/task/task.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { UNITS_MAX = 2000, CANDIDATES_MAX = 5, PICTURES_SHARED_MAX = 64 };

struct group {
    struct arena *arena;
    const struct import *import;
    const struct walk_group *files;
    int64_t signature;
    struct unit *units;
    size_t units_count;
    const struct nfo_work *series_nfo;
    struct picture *pictures; /* stored already; by unit or of the series */
    size_t pictures_count, pictures_max;
    struct id film;   /* of the first film of the group: what extras belong to */
    struct id series; /* of the first episode: a series is written once */
    str series_name;
    str failure;
};

/* --- Reading ---------------------------------------------------------------------------------- */

struct nfo_call {
    const struct walk_file *file;
    struct arena *arena;
    struct nfo nfo;
};

static enum err nfo_blocking(void *arg)
{
    struct nfo_call *call = arg;
    str content;
    TRY(read_small_file(call->arena, call->file->path, NFO_BYTES_MAX, &content));
    return nfo_parse(call->arena, content, &call->nfo);
}

/* A broken NFO is a warning: the names still say something. */
static enum err nfo_load(struct group *group, const struct walk_file *file,
                         const struct nfo_work **out_work, const char **out_warning)
{
    struct nfo_call call = { .file = file, .arena = group->arena };
    enum err result = await_blocking(ingest.files, nfo_blocking, &call);
    if (result == ERR_CANCELLED || result == ERR_TIMEOUT || result == ERR_EXHAUSTED)
        return result;
    if (result != OK)
        *out_warning = arena_cstr(group->arena, str_of(err_slot()->text));
    else if (call.nfo.warning.len)
        *out_warning = arena_cstr(group->arena, call.nfo.warning);
    if (result == OK && call.nfo.works_count) {
        *out_work = &call.nfo.works[0];
    } else if (result == OK && call.nfo.links_count) { /* a link alone is still an id */
        struct nfo_work *work = ARENA_NEW(group->arena, struct nfo_work);
        work->ids = call.nfo.links;
        work->ids_count = call.nfo.links_count;
        *out_work = work;
    }
    return OK;
}

static bool is_video(const struct walk_file *file)
{
    return file->name.kind == FILM_NAME_FILM || file->name.kind == FILM_NAME_EPISODE ||
           file->name.kind == FILM_NAME_EXTRA;
}

/* How much of a folder is about every film in it. */
struct sharing {
    bool one_file; /* subtitles, too, need not be named after it */
    bool one_film; /* several editions of it: they share pictures and NFO */
};

static struct sharing sharing_of(const struct walk_group *files)
{
    const struct film_name *first = NULL;
    struct sharing sharing = { .one_film = true };
    size_t count = 0;
    for (size_t i = 0; i < files->files_count; i++) {
        const struct film_name *name = &files->files[i]->name;
        if (name->kind != FILM_NAME_FILM)
            continue;
        first = first ? first : name;
        sharing.one_film &= name->year == first->year && film_name_same(name->title, first->title);
        count++;
    }
    sharing.one_file = count == 1;
    return sharing;
}

/* Sidecars share the stem of their video, or the folder when it is of one film. */
static bool belongs(const struct walk_file *sidecar, const struct walk_file *video,
                    struct sharing sharing)
{
    bool about_film = sidecar->name.kind == FILM_NAME_IMAGE || sidecar->name.kind == FILM_NAME_NFO;
    if (str_eq(sidecar->name.stem, video->name.stem) &&
        str_eq(sidecar->name.owner, video->name.owner))
        return true;
    return (sharing.one_file || (sharing.one_film && about_film)) &&
           video->name.kind == FILM_NAME_FILM && sidecar->name.season < 0;
}

static const char *image_kind(enum film_image image)
{
    switch (image) {
    case FILM_IMAGE_POSTER:
        return "poster";
    case FILM_IMAGE_BACKDROP:
        return "backdrop";
    case FILM_IMAGE_THUMB:
        return "still";
    case FILM_IMAGE_LOGO:
        return "logo";
    case FILM_IMAGE_NONE:
    case FILM_IMAGE_BANNER:
    case FILM_IMAGE_OTHER:
        break;
    }
    return NULL;
}

static enum err unit_add_sidecar(struct group *group, struct unit *unit,
                                 const struct walk_file *file)
{
    const char *kind;
    switch (file->name.kind) {
    case FILM_NAME_SUBTITLE:
    case FILM_NAME_AUDIO:
        if (unit->sidecars_count < ARRAY_LEN(unit->sidecars))
            unit->sidecars[unit->sidecars_count++] = file;
        return OK;
    case FILM_NAME_IMAGE:
        kind = image_kind(file->name.image);
        if (kind && unit->images_count < ARRAY_LEN(unit->images))
            unit->images[unit->images_count++] = (struct unit_image){ file, kind };
        return OK;
    case FILM_NAME_NFO:
        if (file->name.nfo == FILM_NFO_SERIES || file->name.nfo == FILM_NFO_SEASON || unit->nfo)
            return OK;
        return nfo_load(group, file, &unit->nfo, &unit->nfo_warning);
    case FILM_NAME_IGNORED:
    case FILM_NAME_FILM:
    case FILM_NAME_EPISODE:
    case FILM_NAME_EXTRA:
        break;
    }
    return OK;
}

static enum err read_units(struct group *group)
{
    const struct walk_group *files = group->files;
    struct sharing sharing = sharing_of(files);
    group->units =
        ARENA_ARRAY(group->arena, MIN_OF(files->files_count, (size_t)UNITS_MAX), struct unit);
    for (size_t i = 0; i < files->files_count && group->units_count < UNITS_MAX; i++) {
        if (!is_video(files->files[i]))
            continue;
        struct unit *unit = &group->units[group->units_count++];
        unit->video = files->files[i];
        if (unit->video->name.kind == FILM_NAME_EXTRA)
            continue;
        for (size_t j = 0; j < files->files_count; j++)
            if (belongs(files->files[j], unit->video, sharing))
                TRY(unit_add_sidecar(group, unit, files->files[j]));
    }
    for (size_t i = 0; i < files->files_count && !group->series_nfo; i++) {
        const char *warning = NULL;
        if (files->files[i]->name.kind == FILM_NAME_NFO &&
            files->files[i]->name.nfo == FILM_NFO_SERIES)
            TRY(nfo_load(group, files->files[i], &group->series_nfo, &warning));
    }
    return OK;
}

static enum err store_picture(struct group *group, const struct walk_file *file, const char *kind,
                              const struct unit *unit)
{
    struct picture picture = { .file = file, .kind = kind, .unit = unit };
    if (group->pictures_count == group->pictures_max)
        return OK;
    enum err result = picture_store(group->arena, &picture);
    if (result == ERR_INVALID || result == ERR_TOO_LARGE || result == ERR_NOT_FOUND)
        return OK; /* no picture is no reason to refuse a film */
    TRY(result);
    group->pictures[group->pictures_count++] = picture;
    return OK;
}

static enum err store_pictures(struct group *group)
{
    group->pictures_max = group->files->files_count + PICTURES_SHARED_MAX;
    group->pictures = ARENA_ARRAY(group->arena, group->pictures_max, struct picture);
    for (size_t i = 0; i < group->units_count; i++)
        for (size_t j = 0; j < group->units[i].images_count; j++)
            TRY(store_picture(group, group->units[i].images[j].file, group->units[i].images[j].kind,
                              &group->units[i]));
    bool series = group->units_count && group->units[0].video->name.kind == FILM_NAME_EPISODE;
    for (size_t i = 0; series && i < group->files->files_count; i++) {
        const struct walk_file *file = group->files->files[i];
        const char *kind = file->name.kind == FILM_NAME_IMAGE ? image_kind(file->name.image) : NULL;
        if (kind && file->name.season < 0 && file->name.episode < 0)
            TRY(store_picture(group, file, kind, NULL));
    }
    return OK;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static str shown_path(const struct walk_file *file)
{
    return str_is_utf8(file->path) ? file->path : file->name.shown;
}

static enum err file_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                         const char *state, str reason, struct id title, int64_t *out_id)
{
    return db_insert(tx, &SQL_IMPORT_FILE_PUT,
                     DB_ARGS(DB_I64(group->import->id), DB_TEXT(shown_path(unit->video)),
                             DB_TEXT(str_of(state)), DB_TEXT(reason),
                             id_is_none(title) ? DB_NULL : DB_I64(title.value), DB_NULL),
                     out_id);
}

static enum err review_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                           const struct identity *identity, str reason)
{
    struct catalog_match matches[CANDIDATES_MAX];
    unsigned count = 0;
    int64_t file_id;
    struct buf candidates;
    struct catalog_wanted wanted = { .kind = identity->kind,
                                     .name = identity->title,
                                     .year = identity->year };
    TRY(catalog_match(tx, &wanted, CANDIDATES_MAX, matches, &count));
    buf_init(&candidates, group->arena, KIB(16));
    json_array_begin(&candidates);
    for (unsigned i = 0; i < count; i++) {
        char id[ID_TEXT_MAX];
        json_object_begin(&candidates);
        json_put_key(&candidates, STR("title_id"));
        json_put_string(&candidates, id_format(matches[i].id, id));
        json_put_key(&candidates, STR("title"));
        json_put_string(&candidates, matches[i].title);
        json_put_key(&candidates, STR("year"));
        json_put_i64(&candidates, matches[i].year);
        json_put_key(&candidates, STR("score"));
        json_put_double(&candidates, matches[i].score);
        json_object_end(&candidates);
    }
    json_array_end(&candidates);
    TRY(db_exec(tx, &SQL_REVIEW_PUT,
                DB_ARGS(DB_BLOB(unit->video->path), DB_TEXT(shown_path(unit->video)),
                        DB_I64(group->import->id), DB_TEXT(identity->title), DB_I64(identity->year),
                        DB_TEXT(reason), DB_TEXT(buf_str(&candidates)), DB_TIME(clock_now()),
                        DB_BLOB(group->files->path)),
                NULL));
    return file_put(tx, group, unit, "review", reason, ID_NONE, &file_id);
}

static enum err pictures_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                             struct id title)
{
    for (size_t i = 0; i < group->pictures_count; i++) {
        const struct picture *picture = &group->pictures[i];
        if (picture->unit != unit)
            continue;
        struct catalog_artwork artwork = { .title = title,
                                           .kind = str_of(picture->kind),
                                           .blob_key = picture->blob_key,
                                           .media_type = str_of(picture->media_type),
                                           .hash = picture->hash,
                                           .source = CATALOG_SOURCE_NFO,
                                           .licence = STR("") };
        TRY(catalog_artwork_put(tx, &artwork));
    }
    return OK;
}

static enum err records_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                            const struct identity *identity, struct id *io_title)
{
    struct catalog_record by_name =
        record_of_name(group->arena, identity->kind, identity->title, identity->year);
    by_name.external_ids = identity->ids;
    by_name.external_ids_count = identity->ids_count;
    TRY(catalog_record_put(tx, &by_name, io_title));
    if (unit->nfo && (unit->nfo->title.len || unit->nfo->plot.len)) {
        struct catalog_record by_nfo =
            record_of_nfo(group->arena, identity->kind, unit->nfo, CATALOG_SOURCE_NFO);
        TRY(catalog_record_put(tx, &by_nfo, io_title));
    }
    return pictures_put(tx, group, unit, *io_title);
}

/* --- What is left to do: the film ----------------------------------------------------------- */

static void sidecars_of(struct arena *arena, const struct unit *unit, struct film_task *task)
{
    task->sidecars.items = ARENA_ARRAY(arena, unit->sidecars_count, struct film_sidecar);
    for (size_t i = 0; i < unit->sidecars_count; i++) {
        const struct walk_file *file = unit->sidecars[i];
        bool known = file->name.language.language != NULL;
        if (file->name.picture)
            continue;
        task->sidecars.items[task->sidecars.count++] = (struct film_sidecar){
            .path = path_to_hex(arena, file->path),
            .language = known ? str_of(file->name.language.text) : STR(""),
            .label = file->name.track_name.ptr ? file->name.track_name : STR(""),
            .kind = file->name.kind == FILM_NAME_AUDIO ? STR("audio") : STR("subtitle"),
            .forced = file->name.forced,
            .sdh = file->name.sdh,
        };
    }
}

static str text_or_empty(str text)
{
    return text.ptr ? text : STR("");
}

static str nfo_note(const struct group *group, const struct unit *unit)
{
    return unit->nfo_warning ? arena_printf(group->arena, "NFO: %s", unit->nfo_warning) : STR("");
}

static enum err film_queue(struct db_tx *tx, const struct group *group, const struct unit *unit,
                           struct id title)
{
    const struct film_name *name = &unit->video->name;
    int64_t file_id, job_id;
    TRY(file_put(tx, group, unit, "queued", nfo_note(group, unit), title, &file_id));
    bool extra = name->kind == FILM_NAME_EXTRA;
    struct film_task task = {
        .import_id = group->import->id,
        .file_id = file_id,
        .title_id = title.value,
        .path = path_to_hex(group->arena, unit->video->path),
        .folder = path_to_hex(group->arena, group->files->path),
        .edition = text_or_empty(name->edition),
        .extra = extra ? str_of(film_extra_name(name->extra)) : STR(""),
        .extra_name = text_or_empty(name->extra_name),
        .draft = group->import->draft,
    };
    sidecars_of(group->arena, unit, &task);
    struct job_new job = { .kind = STR(INGEST_FILM_JOB),
                           .attempts_max = FILM_ATTEMPTS_MAX,
                           .subject = str_head_utf8(shown_path(unit->video), JOB_SUBJECT_MAX),
                           .payload = film_task_write(group->arena, &task),
                           .priority = extra ? -1 : 0 };
    TRY(jobs_add(tx, &job, &job_id));
    return db_exec(tx, &SQL_IMPORT_FILE_JOB_PUT, DB_ARGS(DB_I64(file_id), DB_I64(job_id)), NULL);
}

/* A film that is stored already, from the same bytes, is not stored again. */
static enum err media_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                          struct id title)
{
    struct source source;
    int64_t file_id;
    TRY(source_find(tx, unit->video->path, &source));
    bool same = source.size_bytes == unit->video->size_bytes &&
                source.modified_ns == unit->video->modified_ns;
    bool queue = group->import->media && !(same && !id_is_none(source.asset));
    /* known from now on, so that a film that fails does not make a second title the next time; one
     * that is stored is kept until the new one is */
    if (id_is_none(source.title) || (!same && id_is_none(source.asset))) {
        struct source fresh = { unit->video->path, unit->video->size_bytes,
                                unit->video->modified_ns, title, ID_NONE };
        TRY(source_asset_put(tx, &fresh));
    }
    if (queue)
        return film_queue(tx, group, unit, title);
    TRY(file_put(tx, group, unit, "done", nfo_note(group, unit), title, &file_id));
    return group->import->draft ? OK : catalog_title_publish(tx, title);
}

static enum err review_settled(struct db_tx *tx, const struct unit *unit)
{
    return db_exec(tx, &SQL_REVIEW_REMOVE_PATH, DB_ARGS(DB_BLOB(unit->video->path)), NULL);
}

static enum err film_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    struct identity identity = unit_identity(unit);
    struct judgement judgement;
    int64_t file_id;
    identity.kind = TITLE_FILM; /* an episode without numbers is one by decision only */
    TRY(judge(tx, unit, &identity, &judgement));
    if (unit->video->name.part > 1 && judgement.verdict != VERDICT_SKIP)
        judgement = (struct judgement){
            .verdict = VERDICT_SKIP,
            .reason = STR("a film in several files is not joined; only its first part is shown")
        };
    if (judgement.verdict == VERDICT_REVIEW)
        return review_put(tx, group, unit, &identity, judgement.reason);
    TRY(review_settled(tx, unit));
    if (judgement.verdict == VERDICT_SKIP)
        return file_put(tx, group, unit, "skipped", judgement.reason, ID_NONE, &file_id);
    TRY(records_put(tx, group, unit, &identity, &judgement.title));
    if (id_is_none(group->film))
        group->film = judgement.title;
    return media_put(tx, group, unit, judgement.title);
}

/* --- Series ----------------------------------------------------------------------------------- */

/* The series its files were of before, whatever it is called now. */
static enum err series_known(struct db_tx *tx, const struct group *group, str name,
                             struct id *out_series)
{
    *out_series = ID_NONE;
    for (size_t i = 0; i < group->units_count && id_is_none(*out_series); i++) {
        const struct unit *unit = &group->units[i];
        struct source source;
        if (unit->video->name.kind != FILM_NAME_EPISODE || !str_eq(unit->video->name.title, name))
            continue;
        TRY(source_find(tx, unit->video->path, &source));
        if (!id_is_none(source.title))
            TRY(catalog_series_of(tx, source.title, out_series));
    }
    return OK;
}

static struct identity series_identity(const struct group *group, const struct film_name *name)
{
    const struct nfo_work *nfo = group->series_nfo;
    struct identity identity = { .kind = TITLE_SERIES, .title = name->title, .year = name->year };
    if (name->imdb.len)
        identity.ids[identity.ids_count++] =
            (struct catalog_external_id){ STR("imdb"), name->imdb };
    if (name->tvdb.len)
        identity.ids[identity.ids_count++] =
            (struct catalog_external_id){ STR("tvdb"), name->tvdb };
    if (nfo && nfo->title.len)
        identity.title = nfo->title;
    if (nfo && nfo->year)
        identity.year = nfo->year;
    return identity;
}

static enum err series_take(struct db_tx *tx, struct group *group, const struct unit *unit,
                            struct id *out_series)
{
    const struct film_name *name = &unit->video->name;
    struct identity identity = series_identity(group, name);
    struct catalog_wanted wanted = { TITLE_SERIES, identity.title, identity.year, identity.ids,
                                     identity.ids_count };
    struct catalog_match match;
    unsigned count = 0;
    struct id series;
    *out_series = group->series;
    if (!id_is_none(group->series) && str_eq(group->series_name, name->title))
        return OK;
    TRY(series_known(tx, group, name->title, &series));
    if (id_is_none(series))
        TRY(catalog_match(tx, &wanted, 1, &match, &count));
    if (count && match.score >= MATCH_DOUBTFUL)
        series = match.id;
    struct unit whole = { .video = unit->video, .nfo = group->series_nfo };
    TRY(records_put(tx, group, &whole, &identity, &series));
    TRY(pictures_put(tx, group, NULL, series));
    if (!group->import->draft)
        TRY(catalog_title_publish(tx, series));
    group->series = *out_series = series;
    group->series_name = name->title;
    return OK;
}

static enum err episode_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    const struct film_name *name = &unit->video->name;
    struct arena *arena = group->arena;
    struct id series, episode;
    if (name->doubt != FILM_DOUBT_NONE || name->season < 0 || name->episode < 0)
        return film_take(tx, group, unit);
    TRY(series_take(tx, group, unit, &series));
    TRY(catalog_episode_find(tx, series, name->season, name->episode, &episode));
    str title = name->episode_title.len ? name->episode_title : STR("");
    if (unit->nfo && unit->nfo->title.len)
        title = unit->nfo->title;
    if (!title.len && name->episode_last > name->episode)
        title = arena_printf(arena, "%d–%d", name->episode, name->episode_last);
    struct catalog_record record =
        unit->nfo ? record_of_nfo(arena, TITLE_EPISODE, unit->nfo, CATALOG_SOURCE_NFO)
                  : record_of_name(arena, TITLE_EPISODE, title, 0);
    record.series_id = series;
    record.season = name->season;
    record.episode = name->episode;
    TRY(catalog_record_put(tx, &record, &episode));
    TRY(pictures_put(tx, group, unit, episode));
    TRY(review_settled(tx, unit));
    return media_put(tx, group, unit, episode);
}

static enum err extra_take(struct db_tx *tx, struct group *group, const struct unit *unit)
{
    int64_t file_id;
    if (id_is_none(group->film))
        return file_put(tx, group, unit, "skipped", STR("there is no film this extra belongs to"),
                        ID_NONE, &file_id);
    if (!group->import->media)
        return file_put(tx, group, unit, "done", STR(""), group->film, &file_id);
    return media_put(tx, group, unit, group->film);
}

static enum err group_tx(struct db_tx *tx, void *arg)
{
    struct group *group = arg;
    group->film = group->series = ID_NONE;
    for (size_t i = 0; i < group->units_count; i++) {
        const struct unit *unit = &group->units[i];
        if (unit->video->name.kind == FILM_NAME_FILM)
            TRY(film_take(tx, group, unit));
        else if (unit->video->name.kind == FILM_NAME_EPISODE)
            TRY(episode_take(tx, group, unit));
    }
    for (size_t i = 0; i < group->units_count; i++)
        if (group->units[i].video->name.kind == FILM_NAME_EXTRA)
            TRY(extra_take(tx, group, &group->units[i]));
    return db_exec(tx, &SQL_FOLDER_PUT,
                   DB_ARGS(DB_BLOB(group->files->path), DB_I64(group->signature)), NULL);
}

enum err group_take(const struct import *import, const struct walk_group *files, int64_t signature)
{
    struct group *group = ARENA_NEW(task_arena(), struct group);
    group->arena = task_arena();
    group->import = import;
    group->files = files;
    group->signature = signature;
    TRY(read_units(group));
    TRY(store_pictures(group));
    TRY(db_tx(ingest.db, group_tx, group));
    return OK;
}

static enum err group_fail_tx(struct db_tx *tx, void *arg)
{
    struct group *group = arg;
    for (size_t i = 0; i < group->units_count; i++) {
        int64_t file_id;
        TRY(file_put(tx, group, &group->units[i], "failed", group->failure, ID_NONE, &file_id));
    }
    return OK;
}

enum err group_fail(const struct import *import, const struct walk_group *files, str reason)
{
    struct group *group = ARENA_NEW(task_arena(), struct group);
    *group = (struct group){ .arena = task_arena(),
                             .import = import,
                             .files = files,
                             .failure = arena_str(task_arena(), reason) };
    group->units = ARENA_ARRAY(group->arena, files->files_count, struct unit);
    for (size_t i = 0; i < files->files_count; i++)
        if (is_video(files->files[i]))
            group->units[group->units_count++].video = files->files[i];
    return db_tx(ingest.db, group_fail_tx, group);
}
