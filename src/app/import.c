/*
 * import: hands folders to the process that serves the data, and shows how far it is. Where nobody
 * serves it, this process opens the data itself and serves its own control socket: the work is done
 * in one way.
 */
#include "app.h"

#include "control.h"
#include "foundation/json/json.h"
#include "foundation/shape/shape.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_BYTES = 64 << 20, BAR_CELLS = 24, NAME_CELLS = 44 };

struct import_file {
    str path, state, reason;
    double progress;
};
SHAPE_FORGIVING(import_file_shape, struct import_file, FIELD(struct import_file, path),
                FIELD(struct import_file, state), FIELD(struct import_file, reason),
                FIELD(struct import_file, progress));

struct import_status {
    str id, state, message;
    int64_t files_total, files_done, files_failed, folders_unchanged;
    double progress;
    LIST_OF(struct import_file) files;
};
SHAPE_FORGIVING(import_status_shape, struct import_status, FIELD(struct import_status, id),
                FIELD(struct import_status, state), FIELD(struct import_status, message),
                FIELD(struct import_status, files_total), FIELD(struct import_status, files_done),
                FIELD(struct import_status, files_failed),
                FIELD(struct import_status, folders_unchanged),
                FIELD(struct import_status, progress),
                FIELD_SHAPES(struct import_status, files, import_file_shape, .max = 100000));

static enum err request_body(struct arena *arena, int argc, char **argv, str *out_body)
{
    struct buf body;
    char *path = arena_alloc(arena, PATH_MAX);
    buf_init(&body, arena, MIB(1));
    buf_put(&body, STR("{\"paths\":["));
    for (int i = 1; i < argc; i++) {
        if (!realpath(argv[i], path))
            return err_set(ERR_NOT_FOUND, "no-such-path", "%s: %s", argv[i], strerror(errno));
        if (!str_is_utf8(str_of(path))) /* requests are JSON; below it any bytes will do */
            return err_set(ERR_INVALID, "folder-name",
                           "the name of %s is no UTF-8: import the folder above it", argv[i]);
        if (i > 1)
            buf_put_char(&body, ',');
        json_write_string(&body, str_of(path));
    }
    buf_printf(&body, "],\"draft\":%s,\"media\":%s}", app_flags.draft ? "true" : "false",
               app_flags.no_media ? "false" : "true");
    *out_body = buf_str(&body);
    return OK;
}

/* The name of the file that is being worked on, cut to fit, and a bar for all of it. */
static void show(const struct import_status *status)
{
    str now = status->state;
    char bar[BAR_CELLS * 3 + 1];
    int cells = (int)(status->progress * BAR_CELLS + 0.5), len = 0;
    for (size_t i = 0; i < status->files.count; i++) {
        const struct import_file *file = &status->files.items[i];
        if (file->progress > 0 && file->progress < 1)
            now = str_skip(file->path, (size_t)(str_find_last_char(file->path, '/') + 1));
    }
    for (int i = 0; i < BAR_CELLS; i++)
        len += snprintf(bar + len, sizeof(bar) - (size_t)len, "%s", i < cells ? "█" : "░");
    size_t cut = MIN_OF(now.len, (size_t)NAME_CELLS);
    while (cut && !str_is_utf8(str_sub(now, 0, cut)))
        cut--;
    fprintf(stderr, "\r%s %3.0f %%  %lld/%lld  %.*s\033[K", bar, status->progress * 100,
            (long long)status->files_done, (long long)status->files_total, (int)cut, now.ptr);
}

static bool ended(str state)
{
    return str_eq(state, STR("done")) || str_eq(state, STR("failed")) ||
           str_eq(state, STR("cancelled"));
}

