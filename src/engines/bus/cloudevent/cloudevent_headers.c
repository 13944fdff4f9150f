/*
 * cloudevent_headers: the Kafka Protocol Binding 1.0.2. Binary mode: an attribute is the header
 * ce_NAME, the content type the header content-type, the data the record's value.
 */
#include "internal.h"

#include <string.h>

#define STRUCTURED STR("application/cloudevents+json")

/* Such a content type says that the envelope is in the value. */
static bool is_of_envelopes(str content_type)
{
    static const str prefix = STR_INIT("application/cloudevents");
    return str_eq_nocase(str_sub(content_type, 0, prefix.len), prefix);
}

static enum err content_type_find(const struct cloudevent_record *record, str *out)
{
    *out = STR_NONE;
    for (size_t i = 0; i < record->headers_count; i++) {
        if (!str_eq(record->headers[i].name, STR("content-type")))
            continue;
        if (out->ptr)
            return err_set(ERR_INVALID, "envelope", "the header content-type is there twice");
        *out = record->headers[i].value.ptr ? record->headers[i].value : STR("");
    }
    return OK;
}

static bool is_mode(str content_type, str mode)
{
    str rest = content_type, essence = STR_NONE;
    str_cut(&rest, ';', &essence);
    return str_eq_nocase(str_trim(essence), mode);
}

static enum err header_read(const struct cloudevent_header *header, struct draft *draft)
{
    struct cloudevent_extension attribute = { .value = header->value };
    if (!str_starts(header->name, STR("ce_")))
        return OK;
    attribute.name = str_skip(header->name, 3);
    if (str_eq(attribute.name, STR("datacontenttype")))
        return err_set(ERR_INVALID, "envelope", "the content type has no header ce_");
    if (!attribute.value.ptr)
        return err_set(ERR_INVALID, "envelope", "a header of the event is null");
    return draft_put(draft, &attribute);
}

enum err cloudevent_read_record(struct arena *arena, const struct cloudevent_record *record,
                                struct cloudevent *out)
{
    struct draft draft;
    str type;
    if (record->headers_count > CLOUDEVENT_HEADERS_MAX)
        return err_set(ERR_TOO_LARGE, "envelope", "the record has over %d headers",
                       CLOUDEVENT_HEADERS_MAX);
    TRY(content_type_find(record, &type));
    if (is_mode(type, STRUCTURED))
        return cloudevent_parse_json(arena, record->value, out);
    if (is_of_envelopes(type))
        return err_set(ERR_INVALID, "envelope", "an event is read from JSON or from headers only");
    draft_init(&draft);
    for (size_t i = 0; i < record->headers_count; i++)
        TRY(header_read(&record->headers[i], &draft));
    draft.event.datacontenttype = type;
    draft.event.data = record->value;
    return draft_finish(&draft, arena, out);
}

/* --- Writing ------------------------------------------------------------------------------------
 */

struct writer {
    struct cloudevent_header *headers;
    size_t count;
    char *room; /* for names and the time */
};

static void put(struct writer *writer, str name, str value)
{
    if (value.ptr)
        writer->headers[writer->count++] = (struct cloudevent_header){ name, value };
}

/* A copy of both, one after the other. */
static str room_put(struct writer *writer, str one, str two)
{
    str text = { writer->room, one.len + two.len };
    memcpy(writer->room, one.ptr, one.len);
    memcpy(writer->room + one.len, two.ptr, two.len);
    writer->room += text.len;
    return text;
}

static size_t room_needed(const struct cloudevent *event)
{
    size_t needed = INSTANT_TEXT_MAX;
    for (unsigned i = 0; i < event->extensions_count; i++)
        needed += event->extensions[i].name.len + 3;
    return needed;
}

enum err cloudevent_write_headers(struct arena *arena, const struct cloudevent *event,
                                  struct cloudevent_header out[CLOUDEVENT_HEADERS_MAX],
                                  size_t *out_count)
{
    struct writer writer = { .headers = out };
    char time[INSTANT_TEXT_MAX];
    TRY(cloudevent_check(event));
    if (is_of_envelopes(event->datacontenttype))
        return err_set(ERR_INVALID, "envelope", "an event within an event has no headers");
    writer.room = arena_try(arena, room_needed(event));
    if (!writer.room)
        return envelope_exhausted();
    put(&writer, STR("ce_specversion"), STR("1.0"));
    put(&writer, STR("ce_id"), event->id);
    put(&writer, STR("ce_source"), event->source);
    put(&writer, STR("ce_type"), event->type);
    put(&writer, STR("ce_subject"), event->subject);
    if (event->time != INSTANT_NEVER)
        put(&writer, STR("ce_time"), room_put(&writer, instant_format(event->time, time), STR("")));
    put(&writer, STR("content-type"), event->datacontenttype);
    put(&writer, STR("ce_dataschema"), event->dataschema);
    for (unsigned i = 0; i < event->extensions_count; i++) {
        str value = event->extensions[i].value;
        put(&writer, room_put(&writer, STR("ce_"), event->extensions[i].name),
            value.ptr ? value : STR(""));
    }
    *out_count = writer.count;
    return OK;
}
