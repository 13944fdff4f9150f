/* catalog_stage: see its header. */
#include "catalog_stage_test.h"

#include "domains/content/assets/assets.h"
#include "domains/module/answers.h"
#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/db/sqlite/sqlite.h"
#include "engines/flow/jobs.h"
#include "foundation/http/http_route.h"
#include "foundation/task/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    struct pool *files;
    struct blob_store *blobs;
    struct db *db;
    struct module_env env;
    struct fixture *http;
    struct arena arena;
} stage;

static enum err before(void *owner, struct http_request *request, struct http_response *response)
{
    static struct caller anyone = { ROLE_ANYONE }, an_admin = { ROLE_ADMIN };
    (void)owner, (void)response;
    bool is_admin = http_header_find(request, STR("X-Admin")).len > 0;
    request->context = is_admin ? &an_admin : &anyone;
    return request->route && request->route->role == ROLE_ADMIN ? require_role(request, ROLE_ADMIN)
                                                                : OK;
}

/* Every answer of every test is one its route's row names. */
static void after(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    (void)owner, (void)response;
    if (request->route && !answers_allow(request->route, outcome->status))
        PANIC("%s answered %u, which its row does not name", request->route->pattern,
              outcome->status);
}

void stage_open(void)
{
    static const struct db_module *modules[3];
    static const struct http_server_settings settings = { .before = before, .after = after };
    modules[0] = catalog_module.sql;
    modules[1] = assets_module.sql;
    modules[2] = &FLOW_SQL;
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = test_folder(),
                            .context = "content",
                            .modules = modules,
                            .modules_count = 3,
                            .settings = { .run_twice = true } };
    arena_deinit(&stage.arena);
    arena_init(&stage.arena, MIB(512));
    CHECK_OK(pool_open("files", 2, 64, &stage.files));
    CHECK_OK(db_open(&spec, &stage.db));
    str blobs = arena_printf(&stage.arena, "%s/blobs", test_folder());
    CHECK_OK(blob_open(&blob_disk, blobs.ptr, stage.files, &stage.blobs));
    stage.env = (struct module_env){ .db = stage.db, .blobs = stage.blobs, .files = stage.files };
    CHECK_OK(catalog_module.open(&stage.env));
    stage.http =
        fixture_open(catalog_module.routes->routes, catalog_module.routes->count, &settings);
}

void stage_close(void)
{
    clock_set(INSTANT_NEVER);
    fixture_close(stage.http);
    catalog_module.close();
    blob_close(stage.blobs);
    db_close(stage.db);
    pool_close(stage.files);
    arena_deinit(&stage.arena);
}

struct arena *stage_arena(void)
{
    return &stage.arena;
}

struct db *stage_db(void)
{
    return stage.db;
}

struct transaction {
    db_tx_fn fn;
    void *arg;
};

static enum err transact(void *arg)
{
    struct transaction *transaction = arg;
    return db_tx(stage.db, transaction->fn, transaction->arg);
}

enum err stage_try(db_tx_fn fn, void *arg)
{
    struct transaction transaction = { fn, arg };
    enum err result = task_run("stage", MIB(16), transact, &transaction);
    return result;
}

/* --- Filling -------------------------------------------------------------------------------- */

struct put {
    struct catalog_record record;
    struct id before, id;
    bool publish;
};

static enum err put_tx(struct db_tx *tx, void *arg)
{
    struct put *put = arg;
    put->id = put->before;
    TRY(catalog_record_put(tx, &put->record, &put->id));
    return put->publish ? catalog_title_publish(tx, put->id) : OK;
}

struct id stage_title(enum title_kind kind, const char *title, int year, bool published)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", year);
    struct catalog_value values[2] = { { STR("title"), STR("en"), str_of(title) },
                                       { STR("year"), STR(""), str_of(year ? number : "") } };
    struct put put = { .record = { .kind = kind, .values = values, .values_count = 2 },
                       .publish = published };
    stage_do(put_tx, &put);
    return put.id;
}

struct id stage_film(const char *title, int year)
{
    return stage_title(TITLE_FILM, title, year, true);
}

struct id stage_episode(struct id series, int season, int episode, const char *title)
{
    struct catalog_value value = { STR("title"), STR("en"), str_of(title) };
    struct put put = { .record = { .kind = TITLE_EPISODE,
                                   .series_id = series,
                                   .season = season,
                                   .episode = episode,
                                   .values = &value,
                                   .values_count = 1 },
                       .publish = true };
    stage_do(put_tx, &put);
    return put.id;
}

enum err stage_put(struct id id, enum catalog_source source, struct catalog_value value)
{
    struct put put = { .record = { .source = source, .values = &value, .values_count = 1 },
                       .before = id };
    return stage_try(put_tx, &put);
}

void stage_set(struct id id, enum catalog_source source, const char *field, const char *value)
{
    CHECK_OK(
        stage_put(id, source, (struct catalog_value){ str_of(field), STR(""), str_of(value) }));
}

void stage_text(struct id id, enum catalog_source source, const char *language, const char *title)
{
    CHECK_OK(stage_put(id, source,
                       (struct catalog_value){ STR("title"), str_of(language), str_of(title) }));
}

static enum err publish_tx(struct db_tx *tx, void *arg)
{
    return catalog_title_publish(tx, *(struct id *)arg);
}

