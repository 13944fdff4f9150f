/*
 * catalog_publish: publishing as a saga: its film is stored, its time has come, viewers see it, it
 * is announced. What it waits for may take weeks; a step that fails for good takes the title back.
 */
#include "catalog_internal.h"

#include "catalog_sql.h"
#include "domains/content/assets/assets.h"
#include "engines/flow/sagas.h"

enum { FEATURES_MAX = 100 };
#define LOOK_EVERY  SECONDS(15)
#define FILM_WITHIN DAYS(30)

struct publish_input {
    struct id title;
    opt_time at;
};
SHAPE(publish_input_shape, struct publish_input, FIELD(struct publish_input, title),
      FIELD(struct publish_input, at));

struct publish_result {
    bool published; /* by this saga; else it was already */
};
SHAPE(publish_result_shape, struct publish_result, FIELD(struct publish_result, published));

static str json_of(struct arena *arena, const struct shape *shape, const void *record)
{
    struct buf buf;
    buf_init_leaving(&buf, arena, KIB(1));
    shape_write_json(&buf, shape, record);
    return buf_str(&buf);
}

/* What every step works with. */
struct publishing {
    struct saga_run *run;
    struct publish_input input;
    struct publish_result result;
    struct title title; /* out, of the transaction */
    bool ready;         /* out */
};

static enum err publishing_read(struct saga_run *run, struct publishing *out)
{
    *out = (struct publishing){ .run = run };
    return shape_parse_json(task_arena(), &publish_input_shape, saga_input(run), &out->input);
}

/* --- Its film is stored ----------------------------------------------------------------------- */

static enum err features_ready(struct db_tx *tx, struct id title, bool *out_ready)
{
    struct db_rows rows;
    struct asset asset;
    unsigned features = 0, ready = 0;
    TRY(db_all(tx, &SQL_EDITIONS_LIST, DB_ARGS(DB_I64(title.value)), FEATURES_MAX, &rows));
    for (unsigned i = 0; i < rows.count; i++) {
        if (!str_eq(db_text(&rows.items[i], 1), STR("feature")))
            continue;
        enum err found = asset_get(tx, ID(db_i64(&rows.items[i], 3)), &asset);
        if (found != OK && found != ERR_NOT_FOUND)
            return found;
        features++;
        ready += found == OK && asset.ready;
    }
    *out_ready = features > 0 && ready == features;
    return OK;
}

/* A series has no film of its own: one of its episodes can be played. */
static enum err look_at_film(struct db_tx *tx, void *arg)
{
    struct publishing *p = arg;
    TRY(catalog_title_load(tx, p->input.title, &p->title));
    if (p->title.kind != TITLE_SERIES)
        return features_ready(tx, p->input.title, &p->ready);
    p->ready = p->title.playable;
    return OK;
}

static enum err step_assets(struct saga_run *run, void *arg)
{
    struct publishing p;
    (void)arg;
    TRY(publishing_read(run, &p));
    TRY(db_read(catalog.db, look_at_film, &p));
    if (p.ready)
        return OK;
    job_wait_until(saga_run_job(run), clock_now() + LOOK_EVERY);
    return err_set(ERR_UNAVAILABLE, "film-not-ready", "the film of title %lld is not stored yet",
                   (long long)p.input.title.value);
}

/* --- Its time has come ------------------------------------------------------------------------ */

static enum err look_at_title(struct db_tx *tx, void *arg)
{
    struct publishing *p = arg;
    return catalog_title_load(tx, p->input.title, &p->title);
}

/* That a window has not opened yet is no reason to wait: a published title is shown from then on.
 */
static enum err step_windows(struct saga_run *run, void *arg)
{
    struct publishing p;
    (void)arg;
    TRY(publishing_read(run, &p));
    if (p.input.at.state == OPT_SET && p.input.at.value > clock_now()) {
        job_wait_until(saga_run_job(run), p.input.at.value);
        return err_set(ERR_UNAVAILABLE, "before-its-time", "title %lld is to be published later",
                       (long long)p.input.title.value);
    }
    TRY(db_read(catalog.db, look_at_title, &p));
    if (p.title.available_to <= clock_now())
        return err_set(ERR_PRECONDITION, "window-over",
                       "the window of title %lld is over: nobody would see it",
                       (long long)p.input.title.value);
    return OK;
}

/* --- Viewers see it --------------------------------------------------------------------------- */

/* Lists, names and the ready bytes of every process follow from the same transaction. */
static enum err show_tx(struct db_tx *tx, void *arg)
{
    struct publishing *p = arg;
    struct id id = p->input.title;
    TRY(catalog_title_load(tx, id, &p->title));
    if (p->title.status == TITLE_ARCHIVED)
        return err_set(ERR_PRECONDITION, "title-archived", "title %lld was archived meanwhile",
                       (long long)id.value);
    struct publish_result result = { 0 };
    TRY(catalog_title_show(tx, id, &result.published));
    return saga_step_finish(tx, p->run, json_of(db_arena(tx), &publish_result_shape, &result));
}

