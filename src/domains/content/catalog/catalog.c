/* catalog: the module's descriptor, its routes, and the reads of a single title and of artwork. */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "engines/blob/blob.h"
#include "engines/flow/sagas.h"
#include "foundation/http/http_file.h"
#include "foundation/http/http_route.h"
#include "foundation/task/pool.h"

struct catalog catalog;

enum err catalog_request_id(const struct http_request *request, const char *param, const char *slug,
                            struct id *out_id)
{
    str text = http_param(request, param);
    if (id_parse(text, out_id))
        return OK;
    return err_set(ERR_NOT_FOUND, slug, "\"%.*s\" is no id", STR_ARG(text));
}

/* --- One title ------------------------------------------------------------------------------ */

struct title_read {
    struct id id;
    struct page_view view;
    struct buf *out;
    int64_t version;
};

static enum err title_read(struct db_tx *tx, void *arg)
{
    struct title_read *read = arg;
    struct title title;
    if (read->view.now != INSTANT_NEVER)
        TRY(catalog_title_check_shown(tx, read->id, read->view.now));
    TRY(catalog_title_load(tx, read->id, &title));
    read->version = title.version;
    return catalog_page_write(tx, &title, &read->view, read->out);
}

static enum err title_build(struct http_request *request, str language, struct buf *out,
                            int64_t *out_version)
{
    struct title_read read = { .view = { language, clock_now() }, .out = out };
    TRY(catalog_language_check(request));
    TRY(catalog_request_id(request, "id", "title-not-found", &read.id));
    TRY(catalog_page_read(catalog.db, read.id, &read.view, title_read, &read));
    *out_version = read.version;
    return OK;
}

enum err catalog_on_title_get(struct http_request *request, struct http_response *response)
{
    struct buf buf;
    struct title_read read = { .view = { catalog_request_language(request), INSTANT_NEVER },
                               .out = &buf };
    if (!caller_has(request, ROLE_ADMIN))
        return catalog_cache_answer(request, response, title_build);
    if (!task_current())
        return http_continue_in_task(request);
    buf_init(&buf, request->arena, MIB(1));
    TRY(catalog_language_check(request));
    TRY(catalog_request_id(request, "id", "title-not-found", &read.id));
    TRY(db_read(catalog.db, title_read, &read));
    return catalog_reply_editor(request, response, buf_str(&buf), read.version);
}

/* --- Artwork -------------------------------------------------------------------------------- */

struct artwork_query {
    str v;
};
SHAPE(artwork_query_shape, struct artwork_query,
      FIELD(struct artwork_query, v, .max = 64,
            .doc = "version, as the address in answers has it: such an answer is kept for ever"));

struct artwork_open {
    str key, path;
    struct http_file *file;
};

static enum err artwork_open(void *arg)
{
    struct artwork_open *open = arg;
    return http_file_cache_get(catalog.artwork, open->key, open->path.ptr, &open->file);
}

enum err catalog_on_artwork_get(struct http_request *request, struct http_response *response)
{
    struct artwork_open open = { 0 };
    struct artwork_query query;
    struct db_row row;
    struct id id;
    TRY(shape_parse_query(request->arena, &artwork_query_shape, request->query, &query));
    TRY(catalog_request_id(request, "id", "artwork-not-found", &id));
    TRY(db_find(db_now(catalog.db), &SQL_ARTWORK_GET,
                DB_ARGS(DB_I64(id.value), DB_TIME(clock_now())), &row));
    bool shown = row.values && db_bool(&row, 3);
    if (!row.values || !(shown || caller_has(request, ROLE_ADMIN)))
        return err_set(ERR_NOT_FOUND, "artwork-not-found", "there is no artwork %lld",
                       (long long)id.value);
    open.key = db_text(&row, 0);
    open.file = http_file_cache_find(catalog.artwork, open.key);
    if (!open.file) {
        TRY(blob_local_path(catalog.blobs, open.key, &open.path));
        TRY(await_blocking(catalog.files, artwork_open, &open));
    }
    struct http_file_part part = { .file = open.file, .size_bytes = open.file->size_bytes };
    http_reply_file(request, response, db_text(&row, 1), &part);
    http_file_release(open.file);
    response->etag = arena_printf(request->arena, "\"%.*s\"", STR_ARG(db_text(&row, 2)));
    response->cache_control = !shown        ? STR("no-store")
                              : query.v.len ? STR("public, max-age=31536000, immutable")
                                            : STR("no-cache");
    /* An SVG is a document: opened by itself it must not run anything. */
    return http_header_add(response, STR("Content-Security-Policy"),
                           STR("default-src 'none'; style-src 'unsafe-inline'; sandbox"));
}

/* --- The module ----------------------------------------------------------------------------- */

