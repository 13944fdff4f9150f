/* cron_test: what expressions mean, and when they are due, zones and their changes included. */
#include "cron.h"

#include "foundation/test/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TWO_DAYS = 2880 }; /* minutes */

static struct arena arena;

static struct cron cron_of(const char *text)
{
    struct cron cron = { 0 };
    CHECK_OK(cron_parse(str_of(text), &cron));
    return cron;
}

static instant instant_of(const char *text)
{
    instant at = 0;
    CHECK(instant_parse(str_of(text), &at));
    return at;
}

static void check_next(const char *text, const struct zone *zone, const char *after,
                       const char *expected)
{
    char found[INSTANT_TEXT_MAX];
    struct cron cron = cron_of(text);
    instant next = cron_next(&cron, zone, instant_of(after));
    CHECK(next != INSTANT_NEVER);
    CHECK_STR(instant_format(next, found), str_of(expected));
}

static void check_next_utc(const char *text, const char *after, const char *expected)
{
    check_next(text, zone_utc(), after, expected);
}

TEST(cron_fields)
{
    check_next_utc("* * * * *", "2026-11-21T10:00:00Z", "2026-11-21T10:01:00Z");
    check_next_utc("* * * * *", "2026-11-21T09:59:59.999999Z", "2026-11-21T10:00:00Z");
    check_next_utc("*/15 * * * *", "2026-11-21T10:00:00Z", "2026-11-21T10:15:00Z");
    check_next_utc("5-59/20 * * * *", "2026-11-21T10:46:00Z", "2026-11-21T11:05:00Z");
    check_next_utc("0,30 4,16 * * *", "2026-11-21T04:30:00Z", "2026-11-21T16:00:00Z");
    check_next_utc("0 9-17/4 * * *", "2026-11-21T17:00:00Z", "2026-11-22T09:00:00Z");
    check_next_utc("59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z");
    check_next_utc("0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z");
    check_next_utc("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z");
    check_next_utc("0 0 1 JAN,Jul *", "2026-02-01T00:00:00Z", "2026-07-01T00:00:00Z");
    check_next_utc("0 0 * * mon-fri", "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z");
    check_next_utc("0 0 * * 7", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    check_next_utc("0 0 * * 5-7", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    check_next_utc("  0\t0  1 *  * ", "2026-11-21T00:00:00Z", "2026-12-01T00:00:00Z");
    check_next_utc("* * * * *", "1969-12-31T23:59:30Z", "1970-01-01T00:00:00Z");
}

TEST(cron_words)
{
    check_next_utc("@yearly", "2026-11-21T10:00:00Z", "2027-01-01T00:00:00Z");
    check_next_utc("@annually", "2026-11-21T10:00:00Z", "2027-01-01T00:00:00Z");
    check_next_utc("@monthly", "2026-11-21T10:00:00Z", "2026-12-01T00:00:00Z");
    check_next_utc("@weekly", "2026-11-21T10:00:00Z", "2026-11-22T00:00:00Z");
    check_next_utc("@daily", "2026-11-21T10:00:00Z", "2026-11-22T00:00:00Z");
    check_next_utc("@Midnight", "2026-11-21T10:00:00Z", "2026-11-22T00:00:00Z");
    check_next_utc("@hourly", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z");
}

/* Both day fields given: either. One begins with a star, be it in steps: both. */
TEST(cron_days_of_month_and_week)
{
    check_next_utc("0 0 13 * 5", "2026-11-21T00:00:00Z", "2026-11-27T00:00:00Z");
    check_next_utc("0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z");
    check_next_utc("0 0 */2 * 1", "2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z");
    check_next_utc("0 0 */2 * 1", "2026-11-23T00:00:00Z", "2026-12-07T00:00:00Z");
    check_next_utc("0 0 13 * *", "2026-11-21T00:00:00Z", "2026-12-13T00:00:00Z");
    check_next_utc("0 0 29 2 */7", "2026-01-01T00:00:00Z", "2032-02-29T00:00:00Z");
}

TEST(cron_expressions_that_are_none)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        { "", "0 of five" },
        { "* * * *", "4 of five" },
        { "* * * * * *", "more than five" },
        { "60 * * * *", "between 0 and 59" },
        { "* 24 * * *", "between 0 and 23" },
        { "* * 0 * *", "between 1 and 31" },
        { "* * 32 * *", "between 1 and 31" },
        { "* * * 13 *", "between 1 and 12" },
        { "* * * * 8", "between 0 and 7" },
        { "*/0 * * * *", "step" },
        { "*/x * * * *", "step" },
        { "*/ * * * *", "step" },
        { "5/15 * * * *", "5-59/15" },
        { "7-3 * * * *", "ends before it begins" },
        { "1- * * * *", "no number" },
        { "-1 * * * *", "no number" },
        { "1,,2 * * * *", "no number" },
        { "1, * * * *", "no number" },
        { "x * * * *", "no number" },
        { "* * * foo *", "neither number nor name" },
        { "* * * * monday", "neither number nor name" },
        { "99999999999999999999 * * * *", "no number" },
        { "*/99999999999999999999 * * * *", "step" },
        { "@reboot", "no word" },
        { "0 0 30 2 *", "no day at all" },
        { "0 0 31 4,6,9,11 *", "no day at all" },
        { "* * * * \xff", "bytes of text" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cron cron;
        CHECK_ERR(cron_parse(str_of(cases[i].text), &cron), ERR_INVALID);
        if (!strstr(err_slot()->text, cases[i].said))
            test_fail("%s: %s", cases[i].text, err_slot()->text);
    }
    char text[CRON_TEXT_MAX + 20];
    memset(text, '1', sizeof(text));
    struct cron cron;
    CHECK_ERR(cron_parse((str){ text, sizeof(text) }, &cron), ERR_INVALID);
    CHECK_OK(cron_parse(STR("*/18446744073709551615 * * * *"), &cron));
    CHECK_INT(cron.minutes, 1);
}

TEST(cron_ends_at_the_end_of_time)
{
    struct cron cron = cron_of("* * * * *");
    CHECK(cron_next(&cron, zone_utc(), INSTANT_NEVER) == INSTANT_NEVER);
    CHECK(cron_next(&cron, zone_utc(), INT64_MIN) == INSTANT_NEVER);
}

/* --- Clocks that are set -------------------------------------------------------------------- */

static const struct zone *zone_named(const char *name)
{
    const struct zone *zone = NULL;
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        SKIP("this machine has no tzdata");
    arena_init(&arena, MIB(4));
    CHECK_OK(zone_load(&arena, str_of(name), &zone));
    return zone;
}

TEST(cron_runs_what_is_skipped_once_after_the_gap)
{
    const struct zone *zone = zone_named("Europe/Berlin"); /* 02:00 becomes 03:00 at 01:00Z */
    check_next("30 2 * * *", zone, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    check_next("30 2 * * *", zone, "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
    check_next("*/20 2 * * *", zone, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    check_next("*/20 2 * * *", zone, "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z");
    check_next("*/30 * * * *", zone, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z");
    check_next("*/30 * * * *", zone, "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z");
    check_next("0 3 * * *", zone, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    arena_deinit(&arena);
}

TEST(cron_runs_what_comes_twice_once)
{
    const struct zone *zone = zone_named("Europe/Berlin"); /* 03:00 becomes 02:00 at 01:00Z */
    check_next("30 2 * * *", zone, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
    check_next("30 2 * * *", zone, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
    check_next("30 2 * * *", zone, "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z");
    check_next("*/30 * * * *", zone, "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z");
    check_next("0 3 * * *", zone, "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z");
    arena_deinit(&arena);
}

TEST(cron_over_a_day_that_was_left_out)
{
    const struct zone *zone = zone_named("Pacific/Apia"); /* 2011-12-30 was not, at 10:00Z */
    check_next("0 12 * * *", zone, "2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z");
    check_next("0 12 * * *", zone, "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z");
    arena_deinit(&arena);
}

/*
 * By the definition: walk the minutes of real time, ask the C library what the clocks show, and
 * whether what they have passed for the first time has a minute that fits.
 */
static bool fits(const struct cron *cron, int64_t minute)
{
    time_t shown = (time_t)(minute * 60);
    struct tm tm;
    CHECK(gmtime_r(&shown, &tm) != NULL);
    bool month_day = cron->month_days >> tm.tm_mday & 1;
    bool week_day = cron->week_days >> tm.tm_wday & 1;
    bool any = cron->month_days_any || cron->week_days_any;
    return (cron->minutes >> tm.tm_min & 1) && (cron->hours >> tm.tm_hour & 1) &&
           (cron->months >> (tm.tm_mon + 1) & 1) &&
           (any ? month_day && week_day : month_day || week_day);
}

static int64_t shown_at(int64_t minute)
{
    time_t at = (time_t)(minute * 60);
    struct tm tm;
    CHECK(localtime_r(&at, &tm) != NULL);
    return minute + tm.tm_gmtoff / 60;
}

static void walk(const char *text, const struct zone *zone, int64_t from, int64_t days)
{
    struct cron cron = cron_of(text);
    int64_t passed = shown_at(from - TWO_DAYS);
    for (int64_t at = from - TWO_DAYS; at < from; at++)
        passed = MAX_OF(passed, shown_at(at));
    instant last = MINUTES(from - 1);
    for (int64_t at = from; at < from + days * 1440; at++) {
        int64_t shown = shown_at(at);
        bool due = false;
        for (; passed < shown; passed++)
            due |= fits(&cron, passed + 1);
        if (!due)
            continue;
        instant next = cron_next(&cron, zone, last);
        if (next != MINUTES(at))
            test_fail("%s after %lld: %lld, not %lld", text, (long long)last, (long long)next,
                      (long long)MINUTES(at));
        last = next;
    }
}

TEST(cron_is_what_a_walk_through_time_finds)
{
    static const char *const names[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                         "Africa/Casablanca" };
    static const char *const texts[] = { "*/20 * * * *", "30 1,2,3 * * *", "0 0 * * *",
                                         "7 2 */3 * sun" };
    static const int64_t begins[] = { 29535840, 29846880 }; /* 2026-02-27, 10-01 */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char text[100];
        const struct zone *zone = zone_named(names[i]);
        snprintf(text, sizeof(text), ":%s", names[i]);
        setenv("TZ", text, 1); /* NOLINT(concurrency-mt-unsafe): nobody looks meanwhile */
        tzset();
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            for (size_t m = 0; m < ARRAY_LEN(begins); m++)
                walk(texts[k], zone, begins[m], 37);
        arena_deinit(&arena);
    }
    unsetenv("TZ"); /* NOLINT(concurrency-mt-unsafe) */
    tzset();
}
