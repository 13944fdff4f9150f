/*
 * flow_command: sagas and timers in the terminal, asked of the process that serves the folder:
 * what waits for a person, why, and what to do about it.
 */
#include "app.h"

#include "control.h"
#include "foundation/shape/shape.h"

#include <stdio.h>

enum { COMMAND_ARENA_BYTES = 32 << 20 };

struct saga_line {
    str id, kind, subject, state, step, updated_at;
    opt_str reason;
};
SHAPE_FORGIVING(saga_line_shape, struct saga_line, FIELD(struct saga_line, id),
                FIELD(struct saga_line, kind), FIELD(struct saga_line, subject),
                FIELD(struct saga_line, state), FIELD(struct saga_line, step),
                FIELD(struct saga_line, updated_at), FIELD(struct saga_line, reason));
struct saga_lines {
    LIST_OF(struct saga_line) items;
};
SHAPE_FORGIVING(saga_lines_shape, struct saga_lines,
                FIELD_SHAPES(struct saga_lines, items, saga_line_shape));

struct event_line {
    str at, what, step, reason;
    int64_t attempt;
};
SHAPE_FORGIVING(event_line_shape, struct event_line, FIELD(struct event_line, at),
                FIELD(struct event_line, what), FIELD(struct event_line, step),
                FIELD(struct event_line, reason), FIELD(struct event_line, attempt));
struct saga_told {
    struct saga_line saga;
    LIST_OF(struct event_line) timeline;
};
SHAPE_FORGIVING(saga_told_shape, struct saga_told,
                FIELD_SHAPE(struct saga_told, saga, saga_line_shape),
                FIELD_SHAPES(struct saga_told, timeline, event_line_shape));

struct timer_line {
    str name, kind, cron, zone;
    int64_t every_s;
    bool paused;
    opt_str next_at, last_at, problem;
};
SHAPE_FORGIVING(timer_line_shape, struct timer_line, FIELD(struct timer_line, name),
                FIELD(struct timer_line, kind), FIELD(struct timer_line, cron),
                FIELD(struct timer_line, zone), FIELD(struct timer_line, every_s),
                FIELD(struct timer_line, paused), FIELD(struct timer_line, next_at),
                FIELD(struct timer_line, last_at), FIELD(struct timer_line, problem));
struct timer_lines {
    LIST_OF(struct timer_line) items;
};
SHAPE_FORGIVING(timer_lines_shape, struct timer_lines,
                FIELD_SHAPES(struct timer_lines, items, timer_line_shape));

static const char *id, *verb; /* of the command line */

/* As it came, or read by the shape. */
static enum err call(struct arena *arena, const char *folder, const char *path,
                     const struct shape *shape, void *out)
{
    str body;
    TRY(control_call(arena, folder, "GET", path, STR(""), &body));
    if (app_flags.json) {
        printf("%.*s\n", STR_ARG(body));
        return OK;
    }
    return shape_parse_json(arena, shape, body, out);
}

static void print_saga(const struct saga_line *saga)
{
    printf("%-6.*s %-12.*s %-16.*s %-12.*s %.*s\n", STR_ARG(saga->id), STR_ARG(saga->state),
           STR_ARG(saga->kind), STR_ARG(saga->step), STR_ARG(saga->subject));
    if (saga->reason.state == OPT_SET)
        printf("       %.*s\n", STR_ARG(saga->reason.value));
}

static enum err tell_sagas(struct arena *arena, const char *folder)
{
    struct saga_lines lines = { .items = { NULL, 0 } };
    TRY(call(arena, folder, "/v1/sagas", &saga_lines_shape, &lines));
    for (size_t i = 0; i < lines.items.count; i++)
        print_saga(&lines.items.items[i]);
    if (!app_flags.json && lines.items.count == 0)
        printf("There are none.\n");
    return OK;
}

static enum err tell_saga(struct arena *arena, const char *folder)
{
    struct saga_told told = { .timeline = { NULL, 0 } };
    TRY(call(arena, folder, arena_printf(arena, "/v1/sagas/%s", id).ptr, &saga_told_shape, &told));
    if (app_flags.json)
        return OK;
    print_saga(&told.saga);
    for (size_t i = 0; i < told.timeline.count; i++) {
        const struct event_line *event = &told.timeline.items[i];
        printf("  %-27.*s %-14.*s %-12.*s %.*s\n", STR_ARG(event->at), STR_ARG(event->what),
               STR_ARG(event->step), STR_ARG(event->reason));
    }
    return OK;
}

static enum err act_on_saga(struct arena *arena, const char *folder)
{
    str body;
    const char *word = str_eq(str_of(verb), STR("undo")) ? "compensate" : "retry";
    const char *path = arena_printf(arena, "/v1/sagas/%s/%s", id, word).ptr;
    return control_call(arena, folder, "POST", path, STR(""), &body);
}

static enum err tell_timers(struct arena *arena, const char *folder)
{
    struct timer_lines lines = { .items = { NULL, 0 } };
    TRY(call(arena, folder, "/v1/schedules", &timer_lines_shape, &lines));
    for (size_t i = 0; i < lines.items.count; i++) {
        const struct timer_line *timer = &lines.items.items[i];
        str when = arena_printf(arena, "%.*s %.*s", STR_ARG(timer->cron), STR_ARG(timer->zone));
        if (!timer->cron.len)
            when = timer->every_s ? arena_printf(arena, "every %lld s", (long long)timer->every_s)
                                  : STR("once");
        str next = timer->next_at.state == OPT_SET ? timer->next_at.value
                   : timer->paused                 ? STR("paused")
                                                   : STR("not any more");
        printf("%-24.*s %-26.*s %.*s\n", STR_ARG(timer->name), STR_ARG(when), STR_ARG(next));
        if (timer->problem.state == OPT_SET)
            printf("  %.*s\n", STR_ARG(timer->problem.value));
    }
    return OK;
}

static int run(control_fn fn)
{
    struct arena arena;
    arena_init(&arena, COMMAND_ARENA_BYTES);
    enum err result = fn(&arena, app_data_folder());
    arena_deinit(&arena);
    return result == OK ? 0 : app_fail(result);
}

int command_sagas(int argc, char **argv)
{
    int64_t number;
    id = argc > 1 ? argv[1] : NULL;
    verb = argc > 2 ? argv[2] : NULL;
    str word = str_of(verb);
    bool known = !verb || str_eq(word, STR("retry")) || str_eq(word, STR("undo"));
    if (argc > 3 || !known || (id && !str_parse_i64(str_of(id), &number))) {
        fprintf(stderr, "usage: " KB_NAME " sagas [ID [retry|undo]] [--json] [--data DIR]\n");
        return EXIT_USAGE;
    }
    return run(verb ? act_on_saga : id ? tell_saga : tell_sagas);
}

int command_timers(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " timers [--json] [--data DIR]\n");
        return EXIT_USAGE;
    }
    return run(tell_timers);
}
