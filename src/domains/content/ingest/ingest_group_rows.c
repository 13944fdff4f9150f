/*
 * ingest_group_rows: what the transaction of a group writes: files of the import, reviews, records
 * and pictures of titles, and the jobs of films.
 */
#include "ingest_group.h"

#include "ingest_picture.h"
#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/crypto/crypto.h"
#include "foundation/json/json.h"

enum { CANDIDATES_MAX = 5 };

str ingest_file_shown(const struct walk_file *file)
{
    return str_is_utf8(file->path) ? file->path : file->name.shown;
}

enum err ingest_group_file_put(struct db_tx *tx, const struct group *group, const struct unit *unit,
                               const char *state, str reason, struct id title, int64_t *out_id)
{
    return db_insert(tx, &SQL_IMPORT_FILE_PUT,
                     DB_ARGS(DB_I64(group->import->id), DB_TEXT(ingest_file_shown(unit->video)),
                             DB_TEXT(str_of(state)), DB_TEXT(reason),
                             id_is_none(title) ? DB_NULL : DB_I64(title.value), DB_NULL),
                     out_id);
}

enum err ingest_group_review_put(struct db_tx *tx, const struct group *group,
                                 const struct review *review)
{
    const struct identity *identity = review->identity;
    struct catalog_match matches[CANDIDATES_MAX];
    unsigned count = 0;
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
    return db_exec(tx, &SQL_REVIEW_PUT,
                   DB_ARGS(DB_BLOB(review->key), DB_TEXT(ingest_file_shown(review->unit->video)),
                           DB_I64(group->import->id), DB_TEXT(identity->title),
                           DB_I64(identity->year), DB_TEXT(review->reason),
                           DB_TEXT(buf_str(&candidates)), DB_TIME(clock_now()),
                           DB_BLOB(group->files->path)),
                   NULL);
}

enum err ingest_group_pictures_put(struct db_tx *tx, const struct group *group,
                                   const struct unit *unit, struct id title)
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

enum err ingest_group_records_put(struct db_tx *tx, const struct group *group,
                                  const struct unit *unit, const struct identity *identity,
                                  struct id *io_title)
{
    struct catalog_record by_name =
        ingest_record_of_name(group->arena, identity->kind, identity->title, identity->year);
    by_name.external_ids = identity->ids;
    by_name.external_ids_count = identity->ids_count;
    TRY(catalog_record_put(tx, &by_name, io_title));
    if (unit->nfo && (unit->nfo->title.len || unit->nfo->plot.len)) {
        struct catalog_record by_nfo =
            ingest_record_of_nfo(group->arena, identity->kind, unit->nfo, CATALOG_SOURCE_NFO);
        TRY(catalog_record_put(tx, &by_nfo, io_title));
    }
    return ingest_group_pictures_put(tx, group, unit, *io_title);
}

/* --- What is left to do: the film ----------------------------------------------------------- */

static void sidecars_add(struct arena *arena, const struct unit *unit, int64_t part,
                         struct film_task *task)
{
    for (size_t i = 0; i < unit->sidecars_count; i++) {
        const struct walk_file *file = unit->sidecars[i];
        bool known = file->name.language.language != NULL;
        if (file->name.picture || task->sidecars.count == UNIT_SIDECARS_MAX)
            continue;
        task->sidecars.items[task->sidecars.count++] = (struct film_sidecar){
            .path = ingest_path_to_hex(arena, file->path),
            .language = known ? str_of(file->name.language.text) : STR(""),
            .label = file->name.track_name.ptr ? file->name.track_name : STR(""),
            .kind = file->name.kind == FILM_NAME_AUDIO ? STR("audio") : STR("subtitle"),
            .part = part,
            .forced = file->name.forced,
            .sdh = file->name.sdh,
        };
    }
}

static void parts_of(struct arena *arena, const struct unit *unit, struct film_task *task)
{
    task->sidecars.items = ARENA_ARRAY(arena, UNIT_SIDECARS_MAX, struct film_sidecar);
    task->parts.items = ARENA_ARRAY(arena, UNIT_PARTS_MAX, str);
    sidecars_add(arena, unit, 0, task);
    for (size_t i = 0; i < unit->parts_count; i++) {
        task->parts.items[task->parts.count++] =
            ingest_path_to_hex(arena, unit->parts[i]->video->path);
        sidecars_add(arena, unit->parts[i], (int64_t)i + 1, task);
    }
}

