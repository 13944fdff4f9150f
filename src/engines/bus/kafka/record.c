/*
 * record: an event of the bus as a record of Kafka and back: CloudEvents in binary mode, the key
 * the aggregate, so that its events share a partition.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES = 24, OWN_EXTENSIONS = 4, SCRATCH_BYTES = 4096 };

#define DATA_VERSION      STR("dataversion")
#define AGGREGATE_VERSION STR("aggregateversion")
#define LOG_POSITION      STR("logposition")
#define PARTITION_KEY     STR("partitionkey")

/* --- Out ----------------------------------------------------------------------------------------
 */

struct envelope {
    struct cloudevent event;
    struct cloudevent_extension extensions[OWN_EXTENSIONS];
    char numbers[OWN_EXTENSIONS][NUMBER_BYTES];
    unsigned count;
};

static void envelope_put(struct envelope *envelope, str name, str text)
{
    envelope->extensions[envelope->count++] = (struct cloudevent_extension){ name, text };
}

static void envelope_put_number(struct envelope *envelope, str name, int64_t number)
{
    char *text = envelope->numbers[envelope->count];
    snprintf(text, NUMBER_BYTES, "%lld", (long long)number);
    envelope_put(envelope, name, str_of(text));
}

static void envelope_make(struct envelope *envelope, const struct bus_event *event)
{
    envelope->event = (struct cloudevent){
        .id = event->id,
        .source = event->source,
        .type = event->type,
        .subject = event->aggregate,
        .time = event->at,
        .datacontenttype = STR("application/json"),
        .data = event->data,
    };
    envelope->count = 0;
    envelope_put(envelope, PARTITION_KEY, event->aggregate);
    envelope_put_number(envelope, DATA_VERSION, event->version);
    if (event->aggregate_version > 0)
        envelope_put_number(envelope, AGGREGATE_VERSION, event->aggregate_version);
    if (event->position > 0)
        envelope_put_number(envelope, LOG_POSITION, event->position);
    envelope->event.extensions = envelope->extensions;
    envelope->event.extensions_count = envelope->count;
}

/* librdkafka's own; the message takes them over. */
static rd_kafka_headers_t *headers_make(const struct cloudevent_header *headers, size_t count)
{
    rd_kafka_headers_t *made = rk.headers_new(count);
    for (size_t i = 0; i < count; i++)
        rk.header_add(made, headers[i].name.ptr, (ssize_t)headers[i].name.len, headers[i].value.ptr,
                      (ssize_t)headers[i].value.len);
    return made;
}

static enum err produce(rd_kafka_t *client, rd_kafka_topic_t *topic, const struct bus_event *event,
                        rd_kafka_headers_t *headers, void *opaque)
{
    const rd_kafka_vu_t parts[] = {
        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
        { .vtype = RD_KAFKA_VTYPE_KEY,
          .u.mem = { (void *)event->aggregate.ptr, event->aggregate.len } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)event->data.ptr, event->data.len } },
        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = event->at / 1000 },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque },
    };
    rd_kafka_error_t *error = rk.produceva(client, parts, ARRAY_LEN(parts));
    if (!error)
        return OK;
    enum err err = client_error(rk.error_code(error), "an event is sent to Kafka");
    rk.error_destroy(error);
    rk.headers_destroy(headers);
    return err;
}

enum err record_produce(rd_kafka_t *client, rd_kafka_topic_t *topic, const struct bus_event *event,
                        void *opaque)
{
    struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX];
    struct envelope envelope;
    struct arena scratch;
    size_t count = 0;
    envelope_make(&envelope, event);
    arena_init(&scratch, SCRATCH_BYTES);
    enum err err = cloudevent_write_headers(&scratch, &envelope.event, headers, &count);
    if (err == OK)
        err = produce(client, topic, event, headers_make(headers, count), opaque);
    arena_deinit(&scratch);
    return err;
}

/* --- In -----------------------------------------------------------------------------------------
 */

static enum err exhausted(void)
{
    return err_set(ERR_EXHAUSTED, "kafka-arena", "there is no room for an event of Kafka");
}

static enum err copy(struct arena *arena, str *text)
{
    char *room = arena_try(arena, text->len + 1);
    if (!room)
        return exhausted();
    if (text->len > 0)
        memcpy(room, text->ptr, text->len);
    room[text->len] = 0;
    text->ptr = room;
    return OK;
}

