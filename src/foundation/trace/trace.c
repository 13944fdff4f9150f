/* trace: spans and the current one, which a task carries (task_local) and a thread otherwise. */
#include "trace_internal.h"

#include "foundation/task/task.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

_Atomic bool trace_is_on;
struct trace_policy trace_policy;

/* splitmix64 (Steele, Lea, Flood 2014), seeded by the system: ids are unique, not secret. */
static uint64_t random_next(void)
{
    static _Thread_local uint64_t state;
    if (state == 0 && getrandom(&state, sizeof(state), GRND_NONBLOCK) != sizeof(state))
        state = (uint64_t)clock_now() ^ (uint64_t)(uintptr_t)&state;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t id_make(void)
{
    uint64_t id;
    do
        id = random_next();
    while (id == 0); /* all zeros is no id */
    return id;
}

static void span_init(struct trace_span *record, const char *name, enum trace_kind kind)
{
    memset(record, 0, offsetof(struct trace_span, attrs));
    record->id = id_make();
    record->name = name;
    record->kind = kind;
    record->at = clock_now();
    record->begun = clock_mono();
}

struct trace_span *trace_use(struct trace_span *record)
{
    return task_local_set(record);
}

struct trace_span *trace_current(void)
{
    return task_local_get();
}

/* The head decides: of the same trace everything or nothing is kept. */
static bool sampled_by_chance(void)
{
    return random_next() % 1000 < (uint64_t)trace_policy.sample_per_mille;
}

void trace_root(struct trace_span *record, const char *name, enum trace_kind kind, str traceparent)
{
    span_init(record, name, kind);
    bool joined = trace_policy.join && traceparent.len &&
                  trace_parent_parse(traceparent, record->trace, &record->parent, &record->sampled);
    if (!joined) {
        uint64_t halves[2] = { id_make(), id_make() };
        memcpy(record->trace, halves, sizeof(record->trace));
        record->sampled = sampled_by_chance();
    }
    record->outer = trace_use(record);
}

bool trace_begin(struct trace_span *record, const char *name, enum trace_kind kind)
{
    struct trace_span *outer = trace_on() ? trace_current() : NULL;
    if (!outer || !outer->sampled)
        return false;
    span_init(record, name, kind);
    memcpy(record->trace, outer->trace, sizeof(record->trace));
    record->parent = outer->id;
    record->sampled = true;
    record->outer = trace_use(record);
    return true;
}

void trace_end(struct trace_span *record, bool failed)
{
    record->took = clock_mono() - record->begun;
    record->failed |= failed;
    if (trace_current() == record)
        trace_use(record->outer);
    if (record->sampled && trace_on())
        trace_queue_put(record);
}

void trace_put_text(struct trace_span *record, const char *key, str value)
{
    size_t room = TRACE_TEXT_BYTES - record->text_len;
    if (record->attrs_count == TRACE_ATTRS_MAX || room == 0)
        return;
    size_t len = MIN_OF(value.len, room);
    while (len < value.len && len && ((unsigned char)value.ptr[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    memcpy(record->text + record->text_len, value.ptr ? value.ptr : "", len);
    record->attrs[record->attrs_count++] = (struct trace_attr){
        .key = key, .is_text = true, .at = record->text_len, .len = (uint16_t)len
    };
    record->text_len = (uint16_t)(record->text_len + len);
}

void trace_put_int(struct trace_span *record, const char *key, int64_t value)
{
    if (record->attrs_count < TRACE_ATTRS_MAX)
        record->attrs[record->attrs_count++] = (struct trace_attr){ .key = key, .number = value };
}

/* --- traceparent: "00-" trace "-" parent "-" flags (W3C Trace Context, section 3.2.2) --------- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* capitals are not allowed */
}

static bool hex_read(const char *text, size_t bytes, uint8_t *out)
{
    uint8_t any = 0;
    for (size_t i = 0; i < bytes; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        any |= out[i];
    }
    return any || bytes == 1;
}

bool trace_parent_parse(str text, uint8_t out_trace[16], uint64_t *out_id, bool *out_sampled)
{
    enum { PARENT_LEN = 55 };
    uint8_t version, flags, trace[16], id[8];
    if (text.len < PARENT_LEN || text.ptr[2] != '-' || text.ptr[35] != '-' || text.ptr[52] != '-')
        return false;
    if (!hex_read(text.ptr, 1, &version) || version == 0xff || !hex_read(text.ptr + 3, 16, trace) ||
        !hex_read(text.ptr + 36, 8, id) || !hex_read(text.ptr + 53, 1, &flags))
        return false;
    /* Later versions may say more, after another dash. */
    if (text.len > PARENT_LEN && (version == 0 || text.ptr[PARENT_LEN] != '-'))
        return false;
    memcpy(out_trace, trace, sizeof(trace));
    *out_id = 0;
    for (size_t i = 0; i < sizeof(id); i++)
        *out_id = *out_id << 8 | id[i];
    *out_sampled = flags & 1;
    return true;
}

void trace_id_format(const struct trace_span *record, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof(record->trace); i++) {
        out[2 * i] = digits[record->trace[i] >> 4];
        out[2 * i + 1] = digits[record->trace[i] & 15];
    }
    out[32] = 0;
}

str trace_parent_format(const struct trace_span *record, char out[TRACE_PARENT_BYTES])
{
    char trace[33];
    trace_id_format(record, trace);
    int len = snprintf(out, TRACE_PARENT_BYTES, "00-%s-%016llx-%02x", trace,
                       (unsigned long long)record->id, record->sampled ? 1u : 0u);
    return (str){ out, (size_t)len };
}

bool trace_ids_current(char trace_id[33], char span_id[17])
{
    const struct trace_span *record = trace_on() ? trace_current() : NULL;
    if (!record)
        return false;
    trace_id_format(record, trace_id);
    snprintf(span_id, 17, "%016llx", (unsigned long long)record->id);
    return true;
}