/* What did not go well, by name and reason. The exit code tells scripts. */
static int report(const struct import_status *status)
{
    int64_t doubtful = 0;
    for (size_t i = 0; i < status->files.count; i++) {
        const struct import_file *file = &status->files.items[i];
        doubtful += str_eq(file->state, STR("review"));
        bool notable = str_eq(file->state, STR("failed")) || str_eq(file->state, STR("review")) ||
                       (str_eq(file->state, STR("done")) && file->reason.len);
        if (notable)
            printf("%-8.*s %.*s: %.*s\n", STR_ARG(file->state), STR_ARG(file->path),
                   STR_ARG(file->reason));
    }
    if (status->message.len)
        printf("%.*s\n", STR_ARG(status->message));
    if (status->files_total == 0 && str_eq(status->state, STR("done")))
        puts(status->folders_unchanged ? "nothing has changed there since the last import"
                                       : "no film was found there: no file is named as a video");
    printf("imported %lld of %lld files, %lld failed", (long long)(status->files_done - doubtful),
           (long long)status->files_total, (long long)status->files_failed);
    if (doubtful)
        printf(", %lld wait for a decision at /admin/reviews", (long long)doubtful);
    putchar('\n');
    return str_eq(status->state, STR("done")) && status->files_failed == 0 ? 0 : EXIT_DATA;
}

/*
 * Small imports are over at once, large ones take hours: the questions become rarer. The answer to
 * each lists what is done so far, so that a large one costs the server something, too.
 */
static span pause_after(span since_start, span last_answer)
{
    span pause = MIN_OF(since_start / 10, MILLISECONDS(300));
    return MAX_OF(MAX_OF(pause, last_answer * 5), MILLISECONDS(10));
}

static enum err follow(struct arena *arena, const char *folder, str id,
                       struct import_status *out_status)
{
    instant begun = clock_mono();
    bool terminal = isatty(STDERR_FILENO);
    str path = arena_printf(arena, "/v1/imports/%.*s", STR_ARG(id));
    for (;;) {
        struct arena_mark mark = arena_mark(arena);
        instant asked = clock_mono();
        str body;
        TRY(control_call(arena, folder, "GET", path.ptr, STR(""), &body));
        TRY(shape_parse_json(arena, &import_status_shape, body, out_status));
        if (terminal)
            show(out_status);
        if (ended(out_status->state))
            break;
        arena_rewind(arena, mark);
        span pause = pause_after(asked - begun, clock_mono() - asked);
        nanosleep(&(struct timespec){ pause / SECONDS(1), pause % SECONDS(1) * 1000 }, NULL);
    }
    if (terminal)
        fputc('\n', stderr);
    return OK;
}

/* The body of the request, the import it became (a server that follows another goes on with it),
 * and the exit code. */
static str import_body, import_id;
static int import_code = EXIT_SOFTWARE;

static enum err import_begin(struct arena *arena, const char *folder)
{
    struct import_status status = { 0 };
    str answer;
    TRY(control_call(arena, folder, "POST", "/v1/imports", import_body, &answer));
    TRY(shape_parse_json(arena, &import_status_shape, answer, &status));
    import_id = status.id;
    return OK;
}

static enum err import_through(struct arena *arena, const char *folder)
{
    struct import_status status = { 0 };
    if (import_id.len == 0)
        TRY(import_begin(arena, folder));
    if (app_flags.queue) {
        printf("import %.*s is queued\n", STR_ARG(import_id));
        import_code = 0;
        return OK;
    }
    TRY(follow(arena, folder, import_id, &status));
    import_code = report(&status);
    return OK;
}

int command_import(int argc, char **argv)
{
    struct arena arena;
    if (argc < 2) {
        fprintf(stderr, "usage: " KB_NAME
                        " import PATH... [--data DIR] [--draft] [--queue] [--no-media]\n");
        return EXIT_USAGE;
    }
    arena_init(&arena, ARENA_BYTES);
    enum err result = request_body(&arena, argc, argv, &import_body);
    if (result == OK)
        result = app_with_server(&arena, import_through);
    arena_deinit(&arena);
    return result == OK ? import_code : app_fail(result);
}
