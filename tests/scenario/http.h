/*
 * http: a small blocking HTTP/1.1 client that notices what a browser would forgive: an answer with
 * two lengths, a bad chunk, a head without end are failures. Loopback only, one connection at a
 * time.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/buf.h"

struct http_conn {
    int fd;          /* -1: closed */
    bool used;       /* has carried an answer: the server may have closed it since */
    struct buf in;   /* received, on the heap */
    size_t consumed; /* of `in`, by answers already returned */
    span patience;   /* how long one read or write may take */
};

struct http_answer {
    unsigned status;
    str head; /* status line and headers, each line ended by CR LF */
    str body; /* chunks already joined */
    bool closes;
};

void http_init(struct http_conn *conn);
/* ERR_UNAVAILABLE when nobody listens. */
enum err http_connect(struct http_conn *conn, uint16_t port);
void http_close(struct http_conn *conn);
enum err http_send(struct http_conn *conn, str bytes);
/*
 * Reads one answer; 1xx answers are passed over. `bodiless`: it answers a HEAD. ERR_UNAVAILABLE
 * when the connection ended before the first byte, ERR_CORRUPT for an answer that breaks RFC 9112,
 * ERR_TIMEOUT. The answer is in the arena.
 */
enum err http_receive(struct http_conn *conn, struct arena *arena, bool bodiless,
                      struct http_answer *out_answer);
/* OK when the server ends the connection (FIN or RST) within `limit` without sending another byte.
 */
enum err http_await_close(struct http_conn *conn, span limit);
/* The header's values joined by ", "; false when it is absent. Name without regard to case. */
bool http_header(const struct http_answer *answer, struct arena *arena, str name, str *out_value);