static enum err step_index(struct saga_run *run, void *arg)
{
    struct publishing p;
    (void)arg;
    TRY(publishing_read(run, &p));
    return db_tx(catalog.db, show_tx, &p);
}

/* What the step has left; nothing: it did not come so far. */
static enum err result_read(struct publishing *p)
{
    str result;
    TRY(saga_result(p->run, "index", &result));
    p->result = (struct publish_result){ .published = false };
    if (!result.ptr)
        return OK;
    return shape_parse_json(task_arena(), &publish_result_shape, result, &p->result);
}

static enum err hide_tx(struct db_tx *tx, void *arg)
{
    struct publishing *p = arg;
    struct id id = p->input.title;
    TRY(catalog_title_load(tx, id, &p->title));
    if (p->result.published && p->title.status == TITLE_PUBLISHED) {
        db_notify(tx, DB_TOPIC_CATALOG);
        TRY(db_exec(tx, &SQL_TITLE_STATUS_PUT, DB_ARGS(DB_I64(id.value), DB_TEXT(STR("draft"))),
                    NULL));
        TRY(catalog_playable_refresh(tx, id));
    }
    return saga_step_finish(tx, p->run, STR_NONE);
}

static enum err undo_index(struct saga_run *run, void *arg)
{
    struct publishing p;
    (void)arg;
    TRY(publishing_read(run, &p));
    TRY(result_read(&p));
    return db_tx(catalog.db, hide_tx, &p);
}

/* --- It is announced -------------------------------------------------------------------------- */

static enum err announce_tx(struct db_tx *tx, void *arg)
{
    struct publishing *p = arg;
    TRY(catalog_title_load(tx, p->input.title, &p->title));
    if (p->result.published)
        TRY(catalog_title_tell(tx, &catalog_title_published, &p->title));
    return saga_step_finish(tx, p->run, STR_NONE);
}

static enum err step_announce(struct saga_run *run, void *arg)
{
    struct publishing p;
    (void)arg;
    TRY(publishing_read(run, &p));
    TRY(result_read(&p));
    return db_tx(catalog.db, announce_tx, &p);
}

static const struct saga_step steps[] = {
    { .name = "assets", .act = step_assets, .deadline = FILM_WITHIN },
    { .name = "windows", .act = step_windows },
    { .name = "index", .act = step_index, .undo = undo_index },
    { .name = "announce", .act = step_announce },
};
const struct saga_kind catalog_publish_saga = { .name = CATALOG_PUBLISH_JOB,
                                                .steps = steps,
                                                .steps_count = ARRAY_LEN(steps) };

/* --- The wish --------------------------------------------------------------------------------- */

struct publish_wish {
    opt_time at;
};
SHAPE(publish_wish_shape, struct publish_wish,
      FIELD(struct publish_wish, at,
            .doc = "not before; without it as soon as the film is stored"));
struct publish_started {
    struct id saga;
};
SHAPE(publish_started_shape, struct publish_started, FIELD(struct publish_started, saga));

struct publish_start {
    struct publish_input input;
    int64_t saga; /* out */
};

static enum err start_tx(struct db_tx *tx, void *arg)
{
    struct publish_start *start = arg;
    struct arena *arena = db_arena(tx);
    struct title title;
    char at[INSTANT_TEXT_MAX] = "ready";
    TRY(catalog_title_load(tx, start->input.title, &title));
    if (title.status != TITLE_DRAFT)
        return err_set(ERR_CONFLICT, "title-not-draft", "title %lld is no draft",
                       (long long)title.id.value);
    if (start->input.at.state == OPT_SET)
        instant_format(start->input.at.value, at);
    /* Asked for twice before anything has changed it is one. */
    struct saga_new saga = {
        .kind = &catalog_publish_saga,
        .subject = catalog_title_text(&title, "title", STR("en")),
        .input = json_of(arena, &publish_input_shape, &start->input),
        .idempotency_key = arena_printf(arena, "%lld/%lld/%s", (long long)title.id.value,
                                        (long long)title.version, at),
    };
    return saga_start(tx, &saga, &start->saga);
}

enum err catalog_on_title_publish_when_ready(struct http_request *request,
                                             struct http_response *response)
{
    struct publish_wish wish = { .at = { .state = OPT_ABSENT } };
    struct publish_start start = { .saga = 0 };
    struct buf buf;
    TRY(catalog_request_id(request, "id", "title-not-found", &start.input.title));
    if (request->body.len)
        TRY(shape_parse_json(request->arena, &publish_wish_shape, request->body, &wish));
    start.input.at = wish.at;
    TRY(db_tx(catalog.db, start_tx, &start));
    struct publish_started started = { ID(start.saga) };
    buf_init(&buf, request->arena, KIB(1));
    shape_write_json(&buf, &publish_started_shape, &started);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
    response->status = 202;
    return http_header_add(response, STR("Location"),
                           arena_printf(request->arena, "/v1/sagas/%lld", (long long)start.saga));
}
