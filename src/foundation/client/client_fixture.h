/*
 * client_fixture: for the tests: a task with a client on a loop of this thread, and a peer that
 * does what its script says, byte by byte, on a thread of its own.
 */
#pragma once

#include "client_impl.h"

#include "foundation/http/http_fixture.h"
#include "foundation/task/run.h"

/* Runs fn(arg) as a task with a client; both are gone when it returns. */
void with_client(const struct client_settings *settings,
                 void (*fn)(struct client *client, void *arg), void *arg);
/* "http://127.0.0.1:<port><path>" in the task's arena. */
str url_at(const char *scheme, const char *host, unsigned port, const char *path);

enum peer_action {
    PEER_END,
    PEER_ACCEPT,  /* the next connection */
    PEER_READ,    /* to the end of a request's head */
    PEER_HEADERS, /* frames of HTTP/2, up to HEADERS */
    PEER_SEND,    /* the text, `count` times (0: once), while the other side takes it */
    PEER_CLOSE,   /* at once */
    PEER_WAIT_END /* until the other side closes */
};
struct peer_step {
    enum peer_action action;
    const char *text;
    unsigned count;
    size_t len; /* of a text with zeros; 0: to its end */
};

struct peer;
struct peer *peer_open(const struct peer_step *steps);
unsigned peer_port(const struct peer *peer);
/* Waits for the end of its script. */
void peer_close(struct peer *peer);
