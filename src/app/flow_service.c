/*
 * flow_service: timers and sagas of the context's database for the administrator, and the job that
 * keeps the queue small: what ended long ago goes.
 */
#include "app.h"

#include "engines/flow/sagas.h"
#include "engines/flow/schedules.h"
#include "foundation/cursor/cursor.h"
#include "foundation/http/http_route.h"
#include "foundation/log/log.h"
#include "foundation/shape/shape.h"

enum { PRUNE_A_TIME = 500, ANSWER_BYTES_MAX = 4 << 20, REASON_MAX = 300, PAGE = 100 };
#define PRUNE_JOB "flow.prune"

static struct db *flow_db;

/* --- What ended long ago ---------------------------------------------------------------------- */

struct pruning {
    instant before;
    int64_t jobs, sagas; /* out: of one transaction */
};

static enum err prune_tx(struct db_tx *tx, void *arg)
{
    struct pruning *pruning = arg;
    TRY(sagas_prune(tx, pruning->before, PRUNE_A_TIME, &pruning->sagas));
    return jobs_prune(tx, pruning->before, PRUNE_A_TIME, &pruning->jobs);
}

static enum err run_prune(struct job_run *run, void *arg)
{
    struct pruning pruning = { .before = clock_now() - app_settings.jobs_kept };
    int64_t removed = 0;
    (void)arg;
    if (app_settings.jobs_kept == 0)
        return OK;
    do {
        TRY(db_tx(flow_db, prune_tx, &pruning));
        removed += pruning.jobs + pruning.sagas;
        job_progress(run, 0.5, "%lld removed", (long long)removed);
    } while (pruning.jobs == PRUNE_A_TIME || pruning.sagas == PRUNE_A_TIME);
    return OK;
}

static const struct job_kind kinds[] = { { .name = PRUNE_JOB, .fn = run_prune } };

static enum err schedules_tx(struct db_tx *tx, void *arg)
{
    int64_t id;
    const struct schedule_new prune = { .name = STR(PRUNE_JOB),
                                        .kind = SCHEDULE_CRON,
                                        .cron = STR("17 4 * * *"),
                                        .declared = true,
                                        .alone = true,
                                        .job = { .kind = STR(PRUNE_JOB) } };
    (void)arg;
    return schedule_put(tx, &prune, &id);
}

