/*
 * conf: binding of tables to structs, and the checks a value goes through wherever it comes from.
 * The readers (file, environment, flags) are in conf_read.c.
 */
#include "conf.h"

#include "conf_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool conf_find(const struct conf *conf, str name, struct conf_found *out)
{
    for (size_t g = 0; g < conf->groups_count; g++) {
        const struct settings *settings = conf->groups[g].settings;
        for (size_t i = 0; i < settings->count; i++) {
            if (str_eq(str_of(settings->items[i].name), name)) {
                *out = (struct conf_found){ g, i, &settings->items[i] };
                return true;
            }
        }
    }
    return false;
}

bool conf_find_flag(const struct conf *conf, str flag, struct conf_found *out)
{
    for (size_t g = 0; g < conf->groups_count; g++) {
        const struct settings *settings = conf->groups[g].settings;
        for (size_t i = 0; i < settings->count; i++) {
            if (settings->items[i].flag && str_eq(str_of(settings->items[i].flag), flag)) {
                *out = (struct conf_found){ g, i, &settings->items[i] };
                return true;
            }
        }
    }
    return conf_find(conf, flag, out);
}

struct conf_origin *conf_origin_of(const struct conf *conf, const struct conf_found *found)
{
    return &conf->origins[found->group][found->index];
}

const char *conf_origin(const struct conf *conf, str name)
{
    struct conf_found found;
    return conf_find(conf, name, &found) ? conf_origin_of(conf, &found)->text : NULL;
}

str conf_env_name(const struct setting *setting, char out[CONF_ENV_MAX])
{
    int len = snprintf(out, CONF_ENV_MAX, "KB_%s", setting->name);
    ASSERT(len > 0 && len < CONF_ENV_MAX);
    for (char *c = out; *c; c++)
        *c = *c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return str_of(out);
}

void conf_reject(struct conf *conf, str where, const char *format, ...)
{
    char message[ERR_FIELD_MAX * 2];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (!conf->failed)
        err_set(ERR_INVALID, "bad-settings", "%.*s: %s", STR_ARG(where), message);
    conf->failed = true;
    err_field_add(where, "%s", message);
}

enum err conf_result(struct conf *conf)
{
    bool failed = conf->failed;
    conf->failed = false;
    return failed ? err_slot()->code : OK;
}

/* --- Values --------------------------------------------------------------------------------- */

static bool parse_bool(str text, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on", "1" };
    static const char *const no[] = { "false", "no", "off", "0" };
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_eq(text, str_of(yes[i])) || str_eq(text, str_of(no[i]))) {
            *out = str_eq(text, str_of(yes[i]));
            return true;
        }
    }
    return false;
}

