/*
 * The whole way of a film: files made by ffmpeg, real database, store and queue. What ends up in
 * the catalogue, what is said of it, and what is left behind when it fails, is stopped or killed.
 */
#include "ingest_internal.h"

#include "ingest_probe.h"
#include "ingest_sql.h"

#include "domains/content/assets/assets.h"
#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/db/sqlite/sqlite.h"
#include "engines/flow/jobs.h"
#include "foundation/child/child.h"
#include "foundation/crypto/crypto.h"
#include "foundation/task/loop.h"
#include "foundation/task/pool.h"
#include "foundation/test/test.h"
#include "media/index/index.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VIDEO "-f lavfi -i testsrc2=s=320x180:r=25:d=5 "
#define SOUND "-f lavfi -i sine=440:d=5:sample_rate=48000 "
#define X264  "-c:v libx264 -preset ultrafast -g 50 "

static struct loop *loop;
static struct jobs *jobs;
static struct module_env env;
static char films[600], store[600];
static char own_path[4096];

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

static void run_jobs(void)
{
    struct jobs_spec spec = { .db = env.db,
                              .kinds = ingest_module.job_kinds,
                              .kinds_count = ingest_module.job_kinds_count,
                              .sole_owner = true,
                              .seed = 7 };
    CHECK_OK(jobs_start(loop, &spec, &jobs));
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
    env = (struct module_env){ .data_folder = test_folder() };
    snprintf(films, sizeof(films), "%s/films", test_folder());
    snprintf(store, sizeof(store), "%s/blobs", test_folder());
    CHECK_INT(mkdir(films, 0700), 0);
    CHECK_OK(pool_open("files", 2, 64, &env.files));
    CHECK_OK(pool_open("children", 4, 64, &env.children));
    CHECK_OK(db_open(&spec, &env.db));
    CHECK_OK(blob_open(&blob_disk, store, env.files, &env.blobs));
    CHECK_OK(catalog_module.open(&env));
    CHECK_OK(ingest_module.open(&env));
}

static void scenario(task_fn fn)
{
    need_ffmpeg();
    snprintf(own_path, sizeof(own_path), "%s", getenv("PATH"));
    stage_open();
    jobs = NULL;
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &loop));
    loop_post(loop, on_start, &fn);
    loop_run(loop);
    loop_close(loop);
    if (jobs)
        jobs_close(jobs);
    ingest_module.close();
    catalog_module.close();
    blob_close(env.blobs);
    db_close(env.db);
    pool_close(env.files);
    pool_close(env.children);
    setenv("PATH", own_path, 1);
    probe_timeout = SECONDS(60);
}

/* `command` runs in the folder of films; $F is ffmpeg with what it always gets. */
static void shell(const char *command)
{
    char line[4096];
    snprintf(line, sizeof(line), "cd '%s' && F='ffmpeg -nostdin -v error -y' && %s", films,
             command);
    CHECK_INT(system(line), 0);
}

static void write_file(const char *name, str content)
{
    char path[1300];
    snprintf(path, sizeof(path), "%s/%s", films, name);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_INT(fwrite(content.ptr, 1, content.len, file), content.len);
    CHECK_INT(fclose(file), 0);
}

static str film_path(const char *name)
{
    return arena_printf(task_arena(), "%s/%s", films, name);
}

static unsigned files_in(const char *folder)
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

struct wish {
    const char *name;  /* of the file */
    const char *shown; /* its name in rows, when it is no text */
    struct film_sidecar *sidecars;
    size_t sidecars_count;
    const char *extra;
    bool draft;
    int64_t import, file, job;
    struct id known, title; /* known: of which title it is; none: of a new one */
};

