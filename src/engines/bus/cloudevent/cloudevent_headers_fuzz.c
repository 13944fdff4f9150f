/*
 * Fuzz: the headers of a Kafka record. The input is lines "name: value" ("name" alone: null), an
 * empty line, and the record's value. What was read can be written and read again.
 */
#include "internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static size_t headers_split(str *rest, struct cloudevent_header *headers, size_t count_max)
{
    size_t count = 0;
    str line;
    while (str_cut(rest, '\n', &line) && line.len > 0) {
        ptrdiff_t colon = str_find(line, STR(": "));
        if (count == count_max)
            break;
        headers[count++] = colon < 0 ? (struct cloudevent_header){ .name = line }
                                     : (struct cloudevent_header){
                                           str_sub(line, 0, (size_t)colon),
                                           str_skip(line, (size_t)colon + 2),
                                       };
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX + 8], written[CLOUDEVENT_HEADERS_MAX];
    struct cloudevent event, again;
    struct arena arena;
    str rest = { (const char *)data, size_bytes };
    size_t count = headers_split(&rest, headers, ARRAY_LEN(headers));
    struct cloudevent_record record = { headers, count, rest };
    arena_init(&arena, MIB(64));
    if (cloudevent_read_record(&arena, &record, &event) == OK) {
        struct cloudevent_record other = { .headers = written, .value = event.data };
        if (cloudevent_write_headers(&arena, &event, written, &other.headers_count) == OK) {
            ASSERT(cloudevent_read_record(&arena, &other, &again) == OK);
            ASSERT(str_eq(event.id, again.id) && str_eq(event.type, again.type));
            ASSERT(event.time == again.time && str_eq(event.data, again.data));
            ASSERT(event.extensions_count == again.extensions_count);
        }
    }
    arena_deinit(&arena);
    return 0;
}
