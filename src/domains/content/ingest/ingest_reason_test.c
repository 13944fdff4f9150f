/* Reasons: every sentence is found again by its pattern, and the page of the API is this table. */
#include "ingest_reason.h"

#include "nfo.h"

#include "foundation/json/json.h"
#include "foundation/mem/buf.h"
#include "foundation/test/test.h"
#include "media/subtitle/subtitle.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;

static bool reason_has(str json, const char *part)
{
    return str_find(json, str_of(part)) >= 0;
}

/* The names in a pattern, in order. */
static size_t names_of(str pattern, str *out_names)
{
    size_t count = 0;
    str before;
    while (str_cut(&pattern, '{', &before) && pattern.ptr) {
        ASSERT(count < INGEST_REASON_PARAMS_MAX);
        CHECK(str_cut(&pattern, '}', &out_names[count++]));
    }
    return count;
}

TEST(every_reason_is_found_by_its_sentence)
{
    arena_init(&arena, MIB(16));
    for (int i = INGEST_REASON_NONE + 1; i < INGEST_REASONS; i++) {
        enum ingest_reason reason = (enum ingest_reason)i;
        str names[INGEST_REASON_PARAMS_MAX], values[INGEST_REASON_PARAMS_MAX];
        size_t count = names_of(str_of(ingest_reason_pattern(reason)), names);
        for (size_t j = 0; j < count; j++)
            values[j] = str_eq(names[j], STR("cause")) ? STR("codec VC-1")
                                                       : arena_printf(&arena, "%zu Ы/ x", j);
        str text = ingest_reason_text(&arena, reason, values, count);
        str json = ingest_reasons_json(&arena, text);
        str begin = arena_printf(&arena, "[{\"code\":\"%s\",\"text\":", ingest_reason_code(reason));
        if (ingest_reason_of(text) != reason)
            CHECK_STR(text, str_of(ingest_reason_code(reason)));
        CHECK(str_starts(json, begin));
        for (size_t j = 0; j < count; j++)
            CHECK(reason_has(json, arena_printf(&arena, "\"%.*s\":\"%.*s\"", STR_ARG(names[j]),
                                                STR_ARG(values[j]))
                                       .ptr));
    }
    arena_deinit(&arena);
}

TEST(codes_are_unique_and_plain)
{
    for (int i = 1; i < INGEST_REASONS; i++) {
        str code = str_of(ingest_reason_code((enum ingest_reason)i));
        for (size_t at = 0; at < code.len; at++)
            CHECK((code.ptr[at] >= 'a' && code.ptr[at] <= 'z') || code.ptr[at] == '-' ||
                  (code.ptr[at] >= '0' && code.ptr[at] <= '9'));
        for (int j = 1; j < i; j++)
            CHECK(!str_eq(code, str_of(ingest_reason_code((enum ingest_reason)j))));
    }
}

TEST(a_text_of_several_reasons_is_a_list)
{
    arena_init(&arena, MIB(1));
    CHECK_STR(ingest_reasons_json(&arena, STR("")), STR("[]"));
    CHECK_STR(
        ingest_reasons_json(&arena, STR("Hi10P: the video is transcoded\nsomething new \"here\"")),
        STR("[{\"code\":\"video-transcoded\",\"text\":\"Hi10P: the video is transcoded\","
            "\"params\":{\"cause\":\"Hi10P\"},\"cause\":{\"code\":\"hi10p\",\"text\":\"Hi10P\","
            "\"params\":{}}},{\"code\":\"error\",\"text\":\"something new \\\"here\\\"\","
            "\"params\":{\"detail\":\"something new \\\"here\\\"\"}}]"));
    CHECK(reason_has(ingest_reasons_json(&arena, STR("a: b of c: 1 of 2 cues were dropped: Hi10P")),
                     "\"file\":\"a: b of c\",\"dropped\":\"1\",\"total\":\"2\""));
    CHECK_STR(INGEST_REASON(&arena, PATH_FAILED, STR("/a\nb"), STR("it is not there")),
              STR("/a b was not taken in: it is not there"));
    arena_deinit(&arena);
}

/* Causes within causes, and values that look like words of other patterns, end. */
TEST(hostile_values_stay_values)
{
    arena_init(&arena, MIB(4));
    struct buf buf;
    buf_init(&buf, &arena, KIB(64));
    for (int i = 0; i < 1000; i++)
        buf_put(&buf, STR("line 1: "));
    buf_put(&buf, STR("{cause} {{{"));
    str json = ingest_reasons_json(&arena, buf_str(&buf));
    CHECK(str_starts(json, STR("[{\"code\":\"at-line\"")));
    unsigned depth = 0;
    for (size_t i = 0; i + 8 < json.len; i++)
        depth += str_eq(str_sub(json, i, 9), STR("\"cause\":{"));
    CHECK_INT(depth, 3);
    arena_deinit(&arena);
}

/* --- The sentences of others ---------------------------------------------------------------- */

