/* delivery: each event has its effect once, in its aggregate's order, wherever a group begins. */
#include "internal.h"

static enum err each_once(void *arg)
{
    (void)arg;
    bus_begin(&plain_group);
    publish_many(1, 500, 7);
    struct publishing undone = {
        .aggregate = "note/1", .number = 900, .then = ERR_PRECONDITION, .text = ""
    };
    CHECK_ERR(db_tx(stage.one, publish_tx, &undone), ERR_PRECONDITION);
    publish_many(501, 500, 7);
    await_effects(&plain_group, 1000);
    effects_check(&plain_group, 1, 1000);
    bus_end();
    return OK;
}

static void have_their_effect_once(void)
{
    scenario(each_once);
}

static enum err in_lanes(void *arg)
{
    (void)arg;
    publish_many(1, 1500, 40); /* before anybody listens */
    bus_begin(&lanes_group);
    publish_many(1501, 500, 40);
    await_effects(&lanes_group, 2000);
    effects_check(&lanes_group, 1, 2000);
    bus_end();
    return OK;
}

static void of_an_aggregate_keep_their_order_in_lanes(void)
{
    scenario(in_lanes);
}

static enum err goes_on(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 4; i++) {
        publish_many(1 + 50 * i, 25, 5);
        bus_begin(&plain_group);
        publish_many(26 + 50 * i, 25, 5);
        if (i % 2) /* else it is stopped in the middle of it */
            await_effects(&plain_group, (int64_t)50 * (i + 1));
        bus_end();
    }
    effects_check(&plain_group, 1, 200);
    return OK;
}

static void go_on_where_a_group_was(void)
{
    scenario(goes_on);
}

static enum err from_end(void *arg)
{
    (void)arg;
    publish_many(1, 30, 3);
    bus_begin(&plain_group); /* has the log bring what was published to where it ends */
    await_effects(&plain_group, 30);
    bus_end();
    bus_begin(&late_group);
    instant give_up = clock_mono() + SECONDS(120);
    struct bus_lag lag = { .events = -1 };
    while (bus_lag_get(stage.bus, STR("late"), &lag) != OK && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    CHECK_OK(await_sleep(MILLISECONDS(200))); /* it has found its beginning, or fails below */
    bus_end();
    publish_many(31, 20, 3); /* while it is away */
    bus_begin(&late_group);
    await_effects(&late_group, 20);
    effects_check(&late_group, 31, 20);
    bus_end();
    return OK;
}

static void of_before_are_not_for_a_group_that_begins_at_the_end(void)
{
    scenario(from_end);
}

static enum err order_tx(struct db_tx *tx, void *arg)
{
    return publish_tx(tx, arg);
}

/* The group's effects are in another database than the notes. */
static enum err two_contexts(void *arg)
{
    (void)arg;
    bus_begin(&both_group);
    publish_many(1, 40, 4);
    for (int i = 0; i < 20; i++) {
        struct publishing p = {
            .type = &order_placed, .aggregate = "order/1", .number = 41 + i, .text = ""
        };
        CHECK_OK(db_tx(stage.two, order_tx, &p));
    }
    await_effects(&both_group, 60);
    effects_check(&both_group, 1, 60);
    bus_end();
    return OK;
}

static void of_two_contexts_reach_one_group(void)
{
    scenario(two_contexts);
}

static enum err two_groups(void *arg)
{
    (void)arg;
    bus_begin(&plain_group);
    struct bus *other = bus_open(&lanes_group);
    publish_many(1, 100, 9);
    await_effects(&plain_group, 100);
    await_effects(&lanes_group, 100);
    effects_check(&plain_group, 1, 100);
    effects_check(&lanes_group, 1, 100);
    bus_stop(other);
    bus_close(other);
    bus_end();
    return OK;
}

static void reach_every_group(void)
{
    scenario(two_groups);
}

static enum err paused(void *arg)
{
    struct group_change change = { &plain_group, true };
    (void)arg;
    CHECK_ERR(db_tx(stage.one, group_change_tx, &change), ERR_NOT_FOUND); /* it never ran */
    bus_begin(&plain_group);
    publish_many(1, 10, 2);
    await_effects(&plain_group, 10);
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    bus_end();
    bus_begin(&plain_group); /* it is remembered */
    publish_many(11, 10, 2);
    instant give_up = clock_mono() + SECONDS(120);
    struct bus_lag lag = { 0 };
    while (lag.events < 10 && clock_mono() < give_up) {
        CHECK_OK(await_sleep(MILLISECONDS(2)));
        (void)bus_lag_get(stage.bus, STR("plain"), &lag);
    }
    CHECK_INT(lag.events, 10);
    CHECK_INT(effects(&plain_group), 10);
    CHECK_STR(group_state(&plain_group).paused_why, STR("by hand"));
    change.paused = false;
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    await_effects(&plain_group, 20);
    effects_check(&plain_group, 1, 20);
    bus_end();
    return OK;
}

static void wait_while_a_group_is_paused(void)
{
    scenario(paused);
}

static enum err sends(void *arg)
{
    struct bus_place places[3];
    struct note note = { .text = STR("sent") };
    (void)arg;
    bus_begin(&plain_group);
    for (int i = 0; i < 3; i++) {
        note.number = i + 1;
        struct bus_new event = { &note_written, STR("note/9"), &note };
        CHECK_OK(bus_send(stage.bus, &event, &places[i]));
        CHECK_STR(str_of(places[i].topic), STR("conformance-notes"));
    }
    CHECK(places[0].partition == places[1].partition && places[1].offset > places[0].offset);
    CHECK(places[2].offset > places[1].offset);
    await_effects(&plain_group, 3);
    effects_check(&plain_group, 1, 3);
    struct bus_new nameless = { &note_written, STR(""), &note };
    CHECK_ERR(bus_send(stage.bus, &nameless, &places[0]), ERR_INVALID);
    bus_end();
    return OK;
}

static void sent_directly_have_a_place(void)
{
    scenario(sends);
}

void register_delivery(void)
{
    test_register("bus_events_have_their_effect_once", __FILE__, have_their_effect_once);
    test_register("bus_events_of_an_aggregate_keep_their_order_in_lanes", __FILE__,
                  of_an_aggregate_keep_their_order_in_lanes);
    test_register("bus_events_go_on_where_a_group_was", __FILE__, go_on_where_a_group_was);
    test_register("bus_events_of_before_are_not_for_a_group_that_begins_at_the_end", __FILE__,
                  of_before_are_not_for_a_group_that_begins_at_the_end);
    test_register("bus_events_of_two_contexts_reach_one_group", __FILE__,
                  of_two_contexts_reach_one_group);
    test_register("bus_events_reach_every_group", __FILE__, reach_every_group);
    test_register("bus_events_wait_while_a_group_is_paused", __FILE__,
                  wait_while_a_group_is_paused);
    test_register("bus_events_sent_directly_have_a_place", __FILE__, sent_directly_have_a_place);
}
