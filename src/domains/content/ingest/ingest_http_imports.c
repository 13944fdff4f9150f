/* ingest_http_imports: films asked for, and how far they are. */
#include "ingest_http.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/json/json.h"

enum { PATHS_MAX = 100, FILES_MAX = 5000 };

struct import_body {
    LIST_OF(str) paths;
    bool draft, media;
};
SHAPE(import_post_shape, struct import_body,
      FIELD_LIST(struct import_body, paths, .required = true, .min = 1, .max = PATHS_MAX,
                 .item_max = 4096, .doc = "folders or files on the server, absolute"),
      FIELD(struct import_body, draft, .doc = "keep new titles as drafts"),
      FIELD(struct import_body, media, .initial = true, .doc = "false: texts and pictures only"));

struct file_view {
    str path, state, reason;
    double progress;
    opt_id title_id;
};
SHAPE(import_file_view_shape, struct file_view, FIELD(struct file_view, path),
      FIELD(struct file_view, state), FIELD(struct file_view, reason),
      FIELD(struct file_view, progress), FIELD(struct file_view, title_id));

struct import_view {
    struct id id;
    json_raw paths;
    str state, message;
    instant created_at;
    opt_time finished_at;
    int64_t files_total, files_done, files_failed, folders_total, folders_done, folders_unchanged;
    double progress;
    LIST_OF(struct file_view) files;
};
SHAPE(import_view_shape, struct import_view, FIELD(struct import_view, id),
      FIELD(struct import_view, paths), FIELD(struct import_view, state),
      FIELD(struct import_view, message), FIELD_TIME(struct import_view, created_at),
      FIELD(struct import_view, finished_at), FIELD(struct import_view, files_total),
      FIELD(struct import_view, files_done), FIELD(struct import_view, files_failed),
      FIELD(struct import_view, folders_total), FIELD(struct import_view, folders_done),
      FIELD(struct import_view, folders_unchanged), FIELD(struct import_view, progress),
      FIELD_SHAPES(struct import_view, files, import_file_view_shape));

struct imports_view {
    LIST_OF(struct import_view) items;
    opt_str next;
};
SHAPE(imports_view_shape, struct imports_view,
      FIELD_SHAPES(struct imports_view, items, import_view_shape),
      FIELD(struct imports_view, next));

static bool file_ended(str state)
{
    return str_eq(state, STR("done")) || str_eq(state, STR("failed")) ||
           str_eq(state, STR("skipped")) || str_eq(state, STR("review"));
}

/* A job that was given up (its process died again and again) could not say so itself. */
static bool job_was_lost(const struct job *job)
{
    return job->state == JOB_FAILED || job->state == JOB_CANCELLED;
}

/* How far a running film is, from its job; a finished one is whole. */
static enum err file_progress(struct db_tx *tx, const struct db_row *row, struct file_view *view)
{
    struct job job;
    bool ended = file_ended(view->state);
    view->progress = ended ? 1 : 0;
    if (ended || db_null(row, 5))
        return OK;
    enum err result = jobs_get(tx, db_i64(row, 5), &job);
    if (result != OK)
        return result == ERR_NOT_FOUND ? OK : result;
    view->progress = job.progress;
    if (job_was_lost(&job)) {
        view->state = STR("failed");
        view->reason = job.error_text.ptr ? job.error_text : view->reason;
        view->progress = 1;
    }
    return OK;
}

static enum err files_view(struct db_tx *tx, struct import_view *view)
{
    struct db_rows rows;
    TRY(db_all(tx, &SQL_IMPORT_FILES_LIST, DB_ARGS(DB_I64(view->id.value), DB_I64(FILES_MAX)),
               FILES_MAX, &rows));
    view->files.items = ARENA_ARRAY(db_arena(tx), rows.count, struct file_view);
    for (unsigned i = 0; i < rows.count; i++) {
        const struct db_row *row = &rows.items[i];
        struct file_view *file = &view->files.items[view->files.count++];
        file->path = db_text(row, 1);
        file->state = db_text(row, 2);
        file->reason = db_text(row, 3);
        file->title_id =
            db_null(row, 4) ? (opt_id){ .state = OPT_NULL } : OPT(id, ID(db_i64(row, 4)));
        TRY(file_progress(tx, row, file));
    }
    return OK;
}

