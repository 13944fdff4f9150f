#include "zone.h"

#include "foundation/mem/buf.h"
#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct arena arena;

/* --- A file made to measure ----------------------------------------------------------------- */

struct made {
    int64_t at[4];
    int type[4];
    unsigned count;
    const char *rule;
};

static void put(struct buf *buf, uint64_t value, unsigned bytes)
{
    for (; bytes > 8; bytes--)
        buf_put_u8(buf, 0);
    while (bytes--)
        buf_put_u8(buf, (uint8_t)(value >> (bytes * 8) & 0xff));
}

static void header_put(struct buf *buf, unsigned times)
{
    buf_put(buf, STR("TZif2"));
    put(buf, 0, 15);
    put(buf, 0, 12);
    put(buf, times, 4);
    put(buf, 2, 4); /* types: UTC+1, and UTC+2 in summer */
    put(buf, 4, 4);
}

static void types_put(struct buf *buf)
{
    put(buf, 3600, 4);
    put(buf, 0, 2);
    put(buf, 7200, 4);
    put(buf, 0x0100, 2);
    buf_put(buf, (str){ "CET", 4 });
}

static str file_of(const struct made *made)
{
    struct buf buf;
    buf_init(&buf, &arena, KIB(64));
    header_put(&buf, 0);
    types_put(&buf);
    header_put(&buf, made->count);
    for (unsigned i = 0; i < made->count; i++)
        put(&buf, (uint64_t)made->at[i], 8);
    for (unsigned i = 0; i < made->count; i++)
        put(&buf, (uint64_t)made->type[i], 1);
    types_put(&buf);
    buf_printf(&buf, "\n%s\n", made->rule);
    return buf_str(&buf);
}

static const struct zone *zone_of(const struct made *made)
{
    const struct zone *zone = NULL;
    CHECK_OK(zone_parse(&arena, file_of(made), &zone));
    return zone;
}

static int64_t hours(const struct zone *zone, const char *at)
{
    instant when = 0;
    CHECK(instant_parse(str_of(at), &when));
    return zone_offset(zone, when) / HOURS(1);
}

static int64_t clock_s(const char *shown) /* "2026-03-29T02:30:00" */
{
    instant at = 0;
    CHECK(instant_parse(arena_printf(&arena, "%sZ", shown), &at));
    return at / SECONDS(1);
}

