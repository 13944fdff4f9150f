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

enum { ARENA_BYTES = 64 << 20, BAR_CELLS = 24, NAME_CELLS = 44, CURSOR_TEXT_MAX = 1100 };

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
    LIST_OF(struct import_file) now;
};
SHAPE_FORGIVING(import_status_shape, struct import_status, FIELD(struct import_status, id),
                FIELD(struct import_status, state), FIELD(struct import_status, message),
                FIELD(struct import_status, files_total), FIELD(struct import_status, files_done),
                FIELD(struct import_status, files_failed),
                FIELD(struct import_status, folders_unchanged),
                FIELD(struct import_status, progress),
                FIELD_SHAPES(struct import_status, now, import_file_shape, .max = 100));

struct import_files {
    LIST_OF(struct import_file) items;
    opt_str next;
};
SHAPE_FORGIVING(import_files_shape, struct import_files,
                FIELD_SHAPES(struct import_files, items, import_file_shape, .max = 100),
                FIELD(struct import_files, next));

/* The body of the request, the import it became (a server that follows another goes on with it),
 * how many paths could not be asked for, and the exit code. */
static str import_body, import_id;
static unsigned import_paths_refused;
static int import_code = EXIT_SOFTWARE;

/* The whole path as the server knows it. Requests are JSON; below a path any bytes will do. */
static enum err path_whole(const char *word, char *out_path)
{
    if (!realpath(word, out_path))
        return err_set(ERR_NOT_FOUND, "no-such-path", "%s: %s", word, err_number_text(errno));
    if (!str_is_utf8(str_of(out_path)))
        return err_set(ERR_INVALID, "folder-name",
                       "the name of %s is no UTF-8: import the folder above it", word);
    return OK;
}

/* One path that is not there stops no other; when all are so, there is nothing to ask for. */
static enum err request_body(struct arena *arena, int argc, char **argv, str *out_body)
{
    struct buf body;
    char *path = arena_alloc(arena, PATH_MAX);
    buf_init(&body, arena, MIB(1));
    buf_put(&body, STR("{\"paths\":["));
    for (int i = 1; i < argc; i++) {
        enum err result = path_whole(argv[i], path);
        if (result != OK && import_paths_refused + 2 == (unsigned)argc)
            return result;
        if (result != OK) {
            fprintf(stderr, KB_NAME ": %s\n", err_slot()->text);
            import_paths_refused++;
            continue;
        }
        if (i - 1 > (int)import_paths_refused)
            buf_put_char(&body, ',');
        json_write_string(&body, str_of(path));
    }
    buf_printf(&body, "],\"draft\":%s,\"media\":%s}", app_flags.draft ? "true" : "false",
               app_flags.no_media ? "false" : "true");
    *out_body = buf_str(&body);
    return OK;
}

/* How fast and how long still, by what has been done in this time; empty as long as that says
 * little. */
static const char *time_left(double progress, span took, char out[48])
{
    out[0] = 0;
    if (progress < 0.01 || progress >= 1 || took < SECONDS(3))
        return out;
    double seconds = (double)took / 1e6, rest = seconds * (1 - progress) / progress;
    double rate = progress * 100 * 60 / seconds;
    if (rest < 90)
        snprintf(out, 48, "%.1f %%/min, %.0f s left  ", rate, rest);
    else if (rest < 5400)
        snprintf(out, 48, "%.1f %%/min, %.0f min left  ", rate, rest / 60);
    else
        snprintf(out, 48, "%.1f %%/min, %.1f h left  ", rate, rest / 3600);
    return out;
}

/* The name of the file that is being worked on, cut to fit, and a bar for all of it. */
static void show(const struct import_status *status, span took)
{
    str now = status->state;
    char bar[BAR_CELLS * 3 + 1];
    int cells = (int)(status->progress * BAR_CELLS + 0.5), len = 0;
    if (status->now.count) {
        str file = status->now.items[0].path;
        now = str_skip(file, (size_t)(str_find_last_char(file, '/') + 1));
    }
    for (int i = 0; i < BAR_CELLS; i++)
        len += snprintf(bar + len, sizeof(bar) - (size_t)len, "%s", i < cells ? "█" : "░");
    size_t cut = MIN_OF(now.len, (size_t)NAME_CELLS);
    while (cut && !str_is_utf8(str_sub(now, 0, cut)))
        cut--;
    char left[48];
    fprintf(stderr, "\r%s %3.0f %%  %lld/%lld  %s%.*s\033[K", bar, status->progress * 100,
            (long long)status->files_done, (long long)status->files_total,
            time_left(status->progress, took, left), (int)cut, now.ptr);
}

