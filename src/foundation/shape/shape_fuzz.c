/*
 * Fuzz: a body a shape accepts is written as JSON the shape accepts again, and the second writing
 * gives the same bytes. Every refusal leaves the out parameter alone.
 */
#include "shape.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_BLUE };
SHAPE_ENUM(fuzz_colours, [COLOUR_RED] = STR_INIT("red"), [COLOUR_BLUE] = STR_INIT("blue"));

struct leaf {
    struct id id;
    str name;
    opt_str note;
};
SHAPE(fuzz_leaf_shape, struct leaf, FIELD(struct leaf, id, .nullable = true, .omit = true),
      FIELD(struct leaf, name, .required = true, .min = 1, .max = 9), FIELD(struct leaf, note));

struct tree {
    int32_t n;
    uint64_t u;
    double d;
    bool b;
    str s;
    instant t;
    enum colour c;
    json_raw r;
    opt_i64 on;
    opt_time ot;
    opt_enum oc;
    struct leaf o;
    struct leaf *p;
    LIST_OF(str) ls;
    LIST_OF(struct leaf) lo;
    MAP_OF(str) ms;
    MAP_OF(struct leaf) mo;
};
SHAPE(fuzz_tree_shape, struct tree, FIELD(struct tree, n, .min = -9, .max = 9),
      FIELD(struct tree, u), FIELD(struct tree, d), FIELD(struct tree, b),
      FIELD(struct tree, s, .max = 20), FIELD_TIME(struct tree, t),
      FIELD_ENUM(struct tree, c, fuzz_colours, .nullable = true), FIELD(struct tree, r),
      FIELD(struct tree, on), FIELD(struct tree, ot),
      FIELD_ENUM(struct tree, oc, fuzz_colours, .omit = true),
      FIELD_SHAPE(struct tree, o, fuzz_leaf_shape, .omit = true),
      FIELD_SHAPE_PTR(struct tree, p, fuzz_leaf_shape),
      FIELD_LIST(struct tree, ls, .format = FORMAT_LANGUAGE),
      FIELD_SHAPES(struct tree, lo, fuzz_leaf_shape, .max = 3),
      FIELD_MAP(struct tree, ms, .keys = FORMAT_LANGUAGE),
      FIELD_SHAPE_MAP(struct tree, mo, fuzz_leaf_shape));

static struct tree read_back(struct arena *arena, str text)
{
    struct tree tree;
    ASSERT(shape_parse_json(arena, &fuzz_tree_shape, text, &tree) == OK);
    return tree;
}

static void check_stable(struct arena *arena, struct tree *tree)
{
    struct buf once, twice;
    buf_init(&once, arena, MIB(1));
    buf_init(&twice, arena, MIB(1));
    if (!tree->o.name.ptr || !tree->o.name.len)
        tree->o.name = STR("x"); /* a required field of an object that was not given */
    shape_write_json(&once, &fuzz_tree_shape, tree);
    if (once.overflowed)
        return;
    struct tree again = read_back(arena, buf_str(&once));
    shape_write_json(&twice, &fuzz_tree_shape, &again);
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct arena arena;
    struct tree tree, untouched;
    arena_init(&arena, MIB(8));
    memset(&tree, 0x5a, sizeof(tree));
    memcpy(&untouched, &tree, sizeof(tree));
    if (shape_parse_json(&arena, &fuzz_tree_shape, (str){ (const char *)data, size_bytes },
                         &tree) == OK)
        check_stable(&arena, &tree);
    else
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): untouched to the last byte */
        ASSERT(memcmp(&tree, &untouched, sizeof(tree)) == 0);
    arena_deinit(&arena);
    return 0;
}
