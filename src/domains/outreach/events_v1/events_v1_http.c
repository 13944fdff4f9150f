/*
 * events_v1_http: the routes of the old contract. Its errors are {"error": "…"}, whatever answers
 * elsewhere look like.
 */
#include "internal.h"

#include "foundation/http/http_route.h"
#include "foundation/task/task.h"

enum { BODY_MAX = 32 * 1024, RETRY_AFTER_S = 2, START_TRIES = 500, START_WAIT_MS = 10 };

struct v1_error {
    str error;
};
SHAPE(v1_error_shape, struct v1_error, FIELD(struct v1_error, error));

static enum err reply(struct http_request *request, struct http_response *response, unsigned status,
                      const struct shape *shape, const void *record)
{
    struct buf buf;
    buf_init(&buf, request->arena, KIB(128));
    shape_write_json(&buf, shape, record);
    if (buf.overflowed)
        return err_set(ERR_EXHAUSTED, NULL, "the answer does not fit");
    http_reply_memory(response, STR("application/json"), buf_str(&buf));
    response->status = status;
    response->cache_control = STR("no-store");
    return OK;
}

/* What the slot says, in the contract's words. What may pass is 503 with a time to come again. */
static enum err reply_failure(struct http_request *request, struct http_response *response,
                              enum err err)
{
    struct v1_error body = { arena_str(request->arena, str_of(err_slot()->text)) };
    bool passes = err_info(err)->http_status >= 500;
    TRY(reply(request, response, passes ? 503 : err_info(err)->http_status, &v1_error_shape,
              &body));
    if (!passes)
        return OK;
    return http_header_add(response, STR("Retry-After"),
                           arena_printf(request->arena, "%d", RETRY_AFTER_S));
}

/* Another loop may still be starting it when the first request is here. */
static enum err bus_await(struct bus **out_bus)
{
    for (int i = 0; i < START_TRIES && !events_v1_bus(); i++)
        TRY(await_sleep(MILLISECONDS(START_WAIT_MS)));
    *out_bus = events_v1_bus();
    return *out_bus ? OK
                    : err_set(ERR_UNAVAILABLE, "no-bus", "events are not taken at this moment");
}

static enum err publish(struct http_request *request, enum v1_kind kind, struct v1_response *out)
{
    struct bus *bus;
    struct bus_place place;
    struct bus_new event = { .type = events_v1_type(kind), .data = &out->event };
    TRY(v1_event_make(request->arena, kind, request->body, &out->event, &event.aggregate));
    TRY(bus_await(&bus));
    TRY(bus_send(bus, &event, &place));
    out->status = STR("success");
    out->partition = place.partition;
    out->offset = place.offset;
    return OK;
}

static enum err on_publish(struct http_request *request, struct http_response *response)
{
    const struct v1_subject *subject = request->route->owner;
    struct v1_response answer;
    enum err err = publish(request, subject->kind, &answer);
    if (err == ERR_CANCELLED)
        return err;
    if (err != OK)
        return reply_failure(request, response, err);
    return reply(request, response, 201, &v1_response_shape, &answer);
}

static enum err on_health(struct http_request *request, struct http_response *response)
{
    static const struct v1_health well = { true };
    return reply(request, response, 200, &v1_health_shape, &well);
}

/* --- Other methods ------------------------------------------------------------------------------
 */

static enum err on_other(struct http_request *request, struct http_response *response)
{
    static const struct v1_error body = { STR_INIT("this address does not have that method") };
    TRY(reply(request, response, 405, &v1_error_shape, &body));
    return http_header_add(response, STR("Allow"),
                           request->route->owner ? STR("POST") : STR("GET, HEAD"));
}

#define EVENTS(path, kind, body, what)                                                             \
    { METHOD_POST,                                                                                 \
      path,                                                                                        \
      on_publish,                                                                                  \
      what,                                                                                        \
      .in = &(body),                                                                               \
      .out = &v1_response_shape,                                                                   \
      .body_bytes_max = BODY_MAX,                                                                  \
      .status = 201,                                                                               \
      .timeout = SECONDS(20),                                                                      \
      .owner = &v1_subjects[kind] },                                                               \
        OTHER(METHOD_GET, path, &v1_subjects[kind]), OTHER(METHOD_PUT, path, &v1_subjects[kind]),  \
        OTHER(METHOD_PATCH, path, &v1_subjects[kind]),                                             \
        OTHER(METHOD_DELETE, path, &v1_subjects[kind])
#define OTHER(which, path, whose)                                                                  \
    {                                                                                              \
        which, path, on_other, .flags = ROUTE_HIDDEN | ROUTE_BODY_OPTIONAL, .owner = (whose)       \
    }
#define HEALTH "/api/events/health"

static const struct http_route routes[] = {
    EVENTS("/api/events/movie", V1_MOVIE, v1_movie_shape,
           "Publish an event of a film (old contract)"),
    EVENTS("/api/events/user", V1_USER, v1_user_shape, "Publish an event of a user (old contract)"),
    EVENTS("/api/events/payment", V1_PAYMENT, v1_payment_shape,
           "Publish an event of a payment (old contract)"),
    { METHOD_GET, HEALTH, on_health, "Does the events service live? (old contract)",
      .out = &v1_health_shape },
    OTHER(METHOD_POST, HEALTH, NULL),
    OTHER(METHOD_PUT, HEALTH, NULL),
    OTHER(METHOD_PATCH, HEALTH, NULL),
    OTHER(METHOD_DELETE, HEALTH, NULL),
};
const struct http_route_table events_v1_routes = { routes, ARRAY_LEN(routes) };