static const struct http_route routes[] = {
    { METHOD_GET, "/v1/home", catalog_on_home_get, "The shelves of the home page",
      .query = &language_query_shape, .out = &home_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/titles", catalog_on_titles_list, "Titles by filters, in an order",
      .query = &titles_query_shape, .out = &titles_list_shape, .answers = ANSWERS_304 | ANSWERS_401,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/titles/{id}", catalog_on_title_get, "One title",
      .query = &language_query_shape, .out = &title_page_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/people", catalog_on_people_list, "People by name",
      .query = &people_query_shape, .out = &people_list_shape, .answers = ANSWERS_304 | ANSWERS_401,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/people/{id}", catalog_on_person_get, "One person with their titles",
      .query = &language_query_shape, .out = &person_page_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/genres", catalog_on_genres_list, "Genres with the number of titles",
      .query = &language_query_shape, .out = &facets_list_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/countries", catalog_on_countries_list, "Countries with the number of titles",
      .query = &language_query_shape, .out = &facets_list_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/years", catalog_on_years_list, "Years with the number of titles",
      .query = &language_query_shape, .out = &facets_list_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/collections", catalog_on_collections_list, "Shelves, or collections",
      .query = &collections_query_shape, .out = &collections_list_shape, .answers = ANSWERS_304,
      .flags = ROUTE_INLINE },
    { METHOD_GET, "/v1/collections/{id}", catalog_on_collection_get,
      "One collection with its titles", .query = &language_query_shape,
      .out = &collection_page_shape, .answers = ANSWERS_304, .flags = ROUTE_INLINE },
    { METHOD_GET, "/artwork/{id}", catalog_on_artwork_get, "A picture",
      .query = &artwork_query_shape, .media_types = "image/*",
      .answers = ANSWERS_206 | ANSWERS_304 },

    { METHOD_POST, "/v1/titles", catalog_on_title_add, "Add a title, as a draft",
      .in = &title_add_shape, .out = &title_page_shape, .role = ROLE_ADMIN, .status = 201,
      .answers = ANSWERS_409 | ANSWERS_LOCATION },
    { METHOD_PATCH, "/v1/titles/{id}", catalog_on_title_patch, "Change a title",
      .in = &title_patch_shape, .out = &title_page_shape, .role = ROLE_ADMIN,
      .answers = ANSWERS_428 },
    { METHOD_GET, "/v1/titles/{id}/edit", catalog_on_title_edit_get,
      "All texts and where every value is from", .out = &title_edit_shape, .role = ROLE_ADMIN,
      .answers = ANSWERS_304 },
    { METHOD_PATCH, "/v1/titles/{id}/seasons/{number}", catalog_on_season_patch,
      "Name a season, under the ETag of the series; 0: specials", .in = &season_patch_shape,
      .out = &title_page_shape, .role = ROLE_ADMIN, .answers = ANSWERS_428 },
    { METHOD_POST, "/v1/titles/{id}/publish", catalog_on_title_publish, "Publish",
      .out = &title_page_shape, .role = ROLE_ADMIN, .answers = ANSWERS_428 },
    { METHOD_POST, "/v1/titles/{id}/publish-when-ready", catalog_on_title_publish_when_ready,
      "Publish once the film is stored and the time has come, as a saga", .in = &publish_wish_shape,
      .out = &publish_started_shape, .role = ROLE_ADMIN, .status = 202,
      .flags = ROUTE_BODY_OPTIONAL, .answers = ANSWERS_409 | ANSWERS_LOCATION },
    { METHOD_POST, "/v1/titles/{id}/archive", catalog_on_title_archive, "Archive",
      .out = &title_page_shape, .role = ROLE_ADMIN, .answers = ANSWERS_428 },
    { METHOD_PATCH, "/v1/people/{id}", catalog_on_person_patch, "Change a person",
      .in = &person_patch_shape, .out = &person_page_shape, .role = ROLE_ADMIN,
      .answers = ANSWERS_428 },
    { METHOD_GET, "/v1/people/{id}/edit", catalog_on_person_edit_get,
      "All texts of a person and where every value is from", .out = &person_edit_shape,
      .role = ROLE_ADMIN, .answers = ANSWERS_304 },
    { METHOD_POST, "/v1/collections", catalog_on_collection_put,
      "Add (201) or replace (200) the shelf or collection of a slug", .in = &collection_put_shape,
      .out = &collection_page_shape, .role = ROLE_ADMIN, .status = 201,
      .answers = ANSWERS_200 | ANSWERS_409 | ANSWERS_LOCATION },
    { METHOD_DELETE, "/v1/collections/{id}", catalog_on_collection_remove,
      "Remove a shelf or collection", .role = ROLE_ADMIN },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

enum { ARTWORK_FILES_MAX = 256 };

static enum err catalog_open(const struct module_env *env)
{
    catalog = (struct catalog){ .db = env->db, .blobs = env->blobs, .files = env->files };
    TRY(catalog_people_catch_up());
    catalog.artwork = http_file_cache_open(ARTWORK_FILES_MAX);
    catalog_cache_open();
    return OK;
}

static void catalog_close(void)
{
    catalog_cache_close();
    http_file_cache_close(catalog.artwork);
}

static const struct job_kind kinds[] = {
    SAGA_JOB(CATALOG_PUBLISH_JOB, catalog_publish_saga, .concurrency_max = 4),
};

const struct module catalog_module = {
    .name = "catalog",
    .context = "content",
    .sql = &CATALOG_SQL,
    .routes = &route_table,
    .events = &catalog_events,
    .job_kinds = kinds,
    .job_kinds_count = ARRAY_LEN(kinds),
    .open = catalog_open,
    .close = catalog_close,
};
