/*
 * http_route: tables of routes, and the matcher they are compiled into at the start. A pattern is
 * made of segments: text, {name} for one segment that is not empty, and at the end {name*} for the
 * rest (which may be empty or hold slashes). Text wins over {name}, {name} over {name*}, segment by
 * segment.
 */
#pragma once

#include "http.h"

struct shape;

typedef enum err (*http_handler)(struct http_request *request, struct http_response *response);

enum http_route_flags {
    ROUTE_INLINE = 1 << 0, /* runs in the loop's callback: must not suspend, saves the switch */
    ROUTE_BODY_STREAM = 1 << 1,   /* the handler reads the body by http_body_read() */
    ROUTE_HIDDEN = 1 << 2,        /* not in the generated documents */
    ROUTE_BODY_OPTIONAL = 1 << 3, /* a request without a body is fine, too */
    ROUTE_VITAL = 1 << 4          /* answered when all else is refused: what watches over us */
};

/*
 * What a route answers beside its success and what its row says anyway (a body or query may be
 * wrong, a {name} may lead nowhere, a role may be missing). For documents, and for tests to hold
 * what is answered against.
 */
enum http_route_answers {
    ANSWERS_200 = 1 << 0, /* where success is another status: sometimes this instead */
    ANSWERS_206 = 1 << 1, /* ranges: 206 and 416 */
    ANSWERS_304 = 1 << 2, /* an ETag to compare with: 304, and 412 to If-Match */
    ANSWERS_400 = 1 << 3,
    ANSWERS_401 = 1 << 4, /* to some requests, where the row has no role */
    ANSWERS_404 = 1 << 5,
    ANSWERS_409 = 1 << 6,
    ANSWERS_428 =
        1 << 7, /* If-Match is required: 428 without, 412 when it is not the current one */
    ANSWERS_429 = 1 << 8,
    ANSWERS_LOCATION = 1 << 9, /* success names what was made in Location */
};

struct http_route {
    enum http_method method;
    const char *pattern;
    http_handler handler;
    const char *summary; /* one sentence, for documents; may be NULL */
    const struct shape *query, *in, *out;
    unsigned role;           /* for the before hook: the domain's numbering */
    size_t body_bytes_max;   /* 0: 1 MiB for POST, PUT and PATCH, none for the others */
    size_t arena_bytes_max;  /* 0: 1 MiB */
    unsigned cache_s;        /* for documents and the before hook */
    unsigned flags;          /* of http_route_flags */
    unsigned status;         /* of success; 0: 200 with `out` or `media_types`, 204 without */
    unsigned answers;        /* of http_route_answers */
    const char *media_types; /* of a success that is no JSON: "text/vtt video/mp4" */
    span timeout;            /* 0: the server's request_timeout */
    const void *owner;       /* for the handler: what the maker of the table keeps beside it */
};

struct http_route_table {
    const struct http_route *routes;
    size_t count;
};

struct http_router;

/*
 * Compiles the tables, which must outlive the router. ERR_CONFLICT: two routes match the same
 * requests. ERR_INVALID: a pattern is malformed (or names more than HTTP_PARAMS_MAX, or is too
 * deep).
 */
enum err http_router_open(const struct http_route_table *tables, size_t count,
                          struct http_router **out_router);
void http_router_close(struct http_router *router);

struct http_match {
    const struct http_route *route; /* NULL: no such path, or not this method */
    unsigned methods;               /* bit set of methods the path has; 0: no such path */
    str params[HTTP_PARAMS_MAX];
};
/* HEAD finds the GET route where it has none of its own. Parameters are parts of `path`. */
void http_router_match(const struct http_router *router, enum http_method method, str path,
                       struct http_match *out);
/* The value of an Allow field: "GET, HEAD, OPTIONS". Returns the text written into `out`. */
enum { HTTP_ALLOW_MAX = 64 };
str http_allow_format(unsigned methods, char out[HTTP_ALLOW_MAX]);
