/* ingest_film_stage: see its header. */
#include "ingest_film_stage_test.h"

#include "ingest_probe.h"
#include "ingest_sql.h"

#include "engines/blob/disk/disk.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/child/child.h"
#include "foundation/task/loop.h"
#include "foundation/task/pool.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct loop *loop;
struct jobs *film_jobs;
struct module_env film_env;
static char film_folder[600], store[600];
char film_own_path[4096];

/* --- The stage ------------------------------------------------------------------------------ */

static void need_ffmpeg(void)
{
    struct arena arena;
    arena_init(&arena, KIB(64));
    bool there = child_find_program(&arena, "ffmpeg").len > 0 &&
                 child_find_program(&arena, "ffprobe").len > 0;
    arena_deinit(&arena);
    if (!there)
        SKIP("ffmpeg is not installed: no film can be made to test with");
}

void film_jobs_run(void)
{
    struct jobs_spec spec = { .db = film_env.db,
                              .kinds = ingest_module.job_kinds,
                              .kinds_count = ingest_module.job_kinds_count,
                              .sole_owner = true,
                              .seed = 7 };
    CHECK_OK(jobs_start(loop, &spec, &film_jobs));
}

static void on_scenario_end(void *arg, enum err result)
{
    (void)arg;
    CHECK_OK(result);
    loop_stop(loop);
}

static void on_start(void *arg)
{
    struct task_spec spec = { .name = "scenario",
                              .fn = *(task_fn *)arg,
                              .on_end = on_scenario_end,
                              .arena_bytes_max = MIB(256) };
    CHECK_OK(task_start(loop, &spec, NULL));
}

static void stage_open(void)
{
    static const struct db_module *context[4];
    context[0] = &FLOW_SQL;
    context[1] = catalog_module.sql;
    context[2] = assets_module.sql;
    context[3] = ingest_module.sql;
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = test_folder(),
                            .context = "content",
                            .modules = context,
                            .modules_count = ARRAY_LEN(context),
                            .settings = { .run_twice = true } };
    film_env = (struct module_env){ .data_folder = test_folder() };
    snprintf(film_folder, sizeof(film_folder), "%s/films", test_folder());
    snprintf(store, sizeof(store), "%s/blobs", test_folder());
    CHECK_INT(mkdir(film_folder, 0700), 0);
    CHECK_OK(pool_open("files", 2, 64, &film_env.files));
    film_env.background = film_env.files;
    CHECK_OK(pool_open("children", 4, 64, &film_env.children));
    CHECK_OK(db_open(&spec, &film_env.db));
    CHECK_OK(blob_open(&blob_disk, store, film_env.files, &film_env.blobs));
    CHECK_OK(catalog_module.open(&film_env));
    CHECK_OK(ingest_module.open(&film_env));
}

void film_path_set(const char *path)
{
    setenv("PATH", path, 1); /* NOLINT(concurrency-mt-unsafe): nobody looks meanwhile */
}

void film_scenario(task_fn fn)
{
    need_ffmpeg();
    snprintf(film_own_path, sizeof(film_own_path), "%s", getenv("PATH"));
    stage_open();
    film_jobs = NULL;
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &loop));
    loop_post(loop, on_start, &fn);
    loop_run(loop);
    loop_close(loop);
    if (film_jobs)
        jobs_close(film_jobs);
    ingest_module.close();
    catalog_module.close();
    blob_close(film_env.blobs);
    db_close(film_env.db);
    pool_close(film_env.files);
    pool_close(film_env.children);
    film_path_set(film_own_path);
    ingest_probe_timeout = SECONDS(60);
}

/* `command` runs in the folder of films; $F is ffmpeg with what it always gets. */
void film_shell(const char *command)
{
    static char line[4096];
    snprintf(line, sizeof(line), "cd '%s' && F='ffmpeg -nostdin -v error -y' && %s", film_folder,
             command);
    CHECK_INT(system(line), 0); /* NOLINT(cert-env33-c): the line is ours */
}

void film_write(const char *name, str content)
{
    char path[1300];
    snprintf(path, sizeof(path), "%s/%s", film_folder, name);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_INT(fwrite(content.ptr, 1, content.len, file), content.len);
    CHECK_INT(fclose(file), 0);
}

