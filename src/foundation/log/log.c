/*
 * log: building a line and letting it go. Settings are plain atomics read without order: a line
 * more or less around a change harms nobody.
 */
#include "log.h"

#include "foundation/json/json.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe takes PIPE_BUF (4096) bytes in one piece or not at all: POSIX, write(). */
enum { LINE_BYTES_MAX = 4096, TAIL_BYTES = 64, TEXT_BYTES_MAX = 1024, MESSAGE_BYTES_MAX = 512 };

static const char *const level_names[] = { "debug", "info", "warn", "error", NULL };

SETTINGS(log_conf, struct log_settings,
         SETTING_ENUM(struct log_settings, level, enum log_level, "log.level", "info",
                      .choices = level_names, .doc = "the least level that is written"),
         SETTING_ENUM(struct log_settings, format, enum log_format, "log.format", "auto",
                      .choices = (const char *const[]){ "auto", "json", "text", NULL },
                      .doc = "form of a line; auto is text on a terminal and JSON elsewhere"),
         SETTING_ENUM(struct log_settings, colour, enum log_colour, "log.colour", "auto",
                      .choices = (const char *const[]){ "auto", "always", "never", NULL },
                      .doc = "colours in text lines; auto honours NO_COLOR"));

static struct {
    _Atomic int level;
    int fd;
    bool text, colour;
    bool may_block; /* a pipe, socket or terminal: asked before each write */
} output = { .level = LOG_INFO, .fd = STDERR_FILENO, .may_block = true };

static _Atomic uint64_t dropped_total, dropped_unsaid;
static _Thread_local char line_memory[LINE_BYTES_MAX];
static bool (*span_provider)(char trace_id[33], char span_id[17]);

static bool colour_wanted(enum log_colour colour, bool terminal)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    if (colour != LOG_COLOUR_AUTO)
        return colour == LOG_COLOUR_ALWAYS;
    return terminal && !(no_colour && no_colour[0]) && !(term && strcmp(term, "dumb") == 0);
}

void log_start(const struct log_settings *settings, int fd)
{
    struct stat status;
    bool terminal = isatty(fd);
    log_level_set(settings->level);
    output.fd = fd;
    output.text =
        settings->format == LOG_FORMAT_TEXT || (settings->format == LOG_FORMAT_AUTO && terminal);
    output.colour = colour_wanted(settings->colour, terminal);
    output.may_block = fstat(fd, &status) < 0 || !S_ISREG(status.st_mode);
}

void log_level_set(enum log_level level)
{
    atomic_store_explicit(&output.level, level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&output.level, memory_order_relaxed);
}

uint64_t log_dropped_total(void)
{
    return atomic_load_explicit(&dropped_total, memory_order_relaxed);
}

void log_span_provider(bool (*provider)(char trace_id[33], char span_id[17]))
{
    span_provider = provider;
}

/* --- Values --------------------------------------------------------------------------------- */

/* At most `bytes_max`, not in the middle of a character. */
static str cut(str text, size_t bytes_max)
{
    if (text.len <= bytes_max)
        return text;
    while (bytes_max && ((unsigned char)text.ptr[bytes_max] & 0xc0) == 0x80)
        bytes_max--;
    return str_sub(text, 0, bytes_max);
}

static void put_seconds(struct buf *buf, span value)
{
    uint64_t us = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    buf_printf(buf, "%s%llu.%06llu", value < 0 ? "-" : "", (unsigned long long)(us / 1000000),
               (unsigned long long)(us % 1000000));
}

