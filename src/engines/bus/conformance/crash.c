/*
 * crash: kill -9 at moments nobody chose, between write, position, effect and mark. What was
 * acknowledged has its effect exactly once; what was not has it once or never.
 */
#include "internal.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 12, POINTS_MAX = 160, AGGREGATES = 11 };

static int acked_fd;
static int64_t first_number;
static bool acked[NUMBERS_MAX], done[NUMBERS_MAX];

/* Publishes for ever, and says what was acknowledged. */
static enum err publish_for_ever(void)
{
    for (int64_t number = first_number; number < NUMBERS_MAX; number++) {
        struct arena_mark mark = arena_mark(task_arena());
        char aggregate[32] = "note/0";
        aggregate[5] = (char)('a' + number % AGGREGATES);
        publish(aggregate, number, number % 17 == 5 ? "fail 1" : "");
        arena_rewind(task_arena(), mark);
        if (write(acked_fd, &number, sizeof(number)) != sizeof(number))
            _exit(5);
    }
    return await_sleep(HOURS(1));
}

/* Each new process fails them once more. */
static const struct bus_group *patient(void)
{
    static struct bus_group group;
    group = lanes_group;
    group.attempts_max = 1000;
    return &group;
}

static enum err run_for_ever(void *arg)
{
    (void)arg;
    bus_begin(patient());
    return publish_for_ever();
}

static void child_main(int told, int acked_to)
{
    stage.told = told;
    acked_fd = acked_to;
    stage.sole = true;
    if (databases_open() != OK)
        _exit(3);
    stage_run(run_for_ever);
    _exit(4);
}

static void acked_take(int fd)
{
    int64_t number;
    while (read(fd, &number, sizeof(number)) == sizeof(number)) {
        CHECK(number >= 0 && number < NUMBERS_MAX);
        acked[number] = true;
        first_number = number + 1;
    }
    first_number++; /* that one may or may not have been published */
}

static void run_and_kill(unsigned points)
{
    int told[2], acks[2], status = 0;
    char point;
    CHECK_INT(pipe(told), 0);
    CHECK_INT(pipe(acks), 0);
    pid_t child = fork();
    if (child == 0) {
        close(told[0]);
        close(acks[0]);
        child_main(told[1], acks[1]);
    }
    close(told[1]);
    close(acks[1]);
    for (unsigned passed = 0; passed < points && read(told[0], &point, 1) == 1;)
        passed++;
    kill(child, SIGKILL);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    acked_take(acks[0]);
    close(told[0]);
    close(acks[0]);
}

static enum err take_effect(const struct db_row *row, void *arg)
{
    int64_t number = db_i64(row, 3);
    *(int64_t *)arg = db_i64(row, 0);
    CHECK(number >= 0 && number < NUMBERS_MAX);
    CHECK(!done[number]); /* twice */
    done[number] = true;
    return OK;
}

/* Nothing is left to do when the last event, published now, and all that wait have had their turn.
 */
static enum err run_to_the_end(void *arg)
{
    int64_t last, before;
    unsigned missing = 1;
    (void)arg;
    stage.sole = true;
    bus_begin(patient());
    instant give_up = clock_mono() + SECONDS(120);
    while (missing && clock_mono() < give_up) {
        struct arena_mark mark = arena_mark(task_arena());
        memset(done, 0, sizeof(done)); /* rows appear out of the order of their ids */
        last = 0;
        do {
            before = last;
            CHECK_OK(db_each(db_now(stage.one), &SQL_BUS_EFFECTS_PAGE,
                             DB_ARGS(DB_TEXT(STR("lanes")), DB_I64(last), DB_I64(500)), take_effect,
                             &last));
        } while (last > before);
        missing = 0;
        for (unsigned i = 0; i < NUMBERS_MAX; i++)
            missing += acked[i] && !done[i];
        arena_rewind(task_arena(), mark);
        CHECK_OK(await_sleep(MILLISECONDS(5)));
    }
    CHECK_INT(missing, 0);
    CHECK_INT(group_state(&lanes_group).retrying, 0);
    CHECK_INT(group_state(&lanes_group).dead, 0);
    bus_end();
    return OK;
}

static enum err nothing(void *arg)
{
    (void)arg;
    return OK;
}

static void act_once_whatever_is_killed(void)
{
    unsigned count = 0;
    memset(acked, 0, sizeof(acked));
    memset(done, 0, sizeof(done));
    first_number = 0;
    scenario(nothing);
    for (int i = 0; i < KILLS; i++)
        run_and_kill((unsigned)(test_random() % POINTS_MAX));
    scenario_again(run_to_the_end);
    for (unsigned i = 0; i < NUMBERS_MAX; i++)
        count += acked[i];
    CHECK(count > KILLS);
}

void register_crash(void)
{
    test_register("bus_events_act_once_whatever_is_killed", __FILE__, act_once_whatever_is_killed);
}
