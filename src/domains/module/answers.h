/*
 * answers: the statuses a route may answer with, as its row of the table says. The OpenAPI document
 * lists them; tests, and builds with sanitizers, hold every answer against them.
 */
#pragma once

#include "foundation/http/http_route.h"

enum { ANSWERS_MAX = 24 };

struct answers {
    unsigned statuses[ANSWERS_MAX]; /* ascending */
    unsigned count;
};

/* All that the documents name. Success is among them. */
void answers_of(const struct http_route *route, struct answers *out_answers);
/* The status of success. */
unsigned answers_success(const struct http_route *route);
/*
 * Whether the row accounts for the status. So it does for what may happen to any request and is
 * named nowhere: a body that is too large or too slow, a failure inside, a client that went.
 */
bool answers_allow(const struct http_route *route, unsigned status);
