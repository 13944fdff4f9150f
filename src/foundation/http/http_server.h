/*
 * http_server: HTTP/1.1 on one loop. A process has one server a loop, each with a listening socket
 * of the same set (net_listen) and all with the same router. See docs/internals/http.md.
 */
#pragma once

#include "http_route.h"

struct http_cors;
struct http_trust;
struct net_crowd;
struct net_tls;

/* What became of one request, for the access log and metrics. */
struct http_outcome {
    unsigned status;     /* 499: the client went before there was an answer */
    uint64_t sent_bytes; /* head and body handed to the system */
    span took;           /* from the complete head to the last byte handed over */
    bool aborted;        /* the client went, or the body could not be completed */
};

/* A zero takes the default. */
struct http_server_settings {
    const struct http_router *router;
    void *owner; /* passed to the hooks */
    /*
     * Before the handler, where the handler runs (so it may suspend unless the route is inline). A
     * failure becomes the answer; setting response->status answers in the handler's place.
     */
    enum err (*before)(void *owner, struct http_request *request, struct http_response *response);
    /* When the answer is out; must not suspend. Also for requests refused before a route was found.
     */
    void (*after)(void *owner, const struct http_request *request,
                  const struct http_response *response, const struct http_outcome *outcome);
    /*
     * A handler or the before hook has failed with `err`, whose detail is in err_slot(): where the
     * edge logs a failure, once. Must not suspend.
     */
    void (*failed)(void *owner, const struct http_request *request, enum err err);
    span header_timeout;  /* from the first byte of a request to its complete head; 10 s */
    span body_timeout;    /* without a byte of the body; 20 s */
    span idle_timeout;    /* between requests; 60 s */
    span write_timeout;   /* without the client taking a byte; 30 s */
    span request_timeout; /* for the handler; 30 s */
    span linger_timeout;  /* reading on after the last answer, so that it arrives; 2 s */
    span gone_grace; /* a client that closed its side: how long its handler still may run; 2 s */
    struct net_tls *tls; /* certificates; NULL: none. Outlives the server */
    str hsts;            /* Strict-Transport-Security on answers over TLS; empty: not said */
    const struct http_cors *cors; /* NULL: pages of other origins read nothing */
    str nosniff;                  /* X-Content-Type-Options of every answer; empty: not said */
    unsigned redirect_port;       /* where redirected clients come again; 0: 443 */
    unsigned connections_max; /* 10,000. More: the longest idle one is closed, or else the new one
                                 is answered 503 but for vital routes */
    struct net_crowd *crowd;  /* NULL: an address may have as many connections as it likes */
    const struct http_trust *trust; /* proxies, which bring everybody: not counted; may be NULL */
    size_t memory_bytes_max;        /* of requests in progress; 0: 256 MiB */
    span turn; /* a loop that worked so long without a pause begins no more tasks in it; 100 ms */
    unsigned rate_min;                /* bytes a second a client sends or takes at least; 0: 512 */
    unsigned connection_requests_max; /* 100,000, then Connection: close */
};

/* What is spoken at a listening socket. */
enum http_entry {
    HTTP_ENTRY_CLEAR,
    HTTP_ENTRY_TLS,
    HTTP_ENTRY_REDIRECT, /* in clear, and every answer is: come again by https */
    HTTP_ENTRY_CONTROL   /* in clear, by the owner of the process: requests have peer.control */
};

struct http_server;

enum { HTTP_LISTENERS_MAX = 16 };

enum err http_server_open(struct loop *loop, const struct http_server_settings *settings,
                          struct http_server **out_server);
/*
 * Serves what arrives on `fd`, a listening socket, which it takes over. At most HTTP_LISTENERS_MAX.
 * TLS needs the setting; the control socket is a Unix socket with mode 0600. Loop thread.
 */
enum err http_server_listen(struct http_server *server, int fd, enum http_entry entry);
/*
 * Closes the listening sockets and idle connections, answers what is in flight with Connection:
 * close, and cuts the rest off after `deadline`. Who has connected and not asked yet has a second
 * to do so: no caller accepted finds a closed door. Calls on_drained(arg) once no connection is
 * left. Loop thread.
 */
void http_server_drain(struct http_server *server, span deadline, void (*on_drained)(void *arg),
                       void *arg);
/* Cuts everything off; the memory goes when the last task and handle have ended. Loop thread. */
void http_server_close(struct http_server *server);

struct http_server_stats {
    unsigned connections, connections_peak;
    uint64_t accepted, refused, requests;
    size_t connection_bytes; /* user-space memory of an idle connection */
};
/* What was refused since the process began, by what was full. Any thread. */
enum http_refused {
    HTTP_REFUSED_CONNECTIONS, /* of the loop */
    HTTP_REFUSED_ADDRESS,     /* connections of one address */
    HTTP_REFUSED_MEMORY,
    HTTP_REFUSED_TASKS,
    HTTP_REFUSED_TURN, /* the loop could not keep up */
    HTTP_REFUSED_SLOW, /* clients that sent or took too little */
    HTTP_REFUSED_COUNT
};
uint64_t http_refused_total(enum http_refused what);

/* Loop thread. */
struct http_server_stats http_server_stats(const struct http_server *server);
