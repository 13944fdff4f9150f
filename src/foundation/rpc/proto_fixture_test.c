/* proto_fixture: the tables of the sample, and its values. */
#include "proto_fixture.h"

SHAPE_ENUM(sample_colours, [SAMPLE_RED] = STR_INIT("red"), [SAMPLE_GREEN] = STR_INIT("green"));
SHAPE(sample_child_shape, struct sample_child, FIELD(struct sample_child, name, .proto = 1),
      FIELD(struct sample_child, grown, .proto = 2));
SHAPE(sample_shape, struct sample,
      FIELD(struct sample, number, .proto = 1, .min = -5, .max = 1000000000),
      FIELD(struct sample, text, .proto = 2), FIELD(struct sample, maybe, .proto = 3),
      FIELD_SHAPES(struct sample, children, sample_child_shape, .proto = 4),
      FIELD_SHAPE_PTR(struct sample, self, sample_shape, .proto = 5),
      FIELD_LIST(struct sample, numbers, .proto = 6), FIELD(struct sample, ratio, .proto = 7),
      FIELD_ENUM(struct sample, colour, sample_colours, .proto = 8),
      FIELD_MAP(struct sample, names, .proto = 9),
      FIELD_SHAPE_PTR(struct sample, child, sample_child_shape, .proto = 10),
      FIELD(struct sample, id, .proto = 11), FIELD_TIME(struct sample, at, .proto = 12),
      FIELD(struct sample, small, .proto = 13), FIELD(struct sample, negative, .proto = 14),
      FIELD_LIST(struct sample, words, .proto = 15),
      FIELD_SHAPE_MAP(struct sample, homes, sample_child_shape, .proto = 16));

void sample_fill(struct arena *arena, struct sample *out)
{
    *out = (struct sample){ .number = 7,
                            .text = STR("текст"),
                            .maybe = OPT(i64, 0),
                            .ratio = -0.25,
                            .colour = SAMPLE_GREEN,
                            .id = ID(INT64_MAX),
                            .at = SECONDS(1700000000),
                            .small = UINT32_MAX,
                            .negative = -1 };
    out->children.count = 200;
    out->children.items = arena_zalloc(arena, 200, sizeof(*out->children.items));
    for (int i = 0; i < 200; i++)
        out->children.items[i].name = arena_printf(arena, "child %d", i);
    out->numbers.count = 100;
    out->numbers.items = arena_zalloc(arena, 100, sizeof(int64_t));
    for (int i = 0; i < 100; i++)
        out->numbers.items[i] = (i % 2 ? -1 : 1) * ((int64_t)1 << (i % 62));
    out->names.count = 2;
    out->names.items = arena_zalloc(arena, 2, sizeof(*out->names.items));
    out->names.items[0].key = STR("ru");
    out->names.items[0].value = STR("Имя");
    out->names.items[1].key = STR("en");
    out->homes.count = 1;
    out->homes.items = arena_zalloc(arena, 1, sizeof(*out->homes.items));
    out->homes.items[0].key = STR("there");
    out->homes.items[0].value.grown = true;
    out->words.count = 2;
    out->words.items = arena_zalloc(arena, 2, sizeof(str));
    out->words.items[1] = STR("second");
    out->child = arena_zalloc(arena, 1, sizeof(*out->child));
    out->self = arena_zalloc(arena, 1, sizeof(*out->self));
    out->self->number = 1;
}
