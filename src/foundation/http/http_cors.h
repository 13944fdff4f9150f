/*
 * http_cors: which pages of other origins may read answers here (the CORS protocol of the Fetch
 * standard, https://fetch.spec.whatwg.org/#http-cors-protocol). Cookies are never part of it
 * (Access-Control-Allow-Credentials is not sent): whoever comes from elsewhere brings a key in
 * Authorization or is nobody.
 */
#pragma once

#include "http.h"

enum { HTTP_CORS_ORIGINS_MAX = 32 };

struct http_cors {
    bool any;       /* "*" */
    unsigned count; /* 0 and not `any`: no other origin may */
    str origins[HTTP_CORS_ORIGINS_MAX];
};

/*
 * "https://app.example, http://localhost:5173"; "*" is every origin; empty is none. The parts point
 * into `list`. ERR_INVALID "cors-origins" with the item that is no origin.
 */
enum err http_cors_parse(str list, struct http_cors *out);

/* May pages of this origin ask? "null" never may. */
bool http_cors_allows(const struct http_cors *cors, str origin);

/*
 * Adds to an answer what its reader's browser has to know, and to the answer to OPTIONS what a
 * preflight asks for.
 */
void http_cors_apply(const struct http_cors *cors, struct http_request *request,
                     struct http_response *response);
