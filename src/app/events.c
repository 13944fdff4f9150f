/* events: the bus of this process, with the groups of the modules that it serves. */
#include "events.h"

enum { TYPES_MAX = 64, MEMBERS_MAX = 64 };

/* What the bus keeps pointers to. */
static struct {
    const struct bus_types *types[TYPES_MAX];
    struct bus_context content;
    struct bus_member members[MEMBERS_MAX];
} kept;

static unsigned types_collect(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < app_modules_count; i++) {
        ASSERT(count < TYPES_MAX);
        if (app_modules[i]->events)
            kept.types[count++] = app_modules[i]->events;
    }
    return count;
}

static unsigned members_collect(const struct app_selection *selection, struct db *content)
{
    unsigned count = 0;
    for (unsigned i = 0; i < selection->served_count; i++) {
        const struct module *module = selection->served[i];
        for (unsigned k = 0; k < module->groups_count; k++) {
            ASSERT(count < MEMBERS_MAX);
            kept.members[count++] = (struct bus_member){ module->groups[k], content, NULL };
        }
    }
    return count;
}

enum err events_start(struct loop *loop, const struct app_selection *selection, struct db *content,
                      struct bus **out_bus)
{
    kept.content = (struct bus_context){ content, kept.types, types_collect() };
    struct bus_spec spec = { .driver = &bus_embedded,
                             .contexts = &kept.content,
                             .contexts_count = 1,
                             .members = kept.members,
                             .members_count = members_collect(selection, content),
                             .sole_owner = data_is_embedded() };
    return bus_start(loop, &spec, out_bus);
}
