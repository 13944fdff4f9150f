/* sharing: several members of a group, as in several processes; and a log that is pruned. */
#include "internal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t number_of(const struct db_query *query, const struct bus_group *group)
{
    struct db_row row = { 0 };
    CHECK_OK(db_one(db_now(group_db(group)), query, DB_ARGS(DB_TEXT(str_of(group->name))), &row));
    return row.values ? db_i64(&row, 0) : -1;
}

static void await_number(const struct db_query *query, const struct bus_group *group,
                         int64_t number)
{
    instant give_up = clock_mono() + SECONDS(120);
    while (number_of(query, group) != number && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(5)));
    CHECK_INT(number_of(query, group), number);
}

/* --- Members -------------------------------------------------------------------------------- */

static enum err two_members(void *arg)
{
    (void)arg;
    bus_begin(&lanes_group);
    struct bus *other = bus_open(&lanes_group);
    publish_many(1, 400, 24);
    await_effects(&lanes_group, 400);
    if (stage.driver->embedded) /* each has its part */
        await_number(&SQL_BUS_EFFECTS_OWNERS, &lanes_group, 2);
    publish_many(401, 400, 24);
    bus_stop(other); /* its lanes are the other's now */
    uint64_t by_other = bus_stats(other).handled;
    bus_close(other);
    publish_many(801, 200, 24);
    await_effects(&lanes_group, 1000);
    effects_check(&lanes_group, 1, 1000);
    bus_stop(stage.bus); /* what was committed last is counted, too */
    CHECK_INT(bus_stats(stage.bus).handled + by_other, 1000);
    bus_close(stage.bus);
    return OK;
}

static void share_what_is_to_be_done(void)
{
    scenario(two_members);
}

/* --- Another process ------------------------------------------------------------------------ */

enum { POINTS = 40, AFTERWARDS = 200 };

static struct {
    pid_t pid;
    int points; /* where it tells of every point a handler passes */
} helper;

static enum err help_for_ever(void *arg)
{
    (void)arg;
    bus_begin(&lanes_group);
    return await_sleep(HOURS(1));
}

static void helper_start(void)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    helper.pid = fork();
    if (helper.pid == 0) {
        close(ends[0]);
        stage.told = ends[1];
        if (databases_open() == OK)
            stage_run(help_for_ever);
        _exit(4);
    }
    close(ends[1]);
    helper.points = ends[0];
    CHECK_INT(fcntl(helper.points, F_SETFL, O_NONBLOCK), 0);
}

