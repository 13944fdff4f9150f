/* ingest_http: imports, the queue and the review list, for the administrator. */
#include "ingest_internal.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/cursor/cursor.h"
#include "foundation/http/http_route.h"
#include "foundation/json/json.h"
#include "foundation/shape/shape.h"

#include <string.h>

enum {
    LIMIT_DEFAULT = 24,
    LIMIT_MAX = 100,
    FILES_MAX = 5000,
    PATHS_MAX = 100,
    ANSWER_BYTES_MAX = 8 << 20
};

static enum err id_of(const struct http_request *request, const char *slug, int64_t *out_id)
{
    struct id id;
    if (!id_parse(http_param(request, "id"), &id))
        return err_set(ERR_NOT_FOUND, slug, "there is no such id");
    *out_id = id.value;
    return OK;
}

static void reply(struct http_response *response, const struct buf *buf)
{
    http_reply_memory(response, STR("application/json"), buf_str(buf));
    response->cache_control = STR("no-store");
}

/* --- Imports -------------------------------------------------------------------------------- */

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

struct page_query {
    str cursor, kind, state;
    int64_t limit;
};
SHAPE(imports_query_shape, struct page_query,
      FIELD(struct page_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct page_query, limit, .min = 1, .max = LIMIT_MAX, .initial = LIMIT_DEFAULT));

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
    TRY(import_get(tx, id, &import));
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

struct import_add {
    str paths; /* JSON */
    str subject;
    bool draft, media;
    struct arena *arena;
    int64_t id;
};

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

static enum err import_add_tx(struct db_tx *tx, void *arg)
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
    TRY(db_tx(ingest.db, import_add_tx, &add));
    *out_id = add.id;
    return OK;
}

static enum err reply_import(struct http_request *request, struct http_response *response,
                             int64_t id, unsigned status)
{
    struct import_view view;
    struct buf buf;
    TRY(import_view(db_now(ingest.db), id, true, &view));
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    shape_write_json(&buf, &import_view_shape, &view);
    reply(response, &buf);
    response->status = status;
    return OK;
}

static enum err on_import_post(struct http_request *request, struct http_response *response)
{
    struct import_body body;
    int64_t id;
    TRY(shape_parse_json(request->arena, &import_post_shape, request->body, &body));
    TRY(import_start(request->arena, &body, &id));
    return reply_import(request, response, id, 202);
}

static enum err on_import_get(struct http_request *request, struct http_response *response)
{
    int64_t id;
    TRY(id_of(request, "import-not-found", &id));
    return reply_import(request, response, id, 200);
}

static enum err on_imports_list(struct http_request *request, struct http_response *response)
{
    struct page_query query;
    struct imports_view list = { .next = { .state = OPT_NULL } };
    struct db_rows rows;
    struct id before = ID(INT64_MAX);
    struct buf buf;
    str key;
    TRY(shape_parse_query(request->arena, &imports_query_shape, request->query, &query));
    if (query.cursor.len)
        TRY(cursor_parse(request->arena, query.cursor, STR("imports"), &key, &before));
    TRY(db_all(db_now(ingest.db), &SQL_IMPORTS_LIST,
               DB_ARGS(DB_I64(before.value), DB_I64(query.limit + 1)), (unsigned)query.limit + 1,
               &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)query.limit);
    list.items.items = ARENA_ARRAY(request->arena, count, struct import_view);
    for (size_t i = 0; i < count; i++) {
        TRY(import_view(db_now(ingest.db), db_i64(&rows.items[i], 0), false, &list.items.items[i]));
        list.items.items[i].files.count = 0; /* by themselves: /v1/imports/{id} */
        list.items.count++;
    }
    if (rows.count > count)
        list.next = OPT(str, cursor_format(request->arena, STR("imports"), STR(""),
                                           ID(db_i64(&rows.items[count - 1], 0))));
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    shape_write_json(&buf, &imports_view_shape, &list);
    reply(response, &buf);
    return OK;
}

