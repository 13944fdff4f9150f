/*
 * events_v1_shapes: the bodies of the old contract, and what becomes of them. Its numbers are JSON
 * numbers; amounts are kept as the text they came in, because they are money. Fields that nobody
 * knows are passed over, as they were by the old service.
 */
#pragma once

#include "foundation/shape/shape.h"

struct v1_movie {
    int64_t movie_id;
    str title, action;
    opt_i64 user_id;
    opt_double rating;
    LIST_OF(str) genres;
    str description;
};

struct v1_user {
    int64_t user_id;
    str username, email, action;
    instant timestamp;
};

struct v1_payment {
    int64_t payment_id, user_id;
    json_raw amount;
    str status;
    instant timestamp;
    str method_type;
};

struct v1_event {
    str id, type; /* "movie-1-viewed", "movie": what the contract calls it, not who it is */
    instant timestamp;
    json_raw payload;
};

struct v1_response {
    str status;
    int64_t partition, offset;
    struct v1_event event;
};

struct v1_health {
    bool status;
};

extern const struct shape v1_movie_shape, v1_user_shape, v1_payment_shape, v1_event_shape,
    v1_response_shape, v1_health_shape;

enum v1_kind { V1_MOVIE, V1_USER, V1_PAYMENT, V1_KINDS };

/* What the three routes are about. */
struct v1_subject {
    enum v1_kind kind;
    str name; /* "movie": of its events, and of what they happen to */
    const struct shape *body;
};
extern const struct v1_subject v1_subjects[V1_KINDS];

/*
 * A body as an event of the contract, and what it happened to ("movie/7"). In the arena.
 * ERR_INVALID as shape_parse_json().
 */
enum err v1_event_make(struct arena *arena, enum v1_kind kind, str body, struct v1_event *out_event,
                       str *out_aggregate);
