/*
 * subject: reading both sides of a statement. Subjects come from the last answer, from the output
 * of a process, or from variables; they are read anew each time.
 */
#include "subject.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES_MAX = 64 << 20 };

/* --- operands ------------------------------------------------------------------------------- */

static bool unescape_one(str *text, struct buf *out)
{
    static const char plain[] = "rnt0\\\"", meant[] = "\r\n\t\0\\\"";
    char c = text->ptr[0];
    const char *found = memchr(plain, c, sizeof(plain) - 1);
    *text = str_skip(*text, 1);
    if (found) {
        buf_put_char(out, meant[found - plain]);
        return true;
    }
    if (c != 'x' || text->len < 2)
        return false;
    char digits[3] = { text->ptr[0], text->ptr[1], 0 };
    char *end;
    buf_put_char(out, (char)strtoul(digits, &end, 16));
    *text = str_skip(*text, 2);
    return *end == 0;
}

enum err expect_operand(struct world *world, str text, str *out_text)
{
    struct buf unescaped;
    if (!str_starts(text, STR("\"")))
        return world_fill(world, text, out_text);
    if (text.len < 2 || !str_ends(text, STR("\"")))
        return world_fail(world, "a quoted text without its end: %.*s", STR_ARG(text));
    text = str_sub(text, 1, text.len - 2);
    buf_init(&unescaped, &world->lasting, text.len + 1);
    while (text.len) {
        char c = text.ptr[0];
        text = str_skip(text, 1);
        if (c != '\\')
            buf_put_char(&unescaped, c);
        else if (text.len == 0 || !unescape_one(&text, &unescaped))
            return world_fail(world, "escapes are \\r \\n \\t \\0 \\\\ \\\" and \\xHH");
    }
    return world_fill(world, buf_str(&unescaped), out_text);
}

enum err operand_read(struct world *world, str text, struct operand *out_operand)
{
    struct operand operand = { .quoted = str_starts(text, STR("\"")),
                               .variable = str_starts(text, STR("${")),
                               .regex = str_starts(text, STR("/")) };
    if (operand.regex && text.len >= 2 && str_ends(text, STR("/")))
        text = str_sub(text, 1, text.len - 2);
    TRY(expect_operand(world, text, &operand.text));
    *out_operand = operand;
    return OK;
}

/* --- subjects ------------------------------------------------------------------------------- */

/* A JSON path ends at a space outside ["..."]. */
static str cut_path(str *rest)
{
    size_t len = 0;
    bool quoted = false;
    for (; len < rest->len && (quoted || rest->ptr[len] != ' '); len++)
        if (rest->ptr[len] == '"')
            quoted = !quoted;
    str path = str_sub(*rest, 0, len);
    *rest = str_trim(str_skip(*rest, len));
    return path;
}

static enum err need_answer(struct world *world)
{
    if (!world->has_answer)
        return world_fail(world, "there is no answer yet: no request was made before");
    return OK;
}

static enum err subject_json(struct world *world, str path, struct subject *subject)
{
    TRY(need_answer(world));
    if (!world->json && json_read(world->answer.body, &world->json) != OK)
        return world_fail_with(world, "the body");
    TRY(world_fill(world, path, &path));
    enum err err = json_pick(world->json, path, &subject->node, &subject->owned);
    if (err == ERR_INVALID)
        return world_fail_with(world, "the path");
    subject->present = err == OK;
    if (err == OK)
        subject->text = json_text(&world->answer_memory, subject->node);
    return OK;
}

/* What all that serve have written, one after another. */
static enum err subject_log(struct world *world, struct subject *subject)
{
    struct buf all;
    buf_init(&all, &world->answer_memory, OUTPUT_BYTES_MAX);
    if (!process_find(world, STR("server")))
        return world_fail(world, "no command was run before");
    for (struct process *each = world->processes; each; each = each->next) {
        str text;
        const char *path =
            arena_printf(&world->lasting, "%s/%s.err", world->folder, each->name).ptr;
        if (!process_is_server(each))
            continue;
        if (script_slurp(&world->answer_memory, path, OUTPUT_BYTES_MAX, &text) != OK)
            return world_fail_with(world, "the output");
        buf_put(&all, text);
    }
    subject->text = buf_str(&all);
    subject->present = true;
    return OK;
}

static enum err subject_output(struct world *world, str kind, struct subject *subject)
{
    struct process *process = world->last;
    if (str_eq(kind, STR("log")))
        return subject_log(world, subject);
    if (!process)
        return world_fail(world, "no command was run before");
    const char *suffix = str_eq(kind, STR("stdout")) ? "out" : "err";
    const char *path =
        arena_printf(&world->lasting, "%s/%s.%s", world->folder, process->name, suffix).ptr;
    if (script_slurp(&world->answer_memory, path, OUTPUT_BYTES_MAX, &subject->text) != OK)
        return world_fail_with(world, "the output");
    subject->present = true;
    return OK;
}

static enum err subject_exit(struct world *world, struct subject *subject)
{
    if (!world->last)
        return world_fail(world, "no command was run before");
    if (world->last->running)
        return world_fail(world, "%s still runs: wait for it first", world->last->name);
    subject->text = arena_printf(&world->lasting, "%d", world->last->exit_code);
    subject->present = true;
    return OK;
}

static enum err subject_answer(struct world *world, str word, str *rest, struct subject *subject)
{
    TRY(need_answer(world));
    subject->present = true;
    if (str_eq(word, STR("status"))) {
        subject->text = arena_printf(&world->answer_memory, "%u", world->answer.status);
    } else if (str_eq(word, STR("body"))) {
        subject->text = world->answer.body;
    } else if (str_eq(word, STR("head"))) {
        subject->text = world->answer.head;
    } else {
        str name = script_word(rest);
        subject->name = (str){ word.ptr, (size_t)(name.ptr + name.len - word.ptr) };
        subject->present = http_header(&world->answer, &world->answer_memory, name, &subject->text);
    }
    return OK;
}

bool subject_is_one_of(str word, const char *words)
{
    str rest = str_of(words), candidate;
    while (str_cut(&rest, ' ', &candidate))
        if (str_eq(word, candidate))
            return true;
    return false;
}

enum err subject_read(struct world *world, str *rest, struct subject *out_subject)
{
    struct subject subject = { 0 };
    bool path = str_starts(*rest, STR("$")) && !str_starts(*rest, STR("${"));
    str word = path ? cut_path(rest) : script_word(rest);
    subject.name = word;
    if (path) {
        TRY(subject_json(world, word, &subject));
    } else if (str_starts(word, STR("${"))) {
        TRY(world_fill(world, word, &subject.text));
        subject.present = true;
    } else if (subject_is_one_of(word, "status body head header")) {
        TRY(subject_answer(world, word, rest, &subject));
    } else if (subject_is_one_of(word, "stdout stderr log")) {
        TRY(subject_output(world, word, &subject));
    } else if (str_eq(word, STR("exit"))) {
        TRY(subject_exit(world, &subject));
    } else {
        return world_fail(world, "neither a step nor a subject: %.*s", STR_ARG(word));
    }
    *out_subject = subject;
    return OK;
}
