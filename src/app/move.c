/*
 * move: the database to a PostgreSQL, or back into the data folder, by the process that serves it.
 * Writes are refused from the beginning and stay so until the program is started again, when it
 * works; reads go on. The switch is one file, written last: killed before, the cinema is where it
 * was, and the command can be given again.
 */
#include "app.h"

#include "control.h"

#include "engines/db/db.h"
#include "foundation/http/http_route.h"
#include "foundation/log/log.h"
#include "foundation/mem/heap.h"
#include "foundation/shape/shape.h"
#include "foundation/task/urgency.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { URL_BYTES_MAX = 1000, POLL_MS = 100 };
enum moving { MOVING_NOT, MOVING_RUNNING, MOVING_DONE, MOVING_FAILED };

static struct {
    const struct module_env *env;
    pthread_t thread;
    bool started;
    char to[URL_BYTES_MAX + 1];
    pthread_mutex_t lock;
    enum moving state; /* under the lock, as what follows */
    struct db_carried carried;
    char text[ERR_TEXT_MAX];
} move = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Moving --------------------------------------------------------------------------------- */

/* A database that lies in the folder from before an earlier move is put aside. Apart, as is
 * move_run(), so that their paths do not meet in one frame. */
static __attribute__((noinline)) enum err put_aside(void)
{
    char from[DATA_PATH_BYTES], to[DATA_PATH_BYTES + 32];
    snprintf(from, sizeof(from), "%s/content.db", app_data_folder());
    if (access(from, F_OK) != 0)
        return OK;
    snprintf(to, sizeof(to), "%s.before-%lld", from, (long long)(clock_now() / SECONDS(1)));
    for (const char *const *end = (const char *const[]){ "-wal", "-shm", NULL }; *end; end++) {
        char beside[DATA_PATH_BYTES + 8], aside[DATA_PATH_BYTES + 40];
        snprintf(beside, sizeof(beside), "%s%s", from, *end);
        snprintf(aside, sizeof(aside), "%s%s", to, *end);
        if (access(beside, F_OK) == 0 && rename(beside, aside) != 0)
            return err_errno(beside);
    }
    return rename(from, to) == 0 ? OK : err_errno(from);
}

static __attribute__((noinline)) enum err move_run(struct db_carried *out_carried)
{
    struct db *target;
    bool embedded = move.to[0] == '/';
    if (embedded)
        TRY(put_aside());
    TRY(data_database_open(embedded ? "" : move.to, NULL, &target));
    enum err err = db_carry_over(move.env->db, target, out_carried);
    struct err_slot *detail = HEAP_NEW(struct err_slot);
    *detail = *err_slot();
    db_close(target);
    *err_slot() = *detail;
    heap_free(detail);
    TRY(err);
    return data_database_choose(embedded ? "" : move.to);
}

static void *move_main(void *arg)
{
    struct err_slot *slot = HEAP_NEW(struct err_slot);
    struct db_carried carried;
    (void)arg;
    err_slot_use(slot);
    thread_nice(NICE_BACKGROUND);
    db_writes_pause(move.env->db, true);
    enum err err = move_run(&carried);
    if (err == OK) {
        log_info("move", "the database was moved; start the program again",
                 LOG_INT("rows", (int64_t)carried.rows));
    } else {
        log_failure("move", "the database was not moved", err);
        db_writes_pause(move.env->db, false);
    }
    pthread_mutex_lock(&move.lock);
    move.state = err == OK ? MOVING_DONE : MOVING_FAILED;
    if (err == OK)
        move.carried = carried;
    else
        snprintf(move.text, sizeof(move.text), "%s", slot->text);
    pthread_mutex_unlock(&move.lock);
    err_slot_use(NULL);
    heap_free(slot);
    return NULL;
}

/* --- The routes ----------------------------------------------------------------------------- */

struct move_body {
    str to;
};
SHAPE(move_body_shape, struct move_body,
      FIELD(struct move_body, to, .required = true, .min = 1, .max = URL_BYTES_MAX));

struct move_view {
    bool running, failed;
    int64_t tables, rows;
    str text;
};
SHAPE(move_view_shape, struct move_view, FIELD(struct move_view, running),
      FIELD(struct move_view, failed), FIELD(struct move_view, tables),
      FIELD(struct move_view, rows), FIELD(struct move_view, text));

static enum err to_check(str to)
{
    if (to.ptr[0] != '/')
        return data_is_embedded()
                   ? OK
                   : err_set(ERR_CONFLICT, "move-to", "the database is on a PostgreSQL already");
    if (data_is_embedded())
        return err_set(ERR_CONFLICT, "move-to", "the database is in the data folder already");
    return data_database_chosen()
               ? OK
               : err_set(ERR_CONFLICT, "move-to",
                         "db.url is set by a flag, the environment or the settings file: take it "
                         "out there, put it alone into database.url of the data folder, and "
                         "start the program again first");
}