static void check_first(const struct zone *zone, const char *shown, const char *expected)
{
    char text[INSTANT_TEXT_MAX];
    CHECK_STR(instant_format(zone_first(zone, clock_s(shown)), text), str_of(expected));
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

TEST(zone_of_transitions_and_a_rule)
{
    arena_init(&arena, MIB(4));
    const struct made made = { { 1000, 2000 }, { 1, 0 }, 2, BERLIN };
    const struct zone *zone = zone_of(&made);
    CHECK_INT(zone_offset(zone, SECONDS(999)), HOURS(1));
    CHECK_INT(zone_offset(zone, SECONDS(1000)), HOURS(2));
    CHECK_INT(zone_offset(zone, SECONDS(2000) - 1), HOURS(2));
    CHECK_INT(zone_offset(zone, SECONDS(2000)), HOURS(1));
    CHECK_INT(hours(zone, "2026-03-29T00:59:59Z"), 1);
    CHECK_INT(hours(zone, "2026-03-29T01:00:00Z"), 2);
    CHECK_INT(hours(zone, "2026-10-25T00:59:59Z"), 2);
    CHECK_INT(hours(zone, "2026-10-25T01:00:00Z"), 1);
    CHECK_INT(hours(zone, "9999-07-01T00:00:00Z"), 2);
    arena_deinit(&arena);
}

TEST(zone_first_of_what_is_skipped_and_of_what_comes_twice)
{
    arena_init(&arena, MIB(4));
    const struct made made = { .rule = BERLIN };
    const struct zone *zone = zone_of(&made);
    check_first(zone, "2026-03-29T01:59:59", "2026-03-29T00:59:59Z");
    check_first(zone, "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"); /* skipped: after the gap */
    check_first(zone, "2026-03-29T02:59:59", "2026-03-29T01:00:00Z");
    check_first(zone, "2026-03-29T03:00:00", "2026-03-29T01:00:00Z");
    check_first(zone, "2026-03-29T03:00:01", "2026-03-29T01:00:01Z");
    check_first(zone, "2026-10-25T02:00:00", "2026-10-25T00:00:00Z"); /* twice: the first */
    check_first(zone, "2026-10-25T02:59:59", "2026-10-25T00:59:59Z");
    check_first(zone, "2026-10-25T03:00:00", "2026-10-25T02:00:00Z");
    check_first(zone_utc(), "2026-10-25T03:00:00", "2026-10-25T03:00:00Z");
    arena_deinit(&arena);
}

TEST(zone_rules_of_every_form)
{
    static const struct {
        const char *rule, *winter, *summer;
        int64_t winter_h, summer_h;
    } cases[] = {
        { "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z", -5, -4 },
        { "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-04T16:00:00Z", "2026-04-04T15:59:59Z", 10, 11 },
        { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", -2,
          -1 },
        { "AAA0BBB,J60/0,J300/0", "2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z", 0, 1 },
        { "AAA0BBB,59/0,300/0", "2028-02-28T23:59:59Z", "2028-02-29T00:00:00Z", 0, 1 },
        { "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", "2026-12-01T00:00:00Z", 1, 0 },
        { "<+03>-3", "2026-07-01T00:00:00Z", "2026-12-01T00:00:00Z", 3, 3 },
        { "AAA3EDT4,0/0,J365/23", "2026-12-31T12:00:00Z", "2026-06-01T00:00:00Z", -4, -4 },
        { "AAA3EDT4,0/0,J365/23", "2027-01-01T03:30:00Z", "2027-01-01T04:00:00Z", -4, -4 },
    };
    arena_init(&arena, MIB(4));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct made made = { .rule = cases[i].rule };
        const struct zone *zone = zone_of(&made);
        CHECK_INT(hours(zone, cases[i].winter), cases[i].winter_h);
        CHECK_INT(hours(zone, cases[i].summer), cases[i].summer_h);
    }
    arena_deinit(&arena);
}

TEST(zone_rules_that_are_none)
{
    static const char *const rules[] = { "CET",
                                         "CE-1",
                                         "CET-25",
                                         "CET-1CEST",
                                         "CET-1CEST,",
                                         "CET-1CEST,M3.5.0",
                                         "CET-1CEST,M13.5.0,M10.5.0",
                                         "CET-1CEST,M3.6.0,M10.5.0",
                                         "CET-1CEST,M3.5.7,M10.5.0",
                                         "CET-1CEST,J0,J300",
                                         "CET-1CEST,366,300",
                                         "CET-1CEST,M3.5.0/168,M10.5.0",
                                         "CET-1CEST,M3.5.0,M10.5.0,",
                                         "<+3>",
                                         "<>-3",
                                         "CET-1:60",
                                         "CET-99999999999999999999" };
    arena_init(&arena, MIB(4));
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct made made = { .rule = rules[i] };
        const struct zone *zone;
        CHECK_ERR(zone_parse(&arena, file_of(&made), &zone), ERR_INVALID);
    }
    arena_deinit(&arena);
}

TEST(zone_files_cut_or_damaged_are_refused_or_read)
{
    arena_init(&arena, MIB(16));
    const struct made made = { { 1000, 2000 }, { 1, 0 }, 2, BERLIN };
    str whole = file_of(&made);
    const struct zone *zone;
    for (size_t i = 0; i < whole.len; i++) {
        struct arena_mark mark = arena_mark(&arena);
        CHECK_ERR(zone_parse(&arena, str_sub(whole, 0, i), &zone), ERR_INVALID);
        for (unsigned bit = 0; bit < 8; bit++) {
            str damaged = arena_str(&arena, whole);
            ((char *)damaged.ptr)[i] ^= (char)(1 << bit);
            if (zone_parse(&arena, damaged, &zone) == OK)
                (void)zone_first(zone, zone_offset(zone, SECONDS(1500)) / SECONDS(1));
        }
        arena_rewind(&arena, mark);
    }
    arena_deinit(&arena);
}

