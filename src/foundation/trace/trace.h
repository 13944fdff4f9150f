/*
 * trace: what a request, a job, a query, a child did and how long it took, as spans for an
 * OpenTelemetry collector. Off, it costs one relaxed load where a span would begin. On, a span is a
 * struct in its caller's memory; only sampled ones are copied, when they end, into a bounded queue,
 * from which a thread exports batches by OTLP/HTTP in JSON. A full queue drops and counts.
 *
 *     struct trace_span record;
 *     bool traced = trace_begin(&record, "thumbnail", TRACE_INTERNAL);
 *     enum err err = work();
 *     if (traced)
 *         trace_end(&record, err != OK);
 *
 * Names and values follow OpenTelemetry's semantic conventions; values that people typed never are
 * in a span.
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/str.h"

#include <stdatomic.h>

/* SpanKind of opentelemetry/proto/trace/v1/trace.proto. */
enum trace_kind {
    TRACE_INTERNAL = 1,
    TRACE_SERVER = 2,
    TRACE_CLIENT = 3,
    TRACE_PRODUCER = 4,
    TRACE_CONSUMER = 5
};

enum { TRACE_ATTRS_MAX = 10, TRACE_TEXT_BYTES = 320, TRACE_PARENT_BYTES = 56 };

struct trace_attr {
    const char *key; /* a literal */
    bool is_text;
    uint16_t at, len; /* of its text */
    int64_t number;
};

/* The caller's; between begin and end it stays where it is. */
struct trace_span {
    uint8_t trace[16];
    uint64_t id, parent; /* 0: no parent */
    bool sampled, failed;
    enum trace_kind kind;
    const char *prefix, *name; /* literals: the name is "prefix name"; prefix may be NULL */
    instant at;                /* clock_now() at its begin */
    instant begun;             /* clock_mono() */
    span took;
    struct trace_span *outer; /* current before it */
    unsigned attrs_count;
    uint16_t text_len;
    struct trace_attr attrs[TRACE_ATTRS_MAX];
    char text[TRACE_TEXT_BYTES];
};

extern _Atomic bool trace_is_on;
static inline bool trace_on(void)
{
    return __builtin_expect(atomic_load_explicit(&trace_is_on, memory_order_relaxed), 0);
}

/*
 * Begins a trace, or joins the caller's when `traceparent` is one (W3C Trace Context, level 1) and
 * the settings allow it. The span is current until trace_end(), or until trace_use() says
 * otherwise. When trace_on() only.
 */
void trace_root(struct trace_span *record, const char *name, enum trace_kind kind, str traceparent);
/* A span within the current one. False, and nothing to end, when that is absent or not sampled. */
bool trace_begin(struct trace_span *record, const char *name, enum trace_kind kind);
/* Queues the span for export when it is sampled; the one before it is current again. */
void trace_end(struct trace_span *record, bool failed);
/*
 * Makes a span (may be NULL) current for the running task, or the thread outside of tasks; returns
 * the one before. Tasks of a group begin with their parent's.
 */
struct trace_span *trace_use(struct trace_span *record);
struct trace_span *trace_current(void);

/* The current span's ids in hexadecimal, each with a zero; false: there is none. For logs. */
bool trace_ids_current(char trace_id[33], char span_id[17]);

/* `key` is a literal. What does not fit is cut or left out; invalid UTF-8 becomes U+FFFD. */
void trace_put_text(struct trace_span *record, const char *key, str value);
void trace_put_int(struct trace_span *record, const char *key, int64_t value);

/* The traceparent header of a call made within the span; `out` ends with a zero. */
str trace_parent_format(const struct trace_span *record, char out[TRACE_PARENT_BYTES]);
/* False when it is malformed; *out_sampled is the caller's decision. */
bool trace_parent_parse(str text, uint8_t out_trace[16], uint64_t *out_id, bool *out_sampled);
