/* ingest_http: what the handlers of imports, jobs and reviews share. Internal to ingest. */
#pragma once

#include "ingest_internal.h"

#include "foundation/cursor/cursor.h"
#include "foundation/http/http_route.h"
#include "foundation/shape/shape.h"

/* The {id} of the path; ERR_NOT_FOUND with the slug for what is none. */
enum err ingest_http_id(const struct http_request *request, const char *slug, int64_t *out_id);
/* Answers with the object as JSON, which nobody keeps. */
void ingest_http_reply(struct http_request *request, struct http_response *response,
                       const struct shape *shape, const void *object);

/* What a list is asked by. */
struct ingest_page {
    str cursor, kind, state; /* empty: not given */
    int64_t limit;
};
extern const struct shape ingest_page_shape;
/*
 * Reads the query by `shape`, of struct ingest_page; *io_from becomes the id in its cursor, and
 * stays without one. ERR_INVALID, "bad-cursor" for one that is not of `list`.
 */
enum err ingest_http_page(struct http_request *request, const struct shape *shape, const char *list,
                          struct ingest_page *out_page, int64_t *io_from);
/* The `next` of a page that ended at `last`; 0: there is no more. */
opt_str ingest_http_next(struct http_request *request, const char *list, int64_t last);
#define INGEST_PAGE_LIMIT(type) FIELD(type, limit, .min = 1, .max = 100, .initial = 24)

/* --- Imports (ingest_http_imports.c) -------------------------------------------------------- */

extern const struct shape import_post_shape, import_view_shape, imports_view_shape,
    import_files_query_shape, import_files_view_shape;
enum err ingest_on_import_post(struct http_request *request, struct http_response *response);
enum err ingest_on_imports_list(struct http_request *request, struct http_response *response);
enum err ingest_on_import_get(struct http_request *request, struct http_response *response);
enum err ingest_on_import_files(struct http_request *request, struct http_response *response);
enum err ingest_on_import_cancel(struct http_request *request, struct http_response *response);

/* --- Jobs (ingest_http_jobs.c) -------------------------------------------------------------- */

extern const struct shape jobs_query_shape, jobs_view_shape;
enum err ingest_on_jobs_list(struct http_request *request, struct http_response *response);
enum err ingest_on_job_retry(struct http_request *request, struct http_response *response);
enum err ingest_on_job_cancel(struct http_request *request, struct http_response *response);

/* --- Reviews (ingest_http_reviews.c) -------------------------------------------------------- */

extern const struct shape review_post_shape, reviews_view_shape;
enum err ingest_on_reviews_list(struct http_request *request, struct http_response *response);
enum err ingest_on_review_post(struct http_request *request, struct http_response *response);
