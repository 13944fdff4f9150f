/*
 * kb_json: `kb_json PATH... < JSON` prints the value at each path (tests/scenario/json.h) on a line
 * of its own: an array or object as compact JSON, an array reached by [*] one item a line. Fails
 * when one is absent.
 */
#include "../scenario/json.h"

#include <stdio.h>

enum { INPUT_BYTES_MAX = 64 << 20 };

static void print(struct arena *arena, const cJSON *node)
{
    printf("%.*s\n", STR_ARG(json_text(arena, node)));
}

static enum err pick(struct arena *arena, const cJSON *root, const char *path)
{
    const cJSON *node;
    cJSON *owned;
    TRY(json_pick(root, str_of(path), &node, &owned));
    if (!owned)
        print(arena, node);
    for (const cJSON *item = owned ? owned->child : NULL; item; item = item->next)
        print(arena, item);
    cJSON_Delete(owned);
    return OK;
}

int main(int argc, char **argv)
{
    struct arena arena;
    cJSON *root;
    arena_init(&arena, 4ul * INPUT_BYTES_MAX);
    char *text = arena_alloc(&arena, INPUT_BYTES_MAX);
    size_t len = fread(text, 1, INPUT_BYTES_MAX, stdin);
    enum err err = json_read((str){ text, len }, &root);
    for (int i = 1; i < argc && err == OK; i++) {
        err = pick(&arena, root, argv[i]);
        if (err != OK)
            err_prefix("%s", argv[i]);
    }
    if (err != OK)
        fprintf(stderr, "kb_json: %s\n", err_slot()->text);
    return err != OK;
}
