/* What ingest and playback rely on: reserving, making ready, order, names given once, JSON, blobs.
 */
#include "assets.h"

#include "assets_sql.h"
#include "engines/blob/blob.h"
#include "engines/blob/disk/disk.h"
#include "engines/db/conformance/conformance.h"
#include "engines/db/sqlite/sqlite.h"
#include "foundation/task/run.h"
#include "foundation/test/test.h"

static struct db *db;

static enum err in_task(void *arg)
{
    return db_tx(db, *(db_tx_fn *)arg, NULL);
}

static enum err transact(db_tx_fn fn)
{
    return task_run("test", MIB(4), in_task, &fn);
}

static void store_open(void)
{
    static const struct db_module *const modules[] = { &ASSETS_SQL };
    struct db_spec spec = { .driver = &db_sqlite,
                            .place = test_folder(),
                            .context = "content",
                            .modules = modules,
                            .modules_count = 1,
                            .settings = { .run_twice = true } };
    CHECK_OK(db_open(&spec, &db));
}

TEST(queries_use_their_indexes)
{
    store_open();
    CHECK_OK(db_conformance_queries(db));
    db_close(db);
}

static const struct asset_source metropolis = { .fingerprint = STR_INIT("f1"),
                                                .checksum = STR_INIT("00ff"),
                                                .source = STR_INIT("/films/Metropolis.mkv") };

static enum err add(struct db_tx *tx, struct id asset, enum asset_track_kind kind, unsigned number)
{
    struct asset_track track = { .name = asset_track_name(db_arena(tx), kind, number),
                                 .kind = kind,
                                 .language = STR("de"),
                                 .label = STR("Deutsch \"1\""),
                                 .channels = kind == ASSET_AUDIO ? 2 : 0,
                                 .size_bytes = 100,
                                 .forced = number == 2 };
    return asset_track_add(tx, asset, &track);
}

static enum err a_whole_asset(struct db_tx *tx, void *arg)
{
    struct id id;
    struct asset asset;
    struct asset_track *tracks;
    size_t count;
    (void)arg;
    TRY(asset_add(tx, &metropolis, &id));
    CHECK_OK(asset_source_find(tx, STR("f1"), &asset));
    CHECK(id_is_none(asset.id)); /* not ready: nobody may find it */
    TRY(add(tx, id, ASSET_SUBTITLE, 1));
    TRY(add(tx, id, ASSET_AUDIO, 1));
    TRY(add(tx, id, ASSET_SUBTITLE, 2));
    TRY(add(tx, id, ASSET_VIDEO, 1));
    TRY(add(tx, id, ASSET_AUDIO, 2));
    TRY(asset_ready(tx, id, 9180000, 1440, 1080));
    TRY(asset_source_find(tx, STR("f1"), &asset));
    CHECK(id_eq(asset.id, id) && asset.ready);
    CHECK_INT(asset.size_bytes, 500);
    CHECK_INT(asset.duration_ms, 9180000);
    CHECK_INT(asset.token.len, ASSET_TOKEN_BYTES);
    CHECK_STR(asset.source, metropolis.source);
    TRY(asset_tracks_list(tx, id, &tracks, &count));
    CHECK_INT(count, 5);
    CHECK_STR(tracks[0].name, STR("v1"));
    CHECK_STR(tracks[1].name, STR("a1"));
    CHECK_STR(tracks[2].name, STR("a2"));
    CHECK_STR(tracks[3].name, STR("s1"));
    CHECK(tracks[4].forced && !tracks[3].forced);
    CHECK_STR(asset_audio_json(db_arena(tx), tracks, count),
              STR("[{\"language\":\"de\",\"label\":\"Deutsch \\\"1\\\"\",\"channels\":2},"
                  "{\"language\":\"de\",\"label\":\"Deutsch \\\"1\\\"\",\"channels\":2}]"));
    const struct asset_subtitle_unavailable unavailable[] = {
        { STR("de"), STR("\"Kommentar\""), STR("PGS"), true }, { STR_NONE, STR_NONE, STR("VobSub") }
    };
    CHECK_STR(asset_unavailable_json(db_arena(tx), unavailable, 0), STR("[]"));
    CHECK_STR(asset_unavailable_json(db_arena(tx), unavailable, 2),
              STR("[{\"language\":\"de\",\"label\":\"\\\"Kommentar\\\"\",\"format\":\"PGS\","
                  "\"forced\":true},{\"language\":\"\",\"label\":\"\",\"format\":\"VobSub\","
                  "\"forced\":false}]"));
    CHECK_STR(asset_subtitles_json(db_arena(tx), tracks + 4, 1),
              STR("[{\"language\":\"de\",\"label\":\"Deutsch \\\"1\\\"\",\"forced\":true}]"));
    CHECK_STR(asset_audio_json(db_arena(tx), tracks, 0), STR("[]"));
    return OK;
}

TEST(an_asset_is_seen_when_it_is_ready)
{
    store_open();
    CHECK_OK(transact(a_whole_asset));
    db_close(db);
}

