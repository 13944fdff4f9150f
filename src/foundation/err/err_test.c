#include "err.h"

#include "foundation/test/test.h"

#include <errno.h>

static enum err fails(void)
{
    return err_set(ERR_NOT_FOUND, "no-title", "there is no title %d", 7);
}

static enum err passes_up(void)
{
    TRY(fails());
    return OK;
}

TEST(err_is_recorded_once_and_passed_up)
{
    CHECK_ERR(passes_up(), ERR_NOT_FOUND);
    CHECK_STR(str_of(err_slot()->slug), STR("no-title"));
    CHECK_STR(str_of(err_slot()->text), STR("there is no title 7"));
    CHECK_ERR(err_prefix("play"), ERR_NOT_FOUND);
    CHECK_STR(str_of(err_slot()->text), STR("play: there is no title 7"));
}

TEST(err_fields_are_bounded)
{
    err_set(ERR_INVALID, NULL, "bad body");
    for (int i = 0; i < 100; i++)
        err_field_add(STR("year"), "must be at least %d", i);
    CHECK_INT(err_slot()->fields_count, 100);
    CHECK_STR(str_of(err_slot()->fields[15].message), STR("must be at least 15"));
}

TEST(err_reads_errno)
{
    errno = ENOSPC;
    CHECK_ERR(err_errno("write"), ERR_EXHAUSTED);
    CHECK(str_starts(str_of(err_slot()->text), STR("write: ")));
}

TEST(err_slots_are_exchanged)
{
    struct err_slot other = { 0 };
    struct err_slot *before = err_slot_use(&other);
    err_set(ERR_GONE, NULL, "gone");
    CHECK(err_slot() == &other);
    err_slot_use(before);
    CHECK(err_slot() != &other);
    CHECK_INT(other.code, ERR_GONE);
}

TEST(err_table_is_complete)
{
    for (int code = 1; code < ERR_COUNT; code++) {
        const struct err_info *info = err_info((enum err)code);
        CHECK(info->slug && info->http_status >= 400);
    }
}
