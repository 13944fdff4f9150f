/* ingest_stage: see its header. */
#include "ingest_stage_test.h"

#include "domains/content/assets/assets.h"
#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/db/sqlite/sqlite.h"
#include "engines/flow/jobs.h"
#include "foundation/http/http_fixture.h"
#include "foundation/http/http_route.h"
#include "foundation/shape/shape.h"
#include "foundation/task/loop.h"
#include "foundation/task/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    struct pool *files, *children;
    struct blob_store *blobs;
    struct db *db;
    struct module_env env;
    struct http_route routes[64];
    struct fixture *http;
    struct jobs *jobs;
    struct arena arena;
} stage;

static enum err before(void *owner, struct http_request *request, struct http_response *response)
{
    static struct caller the_admin = { ROLE_ADMIN };
    (void)owner, (void)response;
    request->context = &the_admin;
    return OK;
}

static void start_jobs(void *arg)
{
    struct jobs_spec spec = { .db = stage.db,
                              .kinds = ingest_module.job_kinds,
                              .kinds_count = ingest_module.job_kinds_count,
                              .sole_owner = true };
    (void)arg;
    ASSERT(jobs_start(loop_current(), &spec, &stage.jobs) == OK);
}

static void open_http(void)
{
    static const struct http_server_settings settings = { .before = before };
    size_t count = 0;
    const struct http_route_table *tables[] = { catalog_module.routes, ingest_module.routes };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (size_t j = 0; j < tables[i]->count; j++)
            stage.routes[count++] = tables[i]->routes[j];
    stage.http = fixture_open(stage.routes, count, &settings);
    fixture_run(stage.http, start_jobs, NULL);
}

void stage_open(void)
{
    static const struct db_module *modules[4];
    const struct db_module *const all[] = { &FLOW_SQL, catalog_module.sql, assets_module.sql,
                                            ingest_module.sql };
    memcpy(modules, all, sizeof(all));
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = test_folder(),
                            .context = "content",
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules),
                            .settings = { .run_twice = true } };
    arena_deinit(&stage.arena);
    arena_init(&stage.arena, MIB(512));
    CHECK_OK(pool_open("files", 2, 1024, &stage.files));
    CHECK_OK(pool_open("children", 1, 16, &stage.children));
    CHECK_OK(db_open(&spec, &stage.db));
    CHECK_OK(blob_open(&blob_disk, text_of("%s/blobs", test_folder()), stage.files, &stage.blobs));
    stage.env = (struct module_env){ .db = stage.db,
                                     .blobs = stage.blobs,
                                     .files = stage.files,
                                     .background = stage.files,
                                     .children = stage.children,
                                     .data_folder = test_folder() };
    CHECK(mkdir(text_of("%s/films", test_folder()), 0755) == 0);
    CHECK_OK(catalog_module.open(&stage.env));
    CHECK_OK(ingest_module.open(&stage.env));
    open_http();
}

/* fixture_close() stops the loop, and with it the runner. */
void stage_close(void)
{
    fixture_close(stage.http);
    jobs_close(stage.jobs);
    ingest_module.close();
    catalog_module.close();
    blob_close(stage.blobs);
    db_close(stage.db);
    pool_close(stage.children);
    pool_close(stage.files);
    arena_deinit(&stage.arena);
}

struct db *stage_db(void)
{
    return stage.db;
}

struct arena *stage_arena(void)
{
    return &stage.arena;
}

const char *text_of(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str text = arena_vprintf(&stage.arena, format, args);
    va_end(args);
    return text.ptr;
}

