/* trace_write: spans as an ExportTraceServiceRequest in JSON. */
#include "trace_internal.h"

#include "foundation/json/json.h"

#include <stdio.h>
#include <unistd.h>

enum { STATUS_ERROR = 2 }; /* Status.StatusCode of trace.proto */

static void put_text(struct buf *buf, const char *key, str value)
{
    json_object_begin(buf);
    json_put_key(buf, STR("key"));
    json_put_string(buf, str_of(key));
    json_put_key(buf, STR("value"));
    json_object_begin(buf);
    json_put_key(buf, STR("stringValue"));
    json_put_string(buf, value);
    json_object_end(buf);
    json_object_end(buf);
}

/* 64-bit numbers are strings in protobuf's JSON. */
static void put_number_string(struct buf *buf, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld", (long long)value);
    json_put_string(buf, (str){ text, (size_t)len });
}

static void put_int(struct buf *buf, const char *key, int64_t value)
{
    json_object_begin(buf);
    json_put_key(buf, STR("key"));
    json_put_string(buf, str_of(key));
    json_put_key(buf, STR("value"));
    json_object_begin(buf);
    json_put_key(buf, STR("intValue"));
    put_number_string(buf, value);
    json_object_end(buf);
    json_object_end(buf);
}

static void put_attrs(struct buf *buf, const struct trace_span *record)
{
    json_put_key(buf, STR("attributes"));
    json_array_begin(buf);
    for (unsigned i = 0; i < record->attrs_count; i++) {
        const struct trace_attr *attr = &record->attrs[i];
        if (attr->is_text)
            put_text(buf, attr->key, (str){ record->text + attr->at, attr->len });
        else
            put_int(buf, attr->key, attr->number);
    }
    json_array_end(buf);
}

static void put_id(struct buf *buf, uint64_t id)
{
    char text[17];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
    json_put_string(buf, (str){ text, 16 });
}

static void put_name(struct buf *buf, const struct trace_span *record)
{
    char name[256];
    int len = snprintf(name, sizeof(name), "%s%s%s", record->prefix ? record->prefix : "",
                       record->prefix ? " " : "", record->name);
    json_put_key(buf, STR("name"));
    json_put_string(buf, (str){ name, MIN_OF((size_t)len, sizeof(name) - 1) });
}

static void put_span(struct buf *buf, const struct trace_span *record)
{
    char trace[33];
    trace_id_format(record, trace);
    json_object_begin(buf);
    json_put_key(buf, STR("traceId"));
    json_put_string(buf, (str){ trace, 32 });
    json_put_key(buf, STR("spanId"));
    put_id(buf, record->id);
    if (record->parent) {
        json_put_key(buf, STR("parentSpanId"));
        put_id(buf, record->parent);
    }
    put_name(buf, record);
    json_put_key(buf, STR("kind"));
    json_put_i64(buf, record->kind);
    json_put_key(buf, STR("startTimeUnixNano"));
    put_number_string(buf, record->at * 1000);
    json_put_key(buf, STR("endTimeUnixNano"));
    put_number_string(buf, (record->at + record->took) * 1000);
    put_attrs(buf, record);
    if (record->failed) {
        json_put_key(buf, STR("status"));
        json_object_begin(buf);
        json_put_key(buf, STR("code"));
        json_put_i64(buf, STATUS_ERROR);
        json_object_end(buf);
    }
    json_object_end(buf);
}

static void put_resource(struct buf *buf, const char *version)
{
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    json_put_key(buf, STR("resource"));
    json_object_begin(buf);
    json_put_key(buf, STR("attributes"));
    json_array_begin(buf);
    put_text(buf, "service.name", STR("kinobezdna"));
    put_text(buf, "service.version", str_of(version));
    put_text(buf, "host.name", str_of(host));
    put_int(buf, "process.pid", getpid());
    json_array_end(buf);
    json_object_end(buf);
}

void trace_write(struct buf *buf, const struct trace_span *spans, unsigned count,
                 const char *version)
{
    json_object_begin(buf);
    json_put_key(buf, STR("resourceSpans"));
    json_array_begin(buf);
    json_object_begin(buf);
    put_resource(buf, version);
    json_put_key(buf, STR("scopeSpans"));
    json_array_begin(buf);
    json_object_begin(buf);
    json_put_key(buf, STR("scope"));
    json_object_begin(buf);
    json_put_key(buf, STR("name"));
    json_put_string(buf, STR("kinobezdna"));
    json_object_end(buf);
    json_put_key(buf, STR("spans"));
    json_array_begin(buf);
    for (unsigned i = 0; i < count; i++)
        put_span(buf, &spans[i]);
    json_array_end(buf);
    json_object_end(buf);
    json_array_end(buf);
    json_object_end(buf);
    json_array_end(buf);
    json_object_end(buf);
}