static enum err wish_tx(struct db_tx *tx, void *arg)
{
    struct wish *wish = arg;
    struct arena *arena = db_arena(tx);
    str shown = str_of(wish->shown ? wish->shown : wish->name);
    struct catalog_record record =
        record_of_name(arena, TITLE_FILM, arena_printf(arena, "Film %.*s", STR_ARG(shown)), 1950);
    struct film_task task = { .path = path_to_hex(arena,
                                                  arena_printf(arena, "%s/%s", films, wish->name)),
                              .folder = path_to_hex(arena, STR("/folder")),
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
    task.sidecars.items = wish->sidecars;
    task.sidecars.count = wish->sidecars_count;
    struct job_new job = { .kind = STR(INGEST_FILM_JOB),
                           .subject = shown,
                           .payload = film_task_write(arena, &task) };
    TRY(jobs_add(tx, &job, &wish->job));
    return db_exec(tx, &SQL_IMPORT_FILE_JOB_PUT, DB_ARGS(DB_I64(wish->file), DB_I64(wish->job)),
                   NULL);
}

static void ask(struct wish *wish)
{
    CHECK_OK(db_tx(env.db, wish_tx, wish));
}

static struct job job_get(const struct wish *wish)
{
    struct job job = { 0 };
    CHECK_OK(jobs_get(db_now(env.db), wish->job, &job));
    return job;
}

static void await_end(const struct wish *wish)
{
    instant give_up = clock_mono() + SECONDS(120);
    struct arena_mark mark = arena_mark(task_arena());
    for (;;) {
        enum job_state state = job_get(wish).state;
        arena_rewind(task_arena(), mark);
        if ((state != JOB_QUEUED && state != JOB_RUNNING) || clock_mono() > give_up)
            return;
        CHECK_OK(await_sleep(MILLISECONDS(20)));
    }
}

static str file_state(const struct wish *wish, str *out_reason)
{
    struct db_row row;
    CHECK_OK(db_one(db_now(env.db), &SQL_IMPORT_FILE_GET, DB_ARGS(DB_I64(wish->file)), &row));
    *out_reason = db_text(&row, 4);
    return db_text(&row, 3);
}

/* The file failed, in these words, and left nothing behind. */
static void check_failed(const struct wish *wish, const char *words)
{
    struct id asset;
    struct import import;
    struct db_row row;
    str reason;
    await_end(wish);
    CHECK_STR(file_state(wish, &reason), STR("failed"));
    if (str_find(reason, str_of(words)) < 0)
        CHECK_STR(reason, str_of(words));
    CHECK_STR(job_state_text(job_get(wish).state), STR("failed"));
    CHECK_INT(job_get(wish).attempts, 1);
    CHECK_OK(import_get(db_now(env.db), wish->import, &import));
    CHECK_STR(import.state, STR("done"));
    CHECK(catalog_asset_get(db_now(env.db), wish->title, ID_NONE, &asset) != OK);
    CHECK_OK(db_find(db_now(env.db), &SQL_FOLDER_FIND, DB_ARGS(DB_BLOB(STR("/folder"))), &row));
    CHECK(row.values == NULL); /* the next import looks again */
    CHECK_INT(files_in("scratch"), 0);
}

struct result {
    struct id id;
    struct asset asset;
    struct asset_track *tracks;
    size_t count;
    str reason;
};

static struct result published(const struct wish *wish)
{
    struct result result = { .count = 0 };
    await_end(wish);
    str state = file_state(wish, &result.reason);
    if (!str_eq(state, STR("done")))
        CHECK_STR(result.reason, STR("no reason: it is done"));
    CHECK_OK(catalog_asset_get(db_now(env.db), wish->title, ID_NONE, &result.id));
    CHECK_OK(asset_get(db_now(env.db), result.id, &result.asset));
    CHECK(result.asset.ready);
    CHECK_OK(asset_tracks_list(db_now(env.db), result.id, &result.tracks, &result.count));
    return result;
}

/* "v:avc1 a:ru a:en s:ru" of the tracks, and the reason. */
static void check_film(const struct wish *wish, const char *tracks, const char *reason)
{
    static const char letters[] = {
        [ASSET_VIDEO] = 'v', [ASSET_AUDIO] = 'a', [ASSET_SUBTITLE] = 's'
    };
    struct result result = published(wish);
    struct buf buf;
    buf_init(&buf, task_arena(), KIB(4));
    for (size_t i = 0; i < result.count; i++) {
        const struct asset_track *track = &result.tracks[i];
        str shown = track->kind == ASSET_VIDEO ? str_sub(track->codec, 0, 4) : track->language;
        buf_printf(&buf, "%s%c:%.*s%s", i ? " " : "", letters[track->kind], STR_ARG(shown),
                   track->channels > 2 ? "+" : "");
    }
    CHECK_STR(buf_str(&buf), str_of(tracks));
    if (!*reason)
        CHECK_STR(result.reason, STR(""));
    else if (str_find(result.reason, str_of(reason)) < 0)
        CHECK_STR(result.reason, str_of(reason));
}

static struct index index_of(const struct result *result, const char *track)
{
    struct index index;
    str bytes;
    CHECK_OK(blob_get(env.blobs, asset_blob_key(task_arena(), result->id, str_of(track), ".idx"), 0,
                      UINT64_MAX, &bytes));
    CHECK_OK(index_open(bytes, &index));
    return index;
}

static str subtitle_of(const struct result *result, const char *track)
{
    str text;
    CHECK_OK(blob_get(env.blobs, asset_blob_key(task_arena(), result->id, str_of(track), ".vtt"), 0,
                      UINT64_MAX, &text));
    return text;
}

/* --- Films that are taken in ---------------------------------------------------------------- */

static const char srt[] = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n"
                          "2\n00:00:03,000 --> 00:00:04,000\nBye\n";
static const char ass[] = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
                          "Format: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n[Events]\n"
                          "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
                          "Effect, Text\n"
                          "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}Signs{\\i0}\n";

static void make_plain(void)
{
    write_file("t.srt", str_of(srt));
    write_file("t.ass", str_of(ass));
    shell("$F " VIDEO SOUND "-f lavfi -i sine=880:d=4 -i t.srt -i t.ass -map 0 -map 1 -map 2 "
          "-map 3 -map 4 " X264 "-c:a aac -c:s:0 srt -c:s:1 copy -metadata:s:a:0 language=rus "
          "-metadata:s:a:0 title=Original -metadata:s:a:1 language=eng -disposition:a:1 default "
          "-disposition:a:0 0 -metadata:s:s:0 language=eng -metadata:s:s:1 language=rus "
          "-disposition:s:1 forced plain.mkv");
}

static void hash_film(const char *name, uint8_t out[SHA256_BYTES])
{
    static char bytes[4 << 20];
    FILE *file = fopen(film_path(name).ptr, "rb");
    CHECK(file != NULL);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    CHECK(len > 0 && len < sizeof(bytes));
    crypto_sha256((str){ bytes, len }, out);
}

static enum err a_plain_film(void *arg)
{
    struct wish wish = { .name = "plain.mkv" };
    uint8_t before[SHA256_BYTES], after[SHA256_BYTES];
    (void)arg;
    make_plain();
    hash_film("plain.mkv", before);
    CHECK_INT(chmod(film_path("plain.mkv").ptr, 0400), 0);
    run_jobs();
    ask(&wish);
    check_film(&wish, "v:avc1 a:ru a:en s:en s:ru", "");
    struct result film = published(&wish);
    CHECK_STR(film.tracks[1].label, STR("Original"));
    CHECK_STR(film.tracks[2].label, STR("English"));
    CHECK(!film.tracks[1].is_default && film.tracks[2].is_default);
    CHECK(!film.tracks[3].forced && film.tracks[4].forced);
    CHECK(film.asset.width == 320 && film.asset.height == 180);
    /* The muxer of the source moved everything by the priming of its sound, and so it stays. */
    CHECK(film.asset.duration_ms >= 5000 && film.asset.duration_ms <= 5040);
    struct index video = index_of(&film, "v1"), audio = index_of(&film, "a1");
    CHECK_INT(video.sample_count, 125);
    CHECK(audio.segment_count > 0 && audio.sample_rate == 48000);
    CHECK(str_find(subtitle_of(&film, "s1"), STR("00:00:03.02")) > 0);
    CHECK(str_find(subtitle_of(&film, "s1"), STR("\nBye")) > 0);
    CHECK(str_find(subtitle_of(&film, "s2"), STR("<i>Signs</i>")) > 0);
    CHECK_STR(job_state_text(job_get(&wish).state), STR("done"));
    CHECK_INT(files_in("scratch"), 0);
    hash_film("plain.mkv", after);
    CHECK(memcmp(before, after, sizeof(before)) == 0);
    jobs_stop(jobs);
    return OK;
}

TEST(a_film_browsers_play_is_copied)
{
    scenario(a_plain_film);
}

static enum err videos_copied(void *arg)
{
    struct wish hevc = { .name = "hevc.mkv" }, vp9 = { .name = "vp9.webm" };
    struct wish av1 = { .name = "av1.mkv" };
    (void)arg;
    shell("$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -c:v libx265 -x265-params "
          "open-gop=0:keyint=25:log-level=none -pix_fmt yuv420p10le hevc.mkv");
    shell("$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -f lavfi -i sine=d=3 -c:v libvpx-vp9 "
          "-deadline realtime -cpu-used 8 -g 25 -c:a libopus vp9.webm");
    shell("$F -f lavfi -i testsrc2=s=160x90:r=25:d=3 -c:v libaom-av1 -cpu-used 8 -usage realtime "
          "-g 25 av1.mkv");
    run_jobs();
    ask(&hevc);
    ask(&vp9);
    ask(&av1);
    check_film(&hevc, "v:hvc1", "");
    check_film(&vp9, "v:vp09 a:", "");
    check_film(&av1, "v:av01", "");
    jobs_stop(jobs);
    return OK;
}

TEST(videos_the_browser_may_play_are_copied)
{
    scenario(videos_copied);
}

static enum err videos_transcoded(void *arg)
{
    struct wish deep = { .name = "deep.mkv" }, fields = { .name = "fields.mkv" };
    struct wish open = { .name = "open.mkv" }, old = { .name = "old.avi" };
    struct wish sparse = { .name = "sparse.mp4" };
    uint64_t times[3];
    (void)arg;
    shell("$F " VIDEO SOUND X264 "-pix_fmt yuv420p10le -c:a aac deep.mkv");
    shell("$F -f lavfi -i testsrc2=s=320x180:r=50:d=4 -vf tinterlace=4,setfield=tff "
          "-c:v libx264 -preset ultrafast -flags +ildct+ilme -g 25 fields.mkv");
    shell("$F " VIDEO "-c:v libx264 -preset medium -bf 3 -g 25 -x264-params "
          "open-gop=1:scenecut=0:min-keyint=25 -pix_fmt yuv420p open.mkv");
    shell("$F " VIDEO SOUND "-c:v mpeg2video -c:a mp2 old.avi");
    shell("$F -f lavfi -i testsrc2=s=160x90:r=10:d=30 -c:v libx264 -preset ultrafast -g 9999 "
          "-sc_threshold 0 -pix_fmt yuv420p sparse.mp4");
    run_jobs();
    ask(&deep);
    ask(&fields);
    ask(&open);
    ask(&old);
    ask(&sparse);
    check_film(&deep, "v:avc1 a:", "Hi10P: the video is transcoded");
    check_film(&fields, "v:avc1", "interlaced: the video is transcoded");
    check_film(&open, "v:avc1", "open GOP at 0:00:0");
    check_film(&old, "v:avc1 a:", "codec MPEG-2: the video is transcoded");
    check_film(&sparse, "v:avc1", "keyframes up to 30 s apart: the video is transcoded");
    struct result film = published(&deep);
    struct index video = index_of(&film, "v1");
    CHECK_INT(video.sample_count, 125);
    CHECK_INT(video.keyframe_count, 3); /* at 0, 2 and 4 s, and nowhere else */
    CHECK_INT(index_cuts(&video).open, 0);
    for (uint32_t i = 0; i < 3; i++)
        times[i] = index_ticks_to_ms(&video, (uint64_t)index_keyframe_get(&video, i).shown_ticks);
    CHECK(times[0] >= 20 && times[0] <= 25); /* the offset to the sound is the source's */
    CHECK_INT(times[1], times[0] + 2000);
    CHECK_INT(times[2], times[0] + 4000);
    film = published(&open);
    video = index_of(&film, "v1");
    CHECK_INT(index_cuts(&video).open, 0);
    film = published(&fields);
    video = index_of(&film, "v1");
    CHECK_INT(video.sample_count, 100);
    CHECK_INT(files_in("scratch"), 0);
    jobs_stop(jobs);
    return OK;
}

TEST(videos_browsers_do_not_play_are_transcoded)
{
    scenario(videos_transcoded);
}

static enum err sounds(void *arg)
{
    struct film_sidecar beside[] = {
        { .kind = STR("subtitle"), .language = STR("ru"), .label = STR(""), .sdh = true },
        { .kind = STR("subtitle"), .language = STR("en"), .label = STR("") },
        { .kind = STR("audio"), .language = STR("uk"), .label = STR("Студія") },
        { .kind = STR("audio"), .language = STR("fr"), .label = STR("") },
        { .kind = STR("subtitle"), .language = STR("de"), .label = STR("") },
    };
    struct wish wide = { .name = "wide.mp4" }, late = { .name = "late.mkv", .draft = true };
    struct wish trailer = { .name = "late.mkv", .extra = "trailer" };
    static const char *const names[] = { "wide.ru.srt", "wide.en.srt", "wide.uk.m4a", "wide.fr.m4a",
                                         "gone.srt" };
    (void)arg;
    shell("$F " VIDEO "-f lavfi -i anoisesrc=d=5:c=pink:a=0.1 -map 0 -map 1 -map 1 " X264
          "-c:a:0 ac3 -ac:a:0 6 -c:a:1 aac -ac:a:1 6 -metadata:s:a:0 language=eng "
          "-metadata:s:a:1 language=ger wide.mp4");
    shell("$F " VIDEO "-itsoffset 1.5 -f lavfi -i sine=d=3:sample_rate=48000 " X264
          "-c:a flac late.mkv");
    shell("$F -f lavfi -i sine=d=5 -c:a aac wide.uk.m4a");
    write_file("wide.ru.srt", STR("1\n00:00:01,000 --> 00:00:02,000\n\xcf\xf0\xe8\xe2\xe5\xf2, "
                                  "\xec\xe8\xf0! \xca\xe0\xea \xe4\xe5\xeb\xe0?\n"));
    write_file("wide.en.srt", STR("this is no subtitle at all"));
    write_file("wide.fr.m4a", STR("this is no sound at all"));
    for (size_t i = 0; i < ARRAY_LEN(beside); i++)
        beside[i].path = path_to_hex(task_arena(), film_path(names[i]));
    wide.sidecars = beside;
    wide.sidecars_count = ARRAY_LEN(beside);
    run_jobs();
    ask(&wide);
    ask(&late);
    check_film(&wide, "v:avc1 a:en a:de a:de+ a:uk s:ru", "wide.en.srt was left out");
    struct result film = published(&wide);
    CHECK(str_find(film.reason, STR("AC-3 is transcoded to AAC in stereo")) >= 0);
    CHECK(str_find(film.reason, STR("AAC with 6 channels gets AAC in stereo beside it")) >= 0);
    CHECK(str_find(film.reason, STR("a sound file was left out: the film cannot be read")) >= 0);
    CHECK(str_find(film.reason, STR("gone.srt was left out")) >= 0);
    CHECK(film.tracks[1].is_default && film.tracks[1].channels == 2);
    CHECK_STR(film.tracks[3].label, STR("Deutsch (6 ch)"));
    CHECK_STR(film.tracks[4].label, STR("Студія"));
    CHECK(film.tracks[5].sdh);
    CHECK(str_find(subtitle_of(&film, "s1"), STR("Привет, мир! Как дела?")) > 0);

