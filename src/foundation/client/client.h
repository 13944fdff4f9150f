/*
 * client: HTTP requests to others, from tasks. A client belongs to one loop and keeps connections
 * to the origins it was asked for: HTTP/1.1 by llhttp, HTTP/2 by nghttp2 (many calls share a
 * connection), TLS with verification. What answers is not trusted: heads, bodies and waiting are
 * bounded, and an answer that breaks the rules ends its connection. Redirects are not followed.
 */
#pragma once

#include "foundation/http/http.h"
#include "foundation/task/loop.h"
#include "foundation/task/pool.h"

struct client;
struct client_call;

/* A zero takes the default. */
struct client_settings {
    struct pool *pool; /* where names are looked up; NULL: only addresses and localhost */
    str ca_path; /* PEM file of who is trusted; empty: the system's. Read at the first https */
    unsigned connections_max; /* an origin, of HTTP/1.1; of HTTP/2 2; 8 */
    unsigned waiting_max;     /* calls that wait for a connection, an origin; 256 */
    unsigned origins_max;     /* 64 */
    span connect_timeout;     /* look-up, connection and handshake together; 10 s */
    span progress_timeout;    /* a call that waits without a byte either way; 30 s */
    span idle_timeout;        /* an unused connection is closed after; 60 s */
    size_t head_bytes_max;    /* of an answer's head, its trailers included; 64 KiB */
    /*
     * Instead of getaddrinfo(3): fills at most `max` addresses (with the port) and returns how
     * many, 0 when there is no such name. Runs in the pool and may block.
     */
    unsigned (*lookup)(const char *host, unsigned port, struct net_address *out, unsigned max);
};

/* NULL settings: the defaults. Loop thread. */
void client_create(struct loop *loop, const struct client_settings *settings,
                   struct client **out_client);
/*
 * Cuts every connection off; calls in progress fail. Memory goes when the last handle is closed.
 * loop_close() does the same to a client that is still open.
 */
void client_close(struct client *client);

enum client_protocol {
    CLIENT_AUTO,  /* https: what ALPN says; http: HTTP/1.1 */
    CLIENT_HTTP1, /* nothing else is offered */
    CLIENT_HTTP2  /* nothing else is taken; http: by prior knowledge (RFC 9113 section 3.3) */
};

struct client_request {
    enum http_method method;
    str url; /* http://host[:port]/path?query or https://...; no userinfo, no fragment */
    enum client_protocol protocol;
    const struct http_field *fields; /* beside Host and the framing, which are ours */
    unsigned fields_count;
    str body;            /* all of it, unless it is streamed; the caller's until client_end() */
    bool streamed;       /* the body comes by client_write() */
    uint64_t body_bytes; /* of a streamed one; HTTP_SIZE_UNKNOWN: not said */
    bool repeatable;     /* may be sent twice although its method is not idempotent */
};

struct client_response {
    unsigned status;     /* 200 to 599: interim answers are passed over */
    uint64_t body_bytes; /* HTTP_SIZE_UNKNOWN: not said */
    bool http2;
};

/*
 * Gets a connection (a kept one, or a new one) and begins to send. The call belongs to the running
 * task, which ends it by client_end() or by ending itself. Everything that waits ends at the task's
 * deadline and when it is cancelled.
 *
 * ERR_INVALID "bad-url", "bad-field" (a line break in a value, a field that is ours).
 * ERR_EXHAUSTED "client-queue-full": too many wait already. ERR_UNAVAILABLE "name-not-found",
 * "connect-failed", "tls-failed".
 */
TASK_FN enum err client_begin(struct client *client, const struct client_request *request,
                              struct client_call **out_call);
/*
 * The next bytes of a streamed body; returns when they are on their way. ERR_GONE "answered": the
 * peer has answered and wants no more; go on with client_answer().
 */
TASK_FN enum err client_write(struct client_call *call, str bytes);
/* The body is complete. Does not suspend. */
void client_write_end(struct client_call *call);
/*
 * Waits for the head of the answer. A request that may be repeated and whose kept connection turned
 * out to be dead, without a byte of an answer, is sent once more on a new one.
 *
 * ERR_UNAVAILABLE "connection-lost", "stream-reset"; ERR_CORRUPT "bad-answer"; ERR_TOO_LARGE
 * "answer-head-too-large".
 */
TASK_FN enum err client_answer(struct client_call *call, struct client_response *out_response);
/* Of the answer's head, case ignored; ptr NULL: none. Valid until client_end(). */
str client_field_find(const struct client_call *call, str name);
/* The same after the end of the body. */
str client_trailer_find(const struct client_call *call, str name);
/*
 * The next part of the body, at most `room_bytes`. *out_len 0: it is complete. ERR_UNAVAILABLE
 * "connection-lost": it is not, and never will be.
 */
TASK_FN enum err client_read(struct client_call *call, char *room, size_t room_bytes,
                             size_t *out_len);
/*
 * Ends the call. When the answer is not complete, its connection is closed or its stream reset, so
 * that the peer stops.
 */
void client_end(struct client_call *call);

/*
 * All of it: *out_body is in the running task's arena. ERR_TOO_LARGE "answer-too-large": over
 * `body_bytes_max`.
 */
TASK_FN enum err client_fetch(struct client *client, const struct client_request *request,
                              size_t body_bytes_max, struct client_response *out_response,
                              str *out_body);

struct client_stats {
    unsigned connections, connecting, calls;
    uint64_t connected, reused, retried, failed;
};
/* Loop thread. */
struct client_stats client_stats(const struct client *client);
