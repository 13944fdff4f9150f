/*
 * expect: statements. A line "SUBJECT [count|size] OPERATOR OPERAND" reads a subject (subject.h)
 * and compares it; "NAME = SUBJECT" keeps it. The README lists them all.
 */
#include "subject.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_BYTES_MAX = 600, GROUPS_MAX = 2 };

/* `group`, when not NULL, receives the first group of the match, or the whole match without groups.
 */
static enum err regex_match(struct world *world, str text, str pattern, bool *out_matches,
                            str *group)
{
    regex_t regex;
    regmatch_t found[GROUPS_MAX];
    int bad = regcomp(&regex, arena_cstr(&world->lasting, pattern), REG_EXTENDED | REG_NEWLINE);
    if (bad)
        return world_fail(world, "not a regular expression: %.*s", STR_ARG(pattern));
    const char *subject = arena_cstr(&world->answer_memory, text);
    *out_matches = regexec(&regex, subject, GROUPS_MAX, found, 0) == 0;
    regfree(&regex);
    if (*out_matches && group) {
        regmatch_t which = found[1].rm_so >= 0 ? found[1] : found[0];
        *group = str_sub(text, (size_t)which.rm_so, (size_t)(which.rm_eo - which.rm_so));
    }
    return OK;
}

static bool json_equals(const cJSON *node, const struct operand *operand)
{
    cJSON *expected = NULL;
    bool equal;
    if (operand->quoted || json_read(operand->text, &expected) != OK)
        return cJSON_IsString(node) && str_eq(str_of(node->valuestring), operand->text);
    equal = cJSON_Compare(node, expected, true);
    cJSON_Delete(expected);
    return equal;
}

static bool equals(const struct subject *subject, const struct operand *operand)
{
    if (!subject->present)
        return false;
    if (subject->node && !operand->variable)
        return json_equals(subject->node, operand);
    return str_eq(subject->text, operand->text);
}

static bool contains(const struct subject *subject, const struct operand *operand)
{
    if (!subject->present)
        return false;
    if (!subject->node || !cJSON_IsArray(subject->node))
        return str_find(subject->text, operand->text) >= 0;
    for (const cJSON *item = subject->node->child; item; item = item->next) {
        struct subject one = { .present = true, .node = item };
        if (operand->variable && cJSON_IsString(item))
            one = (struct subject){ .present = true, .text = str_of(item->valuestring) };
        else if (operand->variable)
            continue;
        if (equals(&one, operand))
            return true;
    }
    return false;
}

static bool numbers(str a, str b, double *out_a, double *out_b)
{
    char text[2][64];
    char *end[2];
    snprintf(text[0], sizeof(text[0]), "%.*s", STR_ARG(a));
    snprintf(text[1], sizeof(text[1]), "%.*s", STR_ARG(b));
    *out_a = strtod(text[0], &end[0]);
    *out_b = strtod(text[1], &end[1]);
    return a.len && b.len && *end[0] == 0 && *end[1] == 0;
}

static bool is_among(const struct subject *subject, str words)
{
    while (words.len) {
        str word = script_word(&words);
        if (str_eq(word, subject->text))
            return true;
    }
    return false;
}

static enum err holds_order(struct world *world, const struct subject *subject, str op,
                            const struct operand *operand, bool *out_holds)
{
    double a, b;
    if (!numbers(subject->text, operand->text, &a, &b))
        return world_fail(world, "%.*s compares numbers; %.*s is %.*s", STR_ARG(op),
                          STR_ARG(subject->name), STR_ARG(subject->text));
    if (op.ptr[0] == '<')
        *out_holds = op.len == 2 ? a <= b : a < b;
    else
        *out_holds = op.len == 2 ? a >= b : a > b;
    return OK;
}

static enum err holds(struct world *world, const struct subject *subject, str op,
                      const struct operand *operand, bool *out_holds)
{
    if (str_eq(op, STR("=="))) {
        *out_holds = equals(subject, operand);
    } else if (str_eq(op, STR("!="))) {
        *out_holds = subject->present && !equals(subject, operand);
    } else if (str_eq(op, STR("contains"))) {
        *out_holds = contains(subject, operand);
    } else if (str_eq(op, STR("lacks"))) {
        *out_holds = subject->present && !contains(subject, operand);
    } else if (str_eq(op, STR("starts"))) {
        *out_holds = subject->present && str_starts(subject->text, operand->text);
    } else if (str_eq(op, STR("ends"))) {
        *out_holds = subject->present && str_ends(subject->text, operand->text);
    } else if (str_eq(op, STR("in"))) {
        *out_holds = subject->present && is_among(subject, operand->text);
    } else if (str_eq(op, STR("is"))) {
        *out_holds = subject->node && str_eq(str_of(json_type(subject->node)), operand->text);
    } else if (str_eq(op, STR("~")) || str_eq(op, STR("!~"))) {
        bool matches;
        TRY(regex_match(world, subject->text, operand->text, &matches, NULL));
        *out_holds = subject->present && matches == (op.ptr[0] == '~');
    } else if (subject_is_one_of(op, "< <= > >=")) {
        return holds_order(world, subject, op, operand, out_holds);
    } else {
        return world_fail(world, "unknown operator %.*s", STR_ARG(op));
    }
    return OK;
}

