/* schedules: when they fire, how often, and what becomes of the times that were missed. */
#include "internal.h"

#include "engines/flow/schedules.h"

#include <unistd.h>

/* --- Steps ---------------------------------------------------------------------------------- */

struct put {
    struct schedule_new said;
    int64_t id; /* out */
};

static enum err put_tx(struct db_tx *tx, void *arg)
{
    struct put *put = arg;
    return schedule_put(tx, &put->said, &put->id);
}

static struct put named(const char *name, enum schedule_kind kind)
{
    return (struct put){
        .said = { .name = str_of(name), .kind = kind, .job = { .kind = STR("effect") } }
    };
}

static void put(struct put *put)
{
    CHECK_OK(db_tx(stage.db, put_tx, put));
}

struct pausing {
    str name;
    bool paused;
};

static enum err pause_tx(struct db_tx *tx, void *arg)
{
    const struct pausing *pausing = arg;
    return schedule_pause(tx, pausing->name, pausing->paused);
}

static enum err remove_tx(struct db_tx *tx, void *arg)
{
    return schedule_remove(tx, *(str *)arg);
}

static struct schedule schedule(const char *name)
{
    struct schedule found = { 0 };
    CHECK_OK(schedule_get(db_now(stage.db), str_of(name), &found));
    return found;
}

/* Sets the clock and waits until the runner has seen to everything that is due then. */
static void at(instant now)
{
    instant give_up = clock_mono() + SECONDS(60);
    struct schedule *items;
    unsigned count, due;
    clock_set(now);
    do {
        struct arena_mark mark = arena_mark(task_arena());
        if (stage.jobs)
            jobs_wake(stage.jobs);
        CHECK_OK(await_sleep(MILLISECONDS(1)));
        CHECK_OK(schedules_list(db_now(stage.db), 0, SCHEDULES_PAGE_MAX, &items, &count));
        due = 0;
        for (unsigned i = 0; i < count; i++)
            due += items[i].next_at <= now;
        arena_rewind(task_arena(), mark);
    } while (due && clock_mono() < give_up);
    CHECK_INT(due, 0);
}

static unsigned jobs_all(struct jobs_page *out_page)
{
    struct jobs_filter filter = { .state = -1, .limit = JOB_LIST_MAX };
    CHECK_OK(jobs_list(db_now(stage.db), &filter, out_page));
    return out_page->count;
}

static void check_jobs(unsigned expected)
{
    struct jobs_page page;
    CHECK_INT(jobs_all(&page), expected);
}

static void check_all_acted_once(void)
{
    struct jobs_page page;
    unsigned count = jobs_all(&page);
    for (unsigned i = 0; i < count; i++) {
        int64_t id = page.items[i].id;
        (void)await_state(id, JOB_DONE);
        CHECK_INT(effects(id), 1);
    }
}

/* --- Firing --------------------------------------------------------------------------------- */

static enum err beat(void *arg)
{
    struct put hourly = named("hourly", SCHEDULE_EVERY);
    (void)arg;
    hourly.said.every = HOURS(1);
    hourly.said.job.subject = STR("the hour");
    clock_set(SOME_DAY);
    put(&hourly);
    runner_start(true);
    struct jobs *other = runner_open(false, 0);
    at(SOME_DAY + HOURS(1) - 1);
    check_jobs(0);
    for (unsigned hour = 1; hour <= 5; hour++) {
        at(SOME_DAY + HOURS(hour));
        check_jobs(hour);
        CHECK(schedule("hourly").last_at == SOME_DAY + HOURS(hour));
        CHECK(schedule("hourly").next_at == SOME_DAY + HOURS(hour + 1));
        at(SOME_DAY + HOURS(hour) + MINUTES(30));
        check_jobs(hour);
    }
    put(&hourly); /* said again, as at every start */
    CHECK(schedule("hourly").next_at == SOME_DAY + HOURS(6));
    check_all_acted_once();
    CHECK_INT(schedule("hourly").fired, 5);
    CHECK_STR(get(schedule("hourly").last_job).subject, STR("the hour"));
    CHECK_INT(jobs_stats(stage.jobs).scheduled + jobs_stats(other).scheduled, 5);
    jobs_stop(other);
    jobs_stop(stage.jobs);
    jobs_close(other);
    return OK;
}

static void fire_once_an_instant(void)
{
    scenario(beat);
}

