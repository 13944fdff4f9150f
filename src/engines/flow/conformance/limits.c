/* limits: how many of a kind and of a key run at a time, and who comes first. */
#include "internal.h"

#include <stdio.h>

static int64_t add_keyed(const char *kind, const char *key, int64_t priority)
{
    struct add added = { .job = { .kind = str_of(kind),
                                  .subject = str_of(key),
                                  .limit_key = str_of(key),
                                  .priority = priority } };
    CHECK_OK(db_tx(stage.db, add_tx, &added));
    return added.id;
}

static enum err await_all(const int64_t *ids, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CHECK_INT(await_state(ids[i], JOB_DONE).attempts, 1);
        CHECK_INT(effects(ids[i]), 1);
    }
    return OK;
}

/* Two runners; every handler looks how many of its key the database says are running. */
static enum err by_key(const char *kind)
{
    int64_t ids[60];
    char key[8];
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        snprintf(key, sizeof(key), "key%u", i % 20 < 16 ? 0 : i % 3);
        ids[i] = add_keyed(kind, key, 0);
    }
    stage.jobs = runner_open(false, 0);
    struct jobs *other = runner_open(false, 0);
    (void)await_all(ids, ARRAY_LEN(ids));
    jobs_stop(other);
    jobs_stop(stage.jobs);
    jobs_close(other);
    CHECK_STR(get(ids[0]).limit_key, STR("key0"));
    return OK;
}

static enum err one_of_a_key(void *arg)
{
    (void)arg;
    TRY(by_key("keyed"));
    CHECK_INT(stage.key_peak, 1);
    CHECK(stage.running_peak > 1); /* of other keys */
    return OK;
}

static void run_one_of_a_key_at_a_time(void)
{
    scenario(one_of_a_key);
}

static enum err two_of_a_key(void *arg)
{
    (void)arg;
    TRY(by_key("twice"));
    CHECK_INT(stage.key_peak, 2);
    return OK;
}

static void run_two_of_a_key_where_the_kind_says_so(void)
{
    scenario(two_of_a_key);
}

/* A key whose one place is taken for long: what is about something else overtakes its queue. */
static enum err passes_by(void *arg)
{
    int64_t waiting[30];
    (void)arg;
    int64_t holder = add_keyed("endless", "held", 9);
    runner_start(true);
    await_calls(1);
    for (unsigned i = 0; i < ARRAY_LEN(waiting); i++)
        waiting[i] = add_keyed("endless", "held", 5);
    int64_t free = add_keyed("endless", "free", 0), keyless = add("endless");
    (void)await_state(free, JOB_RUNNING);
    (void)await_state(keyless, JOB_RUNNING);
    for (unsigned i = 0; i < ARRAY_LEN(waiting); i++)
        CHECK_STR(job_state_text(get(waiting[i]).state), STR("queued"));
    CHECK_OK(db_tx(stage.db, cancel_tx, &holder));
    (void)await_state(holder, JOB_CANCELLED);
    (void)await_state(waiting[0], JOB_RUNNING); /* the oldest; its place is free */
    CHECK_STR(job_state_text(get(waiting[1]).state), STR("queued"));
    jobs_stop(stage.jobs);
    return OK;
}

static void of_a_key_in_use_let_others_pass(void)
{
    scenario(passes_by);
}

struct priority {
    int64_t id, priority;
};

static enum err priority_tx(struct db_tx *tx, void *arg)
{
    const struct priority *put = arg;
    return jobs_priority_put(tx, put->id, put->priority);
}

static enum err moved_up(void *arg)
{
    int64_t ids[3];
    (void)arg;
    for (int i = 0; i < 3; i++)
        ids[i] = add("single");
    struct priority put = { ids[2], 7 }, missing = { 999, 1 };
    CHECK_OK(db_tx(stage.db, priority_tx, &put));
    CHECK_ERR(db_tx(stage.db, priority_tx, &missing), ERR_NOT_FOUND);
    runner_start(true);
    for (int i = 0; i < 3; i++)
        (void)await_state(ids[i], JOB_DONE);
    CHECK_INT(stage.order[0], ids[2]);
    CHECK_INT(stage.order[1], ids[0]);
    CHECK_INT(stage.order[2], ids[1]);
    CHECK_ERR(db_tx(stage.db, priority_tx, &put), ERR_CONFLICT);
    jobs_stop(stage.jobs);
    return OK;
}

static void can_be_moved_up(void)
{
    scenario(moved_up);
}

void register_limits(void)
{
    test_register("jobs_run_one_of_a_key_at_a_time", __FILE__, run_one_of_a_key_at_a_time);
    test_register("jobs_run_two_of_a_key_where_the_kind_says_so", __FILE__,
                  run_two_of_a_key_where_the_kind_says_so);
    test_register("jobs_of_a_key_in_use_let_others_pass", __FILE__,
                  of_a_key_in_use_let_others_pass);
    test_register("jobs_can_be_moved_up", __FILE__, can_be_moved_up);
}
