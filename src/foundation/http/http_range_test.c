/* http_range_test: ranges and preconditions, from the texts of RFC 9110 sections 13 and 14. */
#include "http_range.h"

#include "foundation/test/test.h"
#include "http_conditional.h"

#include <stdio.h>
#include <string.h>

TEST(ranges_of_a_thousand_bytes)
{
    static const struct {
        str value;
        enum http_range_kind kind;
        uint64_t offset, size_bytes;
    } list[] = {
        { STR_INIT("bytes=0-499"), HTTP_RANGE_PART, 0, 500 },
        { STR_INIT("bytes=500-999"), HTTP_RANGE_PART, 500, 500 },
        { STR_INIT("bytes=500-"), HTTP_RANGE_PART, 500, 500 },
        { STR_INIT("bytes=-500"), HTTP_RANGE_PART, 500, 500 },
        { STR_INIT("Bytes= 0-0 "), HTTP_RANGE_PART, 0, 1 },
        { STR_INIT("bytes=999-99999999999999999999999"), HTTP_RANGE_PART, 999, 1 },
        { STR_INIT("bytes=-99999999999999999999999"), HTTP_RANGE_PART, 0, 1000 },
        { STR_INIT("bytes=1000-"), HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { STR_INIT("bytes=99999999999999999999999-"), HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { STR_INIT("bytes=-0"), HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { STR_INIT("bytes=5-4"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes=0-1,5-b"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes=0-1,5-6"), HTTP_RANGE_PART, 0, 7 }, /* joined */
        { STR_INIT("bytes=,, 7-9 ,"), HTTP_RANGE_PART, 7, 3 },
        { STR_INIT("bytes=2000-,3000-"), HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { STR_INIT("bytes=,"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes=-"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes=a-b"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes=+1-2"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes=1--2"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes="), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("bytes"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT("items=0-1"), HTTP_RANGE_WHOLE, 0, 0 },
        { STR_INIT(""), HTTP_RANGE_WHOLE, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct http_ranges ranges = { 0 };
        CHECK_INT(http_range_parse(list[i].value, 1000, &ranges), list[i].kind);
        CHECK_INT(ranges.count, list[i].kind == HTTP_RANGE_PART);
        CHECK_INT(ranges.list[0].offset, list[i].offset);
        CHECK_INT(ranges.list[0].size_bytes, list[i].size_bytes);
    }
}

TEST(ranges_of_nothing)
{
    struct http_ranges range;
    CHECK_INT(http_range_parse(STR("bytes=0-"), 0, &range), HTTP_RANGE_UNSATISFIABLE);
    CHECK_INT(http_range_parse(STR("bytes=-5"), 0, &range), HTTP_RANGE_WHOLE);
}

TEST(several_ranges_are_put_in_order_and_joined)
{
    struct http_ranges ranges;
    CHECK_INT(http_range_parse(STR("bytes=5000-5009, 0-9,-10, 99999-"), 10000, &ranges),
              HTTP_RANGE_PART);
    CHECK_INT(ranges.count, 3);
    CHECK_INT(ranges.list[0].offset, 0);
    CHECK_INT(ranges.list[1].offset, 5000);
    CHECK_INT(ranges.list[2].offset, 9990);
    CHECK_INT(http_range_parse(STR("bytes=0-,0-,0-,500-600"), 10000, &ranges), HTTP_RANGE_PART);
    CHECK_INT(ranges.count, 1);
    CHECK_INT(ranges.list[0].size_bytes, 10000);
    CHECK_INT(http_range_parse(STR("bytes=0-9,110-119,219-"), 10000, &ranges), HTTP_RANGE_PART);
    CHECK_INT(ranges.count, 2); /* a hundred bytes apart, and one less */
    CHECK_INT(ranges.list[1].offset, 110);
    CHECK_INT(ranges.list[1].size_bytes, 10000 - 110);
}

TEST(too_many_ranges_are_ignored)
{
    char text[400] = "bytes=0-0";
    struct http_ranges ranges;
    for (int i = 1; i < HTTP_RANGES_MAX; i++)
        snprintf(text + strlen(text), 20, ",%d-%d", i * 1000, i * 1000);
    CHECK_INT(http_range_parse(str_of(text), 1000000, &ranges), HTTP_RANGE_PART);
    CHECK_INT(ranges.count, HTTP_RANGES_MAX);
    snprintf(text + strlen(text), 20, ",0-0");
    CHECK_INT(http_range_parse(str_of(text), 1000000, &ranges), HTTP_RANGE_WHOLE);
}

TEST(etag_lists)
{
    CHECK(http_etag_listed(STR("\"a\", W/\"b\",\"c,d\""), STR("\"b\""), true));
    CHECK(!http_etag_listed(STR("\"a\", W/\"b\""), STR("\"b\""), false));
    CHECK(http_etag_listed(STR("\"a\",\"c,d\""), STR("\"c,d\""), false));
    CHECK(!http_etag_listed(STR("\"a\" \"b"), STR("\"b\""), true));
    CHECK(!http_etag_listed(STR("a, b"), STR("a"), true));
    CHECK(!http_etag_listed(STR(""), STR(""), true));
}

static unsigned check(struct http_preconditions asked, bool safe)
{
    struct http_validators current = { .etag = STR("\"v2\"") };
    CHECK(instant_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &current.modified));
    current.modified += 999999; /* a fraction the client cannot know of */
    return http_precondition_check(&asked, &current, safe);
}

TEST(preconditions_in_their_order)
{
    str same = STR("Sun, 06 Nov 1994 08:49:37 GMT"), older = STR("Sun, 06 Nov 1994 08:49:36 GMT");
    CHECK_INT(check((struct http_preconditions){ 0 }, true), 0);
    CHECK_INT(check((struct http_preconditions){ .if_none_match = STR("\"v2\"") }, true), 304);
    CHECK_INT(check((struct http_preconditions){ .if_none_match = STR("\"v2\"") }, false), 412);
    CHECK_INT(check((struct http_preconditions){ .if_none_match = STR("W/\"v2\"") }, true), 304);
    CHECK_INT(check((struct http_preconditions){ .if_none_match = STR("*") }, true), 304);
    CHECK_INT(check((struct http_preconditions){ .if_none_match = STR("\"v1\"") }, true), 0);
    /* If-None-Match decides alone, whatever the date says */
    CHECK_INT(check((struct http_preconditions){ .if_none_match = STR("\"v1\""),
                                                 .if_modified_since = same },
                    true),
              0);
    CHECK_INT(check((struct http_preconditions){ .if_modified_since = same }, true), 304);
    CHECK_INT(check((struct http_preconditions){ .if_modified_since = older }, true), 0);
    CHECK_INT(check((struct http_preconditions){ .if_modified_since = STR("yesterday") }, true), 0);
    CHECK_INT(check((struct http_preconditions){ .if_modified_since = same }, false), 0);
    CHECK_INT(check((struct http_preconditions){ .if_match = STR("\"v1\", \"v2\"") }, false), 0);
    CHECK_INT(check((struct http_preconditions){ .if_match = STR("W/\"v2\"") }, false), 412);
    CHECK_INT(check((struct http_preconditions){ .if_match = STR("\"v1\"") }, false), 412);
    CHECK_INT(check((struct http_preconditions){ .if_match = STR("*") }, false), 0);
    CHECK_INT(check((struct http_preconditions){ .if_unmodified_since = same }, false), 0);
    CHECK_INT(check((struct http_preconditions){ .if_unmodified_since = older }, false), 412);
}

TEST(if_range_needs_the_exact_representation)
{
    struct http_validators current = { .etag = STR("\"v2\"") };
    CHECK(instant_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &current.modified));
    CHECK(http_if_range_holds(STR("\"v2\""), &current));
    CHECK(!http_if_range_holds(STR("W/\"v2\""), &current));
    CHECK(!http_if_range_holds(STR("\"v1\""), &current));
    CHECK(http_if_range_holds(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &current));
    CHECK(!http_if_range_holds(STR("Sun, 06 Nov 1994 08:49:38 GMT"), &current));
    CHECK(!http_if_range_holds(STR("v2"), &current));
}