static enum err explain(struct world *world, const struct subject *subject, str op,
                        const struct operand *operand)
{
    char *printed = subject->node ? cJSON_PrintUnformatted(subject->node) : NULL;
    str got = printed ? arena_str(&world->answer_memory, str_of(printed)) : subject->text;
    const char *cut = got.len > SHOWN_BYTES_MAX ? " ..." : "";
    const char *quote = operand->quoted && subject->node ? "\"" : "";
    cJSON_free(printed);
    if (!subject->present)
        return world_fail(world, "%.*s is absent\n    expected: %.*s %.*s", STR_ARG(subject->name),
                          STR_ARG(op), STR_ARG(operand->text));
    return world_fail(world, "%.*s\n    got:      %.*s%s\n    expected: %.*s %s%.*s%s",
                      STR_ARG(subject->name), STR_ARG(str_sub(got, 0, SHOWN_BYTES_MAX)), cut,
                      STR_ARG(op), quote, STR_ARG(operand->text), quote);
}

/* "count" and "size" replace the subject by a number. */
static enum err measure(struct world *world, str word, struct subject *subject)
{
    size_t number = subject->text.len;
    if (str_eq(word, STR("count"))) {
        if (!cJSON_IsArray(subject->node) && !cJSON_IsObject(subject->node))
            return world_fail(world, "%.*s is %s, which has no count", STR_ARG(subject->name),
                              subject->node ? json_type(subject->node) : "absent or a text");
        number = (size_t)cJSON_GetArraySize(subject->node);
    }
    subject->text = arena_printf(&world->answer_memory, "%zu", number);
    subject->name =
        arena_printf(&world->answer_memory, "%.*s of %.*s", STR_ARG(word), STR_ARG(subject->name));
    subject->node = NULL;
    return OK;
}

static enum err state(struct world *world, struct subject *subject, str rest)
{
    struct operand operand;
    bool result;
    str after = rest, word = script_word(&after);
    if (subject_is_one_of(rest, "exists absent")) {
        if (subject->present == str_eq(rest, STR("exists")))
            return OK;
        return explain(world, subject, rest, &(struct operand){ 0 });
    }
    if (subject_is_one_of(word, "count size")) {
        TRY(measure(world, word, subject));
        rest = after;
        word = script_word(&after);
    }
    if (!subject_is_one_of(word, "== != < <= > >= ~ !~ contains lacks starts ends in is")) {
        after = rest; /* "status 200" */
        word = STR("==");
    }
    if (after.len == 0)
        return world_fail(world, "nothing to compare %.*s with", STR_ARG(subject->name));
    TRY(operand_read(world, after, &operand));
    TRY(holds(world, subject, word, &operand, &result));
    return result ? OK : explain(world, subject, word, &operand);
}

enum err expect_line(struct world *world, str text)
{
    struct subject subject;
    TRY(subject_read(world, &text, &subject));
    enum err err = state(world, &subject, text);
    cJSON_Delete(subject.owned);
    return err;
}

static enum err capture(struct world *world, str name, const struct subject *subject, str rest)
{
    struct operand operand;
    str text = subject->text, op = script_word(&rest);
    bool matches;
    if (!subject->present)
        return world_fail(world, "%.*s is absent", STR_ARG(subject->name));
    if (op.len) {
        if (!str_eq(op, STR("~")))
            return world_fail(world, "a capture may be followed by ~ /expression/ only");
        TRY(operand_read(world, rest, &operand));
        TRY(regex_match(world, subject->text, operand.text, &matches, &text));
        if (!matches)
            return explain(world, subject, op, &operand);
    }
    world_set(world, name, text);
    return OK;
}

enum err expect_capture(struct world *world, str name, str text)
{
    struct subject subject;
    if (str_starts(text, STR("\""))) {
        str value;
        TRY(expect_operand(world, text, &value));
        world_set(world, name, value);
        return OK;
    }
    TRY(subject_read(world, &text, &subject));
    enum err err = capture(world, name, &subject, text);
    cJSON_Delete(subject.owned);
    return err;
}
