/*
 * conf: settings as one table a module, read from a file, the environment and the command line,
 * each overruling the one before. The table names the struct member a setting is bound to; a member
 * of another C type stops the build. The tables print their own documentation.
 *
 *     struct http_settings { str listen; span idle_timeout; uint64_t body_max; };
 *     static struct http_settings http_settings;
 *     SETTINGS(http_conf, struct http_settings,
 *         SETTING_TEXT(struct http_settings, listen, "http.listen", "127.0.0.1:8000",
 *                      .flag = "listen", .doc = "address and port to listen on"),
 *         SETTING_SPAN(struct http_settings, idle_timeout, "http.idle_timeout", "60s",
 *                      .min = SECONDS(1), .doc = "an idle connection is closed after this"));
 *
 *     file:        http.listen = 0.0.0.0:80        or  [http]  and  listen = 0.0.0.0:80
 *     environment: KB_HTTP_LISTEN=0.0.0.0:80
 *     flags:       --http.listen=0.0.0.0:80  --http.listen 0.0.0.0:80  --listen 0.0.0.0:80
 */
#pragma once

#include "foundation/base/clock.h"
#include "foundation/base/str.h"
#include "foundation/err/err.h"
#include "foundation/mem/arena.h"
#include "foundation/mem/buf.h"

enum setting_kind {
    SETTING_KIND_BOOL, /* true, false, yes, no, on, off */
    SETTING_KIND_INT,
    SETTING_KIND_TEXT,
    SETTING_KIND_SPAN, /* "250ms", "30s", "5m", "2h", "7d"; "0" */
    SETTING_KIND_SIZE, /* "512", "64KiB", "1MiB", "2GiB", "1TiB" */
    SETTING_KIND_ENUM  /* one of .choices; the member is an int-sized enum */
};

struct setting {
    const char *name;    /* "http.listen": lower case, digits, '_'; one dot */
    const char *initial; /* as it would stand in a file */
    enum setting_kind kind;
    size_t offset;
    const char *flag;           /* short name on the command line, without dashes; NULL: none */
    const char *doc;            /* one sentence without a full stop */
    const char *const *choices; /* of an enum, by value, NULL at the end */
    bool secret;                /* never printed */
    int64_t min,
        max; /* of numbers, spans and sizes, in force when min or max is not 0; max 0: none */
};

/* The settings of one module. */
struct settings {
    const char *name;
    size_t size_bytes; /* of the struct they fill */
    const struct setting *items;
    size_t count;
};