bool has(str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

/* --- Films ---------------------------------------------------------------------------------- */

const char *films_path(const char *name)
{
    return text_of("%s/films%s%s", test_folder(), *name ? "/" : "", name);
}

void film_file(const char *name, str content)
{
    char *path = arena_cstr(&stage.arena, str_of(films_path(name)));
    for (char *slash = strchr(path + strlen(test_folder()) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fwrite(content.ptr, 1, content.len, file) == content.len);
    CHECK(fclose(file) == 0);
}

void film_folder_forbid(const char *name, bool forbid)
{
    CHECK(chmod(films_path(name), forbid ? 0 : 0755) == 0);
}

void film_remove(const char *name)
{
    CHECK(unlink(films_path(name)) == 0);
}

void film_with_nfo(const char *stem, const char *title, int year, const char *more)
{
    film_file(text_of("%s.mkv", stem), STR("no film"));
    film_file(
        text_of("%s.nfo", stem),
        str_of(text_of("<movie><title>%s</title><year>%d</year>%s</movie>", title, year, more)));
}

/* --- Asking --------------------------------------------------------------------------------- */

static str ask(const char *method, const char *path, const char *fields, const char *body)
{
    const char *request = text_of("%s %s HTTP/1.1\r\nHost: cinema\r\nContent-Length: %zu\r\n"
                                  "Connection: close\r\n%s\r\n%s",
                                  method, path, strlen(body), fields, body);
    return arena_str(&stage.arena, client_ask(stage.http, str_of(request)));
}

str admin(const char *method, const char *path, const char *body)
{
    return ask(method, path, "", body);
}

str get(const char *path)
{
    str answer = admin("GET", path, "");
    CHECK_INT(answer_status(answer), 200);
    return answer_body(answer);
}

SHAPE_FORGIVING(imported_shape, struct imported, FIELD(struct imported, state),
                FIELD(struct imported, message), FIELD(struct imported, files_total),
                FIELD(struct imported, files_done), FIELD(struct imported, files_failed),
                FIELD(struct imported, folders_total), FIELD(struct imported, folders_unchanged));
struct an_item {
    struct id id;
};
SHAPE_FORGIVING(an_item_shape, struct an_item, FIELD(struct an_item, id));
struct some_items {
    LIST_OF(struct an_item) items;
};
SHAPE_FORGIVING(some_items_shape, struct some_items,
                FIELD_SHAPES(struct some_items, items, an_item_shape, .max = 128));

static struct some_items items_of(const char *path)
{
    struct some_items items;
    CHECK_OK(shape_parse_json(&stage.arena, &some_items_shape, get(path), &items));
    return items;
}

struct imported import_wait(void)
{
    struct imported imported;
    struct some_items items = items_of("/v1/imports?limit=1");
    for (int round = 0; round < 3000; round++) { /* half a minute */
        str body = get(text_of("/v1/imports/%lld", (long long)items.items.items[0].id.value));
        CHECK_OK(shape_parse_json(&stage.arena, &imported_shape, body, &imported));
        imported.body = body;
        if (!str_eq(imported.state, STR("queued")) && !str_eq(imported.state, STR("scanning")) &&
            !str_eq(imported.state, STR("running"))) {
            imported.files = get(text_of("/v1/imports/%lld/files?limit=100",
                                         (long long)items.items.items[0].id.value));
            return imported;
        }
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
    }
    CHECK(str_eq(imported.state, STR("ended")));
    return imported;
}

struct imported import_of(const char *name)
{
    str answer = admin("POST", "/v1/imports",
                       text_of("{\"paths\":[\"%s\"],\"media\":false}", films_path(name)));
    CHECK_INT(answer_status(answer), 202);
    return import_wait();
}

struct imported import(void)
{
    return import_of("");
}

static enum err counts_read(struct db_tx *tx, void *arg)
{
    return catalog_counts(tx, arg);
}

static enum err counts_task(void *arg)
{
    return db_read_scan(stage.db, counts_read, arg);
}

struct catalog_counts counts(void)
{
    struct catalog_counts counts;
    CHECK_OK(task_run("counts", 0, counts_task, &counts));
    return counts;
}

int64_t title_id(const char *prefix)
{
    struct some_items items = items_of(text_of("/v1/titles?status=any&prefix=%s", prefix));
    CHECK_INT(items.items.count, 1);
    return items.items.items[0].id.value;
}

str title_page(const char *prefix)
{
    return get(text_of("/v1/titles/%lld", (long long)title_id(prefix)));
}

int64_t only_review(void)
{
    struct some_items items = items_of("/v1/reviews");
    CHECK_INT(items.items.count, 1);
    return items.items.items[0].id.value;
}

str form_of(int64_t id)
{
    return get(text_of("/v1/titles/%lld/edit", (long long)id));
}

void edit(int64_t id, const char *body)
{
    const char *path = text_of("/v1/titles/%lld", (long long)id);
    str etag = answer_field(admin("GET", path, ""), STR("ETag"));
    str answer = ask("PATCH", path, text_of("If-Match: %.*s\r\n", STR_ARG(etag)), body);
    CHECK_INT(answer_status(answer), 200);
}
