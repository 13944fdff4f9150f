/*
 * rpc_fixture: for the tests: a small context with calls of every sort, and a process that answers
 * them.
 */
#pragma once

#include "proto_fixture.h"
#include "rpc.h"

#include <sys/types.h>

struct shelf_ask {
    int64_t number;
};
struct shelf_note {
    str text;
    int64_t number;
};
SHAPE_DECLARE(shelf_ask, struct shelf_ask);
SHAPE_DECLARE(shelf_note, struct shelf_note);

extern const struct rpc_service shelf_service;
enum { SHELF_ECHO, SHELF_FAIL, SHELF_SLEEP, SHELF_TRACE, SHELF_ENDED };

RPC_CALL(shelf_echo, shelf_service, SHELF_ECHO, struct sample, struct sample)
/* Fails with the err of that number. */
RPC_CALL(shelf_fail, shelf_service, SHELF_FAIL, struct shelf_ask, struct shelf_note)
/* Sleeps that many milliseconds. */
RPC_CALL(shelf_sleep, shelf_service, SHELF_SLEEP, struct shelf_ask, struct shelf_note)
/* The traceparent it worked under. */
RPC_CALL(shelf_trace, shelf_service, SHELF_TRACE, struct shelf_ask, struct shelf_note)
/* How many sleeps ended early, and by what (err) the last. */
RPC_CALL(shelf_ended, shelf_service, SHELF_ENDED, struct shelf_ask, struct shelf_note)

/*
 * Serves the context on 127.0.0.1:port (0: any) until SIGTERM; calls listening(port) once it does.
 * Returns the exit code.
 */
int shelf_serve(unsigned port, const char *key, void (*listening)(void *arg, unsigned port),
                void *arg);

/*
 * The same in a process of its own, which is made at once (not while a loop runs) and listens when
 * it is told.
 */
struct shelf_process {
    pid_t pid;
    unsigned port; /* 0: it does not listen */
    int go, ready;
};
struct shelf_process shelf_prepare(const char *key);
void shelf_go(struct shelf_process *process, unsigned port);
/* Both. */
struct shelf_process shelf_spawn(const char *key);
void shelf_kill(struct shelf_process *process);