void flow_schedules_start(const struct data *data)
{
    struct arena arena;
    arena_init(&arena, MIB(1));
    struct arena *before = db_arena_use(&arena);
    if (db_tx(data_env(data)->db, schedules_tx, NULL) != OK)
        log_error("flow", "the queue's own schedules cannot be kept",
                  LOG_CSTR("reason", err_slot()->text));
    db_arena_use(before);
    arena_deinit(&arena);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void reply(struct http_request *request, struct http_response *response,
                  const struct shape *shape, const void *object)
{
    struct buf buf;
    buf_init(&buf, request->arena, ANSWER_BYTES_MAX);
    shape_write_json(&buf, shape, object);
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->cache_control = STR("no-store");
}

static opt_time time_of(instant at)
{
    return at == INSTANT_NEVER ? (opt_time){ .state = OPT_NULL } : OPT(time, at);
}

static opt_str text_of(str text)
{
    return text.ptr ? OPT(str, text) : (opt_str){ .state = OPT_NULL };
}

struct page_query {
    str cursor, state;
};

static enum err page_from(struct http_request *request, const struct page_query *query,
                          const char *list, int64_t *io_from)
{
    struct id from;
    str key;
    if (!query->cursor.len)
        return OK;
    TRY(cursor_parse(request->arena, query->cursor, str_of(list), &key, &from));
    *io_from = from.value;
    return OK;
}

static opt_str page_next(struct http_request *request, const char *list, int64_t last)
{
    if (!last)
        return (opt_str){ .state = OPT_NULL };
    return OPT(str, cursor_format(request->arena, str_of(list), STR(""), ID(last)));
}

/* --- Schedules -------------------------------------------------------------------------------- */

SHAPE(schedules_query_shape, struct page_query,
      FIELD(struct page_query, cursor, .max = CURSOR_BYTES_MAX));

struct schedule_view {
    struct id id;
    str name, kind, cron, zone, job_kind, subject;
    int64_t every_s, fired, passed_over;
    bool paused;
    opt_time next_at, last_at;
    opt_id last_job;
    opt_str problem;
};
SHAPE(schedule_view_shape, struct schedule_view, FIELD(struct schedule_view, id),
      FIELD(struct schedule_view, name),
      FIELD(struct schedule_view, kind, .doc = "at, every, cron"),
      FIELD(struct schedule_view, cron), FIELD(struct schedule_view, zone),
      FIELD(struct schedule_view, every_s), FIELD(struct schedule_view, job_kind),
      FIELD(struct schedule_view, subject), FIELD(struct schedule_view, paused),
      FIELD(struct schedule_view, next_at), FIELD(struct schedule_view, last_at),
      FIELD(struct schedule_view, last_job), FIELD(struct schedule_view, fired),
      FIELD(struct schedule_view, passed_over,
            .doc = "how often one was missed, or its last job had not ended"),
      FIELD(struct schedule_view, problem));
struct schedules_view {
    LIST_OF(struct schedule_view) items;
    opt_str next;
};
SHAPE(schedules_view_shape, struct schedules_view,
      FIELD_SHAPES(struct schedules_view, items, schedule_view_shape),
      FIELD(struct schedules_view, next));

static struct schedule_view schedule_view_of(const struct schedule *s)
{
    return (struct schedule_view){
        .id = ID(s->id),
        .name = s->name,
        .kind = schedule_kind_text(s->kind),
        .cron = s->cron,
        .zone = s->kind == SCHEDULE_CRON && !s->zone.len ? STR("UTC") : s->zone,
        .job_kind = s->job_kind,
        .subject = s->subject,
        .every_s = s->every / SECONDS(1),
        .fired = s->fired,
        .passed_over = s->passed_over,
        .paused = s->paused,
        .next_at = time_of(s->next_at),
        .last_at = time_of(s->last_at),
        .last_job = s->last_job ? OPT(id, ID(s->last_job)) : (opt_id){ .state = OPT_NULL },
        .problem = text_of(s->problem)
    };
}

static enum err on_schedules(struct http_request *request, struct http_response *response)
{
    struct page_query query;
    struct schedules_view view = { .next = { .state = OPT_NULL } };
    struct schedule *items;
    unsigned count;
    int64_t after = 0;
    TRY(shape_parse_query(request->arena, &schedules_query_shape, request->query, &query));
    TRY(page_from(request, &query, "schedules", &after));
    TRY(schedules_list(db_now(flow_db), after, PAGE, &items, &count));
    view.items.items = ARENA_ARRAY(request->arena, MAX_OF(count, 1u), struct schedule_view);
    for (unsigned i = 0; i < count; i++)
        view.items.items[view.items.count++] = schedule_view_of(&items[i]);
    view.next = page_next(request, "schedules", count == PAGE ? items[count - 1].id : 0);
    reply(request, response, &schedules_view_shape, &view);
    return OK;
}

struct pausing {
    str name;
    bool paused;
};

static enum err pause_tx(struct db_tx *tx, void *arg)
{
    const struct pausing *pausing = arg;
    return schedule_pause(tx, pausing->name, pausing->paused);
}

static enum err pause(struct http_request *request, struct http_response *response, bool paused)
{
    struct pausing pausing = { http_param(request, "name"), paused };
    TRY(db_tx(flow_db, pause_tx, &pausing));
    http_reply_status(response, 204);
    return OK;
}

static enum err on_schedule_pause(struct http_request *request, struct http_response *response)
{
    return pause(request, response, true);
}

static enum err on_schedule_resume(struct http_request *request, struct http_response *response)
{
    return pause(request, response, false);
}

/* --- Sagas ------------------------------------------------------------------------------------ */

SHAPE(sagas_query_shape, struct page_query,
      FIELD(struct page_query, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct page_query, state, .max = 20,
            .doc = "running, compensating, held, done or undone; without it all"));

struct saga_card {
    struct id id;
    str kind, subject, state, step;
    bool undoing;
    opt_id job;
    opt_str slug, reason;
    instant created_at, updated_at;
    opt_time finished_at;
};
#define CARD_FIELDS(type)                                                                          \
    FIELD(type, id), FIELD(type, kind), FIELD(type, subject),                                      \
        FIELD(type, state, .doc = "running, compensating, held, done, undone"), FIELD(type, step), \
        FIELD(type, undoing), FIELD(type, job), FIELD(type, slug),                                 \
        FIELD(type, reason, .doc = "why it is not done"), FIELD_TIME(type, created_at),            \
        FIELD_TIME(type, updated_at), FIELD(type, finished_at)
SHAPE(saga_card_shape, struct saga_card, CARD_FIELDS(struct saga_card));
struct sagas_view {
    LIST_OF(struct saga_card) items;
    opt_str next;
};
SHAPE(sagas_view_shape, struct sagas_view, FIELD_SHAPES(struct sagas_view, items, saga_card_shape),
      FIELD(struct sagas_view, next));

static struct saga_card saga_card_of(const struct saga *s)
{
    return (struct saga_card){ .id = ID(s->id),
                               .kind = s->kind,
                               .subject = s->subject,
                               .state = saga_state_text(s->state),
                               .step = s->step,
                               .undoing = s->undoing,
                               .job = s->job_id ? OPT(id, ID(s->job_id))
                                                : (opt_id){ .state = OPT_NULL },
                               .slug = text_of(s->error_slug),
                               .reason = text_of(s->error_text),
                               .created_at = s->created_at,
                               .updated_at = s->updated_at,
                               .finished_at = time_of(s->finished_at) };
}

static enum err on_sagas(struct http_request *request, struct http_response *response)
{
    struct page_query query;
    struct sagas_page page;
    struct sagas_view view = { .next = { .state = OPT_NULL } };
    struct sagas_filter filter = { .state = -1, .limit = PAGE };
    enum saga_state state;
    TRY(shape_parse_query(request->arena, &sagas_query_shape, request->query, &query));
    if (query.state.len) {
        if (!saga_state_parse(query.state, &state))
            return err_set(ERR_INVALID, "invalid-fields", "there is no state %.*s",
                           STR_ARG(query.state));
        filter.state = (int)state;
    }
    TRY(page_from(request, &query, "sagas", &filter.before));
    TRY(sagas_list(db_now(flow_db), &filter, &page));
    view.items.items = ARENA_ARRAY(request->arena, MAX_OF(page.count, 1u), struct saga_card);
    for (unsigned i = 0; i < page.count; i++)
        view.items.items[view.items.count++] = saga_card_of(&page.items[i]);
    view.next = page_next(request, "sagas", page.next);
    reply(request, response, &sagas_view_shape, &view);
    return OK;
}

struct saga_step_row {
    str name, state;
    opt_time deadline_at;
};
SHAPE(saga_step_row_shape, struct saga_step_row, FIELD(struct saga_step_row, name),
      FIELD(struct saga_step_row, state, .doc = "waiting, active, done, failed, undoing, undone"),
      FIELD(struct saga_step_row, deadline_at));
struct saga_event_row {
    instant at;
    str what, step, slug, reason;
    int64_t attempt;
};
SHAPE(saga_event_row_shape, struct saga_event_row, FIELD_TIME(struct saga_event_row, at),
      FIELD(struct saga_event_row, what), FIELD(struct saga_event_row, step),
      FIELD(struct saga_event_row, attempt), FIELD(struct saga_event_row, slug),
      FIELD(struct saga_event_row, reason));
struct saga_page {
    struct saga_card saga;
    LIST_OF(struct saga_step_row) steps;
    LIST_OF(struct saga_event_row) timeline;
};
SHAPE(saga_page_shape, struct saga_page, FIELD_SHAPE(struct saga_page, saga, saga_card_shape),
      FIELD_SHAPES(struct saga_page, steps, saga_step_row_shape),
      FIELD_SHAPES(struct saga_page, timeline, saga_event_row_shape));

struct saga_read {
    struct id id;
    struct saga_page page; /* out */
};

static enum err read_saga(struct db_tx *tx, void *arg)
{
    struct saga_read *read = arg;
    struct saga saga;
    struct saga_step_view *steps;
    struct saga_event *events;
    unsigned steps_count, events_count;
    TRY(saga_get(tx, read->id.value, &saga));
    TRY(saga_steps_list(tx, saga.id, &steps, &steps_count));
    TRY(saga_timeline(tx, saga.id, &events, &events_count));
    struct saga_page page = { .saga = saga_card_of(&saga) };
    page.steps.items = ARENA_ARRAY(db_arena(tx), MAX_OF(steps_count, 1u), struct saga_step_row);
    for (unsigned i = 0; i < steps_count; i++)
        page.steps.items[page.steps.count++] =
            (struct saga_step_row){ steps[i].name, steps[i].state, time_of(steps[i].deadline_at) };
    page.timeline.items =
        ARENA_ARRAY(db_arena(tx), MAX_OF(events_count, 1u), struct saga_event_row);
    for (unsigned i = 0; i < events_count; i++)
        page.timeline.items[page.timeline.count++] =
            (struct saga_event_row){ events[i].at,   events[i].what, events[i].step,
                                     events[i].slug, events[i].text, events[i].attempt };
    read->page = page;
    return OK;
}

static enum err saga_param(const struct http_request *request, struct id *out_id)
{
    if (!id_parse(http_param(request, "id"), out_id))
        return err_set(ERR_NOT_FOUND, "saga-not-found", "there is no such saga");
    return OK;
}

static enum err on_saga(struct http_request *request, struct http_response *response)
{
    struct saga_read read;
    TRY(saga_param(request, &read.id));
    TRY(db_read(flow_db, read_saga, &read));
    reply(request, response, &saga_page_shape, &read.page);
    return OK;
}

static enum err retry_tx(struct db_tx *tx, void *arg)
{
    return saga_retry(tx, ((struct id *)arg)->value);
}

static enum err on_saga_retry(struct http_request *request, struct http_response *response)
{
    struct id id;
    TRY(saga_param(request, &id));
    TRY(db_tx(flow_db, retry_tx, &id));
    http_reply_status(response, 204);
    return OK;
}

struct compensate_post {
    str reason;
};
SHAPE(compensate_post_shape, struct compensate_post,
      FIELD(struct compensate_post, reason, .max = REASON_MAX, .doc = "for the timeline"));

struct compensating {
    struct id id;
    str reason;
};

static enum err compensate_tx(struct db_tx *tx, void *arg)
{
    const struct compensating *wish = arg;
    return saga_compensate(tx, wish->id.value, wish->reason);
}

static enum err on_saga_compensate(struct http_request *request, struct http_response *response)
{
    struct compensate_post post = { .reason = STR_NONE };
    struct compensating wish;
    TRY(saga_param(request, &wish.id));
    if (request->body.len)
        TRY(shape_parse_json(request->arena, &compensate_post_shape, request->body, &post));
    wish.reason = post.reason;
    TRY(db_tx(flow_db, compensate_tx, &wish));
    http_reply_status(response, 204);
    return OK;
}

/* --- The module ------------------------------------------------------------------------------- */

static const struct http_route routes[] = {
    { METHOD_GET, "/v1/schedules", on_schedules, "Timers: what is done when",
      .query = &schedules_query_shape, .out = &schedules_view_shape, .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/schedules/{name}/pause", on_schedule_pause, "Stop a timer",
      .role = ROLE_ADMIN },
    { METHOD_POST, "/v1/schedules/{name}/resume", on_schedule_resume,
      "Let a timer go on; what fell into the pause is not made up for", .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/sagas", on_sagas, "Work in several steps, newest first",
      .query = &sagas_query_shape, .out = &sagas_view_shape, .role = ROLE_ADMIN },
    { METHOD_GET, "/v1/sagas/{id}", on_saga, "One saga: its steps and what happened",
      .out = &saga_page_shape, .role = ROLE_ADMIN, .arena_bytes_max = 8 << 20 },
    { METHOD_POST, "/v1/sagas/{id}/retry", on_saga_retry, "Try the step again that it waits at",
      .role = ROLE_ADMIN, .answers = ANSWERS_409 },
    { METHOD_POST, "/v1/sagas/{id}/compensate", on_saga_compensate, "Undo what was done",
      .in = &compensate_post_shape, .role = ROLE_ADMIN, .flags = ROUTE_BODY_OPTIONAL,
      .answers = ANSWERS_409 },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

static enum err flow_open(const struct module_env *env)
{
    flow_db = env->db;
    return OK;
}

static void flow_close(void)
{
}

const struct module flow_module = {
    .name = "flow",
    .context = "content",
    .routes = &route_table,
    .job_kinds = kinds,
    .job_kinds_count = ARRAY_LEN(kinds),
    .open = flow_open,
    .close = flow_close,
};
