/*
 * json: RFC 8259, strictly. A pull reader over a text that is complete in memory and an escaping
 * writer onto a buf; no tree. The reader gives what the caller asks for and names the byte where
 * the text is wrong; strings without escapes are slices of the text, others are decoded into the
 * arena.
 */
#pragma once

#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/mem/buf.h"

enum { JSON_DEPTH_MAX = 32 };

struct json_limits {
    size_t size_bytes_max;   /* of the text; 0: 1 MiB */
    size_t string_bytes_max; /* of one string as it stands in the text; 0: 64 KiB */
    unsigned depth_max;      /* of nesting; 0 or more than JSON_DEPTH_MAX: JSON_DEPTH_MAX */
    unsigned keys_max;       /* remembered at once by json_skip(); 0: 10,000 */
};

/* A reader: on the stack of who reads. */
struct json {
    const char *start, *at, *end;
    struct arena *arena;
    struct json_limits limits;
    unsigned depth;
    bool first; /* just after '{' or '[': no comma yet */
};

enum json_kind {
    JSON_INVALID, /* no value begins here, or the text has ended */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_BOOL,
    JSON_NULL
};

/*
 * All json_* functions that return enum err fail with ERR_INVALID ("json-syntax": the text is not
 * JSON; "json-type": a value of another kind stands here; "json-number": a number that does not
 * fit; "json-too-deep") or ERR_TOO_LARGE ("json-too-large"). After a failure the reader must not be
 * used. None suspends. Memory comes from the arena and respects its limit by ERR_TOO_LARGE.
 */

/* NULL limits: the defaults. ERR_TOO_LARGE when the text is longer than they allow. */
enum err json_init(struct json *json, struct arena *arena, str text,
                   const struct json_limits *limits);
/* Fails when anything but white space follows the value that was read. */
enum err json_finish(struct json *json);

/* What begins here. White space is passed over, nothing else is consumed. */
enum json_kind json_peek(struct json *json);
/* "an object", "text", "a whole number": for messages. */
const char *json_kind_name(enum json_kind kind);

enum err json_read_null(struct json *json);
enum err json_read_bool(struct json *json, bool *out);
/*
 * A whole number in int64_t, exactly: 1.0, 1e2 and 9223372036854775808 are errors, not
 * roundings.
 */
enum err json_read_i64(struct json *json, int64_t *out);
/* Any number a double can hold; the nearest one. */
enum err json_read_double(struct json *json, double *out);
/* The number as it stands in the text, its grammar checked. */
enum err json_read_number(struct json *json, str *out_text);
/* The value of such a text; false when no double can hold it or it has over 127 characters. */
bool json_number_double(str number, double *out);
/*
 * Valid UTF-8 (RFC 3629) with escapes decoded; lone surrogates are errors. May contain U+0000.
 * Lives as long as both text and arena.
 */
enum err json_read_string(struct json *json, str *out);

/*
 * Objects:  TRY(json_object_enter(&json));
 *           for (;;) { TRY(json_object_next(&json, &key, &more)); if (!more) break; read one value
 * } Repeated keys are the caller's to notice. Arrays are read in the same way.
 */
enum err json_object_enter(struct json *json);
enum err json_object_next(struct json *json, str *out_key, bool *out_more);
enum err json_array_enter(struct json *json);
enum err json_array_next(struct json *json, bool *out_more);

/*
 * Passes over one value of any kind after checking all of it, repeated keys in its objects
 * included. *out_raw (may be NULL) is the value as it stands in the text. No recursion; O(n log n).
 */
enum err json_skip(struct json *json, str *out_raw);

/* A failure at the reader's position, "byte 17: ...", for callers that check more than syntax. */
#define json_fail(json, code, slug, what)                                                          \
    err_set((code), (slug), "byte %zu: %s", (size_t)((json)->at - (json)->start), (what))

/* --- Writing -------------------------------------------------------------------------------- */

/*
 * Commas are put by themselves: a value or key is preceded by one unless the buffer is empty or
 * ends with '{', '[', ':' or a line feed. What is written is valid JSON in valid UTF-8 whatever it
 * is given.
 */

void json_object_begin(struct buf *buf);
void json_object_end(struct buf *buf);
void json_array_begin(struct buf *buf);
void json_array_end(struct buf *buf);
void json_put_key(struct buf *buf, str key);
void json_put_string(struct buf *buf, str text);
void json_put_i64(struct buf *buf, int64_t value);
void json_put_u64(struct buf *buf, uint64_t value);
/* The shortest text that reads back as the same double; null when it is not finite. */
void json_put_double(struct buf *buf, double value);
void json_put_bool(struct buf *buf, bool value);
void json_put_null(struct buf *buf);
/* A value that is JSON already. */
void json_put_raw(struct buf *buf, str json);

/* Quoted and escaped, with no comma before it; bytes that are not UTF-8 become U+FFFD. */
void json_write_string(struct buf *buf, str text);
/* As json_put_double, with no comma before it. */
void json_write_double(struct buf *buf, double value);