static bool ended(str state)
{
    return str_eq(state, STR("done")) || str_eq(state, STR("failed")) ||
           str_eq(state, STR("cancelled"));
}

/* A line a reason, the first beside the name. */
static void report_file(const struct import_file *file)
{
    str rest = file->reason, line;
    bool notable = str_eq(file->state, STR("failed")) || str_eq(file->state, STR("review")) ||
                   (str_eq(file->state, STR("done")) && file->reason.len);
    if (!notable)
        return;
    printf("%-8.*s %.*s: ", STR_ARG(file->state), STR_ARG(file->path));
    for (bool first = true; str_cut(&rest, '\n', &line); first = false)
        printf("%s%.*s\n", first ? "" : "         ", STR_ARG(line));
}

/* What did not go well, by name and reason. */
static enum err report_files(struct arena *arena, const char *folder, str id, int64_t *out_doubtful)
{
    struct import_files page = { .next = { .state = OPT_NULL } };
    str cursor = STR("");
    *out_doubtful = 0;
    do {
        struct arena_mark mark = arena_mark(arena);
        str body, path = arena_printf(arena, "/v1/imports/%.*s/files?limit=100%s%.*s", STR_ARG(id),
                                      cursor.len ? "&cursor=" : "", STR_ARG(cursor));
        TRY(control_call(arena, folder, "GET", path.ptr, STR(""), &body));
        TRY(shape_parse_json(arena, &import_files_shape, body, &page));
        for (size_t i = 0; i < page.items.count; i++) {
            *out_doubtful += str_eq(page.items.items[i].state, STR("review"));
            report_file(&page.items.items[i]);
        }
        static char next[CURSOR_TEXT_MAX];
        snprintf(next, sizeof(next), "%.*s",
                 STR_ARG(page.next.state == OPT_SET ? page.next.value : STR("")));
        cursor = str_of(next);
        arena_rewind(arena, mark);
    } while (cursor.len);
    return OK;
}

/* The import as the server tells it: its pages of files are /v1/imports/ID/files. */
static enum err report_json(struct arena *arena, const char *folder,
                            const struct import_status *status)
{
    str body, path = arena_printf(arena, "/v1/imports/%.*s", STR_ARG(status->id));
    TRY(control_call(arena, folder, "GET", path.ptr, STR(""), &body));
    printf("%.*s\n", STR_ARG(body));
    return OK;
}

/* The exit code tells scripts. */
static enum err report(struct arena *arena, const char *folder, const struct import_status *status,
                       int *out_code)
{
    int64_t doubtful;
    bool well = str_eq(status->state, STR("done")) && status->files_failed == 0 &&
                import_paths_refused == 0;
    *out_code = well ? 0 : EXIT_DATA;
    if (app_flags.json)
        return report_json(arena, folder, status);
    TRY(report_files(arena, folder, status->id, &doubtful));
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
    return OK;
}

/*
 * Small imports are over at once, large ones take hours: the questions become rarer.
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
    const char *term = getenv("TERM");
    bool terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    str path = arena_printf(arena, "/v1/imports/%.*s", STR_ARG(id));
    for (;;) {
        struct arena_mark mark = arena_mark(arena);
        instant asked = clock_mono();
        str body;
        TRY(control_call(arena, folder, "GET", path.ptr, STR(""), &body));
        TRY(shape_parse_json(arena, &import_status_shape, body, out_status));
        if (terminal)
            show(out_status, clock_mono() - begun);
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
        printf(app_flags.json ? "{\"id\":\"%.*s\"}\n" : "import %.*s is queued\n",
               STR_ARG(import_id));
        import_code = import_paths_refused ? EXIT_DATA : 0;
        return OK;
    }
    TRY(follow(arena, folder, import_id, &status));
    return report(arena, folder, &status, &import_code);
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
