#include "internal.h"

#include "foundation/test/every_allocation.h"
#include "foundation/test/test.h"

#include <string.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, MIB(16));
}

static void end(void)
{
    arena_deinit(&arena);
}

/* An event with everything. */
static const char whole[] =
    "{\"specversion\":\"1.0\",\"id\":\"content-17\",\"source\":\"content\",\"type\":\"title."
    "published\","
    "\"subject\":\"title/42\",\"time\":\"2026-11-21T10:00:00.500000Z\","
    "\"datacontenttype\":\"application/json\",\"dataschema\":\"urn:kinobezdna:title.published:2\","
    "\"sequence\":\"0000000000000000017\",\"dataversion\":2,\"replayed\":true,"
    "\"data\":{\"title\":\"Сталкер\",\"year\":1979}}";

static void check_whole(const struct cloudevent *event)
{
    CHECK_STR(event->id, STR("content-17"));
    CHECK_STR(event->source, STR("content"));
    CHECK_STR(event->type, STR("title.published"));
    CHECK_STR(event->subject, STR("title/42"));
    CHECK_INT(event->time, 1795255200500000);
    CHECK_STR(event->datacontenttype, STR("application/json"));
    CHECK_STR(event->dataschema, STR("urn:kinobezdna:title.published:2"));
    CHECK_INT(event->extensions_count, 3);
    CHECK_STR(cloudevent_extension_find(event, STR("sequence")), STR("0000000000000000017"));
    CHECK_STR(cloudevent_extension_find(event, STR("dataversion")), STR("2"));
    CHECK_STR(cloudevent_extension_find(event, STR("replayed")), STR("true"));
    CHECK(!cloudevent_extension_find(event, STR("partitionkey")).ptr);
    CHECK_STR(event->data, STR("{\"title\":\"Сталкер\",\"year\":1979}"));
}

TEST(json_is_read_and_written_the_same)
{
    struct cloudevent event;
    struct buf buf;
    begin();
    buf_init(&buf, &arena, MIB(1));
    CHECK_OK(cloudevent_parse_json(&arena, str_of(whole), &event));
    check_whole(&event);
    CHECK_OK(cloudevent_write_json(&buf, &event));
    CHECK_STR(buf_str(&buf), str_of(whole));
    end();
}

TEST(kafka_headers_are_read_and_written_the_same)
{
    struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent event, again;
    struct cloudevent_record record = { .headers = headers };
    begin();
    CHECK_OK(cloudevent_parse_json(&arena, str_of(whole), &event));
    CHECK_OK(cloudevent_write_headers(&arena, &event, headers, &record.headers_count));
    CHECK_INT(record.headers_count, 11);
    CHECK_STR(headers[0].name, STR("ce_specversion"));
    CHECK_STR(headers[0].value, STR("1.0"));
    CHECK_STR(headers[6].name, STR("content-type"));
    CHECK_STR(headers[10].name, STR("ce_replayed"));
    record.value = event.data;
    CHECK_OK(cloudevent_read_record(&arena, &record, &again));
    check_whole(&again);
    end();
}

TEST(kafka_structured_mode)
{
    const struct cloudevent_header header = {
        STR_INIT("content-type"), STR_INIT("application/CloudEvents+json; charset=UTF-8")
    };
    const struct cloudevent_record record = { &header, 1, str_of(whole) };
    struct cloudevent event;
    begin();
    CHECK_OK(cloudevent_read_record(&arena, &record, &event));
    check_whole(&event);
    end();
}

static enum err parse_with(const char *more, struct cloudevent *out)
{
    str text = arena_printf(
        &arena, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"%s}", more);
    return cloudevent_parse_json(&arena, text, out);
}