static bool parse_choice(const char *const *choices, str text, int64_t *out)
{
    for (int64_t i = 0; choices[i]; i++) {
        if (str_eq(str_of(choices[i]), text)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* What a value must look like, for messages and documentation. */
static str kind_text(const struct setting *setting, char out[128])
{
    static const char *const kinds[] = { "true or false", "a whole number", "text",
                                         "a duration like 30s", "a size like 64MiB" };
    size_t len = 0;
    if (setting->kind != SETTING_KIND_ENUM)
        return str_of(kinds[setting->kind]);
    len = (size_t)snprintf(out, 128, "one of");
    for (size_t i = 0; setting->choices[i] && len < 128; i++)
        len += (size_t)snprintf(out + len, 128 - len, "%s %s", i ? "," : "", setting->choices[i]);
    return str_of(out);
}

static bool parse_number(const struct setting *setting, str text, int64_t *out)
{
    uint64_t size;
    bool truth;
    switch (setting->kind) {
    case SETTING_KIND_BOOL:
        if (!parse_bool(text, &truth))
            return false;
        *out = truth;
        return true;
    case SETTING_KIND_SPAN:
        return span_parse(text, out);
    case SETTING_KIND_SIZE:
        if (!size_parse(text, &size) || size > INT64_MAX)
            return false;
        *out = (int64_t)size;
        return true;
    case SETTING_KIND_ENUM:
        return parse_choice(setting->choices, text, out);
    default:
        return str_parse_i64(text, out);
    }
}

static str number_text(const struct setting *setting, int64_t number, char out[32])
{
    switch (setting->kind) {
    case SETTING_KIND_BOOL:
        return number ? STR("true") : STR("false");
    case SETTING_KIND_SPAN:
        return span_format(number, out);
    case SETTING_KIND_SIZE:
        return size_format((uint64_t)number, out);
    case SETTING_KIND_ENUM:
        return str_of(setting->choices[number]);
    default:
        snprintf(out, 32, "%lld", (long long)number);
        return str_of(out);
    }
}

static void put_number(const struct setting *setting, char *at, int64_t number)
{
    bool truth = number != 0;
    unsigned choice = (unsigned)number;
    if (setting->kind == SETTING_KIND_BOOL)
        memcpy(at, &truth, sizeof(truth));
    else if (setting->kind == SETTING_KIND_ENUM)
        memcpy(at, &choice, sizeof(choice));
    else
        memcpy(at, &number, sizeof(number));
}

static int64_t get_number(const struct setting *setting, const char *at)
{
    int64_t number;
    unsigned choice;
    if (setting->kind == SETTING_KIND_BOOL)
        return *at != 0;
    if (setting->kind == SETTING_KIND_ENUM) {
        memcpy(&choice, at, sizeof(choice));
        return choice;
    }
    memcpy(&number, at, sizeof(number));
    return number;
}

static void store_text(struct conf *conf, const struct conf_found *found, str where, str value)
{
    char *at = (char *)conf->groups[found->group].values + found->setting->offset;
    if (!str_is_utf8(value) || (value.len && memchr(value.ptr, 0, value.len))) {
        conf_reject(conf, where, "%s must be UTF-8 text without zero bytes", found->setting->name);
        return;
    }
    str kept = arena_str(conf->arena, value);
    memcpy(at, &kept, sizeof(kept));
}

void conf_store(struct conf *conf, const struct conf_found *found, str where, str value)
{
    const struct setting *setting = found->setting;
    char *at = (char *)conf->groups[found->group].values + setting->offset;
    char wanted[128], limit[32];
    int64_t number = 0;
    bool ranged = setting->min || setting->max;
    if (setting->kind == SETTING_KIND_TEXT) {
        store_text(conf, found, where, value);
    } else if (!parse_number(setting, value, &number)) {
        if (setting->secret)
            value = STR("(secret)");
        conf_reject(conf, where, "%s must be %s, not \"%.*s\"", setting->name,
                    kind_text(setting, wanted).ptr, STR_ARG(str_sub(value, 0, 40)));
    } else if (ranged && number < setting->min) {
        conf_reject(conf, where, "%s must be at least %s", setting->name,
                    number_text(setting, setting->min, limit).ptr);
    } else if (setting->max && number > setting->max) {
        conf_reject(conf, where, "%s must be at most %s", setting->name,
                    number_text(setting, setting->max, limit).ptr);
    } else {
        put_number(setting, at, number);
    }
    conf_origin_of(conf, found)->text = where.ptr ? arena_cstr(conf->arena, where) : NULL;
}

str conf_value_text(struct arena *arena, const struct setting *setting, const void *values)
{
    const char *at = (const char *)values + setting->offset;
    char text[32];
    str value;
    if (setting->kind != SETTING_KIND_TEXT)
        return arena_str(arena, number_text(setting, get_number(setting, at), text));
    memcpy(&value, at, sizeof(value));
    return setting->secret && value.len ? STR("(set)") : value;
}

/* --- Tables --------------------------------------------------------------------------------- */

static void check_unique(const struct conf *conf, const struct conf_found *own)
{
    struct conf_found found;
    ASSERT(conf_find(conf, str_of(own->setting->name), &found) && found.setting == own->setting);
    if (own->setting->flag)
        ASSERT(conf_find_flag(conf, str_of(own->setting->flag), &found) &&
               found.setting == own->setting);
    if (own->setting->kind == SETTING_KIND_ENUM)
        ASSERT(own->setting->choices);
}

void conf_init(struct conf *conf, struct arena *arena, const struct conf_group *groups,
               size_t groups_count)
{
    *conf = (struct conf){ .arena = arena, .groups = groups, .groups_count = groups_count };
    conf->origins = ARENA_ARRAY(arena, groups_count, struct conf_origin *);
    for (size_t g = 0; g < groups_count; g++) {
        const struct settings *settings = groups[g].settings;
        conf->origins[g] = ARENA_ARRAY(arena, settings->count, struct conf_origin);
        memset(groups[g].values, 0, settings->size_bytes);
        for (size_t i = 0; i < settings->count; i++) {
            struct conf_found found = { g, i, &settings->items[i] };
            check_unique(conf, &found);
            conf_store(conf, &found, STR_NONE, str_of(settings->items[i].initial));
            if (conf->failed)
                PANIC("settings table %s: %s", settings->name, err_slot()->text);
        }
    }
}