    /* Sound that begins later still does; a draft stays one. */
    struct id hidden;
    struct index_segment first;
    await_end(&late);
    CHECK_STR(file_state(&late, &film.reason), STR("done"));
    CHECK_ERR(catalog_asset_get(db_now(env.db), late.title, ID_NONE, &hidden), ERR_NOT_FOUND);
    trailer.known = wide.title;
    ask(&trailer);
    await_end(&trailer);
    CHECK_STR(file_state(&trailer, &film.reason), STR("done"));
    CHECK(id_eq(published(&wide).id, film.id)); /* the trailer is not the film */
    struct source source;
    CHECK_OK(source_find(db_now(env.db), film_path("late.mkv"), &source));
    film.id = source.asset;
    struct index audio = index_of(&film, "a1");
    CHECK_INT(audio.codec, MP4_FLAC);
    CHECK_OK(index_segment_get(&audio, 1, &first));
    uint64_t begins_ms = index_ticks_to_ms(&audio, first.start_ticks);
    CHECK(begins_ms >= 1480 && begins_ms <= 1520);
    jobs_stop(jobs);
    return OK;
}

TEST(sound_and_subtitles_of_all_kinds)
{
    scenario(sounds);
}

static enum err odd_names(void *arg)
{
    static const char *const names[] = { "-i.mkv", "a:b%d.mkv", "pipe:1.mkv",
                                         "\xcc\xe8\xf0 'x'.mkv" };
    struct wish wishes[ARRAY_LEN(names)];
    (void)arg;
    shell("$F " VIDEO X264 "x.mkv");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CHECK_INT(link(film_path("x.mkv").ptr, film_path(names[i]).ptr), 0);
        wishes[i] = (struct wish){ .name = names[i], .shown = i == 3 ? "Mir" : NULL };
    }
    run_jobs();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ask(&wishes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        check_film(&wishes[i], "v:avc1", "");
    jobs_stop(jobs);
    return OK;
}

TEST(names_are_neither_options_nor_patterns)
{
    scenario(odd_names);
}

/* --- Films that are not --------------------------------------------------------------------- */

static enum err not_films(void *arg)
{
    struct wish broken = { .name = "broken.mkv" }, cut = { .name = "cut.mp4" };
    struct wish sound = { .name = "sound.mkv" }, empty = { .name = "empty.mkv" };
    struct wish text = { .name = "text.mkv" }, list = { .name = "list.mkv" };
    struct wish gone = { .name = "gone.mkv" }, folder = { .name = "folder.mkv" };
    (void)arg;
    shell("$F -f lavfi -i testsrc2=s=320x180:r=25:d=12 " X264 "whole.mkv && "
          "head -c $(($(stat -c %s whole.mkv) * 6 / 10)) whole.mkv > broken.mkv");
    shell("$F " VIDEO X264 "whole.mp4 && head -c 20000 whole.mp4 > cut.mp4");
    shell("$F " SOUND "-c:a aac sound.mkv && : > empty.mkv && mkdir folder.mkv");
    write_file("text.mkv", STR("This is a diary and not a film.\n"));
    /* A playlist that would read another file of the disk. */
    write_file("list.mkv", STR("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nwhole.mp4\n"
                               "#EXT-X-ENDLIST\n"));
    run_jobs();
    struct wish *const all[] = { &broken, &cut, &sound, &empty, &text, &list, &gone, &folder };
    static const char *const words[] = {
        "the film breaks off at 0:00:0",
        "the film cannot be read: ",
        "there is no picture in the file",
        "the file is empty",
        "the film cannot be read: Invalid data found when processing input",
        "the film cannot be read: ",
        "the file is not there any more",
        "the film is no regular file",
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        ask(all[i]);
        check_failed(all[i], words[i]);
    }
    for (unsigned asset = 1; asset <= ARRAY_LEN(all); asset++)
        CHECK_INT(files_in(arena_printf(task_arena(), "objects/media/%u", asset).ptr), 0);
    ingest.disk_reserve_bytes = (uint64_t)1 << 60;
    struct wish large = { .name = "whole.mp4" };
    ask(&large);
    check_failed(&large, "1099511627776 MB are kept in reserve");
    jobs_stop(jobs);
    return OK;
}

TEST(what_is_no_film_fails_with_its_reason)
{
    scenario(not_films);
}

static void fake_ffprobe(const char *script)
{
    write_file("bin/ffprobe", str_of(script));
    CHECK_INT(chmod(film_path("bin/ffprobe").ptr, 0700), 0);
}

static enum err wild_ffprobe(void *arg)
{
    static const struct {
        const char *script, *words;
    } rows[] = {
        { "#!/bin/sh\nexec sleep 1000\n", "did not end within" },
        { "#!/bin/sh\nkill -SEGV $$\n", "ffprobe was ended by signal 11" },
        { "#!/bin/sh\nexec perl -e '$x = \"a\" x (1 << 31); print \"{}\"'\n",
          "the film cannot be read: " },
        { "#!/bin/sh\necho nonsense\n", "what ffprobe says of it makes no sense" },
        { "#!/bin/sh\nexec yes\n", "wrote more than" },
        { "#!/bin/sh\necho 'file:x: first' >&2; echo 'x: the moon is full' >&2; exit 1\n",
          "the moon is full" },
    };
    (void)arg;
    shell("$F " VIDEO X264 "x.mkv && mkdir bin none");
    setenv("PATH", arena_printf(task_arena(), "%s/bin:%s", films, own_path).ptr, 1);
    run_jobs();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wish wish = { .name = "x.mkv" };
        fake_ffprobe(rows[i].script);
        probe_timeout = i == 0 ? SECONDS(1) : SECONDS(60);
        ask(&wish);
        check_failed(&wish, rows[i].words);
    }
    setenv("PATH", film_path("none").ptr, 1);
    struct wish missing = { .name = "x.mkv" };
    ask(&missing);
    check_failed(&missing, "ffprobe is not installed: apt-get install ffmpeg");
    setenv("PATH", own_path, 1);
    struct wish again = { .name = "x.mkv" };
    ask(&again);
    check_film(&again, "v:avc1", "");
    jobs_stop(jobs);
    return OK;
}