void stage_publish(struct id id)
{
    stage_do(publish_tx, &id);
}

struct blob {
    str key, content;
};

static enum err blob_task(void *arg)
{
    struct blob *blob = arg;
    return blob_put(stage.blobs, blob->key, blob->content, NULL);
}

str stage_blob(const char *key, const char *bytes)
{
    struct blob blob = { str_of(key), str_of(bytes) };
    CHECK_OK(task_run("blob", MIB(1), blob_task, &blob));
    return blob.key;
}

static enum err edition_tx(struct db_tx *tx, void *arg)
{
    struct catalog_edition *edition = arg;
    struct id id;
    TRY(catalog_edition_put(tx, edition, &id));
    edition->position = id.value;
    return OK;
}

static struct id edition_put(struct id title, int64_t asset, const char *const names[2],
                             const char *unavailable)
{
    struct catalog_edition edition = { .title = title,
                                       .kind = str_of(names[0]),
                                       .name = str_of(names[1]),
                                       .asset = ID(asset),
                                       .duration_ms = 1000,
                                       .audio_json = STR("[]"),
                                       .subtitles_json = STR("[]"),
                                       .unavailable_json = str_of(unavailable) };
    stage_do(edition_tx, &edition);
    return ID(edition.position);
}

struct id stage_edition(struct id title, int64_t asset, const char *kind, const char *name)
{
    return edition_put(title, asset, (const char *const[]){ kind, name }, "");
}

void stage_feature(struct id title, int64_t asset, const char *unavailable)
{
    edition_put(title, asset, (const char *const[]){ "feature", "" }, unavailable);
}

static enum err edition_remove_tx(struct db_tx *tx, void *arg)
{
    return catalog_edition_remove(tx, *(struct id *)arg);
}

void stage_edition_remove(int64_t asset)
{
    struct id id = ID(asset);
    stage_do(edition_remove_tx, &id);
}

void stage_credits(struct id title, enum catalog_source source,
                   const struct catalog_credit *credits, size_t count)
{
    struct put put = { .record = { .source = source, .credits = credits, .credits_count = count },
                       .before = title };
    stage_do(put_tx, &put);
}

void stage_person(struct id title, enum catalog_source source, const char *name)
{
    struct catalog_text text = { STR("en"), str_of(name) };
    struct catalog_credit credit = { .names = &text, .names_count = 1, .role = STR("director") };
    stage_credits(title, source, &credit, 1);
}

/* --- Asking --------------------------------------------------------------------------------- */

str ask(const char *method, const char *path, const char *fields, const char *body)
{
    str request = arena_printf(&stage.arena,
                               "%s %s HTTP/1.1\r\nHost: cinema\r\nContent-Length: %zu\r\n"
                               "Connection: close\r\n%s\r\n%s",
                               method, path, strlen(body), fields, body);
    return arena_str(&stage.arena, client_ask(stage.http, request));
}

str get(const char *path)
{
    str answer = ask("GET", path, "", "");
    CHECK_INT(answer_status(answer), 200);
    return answer_body(answer);
}

str admin(const char *method, const char *path, const char *body)
{
    return ask(method, path, "X-Admin: yes\r\n", body);
}

str admin_edit_of(const char *method, const char *path, const char *body)
{
    str etag = answer_field(admin("GET", path, ""), STR("ETag"));
    str fields = arena_printf(&stage.arena, "X-Admin: yes\r\nIf-Match: %.*s\r\n", STR_ARG(etag));
    return ask(method, path, fields.ptr, body);
}

str admin_edit(const char *method, struct id title, const char *what, const char *body)
{
    const char *path = path_of("/v1/titles/%lld", (long long)title.value);
    str etag = answer_field(admin("GET", path, ""), STR("ETag"));
    str fields = arena_printf(&stage.arena, "X-Admin: yes\r\nIf-Match: %.*s\r\n", STR_ARG(etag));
    return ask(method, path_of("%s%s", path, what), fields.ptr, body);
}

bool has(str text, const char *part)
{
    return str_find(text, str_of(part)) >= 0;
}

const char *path_of(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str text = arena_vprintf(&stage.arena, format, args);
    va_end(args);
    return text.ptr;
}

struct an_item {
    struct id id;
};
SHAPE_FORGIVING(an_item_shape, struct an_item, FIELD(struct an_item, id, .required = true));
struct some_items {
    LIST_OF(struct an_item) items;
    opt_str next;
};
SHAPE_FORGIVING(some_items_shape, struct some_items,
                FIELD_SHAPES(struct some_items, items, an_item_shape, .max = 128),
                FIELD(struct some_items, next));

struct listed list_of(str body)
{
    struct some_items items;
    struct listed list = { .count = 0 };
    CHECK_OK(shape_parse_json(&stage.arena, &some_items_shape, body, &items));
    list.ids = ARENA_ARRAY(&stage.arena, items.items.count + 1, struct id);
    for (size_t i = 0; i < items.items.count; i++)
        list.ids[list.count++] = items.items.items[i].id;
    if (items.next.state == OPT_SET)
        list.next = arena_str(&stage.arena, items.next.value).ptr;
    return list;
}

struct listed list_get(const char *path)
{
    return list_of(get(path));
}

bool listed_has(const struct listed *list, struct id id)
{
    for (size_t i = 0; i < list->count; i++)
        if (id_eq(list->ids[i], id))
            return true;
    return false;
}
