/* script: cutting a scenario file into lines, attached texts and blocks. No line is executed here.
 */
#include "script.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_MAX = 20000, DEPTH_MAX = 4, SCRIPT_BYTES_MAX = 4 << 20 };

static enum err read_all(int fd, char *into, size_t size_bytes)
{
    for (size_t at = 0; at < size_bytes;) {
        ssize_t got = read(fd, into + at, size_bytes - at);
        if (got < 0)
            return err_errno("read");
        if (got == 0)
            return err_set(ERR_CORRUPT, NULL, "the file became shorter while it was read");
        at += (size_t)got;
    }
    return OK;
}

enum err script_slurp(struct arena *arena, const char *path, size_t size_bytes_max, str *out_text)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(path);
    enum err err = fstat(fd, &info) < 0 ? err_errno(path) : OK;
    if (err == OK && (size_t)info.st_size > size_bytes_max)
        err = err_set(ERR_TOO_LARGE, NULL, "%s is larger than %zu bytes", path, size_bytes_max);
    if (err == OK) {
        char *text = arena_alloc(arena, (size_t)info.st_size + 1);
        text[info.st_size] = 0;
        err = read_all(fd, text, (size_t)info.st_size);
        if (err == OK)
            *out_text = (str){ text, (size_t)info.st_size };
    }
    close(fd);
    return err;
}

str script_word(str *rest)
{
    *rest = str_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
        len++;
    str word = str_sub(*rest, 0, len);
    *rest = str_trim(str_skip(*rest, len));
    return word;
}

bool script_parse_span(str text, span *out_span)
{
    static const struct {
        str suffix;
        span unit;
    } units[] = { { STR_INIT("ms"), 1000 },
                  { STR_INIT("s"), 1000000 },
                  { STR_INIT("m"), 60000000 } };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        int64_t count;
        if (!str_ends(text, units[i].suffix))
            continue;
        if (!str_parse_i64(str_sub(text, 0, text.len - units[i].suffix.len), &count) || count < 0 ||
            count > 1000000)
            return false;
        *out_span = count * units[i].unit;
        return true;
    }
    return false;
}

/* Takes the lines up to `mark` off *rest; the attached text keeps their line ends. */
static enum err attach(struct line *line, str mark, str *rest, int *number)
{
    const char *begin = rest->ptr;
    str raw;
    while (str_cut(rest, '\n', &raw)) {
        (*number)++;
        if (str_eq(str_trim(raw), mark)) {
            line->attached = (str){ begin, (size_t)(raw.ptr - begin) };
            return OK;
        }
    }
    return err_set(ERR_INVALID, "scenario", "line %d: the text is not closed by a line %.*s",
                   line->number, STR_ARG(mark));
}

static enum err match_blocks(struct script *script)
{
    int open[DEPTH_MAX];
    int depth = 0;
    for (int i = 0; i < script->count; i++) {
        struct line *line = &script->lines[i];
        if (str_eq(line->text, STR("}"))) {
            if (depth == 0)
                return err_set(ERR_INVALID, "scenario", "line %d: closes nothing", line->number);
            script->lines[open[--depth]].end = i;
        } else if (str_ends(line->text, STR(" {")) && !line->attached.ptr) {
            if (depth == DEPTH_MAX)
                return err_set(ERR_INVALID, "scenario", "line %d: blocks are nested deeper than %d",
                               line->number, DEPTH_MAX);
            open[depth++] = i;
        }
    }
    if (depth > 0)
        return err_set(ERR_INVALID, "scenario", "line %d: the block is not closed by a line }",
                       script->lines[open[depth - 1]].number);
    return OK;
}

static enum err read_timeout(struct script *script)
{
    for (int i = 0; i < script->count; i++) {
        str rest = script->lines[i].text;
        if (!str_eq(script_word(&rest), STR("timeout")))
            continue;
        if (!script_parse_span(rest, &script->timeout))
            return err_set(ERR_INVALID, "scenario", "line %d: a timeout reads like 90s or 2m",
                           script->lines[i].number);
    }
    return OK;
}

enum err script_read(struct arena *arena, const char *path, struct script *out_script)
{
    struct script script = { .path = path, .timeout = SCRIPT_TIMEOUT };
    str rest, raw;
    int number = 0;
    TRY(script_slurp(arena, path, SCRIPT_BYTES_MAX, &rest));
    script.lines = ARENA_ARRAY(arena, LINES_MAX, struct line);
    while (str_cut(&rest, '\n', &raw)) {
        struct line line = { .number = ++number, .text = str_trim(raw), .end = -1 };
        if (line.text.len == 0 || line.text.ptr[0] == '#')
            continue;
        ptrdiff_t mark = str_find(line.text, STR("<<"));
        if (mark >= 0) {
            TRY(attach(&line, str_trim(str_skip(line.text, (size_t)mark + 2)), &rest, &number));
            line.text = str_trim(str_sub(line.text, 0, (size_t)mark));
        }
        if (script.count == LINES_MAX)
            return err_set(ERR_TOO_LARGE, NULL, "more than %d lines", LINES_MAX);
        script.lines[script.count++] = line;
    }
    TRY(match_blocks(&script));
    TRY(read_timeout(&script));
    *out_script = script;
    return OK;
}