/* Only the folder's owner may: the address has a password, and whoever chooses it has the data. */
static enum err on_move(struct http_request *request, struct http_response *response)
{
    struct move_body body;
    if (!request->peer.control)
        return err_set(ERR_FORBIDDEN, "control-only", "moving is for the command kinobezdna move");
    TRY(shape_parse_json(request->arena, &move_body_shape, request->body, &body));
    TRY(to_check(body.to));
    pthread_mutex_lock(&move.lock);
    bool free = move.state == MOVING_NOT || move.state == MOVING_FAILED;
    if (free) {
        if (move.started)
            pthread_join(move.thread, NULL);
        snprintf(move.to, sizeof(move.to), "%.*s", STR_ARG(body.to));
        move.started = pthread_create(&move.thread, NULL, move_main, NULL) == 0;
        move.state = move.started ? MOVING_RUNNING : MOVING_NOT;
        free = move.started;
    }
    pthread_mutex_unlock(&move.lock);
    if (!free)
        return err_set(ERR_CONFLICT, "moving", "the database is being moved, or was");
    http_reply_status(response, 202);
    return OK;
}

static enum err on_move_get(struct http_request *request, struct http_response *response)
{
    struct buf out;
    pthread_mutex_lock(&move.lock);
    struct move_view view = { .running = move.state == MOVING_RUNNING,
                              .failed = move.state == MOVING_FAILED,
                              .tables = move.carried.tables,
                              .rows = (int64_t)move.carried.rows,
                              .text = arena_str(request->arena, str_of(move.text)) };
    pthread_mutex_unlock(&move.lock);
    buf_init(&out, request->arena, KIB(8));
    shape_write_json(&out, &move_view_shape, &view);
    http_reply_memory(response, STR("application/json"), buf_str(&out));
    response->cache_control = STR("no-store");
    return OK;
}

static const struct http_route routes[] = {
    { METHOD_POST, "/v1/move", on_move, .role = ROLE_ADMIN, .flags = ROUTE_HIDDEN },
    { METHOD_GET, "/v1/move", on_move_get, .role = ROLE_ADMIN, .flags = ROUTE_HIDDEN },
};
static const struct http_route_table route_table = { routes, ARRAY_LEN(routes) };

static enum err move_open(const struct module_env *env)
{
    move.env = env;
    return OK;
}

static void move_close(void)
{
    if (move.started)
        pthread_join(move.thread, NULL);
    move.started = false;
}

const struct module move_module = {
    .name = "move",
    .context = "content",
    .routes = &route_table,
    .open = move_open,
    .close = move_close,
};

/* --- The command ---------------------------------------------------------------------------- */

static enum err destination(char to[URL_BYTES_MAX + 1])
{
    str given = app_flags.to;
    if (str_find(given, STR("://")) >= 0) {
        snprintf(to, URL_BYTES_MAX + 1, "%.*s", STR_ARG(given));
        return OK;
    }
    while (given.len > 1 && given.ptr[given.len - 1] == '/')
        given.len--;
    if (!str_eq(given, str_of(app_data_folder())))
        return err_set(ERR_INVALID, "move-to",
                       "--to is a URL postgres://…, or the data folder, where the films are: %s",
                       app_data_folder());
    to[0] = '/';
    to[1] = 0;
    return OK;
}

static enum err move_through(struct arena *arena, const char *folder)
{
    char to[URL_BYTES_MAX + 1];
    struct move_view view = { .running = true };
    struct buf body;
    str answer;
    TRY(destination(to));
    struct move_body asked = { str_of(to) };
    buf_init(&body, arena, KIB(8));
    shape_write_json(&body, &move_body_shape, &asked);
    TRY(control_call(arena, folder, "POST", "/v1/move", buf_str(&body), &answer));
    while (view.running) {
        struct arena_mark mark = arena_mark(arena);
        nanosleep(&(struct timespec){ 0, POLL_MS * 1000000L }, NULL);
        TRY(control_call(arena, folder, "GET", "/v1/move", STR(""), &answer));
        TRY(shape_parse_json(arena, &move_view_shape, answer, &view));
        if (view.running)
            arena_rewind(arena, mark);
    }
    if (view.failed)
        return err_set(ERR_PRECONDITION, "move", "the database was not moved: %.*s",
                       STR_ARG(view.text));
    printf("Moved: %lld rows of %lld tables, compared. Start the program again: until then it "
           "only reads.\n",
           (long long)view.rows, (long long)view.tables);
    return OK;
}

int command_move(int argc, char **argv)
{
    struct arena arena;
    (void)argv;
    if (argc > 1 || app_flags.to.len == 0 || app_flags.to.len > URL_BYTES_MAX) {
        fprintf(stderr, "usage: " KB_NAME " move --to postgres://… | DATA-FOLDER [--data DIR]\n");
        return EXIT_USAGE;
    }
    arena_init(&arena, MIB(1));
    enum err result = app_with_server(&arena, move_through);
    arena_deinit(&arena);
    return result == OK ? 0 : app_fail(result);
}