static enum err single(void *arg)
{
    struct put once = named("once", SCHEDULE_AT), past = named("past", SCHEDULE_AT);
    struct put gone = named("gone", SCHEDULE_AT);
    (void)arg;
    clock_set(SOME_DAY);
    once.said.begins_at = SOME_DAY + HOURS(2);
    past.said.begins_at = gone.said.begins_at = SOME_DAY - HOURS(2);
    gone.said.missed = SCHEDULE_SKIP;
    put(&once);
    put(&past);
    put(&gone);
    runner_start(true);
    at(SOME_DAY);
    check_jobs(1); /* the past one; of the other nothing is made up for */
    CHECK_INT(schedule("past").fired, 1);
    CHECK_INT(schedule("gone").passed_over, 1);
    at(SOME_DAY + HOURS(2));
    check_jobs(2);
    at(SOME_DAY + DAYS(900));
    check_jobs(2);
    CHECK(schedule("once").next_at == INSTANT_NEVER);
    put(&once); /* and said again it does not come again */
    at(SOME_DAY + DAYS(901));
    check_jobs(2);
    check_all_acted_once();
    jobs_stop(stage.jobs);
    return OK;
}

static void of_one_instant_fire_once(void)
{
    scenario(single);
}

/* Berlin goes from 02:00 to 03:00 at 01:00Z of 2027-03-28, and back on 10-31. */
static enum err by_cron(void *arg)
{
    struct put night = named("night", SCHEDULE_CRON), utc = named("utc", SCHEDULE_CRON);
    instant spring = 1806192000000000; /* 2027-03-28T00:00:00Z */
    (void)arg;
    night.said.cron = STR("30 2 * * *");
    night.said.zone = STR("Europe/Berlin");
    utc.said.cron = STR("@daily");
    clock_set(spring - HOURS(22)); /* after 02:30 of the day before */
    put(&night);
    runner_start(true);
    CHECK(schedule("night").next_at == spring + HOURS(1));
    at(spring + HOURS(1));
    check_jobs(1);
    CHECK(schedule("night").next_at == spring + HOURS(24) + MINUTES(30));
    at(spring + HOURS(24) + MINUTES(30));
    check_jobs(2);
    put(&utc);
    CHECK(schedule("utc").next_at == spring + HOURS(48));
    check_all_acted_once();
    jobs_stop(stage.jobs);
    return OK;
}

static void by_cron_fire_by_the_clocks_of_their_zone(void)
{
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        SKIP("this machine has no tzdata");
    scenario(by_cron);
}

/* --- What was missed ------------------------------------------------------------------------ */

static enum err down(void *arg)
{
    struct put once = named("once", SCHEDULE_EVERY), skip = named("skip", SCHEDULE_EVERY);
    (void)arg;
    once.said.every = skip.said.every = HOURS(1);
    skip.said.missed = SCHEDULE_SKIP;
    clock_set(SOME_DAY);
    put(&once);
    put(&skip);
    at(SOME_DAY); /* nobody runs */
    clock_set(SOME_DAY + HOURS(5) + MINUTES(20));
    runner_start(true);
    at(SOME_DAY + HOURS(5) + MINUTES(20));
    CHECK_INT(schedule("once").fired, 1);
    CHECK_INT(schedule("skip").fired, 0);
    CHECK_INT(schedule("skip").passed_over, 1);
    CHECK(schedule("once").last_at == SOME_DAY + HOURS(1)); /* the first it was due at */
    CHECK(schedule("once").next_at == SOME_DAY + HOURS(6));
    CHECK(schedule("skip").next_at == SOME_DAY + HOURS(6));
    jobs_stop(stage.jobs);
    jobs_close(stage.jobs);
    clock_set(SOME_DAY + HOURS(9) + SECONDS(20)); /* of what was missed the last is not late */
    runner_start(true);
    at(SOME_DAY + HOURS(9) + SECONDS(20));
    CHECK_INT(schedule("once").fired, 2);
    CHECK_INT(schedule("skip").fired, 1);
    CHECK(schedule("skip").last_at == SOME_DAY + HOURS(9));
    check_all_acted_once();
    jobs_stop(stage.jobs);
    return OK;
}

static void make_up_for_what_was_missed_as_they_say(void)
{
    scenario(down);
}