TEST(data_is_json_or_text_or_bytes)
{
    struct cloudevent event;
    struct buf buf;
    begin();
    buf_init(&buf, &arena, MIB(1));
    CHECK_OK(parse_with("", &event));
    CHECK(!event.data.ptr);
    CHECK_OK(parse_with(",\"data\":\"a\\n\"", &event)); /* no content type: JSON */
    CHECK_STR(event.data, STR("\"a\\n\""));
    CHECK_OK(parse_with(",\"datacontenttype\":\"text/plain\",\"data\":\"a\\n\"", &event));
    CHECK_STR(event.data, STR("a\n"));
    CHECK_OK(parse_with(",\"datacontenttype\":\"image/x\",\"data_base64\":\"AP8Q/w==\"", &event));
    CHECK_STR(event.data, ((str){ "\0\xff\x10\xff", 4 }));
    CHECK_OK(cloudevent_write_json(&buf, &event));
    CHECK(str_find(buf_str(&buf), STR("\"data_base64\":\"AP8Q/w==\"")) > 0);
    CHECK_OK(parse_with(",\"data\":1,\"datacontenttype\":\"application/x+json\"", &event));
    CHECK_STR(event.data, STR("1"));
    end();
}

/* What says it is JSON and is not must not break the text around it. */
TEST(data_that_is_no_json_is_written_as_bytes)
{
    static const str broken[] = { STR_INIT("{\"a\":"), STR_INIT("1,\"id\":2"), STR_INIT(""),
                                  STR_INIT(" 1"), STR_INIT("\xff") };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct cloudevent again,
            event = { STR("1"), STR("s"), STR("t"), .time = INSTANT_NEVER, .data = broken[i] };
        struct buf buf;
        buf_init(&buf, &arena, KIB(4));
        CHECK_OK(cloudevent_write_json(&buf, &event));
        CHECK_OK(cloudevent_parse_json(&arena, buf_str(&buf), &again));
        CHECK_STR(again.data, broken[i]);
        CHECK_STR(again.id, STR("1"));
    }
    end();
}

TEST(broken_envelopes_are_refused_by_name)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "{}", "specversion" },
        { "{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion" },
        { "{\"specversion\":1.0,\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion" },
        { "{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", "id is missing" },
        { "{\"specversion\":\"1.0\",\"id\":null,\"source\":\"s\",\"type\":\"t\"}",
          "id is missing" },
        { "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\"}",
          "id is missing" },
        { "{\"specversion\":\"1.0\",\"id\":7,\"source\":\"s\",\"type\":\"t\"}", "id is not text" },
        { "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a b\",\"type\":\"t\"}",
          "source is not" },
        { "{\"specversion\":\"1.0\",\"id\":\"1\",\"id\":\"2\",\"source\":\"s\",\"type\":\"t\"}",
          "id is there twice" },
        { "{\"specversion\":\"1.0\",\"id\":\"a\\u0001\",\"source\":\"s\",\"type\":\"t\"}",
          "id is not text" },
        { "[]", "object" },
        { "{\"specversion\":\"1.0\"} x", "byte" },
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cloudevent event = { .id = STR("untouched") };
        CHECK_ERR(cloudevent_parse_json(&arena, str_of(cases[i].text), &event), ERR_INVALID);
        if (!strstr(err_slot()->text, cases[i].says))
            test_fail("%s: %s", cases[i].text, err_slot()->text);
        CHECK_STR(event.id, STR("untouched"));
    }
    end();
}

TEST(broken_attributes_are_refused_by_name)
{
    static const struct {
        const char *more, *says;
    } cases[] = {
        { ",\"time\":\"yesterday\"", "RFC 3339" },
        { ",\"time\":\"0001-01-01T00:00:00+01:00\"", "year" },
        { ",\"subject\":\"\"", "subject is missing" },
        { ",\"datacontenttype\":\"json\"", "media type" },
        { ",\"dataschema\":\"no uri\"", "URI" },
        { ",\"dataschema\":\"/relative\"", "URI" },
        { ",\"Upper\":\"x\"", "'Upper'" },
        { ",\"under_score\":\"x\"", "'under_score'" },
        { ",\"big\":2147483648", "big" },
        { ",\"half\":0.5", "half" },
        { ",\"list\":[]", "text" },
        { ",\"a\":\"1\",\"a\":\"1\"", "a is there twice" },
        { ",\"data\":1,\"data_base64\":\"AA==\"", "both" },
        { ",\"data\":1,\"data\":1", "twice" },
        { ",\"data_base64\":\"AB==\"", "base64" },
        { ",\"data_base64\":\"A\"", "base64" },
        { ",\"data_base64\":\"====\"", "base64" },
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cloudevent event;
        CHECK_ERR(parse_with(cases[i].more, &event), ERR_INVALID);
        if (!strstr(err_slot()->text, cases[i].says))
            test_fail("%s: %s", cases[i].more, err_slot()->text);
    }
    end();
}

