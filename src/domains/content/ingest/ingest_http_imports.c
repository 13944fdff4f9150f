/* ingest_http_imports: films asked for, and how far they are. */
#include "ingest_http.h"

#include "ingest_import_view.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/json/json.h"

#include <inttypes.h>

enum { PATHS_MAX = 100, STATE_BYTES_MAX = 20 };

struct import_body {
    LIST_OF(str) paths;
    bool draft, media;
};
SHAPE(import_post_shape, struct import_body,
      FIELD_LIST(struct import_body, paths, .required = true, .min = 1, .max = PATHS_MAX,
                 .item_max = 4096, .doc = "folders or files on the server, absolute"),
      FIELD(struct import_body, draft, .doc = "keep new titles as drafts"),
      FIELD(struct import_body, media, .initial = true, .doc = "false: texts and pictures only"));

struct imports_view {
    LIST_OF(struct import_view) items;
    opt_str next;
};
SHAPE(imports_view_shape, struct imports_view,
      FIELD_SHAPES(struct imports_view, items, import_view_shape),
      FIELD(struct imports_view, next));

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
    TRY(ingest_import_view(db_now(ingest.db), id, &view));
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
        TRY(ingest_import_view(db_now(ingest.db), db_i64(&rows.items[i], 0), &list.items.items[i]));
        list.items.count++;
    }
    list.next = ingest_http_next(request, "imports",
                                 rows.count > count ? db_i64(&rows.items[count - 1], 0) : 0);
    ingest_http_reply(request, response, &imports_view_shape, &list);
    return OK;
}

SHAPE(import_files_query_shape, struct ingest_page,
      FIELD(struct ingest_page, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct ingest_page, state, .max = STATE_BYTES_MAX,
            .doc = "waiting, running, done, failed, skipped or review; without it all"),
      INGEST_PAGE_LIMIT(struct ingest_page));

enum err ingest_on_import_files(struct http_request *request, struct http_response *response)
{
    struct import_files_wanted wanted = { .after = 0 };
    struct import_files_view view;
    struct ingest_page page;
    int64_t last;
    TRY(ingest_http_id(request, "import-not-found", &wanted.import_id));
    const char *list = arena_printf(request->arena, "files of %" PRId64, wanted.import_id).ptr;
    TRY(ingest_http_page(request, &import_files_query_shape, list, &page, &wanted.after));
    wanted.state = page.state;
    wanted.limit = (unsigned)page.limit;
    TRY(ingest_import_files_view(db_now(ingest.db), &wanted, &view, &last));
    view.next = ingest_http_next(request, list, last);
    ingest_http_reply(request, response, &import_files_view_shape, &view);
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
        (void)ingest_job_cancel(tx, db_i64(&jobs.items[i], 0));
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