#define SETTINGS(table_name, type, ...)                                                            \
    static const struct setting table_name##_items[] = { __VA_ARGS__ };                            \
    const struct settings table_name = { #table_name, sizeof(type), table_name##_items,            \
                                         ARRAY_LEN(table_name##_items) }

#define SETTING_BOUND_(type, member, wanted)                                                       \
    (offsetof(type, member) +                                                                      \
     sizeof(struct {                                                                               \
         _Static_assert(__builtin_types_compatible_p(__typeof__(((type *)0)->member), wanted),     \
                        "the member is not of the type of this setting");                          \
         char unused;                                                                              \
     }) * 0)
#define SETTING_(type, member, wanted, kind_of, text_name, text_initial, ...)                      \
    {                                                                                              \
        .name = (text_name), .initial = (text_initial), .kind = (kind_of),                         \
        .offset = SETTING_BOUND_(type, member, wanted), ##__VA_ARGS__                              \
    }
#define SETTING_BOOL(type, member, name, initial, ...)                                             \
    SETTING_(type, member, bool, SETTING_KIND_BOOL, name, initial, ##__VA_ARGS__)
#define SETTING_INT(type, member, name, initial, ...)                                              \
    SETTING_(type, member, int64_t, SETTING_KIND_INT, name, initial, ##__VA_ARGS__)
#define SETTING_TEXT(type, member, name, initial, ...)                                             \
    SETTING_(type, member, str, SETTING_KIND_TEXT, name, initial, ##__VA_ARGS__)
#define SETTING_SPAN(type, member, name, initial, ...)                                             \
    SETTING_(type, member, span, SETTING_KIND_SPAN, name, initial, ##__VA_ARGS__)
#define SETTING_SIZE(type, member, name, initial, ...)                                             \
    SETTING_(type, member, uint64_t, SETTING_KIND_SIZE, name, initial, ##__VA_ARGS__)
/* The member is declared as the named enum: SETTING_ENUM(struct s, level, enum log_level, ...). */
#define SETTING_ENUM(type, member, enum_type, name, initial, ...)                                  \
    SETTING_(type, member, enum_type, SETTING_KIND_ENUM, name, initial, ##__VA_ARGS__)

/* A table and the struct it fills. */
struct conf_group {
    const struct settings *settings;
    void *values; /* of settings->size_bytes */
};

struct conf_origin;

struct conf {
    struct arena *arena; /* texts are kept here; it must outlive the settings' use */
    const struct conf_group *groups;
    size_t groups_count;
    struct conf_origin **origins; /* a group, a setting: where its value comes from */
    bool failed;
};

/*
 * Fills every struct with the initial values. A table that is wrong in itself (a name twice, an
 * initial value that its own limits refuse) is a bug and ends the process. Names are unique over
 * all groups.
 */
void conf_init(struct conf *conf, struct arena *arena, const struct conf_group *groups,
               size_t groups_count);

/*
 * The readers below set values and may be called in any order; the later call wins. All fail with
 * ERR_INVALID "bad-settings" when something is wrong: every wrong place is a field of the error
 * slot
 * ("kinobezdna.conf:12: unknown setting htp.listen"), the sentence names the first. What was right
 * has been set by then. Blocking; for start-up.
 */

/*
 * A settings file: `name = value` lines, `[section]` lines that prefix what follows, blank lines,
 * and lines beginning with '#'. A value reaches to the end of its line and may stand in double
 * quotes to keep spaces at its ends. A name set twice in one file is an error. At most 1 MiB.
 * ERR_NOT_FOUND, ERR_FORBIDDEN: the file cannot be read.
 */
enum err conf_read_file(struct conf *conf, const char *path);
/* The same from memory; `source` is named in messages. */
enum err conf_read_text(struct conf *conf, str source, str text);
/* KB_<NAME> with dots as underscores, from a NULL-terminated environment. Unknown names are not
 * ours. */
enum err conf_read_environment(struct conf *conf, const char *const *environment);
/*
 * Flags; a bool needs no value ("--draft"). What is no flag is moved to the front of argv in order,
 * and *out_rest is how many there are; everything after "--" is no flag. argv[0] is not looked at,
 * it counts.
 */
enum err conf_read_flags(struct conf *conf, int argc, char **argv, int *out_rest);

/*
 * Where a setting's value comes from ("kinobezdna.conf:12", "KB_HTTP_LISTEN", "--listen"),
 * or NULL.
 */
const char *conf_origin(const struct conf *conf, str name);

/* --- Documentation -------------------------------------------------------------------------- */

/* A Markdown table a module: name, environment, flag, initial value, what it does. */
void conf_write_markdown(struct buf *buf, const struct conf_group *groups, size_t groups_count);
/* For --help: flag, what it does, initial value. */
void conf_write_help(struct buf *buf, const struct conf_group *groups, size_t groups_count);
/* Every setting as a line of a settings file, with its origin; secrets are shown as set or not. */
void conf_write_current(struct buf *buf, const struct conf *conf);

/* --- Values --------------------------------------------------------------------------------- */

/* "30s" and the like; a bare number only when it is 0. False when it is no span or overflows. */
bool span_parse(str text, span *out);
/*
 * In the largest unit that leaves no rest: 90s is "90s", 120s "2m". Written into `out` of
 * 32 bytes.
 */
str span_format(span value, char out[32]);
/* "64MiB" and the like; a bare number is bytes. */
bool size_parse(str text, uint64_t *out);
str size_format(uint64_t value, char out[32]);