/* Everything but texts, the same in both forms. */
static void put_scalar(struct buf *buf, const struct log_field *field)
{
    char text[INSTANT_TEXT_MAX];
    switch (field->kind) {
    case LOG_FIELD_BOOL:
        buf_put(buf, field->number ? STR("true") : STR("false"));
        return;
    case LOG_FIELD_DOUBLE:
        json_write_double(buf, field->real);
        return;
    case LOG_FIELD_SPAN:
        put_seconds(buf, field->number);
        return;
    case LOG_FIELD_TIME:
        json_write_string(buf, instant_format(field->number, text));
        return;
    case LOG_FIELD_ID:
        buf_printf(buf, "\"%lld\"", (long long)field->number);
        return;
    case LOG_FIELD_SECRET:
        buf_put(buf, field->number ? STR("\"(secret)\"") : STR("\"\""));
        return;
    default:
        buf_put_i64(buf, field->number);
    }
}

/* --- JSON ----------------------------------------------------------------------------------- */

static void json_head(struct buf *buf, enum log_level level, const char *area, const char *message)
{
    char time[INSTANT_TEXT_MAX];
    json_object_begin(buf);
    json_put_key(buf, STR("time"));
    json_put_string(buf, instant_format(clock_now(), time));
    json_put_key(buf, STR("level"));
    json_put_string(buf, str_of(level_names[level]));
    json_put_key(buf, STR("area"));
    json_put_string(buf, cut(str_of(area), 64));
    json_put_key(buf, STR("message"));
    json_put_string(buf, cut(str_of(message), MESSAGE_BYTES_MAX));
}

static void json_field(struct buf *buf, const struct log_field *field)
{
    json_put_key(buf, str_of(field->name));
    if (field->kind == LOG_FIELD_STR)
        json_put_string(buf, cut(field->text, TEXT_BYTES_MAX));
    else
        put_scalar(buf, field);
}

/* --- Text ----------------------------------------------------------------------------------- */

/*
 * Nothing that a terminal would obey: control characters of both sets (C0, DEL, C1) are shown as
 * \xNN, bytes that are not UTF-8 as U+FFFD.
 */
static void put_visible(struct buf *buf, str text)
{
    for (size_t at = 0; at < text.len;) {
        char bytes[4];
        uint32_t c = str_utf8_next(text, &at);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            buf_printf(buf, "\\x%02x", (unsigned)c);
        else
            buf_put(buf, (str){ bytes, str_utf8_put(bytes, c) });
    }
}

static void put_coloured(struct buf *buf, const char *colour, const char *text)
{
    if (output.colour)
        buf_printf(buf, "\x1b[%sm%s\x1b[0m", colour, text);
    else
        buf_put(buf, str_of(text));
}

