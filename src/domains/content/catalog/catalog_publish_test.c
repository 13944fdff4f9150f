/* Publishing as a saga: what it waits for, what viewers see, what is announced, and the way back.
 */
#include "catalog_stage_test.h"

#include "domains/content/assets/assets.h"
#include "engines/db/driver.h"
#include "engines/flow/sagas.h"
#include "foundation/task/loop.h"
#include "foundation/task/run.h"

#include <stdio.h>
#include <string.h>

#define NOW ((instant)1795255200000000) /* 2026-11-21 */

static struct jobs *jobs;
static struct id title;
static int64_t saga_wanted;

static enum err asset_tx(struct db_tx *tx, void *arg)
{
    struct asset_source source = { .fingerprint = STR("f"), .source = STR("/films/a.mkv") };
    return asset_add(tx, &source, arg);
}

static enum err ready_tx(struct db_tx *tx, void *arg)
{
    return asset_ready(tx, *(struct id *)arg, 10000, 160, 90);
}

/* An asset that is stored, or still being, with its edition. */
static struct id film_add(bool ready)
{
    struct id asset;
    stage_do(asset_tx, &asset);
    if (ready)
        stage_do(ready_tx, &asset);
    stage_feature(title, asset.value, "");
    return asset;
}

static int64_t saga_of_answer(str answer)
{
    int64_t id = 0;
    ptrdiff_t at = str_find(answer, STR("{\"saga\":\""));
    CHECK(at > 0);
    str rest = str_skip(answer, (size_t)at + 9), number;
    CHECK(str_cut(&rest, '"', &number) && str_parse_i64(number, &id));
    return id;
}

static int64_t ask_for(const char *body)
{
    str answer =
        admin("POST", path_of("/v1/titles/%lld/publish-when-ready", (long long)title.value), body);
    CHECK(has(answer, "HTTP/1.1 202"));
    CHECK(has(answer, "/v1/sagas/"));
    return saga_of_answer(answer);
}

static bool is_shown(void)
{
    return has(ask("GET", path_of("/v1/titles/%lld", (long long)title.value), "", ""),
               "HTTP/1.1 200");
}

/* --- In a task beside the runner -------------------------------------------------------------- */

static void runner_start(void)
{
    struct jobs_spec spec = { .db = stage_db(),
                              .kinds = catalog_module.job_kinds,
                              .kinds_count = catalog_module.job_kinds_count,
                              .sole_owner = true };
    CHECK_OK(jobs_start(loop_current(), &spec, &jobs));
}

static void runner_stop(void)
{
    jobs_stop(jobs);
    jobs_close(jobs);
}

static struct saga saga_now(void)
{
    struct saga saga = { 0 };
    CHECK_OK(saga_get(db_now(stage_db()), saga_wanted, &saga));
    return saga;
}

static void await_saga(enum saga_state state)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct arena_mark mark = arena_mark(task_arena());
    while (saga_now().state != state && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(2)));
        arena_rewind(task_arena(), mark);
    }
    CHECK_STR(saga_state_text(saga_now().state), saga_state_text(state));
}

/* Until the step's job waits for something that is not there. */
static void await_waiting(const char *step, const char *slug)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct job job = { 0 };
    while (clock_mono() < give_up) {
        struct saga saga = saga_now();
        CHECK_OK(jobs_get(db_now(stage_db()), saga.job_id, &job));
        if (str_eq(saga.step, str_of(step)) && str_eq(job.error_slug, str_of(slug)))
            break;
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    }
    CHECK_STR(job.error_slug, str_of(slug));
    CHECK_INT(job.attempts, 0); /* a wait is no attempt */
}

static enum err run_to_done(void *arg)
{
    (void)arg;
    runner_start();
    await_saga(SAGA_DONE);
    runner_stop();
    return OK;
}

static enum err run_to_undone(void *arg)
{
    (void)arg;
    runner_start();
    await_saga(SAGA_UNDONE);
    runner_stop();
    return OK;
}

static void run(task_fn fn)
{
    CHECK_OK(task_run("publishing", MIB(32), fn, NULL));
}

/* How many events of the type the log has. */
struct counting {
    const char *type;
    unsigned count; /* out */
};

static enum err count_one(const struct db_logged *event, void *arg)
{
    struct counting *counting = arg;
    counting->count += str_eq(event->type, str_of(counting->type));
    return OK;
}

static enum err count_tx(struct db_tx *tx, void *arg)
{
    struct counting *counting = arg;
    counting->count = 0;
    return db_events_each(tx, (struct db_log_part){ .limit = 1000 }, count_one, counting);
}

static unsigned events(const char *type)
{
    struct counting counting = { .type = type };
    stage_do(count_tx, &counting);
    return counting.count;
}

/* --- Tests ------------------------------------------------------------------------------------ */

