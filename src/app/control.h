/*
 * control: a command's way to the process that serves its data folder: HTTP/1.1 over the Unix
 * socket in it. Blocking, for the command line only.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/mem/arena.h"

struct control_answer {
    unsigned status;
    unsigned retry_after_s; /* 0: it is not said that it may work later */
    str body;               /* in the arena */
};

/* ERR_UNAVAILABLE slug "no-server": nobody serves the folder. */
enum err control_ask(struct arena *arena, const char *folder, const char *method, const char *path,
                     str body, struct control_answer *out_answer);
/*
 * As control_ask(), and an answer of 400 or more becomes a failure with its sentence. A server that
 * is too busy, or pauses, is asked again for a minute; then it is ERR_TIMEOUT.
 */
enum err control_call(struct arena *arena, const char *folder, const char *method, const char *path,
                      str body, str *out_body);

typedef enum err (*control_fn)(struct arena *arena, const char *folder);
/* Calls fn with somebody serving the data folder: the process that does, or else this one
 * meanwhile. */
enum err app_with_server(struct arena *arena, control_fn fn);
