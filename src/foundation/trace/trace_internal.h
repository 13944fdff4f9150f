/* trace_internal: what the files of this folder share. */
#pragma once

#include "trace.h"
#include "trace_export.h"

struct trace_policy {
    int64_t sample_per_mille;
    bool join;
};
extern struct trace_policy trace_policy;

/* Copies the span into the queue, or counts it as dropped. Any thread; never waits for the export.
 */
void trace_queue_put(const struct trace_span *record);
/* 32 digits and a zero. */
void trace_id_format(const struct trace_span *record, char out[33]);