static enum err parse_some(struct arena *memory, void *arg)
{
    const struct zone *zone;
    return zone_parse(memory, *(str *)arg, &zone);
}

TEST(zone_memory_that_is_refused)
{
    struct arena kept;
    arena_init(&arena, MIB(1));
    arena_init(&kept, MIB(1));
    const struct made made = { { 1000, 2000 }, { 1, 0 }, 2, BERLIN };
    str whole = arena_str(&kept, file_of(&made));
    test_every_allocation(parse_some, &whole);
    arena_deinit(&kept);
    arena_deinit(&arena);
}

TEST(zone_names)
{
    static const char *const none[] = { "Europe/Nowhere",
                                        "../../etc/passwd",
                                        "/etc/passwd",
                                        "Europe/../UTC",
                                        "Europe//Berlin",
                                        "Europe/",
                                        "Europe",
                                        ".",
                                        "a b" };
    const struct zone *zone;
    arena_init(&arena, MIB(1));
    CHECK_OK(zone_load(&arena, STR(""), &zone));
    CHECK(zone == zone_utc());
    CHECK_OK(zone_load(&arena, STR("UTC"), &zone));
    CHECK(zone == zone_utc());
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        CHECK_ERR(zone_load(&arena, str_of(none[i]), &zone), ERR_INVALID);
    zone_folder_use("/nonexistent");
    CHECK_ERR(zone_load(&arena, STR("Europe/Berlin"), &zone), ERR_INVALID);
    CHECK(strstr(err_slot()->text, "tzdata") != NULL);
    zone_folder_use(NULL);
    arena_deinit(&arena);
}

/* --- The C library is the oracle ------------------------------------------------------------ */

static void compare(const char *name)
{
    const struct zone *zone;
    char text[100];
    CHECK_OK(zone_load(&arena, str_of(name), &zone));
    snprintf(text, sizeof(text), ":%s", name);
    setenv("TZ", text, 1); /* NOLINT(concurrency-mt-unsafe): nobody looks meanwhile */
    tzset();
    for (int i = 0; i < 4000; i++) { /* 1900 to 2150 */
        time_t at = (time_t)(test_random() % 7900000000u) - 2208988800;
        struct tm tm;
        CHECK(localtime_r(&at, &tm) != NULL);
        if (zone_offset(zone, SECONDS(at)) != SECONDS(tm.tm_gmtoff))
            test_fail("%s at %lld: %lld, not %ld", name, (long long)at,
                      (long long)(zone_offset(zone, SECONDS(at)) / SECONDS(1)), tm.tm_gmtoff);
        /* The clocks have just shown it, or had shown it before. */
        int64_t shown = at + tm.tm_gmtoff;
        CHECK(zone_first(zone, shown) <= SECONDS(at));
    }
}

TEST(zones_of_this_machine_are_as_its_library_has_them)
{
    static const char *const names[] = {
        "Europe/Berlin",     "Europe/Moscow",       "America/New_York",  "America/St_Johns",
        "Australia/Sydney",  "Australia/Lord_Howe", "Asia/Kolkata",      "Asia/Kathmandu",
        "Pacific/Apia",      "Pacific/Kiritimati",  "Africa/Casablanca", "Europe/Dublin",
        "America/Sao_Paulo", "Asia/Tehran",         "Antarctica/Troll",  "America/Nuuk",
        "Asia/Gaza",         "Pacific/Chatham",     "Etc/GMT+12",        "Africa/Monrovia"
    };
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        SKIP("this machine has no tzdata");
    arena_init(&arena, MIB(16));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        compare(names[i]);
    unsetenv("TZ"); /* NOLINT(concurrency-mt-unsafe) */
    tzset();
    arena_deinit(&arena);
}