/* A clock that is years ahead for a while: nothing twice, and nothing of the true time lost. */
static enum err leap(void *arg)
{
    struct put hourly = named("hourly", SCHEDULE_EVERY), skip = named("skip", SCHEDULE_EVERY);
    struct put once = named("at", SCHEDULE_AT);
    (void)arg;
    hourly.said.every = skip.said.every = HOURS(1);
    skip.said.missed = SCHEDULE_SKIP;
    once.said.begins_at = SOME_DAY + HOURS(3);
    clock_set(SOME_DAY);
    put(&hourly);
    put(&skip);
    put(&once);
    runner_start(true);
    at(SOME_DAY + HOURS(1));
    CHECK_INT(schedule("hourly").fired, 1);
    at(SOME_DAY + DAYS(20000)); /* wrong: 02:00 is run as missed, and so is the single one */
    CHECK_INT(schedule("hourly").fired, 2);
    CHECK_INT(schedule("skip").fired, 2); /* of the wrong time it has just the hour */
    CHECK_INT(schedule("at").fired, 1);
    CHECK(schedule("hourly").last_at == SOME_DAY + HOURS(2));
    at(SOME_DAY + DAYS(20000) +
       HOURS(1)); /* long enough to take the wrong time for the right one */
    CHECK_INT(schedule("hourly").fired, 3);
    at(SOME_DAY + HOURS(1) + MINUTES(10));
    instant give_up = clock_mono() + SECONDS(60);
    while (schedule("skip").next_at > SOME_DAY + HOURS(2) && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    CHECK(schedule("skip").next_at == SOME_DAY + HOURS(2));
    for (unsigned hour = 2; hour <= 5; hour++)
        at(SOME_DAY + HOURS(hour));
    CHECK_INT(schedule("hourly").fired, 6); /* 01 to 05, and one of the wrong time */
    CHECK_INT(schedule("skip").fired, 7);   /* the same, and two */
    CHECK_INT(schedule("at").fired, 1);
    for (unsigned hour = 5; hour >= 3; hour--) /* back by hours, and there again */
        at(SOME_DAY + HOURS(hour));
    at(SOME_DAY + HOURS(5));
    give_up = clock_mono() + SECONDS(60);
    while (schedule("skip").next_at != SOME_DAY + HOURS(6) && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    CHECK_INT(schedule("hourly").fired, 6);
    CHECK_INT(schedule("skip").fired, 7);
    check_jobs(14);
    check_all_acted_once();
    jobs_stop(stage.jobs);
    return OK;
}

static void neither_repeat_nor_lose_when_the_clock_leaps(void)
{
    scenario(leap);
}

/* The clock was set right while nothing ran: a start looks again. */
static enum err started_right(void *arg)
{
    struct put hourly = named("hourly", SCHEDULE_EVERY);
    (void)arg;
    hourly.said.every = HOURS(1);
    clock_set(SOME_DAY);
    put(&hourly);
    runner_start(true);
    at(SOME_DAY + DAYS(20000));
    jobs_stop(stage.jobs);
    jobs_close(stage.jobs);
    stage.jobs = NULL;
    clock_set(SOME_DAY + MINUTES(90));
    CHECK(schedule("hourly").next_at > SOME_DAY + DAYS(20000));
    runner_start(true);
    instant give_up = clock_mono() + SECONDS(60);
    while (schedule("hourly").next_at > SOME_DAY + HOURS(2) && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(1)));
    CHECK(schedule("hourly").next_at == SOME_DAY + HOURS(2));
    jobs_stop(stage.jobs);
    return OK;
}

static void are_looked_at_again_by_a_start(void)
{
    scenario(started_right);
}

/* A job that takes longer than the beat does not pile up. */
static enum err slow(void *arg)
{
    struct put slow = named("slow", SCHEDULE_EVERY);
    (void)arg;
    slow.said.every = HOURS(1);
    slow.said.alone = true;
    slow.said.job.kind = STR("endless");
    clock_set(SOME_DAY);
    put(&slow);
    runner_start(true);
    at(SOME_DAY + HOURS(1));
    await_calls(1);
    at(SOME_DAY + HOURS(2));
    at(SOME_DAY + HOURS(3));
    check_jobs(1);
    CHECK_INT(schedule("slow").passed_over, 2);
    int64_t id = schedule("slow").last_job;
    CHECK_OK(db_tx(stage.db, cancel_tx, &id));
    (void)await_state(id, JOB_CANCELLED);
    at(SOME_DAY + HOURS(4));
    check_jobs(2);
    CHECK_INT(schedule("slow").fired, 2);
    jobs_stop(stage.jobs);
    return OK;
}

static void that_are_alone_wait_for_their_last_job(void)
{
    scenario(slow);
}

/* --- Changing ------------------------------------------------------------------------------- */

static enum err changes(void *arg)
{
    struct put hourly = named("it", SCHEDULE_EVERY);
    struct pausing pausing = { STR("it"), true }, missing = { STR("none"), true };
    (void)arg;
    hourly.said.every = HOURS(1);
    clock_set(SOME_DAY);
    put(&hourly);
    runner_start(true);
    at(SOME_DAY + HOURS(1));
    hourly.said.every = HOURS(2);
    put(&hourly);
    CHECK(schedule("it").next_at == SOME_DAY + HOURS(3));
    hourly.said.job.subject = STR("another"); /* the job alone: its time stays */
    at(SOME_DAY + HOURS(2));
    put(&hourly);
    CHECK(schedule("it").next_at == SOME_DAY + HOURS(3));
    CHECK_OK(db_tx(stage.db, pause_tx, &pausing));
    at(SOME_DAY + HOURS(4));
    check_jobs(1);
    CHECK(schedule("it").paused);
    pausing.paused = false;
    CHECK_OK(db_tx(stage.db, pause_tx, &pausing));
    CHECK(schedule("it").next_at == SOME_DAY + HOURS(5));
    at(SOME_DAY + HOURS(5));
    check_jobs(2);
    CHECK_STR(get(schedule("it").last_job).subject, STR("another"));
    CHECK_ERR(db_tx(stage.db, pause_tx, &missing), ERR_NOT_FOUND);
    CHECK_OK(db_tx(stage.db, remove_tx, &pausing.name));
    CHECK_OK(db_tx(stage.db, remove_tx, &pausing.name));
    struct schedule gone;
    CHECK_ERR(schedule_get(db_now(stage.db), STR("it"), &gone), ERR_NOT_FOUND);
    at(SOME_DAY + HOURS(9));
    check_jobs(2);
    jobs_stop(stage.jobs);
    return OK;
}

static void can_be_changed_paused_and_removed(void)
{
    scenario(changes);
}

static enum err refusals(void *arg)
{
    struct put bad[] = { named("", SCHEDULE_AT),    named("a", SCHEDULE_EVERY),
                         named("a", SCHEDULE_CRON), named("a", SCHEDULE_CRON),
                         named("a", SCHEDULE_AT),   named("a", SCHEDULE_AT) };
    (void)arg;
    bad[1].said.every = SCHEDULE_EVERY_MIN - 1;
    bad[2].said.cron = STR("* * *");
    bad[3].said.cron = STR("@daily");
    bad[3].said.zone = STR("Europe/Atlantis");
    bad[4].said.job.kind = STR("");
    bad[5].said.job.idempotency_key = STR("mine");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(db_tx(stage.db, put_tx, &bad[i]), ERR_INVALID);
    CHECK_OK(db_conformance_queries(stage.db));
    return OK;
}

static void that_make_no_sense_are_refused(void)
{
    scenario(refusals);
}

void register_schedules(void)
{
    test_register("schedules_fire_once_an_instant", __FILE__, fire_once_an_instant);
    test_register("schedules_of_one_instant_fire_once", __FILE__, of_one_instant_fire_once);
    test_register("schedules_by_cron_fire_by_the_clocks_of_their_zone", __FILE__,
                  by_cron_fire_by_the_clocks_of_their_zone);
    test_register("schedules_make_up_for_what_was_missed_as_they_say", __FILE__,
                  make_up_for_what_was_missed_as_they_say);
    test_register("schedules_neither_repeat_nor_lose_when_the_clock_leaps", __FILE__,
                  neither_repeat_nor_lose_when_the_clock_leaps);
    test_register("schedules_are_looked_at_again_by_a_start", __FILE__,
                  are_looked_at_again_by_a_start);
    test_register("schedules_that_are_alone_wait_for_their_last_job", __FILE__,
                  that_are_alone_wait_for_their_last_job);
    test_register("schedules_can_be_changed_paused_and_removed", __FILE__,
                  can_be_changed_paused_and_removed);
    test_register("schedules_that_make_no_sense_are_refused", __FILE__,
                  that_make_no_sense_are_refused);
}