TEST(publishing_of_a_film_that_is_stored)
{
    stage_open();
    title = stage_title(TITLE_FILM, "Nosferatu", 1922, false);
    film_add(true);
    saga_wanted = ask_for("");
    CHECK_INT(ask_for(""), saga_wanted); /* asked for twice it is one */
    CHECK(!is_shown());
    run(run_to_done);
    CHECK(is_shown()); /* its ready bytes are dropped */
    CHECK_INT(events("title.published"), 1);
    CHECK(has(
        admin("POST", path_of("/v1/titles/%lld/publish-when-ready", (long long)title.value), ""),
        "title-not-draft"));
    stage_close();
}

static struct id unfinished;

static enum err film_comes_later(void *arg)
{
    (void)arg;
    runner_start();
    await_waiting("assets", "film-not-ready");
    CHECK_OK(db_tx(stage_db(), ready_tx, &unfinished));
    clock_set(NOW + MINUTES(1));
    jobs_wake(jobs);
    await_waiting("windows", "before-its-time");
    CHECK_INT(saga_now().state, SAGA_RUNNING);
    clock_set(NOW + DAYS(2));
    jobs_wake(jobs);
    await_saga(SAGA_DONE);
    runner_stop();
    return OK;
}

TEST(publishing_waits_for_the_film_and_for_its_time)
{
    stage_open();
    clock_set(NOW);
    title = stage_title(TITLE_FILM, "Metropolis", 1927, false);
    unfinished = film_add(false);
    saga_wanted = ask_for("{\"at\":\"2026-11-23T00:00:00Z\"}");
    run(film_comes_later);
    CHECK(is_shown());
    stage_close();
}

static enum err cancel_announcing(struct db_tx *tx, void *arg)
{
    (void)arg;
    return saga_compensate(tx, saga_wanted, STR("not yet"));
}

/* A runner without the program's steps but for those before announcing: it stops there. */
static enum err held_before_announcing(void *arg)
{
    struct saga_step steps[4];
    (void)arg;
    memcpy(steps, catalog_publish_saga.steps, sizeof(steps));
    struct saga_kind cut = catalog_publish_saga;
    cut.steps = steps;
    cut.steps_count = 3;
    const struct job_kind kind = SAGA_JOB(CATALOG_PUBLISH_JOB, cut, .attempts_max = 1);
    struct jobs_spec spec = {
        .db = stage_db(), .kinds = &kind, .kinds_count = 1, .sole_owner = true
    };
    CHECK_OK(jobs_start(loop_current(), &spec, &jobs));
    await_saga(SAGA_UNDONE);
    runner_stop();
    return OK;
}

TEST(publishing_that_cannot_be_announced_is_taken_back)
{
    stage_open();
    title = stage_title(TITLE_FILM, "Faust", 1926, false);
    film_add(true);
    saga_wanted = ask_for("");
    run(held_before_announcing);
    CHECK(!is_shown());
    CHECK_INT(events("title.published"), 0);
    CHECK(has(admin("GET", path_of("/v1/titles/%lld", (long long)title.value), ""),
              "\"status\":\"draft\""));
    saga_wanted = ask_for(""); /* and may be asked for again */
    run(run_to_done);
    CHECK(is_shown());
    stage_close();
}

TEST(publishing_stopped_by_hand_leaves_a_draft)
{
    stage_open();
    title = stage_title(TITLE_FILM, "M", 1931, false);
    saga_wanted = ask_for("");
    stage_do(cancel_announcing, NULL);
    run(run_to_undone);
    CHECK(!is_shown());
    stage_close();
}

/* An editor was faster: their title stays, and is not announced by the saga. */
TEST(publishing_overtaken_by_an_editor)
{
    stage_open();
    title = stage_title(TITLE_FILM, "Sunrise", 1927, false);
    film_add(true);
    saga_wanted = ask_for("");
    stage_publish(title);
    run(run_to_done);
    CHECK(is_shown());
    CHECK_INT(events("title.published"), 1); /* theirs */
    stage_close();
}

TEST(publishing_what_nobody_would_see)
{
    stage_open();
    title = stage_title(TITLE_FILM, "Intolerance", 1916, false);
    film_add(true);
    stage_set(title, CATALOG_SOURCE_EDITOR, "available_to", "2001-01-01T00:00:00Z");
    saga_wanted = ask_for("");
    run(run_to_undone);
    CHECK(!is_shown());
    stage_close();
}

TEST(publishing_of_titles_that_are_not_there)
{
    stage_open();
    CHECK(has(admin("POST", "/v1/titles/999/publish-when-ready", ""), "title-not-found"));
    CHECK(has(admin("POST", "/v1/titles/x/publish-when-ready", ""), "title-not-found"));
    title = stage_title(TITLE_FILM, "Greed", 1924, false);
    CHECK(has(admin("POST", path_of("/v1/titles/%lld/publish-when-ready", (long long)title.value),
                    "{\"at\":\"tomorrow\"}"),
              "invalid-fields"));
    stage_close();
}
