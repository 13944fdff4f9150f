/* life: a bus begins and ends: its tasks, and who is told of commits. */
#include "internal.h"

#include "foundation/mem/heap.h"
#include "foundation/shape/shape.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* --- Being told ----------------------------------------------------------------------------- */

static bool reads_of(const struct group *group, const struct pump *pump)
{
    for (unsigned i = 0; i < group->reader_spec.feeds_count; i++)
        if (strcmp(group->feeds[i], db_context(pump->context->db)) == 0)
            return true;
    return false;
}

static void on_events(void *arg)
{
    struct pump *pump = arg;
    atomic_store(&pump->events_posted, false);
    pump_poke(pump);
}

static void on_log(void *arg)
{
    struct pump *pump = arg;
    struct bus *bus = pump->bus;
    atomic_store(&pump->log_posted, false);
    relay_poke(&bus->relays[pump - bus->pumps]);
    for (unsigned i = 0; i < bus->spec.members_count; i++) {
        struct group *group = bus->groups[i];
        if (group->reader && reads_of(group, pump))
            bus->spec.driver->wake(group->reader);
    }
}

/* On the thread that committed. */
static void events_told(void *arg)
{
    struct pump *pump = arg;
    if (!atomic_exchange(&pump->events_posted, true))
        loop_post(pump->bus->loop, on_events, pump);
}

static void log_told(void *arg)
{
    struct pump *pump = arg;
    if (!atomic_exchange(&pump->log_posted, true))
        loop_post(pump->bus->loop, on_log, pump);
}

/* --- What was declared ---------------------------------------------------------------------- */

static struct bus_retention retention_of(struct bus_retention keep)
{
    keep.age = keep.age ? keep.age : DAYS(7);
    keep.events_max = keep.events_max ? keep.events_max : 10000000;
    return keep;
}

static struct bus_group group_spec_of(struct bus_group spec)
{
    spec.batch_max = spec.batch_max ? spec.batch_max : 512;
    spec.attempts_max = spec.attempts_max ? spec.attempts_max : 6;
    spec.backoff = spec.backoff ? spec.backoff : SECONDS(1);
    spec.backoff_max = spec.backoff_max ? spec.backoff_max : MINUTES(5);
    spec.dead_in_row_max = spec.dead_in_row_max ? spec.dead_in_row_max : 100;
    return spec;
}

static const struct bus_context *context_of(const struct bus *bus, const struct bus_type *type)
{
    const struct bus_context *found = NULL;
    for (unsigned i = 0; i < bus->spec.contexts_count; i++) {
        const struct bus_context *context = &bus->spec.contexts[i];
        for (unsigned k = 0; k < context->types_count; k++)
            for (unsigned n = 0; n < context->types[k]->count; n++)
                if (context->types[k]->items[n] == type)
                    found = context;
    }
    return found;
}

static void feed_add(struct group *group, const char *feed)
{
    for (unsigned i = 0; i < group->reader_spec.feeds_count; i++)
        if (strcmp(group->feeds[i], feed) == 0)
            return;
    ASSERT(group->reader_spec.feeds_count < TOPICS_MAX);
    group->feeds[group->reader_spec.feeds_count++] = feed;
}

static void feeds_add_type(struct group *group, const struct bus_type *type)
{
    const struct bus *bus = group->bus;
    const struct bus_context *context = context_of(bus, type);
    if (!context)
        PANIC("group %s subscribes to %s, which no context declares", group->spec->name,
              type->name);
    feed_add(group, bus->spec.driver->embedded ? db_context(context->db) : type->topic);
}

static void feeds_add_all(struct group *group)
{
    const struct bus_spec *spec = &group->bus->spec;
    for (unsigned i = 0; i < spec->contexts_count; i++) {
        if (spec->driver->embedded)
            feed_add(group, db_context(spec->contexts[i].db));
        for (unsigned k = 0; k < spec->contexts[i].types_count; k++)
            for (unsigned n = 0; n < spec->contexts[i].types[k]->count; n++)
                feeds_add_type(group, spec->contexts[i].types[k]->items[n]);
    }
}

static void feeds_find(struct group *group)
{
    for (unsigned i = 0; i < group->spec->subscriptions_count; i++) {
        const struct bus_type *type = group->spec->subscriptions[i].type;
        if (type)
            feeds_add_type(group, type);
        else
            feeds_add_all(group);
    }
    group->reader_spec.feeds_count = MIN_OF(group->reader_spec.feeds_count, (unsigned)TOPICS_MAX);
}

