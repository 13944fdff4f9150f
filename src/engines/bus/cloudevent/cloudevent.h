/*
 * cloudevent: the envelope events travel in, CloudEvents 1.0.2: read and written as one JSON text
 * (JSON Event Format, structured mode) and as the headers and value of a Kafka record (Kafka
 * Protocol Binding, binary and structured mode). Strict and bounded: what breaks a rule of the
 * specification is refused with the rule's name, and nothing here knows what an event means.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/mem/buf.h"

enum {
    CLOUDEVENT_TEXT_MAX = 1024, /* bytes of one attribute */
    CLOUDEVENT_EXTENSIONS_MAX = 32,
    CLOUDEVENT_NAME_MAX = 64,            /* bytes of an extension's name */
    CLOUDEVENT_SIZE_BYTES_MAX = 1 << 20, /* of one in JSON, and of data */
    CLOUDEVENT_HEADERS_MAX = CLOUDEVENT_EXTENSIONS_MAX + 16
};

/* The types an extension has in JSON; elsewhere all are text. */
enum cloudevent_kind { CLOUDEVENT_STRING, CLOUDEVENT_INTEGER, CLOUDEVENT_BOOLEAN };

struct cloudevent_extension {
    str name;  /* a-z, 0-9 */
    str value; /* "text", "-42" (32 bits), "true" */
    enum cloudevent_kind kind;
};

struct cloudevent {
    str id, source, type; /* not empty */
    str subject;          /* ptr NULL: absent, as all below */
    instant time;         /* INSTANT_NEVER: absent */
    str datacontenttype;  /* absent in JSON: application/json */
    str dataschema;
    str data; /* as the content type says; of JSON the text */
    const struct cloudevent_extension *extensions;
    unsigned extensions_count;
};

/* An extension's value; ptr NULL: it has none of that name. */
str cloudevent_extension_find(const struct cloudevent *event, str name);
/*
 * Whether it may be written: ERR_INVALID "envelope" with the attribute's name and the rule it
 * breaks, ERR_TOO_LARGE "envelope".
 */
enum err cloudevent_check(const struct cloudevent *event);

/*
 * Readers: failures are those of cloudevent_check(); also of a specversion that is not 1.0, of an
 * attribute that is missing or is there twice, what json.h says, and ERR_EXHAUSTED: the arena is
 * full, which is never left by its way out here. *out is untouched by them. Its texts lie in what
 * was given and in the arena.
 */

enum err cloudevent_parse_json(struct arena *arena, str text, struct cloudevent *out);
/*
 * Appends it. Data of a JSON type is written as it is, other text as a string, other bytes as
 * data_base64.
 */
enum err cloudevent_write_json(struct buf *buf, const struct cloudevent *event);

struct cloudevent_header {
    str name, value; /* value.ptr NULL: null, which Kafka has */
};
struct cloudevent_record {
    const struct cloudevent_header *headers;
    size_t headers_count;
    str value; /* ptr NULL: null */
};
/*
 * Content type application/cloudevents+json is structured mode, anything else binary mode. Headers
 * that are none of CloudEvents are passed over, and count.
 */
enum err cloudevent_read_record(struct arena *arena, const struct cloudevent_record *record,
                                struct cloudevent *out);
/*
 * The headers of binary mode; names and values lie in the event, in the arena and in constants. The
 * record's value is the event's data. ERR_INVALID also for data that is an event itself.
 */
enum err cloudevent_write_headers(struct arena *arena, const struct cloudevent *event,
                                  struct cloudevent_header out[CLOUDEVENT_HEADERS_MAX],
                                  size_t *out_count);