/* Folders weigh a tenth of an import with films: reading names is quick. */
static void progress_of(struct import_view *view, bool media)
{
    double folders =
        view->folders_total ? (double)view->folders_done / (double)view->folders_total : 0;
    double films = 0;
    for (size_t i = 0; i < view->files.count; i++)
        films += view->files.items[i].progress;
    films = view->files.count ? films / (double)view->files.count : 1;
    bool ended = str_eq(view->state, STR("done")) || str_eq(view->state, STR("failed")) ||
                 str_eq(view->state, STR("cancelled"));
    view->progress = ended ? 1 : media ? folders * 0.1 + films * 0.9 * (folders >= 1) : folders;
}

/* What the jobs behind it could not write down any more: an import whose scan or last film was
 * given up has ended all the same. */
static enum err state_of_jobs(struct db_tx *tx, const struct import *import,
                              struct import_view *view)
{
    struct job job;
    int64_t lost = 0, waiting = 0;
    bool scanning = str_eq(view->state, STR("queued")) || str_eq(view->state, STR("scanning"));
    if (scanning && import->scan_job) {
        enum err result = jobs_get(tx, import->scan_job, &job);
        if (result == OK && job_was_lost(&job)) {
            view->state = STR("failed");
            view->message = job.error_text.ptr ? job.error_text : view->message;
        }
        return result == ERR_NOT_FOUND ? OK : result;
    }
    for (size_t i = 0; i < view->files.count; i++) {
        lost += str_eq(view->files.items[i].state, STR("failed"));
        waiting += !file_ended(view->files.items[i].state);
    }
    if (str_eq(view->state, STR("running")) && view->files.count && waiting == 0 &&
        view->files_total == (int64_t)view->files.count) {
        view->state = STR("done");
        view->files_failed = lost;
    }
    return OK;
}

/* `whole`: with its files; how far films are is known from these only. */
static enum err import_view(struct db_tx *tx, int64_t id, bool whole, struct import_view *out_view)
{
    struct import import;
    struct db_rows counts;
    TRY(ingest_import_get(tx, id, &import));
    struct import_view view = { .id = ID(id),
                                .paths = { import.paths_json },
                                .state = import.state,
                                .message = import.message,
                                .created_at = import.created_at,
                                .folders_total = import.folders_total,
                                .folders_done = import.folders_done,
                                .folders_unchanged = import.folders_unchanged };
    view.finished_at = import.finished_at == INSTANT_NEVER ? (opt_time){ .state = OPT_NULL }
                                                           : OPT(time, import.finished_at);
    TRY(db_all(tx, &SQL_IMPORT_FILES_COUNT, DB_ARGS(DB_I64(id)), 16, &counts));
    for (unsigned i = 0; i < counts.count; i++) {
        str state = db_text(&counts.items[i], 0);
        int64_t count = db_i64(&counts.items[i], 1);
        view.files_total += count;
        if (str_eq(state, STR("failed")))
            view.files_failed += count;
        else if (file_ended(state))
            view.files_done += count;
    }
    if (whole || str_eq(import.state, STR("running")))
        TRY(files_view(tx, &view));
    TRY(state_of_jobs(tx, &import, &view));
    progress_of(&view, import.media);
    *out_view = view;
    return OK;
}

static str paths_json(struct arena *arena, const struct import_body *body)
{
    struct buf buf;
    buf_init(&buf, arena, KIB(512));
    json_array_begin(&buf);
    for (size_t i = 0; i < body->paths.count; i++)
        json_put_string(&buf, body->paths.items[i]);
    json_array_end(&buf);
    return buf_str(&buf);
}

