/*
 * log: one line an event, as JSON, or as readable text when standard error is a terminal. A line is
 * built in a buffer of its thread and leaves by a single write of at most 4 KiB, so that lines of
 * many threads and processes do not mix. Writing never waits: when the reader does not keep up the
 * line is dropped, and the next one that gets through says how many were.
 *
 *     log_info("http", "request served", LOG_STR("path", path), LOG_INT("status", 200));
 *
 *     {"time":"2026-11-21T10:00:00.5Z","level":"info","area":"http","message":"request served",
 *      "trace":"4bf9...","path":"/v1/titles","status":200}
 *
 * All functions may be called on any thread; none suspends.
 */
#pragma once

#include "foundation/base/base.h"
#include "foundation/base/clock.h"
#include "foundation/base/id.h"
#include "foundation/base/str.h"
#include "foundation/conf/conf.h"
#include "foundation/err/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format {
    LOG_FORMAT_AUTO, /* text on a terminal, else JSON */
    LOG_FORMAT_JSON,
    LOG_FORMAT_TEXT
};
enum log_colour {
    LOG_COLOUR_AUTO, /* on a terminal that is not "dumb", unless NO_COLOR is set (no-color.org) */
    LOG_COLOUR_ALWAYS,
    LOG_COLOUR_NEVER
};

struct log_settings {
    enum log_level level; /* lines below it are not written */
    enum log_format format;
    enum log_colour colour;
};
/* "log.level", "log.format", "log.colour". */
extern const struct settings log_conf;

/*
 * Sets level, form and descriptor. Before the first call lines go to standard error as JSON, from
 * info on. Not while other threads log. The descriptor stays the caller's.
 */
void log_start(const struct log_settings *settings, int fd);
/* Changes the level only; at any time. */
void log_level_set(enum log_level level);
/* Whether lines of this level are written. */
bool log_enabled(enum log_level level);

/* Lines lost since the start because the reader did not keep up or the disk was full. */
uint64_t log_dropped_total(void);

/* --- Lines ---------------------------------------------------------------------------------- */

enum log_field_kind {
    LOG_FIELD_NONE,
    LOG_FIELD_STR,
    LOG_FIELD_INT,
    LOG_FIELD_DOUBLE,
    LOG_FIELD_BOOL,
    LOG_FIELD_SPAN,
    LOG_FIELD_TIME,
    LOG_FIELD_ID,
    LOG_FIELD_SECRET
};

struct log_field {
    const char *name; /* a literal: letters, digits, '_' */
    enum log_field_kind kind;
    union {
        str text;
        int64_t number;
        double real;
    };
};

#define LOG_STR(field_name, value)                                                                 \
    ((struct log_field){ .name = (field_name), .kind = LOG_FIELD_STR, .text = (value) })
/* A C string; NULL is empty. */
#define LOG_CSTR(field_name, value) LOG_STR(field_name, str_of(value))
#define LOG_NUMBER_(field_name, field_kind, value)                                                 \
    ((struct log_field){ .name = (field_name), .kind = (field_kind), .number = (int64_t)(value) })
#define LOG_INT(field_name, value)  LOG_NUMBER_(field_name, LOG_FIELD_INT, value)
#define LOG_BOOL(field_name, value) LOG_NUMBER_(field_name, LOG_FIELD_BOOL, value)
/* A span, as seconds with a fraction; name it ..._s. */
#define LOG_SPAN(field_name, value) LOG_NUMBER_(field_name, LOG_FIELD_SPAN, value)
#define LOG_TIME(field_name, value) LOG_NUMBER_(field_name, LOG_FIELD_TIME, value)
#define LOG_ID(field_name, id)      LOG_NUMBER_(field_name, LOG_FIELD_ID, (id).value)
#define LOG_DOUBLE(field_name, value)                                                              \
    ((struct log_field){ .name = (field_name), .kind = LOG_FIELD_DOUBLE, .real = (value) })
/* Says whether there is a value, never which: keys, tokens, cookies, addresses of people. */
#define LOG_SECRET(field_name, value) LOG_NUMBER_(field_name, LOG_FIELD_SECRET, (value).len != 0)

/*
 * `area` and `message` are literals: what varies is in fields, so that lines can be counted. Texts
 * over 1 KiB are cut; fields that do not fit into the line are left out and the line says
 * "cut":true.
 */
#define log_debug(area, message, ...) log_line_(LOG_DEBUG, area, message, ##__VA_ARGS__)
#define log_info(area, message, ...)  log_line_(LOG_INFO, area, message, ##__VA_ARGS__)
#define log_warn(area, message, ...)  log_line_(LOG_WARN, area, message, ##__VA_ARGS__)
#define log_error(area, message, ...) log_line_(LOG_ERROR, area, message, ##__VA_ARGS__)
/*
 * A failure at the edge, with slug, sentence and place from the error slot, at the level the table
 * of err.h gives its code.
 */
#define log_failure(area, message, code, ...)                                                      \
    log_write_failure((code), (area), (message),                                                   \
                      (struct log_field[]){ LOG_NONE_, ##__VA_ARGS__, LOG_NONE_ })

#define LOG_NONE_                                                                                  \
    {                                                                                              \
        .kind = LOG_FIELD_NONE                                                                     \
    }
#define log_line_(level, area, message, ...)                                                       \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_write((level), (area), (message),                                                  \
                      (struct log_field[]){ LOG_NONE_, ##__VA_ARGS__, LOG_NONE_ });                \
    } while (0)

/* What the macros call: fields[0] is not looked at, the last has kind LOG_FIELD_NONE. */
void log_write(enum log_level level, const char *area, const char *message,
               const struct log_field *fields);
void log_write_failure(enum err code, const char *area, const char *message,
                       const struct log_field *fields);

/* --- Trace ---------------------------------------------------------------------------------- */

/*
 * Asked for the ids of the span a line belongs to, in hexadecimal with a zero (false: none); lines
 * carry them as trace_id and span_id. Set once, at start-up; NULL: nobody is asked.
 */
void log_span_provider(bool (*provider)(char trace_id[33], char span_id[17]));
