/* playback_stage: see its header. */
#include "playback_stage.h"

#include "domains/content/catalog/catalog.h"
#include "domains/module/answers.h"
#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/http/http_route.h"
#include "foundation/mem/heap.h"
#include "foundation/task/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct stage {
    struct pool *files;
    struct blob_store *blobs;
    struct db *db;
    struct module_env env;
    struct fixture *http;
    struct arena arena;
};

/* Every answer of every test is one its route's row names. */
static void after(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome)
{
    (void)owner, (void)response;
    if (request->route && !answers_allow(request->route, outcome->status))
        PANIC("%s answered %u, which its row does not name", request->route->pattern,
              outcome->status);
}

struct stage *stage_open(void)
{
    static const struct http_server_settings settings = { .after = after };
    const struct db_module *const modules[2] = { catalog_module.sql, assets_module.sql };
    struct stage *stage = HEAP_NEW(struct stage);
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = test_folder(),
                            .context = "content",
                            .modules = modules,
                            .modules_count = 2 };
    open_cache_close(); /* ids begin anew: nothing of a test that failed may be found */
    arena_init(&stage->arena, MIB(256));
    CHECK_OK(pool_open("files", 2, 64, &stage->files));
    CHECK_OK(db_open(&spec, &stage->db));
    str blobs = arena_printf(&stage->arena, "%s/blobs", test_folder());
    CHECK_OK(blob_open(&blob_disk, blobs.ptr, stage->files, &stage->blobs));
    stage->env =
        (struct module_env){ .db = stage->db, .blobs = stage->blobs, .files = stage->files };
    CHECK_OK(catalog_module.open(&stage->env));
    CHECK_OK(playback_module.open(&stage->env));
    stage->http =
        fixture_open(playback_module.routes->routes, playback_module.routes->count, &settings);
    return stage;
}

void stage_close(struct stage *stage)
{
    fixture_close(stage->http);
    playback_module.close();
    catalog_module.close();
    blob_close(stage->blobs);
    db_close(stage->db);
    pool_close(stage->files);
    arena_deinit(&stage->arena);
    heap_free(stage);
}

struct fixture *stage_http(struct stage *stage)
{
    return stage->http;
}

/* --- Steps of ingest ------------------------------------------------------------------------ */

struct transaction {
    struct stage *stage;
    db_tx_fn fn;
    void *arg;
};

static enum err transact(void *arg)
{
    struct transaction *transaction = arg;
    return db_tx(transaction->stage->db, transaction->fn, transaction->arg);
}

void stage_transact(struct stage *stage, db_tx_fn fn, void *arg)
{
    struct transaction transaction = { stage, fn, arg };
    CHECK_OK(task_run("stage", MIB(16), transact, &transaction));
}

static enum err asset_reserve(struct db_tx *tx, void *out_id)
{
    struct asset_source source = { .fingerprint = STR("f"), .source = STR("/films/film.mkv") };
    return asset_add(tx, &source, out_id);
}

struct id stage_asset(struct stage *stage)
{
    struct id id;
    stage_transact(stage, asset_reserve, &id);
    return id;
}

struct storing {
    struct stage *stage;
    struct id asset;
    struct asset_track track;
    str file, index;
};

static enum err put_blobs(void *arg)
{
    struct storing *storing = arg;
    struct blob_store *blobs = storing->stage->blobs;
    str name = storing->track.name;
    bool text = storing->track.kind == ASSET_SUBTITLE;
    str key = asset_blob_key(task_arena(), storing->asset, name, text ? ".vtt" : ".mp4");
    TRY(blob_put(blobs, key, storing->file, NULL));
    key = asset_blob_key(task_arena(), storing->asset, name, ".idx");
    return text ? OK : blob_put(blobs, key, storing->index, NULL);
}

static enum err put_row(struct db_tx *tx, void *arg)
{
    struct storing *storing = arg;
    return asset_track_add(tx, storing->asset, &storing->track);
}

