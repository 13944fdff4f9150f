/* json: strict reading on top of cJSON, and paths. Paths are walked step by step, without
 * recursion. */
#include "json.h"

#include <string.h>

enum { PATH_NAME_MAX = 256 };

static const cJSON *duplicate_in(const cJSON *object)
{
    for (const cJSON *a = object->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return b;
    return NULL;
}

/* Visits every node by its links: down, next, and up by a stack as deep as cJSON itself allows. */
static const cJSON *duplicate_find(const cJSON *root)
{
    static const cJSON *stack[CJSON_NESTING_LIMIT + 1];
    int depth = 0;
    const cJSON *node = root;
    while (node) {
        const cJSON *found = cJSON_IsObject(node) ? duplicate_in(node) : NULL;
        if (found)
            return found;
        if (node->child && depth < CJSON_NESTING_LIMIT) {
            stack[depth++] = node;
            node = node->child;
            continue;
        }
        while (depth > 0 && !node->next)
            node = stack[--depth];
        node = depth > 0 ? node->next : NULL;
    }
    return NULL;
}

enum err json_read(str text, cJSON **out_root)
{
    const char *end = NULL;
    if (!str_is_utf8(text))
        return err_set(ERR_INVALID, "json", "the text is not UTF-8");
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
    if (!root)
        return err_set(ERR_INVALID, "json", "not JSON at byte %td", end ? end - text.ptr : 0);
    if (str_trim(str_skip(text, (size_t)(end - text.ptr))).len) {
        cJSON_Delete(root);
        return err_set(ERR_INVALID, "json", "text after the JSON value");
    }
    const cJSON *twice = duplicate_find(root);
    if (twice) {
        err_set(ERR_INVALID, "json", "the key \"%s\" stands twice", twice->string);
        cJSON_Delete(root);
        return ERR_INVALID;
    }
    *out_root = root;
    return OK;
}

struct step {
    enum { BY_NAME, BY_INDEX, EVERY } kind;
    char name[PATH_NAME_MAX];
    int64_t index;
};

static enum err step_named(str name, struct step *out_step)
{
    if (name.len == 0 || name.len >= PATH_NAME_MAX)
        return err_set(ERR_INVALID, "path", "a name of 1 to %d bytes was expected",
                       PATH_NAME_MAX - 1);
    out_step->kind = BY_NAME;
    memcpy(out_step->name, name.ptr, name.len);
    out_step->name[name.len] = 0;
    return OK;
}

/* Cuts one .name, [3], ["name"] or [*] off the path. */
static enum err step_cut(str *path, struct step *out_step)
{
    if (path->ptr[0] == '.') {
        size_t len = 1;
        while (len < path->len && path->ptr[len] != '.' && path->ptr[len] != '[')
            len++;
        TRY(step_named(str_sub(*path, 1, len - 1), out_step));
        *path = str_skip(*path, len);
        return OK;
    }
    bool quoted = str_starts(*path, STR("[\""));
    ptrdiff_t close = quoted ? str_find(*path, STR("\"]")) : str_find_char(*path, ']');
    if (path->ptr[0] != '[' || close < 0)
        return err_set(ERR_INVALID, "path", "not a path from here: %.*s", STR_ARG(*path));
    str inside = str_sub(*path, quoted ? 2 : 1, (size_t)close - (quoted ? 2 : 1));
    *path = str_skip(*path, (size_t)close + (quoted ? 2 : 1));
    if (quoted)
        return step_named(inside, out_step);
    out_step->kind = str_eq(inside, STR("*")) ? EVERY : BY_INDEX;
    if (out_step->kind == BY_INDEX && !str_parse_i64(inside, &out_step->index))
        return err_set(ERR_INVALID, "path", "not an index: %.*s", STR_ARG(inside));
    return OK;
}

static const cJSON *step_take(const cJSON *node, const struct step *step)
{
    if (step->kind == BY_NAME)
        return cJSON_IsObject(node) ? cJSON_GetObjectItemCaseSensitive(node, step->name) : NULL;
    if (!cJSON_IsArray(node))
        return NULL;
    int64_t index = step->index < 0 ? cJSON_GetArraySize(node) + step->index : step->index;
    return index < 0 || index > INT32_MAX ? NULL : cJSON_GetArrayItem(node, (int)index);
}

static enum err pick_single(const cJSON *node, str *path, bool *out_every, const cJSON **out_node)
{
    struct step step = { 0 };
    *out_every = false;
    while (path->len) {
        TRY(step_cut(path, &step));
        if (step.kind == EVERY) {
            *out_every = true;
            break;
        }
        node = step_take(node, &step);
        if (!node)
            return err_set(ERR_NOT_FOUND, "path", "nothing there");
    }
    *out_node = node;
    return OK;
}

enum err json_pick(const cJSON *root, str path, const cJSON **out_node, cJSON **out_owned)
{
    const cJSON *node = NULL;
    bool every;
    if (path.len == 0 || path.ptr[0] != '$')
        return err_set(ERR_INVALID, "path", "a path begins with $");
    path = str_skip(path, 1);
    TRY(pick_single(root, &path, &every, &node));
    if (!every) {
        *out_owned = NULL;
        *out_node = node;
        return OK;
    }
    if (!cJSON_IsArray(node))
        return err_set(ERR_NOT_FOUND, "path", "[*] stands after something that is no array");
    cJSON *all = cJSON_CreateArray();
    for (const cJSON *item = node->child; item; item = item->next) {
        str rest = path;
        const cJSON *found = NULL;
        bool again;
        enum err err = pick_single(item, &rest, &again, &found);
        if (err == OK && again)
            err = err_set(ERR_INVALID, "path", "[*] may stand once in a path");
        if (err == OK)
            cJSON_AddItemToArray(all, cJSON_Duplicate(found, true));
        if (err != OK && err != ERR_NOT_FOUND) {
            cJSON_Delete(all);
            return err;
        }
    }
    *out_node = *out_owned = all;
    return OK;
}

str json_text(struct arena *arena, const cJSON *node)
{
    if (cJSON_IsString(node))
        return arena_str(arena, str_of(node->valuestring));
    char *printed = cJSON_PrintUnformatted(node);
    str text = arena_str(arena, str_of(printed));
    cJSON_free(printed);
    return text;
}

const char *json_type(const cJSON *node)
{
    if (cJSON_IsNull(node))
        return "null";
    if (cJSON_IsBool(node))
        return "boolean";
    if (cJSON_IsNumber(node))
        return "number";
    if (cJSON_IsString(node))
        return "string";
    return cJSON_IsArray(node) ? "array" : "object";
}
