/* http2_stage: what the tests of HTTP/2 ask for: a server whose routes have every kind of body. */
#pragma once

#include "http2_fixture.h"

#include <stdatomic.h>

enum { STAGE2_FILE_BYTES = 300000, STAGE2_GENERATED_BYTES = 200000 };

/* Handlers that run and were cancelled; requests that are over, and of them those broken off. */
struct stage2_counts {
    _Atomic unsigned running, cancelled, after, aborted;
};
extern struct stage2_counts stage2_counts;

extern const struct http_route stage2_routes[];
extern const size_t stage2_routes_count;

/* Of /file, once stage2_file_prepare() has made it; the caller releases it. */
extern struct http_file *stage2_file;
extern char stage2_file_text[STAGE2_FILE_BYTES];
void stage2_file_prepare(void);

/* A server of these routes; the counts of requests begin anew. */
struct fixture *stage2_open(void);
void stage2_await(_Atomic unsigned *counter, unsigned wanted);
/* As much of an answer's body as was kept. */
str stage2_body(const struct answer2 *of);
/* The head of a POST whose body follows. `length` and `expect` may be NULL. */
void stage2_post_head(struct client2 *client, uint32_t stream, const char *path, const char *length,
                      const char *expect);