void stage_track(struct stage *stage, struct id asset, const struct asset_track *track, str file)
{
    struct storing storing = { stage, asset, *track, file, STR_NONE };
    if (track->kind != ASSET_SUBTITLE) {
        uint64_t head_bytes;
        CHECK_OK(mp4_head_size(file, file.len, &head_bytes));
        struct index_params params = { .head = str_sub(file, 0, (size_t)head_bytes),
                                       .file_size_bytes = file.len,
                                       .target_ms = 2000 };
        CHECK_OK(index_build(&stage->arena, &params, &storing.index));
    }
    CHECK_OK(task_run("stage", MIB(16), put_blobs, &storing));
    stage_transact(stage, put_row, &storing);
}

struct publishing {
    struct id asset, title;
    bool published;
};

static enum err publish(struct db_tx *tx, void *arg)
{
    static const struct catalog_value values[] = { { STR_INIT("title"), STR_INIT("en"),
                                                     STR_INIT("A film") } };
    struct publishing *publishing = arg;
    struct catalog_record record = {
        .kind = TITLE_FILM, .source = CATALOG_SOURCE_NFO, .values = values, .values_count = 1
    };
    struct id edition_id;
    publishing->title = ID_NONE;
    TRY(asset_ready(tx, publishing->asset, 10000, 160, 90));
    TRY(catalog_record_put(tx, &record, &publishing->title));
    struct catalog_edition edition = { .title = publishing->title,
                                       .kind = STR("feature"),
                                       .name = STR(""),
                                       .asset = publishing->asset,
                                       .duration_ms = 10000,
                                       .width = 160,
                                       .height = 90,
                                       .audio_json = STR("[]"),
                                       .subtitles_json = STR("[]") };
    TRY(catalog_edition_put(tx, &edition, &edition_id));
    return publishing->published ? catalog_title_publish(tx, publishing->title) : OK;
}

struct id stage_film(struct stage *stage, struct id asset, bool published)
{
    struct publishing publishing = { asset, ID_NONE, published };
    stage_transact(stage, publish, &publishing);
    return publishing.title;
}

static enum err forget(struct db_tx *tx, void *arg)
{
    TRY(catalog_edition_remove(tx, *(struct id *)arg));
    return asset_remove(tx, *(struct id *)arg);
}

void stage_forget(struct stage *stage, struct id asset)
{
    stage_transact(stage, forget, &asset);
    assets_changed();
}

struct locating {
    struct stage *stage;
    str key, path;
};

static enum err locate(void *arg)
{
    struct locating *locating = arg;
    str path;
    TRY(blob_local_path(locating->stage->blobs, locating->key, &path));
    locating->path = arena_str(&locating->stage->arena, path);
    return OK;
}

const char *stage_path(struct stage *stage, struct id asset, const char *file)
{
    struct locating locating = { .stage = stage };
    locating.key = asset_blob_key(&stage->arena, asset, str_of(file), "");
    CHECK_OK(task_run("stage", MIB(1), locate, &locating));
    CHECK(access(locating.path.ptr, F_OK) == 0);
    return locating.path.ptr;
}

/* --- Asking --------------------------------------------------------------------------------- */

struct looking {
    struct id id;
    char text[100];
};

static enum err look(struct db_tx *tx, void *arg)
{
    struct looking *looking = arg;
    struct asset asset;
    TRY(asset_get(tx, looking->id, &asset));
    snprintf(looking->text, sizeof(looking->text), "/media/%lld-%.*s", (long long)asset.id.value,
             STR_ARG(asset.token));
    return OK;
}

str stage_address(struct stage *stage, struct id asset)
{
    struct looking looking = { .id = asset };
    stage_transact(stage, look, &looking);
    return arena_str(&stage->arena, str_of(looking.text));
}

str stage_ask(struct stage *stage, const char *method, str path, const char *fields)
{
    str request =
        arena_printf(&stage->arena, "%s %.*s HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n",
                     method, STR_ARG(path), fields);
    return client_ask(stage->http, request);
}

str stage_get(struct stage *stage, struct id asset, const char *file)
{
    str path = arena_printf(&stage->arena, "%.*s/%s", STR_ARG(stage_address(stage, asset)), file);
    return stage_ask(stage, "GET", path, "");
}
