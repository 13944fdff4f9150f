/* events_v1_shapes: tables, and the rules that make an event of a body. */
#include "events_v1_shapes.h"

#include "foundation/json/json.h"

enum { ACTION_MAX = 100, NAME_MAX = 255, PAYLOAD_MAX = 32 * 1024 };

SHAPE_FORGIVING(v1_movie_shape, struct v1_movie, FIELD(struct v1_movie, movie_id, .required = true),
                FIELD(struct v1_movie, title, .required = true, .min = 1, .max = NAME_MAX),
                FIELD(struct v1_movie, action, .required = true, .min = 1, .max = ACTION_MAX),
                FIELD(struct v1_movie, user_id, .omit = true),
                FIELD(struct v1_movie, rating, .omit = true),
                FIELD_LIST(struct v1_movie, genres, .omit = true, .max = 100, .item_max = 100),
                FIELD(struct v1_movie, description, .omit = true, .nullable = true));

SHAPE_FORGIVING(v1_user_shape, struct v1_user, FIELD(struct v1_user, user_id, .required = true),
                FIELD(struct v1_user, username, .omit = true, .nullable = true, .max = NAME_MAX),
                FIELD(struct v1_user, email, .omit = true, .nullable = true, .max = NAME_MAX),
                FIELD(struct v1_user, action, .required = true, .min = 1, .max = ACTION_MAX),
                FIELD_TIME(struct v1_user, timestamp, .required = true));

SHAPE_FORGIVING(v1_payment_shape, struct v1_payment,
                FIELD(struct v1_payment, payment_id, .required = true),
                FIELD(struct v1_payment, user_id, .required = true),
                FIELD(struct v1_payment, amount, .required = true, .doc = "a number"),
                FIELD(struct v1_payment, status, .required = true, .min = 1, .max = ACTION_MAX),
                FIELD_TIME(struct v1_payment, timestamp, .required = true),
                FIELD(struct v1_payment, method_type, .omit = true, .nullable = true,
                      .max = NAME_MAX));

SHAPE_FORGIVING(v1_event_shape, struct v1_event, FIELD(struct v1_event, id, .required = true),
                FIELD(struct v1_event, type, .required = true),
                FIELD_TIME(struct v1_event, timestamp, .required = true),
                FIELD(struct v1_event, payload, .required = true));

SHAPE(v1_response_shape, struct v1_response, FIELD(struct v1_response, status),
      FIELD(struct v1_response, partition), FIELD(struct v1_response, offset),
      FIELD_SHAPE(struct v1_response, event, v1_event_shape));

SHAPE(v1_health_shape, struct v1_health, FIELD(struct v1_health, status));

const struct v1_subject v1_subjects[V1_KINDS] = {
    [V1_MOVIE] = { V1_MOVIE, STR_INIT("movie"), &v1_movie_shape },
    [V1_USER] = { V1_USER, STR_INIT("user"), &v1_user_shape },
    [V1_PAYMENT] = { V1_PAYMENT, STR_INIT("payment"), &v1_payment_shape },
};

/* --- A body as an event -------------------------------------------------------------------------
 */

/* What of a body the event is made of, whatever its kind. */
struct gist {
    int64_t number;
    str action;
    instant at;
    const void *record;
};

static enum err movie_read(struct arena *arena, str body, struct gist *out)
{
    struct v1_movie *movie = ARENA_NEW(arena, struct v1_movie);
    TRY(shape_parse_json(arena, &v1_movie_shape, body, movie));
    *out = (struct gist){ movie->movie_id, movie->action, clock_now(), movie };
    return OK;
}

static enum err user_read(struct arena *arena, str body, struct gist *out)
{
    struct v1_user *user = ARENA_NEW(arena, struct v1_user);
    TRY(shape_parse_json(arena, &v1_user_shape, body, user));
    *out = (struct gist){ user->user_id, user->action, user->timestamp, user };
    return OK;
}

static bool is_number(struct arena *arena, str text)
{
    struct json json;
    str number;
    double value;
    return json_init(&json, arena, text, NULL) == OK && json_peek(&json) == JSON_NUMBER &&
           json_read_number(&json, &number) == OK && json_number_double(number, &value);
}

static enum err payment_read(struct arena *arena, str body, struct gist *out)
{
    struct v1_payment *payment = ARENA_NEW(arena, struct v1_payment);
    TRY(shape_parse_json(arena, &v1_payment_shape, body, payment));
    if (!is_number(arena, payment->amount.text))
        return err_set(ERR_INVALID, "invalid-fields", "amount is not a number");
    *out = (struct gist){ payment->payment_id, payment->status, payment->timestamp, payment };
    return OK;
}

enum err v1_event_make(struct arena *arena, enum v1_kind kind, str body, struct v1_event *out_event,
                       str *out_aggregate)
{
    static enum err (*const readers[])(struct arena *, str, struct gist *) = {
        [V1_MOVIE] = movie_read, [V1_USER] = user_read, [V1_PAYMENT] = payment_read
    };
    const struct v1_subject *subject = &v1_subjects[kind];
    struct gist gist;
    struct buf payload;
    TRY(readers[kind](arena, body, &gist));
    buf_init(&payload, arena, PAYLOAD_MAX);
    shape_write_json(&payload, subject->body, gist.record);
    if (payload.overflowed)
        return err_set(ERR_TOO_LARGE, NULL, "the event has more than %d bytes", PAYLOAD_MAX);
    *out_event = (struct v1_event){
        .id = arena_printf(arena, "%.*s-%lld-%.*s", STR_ARG(subject->name), (long long)gist.number,
                           STR_ARG(gist.action)),
        .type = subject->name,
        .timestamp = gist.at,
        .payload = { buf_str(&payload) },
    };
    *out_aggregate =
        arena_printf(arena, "%.*s/%lld", STR_ARG(subject->name), (long long)gist.number);
    return OK;
}
