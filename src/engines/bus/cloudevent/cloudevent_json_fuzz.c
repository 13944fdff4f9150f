/*
 * Fuzz: an event that was read can be written, and read again it is the same; so it is by way of
 * the headers of Kafka.
 */
#include "internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_same(const struct cloudevent *one, const struct cloudevent *two)
{
    ASSERT(str_eq(one->id, two->id) && str_eq(one->source, two->source));
    ASSERT(str_eq(one->type, two->type) && str_eq(one->subject, two->subject));
    ASSERT(one->time == two->time && !one->data.ptr == !two->data.ptr);
    ASSERT(str_eq(one->datacontenttype, two->datacontenttype));
    ASSERT(str_eq(one->dataschema, two->dataschema) && str_eq(one->data, two->data));
    ASSERT(one->extensions_count == two->extensions_count);
    for (unsigned i = 0; i < one->extensions_count; i++) {
        ASSERT(str_eq(one->extensions[i].name, two->extensions[i].name));
        ASSERT(str_eq(one->extensions[i].value, two->extensions[i].value));
    }
}

static void by_headers(struct arena *arena, const struct cloudevent *event)
{
    struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent_record record = { .headers = headers, .value = event->data };
    struct cloudevent again;
    if (cloudevent_write_headers(arena, event, headers, &record.headers_count) != OK)
        return; /* its data is said to be an event */
    ASSERT(cloudevent_read_record(arena, &record, &again) == OK);
    check_same(event, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct cloudevent event, again;
    struct buf buf;
    arena_init(&arena, MIB(64));
    buf_init(&buf, NULL, MIB(8));
    if (cloudevent_parse_json(&arena, (str){ (const char *)data, size_bytes }, &event) == OK) {
        ASSERT(cloudevent_write_json(&buf, &event) == OK);
        /* Escapes may make the text longer than one that is read. */
        if (buf_str(&buf).len <= CLOUDEVENT_SIZE_BYTES_MAX) {
            ASSERT(cloudevent_parse_json(&arena, buf_str(&buf), &again) == OK);
            check_same(&event, &again);
        }
        by_headers(&arena, &event);
    }
    buf_deinit(&buf);
    arena_deinit(&arena);
    return 0;
}
