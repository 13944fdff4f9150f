/* world: variables, texts with variables in them, and the complaint of a failing step. */
#include "world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FILLED_BYTES_MAX = 64 << 20 };

enum err world_fail_set(struct world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(world->complaint, sizeof(world->complaint), format, args);
    va_end(args);
    return ERR_PRECONDITION;
}

enum err world_fail_with(struct world *world, const char *what)
{
    return world_fail(world, "%s: %s", what, err_slot()->text);
}

void world_set(struct world *world, str name, str value)
{
    struct variable *variable = world->variables;
    while (variable && !str_eq(variable->name, name))
        variable = variable->next;
    if (!variable) {
        variable = ARENA_NEW(&world->lasting, struct variable);
        variable->name = arena_str(&world->lasting, name);
        variable->next = world->variables;
        world->variables = variable;
    }
    variable->value = arena_str(&world->lasting, value);
}

bool world_get(struct world *world, str name, str *out_value)
{
    static const str answers = STR_INIT("answers.");
    uint64_t status;
    for (struct variable *variable = world->variables; variable; variable = variable->next) {
        if (str_eq(variable->name, name)) {
            *out_value = variable->value;
            return true;
        }
    }
    if (!str_starts(name, answers) || !str_parse_u64(str_skip(name, answers.len), &status) ||
        status >= STATUS_MAX)
        return false;
    *out_value = arena_printf(&world->lasting, "%u", world->shared->answers[status]);
    return true;
}

enum err world_fill(struct world *world, str text, str *out_text)
{
    struct buf filled;
    if (str_find(text, STR("${")) < 0) {
        *out_text = text;
        return OK;
    }
    buf_init(&filled, &world->lasting, FILLED_BYTES_MAX);
    for (;;) {
        ptrdiff_t at = str_find(text, STR("${"));
        ptrdiff_t end = at < 0 ? -1 : str_find_char(str_skip(text, (size_t)at), '}');
        str value;
        if (at < 0)
            break;
        if (end < 0)
            return world_fail(world, "a ${ without its }");
        str name = str_sub(text, (size_t)at + 2, (size_t)end - 2);
        if (!world_get(world, name, &value))
            return world_fail(world, "nothing was called %.*s before", STR_ARG(name));
        buf_put(&filled, str_sub(text, 0, (size_t)at));
        buf_put(&filled, value);
        text = str_skip(text, (size_t)(at + end) + 1);
    }
    buf_put(&filled, text);
    buf_put_char(&filled, 0);
    if (filled.overflowed)
        return world_fail(world, "the text is longer than %d bytes", FILLED_BYTES_MAX);
    *out_text = (str){ filled.ptr, filled.len - 1 };
    return OK;
}

enum err world_name(struct world *world, str *rest, str *out_name)
{
    *rest = str_trim(*rest);
    str word;
    if (str_starts(*rest, STR("\""))) {
        ptrdiff_t end = str_find_char(str_skip(*rest, 1), '"');
        if (end < 0)
            return world_fail(world, "a quoted text without its end");
        word = str_sub(*rest, 1, (size_t)end);
        *rest = str_trim(str_skip(*rest, (size_t)end + 2));
    } else {
        word = script_word(rest);
    }
    if (word.len == 0)
        return world_fail(world, "a name is missing");
    return world_fill(world, word, out_name);
}

enum err world_parents(struct world *world, const char *path)
{
    char *parent = arena_cstr(&world->lasting, str_of(path));
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(parent, 0700) < 0 && errno != EEXIST)
            return world_fail(world, "the folder %s cannot be made: %s", parent, strerror(errno));
        *slash = '/';
    }
    return OK;
}

const char *world_path(struct world *world, str name)
{
    if (str_starts(name, STR("/")))
        return arena_cstr(&world->lasting, name);
    return arena_printf(&world->lasting, "%s/%.*s", world->folder, STR_ARG(name)).ptr;
}