static enum err import_start(struct arena *arena, const struct import_body *body, int64_t *out_id)
{
    struct import_add add = { .paths = paths_json(arena, body),
                              .subject = body->paths.items[0],
                              .draft = body->draft,
                              .media = body->media,
                              .arena = arena };
    for (size_t i = 0; i < body->paths.count; i++)
        if (!str_starts(body->paths.items[i], STR("/")) ||
            str_find_char(body->paths.items[i], 0) >= 0) {
            err_set(ERR_INVALID, "invalid-fields", "a path must be absolute");
            err_field_add(STR("paths"), "must be absolute paths on the server");
            return ERR_INVALID;
        }
    TRY(db_tx(ingest.db, ingest_import_add, &add));
    *out_id = add.id;
    return OK;
}

static enum err reply_import(struct http_request *request, struct http_response *response,
                             int64_t id, unsigned status)
{
    struct import_view view;
    TRY(import_view(db_now(ingest.db), id, true, &view));
    ingest_http_reply(request, response, &import_view_shape, &view);
    response->status = status;
    return OK;
}

enum err ingest_on_import_post(struct http_request *request, struct http_response *response)
{
    struct import_body body;
    int64_t id;
    TRY(shape_parse_json(request->arena, &import_post_shape, request->body, &body));
    TRY(import_start(request->arena, &body, &id));
    TRY(http_header_add(response, STR("Location"),
                        arena_printf(request->arena, "/v1/imports/%lld", (long long)id)));
    return reply_import(request, response, id, 202);
}

enum err ingest_on_import_get(struct http_request *request, struct http_response *response)
{
    int64_t id;
    TRY(ingest_http_id(request, "import-not-found", &id));
    return reply_import(request, response, id, 200);
}

enum err ingest_on_imports_list(struct http_request *request, struct http_response *response)
{
    struct ingest_page page;
    struct imports_view list = { .next = { .state = OPT_NULL } };
    struct db_rows rows;
    int64_t before = INT64_MAX;
    TRY(ingest_http_page(request, &ingest_page_shape, "imports", &page, &before));
    TRY(db_all(db_now(ingest.db), &SQL_IMPORTS_LIST,
               DB_ARGS(DB_I64(before), DB_I64(page.limit + 1)), (unsigned)page.limit + 1, &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)page.limit);
    list.items.items = ARENA_ARRAY(request->arena, count, struct import_view);
    for (size_t i = 0; i < count; i++) {
        TRY(import_view(db_now(ingest.db), db_i64(&rows.items[i], 0), false, &list.items.items[i]));
        list.items.items[i].files.count = 0; /* by themselves: /v1/imports/{id} */
        list.items.count++;
    }
    list.next = ingest_http_next(request, "imports",
                                 rows.count > count ? db_i64(&rows.items[count - 1], 0) : 0);
    ingest_http_reply(request, response, &imports_view_shape, &list);
    return OK;
}

static enum err import_cancel_tx(struct db_tx *tx, void *arg)
{
    int64_t id = *(int64_t *)arg;
    struct import import;
    struct db_rows jobs;
    TRY(ingest_import_get(tx, id, &import));
    if (import.scan_job)
        (void)jobs_cancel(tx, import.scan_job);
    TRY(db_all(tx, &SQL_IMPORT_JOBS_LIST, DB_ARGS(DB_I64(id)), 100000, &jobs));
    for (unsigned i = 0; i < jobs.count; i++)
        (void)jobs_cancel(tx, db_i64(&jobs.items[i], 0));
    TRY(db_exec(tx, &SQL_IMPORT_FILES_CANCEL, DB_ARGS(DB_I64(id)), NULL));
    return db_exec(
        tx, &SQL_IMPORT_FINISH,
        DB_ARGS(DB_I64(id), DB_TEXT(STR("cancelled")), DB_TEXT(STR("")), DB_TIME(clock_now())),
        NULL);
}

enum err ingest_on_import_cancel(struct http_request *request, struct http_response *response)
{
    int64_t id;
    TRY(ingest_http_id(request, "import-not-found", &id));
    TRY(db_tx(ingest.db, import_cancel_tx, &id));
    http_reply_status(response, 204);
    return OK;
}
