/* rebuild: a projection is made anew beside the live one, and put in its place. */
#include "internal.h"

/* What the shadow makes is told apart by its name. */
static struct bus_group shadow_group;

static void shadow_make(unsigned lanes)
{
    shadow_group = plain_group;
    shadow_group.name = "shadow";
    shadow_group.lanes = lanes;
}

static void shadow_run(int64_t effects_min)
{
    struct bus *shadow = bus_open(&shadow_group);
    instant give_up = clock_mono() + SECONDS(120);
    while (effects(&shadow_group) < effects_min && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    bus_stop(shadow);
    bus_close(shadow);
}

struct compared {
    int64_t live, shadow;
    enum err then; /* what the swap says */
};

/* In the transaction of the swap: whatever goes on, both have had the same. */
static enum err compare_tx(struct db_tx *tx, void *arg)
{
    struct compared *compared = arg;
    struct db_row live, shadow;
    TRY(db_one(tx, &SQL_BUS_EFFECTS_COUNT, DB_ARGS(DB_TEXT(STR("plain"))), &live));
    TRY(db_one(tx, &SQL_BUS_EFFECTS_COUNT, DB_ARGS(DB_TEXT(STR("shadow"))), &shadow));
    compared->live = db_i64(&live, 0);
    compared->shadow = db_i64(&shadow, 0);
    return compared->then == OK ? OK : err_set(compared->then, "not-equal", "as the test wants it");
}

static enum err swap(struct compared *compared)
{
    struct bus_member live = { &plain_group, stage.one, (void *)&plain_group };
    struct bus_member shadow = { &shadow_group, stage.one, &shadow_group };
    struct bus_swap swap = { &live, &shadow, compare_tx, compared };
    return bus_swap(stage.bus, &swap);
}

static struct {
    int64_t next;
    bool enough, ended;
} writer;

static enum err publish_until_enough(void *arg)
{
    (void)arg;
    while (!writer.enough && writer.next < NUMBERS_MAX - 10) {
        publish_many(writer.next, 5, 11);
        writer.next += 5;
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    }
    writer.ended = true;
    return OK;
}

static void writer_end(void)
{
    writer.enough = true;
    while (!writer.ended)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
}

static enum err swapped(void *arg)
{
    struct compared compared = { .then = ERR_PRECONDITION };
    (void)arg;
    shadow_make(1);
    publish_many(1, 300, 11);
    bus_begin(&plain_group);
    await_effects(&plain_group, 300);
    writer.next = 301;
    writer.enough = writer.ended = false;
    struct task_spec task = { .name = "writer",
                              .fn = publish_until_enough,
                              .arena_bytes_max = MIB(8) };
    CHECK_OK(task_start(stage.loop, &task, NULL));
    shadow_run(300);
    CHECK_ERR(swap(&compared), ERR_PRECONDITION);
    CHECK_STR(str_of(err_slot()->slug), STR("not-equal"));
    int64_t before = effects(&shadow_group);
    CHECK(before <= compared.shadow); /* what it handled in that transaction is undone */
    shadow_run(before);               /* and it can go on */
    compared.then = OK;
    CHECK_OK(swap(&compared));
    CHECK_INT(compared.live, compared.shadow);
    CHECK_INT(effects(&shadow_group), compared.shadow); /* and no more */
    writer_end();
    await_effects(&plain_group, writer.next - 1);
    effects_check(&plain_group, 1, (unsigned)writer.next - 1);
    struct bus_group_state state;
    CHECK_ERR(bus_group_get(db_now(stage.one), STR("shadow"), &state), ERR_NOT_FOUND);
    bus_end();
    return OK;
}

static void are_put_in_place_while_all_goes_on(void)
{
    scenario(swapped);
}

static enum err refused(void *arg)
{
    struct compared compared = { .then = OK };
    (void)arg;
    shadow_make(3);
    publish_many(1, 20, 11);
    bus_begin(&plain_group);
    await_effects(&plain_group, 20);
    shadow_run(20);
    CHECK_ERR(swap(&compared), ERR_PRECONDITION);
    CHECK_STR(str_of(err_slot()->slug), STR("swap-lanes"));
    publish("note/a", 21, "never");
    await_dead(&plain_group, 1);
    shadow_make(1); /* the marks are equal: it is divided otherwise */
    struct bus *shadow = bus_open(&shadow_group);
    await_dead(&shadow_group, 1);
    bus_stop(shadow);
    bus_close(shadow);
    CHECK_ERR(swap(&compared), ERR_PRECONDITION);
    CHECK_STR(str_of(err_slot()->slug), STR("swap-waiting"));
    bus_end();
    return OK;
}

static void are_refused_when_something_is_missing(void)
{
    scenario(refused);
}

void register_rebuild(void)
{
    if (!bus_target->driver->embedded)
        return;
    test_register("bus_rebuilds_are_put_in_place_while_all_goes_on", __FILE__,
                  are_put_in_place_while_all_goes_on);
    test_register("bus_rebuilds_are_refused_when_something_is_missing", __FILE__,
                  are_refused_when_something_is_missing);
}
