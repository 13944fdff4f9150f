/* dead: dead letters are looked at, edited, replayed and dropped. */
#include "internal.h"

static struct bus_dead the_dead(void)
{
    struct bus_dead_page page = { 0 };
    struct bus_dead_filter filter = { .limit = 1 };
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_INT(page.count, 1);
    return page.items[0];
}

enum deed { EDIT, REPLAY, DROP };
struct doing {
    enum deed deed;
    int64_t id;
    str data;
};

static enum err do_tx(struct db_tx *tx, void *arg)
{
    const struct doing *doing = arg;
    if (doing->deed == EDIT)
        return bus_dead_edit(tx, doing->id, doing->data);
    return doing->deed == REPLAY ? bus_dead_replay(tx, doing->id) : bus_dead_drop(tx, doing->id);
}

static enum err do_it(enum deed deed, int64_t id, const char *data)
{
    struct doing doing = { deed, id, str_of(data) };
    return db_tx(stage.one, do_tx, &doing);
}

static enum err edited(void *arg)
{
    (void)arg;
    bus_begin(&plain_group);
    publish("note/a", 1, "never");
    publish("note/a", 2, "");
    await_effects(&plain_group, 1);
    int64_t id = the_dead().id;
    CHECK_ERR(do_it(EDIT, id, "{\"number\":"), ERR_INVALID);
    CHECK_ERR(do_it(EDIT, id + 1, "{}"), ERR_NOT_FOUND);
    CHECK_OK(do_it(EDIT, id, "{\"number\":1,\"text\":\"mended\"}"));
    CHECK_OK(do_it(REPLAY, id, NULL));
    CHECK_ERR(do_it(REPLAY, id, NULL), ERR_NOT_FOUND);
    await_effects(&plain_group, 2);
    CHECK_STR(effects_text(&plain_group), STR("2 1"));
    CHECK_INT(group_state(&plain_group).dead, 0);
    bus_end();
    return OK;
}

static void are_edited_and_replayed(void)
{
    scenario(edited);
}

/* Replayed while later ones of its aggregate wait for their own next attempt. */
static enum err before_others(void *arg)
{
    struct group_change change = { &plain_group, true };
    (void)arg;
    bus_begin(&plain_group);
    publish("note/a", 1, "never");
    await_dead(&plain_group, 1);
    publish("note/a", 2, "fail 3");
    publish("note/a", 3, "");
    instant give_up = clock_mono() + SECONDS(120);
    while (group_state(&plain_group).retrying == 0 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    CHECK_OK(do_it(EDIT, the_dead().id, "{\"number\":1,\"text\":\"mended\"}"));
    CHECK_OK(do_it(REPLAY, the_dead().id, NULL));
    change.paused = false;
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    await_effects(&plain_group, 3);
    str text = effects_text(&plain_group);
    CHECK(str_eq(text, STR("1 2 3")) || str_eq(text, STR("2 1 3")) || str_eq(text, STR("2 3 1")));
    bus_end();
    return OK;
}

static void are_replayed_before_what_waits(void)
{
    scenario(before_others);
}

static enum err dropped(void *arg)
{
    struct bus_dead_page page;
    struct bus_dead_filter filter = { .group = STR("plain"), .limit = 3 };
    (void)arg;
    bus_begin(&plain_group);
    for (int i = 1; i <= 5; i++) {
        publish("note/a", i, "never");
        publish("note/b", 10 + i, ""); /* so that they are no row of five */
    }
    await_dead(&plain_group, 5);
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_INT(page.count, 3);
    CHECK(page.items[0].id > page.items[2].id && page.next == page.items[2].id);
    filter.before = page.next;
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_INT(page.count, 2);
    CHECK_INT(page.next, 0);
    int64_t id = page.items[0].id;
    struct bus_dead dead;
    CHECK_OK(bus_dead_get(db_now(stage.one), id, &dead));
    CHECK_OK(do_it(DROP, id, NULL));
    CHECK_ERR(do_it(DROP, id, NULL), ERR_NOT_FOUND);
    CHECK_ERR(bus_dead_get(db_now(stage.one), id, &dead), ERR_NOT_FOUND);
    CHECK_INT(group_state(&plain_group).dead, 4);
    filter = (struct bus_dead_filter){ .group = STR("nobody"), .limit = BUS_LIST_MAX };
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_INT(page.count, 0);
    filter.limit++;
    CHECK_ERR(bus_dead_list(db_now(stage.one), &filter, &page), ERR_INVALID);
    bus_end();
    return OK;
}

static void are_listed_and_dropped(void)
{
    scenario(dropped);
}

void register_dead(void)
{
    test_register("bus_dead_letters_are_edited_and_replayed", __FILE__, are_edited_and_replayed);
    test_register("bus_dead_letters_are_replayed_before_what_waits", __FILE__,
                  are_replayed_before_what_waits);
    test_register("bus_dead_letters_are_listed_and_dropped", __FILE__, are_listed_and_dropped);
}