static enum err changing(struct db_tx *tx, void *arg)
{
    struct id id;
    struct asset before, after;
    struct asset_track *tracks;
    size_t count;
    (void)arg;
    TRY(asset_add(tx, &metropolis, &id));
    TRY(add(tx, id, ASSET_SUBTITLE, 1));
    TRY(asset_get(tx, id, &before));
    TRY(asset_track_remove(tx, id, STR("s1")));
    TRY(asset_track_remove(tx, id, STR("s1")));
    TRY(asset_track_remove(tx, id, STR("s9")));
    TRY(asset_get(tx, id, &after));
    CHECK_INT(after.version, before.version + 1);
    CHECK_INT(after.size_bytes, 0);
    TRY(asset_tracks_list(tx, id, &tracks, &count));
    CHECK_INT(count, 0);
    TRY(asset_remove(tx, id));
    TRY(asset_remove(tx, id));
    CHECK_ERR(asset_get(tx, id, &after), ERR_NOT_FOUND);
    CHECK_ERR(asset_ready(tx, id, 1, 1, 1), ERR_NOT_FOUND);
    CHECK_ERR(add(tx, id, ASSET_VIDEO, 1), ERR_NOT_FOUND);
    return OK;
}

static enum err name_twice(struct db_tx *tx, void *arg)
{
    struct id id;
    (void)arg;
    TRY(asset_add(tx, &metropolis, &id));
    TRY(add(tx, id, ASSET_SUBTITLE, 1));
    TRY(asset_track_remove(tx, id, STR("s1")));
    return add(tx, id, ASSET_SUBTITLE, 1);
}

TEST(tracks_go_and_their_names_with_them)
{
    store_open();
    CHECK_OK(transact(changing));
    CHECK_ERR(transact(name_twice), ERR_CONFLICT);
    db_close(db);
}

static enum err refusals(struct db_tx *tx, void *arg)
{
    static const str names[] = { STR_INIT(""),    STR_INIT("../v1"), STR_INIT("v1.mp4"),
                                 STR_INIT("v 1"), STR_INIT("a/b"),   STR_INIT("a234567890123456") };
    struct id id;
    struct asset_source source = metropolis;
    (void)arg;
    TRY(asset_add(tx, &metropolis, &id));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct asset_track track = { .name = names[i] };
        CHECK_ERR(asset_track_add(tx, id, &track), ERR_INVALID);
    }
    struct asset_track broken = { .name = STR("v1"), .label = STR("\xff") };
    CHECK_ERR(asset_track_add(tx, id, &broken), ERR_INVALID);
    source.source = STR("\xc3");
    CHECK_ERR(asset_add(tx, &source, &id), ERR_INVALID);
    return OK;
}

static enum err too_many(struct db_tx *tx, void *arg)
{
    struct id id;
    (void)arg;
    TRY(asset_add(tx, &metropolis, &id));
    for (unsigned i = 1; i <= ASSET_TRACKS_MAX; i++)
        TRY(add(tx, id, ASSET_SUBTITLE, i));
    CHECK_ERR(add(tx, id, ASSET_SUBTITLE, ASSET_TRACKS_MAX + 1), ERR_INVALID);
    return OK;
}

TEST(what_could_not_be_served_is_not_stored)
{
    store_open();
    CHECK_OK(transact(refusals));
    CHECK_OK(transact(too_many));
    db_close(db);
}

static enum err unfinished(struct db_tx *tx, void *arg)
{
    struct id first, second, ids[4];
    unsigned count;
    (void)arg;
    clock_set(SECONDS(1000));
    TRY(asset_add(tx, &metropolis, &first));
    clock_set(SECONDS(2000));
    TRY(asset_add(tx, &metropolis, &second));
    clock_set(INSTANT_NEVER);
    TRY(assets_unfinished_list(tx, SECONDS(2000), 4, ids, &count));
    CHECK(count == 1 && id_eq(ids[0], first));
    TRY(asset_ready(tx, first, 1, 1, 1));
    TRY(assets_unfinished_list(tx, SECONDS(3000), 4, ids, &count));
    CHECK(count == 1 && id_eq(ids[0], second));
    TRY(asset_remove(tx, first));
    return asset_remove(tx, second);
}

TEST(what_a_crash_left_is_found_again)
{
    store_open();
    CHECK_OK(transact(unfinished));
    db_close(db);
}

static enum err blobs_go(void *arg)
{
    struct blob_store *blobs = arg;
    struct blob_entry *entries;
    size_t count;
    static const char *const suffixes[] = { ".mp4", ".idx", ".vtt" };
    for (int asset = 1; asset <= 12; asset += 11)
        for (unsigned track = 1; track <= 2; track++)
            for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                str name = asset_track_name(task_arena(), ASSET_VIDEO, track);
                TRY(blob_put(blobs, asset_blob_key(task_arena(), ID(asset), name, suffixes[i]),
                             STR("x"), NULL));
            }
    TRY(asset_track_blobs_remove(blobs, ID(1), STR("v2")));
    TRY(blob_list(blobs, STR("media/1/"), STR(""), 10, &entries, &count));
    CHECK_INT(count, 3);
    TRY(asset_blobs_remove(blobs, ID(1)));
    TRY(blob_list(blobs, STR("media/"), STR(""), 10, &entries, &count));
    CHECK_INT(count, 6); /* the other asset's */
    CHECK_STR(entries[0].key, STR("media/12/v1.idx"));
    return OK;
}

TEST(blobs_of_one_asset_are_removed)
{
    struct pool *pool;
    struct blob_store *blobs;
    CHECK_OK(pool_open("files", 1, 16, &pool));
    CHECK_OK(blob_open(&blob_disk, test_folder(), pool, &blobs));
    CHECK_OK(task_run("test", MIB(1), blobs_go, blobs));
    blob_close(blobs);
    pool_close(pool);
}
