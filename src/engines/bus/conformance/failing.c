/* failing: retries, what waits behind them, dead letters, and a group that gives up. */
#include "internal.h"

#include <stdio.h>

/* "1" fails three times and holds up its aggregate alone. */
static enum err retries(void *arg)
{
    (void)arg;
    publish("note/a", 1, "fail 3");
    publish("note/a", 2, "");
    publish("note/b", 3, "");
    publish("note/a", 4, "");
    bus_begin(&plain_group);
    await_effects(&plain_group, 4);
    CHECK_STR(effects_text(&plain_group), STR("3 1 2 4"));
    CHECK_INT(stage.failures[1], 3);
    publish("note/a", 5, "");
    await_effects(&plain_group, 5);
    struct bus_group_state state = group_state(&plain_group);
    CHECK_INT(state.retrying, 0);
    CHECK_INT(state.dead, 0);
    bus_end();
    return OK;
}

static void are_tried_again_and_hold_up_their_aggregate(void)
{
    scenario(retries);
}

static enum err survives(void *arg)
{
    (void)arg;
    publish("note/a", 1, "fail 2");
    publish("note/a", 2, "");
    stage.broken = true;
    bus_begin(&plain_group);
    instant give_up = clock_mono() + SECONDS(120);
    while (group_state(&plain_group).retrying < 2 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    bus_end(); /* rows remember what waits */
    stage.broken = false;
    stage.failures[1] = 2;
    bus_begin(&plain_group);
    publish("note/a", 3, "");
    await_effects(&plain_group, 3);
    CHECK_STR(effects_text(&plain_group), STR("1 2 3"));
    bus_end();
    return OK;
}

static void that_wait_are_remembered(void)
{
    scenario(survives);
}

static enum err poison(void *arg)
{
    (void)arg;
    bus_begin(&plain_group);
    publish("note/a", 1, "");
    publish("note/a", 2, "poison");
    publish("note/a", 3, "");
    publish("note/b", 4, "");
    await_effects(&plain_group, 3);
    await_dead(&plain_group, 1);
    str order = effects_text(&plain_group); /* of "note/b" there is no promise beside "note/a" */
    CHECK(str_find(order, STR("1")) < str_find(order, STR("3")));
    CHECK(order.len == 5 && str_find(order, STR("4")) >= 0);
    CHECK(stage.failures[2] >= 4); /* more where its transaction was run again */
    struct bus_dead_page page;
    struct bus_dead_filter filter = { .group = STR("plain"), .limit = 10 };
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_INT(page.count, 1);
    CHECK_STR(page.items[0].slug, STR("no-luck"));
    CHECK_INT(page.items[0].attempts, 4);
    CHECK_STR(page.items[0].event.aggregate, STR("note/a"));
    CHECK_STR(page.items[0].event.type, STR("note.written"));
    CHECK(str_find(page.items[0].event.data, STR("poison")) > 0);
    bus_end();
    return OK;
}

static void that_are_poison_die_and_free_their_aggregate(void)
{
    scenario(poison);
}

static enum err hopeless(void *arg)
{
    (void)arg;
    bus_begin(&plain_group);
    publish("note/a", 1, "never");
    publish("note/a", 2, "");
    await_dead(&plain_group, 1);
    await_effects(&plain_group, 1);
    CHECK_STR(effects_text(&plain_group), STR("2")); /* what "1" had written is undone */
    struct bus_dead_page page;
    struct bus_dead_filter filter = { .limit = 1 };
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_STR(page.items[0].slug, STR("no-sense"));
    CHECK_STR(page.items[0].text, STR("number 1 has no sense"));
    CHECK_INT(page.items[0].attempts, 1);
    bus_end();
    return OK;
}

static void that_cannot_succeed_die_at_once(void)
{
    scenario(hopeless);
}

/* A few bad ones in a batch of many: the others have their effect, once. */
static enum err among_many(void *arg)
{
    unsigned bad = 0;
    (void)arg;
    for (unsigned i = 1; i <= 120; i++) {
        char aggregate[32];
        snprintf(aggregate, sizeof(aggregate), "note/%u", i % 30);
        publish(aggregate, i, i % 40 == 7 ? "never" : i % 30 == 3 ? "fail 1" : "");
        bad += i % 40 == 7;
    }
    bus_begin(&plain_group);
    await_effects(&plain_group, 120 - bad);
    await_dead(&plain_group, bad);
    bus_end();
    return OK;
}

static void that_are_bad_harm_no_neighbour(void)
{
    scenario(among_many);
}

/* Six in a row that die: it is not the events. */
static enum err gives_up(void *arg)
{
    struct group_change resume = { &plain_group, false };
    (void)arg;
    stage.broken = true;
    bus_begin(&plain_group);
    publish_many(1, 60, 60);
    await_paused(&plain_group);
    struct bus_group_state state = group_state(&plain_group);
    CHECK(str_find(state.paused_why, STR("in a row")) > 0);
    CHECK(state.dead >= 6);
    CHECK_INT(effects(&plain_group), 0);
    stage.broken = false;
    CHECK_OK(db_tx(stage.one, group_change_tx, &resume));
    await_effects(&plain_group, 60 - state.dead);
    CHECK_INT(group_state(&plain_group).dead, state.dead);
    bus_end();
    return OK;
}

static void that_all_fail_pause_their_group(void)
{
    scenario(gives_up);
}

void register_failing(void)
{
    test_register("bus_events_are_tried_again_and_hold_up_their_aggregate", __FILE__,
                  are_tried_again_and_hold_up_their_aggregate);
    test_register("bus_events_that_wait_are_remembered", __FILE__, that_wait_are_remembered);
    test_register("bus_events_that_are_poison_die_and_free_their_aggregate", __FILE__,
                  that_are_poison_die_and_free_their_aggregate);
    test_register("bus_events_that_cannot_succeed_die_at_once", __FILE__,
                  that_cannot_succeed_die_at_once);
    test_register("bus_events_that_are_bad_harm_no_neighbour", __FILE__,
                  that_are_bad_harm_no_neighbour);
    test_register("bus_events_that_all_fail_pause_their_group", __FILE__,
                  that_all_fail_pause_their_group);
}