static size_t headers_get(const rd_kafka_message_t *message,
                          struct cloudevent_header out[CLOUDEVENT_HEADERS_MAX + 1])
{
    rd_kafka_headers_t *headers = NULL;
    size_t count = 0, size;
    const char *name;
    const void *value;
    if (rk.message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (count <= CLOUDEVENT_HEADERS_MAX &&
           rk.header_get_all(headers, count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        out[count++] = (struct cloudevent_header){ str_of(name), { value, value ? size : 0 } };
    return count;
}

/* A number of ours; `fallback` where there is none, false where it is no number or too small. */
static bool number_get(const struct cloudevent *event, str name, int64_t fallback, int64_t *out)
{
    str text = cloudevent_extension_find(event, name);
    if (!text.ptr) {
        *out = fallback;
        return true;
    }
    return str_parse_i64(text, out) && *out >= fallback;
}

static enum err numbers_get(const struct cloudevent *from, struct bus_event *event)
{
    int64_t version;
    if (!number_get(from, DATA_VERSION, 1, &version) || version > UINT32_MAX ||
        !number_get(from, AGGREGATE_VERSION, 0, &event->aggregate_version) ||
        !number_get(from, LOG_POSITION, 0, &event->position))
        return err_set(ERR_INVALID, "envelope", "a version or position of the event is no number");
    event->version = (unsigned)version;
    return OK;
}

/* Text that every database takes. Whether it is JSON, and which, says who reads it. */
static bool is_storable(str text)
{
    return str_is_utf8(text) && str_find_char(text, 0) < 0;
}

/* What the bus asks beyond the envelope. */
static enum err event_make(const struct cloudevent *from, str key, struct bus_event *event)
{
    str aggregate = from->subject.ptr ? from->subject : key;
    *event = (struct bus_event){ .id = from->id,
                                 .source = from->source,
                                 .type = from->type,
                                 .aggregate = aggregate,
                                 .at = from->time,
                                 .data = from->data };
    if (aggregate.len > BUS_AGGREGATE_MAX || !is_storable(aggregate))
        return err_set(ERR_INVALID, "envelope", "the event's subject is not text of 1 to %d bytes",
                       BUS_AGGREGATE_MAX);
    if (from->type.len > BUS_TYPE_MAX || from->data.len > BUS_DATA_MAX)
        return err_set(ERR_INVALID, "envelope", "the event's type or data is too long");
    TRY(numbers_get(from, event));
    if (!from->data.ptr || !is_storable(from->data))
        return err_set(ERR_INVALID, "envelope", "the event's data is not text");
    return OK;
}

/* Text a database takes: what is no UTF-8 is replaced, a zero byte too. */
static enum err text_of_bytes(struct arena *arena, str bytes, str *out)
{
    struct buf buf;
    str cut = str_sub(bytes, 0, BUS_DATA_MAX / 4);
    buf_init(&buf, arena, BUS_DATA_MAX);
    for (size_t at = 0; at < cut.len;) {
        char four[4];
        uint32_t code = str_utf8_next(cut, &at);
        buf_put(&buf, (str){ four, str_utf8_put(four, code ? code : 0xfffd) });
    }
    if (buf.overflowed)
        return exhausted();
    *out = buf_str(&buf);
    return OK;
}

/* For the dead letters: where it lies is who it is. */
static enum err broken_make(struct arena *arena, const rd_kafka_message_t *message,
                            struct bus_record *record)
{
    char id[KAFKA_NAME_MAX + 48];
    str value = { message->payload, message->len };
    str topic = str_of(rk.topic_name(message->rkt)), why = str_of(err_slot()->text);
    snprintf(id, sizeof(id), "%.*s/%d/%lld", STR_ARG(topic), message->partition,
             (long long)message->offset);
    record->broken = ERR_INVALID;
    record->broken_why = why;
    record->event = (struct bus_event){ .id = str_of(id), .source = topic, .at = clock_now() };
    TRY(copy(arena, &record->broken_why));
    TRY(copy(arena, &record->event.id));
    TRY(copy(arena, &record->event.source));
    return text_of_bytes(arena, value, &record->event.data);
}

static enum err event_copy(struct arena *arena, struct bus_event *event)
{
    TRY(copy(arena, &event->id));
    TRY(copy(arena, &event->source));
    TRY(copy(arena, &event->type));
    TRY(copy(arena, &event->aggregate));
    return copy(arena, &event->data);
}

enum err record_read(struct arena *arena, const rd_kafka_message_t *message,
                     struct bus_record *out_record)
{
    struct cloudevent_header headers[CLOUDEVENT_HEADERS_MAX + 1];
    struct cloudevent_record raw = { .headers = headers,
                                     .value = { message->payload, message->len } };
    struct bus_record record = { .offset = message->offset };
    str key = { message->key, message->key_len };
    struct cloudevent event;
    struct arena scratch;
    raw.headers_count = headers_get(message, headers);
    arena_init(&scratch, MIB(4));
    enum err err = cloudevent_read_record(&scratch, &raw, &event);
    if (err == OK)
        err = event_make(&event, key, &record.event);
    if (err == OK) {
        if (record.event.at == INSTANT_NEVER)
            record.event.at = clock_now();
        err = event_copy(arena, &record.event);
    } else {
        err = broken_make(arena, message, &record);
    }
    arena_deinit(&scratch);
    if (err == OK)
        *out_record = record;
    return err;
}