static void type_check(const struct bus_type *type)
{
    size_t len = strlen(type->name);
    bool ok = len >= 1 && len <= BUS_TYPE_MAX && type->version >= 1 && type->topic &&
              type->shape->forgiving &&
              strspn(type->name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
    if (!ok)
        PANIC("the event type %s is malformed, or its shape is not forgiving", type->name);
}

static void types_check(const struct bus_spec *spec)
{
    for (unsigned i = 0; i < spec->contexts_count; i++)
        for (unsigned k = 0; k < spec->contexts[i].types_count; k++)
            for (unsigned n = 0; n < spec->contexts[i].types[k]->count; n++)
                type_check(spec->contexts[i].types[k]->items[n]);
}

/* --- Groups --------------------------------------------------------------------------------- */

static void owner_make(struct group *group, uint64_t seed)
{
    uint64_t numbers[2] = { 0 };
    ssize_t got = getrandom(numbers, sizeof(numbers), 0);
    ASSERT(got == sizeof(numbers));
    snprintf(group->owner, sizeof(group->owner), "%016llx", (unsigned long long)numbers[0]);
    group->random = seed ? seed + group->number : numbers[1];
}

static struct group *group_new(struct bus *bus, unsigned number)
{
    struct group *group = HEAP_NEW(struct group);
    struct bus_group *spec = HEAP_NEW(struct bus_group);
    const struct bus_member *member = &bus->spec.members[number];
    *spec = group_spec_of(*member->group);
    size_t len = strlen(spec->name);
    if (len < 1 || len > BUS_GROUP_MAX || spec->lanes > LANES_MAX)
        PANIC("the group %s is malformed", spec->name);
    for (unsigned i = 0; i < number; i++)
        if (strcmp(bus->groups[i]->spec->name, spec->name) == 0)
            PANIC("the group %s is there twice", spec->name);
    group->bus = bus;
    group->number = number;
    group->member = member;
    group->spec = spec;
    group->reader_spec.member = member;
    group->reader_spec.feeds = group->feeds;
    owner_make(group, bus->spec.seed);
    feeds_find(group);
    return group;
}

static void group_free(struct group *group)
{
    heap_free((void *)group->spec);
    heap_free(group);
}

/* --- Life ----------------------------------------------------------------------------------- */

static void task_ended(struct bus *bus)
{
    bus->running--;
    if (!bus->running && bus->stopper)
        task_wake(bus->stopper);
}

static void on_group_end(void *arg, enum err result)
{
    struct group *group = arg;
    (void)result;
    group->task = NULL;
    task_ended(group->bus);
}

static void on_pump_end(void *arg, enum err result)
{
    struct pump *pump = arg;
    (void)result;
    pump->task = NULL;
    db_unlisten(pump->context->db, &pump->on_events);
    db_unlisten(pump->context->db, &pump->on_log);
    task_ended(pump->bus);
}

static enum err pump_start(struct bus *bus, unsigned number)
{
    struct pump *pump = &bus->pumps[number];
    pump->bus = bus;
    pump->context = &bus->spec.contexts[number];
    pump->prune_at = clock_mono() + SECONDS(10);
    pump->on_events = (struct db_listener){ DB_TOPIC_EVENTS, events_told, pump, NULL };
    pump->on_log = (struct db_listener){ DB_TOPIC_LOG, log_told, pump, NULL };
    if (!db_events_wait(pump->context->db))
        pump->on_events.topics = 0;
    db_listen(pump->context->db, &pump->on_events);
    db_listen(pump->context->db, &pump->on_log);
    struct task_spec task = { .name = "bus-log",
                              .fn = pump_main,
                              .arg = pump,
                              .arena_bytes_max = MIB(8),
                              .on_end = on_pump_end };
    bus->running++;
    enum err err = task_start(bus->loop, &task, &pump->task);
    if (err != OK)
        on_pump_end(pump, err);
    return err;
}

static void on_relay_end(void *arg, enum err result)
{
    struct relaying *relaying = arg;
    (void)result;
    relaying->task = NULL;
    task_ended(relaying->bus);
}

static enum err relay_start(struct bus *bus, unsigned number)
{
    struct relaying *relaying = &bus->relays[number];
    struct task_spec task = { .name = "bus-relay",
                              .fn = relay_main,
                              .arg = relaying,
                              .arena_bytes_max = MIB(64),
                              .on_end = on_relay_end };
    relaying->bus = bus;
    relaying->context = &bus->spec.contexts[number];
    bus->running++;
    enum err err = task_start(bus->loop, &task, &relaying->task);
    if (err != OK)
        bus->running--;
    return err;
}

static enum err group_start(struct group *group)
{
    struct task_spec task = { .name = "bus-group",
                              .fn = group_main,
                              .arg = group,
                              .arena_bytes_max = MIB(128),
                              .on_end = on_group_end };
    group->bus->running++;
    enum err err = task_start(group->bus->loop, &task, &group->task);
    if (err != OK)
        group->bus->running--;
    return err;
}

static enum err tasks_start(struct bus *bus)
{
    for (unsigned i = 0; i < bus->spec.contexts_count; i++)
        TRY(pump_start(bus, i));
    for (unsigned i = 0; i < bus->spec.contexts_count && !bus->spec.driver->embedded; i++)
        TRY(relay_start(bus, i));
    for (unsigned i = 0; i < bus->spec.members_count; i++)
        TRY(group_start(bus->groups[i]));
    return OK;
}

enum err bus_start(struct loop *loop, const struct bus_spec *spec, struct bus **out_bus)
{
    ASSERT(spec->contexts_count <= CONTEXTS_MAX && spec->members_count <= GROUPS_MAX);
    struct bus *bus = HEAP_NEW(struct bus);
    bus->loop = loop;
    bus->spec = *spec;
    bus->spec.retention = retention_of(spec->retention);
    bus->spec.poll = spec->poll ? spec->poll : MILLISECONDS(250);
    bus->spec.lease = spec->lease ? spec->lease : SECONDS(10);
    types_check(spec);
    for (unsigned i = 0; i < spec->members_count; i++)
        bus->groups[i] = group_new(bus, i);
    bus_meters_open(bus);
    enum err err = spec->driver->open(loop, &bus->spec, &bus->log);
    if (err == OK) {
        *out_bus = bus;
        err = tasks_start(bus);
        if (err == OK)
            return OK;
        bus->stopping = true; /* what has started ends by itself; bus_close() is the caller's */
        return err;
    }
    for (unsigned i = 0; i < spec->members_count; i++)
        group_free(bus->groups[i]);
    heap_free(bus);
    return err;
}

void bus_wake(struct bus *bus)
{
    for (unsigned i = 0; i < bus->spec.contexts_count; i++) {
        bus->pumps[i].prune_at = 0;
        pump_poke(&bus->pumps[i]);
        relay_poke(&bus->relays[i]);
    }
    for (unsigned i = 0; i < bus->spec.members_count; i++) {
        struct group *group = bus->groups[i];
        group->look_at = group->save_at = group->cursor_at = 0;
        if (group->reader)
            bus->spec.driver->wake(group->reader);
    }
}

static bool is_posted(struct bus *bus)
{
    for (unsigned i = 0; i < bus->spec.contexts_count; i++)
        if (atomic_load(&bus->pumps[i].events_posted) || atomic_load(&bus->pumps[i].log_posted))
            return true;
    return false;
}

void bus_stop(struct bus *bus)
{
    bus->stopping = true;
    bus->stopper = task_current();
    bus_wake(bus);
    for (unsigned i = 0; i < bus->spec.contexts_count; i++)
        if (bus->relays[i].task)
            task_cancel(bus->relays[i].task); /* it may wait for a broker that is away */
    while (bus->running)
        task_suspend_lent(NULL, NULL);
    bus->stopper = NULL;
    for (unsigned i = 0; i < bus->spec.contexts_count && !bus->spec.driver->embedded; i++)
        relay_leave(&bus->relays[i]);
    while (is_posted(bus) && await_turn() == OK)
        continue;
}

void bus_close(struct bus *bus)
{
    ASSERT(bus->running == 0);
    bus->spec.driver->close(bus->log);
    for (unsigned i = 0; i < bus->spec.members_count; i++)
        group_free(bus->groups[i]);
    heap_free(bus);
}

struct bus_stats bus_stats(const struct bus *bus)
{
    return bus->stats;
}

enum err bus_lag_get(const struct bus *bus, str group, struct bus_lag *out_lag)
{
    for (unsigned i = 0; i < bus->spec.members_count; i++) {
        const struct group *member = bus->groups[i];
        if (!str_eq(str_of(member->spec->name), group) || !member->reader)
            continue;
        *out_lag = bus->spec.driver->behind(member->reader);
        for (unsigned k = 0; k < member->lanes_count; k++)
            out_lag->events += member->lanes[k]->records_count - member->lanes[k]->next;
        return OK;
    }
    return err_set(ERR_NOT_FOUND, "no-group", "the group %.*s does not run here", STR_ARG(group));
}

/* --- Directly ------------------------------------------------------------------------------- */

enum err bus_send(struct bus *bus, const struct bus_new *event, struct bus_place *out_place)
{
    char id[33];
    uint64_t numbers[2] = { 0 };
    const struct bus_context *context = context_of(bus, event->type);
    struct bus_event sent = { .aggregate = event->aggregate, .at = clock_now() };
    ASSERT(context);
    TRY(bus_new_check(event));
    TRY(bus_data_write(task_arena(), event, &sent.data));
    ssize_t got = getrandom(numbers, sizeof(numbers), 0);
    ASSERT(got == sizeof(numbers));
    snprintf(id, sizeof(id), "%016llx%016llx", (unsigned long long)numbers[0],
             (unsigned long long)numbers[1]);
    sent.id = str_of(id);
    sent.source = str_of(db_context(context->db));
    sent.type = str_of(event->type->name);
    sent.version = event->type->version;
    return bus->spec.driver->send(bus->log, event->type, &sent, out_place);
}
