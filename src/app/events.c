/* events: the bus of this process, with the groups of the modules that it serves. */
#include "events.h"

#include "domains/outreach/events_v1/events_v1.h"
#include "engines/bus/kafka/kafka.h"

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
    const struct kafka_settings *kafka = kafka_settings_make();
    struct bus_spec spec = { .driver = kafka ? &bus_kafka : &bus_embedded,
                             .driver_settings = kafka,
                             .contexts = &kept.content,
                             .contexts_count = 1,
                             .members = kept.members,
                             .members_count = members_collect(selection, content),
                             .sole_owner = data_is_embedded() };
    TRY(bus_start(loop, &spec, out_bus));
    events_v1_use(*out_bus);
    return OK;
}

void events_close(struct bus *bus)
{
    events_v1_use(NULL);
    if (bus)
        bus_close(bus);
}
