#include "json.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <math.h>
#include <string.h>

static struct arena arena;
static struct json json;

static void begin(str text)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(1));
    CHECK_OK(json_init(&json, &arena, text, NULL));
}

static enum err check(str text)
{
    begin(text);
    enum err result = json_skip(&json, NULL);
    return result == OK ? json_finish(&json) : result;
}

/*
 * Conformance with RFC 8259. y: must be accepted, n: must be refused, i: the RFC leaves it open and
 * we refuse it. The name says what the text shows.
 */
#define CONFORMANCE(X)                                                                             \
    X(y, array_empty, "[]")                                                                        \
    X(y, array_space_inside, "[ \t\r\n ]")                                                         \
    X(y, array_mixed, "[null,1,\"1\",{},[],true,false]")                                           \
    X(y, array_several_null, "[1,null,null,null,2]")                                               \
    X(y, array_trailing_space, "[2] ")                                                             \
    X(y, object_empty, "{}")                                                                       \
    X(y, object_basic, "{\"asd\":\"sdf\"}")                                                        \
    X(y, object_empty_key, "{\"\":0}")                                                             \
    X(y, object_keys_differ_in_case, "{\"a\":1,\"A\":2}")                                          \
    X(y, object_same_key_other_object, "[{\"a\":1},{\"a\":{\"a\":{\"a\":2}}}]")                    \
    X(y, object_escaped_null_key, "{\"foo\\u0000bar\":42}")                                        \
    X(y, object_newlines, "{\n\"a\":\n\"b\"\n}")                                                   \
    X(y, number_zero, "0")                                                                         \
    X(y, number_minus_zero, "-0")                                                                  \
    X(y, number_minus_one, "-1")                                                                   \
    X(y, number_int_exp, "20e1")                                                                   \
    X(y, number_exp_upper, "1E22")                                                                 \
    X(y, number_exp_plus, "1E+2")                                                                  \
    X(y, number_exp_minus, "1E-2")                                                                 \
    X(y, number_zero_exp, "0e+1")                                                                  \
    X(y, number_fraction, "123.456789")                                                            \
    X(y, number_tiny, "-0.000000000000000000000000000000000000000000000000000000000000000001")     \
    X(y, number_huge_as_text, "100000000000000000000000000000000000000000000000000")               \
    X(y, string_empty, "\"\"")                                                                     \
    X(y, string_all_escapes, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")                                     \
    X(y, string_escape_a_umlaut, "\"\\u00e4\"")                                                    \
    X(y, string_escape_upper_hex, "\"\\u00E4\"")                                                   \
    X(y, string_surrogate_pair, "\"\\uD834\\udd1e\"")                                              \
    X(y, string_two_pairs, "\"\\ud83d\\ude39\\ud83d\\udc8d\"")                                     \
    X(y, string_escaped_backslash_u, "\"\\\\u0041\"")                                              \
    X(y, string_last_pair, "\"\\uDBFF\\uDFFF\"")                                                   \
    X(y, string_escaped_nonchar, "\"\\uFFFF\"")                                                    \
    X(y, string_null_escape, "\"\\u0000\"")                                                        \
    X(y, string_utf8_two, "\"\xd0\x91\"")                                                          \
    X(y, string_utf8_three, "\"\xe2\x82\xac\"")                                                    \
    X(y, string_utf8_four, "\"\xf4\x8f\xbf\xbf\"")                                                 \
    X(y, string_replacement_char, "\"\xef\xbf\xbd\"")                                              \
    X(y, string_del, "\"\x7f\"")                                                                   \
    X(y, string_in_array_with_space, "[ \"asd\"]")                                                 \
    X(y, lonely_true, "true")                                                                      \
    X(y, lonely_false, "false")                                                                    \
    X(y, lonely_null, "null")                                                                      \
    X(y, lonely_string, "\"asd\"")                                                                 \
    X(y, leading_space, " \n\t\r1")                                                                \
    X(y, depth_32, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")             \
    X(i, depth_33, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")           \
    X(i, object_repeated_key, "{\"a\":1,\"b\":2,\"a\":3}")                                         \
    X(i, object_repeated_key_same_value, "{\"a\":1,\"a\":1}")                                      \
    X(i, object_repeated_key_escaped, "{\"a\":1,\"\\u0061\":1}")                                   \
    X(i, object_repeated_key_nested, "[{\"x\":{\"a\":1,\"a\":2}}]")                                \
    X(i, string_lone_high, "\"\\uD800\"")                                                          \
    X(i, string_lone_low, "\"\\uDC00\"")                                                           \
    X(i, string_high_then_high, "\"\\uD800\\uD800\"")                                              \
    X(i, string_high_then_char, "\"\\uD800a\"")                                                    \
    X(i, string_high_then_escape, "\"\\uD800\\n\"")                                                \
    X(i, string_low_then_high, "\"\\uDd1e\\uD834\"")                                               \
    X(i, string_utf8_surrogate, "\"\xed\xa0\x80\"")                                                \
    X(i, string_utf8_overlong_two, "\"\xc0\xaf\"")                                                 \
    X(i, string_utf8_overlong_three, "\"\xe0\x80\xaf\"")                                           \
    X(i, string_utf8_beyond, "\"\xf4\xbf\xbf\xbf\"")                                               \
    X(i, string_utf8_lone_continuation, "\"\x81\"")                                                \
    X(i, string_utf8_truncated, "\"\xe2\x82\"")                                                    \
    X(i, string_latin1, "\"\xe9\"")                                                                \
    X(i, bom, "\xef\xbb\xbf{}")                                                                    \
    X(i, utf16, "[\0\"\0a\0\"\0]\0")                                                               \
    X(n, nothing, "")                                                                              \
    X(n, only_space, " ")                                                                          \
    X(n, array_unclosed, "[1")                                                                     \
    X(n, array_unclosed_comma, "[1,")                                                              \
    X(n, array_trailing_comma, "[1,]")                                                             \
    X(n, array_leading_comma, "[,1]")                                                              \
    X(n, array_only_comma, "[,]")                                                                  \
    X(n, array_two_commas, "[1,,2]")                                                               \
    X(n, array_colon, "[1:2]")                                                                     \
    X(n, array_no_comma, "[3[4]]")                                                                 \
    X(n, array_extra_close, "[1]]")                                                                \
    X(n, array_wrong_close, "[1}")                                                                 \
    X(n, array_form_feed, "[\f]")                                                                  \
    X(n, object_trailing_comma, "{\"a\":0,}")                                                      \
    X(n, object_two_commas, "{\"a\":0,,\"b\":1}")                                                  \
    X(n, object_no_colon, "{\"a\" 0}")                                                             \
    X(n, object_two_colons, "{\"a\"::0}")                                                          \
    X(n, object_no_value, "{\"a\":}")                                                              \
    X(n, object_key_only, "{\"a\"}")                                                               \
    X(n, object_bare_key, "{a:0}")                                                                 \
    X(n, object_single_quotes, "{'a':0}")                                                          \
    X(n, object_number_key, "{1:1}")                                                               \
    X(n, object_wrong_close, "{\"a\":0]")                                                          \
    X(n, object_unclosed, "{\"a\":0")                                                              \
    X(n, object_comment, "{\"a\":0}/**/")                                                          \
    X(n, object_then_object, "{\"a\":true} {}")                                                    \
    X(n, object_garbage, "{\"a\":\"b\"}#")                                                         \
    X(n, number_plus, "+1")                                                                        \
    X(n, number_minus_only, "-")                                                                   \
    X(n, number_minus_space, "- 1")                                                                \
    X(n, number_double_minus, "--1")                                                               \
    X(n, number_leading_zero, "012")                                                               \
    X(n, number_minus_leading_zero, "-012")                                                        \
    X(n, number_dot_first, ".5")                                                                   \
    X(n, number_dot_last, "1.")                                                                    \
    X(n, number_dot_exp, "1.e3")                                                                   \
    X(n, number_exp_only, "1e")                                                                    \
    X(n, number_exp_sign_only, "1e+")                                                              \
    X(n, number_exp_two_signs, "1e+-2")                                                            \
    X(n, number_hex, "0x42")                                                                       \
    X(n, number_infinity, "Infinity")                                                              \
    X(n, number_minus_infinity, "-Infinity")                                                       \
    X(n, number_nan, "NaN")                                                                        \
    X(n, number_fullwidth, "\xef\xbc\x91")                                                         \
    X(n, number_underscore, "1_000")                                                               \
    X(n, number_letters, "1a")                                                                     \
    X(n, string_unclosed, "\"abc")                                                                 \
    X(n, string_unclosed_escape, "\"abc\\")                                                        \
    X(n, string_single_quote, "'a'")                                                               \
    X(n, string_bad_escape, "\"\\x00\"")                                                           \
    X(n, string_bad_escape_octal, "\"\\012\"")                                                     \
    X(n, string_escape_utf8, "\"\\\xd0\x91\"")                                                     \
    X(n, string_escape_newline, "\"\\\n\"")                                                        \
    X(n, string_short_unicode, "\"\\u00A\"")                                                       \
    X(n, string_bad_unicode, "\"\\u00G0\"")                                                        \
    X(n, string_unicode_upper_u, "\"\\U0041\"")                                                    \
    X(n, string_high_and_half, "\"\\uD800\\u\"")                                                   \
    X(n, string_raw_newline, "\"a\nb\"")                                                           \
    X(n, string_raw_tab, "\"\t\"")                                                                 \
    X(n, string_raw_zero, "\"\0\"")                                                                \
    X(n, word_truncated, "[nul]")                                                                  \
    X(n, word_upper, "[True]")                                                                     \
    X(n, word_joined, "truefalse")                                                                 \
    X(n, word_undefined, "undefined")                                                              \
    X(n, space_nbsp, "[\xc2\xa0]")                                                                 \
    X(n, space_u2060, "\xe2\x81\xa0[]")                                                            \
    X(n, nul_after, "1\0")                                                                         \
    X(n, comma_after, "1,")

