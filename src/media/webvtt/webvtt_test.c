/* webvtt_test: what is read, what is refused with its line, and which cues a segment holds. */
#include "webvtt.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <string.h>

static struct arena memory;

static struct webvtt parse(str file)
{
    struct webvtt vtt;
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
    CHECK_OK(webvtt_parse(&memory, file, &vtt));
    return vtt;
}

static str segment(const struct webvtt *vtt, uint32_t number, uint32_t segment_ms)
{
    struct buf out;
    buf_init(&out, &memory, MIB(1));
    CHECK_OK(webvtt_segment_write(vtt, number, segment_ms, &out));
    return buf_str(&out);
}

#define SAMPLE                                                                                     \
    "\xef\xbb\xbfWEBVTT - a film\r\nKind: captions\r\n\r\n"                                        \
    "STYLE\r\n::cue { color: white }\r\n\r\n"                                                      \
    "REGION\r\nid:low\r\n\r\n"                                                                     \
    "NOTE by hand\r\nmore of it\r\n\r\n"                                                           \
    "first\r\n00:01.500 --> 00:04.000 line:0 align:start\r\n<i>One</i>\r\ntwo\r\n\r\n\r\n"         \
    "00:00:09.000 --> 01:00:12.345\r\n\xd0\x9f\xd1\x80\r\n\r\n"                                    \
    "00:10.000\t-->\t00:20.000\r\n"

TEST(webvtt_reads)
{
    struct webvtt vtt = parse(STR(SAMPLE));
    CHECK_INT(vtt.cue_count, 3);
    CHECK_INT(vtt.block_count, 2);
    CHECK_STR(vtt.blocks[0], STR("STYLE\r\n::cue { color: white }"));
    CHECK_STR(vtt.cues[0].id, STR("first"));
    CHECK_INT(vtt.cues[0].start_ms, 1500);
    CHECK_INT(vtt.cues[0].end_ms, 4000);
    CHECK_STR(vtt.cues[0].settings, STR("line:0 align:start"));
    CHECK_STR(vtt.cues[0].text, STR("<i>One</i>\r\ntwo"));
    CHECK_STR(vtt.cues[1].id, STR(""));
    CHECK_INT(vtt.cues[1].end_ms, 3612345);
    CHECK_STR(vtt.cues[1].text, STR("\xd0\x9f\xd1\x80"));
    CHECK_STR(vtt.cues[2].text, STR(""));
    CHECK_INT(vtt.end_ms, 3612345);
}

TEST(webvtt_line_ends)
{
    struct webvtt lf =
        parse(STR("WEBVTT\n\n00:01.000 --> 00:02.000\na\nb\n\n00:03.000 --> 00:04.000\nc"));
    CHECK_INT(lf.cue_count, 2);
    CHECK_STR(lf.cues[0].text, STR("a\nb"));
    struct webvtt cr =
        parse(STR("WEBVTT\r\r00:01.000 --> 00:02.000\ra\rb\r\r00:03.000 --> 00:04.000\rc"));
    CHECK_INT(cr.cue_count, 2);
    CHECK_STR(cr.cues[1].text, STR("c"));
    CHECK_INT(parse(STR("WEBVTT")).cue_count, 0);
}

/* A cue is in every segment it touches, whole; the one that ends where a segment begins is not. */
TEST(webvtt_segments_repeat_cues)
{
    struct webvtt vtt = parse(STR(SAMPLE));
    CHECK_STR(segment(&vtt, 1, 9000),
              STR("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n"
                  "STYLE\r\n::cue { color: white }\n\nREGION\r\nid:low\n\n"
                  "first\r\n00:01.500 --> 00:04.000 line:0 align:start\r\n<i>One</i>\r\ntwo\n"));
    str second = segment(&vtt, 2, 9000), third = segment(&vtt, 3, 9000),
        fourth = segment(&vtt, 4, 9000);
    CHECK(str_find(second, STR("first")) < 0);
    CHECK(str_find(second, STR("00:00:09.000 --> 01:00:12.345")) > 0);
    CHECK(str_find(second, STR("00:10.000\t-->\t00:20.000\n")) > 0);
    CHECK(str_find(third, STR("00:00:09.000 --> 01:00:12.345")) > 0);
    CHECK(str_find(third, STR("00:10.000")) > 0);
    CHECK(str_find(fourth, STR("00:10.000")) < 0);
    CHECK(str_find(fourth, STR("01:00:12.345")) > 0);
    struct webvtt again;
    CHECK_OK(webvtt_parse(&memory, second, &again));
    CHECK_INT(again.cue_count, 2);
}

