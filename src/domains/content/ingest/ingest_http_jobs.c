/* ingest_http_jobs: the queue of work, whoever queued it. */
#include "ingest_http.h"

#include "ingest_sql.h"

#include "engines/flow/jobs.h"
#include "foundation/json/json.h"

SHAPE(jobs_query_shape, struct ingest_page,
      FIELD(struct ingest_page, cursor, .max = CURSOR_BYTES_MAX),
      FIELD(struct ingest_page, kind, .max = JOB_KIND_MAX),
      FIELD(struct ingest_page, state, .max = 20), INGEST_PAGE_LIMIT(struct ingest_page));

struct job_view {
    struct id id;
    str kind, state, subject, message;
    json_raw reasons; /* of the message */
    int64_t attempts, attempts_max;
    double progress;
    instant created_at, updated_at;
};
SHAPE(job_view_shape, struct job_view, FIELD(struct job_view, id), FIELD(struct job_view, kind),
      FIELD(struct job_view, state), FIELD(struct job_view, subject),
      FIELD(struct job_view, message), FIELD(struct job_view, reasons),
      FIELD(struct job_view, attempts), FIELD(struct job_view, attempts_max),
      FIELD(struct job_view, progress), FIELD_TIME(struct job_view, created_at),
      FIELD_TIME(struct job_view, updated_at));
struct jobs_view {
    LIST_OF(struct job_view) items;
    opt_str next;
};
SHAPE(jobs_view_shape, struct jobs_view, FIELD_SHAPES(struct jobs_view, items, job_view_shape),
      FIELD(struct jobs_view, next));

static struct job_view job_view_of(struct arena *arena, const struct job *job)
{
    bool failed = job->error_text.len && job->state != JOB_DONE;
    str message = failed ? job->error_text : job->message;
    return (struct job_view){ .id = ID(job->id),
                              .kind = job->kind,
                              .state = job_state_text(job->state),
                              .subject = job->subject,
                              .message = message,
                              .reasons = { ingest_reasons_json(arena, message) },
                              .attempts = job->attempts,
                              .attempts_max = job->attempts_max,
                              .progress = job->progress,
                              .created_at = job->created_at,
                              .updated_at = job->updated_at };
}

enum err ingest_on_jobs_list(struct http_request *request, struct http_response *response)
{
    struct ingest_page query;
    struct jobs_page page;
    struct jobs_view list = { .next = { .state = OPT_NULL } };
    struct jobs_filter filter = { .state = -1 };
    enum job_state state;
    TRY(ingest_http_page(request, &jobs_query_shape, "jobs", &query, &filter.before));
    if (query.state.len) {
        if (!job_state_parse(query.state, &state))
            return err_set(ERR_INVALID, "invalid-fields", "there is no state %.*s",
                           STR_ARG(query.state));
        filter.state = (int)state;
    }
    filter.kind = query.kind.ptr ? query.kind : STR("");
    filter.limit = (unsigned)query.limit;
    TRY(jobs_list(db_now(ingest.db), &filter, &page));
    list.items.items = ARENA_ARRAY(request->arena, page.count, struct job_view);
    for (unsigned i = 0; i < page.count; i++)
        list.items.items[list.items.count++] = job_view_of(request->arena, &page.items[i]);
    list.next = ingest_http_next(request, "jobs", page.next);
    ingest_http_reply(request, response, &jobs_view_shape, &list);
    return OK;
}

static enum err job_retry_tx(struct db_tx *tx, void *arg)
{
    int64_t id = *(int64_t *)arg;
    TRY(jobs_retry(tx, id));
    return ingest_job_reopen(tx, id);
}

static enum err job_cancel_tx(struct db_tx *tx, void *arg)
{
    int64_t id = *(int64_t *)arg;
    TRY(ingest_job_cancel(tx, id));
    return ingest_job_close(tx, id);
}

static enum err change_job(struct http_request *request, struct http_response *response,
                           db_tx_fn fn)
{
    int64_t id;
    TRY(ingest_http_id(request, "job-not-found", &id));
    TRY(db_tx(ingest.db, fn, &id));
    http_reply_status(response, 204);
    return OK;
}

enum err ingest_on_job_retry(struct http_request *request, struct http_response *response)
{
    return change_job(request, response, job_retry_tx);
}

enum err ingest_on_job_cancel(struct http_request *request, struct http_response *response)
{
    return change_job(request, response, job_cancel_tx);
}
