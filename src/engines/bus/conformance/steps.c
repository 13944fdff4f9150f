/* steps: what scenarios publish, wait for and check. */
#include "internal.h"

#include <stdio.h>

/* --- Publishing ----------------------------------------------------------------------------- */

enum err publish_tx(struct db_tx *tx, void *arg)
{
    const struct publishing *p = arg;
    struct note note = { .number = p->number, .text = str_of(p->text) };
    struct bus_new event = { .type = p->type ? p->type : &note_written,
                             .aggregate = str_of(p->aggregate),
                             .data = &note };
    TRY(bus_publish(tx, &event));
    return p->then == OK ? OK : err_set(p->then, NULL, "undone");
}

void publish(const char *aggregate, int64_t number, const char *text)
{
    struct publishing p = { .aggregate = aggregate, .number = number, .text = text };
    CHECK_OK(db_tx(stage.one, publish_tx, &p));
}

struct many {
    int64_t from;
    unsigned count, aggregates;
};

static enum err many_tx(struct db_tx *tx, void *arg)
{
    const struct many *many = arg;
    for (unsigned i = 0; i < many->count; i++) {
        char aggregate[32];
        int64_t number = many->from + i;
        snprintf(aggregate, sizeof(aggregate), "note/%lld", (long long)number % many->aggregates);
        struct publishing p = { .aggregate = aggregate, .number = number, .text = "" };
        TRY(publish_tx(tx, &p));
    }
    return OK;
}

void publish_many(int64_t from, unsigned count, unsigned aggregates)
{
    for (unsigned done = 0; done < count; done += 10) {
        struct arena_mark mark = arena_mark(task_arena());
        struct many many = { from + done, MIN_OF(count - done, 10u), aggregates };
        CHECK_OK(db_tx(stage.one, many_tx, &many));
        arena_rewind(task_arena(), mark);
    }
}

/* --- Effects -------------------------------------------------------------------------------- */

int64_t effects(const struct bus_group *group)
{
    struct db_row row = { 0 };
    struct arena_mark mark = arena_mark(task_arena());
    CHECK_OK(db_one(db_now(group_db(group)), &SQL_BUS_EFFECTS_COUNT,
                    DB_ARGS(DB_TEXT(str_of(group->name))), &row));
    int64_t count = row.values ? db_i64(&row, 0) : -1;
    arena_rewind(task_arena(), mark);
    return count;
}

void await_effects(const struct bus_group *group, int64_t count)
{
    instant give_up = clock_mono() + SECONDS(120);
    while (effects(group) < count && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    CHECK_INT(effects(group), count);
}

struct seen {
    int64_t from, last_id;
    unsigned count, rows;
    bool numbers[NUMBERS_MAX];
    int64_t last[64]; /* number, by aggregate "note/n" */
};

static enum err seen_take(const struct db_row *row, void *arg)
{
    struct seen *seen = arg;
    int64_t number = db_i64(row, 3), aggregate;
    int64_t at = number - seen->from;
    CHECK(at >= 0 && at < seen->count);
    CHECK(!seen->numbers[at]); /* twice */
    seen->numbers[at] = true;
    seen->last_id = db_i64(row, 0);
    seen->rows++;
    str name = db_text(row, 2);
    if (str_starts(name, STR("note/")) && str_parse_i64(str_skip(name, 5), &aggregate) &&
        aggregate < (int64_t)ARRAY_LEN(seen->last)) {
        CHECK(number > seen->last[aggregate]);
        seen->last[aggregate] = number;
    }
    return OK;
}

void effects_check(const struct bus_group *group, int64_t from, unsigned count)
{
    struct seen *seen = ARENA_NEW(task_arena(), struct seen);
    CHECK(count <= NUMBERS_MAX);
    seen->from = from;
    seen->count = count;
    for (size_t i = 0; i < ARRAY_LEN(seen->last); i++)
        seen->last[i] = from - 1;
    unsigned before;
    do {
        before = seen->rows;
        CHECK_OK(db_each(db_now(group_db(group)), &SQL_BUS_EFFECTS_PAGE,
                         DB_ARGS(DB_TEXT(str_of(group->name)), DB_I64(seen->last_id), DB_I64(500)),
                         seen_take, seen));
    } while (seen->rows > before);
    CHECK_INT(seen->rows, count);
}

static enum err text_take(const struct db_row *row, void *arg)
{
    struct buf *out = arg;
    buf_printf(out, "%s%lld", out->len ? " " : "", (long long)db_i64(row, 3));
    return OK;
}

str effects_text(const struct bus_group *group)
{
    struct buf out;
    buf_init(&out, task_arena(), KIB(8));
    CHECK_OK(db_each(db_now(group_db(group)), &SQL_BUS_EFFECTS_PAGE,
                     DB_ARGS(DB_TEXT(str_of(group->name)), DB_I64(0), DB_I64(500)), text_take,
                     &out));
    return buf_str(&out);
}

/* --- Groups --------------------------------------------------------------------------------- */

struct bus_group_state group_state(const struct bus_group *group)
{
    struct bus_group_state state = { 0 };
    enum err err = bus_group_get(db_now(group_db(group)), str_of(group->name), &state);
    CHECK(err == OK || err == ERR_NOT_FOUND);
    return state;
}

void await_dead(const struct bus_group *group, int64_t count)
{
    instant give_up = clock_mono() + SECONDS(120);
    while (group_state(group).dead < count && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    CHECK_INT(group_state(group).dead, count);
}

void await_paused(const struct bus_group *group)
{
    instant give_up = clock_mono() + SECONDS(120);
    while (!group_state(group).paused && clock_mono() < give_up)
        CHECK_OK(await_sleep(MILLISECONDS(2)));
    CHECK(group_state(group).paused);
}

enum err group_change_tx(struct db_tx *tx, void *arg)
{
    const struct group_change *change = arg;
    str name = str_of(change->group->name);
    return change->paused ? bus_group_pause(tx, name, STR("by hand")) : bus_group_resume(tx, name);
}
