/*
 * cloudevent_json: the JSON Event Format 1.0.2 (application/cloudevents+json), one event a text.
 */
#include "internal.h"

#include "foundation/json/json.h"

/* --- Reading ------------------------------------------------------------------------------------
 */

/* What only the whole tells how to read: data may come before its content type. */
struct data_members {
    str plain;  /* "data" as it stands in the text */
    str base64; /* "data_base64", decoded from JSON */
};

static const struct json_limits limits = { .size_bytes_max = CLOUDEVENT_SIZE_BYTES_MAX,
                                           .string_bytes_max = CLOUDEVENT_SIZE_BYTES_MAX };

/* An attribute's value as text, and the type it had. ptr NULL: null, which is absent. */
static enum err value_read(struct json *json, struct cloudevent_extension *attribute)
{
    bool truth;
    attribute->kind = CLOUDEVENT_STRING;
    attribute->value = STR_NONE;
    switch (json_peek(json)) {
    case JSON_NULL:
        return json_read_null(json);
    case JSON_BOOL:
        TRY(json_read_bool(json, &truth));
        attribute->kind = CLOUDEVENT_BOOLEAN;
        attribute->value = truth ? STR("true") : STR("false");
        return OK;
    case JSON_NUMBER:
        attribute->kind = CLOUDEVENT_INTEGER;
        return json_read_number(json, &attribute->value);
    default:
        return json_read_string(json, &attribute->value);
    }
}

static enum err data_read(struct json *json, str *out, bool raw)
{
    if (out->ptr)
        return err_set(ERR_INVALID, "envelope", "the event's data is there twice");
    return raw ? json_skip(json, out) : json_read_string(json, out);
}

static enum err member_read(struct json *json, str key, struct draft *draft,
                            struct data_members *data)
{
    struct cloudevent_extension attribute = { .name = key };
    if (str_eq(key, STR("data")))
        return data_read(json, &data->plain, true);
    if (str_eq(key, STR("data_base64")))
        return data_read(json, &data->base64, false);
    TRY(value_read(json, &attribute));
    return attribute.value.ptr ? draft_put(draft, &attribute) : OK;
}

static enum err members_read(struct json *json, struct draft *draft, struct data_members *data)
{
    str key;
    bool more;
    TRY(json_object_enter(json));
    for (;;) {
        TRY(json_object_next(json, &key, &more));
        if (!more)
            return json_finish(json);
        TRY(member_read(json, key, draft, data));
    }
}

static enum err data_decide(struct arena *arena, const struct data_members *data,
                            struct cloudevent *event)
{
    struct json json;
    if (data->plain.ptr && data->base64.ptr)
        return err_set(ERR_INVALID, "envelope", "the event has both data and data_base64");
    if (data->base64.ptr)
        return base64_parse(arena, data->base64, &event->data);
    event->data = data->plain;
    if (!data->plain.ptr || !event->datacontenttype.ptr ||
        media_type_is_json(event->datacontenttype))
        return OK;
    TRY(json_init(&json, arena, data->plain, &limits));
    return json_peek(&json) == JSON_STRING ? json_read_string(&json, &event->data) : OK;
}

enum err cloudevent_parse_json(struct arena *arena, str text, struct cloudevent *out)
{
    struct json json;
    struct draft draft;
    struct data_members data = { .plain = STR_NONE };
    draft_init(&draft);
    TRY(json_init(&json, arena, text, &limits));
    TRY(members_read(&json, &draft, &data));
    TRY(data_decide(arena, &data, &draft.event));
    return draft_finish(&draft, arena, out);
}

/* --- Writing ------------------------------------------------------------------------------------
 */

static void text_put(struct buf *buf, str name, str value)
{
    if (!value.ptr)
        return;
    json_put_key(buf, name);
    json_put_string(buf, value);
}

static void extension_put(struct buf *buf, const struct cloudevent_extension *extension)
{
    json_put_key(buf, extension->name);
    if (extension->kind == CLOUDEVENT_STRING)
        json_put_string(buf, extension->value);
    else
        json_put_raw(buf, extension->value);
}

static void data_put(struct buf *buf, const struct cloudevent *event)
{
    bool declares_json = !event->datacontenttype.ptr || media_type_is_json(event->datacontenttype);
    if (!event->data.ptr)
        return;
    if (declares_json && text_is_json(event->data) && str_eq(str_trim(event->data), event->data)) {
        json_put_key(buf, STR("data"));
        json_put_raw(buf, event->data);
    } else if (!declares_json && str_is_utf8(event->data)) {
        text_put(buf, STR("data"), event->data);
    } else {
        json_put_key(buf, STR("data_base64"));
        buf_put_char(buf, '"');
        base64_put(buf, event->data);
        buf_put_char(buf, '"');
    }
}

enum err cloudevent_write_json(struct buf *buf, const struct cloudevent *event)
{
    char time[INSTANT_TEXT_MAX];
    TRY(cloudevent_check(event));
    json_object_begin(buf);
    text_put(buf, STR("specversion"), STR("1.0"));
    text_put(buf, STR("id"), event->id);
    text_put(buf, STR("source"), event->source);
    text_put(buf, STR("type"), event->type);
    text_put(buf, STR("subject"), event->subject);
    if (event->time != INSTANT_NEVER)
        text_put(buf, STR("time"), instant_format(event->time, time));
    text_put(buf, STR("datacontenttype"), event->datacontenttype);
    text_put(buf, STR("dataschema"), event->dataschema);
    for (unsigned i = 0; i < event->extensions_count; i++)
        extension_put(buf, &event->extensions[i]);
    data_put(buf, event);
    json_object_end(buf);
    return buf->overflowed
               ? err_set(ERR_TOO_LARGE, "envelope", "the event does not fit where it is written")
               : OK;
}
