#include "subtitle.h"

#include "internal.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;
static struct subtitle subtitle;

static void parse(const char *source)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(64));
    CHECK_OK(subtitle_parse(&arena, str_of(source), &subtitle));
}

/* The whole WebVTT after its first line. */
static void check_cues(const char *source, const char *expected)
{
    parse(source);
    CHECK(str_starts(subtitle.webvtt, STR("WEBVTT\n\n")));
    CHECK_STR(str_skip(subtitle.webvtt, 8), str_of(expected));
}

/* The text of the only cue. */
static void check_srt_text(const char *text, const char *expected)
{
    static char source[2048];
    snprintf(source, sizeof(source), "1\n00:00:01,000 --> 00:00:02,000\n%s\n", text);
    parse(source);
    CHECK_INT(subtitle.cues_kept, 1);
    CHECK_STR(subtitle.cues[0].text, str_of(expected));
}

TEST(srt_becomes_webvtt)
{
    check_cues("1\r\n00:00:01,500 --> 00:00:03,000\r\nПервая\r\nвторая\r\n\r\n"
               "2\r\n01:02:03,004 --> 01:02:05,006\r\n<i>Да</i> & нет\r\n\r\n",
               "00:00:01.500 --> 00:00:03.000\nПервая\nвторая\n\n"
               "01:02:03.004 --> 01:02:05.006\n<i>Да</i> &amp; нет\n");
    CHECK_INT(subtitle.format, SUBTITLE_SRT);
    CHECK_INT(subtitle.cues_dropped, 0);
    CHECK_INT(subtitle.end_ms, 3725006);
}

TEST(srt_times_of_the_wild)
{
    static const struct {
        const char *line;
        int64_t start_ms, end_ms;
    } rows[] = {
        { "00:00:01,000 --> 00:00:02,000", 1000, 2000 },
        { "00:00:01.000-->00:00:02.000", 1000, 2000 },
        { "0:0:1,5 -> 0:0:2,25", 1500, 2250 },
        { "00:01 --> 00:02", 1000, 2000 },
        { "01:01,100 --> 01:02,200 X1:100 X2:200 Y1:0 Y2:20", 61100, 62200 },
        { "00:00:01,1234567 --> 00:00:02", 1123, 2000 },
        { "00 : 00 : 01 , 000 --> 00 : 00 : 02 , 000", 1000, 2000 },
        { "  00:00:01,000 - -> 00:00:02,000  ", 1000, 2000 },
        { "00:00:01,000 –> 00:00:02,000", 1000, 2000 },
        { "00:00:01:500 → 00:00:02:000", 1500, 2000 },
        { "-00:00:01,000 --> 00:00:02,000", -1000, 2000 },
        { "00:00:01,000 --> -00:00:02,000", 1000, -2000 },
        { "100:00:00,000 --> 100:00:01,000", 360000000, 360001000 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct timing timing = { 0 };
        CHECK_INT(timing_parse(str_of(rows[i].line), &timing), TIMING_OK);
        CHECK_INT(timing.start_ms, rows[i].start_ms);
        CHECK_INT(timing.end_ms, rows[i].end_ms);
    }
    static const char *const none[] = { "",
                                        "12",
                                        "--> 00:00:01",
                                        "a 00:00:01 --> 00:00:02",
                                        "00:00:01",
                                        "1 --> 2",
                                        "99999999999:00 --> 1:00",
                                        "00:00:01 > 00:00:02" };
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct timing timing;
        CHECK_INT(timing_parse(str_of(none[i]), &timing), TIMING_NONE);
    }
}

TEST(srt_numbers_are_found_from_behind)
{
    check_cues("00:01,0 --> 00:02,0\nбез номера\n\n00:03,0 --> 00:04,0\n1984\n\n"
               "7\n00:05,0 --> 00:06,0\nx\n8\n00:07,0 --> 00:08,0\n\n42\n\n9\n\n"
               "00:09,0 --> 00:10,0\nend",
               "00:00:01.000 --> 00:00:02.000\nбез номера\n\n"
               "00:00:03.000 --> 00:00:04.000\n1984\n\n"
               "00:00:05.000 --> 00:00:06.000\nx\n\n"
               "00:00:07.000 --> 00:00:08.000\n42\n\n"
               "00:00:09.000 --> 00:00:10.000\nend\n");
}