TEST(broken_headers_are_refused)
{
    static const struct cloudevent_header right[] = {
        { STR_INIT("ce_specversion"), STR_INIT("1.0") },
        { STR_INIT("ce_id"), STR_INIT("1") },
        { STR_INIT("ce_source"), STR_INIT("s") },
        { STR_INIT("ce_type"), STR_INIT("t") },
    };
    static const struct cloudevent_header wrong[] = {
        { STR_INIT("ce_id"), STR_INIT("2") },
        { STR_INIT("ce_subject"), { NULL, 0 } },
        { STR_INIT("ce_subject"), STR_INIT("\xff") },
        { STR_INIT("ce_"), STR_INIT("x") },
        { STR_INIT("ce_Name"), STR_INIT("x") },
        { STR_INIT("ce_datacontenttype"), STR_INIT("text/plain") },
        { STR_INIT("content-type"), STR_INIT("application/cloudevents-batch+json") },
        { STR_INIT("content-type"), { NULL, 0 } },
    };
    struct cloudevent_header headers[ARRAY_LEN(right) + 1];
    struct cloudevent event;
    begin();
    memcpy(headers, right, sizeof(right));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        headers[ARRAY_LEN(right)] = wrong[i];
        CHECK_ERR(cloudevent_read_record(
                      &arena, &(struct cloudevent_record){ headers, ARRAY_LEN(headers), STR("x") },
                      &event),
                  ERR_INVALID);
    }
    headers[ARRAY_LEN(right)] = (struct cloudevent_header){ STR("traceparent"), STR_NONE };
    CHECK_OK(cloudevent_read_record(
        &arena, &(struct cloudevent_record){ headers, ARRAY_LEN(headers), STR("x") }, &event));
    CHECK_STR(event.data, STR("x"));
    end();
}

TEST(limits_hold)
{
    struct cloudevent event;
    struct buf buf;
    char text[CLOUDEVENT_TEXT_MAX + 2];
    begin();
    memset(text, 'a', sizeof(text));
    text[CLOUDEVENT_TEXT_MAX + 1] = 0;
    event = (struct cloudevent){ str_of(text), STR("s"), STR("t"), .time = INSTANT_NEVER };
    CHECK_ERR(cloudevent_check(&event), ERR_TOO_LARGE);
    event.id.len--;
    CHECK_OK(cloudevent_check(&event));
    buf_init(&buf, &arena, KIB(64));
    for (int i = 0; i <= CLOUDEVENT_EXTENSIONS_MAX; i++)
        buf_printf(&buf, ",\"x%d\":\"\"", i);
    CHECK_ERR(parse_with(arena_cstr(&arena, buf_str(&buf)), &event), ERR_TOO_LARGE);
    end();
}

static enum err everything(struct arena *memory, void *arg)
{
    struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent event;
    size_t count;
    (void)arg;
    TRY(cloudevent_parse_json(memory, str_of(whole), &event));
    TRY(cloudevent_write_headers(memory, &event, headers, &count));
    return cloudevent_parse_json(memory,
                                 STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
                                     "\"type\":\"t\",\"data_base64\":\"AA==\"}"),
                                 &event);
}

TEST(memory_may_end_anywhere)
{
    begin();
    CHECK(test_every_allocation_or(everything, NULL, ERR_TOO_LARGE) > 2);
    end();
}