TEST(what_parsers_say_has_a_code)
{
    static const struct {
        const char *srt;
        enum ingest_reason fault;
    } cues[] = {
        { "00:00:02,000 --> 00:00:02,000\nx", INGEST_REASON_CUE_NO_LENGTH },
        { "00:00:02,000 --> 00:00:01,000\nx", INGEST_REASON_CUE_BACKWARDS },
        { "00:00:02,000 --> 00:00:03,000\n", INGEST_REASON_CUE_EMPTY },
        { "00:00:02,000 --> nonsense\nx", INGEST_REASON_CUE_TIMES },
    };
    static const struct {
        const char *content;
        enum ingest_reason fault;
    } bad[] = {
        { "this is no subtitle at all", INGEST_REASON_SUBTITLE_FORMAT },
        { "{1}{25}Hello\n{30}{50}Bye\n", INGEST_REASON_SUBTITLE_FRAMES },
    };
    arena_init(&arena, MIB(16));
    for (size_t i = 0; i < ARRAY_LEN(cues); i++) {
        struct subtitle subtitle;
        str whole = arena_printf(&arena, "1\n00:00:00,500 --> 00:00:01,000\nfirst\n\n2\n%s\n\n",
                                 cues[i].srt);
        str cause;
        CHECK_OK(subtitle_parse(&arena, whole, &subtitle));
        str rest = subtitle.first_drop_reason;
        CHECK_INT(ingest_reason_of(rest), INGEST_REASON_AT_LINE);
        CHECK(str_cut(&rest, ':', &cause));
        CHECK_STR(str_of(ingest_reason_code(ingest_reason_of(str_trim(rest)))),
                  str_of(ingest_reason_code(cues[i].fault)));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct subtitle subtitle;
        CHECK_ERR(subtitle_parse(&arena, str_of(bad[i].content), &subtitle), ERR_INVALID);
        CHECK_INT(ingest_reason_of(str_of(err_slot()->text)), bad[i].fault);
    }
    arena_deinit(&arena);
}

TEST(what_an_nfo_says_has_a_code)
{
    static const struct {
        const char *nfo, *code;
    } rows[] = {
        { "<!DOCTYPE x><movie><title>A</title></movie>", "nfo-doctype" },
        { "<movie><title>A</title><rating>99</rating></movie>", "nfo-rating" },
        { "<movie><title>A</ti", "xml-" },
    };
    arena_init(&arena, MIB(64));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct nfo nfo;
        CHECK_OK(nfo_parse(&arena, str_of(rows[i].nfo), &nfo));
        str json = ingest_reasons_json(&arena, nfo.warning);
        if (!reason_has(json, arena_printf(&arena, "\"code\":\"%s", rows[i].code).ptr))
            CHECK_STR(json, str_of(rows[i].code));
    }
    struct nfo nfo;
    CHECK_ERR(nfo_parse(&arena, STR("hello"), &nfo), ERR_INVALID);
    CHECK_INT(ingest_reason_of(str_of(err_slot()->text)), INGEST_REASON_NFO_EMPTY);
    arena_deinit(&arena);
}

/* --- The page of the API -------------------------------------------------------------------- */

static str page_of_table(void)
{
    struct buf buf;
    str names[INGEST_REASON_PARAMS_MAX];
    buf_init(&buf, &arena, KIB(256));
    buf_put(&buf, STR("[\n"));
    for (int i = INGEST_REASON_NONE + 1; i < INGEST_REASONS; i++) {
        enum ingest_reason reason = (enum ingest_reason)i;
        size_t count = names_of(str_of(ingest_reason_pattern(reason)), names);
        buf_put(&buf, STR("  {\"code\": "));
        json_write_string(&buf, str_of(ingest_reason_code(reason)));
        buf_put(&buf, STR(", \"params\": ["));
        for (size_t j = 0; j < count; j++)
            buf_printf(&buf, "%s\"%.*s\"", j ? ", " : "", STR_ARG(names[j]));
        buf_put(&buf, STR("], \"text\": "));
        json_write_string(&buf, str_of(ingest_reason_pattern(reason)));
        buf_printf(&buf, "}%s\n", i + 1 < INGEST_REASONS ? "," : "");
    }
    buf_put(&buf, STR("]\n"));
    return buf_str(&buf);
}

/* KB_GOLDEN_UPDATE=1 writes docs/api/reasons.json anew. */
TEST(the_page_of_reasons_is_the_table)
{
    static char there[256 << 10];
    arena_init(&arena, MIB(1));
    str page = page_of_table();
    if (getenv("KB_GOLDEN_UPDATE")) {
        FILE *out = fopen(KB_REASONS, "w");
        CHECK(out != NULL && fwrite(page.ptr, 1, page.len, out) == page.len && fclose(out) == 0);
    }
    FILE *file = fopen(KB_REASONS, "r");
    CHECK(file != NULL);
    str read = { there, fread(there, 1, sizeof(there), file) };
    CHECK_INT(fclose(file), 0);
    CHECK_STR(read, page);
    arena_deinit(&arena);
}