TEST(srt_keeps_text_after_a_blank_line)
{
    check_srt_text("one\n\n\ntwo", "one\ntwo");
    check_srt_text("one\n --> two\n", "one\n--&gt; two");
}

TEST(srt_markup)
{
    check_srt_text("<b><i>x</b></i> y", "<b><i>x</i></b> y");
    check_srt_text("<i>a\nb</i>", "<i>a\nb</i>");
    check_srt_text("<i>never closed", "<i>never closed</i>");
    check_srt_text("</i>never open", "never open");
    check_srt_text("<I> a </I>", "<i>a</i>");
    check_srt_text("<font color=\"#ff0000\">red</font> <s>x</s>", "red x");
    check_srt_text("I <3 you, 2 < 3 > 1 & <кто-то>",
                   "I &lt;3 you, 2 &lt; 3 &gt; 1 &amp; &lt;кто-то&gt;");
    check_srt_text("a<br/>b<br>c\\Nd", "a\nb\nc\nd");
    check_srt_text("&lt;i&gt; &laquo;x&raquo;&nbsp;&#8212; &bogus; AT&T",
                   "&lt;i&gt; «x»\xc2\xa0— &amp;bogus; AT&amp;T");
    check_srt_text("{\\i1}x{\\i0} {\\b1}y {кто}", "<i>x</i> <b>y {кто}</b>");
    check_srt_text("{y:i}x", "<i>x</i>");
    check_srt_text("<i></i>a", "a");
    check_srt_text("a\x01\x1b"
                   "b",
                   "ab");
    check_srt_text("{\\an8}top", "top");
    CHECK_STR(subtitle.cues[0].settings, STR("line:0"));
    check_srt_text("{\\a6}top", "top");
    CHECK_STR(subtitle.cues[0].settings, STR("line:0"));
}

TEST(srt_is_sorted_and_the_unusable_counted)
{
    check_cues("1\n00:00:05,000 --> 00:00:06,000\nb\n\n"
               "2\n00:00:01,000 --> 00:00:09,000\na\n\n"
               "3\n00:00:05,000 --> 00:00:05,500\nb2\n\n"
               "4\n00:00:05,000 --> 00:00:06,000\nb\n\n"
               "5\n00:00:07,000 --> 00:00:07,000\nnone\n\n"
               "6\n00:00:08,000 --> 00:00:07,000\nback\n\n"
               "7\n00:00:08,000 --> 00:00:09,000\n \n\n"
               "8\n-00:00:02,000 --> -00:00:01,000\nearly\n\n"
               "9\n00:00:08,000 --> oops\nlost\n\n"
               "10\n-00:00:02,000 --> 00:00:01,000\nclamped\n\n",
               "00:00:00.000 --> 00:00:01.000\nclamped\n\n"
               "00:00:01.000 --> 00:00:09.000\na\n\n"
               "00:00:05.000 --> 00:00:06.000\nb\n\n"
               "00:00:05.000 --> 00:00:05.500\nb2\n");
    CHECK_INT(subtitle.cues_kept, 4);
    CHECK_INT(subtitle.cues_merged, 1);
    CHECK_INT(subtitle.cues_dropped, 5);
    CHECK_STR(subtitle.first_drop_reason, STR("line 18: the cue has no duration"));
}

TEST(srt_cut_off_and_trailing_garbage)
{
    check_cues("1\n00:00:01,000 --> 00:00:02,000\nwhole\n\n2\n00:00:03,000 --> 00:0",
               "00:00:01.000 --> 00:00:02.000\nwhole\n");
    static char source[8192];
    size_t len = (size_t)snprintf(source, sizeof(source), "00:01 --> 00:02\nwhole\n\n");
    for (int i = 0; i < 1000; i++)
        source[len++] = i & 1 ? '\n' : 'x';
    source[len] = 0;
    check_cues(source, "00:00:01.000 --> 00:00:02.000\nwhole\n");
}

TEST(webvtt_is_normalised)
{
    check_cues("WEBVTT - title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\n"
               "NOTE a\nb\n\nintro\n00:01.000 --> 00:02.000 line:0 position:20%,line-left "
               "align:start region:r bogus onclick:<x>\n"
               "<v Mary>Hi <c.loud>there</c> <00:01.500><b>you</b>\n\n"
               "00:03.000 --> 00:04.000\n- a &lt; b &amp; c\n- {not ass}\n",
               "00:00:01.000 --> 00:00:02.000 line:0 position:20%,line-left align:start\n"
               "Hi there <b>you</b>\n\n"
               "00:00:03.000 --> 00:00:04.000\n- a &lt; b &amp; c\n- {not ass}\n");
    CHECK_INT(subtitle.format, SUBTITLE_WEBVTT);
}

