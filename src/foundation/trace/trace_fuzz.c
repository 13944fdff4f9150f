/* A traceparent header as anybody may send it: what is accepted is written back the same. */
#include "trace.h"

#include "foundation/err/err.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_span record = { 0 };
    char text[TRACE_PARENT_BYTES];
    str given = { (const char *)data, size };
    if (!trace_parent_parse(given, record.trace, &record.id, &record.sampled))
        return 0;
    str again = trace_parent_format(&record, text);
    ASSERT(again.len == 55 && record.id != 0);
    ASSERT(memcmp(again.ptr + 2, given.ptr + 2, 51) == 0);
    return 0;
}