str film_path(const char *name)
{
    return arena_printf(task_arena(), "%s/%s", film_folder, name);
}

unsigned film_store_files(const char *folder)
{
    char path[1300];
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/%s", store, folder);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* --- Asking for films ----------------------------------------------------------------------- */

static enum err wish_tx(struct db_tx *tx, void *arg)
{
    struct film_wish *wish = arg;
    struct arena *arena = db_arena(tx);
    str shown = str_of(wish->shown ? wish->shown : wish->name);
    struct catalog_record record = ingest_record_of_name(
        arena, TITLE_FILM, arena_printf(arena, "Film %.*s", STR_ARG(shown)), 1950);
    struct film_task task = { .path = ingest_path_to_hex(
                                  arena, arena_printf(arena, "%s/%s", film_folder, wish->name)),
                              .folder = ingest_path_to_hex(arena, STR("/folder")),
                              .edition = STR(""),
                              .extra = str_of(wish->extra),
                              .extra_name = wish->extra ? STR("A trailer") : STR(""),
                              .draft = wish->draft };
    wish->title = wish->known;
    TRY(catalog_record_put(tx, &record, &wish->title));
    TRY(db_insert(tx, &SQL_IMPORT_ADD,
                  DB_ARGS(DB_TEXT(STR("[]")), DB_BOOL(false), DB_BOOL(true), DB_TEXT(STR("nfo")),
                          DB_TIME(clock_now())),
                  &wish->import));
    TRY(db_exec(tx, &SQL_IMPORT_STATE_PUT,
                DB_ARGS(DB_I64(wish->import), DB_TEXT(STR("running")), DB_TEXT(STR(""))), NULL));
    TRY(db_exec(tx, &SQL_FOLDER_PUT, DB_ARGS(DB_BLOB(STR("/folder")), DB_I64(1)), NULL));
    TRY(db_insert(tx, &SQL_IMPORT_FILE_PUT,
                  DB_ARGS(DB_I64(wish->import), DB_TEXT(shown), DB_TEXT(STR("queued")),
                          DB_TEXT(STR("")), DB_I64(wish->title.value), DB_NULL),
                  &wish->file));
    task.import_id = wish->import;
    task.file_id = wish->file;
    task.title_id = wish->title.value;
    task.parts.items = ARENA_ARRAY(arena, ARRAY_LEN(wish->parts), str);
    for (size_t i = 0; i < ARRAY_LEN(wish->parts) && wish->parts[i]; i++)
        task.parts.items[task.parts.count++] =
            ingest_path_to_hex(arena, arena_printf(arena, "%s/%s", film_folder, wish->parts[i]));
    task.sidecars.items = wish->sidecars;
    task.sidecars.count = wish->sidecars_count;
    struct job_new job = { .kind = STR(INGEST_FILM_JOB),
                           .subject = shown,
                           .payload = ingest_film_task_write(arena, &task) };
    TRY(jobs_add(tx, &job, &wish->job));
    return db_exec(tx, &SQL_IMPORT_FILE_JOB_PUT, DB_ARGS(DB_I64(wish->file), DB_I64(wish->job)),
                   NULL);
}

void film_ask(struct film_wish *wish)
{
    CHECK_OK(db_tx(film_env.db, wish_tx, wish));
}

struct job film_job_get(const struct film_wish *wish)
{
    struct job job = { 0 };
    CHECK_OK(jobs_get(db_now(film_env.db), wish->job, &job));
    return job;
}

void film_await(const struct film_wish *wish)
{
    instant give_up = clock_mono() + SECONDS(120);
    struct arena_mark mark = arena_mark(task_arena());
    for (;;) {
        enum job_state state = film_job_get(wish).state;
        arena_rewind(task_arena(), mark);
        if ((state != JOB_QUEUED && state != JOB_RUNNING) || clock_mono() > give_up)
            return;
        CHECK_OK(await_sleep(MILLISECONDS(20)));
    }
}

str film_file_state(const struct film_wish *wish, str *out_reason)
{
    struct db_row row;
    CHECK_OK(db_one(db_now(film_env.db), &SQL_IMPORT_FILE_GET, DB_ARGS(DB_I64(wish->file)), &row));
    *out_reason = db_text(&row, 4);
    return db_text(&row, 3);
}

bool film_folder_forgotten(void)
{
    struct db_row row;
    CHECK_OK(
        db_find(db_now(film_env.db), &SQL_FOLDER_FIND, DB_ARGS(DB_BLOB(STR("/folder"))), &row));
    return row.values == NULL;
}

/* The file failed, in these words, and left nothing behind. */
void film_check_failed(const struct film_wish *wish, const char *words)
{
    struct id asset;
    struct import import;
    str reason;
    film_await(wish);
    CHECK_STR(film_file_state(wish, &reason), STR("failed"));
    if (str_find(reason, str_of(words)) < 0)
        CHECK_STR(reason, str_of(words));
    CHECK(ingest_reason_of(reason) != INGEST_REASON_ERROR);
    CHECK_STR(job_state_text(film_job_get(wish).state), STR("failed"));
    CHECK_INT(film_job_get(wish).attempts, 1);
    CHECK_OK(ingest_import_get(db_now(film_env.db), wish->import, &import));
    CHECK_STR(import.state, STR("done"));
    CHECK(catalog_asset_get(db_now(film_env.db), wish->title, ID_NONE, &asset) != OK);
    CHECK(film_folder_forgotten()); /* the next import looks again */
    CHECK_INT(film_store_files("scratch"), 0);
}

struct film_result film_published(const struct film_wish *wish)
{
    struct film_result result = { .count = 0 };
    film_await(wish);
    str state = film_file_state(wish, &result.reason);
    if (!str_eq(state, STR("done")))
        CHECK_STR(result.reason, STR("no reason: it is done"));
    CHECK_OK(catalog_asset_get(db_now(film_env.db), wish->title, ID_NONE, &result.id));
    CHECK_OK(asset_get(db_now(film_env.db), result.id, &result.asset));
    CHECK(result.asset.ready);
    CHECK_OK(asset_tracks_list(db_now(film_env.db), result.id, &result.tracks, &result.count));
    return result;
}

/* "v:avc1 a:ru a:en s:ru" of the tracks, and the reason. */
void film_check(const struct film_wish *wish, const char *tracks, const char *reason)
{
    static const char letters[] = {
        [ASSET_VIDEO] = 'v', [ASSET_AUDIO] = 'a', [ASSET_SUBTITLE] = 's'
    };
    struct film_result result = film_published(wish);
    struct buf buf;
    buf_init(&buf, task_arena(), KIB(4));
    for (size_t i = 0; i < result.count; i++) {
        const struct asset_track *track = &result.tracks[i];
        str shown = track->kind == ASSET_VIDEO ? str_sub(track->codec, 0, 4) : track->language;
        buf_printf(&buf, "%s%c:%.*s%s", i ? " " : "", letters[track->kind], STR_ARG(shown),
                   track->channels > 2 ? "+" : "");
    }
    CHECK_STR(buf_str(&buf), str_of(tracks));
    for (str rest = result.reason, line; str_cut(&rest, '\n', &line);)
        CHECK(ingest_reason_of(line) != INGEST_REASON_ERROR);
    if (!*reason)
        CHECK_STR(result.reason, STR(""));
    else if (str_find(result.reason, str_of(reason)) < 0)
        CHECK_STR(result.reason, str_of(reason));
}

struct index film_index_of(const struct film_result *result, const char *track)
{
    struct index index;
    str bytes;
    CHECK_OK(blob_get(film_env.blobs,
                      asset_blob_key(task_arena(), result->id, str_of(track), ".idx"), 0,
                      UINT64_MAX, &bytes));
    CHECK_OK(index_open(bytes, &index));
    return index;
}

str film_subtitle_of(const struct film_result *result, const char *track)
{
    str text;
    CHECK_OK(blob_get(film_env.blobs,
                      asset_blob_key(task_arena(), result->id, str_of(track), ".vtt"), 0,
                      UINT64_MAX, &text));
    return text;
}