static const char ass_head[] =
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, "
    "Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, "
    "Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    "Style: Default,Arial,20,&H0,&H0,&H0,&H0,-1,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1\n"
    "Style: Thought,Arial,20,&H0,&H0,&H0,&H0,0,-1,0,0,100,100,0,0,1,2,2,8,10,10,10,1\n"
    "\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";

static void check_ass(const char *events, const char *expected)
{
    static char source[4096];
    snprintf(source, sizeof(source), "%s%s", ass_head, events);
    check_cues(source, expected);
    CHECK_INT(subtitle.format, SUBTITLE_ASS);
}

TEST(ass_becomes_webvtt)
{
    check_ass("Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,hidden\n"
              "Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ann,0,0,0,,Hi, {\\i1}you{\\i0}\\Nall\n"
              "Dialogue: 0,0:00:03.00,0:00:04.00,Thought,,0,0,0,,thought {\\i0}plain{\\r} back\n"
              "Dialogue: 0,0:00:05.00,0:00:06.00,*Default,,0,0,0,,{\\an7\\pos(1,2)\\bord3}corner\n",
              "00:00:01.000 --> 00:00:02.500\nHi, <i>you</i>\nall\n\n"
              "00:00:03.000 --> 00:00:04.000 line:0\n<i>thought</i> plain <i>back</i>\n\n"
              "00:00:05.000 --> 00:00:06.000 line:0 align:left\ncorner\n");
}

TEST(ass_drawings_karaoke_and_comments_are_not_text)
{
    check_ass(
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 0 10 10{\\p0}\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\k20}ка{\\k30}ра{a note}{\\kf9}о\n"
        "Dialogue: 1,0:00:01.00,0:00:02.00,Default,,0,0,0,,караo{\\p1}m 1 1{\\p0}\\hx < y\n"
        "Dialogue: 0,bad,0:00:02.00,Default,,0,0,0,,x\n",
        "00:00:01.000 --> 00:00:02.000\nкарао\n\n"
        "00:00:01.000 --> 00:00:02.000\nкараo\xc2\xa0x &lt; y\n");
    CHECK_INT(subtitle.cues_dropped, 2);
    CHECK_STR(subtitle.first_drop_reason, STR("line 11: the cue has no text"));
}

TEST(ssa_v4_has_its_own_alignment)
{
    check_cues("[Script Info]\n[V4 Styles]\n"
               "Format: Name, Bold, Italic, Alignment\nStyle: Top, 0, -1, 6\n[Events]\n"
               "Format: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
               "Dialogue: Marked=0,0:00:01.00,0:00:02.00,Top,,0,0,0,,a, b\n",
               "00:00:01.000 --> 00:00:02.000 line:0\n<i>a, b</i>\n");
}

TEST(ass_without_formats_has_the_usual_columns)
{
    check_cues("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,,,0,0,0,,a{unclosed\n",
               "00:00:01.000 --> 00:00:02.000\na{unclosed\n");
}

TEST(subtitle_encodings_are_found)
{
    parse("1\n00:00:01,000 --> 00:00:02,000\n\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0!\n");
    CHECK_STR(subtitle.cues[0].text, STR("Привет, мир!"));
    CHECK(strcmp(subtitle.charset, "WINDOWS-1251") == 0);
}

static void check_refused(str source, enum err code, const char *slug)
{
    arena_deinit(&arena);
    arena_init(&arena, MIB(64));
    CHECK_ERR(subtitle_parse(&arena, source, &subtitle), code);
    CHECK_STR(str_of(err_slot()->slug), str_of(slug));
}

TEST(subtitle_refusals_say_why)
{
    check_refused(STR(""), ERR_INVALID, "subtitle-format-unknown");
    check_refused(STR("hello\nworld"), ERR_INVALID, "subtitle-format-unknown");
    check_refused(STR("{25}{80}Hello"), ERR_INVALID, "subtitle-frames");
    check_refused(STR("WEBVTT\n\n"), ERR_INVALID, "subtitle-empty");
    check_refused(STR("00:02,0 --> 00:01,0\nx"), ERR_INVALID, "subtitle-empty");
    check_refused(STR("\x1a\x45\xdf\xa3\0\0"), ERR_INVALID, "text-binary");
    static char large[SUBTITLE_BYTES_MAX + 1];
    memset(large, '\n', sizeof(large));
    check_refused((str){ large, sizeof(large) }, ERR_TOO_LARGE, "subtitle-too-large");
    arena_deinit(&arena);
}

