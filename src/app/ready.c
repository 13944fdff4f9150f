/*
 * ready: asks the process that serves the data folder whether it is well, over the control socket:
 * for health checks of containers and for scripts, without a port or curl.
 */
#include "app.h"

#include "control.h"
#include "foundation/json/json.h"
#include "foundation/mem/buf.h"

#include <stdio.h>

enum { ARENA_BYTES = 1 << 20 };

/* "name state: detail" is a line of /readyz. */
static void line_as_json(struct buf *out, str line)
{
    str name, state = line, detail = STR_NONE;
    if (!str_cut(&state, ' ', &name))
        return;
    ptrdiff_t colon = str_find(state, STR(": "));
    if (colon >= 0) {
        detail = str_skip(state, (size_t)colon + 2);
        state = str_sub(state, 0, (size_t)colon);
    }
    json_object_begin(out);
    json_put_key(out, STR("name"));
    json_put_string(out, name);
    json_put_key(out, STR("state"));
    json_put_string(out, state);
    json_put_key(out, STR("detail"));
    json_put_string(out, detail);
    json_object_end(out);
}

static void print_json(struct arena *arena, bool ready, str lines)
{
    struct buf out;
    str line;
    buf_init(&out, arena, KIB(64));
    json_object_begin(&out);
    json_put_key(&out, STR("ready"));
    json_put_bool(&out, ready);
    json_put_key(&out, STR("checks"));
    json_array_begin(&out);
    while (str_cut(&lines, '\n', &line))
        line_as_json(&out, line);
    json_array_end(&out);
    json_object_end(&out);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

int command_ready(int argc, char **argv)
{
    struct arena arena;
    struct control_answer answer;
    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "usage: " KB_NAME " ready [--json] [--data DIR]\n");
        return EXIT_USAGE;
    }
    arena_init(&arena, ARENA_BYTES);
    enum err result = control_ask(&arena, app_data_folder(), "GET", "/readyz", STR(""), &answer);
    int code = result == OK ? 0 : app_fail(result);
    if (result == OK) {
        bool ready = answer.status == 200;
        if (app_flags.json)
            print_json(&arena, ready, answer.body);
        else
            printf("%.*s", STR_ARG(answer.body));
        code = ready ? 0 : EXIT_TEMPORARY;
    }
    arena_deinit(&arena);
    return code;
}
