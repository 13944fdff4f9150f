/*
 * trace_export: where ended spans go: settings, the exporting thread, and the form a collector
 * reads.
 */
#pragma once

#include "foundation/conf/conf.h"
#include "foundation/err/err.h"
#include "foundation/mem/buf.h"
#include "foundation/metric/metric.h"
#include "trace.h"

struct trace_settings {
    str endpoint; /* http://host:port[/path]; empty: off */
    int64_t sample, queue;
    span interval;
    bool join;
};
extern const struct settings trace_conf;
extern const struct metrics trace_metrics;

/*
 * Switches tracing on when there is an endpoint, and starts the exporting thread. `version` is the
 * program's. ERR_INVALID "trace-endpoint". At start-up; settings and version outlive it.
 */
enum err trace_start(const struct trace_settings *settings, const char *version);
/* Exports what is queued, within some seconds, and switches off. Nobody may be tracing any more. */
void trace_stop(void);

/*
 * One ExportTraceServiceRequest in the JSON mapping of OTLP (opentelemetry-proto, "JSON Protobuf
 * Encoding"): ids in hexadecimal, 64-bit numbers as strings, enums as numbers.
 */
void trace_write(struct buf *buf, const struct trace_span *spans, unsigned count,
                 const char *version);
