/* ingest_http: the routes, and what their handlers share. */
#include "ingest_http.h"

enum { ANSWER_BYTES_MAX = 8 << 20 };

static const struct http_route routes[] = {
    { METHOD_POST, "/v1/imports", ingest_on_import_post, "Take films in", .in = &import_post_shape,
      .out = &import_view_shape, .role = ROLE_ADMIN, .status = 202, .answers = ANSWERS_LOCATION },
    { METHOD_GET, "/v1/imports", ingest_on_imports_list, "Imports, newest first",
      .query = &ingest_page_shape, .out = &imports_view_shape, .role = ROLE_ADMIN,
      .arena_bytes_max = 32 << 20 },
    { METHOD_GET, "/v1/imports/{id}", ingest_on_import_get, "One import: state and counts",
      .out = &import_view_shape, .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/imports/{id}/files", ingest_on_import_files,
      "Files of an import, in the order they were found", .query = &import_files_query_shape,
      .out = &import_files_view_shape, .role = ROLE_ADMIN, .arena_bytes_max = 16 << 20 },
    { METHOD_POST, "/v1/imports/{id}/cancel", ingest_on_import_cancel, "Stop an import",
      .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/jobs", ingest_on_jobs_list, "The queue", .query = &jobs_query_shape,
      .out = &jobs_view_shape, .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/jobs/{id}/retry", ingest_on_job_retry, "Queue a failed job again",
      .role = ROLE_ADMIN, .answers = ANSWERS_409 },
    { METHOD_POST, "/v1/jobs/{id}/cancel", ingest_on_job_cancel, "Cancel a job", .role = ROLE_ADMIN,
      .answers = ANSWERS_409 },
    { METHOD_GET, "/v1/reviews", ingest_on_reviews_list, "Files whose title is in doubt",
      .query = &ingest_page_shape, .out = &reviews_view_shape, .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/reviews/{id}", ingest_on_review_post, "Decide what a file is",
      .in = &review_post_shape, .role = ROLE_ADMIN },
};
const struct http_route_table ingest_routes = { routes, ARRAY_LEN(routes) };

SHAPE(ingest_page_shape, struct ingest_page,
      FIELD(struct ingest_page, cursor, .max = CURSOR_BYTES_MAX),
      INGEST_PAGE_LIMIT(struct ingest_page));

enum err ingest_http_id(const struct http_request *request, const char *slug, int64_t *out_id)
{
    struct id id;
    if (!id_parse(http_param(request, "id"), &id))
        return err_set(ERR_NOT_FOUND, slug, "there is no such id");
    *out_id = id.value;
    return OK;
}

void ingest_http_reply(struct http_request *request, struct http_response *response,
                       const struct shape *shape, const void *object)
{
    struct buf buf;
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    shape_write_json(&buf, shape, object);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
}

enum err ingest_http_page(struct http_request *request, const struct shape *shape, const char *list,
                          struct ingest_page *out_page, int64_t *io_from)
{
    struct id from;
    str key;
    TRY(shape_parse_query(request->arena, shape, request->query, out_page));
    if (!out_page->cursor.len)
        return OK;
    TRY(cursor_parse(request->arena, out_page->cursor, str_of(list), &key, &from));
    *io_from = from.value;
    return OK;
}

opt_str ingest_http_next(struct http_request *request, const char *list, int64_t last)
{
    if (!last)
        return (opt_str){ .state = OPT_NULL };
    return OPT(str, cursor_format(request->arena, str_of(list), STR(""), ID(last)));
}