static enum err import_cancel_tx(struct db_tx *tx, void *arg)
{
    int64_t id = *(int64_t *)arg;
    struct import import;
    struct db_rows jobs;
    TRY(import_get(tx, id, &import));
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

static enum err on_import_cancel(struct http_request *request, struct http_response *response)
{
    int64_t id;
    TRY(id_of(request, "import-not-found", &id));
    TRY(db_tx(ingest.db, import_cancel_tx, &id));
    http_reply_status(response, 204);
    return OK;
}

/* --- The queue ------------------------------------------------------------------------------ */

SHAPE(jobs_query_shape, struct page_query,
      FIELD(struct page_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct page_query, kind, .max = JOB_KIND_MAX),
      FIELD(struct page_query, state, .max = 20),
      FIELD(struct page_query, limit, .min = 1, .max = LIMIT_MAX, .initial = LIMIT_DEFAULT));

struct job_view {
    struct id id;
    str kind, state, subject, message;
    int64_t attempts, attempts_max;
    double progress;
    instant created_at, updated_at;
};
SHAPE(job_view_shape, struct job_view, FIELD(struct job_view, id), FIELD(struct job_view, kind),
      FIELD(struct job_view, state), FIELD(struct job_view, subject),
      FIELD(struct job_view, message), FIELD(struct job_view, attempts),
      FIELD(struct job_view, attempts_max), FIELD(struct job_view, progress),
      FIELD_TIME(struct job_view, created_at), FIELD_TIME(struct job_view, updated_at));
struct jobs_view {
    LIST_OF(struct job_view) items;
    opt_str next;
};
SHAPE(jobs_view_shape, struct jobs_view, FIELD_SHAPES(struct jobs_view, items, job_view_shape),
      FIELD(struct jobs_view, next));

static struct job_view job_view_of(const struct job *job)
{
    return (struct job_view){ .id = ID(job->id),
                              .kind = job->kind,
                              .state = job_state_text(job->state),
                              .subject = job->subject,
                              .message = job->error_text.len && job->state != JOB_DONE
                                             ? job->error_text
                                             : job->message,
                              .attempts = job->attempts,
                              .attempts_max = job->attempts_max,
                              .progress = job->progress,
                              .created_at = job->created_at,
                              .updated_at = job->updated_at };
}

static enum err on_jobs_list(struct http_request *request, struct http_response *response)
{
    struct page_query query;
    struct jobs_page page;
    struct jobs_view list = { .next = { .state = OPT_NULL } };
    struct jobs_filter filter = { .state = -1 };
    struct id before = ID_NONE;
    enum job_state state;
    struct buf buf;
    str key;
    TRY(shape_parse_query(request->arena, &jobs_query_shape, request->query, &query));
    if (query.cursor.len)
        TRY(cursor_parse(request->arena, query.cursor, STR("jobs"), &key, &before));
    if (query.state.len) {
        if (!job_state_parse(query.state, &state))
            return err_set(ERR_INVALID, "invalid-fields", "there is no state %.*s",
                           STR_ARG(query.state));
        filter.state = (int)state;
    }
    filter.kind = query.kind.ptr ? query.kind : STR("");
    filter.before = before.value;
    filter.limit = (unsigned)query.limit;
    TRY(jobs_list(db_now(ingest.db), &filter, &page));
    list.items.items = ARENA_ARRAY(request->arena, page.count, struct job_view);
    for (unsigned i = 0; i < page.count; i++)
        list.items.items[list.items.count++] = job_view_of(&page.items[i]);
    if (page.next)
        list.next = OPT(str, cursor_format(request->arena, STR("jobs"), STR(""), ID(page.next)));
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    shape_write_json(&buf, &jobs_view_shape, &list);
    reply(response, &buf);
    return OK;
}

static enum err job_retry_tx(struct db_tx *tx, void *arg)
{
    return jobs_retry(tx, *(int64_t *)arg);
}

static enum err job_cancel_tx(struct db_tx *tx, void *arg)
{
    return jobs_cancel(tx, *(int64_t *)arg);
}

static enum err change_job(struct http_request *request, struct http_response *response,
                           db_tx_fn fn)
{
    int64_t id;
    TRY(id_of(request, "job-not-found", &id));
    TRY(db_tx(ingest.db, fn, &id));
    http_reply_status(response, 204);
    return OK;
}

static enum err on_job_retry(struct http_request *request, struct http_response *response)
{
    return change_job(request, response, job_retry_tx);
}

static enum err on_job_cancel(struct http_request *request, struct http_response *response)
{
    return change_job(request, response, job_cancel_tx);
}

/* --- Reviews -------------------------------------------------------------------------------- */

struct guess {
    str title;
    opt_i64 year;
};
SHAPE(guess_shape, struct guess, FIELD(struct guess, title), FIELD(struct guess, year));
struct review_view {
    struct id id;
    str path, reason;
    struct guess guess;
    json_raw candidates;
    instant created_at;
};
SHAPE(review_view_shape, struct review_view, FIELD(struct review_view, id),
      FIELD(struct review_view, path), FIELD(struct review_view, reason),
      FIELD_SHAPE(struct review_view, guess, guess_shape), FIELD(struct review_view, candidates),
      FIELD_TIME(struct review_view, created_at));
struct reviews_view {
    LIST_OF(struct review_view) items;
    opt_str next;
};
SHAPE(reviews_view_shape, struct reviews_view,
      FIELD_SHAPES(struct reviews_view, items, review_view_shape),
      FIELD(struct reviews_view, next));

static enum err on_reviews_list(struct http_request *request, struct http_response *response)
{
    struct page_query query;
    struct reviews_view list = { .next = { .state = OPT_NULL } };
    struct db_rows rows;
    struct id after = ID_NONE;
    struct buf buf;
    str key;
    TRY(shape_parse_query(request->arena, &imports_query_shape, request->query, &query));
    if (query.cursor.len)
        TRY(cursor_parse(request->arena, query.cursor, STR("reviews"), &key, &after));
    TRY(db_all(db_now(ingest.db), &SQL_REVIEWS_LIST,
               DB_ARGS(DB_I64(after.value), DB_I64(query.limit + 1)), (unsigned)query.limit + 1,
               &rows));
    size_t count = MIN_OF((size_t)rows.count, (size_t)query.limit);
    list.items.items = ARENA_ARRAY(request->arena, count, struct review_view);
    for (size_t i = 0; i < count; i++) {
        const struct db_row *row = &rows.items[i];
        int64_t year = db_i64(row, 3);
        list.items.items[list.items.count++] = (struct review_view){
            .id = ID(db_i64(row, 0)),
            .path = db_text(row, 1),
            .guess = { db_text(row, 2), year ? OPT(i64, year) : (opt_i64){ .state = OPT_NULL } },
            .reason = db_text(row, 4),
            .candidates = { db_text(row, 5) },
            .created_at = db_at(row, 6)
        };
    }
    if (rows.count > count)
        list.next = OPT(str, cursor_format(request->arena, STR("reviews"), STR(""),
                                           ID(db_i64(&rows.items[count - 1], 0))));
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    shape_write_json(&buf, &reviews_view_shape, &list);
    reply(response, &buf);
    return OK;
}

enum decision { DECISION_USE, DECISION_NEW, DECISION_SKIP };
SHAPE_ENUM(review_decisions, [DECISION_USE] = STR_INIT("use"), [DECISION_NEW] = STR_INIT("new"),
           [DECISION_SKIP] = STR_INIT("skip"));
struct review_body {
    enum decision decision;
    opt_id title_id;
    opt_str title;
    opt_i64 year;
};
SHAPE(review_post_shape, struct review_body,
      FIELD_ENUM(struct review_body, decision, review_decisions, .required = true),
      FIELD(struct review_body, title_id, .doc = "with use"),
      FIELD(struct review_body, title, .max = 300, .doc = "with new"),
      FIELD(struct review_body, year, .min = 1870, .max = 2200, .doc = "with new"));

struct review_decide {
    int64_t id;
    struct review_body body;
    struct arena *arena;
};

/*
 * What was decided is carried out by importing again what was imported; only the group of the file
 * is looked at anew.
 */
static enum err import_again(struct db_tx *tx, struct arena *arena, int64_t import_id, str folder)
{
    struct import import;
    TRY(import_get(tx, import_id, &import));
    TRY(folder_forget(tx, folder));
    struct import_add add = { .paths = import.paths_json,
                              .subject = folder,
                              .draft = import.draft,
                              .media = import.media,
                              .arena = arena };
    if (!str_is_utf8(folder))
        add.subject = STR("");
    return import_add_tx(tx, &add);
}

static enum err review_decide_tx(struct db_tx *tx, void *arg)
{
    struct review_decide *decide = arg;
    const struct review_body *body = &decide->body;
    bool use = body->decision == DECISION_USE, new = body->decision == DECISION_NEW;
    struct id series;
    struct db_row row;
    TRY(db_find(tx, &SQL_REVIEW_GET, DB_ARGS(DB_I64(decide->id)), &row));
    if (!row.values)
        return err_set(ERR_NOT_FOUND, "review-not-found", "there is no review %lld",
                       (long long)decide->id);
    if (use)
        TRY(catalog_series_of(tx, body->title_id.value, &series)); /* the title is there */
    TRY(db_exec(tx, &SQL_DECISION_PUT,
                DB_ARGS(DB_BLOB(db_blob(&row, 1)),
                        DB_TEXT(shape_enum_text(&review_decisions, body->decision)),
                        use ? DB_I64(body->title_id.value.value) : DB_NULL,
                        DB_TEXT(new ? body->title.value : STR("")),
                        DB_I64(new && body->year.state == OPT_SET ? body->year.value : 0)),
                NULL));
    TRY(db_exec(tx, &SQL_REVIEW_REMOVE, DB_ARGS(DB_I64(decide->id)), NULL));
    return use || new ? import_again(tx, decide->arena, db_i64(&row, 3), db_blob(&row, 4)) : OK;
}

static enum err check_decision(const struct review_body *body)
{
    bool complete =
        body->decision == DECISION_SKIP ||
        (body->decision == DECISION_USE && body->title_id.state == OPT_SET) ||
        (body->decision == DECISION_NEW && body->title.state == OPT_SET && body->title.value.len);
    if (complete)
        return OK;
    err_set(ERR_INVALID, "invalid-fields", "the decision is incomplete");
    err_field_add(STR("decision"), "use needs title_id, new needs title");
    return ERR_INVALID;
}

static enum err on_review_post(struct http_request *request, struct http_response *response)
{
    struct review_decide decide = { .arena = request->arena };
    TRY(id_of(request, "review-not-found", &decide.id));
    TRY(shape_parse_json(request->arena, &review_post_shape, request->body, &decide.body));
    TRY(check_decision(&decide.body));
    TRY(db_tx(ingest.db, review_decide_tx, &decide));
    http_reply_status(response, 204);
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_POST, "/v1/imports", on_import_post, "Take films in", .in = &import_post_shape,
      .out = &import_view_shape, .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/imports", on_imports_list, "Imports, newest first",
      .query = &imports_query_shape, .out = &imports_view_shape, .role = ROLE_ADMIN,
      .arena_bytes_max = 64 << 20 },
    { METHOD_GET, "/v1/imports/{id}", on_import_get, "One import with its files",
      .out = &import_view_shape, .role = ROLE_ADMIN, .arena_bytes_max = 64 << 20 },
    { METHOD_POST, "/v1/imports/{id}/cancel", on_import_cancel, "Stop an import",
      .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/jobs", on_jobs_list, "The queue", .query = &jobs_query_shape,
      .out = &jobs_view_shape, .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/jobs/{id}/retry", on_job_retry, "Queue a failed job again",
      .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/jobs/{id}/cancel", on_job_cancel, "Cancel a job", .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/reviews", on_reviews_list, "Files whose title is in doubt",
      .query = &imports_query_shape, .out = &reviews_view_shape, .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/reviews/{id}", on_review_post, "Decide what a file is",
      .in = &review_post_shape, .role = ROLE_ADMIN },
};
const struct http_route_table ingest_routes = { routes, ARRAY_LEN(routes) };
