/*
 * client: many keep-alive connections on one epoll, each with up to `depth` requests on the way.
 * Heads are parsed as far as status and Content-Length; bodies are thrown away inside the kernel
 * (MSG_TRUNC), so that the client costs little and the server's own cost shows.
 */
#pragma once

#include "latency.h"
#include "probe.h"

#include "foundation/base/str.h"

enum { CONNECTIONS_MAX = 20000, REQUESTS_LISTED_MAX = 20000, DEPTH_MAX = 64 };

struct client_plan {
    uint16_t port;
    int connections;
    int depth;           /* requests on the way on one connection */
    const str *requests; /* taken in turn, whole requests */
    int requests_count;
    bool numbered;            /* every ######## in a request becomes the request's number, */
    uint64_t number_first;    /* and the numbers begin here */
    int64_t length_wanted;    /* Content-Length every answer must have; -1: any */
    int status_wanted;        /* 0: any 2xx */
    span warm;                /* before the window begins ... */
    uint64_t warm_requests;   /* ... and at least this many answers */
    span window;              /* ends when this has passed ... */
    uint64_t window_requests; /* ... or after this many answers; 0: no such end */
    bool spin;                /* never sleeps, so that nobody pays for waking it */
    struct probe probe;
};

struct client_result {
    uint64_t requests, errors, bytes; /* answered in the window; body bytes */
    span elapsed;
    struct reading begin, end;
    struct latency latency;
    char problem[160]; /* the first error, in words */
};

/* A connected, non-blocking socket on the loopback; ends the program when nobody listens. */
int client_connect(uint16_t port);
/* Fills *out_result, which is large: keep it static. */
void client_run(const struct client_plan *plan, struct client_result *out_result);