TEST(whatever_ffprobe_does_is_survived)
{
    scenario(wild_ffprobe);
}

/* --- Stopped on the way --------------------------------------------------------------------- */

static void make_long(void)
{
    shell("$F -f lavfi -i testsrc2=s=640x360:r=25:d=25 -f lavfi -i sine=d=25 -c:v libx264 "
          "-preset ultrafast -pix_fmt yuv420p10le -c:a aac long.mkv");
}

/* Until the sound is stored, while the video is being transcoded. */
static void await_half(const struct wish *wish)
{
    instant give_up = clock_mono() + SECONDS(60);
    while (clock_mono() < give_up) {
        struct job job = job_get(wish);
        if (job.checkpoint.ptr && str_find(job.checkpoint, STR("\"a1\"")) >= 0)
            return;
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    }
    CHECK(false);
}

static instant stored_at(struct id asset, const char *track, uint64_t *out_inode)
{
    struct stat info;
    str path;
    CHECK_OK(blob_local_path(env.blobs, asset_blob_key(task_arena(), asset, str_of(track), ".mp4"),
                             &path));
    CHECK_INT(stat(path.ptr, &info), 0);
    *out_inode = info.st_ino;
    return SECONDS(info.st_mtim.tv_sec) + info.st_mtim.tv_nsec / 1000;
}

