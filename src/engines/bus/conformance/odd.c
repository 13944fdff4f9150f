/* odd: what should not come and does: twice, unknown, newer, broken. */
#include "internal.h"

#include <string.h>

/* --- Twice ---------------------------------------------------------------------------------- */

/* A driver around the target's, whose reads bring everything twice. */
static enum err read_twice(struct bus_reader *reader, const struct bus_read *read,
                           struct bus_batch *out_batch)
{
    struct bus_batch batch;
    TRY(bus_target->driver->read(reader, read, &batch));
    if (batch.records_count) {
        size_t bytes = batch.records_count * sizeof(struct bus_record);
        struct bus_record *twice = arena_alloc(read->arena, 2 * bytes);
        memcpy(twice, batch.records, bytes);
        memcpy(twice + batch.records_count, batch.records, bytes);
        batch.records = twice;
        batch.records_count *= 2;
    }
    *out_batch = batch;
    return OK;
}

static enum err twice(void *arg)
{
    static struct bus_driver driver;
    (void)arg;
    driver = *bus_target->driver;
    driver.read = read_twice;
    stage.driver = &driver;
    publish_many(1, 200, 9);
    publish("note/a", 201, "never");
    publish("note/a", 202, "fail 2");
    publish("note/a", 203, "");
    bus_begin(&lanes_group);
    publish_many(204, 100, 9);
    await_dead(&lanes_group, 1);
    await_effects(&lanes_group, 302);
    CHECK_OK(await_sleep(MILLISECONDS(50)));
    CHECK_INT(effects(&lanes_group), 302);
    CHECK(bus_stats(stage.bus).duplicates > 0);
    CHECK_INT(group_state(&lanes_group).dead, 1);
    bus_end();
    return OK;
}

static void delivered_twice_have_their_effect_once(void)
{
    scenario(twice);
}

/* --- Unknown, newer, broken ----------------------------------------------------------------- */

static enum err raw_tx(struct db_tx *tx, void *arg)
{
    return db_event_add(tx, arg);
}

static void publish_raw(const char *type, unsigned version, const char *data)
{
    struct db_event event = { .type = str_of(type),
                              .type_version = version,
                              .aggregate_id = STR("note/a"),
                              .payload = str_of(data) };
    CHECK_OK(db_tx(stage.one, raw_tx, &event));
}

/* Written by a program that declared more, or less, than this one. */
static enum err unknown(void *arg)
{
    (void)arg;
    publish_raw("note.forgotten", 1, "{\"number\":1,\"text\":\"\"}");
    publish("note/a", 2, "");
    bus_begin(&plain_group);
    await_effects(&plain_group, 1);
    CHECK_STR(effects_text(&plain_group), STR("2"));
    CHECK_INT(group_state(&plain_group).dead, 0);
    bus_end();
    if (!stage.driver->embedded)
        return OK; /* a type without a topic stays in the log of its context */
    bus_begin(&all_group);
    await_effects(&all_group, 2);
    CHECK_STR(effects_text(&all_group), STR("1 2"));
    bus_end();
    return OK;
}

static void of_unknown_types_are_passed_over(void)
{
    scenario(unknown);
}

static enum err newer(void *arg)
{
    struct bus_dead_page page;
    struct bus_dead_filter filter = { .limit = 10 };
    (void)arg;
    publish_raw("note.written", 2, "{\"number\":1,\"text\":\"\"}");
    publish_raw("note.erased", 1, "{\"number\":2,\"text\":\"\"}"); /* an older one is known */
    bus_begin(&plain_group);
    await_effects(&plain_group, 1);
    await_dead(&plain_group, 1);
    CHECK_STR(effects_text(&plain_group), STR("2"));
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    CHECK_STR(page.items[0].slug, STR("event-newer"));
    CHECK_INT(page.items[0].attempts, 4); /* a newer program may have come */
    CHECK_INT(page.items[0].event.version, 2);
    bus_end();
    return OK;
}

static void of_a_newer_version_wait_for_a_newer_program(void)
{
    scenario(newer);
}

static enum err broken(void *arg)
{
    struct bus_dead_page page;
    struct bus_dead_filter filter = { .limit = 10 };
    static const char *const data[] = { "{\"number\":", "[]", "{\"number\":\"many\"}", "{}" };
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(data); i++)
        publish_raw("note.written", 1, data[i]);
    publish_raw("note.written", 1, "{\"number\":5,\"text\":\"\",\"added\":[1,{}]}");
    bus_begin(&plain_group);
    await_effects(&plain_group, 1); /* what a later program adds is passed over */
    CHECK_STR(effects_text(&plain_group), STR("5"));
    await_dead(&plain_group, ARRAY_LEN(data));
    CHECK_OK(bus_dead_list(db_now(stage.one), &filter, &page));
    for (unsigned i = 0; i < page.count; i++)
        CHECK_INT(page.items[i].attempts, 1);
    CHECK_STR(page.items[3].event.data, str_of(data[0]));
    bus_end();
    return OK;
}

static void with_poisoned_data_die_readable(void)
{
    scenario(broken);
}

/* --- The clock ------------------------------------------------------------------------------ */

static enum err clocks(void *arg)
{
    instant now = clock_now();
    (void)arg;
    clock_set(now);
    bus_begin(&lanes_group);
    publish_many(1, 50, 9);
    await_effects(&lanes_group, 50);
    clock_set(now - HOURS(5)); /* as another node's: what comes is of the past */
    publish_many(51, 50, 9);
    await_effects(&lanes_group, 100);
    clock_set(now + HOURS(5));
    struct bus *other = bus_open(&lanes_group); /* to whom every lease has run out */
    publish_many(101, 50, 9);
    await_effects(&lanes_group, 150);
    clock_set(now - HOURS(5));
    publish_many(151, 50, 9);
    await_effects(&lanes_group, 200);
    effects_check(&lanes_group, 1, 200);
    bus_stop(other);
    bus_close(other);
    bus_end();
    return OK;
}

static void have_their_effect_once_whatever_the_clocks_say(void)
{
    scenario(clocks);
}

void register_odd(void)
{
    test_register("bus_events_delivered_twice_have_their_effect_once", __FILE__,
                  delivered_twice_have_their_effect_once);
    test_register("bus_events_of_unknown_types_are_passed_over", __FILE__,
                  of_unknown_types_are_passed_over);
    test_register("bus_events_of_a_newer_version_wait_for_a_newer_program", __FILE__,
                  of_a_newer_version_wait_for_a_newer_program);
    test_register("bus_events_with_poisoned_data_die_readable", __FILE__,
                  with_poisoned_data_die_readable);
    test_register("bus_events_have_their_effect_once_whatever_the_clocks_say", __FILE__,
                  have_their_effect_once_whatever_the_clocks_say);
}