static str text_or_empty(str text)
{
    return text.ptr ? text : STR("");
}

/* Two imports may have queued the same file: it is worked on once at a time. */
static str file_key(struct arena *arena, str path)
{
    uint8_t hash[SHA256_BYTES];
    size_t len = 2 * sizeof(hash);
    char *hex = arena_alloc(arena, len);
    crypto_sha256(path, hash);
    crypto_hex(hash, sizeof(hash), hex);
    return (str){ hex, len };
}

static enum err film_queue(struct db_tx *tx, const struct group *group, const struct unit *unit,
                           struct id title)
{
    const struct film_name *name = &unit->video->name;
    int64_t file_id, job_id;
    TRY(ingest_group_file_put(tx, group, unit, "queued", unit->notes, title, &file_id));
    bool extra = name->kind == FILM_NAME_EXTRA;
    struct film_task task = {
        .import_id = group->import->id,
        .notes = unit->notes,
        .file_id = file_id,
        .title_id = title.value,
        .path = ingest_path_to_hex(group->arena, unit->video->path),
        .folder = ingest_path_to_hex(group->arena, group->files->path),
        .edition = text_or_empty(name->edition),
        .extra = extra ? str_of(film_name_extra_name(name->extra)) : STR(""),
        .extra_name = text_or_empty(name->extra_name),
        .draft = group->import->draft,
    };
    parts_of(group->arena, unit, &task);
    struct job_new job = { .kind = STR(INGEST_FILM_JOB),
                           .attempts_max = FILM_ATTEMPTS_MAX,
                           .subject =
                               str_head_utf8(ingest_file_shown(unit->video), JOB_SUBJECT_MAX),
                           .payload = ingest_film_task_write(group->arena, &task),
                           .limit_key = file_key(group->arena, unit->video->path),
                           .priority = extra ? -1 : 0 };
    TRY(jobs_add(tx, &job, &job_id));
    return db_exec(tx, &SQL_IMPORT_FILE_JOB_PUT, DB_ARGS(DB_I64(file_id), DB_I64(job_id)), NULL);
}

static enum err part_is_stored(struct db_tx *tx, const struct walk_file *file, struct id asset,
                               bool *out_same)
{
    struct source source;
    TRY(ingest_source_find(tx, file->path, &source));
    *out_same = source.size_bytes == file->size_bytes && source.modified_ns == file->modified_ns &&
                id_eq(source.asset, asset);
    return OK;
}

/* A film that is stored already, from the same bytes, is not stored again. */
enum err ingest_group_media_put(struct db_tx *tx, const struct group *group,
                                const struct unit *unit, struct id title)
{
    struct source source;
    int64_t file_id;
    TRY(ingest_source_find(tx, unit->video->path, &source));
    bool same = source.size_bytes == unit->video->size_bytes &&
                source.modified_ns == unit->video->modified_ns;
    for (size_t i = 0; i < unit->parts_count; i++) {
        bool part_same;
        TRY(part_is_stored(tx, unit->parts[i]->video, source.asset, &part_same));
        same = same && part_same;
    }
    bool queue = group->import->media && !(same && !id_is_none(source.asset));
    /* known from now on, so that a film that fails does not make a second title the next time; one
     * that is stored is kept until the new one is */
    if (id_is_none(source.title) || (!same && id_is_none(source.asset))) {
        struct source fresh = { unit->video->path, unit->video->size_bytes,
                                unit->video->modified_ns, title, ID_NONE };
        TRY(ingest_source_asset_put(tx, &fresh));
    }
    if (queue)
        return film_queue(tx, group, unit, title);
    TRY(ingest_group_file_put(tx, group, unit, "done", unit->notes, title, &file_id));
    return group->import->draft ? OK : catalog_title_publish(tx, title);
}

enum err ingest_group_review_settled(struct db_tx *tx, str key)
{
    return db_exec(tx, &SQL_REVIEW_REMOVE_PATH, DB_ARGS(DB_BLOB(key)), NULL);
}