static enum err stopped_and_started(void *arg)
{
    struct wish wish = { .name = "long.mkv" };
    uint64_t inode_before, inode_after;
    str reason;
    (void)arg;
    make_long();
    run_jobs();
    ask(&wish);
    await_half(&wish);
    jobs_stop(jobs);
    jobs_close(jobs);
    jobs = NULL;
    CHECK_STR(job_state_text(job_get(&wish).state), STR("queued"));
    CHECK_INT(files_in("scratch"), 0);
    CHECK_INT(files_in("objects/media"), 1);
    struct id none;
    CHECK(catalog_asset_get(db_now(env.db), wish.title, ID_NONE, &none) != OK);
    CHECK(!str_eq(file_state(&wish, &reason), STR("done")));
    instant before = stored_at(ID(1), "a1", &inode_before);
    run_jobs();
    check_film(&wish, "v:avc1 a:", "Hi10P");
    CHECK(before == stored_at(ID(1), "a1", &inode_after)); /* not made again */
    CHECK_INT(inode_before, inode_after);
    CHECK_INT(files_in("objects/media"), 1);
    CHECK_INT(files_in("objects/media/1"), 4); /* two tracks, two indexes */
    CHECK(id_eq(published(&wish).id, ID(1)));

    /* The file has become another: one film, and nothing of the former. */
    shell("$F " VIDEO X264 "other.mkv && mv other.mkv long.mkv");
    struct wish changed = { .name = "long.mkv", .known = wish.title };
    ask(&changed);
    check_film(&changed, "v:avc1", "");
    CHECK(id_eq(published(&changed).id, ID(2)));
    instant give_up = clock_mono() + SECONDS(30); /* its files go after the transaction */
    while (files_in("objects/media/1") && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(10)));
    CHECK_INT(files_in("objects/media/1"), 0);
    jobs_stop(jobs);
    return OK;
}

TEST(a_job_goes_on_from_the_tracks_it_has_stored)
{
    scenario(stopped_and_started);
}

static enum err cancel_tx(struct db_tx *tx, void *arg)
{
    return jobs_cancel(tx, *(int64_t *)arg);
}

static enum err cancelled(void *arg)
{
    struct wish wish = { .name = "long.mkv" };
    struct id asset;
    (void)arg;
    make_long();
    run_jobs();
    ask(&wish);
    await_half(&wish);
    CHECK_OK(db_tx(env.db, cancel_tx, &wish.job));
    await_end(&wish);
    CHECK_STR(job_state_text(job_get(&wish).state), STR("cancelled"));
    CHECK_INT(files_in("scratch"), 0);
    CHECK(catalog_asset_get(db_now(env.db), wish.title, ID_NONE, &asset) != OK);
    jobs_stop(jobs);
    return OK;
}

TEST(a_cancelled_film_leaves_no_scratch)
{
    scenario(cancelled);
}