static void text_head(struct buf *buf, enum log_level level, const char *area, const char *message)
{
    static const char *const labels[] = { "DEBUG", "INFO ", "WARN ", "ERROR" };
    static const char *const colours[] = { "2", "32", "33", "31" };
    char time[32], padded[64];
    instant now = clock_now();
    int64_t ms = now / 1000 % (24L * 3600 * 1000);
    snprintf(time, sizeof(time), "%02d:%02d:%02d.%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), (int)(ms % 1000));
    snprintf(padded, sizeof(padded), "%-8s", area);
    put_coloured(buf, "2", time);
    buf_put_char(buf, ' ');
    put_coloured(buf, colours[level], labels[level]);
    buf_put_char(buf, ' ');
    put_coloured(buf, "36", padded);
    buf_put_char(buf, ' ');
    put_visible(buf, cut(str_of(message), MESSAGE_BYTES_MAX));
}

static void text_field(struct buf *buf, const struct log_field *field)
{
    char name[64];
    snprintf(name, sizeof(name), "%s=", field->name);
    buf_put_char(buf, ' ');
    put_coloured(buf, "2", name);
    if (field->kind != LOG_FIELD_STR) {
        put_scalar(buf, field);
        return;
    }
    bool quoted = field->text.len == 0 || str_find_char(field->text, ' ') >= 0;
    if (quoted)
        buf_put_char(buf, '"');
    put_visible(buf, cut(field->text, TEXT_BYTES_MAX));
    if (quoted)
        buf_put_char(buf, '"');
}

/* --- Lines ---------------------------------------------------------------------------------- */

/* A field goes in whole or not at all. */
static bool put_field(struct buf *buf, const struct log_field *field)
{
    size_t before = buf->len;
    if (output.text)
        text_field(buf, field);
    else
        json_field(buf, field);
    if (!buf->overflowed)
        return true;
    buf->len = before;
    buf->overflowed = false;
    return false;
}

static void put_fields(struct buf *buf, const struct log_field *fields, uint64_t dropped)
{
    bool all = true;
    char trace_id[33], span_id[17];
    if (span_provider && span_provider(trace_id, span_id))
        all = put_field(buf, &LOG_CSTR("trace_id", trace_id)) &&
              put_field(buf, &LOG_CSTR("span_id", span_id));
    for (const struct log_field *field = fields + 1; field->kind != LOG_FIELD_NONE; field++)
        all = put_field(buf, field) && all;
    buf->size_bytes_max = buf->capacity_bytes =
        LINE_BYTES_MAX - 2; /* the tail is for what follows */
    if (!all)
        put_field(buf, &LOG_BOOL("cut", true));
    if (dropped)
        put_field(buf, &LOG_INT("dropped", dropped));
}

/* False when the line could not be written at once. */
static bool let_go(const char *line, size_t len)
{
    struct pollfd ready = { .fd = output.fd, .events = POLLOUT };
    if (output.may_block && (poll(&ready, 1, 0) <= 0 || ready.revents != POLLOUT))
        return false; /* full, or nobody is there to read (a write would raise SIGPIPE) */
    while (len) {
        ssize_t put = write(output.fd, line, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        line += put;
        len -= (size_t)put;
    }
    return true;
}

void log_write(enum log_level level, const char *area, const char *message,
               const struct log_field *fields)
{
    struct buf buf;
    int saved_errno = errno;
    uint64_t dropped = atomic_exchange_explicit(&dropped_unsaid, 0, memory_order_relaxed);
    buf_init_fixed(&buf, line_memory, LINE_BYTES_MAX - TAIL_BYTES);
    if (output.text)
        text_head(&buf, level, area, message);
    else
        json_head(&buf, level, area, message);
    put_fields(&buf, fields, dropped);
    if (!output.text)
        line_memory[buf.len++] = '}';
    line_memory[buf.len++] = '\n';
    if (!let_go(line_memory, buf.len)) {
        atomic_fetch_add_explicit(&dropped_unsaid, dropped + 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&dropped_total, 1, memory_order_relaxed);
    }
    errno = saved_errno;
}

/* --- Failures ------------------------------------------------------------------------------- */

enum { FAILURE_FIELDS_MAX = 32 };

static enum log_level level_of(enum err code)
{
    for (unsigned level = LOG_DEBUG; level <= LOG_ERROR; level++)
        if (strcmp(level_names[level], err_info(code)->log_level) == 0)
            return (enum log_level)level;
    return LOG_ERROR;
}

void log_write_failure(enum err code, const char *area, const char *message,
                       const struct log_field *fields)
{
    struct log_field all[FAILURE_FIELDS_MAX] = { LOG_NONE_ };
    const struct err_slot *slot = err_slot();
    char place[128] = "";
    size_t count = 1;
    enum log_level level = level_of(code);
    if (!log_enabled(level))
        return;
    if (slot->file)
        snprintf(place, sizeof(place), "%s:%d", slot->file, slot->line);
    for (fields++; fields->kind != LOG_FIELD_NONE && count < FAILURE_FIELDS_MAX - 5; fields++)
        all[count++] = *fields;
    all[count++] = LOG_CSTR("error", err_info(code)->slug);
    if (slot->code == code) {
        all[count++] = LOG_CSTR("slug", slot->slug);
        all[count++] = LOG_CSTR("detail", slot->text);
        all[count++] = LOG_CSTR("place", place);
    }
    log_write(level, area, message, all);
}
