/* modules: the one list of what the program is made of, in the order it is opened. */
#include "app.h"

#include "domains/content/assets/assets.h"
#include "domains/content/catalog/catalog.h"
#include "domains/content/ingest/ingest.h"
#include "domains/content/playback/playback.h"
#include "domains/outreach/events_v1/events_v1.h"

#include <string.h>

enum { NAMES_BYTES = 256 };

const struct module *const app_modules[] = {
    &catalog_module, &assets_module, &ingest_module, &playback_module, &demo_module,
    &health_module,  &backup_module, &move_module,   &flow_module,     &events_v1_module,
};
const unsigned app_modules_count = ARRAY_LEN(app_modules);

/*
 * Health is of the process: each tells its own; each may be asked for a backup, or to move, or
 * about timers and sagas. Assets have no routes; who plays or imports uses them in any case.
 */
static bool is_everywhere(const struct module *module)
{
    return module == &health_module || module == &backup_module || module == &move_module ||
           module == &flow_module || module == &assets_module;
}

static bool is_named(const struct module *module, str names)
{
    str name;
    while (str_cut(&names, ',', &name))
        if (str_eq(str_trim(name), str_of(module->name)))
            return true;
    return false;
}

/* "catalog, ingest": those that may be named. */
static void names_put(struct buf *buf)
{
    for (unsigned i = 0; i < app_modules_count; i++)
        if (!is_everywhere(app_modules[i]))
            buf_printf(buf, "%s%s", buf->len ? ", " : "", app_modules[i]->name);
}

static __attribute__((noinline)) enum err name_refused(str name)
{
    char room[NAMES_BYTES];
    struct buf names;
    buf_init_fixed(&names, room, sizeof(room));
    names_put(&names);
    return err_set(ERR_INVALID, "unknown-module",
                   "there is no module \"%.*s\" to serve; there are %.*s", STR_ARG(name),
                   STR_ARG(buf_str(&names)));
}

static enum err names_check(str names)
{
    str rest = names, name;
    while (str_cut(&rest, ',', &name)) {
        unsigned i = 0;
        while (i < app_modules_count && !str_eq(str_trim(name), str_of(app_modules[i]->name)))
            i++;
        if (i == app_modules_count)
            return name_refused(str_trim(name));
    }
    return OK;
}

enum err app_modules_select(str names, struct app_selection *out_selection)
{
    if (names.len)
        TRY(names_check(names));
    struct app_selection *to = out_selection;
    to->served_count = to->elsewhere_count = 0;
    for (unsigned i = 0; i < app_modules_count; i++) {
        const struct module *module = app_modules[i];
        bool wanted = is_everywhere(module) || is_named(module, names);
        if (wanted || (names.len == 0 && !module->named_only))
            to->served[to->served_count++] = module;
        else if (!module->named_only)
            to->elsewhere[to->elsewhere_count++] = module;
    }
    return OK;
}

bool app_module_is_named(const char *name)
{
    for (unsigned i = 0; i < app_modules_count; i++)
        if (strcmp(app_modules[i]->name, name) == 0)
            return is_named(app_modules[i], app_settings.modules);
    return false;
}
