/* trace_post: one POST to a collector, blocking, with time-outs. For the exporting thread only. */
#pragma once

#include "foundation/base/str.h"
#include "foundation/err/err.h"

enum { TRACE_HOST_BYTES = 256, TRACE_PATH_BYTES = 256, TRACE_TIMEOUT_S = 5 };

struct trace_target {
    char host[TRACE_HOST_BYTES]; /* a name or address, without brackets */
    char authority[TRACE_HOST_BYTES + 16];
    char port[8];
    char path[TRACE_PATH_BYTES];
};

/*
 * "http://host[:port][/path]"; the port is 4318 where there is none, the path "/v1/traces"
 * (OTLP/HTTP, default of the signal). ERR_INVALID "trace-endpoint".
 */
enum err trace_target_parse(str url, struct trace_target *out);
/* True when the collector answered 2xx. Takes some seconds at most. */
bool trace_post(const struct trace_target *target, str body);