static void helper_kill(void)
{
    int status = 0;
    kill(helper.pid, SIGKILL);
    CHECK_INT(waitpid(helper.pid, &status, 0), helper.pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(helper.points);
}

/* It has its part of the lanes, and is killed amid it; who is left takes them over. */
static enum err beside_a_process(void *arg)
{
    int64_t number = 1;
    char told[64];
    (void)arg;
    bus_begin(&lanes_group);
    instant give_up = clock_mono() + SECONDS(120);
    for (ssize_t points = 0; points < POINTS && clock_mono() < give_up; number += 2) {
        publish_many(number, 2, 24);
        CHECK_OK(await_sleep(MILLISECONDS(100)));
        ssize_t more = read(helper.points, told, sizeof(told));
        points += MAX_OF(more, (ssize_t)0);
    }
    CHECK(clock_mono() < give_up);
    helper_kill();
    publish_many(number, AFTERWARDS, 24);
    number += AFTERWARDS;
    await_effects(&lanes_group, number - 1);
    effects_check(&lanes_group, 1, (unsigned)number - 1);
    CHECK(bus_stats(stage.bus).handled < (uint64_t)number - 1); /* the rest was its */
    bus_end();
    return OK;
}

static enum err nothing(void *arg)
{
    (void)arg;
    return OK;
}

static void take_over_from_a_process_that_was_killed(void)
{
    scenario(nothing);
    helper_start();
    scenario_again(beside_a_process);
}

/* --- The embedded log alone ----------------------------------------------------------------- */

static enum err seize_marks_tx(struct db_tx *tx, void *arg)
{
    (void)arg;
    return db_exec(tx, &SQL_BUS_EFFECTS_SEIZE_MARKS, DB_ARGS(DB_TEXT(STR("plain"))), NULL);
}

static enum err seize_leases_tx(struct db_tx *tx, void *arg)
{
    return db_exec(tx, &SQL_BUS_EFFECTS_SEIZE_LEASES,
                   DB_ARGS(DB_TEXT(STR("plain")), DB_TIME(*(instant *)arg)), NULL);
}

/* It believes that the lane is still its own: what it does comes to nothing. */
static enum err mistaken(void *arg)
{
    instant until = clock_now() + HOURS(1), over = clock_now();
    (void)arg;
    bus_begin(&plain_group);
    publish_many(1, 20, 3);
    await_effects(&plain_group, 20);
    CHECK_OK(db_tx(stage.one, seize_marks_tx, NULL));
    publish_many(21, 20, 3);
    instant give_up = clock_mono() + SECONDS(120);
    while (bus_stats(stage.bus).lanes_lost == 0 && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    CHECK_INT(bus_stats(stage.bus).lanes_lost, 1);
    CHECK_INT(effects(&plain_group), 20);
    CHECK_OK(db_tx(stage.one, seize_leases_tx, &until));
    CHECK_OK(await_sleep(SECONDS(1))); /* it has seen that by now, or sees it later */
    CHECK_OK(db_tx(stage.one, seize_leases_tx, &over)); /* the other has died */
    await_effects(&plain_group, 40);
    effects_check(&plain_group, 1, 40);
    bus_end();
    return OK;
}

static void do_nothing_with_what_they_have_lost(void)
{
    scenario(mistaken);
}

static const struct bus_group *divided_as(unsigned lanes)
{
    static struct bus_group group;
    group = plain_group;
    group.lanes = lanes;
    group.name = "lanes"; /* its effects are counted under that name */
    return &group;
}

static enum err other_lanes(void *arg)
{
    static const unsigned lanes[] = { 1, 5, 3, 8, 1 };
    (void)arg;
    stage.sole = true;
    for (unsigned i = 0; i < ARRAY_LEN(lanes); i++) {
        publish_many(1 + 100 * i, 100, 30);
        bus_begin(divided_as(lanes[i]));
        await_effects(&lanes_group, (int64_t)100 * (i + 1));
        bus_end();
        bus_begin(divided_as(lanes[i]));
        await_number(&SQL_BUS_EFFECTS_LANES, &lanes_group, lanes[i]);
        bus_end();
    }
    effects_check(&lanes_group, 1, 500);
    return OK;
}

static void may_divide_events_otherwise_later(void)
{
    scenario(other_lanes);
}

/* --- Retention ------------------------------------------------------------------------------ */

static int64_t log_first(void)
{
    int64_t first = -1;
    instant at;
    CHECK_OK(db_events_first(db_now(stage.one), 0, &first, &at));
    return first;
}

static void await_pruned(int64_t first_min)
{
    instant give_up = clock_mono() + SECONDS(120);
    while (log_first() < first_min && clock_mono() < give_up) {
        bus_wake(stage.bus);
        CHECK_OK(await_sleep(MILLISECONDS(5)));
    }
    CHECK(log_first() >= first_min);
}

static enum err pruned(void *arg)
{
    struct bus_retention few = { .events_max = 10 };
    struct group_change change = { &plain_group, true };
    int64_t last;
    (void)arg;
    bus_begin_with(&plain_group, &few);
    publish_many(1, 50, 3);
    await_effects(&plain_group, 50);
    CHECK_OK(db_events_last(db_now(stage.one), &last));
    await_pruned(last - 10 + 1);
    CHECK_INT(log_first(), last - 10 + 1); /* and no more */
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    CHECK_OK(await_sleep(MILLISECONDS(100)));
    publish_many(51, 50, 3);
    for (int i = 0; i < 20; i++) {
        bus_wake(stage.bus);
        CHECK_OK(await_sleep(MILLISECONDS(5)));
    }
    CHECK(log_first() <= last + 1); /* the group still needs them */
    change.paused = false;
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    await_effects(&plain_group, 100);
    effects_check(&plain_group, 1, 100);
    await_pruned(last + 40);
    bus_end();
    return OK;
}

static void keep_what_a_group_needs(void)
{
    scenario(pruned);
}

static enum err expired(void *arg)
{
    struct bus_retention brief = { .age = HOURS(1), .age_unconditional = HOURS(2) };
    instant now = clock_now();
    struct group_change change = { &plain_group, true };
    (void)arg;
    clock_set(now - HOURS(3));
    bus_begin_with(&plain_group, &brief);
    publish_many(1, 10, 3);
    await_effects(&plain_group, 10);
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    CHECK_OK(await_sleep(MILLISECONDS(100)));
    publish_many(11, 10, 3);
    clock_set(now);
    publish_many(21, 10, 3);
    int64_t last;
    CHECK_OK(await_sleep(MILLISECONDS(50)));
    CHECK_OK(db_events_last(db_now(stage.one), &last));
    await_pruned(last - 9);
    change.paused = false;
    CHECK_OK(db_tx(stage.one, group_change_tx, &change));
    await_effects(&plain_group, 20); /* what was too old for anybody is gone */
    bus_end();
    return OK;
}

static void lose_what_was_told_to_expire(void)
{
    scenario(expired);
}

void register_sharing(void)
{
    test_register("bus_members_share_what_is_to_be_done", __FILE__, share_what_is_to_be_done);
    if (bus_target->processes)
        test_register("bus_members_take_over_from_a_process_that_was_killed", __FILE__,
                      take_over_from_a_process_that_was_killed);
    if (!bus_target->driver->embedded)
        return;
    test_register("bus_members_do_nothing_with_what_they_have_lost", __FILE__,
                  do_nothing_with_what_they_have_lost);
    test_register("bus_members_may_divide_events_otherwise_later", __FILE__,
                  may_divide_events_otherwise_later);
    test_register("bus_logs_keep_what_a_group_needs", __FILE__, keep_what_a_group_needs);
    test_register("bus_logs_lose_what_was_told_to_expire", __FILE__, lose_what_was_told_to_expire);
}
