/* catalog_events: what the log says after what was done. */
#include "catalog_stage_test.h"

struct told {
    struct buf text; /* "type aggregate status|" of each */
    int64_t version;
};

static enum err take(const struct db_logged *logged, void *arg)
{
    struct told *told = arg;
    struct catalog_title_event data;
    struct bus_event event = { .data = logged->payload };
    CHECK(str_starts(logged->type, STR("title.")));
    CHECK_OK(bus_event_read(stage_arena(), &event, &catalog_title_changed, &data));
    CHECK(data.id.value > 0 && data.version >= told->version);
    told->version = data.version;
    buf_printf(&told->text, "%.*s %.*s %.*s|", STR_ARG(logged->type), STR_ARG(logged->aggregate_id),
               STR_ARG(shape_enum_text(&title_statuses, data.status)));
    return OK;
}

static int64_t log_end(void)
{
    int64_t last = -1;
    struct arena *before = db_arena_use(stage_arena());
    CHECK_OK(db_events_last(db_now(stage_db()), &last));
    db_arena_use(before);
    return last;
}

static str told_after(int64_t position)
{
    struct told told = { .version = 0 };
    struct arena *before = db_arena_use(stage_arena());
    buf_init(&told.text, stage_arena(), KIB(16));
    CHECK_OK(
        db_events_each(db_now(stage_db()), (struct db_log_part){ position, 100 }, take, &told));
    db_arena_use(before);
    return buf_str(&told.text);
}

TEST(catalog_tells_that_a_title_was_published)
{
    stage_open();
    struct id id = stage_title(TITLE_FILM, "The General", 1926, false);
    CHECK(!has(told_after(0), "title.published"));
    CHECK(has(told_after(0), "title.changed title/1 draft|"));
    int64_t last = log_end();
    stage_publish(id);
    CHECK(has(told_after(last), "title.published title/1 published|"));
    CHECK(has(told_after(last), "title.changed title/1 published|"));
    last = log_end();
    stage_publish(id); /* it is */
    CHECK_STR(told_after(last), STR(""));
    stage_close();
}
