/* Addresses from strangers, and the policy function. */
#include "playback_internal.h"

#include "foundation/test/test.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

TEST(an_asset_is_named_by_id_and_token)
{
    static const str refused[] = { STR_INIT(""),
                                   STR_INIT("-"),
                                   STR_INIT("12"),
                                   STR_INIT("12-"),
                                   STR_INIT("-" TOKEN),
                                   STR_INIT("0-" TOKEN),
                                   STR_INIT("012-" TOKEN),
                                   STR_INIT("+12-" TOKEN),
                                   STR_INIT("12-" TOKEN "0"),
                                   STR_INIT("12--" TOKEN),
                                   STR_INIT("12-0123456789abcdef0123456789abcde"),
                                   STR_INIT("12-0123456789ABCDEF0123456789abcdef"),
                                   STR_INIT("12-0123456789abcdef0123456789abcde\0"),
                                   STR_INIT("9223372036854775808-" TOKEN) };
    struct asset_ref ref = { .id = ID(7) };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK(!asset_ref_parse(refused[i], &ref));
    CHECK_INT(ref.id.value, 7); /* untouched */
    CHECK(asset_ref_parse(STR("12-" TOKEN), &ref));
    CHECK_INT(ref.id.value, 12);
    CHECK_STR(ref.token, STR(TOKEN));
    CHECK(asset_ref_parse(STR("9223372036854775807-" TOKEN), &ref));
}

TEST(a_segment_number_has_one_form)
{
    static const str refused[] = {
        STR_INIT(""),        STR_INIT(".m4s"),           STR_INIT("0.m4s"),
        STR_INIT("01.m4s"),  STR_INIT("-1.m4s"),         STR_INIT("+1.m4s"),
        STR_INIT("1.m4"),    STR_INIT("1.M4S"),          STR_INIT("1 .m4s"),
        STR_INIT("1.0.m4s"), STR_INIT("4294967296.m4s"), STR_INIT("0x1.m4s"),
        STR_INIT("1e3.m4s"), STR_INIT("a.m4s"),          STR_INIT("99999999999999999999999999.m4s"),
        STR_INIT("1\0.m4s"), STR_INIT("1.vtt"),          STR_INIT("\xd9\xa1.m4s"),
    };
    uint32_t number = 7;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK(!segment_number_parse(refused[i], STR(".m4s"), &number));
    CHECK_INT(number, 7);
    CHECK(segment_number_parse(STR("1.m4s"), STR(".m4s"), &number) && number == 1);
    CHECK(segment_number_parse(STR("4294967295.m4s"), STR(".m4s"), &number));
    CHECK_INT(number, UINT32_MAX);
    CHECK(segment_number_parse(STR("30.vtt"), STR(".vtt"), &number) && number == 30);
}

TEST(a_whole_file_is_named_by_its_track)
{
    str name = STR("before");
    CHECK(track_file_parse(STR("s12.vtt"), STR(".vtt"), &name));
    CHECK_STR(name, STR("s12"));
    CHECK(!track_file_parse(STR(".vtt"), STR(".vtt"), &name));
    CHECK(!track_file_parse(STR("..vtt"), STR(".vtt"), &name));
    CHECK(!track_file_parse(STR("s1.mp4"), STR(".vtt"), &name));
    CHECK(!track_file_parse(STR("a234567890123456.vtt"), STR(".vtt"), &name));
}

TEST(policy_allows_what_is_shown_and_there)
{
    struct playback_question question = { .title = ID(1), .action = PLAYBACK_WATCH };
    for (int shown = 0; shown < 2; shown++)
        for (int stored = 0; stored < 2; stored++) {
            struct playback_facts facts = { .shown = shown, .stored = stored };
            enum playback_verdict expected = !shown    ? PLAYBACK_UNKNOWN_TITLE
                                             : !stored ? PLAYBACK_NO_FILM
                                                       : PLAYBACK_ALLOWED;
            CHECK_INT(playback_may(&facts, &question), expected);
        }
}