static void conform(char verdict, str text)
{
    bool accepted = check(text) == OK;
    CHECK(accepted == (verdict == 'y'));
    if (!accepted)
        CHECK(str_starts(str_of(err_slot()->text), STR("byte ")));
}

#define X(verdict, name, json_text)                                                                \
    TEST(json_conformance_##verdict##_##name)                                                      \
    {                                                                                              \
        conform(#verdict[0], STR(json_text));                                                      \
    }
CONFORMANCE(X)
#undef X

TEST(json_walks_an_object)
{
    begin(
        STR(" {\"year\": 1927, \"title\":\"Metr\\u00f6polis\", \"tags\":[true, null], \"x\":{}} "));
    str key, title;
    bool more, truth;
    int64_t year;
    CHECK_OK(json_object_enter(&json));
    CHECK_OK(json_object_next(&json, &key, &more));
    CHECK_STR(key, STR("year"));
    CHECK_OK(json_read_i64(&json, &year));
    CHECK_INT(year, 1927);
    CHECK_OK(json_object_next(&json, &key, &more));
    CHECK_OK(json_read_string(&json, &title));
    CHECK_STR(title, STR("Metr\xc3\xb6polis"));
    CHECK_OK(json_object_next(&json, &key, &more));
    CHECK_OK(json_array_enter(&json));
    CHECK_OK(json_array_next(&json, &more));
    CHECK_OK(json_read_bool(&json, &truth));
    CHECK_OK(json_array_next(&json, &more));
    CHECK_OK(json_read_null(&json));
    CHECK_OK(json_array_next(&json, &more));
    CHECK(!more);
    CHECK_OK(json_object_next(&json, &key, &more));
    CHECK_INT(json_peek(&json), JSON_OBJECT);
    CHECK_OK(json_skip(&json, &title));
    CHECK_STR(title, STR("{}"));
    CHECK_OK(json_object_next(&json, &key, &more));
    CHECK(!more);
    CHECK_OK(json_finish(&json));
}

TEST(json_integers_are_exact)
{
    int64_t value = 7;
    begin(STR("[9223372036854775807,-9223372036854775808]"));
    bool more;
    CHECK_OK(json_array_enter(&json));
    CHECK_OK(json_array_next(&json, &more));
    CHECK_OK(json_read_i64(&json, &value));
    CHECK_INT(value, INT64_MAX);
    CHECK_OK(json_array_next(&json, &more));
    CHECK_OK(json_read_i64(&json, &value));
    CHECK_INT(value, INT64_MIN);
    static const char *const wrong[] = { "9223372036854775808",
                                         "-9223372036854775809",
                                         "1.0",
                                         "1e2",
                                         "123456789012345678901234567890",
                                         "\"1\"" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        begin(str_of(wrong[i]));
        CHECK_ERR(json_read_i64(&json, &value), ERR_INVALID);
    }
    CHECK_INT(value, INT64_MIN);
}

TEST(json_doubles)
{
    double value;
    begin(STR("0.1"));
    CHECK_OK(json_read_double(&json, &value));
    CHECK(value == 0.1);
    begin(STR("1e400"));
    CHECK_ERR(json_read_double(&json, &value), ERR_INVALID);
    begin(STR("1e-400"));
    CHECK_OK(json_read_double(&json, &value));
    CHECK(value == 0);
}

TEST(json_decodes_escapes)
{
    str text;
    begin(STR("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0416\\ud83d\\ude00\\u0000z\""));
    CHECK_OK(json_read_string(&json, &text));
    CHECK_STR(text, STR("a\"\\/\b\f\n\r\t\xd0\x96\xf0\x9f\x98\x80\0z"));
}

TEST(json_names_the_byte)
{
    CHECK_ERR(check(STR("{\"a\": tru}")), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->text), STR("byte 6: a value was expected"));
    CHECK_STR(str_of(err_slot()->slug), STR("json-syntax"));
    CHECK_ERR(check(STR("[1] x")), ERR_INVALID);
    CHECK(str_starts(str_of(err_slot()->text), STR("byte 4: ")));
    CHECK_ERR(check(STR("\"ab\\ud800\"")), ERR_INVALID);
    CHECK(str_starts(str_of(err_slot()->text), STR("byte 3: ")));
}

TEST(json_limits_hold)
{
    struct json_limits limits = {
        .size_bytes_max = 20, .string_bytes_max = 4, .keys_max = 2, .depth_max = 2
    };
    str text;
    arena_deinit(&arena);
    arena_init(&arena, KIB(8));
    CHECK_ERR(json_init(&json, &arena, STR("[1,2,3,4,5,6,7,8,9,0]"), &limits), ERR_TOO_LARGE);
    CHECK_OK(json_init(&json, &arena, STR("\"12345\""), &limits));
    CHECK_ERR(json_read_string(&json, &text), ERR_TOO_LARGE);
    CHECK_OK(json_init(&json, &arena, STR("{\"a\":1,\"b\":2,\"c\":3}"), &limits));
    CHECK_ERR(json_skip(&json, NULL), ERR_TOO_LARGE);
    CHECK_OK(json_init(&json, &arena, STR("[[[]]]"), &limits));
    CHECK_ERR(json_skip(&json, NULL), ERR_INVALID);
    CHECK_STR(str_of(err_slot()->slug), STR("json-too-deep"));
}

TEST(json_memory_is_bounded_by_the_arena)
{
    struct arena small;
    char text[2000] = "\"\\n";
    memset(text + 3, 'a', sizeof(text) - 4);
    text[sizeof(text) - 1] = '"';
    str out;
    arena_init(&small, 100);
    CHECK_OK(json_init(&json, &small, (str){ text, sizeof(text) }, NULL));
    CHECK_ERR(json_read_string(&json, &out), ERR_TOO_LARGE);
    arena_deinit(&small);
}

TEST(json_skip_finds_a_repeated_key_among_many)
{
    struct buf buf;
    buf_init(&buf, NULL, MIB(1));
    json_object_begin(&buf);
    for (int i = 0; i < 5000; i++) {
        buf_printf(&buf, "%s\"k%d\":%d", i ? "," : "", i * 7919 % 5000, i);
    }
    json_object_end(&buf);
    CHECK_OK(check(buf_str(&buf)));
    CHECK_INT(arena.used_bytes, 0);
    buf.len--;
    buf_printf(&buf, ",\"k4242\":1}");
    CHECK_ERR(check(buf_str(&buf)), ERR_INVALID);
    CHECK(str_find(str_of(err_slot()->text), STR("\"k4242\" is given twice")) > 0);
    buf_deinit(&buf);
}

static str written(struct buf *buf, str text)
{
    buf_clear(buf);
    json_write_string(buf, text);
    return buf_str(buf);
}

TEST(json_writer_escapes)
{
    struct buf buf;
    buf_init(&buf, NULL, KIB(64));
    CHECK_STR(written(&buf, STR_NONE), STR("\"\""));
    CHECK_STR(written(&buf, STR("plain text longer than a word")),
              STR("\"plain text longer than a word\""));
    CHECK_STR(written(&buf, STR("\"\\/\b\f\n\r\t\x01\x1f\x7f\0")),
              STR("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000\""));
    CHECK_STR(written(&buf, STR("\xd0\x96\xe2\x82\xac\xf0\x9f\x98\x80")),
              STR("\"\xd0\x96\xe2\x82\xac\xf0\x9f\x98\x80\""));
    CHECK_STR(written(&buf, STR("a\xffz\xd0")), STR("\"a\xef\xbf\xbdz\xef\xbf\xbd\""));
    for (unsigned c = 0; c < 128; c++) {
        str back;
        char one = (char)c;
        begin(written(&buf, (str){ &one, 1 }));
        CHECK_OK(json_read_string(&json, &back));
        CHECK_STR(back, ((str){ &one, 1 }));
    }
    buf_deinit(&buf);
}

TEST(json_writer_puts_commas)
{
    struct buf buf;
    buf_init(&buf, NULL, KIB(64));
    json_object_begin(&buf);
    json_put_key(&buf, STR("a"));
    json_array_begin(&buf);
    json_put_i64(&buf, INT64_MIN);
    json_put_bool(&buf, true);
    json_put_null(&buf);
    json_array_begin(&buf);
    json_array_end(&buf);
    json_array_end(&buf);
    json_put_key(&buf, STR("b,"));
    json_put_string(&buf, STR("["));
    json_put_key(&buf, STR("c"));
    json_put_raw(&buf, STR("{}"));
    json_object_end(&buf);
    CHECK_STR(buf_str(&buf),
              STR("{\"a\":[-9223372036854775808,true,null,[]],\"b,\":\"[\",\"c\":{}}"));
    buf_deinit(&buf);
}

TEST(json_writer_doubles)
{
    struct buf buf;
    buf_init(&buf, NULL, KIB(1));
    json_array_begin(&buf);
    json_put_double(&buf, 0.1);
    json_put_double(&buf, 1);
    json_put_double(&buf, 1.0 / 3);
    json_put_double(&buf, NAN);
    json_put_double(&buf, HUGE_VAL);
    json_array_end(&buf);
    CHECK_STR(buf_str(&buf), STR("[0.1,1,0.3333333333333333,null,null]"));
    buf_deinit(&buf);
}

/* --- Memory that ends anywhere -------------------------------------------------------------- */

static enum err skip_all(struct arena *some_arena, void *arg)
{
    str raw;
    (void)arg;
    TRY(json_init(&json, some_arena,
                  STR("{\"a\":1,\"b\":{\"\\u0061\":[{}],\"c\":2},\"d\\n\":3,"
                      "\"e\":{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,"
                      "\"7\":7,\"8\":8,\"9\":9,\"10\":0,\"11\":1,\"12\":2,"
                      "\"13\":3,\"14\":4,\"15\":5,\"16\":6,\"17\":7}}"),
                  NULL));
    TRY(json_skip(&json, &raw));
    return json_finish(&json);
}

static enum err read_and_write(struct arena *some_arena, void *arg)
{
    str text = STR("[\"plain\",\"esc\\u0061ped\",\"\\ud83d\\ude39\"]"), item;
    struct buf out;
    bool more;
    (void)arg;
    buf_init(&out, some_arena, KIB(64));
    TRY(json_init(&json, some_arena, text, NULL));
    TRY(json_array_enter(&json));
    json_object_begin(&out);
    for (;;) {
        TRY(json_array_next(&json, &more));
        if (!more)
            break;
        TRY(json_read_string(&json, &item));
        json_put_key(&out, item);
        json_array_begin(&out);
        for (int i = 0; i < 40; i++)
            json_put_string(&out, item);
        json_put_double(&out, 0.1);
        json_array_end(&out);
    }
    json_object_end(&out);
    TRY(json_finish(&json));
    if (out.overflowed)
        return err_set(ERR_EXHAUSTED, NULL, "no room");
    return check(arena_str(some_arena, buf_str(&out))); /* what is not overflowed is whole */
}

TEST(json_minds_every_refused_allocation)
{
    CHECK(test_every_allocation_or(skip_all, NULL, ERR_TOO_LARGE) >= 4);
    CHECK(test_every_allocation_or(read_and_write, NULL, ERR_TOO_LARGE) >= 5);
}
