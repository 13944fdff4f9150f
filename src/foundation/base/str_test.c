#include "clock.h"
#include "str.h"

#include "foundation/test/test.h"

TEST(str_compares)
{
    CHECK(str_eq(STR("a"), STR("a")));
    CHECK(!str_eq(STR("a"), STR("ab")));
    CHECK(str_eq(STR_NONE, STR("")));
    CHECK(str_eq_nocase(STR("Content-Type"), STR("content-TYPE")));
    CHECK(str_eq_secret(STR("key"), STR("key")));
    CHECK(!str_eq_secret(STR("key"), STR("kez")));
    CHECK(str_cmp(STR("a"), STR("b")) < 0);
    CHECK(str_cmp(STR("ab"), STR("a")) > 0);
    CHECK_INT(str_cmp(STR("ab"), STR("ab")), 0);
}

TEST(str_parts)
{
    CHECK_STR(str_sub(STR("kino"), 1, 2), STR("in"));
    CHECK_STR(str_sub(STR("kino"), 9, 2), STR(""));
    CHECK_STR(str_trim(STR(" \t kino\r\n")), STR("kino"));
    CHECK_INT(str_find(STR("abcabc"), STR("ca")), 2);
    CHECK_INT(str_find(STR("abc"), STR("abcd")), -1);
    CHECK_INT(str_find_last_char(STR("a/b/c"), '/'), 3);
    CHECK(str_ends_nocase(STR("FILM.MKV"), STR(".mkv")));
}

TEST(str_cut_yields_every_part)
{
    str rest = STR("a,,b"), part;
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, STR("a"));
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, STR(""));
    CHECK(str_cut(&rest, ',', &part));
    CHECK_STR(part, STR("b"));
    CHECK(!str_cut(&rest, ',', &part));
}

TEST(str_parses_integers_exactly)
{
    int64_t value = 7;
    CHECK(str_parse_i64(STR("-9223372036854775808"), &value) && value == INT64_MIN);
    CHECK(str_parse_i64(STR("9223372036854775807"), &value) && value == INT64_MAX);
    value = 7;
    CHECK(!str_parse_i64(STR("9223372036854775808"), &value));
    CHECK(!str_parse_i64(STR(""), &value));
    CHECK(!str_parse_i64(STR("-"), &value));
    CHECK(!str_parse_i64(STR("+1"), &value));
    CHECK(!str_parse_i64(STR("1 "), &value));
    CHECK_INT(value, 7);
}

TEST(str_knows_utf8)
{
    CHECK(str_is_utf8(STR("кино \xf0\x9f\x8e\xac")));
    CHECK(!str_is_utf8(STR("\xc0\x80")));         /* overlong */
    CHECK(!str_is_utf8(STR("\xed\xa0\x80")));     /* surrogate */
    CHECK(!str_is_utf8(STR("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
    CHECK(!str_is_utf8(STR("\xd0")));             /* cut */
    size_t pos = 0;
    CHECK_INT(str_utf8_next(STR("ж"), &pos), 0x436);
    CHECK_INT(pos, 2);
    char out[4];
    CHECK_INT(str_utf8_put(out, 0x1f3ac), 4);
    CHECK_STR(((str){ out, 4 }), STR("\xf0\x9f\x8e\xac"));
    CHECK_INT(str_utf8_put(out, 0xd800), 3);
}

TEST(clock_formats_and_parses)
{
    char text[INSTANT_TEXT_MAX];
    instant at;
    CHECK(instant_parse(STR("2026-11-21T10:00:00.25+03:00"), &at));
    CHECK_STR(instant_format(at, text), STR("2026-11-21T07:00:00.250000Z"));
    CHECK_STR(instant_format(0, text), STR("1970-01-01T00:00:00Z"));
    CHECK_STR(instant_format(-1, text), STR("1969-12-31T23:59:59.999999Z"));
    CHECK(instant_parse(STR("2024-02-29t23:59:59z"), &at));
    CHECK(!instant_parse(STR("2023-02-29T00:00:00Z"), &at));
    CHECK(!instant_parse(STR("2023-02-28T00:00:00"), &at));
    CHECK(!instant_parse(STR("2023\r02\r28T00:00:00Z"), &at));
    CHECK_STR(instant_format(INT64_MAX, text), STR("9999-12-31T23:59:59.999999Z"));
}

TEST(clock_speaks_http)
{
    char text[INSTANT_HTTP_MAX];
    instant at;
    CHECK(instant_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &at));
    CHECK_INT(at, SECONDS(784111777));
    CHECK_STR(instant_format_http(at, text), STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    CHECK(!instant_parse_http(STR("Sunday, 06-Nov-94 08:49:37 GMT"), &at));
}

TEST(clock_can_be_injected)
{
    clock_set(SECONDS(5));
    CHECK_INT(clock_now(), SECONDS(5));
    clock_set(INSTANT_NEVER);
    CHECK(clock_now() > DAYS(365 * 50));
}

TEST(str_head_utf8_cuts_between_characters)
{
    str text = STR("aЁ世\xF0\x9F\x8E\xAC"); /* 1, 2, 3 and 4 bytes */
    static const size_t lengths[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CHECK_INT(str_head_utf8(text, i).len, lengths[i]);
        CHECK(str_is_utf8(str_head_utf8(text, i)));
    }
    CHECK_INT(str_head_utf8(STR_NONE, 5).len, 0);
}
