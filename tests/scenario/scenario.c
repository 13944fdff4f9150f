/* scenario: sets one world up, executes the script in it, and reports how that ended. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LASTING_BYTES_MAX = 1 << 30, SHOWN_HEAD_MAX = 1500, SHOWN_BODY_MAX = 1500 };

/* "needs embedded": the scenario is about the files of the embedded database. */
static const str embedded = STR_INIT("embedded");

/* "needs ffmpeg": every program a scenario asks for; a film asks for ffmpeg by itself. */
static str missing_program(const struct script *script)
{
    struct arena arena;
    str missing = STR_NONE;
    arena_init(&arena, KIB(256));
    for (int i = 0; i < script->count && !missing.len; i++) {
        str rest = script->lines[i].text, word = script_word(&rest);
        if (str_eq(word, STR("film")))
            rest = STR("ffmpeg");
        else if (!str_eq(word, STR("needs")))
            continue;
        if (str_eq(rest, embedded)) {
            missing = getenv("KB_DB_URL") ? rest : STR_NONE;
            continue;
        }
        str test = arena_printf(&arena, "command -v '%.*s' >/dev/null 2>&1", STR_ARG(rest));
        if (system(test.ptr) != 0)
            missing = rest;
    }
    return missing;
}

/* Commands of the scenario find the program under test by its name. */
static void environment(struct world *world, const char *binary)
{
    const char *bin = world_path(world, STR(".bin"));
    const char *tmp = world_path(world, STR(".tmp"));
    const char *link = world_path(world, STR(".bin/kinobezdna"));
    const char *path = getenv("PATH");
    if (mkdir(bin, 0700) < 0 || mkdir(tmp, 0700) < 0 || symlink(binary, link) < 0) {
        perror(bin);
        exit(SCENARIO_FAILED);
    }
    setenv("PATH", arena_printf(&world->lasting, "%s:%s", bin, path ? path : "/usr/bin:/bin").ptr,
           1);
    setenv("TMPDIR", tmp, 1);
    setenv("HOME", world->folder, 1);
}

static void variables(struct world *world, const struct script *script)
{
    str path = str_of(script->path);
    ptrdiff_t slash = str_find_last_char(path, '/');
    static char absolute[4096];
    const char *parent =
        slash < 0 ? "." : arena_cstr(&world->lasting, str_sub(path, 0, (size_t)slash));
    world_set(world, STR("dir"), str_of(world->folder));
    world_set(world, STR("data"), str_of(world_path(world, STR("data"))));
    world_set(world, STR("source"), str_of(realpath(parent, absolute) ? absolute : parent));
}

static void report(const struct world *world, const char *path)
{
    str head = str_sub(world->answer.head, 0, SHOWN_HEAD_MAX);
    str body = str_sub(world->answer.body, 0, SHOWN_BODY_MAX);
    printf("  %s:%d: %s\n", path, world->line, world->complaint);
    if (world->has_answer)
        printf("  --- the last answer\n%.*s\n%.*s\n", STR_ARG(head), STR_ARG(body));
}

NORETURN void scenario_run(const struct script *script, const char *binary, const char *folder,
                           struct shared *shared)
{
    static struct world world;
    str missing = missing_program(script);
    if (missing.len) {
        if (str_eq(missing, embedded))
            printf("  skipped: it is about the files of the embedded database\n");
        else
            printf("  skipped: needs %.*s, which is not installed\n", STR_ARG(missing));
        exit(SCENARIO_SKIPPED);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    world.script = script;
    world.folder = folder;
    world.shared = shared;
    world.three = getenv("KB_THREE") != NULL;
    arena_init(&world.lasting, LASTING_BYTES_MAX);
    arena_init(&world.answer_memory, LASTING_BYTES_MAX);
    http_init(&world.conn);
    environment(&world, binary);
    variables(&world, script);
    if (chdir(folder) < 0)
        world_fail(&world, "no folder %s", folder);

    enum err err = steps_run(&world, 0, script->count);
    if (err != OK)
        report(&world, script->path);
    enum err end = process_end_all(&world);
    if (err == OK && end != OK)
        printf("  %s: at the end: %s\n", script->path, world.complaint);
    cJSON_Delete(world.json);
    http_close(&world.conn);
    buf_deinit(&world.conn.in);
    arena_deinit(&world.answer_memory);
    arena_deinit(&world.lasting);
    exit(err == OK && end == OK ? SCENARIO_PASSED : SCENARIO_FAILED);
}