TEST(subtitle_limits_cues_and_their_text)
{
    struct buf source;
    buf_init(&source, NULL, MIB(8));
    for (unsigned i = 0; i < SUBTITLE_CUES_MAX + 10u; i++)
        buf_printf(&source, "%u:%02u.%u --> 99:59\nt%u\n", i / 600, i / 10 % 60, i % 10, i);
    arena_deinit(&arena);
    arena_init(&arena, MIB(64));
    CHECK_OK(subtitle_parse(&arena, buf_str(&source), &subtitle));
    CHECK_INT(subtitle.cues_kept, SUBTITLE_CUES_MAX);
    CHECK_INT(subtitle.cues_dropped, 10);
    buf_clear(&source);
    buf_put(&source, STR("00:01 --> 00:02\nfits\n\n00:03 --> 00:04\n"));
    for (unsigned i = 0; i < SUBTITLE_CUE_TEXT_BYTES_MAX; i++)
        buf_put_char(&source, 'x');
    buf_put(&source, STR("yy"));
    CHECK_OK(subtitle_parse(&arena, buf_str(&source), &subtitle));
    CHECK_INT(subtitle.cues_kept, 1);
    CHECK_STR(subtitle.first_drop_reason, STR("line 4: the text of the cue is too long"));
    buf_deinit(&source);
    arena_deinit(&arena);
}

static enum err parse_in(struct arena *some_arena, void *arg)
{
    const str *source = arg;
    struct subtitle found;
    TRY(subtitle_parse(some_arena, *source, &found));
    CHECK(found.cues_kept > 0); /* never fewer because memory has ended */
    CHECK_INT(found.cues_dropped, 1);
    return OK;
}

TEST(subtitles_mind_every_refused_allocation)
{
    static str sources[] = {
        STR_INIT("1\n00:00:01,000 --> 00:00:02,000\n<b>One</b> & <i>two\n\n"
                 "2\n00:00:05,000 --> 00:00:04,000\nbackwards\n\n"
                 "3\n00:00:06,000 --> 00:00:07,000\n{\\an8}three\n"),
        STR_INIT("\xcf\xe5\xf0\xe2\xe0\xff \n\n1\n00:00:01,000 --> 00:00:02,000\n"
                 "\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0\n\n"
                 "2\n00:00:05,000 --> 00:00:04,000\n\xed\xe5\xf2\n"),
        STR_INIT("[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
                 "Dialogue: 0,0:00:01.00,0:00:02.00,Default,One{\\i1}two{\\i0}\\Nthree\n"
                 "Dialogue: 0,0:00:03.00,0:00:03.00,Default,at no time\n"),
        STR_INIT("WEBVTT\n\n00:01.000 --> 00:02.000 line:0\n<v Who>One</v>\n\n"
                 "00:05.000 --> 00:04.000\nbackwards\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        CHECK(test_every_allocation(parse_in, &sources[i]) >= 3);
}

TEST(parts_of_a_film_are_joined)
{
    struct subtitle one, two;
    str text;
    arena_init(&arena, MIB(1));
    CHECK_OK(subtitle_parse(&arena,
                            STR("1\n00:00:01,000 --> 00:00:02,000\nHello\n\n"
                                "2\n00:00:06,000 --> 00:00:07,000\nlate\n"),
                            &one));
    CHECK_OK(subtitle_parse(&arena, STR("1\n00:00:00,500 --> 00:00:01,000\nBye\n"), &two));
    struct subtitle_part parts[] = { { &one, 0 }, { &two, 5040 } };
    CHECK_OK(subtitle_join(&arena, parts, 2, &text));
    CHECK_STR(text, STR("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n"
                        "\n00:00:05.540 --> 00:00:06.040\nBye\n"
                        "\n00:00:06.000 --> 00:00:07.000\nlate\n"));
    parts[1].shift_ms = SUBTITLE_TIME_MS_MAX; /* nothing is shown after the limit */
    CHECK_OK(subtitle_join(&arena, parts, 2, &text));
    CHECK(str_find(text, STR("Bye")) < 0);
    arena_deinit(&arena);
}