TEST(webvtt_refuses)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "", "line 0: the file does not begin with WEBVTT" },
        { "WEBVTTX\n", "line 1: the file does not begin with WEBVTT" },
        { "1\n00:00:01,000 --> 00:00:02,000\nsrt\n", "line 1" },
        { "WEBVTT\n00:01.000 --> 00:02.000\nx\n", "line 2: there is no empty line" },
        { "WEBVTT\n\n00:01.000 --> 00:01.000\nx\n", "line 3: the cue ends before" },
        { "WEBVTT\n\n00:02.000 --> 00:01.000\nx\n", "line 3: the cue ends before" },
        { "WEBVTT\n\n00:01,000 --> 00:02,000\nx\n", "line 3: the times of a cue do not begin" },
        { "WEBVTT\n\n0:01.000 --> 00:02.000\nx\n", "line 3" },
        { "WEBVTT\n\n00:61.000 --> 00:62.000\nx\n", "line 3" },
        { "WEBVTT\n\n123:01.000 --> 123:02.000\nx\n", "line 3" },
        { "WEBVTT\n\n00:01.000 -->00:02.000\nx\n", "line 3: the times of a cue do not end" },
        { "WEBVTT\n\n00:01.000 --> 00:02.000line:0\nx\n",
          "line 3: there is something right after" },
        { "WEBVTT\n\n9999:00:01.000 --> 9999:00:02.000\nx\n", "line 3" },
        { "WEBVTT\n\nid\n\n", "line 4: a block has neither" },
        { "WEBVTT\n\nid\ntext\n", "line 4" },
        { "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n00:03.000 --> 00:04.000\n",
          "line 5: the text of a cue" },
        { "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n\nSTYLE\n::cue{}\n", "line 6: a style or region" },
        { "WEBVTT\n\n00:01.000 --> 00:02.000\n\xff\n", "not UTF-8" },
    };
    arena_deinit(&memory);
    arena_init(&memory, MIB(1));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct webvtt vtt;
        CHECK_ERR(webvtt_parse(&memory, str_of(cases[i].text), &vtt), ERR_INVALID);
        if (str_find(str_of(err_slot()->text), str_of(cases[i].reason)) < 0)
            CHECK_STR(str_of(err_slot()->text), str_of(cases[i].reason));
    }
}

TEST(webvtt_limits)
{
    struct webvtt vtt;
    struct buf file;
    arena_deinit(&memory);
    arena_init(&memory, MIB(64));
    buf_init(&file, &memory, MIB(32));
    buf_put(&file, STR("WEBVTT\n\n"));
    for (int i = 0; i <= WEBVTT_CUES_MAX; i++)
        buf_put(&file, STR("00:01.000 --> 00:02.000\n\n"));
    CHECK_ERR(webvtt_parse(&memory, buf_str(&file), &vtt), ERR_INVALID);
    CHECK(str_find(str_of(err_slot()->text), STR("too many cues")) > 0);
    struct arena small;
    arena_init(&small, KIB(64));
    CHECK_ERR(webvtt_parse(&small, str_sub(buf_str(&file), 0, KIB(64)), &vtt), ERR_EXHAUSTED);
    arena_deinit(&small);
}

static enum err parse_and_cut(struct arena *some_arena, void *arg)
{
    const str *file = arg;
    struct webvtt vtt;
    struct buf out;
    TRY(webvtt_parse(some_arena, *file, &vtt));
    buf_init(&out, some_arena, MIB(1));
    for (uint32_t number = 1; number < 4; number++)
        TRY(webvtt_segment_write(&vtt, number, 10000, &out));
    return OK;
}

TEST(webvtt_minds_every_refused_allocation)
{
    struct buf many;
    str sample = STR(SAMPLE), all;
    CHECK(test_every_allocation(parse_and_cut, &sample) >= 3);
    buf_init(&many, NULL, MIB(1));
    buf_put(&many, STR("WEBVTT\n\n"));
    for (int i = 0; i < 300; i++)
        buf_printf(&many, "00:%02d.000 --> 00:%02d.500\ncue %d\n\n", i / 10, i / 10, i);
    all = buf_str(&many);
    CHECK(test_every_allocation(parse_and_cut, &all) >= 6);
    buf_deinit(&many);
}
