/* conf_read: settings from a file, from the environment and from the command line. */
#include "conf.h"

#include "conf_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 20 };

/* --- Files ---------------------------------------------------------------------------------- */

struct lines {
    struct conf *conf;
    str source;
    unsigned number, reading;
    str section; /* prefix without its dot; may be empty */
};

static str line_origin(const struct lines *lines)
{
    return arena_printf(lines->conf->arena, "%.*s:%u", STR_ARG(lines->source), lines->number);
}

static bool is_name(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
            return false;
    }
    return text.len > 0 && text.len <= 64;
}

static str unquote(str value)
{
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    return quoted ? str_sub(value, 1, value.len - 2) : value;
}

static void read_setting(struct lines *lines, str name, str value)
{
    struct conf *conf = lines->conf;
    struct conf_found found;
    str where = line_origin(lines);
    if (lines->section.len)
        name = arena_printf(conf->arena, "%.*s.%.*s", STR_ARG(lines->section), STR_ARG(name));
    if (!conf_find(conf, name, &found)) {
        conf_reject(conf, where, "unknown setting %.*s", STR_ARG(name));
        return;
    }
    struct conf_origin *origin = conf_origin_of(conf, &found);
    if (origin->reading == lines->reading) {
        conf_reject(conf, where, "%.*s was set already at %s", STR_ARG(name), origin->text);
        return;
    }
    conf_store(conf, &found, where, unquote(value));
    origin->reading = lines->reading;
}

static void read_line(struct lines *lines, str line)
{
    ptrdiff_t equals = str_find_char(line, '=');
    if (line.len == 0 || line.ptr[0] == '#')
        return;
    if (line.ptr[0] == '[' && line.ptr[line.len - 1] == ']') {
        str section = str_trim(str_sub(line, 1, line.len - 2));
        if (section.len && !is_name(section))
            conf_reject(lines->conf, line_origin(lines), "a section's name is expected in [ ]");
        else
            lines->section = section;
        return;
    }
    str name = equals < 0 ? STR_NONE : str_trim(str_sub(line, 0, (size_t)equals));
    if (!is_name(name))
        conf_reject(lines->conf, line_origin(lines), "expected: name = value");
    else
        read_setting(lines, name, str_trim(str_skip(line, (size_t)equals + 1)));
}

/* Readings are numbered from one, so that a repeated name is told from one that overrules. */
static unsigned next_reading(const struct conf *conf)
{
    unsigned highest = 0;
    for (size_t g = 0; g < conf->groups_count; g++)
        for (size_t i = 0; i < conf->groups[g].settings->count; i++)
            highest = MAX_OF(highest, conf->origins[g][i].reading);
    return highest + 1;
}

enum err conf_read_text(struct conf *conf, str source, str text)
{
    struct lines lines = { .conf = conf, .source = source, .reading = next_reading(conf) };
    str line;
    if (text.len > FILE_BYTES_MAX)
        return err_set(ERR_TOO_LARGE, "bad-settings", "%.*s has over %d bytes", STR_ARG(source),
                       FILE_BYTES_MAX);
    while (str_cut(&text, '\n', &line)) {
        lines.number++;
        read_line(&lines, str_trim(line));
    }
    return conf_result(conf);
}

static enum err read_all(int fd, char *memory, size_t size_bytes, size_t *out_len)
{
    size_t len = 0;
    while (len < size_bytes) {
        ssize_t got = read(fd, memory + len, size_bytes - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno("reading the settings file");
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *out_len = len;
    return OK;
}

enum err conf_read_file(struct conf *conf, const char *path)
{
    struct stat status;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_errno(path);
    enum err result = OK;
    char *memory = NULL;
    if (fstat(fd, &status) < 0)
        result = err_errno(path);
    else if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX)
        result = err_set(ERR_INVALID, "bad-settings", "%s is no file of at most %d bytes", path,
                         FILE_BYTES_MAX);
    if (result == OK) {
        memory = arena_alloc(conf->arena, (size_t)status.st_size + 1);
        result = read_all(fd, memory, (size_t)status.st_size, &len);
    }
    close(fd);
    return result == OK ? conf_read_text(conf, str_of(path), (str){ memory, len }) : result;
}

/* --- Environment ---------------------------------------------------------------------------- */

static bool find_env(const struct conf *conf, str name, struct conf_found *out)
{
    char own[CONF_ENV_MAX];
    for (size_t g = 0; g < conf->groups_count; g++) {
        const struct settings *settings = conf->groups[g].settings;
        for (size_t i = 0; i < settings->count; i++) {
            if (str_eq(conf_env_name(&settings->items[i], own), name)) {
                *out = (struct conf_found){ g, i, &settings->items[i] };
                return true;
            }
        }
    }
    return false;
}

enum err conf_read_environment(struct conf *conf, const char *const *environment)
{
    for (; *environment; environment++) {
        str value = str_of(*environment), name;
        struct conf_found found;
        if (!str_starts(value, STR("KB_")) || !str_cut(&value, '=', &name) || !value.ptr)
            continue;
        if (find_env(conf, name, &found))
            conf_store(conf, &found, name, value);
    }
    return conf_result(conf);
}

/* --- Flags ---------------------------------------------------------------------------------- */

/* One flag at argv[at]; returns how many arguments it took. */
static int read_flag(struct conf *conf, int argc, char **argv, int at)
{
    str value = str_skip(str_of(argv[at]), 2), name;
    struct conf_found found;
    bool given = str_find_char(value, '=') >= 0;
    str_cut(&value, '=', &name);
    str where = arena_printf(conf->arena, "--%.*s", STR_ARG(name));
    if (!conf_find_flag(conf, name, &found)) {
        conf_reject(conf, where, "unknown flag");
        return 1;
    }
    if (given) {
        conf_store(conf, &found, where, value);
        return 1;
    }
    if (found.setting->kind == SETTING_KIND_BOOL) {
        conf_store(conf, &found, where, STR("true"));
        return 1;
    }
    if (at + 1 >= argc || str_starts(str_of(argv[at + 1]), STR("--"))) {
        conf_reject(conf, where, "needs a value");
        return 1;
    }
    conf_store(conf, &found, where, str_of(argv[at + 1]));
    return 2;
}

enum err conf_read_flags(struct conf *conf, int argc, char **argv, int *out_rest)
{
    int rest = MIN_OF(argc, 1);
    bool flags = true;
    for (int i = 1; i < argc;) {
        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
            i++;
        } else if (flags && str_starts(str_of(argv[i]), STR("--"))) {
            i += read_flag(conf, argc, argv, i);
        } else {
            argv[rest++] = argv[i++];
        }
    }
    TRY(conf_result(conf));
    *out_rest = rest;
    return OK;
}
