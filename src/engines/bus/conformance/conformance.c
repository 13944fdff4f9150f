/* conformance: registration, the handlers, the fixture. */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct bus_conformance_target *bus_target;
struct stage stage;

void bus_conformance_register(const struct bus_conformance_target *target)
{
    bus_target = target;
    register_delivery();
    register_failing();
    register_dead();
    register_sharing();
    register_odd();
    register_rebuild();
    register_crash();
}

/* --- Events --------------------------------------------------------------------------------- */

SHAPE_FORGIVING(bus_note_shape, struct note, FIELD(struct note, number, .required = true),
                FIELD(struct note, text));

const struct bus_type note_written = {
    .name = "note.written", .version = 1, .shape = &bus_note_shape, .topic = "conformance-notes"
};
const struct bus_type note_erased = {
    .name = "note.erased", .version = 2, .shape = &bus_note_shape, .topic = "conformance-notes"
};
const struct bus_type order_placed = {
    .name = "order.placed", .version = 1, .shape = &bus_note_shape, .topic = "conformance-orders"
};
BUS_TYPES(note_types, "notes", &note_written, &note_erased);
BUS_TYPES(order_types, "orders", &order_placed);

/* --- Handlers ------------------------------------------------------------------------------- */

static void tell(void)
{
    if (stage.told && write(stage.told, "", 1) != 1)
        _exit(6);
}

/* "fail 3": three times · "never": cannot succeed · "poison": never does. All after writing. */
static enum err outcome(const struct note *note)
{
    int64_t times;
    unsigned *failures = &stage.failures[note->number % NUMBERS_MAX];
    if (str_eq(note->text, STR("never")))
        return err_set(ERR_INVALID, "no-sense", "number %lld has no sense",
                       (long long)note->number);
    if (stage.broken || str_eq(note->text, STR("poison")) ||
        (str_starts(note->text, STR("fail ")) && str_parse_i64(str_skip(note->text, 5), &times) &&
         *failures < times)) {
        ++*failures;
        return err_set(ERR_UNAVAILABLE, "no-luck", "number %lld had no luck",
                       (long long)note->number);
    }
    return OK;
}

static enum err handle(struct db_tx *tx, const struct bus_event *event, void *arg)
{
    const struct bus_group *group = arg;
    struct note note;
    stage.calls++;
    tell();
    TRY(bus_event_read(db_arena(tx), event, &note_written, &note));
    TRY(db_exec(tx, &SQL_BUS_EFFECT_ADD,
                DB_ARGS(DB_TEXT(str_of(group->name)), DB_TEXT(event->id), DB_TEXT(event->aggregate),
                        DB_I64(note.number), DB_TEXT(note.text)),
                NULL));
    tell();
    return outcome(&note);
}

static const struct bus_subscription notes[] = { { &note_written, handle },
                                                 { &note_erased, handle } };
static const struct bus_subscription notes_and_orders[] = { { &note_written, handle },
                                                            { &order_placed, handle } };
static const struct bus_subscription everything[] = { { NULL, handle } };

#define QUICK                                                                                      \
    .backoff = MILLISECONDS(2), .backoff_max = MILLISECONDS(20), .attempts_max = 4,                \
    .dead_in_row_max = 6

const struct bus_group plain_group = { "plain", notes, ARRAY_LEN(notes), QUICK };
const struct bus_group lanes_group = { "lanes", notes, ARRAY_LEN(notes), QUICK, .lanes = 4 };
const struct bus_group both_group = { "both", notes_and_orders, ARRAY_LEN(notes_and_orders),
                                      QUICK };
const struct bus_group all_group = { "all", everything, 1, QUICK };
const struct bus_group late_group = { "late", notes, ARRAY_LEN(notes), QUICK,
                                      .from = BUS_FROM_END };

struct db *group_db(const struct bus_group *group)
{
    return group == &both_group ? stage.two : stage.one;
}

/* --- Fixture -------------------------------------------------------------------------------- */

static enum err database_open(const char *context, struct db **out_db)
{
    static const struct db_module *const modules[] = { &BUS_SQL, &BUS_CONFORMANCE_SQL };
    struct db_spec spec = { .driver = bus_target->database,
                            .place = stage.place,
                            .context = context,
                            .modules = modules,
                            .modules_count = ARRAY_LEN(modules) };
    return db_open(&spec, out_db);
}

enum err databases_open(void)
{
    TRY(database_open("bus_one", &stage.one));
    return database_open("bus_two", &stage.two);
}

static void on_scenario_end(void *arg, enum err result)
{
    (void)arg;
    CHECK_OK(result);
    loop_stop(stage.loop);
}

static void on_start(void *arg)
{
    struct task_spec spec = { .name = "scenario",
                              .fn = *(task_fn *)arg,
                              .on_end = on_scenario_end,
                              .arena_bytes_max = MIB(64) };
    CHECK_OK(task_start(stage.loop, &spec, NULL));
}

void stage_run(task_fn fn)
{
    CHECK_OK(loop_open(&(struct loop_settings){ .stall_after = SECONDS(60) }, &stage.loop));
    loop_post(stage.loop, on_start, &fn);
    loop_run(stage.loop);
    loop_close(stage.loop);
}

void scenario_again(task_fn fn)
{
    CHECK_OK(databases_open());
    stage_run(fn);
    db_close(stage.two);
    db_close(stage.one);
    clock_set(INSTANT_NEVER);
}

void scenario(task_fn fn)
{
    stage = (struct stage){ .place = bus_target->place_new(), .driver = bus_target->driver };
    if (bus_target->settings_new)
        stage.settings = bus_target->settings_new();
    scenario_again(fn);
}

/* --- The bus -------------------------------------------------------------------------------- */

struct opened {
    struct bus_context contexts[2];
    struct bus_member member;
};
/* What a bus keeps pointers to; of as many as a test has at a time. */
static struct opened opened[4];
static unsigned opened_next;

static struct bus *bus_open_with(const struct bus_group *group,
                                 const struct bus_retention *retention)
{
    static const struct bus_types *const one[] = { &note_types }, *const two[] = { &order_types };
    struct opened *o = &opened[opened_next++ % ARRAY_LEN(opened)];
    struct bus *bus = NULL;
    o->contexts[0] = (struct bus_context){ stage.one, one, 1 };
    o->contexts[1] = (struct bus_context){ stage.two, two, 1 };
    o->member = (struct bus_member){ group, group_db(group), (void *)group };
    struct bus_spec spec = { .driver = stage.driver,
                             .driver_settings = stage.settings,
                             .contexts = o->contexts,
                             .contexts_count = 2,
                             .members = &o->member,
                             .members_count = 1,
                             .retention = retention ? *retention : (struct bus_retention){ 0 },
                             .poll = MILLISECONDS(20),
                             .lease = SECONDS(2),
                             .sole_owner = stage.sole,
                             .seed = 7 };
    CHECK_OK(bus_start(stage.loop, &spec, &bus));
    return bus;
}

struct bus *bus_open(const struct bus_group *group)
{
    return bus_open_with(group, NULL);
}

void bus_begin_with(const struct bus_group *group, const struct bus_retention *retention)
{
    stage.bus = bus_open_with(group, retention);
}

void bus_begin(const struct bus_group *group)
{
    stage.bus = bus_open(group);
}

void bus_end(void)
{
    bus_stop(stage.bus);
    bus_close(stage.bus);
    stage.bus = NULL;
}
