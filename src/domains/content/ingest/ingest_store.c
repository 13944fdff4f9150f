/* ingest_store: imports, their files, what was taken in before, and reviews, as rows. */
#include "ingest_internal.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"

enum err ingest_import_add(struct db_tx *tx, void *arg)
{
    struct import_add *add = arg;
    int64_t job_id;
    TRY(db_insert(tx, &SQL_IMPORT_ADD,
                  DB_ARGS(DB_TEXT(add->paths), DB_BOOL(add->draft), DB_BOOL(add->media),
                          DB_TEXT(STR("nfo")), DB_TIME(clock_now())),
                  &add->id));
    struct job_new job = { .kind = STR(INGEST_SCAN_JOB),
                           .attempts_max = SCAN_ATTEMPTS_MAX,
                           .subject = str_head_utf8(add->subject, JOB_SUBJECT_MAX),
                           .payload =
                               arena_printf(add->arena, "{\"import_id\":%lld}", (long long)add->id),
                           .priority = 10 };
    TRY(jobs_add(tx, &job, &job_id));
    return db_exec(tx, &SQL_IMPORT_JOB_PUT, DB_ARGS(DB_I64(add->id), DB_I64(job_id)), NULL);
}

enum err ingest_import_get(struct db_tx *tx, int64_t id, struct import *out_import)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_IMPORT_GET, DB_ARGS(DB_I64(id)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "import-not-found", "there is no import %lld", (long long)id);
    *out_import = (struct import){ .id = id,
                                   .paths_json = db_text(&row, 1),
                                   .draft = db_bool(&row, 2),
                                   .media = db_bool(&row, 3),
                                   .source = db_text(&row, 4),
                                   .state = db_text(&row, 5),
                                   .message = db_text(&row, 6),
                                   .scan_job = db_i64(&row, 7),
                                   .folders_total = db_i64(&row, 8),
                                   .folders_done = db_i64(&row, 9),
                                   .folders_unchanged = db_i64(&row, 10),
                                   .created_at = db_at(&row, 11),
                                   .finished_at = db_at(&row, 12) };
    return OK;
}

enum err ingest_import_settle(struct db_tx *tx, int64_t id)
{
    struct db_row row;
    struct import import;
    TRY(ingest_import_get(tx, id, &import));
    if (!str_eq(import.state, STR("running")))
        return OK;
    TRY(db_one(tx, &SQL_IMPORT_FILES_PENDING, DB_ARGS(DB_I64(id)), &row));
    if (db_i64(&row, 0) > 0)
        return OK;
    return db_exec(
        tx, &SQL_IMPORT_FINISH,
        DB_ARGS(DB_I64(id), DB_TEXT(STR("done")), DB_TEXT(import.message), DB_TIME(clock_now())),
        NULL);
}

enum err ingest_file_state_tx(struct db_tx *tx, int64_t file_id, const char *state, str reason)
{
    return db_exec(
        tx, &SQL_IMPORT_FILE_STATE_PUT,
        DB_ARGS(DB_I64(file_id), DB_TEXT(str_of(state)), DB_TEXT(reason.ptr ? reason : STR(""))),
        NULL);
}

enum err ingest_job_reopen(struct db_tx *tx, int64_t job_id)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_IMPORT_OF_JOB, DB_ARGS(DB_I64(job_id)), &row));
    if (row.values) { /* the scan says itself what fails again */
        int64_t scanned = db_i64(&row, 0);
        TRY(db_exec(tx, &SQL_IMPORT_FAILURES_REMOVE, DB_ARGS(DB_I64(scanned)), NULL));
        return db_exec(tx, &SQL_IMPORT_REOPEN, DB_ARGS(DB_I64(scanned), DB_TEXT(STR("queued"))),
                       NULL);
    }
    TRY(db_find(tx, &SQL_IMPORT_FILE_OF_JOB, DB_ARGS(DB_I64(job_id)), &row));
    if (!row.values)
        return OK;
    int64_t import_id = db_i64(&row, 1);
    TRY(ingest_file_state_tx(tx, db_i64(&row, 0), "queued", STR("")));
    return db_exec(tx, &SQL_IMPORT_REOPEN, DB_ARGS(DB_I64(import_id), DB_TEXT(STR("running"))),
                   NULL);
}

enum err ingest_job_cancel(struct db_tx *tx, int64_t job_id)
{
    struct arena *arena = db_arena(tx);
    struct arena_mark mark = arena_mark(arena);
    struct film_task task;
    struct job job;
    str folder;
    TRY(jobs_cancel(tx, job_id));
    TRY(jobs_get(tx, job_id, &job));
    if (str_eq(job.kind, STR(INGEST_FILM_JOB)) &&
        ingest_film_task_parse(arena, job.payload, &task) == OK && task.folder.len) {
        TRY(ingest_path_from_hex(arena, task.folder, &folder));
        TRY(ingest_folder_forget(tx, folder));
    }
    arena_rewind(arena, mark);
    return OK;
}

enum err ingest_job_close(struct db_tx *tx, int64_t job_id)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_IMPORT_OF_JOB, DB_ARGS(DB_I64(job_id)), &row));
    if (row.values)
        return db_exec(tx, &SQL_IMPORT_FINISH,
                       DB_ARGS(DB_I64(db_i64(&row, 0)), DB_TEXT(STR("cancelled")), DB_TEXT(STR("")),
                               DB_TIME(clock_now())),
                       NULL);
    TRY(db_find(tx, &SQL_IMPORT_FILE_OF_JOB, DB_ARGS(DB_I64(job_id)), &row));
    if (!row.values)
        return OK;
    int64_t import_id = db_i64(&row, 1);
    TRY(ingest_file_state_tx(tx, db_i64(&row, 0), "skipped",
                             INGEST_REASON(db_arena(tx), CANCELLED)));
    return ingest_import_settle(tx, import_id);
}

struct file_state {
    int64_t file_id;
    const char *state;
    str reason;
};

static enum err put_file_state(struct db_tx *tx, void *arg)
{
    const struct file_state *put = arg;
    return ingest_file_state_tx(tx, put->file_id, put->state, put->reason);
}

enum err ingest_file_state_put(int64_t file_id, const char *state, str reason)
{
    struct file_state put = { file_id, state, reason };
    return db_tx(ingest.db, put_file_state, &put);
}

enum err ingest_source_asset_put(struct db_tx *tx, const struct source *source)
{
    return db_exec(tx, &SQL_SOURCE_PUT,
                   DB_ARGS(DB_BLOB(source->path), DB_I64((int64_t)source->size_bytes),
                           DB_I64(source->modified_ns), DB_I64(source->title.value),
                           id_is_none(source->asset) ? DB_NULL : DB_I64(source->asset.value)),
                   NULL);
}

enum err ingest_source_find(struct db_tx *tx, str path, struct source *out_source)
{
    struct db_row row;
    TRY(db_find(tx, &SQL_SOURCE_FIND, DB_ARGS(DB_BLOB(path)), &row));
    *out_source = (struct source){ .path = path };
    if (row.values)
        *out_source = (struct source){ .path = path,
                                       .size_bytes = (uint64_t)db_i64(&row, 0),
                                       .modified_ns = db_i64(&row, 1),
                                       .title = ID(db_i64(&row, 2)),
                                       .asset = ID(db_i64(&row, 3)) };
    return OK;
}

enum err ingest_folder_forget(struct db_tx *tx, str folder)
{
    return db_exec(tx, &SQL_FOLDER_REMOVE, DB_ARGS(DB_BLOB(folder)), NULL);
}
