/* Films whose job is stopped, cancelled or begun anew on the way. */
#include "ingest_film_stage_test.h"

#include <sys/stat.h>

static void make_long(void)
{
    film_shell("$F -f lavfi -i testsrc2=s=640x360:r=25:d=25 -f lavfi -i sine=d=25 -c:v libx264 "
               "-preset ultrafast -pix_fmt yuv420p10le -c:a aac long.mkv");
}

/* Until the sound is stored, while the video is being transcoded. */
static void await_half(const struct film_wish *wish)
{
    instant give_up = clock_mono() + SECONDS(60);
    while (clock_mono() < give_up) {
        struct job job = film_job_get(wish);
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
    CHECK_OK(blob_local_path(film_env.blobs,
                             asset_blob_key(task_arena(), asset, str_of(track), ".mp4"), &path));
    CHECK_INT(stat(path.ptr, &info), 0);
    *out_inode = info.st_ino;
    return SECONDS(info.st_mtim.tv_sec) + info.st_mtim.tv_nsec / 1000;
}

static enum err stopped_and_started(void *arg)
{
    struct film_wish wish = { .name = "long.mkv" };
    uint64_t inode_before, inode_after;
    str reason;
    (void)arg;
    make_long();
    film_jobs_run();
    film_ask(&wish);
    await_half(&wish);
    jobs_stop(film_jobs);
    jobs_close(film_jobs);
    film_jobs = NULL;
    CHECK_STR(job_state_text(film_job_get(&wish).state), STR("queued"));
    CHECK_INT(film_store_files("scratch"), 0);
    CHECK_INT(film_store_files("objects/media"), 1);
    struct id none;
    CHECK(catalog_asset_get(db_now(film_env.db), wish.title, ID_NONE, &none) != OK);
    CHECK(!str_eq(film_file_state(&wish, &reason), STR("done")));
    instant before = stored_at(ID(1), "a1", &inode_before);
    film_jobs_run();
    film_check(&wish, "v:avc1 a:", "Hi10P");
    CHECK(before == stored_at(ID(1), "a1", &inode_after)); /* not made again */
    CHECK_INT(inode_before, inode_after);
    CHECK_INT(film_store_files("objects/media"), 1);
    CHECK_INT(film_store_files("objects/media/1"), 4); /* two tracks, two indexes */
    CHECK(id_eq(film_published(&wish).id, ID(1)));

    /* The file has become another: one film, and nothing of the former. */
    film_shell("$F " VIDEO X264 "other.mkv && mv other.mkv long.mkv");
    struct film_wish changed = { .name = "long.mkv", .known = wish.title };
    film_ask(&changed);
    film_check(&changed, "v:avc1", "");
    CHECK(id_eq(film_published(&changed).id, ID(2)));
    instant give_up = clock_mono() + SECONDS(30); /* its files go after the transaction */
    while (film_store_files("objects/media/1") && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(10)));
    CHECK_INT(film_store_files("objects/media/1"), 0);
    jobs_stop(film_jobs);
    return OK;
}

TEST(a_job_goes_on_from_the_tracks_it_has_stored)
{
    film_scenario(stopped_and_started);
}

static enum err retry_tx(struct db_tx *tx, void *arg)
{
    int64_t job = *(int64_t *)arg;
    TRY(jobs_retry(tx, job));
    return ingest_job_reopen(tx, job);
}

static enum err failed_and_tried_again(void *arg)
{
    struct film_wish wish = { .name = "film.mkv" };
    struct import import;
    str reason;
    (void)arg;
    film_write("film.mkv", STR("not yet a film"));
    film_jobs_run();
    film_ask(&wish);
    film_check_failed(&wish, "the film cannot be read");
    film_shell("$F " VIDEO X264 "good.mkv && mv good.mkv film.mkv");
    jobs_stop(film_jobs);
    jobs_close(film_jobs);
    film_jobs = NULL;
    CHECK_OK(db_tx(film_env.db, retry_tx, &wish.job));
    CHECK_OK(ingest_import_get(db_now(film_env.db), wish.import, &import));
    CHECK_STR(import.state, STR("running"));
    CHECK_INT(import.finished_at, INSTANT_NEVER);
    CHECK_STR(film_file_state(&wish, &reason), STR("queued"));
    CHECK_STR(reason, STR(""));
    film_jobs_run();
    film_check(&wish, "v:avc1", "");
    CHECK_OK(ingest_import_get(db_now(film_env.db), wish.import, &import));
    CHECK_STR(import.state, STR("done"));
    jobs_stop(film_jobs);
    return OK;
}

TEST(a_failed_film_that_is_tried_again_opens_its_import)
{
    film_scenario(failed_and_tried_again);
}

static enum err cancel_tx(struct db_tx *tx, void *arg)
{
    return ingest_job_cancel(tx, *(int64_t *)arg);
}

static enum err cancelled(void *arg)
{
    struct film_wish wish = { .name = "long.mkv" };
    struct id asset;
    (void)arg;
    make_long();
    film_jobs_run();
    film_ask(&wish);
    await_half(&wish);
    CHECK_OK(db_tx(film_env.db, cancel_tx, &wish.job));
    film_await(&wish);
    CHECK_STR(job_state_text(film_job_get(&wish).state), STR("cancelled"));
    CHECK(film_folder_forgotten()); /* the next import looks again */
    CHECK_INT(film_store_files("scratch"), 0);
    CHECK(catalog_asset_get(db_now(film_env.db), wish.title, ID_NONE, &asset) != OK);
    jobs_stop(film_jobs);
    return OK;
}

TEST(a_cancelled_film_leaves_no_scratch)
{
    film_scenario(cancelled);
}
