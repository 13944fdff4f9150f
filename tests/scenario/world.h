/*
 * world: everything one running scenario has: its folder, variables, processes, connection and last
 * answer. A scenario runs in a process of its own, so a world is never shared between scenarios.
 */
#pragma once

#include "http.h"
#include "json.h"
#include "script.h"

#include <sys/types.h>

enum { COMPLAINT_BYTES_MAX = 16 << 10, STATUS_MAX = 600 };

/* Seen by the runner and by the branches of `parallel` too: lives in shared memory. */
struct shared {
    _Atomic int line;                     /* being executed, for the report of a time-out */
    _Atomic unsigned answers[STATUS_MAX]; /* per status, of the last `parallel` */
};

struct variable {
    struct variable *next;
    str name, value;
};

struct process {
    struct process *next;
    const char *name; /* its output is in NAME.out and NAME.err of the scenario's folder */
    pid_t pid;
    bool running;
    int exit_code;        /* of an ended process; 128 + signal when it was killed */
    bool expected_to_die; /* the scenario itself killed it */
};

struct world {
    const struct script *script;
    int at;   /* index of the next line */
    int line; /* number, in the file, of the line being executed */
    const char *folder;
    struct shared *shared;

    struct arena lasting;       /* variables, paths: until the scenario ends */
    struct arena answer_memory; /* the last answer, reset by the next request */
    struct variable *variables;

    struct process *processes;
    struct process *last; /* the one `exit`, `stdout` and `stderr` speak of */
    str server_arguments;
    uint16_t port; /* of the server; 0 before it was started */

    /* With the cinema in three processes (three.c). */
    bool three;
    uint16_t ports[3]; /* by enum three_place */
    int place;         /* who the connection leads to */
    instant news_at; /* clock_mono(): something may have changed outside the catalogue's process */

    struct http_conn conn;
    struct http_answer answer;
    bool has_answer;
    cJSON *json; /* of the answer's body, read when first asked for */

    char complaint[COMPLAINT_BYTES_MAX]; /* what failed, in the reader's words */
};

/* Records what failed and returns ERR_PRECONDITION, as err_set() does but at any length. */
#define world_fail(...) err_never_ok(world_fail_set(__VA_ARGS__))
enum err world_fail_set(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
/* Hands a failure of a lower layer (err_slot) on with a prefix. */
enum err world_fail_with(struct world *world, const char *what);

/* `text` with every ${name} replaced; fails on an unknown name. The result is in the lasting arena.
 */
enum err world_fill(struct world *world, str text, str *out_text);
void world_set(struct world *world, str name, str value);
/* A variable, or ${round.status} of `parallel`. */
bool world_get(struct world *world, str name, str *out_value);
/* Cuts a word or a "quoted text" off *rest, with its variables filled in. */
enum err world_name(struct world *world, str *rest, str *out_name);
/* "FOLDER/name" as a C string in the lasting arena; an absolute name stays. */
const char *world_path(struct world *world, str name);
/* Makes the folders above `path`. */
enum err world_parents(struct world *world, const char *path);

/* --- three.c: catalogue, playback and ingest in processes of their own ------------------------ */

enum three_place { PLACE_CATALOG, PLACE_PLAYBACK, PLACE_INGEST };
/* Starts the processes beside the one called "server", which is ingest's. */
enum err three_serve(struct world *world);
/* What `server` is started with besides the scenario's own arguments. */
const char *three_arguments(struct world *world);
/*
 * Chooses the process that serves the path, and leaves the connection when it leads to another. A
 * change that came by another process than the catalogue's may be unknown there for a second: that
 * is waited for.
 */
void three_route(struct world *world, str path);
/* An answer, or a command that has ended. */
void three_note(struct world *world, bool command);

/* --- steps.c, blocks.c, request.c: executing lines ------------------------------------------ */

/* Executes the lines [from, to); stops at the first failure, whose line is then in world->line. */
enum err steps_run(struct world *world, int from, int to);
/* "parallel 8 {", "repeat 3 {", "until within 20s {"; false when the line opens no block. */
bool block_run(struct world *world, const struct line *line, enum err *out_err);
/* "GET /path" and the lines of headers and body below it; false when the line is no request. */
bool request_run(struct world *world, const struct line *line, enum err *out_err);
/* The steps of a raw connection: connect, send, receive, closed, hangup. `rest`: after the word. */
enum err raw_connect(struct world *world, const struct line *line, str rest);
enum err raw_send(struct world *world, const struct line *line, str rest);
enum err raw_receive(struct world *world, const struct line *line, str rest);
enum err raw_closed(struct world *world, const struct line *line, str rest);
enum err raw_hangup(struct world *world, const struct line *line, str rest);

/* --- expect.c: statements about what was answered ------------------------------------------- */

/* "status 200", "$.items count 3", "header ETag ~ /x/": one statement. */
enum err expect_line(struct world *world, str text);
/* "id = $.id": reads a subject into a variable. */
enum err expect_capture(struct world *world, str name, str subject);
/* "..." with its escapes; anything else as it stands. Variables are filled in afterwards. */
enum err expect_operand(struct world *world, str text, str *out_text);

/* --- process.c: children -------------------------------------------------------------------- */

/* Starts a shell command with output to files; the command is one the world forgets at its end. */
enum err process_start(struct world *world, str name, const char *command,
                       struct process **out_process);
struct process *process_find(struct world *world, str name);
/* Waits for the end; ERR_TIMEOUT when it still runs then. */
enum err process_await(struct world *world, struct process *process, span limit);
/* Starts the program under test on ${data} and waits until it has written where it listens. */
enum err process_serve(struct world *world);
/* One process that serves, with a data folder of its own, until it listens. */
enum err process_serve_one(struct world *world, const char *name, str data, str arguments,
                           uint16_t *out_port);
/* "server" and those beside it: what is done to one is done to all. */
bool process_is_server(const struct process *process);
/* Ends what still runs: politely, and a server that does not end with 0 is a failure. */
enum err process_end_all(struct world *world);

/* --- film.c ------------------------------------------------------------------------------------
 */

/* "film Metropolis.mkv seconds=4 bframes=2": a small film by ffmpeg; see README.md. */
enum err film_make(struct world *world, str arguments);
